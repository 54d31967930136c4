//! From an intent to a change of the group as it is now: re-applied after every lost race.

use std::collections::{BTreeMap, BTreeSet};

use veche_mls::{
    BANNED_MAX, Change as MlsChange, ChatKind, Control, Door, Group, Policy, Role, Suite,
    check_key_package,
};
use veche_store::{JoinRequestRow, Tx};
use veche_wire::{AccountId, AdminKey, DeviceId, DeviceRecord, LogId, Millis, limits};

use crate::api::ARRIVAL_MS;
use crate::wanted::{Change, Id, NewDoor, Person};
use crate::work::Work;
#[cfg(feature = "mutants")]
use crate::work::mutated;
use crate::{ClientError, door, warm};

/// What an intent comes to.
pub(super) enum Plan {
    /// This change.
    Make(Box<Making>),
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

impl From<Making> for Plan {
    fn from(making: Making) -> Self {
        Self::Make(Box::new(making))
    }
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
        Change::Ban { accounts, banned: true } => ban(group, accounts),
        Change::Ban { accounts, banned: false } => change_policy(group, |policy| {
            policy.banned.retain(|account| !accounts.contains(&Id(account.0)));
        }),
        Change::SetDoor(door) => set_door(group, door.as_ref()),
        Change::Admit => admit(work, group)?,
        Change::LetIn(accounts) => let_in(work, group, accounts)?,
        Change::RemoveLeaver(request) => remove_leaver(group, request),
        Change::Readmit(request) => readmit(work, group, request),
        Change::SetRole { account, role } => set_role(group, &AccountId(account.0), *role),
        Change::SetRules(rules) => set_rules(group, *rules, None),
        Change::SetRulesAndSlow(rules, slow) => set_rules(group, *rules, Some(*slow)),
        Change::Rename(title) => change_policy(group, |policy| policy.title.clone_from(title)),
        Change::ListKey { key, account } => list_key(group, key, &AccountId(account.0)),
        Change::StepDown => change_policy(group, |policy| {
            policy.set_role(me, Role::Member);
            drop_keys(policy, &me);
        }),
        Change::Warm if !warm::is_worth_it(work, &group.log(), group) => Plan::Done,
        Change::Update | Change::Warm => Plan::from(Making {
            change: MlsChange { update: true, ..MlsChange::default() },
            ..Making::default()
        }),
    })
}

fn add(work: &Work<'_>, group: &Group, people: &[Person]) -> Result<Plan, ClientError> {
    let (mut adds, mut removes) = (Vec::new(), Vec::new());
    let mut inboxes = BTreeMap::new();
    let banned = &group.policy().banned;
    let is_banned = |person: &&Person| {
        person.account.is_some_and(|account| banned.contains(&AccountId(account.0)))
    };
    if let Some(person) = people.iter().find(is_banned) {
        let name = person.name.clone().unwrap_or_else(|| "that person".into());
        return Ok(Plan::Refuse(format!("{name} is banned from this group")));
    }
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
    Ok(Plan::from(Making { change, inboxes, ..Making::default() }))
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
    Ok(Plan::from(Making { change, ..Making::default() }))
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
    Plan::from(Making {
        change: MlsChange { removes, ..MlsChange::default() },
        ..Making::default()
    })
}

/// The accounts are out, and do not come in again.
fn ban(group: &Group, accounts: &[Id]) -> Plan {
    let mut policy = group.policy().clone();
    policy.banned.extend(accounts.iter().map(|account| AccountId(account.0)));
    if policy.banned.len() > BANNED_MAX {
        return Plan::Refuse(format!("at most {BANNED_MAX} people can be banned from a group"));
    }
    match remove(group, accounts) {
        Plan::Make(mut making) => {
            making.change.policy = Some(policy);
            Plan::Make(making)
        }
        _ => change_policy(group, |before| *before = policy),
    }
}

fn set_door(group: &Group, door: Option<&NewDoor>) -> Plan {
    if group.policy().door.as_ref().map(|door| door.log.0) == door.map(|door| door.log) {
        return Plan::Done;
    }
    change_policy(group, |policy| policy.door = door.map(door::named))
}

