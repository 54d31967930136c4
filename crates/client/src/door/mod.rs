//! The door of a group, for those inside: who has the link asks there, and a member with the right
//! lets them in, many in one commit (docs/protocol.md, rule 15).

mod command;
mod look;

pub(crate) use command::{ban, close_link, decide, make_link};
pub(crate) use look::{accept, are_read, caught_up, declined};

use std::collections::{BTreeMap, BTreeSet};

use veche_mls::{
    Door, DoorSecret, Group, JoinRequest, Policy, RiderPlace, RiderPlan, Role, Summary,
    door_write_token,
};
use veche_store::{
    DoorRow, DoorState, JoinRequestRow, JoinRequestState, LogRow, LogState, OutboxRow, OutboxState,
};
use veche_wire::{
    AccountId, Append, DeviceId, EntryId, Kind, LogId, Millis, Permit, Refused, Request, Seq,
    TokenHash, TokenHashes, limits,
};

use crate::session::Key;
use crate::wanted::{self, Change, NewDoor, Wanted};
use crate::work::Work;
use crate::{ClientError, Event, answer, inbox, outbox, people, succession};

/// How long to wait before a door is asked for again whose tokens are not known any more, in milliseconds.
const RETRY_MS: u64 = 3_600_000;
/// Who was let in and is not heard may ask for another place after so long, in milliseconds: less than
/// it takes an honest program to ask anew.
const REPLACE_MS: Millis = 9 * 60_000;

/// Whether an account answers requests: it may add people, and may change what counts them.
pub(crate) fn may_let_in(policy: &Policy, account: &AccountId) -> bool {
    policy.role(account) >= policy.may_add.max(Role::Admin)
}

/// Makes, reads and closes doors on the server.
pub(crate) fn go_on(work: &mut Work<'_>) -> Result<(), ClientError> {
    for row in work.tx.doors()? {
        let secret = DoorSecret::from_bytes(row.secret);
        let door = row.door;
        match row.state {
            DoorState::Making => work.ask(Key::Door(door), |_| Request::Create {
                log: door,
                permit: Permit::Open,
                tokens: secret.token_hashes(),
                admins: vec![secret.admin_secret().public()],
            }),
            DoorState::Open if work.core.session.doors.get(&door) == Some(&true) => {
                if work.core.session.is_due(&Key::DoorDue(door), work.now)
                    && let Some(group) = work.find_group(&row.log)?
                {
                    offer(work, &group)?;
                    work.put_group(row.log, group);
                }
            }
            DoorState::Open if !work.core.session.may_ask(&Key::Door(door), work.now) => {}
            // What is past its time is never pushed: only an answer tells where the door ends.
            DoorState::Open => work.ask(Key::DoorEntries(door), |_| Request::Read {
                log: door,
                token: secret.read_token(),
                after: row.cursor,
                after_id: None,
                limit: inbox::PAGE_ENTRIES,
            }),
            DoorState::Closing => {
                let after = work.core.session.closing.get(&door).copied().unwrap_or(0);
                work.ask(Key::Door(door), |_| closing((&door, after), &secret));
            }
        }
    }
    Ok(())
}

/// The request that closes a door for good: who asks there later is told so.
fn closing((door, after_commit): (&LogId, Seq), secret: &DoorSecret) -> Request {
    const NO_TOKENS: TokenHashes =
        TokenHashes { read: TokenHash([0; 32]), write: TokenHash([0; 32]) };
    // The same on every try.
    let id = EntryId(door.0);
    let plan = RiderPlan { freeze: Some(true), ..RiderPlan::default() };
    let place = RiderPlace { log: *door, id, kind: Kind::Freeze, bytes: &[] };
    let rider = Some(secret.admin_secret().sign_rider(&plan, NO_TOKENS, &place));
    let token = door_write_token(&secret.link_secret());
    let bare = Append::bare((*door, token), id, Kind::Freeze, Vec::new());
    Request::Append(Append { after_commit, rider, ..bare })
}

/// The server has made a door.
pub(crate) fn made(work: &mut Work<'_>, door: &LogId) -> Result<(), ClientError> {
    let Some(row) = work.tx.door(door)?.filter(|row| row.state == DoorState::Making) else {
        return Ok(());
    };
    work.tx.put_door(&DoorRow { state: DoorState::Open, ..row.clone() })?;
    if let Some(out) = naming(work, &row)?.filter(|out| out.state == OutboxState::Preparing) {
        work.core.session.dirty.insert(out.log);
        work.tx.update_outbox(&OutboxRow { state: OutboxState::Queued, ..out })?;
    }
    Ok(())
}

