//! A chat that nobody can follow any more goes on in another log (docs/protocol.md, rule 10): whoever has
//! asked in vain to be added again makes it, for all whom it knows as members, and they come over by
//! themselves.

use std::collections::BTreeMap;

use veche_mls::{ChatKind, Control, Envelope, Invitation, Policy, Role, Suite};
use veche_store::{LogRow, LogState};
use veche_wire::{AccountId, Credential, DeviceRecord, LogId, limits};

use crate::wanted::{self, Change, Id, Intent, Purpose, Wanted};
use crate::work::{Work, mutated};
use crate::{ClientError, Event, gather, inbox, outbox};

/// After how many requests in vain (about 12 minutes) the first owner in line makes a successor.
const FIRST_TRIES: u32 = 7;
/// The last in line need not wait longer than this many further requests.
const TURNS_MAX: u32 = 3;
/// After how many a device that is in the successor asks no more for its place in the log before
/// (some nine hours of being connected).
const LAST_TRIES: u32 = 13;

/// What is shown where the new log begins.
const GOES_ON: &str = "the chat has moved to a new place; it goes on from here";

/// What a device that cannot follow a group does when nobody has answered its requests for a while:
/// whether it need not ask again.
pub(crate) fn instead_of_asking(
    work: &mut Work<'_>,
    row: &LogRow,
    tries: u32,
) -> Result<bool, ClientError> {
    if work.tx.chat(&row.chat)?.is_none_or(|chat| chat.direct) {
        return Ok(false);
    }
    if goes_on_elsewhere(work, row)? {
        if tries >= LAST_TRIES {
            end(work, row)?;
        }
        return Ok(tries >= LAST_TRIES);
    }
    let Some(policy) = work.look_at_group(&row.log, |group| group.policy().clone())? else {
        return Ok(false);
    };
    let me = work.identity()?.account();
    if policy.role(&me) == Role::Owner
        && turn(work, row, &policy)?.is_some_and(|turn| tries >= FIRST_TRIES + turn)
    {
        begin_anew(work, row, policy)?;
    }
    // It asks on: whoever comes later can still tell what it has missed.
    Ok(false)
}

/// This device gives up its place in a log from which the chat has gone on.
fn end(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    outbox::fail_outbox(work, &row.log, "you have left this chat")?;
    inbox::readmit::repaired(work, &row.log)?;
    work.tx.put_log(&LogRow { state: LogState::Succeeded, ..row.clone() })?;
    inbox::end_anyhow(work, row)
}

/// This person is in a chat no more: nor in the logs before the one that it has left.
pub(crate) fn end_predecessors(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    let direct = work.tx.chat(&row.chat)?.is_none_or(|chat| chat.direct);
    for before in work.tx.logs_of(&row.chat)?.into_iter().filter(|_| !direct) {
        let is_in = matches!(before.state, LogState::Active | LogState::Stuck);
        if before.rank < row.rank && is_in {
            end(work, &before)?;
        }
    }
    Ok(())
}

/// Whether all owners of a group have asked to go: their requests cannot be carried out, since an owner
/// must remain. (Whoever leaves makes another an owner first; a restored server can have lost that.)
pub(crate) fn is_without_owner(work: &mut Work<'_>, row: &LogRow) -> Result<bool, ClientError> {
    let leavers = leavers(work, row)?;
    let policy = work.with_group(&row.log, |group| group.policy().clone())?;
    let mut owners = policy.roles.iter().filter(|(_, role)| **role == Role::Owner);
    Ok(policy.kind == ChatKind::Group && owners.all(|(owner, _)| leavers.contains(owner)))
}

/// How much longer the next in line waits than the one before, in rounds of two seconds.
const ROUNDS_PER_TURN: u32 = 15;

/// A group whose owners have all left goes on in another log, `rounds` after the first in line might
/// have made it.
pub(crate) fn without_owner(
    work: &mut Work<'_>,
    row: &LogRow,
    rounds: u32,
) -> Result<(), ClientError> {
    let Some(policy) = work.look_at_group(&row.log, |group| group.policy().clone())? else {
        return Ok(());
    };
    if turn(work, row, &policy)?.is_some_and(|turn| rounds >= turn * ROUNDS_PER_TURN) {
        begin_anew(work, row, policy)?;
    }
    Ok(())
}

