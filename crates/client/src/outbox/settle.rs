//! How what was submitted comes out: durable, stale, refused, or brought back by the log.

use veche_store::{Direction, IntentState, LogRow, OutboxRow, OutboxState, RowState, position};
use veche_wire::{BlobId, Entry, EntryId, Kind, LogId, Millis, Refused, Seq};

use super::seal;
use crate::api::IntentId;
use crate::session::{Key, Session};
use crate::wanted::{self, Ending, Intent, Wanted};
use crate::work::Work;
use crate::{ClientError, Event, answer, inbox};

/// The server has it, durably.
pub(crate) fn acknowledged(
    work: &mut Work<'_>,
    log: &LogId,
    entry: &EntryId,
    seq: Seq,
) -> Result<(), ClientError> {
    work.core.session.dirty.insert(*log);
    if inbox::readmit::answered(work, log, entry, None)? {
        return Ok(());
    }
    if super::again::answered(work, log, entry, None)?
        || super::depart::answered(work, log, entry, Ok(seq))?
    {
        return Ok(());
    }
    let Some(mut out) = work.tx.outbox_entry(entry)? else { return Ok(()) };
    if out.state != OutboxState::Sealed {
        return Ok(());
    }
    out.state = OutboxState::Acknowledged;
    out.wait_until = seq;
    work.tx.update_outbox(&out)?;
    match wanted::decode(&out.body)? {
        Wanted::Message(_) => {
            if seq <= out.after_commit {
                // It was there before it was sealed: what was sealed now is not in the log.
                seal::give_up(work, log, out.counter)?;
            }
            sent(work, &out, seq)?;
            inbox::apply_durable(work, &out)?;
            match work.tx.log(log)? {
                // It was there before this device came (again): the log will not bring it.
                Some(row) if seq <= row.cursor => place(work, &row, (seq, &out)),
                _ => settle_row(work, &out),
            }
        }
        Wanted::Leave => match work.tx.log(log)? {
            // What was said before still belongs to this person: the log brings it, then the request.
            Some(row) if row.cursor + 1 < seq => Ok(()),
            _ => inbox::left(work, log, &out),
        },
        Wanted::Change(_) | Wanted::Readmit(_) | Wanted::Rotate | Wanted::Guard(_) => Ok(()),
    }
}

/// A message of ours is durable. It takes its place at once: whoever leaves now does not read on.
fn sent(work: &mut Work<'_>, out: &OutboxRow, seq: Seq) -> Result<(), ClientError> {
    let Some(log) = work.tx.log(&out.log)? else { return Ok(()) };
    let id = message_id(out)?;
    if let Some(mut message) = work.tx.message(&log.chat, &id)?
        && message.state == RowState::Pending
    {
        message.state = RowState::Sent;
        message.log = log.log;
        message.rank = log.rank;
        message.position = position(seq, 0);
        work.tx.update_message(&message)?;
        work.core.session.sent += 1;
        work.tell(Event::Message { chat: log.chat, message: id });
    }
    Ok(())
}

/// The id inside: that of the entry, but for a message that had to be said again.
fn message_id(out: &OutboxRow) -> Result<EntryId, ClientError> {
    match wanted::decode(&out.body)? {
        Wanted::Message(content) => Ok(veche_wire::Content::decode(&content)?.id),
        _ => Ok(out.id),
    }
}

/// A message of ours that waits to be sealed is in the log, before where this device came in again.
pub(super) fn found(
    work: &mut Work<'_>,
    row: &LogRow,
    (seq, out): (Seq, &OutboxRow),
) -> Result<(), ClientError> {
    sent(work, out, seq)?;
    inbox::apply_durable(work, out)?;
    place(work, row, (seq, out))
}

/// The log has brought a message of ours: it takes its place.
pub(crate) fn own_message(
    work: &mut Work<'_>,
    row: &LogRow,
    entry: &Entry,
    out: &OutboxRow,
) -> Result<(), ClientError> {
    sent(work, out, entry.seq)?;
    place(work, row, (entry.seq, out))
}

fn place(
    work: &mut Work<'_>,
    row: &LogRow,
    (seq, out): (Seq, &OutboxRow),
) -> Result<(), ClientError> {
    let id = message_id(out)?;
    if let Some(mut message) = work.tx.message(&row.chat, &id)?
        && (id == out.id || !veche_store::has_place(message.position))
    {
        message.log = row.log;
        message.rank = row.rank;
        message.position = position(seq, 0);
        work.tx.update_message(&message)?;
        work.tell(Event::Message { chat: row.chat, message: id });
    }
    drop_row(work, out)
}

/// The log has brought a request of ours.
pub(crate) fn own_control(work: &mut Work<'_>, out: &OutboxRow) -> Result<(), ClientError> {
    if wanted::decode::<Wanted>(&out.body)? == Wanted::Leave {
        return inbox::left(work, &out.log, out);
    }
    drop_row(work, out)
}

