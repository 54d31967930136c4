//! Commits and rotations: an intent becomes a change of the group, with the change of rights that
//! belongs to it (docs/protocol.md, rules 2, 11 and 12).

use std::collections::BTreeMap;

use veche_mls::{AdminSecret, Bound, Draft, Group, MlsError, RiderPlace, RiderPlan, Role};
use veche_store::{LogRow, OutboxRow};
use veche_wire::{DeviceId, DeviceRecord, Kind, TokenHash, TokenHashes};

use super::build::{self, Plan};
use super::{enqueue, seal, settle};
use crate::wanted::{self, Change, JoinerRow, Joiners, Wanted};
use crate::work::Work;
#[cfg(feature = "mutants")]
use crate::work::mutated;
use crate::{ClientError, door, succession};

/// How long what a program would do by itself waits in a guarded group, in milliseconds.
const GUARD_WAIT_MS: u64 = 10 * 60_000;
/// How long a change that cannot be made yet waits, in milliseconds.
const WAIT_MS: u64 = 2_000;
/// How often what a person wants waits before it fails with the reason.
pub(super) const WAITS_MAX: u32 = 30;

/// Makes the commit of an intent; answers whether something changed.
pub(super) fn seal(
    work: &mut Work<'_>,
    row: LogRow,
    mut out: OutboxRow,
    change: &Change,
) -> Result<bool, ClientError> {
    let mut group = work.take_group(&row.log)?;
    let plan = build::plan(work, &group, change)?;
    let made = match plan {
        Plan::Make(plan) => make(work, &row, &mut out, (&mut group, &plan))?,
        Plan::Done => Made::Done,
        Plan::Refuse(words) => Made::Refuse(words),
    };
    if matches!((&made, change), (Made::Refuse(_), Change::Admit)) {
        door::narrow(work, &group)?;
        work.put_group(row.log, group);
        return Ok(true);
    }
    work.put_group(row.log, group);
    if matches!((&made, change), (Made::Wait | Made::Refuse(_), Change::RemoveLeaver(_)))
        && succession::is_without_owner(work, &row)?
    {
        return without_owner(work, &row, out);
    }
    match made {
        Made::Sealed(sealed) => {
            seal::finish(work, &row, out, sealed)?;
            Ok(true)
        }
        Made::Done => {
            settle::drop_row(work, &out)?;
            Ok(true)
        }
        Made::Refuse(words) => {
            settle::fail_row(work, &out, &words)?;
            Ok(true)
        }
        Made::Wait if out.counter >= WAITS_MAX && !out.automatic => {
            let words = "the group cannot be changed by this device now (no other admin has listed its \
                         admin key yet, or somebody's keys in the group are broken); try again later";
            settle::fail_row(work, &out, words)?;
            Ok(true)
        }
        Made::Wait => {
            // A commit has no counter of its own; here it counts how often this one has waited.
            out.counter += 1;
            // The end of a guard is heard of.
            let is_long = out.automatic && row.flags.guarded;
            out.not_before = work.now + if is_long { GUARD_WAIT_MS } else { WAIT_MS };
            work.tx.update_outbox(&out)?;
            Ok(false)
        }
    }
}

/// The only owner has left, and nobody may remove an owner: after a while the chat goes on without them.
fn without_owner(
    work: &mut Work<'_>,
    row: &LogRow,
    mut out: OutboxRow,
) -> Result<bool, ClientError> {
    if succession::goes_on_elsewhere(work, row)? {
        settle::drop_row(work, &out)?;
        return Ok(true);
    }
    out.counter += 1;
    out.not_before = work.now + WAIT_MS;
    work.tx.update_outbox(&out)?;
    if out.counter >= WAITS_MAX {
        succession::without_owner(work, row, out.counter - WAITS_MAX)?;
    }
    Ok(false)
}

enum Made {
    Sealed(Vec<u8>),
    Done,
    Refuse(String),
    Wait,
}

