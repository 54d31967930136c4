//! The door of a group, for who asks to come in (docs/protocol.md, "Joining by a link").

use veche_mls::{ChatKind, Invitation, JoinRequest, Suite, door_write_token};
use veche_store::{InvitationRow, InvitationState, KnockRow, KnockState};
use veche_wire::{Append, EntryId, JoinLink, Kind, LogId, Millis, Refused, Request};

use crate::api::Reply;
use crate::error::refuse;
use crate::session::Key;
use crate::wanted::{self, Ending, Intent};
use crate::work::Work;
use crate::{ClientError, Event, account, answer, outbox, people};

/// After how long it is asked anew the first time; each time later it is twice as long, in milliseconds.
const AGAIN_MS: Millis = 10 * 60_000;
/// It is asked anew at least once a day.
const AGAIN_MS_MAX: Millis = 24 * 3_600_000;
/// For how long nobody may answer, in milliseconds.
const WAIT_MS: Millis = 14 * 24 * 3_600_000;

/// The person asks to join.
pub(crate) fn ask(work: &mut Work<'_>, link: &JoinLink) -> Result<Reply, ClientError> {
    work.identity()?;
    let server = work.tx.meta(account::SERVER)?.unwrap_or_default();
    if server != link.server.to_string().as_bytes() {
        return refuse("This link is for another server; this home's account is not there.");
    }
    for row in work.tx.logs()? {
        let door = work.look_at_group(&row.log, |group| group.policy().door.clone())?;
        let is_inside = row.state == veche_store::LogState::Active;
        if is_inside && door.flatten().is_some_and(|door| door.log == link.door) {
            return refuse("You are in this group already.");
        }
    }
    let known = work.tx.knocks()?.into_iter().find(|row| row.door == link.door);
    match &known {
        Some(KnockRow { state: KnockState::In, .. }) | None => {}
        Some(KnockRow { intent: Some(intent), .. }) => return Ok(Reply::Intent(*intent)),
        Some(_) => {
            return refuse("You have asked already; the group appears once somebody lets you in.");
        }
    }
    let intent = work.tx.insert_intent(&wanted::encode(&Intent::Knock))?;
    let row = KnockRow {
        door: link.door,
        log: link.log,
        secret: link.secret,
        public_key: link.key,
        id: EntryId([0; 16]),
        sealed: Vec::new(),
        key_packages: known.map(|known| known.key_packages).unwrap_or_default(),
        since: work.now,
        tries: 0,
        state: KnockState::Asking,
        intent: Some(intent),
        suite: link.suite,
    };
    if !make(work, row)? {
        return refuse("This link is damaged: ask for it again.");
    }
    Ok(Reply::Intent(intent))
}

/// Makes a request with a KeyPackage of its own; whether the link can be used.
fn make(work: &mut Work<'_>, row: KnockRow) -> Result<bool, ClientError> {
    let Some(suite) = Suite::from_number(row.suite) else { return Ok(false) };
    let name = people::my_display_name(work)?;
    let (engine, identity) = (&work.core.engine, work.identity()?);
    let package = veche_mls::generate_key_package(engine, work.keep, identity, suite, false)?;
    let reference = veche_mls::key_package_reference(engine, &package, suite)?;
    let id = EntryId::random(&mut work.core.random.clone());
    let request = JoinRequest::new(identity, row.door, package, (name, work.now));
    let Some(sealed) = request.seal(engine, (&row.secret, &row.public_key), &id) else {
        return Ok(false);
    };
    let mut key_packages = row.key_packages.clone();
    // An answer to an earlier one may be on its way.
    key_packages.extend(reference);
    let state = KnockState::Asking;
    work.tx.put_knock(&KnockRow { id, sealed, key_packages, state, ..row })?;
    Ok(true)
}

/// Asks, and asks anew where nobody has answered for long.
pub(crate) fn go_on(work: &mut Work<'_>) -> Result<(), ClientError> {
    for row in work.tx.knocks()? {
        let key = Key::Knock(row.door);
        if work.now.saturating_sub(row.since) >= WAIT_MS {
            match row.state {
                KnockState::In => forget(work, &row)?,
                _ => give_up(work, &row, "nobody has let you in by the link, which may be old")?,
            }
            continue;
        }
        match row.state {
            KnockState::In => {}
            KnockState::Asking => work.ask(key, |_| request(&row)),
            KnockState::Asked { again } if again > work.now => {
                if work.core.session.may_ask(&key, work.now) {
                    work.core.session.put_off(key, again);
                }
            }
            // The answer may lie in the inbox.
            KnockState::Asked { .. } if !has_looked(work)? => {}
            KnockState::Asked { .. } => {
                let row = KnockRow { tries: row.tries + 1, ..row };
                if make(work, row.clone())?
                    && let Some(row) = of_door(work, &row.door)?
                {
                    work.ask(key, |_| request(&row));
                }
            }
        }
    }
    Ok(())
}