/// Every member skips our commit: it is given up, visibly.
pub(crate) fn own_commit_skipped(
    work: &mut Work<'_>,
    out: &OutboxRow,
    words: &str,
) -> Result<(), ClientError> {
    fail_row(work, out, words)
}

/// The server did not append it.
pub(crate) fn refused(
    work: &mut Work<'_>,
    log: &LogId,
    entry: &EntryId,
    refused: &Refused,
) -> Result<(), ClientError> {
    work.core.session.dirty.insert(*log);
    if inbox::readmit::answered(work, log, entry, Some(refused))? {
        return Ok(());
    }
    if super::again::answered(work, log, entry, Some(refused))?
        || super::depart::answered(work, log, entry, Err(refused))?
    {
        return Ok(());
    }
    let Some(mut out) = work.tx.outbox_entry(entry)? else { return Ok(()) };
    if out.state != OutboxState::Sealed {
        return Ok(());
    }
    let key = Key::Append(*log, *entry);
    match refused {
        Refused::Stale { last_commit } => {
            out.state = OutboxState::Awaiting;
            out.wait_until = *last_commit;
            work.tx.update_outbox(&out)?;
            // A retired token is stale until its rotation is read.
            work.core.session.put_off(key, work.now + 100);
            Ok(())
        }
        Refused::OutOfOrder => {
            work.core.session.put_off(key, work.now + 100);
            Ok(())
        }
        Refused::Guarded => guarded(work, &out),
        // The server does not know our generation or the log: it was restored. Ask it where it is.
        Refused::MissingBlob => {
            work.core.session.put_off(key, work.now + 1_000);
            match super::submit::needed_blob(&out)? {
                Some(blob) if send_blob_again(work, &blob)? => Ok(()),
                _ => fail_row(work, &out, "the server has lost its file"),
            }
        }
        Refused::Forbidden | Refused::NotFound => {
            work.core.session.subscriptions.remove(log);
            work.core.session.put_off(key, work.now + 1_000);
            if out.automatic && out.kind != Kind::Message as u8 {
                // A rotation that somebody else made first, say: look again whether it is due.
                return drop_automatic(work, &out);
            }
            Ok(())
        }
        other => fail_row(work, &out, &answer::words(other)),
    }
}

/// For how long the server is believed that a log is guarded, which no admin has said here, in
/// milliseconds.
const GUARDED_MS: u64 = 5 * 60_000;

/// Whether only admins may change a group, as far as this device knows.
pub(crate) fn is_guarded((session, now): (&Session, Millis), row: &LogRow) -> bool {
    row.flags.guarded || session.guarded.get(&row.log).is_some_and(|until| *until > now)
}

/// The log is guarded, and nobody knew here: the commit is made again, with an admin's signature if
/// this device can, else it waits or fails.
fn guarded(work: &mut Work<'_>, out: &OutboxRow) -> Result<(), ClientError> {
    work.core.session.guarded.insert(out.log, work.now + GUARDED_MS);
    let mut group = work.take_group(&out.log)?;
    group.clear_pending(work.keep)?;
    work.put_group(out.log, group);
    Ok(work.tx.update_outbox(&unsealed(work, out))?)
}

/// A commit of ours as it was before it was made: another entry, with another id.
fn unsealed(work: &Work<'_>, out: &OutboxRow) -> OutboxRow {
    OutboxRow {
        id: EntryId::random(&mut work.core.random.clone()),
        state: OutboxState::Queued,
        sealed: None,
        hash: None,
        rider: None,
        draft: None,
        ..out.clone()
    }
}

fn drop_automatic(work: &mut Work<'_>, out: &OutboxRow) -> Result<(), ClientError> {
    if out.kind == Kind::Commit as u8 {
        let mut group = work.take_group(&out.log)?;
        group.clear_pending(work.keep)?;
        work.put_group(out.log, group);
        work.tx.delete_outbox(out.position)?;
        // What it was for is still wanted.
        let again = OutboxRow { not_before: work.now + 2_000, ..unsealed(work, out) };
        work.tx.insert_outbox(&again)?;
        return Ok(());
    }
    work.tx.delete_outbox(out.position)?;
    Ok(())
}