/// Makes the successor of a chat that cannot go on where it is: without whom this device knows to have
/// made it so.
fn begin_anew(work: &mut Work<'_>, row: &LogRow, mut policy: Policy) -> Result<(), ClientError> {
    let suite = work.with_group(&row.log, |group| group.suite().unwrap_or(Suite::Classic))?;
    let offender = inbox::readmit::offender(work, &row.log)?;
    if let Some(offender) = &offender {
        policy.roles.remove(offender);
    }
    begin(work, row, policy, (suite, offender.as_slice()))
}

/// An owner lets a group go on in another log: in another suite, or without somebody.
pub(crate) fn renew(
    work: &mut Work<'_>,
    log: &LogId,
    (suite, without): (Suite, &[AccountId]),
) -> Result<(), ClientError> {
    let mut policy = work.with_group(log, |group| group.policy().clone())?;
    for account in without {
        policy.roles.remove(account);
    }
    match work.tx.log(log)? {
        Some(row) => begin(work, &row, policy, (suite, without))?,
        None => return Ok(()),
    }
    // Others read on in the old log, where those who stay behind are to say nothing more.
    if !without.is_empty() {
        let change = Change::Remove(without.iter().map(|account| Id(account.0)).collect());
        outbox::enqueue_change(work, log, change, None)?;
    }
    Ok(())
}

/// Whether a log is a successor into which people are still being brought.
pub(crate) fn is_filling(work: &Work<'_>, log: &LogId) -> Result<bool, ClientError> {
    if work.tx.log(log)?.is_some_and(|row| row.state == LogState::Creating) {
        return Ok(true);
    }
    for out in work.tx.outbox(log)? {
        if matches!(wanted::decode(&out.body)?, Wanted::Change(Change::Succeed { .. })) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How many come before this device, of those who have not asked to go: owners first, then admins,
/// among these by leaf; at most [`TURNS_MAX`].
fn turn(work: &mut Work<'_>, row: &LogRow, policy: &Policy) -> Result<Option<u32>, ClientError> {
    let me = work.identity()?.device();
    let leavers = leavers(work, row)?;
    let mut line: Vec<_> = work.with_group(&row.log, |group| {
        let place = |member: veche_mls::Member| {
            let certificate = member.credential.certificate;
            let role = std::cmp::Reverse(policy.role(&certificate.account));
            let stays = !leavers.contains(&certificate.account);
            stays.then_some((role, member.leaf, certificate.device))
        };
        group.members().into_iter().filter_map(place).collect()
    })?;
    line.sort_unstable();
    let before = line.iter().position(|(.., device)| *device == me);
    Ok(before.map(|before| u32::try_from(before).unwrap_or(TURNS_MAX).min(TURNS_MAX)))
}

/// Makes the successor: a group like the one that was last known here, without keys of its own yet, and
/// all others who were inside, except who asked to go and who is to stay behind.
fn begin(
    work: &mut Work<'_>,
    old: &LogRow,
    policy: Policy,
    (suite, without): (Suite, &[AccountId]),
) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let mut others = work.with_group(&old.log, veche_mls::Group::accounts)?;
    for gone in leavers(work, old)?.iter().chain(without) {
        others.remove(gone);
    }
    others.remove(&me);
    let role = |(account, role): (&AccountId, &Role)| (Id(account.0), *role as u8);
    let roles: Vec<_> =
        policy.roles.iter().filter(|(account, _)| **account != me).map(role).collect();
    let founded = Policy {
        // Whoever makes it can look after it.
        roles: BTreeMap::from([(me, Role::Owner)]),
        admin_keys: BTreeMap::new(),
        admins_version: 0,
        predecessor: Some(old.log),
        // Its link leads into the log that ends.
        door: None,
        ..policy
    };
    let log = outbox::create_log(work, (founded, suite), None)?;
    let Some(mut new) = work.tx.log(&log)? else { return Ok(()) };
    new.rank = old.rank + 1;
    work.tx.put_log(&new)?;
    let others: Vec<AccountId> = others.into_iter().collect();
    for people in others.chunks(limits::ADDS_PER_COMMIT_MAX) {
        let people = people.iter().map(gather::by_account).collect();
        let gather = Intent::Gather { purpose: Purpose::Succeed, people };
        let change = Change::Succeed { people: Vec::new(), roles: roles.clone() };
        outbox::enqueue_gathered(work, &log, gather, change)?;
    }
    follow(work, &old.log, &mut new)
}

/// Who has asked to go, and could not be removed.
fn leavers(work: &mut Work<'_>, row: &LogRow) -> Result<Vec<AccountId>, ClientError> {
    let mut found = Vec::new();
    for out in work.tx.outbox(&row.log)? {
        let Wanted::Change(Change::RemoveLeaver(request)) = wanted::decode(&out.body)? else {
            continue;
        };
        let Ok(Control::Leave(request)) = Control::decode(&request) else { continue };
        let member = work.with_group(&row.log, |group| {
            group.verify_leave(&request).and_then(|_| group.member_of_device(&request.device))
        })?;
        found.extend(member.map(|member| member.credential.certificate.account));
    }
    Ok(found)
}

/// What becomes of an invitation into a successor of a chat that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The chat is not known here, or the sender not in it: it is an invitation like any other.
    Unknown,
    /// Whoever sends it may say so.
    Obeyed,
    /// The sender is a plain member: the person decides.
    Asked,
    /// The person has left the chat.
    Declined,
}