fn request(row: &KnockRow) -> Request {
    let door = (row.door, door_write_token(&row.secret));
    Request::Append(Append::bare(door, row.id, Kind::Control, row.sealed.clone()))
}

/// Whether nothing in the inbox, and no invitation, is still to be looked at.
fn has_looked(work: &Work<'_>) -> Result<bool, ClientError> {
    let session = &work.core.session;
    let read = session.inbox.is_some_and(|head| head <= session.inbox_seen);
    let joins = |row: &InvitationRow| row.state == InvitationState::Accepted;
    Ok(read && !work.tx.invitations()?.iter().any(joins))
}

fn of_door(work: &Work<'_>, door: &LogId) -> Result<Option<KnockRow>, ClientError> {
    Ok(work.tx.knocks()?.into_iter().find(|row| row.door == *door))
}

/// The server has the request.
pub(crate) fn asked(work: &mut Work<'_>, door: &LogId) -> Result<(), ClientError> {
    let Some(row) = of_door(work, door)?.filter(|row| row.state == KnockState::Asking) else {
        return Ok(());
    };
    let wait = AGAIN_MS.saturating_mul(1 << row.tries.min(10)).min(AGAIN_MS_MAX);
    let (intent, state) = (row.intent, KnockState::Asked { again: work.now + wait });
    work.tx.put_knock(&KnockRow { state, intent: None, ..row })?;
    intent.map_or(Ok(()), |intent| outbox::settle_intent(work, intent, &Ending::Done))
}

/// The server does not take it.
pub(crate) fn refused(
    work: &mut Work<'_>,
    door: &LogId,
    refused: &Refused,
) -> Result<(), ClientError> {
    let Some(row) = of_door(work, door)?.filter(|row| row.state != KnockState::In) else {
        return Ok(());
    };
    match refused {
        // A restored server gets the door again from who reads it.
        Refused::NotFound if row.intent.is_none() => {
            let state = KnockState::Asked { again: work.now + AGAIN_MS };
            Ok(work.tx.put_knock(&KnockRow { state, ..row })?)
        }
        Refused::Frozen | Refused::NotFound | Refused::Forbidden | Refused::Stale { .. } => {
            give_up(work, &row, "the link is not valid any more: ask for a new one")
        }
        other => give_up(work, &row, &answer::words(other)),
    }
}

fn give_up(work: &mut Work<'_>, row: &KnockRow, words: &str) -> Result<(), ClientError> {
    match row.intent {
        Some(intent) => outbox::fail_intent(work, intent, words)?,
        None => work.tell(Event::Notice(format!("You do not join a group: {words}."))),
    }
    forget(work, row)
}

/// Whether an invitation answers a request of this device: it is into the log that the link names, for a
/// KeyPackage that was made for that.
pub(crate) fn is_answer(work: &Work<'_>, invitation: &Invitation) -> Result<bool, ClientError> {
    if invitation.kind != ChatKind::Group {
        return Ok(false);
    }
    let for_whom = veche_mls::welcomed(&invitation.welcome);
    let answers = |row: &KnockRow| {
        let mut own = row.key_packages.chunks_exact(veche_mls::REFERENCE_BYTES);
        row.log == invitation.log
            && own.any(|own| for_whom.iter().any(|reference| reference == own))
    };
    Ok(work.tx.knocks()?.iter().any(answers))
}

/// This device is in a log, however it came in: it asks no more. What was made for that is kept, since
/// another answer may be on its way.
pub(crate) fn joined(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for row in work.tx.knocks()?.into_iter().filter(|row| row.log == *log) {
        // Who is in need not hear first that the server has the request.
        if let Some(intent) = row.intent {
            outbox::settle_intent(work, intent, &Ending::Done)?;
        }
        let (state, since) = (KnockState::In, work.now);
        work.tx.put_knock(&KnockRow { state, since, intent: None, sealed: Vec::new(), ..row })?;
    }
    Ok(())
}

/// What was made for asking is forgotten.
fn forget(work: &mut Work<'_>, row: &KnockRow) -> Result<(), ClientError> {
    for reference in row.key_packages.chunks_exact(veche_mls::REFERENCE_BYTES) {
        veche_mls::forget_key_package_reference(&work.core.engine, work.keep, reference)?;
    }
    Ok(work.tx.delete_knock(&row.door)?)
}
