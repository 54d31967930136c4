//! A server that was restored from an older copy: where its log and this device agree is found, and
//! what this device has processed since then loses its place until the log brings it again
//! (docs/protocol.md, "When the server was restored from an older copy").

use veche_mls::Transcript;
use veche_store::{EntryRow, InvitationState, LogRow, LogState, LostRow, OutboxState};
use veche_wire::{AccountId, Entry, EntryId, Kind, LogId, Request, Seq};

use super::{Taken, readmit, unread};
use crate::session::Key;
use crate::work::Work;
use crate::{ClientError, Event, outbox};

/// How long a log that does not have what this device came in with may take to get it again, in
/// milliseconds.
const PATIENCE_MS: u64 = 60_000;
/// How often such a log is looked at, in milliseconds.
const LOOK_AGAIN_MS: u64 = 10_000;

/// How long whoever made a chat that the server does not have at all may take to bring it back, in
/// milliseconds.
const LOST_MS: u64 = 10 * 60_000;

/// Until where this device has missed something is known when it has its place again.
const UNKNOWN: Seq = Seq::MAX >> 1;

/// What is known of the place from where on a log and this device differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fork {
    /// The last place that is known to be the same.
    same: Option<Seq>,
    /// The first place that is known to differ.
    differs: Seq,
    /// Whether a place between them was looked at.
    looked: bool,
}

/// The log ends before this device's cursor, or has another entry there.
pub(crate) fn beyond(work: &mut Work<'_>, row: &LogRow, head: Seq) -> Result<(), ClientError> {
    // The beginning is always the same; it counts where all since then is kept.
    let first = work.tx.entry_at(&row.log, 1)?;
    let same = first.is_some_and(|first| !first.frame.is_empty()).then_some(0);
    let differs = row.cursor.min(head + 1);
    work.core.session.forks.insert(row.log, Fork { same, differs, looked: false });
    Ok(())
}

/// The log has another entry at a place than this device, and the same ones before it, as far as they
/// are kept here.
pub(super) fn differs_at(
    work: &mut Work<'_>,
    log: &LogId,
    differs: Seq,
) -> Result<(), ClientError> {
    let first = work.tx.entry_at(log, 1)?;
    let same = match work.tx.entry_at(log, differs - 1)? {
        Some(_) => Some(differs - 1),
        None => first.is_some_and(|first| !first.frame.is_empty()).then_some(0),
    };
    work.core.session.unfollow(log);
    match (same, work.tx.log(log)?) {
        // The log goes on where this device has read to, so waiting would bring nothing else.
        (None, Some(mut row)) => give_up_places(work, &mut row, "its place in the chat has moved"),
        _ => {
            work.core.session.forks.insert(*log, Fork { same, differs, looked: true });
            Ok(())
        }
    }
}

/// One step of looking for the fork: asks about a place between the two that are known, or goes back
/// to the last that is the same.
pub(crate) fn look(work: &mut Work<'_>, mut row: LogRow, fork: Fork) -> Result<(), ClientError> {
    let first = work.tx.first_entry(&row.log)?.unwrap_or(row.cursor);
    let below = fork.same.unwrap_or(first.saturating_sub(1));
    if fork.differs <= below + 1 {
        work.core.session.forks.remove(&row.log);
        return match fork.same {
            Some(same) => roll_back(work, row, same),
            None => missing(work, &mut row, "the server lost more than this device has kept"),
        };
    }
    // A log that is only shorter agrees where it ends.
    let between = below + (fork.differs - below) / 2;
    let at = if fork.looked { between } else { fork.differs - 1 };
    let Some(kept) = work.tx.entry_at(&row.log, at)? else {
        work.core.session.forks.remove(&row.log);
        return missing(work, &mut row, "the server lost more than this device has kept");
    };
    let Some(token) = outbox::read_token(work, &row)? else { return Ok(()) };
    let log = row.log;
    work.ask(Key::Fork(log, at), |_| Request::Read {
        log,
        token,
        after: at,
        after_id: Some(kept.id),
        limit: 0,
    });
    Ok(())
}

