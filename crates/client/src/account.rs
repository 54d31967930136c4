//! This home's account: made once, registered on every connection.

use veche_mls::{DeviceKeys, Identity, Phrase, generate_key_package, token_hash};
use veche_store::{LastResortRow, Tx};
use veche_wire::{
    NameBinding, Permit, Request, ServerAddress, SignedRequest, Token, certificate, limits,
};

use crate::api::{Reply, Settled};
use crate::error::refuse;
use crate::session::{Key, Stage};
use crate::wanted::{self, Ending, Intent};
use crate::work::Work;
use crate::{ClientError, Event, outbox};

/// The name of the encoded identity among the single values.
pub(crate) const IDENTITY: &str = "identity";
/// The recovery phrase.
pub(crate) const PHRASE: &str = "phrase";
/// The server's address, as text.
pub(crate) const SERVER: &str = "server";
/// The username wanted or had.
pub(crate) const NAME: &str = "name";
/// Set once the server has taken the registration.
pub(crate) const REGISTERED: &str = "registered";
const INVITE_CODE: &str = "invite code";
/// The secret of this account's contact link.
pub(crate) const INVITE: &str = "invite";
/// The server's key for name bindings.
pub(crate) const DIRECTORY_KEY: &str = "directory key";
/// Whether receipts are not sent.
pub(crate) const NO_RECEIPTS: &str = "no receipts";

/// What this person chose about receipts.
pub(crate) fn tells_nobody_what_was_read(tx: &Tx<'_>) -> Result<bool, ClientError> {
    Ok(tx.meta(NO_RECEIPTS)?.is_some_and(|value| !value.is_empty()))
}

/// How many KeyPackages of a suite the directory should have.
const PACKAGES_WANTED: u32 = 20;
/// Refilled below this.
const PACKAGES_LOW: u32 = 10;

/// How long a KeyPackage of last resort is offered, in milliseconds.
const LAST_RESORT_MS: u64 = 7 * 24 * 3_600_000;

/// Makes an account, or takes up an unfinished registration with another name or server.
pub(crate) fn register(
    work: &mut Work<'_>,
    server: &ServerAddress,
    name: &str,
    invite: Option<String>,
) -> Result<Reply, ClientError> {
    if !certificate::is_username(name) {
        return refuse(format!(
            "A name has {} to {} of a-z, 0-9 and _; {name:?} does not.",
            limits::USERNAME_MIN,
            limits::USERNAME_MAX
        ));
    }
    let same = work.tx.meta(NAME)?.as_deref() == Some(name.as_bytes())
        && work.tx.meta(SERVER)?.as_deref() == Some(server.to_string().as_bytes());
    if work.tx.meta(REGISTERED)?.is_some() && !same {
        return refuse("This home already has an account. Use another --home for another one.");
    }
    if work.core.identity.is_none() {
        let phrase = Phrase::generate(&mut work.core.random.clone());
        let keys = DeviceKeys::generate(&work.core.engine);
        let certificate = phrase.account_key().certify(&keys);
        let identity = Identity::new(certificate, keys)
            .map_err(|error| ClientError::Bug(error.to_string()))?;
        work.tx.set_meta(IDENTITY, &identity.encode())?;
        work.tx.set_meta(PHRASE, phrase.words().as_bytes())?;
        let invite = Token::random(&mut work.core.random.clone());
        work.tx.set_meta(INVITE, invite.as_bytes())?;
        work.core.identity = Some(identity);
    }
    work.tx.set_meta(SERVER, server.to_string().as_bytes())?;
    work.tx.set_meta(NAME, name.as_bytes())?;
    work.tx.set_meta(INVITE_CODE, invite.unwrap_or_default().as_bytes())?;
    for row in work.tx.waiting_intents()? {
        if wanted::decode::<Intent>(&row.body)? == Intent::Register {
            outbox::fail_intent(work, row.id, "another registration took its place")?;
        }
    }
    let intent = work.tx.insert_intent(&wanted::encode(&Intent::Register))?;
    Ok(Reply::Intent(intent))
}

/// What every connection does first: say who we are, and keep the directory stocked. Registering
/// again is harmless, and a server restored from an older copy learns of us anew.
pub(crate) fn keep_up(work: &mut Work<'_>) -> Result<(), ClientError> {
    if work.core.identity.is_none() {
        return Ok(());
    }
    if !work.core.session.registered {
        // Not again after it was refused: there must be somebody who waits, or an earlier success.
        let mut wanted = work.tx.meta(REGISTERED)?.is_some();
        for row in work.tx.waiting_intents()? {
            wanted |= wanted::decode::<Intent>(&row.body)? == Intent::Register;
        }
        if wanted {
            let request = registration(work)?;
            signed(work, Key::Register, &request)?;
        }
        return Ok(());
    }
    if work.core.session.inbox.is_none() {
        signed(work, Key::Inbox, &SignedRequest::SubscribeInbox)?;
    }
    if !work.core.session.invites_set {
        let hashes = vec![token_hash(&invite(work)?)];
        signed(work, Key::Invites, &SignedRequest::SetInvites { hashes })?;
    }
    for suite in veche_mls::Suite::ALL {
        let number = suite.number();
        if !work.core.session.packages.contains(&number) {
            let request = SignedRequest::PublishKeyPackages {
                suite: number,
                packages: Vec::new(),
                last_resort: None,
            };
            signed(work, Key::Packages(number), &request)?;
        }
    }
    Ok(())
}

