//! Station 4: sealed bytes are submitted until they are durable, or stale.

use veche_store::{LogRow, OutboxRow, OutboxState};
use veche_wire::content::Body;
use veche_wire::{Append, BlobId, Content, EntryId, Kind, Request, Rider};

use super::seal;
use crate::session::Key;
use crate::wanted::{self, Wanted};
use crate::work::Work;
use crate::{ClientError, warm};

/// Asks the server to append a sealed row. A retry sends the same bytes.
pub(super) fn submit(
    work: &mut Work<'_>,
    row: &LogRow,
    out: &OutboxRow,
    prev: Option<EntryId>,
) -> Result<(), ClientError> {
    let key = Key::Append(row.log, out.id);
    if !work.core.session.may_ask(&key, work.now) {
        // On its way, as all in the window are that come before the one to be sealed.
        return Ok(());
    }
    let Some(kind) = Kind::from_number(out.kind) else { return Ok(()) };
    // A retired token makes the server say so, and then the request is made anew.
    let generation = if kind == Kind::Control { out.epoch } else { row.generation };
    let Some(secret) = super::secret_of(work, row, generation)? else { return Ok(()) };
    let token = secret.write_token(&row.log, generation);
    let rider = out.rider.as_deref().map(Rider::decode).transpose()?;
    let needs = needed_blob(out)?;
    work.ask(key, |_| {
        let bytes = out.sealed.clone().unwrap_or_default();
        let (after_commit, commitment) = (out.after_commit, seal::commitment(out));
        let bare = Append::bare((out.log, token), out.id, kind, bytes);
        Request::Append(Append { after_commit, prev, needs, commitment, rider, ..bare })
    });
    Ok(())
}

/// The blob without which a message makes no sense.
pub(super) fn needed_blob(out: &OutboxRow) -> Result<Option<BlobId>, ClientError> {
    let Wanted::Message(content) = wanted::decode(&out.body)? else { return Ok(None) };
    Ok(match Content::decode(&content)?.body {
        Body::File { file, .. } => Some(file.blob),
        _ => None,
    })
}

/// Whether the generation that a commit was to begin has begun without it.
fn is_overtaken(row: &LogRow, out: &OutboxRow) -> Result<bool, ClientError> {
    let rider = out.rider.as_deref().map(Rider::decode).transpose()?;
    let rotation = rider.and_then(|rider| rider.rotation);
    Ok(rotation.is_some_and(|rotation| rotation.generation <= row.generation))
}

/// A stale row, once the log is read far enough (docs/protocol.md, rule 2): its own entry, had it
/// been in the log, would have taken it away. The same bytes go again after a skipped commit; after
/// one that was applied it is sealed again, a commit as a new intent with a new id.
pub(super) fn resolve(
    work: &mut Work<'_>,
    row: &LogRow,
    out: &mut OutboxRow,
) -> Result<bool, ClientError> {
    if row.cursor < out.wait_until {
        return Ok(false);
    }
    let epoch = work.with_group(&row.log, veche_mls::Group::epoch)?;
    out.after_commit = row.last_commit;
    out.wait_until = 0;
    let bound_to_epoch =
        matches!(wanted::decode(&out.body)?, Wanted::Message(_) | Wanted::Change(_));
    // Only what this row itself has pending is given up: a rotation has nothing pending.
    let overtaken = out.kind == Kind::Commit as u8 && is_overtaken(row, out)?;
    if overtaken && epoch == out.epoch {
        let mut group = work.take_group(&row.log)?;
        group.clear_pending(work.keep)?;
        work.put_group(row.log, group);
    }
    if bound_to_epoch && (epoch != out.epoch || overtaken) {
        out.state = OutboxState::Queued;
        out.sealed = None;
        out.hash = None;
        out.rider = None;
        out.draft = None;
        if out.kind == Kind::Commit as u8 {
            out.id = EntryId::random(&mut work.core.random.clone());
            warm::overtaken(work, out)?;
        }
    } else if bound_to_epoch {
        out.state = OutboxState::Sealed;
    } else {
        // Requests and rotations are made for the generation and cursor of their time.
        out.state = OutboxState::Queued;
        out.id = EntryId::random(&mut work.core.random.clone());
    }
    work.tx.update_outbox(out)?;
    Ok(true)
}
