//! What comes to a door: read, judged, and kept until somebody answers.

use veche_mls::{DoorSecret, Group, Suite};
use veche_store::{DoorRow, DoorState, JoinRequestRow, JoinRequestState, Tx};
use veche_wire::{AccountId, DeviceId, Entry, Kind, LogId, Millis, Request, Seq};

use super::{may_let_in, offer};
use crate::command::FULL;
use crate::session::{Key, Session};
use crate::work::Work;
use crate::{ClientError, Event, people};

/// How many requests of a door wait here at most; who asks beyond that asks again later.
const REQUESTS_MAX: u64 = 10_000;
/// A request that was made so long ago is not answered, in milliseconds: who asked has given up.
pub(super) const ASKED_MS_MAX: Millis = 14 * 24 * 3_600_000;

/// Entries of a door.
pub(crate) fn accept(
    work: &mut Work<'_>,
    door: &LogId,
    entries: &[Entry],
) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.door(door)? else { return Ok(()) };
    let Some(group) = work.find_group(&row.log)? else {
        return Ok(work.tx.delete_door(door)?);
    };
    let taken = take_all(work, (&mut row, &group), entries);
    work.put_group(row.log, group);
    taken
}

fn take_all(
    work: &mut Work<'_>,
    (row, group): (&mut DoorRow, &Group),
    entries: &[Entry],
) -> Result<(), ClientError> {
    let policy = group.policy();
    let open = policy.door.as_ref().filter(|open| open.log == row.door);
    let is_open = open.is_some_and(|open| open.room(work.now) > 0);
    for entry in entries.iter().filter(|entry| entry.seq > row.cursor) {
        if open.is_some() && entry.kind == Kind::Control {
            take(work, (row, group, is_open), entry)?;
        }
    }
    row.cursor = entries.iter().map(|entry| entry.seq).fold(row.cursor, Seq::max);
    work.tx.put_door(row)?;
    offer(work, group)
}

/// What a door has after the cursor; where that is nothing, it is followed from its end.
pub(crate) fn caught_up(
    work: &mut Work<'_>,
    door: &LogId,
    (entries, head): (&[Entry], Seq),
) -> Result<(), ClientError> {
    accept(work, door, entries)?;
    let Some(row) = work.tx.door(door)? else { return Ok(()) };
    if entries.is_empty() {
        let token = DoorSecret::from_bytes(row.secret).read_token();
        let log = *door;
        work.tx.put_door(&DoorRow { cursor: head, ..row })?;
        work.ask(Key::Door(log), |_| Request::Subscribe {
            log,
            token,
            after: head,
            after_id: None,
        });
    }
    Ok(())
}

/// Whether all open doors were read to their ends, as far as the server shows them.
pub(crate) fn are_read(tx: &Tx<'_>, session: &Session) -> Result<bool, ClientError> {
    let read =
        |row: &DoorRow| row.state != DoorState::Open || session.doors.contains_key(&row.door);
    Ok(tx.doors()?.iter().all(read))
}

/// Keeps a request, where it is one: made for this door by a device that its account has certified, and
/// under a name that the directory has given the account, so that a flood of requests costs as many
/// registrations. An account has one request.
fn take(
    work: &mut Work<'_>,
    (row, group, is_open): (&DoorRow, &Group, bool),
    entry: &Entry,
) -> Result<(), ClientError> {
    let engine = &work.core.engine;
    let policy = group.policy();
    let secret = DoorSecret::from_bytes(row.secret);
    let Some(request) = secret.open(engine, (&row.door, &entry.id), &entry.bytes) else {
        return Ok(());
    };
    let suite = group.suite().unwrap_or(Suite::Classic);
    let Some((credential, record)) = request.verify(engine, suite) else { return Ok(()) };
    let account = record.certificate.account;
    // Who has a place already takes no room.
    if !is_open && group.member_of_device(&record.certificate.device).is_none() {
        return Ok(());
    }
    let is_old = work.now.saturating_sub(request.asked) >= ASKED_MS_MAX;
    if is_old || policy.banned.contains(&account) || !people::proves_name(work, &credential)? {
        return Ok(());
    }
    let known = work.tx.join_request(&row.door, &account)?;
    // The server may show one again, and who has read it may write it again.
    let is_known = known.as_ref().is_some_and(|known| {
        known.asked >= request.asked || known.state == JoinRequestState::Declined
    });
    if is_known || work.tx.join_request_count(&row.door)? >= REQUESTS_MAX {
        return Ok(());
    }
    let name = people::learn(work, &credential)?;
    people::learn_display_name(work, &account, request.display_name.as_ref())?;
    work.tx.put_join_request(&JoinRequestRow {
        door: row.door,
        account,
        seq: entry.seq,
        device: record.certificate.device,
        body: request.encode(),
        asked: request.asked,
        state: JoinRequestState::Waiting,
    })?;
    let waited = known.is_some_and(|known| known.state == JoinRequestState::Waiting);
    if policy.door.as_ref().is_some_and(|door| door.approves) && !waited {
        let chat = chat_of(work, group)?;
        work.tell(Event::JoinRequest { chat, account });
    }
    if !work.core.session.full.contains(&group.log()) && group.leaf_room() == 0 {
        work.core.session.full.insert(group.log());
        work.tell(Event::Notice(format!("{name} asks to join {}. {FULL}", policy.title)));
    }
    Ok(())
}

fn chat_of(work: &Work<'_>, group: &Group) -> Result<LogId, ClientError> {
    let log = group.log();
    Ok(work.tx.log(&log)?.map_or(log, |row| row.chat))
}

/// Another member has declined whatever an account asks at the door.
pub(crate) fn declined(
    work: &mut Work<'_>,
    group: &Group,
    (by, account): (&AccountId, &AccountId),
) -> Result<(), ClientError> {
    let door = group.policy().door.as_ref().filter(|_| may_let_in(group.policy(), by));
    let Some(door) = door.map(|door| door.log) else { return Ok(()) };
    if work.tx.door(&door)?.is_none() {
        return Ok(());
    }
    let known = work.tx.join_request(&door, account)?;
    work.tx.put_join_request(&JoinRequestRow {
        door,
        account: *account,
        seq: 0,
        device: known.map_or(DeviceId([0; 32]), |known| known.device),
        body: Vec::new(),
        asked: work.now,
        state: JoinRequestState::Declined,
    })?;
    // One less waits for a decision.
    let chat = chat_of(work, group)?;
    work.tell(Event::Chat(chat));
    Ok(())
}
