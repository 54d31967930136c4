//! Rotations, admin lists, freezes and guards that come alone (docs/protocol.md, rules 5, 11 and 12).

use veche_mls::{Group, RiderPlace, verify_rider};
use veche_store::{GenerationRow, LogRow, OutboxRow};
use veche_wire::{Entry, Rotation, Seq};

use super::{Taken, line};
use crate::work::Work;
use crate::{ClientError, Event, outbox};

/// Takes an entry that changes rights. The server has checked its signature against the list of
/// admin keys; members check it against the list in the group.
pub(super) fn take(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &Group,
    (entry, own): (&Entry, Option<OutboxRow>),
) -> Result<Taken, ClientError> {
    if let Some(out) = own {
        outbox::own_control(work, &out)?;
    }
    let Some(rider) = &entry.rider else { return Ok(Taken::Yes) };
    let place = RiderPlace { log: row.log, id: entry.id, kind: entry.kind, bytes: &entry.bytes };
    let listed = group.policy().admin_keys.get(&rider.signer).copied();
    let Some(admin) = listed.filter(|_| verify_rider(rider, &place)) else {
        work.tell(Event::Notice("the server changed rights of a chat without an admin".into()));
        return Ok(Taken::Yes);
    };
    if let Some(rotation) = &rider.rotation {
        begin_generation(work, row, group, (entry.seq, rotation))?;
    }
    if let Some(frozen) = rider.freeze {
        let words = if frozen { "the chat was frozen" } else { "the chat was thawed" };
        let about = line::Line { by: admin, about: Some(admin), words };
        line::line(work, row, (&entry.id, entry.seq), &about)?;
    }
    // Also where nothing changes here: who came while it was guarded did not know.
    if let Some(guarded) = rider.guard {
        work.core.session.guarded.remove(&row.log);
        outbox::guard_changed(work, &row.log)?;
        row.flags.guarded = guarded;
        let words = if guarded {
            "the group is guarded now: only its admins change it"
        } else {
            "the group is guarded no more"
        };
        let about = line::Line { by: admin, about: Some(admin), words };
        line::line(work, row, (&entry.id, entry.seq), &about)?;
    }
    Ok(Taken::Yes)
}

/// A membership generation begins with the entry `seq`: its secret is kept, its tokens are compared
/// (docs/protocol.md, rule 11).
pub(super) fn begin_generation(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &Group,
    (seq, rotation): (Seq, &Rotation),
) -> Result<(), ClientError> {
    let number = rotation.generation;
    let secret = group.generation_secret(&work.core.engine, number)?;
    if secret.token_hashes(&row.log, number) != rotation.tokens {
        work.tell(Event::Notice("an admin has set tokens that no member can derive".into()));
    }
    row.generation = number;
    row.flags.rotation_due = false;
    let generation = GenerationRow { number, begins: seq, secret: *secret.as_bytes() };
    Ok(work.tx.put_generation(&row.log, &generation)?)
}
