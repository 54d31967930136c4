//! A chat that nobody can follow any more goes on in another log (docs/protocol.md, rule 10): whoever has
//! asked in vain to be added again makes it, for all whom it knows as members, and they come over by
//! themselves.

use std::collections::BTreeMap;

use veche_mls::{ChatKind, Control, Envelope, Invitation, Policy, Role};
use veche_store::{InvitationState, LogRow, LogState, OutboxState};
use veche_wire::{AccountId, Credential, DeviceRecord, LogId, limits};

use crate::wanted::{self, Change, Id, Intent, Purpose, Wanted};
use crate::work::Work;
use crate::{ClientError, Event, gather, inbox, invitation, outbox};

/// After how many requests in vain (about 12 minutes) the first owner in line makes a successor, and
/// any member's is obeyed.
const OWNERS_TRIES: u32 = 7;
/// After how many (about two hours) it may be somebody who is no owner.
const OTHERS_TRIES: u32 = 11;
/// The last in line need not wait longer than this many further requests.
const TURNS_MAX: u32 = 3;

/// What is shown where the new log begins.
const GOES_ON: &str = "the chat could not be repaired where it was; it goes on from here";

/// What a device that cannot follow does when nobody has answered its request for a while: whether it
/// has found another log in which the chat goes on, or makes it.
pub(crate) fn instead_of_asking(
    work: &mut Work<'_>,
    row: &LogRow,
    tries: u32,
) -> Result<bool, ClientError> {
    if tries < OWNERS_TRIES {
        return Ok(false);
    }
    for mut held in work.tx.invitations()? {
        let predecessor = invitation::opened(&held)?.1;
        if held.state == InvitationState::Held && predecessor == Some(row.log) {
            held.state = InvitationState::Accepted;
            work.tx.put_invitation(&held)?;
            // It goes on asking until it has come in there.
            return Ok(false);
        }
    }
    let Some(policy) = known_policy(work, &row.log)? else { return Ok(false) };
    if turn(work, &row.log, &policy)?.is_none_or(|turn| tries < turn) {
        return Ok(false);
    }
    begin(work, row, policy)?;
    Ok(true)
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
    let Some(policy) = known_policy(work, &row.log)? else { return Ok(()) };
    let turn = turn(work, &row.log, &policy)?;
    if turn.is_some_and(|turn| rounds >= turn.saturating_sub(OTHERS_TRIES) * ROUNDS_PER_TURN) {
        begin(work, row, policy)?;
    }
    Ok(())
}

/// The policy of a log's group as it was last known here; `None` where this device was never inside.
fn known_policy(work: &mut Work<'_>, log: &LogId) -> Result<Option<Policy>, ClientError> {
    known(work, log, |group| group.policy().clone())
}