/// Who asks at the door and may come in, as many as one commit takes.
fn admit(work: &Work<'_>, group: &Group) -> Result<Plan, ClientError> {
    let Some(door) = answered_door(work, group)? else { return Ok(Plan::Done) };
    let most = work.core.session.admissions.get(&door.log).copied().unwrap_or(usize::MAX);
    let mut rows = door::usable(work, group, (door, |_: &AccountId| true))?;
    rows.truncate(most.min(limits::ADDS_PER_COMMIT_MAX));
    if rows.is_empty() { Ok(Plan::Done) } else { place(work, group, (door, &rows)) }
}

/// Those of whom somebody has decided that they come in.
fn let_in(work: &Work<'_>, group: &Group, accounts: &[Id]) -> Result<Plan, ClientError> {
    const GONE: &str = "they cannot be let in any more: the link, or what they asked, has changed";
    let inside = group.accounts();
    let mut missing: BTreeSet<Id> = accounts.iter().copied().collect();
    missing.retain(|account| !inside.contains(&AccountId(account.0)));
    let Some(door) = answered_door(work, group)? else { return Ok(Plan::Refuse(GONE.into())) };
    let chosen = |account: &AccountId| accounts.contains(&Id(account.0));
    let rows = door::usable(work, group, (door, chosen))?;
    for row in &rows {
        missing.remove(&Id(row.account.0));
    }
    if !missing.is_empty() {
        return Ok(Plan::Refuse(GONE.into()));
    }
    if rows.is_empty() { Ok(Plan::Done) } else { place(work, group, (door, &rows)) }
}

/// The door of the group, while this device may let people in.
fn answered_door<'g>(work: &Work<'_>, group: &'g Group) -> Result<Option<&'g Door>, ClientError> {
    let me = work.identity()?.account();
    let door = group.policy().door.as_ref();
    Ok(door.filter(|_| door::may_let_in(group.policy(), &me)))
}

/// Gives those who ask their places, and counts them.
fn place(
    work: &Work<'_>,
    group: &Group,
    (door, rows): (&Door, &[JoinRequestRow]),
) -> Result<Plan, ClientError> {
    let mut making = Making::default();
    for row in rows {
        let request = door::opened(row)?;
        making.change.removes.extend(group.member_of_device(&row.device).map(|it| it.leaf));
        making.change.adds.push(request.key_package);
        making.inboxes.insert(row.device, request.inbox_key);
    }
    let inside = group.accounts();
    let newcomers = rows.iter().filter(|row| !inside.contains(&row.account)).count() as u64;
    let mut policy = group.policy().clone();
    policy.door = Some(Door {
        used: door.used.saturating_add(newcomers),
        done: door::done_up_to(work, group, (door, rows))?,
        ..door.clone()
    });
    making.change.policy = Some(policy);
    Ok(Plan::from(making))
}

fn remove_leaver(group: &Group, request: &[u8]) -> Plan {
    let Ok(Control::Leave(leave)) = Control::decode(request) else { return Plan::Done };
    // A request of a leaf that is gone, or was added again since, asks for nothing.
    let Some(leaf) = group.verify_leave(&leave) else { return Plan::Done };
    let change = MlsChange { removes: vec![leaf], ..MlsChange::default() };
    Plan::from(Making { change, proofs: vec![leave.encode()], ..Making::default() })
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
    Plan::from(Making { change, inboxes, ..Making::default() })
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

fn set_rules(
    group: &Group,
    [post, add, remove, rename]: [Option<u8>; 4],
    slow: Option<u32>,
) -> Plan {
    change_policy(group, |policy| {
        if let Some(seconds) = slow {
            policy.slow = Some(seconds).filter(|seconds| *seconds > 0);
        }
        let new = |number: Option<u8>, old| number.map_or(old, role_of);
        policy.may_post = new(post, policy.may_post);
        policy.may_add = new(add, policy.may_add);
        policy.may_remove = new(remove, policy.may_remove);
        policy.may_change = new(rename, policy.may_change);
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
    Plan::from(Making { change, ..Making::default() })
}
