//! Station 8, the way in: entries of a log become rows, with the ratchet and the cursor, in one
//! transaction per batch. A known entry is a no-op; what cannot be read is counted or shown, never
//! passed over in silence.

mod commit;
mod control;
mod junk;
mod line;
mod message;
pub(crate) mod order;
pub(crate) mod readmit;
pub(crate) mod restored;
mod rights;
pub(crate) mod unread;

use control::is_new;
pub(crate) use control::{asked_to_leave, left, signal};
#[cfg(feature = "mutants")]
pub(crate) use line::id_of;
pub(crate) use line::{Line, line};
pub(crate) use message::apply_durable;

use sha2::Digest;
use veche_mls::{Group, Transcript};
use veche_store::{EntryRow, LogRow, LogState};
use veche_wire::{Entry, Kind, LogId, Request, Seq};

use crate::session::Key;
use crate::work::Work;
use crate::{ClientError, answer, outbox};

/// How many of the latest entries of a log are kept as they came.
pub(crate) const ENTRIES_KEPT: u64 = 1_000;

/// How many entries are asked for at a time, where a log is read outside of its subscription.
pub(crate) const PAGE_ENTRIES: u32 = 512;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// It counts.
    Yes,
    /// A commit that every member skips.
    Skipped,
    /// This device cannot go on from here.
    Stop,
}

/// Takes a batch of entries.
pub(crate) fn accept(
    work: &mut Work<'_>,
    log: &LogId,
    entries: &[Entry],
) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.log(log)? else { return Ok(()) };
    if row.state != LogState::Active {
        return Ok(());
    }
    let arrived_before = row.flags.peer_arrived;
    let mut group = work.take_group(log)?;
    for entry in entries {
        if entry.seq <= row.cursor {
            continue;
        }
        if entry.seq != row.cursor + 1 {
            gap(work, &row)?;
            break;
        }
        let (taken, wanted) = take(work, &mut row, &mut group, entry)?;
        if taken == Taken::Stop {
            break;
        }
        advance(work, &mut row, entry, (taken, wanted))?;
        if row.state != LogState::Active {
            break;
        }
    }
    work.tx.doubt_outbox(log, row.cursor)?;
    work.tx.trim_entries(log, row.cursor.saturating_sub(ENTRIES_KEPT))?;
    work.tx.put_log(&row)?;
    if let Some(subscription) = work.core.session.subscriptions.get_mut(log) {
        subscription.fresh = false;
        subscription.head = subscription.head.max(row.cursor);
    }
    work.core.session.dirty.insert(*log);
    if row.state == LogState::Left || row.state == LogState::Removed {
        end(work, &row, group)?;
    } else {
        work.put_group(*log, group);
    }
    if row.flags.peer_arrived
        && !arrived_before
        && let Some(peer) = work.tx.chat(&row.chat)?.and_then(|chat| chat.peer)
    {
        crate::join::settle_direct(work, &peer)?;
    }
    answer::tell_when_live(work)
}

/// This device is not a member any more: it keeps the history and no keys.
fn end(work: &mut Work<'_>, row: &LogRow, group: Group) -> Result<(), ClientError> {
    group.forget(work.keep)?;
    forget(work, row)?;
    crate::succession::end_predecessors(work, row)
}

/// As [`end`], where this device may never have been inside.
pub(crate) fn end_anyhow(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    match work.find_group(&row.log)? {
        Some(group) => end(work, row, group),
        None => forget(work, row),
    }
}

/// What is kept for members alone goes.
fn forget(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    work.tx.forget_generations(&row.log)?;
    outbox::invites_no_more(work, &row.log)?;
    crate::door::forget(work, &row.log)?;
    work.tx.clear_marks(&row.log)?;
    work.tx.forget_members(&row.log)?;
    work.tx.forget_own_leaf_keys(&row.log)?;
    work.tx.delete_readmission(&row.log)?;
    restored::forget(work, row)?;
    work.tx.put_missed(&row.log, 0, 0)?;
    work.core.session.subscriptions.remove(&row.log);
    crate::invitation::place_lost(work, &row.log)
}

/// Entries are missing: the log is followed anew from the cursor. Where they were missing at the
/// beginning of a subscription already, the log itself is asked: only an answer can tell entries that
/// are gone from entries that are late.
fn gap(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    let subscription = work.core.session.subscriptions.remove(&row.log);
    if subscription.is_none() && work.core.session.is_asking(&Key::Subscribe(row.log)) {
        // It came before the answer. What is left out now, nothing else would tell of.
        work.core.session.ended.insert(row.log);
    }
    if subscription.is_some_and(|subscription| subscription.fresh) {
        let Some(token) = crate::outbox::read_token(work, row)? else { return Ok(()) };
        let (log, after) = (row.log, row.cursor);
        work.ask(Key::Gap(log), |_| Request::Read { log, token, after, after_id: None, limit: 1 });
    }
    Ok(())
}

