//! The rules on commits, as a pure function of plain data (docs/protocol.md, rules 6, 9, 11 and
//! 12).
//!
//! Everything is judged on the policy and the members **before** the commit.

use std::collections::BTreeSet;

use veche_wire::{AccountId, AdminList, DeviceId, Rider, limits};

use crate::judge::SkipReason;
use crate::policy::{ChatKind, Policy, Role};

/// A device and its account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
}

/// A commit in plain data.
pub(crate) struct Facts<'a> {
    /// The policy before the commit.
    pub(crate) before: &'a Policy,
    /// The policy after it.
    pub(crate) after: &'a Policy,
    /// The members before it, by leaf.
    pub(crate) members: &'a [(u32, Who)],
    /// Who commits.
    pub(crate) committer: Who,
    /// Who is added.
    pub(crate) adds: &'a [Who],
    /// The leaves that are removed.
    pub(crate) removes: &'a [u32],
    /// The leaves that asked to be removed, or whose accounts have revoked them.
    pub(crate) leavers: &'a BTreeSet<u32>,
}

impl Facts<'_> {
    fn removed(&self) -> impl Iterator<Item = (u32, Who)> {
        self.members.iter().copied().filter(|(leaf, _)| self.removes.contains(leaf))
    }

    /// The accounts that have a leaf after the commit.
    fn accounts_after(&self) -> BTreeSet<AccountId> {
        let stay = self.members.iter().filter(|(leaf, _)| !self.removes.contains(leaf));
        stay.map(|(_, who)| who.account).chain(self.adds.iter().map(|who| who.account)).collect()
    }

    /// The accounts that have no leaf left after the commit.
    fn gone(&self) -> BTreeSet<AccountId> {
        let after = self.accounts_after();
        let removed = self.removed().map(|(_, who)| who.account);
        removed.filter(|account| !after.contains(account)).collect()
    }

    fn role(&self) -> Role {
        self.before.role(&self.committer.account)
    }

    /// Whether an account that is an admin before with a key is none, or gone, after.
    fn takes_rights_away(&self) -> bool {
        let gone = self.gone();
        let demoted = self.before.admin_keys.values().any(|account| {
            self.before.role(account) >= Role::Admin && self.after.role(account) < Role::Admin
        });
        !gone.is_empty() || demoted
    }

    /// Refuses a commit that needs a rider which its author cannot sign: everybody would skip it.
    pub(crate) fn can_sign(&self) -> Result<(), SkipReason> {
        if self.needed_admins().is_some() && !self.has_admin_key() {
            return Err(SkipReason::Rider("the admin list changes, and the committer has no key"));
        }
        Ok(())
    }

    fn has_admin_key(&self) -> bool {
        self.before.admin_keys.values().any(|account| *account == self.committer.account)
    }

    /// Whether the commit must begin a new generation: it takes rights away, and its author can.
    pub(crate) fn needs_rotation(&self) -> bool {
        self.has_admin_key() && self.takes_rights_away()
    }

    /// The list that the commit must bring to the server, if it changes.
    pub(crate) fn needed_admins(&self) -> Option<AdminList> {
        (self.after.admins_version != self.before.admins_version).then(|| AdminList {
            version: self.after.admins_version,
            keys: self.after.admin_keys.keys().copied().collect(),
        })
    }
}

/// `wanted` with what a commit that leaves only `facts.accounts_after()` inside forces on it: roles
/// and keys of accounts that are gone, keys of accounts below admin, and the version of the list.
pub(crate) fn complete(facts: &Facts<'_>, wanted: &Policy) -> Policy {
    let inside = facts.accounts_after();
    let mut policy = wanted.clone();
    if policy.kind == ChatKind::Group {
        policy.roles.retain(|account, _| inside.contains(account));
    }
    let roles = policy.roles.clone();
    policy.admin_keys.retain(|_, account| {
        inside.contains(account) && roles.get(account).is_some_and(|role| *role >= Role::Admin)
    });
    let changed = policy.admin_keys != facts.before.admin_keys;
    policy.admins_version = facts.before.admins_version + u64::from(changed);
    policy
}

/// Judges membership and policy of a commit.
pub(crate) fn judge(facts: &Facts<'_>, checks_roles: bool) -> Result<(), SkipReason> {
    keeps_shape(facts)?;
    if checks_roles {
        judge_adds(facts)?;
        judge_removes(facts)?;
        judge_policy(facts)?;
    }
    Ok(())
}

/// What must hold of every policy after a commit, whoever made it.
fn keeps_shape(facts: &Facts<'_>) -> Result<(), SkipReason> {
    let Facts { before, after, .. } = facts;
    let inside = facts.accounts_after();
    if after.kind != before.kind || after.predecessor != before.predecessor {
        return Err(SkipReason::Policy("kind and predecessor are for good"));
    }
    match after.kind {
        ChatKind::Direct => {
            if after.roles != before.roles || after.title != before.title {
                return Err(SkipReason::Policy("a direct chat stays as it began"));
            }
            if !inside.iter().all(|account| after.roles.contains_key(account)) {
                return Err(SkipReason::Policy("a direct chat takes nobody else"));
            }
        }
        ChatKind::Group => {
            if !after.roles.keys().all(|account| inside.contains(account)) {
                return Err(SkipReason::Policy("a role for somebody who is not inside"));
            }
            if !after.roles.values().any(|role| *role == Role::Owner) {
                return Err(SkipReason::Policy("no owner would remain"));
            }
        }
    }
    if after.banned.iter().any(|account| inside.contains(account)) {
        return Err(SkipReason::Policy("somebody who is banned would be inside"));
    }
    keeps_admin_keys(facts, &inside)
}

