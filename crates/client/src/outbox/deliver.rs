//! Envelopes for other people's inboxes: invitations go out when the commit that adds has come back,
//! and are kept until whoever they invite is heard (docs/protocol.md, rule 14).

use veche_mls::{Envelope, Group};
use veche_store::{BlobRow, DeliveryRow, Direction, LogRow, OutboxRow};
use veche_wire::{
    BlobId, DeviceId, DeviceRecord, Entry, EntryId, InboxPass, LogId, Permit, Refused, Request,
};

use super::settle;
use crate::api::{ARRIVAL_MS, IntentId};
use crate::session::Key;
use crate::wanted::{self, Change, Ending, Joiners, Wanted};
use crate::work::Work;
use crate::{ClientError, Event, answer, people};

/// Our commit came back and was merged: its joiners get their Welcomes, the tree goes up as a blob
/// (docs/protocol.md, rule 14). The intent settles when all are delivered.
pub(crate) fn invite_joiners(
    work: &mut Work<'_>,
    row: &LogRow,
    group: &Group,
    (entry, out): (&Entry, &OutboxRow),
) -> Result<(), ClientError> {
    let Some(draft) = &out.draft else { return settle::drop_row(work, out) };
    let Joiners { tree, joiners } = wanted::decode(draft)?;
    let random = &mut work.core.random.clone();
    let (key, sealed) = veche_mls::seal_tree(random, &tree);
    let blob = BlobId::random(random);
    let total = sealed.len() as u64;
    for (part, bytes) in sealed.chunks(crate::blobs::PART_BYTES).enumerate() {
        work.tx.put_blob_part(&blob, part as u64, bytes)?;
    }
    work.tx.put_blob(&BlobRow { blob, direction: Direction::Up, total, have: 0, intent: None })?;
    let tree = veche_mls::BlobRef {
        blob,
        key,
        size: total,
        sha256: <sha2::Sha256 as sha2::Digest>::digest(&sealed).into(),
    };
    let change = wanted::decode(&out.body)?;
    let adds = matches!(change, Wanted::Change(Change::Add(_) | Change::Admit | Change::LetIn(_)));
    let mut unreached = None;
    let mut reached = false;
    for joiner in joiners {
        let record = DeviceRecord::decode(&joiner.record)?;
        let certificate = &record.certificate;
        let invitation = invitation(work, row, group, (entry, tree.clone(), joiner.welcome))?;
        let invitation = Box::new(invitation);
        // Whoever is added later comes into a chat like any other.
        let envelope = match group.policy().predecessor {
            Some(predecessor) if !adds => Envelope::Successor { predecessor, invitation },
            _ => Envelope::Invitation(invitation),
        };
        let sealed =
            veche_mls::seal_envelope(&work.core.engine, work.identity()?, &record, &envelope);
        let Ok(bytes) = sealed else {
            // Their inbox key is no key: they are in, and can be reached by nobody.
            let name = people::name(work, &certificate.account)?;
            let words = format!("{name} cannot be invited: their inbox key is broken");
            work.tell(Event::Notice(words.clone()));
            unreached = Some(words);
            continue;
        };
        reached = true;
        let known = work.tx.account(&certificate.account)?;
        work.tx.put_delivery(&DeliveryRow {
            id: EntryId::random(random),
            device: certificate.device,
            log: Some(row.log),
            invite: known.and_then(|known| known.invite),
            needs: Some(blob),
            bytes,
            intent: out.intent,
        })?;
    }
    note_chat(work, out.intent, &row.chat)?;
    work.tx.delete_outbox(out.position)?;
    work.core.session.dirty.insert(out.log);
    match (unreached, out.intent) {
        (Some(words), intent) if !reached => {
            // Nobody will ever fetch it, and there is no delivery to wait for.
            work.tx.delete_blob(&blob)?;
            intent.map_or(Ok(()), |intent| settle::fail_intent(work, intent, &words))
        }
        _ => Ok(()),
    }
}

fn invitation(
    work: &Work<'_>,
    row: &LogRow,
    group: &Group,
    (entry, tree, welcome): (&Entry, veche_mls::BlobRef, Vec<u8>),
) -> Result<veche_mls::Invitation, ClientError> {
    let generation_secret = super::generation_secret(work, row)?
        .ok_or_else(|| ClientError::Bug("the generation's secret is missing".into()))?;
    let policy = group.policy();
    Ok(veche_mls::Invitation {
        log: row.log,
        suite: group.suite().unwrap_or(veche_mls::Suite::Classic),
        kind: policy.kind,
        title: policy.title.clone(),
        welcome,
        tree,
        commit: entry.id,
        commit_seq: entry.seq,
        transcript: row.hash,
        generation: row.generation,
        generation_secret,
        display_name: people::my_display_name(work)?,
    })
}

/// Puts an envelope on its way.
pub(crate) fn send_envelope(
    work: &mut Work<'_>,
    to: &DeviceRecord,
    envelope: &Envelope,
) -> Result<(), ClientError> {
    let sealed = veche_mls::seal_envelope(&work.core.engine, work.identity()?, to, envelope);
    // A key that nothing can be sealed to belongs to nobody who could answer.
    let Ok(bytes) = sealed else { return Ok(()) };
    let known = work.tx.account(&to.certificate.account)?;
    Ok(work.tx.put_delivery(&DeliveryRow {
        id: EntryId::random(&mut work.core.random.clone()),
        device: to.certificate.device,
        log: None,
        invite: known.and_then(|known| known.invite),
        needs: None,
        bytes,
        intent: None,
    })?)
}

