//! The one repair for every kind of lost state: be added again (docs/protocol.md, rules 6 and 7).

use veche_mls::{
    ChatKind, Control, Envelope, Gone, Group, Invitation, LEAF_KEYS_MAX, ReadmitRequest, Suite,
    generate_key_package, key_package_leaf_key,
};
use veche_store::{InvitationRow, InvitationState, LogRow, LogState, OutboxState, ReadmissionRow};
use veche_wire::{
    AccountId, Append, Credential, DeviceRecord, EntryId, Kind, LogId, Millis, Request,
};

use crate::session::Key;
use crate::wanted::{self, Intent, Person, Purpose};
use crate::work::Work;
use crate::{ClientError, Event, answer, gather, invitation, outbox, people, succession};

/// How long an unanswered request waits before it is made again, in milliseconds.
const ASK_AGAIN_MS: u64 = 60_000;
/// How often it is made again so soon; from then on it waits twice as long each time. There may be
/// nobody who can answer, and each request has a KeyPackage whose secrets are kept.
const SOON_MAX: u32 = 5;
/// Behind the places in all logs: there the keys stand of the leaves that this device has asked for.
const ASKED_FOR: u64 = 1 << 62;
/// Of how many such keys is remembered, which leaves room for as many that its leaf had.
const ASKED_FOR_MAX: u32 = 4;
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

/// A person does not want to wait until this device has read what it has missed: it asks to be added
/// again where the group is by now, and reads on. Whichever comes first counts, so that nobody waits for
/// an answer who could have read everything meanwhile.
pub(crate) fn skip_ahead(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    if work.tx.readmission(&row.log)?.is_none() {
        make(work, row, 0)?;
    }
    work.tell(Event::Notice(
        "This device asks to be added to the chat again, where the chat is now, and reads on until then."
            .into(),
    ));
    work.core.session.dirty.insert(row.log);
    Ok(())
}

/// As [`step`], for a device that has its place and reads: once it has read everything, it needs no other.
pub(crate) fn step_ahead(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    if work.tx.readmission(&row.log)?.is_none() {
        return Ok(());
    }
    if answer::is_live(work, &row.log)? {
        return Ok(work.tx.delete_readmission(&row.log)?);
    }
    // Whether anything is missing at all is known once the log is followed.
    let is_known = work.core.session.subscriptions.contains_key(&row.log);
    if is_known { step(work, row) } else { Ok(()) }
}

/// Whether an invitation is for what this device, which reads, has asked for with [`skip_ahead`], and leads
/// on from where it is.
pub(crate) fn leads_ahead(work: &Work<'_>, invitation: &Invitation) -> Result<bool, ClientError> {
    let Some(row) = work.tx.log(&invitation.log)? else { return Ok(false) };
    if work.tx.readmission(&row.log)?.is_none() || invitation.commit_seq <= row.cursor {
        return Ok(false);
    }
    // A commit of its own that it has not read yet: what belongs to it is done when it is read.
    let is_own_commit = |out: &veche_store::OutboxRow| {
        let states = [OutboxState::Sealed, OutboxState::Awaiting, OutboxState::Acknowledged];
        out.kind == Kind::Commit as u8 && states.contains(&out.state)
    };
    if work.tx.outbox(&row.log)?.iter().any(is_own_commit) {
        return Ok(false);
    }
    let (engine, welcome) = (&work.core.engine, &invitation.welcome);
    let key = veche_mls::welcomed_leaf_key(engine, work.keep, welcome)?;
    let asked_for = work.tx.own_leaf_keys(&row.log)?;
    Ok(key.is_some_and(|key| asked_for.contains(&key)))
}

/// This device gives its place up for the one that it has asked for.
pub(crate) fn leap(work: &mut Work<'_>, mut row: LogRow) -> Result<(), ClientError> {
    if let Some(kept) = work.tx.readmission(&row.log)? {
        // As long as nobody had answered, it was no sign that nobody could.
        work.tx.put_readmission(&ReadmissionRow { asked: work.now, tries: 0, ..kept })?;
    }
    lose_place(work, &mut row)
}

/// This device cannot follow what a member has written, which is no accident where it holds for many.
pub(super) fn stuck_by(
    work: &mut Work<'_>,
    row: &mut LogRow,
    (author, words): (Option<&Credential>, &str),
) -> Result<(), ClientError> {
    let Some(author) = author else { return stuck(work, row, words) };
    work.tx.set_meta(&blame(&row.log), author.certificate.account.as_bytes())?;
    let name = people::learn(work, author)?;
    stuck(work, row, &format!("{words}; {name} has made it so"))
}

/// Whose commit it was that this device could not follow last.
pub(crate) fn offender(work: &Work<'_>, log: &LogId) -> Result<Option<AccountId>, ClientError> {
    let account = work.tx.meta(&blame(log))?;
    Ok(account.and_then(|account| account.try_into().ok()).map(AccountId))
}

fn blame(log: &LogId) -> String {
    format!("stuck by {log}")
}

