//! What members do by themselves for the chat: all of them know what is to be done; one of them does
//! it, the others step in when it does not (docs/protocol.md, rules 7, 9 and 12).

use veche_mls::{AdminSecret, Group, Role};
use veche_store::{LogRow, OutboxRow};
use veche_wire::content::{Body, Note};
use veche_wire::{AccountId, AdminKey, DeviceId, Kind, LogId};

use super::{build, enqueue};
use crate::wanted::{self, Change, Id, Wanted};
use crate::work::Work;
use crate::{ClientError, door};

/// How much later the next in line steps in, in milliseconds.
const TURN_MS: u64 = 2_000;
/// The longest that anybody waits for its turn, in milliseconds.
const TURN_MS_MAX: u64 = 30_000;

/// Somebody asked to be removed.
pub(crate) fn elect_leaver_removal(
    work: &mut Work<'_>,
    group: &Group,
    request: Vec<u8>,
    leaver: &DeviceId,
) -> Result<(), ClientError> {
    let turn = turn(work, group, Some(leaver), Line::All)?;
    put(work, &group.log(), Kind::Commit, Wanted::Change(Change::RemoveLeaver(request)), turn)
}

/// Somebody asked to be added again.
pub(crate) fn elect_readmission(
    work: &mut Work<'_>,
    group: &Group,
    request: Vec<u8>,
    device: &DeviceId,
) -> Result<(), ClientError> {
    let turn = turn(work, group, Some(device), Line::All)?;
    put(work, &group.log(), Kind::Commit, Wanted::Change(Change::Readmit(request)), turn)
}

/// Somebody does not take the place that this device has given them.
pub(crate) fn remove_who_declined(
    work: &mut Work<'_>,
    log: &LogId,
    who: &AccountId,
) -> Result<(), ClientError> {
    let change = Change::Remove(vec![Id(who.0)]);
    put(work, log, Kind::Commit, Wanted::Change(change), Some(0))
}

/// What is to be done within so many milliseconds is waited for.
pub(crate) const SOON_MS: u64 = 1_500;
/// How long those who ask at the door are collected before they are let in together, in milliseconds.
const COLLECT_MS: u64 = 1_000;

/// Somebody asks at the door and needs no decision.
pub(crate) fn elect_admission(work: &mut Work<'_>, group: &Group) -> Result<(), ClientError> {
    let turn = turn(work, group, None, Line::Admitting)?.map(|turn| turn + COLLECT_MS);
    put(work, &group.log(), Kind::Commit, Wanted::Change(Change::Admit), turn)
}

/// Whether those who ask at the door are to be let in already.
pub(crate) fn admits(work: &Work<'_>, log: &LogId) -> Result<bool, ClientError> {
    let body = wanted::encode(&Wanted::Change(Change::Admit));
    Ok(work.tx.outbox(log)?.iter().any(|out| out.body == body))
}

/// A group is guarded, or is no more: nobody else need do that, and what waited may be tried.
pub(crate) fn guard_changed(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for out in work.tx.outbox(log)?.into_iter().filter(|out| out.automatic) {
        if out.state != veche_store::OutboxState::Queued {
            continue;
        }
        if matches!(wanted::decode(&out.body)?, Wanted::Guard(_)) {
            work.tx.delete_outbox(out.position)?;
        } else if out.counter > 0 {
            work.tx.update_outbox(&OutboxRow { not_before: 0, ..out })?;
        }
    }
    Ok(())
}

/// Somebody was removed without a rotation.
pub(crate) fn elect_rotation(work: &mut Work<'_>, group: &Group) -> Result<(), ClientError> {
    let turn = turn(work, group, None, Line::Listed)?;
    put(work, &group.log(), Kind::Rotate, Wanted::Rotate, turn)
}

/// Somebody writes junk commits.
pub(crate) fn elect_guard(work: &mut Work<'_>, group: &Group) -> Result<(), ClientError> {
    let turn = turn(work, group, None, Line::Listed)?;
    put(work, &group.log(), Kind::Freeze, Wanted::Guard(true), turn)
}

/// An admin without a listed key has announced one.
pub(crate) fn elect_key_listing(
    work: &mut Work<'_>,
    group: &Group,
    key: &AdminKey,
    account: &AccountId,
) -> Result<(), ClientError> {
    let turn = turn(work, group, None, Line::Listed)?;
    let change = Change::ListKey { key: Id(key.0), account: Id(account.0) };
    put(work, &group.log(), Kind::Commit, Wanted::Change(change), turn)
}

