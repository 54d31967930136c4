//! What a person wants of a group's door.

use std::collections::BTreeSet;

use veche_mls::{DoorSecret, Policy, Role};
use veche_store::{DoorRow, DoorState, JoinRequestRow, JoinRequestState};
use veche_wire::content::{Body, Note};
use veche_wire::{AccountId, LogId, Millis, limits};

use super::may_let_in;
use crate::api::Reply;
use crate::command::{change, group, members};
use crate::error::refuse;
use crate::wanted::{Change, Id, Intent, NewDoor};
use crate::work::Work;
use crate::{ClientError, Event, outbox};

/// What is said to whoever may not.
const NOT_YOURS: &str = "Only admins and owners of this group look after its link.";

/// The log of a group whose door this person looks after, with its policy.
fn mine(work: &mut Work<'_>, chat: &LogId) -> Result<(LogId, Policy), ClientError> {
    let (log, _) = group(work, chat)?;
    let me = work.identity()?.account();
    let policy = work.with_group(&log, |group| group.policy().clone())?;
    if may_let_in(&policy, &me) { Ok((log, policy)) } else { refuse(NOT_YOURS) }
}

/// Makes a link: the server is to make the log of its door first, then the policy names it.
pub(crate) fn make_link(
    work: &mut Work<'_>,
    chat: &LogId,
    (approves, lasts, uses_max): (bool, Option<Millis>, Option<u64>),
) -> Result<Reply, ClientError> {
    let (log, _) = mine(work, chat)?;
    if lasts == Some(0) || uses_max == Some(0) {
        return refuse("Nobody could ever use that link.");
    }
    let random = &mut work.core.random.clone();
    let new = NewDoor {
        log: LogId::random(random).0,
        secret: Id(*DoorSecret::generate(random).as_bytes()),
        approves,
        expires: lasts.map(|lasts| work.now.saturating_add(lasts)),
        uses_max,
    };
    work.tx.put_door(&DoorRow {
        door: LogId(new.log),
        log,
        secret: new.secret.0,
        cursor: 0,
        state: DoorState::Making,
    })?;
    let change = Change::SetDoor(Some(new));
    outbox::enqueue_gathered(work, &log, Intent::Outbox, change).map(Reply::Intent)
}

/// Takes a link away.
pub(crate) fn close_link(work: &mut Work<'_>, chat: &LogId) -> Result<Reply, ClientError> {
    let (log, policy) = mine(work, chat)?;
    if policy.door.is_none() {
        return refuse("This group has no link.");
    }
    change(work, &log, Change::SetDoor(None))
}

/// Lets in people who ask, or declines them.
pub(crate) fn decide(
    work: &mut Work<'_>,
    chat: &LogId,
    (names, lets_in): (&[String], bool),
) -> Result<Reply, ClientError> {
    let (log, policy) = mine(work, chat)?;
    let Some(door) = &policy.door else { return refuse("This group has no link.") };
    let mut chosen: Vec<JoinRequestRow> = Vec::new();
    for name in names {
        let bare = name.strip_prefix('@').unwrap_or(name);
        let account = work.tx.account_named(bare)?.map(|row| row.account);
        let asked = account.map(|account| work.tx.join_request(&door.log, &account)).transpose()?;
        match asked.flatten().filter(|row| row.state == JoinRequestState::Waiting) {
            Some(row) => chosen.push(row),
            None => return refuse(format!("{bare} does not ask to join this group.")),
        }
    }
    if chosen.len() > limits::ADDS_PER_COMMIT_MAX {
        return refuse(format!("Answer at most {} at a time.", limits::ADDS_PER_COMMIT_MAX));
    }
    if lets_in && door.room(work.now) < chosen.len() as u64 {
        return refuse("The link has expired, or has no uses left: make a new one, or add them.");
    }
    if lets_in {
        let accounts = chosen.iter().map(|row| Id(row.account.0)).collect();
        return change(work, &log, Change::LetIn(accounts));
    }
    for row in chosen {
        let account = row.account;
        let state = JoinRequestState::Declined;
        work.tx.put_join_request(&JoinRequestRow { state, body: Vec::new(), ..row })?;
        outbox::enqueue_content(work, &log, Body::Note(Note::Declined(account)))?;
    }
    work.tell(Event::Chat(*chat));
    Ok(Reply::Done)
}

/// Bans people, or takes that back.
pub(crate) fn ban(
    work: &mut Work<'_>,
    chat: &LogId,
    (names, banned): (&[String], bool),
) -> Result<Reply, ClientError> {
    let (log, role) = group(work, chat)?;
    let policy = work.with_group(&log, |group| group.policy().clone())?;
    if role < policy.may_remove.max(Role::Admin) {
        return refuse("Only admins and owners of this group ban people.");
    }
    let accounts =
        if banned { members(work, &log, names)? } else { unbanned(work, &policy, names)? };
    let below = |account: &AccountId| role == Role::Owner || role > policy.role(account);
    if banned && !accounts.iter().all(below) {
        return refuse("Only owners ban admins and owners.");
    }
    if banned && accounts.contains(&work.identity()?.account()) {
        return refuse("You cannot ban yourself: `veche group leave` leaves the group.");
    }
    let accounts = accounts.iter().map(|account| Id(account.0)).collect();
    change(work, &log, Change::Ban { accounts, banned })
}

/// Those with these names who are banned.
fn unbanned(
    work: &Work<'_>,
    policy: &Policy,
    names: &[String],
) -> Result<Vec<AccountId>, ClientError> {
    let mut found = BTreeSet::new();
    for name in names {
        let bare = name.strip_prefix('@').unwrap_or(name);
        match work.tx.account_named(bare)?.filter(|row| policy.banned.contains(&row.account)) {
            Some(row) => drop(found.insert(row.account)),
            None => return refuse(format!("{bare} is not banned from this group.")),
        }
    }
    Ok(found.into_iter().collect())
}
