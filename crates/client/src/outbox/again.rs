//! A server restored from an older copy gets the entries that it lost again: the same ids and bytes,
//! in the same order. Ids make it harmless that every member does so; `prev` keeps the order.

use veche_store::{LogRow, OutboxRow, OutboxState};
use veche_wire::{Entry, EntryId, Kind, LogId};

use super::{enqueue, submit};
use crate::ClientError;
use crate::wanted::Wanted;
use crate::work::Work;

/// Keeps an entry to be appended again, after those kept before it.
pub(crate) fn append_again(
    work: &mut Work<'_>,
    log: &LogId,
    entry: &Entry,
    after_commit: u64,
) -> Result<(), ClientError> {
    let mut row = enqueue::new_row(work, log, entry.kind, &Wanted::Again);
    row.id = entry.id;
    row.automatic = true;
    row.state = OutboxState::Sealed;
    row.sealed = Some(entry.bytes.clone());
    row.commitment = entry.commitment.map(|commitment| commitment.0);
    row.rider = entry.rider.as_ref().map(veche_wire::Rider::encode);
    row.after_commit = after_commit;
    work.tx.insert_outbox(&row)?;
    Ok(())
}

fn lost(work: &Work<'_>, log: &LogId) -> Result<Vec<OutboxRow>, ClientError> {
    let body = crate::wanted::encode(&Wanted::Again);
    let mut rows = work.tx.outbox(log)?;
    rows.retain(|row| row.body == body);
    Ok(rows)
}

/// One step: the first entry that is not there again goes next, alone, under the rights of its time.
pub(super) fn step(work: &mut Work<'_>, row: &LogRow) -> Result<bool, ClientError> {
    let rows = lost(work, &row.log)?;
    let Some(out) = rows.first() else {
        let mut row = row.clone();
        row.flags.restored = false;
        work.tx.put_log(&row)?;
        // From where the log was read to, everything is read again.
        work.core.session.subscriptions.remove(&row.log);
        return Ok(false);
    };
    submit::submit(work, row, out, None)?;
    Ok(false)
}

/// The very same entry is in the log again. What comes after a rotation needs its tokens.
pub(super) fn acknowledged(work: &mut Work<'_>, out: &OutboxRow) -> Result<(), ClientError> {
    if let Some(rider) = &out.rider
        && let Some(rotation) = veche_wire::Rider::decode(rider)?.rotation
        && let Some(mut row) = work.tx.log(&out.log)?
    {
        row.generation = rotation.generation;
        work.tx.put_log(&row)?;
    }
    Ok(work.tx.delete_outbox(out.position)?)
}

/// Somebody added a commit before this came back: it is of an epoch that the log will not have. What
/// this person said in it is said again.
pub(super) fn stale(work: &mut Work<'_>, out: OutboxRow) -> Result<(), ClientError> {
    work.tx.delete_outbox(out.position)?;
    let Some(row) = work.tx.log(&out.log)? else { return Ok(()) };
    say_again(work, &row, &out.id)
}

/// Puts what this person said in a lost entry into the outbox again: a new entry, the same message.
pub(crate) fn say_again(
    work: &mut Work<'_>,
    row: &LogRow,
    entry: &EntryId,
) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    if let Some(message) = work.tx.message(&row.chat, entry)?
        && message.account == me
        && let Some(content) = message.content
    {
        let out = enqueue::new_row(work, &row.log, Kind::Message, &Wanted::Message(content));
        enqueue::put(work, &out)?;
    }
    Ok(())
}

/// What was durable on the server before it was restored, and did not come back by the log yet, is
/// submitted once more.
pub(crate) fn submit_again(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for mut out in work.tx.outbox(log)? {
        if out.state == OutboxState::Acknowledged && out.sealed.is_some() {
            out.state = OutboxState::Sealed;
            work.tx.update_outbox(&out)?;
        }
    }
    Ok(())
}