/// The server pushes what comes to a door.
pub(crate) fn followed(work: &mut Work<'_>, door: &LogId) -> Result<(), ClientError> {
    work.core.session.doors.insert(*door, true);
    answer::tell_when_live(work)
}

/// The server has closed a door.
pub(crate) fn closed(work: &Work<'_>, door: &LogId) -> Result<(), ClientError> {
    match work.tx.door(door)? {
        Some(row) if row.state == DoorState::Closing => Ok(work.tx.delete_door(door)?),
        _ => Ok(()),
    }
}

/// Somebody has given a door other tokens, which nobody inside does: it is asked for now and then.
pub(crate) fn ended(work: &mut Work<'_>, door: &LogId) -> Result<(), ClientError> {
    if work.tx.door(door)?.is_some() {
        work.core.session.doors.insert(*door, false);
        work.core.session.put_off(Key::DoorEntries(*door), work.now + RETRY_MS);
    }
    Ok(())
}

/// The change that waits until the server has made a door, in whichever log of the chat.
fn naming(work: &Work<'_>, row: &DoorRow) -> Result<Option<OutboxRow>, ClientError> {
    for log in work.tx.outbox_logs()? {
        for out in work.tx.outbox(&log)? {
            if let Wanted::Change(Change::SetDoor(Some(new))) = wanted::decode(&out.body)?
                && new.log == row.door.0
            {
                return Ok(Some(out));
            }
        }
    }
    Ok(None)
}

/// The server does not do what a door needs.
pub(crate) fn refused(
    work: &mut Work<'_>,
    door: &LogId,
    refused: &Refused,
) -> Result<(), ClientError> {
    let Some(row) = work.tx.door(door)? else { return Ok(()) };
    match (row.state, refused) {
        (DoorState::Making, refused) => {
            if let Some(out) = naming(work, &row)? {
                let words = format!("the link could not be made: {}", answer::words(refused));
                work.tx.delete_outbox(out.position)?;
                work.core.session.dirty.insert(out.log);
                if let Some(intent) = out.intent {
                    outbox::fail_intent(work, intent, &words)?;
                }
            }
            work.tx.delete_door(door)?;
        }
        // The server was restored from an older copy, which had not the door yet.
        (DoorState::Open, Refused::NotFound) => {
            work.tx.put_door(&DoorRow { state: DoorState::Making, cursor: 0, ..row })?;
        }
        (DoorState::Open, Refused::Beyond { head }) => {
            work.tx.put_door(&DoorRow { cursor: *head, ..row })?;
        }
        (DoorState::Open, _) => {
            ended(work, door)?;
            answer::tell_when_live(work)?;
        }
        // Somebody with the link has written what looks like a commit; or its tokens were changed.
        (DoorState::Closing, Refused::Stale { last_commit })
            if work.core.session.closing.insert(*door, *last_commit) != Some(*last_commit) => {}
        // It is closed, or is not there.
        (DoorState::Closing, _) => work.tx.delete_door(door)?,
    }
    Ok(())
}

/// Whoever waits and can come in is to be let in, where the chat goes on.
fn offer(work: &mut Work<'_>, group: &Group) -> Result<(), ClientError> {
    let Some(door) = group.policy().door.as_ref().filter(|door| !door.approves) else {
        return Ok(());
    };
    let Some(row) = work.tx.log(&group.log())? else { return Ok(()) };
    if row.state != LogState::Active
        || succession::goes_on_elsewhere(work, &row)?
        || outbox::admits(work, &row.log)?
    {
        return Ok(());
    }
    if !usable(work, group, (door, |_| true))?.is_empty() {
        return outbox::elect_admission(work, group);
    }
    // Who asks for another place too soon after they got theirs is not forgotten.
    let awaited: BTreeMap<DeviceId, Millis> = work.tx.awaited(&group.log())?.into_iter().collect();
    let asked = work.tx.join_requests(&door.log)?;
    let added = asked.iter().filter_map(|row| awaited.get(&row.device));
    if let Some(first) = added.map(|added| added + REPLACE_MS).filter(|due| *due > work.now).min() {
        work.core.session.put_off(Key::DoorDue(door.log), first);
    }
    Ok(())
}

