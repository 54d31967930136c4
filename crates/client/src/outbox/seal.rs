//! Station 3: one step of a log's outbox. What is sealed is saved with the ratchet in the same
//! transaction; only then it leaves.

use veche_mls::{Bound, LeaveRequest, Payload};
use veche_store::{Direction, LogRow, LogState, OutboxRow, OutboxState};
use veche_wire::{Commitment, Content, EntryId, Kind, LogId};

use super::commit::{StepDown, WAITS_MAX};
use super::{again, commit, create, depart, enqueue, settle, slow, submit};
use crate::wanted::{self, Wanted};
use crate::work::{Work, mutated};
use crate::{ClientError, answer, inbox};

/// How many messages of a log may be on their way unacknowledged.
const WINDOW: u32 = 32;
/// How many rows one look at the outbox takes in.
const LOOK: u32 = 128;

/// One step; answers whether there may be another.
pub(crate) fn step(work: &mut Work<'_>, log: &LogId) -> Result<bool, ClientError> {
    let Some(row) = work.tx.log(log)? else { return Ok(false) };
    if row.state == LogState::Active {
        inbox::readmit::step_ahead(work, &row)?;
    }
    match row.state {
        LogState::Creating => create::ask_create(work, &row)?,
        LogState::Active if answer::is_followed(work, log)? => {
            if row.flags.restored {
                return again::step(work, row);
            }
            if work.tx.missed()?.iter().any(|(missed, ..)| missed == log) {
                // Before anything else it is asked for what could not be read.
                return Ok(false);
            }
            if row.flags.update_due {
                super::elect_update(work, log)?;
            }
            return Ok(in_order(work, &row)? || automatic(work, &row)?);
        }
        LogState::Active => {}
        LogState::Stuck => inbox::readmit::step(work, &row)?,
        LogState::Left => super::fail_outbox(work, log, "you have left this chat")?,
        LogState::Removed => super::fail_outbox(work, log, "you were removed from this chat")?,
        LogState::Succeeded => {}
    }
    Ok(false)
}

/// What the person wants, first in, first out (docs/protocol.md, rule 3).
fn in_order(work: &mut Work<'_>, row: &LogRow) -> Result<bool, ClientError> {
    let mut previous: Option<EntryId> = None;
    let mut on_their_way = 0;
    let epoch = work.with_group(&row.log, veche_mls::Group::epoch)?;
    // Those on their way, and the one that is next.
    for mut out in work.tx.outbox_wanted(&row.log, WINDOW + 1)? {
        let alone = out.kind != Kind::Message as u8;
        match out.state {
            OutboxState::Acknowledged if alone => return Ok(false),
            OutboxState::Acknowledged => {}
            OutboxState::Preparing => return Ok(false),
            OutboxState::Awaiting => {
                return if submit::resolve(work, row, &mut out)? { Ok(true) } else { Ok(false) };
            }
            OutboxState::Sealed if !alone && out.epoch < epoch => {
                // What was sealed before the last commit and is not in the log before it never will
                // be; were it to wait for its refusal, what comes after it would be sealed first.
                submit::resolve(work, row, &mut out)?;
                return Ok(true);
            }
            OutboxState::Sealed => {
                let named = if mutated!(work.core, NoFifo) { None } else { previous };
                submit::submit(work, row, &out, named)?;
                previous = Some(out.id);
                on_their_way += 1;
                if alone {
                    return Ok(false);
                }
            }
            OutboxState::Queued => {
                // A copy of this home may have used the keys of this epoch already.
                let renews = row.flags.update_due && !alone && may_commit(work, row);
                let waits = out.not_before > work.now
                    || renews
                    || on_their_way >= WINDOW
                    || (alone && previous.is_some());
                if waits || uploads(work, &out)? {
                    return Ok(false);
                }
                return seal_next(work, row.clone(), out);
            }
        }
    }
    Ok(false)
}

/// Whether this device can make commits, as far as a guard is concerned: who cannot does not wait for
/// its new keys with what it says.
fn may_commit(work: &Work<'_>, row: &LogRow) -> bool {
    !settle::is_guarded((&work.core.session, work.now), row) || row.admin_secret.is_some()
}

/// Whether a message waits for its file to go up.
fn uploads(work: &Work<'_>, out: &OutboxRow) -> Result<bool, ClientError> {
    let Some(blob) = submit::needed_blob(out)? else { return Ok(false) };
    let row = work.tx.blob(&blob)?;
    Ok(row.is_some_and(|row| row.direction == Direction::Up))
}