fn keeps_admin_keys(facts: &Facts<'_>, inside: &BTreeSet<AccountId>) -> Result<(), SkipReason> {
    let Facts { before, after, .. } = facts;
    let valid =
        |account: &AccountId| inside.contains(account) && after.role(account) >= Role::Admin;
    if !after.admin_keys.values().all(valid) {
        return Err(SkipReason::Policy("an admin key of somebody who is no admin"));
    }
    if after.admin_keys.len() > limits::ADMIN_KEYS_MAX {
        return Err(SkipReason::Policy("too many admin keys"));
    }
    if after.admin_keys.is_empty() && !before.admin_keys.is_empty() {
        return Err(SkipReason::Policy("no admin key would remain"));
    }
    let changed = after.admin_keys != before.admin_keys;
    let next = before.admins_version.checked_add(1);
    if after.admins_version == before.admins_version && !changed
        || Some(after.admins_version) == next
    {
        return Ok(());
    }
    Err(SkipReason::Policy("the version of the admin list"))
}

fn judge_adds(facts: &Facts<'_>) -> Result<(), SkipReason> {
    let inside = |account| facts.members.iter().any(|(_, who)| who.account == account);
    for who in facts.adds {
        if !inside(who.account) && facts.role() < facts.before.may_add {
            return Err(SkipReason::Role("add"));
        }
    }
    Ok(())
}

fn judge_removes(facts: &Facts<'_>) -> Result<(), SkipReason> {
    for (leaf, who) in facts.removed() {
        let repaired = facts.adds.contains(&who);
        let own = who.account == facts.committer.account;
        let asked = facts.leavers.contains(&leaf);
        if !(repaired || own || asked || outranks(facts, &who.account)) {
            return Err(SkipReason::Role("remove"));
        }
    }
    Ok(())
}

fn outranks(facts: &Facts<'_>, account: &AccountId) -> bool {
    let role = facts.role();
    facts.before.kind == ChatKind::Group
        && role >= facts.before.may_remove
        && (role == Role::Owner || role > facts.before.role(account))
}

fn judge_policy(facts: &Facts<'_>) -> Result<(), SkipReason> {
    let Facts { before, after, .. } = facts;
    let role = facts.role();
    if after.title != before.title && role < before.may_change {
        return Err(SkipReason::Role("change the title"));
    }
    let rules = |policy: &Policy| {
        let Policy { may_post, may_add, may_remove, may_change, slow, .. } = *policy;
        (may_post, may_add, may_remove, may_change, slow)
    };
    if rules(after) != rules(before) && role < Role::Owner {
        return Err(SkipReason::Role("change the rules"));
    }
    if after.door != before.door && role < before.may_add.max(Role::Admin) {
        return Err(SkipReason::Role("change the door"));
    }
    if after.banned != before.banned && role < before.may_remove.max(Role::Admin) {
        return Err(SkipReason::Role("ban"));
    }
    judge_roles(facts)?;
    judge_admin_keys(facts)
}

fn judge_roles(facts: &Facts<'_>) -> Result<(), SkipReason> {
    let Facts { before, after, .. } = facts;
    let gone = facts.gone();
    for account in before.roles.keys().chain(after.roles.keys()) {
        let (old, new) = (before.role(account), after.role(account));
        let steps_down = *account == facts.committer.account && new < old;
        let allowed =
            old == new || steps_down || gone.contains(account) || facts.role() == Role::Owner;
        if !allowed {
            return Err(SkipReason::Role("change roles"));
        }
    }
    Ok(())
}

fn judge_admin_keys(facts: &Facts<'_>) -> Result<(), SkipReason> {
    let Facts { before, after, .. } = facts;
    let forced = |account: &AccountId| {
        !facts.accounts_after().contains(account) || after.role(account) < Role::Admin
    };
    let added = after.admin_keys.iter().any(|(key, who)| before.admin_keys.get(key) != Some(who));
    let dropped = before
        .admin_keys
        .iter()
        .any(|(key, who)| after.admin_keys.get(key) != Some(who) && !forced(who));
    if (added || dropped) && facts.role() < Role::Admin {
        return Err(SkipReason::Role("change admin keys"));
    }
    Ok(())
}

/// Judges what the rider of a commit changes. Its signature is checked by the caller.
pub(crate) fn judge_rider(
    facts: &Facts<'_>,
    rider: Option<&Rider>,
    (current_generation, asks_for_rotation): (u64, bool),
) -> Result<(), SkipReason> {
    let rotation = rider.and_then(|rider| rider.rotation);
    let admins = rider.and_then(|rider| rider.admins.as_ref());
    if let Some(rider) = rider
        && facts.before.admin_keys.get(&rider.signer) != Some(&facts.committer.account)
    {
        return Err(SkipReason::Rider("signed by a key that is not the committer's"));
    }
    if let Some(rotation) = rotation
        && Some(rotation.generation) != current_generation.checked_add(1)
    {
        return Err(SkipReason::Rider("not the next generation"));
    }
    if asks_for_rotation && rotation.is_none() && facts.needs_rotation() {
        return Err(SkipReason::Rider("no rotation with a removal"));
    }
    let as_set = |list: &AdminList| {
        let keys: BTreeSet<_> = list.keys.iter().copied().collect();
        (keys.len() == list.keys.len()).then_some((list.version, keys))
    };
    let brought = admins.map(as_set);
    let needed = facts.needed_admins().map(|list| as_set(&list));
    if brought == needed && brought != Some(None) {
        Ok(())
    } else {
        Err(SkipReason::Rider("its admin list is not the policy's"))
    }
}
