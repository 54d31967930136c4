//! People are looked up and their KeyPackages taken, and then something is done with them.
//!
//! Every step is written into the intent's row, so that it goes on after a restart. A look-up never
//! names the asker (docs/protocol.md, rule 13).

use sha2::Digest;
use veche_mls::{Suite, check_key_package, verify_certificate};
use veche_store::{IntentState, OutboxState};
use veche_wire::{AccountId, AccountRecord, DeviceRecord, Permit, Request, Token, Who};

use crate::session::Key;
use crate::wanted::{self, Change, Device, Ending, Id, Intent, Person, Purpose, Wanted};
use crate::work::Work;
use crate::{ClientError, outbox, people};

/// Somebody to be gathered by name.
pub(crate) fn by_name(name: &str) -> Person {
    let bare = name.strip_prefix('@').unwrap_or(name);
    Person { name: Some(bare.to_owned()), ..Person::default() }
}

/// Somebody to be gathered by account.
pub(crate) fn by_account(account: &AccountId) -> Person {
    Person { account: Some(Id(account.0)), ..Person::default() }
}

/// Asks for whatever waiting intents still need.
pub(crate) fn go_on(work: &mut Work<'_>) -> Result<(), ClientError> {
    for row in work.tx.waiting_intents()? {
        let Intent::Gather { purpose, people } = wanted::decode(&row.body)? else { continue };
        let suite = suite_for(work, row.id, &purpose)?;
        let mut missing = false;
        for (index, person) in people.iter().enumerate() {
            missing |= ask_for(work, row.id, (index, person), (&purpose, suite));
        }
        if !missing {
            gathered(work, row.id, &purpose, people)?;
        }
    }
    Ok(())
}

/// Asks for what is missing of one person; answers whether anything is.
fn ask_for(
    work: &mut Work<'_>,
    intent: i64,
    (index, person): (usize, &Person),
    (purpose, suite): (&Purpose, Suite),
) -> bool {
    if !person.found {
        let who = match (&person.account, &person.name) {
            (Some(account), _) => Who::Account(AccountId(account.0)),
            (None, name) => Who::Username(name.clone().unwrap_or_default()),
        };
        work.ask(Key::Lookup(intent, index), |_| Request::Lookup { who, permit: Permit::Open });
        return true;
    }
    let asks_only = |purpose: &Purpose| {
        matches!(
            purpose,
            Purpose::Contact { .. }
                | Purpose::Readmit { .. }
                | Purpose::Depart { .. }
                | Purpose::Decline { .. }
        )
    };
    if asks_only(purpose) {
        return false;
    }
    let mut missing = false;
    for (number, device) in person.devices.iter().enumerate() {
        let Ok(record) = DeviceRecord::decode(&device.record) else { continue };
        if device.package.is_none() {
            missing = true;
            let suite = suite.number();
            work.ask(Key::Package(intent, index, number), |_| Request::TakeKeyPackage {
                device: record.certificate.device,
                suite,
                permit: Permit::Open,
            });
        }
    }
    missing
}

/// The suite of the KeyPackages that are needed: that of the group, or of the one that is to be made.
fn suite_for(work: &mut Work<'_>, intent: i64, purpose: &Purpose) -> Result<Suite, ClientError> {
    match purpose {
        Purpose::Group { large, .. } => Ok(suite_of_size(large.unwrap_or(false))),
        Purpose::Add | Purpose::Succeed => {
            let Some(out) = work.tx.outbox_of_intent(intent)? else {
                return Ok(Suite::PostQuantum);
            };
            // Where this device was put out meanwhile, the change fails, whatever it was gathered for.
            let known = work.look_at_group(&out.log, veche_mls::Group::suite)?;
            Ok(known.flatten().unwrap_or(Suite::PostQuantum))
        }
        _ => Ok(Suite::PostQuantum),
    }
}

/// The suite of a new group (docs/decisions/0018-two-sizes-of-groups.md).
pub(crate) fn suite_of_size(large: bool) -> Suite {
    if large { Suite::Classic } else { Suite::PostQuantum }
}