/// Judges an invitation of `sender` into a successor of a log.
pub(crate) fn claim(
    work: &mut Work<'_>,
    predecessor: Option<&LogId>,
    (sender, kind): (&AccountId, ChatKind),
) -> Result<Claim, ClientError> {
    let old = predecessor.map(|log| work.tx.log(log)).transpose()?.flatten();
    let Some(old) = old else { return Ok(Claim::Unknown) };
    let Some(latest) = work.tx.logs_of(&old.chat)?.pop() else { return Ok(Claim::Unknown) };
    let direct = work.tx.chat(&old.chat)?.is_none_or(|chat| chat.direct);
    if direct || kind == ChatKind::Direct {
        return Ok(Claim::Unknown);
    }
    if matches!(latest.state, LogState::Left | LogState::Removed) {
        return Ok(Claim::Declined);
    }
    // A successor that was just made here has not its members yet: then the log before it tells. Later
    // it does not, or whoever was removed since could still speak for the chat.
    let before = if latest.flags.peer_arrived { &latest.log } else { &old.log };
    let mut role = None;
    for log in [&latest.log, before] {
        let seen = work.look_at_group(log, |group| {
            group.accounts().contains(sender).then(|| group.policy().role(sender))
        })?;
        role = role.max(seen.flatten());
    }
    Ok(match role {
        None => Claim::Unknown,
        Some(Role::Owner) => Claim::Obeyed,
        Some(_) if latest.state == LogState::Active && is_without_owner(work, &latest)? => {
            Claim::Obeyed
        }
        Some(_) => Claim::Asked,
    })
}

/// Answers that this device does not take its place.
pub(crate) fn decline(
    work: &mut Work<'_>,
    sender: &Credential,
    log: &LogId,
) -> Result<(), ClientError> {
    let account = gather::by_account(&sender.certificate.account);
    let purpose = Purpose::Decline { log: log.0 };
    let intent = Intent::Gather { purpose, people: vec![account] };
    work.tx.insert_intent(&wanted::encode(&intent))?;
    Ok(())
}

/// The sender's inbox is known: the answer goes into it.
pub(crate) fn deliver_decline(
    work: &mut Work<'_>,
    log: &LogId,
    people: &[wanted::Person],
) -> Result<(), ClientError> {
    for device in people.iter().flat_map(|person| &person.devices) {
        let record = DeviceRecord::decode(&device.record)?;
        outbox::send_envelope(work, &record, &Envelope::Declined(*log))?;
    }
    Ok(())
}

