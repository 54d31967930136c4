//! What the server answers, by what was asked.

use veche_store::LogState;
use veche_wire::{LogId, Push, Refused, Request, Response};

use crate::session::{Key, Stage, Subscription};
use crate::work::Work;
use crate::{
    ClientError, Connection, Event, account, blobs, door, gather, inbox, invitation, knock, outbox,
};

/// How long to wait after a refusal that may pass by itself, in milliseconds.
const RETRY_MS: u64 = 2_000;
/// How often a subscription ends in one generation before this device is taken to be locked out: the
/// rotation itself may come late.
const ENDINGS_MAX: u32 = 3;
/// How long to wait before a chat is asked for again whose tokens this device does not have, in
/// milliseconds.
const LOCKED_OUT_MS: u64 = 10_000;

/// An answer came.
pub(crate) fn answered(
    work: &mut Work<'_>,
    key: Key,
    response: Response,
) -> Result<(), ClientError> {
    match response {
        // What may pass by itself is asked again later, whatever it was.
        Response::Refused(Refused::Later { ms }) => {
            put_off(work, key, u64::from(ms));
            Ok(())
        }
        Response::Refused(Refused::Broken | Refused::Full) => {
            put_off(work, key, RETRY_MS);
            Ok(())
        }
        Response::Refused(refused) => refused_for(work, key, refused),
        response => done(work, key, response),
    }
}

fn put_off(work: &mut Work<'_>, key: Key, ms: u64) {
    if let Key::Append(log, _) = &key {
        work.core.session.dirty.insert(*log);
    }
    work.core.session.put_off(key, work.now + ms.max(10));
}

fn done(work: &mut Work<'_>, key: Key, response: Response) -> Result<(), ClientError> {
    match (key, response) {
        (Key::Hello, Response::Hello { nonce, directory_key, .. }) => {
            work.tx.set_meta(account::DIRECTORY_KEY, &directory_key)?;
            work.core.session.stage = Stage::Up { nonce };
            work.core.session.dirty.extend(work.tx.outbox_logs()?);
            work.tell(Event::Connection(Connection::CatchingUp));
            Ok(())
        }
        (Key::Register, Response::Registered { name }) => account::registered(work, name),
        (Key::Invites, Response::Done) => {
            work.core.session.invites_set = true;
            Ok(())
        }
        (Key::Packages(suite), Response::KeyPackagesLeft { count }) => {
            account::packages_left(work, suite, count)
        }
        (Key::Inbox, Response::InboxSubscribed { head }) => {
            work.core.session.inbox = Some(head);
            Ok(())
        }
        (Key::Create(log), Response::Done) => outbox::created(work, &log),
        (Key::Subscribe(log), Response::Subscribed { head }) => subscribed(work, log, head),
        (Key::Fork(log, at), Response::Entries { .. }) => {
            inbox::restored::looked(work, &log, at, true);
            Ok(())
        }
        (Key::Departure(log), Response::Entries { .. }) => {
            outbox::looked_for_departure(work, &log, Some(true))
        }
        (Key::Order(log), Response::Entries { entries, .. }) => {
            inbox::order::compared(work, &log, &entries)
        }
        (Key::Missed(log), Response::Entries { entries, .. }) => {
            inbox::unread::looked_through(work, &log, Some(&entries))
        }
        (Key::Gap(log), Response::Entries { entries, head }) => {
            inbox::gap_told(work, &log, (&entries, head))
        }
        (Key::Append(log, entry), Response::Appended { seq }) => {
            outbox::acknowledged(work, &log, &entry, seq)
        }
        (Key::Lookup(intent, person), Response::Account(record)) => {
            gather::looked_up(work, intent, person, Some(record))
        }
        (Key::Package(intent, person, device), Response::KeyPackage { bytes }) => {
            gather::package_taken(work, (intent, person, device), Some(bytes))
        }
        (Key::Probe(log), Response::Entries { entries, head }) => {
            probed(work, &log, (&entries, head))
        }
        (Key::Deliver(id), Response::Done) => outbox::delivered(work, &id),
        (Key::Door(door), Response::Done) => door::made(work, &door),
        (Key::Door(door), Response::Subscribed { .. }) => door::followed(work, &door),
        (Key::Door(door), Response::Appended { .. }) => door::closed(work, &door),
        (Key::DoorEntries(door), Response::Entries { entries, head }) => {
            door::caught_up(work, &door, (&entries, head))
        }
        (Key::Knock(door), Response::Appended { .. }) => knock::asked(work, &door),
        (Key::Upload(blob), Response::BlobHas { have, .. }) => blobs::uploaded(work, &blob, have),
        (Key::Download(blob), Response::BlobPart { total, bytes }) => {
            blobs::downloaded(work, &blob, total, &bytes)
        }
        _ => Ok(()),
    }
}