/// This leaf needs new keys.
pub(crate) fn elect_update(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    put(work, log, Kind::Commit, Wanted::Change(Change::Update), Some(0))
}

/// The group's tree needs paths, and this leaf has none.
pub(crate) fn elect_warming(
    work: &mut Work<'_>,
    log: &LogId,
    turn: u64,
) -> Result<(), ClientError> {
    put(work, log, Kind::Commit, Wanted::Change(Change::Warm), Some(turn))
}

/// An admin whose device has no key for this log makes one and tells the others, once.
pub(crate) fn announce_admin_key(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &Group,
) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let is_admin = group.policy().role(&me) >= Role::Admin;
    if is_admin && row.admin_secret.is_none() {
        let secret = AdminSecret::generate(&mut work.core.random.clone());
        row.admin_secret = Some(secret.encode().to_vec());
        let note = Body::Note(Note::AdminKey(secret.public()));
        enqueue::enqueue_content(work, &row.log, note)?;
    } else if !is_admin {
        row.admin_secret = None;
    }
    Ok(())
}

/// Whose business something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Every member's.
    All,
    /// That of those whose admin keys are listed.
    Listed,
    /// That of those who let in who asks at the door.
    Admitting,
}

/// After how many milliseconds it is this device's turn; `None` where it is not its business. Those
/// who can also rotate come first, then by leaf.
fn turn(
    work: &Work<'_>,
    group: &Group,
    except: Option<&DeviceId>,
    who: Line,
) -> Result<Option<u64>, ClientError> {
    let me = work.identity()?.device();
    let policy = group.policy();
    let listed = |account: &AccountId| policy.admin_keys.values().any(|owner| owner == account);
    let may = |account: &AccountId| match who {
        Line::All => true,
        Line::Listed => listed(account),
        Line::Admitting => door::may_let_in(policy, account),
    };
    let mut line: Vec<(bool, u32, DeviceId)> = group
        .members()
        .iter()
        .map(|member| (member.leaf, &member.credential.certificate))
        .filter(|(_, certificate)| except != Some(&certificate.device) && may(&certificate.account))
        .map(|(leaf, certificate)| (!listed(&certificate.account), leaf, certificate.device))
        .collect();
    line.sort_unstable();
    let place = line.iter().position(|(_, _, device)| *device == me);
    Ok(place.map(|place| (place as u64).saturating_mul(TURN_MS).min(TURN_MS_MAX)))
}

fn put(
    work: &mut Work<'_>,
    log: &LogId,
    kind: Kind,
    wanted: Wanted,
    turn: Option<u64>,
) -> Result<(), ClientError> {
    let Some(turn) = turn else { return Ok(()) };
    let body = wanted::encode(&wanted);
    if work.tx.outbox(log)?.iter().any(|out| out.body == body) {
        return Ok(());
    }
    let not_before = if turn == 0 { 0 } else { work.now + turn };
    let row = enqueue::new_row(work, log, kind, &wanted);
    enqueue::put(work, &OutboxRow { automatic: true, not_before, ..row })
}

/// What somebody else has done meanwhile needs doing no more.
pub(crate) fn drop_done(work: &mut Work<'_>, group: &Group) -> Result<(), ClientError> {
    for out in work.tx.outbox(&group.log())? {
        if !out.automatic || out.state != veche_store::OutboxState::Queued {
            continue;
        }
        if let Wanted::Change(change) = wanted::decode(&out.body)?
            && matches!(build::plan(work, group, &change)?, build::Plan::Done)
        {
            work.tx.delete_outbox(out.position)?;
        }
    }
    Ok(())
}

/// A device has its place again: whatever this one would still have done for that is done.
pub(crate) fn drop_readmissions(
    work: &mut Work<'_>,
    log: &LogId,
    device: &DeviceId,
) -> Result<(), ClientError> {
    for mut out in work.tx.outbox(log)? {
        let Wanted::Change(Change::Readmit(request)) = wanted::decode(&out.body)? else { continue };
        let ours = match veche_mls::Control::decode(&request) {
            Ok(veche_mls::Control::Readmit(request)) => request.device == *device,
            _ => true,
        };
        if ours && out.state == veche_store::OutboxState::Queued {
            work.tx.delete_outbox(out.position)?;
        } else if ours {
            // On its way, and stale: when that comes back there is nothing left to do.
            out.body = wanted::encode(&Wanted::Change(Change::Remove(Vec::new())));
            work.tx.update_outbox(&out)?;
        }
    }
    Ok(())
}