/// Somebody does not take the place that this device has given them in a successor.
pub(crate) fn declined(
    work: &mut Work<'_>,
    sender: &Credential,
    log: &LogId,
) -> Result<(), ClientError> {
    let device = sender.certificate.device;
    let is_awaited = work.tx.awaited(log)?.iter().any(|(awaited, _)| *awaited == device);
    let is_successor = work.look_at_group(log, |group| group.policy().predecessor.is_some())?;
    let active = work.tx.log(log)?.is_some_and(|row| row.state == LogState::Active);
    if active && is_awaited && is_successor == Some(true) {
        outbox::remove_who_declined(work, log, &sender.certificate.account)?;
    }
    Ok(())
}

/// This device is in the successor: the chat goes on there. Of two successors of one log the lower
/// `LogId` wins, and the other stands beside what was before.
pub(crate) fn follow(
    work: &mut Work<'_>,
    predecessor: &LogId,
    new: &mut LogRow,
) -> Result<(), ClientError> {
    let Some(old) = work.tx.log(predecessor)? else { return Ok(()) };
    let latest = work.tx.logs_of(&old.chat)?.pop();
    let latest = latest.filter(|latest| latest.log != old.log && latest.log != new.log);
    let winner = match latest {
        None => new.clone(),
        Some(latest) => {
            let before =
                work.look_at_group(&latest.log, |group| group.policy().predecessor)?.flatten();
            // What succeeds a later log than this one is never given up for it.
            let is_lower = latest.log < new.log && !mutated!(work.core, LatestSuccessor);
            if before != Some(*predecessor) || is_lower {
                work.tx.set_rank(&new.log, old.rank)?;
                new.rank = old.rank;
                outbox::move_over(work, new, &latest, false)?;
                latest
            } else {
                work.tx.set_rank(&latest.log, old.rank)?;
                outbox::move_over(work, &latest, new, false)?;
                new.clone()
            }
        }
    };
    if matches!(old.state, LogState::Stuck | LogState::Creating) {
        outbox::seal_anew(work, &old.log)?;
        outbox::move_over(work, &old, &winner, true)?;
    } else {
        // Whoever can follow the old log reads on, as others may still write there.
        outbox::move_over(work, &old, &winner, false)?;
    }
    if winner.log == new.log {
        say_that_it_goes_on(work, new)?;
    }
    work.tx.merge_chats(&[old.chat, new.chat, winner.chat], &winner.log)?;
    new.chat = winner.log;
    work.tell(Event::Chat(winner.log));
    Ok(())
}

fn say_that_it_goes_on(work: &mut Work<'_>, new: &LogRow) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let place = (&veche_wire::EntryId(new.log.0), new.cursor);
    inbox::line(work, new, place, &inbox::Line { by: me, about: Some(me), words: GOES_ON })
}

/// Whether a chat goes on after this log, in one in which this device is.
pub(crate) fn goes_on_elsewhere(work: &Work<'_>, row: &LogRow) -> Result<bool, ClientError> {
    let latest = work.tx.logs_of(&row.chat)?.pop();
    Ok(latest.is_some_and(|latest| {
        latest.rank > row.rank && matches!(latest.state, LogState::Active | LogState::Creating)
    }))
}

/// The server does not make a successor: the chat is where it was, and may try again later.
pub(crate) fn not_made(work: &mut Work<'_>, new: &LogRow) -> Result<(), ClientError> {
    let before = work.tx.logs_of(&new.chat)?.into_iter().rfind(|before| before.rank < new.rank);
    let Some(before) = before else { return Ok(()) };
    outbox::move_over(work, new, &before, true)?;
    work.tx.set_rank(&new.log, 0).map_err(ClientError::from)
}

/// The way in, of an invitation that is kept as an envelope.
pub(crate) fn invitation_of(envelope: Envelope) -> Option<(Invitation, Option<LogId>)> {
    match envelope {
        Envelope::Invitation(invitation) => Some((*invitation, None)),
        Envelope::Successor { predecessor, invitation } => Some((*invitation, Some(predecessor))),
        Envelope::Readmit(_) | Envelope::Gone(_) | Envelope::Leave(_) | Envelope::Declined(_) => {
            None
        }
    }
}