fn known<T>(
    work: &mut Work<'_>,
    log: &LogId,
    look: impl FnOnce(&veche_mls::Group) -> T,
) -> Result<Option<T>, ClientError> {
    match work.with_group(log, look) {
        Ok(seen) => Ok(Some(seen)),
        Err(ClientError::Bug(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// After how many requests in vain it is this device's turn: owners first, then admins, then by leaf.
fn turn(work: &mut Work<'_>, log: &LogId, policy: &Policy) -> Result<Option<u32>, ClientError> {
    let me = work.identity()?.device();
    let mut line: Vec<_> = work.with_group(log, |group| {
        let members = group.members().into_iter();
        let place = |member: veche_mls::Member| {
            let certificate = member.credential.certificate;
            (std::cmp::Reverse(policy.role(&certificate.account)), member.leaf, certificate.device)
        };
        members.map(place).collect()
    })?;
    line.sort_unstable();
    let owners = line.iter().filter(|(role, ..)| role.0 == Role::Owner).count();
    let place = line.iter().position(|(.., device)| *device == me);
    Ok(place.map(|place| {
        let (first, before) = match place.checked_sub(owners) {
            None => (OWNERS_TRIES, place),
            Some(before) => (OTHERS_TRIES, before),
        };
        first + u32::try_from(before).unwrap_or(TURNS_MAX).min(TURNS_MAX)
    }))
}

/// Makes the successor: a group like the one that was last known here, without keys of its own yet, and
/// all others who were inside, except who asked to go.
fn begin(work: &mut Work<'_>, old: &LogRow, policy: Policy) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let mut others = work.with_group(&old.log, veche_mls::Group::accounts)?;
    for leaver in leavers(work, old)? {
        others.remove(&leaver);
    }
    others.remove(&me);
    let peer = work.tx.chat(&old.chat)?.and_then(|chat| chat.peer);
    let mut roles = Vec::new();
    let mut founded = Policy {
        admin_keys: BTreeMap::new(),
        admins_version: 0,
        predecessor: Some(old.log),
        ..policy
    };
    if founded.kind == ChatKind::Group {
        // Whoever makes it can look after it.
        let before = std::mem::replace(&mut founded.roles, BTreeMap::from([(me, Role::Owner)]));
        let role = |(account, role): (AccountId, Role)| (Id(account.0), role as u8);
        roles = before.into_iter().filter(|(account, _)| *account != me).map(role).collect();
    }
    let log = outbox::create_log(work, founded, peer)?;
    let Some(mut new) = work.tx.log(&log)? else { return Ok(()) };
    new.rank = rank_after(old, peer.is_some());
    work.tx.put_log(&new)?;
    let others: Vec<AccountId> = others.into_iter().collect();
    for people in others.chunks(limits::ADDS_PER_COMMIT_MAX) {
        let people = people.iter().map(gather::by_account).collect();
        let intent = Intent::Gather { purpose: Purpose::Succeed, people };
        let intent = work.tx.insert_intent(&wanted::encode(&intent))?;
        let change = Change::Succeed { people: Vec::new(), roles: roles.clone() };
        outbox::enqueue_change(work, &log, change, Some(intent))?;
        if let Some(row) = work.tx.outbox_of_intent(intent)? {
            let state = OutboxState::Preparing;
            work.tx.update_outbox(&veche_store::OutboxRow { state, ..row })?;
        }
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

/// The place of a successor among the logs of its conversation. Direct chats have two places only, as
/// several of them become one in any order.
pub(crate) fn rank_after(old: &LogRow, direct: bool) -> u64 {
    if direct { 1 } else { old.rank + 1 }
}

/// What becomes of an invitation into a successor of a chat that is known here.
pub(crate) enum Claim {
    /// The chat is not known here: it is an invitation like any other.
    Unknown,
    /// Whoever sends it may say so, or nobody else answers: it is obeyed.
    Obeyed,
    /// Others may still answer.
    Waits,
    /// This device follows the chat, and the sender is no owner: the person decides.
    Asked,
    /// The person has left the chat.
    Declined,
}

/// Judges an invitation into a successor of `predecessor`.
pub(crate) fn claim(
    work: &mut Work<'_>,
    predecessor: Option<&LogId>,
    sender: &Credential,
) -> Result<Claim, ClientError> {
    let old = predecessor.map(|log| work.tx.log(log)).transpose()?.flatten();
    let Some(old) = old else { return Ok(Claim::Unknown) };
    let Some(latest) = work.tx.logs_of(&old.chat)?.pop() else { return Ok(Claim::Unknown) };
    if matches!(latest.state, LogState::Left | LogState::Removed) {
        return Ok(Claim::Declined);
    }
    let account = sender.certificate.account;
    let is_owner = |policy: Policy| policy.role(&account) == Role::Owner;
    if known_policy(work, &latest.log)?.is_some_and(is_owner) || is_to_own(work, &latest, &account)?
    {
        return Ok(Claim::Obeyed);
    }
    if latest.state == LogState::Active && is_without_owner(work, &latest)? {
        return Ok(Claim::Obeyed);
    }
    let inside = |group: &veche_mls::Group| group.accounts().contains(&account);
    if latest.state != LogState::Stuck || known(work, &latest.log, inside)? != Some(true) {
        return Ok(Claim::Asked);
    }
    let tries = work.tx.readmission(&latest.log)?.map_or(0, |asked| asked.tries);
    Ok(if tries < OWNERS_TRIES { Claim::Waits } else { Claim::Obeyed })
}

/// Whether this device is about to give somebody back that they were an owner, in a successor that it
/// has just made itself.
fn is_to_own(work: &Work<'_>, latest: &LogRow, account: &AccountId) -> Result<bool, ClientError> {
    for out in work.tx.outbox(&latest.log)? {
        if let Wanted::Change(Change::Succeed { roles, .. }) = wanted::decode(&out.body)?
            && roles.contains(&(Id(account.0), Role::Owner as u8))
        {
            return Ok(true);
        }
    }
    Ok(false)
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
    let is_successor = |policy: Policy| policy.predecessor.is_some();
    let active = work.tx.log(log)?.is_some_and(|row| row.state == LogState::Active);
    if active && is_awaited && known_policy(work, log)?.is_some_and(is_successor) {
        outbox::remove_who_declined(work, log, &sender.certificate.account)?;
    }
    Ok(())
}

/// This device is in the successor: the chat goes on there. Of two successors of one chat the lower
/// `LogId` wins, and the other becomes part of what was before.
pub(crate) fn follow(
    work: &mut Work<'_>,
    predecessor: &LogId,
    new: &mut LogRow,
) -> Result<(), ClientError> {
    let Some(mut old) = work.tx.log(predecessor)? else { return Ok(()) };
    let latest = work.tx.logs_of(&old.chat)?.pop();
    let rival = latest.filter(|latest| latest.log != old.log && latest.log != new.log);
    let direct = work.tx.chat(&old.chat)?.is_some_and(|chat| chat.direct);
    if direct {
        work.tx.set_rank(&old.log, 0)?;
        old.rank = 0;
    }
    let winner = match rival {
        Some(rival) if rival.log < new.log => {
            work.tx.set_rank(&new.log, old.rank)?;
            new.rank = old.rank;
            outbox::move_over(work, new, &rival, false)?;
            rival
        }
        Some(mut rival) => {
            work.tx.set_rank(&rival.log, old.rank)?;
            rival.rank = old.rank;
            outbox::move_over(work, &rival, new, false)?;
            new.clone()
        }
        None => new.clone(),
    };
    hand_over(work, old.clone(), &winner)?;
    work.tx.merge_chats(&[old.chat, new.chat, winner.chat], &winner.log)?;
    new.chat = winner.log;
    work.tell(Event::Chat(winner.log));
    Ok(())
}

/// The old log gives what waits in it to the new one. Whoever could not follow it is in it no more;
/// whoever can reads on, as others may still write there.
fn hand_over(work: &mut Work<'_>, mut old: LogRow, new: &LogRow) -> Result<(), ClientError> {
    let is_over = matches!(old.state, LogState::Stuck | LogState::Creating);
    if is_over {
        outbox::seal_anew(work, &old.log)?;
    }
    outbox::move_over(work, &old, new, is_over)?;
    if old.state != LogState::Succeeded {
        say_that_it_goes_on(work, new)?;
    }
    if !is_over {
        return Ok(());
    }
    inbox::readmit::repaired(work, &old.log)?;
    old.state = LogState::Succeeded;
    work.tx.put_log(&old)?;
    match work.take_group(&old.log) {
        Ok(group) => inbox::end(work, &old, group),
        // It was never inside.
        Err(ClientError::Bug(_)) => inbox::forget(work, &old),
        Err(error) => Err(error),
    }
}

fn say_that_it_goes_on(work: &mut Work<'_>, new: &LogRow) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let place = (&veche_wire::EntryId(new.log.0), new.cursor);
    inbox::line(work, new, place, &inbox::Line { by: me, about: Some(me), words: GOES_ON })
}

/// Whether a chat goes on in another log than this one, so that nobody need ask for a place in this.
pub(crate) fn goes_on_elsewhere(
    work: &Work<'_>,
    row: &LogRow,
) -> Result<Option<LogRow>, ClientError> {
    let latest = work.tx.logs_of(&row.chat)?.pop();
    Ok(latest.filter(|latest| {
        latest.log != row.log && matches!(latest.state, LogState::Active | LogState::Creating)
    }))
}

/// This device cannot follow a log from which the chat has gone on already.
pub(crate) fn leave_behind(
    work: &mut Work<'_>,
    row: LogRow,
    latest: &LogRow,
) -> Result<(), ClientError> {
    hand_over(work, row, latest)
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