/// The directory has answered a look-up.
pub(crate) fn looked_up(
    work: &mut Work<'_>,
    intent: i64,
    index: usize,
    record: Option<AccountRecord>,
) -> Result<(), ClientError> {
    let Some((purpose, mut people)) = waiting(work, intent)? else { return Ok(()) };
    let Some(person) = people.get_mut(index) else { return Ok(()) };
    let Some(record) = record else {
        let who = person.name.clone().unwrap_or_else(|| "with this link".into());
        let words = format!("there is nobody {who} on this server");
        return not_to_be_had(work, (intent, index), &words);
    };
    // By account, the answer must be about that account; the server cannot put another in its place.
    if person.account.is_some_and(|account| account.0 != record.account.0) {
        return not_to_be_had(work, (intent, index), "the server answered about somebody else");
    }
    let certified = |device: &DeviceRecord| {
        let hash: [u8; 32] = sha2::Sha256::digest(&device.inbox_key).into();
        device.certificate.account == record.account
            && device.certificate.inbox_key_hash == hash
            && verify_certificate(&device.certificate)
    };
    let devices: Vec<Device> = record
        .devices
        .iter()
        .filter(|device| certified(device))
        .map(|device| Device { record: device.encode(), package: None })
        .collect();
    if devices.is_empty() {
        let words = "the server knows no device of theirs that can be verified";
        return not_to_be_had(work, (intent, index), words);
    }
    people::learn_name(work, &record.account, record.name.as_ref())?;
    let named = work.tx.account(&record.account)?.and_then(|row| row.username);
    if person.account.is_none() && named != person.name {
        return failed(work, intent, "the server could not prove that the name is theirs");
    }
    let approaches = matches!(purpose, Purpose::Contact { .. } | Purpose::Direct { .. });
    if approaches && people::is_blocked(work, &record.account)? {
        let name = people::name(work, &record.account)?;
        let words = format!("you have blocked {name}: `veche unblock {name}` first");
        return failed(work, intent, &words);
    }
    *person = Person { account: Some(Id(record.account.0)), name: named, found: true, devices };
    keep(work, intent, purpose, people)
}

/// The directory gave a KeyPackage, or has none.
pub(crate) fn package_taken(
    work: &mut Work<'_>,
    (intent, index, number): (i64, usize, usize),
    package: Option<Vec<u8>>,
) -> Result<(), ClientError> {
    let Some((purpose, mut people)) = waiting(work, intent)? else { return Ok(()) };
    let Some(person) = people.get_mut(index) else { return Ok(()) };
    let name = person.name.clone().unwrap_or_else(|| "that person".into());
    let Some(device) = person.devices.get_mut(number) else { return Ok(()) };
    let Some(package) = package else {
        let words = format!("{name} cannot be added now: no KeyPackage is left; try again later");
        return not_to_be_had(work, (intent, index), &words);
    };
    let certificate = DeviceRecord::decode(&device.record)?.certificate;
    let suite = suite_for(work, intent, &purpose)?;
    if check_key_package(&work.core.engine, &package, &certificate, suite).is_err() {
        let words = format!("the KeyPackage of {name} is not valid");
        return not_to_be_had(work, (intent, index), &words);
    }
    device.package = Some(package);
    keep(work, intent, purpose, people)
}

/// Somebody cannot be had: it is done without them, where that makes sense.
pub(crate) fn not_to_be_had(
    work: &mut Work<'_>,
    (intent, index): (i64, usize),
    words: &str,
) -> Result<(), ClientError> {
    let Some((purpose, mut people)) = waiting(work, intent)? else { return Ok(()) };
    if purpose != Purpose::Succeed {
        return failed(work, intent, words);
    }
    if let Some(person) = people.get_mut(index) {
        person.found = true;
        person.devices.clear();
    }
    keep(work, intent, purpose, people)
}

/// It cannot be done.
fn failed(work: &mut Work<'_>, intent: i64, words: &str) -> Result<(), ClientError> {
    if let Some(row) = work.tx.outbox_of_intent(intent)? {
        work.tx.delete_outbox(row.position)?;
        work.core.session.dirty.insert(row.log);
    }
    outbox::fail_intent(work, intent, words)
}