/// The requests that can be carried out now, in order, as many as the door has room for and a person or
/// a commit has `chosen`.
pub(crate) fn usable(
    work: &Work<'_>,
    group: &Group,
    (door, chosen): (&Door, impl Fn(&AccountId) -> bool),
) -> Result<Vec<JoinRequestRow>, ClientError> {
    let mut rows = work.tx.join_requests(&door.log)?;
    if rows.is_empty() {
        return Ok(rows);
    }
    let awaited: BTreeMap<DeviceId, Millis> = work.tx.awaited(&group.log())?.into_iter().collect();
    let mut leaves: BTreeMap<AccountId, usize> = BTreeMap::new();
    let mut devices = BTreeSet::new();
    for member in group.members() {
        *leaves.entry(member.credential.certificate.account).or_default() += 1;
        devices.insert(member.credential.certificate.device);
    }
    // Who has a place and never took it asks for another: its invitation was lost.
    let lost = |device: &DeviceId| {
        let added = awaited.get(device);
        added.is_some_and(|added| work.now.saturating_sub(*added) >= REPLACE_MS)
    };
    let mut room = door.room(work.now);
    let mut leaf_room = group.leaf_room();
    let mut usable = |row: &JoinRequestRow| {
        let inside = leaves.get(&row.account).copied().unwrap_or(0);
        let has_place = devices.contains(&row.device);
        let fits = match has_place {
            true => lost(&row.device),
            false => leaf_room > 0 && inside < limits::DEVICES_MAX && (inside > 0 || room > 0),
        };
        let comes = fits && chosen(&row.account) && !group.policy().banned.contains(&row.account);
        leaf_room -= usize::from(comes && !has_place);
        room -= u64::from(comes && inside == 0);
        comes
    };
    rows.retain(|row| usable(row));
    Ok(rows)
}

/// Up to where a door is dealt with, once these requests are: before the first that may still come in.
pub(crate) fn done_up_to(
    work: &Work<'_>,
    group: &Group,
    (door, taken): (&Door, &[JoinRequestRow]),
) -> Result<Seq, ClientError> {
    let last = taken.iter().map(|row| row.seq).fold(door.done, Seq::max);
    let awaited: BTreeMap<DeviceId, Millis> = work.tx.awaited(&group.log())?.into_iter().collect();
    let members = group.members().into_iter();
    let devices: BTreeSet<DeviceId> =
        members.map(|member| member.credential.certificate.device).collect();
    let waits = |row: &&JoinRequestRow| {
        let has_place = devices.contains(&row.device) && !awaited.contains_key(&row.device);
        let is_taken = taken.iter().any(|taken| taken.seq == row.seq);
        !is_taken && !has_place && !group.policy().banned.contains(&row.account)
    };
    let rows = work.tx.join_requests(&door.log)?;
    Ok(rows.iter().find(waits).map_or(last, |row| last.min(row.seq.saturating_sub(1))))
}

/// A kept request.
pub(crate) fn opened(row: &JoinRequestRow) -> Result<JoinRequest, ClientError> {
    Ok(JoinRequest::decode(&row.body)?)
}

/// A commit was applied, or this device has come in: it looks after the group's door while it has the
/// right; `own` tells whether it made the commit.
pub(crate) fn look_after(
    work: &mut Work<'_>,
    row: &LogRow,
    group: &Group,
    own: bool,
) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let policy = group.policy();
    let door = policy.door.as_ref().filter(|_| may_let_in(policy, &me));
    // Nobody makes a door of another chat's log.
    let is_log = door.map(|door| work.tx.log(&door.log)).transpose()?.flatten().is_some();
    let mine = door.filter(|_| !is_log);
    for known in work.tx.doors()?.into_iter().filter(|known| known.log == row.log) {
        let is_it = mine.is_some_and(|door| door.log == known.door);
        if is_it || known.state == DoorState::Closing || naming(work, &known)?.is_some() {
            continue;
        }
        work.tx.delete_door(&known.door)?;
        let is_over = policy.door.as_ref().is_none_or(|door| door.log != known.door);
        if own && is_over {
            work.tx.put_door(&DoorRow { state: DoorState::Closing, ..known })?;
        }
    }
    let Some(door) = mine else { return Ok(()) };
    if work.tx.door(&door.log)?.is_none() {
        // What it was read before, it is read again.
        work.core.session.doors.remove(&door.log);
        work.tx.put_door(&DoorRow {
            door: door.log,
            log: row.log,
            secret: *door.secret.as_bytes(),
            cursor: door.done,
            state: DoorState::Open,
        })?;
    }
    offer(work, group)
}