fn refused_for(work: &mut Work<'_>, key: Key, refused: Refused) -> Result<(), ClientError> {
    match key {
        Key::Hello => {
            let words = words(&refused);
            work.core.session.stage = Stage::Incompatible(words.clone());
            work.tell(Event::Connection(Connection::Incompatible(words)));
            Ok(())
        }
        Key::Register => account::registration_refused(work, registration_words(&refused)),
        Key::Create(log) => outbox::not_created(work, &log, &words(&refused)),
        Key::Subscribe(log) => not_subscribed(work, &log, &refused),
        Key::Append(log, entry) => outbox::refused(work, &log, &entry, &refused),
        Key::Lookup(intent, person) => match refused {
            Refused::NotFound => gather::looked_up(work, intent, person, None),
            other => gather::not_to_be_had(work, (intent, person), &words(&other)),
        },
        Key::Package(intent, person, device) => match refused {
            Refused::NotFound => gather::package_taken(work, (intent, person, device), None),
            other => gather::not_to_be_had(work, (intent, person), &words(&other)),
        },
        Key::Deliver(id) => outbox::not_delivered(work, &id, &refused),
        Key::Door(door) | Key::DoorEntries(door) => door::refused(work, &door, &refused),
        Key::Knock(door) => knock::refused(work, &door, &refused),
        Key::Upload(blob) => match refused {
            Refused::BlobOffset { have } => blobs::uploaded(work, &blob, have),
            other => blobs::refused(work, &blob, &words(&other)),
        },
        Key::Download(blob) => blobs::failed(work, &blob, &words(&refused)),
        Key::Inbox | Key::Invites | Key::Packages(_) | Key::Erase => {
            // The server does not know this device (any more): say again who we are.
            work.core.session.registered = false;
            work.core.session.put_off(key, work.now + RETRY_MS);
            work.core.session.put_off(Key::Register, work.now + RETRY_MS);
            Ok(())
        }
        Key::Fork(log, at) => {
            match refused {
                Refused::Beyond { .. } => inbox::restored::looked(work, &log, at, false),
                _ => inbox::restored::not_looked(work, &log),
            }
            Ok(())
        }
        Key::Departure(log) => {
            // Tokens that it does not know are of a generation that it has lost.
            let is_gone = matches!(refused, Refused::Beyond { .. } | Refused::Forbidden);
            let is_there = is_gone.then_some(false);
            outbox::looked_for_departure(work, &log, is_there)
        }
        Key::Missed(log) => inbox::unread::looked_through(work, &log, None),
        // A gap that cannot be asked about shows again, and so does another order.
        Key::Order(log) => {
            work.core.session.suspicions.remove(&log);
            Ok(())
        }
        Key::Signal(_) | Key::Probe(_) | Key::Gap(_) | Key::DoorDue(_) => Ok(()),
    }
}

fn subscribed(work: &mut Work<'_>, log: LogId, head: u64) -> Result<(), ClientError> {
    work.core.session.unfollowed.remove(&log);
    work.core.session.missing.remove(&log);
    let probed = work.core.session.probes.remove(&log).is_some();
    if probed && work.tx.log(&log)?.is_some_and(|row| row.cursor >= head) {
        // The right is over that this was read with, and the next one is not known to the server.
        work.core.session.put_off(Key::Subscribe(log), work.now + RETRY_MS);
    }
    outbox::find_lost(work, &log, head)?;
    if !work.core.session.ended.remove(&log) {
        let generation = work.tx.log(&log)?.map_or(0, |row| row.generation);
        let subscription = Subscription { head, fresh: true, generation };
        work.core.session.subscriptions.insert(log, subscription);
    }
    probe_for_trimming(work, log, head)?;
    work.core.session.dirty.insert(log);
    tell_when_live(work)
}

fn not_subscribed(work: &mut Work<'_>, log: &LogId, refused: &Refused) -> Result<(), ClientError> {
    let Some(row) = work.tx.log(log)? else { return Ok(()) };
    match refused {
        Refused::Beyond { head } => return inbox::restored::beyond(work, &row, *head),
        // Made after the copy that the server was restored from.
        Refused::NotFound => inbox::restored::log_lost(work, row)?,
        // Our generation is newer than the server's: it was restored. An older token of ours tells.
        Refused::Forbidden => inbox::restored::token_unknown(work, row)?,
        other => {
            let words = format!("A chat cannot be followed: {}", words(other));
            work.tell(Event::Notice(words));
            work.core.session.put_off(Key::Subscribe(*log), work.now + RETRY_MS);
        }
    }
    if !work.core.session.may_ask(&Key::Subscribe(*log), work.now) {
        // Other chats need not wait for this one.
        work.core.session.unfollowed.insert(*log);
    }
    tell_when_live(work)
}

/// Entries are to come: one is asked for, to learn whether the server still has them. Where all of
/// them have expired nothing would be pushed.
fn probe_for_trimming(work: &mut Work<'_>, log: LogId, head: u64) -> Result<(), ClientError> {
    let Some(row) = work.tx.log(&log)? else { return Ok(()) };
    if head <= row.cursor {
        return Ok(());
    }
    let Some(token) = outbox::read_token(work, &row)? else { return Ok(()) };
    let after = row.cursor;
    work.ask(Key::Probe(log), |_| Request::Read { log, token, after, after_id: None, limit: 1 });
    Ok(())
}