/// What the program does by itself: one at a time, and only while nothing else changes the group.
fn automatic(work: &mut Work<'_>, row: &LogRow) -> Result<bool, ClientError> {
    let rows = work.tx.outbox_automatic(&row.log, LOOK)?;
    if rows.is_empty() {
        return Ok(false);
    }
    // A commit of this device after its request to be removed would give its leaf another key, and
    // the request would be for a leaf that is not there.
    let leaving =
        |out: &OutboxRow| out.kind == Kind::Control as u8 && out.state >= OutboxState::Sealed;
    let is_leaving = work.tx.outbox_wanted(&row.log, LOOK)?.iter().any(leaving);
    for mut out in rows {
        match out.state {
            OutboxState::Acknowledged | OutboxState::Preparing => {}
            OutboxState::Awaiting => {
                if submit::resolve(work, row, &mut out)? {
                    return Ok(true);
                }
            }
            OutboxState::Sealed => submit::submit(work, row, &out, None)?,
            OutboxState::Queued if out.not_before > work.now || is_leaving => {}
            OutboxState::Queued => {
                let pending = work.with_group(&row.log, veche_mls::Group::has_pending)?;
                if !(pending && out.kind == Kind::Commit as u8) {
                    return seal_next(work, row.clone(), out);
                }
            }
        }
    }
    Ok(false)
}

/// Seals what is next; answers whether something changed.
pub(super) fn seal_next(
    work: &mut Work<'_>,
    row: LogRow,
    mut out: OutboxRow,
) -> Result<bool, ClientError> {
    out.not_before = 0;
    match wanted::decode(&out.body)? {
        // Since it was asked for, somebody may have come in who was not to hear it.
        Wanted::Message(content) if !again::may_repeat(work, &row, &out, &content)? => {
            settle::drop_row(work, &out)?;
        }
        Wanted::Message(content) => seal_message(work, row, out, content)?,
        Wanted::Change(change) => return commit::seal(work, row, out, &change),
        Wanted::Leave => return seal_leave(work, &row, out),
        Wanted::Readmit(control) => seal_control(work, &row, out, &control)?,
        Wanted::Rotate => return commit::seal_rotation(work, &row, out),
        Wanted::Guard(on) => return commit::seal_guard(work, &row, (out, on)),
    }
    Ok(true)
}

fn seal_message(
    work: &mut Work<'_>,
    mut row: LogRow,
    mut out: OutboxRow,
    content: Vec<u8>,
) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let body = Content::decode(&content)?.body;
    // The rules may have changed since it was said.
    let may = work.with_group(&row.log, |group| enqueue::may_say(group.policy(), &me, &body))?;
    if !may && !mutated!(work.core, Dishonest) {
        return settle::fail_row(work, &out, enqueue::MAY_NOT_POST);
    }
    let policy = work.with_group(&row.log, |group| group.policy().clone())?;
    if slow::is_too_soon(work, (&row, &policy), &out.id)? && !mutated!(work.core, Dishonest) {
        return settle::fail_row(work, &out, slow::TOO_SOON);
    }
    let payload = Payload::new(&mut work.core.random.clone(), content);
    let commitment = payload.commitment();
    let bound = Bound {
        commitment: Some(commitment),
        counter: row.counter,
        seq: row.cursor,
        hash: row.hash,
        given_up: work.tx.given_up(&row.log)?,
        ..Bound::new(row.log, out.id, Kind::Message)
    };
    let mut group = work.take_group(&row.log)?;
    let identity = work.identity()?;
    let mls = group.seal(&work.core.engine, work.keep, identity, &bound, &payload.encode())?;
    let key = group.entry_key(&work.core.engine)?;
    let random = &mut work.core.random.clone();
    let sealed = key.seal(random, &row.log, &out.id, Kind::Message, &mls);
    out.epoch = group.epoch();
    work.put_group(row.log, group);
    out.counter = row.counter;
    out.commitment = Some(commitment.0);
    row.counter += 1;
    work.tx.put_log(&row)?;
    finish(work, &row, out, sealed)
}