/// A row is refused for good: it fails with the reason, and the next takes over its place.
pub(super) fn fail_row(
    work: &mut Work<'_>,
    out: &OutboxRow,
    words: &str,
) -> Result<(), ClientError> {
    let Some(log) = work.tx.log(&out.log)? else { return Ok(()) };
    if out.kind == Kind::Message as u8 {
        if out.state != OutboxState::Queued {
            seal::give_up(work, &out.log, out.counter)?;
        }
        fail_message(work, &log.chat, (out, words))?;
    }
    if out.kind == Kind::Commit as u8 && out.state != OutboxState::Queued {
        let mut group = work.take_group(&out.log)?;
        group.clear_pending(work.keep)?;
        work.put_group(out.log, group);
    }
    work.tx.delete_outbox(out.position)?;
    work.core.session.dirty.insert(out.log);
    match out.intent {
        Some(intent) => fail_intent(work, intent, words),
        None => Ok(()),
    }
}

/// What a row was to say is shown as failed; not where it was said before, and was to be said again.
fn fail_message(
    work: &mut Work<'_>,
    chat: &LogId,
    (out, words): (&OutboxRow, &str),
) -> Result<(), ClientError> {
    let id = message_id(out)?;
    if let Some(mut message) = work.tx.message(chat, &id)?
        && message.state == RowState::Pending
    {
        message.state = RowState::Failed;
        message.reason = Some(words.to_owned());
        work.tx.update_message(&message)?;
        work.tell(Event::Message { chat: *chat, message: id });
    }
    Ok(())
}

/// Everything that waits for a log fails.
pub(crate) fn fail_outbox(
    work: &mut Work<'_>,
    log: &LogId,
    words: &str,
) -> Result<(), ClientError> {
    for out in work.tx.outbox(log)? {
        if let Some(row) = work.tx.log(log)? {
            fail_message(work, &row.chat, (&out, words))?;
        }
        work.tx.delete_outbox(out.position)?;
        if let Some(intent) = out.intent {
            fail_intent(work, intent, words)?;
        }
    }
    Ok(())
}

/// A row is done with.
pub(super) fn drop_row(work: &mut Work<'_>, out: &OutboxRow) -> Result<(), ClientError> {
    work.tx.delete_outbox(out.position)?;
    work.core.session.dirty.insert(out.log);
    settle_row(work, out)
}

fn settle_row(work: &mut Work<'_>, out: &OutboxRow) -> Result<(), ClientError> {
    let Some(intent) = out.intent else { return Ok(()) };
    let chat = work.tx.log(&out.log)?.map_or(out.log, |row| row.chat);
    settle_intent(work, intent, &Ending::Chat(chat.0))
}

/// An intent is carried out by an outbox row from now on.
pub(crate) fn hand_over_intent(work: &Work<'_>, intent: IntentId) -> Result<(), ClientError> {
    if let Some(mut row) = work.tx.intent(intent)? {
        row.body = wanted::encode(&Intent::Outbox);
        work.tx.update_intent(&row)?;
    }
    Ok(())
}

/// An intent is carried out.
pub(crate) fn settle_intent(
    work: &mut Work<'_>,
    intent: IntentId,
    ending: &Ending,
) -> Result<(), ClientError> {
    let row = work.tx.intent(intent)?;
    if let Some(mut row) = row.filter(|row| row.state == IntentState::Waiting) {
        row.state = IntentState::Done;
        row.outcome = Some(wanted::encode(ending));
        work.tx.update_intent(&row)?;
        work.tell(Event::Settled(intent));
    }
    Ok(())
}

/// An intent cannot be carried out.
pub(crate) fn fail_intent(
    work: &mut Work<'_>,
    intent: IntentId,
    words: &str,
) -> Result<(), ClientError> {
    let row = work.tx.intent(intent)?;
    if let Some(mut row) = row.filter(|row| row.state == IntentState::Waiting) {
        row.state = IntentState::Failed;
        row.reason = Some(words.to_owned());
        work.tx.update_intent(&row)?;
        work.tell(Event::Settled(intent));
    }
    Ok(())
}

/// The server does not have a blob any more: it goes up again, if it is here.
pub(super) fn send_blob_again(work: &Work<'_>, blob: &BlobId) -> Result<bool, ClientError> {
    let Some(mut row) = work.tx.blob(blob)? else { return Ok(false) };
    row.direction = Direction::Up;
    row.have = 0;
    work.tx.put_blob(&row)?;
    Ok(true)
}

/// A blob will never be on the server: what needs it fails with the reason.
pub(crate) fn fail_blob(
    work: &mut Work<'_>,
    blob: &BlobId,
    words: &str,
) -> Result<(), ClientError> {
    for log in work.tx.outbox_logs()? {
        for out in work.tx.outbox(&log)? {
            if super::submit::needed_blob(&out)?.as_ref() == Some(blob) {
                fail_row(work, &out, words)?;
            }
        }
    }
    for row in work.tx.deliveries()? {
        if row.needs.as_ref() == Some(blob) {
            work.tx.delete_delivery(&row.id, row.intent)?;
            if let Some(intent) = row.intent {
                fail_intent(work, intent, words)?;
            }
        }
    }
    Ok(work.tx.delete_blob(blob)?)
}