/// This device has asked more than once, and its place was given to it again: the invitation that
/// belongs to that is on its way. It asks again where that does not come.
pub(super) fn wait_for_place(work: &mut Work<'_>, row: &mut LogRow) -> Result<(), ClientError> {
    let id = EntryId::random(&mut work.core.random.clone());
    let asked = ReadmissionRow {
        log: row.log,
        id,
        sealed: Vec::new(),
        request: None,
        asked: work.now,
        tries: 0,
    };
    work.tx.put_readmission(&asked)?;
    lose_place(work, row)
}

fn lose_place(work: &mut Work<'_>, row: &mut LogRow) -> Result<(), ClientError> {
    super::restored::abandon(work, row)?;
    row.state = LogState::Stuck;
    work.tx.put_log(row)?;
    work.tell(Event::Chat(row.chat));
    work.core.session.unfollow(&row.log);
    work.core.session.dirty.insert(row.log);
    invitation::place_lost(work, &row.log)
}

/// Asks, as a control entry under the generation that this device knows. A request that nobody has
/// answered for a while is made anew: members act on each once.
pub(crate) fn step(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    if crate::work::mutated!(work.core, NeverAsks) {
        return Ok(());
    }
    let kept = work.tx.readmission(&row.log)?;
    let request = match kept {
        Some(kept) if kept.asked == 0 => kept,
        Some(kept) if ask_again_at(&kept) <= work.now => {
            let is_stuck = row.state == LogState::Stuck;
            if is_stuck && succession::instead_of_asking(work, row, kept.tries)? {
                return Ok(());
            }
            make(work, row, kept.tries + 1)?
        }
        Some(kept) => {
            work.core.session.put_off(Key::Append(kept.log, kept.id), ask_again_at(&kept));
            return Ok(());
        }
        None => make(work, row, 0)?,
    };
    let ReadmissionRow { log, id, sealed: bytes, .. } = request;
    let Some(secret) = outbox::generation_secret(work, row)? else { return Ok(()) };
    let token = secret.write_token(&row.log, row.generation);
    work.ask(Key::Append(log, id), |_| {
        Request::Append(Append::bare((log, token), id, Kind::Control, bytes))
    });
    Ok(())
}

fn make(work: &mut Work<'_>, row: &LogRow, tries: u32) -> Result<ReadmissionRow, ClientError> {
    let suite = suite_of(work, &row.log)?;
    let engine = &work.core.engine;
    let package = generate_key_package(engine, work.keep, work.identity()?, suite, false)?;
    if row.state == LogState::Active {
        // Whoever leaves before the answer has come leaves the place that it gives, too.
        let key = key_package_leaf_key(engine, &package, suite)?;
        let since = ASKED_FOR + u64::from(tries % ASKED_FOR_MAX);
        work.tx.put_own_leaf_key(&row.log, (since, &key), LEAF_KEYS_MAX)?;
    }
    let request = ReadmitRequest::new(work.identity()?, row.log, package);
    let kept = request.encode();
    let control = Control::Readmit(request).encode();
    let id = EntryId::random(&mut work.core.random.clone());
    let secret = outbox::generation_secret(work, row)?
        .ok_or_else(|| ClientError::Bug("the generation's secret is missing".into()))?;
    let key = secret.control_key(&row.log, row.generation);
    let sealed = key.seal(&mut work.core.random.clone(), &row.log, &id, &control);
    let request = ReadmissionRow { log: row.log, id, sealed, request: Some(kept), asked: 0, tries };
    work.tx.put_readmission(&request)?;
    Ok(request)
}

/// The suite of a log's group: known from the group, or from the invitation that could not be used.
fn suite_of(work: &mut Work<'_>, log: &LogId) -> Result<Suite, ClientError> {
    let known = work.look_at_group(log, |group| group.suite().unwrap_or(Suite::Classic))?;
    if let Some(known) = known {
        return Ok(known);
    }
    for spent in work.tx.invitations()?.into_iter().filter(|spent| spent.log == *log) {
        if let Some((spent, _)) = succession::invitation_of(Envelope::decode(&spent.body)?) {
            return Ok(spent.suite);
        }
    }
    Ok(Suite::PostQuantum)
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
    let Some(kept) = kept.filter(|_| asks(&row)) else { return Ok(false) };
    let kept = ReadmissionRow { asked: work.now, ..kept };
    work.tx.put_readmission(&kept)?;
    work.core.session.put_off(Key::Append(*log, *entry), ask_again_at(&kept));
    if refused.is_some() || kept.tries >= SILENT_TRIES {
        // The log does not take our word any more, or nobody there answers: ask the members
        // themselves, who also say if this device was removed.
        ask_members(work, &row, kept.tries)?;
    }
    Ok(true)
}

/// Whether a device in this place may be asking for another: it has none, or reads and wants one ahead.
fn asks(row: &LogRow) -> bool {
    matches!(row.state, LogState::Stuck | LogState::Active)
}

/// How many members are asked through their inboxes (docs/protocol.md, rule 7).
const MEMBERS_ASKED: usize = 3;
/// After how many requests in the log without an answer members are asked as well.
const SILENT_TRIES: u32 = 2;

