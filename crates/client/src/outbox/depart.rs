//! After leaving: this device does not see whether its request to be removed was carried out, and a
//! server restored from an older copy has lost it. So it looks for it for a while, and where it is
//! gone, says it again, with what this person had said last before it.

use veche_mls::{Control, Envelope, Group, Invitation, LeaveRequest, Role};
use veche_store::{DepartureRow, LogRow, OutboxRow};
use veche_wire::{
    AccountId, Append, Commitment, DeviceRecord, Entry, EntryId, Kind, LogId, Millis, Refused,
    Request,
};

use crate::session::Key;
use crate::wanted::{self, Id, Intent, Person, Purpose};
use crate::work::Work;
use crate::{ClientError, gather};

/// For how long it is looked for, in milliseconds.
const DEPARTED_MS: Millis = 30 * 24 * 3_600_000;

/// How many members are asked through their inboxes where the log does not take the request any more.
const MEMBERS_ASKED: usize = 3;

/// Whom to ask then: admins first.
pub(super) fn members_to_ask(group: &Group, me: &AccountId) -> Vec<u8> {
    let policy = group.policy();
    let mut line: Vec<(bool, AccountId)> = group
        .accounts()
        .into_iter()
        .filter(|account| account != me)
        .map(|account| (policy.role(&account) < Role::Admin, account))
        .collect();
    line.sort_unstable();
    let ids: Vec<Id> = line.iter().take(MEMBERS_ASKED).map(|(_, who)| Id(who.0)).collect();
    wanted::encode(&ids)
}

/// Keeps a request that the server has, before the keys of the chat are dropped.
pub(crate) fn depart(work: &Work<'_>, row: &LogRow, out: &OutboxRow) -> Result<(), ClientError> {
    let secret = super::secret_of(work, row, out.epoch)?;
    let (Some(secret), Some(bytes)) = (secret, out.sealed.clone()) else { return Ok(()) };
    let key = secret.control_key(&row.log, out.epoch);
    let plain = key.open(&row.log, &out.id, &bytes).unwrap_or_default();
    let Ok(Control::Leave(request)) = Control::decode(&plain) else { return Ok(()) };
    Ok(work.tx.put_departure(&DepartureRow {
        log: row.log,
        id: out.id,
        seq: out.wait_until,
        read_token: secret.read_token(&row.log, out.epoch),
        write_token: secret.write_token(&row.log, out.epoch),
        bytes,
        request: request.encode(),
        members: out.draft.clone().unwrap_or_default(),
        asked: work.now,
    })?)
}

/// Whether an invitation is for a place that this device's request to leave names, too: it had asked for that
/// place before, and its person has left.
pub(crate) fn has_given_up(work: &Work<'_>, invitation: &Invitation) -> Result<bool, ClientError> {
    let Some(departure) = departure(work, &invitation.log)? else { return Ok(false) };
    let named = LeaveRequest::decode(&departure.request)?.leaf_keys;
    let (engine, welcome) = (&work.core.engine, &invitation.welcome);
    let key = veche_mls::welcomed_leaf_key(engine, work.keep, welcome)?;
    Ok(key.is_some_and(|key| named.contains(&key)))
}

/// How long members may take to bring a restored log back, in milliseconds: what they have comes first,
/// so that what this person said keeps its order.
const PATIENCE_MS: Millis = 60_000;
/// How often it is looked at meanwhile, in milliseconds.
const LOOK_AGAIN_MS: Millis = 10_000;

/// Looks for the requests, once on each connection.
pub(crate) fn look_for_departures(work: &mut Work<'_>) -> Result<(), ClientError> {
    if !std::mem::replace(&mut work.core.session.departures_known, true) {
        for row in work.tx.departures()? {
            if row.asked + DEPARTED_MS < work.now {
                work.tx.delete_departure(&row.log)?;
            } else {
                work.core.session.departures.insert(row.log, None);
            }
        }
    }
    let logs: Vec<LogId> = work.core.session.departures.keys().copied().collect();
    for log in logs {
        let Some(row) = departure(work, &log)? else {
            // It has come in again since.
            work.core.session.departures.remove(&log);
            continue;
        };
        work.ask(Key::Departure(log), |_| Request::Read {
            log,
            token: row.read_token,
            after: row.seq,
            after_id: Some(row.id),
            limit: 0,
        });
    }
    Ok(())
}

