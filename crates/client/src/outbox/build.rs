//! From an intent to a change of the group as it is now: re-applied after every lost race.

use std::collections::{BTreeMap, BTreeSet};

use veche_mls::{
    Change as MlsChange, ChatKind, Control, Group, Policy, Role, Suite, check_key_package,
};
use veche_store::Tx;
use veche_wire::{AccountId, AdminKey, DeviceId, DeviceRecord, LogId, Millis};

use crate::ClientError;
use crate::api::ARRIVAL_MS;
use crate::wanted::{Change, Id, Person};
use crate::work::Work;
#[cfg(feature = "mutants")]
use crate::work::mutated;

/// What an intent comes to.
pub(super) enum Plan {
    /// This change.
    Make(Making),
    /// It is so already.
    Done,
    /// It cannot be, for this reason.
    Refuse(String),
}

/// A change and what justifies it.
#[derive(Default)]
pub(super) struct Making {
    pub(super) change: MlsChange,
    /// Signed leave requests.
    pub(super) proofs: Vec<Vec<u8>>,
    /// The inbox keys of those who are added.
    pub(super) inboxes: BTreeMap<DeviceId, Vec<u8>>,
}

/// What `change` comes to in `group`.
pub(super) fn plan(work: &Work<'_>, group: &Group, change: &Change) -> Result<Plan, ClientError> {
    let me = work.identity()?.account();
    Ok(match change {
        #[cfg(feature = "mutants")]
        Change::Add(people) if mutated!(work.core, Dishonest) => replace(work, group, people)?,
        Change::Add(people) => add(work, group, people)?,
        Change::Succeed { people, roles } => succeed(work, group, (people, roles))?,
        Change::Remove(accounts) => remove(group, accounts),
        Change::RemoveLeaver(request) => remove_leaver(group, request),
        Change::Readmit(request) => readmit(work, group, request),
        Change::SetRole { account, role } => set_role(group, &AccountId(account.0), *role),
        Change::Rename(title) => change_policy(group, |policy| policy.title.clone_from(title)),
        Change::ListKey { key, account } => list_key(group, key, &AccountId(account.0)),
        Change::StepDown => change_policy(group, |policy| {
            policy.set_role(me, Role::Member);
            drop_keys(policy, &me);
        }),
        Change::Update => Plan::Make(Making {
            change: MlsChange { update: true, ..MlsChange::default() },
            ..Making::default()
        }),
    })
}

fn add(work: &Work<'_>, group: &Group, people: &[Person]) -> Result<Plan, ClientError> {
    let (mut adds, mut removes) = (Vec::new(), Vec::new());
    let mut inboxes = BTreeMap::new();
    let missing = not_arrived(work.tx, &group.log(), work.now)?;
    for person in people {
        for device in &person.devices {
            let Ok(record) = DeviceRecord::decode(&device.record) else { continue };
            let id = record.certificate.device;
            match group.member_of_device(&id) {
                None => {}
                // It has a place that it never took: it gets a new one.
                Some(member) if missing.contains(&id) => removes.push(member.leaf),
                Some(_) => continue,
            }
            adds.extend(device.package.clone());
            inboxes.insert(id, record.inbox_key);
        }
    }
    if adds.is_empty() {
        return Ok(Plan::Done);
    }
    let change = MlsChange { adds, removes, ..MlsChange::default() };
    Ok(Plan::Make(Making { change, inboxes, ..Making::default() }))
}

/// The people of a chat that goes on here, with the roles that they had.
fn succeed(
    work: &Work<'_>,
    group: &Group,
    (people, roles): (&[Person], &[(Id, u8)]),
) -> Result<Plan, ClientError> {
    let mut plan = add(work, group, people)?;
    let mut inside = group.accounts();
    for device in people.iter().flat_map(|person| &person.devices) {
        if device.package.is_some() {
            inside.insert(DeviceRecord::decode(&device.record)?.certificate.account);
        }
    }
    let mut policy = group.policy().clone();
    for (account, role) in roles {
        let account = AccountId(account.0);
        if inside.contains(&account) && policy.kind == ChatKind::Group {
            policy.set_role(account, role_of(*role));
        }
    }
    if let Plan::Make(making) = &mut plan
        && policy != *group.policy()
    {
        making.change.policy = Some(policy);
    }
    Ok(plan)
}

fn role_of(number: u8) -> Role {
    match number {
        0 => Role::Member,
        1 => Role::Admin,
        _ => Role::Owner,
    }
}