/// Whether the log has the same entry at a place.
pub(crate) fn looked(work: &mut Work<'_>, log: &LogId, at: Seq, is_same: bool) {
    if let Some(fork) = work.core.session.forks.get_mut(log) {
        fork.looked = true;
        if is_same {
            fork.same = Some(at.max(fork.same.unwrap_or(0)));
        } else {
            fork.differs = at.min(fork.differs);
        }
    }
}

/// A place cannot be asked about: the log is followed anew.
pub(crate) fn not_looked(work: &mut Work<'_>, log: &LogId) {
    work.core.session.forks.remove(log);
    work.core.session.put_off(Key::Subscribe(*log), work.now + 1_000);
}

/// The cursor goes back to `fork`; what comes after it is lost, until the log brings it again. The
/// group stays where it is.
fn roll_back(work: &mut Work<'_>, mut row: LogRow, fork: Seq) -> Result<(), ClientError> {
    let hash = match fork {
        0 => Some(Transcript::START),
        fork => work.tx.transcript_hash(&row.log, fork)?,
    };
    let kept = work.tx.entries_after(&row.log, fork)?;
    let (Some(hash), true) = (hash, kept.first().is_some_and(|entry| entry.seq == fork + 1)) else {
        return missing(work, &mut row, "the server lost more than this device has kept");
    };
    outbox::tell_of_restoration(work);
    if let Some(generation) = work.tx.generation_at(&row.log, fork)? {
        row.generation = generation.number;
    }
    lose(work, &row, (fork, hash), &kept)?;
    row.cursor = fork;
    row.hash = hash;
    // A commit may be earlier, but none is later.
    row.last_commit = row.last_commit.min(fork);
    row.flags.restored = true;
    work.tx.put_log(&row)?;
    work.core.session.probes.remove(&row.log);
    work.core.session.again.clear();
    work.tell(Event::Chat(row.chat));
    Ok(())
}

/// The entries after a place become lost ones.
fn lose(
    work: &mut Work<'_>,
    row: &LogRow,
    (after, hash): (Seq, [u8; 32]),
    kept: &[EntryRow],
) -> Result<(), ClientError> {
    let epoch = log_epoch(work, &row.log)?;
    let mut lost = lost_rows(kept, hash, (row.generation, epoch))?;
    let slot = work.tx.lose_places(&row.log, after, kept.len() as u64)?;
    for (number, lost) in lost.iter_mut().enumerate() {
        lost.slot = slot + number as u64;
        work.tx.put_lost_entry(&row.log, lost)?;
        outbox::send_file_again(work, lost.wanted.as_deref())?;
    }
    work.tx.put_restoration(&row.log, after, row.cursor)?;
    work.tx.drop_entries_after(&row.log, after)?;
    outbox::resolve_all(work, &row.log)
}

/// The kept entries as lost ones, given the hash before them, and the generation before and the epoch
/// after them.
fn lost_rows(
    kept: &[EntryRow],
    mut hash: [u8; 32],
    (mut generation, epoch): (u64, u64),
) -> Result<Vec<LostRow>, ClientError> {
    let mut lost = Vec::new();
    for row in kept {
        let entry = Entry::decode(&row.frame)?;
        let skipped = Transcript::next(&hash, &entry, 0) != row.hash;
        hash = row.hash;
        lost.push(LostRow {
            slot: 0,
            id: row.id,
            epoch: if entry.kind == Kind::Control { generation } else { 0 },
            applied: entry.kind == Kind::Commit && !skipped,
            skipped,
            frame: row.frame.clone(),
            wanted: row.wanted.clone(),
        });
        if let Some(rotation) = entry.rider.as_ref().and_then(|rider| rider.rotation)
            && !skipped
        {
            generation = rotation.generation;
        }
    }
    let mut epoch = epoch;
    for (row, kept) in lost.iter_mut().zip(kept).rev() {
        if row.applied {
            epoch = epoch.saturating_sub(1);
        }
        if Entry::decode(&kept.frame)?.kind != Kind::Control {
            row.epoch = epoch;
        }
    }
    Ok(lost)
}