/// Envelopes go into other people's inboxes.
pub(crate) fn deliver(work: &mut Work<'_>) -> Result<(), ClientError> {
    if !std::mem::replace(&mut work.core.session.delivered_again, true) {
        deliver_again(work)?;
    }
    for row in work.tx.deliveries()? {
        // The tree goes up first.
        let waits = match &row.needs {
            None => false,
            Some(blob) => work.tx.blob(blob)?.is_some_and(|blob| blob.direction == Direction::Up),
        };
        if !waits {
            ask(work, row);
        }
    }
    Ok(())
}

fn ask(work: &mut Work<'_>, row: DeliveryRow) {
    let pass = row.invite.map_or(InboxPass::Permit(Permit::Open), InboxPass::Invite);
    work.ask(Key::Deliver(row.id), |_| {
        Request::Deliver(veche_wire::Delivery {
            device: row.device,
            id: row.id,
            pass,
            needs: row.needs,
            bytes: row.bytes,
        })
    });
}

/// How many invitations are delivered once more on a connection.
const DELIVERED_AGAIN_MAX: usize = 32;

/// Once on each connection, invitations of whose joiners nothing was seen yet: a server restored from
/// an older copy has lost them, and a device knows by the id what it has had. Whoever has not come
/// after [`ARRIVAL_MS`] is for people to add again.
fn deliver_again(work: &mut Work<'_>) -> Result<(), ClientError> {
    for row in work.tx.deliveries_before(work.now.saturating_sub(ARRIVAL_MS))? {
        drop_delivery(work, &row)?;
    }
    for row in work.tx.deliveries_done(DELIVERED_AGAIN_MAX)? {
        ask(work, row);
    }
    Ok(())
}

/// A device was heard in a log, or is out of it: its invitation is done with.
pub(crate) fn arrived(work: &Work<'_>, log: &LogId, device: &DeviceId) -> Result<(), ClientError> {
    if work.tx.await_no_more(log, device)? {
        for row in work.tx.deliveries_to(log, device)? {
            drop_delivery(work, &row)?;
        }
    }
    Ok(())
}

/// This device is in a log no more: whom it invited there is not its business.
pub(crate) fn invites_no_more(work: &Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for (device, _) in work.tx.awaited(log)? {
        arrived(work, log, &device)?;
    }
    Ok(())
}

/// An envelope is in the inbox.
pub(crate) fn delivered(work: &mut Work<'_>, id: &EntryId) -> Result<(), ClientError> {
    let is_new = work.tx.is_on_its_way(id)?;
    // What was delivered before stays as it is, with its time.
    let Some(row) = work.tx.delivery(id)?.filter(|_| is_new) else { return Ok(()) };
    let is_awaited = match &row.log {
        None => false,
        Some(log) => work.tx.awaited(log)?.iter().any(|(device, _)| *device == row.device),
    };
    let left = if is_awaited {
        work.tx.delivery_done(&row, work.now)?
    } else {
        drop_delivery(work, &row)?
    };
    match row.intent {
        Some(intent) if left == 0 => {
            let chat = intent_chat(work, intent)?;
            settle::settle_intent(work, intent, &chat)
        }
        _ => Ok(()),
    }
}

/// Drops a delivery, and its tree with the last one that needs it; answers how many of the same
/// intent are left.
fn drop_delivery(work: &Work<'_>, row: &DeliveryRow) -> Result<u64, ClientError> {
    let left = work.tx.delete_delivery(&row.id, row.intent)?;
    if let Some(tree) = &row.needs
        && !work.tx.is_blob_needed(tree)?
    {
        work.tx.delete_blob(tree)?;
    }
    Ok(left)
}

/// An envelope cannot be delivered.
pub(crate) fn not_delivered(
    work: &mut Work<'_>,
    id: &EntryId,
    refused: &Refused,
) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.delivery(id)? else { return Ok(()) };
    match refused {
        // The secret of the link was changed: as a stranger, then.
        Refused::Forbidden if row.invite.is_some() => {
            row.invite = None;
            work.tx.put_delivery(&row)?;
            Ok(())
        }
        Refused::MissingBlob => {
            // Where it was delivered before, it is on its way again.
            work.tx.put_delivery(&row)?;
            if let Some(blob) = &row.needs {
                settle::send_blob_again(work, blob)?;
            }
            work.core.session.put_off(Key::Deliver(*id), work.now + 1_000);
            Ok(())
        }
        other => {
            let words = format!("an invitation could not be delivered: {}", answer::words(other));
            if work.tx.is_on_its_way(id)? {
                work.tell(Event::Notice(words.clone()));
            }
            drop_delivery(work, &row)?;
            match row.intent {
                Some(intent) => settle::fail_intent(work, intent, &words),
                None => Ok(()),
            }
        }
    }
}

/// The chat that an intent is about, kept as its provisional outcome.
fn intent_chat(work: &Work<'_>, intent: IntentId) -> Result<Ending, ClientError> {
    let outcome = work.tx.intent(intent)?.and_then(|row| row.outcome);
    match outcome {
        Some(bytes) => wanted::decode(&bytes),
        None => Ok(Ending::Done),
    }
}

/// Keeps which chat an intent is about, for when its deliveries are done.
fn note_chat(work: &Work<'_>, intent: Option<IntentId>, chat: &LogId) -> Result<(), ClientError> {
    if let Some(mut row) = intent.map(|intent| work.tx.intent(intent)).transpose()?.flatten() {
        row.outcome = Some(wanted::encode(&Ending::Chat(chat.0)));
        work.tx.update_intent(&row)?;
    }
    Ok(())
}