/// The devices that were added and have written nothing for three days since: they may be added
/// again (docs/protocol.md, rule 14).
fn not_arrived(tx: &Tx<'_>, log: &LogId, now: Millis) -> Result<BTreeSet<DeviceId>, ClientError> {
    let awaited = tx.awaited(log)?.into_iter();
    Ok(awaited
        .filter(|(_, added)| now.saturating_sub(*added) >= ARRIVAL_MS)
        .map(|(device, _)| device)
        .collect())
}

/// Puts members out of the group by adding them again, for the test that they come back.
#[cfg(feature = "mutants")]
fn replace(work: &Work<'_>, group: &Group, people: &[Person]) -> Result<Plan, ClientError> {
    let mut change = MlsChange::default();
    for device in people.iter().flat_map(|person| &person.devices) {
        let Ok(record) = DeviceRecord::decode(&device.record) else { continue };
        let member = group.member_of_device(&record.certificate.device);
        change.removes.extend(member.map(|member| member.leaf));
        change.adds.extend(device.package.clone());
    }
    if change.removes.is_empty() {
        return add(work, group, people);
    }
    Ok(Plan::Make(Making { change, ..Making::default() }))
}

fn remove(group: &Group, accounts: &[Id]) -> Plan {
    let gone: BTreeSet<[u8; 32]> = accounts.iter().map(|account| account.0).collect();
    let removes: Vec<u32> = group
        .members()
        .iter()
        .filter(|member| gone.contains(&member.credential.certificate.account.0))
        .map(|member| member.leaf)
        .collect();
    if removes.is_empty() {
        return Plan::Done;
    }
    Plan::Make(Making {
        change: MlsChange { removes, ..MlsChange::default() },
        ..Making::default()
    })
}

fn remove_leaver(group: &Group, request: &[u8]) -> Plan {
    let Ok(Control::Leave(leave)) = Control::decode(request) else { return Plan::Done };
    // A request of a leaf that is gone, or was added again since, asks for nothing.
    let Some(leaf) = group.verify_leave(&leave) else { return Plan::Done };
    let change = MlsChange { removes: vec![leaf], ..MlsChange::default() };
    Plan::Make(Making { change, proofs: vec![leave.encode()], ..Making::default() })
}

fn readmit(work: &Work<'_>, group: &Group, request: &[u8]) -> Plan {
    let Ok(Control::Readmit(request)) = Control::decode(request) else { return Plan::Done };
    let Some(member) = group.member_of_device(&request.device) else { return Plan::Done };
    let certificate = &member.credential.certificate;
    let suite = group.suite().unwrap_or(Suite::Classic);
    let package = &request.key_package;
    if !request.verify()
        || check_key_package(&work.core.engine, package, certificate, suite).is_err()
    {
        return Plan::Refuse("the request to be added again is not valid".into());
    }
    let change = MlsChange {
        adds: vec![request.key_package],
        removes: vec![member.leaf],
        ..MlsChange::default()
    };
    let inboxes = BTreeMap::from([(request.device, request.inbox_key)]);
    Plan::Make(Making { change, inboxes, ..Making::default() })
}

fn set_role(group: &Group, account: &AccountId, role: u8) -> Plan {
    let role = role_of(role);
    if !group.accounts().contains(account) {
        return Plan::Refuse("they are not in the chat any more".into());
    }
    change_policy(group, |policy| {
        policy.set_role(*account, role);
        if role < Role::Admin {
            drop_keys(policy, account);
        }
    })
}

fn list_key(group: &Group, key: &Id, account: &AccountId) -> Plan {
    let policy = group.policy();
    let may = group.accounts().contains(account) && policy.role(account) >= Role::Admin;
    let full = policy.admin_keys.len() >= veche_wire::limits::ADMIN_KEYS_MAX;
    if !may || full {
        return Plan::Done;
    }
    change_policy(group, |policy| {
        policy.admin_keys.insert(AdminKey(key.0), *account);
    })
}

fn drop_keys(policy: &mut Policy, account: &AccountId) {
    policy.admin_keys.retain(|_, owner| owner != account);
}

fn change_policy(group: &Group, change: impl FnOnce(&mut Policy)) -> Plan {
    let mut policy = group.policy().clone();
    change(&mut policy);
    if policy == *group.policy() {
        return Plan::Done;
    }
    if policy.admin_keys != group.policy().admin_keys {
        policy.admins_version += 1;
    }
    let change = MlsChange { policy: Some(policy), ..MlsChange::default() };
    Plan::Make(Making { change, ..Making::default() })
}