/// This device is in a group no more: nor does it look after its door.
pub(crate) fn forget(work: &Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for known in work.tx.doors()?.into_iter().filter(|known| known.log == *log) {
        work.tx.delete_door(&known.door)?;
    }
    Ok(())
}

/// Who was given a place by a commit has no older request that is still to be answered, nor has who lost
/// theirs by it; `own` tells whether this device made the commit. Who does not read the door remembers that,
/// too: it may begin to.
pub(crate) fn settle(
    work: &mut Work<'_>,
    group: &Group,
    (summary, own): (&Summary, bool),
) -> Result<(), ClientError> {
    let door = group.policy().door.as_ref().map(|door| door.log);
    if let Some(before) = &summary.policy_before.door
        && door != Some(before.log)
        && work.tx.door(&before.log)?.is_none()
    {
        work.tx.delete_door(&before.log)?;
    }
    let Some(door) = door else { return Ok(()) };
    let reads = work.tx.door(&door)?.is_some();
    work.core.session.admissions.remove(&door);
    let came = summary.added.iter().chain(&summary.replaced).map(|who| (who, true));
    let went = summary.removed.iter().map(|who| (who, false));
    for (credential, came) in came.chain(went) {
        let account = credential.certificate.account;
        let known = work.tx.join_request(&door, &account)?;
        // Who makes the commit has read what it answers. Another may read that later, or something
        // that was asked before the answer came: no older one counts then.
        let asked = match known {
            Some(known) if !came && known.state == JoinRequestState::Declined => continue,
            Some(known) if own || !came => known.asked,
            Some(known) => known.asked.max(work.now),
            None if came || !reads => work.now,
            None => continue,
        };
        work.tx.put_join_request(&JoinRequestRow {
            door,
            account,
            seq: 0,
            device: credential.certificate.device,
            body: Vec::new(),
            asked,
            state: JoinRequestState::Answered,
        })?;
    }
    let before = work.now.saturating_sub(look::ASKED_MS_MAX);
    Ok(work.tx.forget_answered(&door, before)?)
}

/// This device was away from a group: it does not know who has come and gone since they asked.
pub(crate) fn was_away(work: &Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for known in work.tx.doors()?.into_iter().filter(|known| known.log == *log) {
        for row in work.tx.join_requests(&known.door)? {
            let state = JoinRequestState::Answered;
            work.tx.put_join_request(&JoinRequestRow { state, body: Vec::new(), ..row })?;
        }
    }
    Ok(())
}

/// A commit that lets people in was skipped by all.
pub(crate) fn skipped(
    work: &mut Work<'_>,
    group: &Group,
    out: &OutboxRow,
) -> Result<(), ClientError> {
    if wanted::decode::<Wanted>(&out.body)? == Wanted::Change(Change::Admit) {
        narrow(work, group)?;
        offer(work, group)?;
    }
    Ok(())
}

/// The commit that lets people in cannot be made: one of the requests is not what it seems. Fewer are
/// tried, until the one is found and dropped.
pub(crate) fn narrow(work: &mut Work<'_>, group: &Group) -> Result<(), ClientError> {
    let Some(door) = &group.policy().door else { return Ok(()) };
    let rows = usable(work, group, (door, |_| true))?;
    let limit = work.core.session.admissions.get(&door.log).copied().unwrap_or(usize::MAX);
    let tried = rows.len().min(limit);
    if tried > 1 {
        work.core.session.admissions.insert(door.log, tried / 2);
    } else if let Some(row) = rows.first() {
        let name = people::name(work, &row.account)?;
        let words = format!("{name} cannot be let in: what they asked with is not usable.");
        work.tell(Event::Notice(words));
        work.tx.delete_join_request(&door.log, &row.account)?;
        work.core.session.admissions.remove(&door.log);
    }
    Ok(())
}

/// A door as the policy is to name it.
pub(crate) fn named(new: &NewDoor) -> Door {
    Door {
        log: LogId(new.log),
        secret: DoorSecret::from_bytes(new.secret.0),
        approves: new.approves,
        expires: new.expires,
        uses_max: new.uses_max,
        used: 0,
        done: 0,
    }
}