fn probed(
    work: &mut Work<'_>,
    log: &LogId,
    (entries, head): (&[veche_wire::Entry], u64),
) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.log(log)? else { return Ok(()) };
    if entries.is_empty() && head > row.cursor && row.state == LogState::Active {
        let words = "the server does not keep the entries any more that this device missed";
        inbox::readmit::stuck(work, &mut row, words)?;
        work.tx.put_log(&row)?;
    }
    Ok(())
}

/// Something was pushed (entries come another way).
pub(crate) fn pushed(work: &mut Work<'_>, push: Push) -> Result<(), ClientError> {
    match push {
        Push::Entries { log, entries } => {
            // Nobody makes a door of a chat's log.
            match work.tx.log(&log)? {
                Some(_) => inbox::accept(work, &log, &entries),
                None => door::accept(work, &log, &entries),
            }
        }
        Push::Rotated { log } => rotated(work, log),
        Push::Signal { log, bytes } => inbox::signal(work, &log, &bytes),
        Push::Inbox { entries } => invitation::received(work, &entries),
    }
}

/// A subscription has ended with its generation. Where nothing in the log has begun another one, its
/// tokens are no member's: asking again at once would only end again.
fn rotated(work: &mut Work<'_>, log: LogId) -> Result<(), ClientError> {
    let session = &mut work.core.session;
    session.unfollow(&log);
    let Some(row) = work.tx.log(&log)? else { return door::ended(work, &log) };
    let (generation, times) = work.core.session.ended_at.entry(log).or_default();
    *times = if *generation == row.generation { *times + 1 } else { 1 };
    *generation = row.generation;
    if *times < ENDINGS_MAX {
        return Ok(());
    }
    work.core.session.put_off(Key::Subscribe(log), work.now + LOCKED_OUT_MS);
    if work.core.session.unfollowed.insert(log) {
        work.tell(Event::Notice(
            "An admin has given a chat new tokens that this device cannot know. It hears and says \
             nothing there until it is added again."
                .into(),
        ));
    }
    tell_when_live(work)
}

/// Tells once that everything was processed.
pub(crate) fn tell_when_live(work: &mut Work<'_>) -> Result<(), ClientError> {
    if crate::pump::is_caught_up(work.tx, &work.core.session)? {
        work.tell(Event::Connection(Connection::Live));
    }
    Ok(())
}

/// A refusal in a person's words.
pub(crate) fn words(refused: &Refused) -> String {
    match refused {
        Refused::Stale { .. } | Refused::OutOfOrder | Refused::Later { .. } => {
            "the server asks to try again".into()
        }
        Refused::MissingBlob => "the server does not have the file".into(),
        Refused::Beyond { .. } => "the server was restored from an older copy".into(),
        Refused::BlobOffset { .. } => "the server has another part of the file".into(),
        Refused::Forbidden => "the server does not accept this right".into(),
        Refused::NotFound => "the server does not know it".into(),
        Refused::Taken => "it is taken by somebody else".into(),
        Refused::TooLarge { limit } => format!("it is larger than the server takes ({limit})"),
        Refused::Frozen => "the chat is frozen by its admins".into(),
        Refused::Guarded => "the group is guarded: only its admins change it now".into(),
        Refused::Full => "the server's disk is full".into(),
        Refused::InviteNeeded => "the server asks for a valid invite code (--invite CODE)".into(),
        Refused::RegistrationClosed => "the server takes no new accounts".into(),
        Refused::Malformed { what } => format!("the server could not read it: {what}"),
        Refused::Incompatible { oldest, newest } => {
            let ours = veche_wire::limits::PROTOCOL_VERSION;
            let who = if ours < *oldest { "this program" } else { "the server" };
            format!(
                "{who} needs a newer version: the server speaks protocol {oldest} to {newest}, \
                 this program {ours}"
            )
        }
        Refused::Broken => "the server failed".into(),
    }
}

fn registration_words(refused: &Refused) -> String {
    match refused {
        Refused::Taken => "that name is taken; choose another one".into(),
        other => words(other),
    }
}

/// Whether this device has read all of the log, and not only all of an earlier generation of it.
pub(crate) fn is_live(work: &Work<'_>, log: &LogId) -> Result<bool, ClientError> {
    let Some(row) = work.tx.log(log)? else { return Ok(false) };
    let subscription = work.core.session.subscriptions.get(log);
    let is_latest = subscription.is_some_and(|it| it.generation == row.generation);
    Ok(is_latest && is_followed(work, log)?)
}

/// Whether this device is in the log and follows it.
pub(crate) fn is_followed(work: &Work<'_>, log: &LogId) -> Result<bool, ClientError> {
    let Some(row) = work.tx.log(log)? else { return Ok(false) };
    let subscription = work.core.session.subscriptions.get(log);
    Ok(row.state == LogState::Active && subscription.is_some_and(|it| row.cursor >= it.head))
}