/// The epoch that the log has reached at the cursor: the group is ahead of it by the commits that the
/// log has lost.
pub(crate) fn log_epoch(work: &mut Work<'_>, log: &LogId) -> Result<u64, ClientError> {
    let epoch = work.with_group(log, veche_mls::Group::epoch)?;
    Ok(epoch.saturating_sub(work.tx.lost_commits(log)?))
}

/// What became of an entry before, and what this device wanted with it where it is its own.
pub(super) type Known = (Taken, Option<Vec<u8>>);

/// What became of an entry, where it was processed before the restoration: then it only takes its
/// place again. `None` where it is to be processed now.
pub(super) fn known(
    work: &mut Work<'_>,
    row: &mut LogRow,
    entry: &Entry,
) -> Result<Option<Known>, ClientError> {
    if !row.flags.restored {
        return Ok(None);
    }
    let Some(lost) = work.tx.lost_entry(&row.log, &entry.id)? else {
        return unknown(work, row, entry);
    };
    let before = Entry::decode(&lost.frame)?;
    if (Entry { seq: entry.seq, ..before }) != *entry {
        // Somebody has put another entry in its place: it can never be there again.
        outbox::give_up_lost(work, row, &lost)?;
        return unknown(work, row, entry);
    }
    work.tx.find_place(&row.log, lost.slot, entry.seq)?;
    if let Some(rotation) = entry.rider.as_ref().and_then(|rider| rider.rotation)
        && !lost.skipped
    {
        row.generation = rotation.generation;
        if let Some(mut generation) = work.tx.generation(&row.log, rotation.generation)? {
            generation.begins = entry.seq;
            work.tx.put_generation(&row.log, &generation)?;
        }
    }
    work.tell(Event::Chat(row.chat));
    let taken = if lost.skipped { Taken::Skipped } else { Taken::Yes };
    Ok(Some((taken, lost.wanted)))
}

/// An entry that was not processed before. While the log lacks commits that this device has applied,
/// the group is ahead of it: what others have written meanwhile cannot be opened any more, and what
/// they have changed excludes what this device knows.
fn unknown(
    work: &mut Work<'_>,
    row: &mut LogRow,
    entry: &Entry,
) -> Result<Option<Known>, ClientError> {
    if work.tx.lost_commits(&row.log)? == 0 || work.tx.outbox_entry(&entry.id)?.is_some() {
        return Ok(None);
    }
    match entry.kind {
        Kind::Message => {
            unread::keep(work, row, entry)?;
            Ok(Some((Taken::Yes, None)))
        }
        Kind::Commit | Kind::Rotate => {
            let words = "the chat was changed otherwise while the server was restored";
            readmit::stuck(work, row, words)?;
            Ok(Some((Taken::Stop, None)))
        }
        Kind::Control | Kind::Admins | Kind::Freeze => Ok(None),
    }
}

/// Whether a place of the log held another entry before a restoration, so that orders that differ
/// there are no proof against the server.
pub(super) fn is_forgiven(work: &Work<'_>, log: &LogId, seq: Seq) -> Result<bool, ClientError> {
    Ok(work.tx.was_restored_at(log, seq)?)
}

/// A message that this device has already is in the log once more, because its author has said it
/// again: where it has lost its place, this is its place.
pub(super) fn said_again(
    work: &mut Work<'_>,
    row: &LogRow,
    seq: Seq,
    (author, message): (&AccountId, &EntryId),
) -> Result<(), ClientError> {
    if let Some(mut message) = work.tx.message(&row.chat, message)?
        && message.account == *author
        && !veche_store::has_place(message.position)
    {
        message.position = veche_store::position(seq, 0);
        message.log = row.log;
        message.rank = row.rank;
        work.tx.update_message(&message)?;
        work.tell(Event::Message { chat: row.chat, message: message.id });
    }
    Ok(())
}

/// This device has lost its place in the log: what is lost there is not known from here on.
pub(crate) fn abandon(work: &mut Work<'_>, row: &mut LogRow) -> Result<(), ClientError> {
    if row.flags.restored {
        for lost in work.tx.lost_entries(&row.log)? {
            outbox::give_up_lost(work, row, &lost)?;
        }
        row.flags.restored = false;
    }
    work.core.session.forks.remove(&row.log);
    Ok(())
}