/// Asks a few members, admins first; the next time, those who come after them.
fn ask_members(work: &mut Work<'_>, row: &LogRow, tries: u32) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let line = |group: &Group| {
        let policy = group.policy();
        let admin = |account: &AccountId| policy.role(account) >= veche_mls::Role::Admin;
        group.accounts().iter().map(|account| (!admin(account), *account)).collect()
    };
    let mut members: Vec<(bool, AccountId)> = match work.look_at_group(&row.log, line)? {
        Some(line) => line,
        // It was never inside: who invited it is all it knows.
        None => work
            .tx
            .invitations()?
            .iter()
            .filter(|spent| spent.log == row.log && spent.state == InvitationState::Spent)
            .map(|spent| (false, spent.account))
            .collect(),
    };
    members.retain(|(_, account)| *account != me);
    members.sort_unstable();
    let groups = members.len().div_ceil(MEMBERS_ASKED).max(1);
    let first = (tries as usize % groups) * MEMBERS_ASKED;
    let asked = members.iter().skip(first).take(MEMBERS_ASKED);
    let people: Vec<_> = asked.map(|(_, who)| gather::by_account(who)).collect();
    if people.is_empty() {
        if row.state == LogState::Stuck && work.core.session.alone.insert(row.log) {
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
    let Some(row) = work.tx.log(log)?.filter(asks) else { return Ok(()) };
    // The same request as in the log: whoever sees both acts once.
    let kept = work.tx.readmission(&row.log)?.and_then(|kept| kept.request);
    let Some(request) = kept.map(|request| ReadmitRequest::decode(&request)).transpose()? else {
        return Ok(());
    };
    let envelope = Envelope::Readmit(request);
    for device in people.iter().flat_map(|person| &person.devices) {
        outbox::send_envelope(work, &DeviceRecord::decode(&device.record)?, &envelope)?;
    }
    Ok(())
}

/// Somebody asks through the inbox to be added again. Whoever is no member any more is told so, and
/// need not ask on.
pub(crate) fn asked(
    work: &mut Work<'_>,
    sender: &Credential,
    request: &ReadmitRequest,
) -> Result<(), ClientError> {
    let Some(row) = work.tx.log(&request.log)? else { return Ok(()) };
    let certificate = &sender.certificate;
    if row.state != LogState::Active || !request.verify() || request.device != certificate.device {
        return Ok(());
    }
    let group = work.take_group(&row.log)?;
    if group.member_of_device(&request.device).is_some() {
        if super::is_new(work, request)? {
            let control = Control::Readmit(request.clone()).encode();
            outbox::elect_readmission(work, &group, control, &request.device)?;
        }
    } else {
        let inbox_key = request.inbox_key.clone();
        let record = DeviceRecord { certificate: certificate.clone(), inbox_key };
        let gone = Gone { log: request.log, request: request.hash() };
        outbox::send_envelope(work, &record, &Envelope::Gone(gone))?;
    }
    work.put_group(row.log, group);
    Ok(())
}

/// A member answers that this device was removed. That is believed from whom the group, as it was
/// last known here, lets remove people; where this device was never inside, from who invited it.
pub(crate) fn gone(
    work: &mut Work<'_>,
    sender: &Credential,
    gone: &Gone,
) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.log(&gone.log)?.filter(|row| row.state == LogState::Stuck) else {
        return Ok(());
    };
    let kept = work.tx.readmission(&row.log)?.and_then(|kept| kept.request);
    let request = kept.map(|request| ReadmitRequest::decode(&request)).transpose()?;
    let account = sender.certificate.account;
    if request.is_none_or(|request| request.hash() != gone.request)
        || !may_say_so(work, &row.log, &account)?
    {
        return Ok(());
    }
    repaired(work, &row.log)?;
    let me = work.identity()?.account();
    let words = format!("{} says that you were removed", people::learn(work, sender)?);
    let line = super::Line { by: account, about: Some(me), words: &words };
    let id = EntryId::random(&mut work.core.random.clone());
    super::line(work, &row, (&id, row.cursor + 1), &line)?;
    row.state = LogState::Removed;
    work.tx.put_log(&row)?;
    super::end_anyhow(work, &row)?;
    work.core.session.dirty.insert(row.log);
    work.tell(Event::Chat(row.chat));
    Ok(())
}

fn may_say_so(work: &mut Work<'_>, log: &LogId, account: &AccountId) -> Result<bool, ClientError> {
    let may_remove = |group: &Group| {
        let policy = group.policy();
        // Nobody is removed from a direct chat.
        policy.kind == ChatKind::Group
            && group.accounts().contains(account)
            && policy.role(account) >= policy.may_remove
    };
    if let Some(may) = work.look_at_group(log, may_remove)? {
        return Ok(may);
    }
    let spent = |invitation: &InvitationRow| {
        invitation.log == *log
            && invitation.state == InvitationState::Spent
            && invitation.account == *account
    };
    Ok(work.tx.invitations()?.iter().any(spent))
}

/// This device has its place again.
pub(crate) fn repaired(work: &Work<'_>, log: &LogId) -> Result<(), ClientError> {
    work.tx.delete_meta(&blame(log))?;
    Ok(work.tx.delete_readmission(log)?)
}