/// What came of looking for a request: whether the log still has it, where the server says so.
pub(crate) fn looked_for_departure(
    work: &mut Work<'_>,
    log: &LogId,
    is_there: Option<bool>,
) -> Result<(), ClientError> {
    if is_there == Some(false) {
        let since = *work.core.session.departures.entry(*log).or_default().get_or_insert(work.now);
        if work.now < since + PATIENCE_MS {
            work.core.session.put_off(Key::Departure(*log), work.now + LOOK_AGAIN_MS);
            return Ok(());
        }
        depart_again(work, log)?;
    }
    work.core.session.departures.remove(log);
    Ok(())
}

/// The server does not have a request any more: what this person said last goes first, in its order.
fn depart_again(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    let Some(departure) = departure(work, log)? else { return Ok(()) };
    let Some(row) = work.tx.log(log)? else { return Ok(()) };
    super::tell_of_restoration(work);
    let mut prev = None;
    for kept in work.tx.entries_after(log, row.last_commit)? {
        let entry = Entry::decode(&kept.frame)?;
        if kept.wanted.is_some() && entry.kind == Kind::Message {
            let what = (entry.id, entry.kind, entry.commitment, entry.bytes);
            append(work, (&departure, row.last_commit), prev.replace(entry.id), what);
        }
    }
    let what = (departure.id, Kind::Control, None, departure.bytes.clone());
    append(work, (&departure, row.last_commit), prev, what);
    Ok(())
}

/// Id, kind, commitment and sealed bytes of an entry.
type What = (EntryId, Kind, Option<Commitment>, Vec<u8>);

fn append(
    work: &mut Work<'_>,
    (departure, after_commit): (&DepartureRow, u64),
    prev: Option<EntryId>,
    (id, kind, commitment, bytes): What,
) {
    let (log, token) = (departure.log, departure.write_token);
    work.ask(Key::Append(log, id), |_| {
        let bare = Append::bare((log, token), id, kind, bytes);
        Request::Append(Append { after_commit, prev, commitment, ..bare })
    });
}

fn departure(work: &Work<'_>, log: &LogId) -> Result<Option<DepartureRow>, ClientError> {
    Ok(work.tx.departures()?.into_iter().find(|row| row.log == *log))
}

/// Whether an append was such a request; then it is answered here.
pub(super) fn answered(
    work: &mut Work<'_>,
    log: &LogId,
    entry: &EntryId,
    outcome: Result<u64, &Refused>,
) -> Result<bool, ClientError> {
    let Some(mut row) = departure(work, log)?.filter(|row| row.id == *entry) else {
        return Ok(false);
    };
    match outcome {
        Ok(seq) => {
            row.seq = seq;
            work.tx.put_departure(&row)?;
        }
        // Its generation has ended in another way, or not begun: members are told otherwise.
        Err(Refused::Stale { .. } | Refused::Forbidden) => {
            let members: Vec<Id> = wanted::decode(&row.members)?;
            let people = members.iter().map(|who| gather::by_account(&AccountId(who.0))).collect();
            let intent = Intent::Gather { purpose: Purpose::Depart { log: log.0 }, people };
            work.tx.insert_intent(&wanted::encode(&intent))?;
        }
        Err(_) => {}
    }
    Ok(true)
}

/// The members' inboxes are known: the request goes into them, and that is all that can be done.
pub(crate) fn tell_of_departure(
    work: &mut Work<'_>,
    log: &LogId,
    people: &[Person],
) -> Result<(), ClientError> {
    let Some(row) = departure(work, log)? else { return Ok(()) };
    let envelope = Envelope::Leave(LeaveRequest::decode(&row.request)?);
    for device in people.iter().flat_map(|person| &person.devices) {
        super::send_envelope(work, &DeviceRecord::decode(&device.record)?, &envelope)?;
    }
    Ok(work.tx.delete_departure(log)?)
}