/// This device is in the log no more. What it said there and the server has lost cannot be said again.
pub(super) fn forget(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    let words = "the server has lost it, and you are not in this chat any more";
    for lost in work.tx.lost_entries(&row.log)? {
        outbox::fail_lost(work, row, (&lost, words))?;
    }
    Ok(work.tx.forget_restoration(&row.log)?)
}

/// The log does not have what this device came in with, or its rights. Another member may bring it
/// back soon; else this device asks to be added again.
fn missing(work: &mut Work<'_>, row: &mut LogRow, words: &str) -> Result<(), ClientError> {
    let since = *work.core.session.missing.entry(row.log).or_insert(work.now);
    let held = |invitation: &veche_store::InvitationRow| {
        invitation.log == row.log && invitation.state == InvitationState::Held
    };
    if since == work.now {
        work.tell(Event::Notice(format!("A chat cannot be followed: {words}.")));
    }
    if work.now < since + PATIENCE_MS && !work.tx.invitations()?.iter().any(held) {
        work.core.session.put_off(Key::Subscribe(row.log), work.now + LOOK_AGAIN_MS);
        return Ok(());
    }
    give_up_places(work, row, words)
}

/// This device has nothing in common with the log any more, and asks to be added again.
fn give_up_places(work: &mut Work<'_>, row: &mut LogRow, words: &str) -> Result<(), ClientError> {
    work.core.session.missing.remove(&row.log);
    // None of its places counts; not even that of the entry with which this device came in.
    if let Some(first) = work.tx.first_entry(&row.log)? {
        // What it has not read since about there it asks for when it has its place again.
        work.tx.put_missed(&row.log, first, UNKNOWN)?;
        let mut kept = work.tx.entries_after(&row.log, 0)?;
        kept.retain(|entry| !entry.frame.is_empty());
        let after = kept.first().map_or(first, |entry| entry.seq - 1);
        let hash = work.tx.transcript_hash(&row.log, after)?.unwrap_or(row.hash);
        lose(work, row, (after, hash), &kept)?;
        work.tx.drop_entries_after(&row.log, 0)?;
        row.flags.restored = true;
    }
    row.cursor = 0;
    row.hash = Transcript::START;
    readmit::stuck(work, row, words)?;
    Ok(work.tx.put_log(row)?)
}

/// The server does not have the log at all.
pub(crate) fn log_lost(work: &mut Work<'_>, mut row: LogRow) -> Result<(), ClientError> {
    if row.creation.is_some() {
        // Its creator makes it again; then it is too short, and filled again.
        row.state = LogState::Creating;
        work.tx.put_log(&row)?;
        work.core.session.dirty.insert(row.log);
        return Ok(());
    }
    let since = *work.core.session.missing.entry(row.log).or_insert(work.now);
    if since == work.now {
        work.tell(Event::Notice(
            "The server does not have a chat any more; whoever made it can bring it back.".into(),
        ));
    }
    if work.now >= since + LOST_MS {
        work.core.session.missing.remove(&row.log);
        readmit::stuck(work, &mut row, "the server has lost it")?;
        return Ok(work.tx.put_log(&row)?);
    }
    work.core.session.put_off(Key::Subscribe(row.log), work.now + LOOK_AGAIN_MS);
    Ok(())
}

/// The server does not know the token: it has forgotten the generation. An older one tells where its
/// log ends.
pub(crate) fn token_unknown(work: &mut Work<'_>, mut row: LogRow) -> Result<(), ClientError> {
    let tried = work.core.session.probes.remove(&row.log).unwrap_or(row.generation);
    match work.tx.generation_below(&row.log, tried)? {
        Some(older) => {
            work.core.session.probes.insert(row.log, older.number);
            Ok(())
        }
        None => missing(work, &mut row, "the server does not let this device read it"),
    }
}

/// The outbox states in which the server may have a row.
pub(crate) fn may_be_there(state: OutboxState) -> bool {
    matches!(state, OutboxState::Sealed | OutboxState::Awaiting | OutboxState::Acknowledged)
}
