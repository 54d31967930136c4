//! The one repair for every kind of lost state: be added again (docs/protocol.md, rules 6 and 7).

use veche_mls::{Control, ReadmitRequest, Suite, generate_key_package};
use veche_store::{InvitationState, LogRow, LogState, ReadmissionRow};
use veche_wire::{AccountId, Append, EntryId, Kind, LogId, Millis, Request};

use crate::session::Key;
use crate::wanted::{self, Intent, Person, Purpose};
use crate::work::Work;
use crate::{ClientError, Event, gather, invitation, outbox};

/// How long an unanswered request waits before it is made again, in milliseconds.
const ASK_AGAIN_MS: u64 = 60_000;
/// How often it is made again so soon; from then on it waits twice as long each time. There may be
/// nobody who can answer, and each request has a KeyPackage whose secrets are kept.
const SOON_MAX: u32 = 5;
/// The longest that it waits, in milliseconds.
const ASK_AGAIN_MS_MAX: u64 = 12 * 3_600_000;

/// When a request that was durable is made again.
fn ask_again_at(kept: &ReadmissionRow) -> Millis {
    let doublings = kept.tries.saturating_sub(SOON_MAX).min(16);
    kept.asked + (ASK_AGAIN_MS << doublings).min(ASK_AGAIN_MS_MAX)
}

/// This device cannot follow the log: it writes no entry of the group, skips nothing, says so, and
/// asks to be added again.
pub(crate) fn stuck(work: &mut Work<'_>, row: &mut LogRow, words: &str) -> Result<(), ClientError> {
    work.tx.delete_readmission(&row.log)?;
    work.tell(Event::Notice(format!(
        "This device cannot follow a chat any more ({words}). It has asked to be added again."
    )));
    lose_place(work, row)
}

/// This device has asked more than once, and its place was given to it again: the invitation that
/// belongs to that is on its way. It asks again where that does not come.
pub(super) fn wait_for_place(work: &mut Work<'_>, row: &mut LogRow) -> Result<(), ClientError> {
    let id = EntryId::random(&mut work.core.random.clone());
    let asked = ReadmissionRow { log: row.log, id, sealed: Vec::new(), asked: work.now, tries: 0 };
    work.tx.put_readmission(&asked)?;
    lose_place(work, row)
}

fn lose_place(work: &mut Work<'_>, row: &mut LogRow) -> Result<(), ClientError> {
    super::restored::abandon(work, row)?;
    row.state = LogState::Stuck;
    work.tx.put_log(row)?;
    work.tell(Event::Chat(row.chat));
    work.core.session.subscriptions.remove(&row.log);
    work.core.session.dirty.insert(row.log);
    invitation::place_lost(work, &row.log)
}

/// Asks, as a control entry under the generation that this device knows. A request that nobody has
/// answered for a while is made anew: members act on each once.
pub(crate) fn step(work: &mut Work<'_>, row: LogRow) -> Result<(), ClientError> {
    let kept = work.tx.readmission(&row.log)?;
    let request = match kept {
        Some(kept) if kept.asked == 0 => kept,
        Some(kept) if ask_again_at(&kept) <= work.now => make(work, &row, kept.tries + 1)?,
        Some(kept) => {
            work.core.session.put_off(Key::Append(kept.log, kept.id), ask_again_at(&kept));
            return Ok(());
        }
        None => make(work, &row, 0)?,
    };
    let ReadmissionRow { log, id, sealed: bytes, .. } = request;
    let Some(secret) = outbox::generation_secret(work, &row)? else { return Ok(()) };
    let token = secret.write_token(&row.log, row.generation);
    work.ask(Key::Append(log, id), |_| {
        Request::Append(Append {
            log,
            token,
            id,
            kind: Kind::Control,
            after_commit: 0,
            prev: None,
            needs: None,
            commitment: None,
            rider: None,
            bytes,
        })
    });
    Ok(())
}

fn make(work: &mut Work<'_>, row: &LogRow, tries: u32) -> Result<ReadmissionRow, ClientError> {
    let suite = suite_of(work, &row.log)?;
    let package =
        generate_key_package(&work.core.engine, work.keep, work.identity()?, suite, false)?;
    let request = ReadmitRequest::new(work.identity()?, row.log, package);
    let control = Control::Readmit(request).encode();
    let id = EntryId::random(&mut work.core.random.clone());
    let secret = outbox::generation_secret(work, row)?
        .ok_or_else(|| ClientError::Bug("the generation's secret is missing".into()))?;
    let key = secret.control_key(&row.log, row.generation);
    let sealed = key.seal(&mut work.core.random.clone(), &row.log, &id, &control);
    let request = ReadmissionRow { log: row.log, id, sealed, asked: 0, tries };
    work.tx.put_readmission(&request)?;
    Ok(request)
}