/// Asks for entries of a log as it is now, outside of its subscription.
fn ask_page(work: &mut Work<'_>, row: &LogRow, key: Key, after: Seq) -> Result<(), ClientError> {
    let Some(token) = outbox::read_token(work, row)? else { return Ok(()) };
    let log = row.log;
    work.ask(key, |_| Request::Read { log, token, after, after_id: None, limit: PAGE_ENTRIES });
    Ok(())
}

/// What the log has after the cursor. Where that is not the next entry, it does not have that any
/// more, and this device asks to be added again.
pub(crate) fn gap_told(
    work: &mut Work<'_>,
    log: &LogId,
    (entries, head): (&[Entry], u64),
) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.log(log)? else { return Ok(()) };
    if row.state != LogState::Active {
        return Ok(());
    }
    let next = entries.first().map_or(head + 1, |entry| entry.seq);
    if next > row.cursor + 1 {
        let words = format!("the server has kept nothing between entry {} and {next}", row.cursor);
        readmit::stuck(work, &mut row, &words)?;
        work.tx.put_log(&row)?;
    }
    Ok(())
}

/// Takes one entry, whose place is right after the cursor.
fn take(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &mut Group,
    entry: &Entry,
) -> Result<restored::Known, ClientError> {
    if let Some(known) = restored::known(work, row, entry)? {
        return Ok(known);
    }
    let own = own_row(work, row, entry)?;
    let wanted = own.as_ref().map(|own| own.body.clone());
    let taken = match entry.kind {
        Kind::Message => message::take(work, row, group, (entry, own)),
        Kind::Commit => commit::take(work, row, group, (entry, own)),
        Kind::Control => control::take(work, row, group, (entry, own)),
        Kind::Rotate | Kind::Admins | Kind::Freeze => rights::take(work, row, group, (entry, own)),
    }?;
    Ok((taken, wanted))
}

/// Own entries are known by id and hash in the outbox, never by a claimed leaf (docs/protocol.md,
/// rule 4).
fn own_row(
    work: &Work<'_>,
    row: &LogRow,
    entry: &Entry,
) -> Result<Option<veche_store::OutboxRow>, ClientError> {
    let Some(out) = work.tx.outbox_entry(&entry.id)? else { return Ok(None) };
    let hash: [u8; 32] = sha2::Sha256::digest(&entry.bytes).into();
    Ok((out.log == row.log && out.hash == Some(hash)).then_some(out))
}

/// The cursor moves over an entry.
fn advance(
    work: &mut Work<'_>,
    row: &mut LogRow,
    entry: &Entry,
    (taken, wanted): restored::Known,
) -> Result<(), ClientError> {
    row.hash = Transcript::next(&row.hash, entry, u8::from(taken == Taken::Skipped));
    row.cursor = entry.seq;
    if entry.kind == Kind::Commit {
        row.last_commit = entry.seq;
    }
    let frame = entry.encode();
    let kept = EntryRow { seq: entry.seq, id: entry.id, hash: row.hash, frame, wanted };
    work.tx.put_entry(&row.log, &kept)?;
    Ok(())
}

/// The rule broken: the cursor is durable before the rows that it stands for.
#[cfg(feature = "mutants")]
pub(crate) fn move_cursor_first(
    work: &mut Work<'_>,
    log: &LogId,
    entries: &[Entry],
) -> Result<(), ClientError> {
    if let (Some(mut row), Some(last)) = (work.tx.log(log)?, entries.last())
        && row.state == LogState::Active
        && entries.first().is_some_and(|entry| entry.seq == row.cursor + 1)
    {
        work.tx.set_meta_number(&format!("cursor before {log}"), row.cursor)?;
        row.cursor = last.seq;
        work.tx.put_log(&row)?;
    }
    Ok(())
}

/// The rule broken, second half: the rows, if there still is a second half.
#[cfg(feature = "mutants")]
pub(crate) fn accept_late(
    work: &mut Work<'_>,
    log: &LogId,
    entries: &[Entry],
) -> Result<(), ClientError> {
    let name = format!("cursor before {log}");
    if let (Some(mut row), Some(before)) = (work.tx.log(log)?, work.tx.meta_number(&name)?)
        && entries.first().is_some_and(|entry| entry.seq == before + 1)
    {
        row.cursor = before;
        work.tx.put_log(&row)?;
    }
    accept(work, log, entries)
}