fn waiting(work: &Work<'_>, intent: i64) -> Result<Option<(Purpose, Vec<Person>)>, ClientError> {
    let row = work.tx.intent(intent)?;
    let Some(row) = row.filter(|row| row.state == IntentState::Waiting) else { return Ok(None) };
    match wanted::decode(&row.body)? {
        Intent::Gather { purpose, people } => Ok(Some((purpose, people))),
        _ => Ok(None),
    }
}

fn keep(
    work: &Work<'_>,
    intent: i64,
    purpose: Purpose,
    people: Vec<Person>,
) -> Result<(), ClientError> {
    if let Some(mut row) = work.tx.intent(intent)? {
        row.body = wanted::encode(&Intent::Gather { purpose, people });
        work.tx.update_intent(&row)?;
    }
    Ok(())
}

/// Everybody is there: do it.
fn gathered(
    work: &mut Work<'_>,
    intent: i64,
    purpose: &Purpose,
    people: Vec<Person>,
) -> Result<(), ClientError> {
    match purpose {
        Purpose::Contact { invite } => {
            let Some(account) = people.first().and_then(|person| person.account) else {
                return failed(work, intent, "nobody was found");
            };
            let invite = invite.map(|invite| Token(invite.0));
            people::keep_contact(work, &AccountId(account.0), invite)?;
            outbox::settle_intent(work, intent, &Ending::Contact(account))
        }
        Purpose::Direct { invite } => open_direct(work, intent, *invite, people),
        Purpose::Readmit { log } => {
            crate::inbox::readmit::deliver(work, &veche_wire::LogId(*log), &people)?;
            outbox::settle_intent(work, intent, &Ending::Done)
        }
        Purpose::Decline { log } => {
            crate::succession::deliver_decline(work, &veche_wire::LogId(*log), &people)?;
            outbox::settle_intent(work, intent, &Ending::Done)
        }
        Purpose::Depart { log } => {
            outbox::tell_of_departure(work, &veche_wire::LogId(*log), &people)?;
            outbox::settle_intent(work, intent, &Ending::Done)
        }
        Purpose::Group { title, large } => {
            let suite = suite_of_size(large.unwrap_or(false));
            let log = outbox::create_group(work, title, suite)?;
            if people.is_empty() {
                // Done when the server has the log.
                return outbox::wait_for_log(work, intent, &log);
            }
            add(work, intent, &log, people)
        }
        Purpose::Add | Purpose::Succeed => {
            let Some(mut row) = work.tx.outbox_of_intent(intent)? else {
                return failed(work, intent, "the chat is gone");
            };
            let change = match wanted::decode(&row.body)? {
                Wanted::Change(Change::Succeed { roles, .. }) => Change::Succeed { people, roles },
                _ => Change::Add(people),
            };
            row.body = wanted::encode(&Wanted::Change(change));
            row.state = OutboxState::Queued;
            work.tx.update_outbox(&row)?;
            work.core.session.dirty.insert(row.log);
            outbox::hand_over_intent(work, intent)
        }
    }
}

fn open_direct(
    work: &mut Work<'_>,
    intent: i64,
    invite: Option<Id>,
    people: Vec<Person>,
) -> Result<(), ClientError> {
    let Some(account) = people.first().and_then(|person| person.account) else {
        return failed(work, intent, "nobody was found");
    };
    let peer = AccountId(account.0);
    if work.identity()?.account() == peer {
        return failed(work, intent, "that is you");
    }
    people::keep_contact(work, &peer, invite.map(|invite| Token(invite.0)))?;
    if let Some(chat) = outbox::direct_chat_with(work, &peer)? {
        return outbox::settle_intent(work, intent, &Ending::Chat(chat.0));
    }
    let log = outbox::create_direct(work, peer)?;
    add(work, intent, &log, people)
}

/// Queues the commit that adds people; the intent settles when their invitations are delivered.
fn add(
    work: &mut Work<'_>,
    intent: i64,
    log: &veche_wire::LogId,
    people: Vec<Person>,
) -> Result<(), ClientError> {
    outbox::enqueue_change(work, log, Change::Add(people), Some(intent))?;
    outbox::hand_over_intent(work, intent)
}