/// The suite of a log's group: known from the group, or from the invitation that could not be used.
fn suite_of(work: &mut Work<'_>, log: &LogId) -> Result<Suite, ClientError> {
    match work.take_group(log) {
        Ok(group) => {
            let suite = group.suite();
            work.put_group(*log, group);
            Ok(suite.unwrap_or(Suite::Classic))
        }
        Err(ClientError::Bug(_)) => Ok(Suite::PostQuantum),
        Err(error) => Err(error),
    }
}

/// Whether an append is such a request; then it is answered here.
pub(crate) fn answered(
    work: &mut Work<'_>,
    log: &LogId,
    entry: &EntryId,
    refused: Option<&veche_wire::Refused>,
) -> Result<bool, ClientError> {
    let Some(row) = work.tx.log(log)? else { return Ok(false) };
    let kept = work.tx.readmission(log)?.filter(|kept| kept.id == *entry);
    let Some(kept) = kept.filter(|_| row.state == LogState::Stuck) else { return Ok(false) };
    let kept = ReadmissionRow { asked: work.now, ..kept };
    work.tx.put_readmission(&kept)?;
    work.core.session.put_off(Key::Append(*log, *entry), ask_again_at(&kept));
    if refused.is_some() {
        // The log does not take our word any more: ask the members themselves.
        ask_members(work, &row)?;
    }
    Ok(true)
}

/// How many members are asked through their inboxes (docs/protocol.md, rule 7).
const MEMBERS_ASKED: usize = 3;

fn ask_members(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let mut members: Vec<(bool, AccountId)> = match work.take_group(&row.log) {
        Ok(group) => {
            let policy = group.policy();
            let admin = |account: &AccountId| policy.role(account) >= veche_mls::Role::Admin;
            let all = group.accounts();
            let line = all.iter().map(|account| (!admin(account), *account)).collect();
            work.put_group(row.log, group);
            line
        }
        // It was never inside: who invited it is all it knows.
        Err(ClientError::Bug(_)) => work
            .tx
            .invitations()?
            .iter()
            .filter(|spent| spent.log == row.log && spent.state == InvitationState::Spent)
            .map(|spent| (false, spent.account))
            .collect(),
        Err(error) => return Err(error),
    };
    members.retain(|(_, account)| *account != me);
    members.sort_unstable();
    let people: Vec<_> =
        members.iter().take(MEMBERS_ASKED).map(|(_, who)| gather::by_account(who)).collect();
    if people.is_empty() {
        if work.core.session.alone.insert(row.log) {
            work.tell(Event::Notice(
                "A chat could not be repaired yet. Ask a member to remove and add you.".into(),
            ));
        }
        return Ok(());
    }
    let purpose = Purpose::Readmit { log: row.log.0 };
    work.tx.insert_intent(&wanted::encode(&Intent::Gather { purpose, people }))?;
    Ok(())
}

/// The members' inboxes are known: the request goes into them.
pub(crate) fn deliver(
    work: &mut Work<'_>,
    log: &LogId,
    people: &[Person],
) -> Result<(), ClientError> {
    let Some(row) = work.tx.log(log)?.filter(|row| row.state == LogState::Stuck) else {
        return Ok(());
    };
    let suite = suite_of(work, log)?;
    let package =
        generate_key_package(&work.core.engine, work.keep, work.identity()?, suite, false)?;
    let request = ReadmitRequest::new(work.identity()?, row.log, package);
    let envelope = veche_mls::Envelope::Readmit(request);
    for device in people.iter().flat_map(|person| &person.devices) {
        let record = veche_wire::DeviceRecord::decode(&device.record)?;
        let sealed =
            veche_mls::seal_envelope(&work.core.engine, work.identity()?, &record, &envelope);
        let Ok(bytes) = sealed else { continue };
        let known = work.tx.account(&record.certificate.account)?;
        work.tx.put_delivery(&veche_store::DeliveryRow {
            id: EntryId::random(&mut work.core.random.clone()),
            device: record.certificate.device,
            invite: known.and_then(|known| known.invite),
            needs: None,
            bytes,
            intent: None,
        })?;
    }
    Ok(())
}

/// This device has its place again.
pub(crate) fn repaired(work: &Work<'_>, log: &LogId) -> Result<(), ClientError> {
    Ok(work.tx.delete_readmission(log)?)
}