fn make(
    work: &mut Work<'_>,
    row: &LogRow,
    out: &mut OutboxRow,
    (group, plan): (&mut Group, &build::Making),
) -> Result<Made, ClientError> {
    let (engine, identity) = (&work.core.engine, work.identity()?);
    let needs = match group.needs(engine, identity, &plan.change) {
        Ok(needs) => needs,
        Err(MlsError::Keep(error)) => return Err(MlsError::Keep(error).into()),
        Err(error) => return Ok(Made::Refuse(error.to_string())),
    };
    let rotates = needs.rotation;
    let rights = RiderPlan {
        generation: rotates.then_some(row.generation + 1),
        admins: needs.admins,
        ..RiderPlan::default()
    };
    let secret = listed_secret(row, group)?;
    let signs = settle::is_guarded((&work.core.session, work.now), row) || !rights.is_empty();
    if signs && secret.is_none() {
        let is_admin = row.admin_secret.is_some();
        return Ok(match rights.is_empty() && !is_admin && !out.automatic {
            true => Made::Refuse(GUARDED.into()),
            // Another admin lists this device's key first, or does it.
            false => Made::Wait,
        });
    }
    let bound = Bound {
        seq: row.cursor,
        hash: row.hash,
        proofs: plan.proofs.clone(),
        rider_hash: rights.hash(),
        ..Bound::new(row.log, out.id, Kind::Commit)
    };
    let entry_key = group.entry_key(engine)?;
    let draft = match group.commit(engine, work.keep, identity, &plan.change, &bound) {
        Ok(draft) => draft,
        // What is broken now may not be after the next commit of somebody else.
        Err(MlsError::Pending | MlsError::Broken(_)) => return Ok(Made::Wait),
        Err(error @ MlsError::Keep(_)) => return Err(error.into()),
        Err(error) => return Ok(Made::Refuse(error.to_string())),
    };
    let random = &mut work.core.random.clone();
    let sealed = entry_key.seal(random, &row.log, &out.id, Kind::Commit, &draft.mls_bytes);
    out.epoch = group.epoch();
    out.draft = joiners(&draft, &plan.inboxes);
    if let (Some(secret), true) = (secret, signs) {
        let tokens = if rotates {
            let next = group.pending_generation_secret(engine, row.generation + 1)?;
            next.token_hashes(&row.log, row.generation + 1)
        } else {
            NO_TOKENS
        };
        let place = RiderPlace { log: row.log, id: out.id, kind: Kind::Commit, bytes: &sealed };
        out.rider = Some(secret.sign_rider(&rights, tokens, &place).encode());
    }
    #[cfg(feature = "mutants")]
    if mutated!(work.core, MergeEarly) {
        group.merge_own_early(engine, work.keep)?;
    }
    Ok(Made::Sealed(sealed))
}

/// What is said to who may not change a guarded group.
const GUARDED: &str = "the group is guarded against somebody who writes junk, so only its admins \
                       change it now: ask one of them";

/// Where nothing rotates, no tokens are signed.
const NO_TOKENS: TokenHashes = TokenHashes { read: TokenHash([0; 32]), write: TokenHash([0; 32]) };

fn joiners(draft: &Draft, inboxes: &BTreeMap<DeviceId, Vec<u8>>) -> Option<Vec<u8>> {
    if draft.joiners.is_empty() {
        return None;
    }
    let joiners = draft.joiners.iter().map(|joiner| {
        let certificate = joiner.credential.certificate.clone();
        let inbox_key = inboxes.get(&certificate.device).cloned().unwrap_or_default();
        JoinerRow {
            record: DeviceRecord { certificate, inbox_key }.encode(),
            welcome: joiner.welcome.clone(),
        }
    });
    Some(wanted::encode(&Joiners { tree: draft.tree.clone(), joiners: joiners.collect() }))
}

/// This device's admin secret, while its key is listed.
pub(super) fn listed_secret(
    row: &LogRow,
    group: &Group,
) -> Result<Option<AdminSecret>, ClientError> {
    let Some(bytes) = &row.admin_secret else { return Ok(None) };
    let secret = AdminSecret::decode(bytes)?;
    Ok(group.policy().admin_keys.contains_key(&secret.public()).then_some(secret))
}