/// Marks a row as sealed with these bytes, under the fence as this device sees it.
pub(super) fn finish(
    work: &mut Work<'_>,
    row: &LogRow,
    mut out: OutboxRow,
    sealed: Vec<u8>,
) -> Result<(), ClientError> {
    use sha2::Digest;
    out.hash = Some(sha2::Sha256::digest(&sealed).into());
    out.sealed = Some(sealed);
    out.after_commit = row.last_commit;
    out.state = OutboxState::Sealed;
    work.tx.update_outbox(&out)?;
    Ok(())
}

fn seal_leave(work: &mut Work<'_>, row: &LogRow, mut out: OutboxRow) -> Result<bool, ClientError> {
    match commit::step_down_first(work, row)? {
        StepDown::Off => {}
        StepDown::OnItsWay => {
            out.not_before = work.now + 2_000;
            work.tx.update_outbox(&out)?;
            return Ok(false);
        }
        StepDown::NoOtherKey if out.counter < WAITS_MAX => {
            // A request has no counter of its own; here it counts how often it has waited.
            out.counter += 1;
            out.not_before = work.now + 2_000;
            work.tx.update_outbox(&out)?;
            return Ok(false);
        }
        StepDown::NoOtherKey => {
            let words = "no other owner or admin has come to the chat yet, so nobody could look \
                         after it: wait for one, or make somebody who is there an owner";
            settle::fail_row(work, &out, words)?;
            return Ok(true);
        }
        StepDown::LastOwner => {
            let words = "you are the only owner: make somebody else an owner first";
            settle::fail_row(work, &out, words)?;
            return Ok(true);
        }
    }
    let group = work.take_group(&row.log)?;
    let pending = group.has_pending();
    let request: Option<LeaveRequest> =
        group.leave_request(work.identity()?, &work.tx.own_leaf_keys(&row.log)?);
    out.draft = Some(depart::members_to_ask(&group, &work.identity()?.account()));
    work.put_group(row.log, group);
    if pending {
        out.not_before = work.now + 500;
        work.tx.update_outbox(&out)?;
        return Ok(false);
    }
    let Some(request) = request else {
        settle::fail_row(work, &out, "this device is not in the chat any more")?;
        return Ok(true);
    };
    let control = veche_mls::Control::Leave(request).encode();
    seal_control(work, row, out, &control)?;
    Ok(true)
}

fn seal_control(
    work: &mut Work<'_>,
    row: &LogRow,
    mut out: OutboxRow,
    control: &[u8],
) -> Result<(), ClientError> {
    // It stays with its generation: under a token of the next one nobody could open it.
    out.epoch = row.generation;
    let Some(secret) = super::generation_secret(work, row)? else {
        return Err(ClientError::Bug("the generation's secret is missing".into()));
    };
    let key = secret.control_key(&row.log, row.generation);
    let sealed = key.seal(&mut work.core.random.clone(), &row.log, &out.id, control);
    finish(work, row, out, sealed)
}

/// This device has a new place in the group: what was sealed for the old one is sealed again. Ids
/// stay, so that what the server has already is not said twice.
pub(crate) fn seal_anew(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for mut out in work.tx.outbox(log)? {
        if out.state == OutboxState::Preparing {
            continue;
        }
        out.state = OutboxState::Queued;
        out.sealed = None;
        out.hash = None;
        out.rider = None;
        out.draft = None;
        if out.kind != Kind::Message as u8 {
            out.id = EntryId::random(&mut work.core.random.clone());
        }
        work.tx.update_outbox(&out)?;
    }
    work.core.session.dirty.insert(*log);
    Ok(())
}

/// From how many given up counters on this device begins a new epoch, in which they do not matter
/// any more: a message names at most 1,000.
const GIVEN_UP_MANY: u64 = 100;

/// A sealed message will never be in the log.
pub(super) fn give_up(work: &mut Work<'_>, log: &LogId, counter: u32) -> Result<(), ClientError> {
    if work.tx.give_up(log, counter)? >= GIVEN_UP_MANY
        && let Some(mut row) = work.tx.log(log)?
    {
        row.flags.update_due = true;
        work.tx.put_log(&row)?;
    }
    Ok(())
}

/// A new epoch: counters begin again, and all senders have new keys.
pub(crate) fn new_epoch(work: &Work<'_>, row: &mut LogRow) -> Result<(), ClientError> {
    row.counter = 0;
    row.flags.update_due = false;
    Ok(work.tx.clear_counters(&row.log)?)
}

/// The commitment of a row.
pub(super) fn commitment(out: &OutboxRow) -> Option<Commitment> {
    out.commitment.map(Commitment)
}