fn registration(work: &Work<'_>) -> Result<SignedRequest, ClientError> {
    let text = |bytes: Option<Vec<u8>>| {
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| !text.is_empty())
    };
    Ok(SignedRequest::Register {
        device: Box::new(work.identity()?.record()),
        username: text(work.tx.meta(NAME)?),
        permit: text(work.tx.meta(INVITE_CODE)?).map_or(Permit::Open, Permit::Invite),
    })
}

/// This account's link secret.
pub(crate) fn invite(work: &Work<'_>) -> Result<Token, ClientError> {
    let bytes = work.tx.meta(INVITE)?.unwrap_or_default();
    Token::try_from(bytes.as_slice())
        .map_err(|_| ClientError::Bug("the invite secret is missing".into()))
}

/// Sends a request in the name of this device.
pub(crate) fn signed(
    work: &mut Work<'_>,
    key: Key,
    request: &SignedRequest,
) -> Result<(), ClientError> {
    let Stage::Up { nonce } = work.core.session.stage else { return Ok(()) };
    let body = request.encode();
    let identity = work.identity()?;
    let device = identity.device();
    let signature = identity.sign(&SignedRequest::signed_bytes(&nonce, &body));
    work.ask(key, |_| Request::Signed { device, signature, body });
    Ok(())
}

/// The server has taken the registration.
pub(crate) fn registered(
    work: &mut Work<'_>,
    name: Option<NameBinding>,
) -> Result<(), ClientError> {
    work.core.session.registered = true;
    if let Some(name) = name
        && let Some(identity) = work.core.identity.take()
    {
        let identity = identity.with_name(name);
        work.tx.set_meta(IDENTITY, &identity.encode())?;
        work.core.identity = Some(identity);
    }
    if work.tx.meta(REGISTERED)?.is_none() {
        work.tx.set_meta(REGISTERED, b"1")?;
    }
    settle_registration(work, &Settled::Done(crate::Outcome::Done))
}

/// The server has not taken the registration.
pub(crate) fn registration_refused(work: &mut Work<'_>, words: String) -> Result<(), ClientError> {
    if work.tx.meta(REGISTERED)?.is_some() {
        work.tell(Event::Notice(format!(
            "The server does not know this account any more: {words}"
        )));
        // It may again later: a restored server, say.
        work.core.session.put_off(Key::Register, work.now + 30_000);
    }
    settle_registration(work, &Settled::Failed(words))
}

fn settle_registration(work: &mut Work<'_>, settled: &Settled) -> Result<(), ClientError> {
    for row in work.tx.waiting_intents()? {
        if wanted::decode::<Intent>(&row.body)? == Intent::Register {
            match settled {
                Settled::Failed(words) => outbox::fail_intent(work, row.id, words)?,
                _ => outbox::settle_intent(work, row.id, &Ending::Done)?,
            }
        }
    }
    Ok(())
}

/// The directory says how many KeyPackages of a suite are left: refill when few are, and renew the
/// last resort when it is old.
pub(crate) fn packages_left(
    work: &mut Work<'_>,
    suite: u16,
    count: u32,
) -> Result<(), ClientError> {
    work.core.session.packages.insert(suite);
    let Some(known) = veche_mls::Suite::from_number(suite) else { return Ok(()) };
    if work.core.session.last_resorts_sent.remove(&suite) {
        work.tx.last_resort_published(suite)?;
    }
    // A pool that runs low may be that of a server that has lost more: with every refill goes the last
    // resort.
    let last_resort = last_resort(work, known, count < PACKAGES_LOW)?;
    let mut packages = Vec::new();
    if count < PACKAGES_LOW {
        for _ in count..PACKAGES_WANTED {
            let (engine, identity) = (&work.core.engine, work.identity()?);
            packages.push(generate_key_package(engine, work.keep, identity, known, false)?);
        }
    }
    if packages.is_empty() && last_resort.is_none() {
        return Ok(());
    }
    if last_resort.is_some() {
        work.core.session.last_resorts_sent.insert(suite);
    }
    let request = SignedRequest::PublishKeyPackages { suite, packages, last_resort };
    signed(work, Key::Packages(suite), &request)
}

/// The KeyPackage of last resort, where the directory has not got it yet or is to have it `again`. A
/// week later it is another one; whoever took the one before had a week to use it.
fn last_resort(
    work: &mut Work<'_>,
    suite: veche_mls::Suite,
    again: bool,
) -> Result<Option<Vec<u8>>, ClientError> {
    let rows = work.tx.last_resorts(suite.number())?;
    if let Some(row) = rows.first()
        && (!row.published || work.now.saturating_sub(row.made) < LAST_RESORT_MS)
    {
        return Ok((again || !row.published).then(|| row.package.clone()));
    }
    let (engine, identity) = (&work.core.engine, work.identity()?);
    for old in rows.iter().skip(1) {
        veche_mls::forget_key_package(engine, work.keep, (&old.package, suite))?;
        work.tx.delete_last_resort(suite.number(), old.made)?;
    }
    let package = generate_key_package(engine, work.keep, identity, suite, true)?;
    let row = LastResortRow { made: work.now, package: package.clone(), published: false };
    work.tx.put_last_resort(suite.number(), &row)?;
    Ok(Some(package))
}

/// Stocks are asked for again, after somebody has used one.
pub(crate) fn package_used(work: &mut Work<'_>) {
    work.core.session.packages.clear();
}