/// A rotation on its own: a generation begins in the current epoch (docs/protocol.md, rule 12).
pub(super) fn seal_rotation(
    work: &mut Work<'_>,
    row: &LogRow,
    mut out: OutboxRow,
) -> Result<bool, ClientError> {
    let group = work.take_group(&row.log)?;
    let secret = listed_secret(row, &group)?;
    let next = group.generation_secret(&work.core.engine, row.generation + 1)?;
    out.epoch = group.epoch();
    work.put_group(row.log, group);
    let (true, Some(secret)) = (row.flags.rotation_due, secret) else {
        settle::drop_row(work, &out)?;
        return Ok(true);
    };
    let plan = RiderPlan { generation: Some(row.generation + 1), ..RiderPlan::default() };
    let place = RiderPlace { log: row.log, id: out.id, kind: Kind::Rotate, bytes: &[] };
    let tokens = next.token_hashes(&row.log, row.generation + 1);
    out.rider = Some(secret.sign_rider(&plan, tokens, &place).encode());
    seal::finish(work, row, out, Vec::new())?;
    Ok(true)
}

/// The beginning or end of a guard (docs/protocol.md, rule 5).
pub(super) fn seal_guard(
    work: &mut Work<'_>,
    row: &LogRow,
    (mut out, on): (OutboxRow, bool),
) -> Result<bool, ClientError> {
    let secret = work.with_group(&row.log, |group| listed_secret(row, group))??;
    if out.automatic && (row.flags.guarded == on || secret.is_none()) {
        settle::drop_row(work, &out)?;
        return Ok(true);
    }
    let Some(secret) = secret else {
        let words = "no other admin has listed this device's admin key yet; try again later";
        settle::fail_row(work, &out, words)?;
        return Ok(true);
    };
    let plan = RiderPlan { guard: Some(on), ..RiderPlan::default() };
    let place = RiderPlace { log: row.log, id: out.id, kind: Kind::Freeze, bytes: &[] };
    out.rider = Some(secret.sign_rider(&plan, NO_TOKENS, &place).encode());
    seal::finish(work, row, out, Vec::new())?;
    Ok(true)
}

/// How an admin who wants to leave stands.
pub(super) enum StepDown {
    /// Off all lists, or alone: it can go.
    Off,
    /// Still on them; a commit that changes that is under way.
    OnItsWay,
    /// Nobody else could look after the chat.
    LastOwner,
    /// The others who may look after it have no listed key yet: their programs have not come.
    NoOtherKey,
}

/// Before an admin leaves it takes itself off the lists (docs/protocol.md, rule 12).
pub(super) fn step_down_first(work: &mut Work<'_>, row: &LogRow) -> Result<StepDown, ClientError> {
    let me = work.identity()?.account();
    let (off, last, others) = work.with_group(&row.log, |group| {
        let policy = group.policy();
        let owners = policy.roles.values().filter(|role| **role == Role::Owner).count();
        let listed = policy.admin_keys.values().any(|account| *account == me);
        let alone = group.accounts().len() == 1;
        let off = alone || (policy.role(&me) == Role::Member && !listed);
        let others = policy.admin_keys.values().any(|account| *account != me);
        (off, policy.role(&me) == Role::Owner && owners == 1, others)
    })?;
    if off {
        return Ok(StepDown::Off);
    }
    if last {
        return Ok(StepDown::LastOwner);
    }
    if !others {
        return Ok(StepDown::NoOtherKey);
    }
    let wanted = Wanted::Change(Change::StepDown);
    let body = wanted::encode(&wanted);
    let queued = work.tx.outbox(&row.log)?.iter().any(|out| out.body == body);
    if !queued {
        let step_down = enqueue::new_row(work, &row.log, Kind::Commit, &wanted);
        enqueue::put(work, &OutboxRow { automatic: true, ..step_down })?;
    }
    Ok(StepDown::OnItsWay)
}
