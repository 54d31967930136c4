//! A new chat: its group, its log, its first generation and admin key.

use veche_mls::{AdminSecret, ChatKind, Group, Policy, Suite};
use veche_store::{ChatRow, GenerationRow, LogFlags, LogRow, LogState, MessageRow, RowState};
use veche_wire::{AccountId, ClientFrame, EntryId, LogId, Permit, Request};

use crate::api::IntentId;
use crate::session::Key;
use crate::wanted::Change;
use crate::work::Work;
use crate::{ClientError, Event, people};

/// Makes a new group.
pub(crate) fn create_group(
    work: &mut Work<'_>,
    title: &str,
    suite: Suite,
) -> Result<LogId, ClientError> {
    let me = work.identity()?.account();
    let log = create_log(work, (Policy::group(title, me), suite), None)?;
    let words = format!("{} created the group {title}", people::name(work, &me)?);
    first_line(work, &log, &me, &words)?;
    Ok(log)
}

/// Makes a direct chat.
pub(crate) fn create_direct(work: &mut Work<'_>, peer: AccountId) -> Result<LogId, ClientError> {
    let me = work.identity()?.account();
    create_log(work, (Policy::direct(&[me, peer]), Suite::PostQuantum), Some(peer))
}

/// Makes the group here and the rows from which the log is made on the server.
pub(crate) fn create_log(
    work: &mut Work<'_>,
    (mut policy, suite): (Policy, Suite),
    peer: Option<AccountId>,
) -> Result<LogId, ClientError> {
    let log = LogId::random(&mut work.core.random.clone());
    let me = work.identity()?.account();
    let secret = AdminSecret::generate(&mut work.core.random.clone());
    policy.admin_keys.insert(secret.public(), me);
    let (kind, title) = (policy.kind, policy.title.clone());
    let group = Group::create(&work.core.engine, work.keep, work.identity()?, log, suite, policy)?;
    let generation = group.generation_secret(&work.core.engine, 0)?;
    let create = Request::Create {
        log,
        permit: Permit::Open,
        tokens: generation.token_hashes(&log, 0),
        admins: vec![secret.public()],
    };
    work.put_group(log, group);
    work.tx.put_generation(
        &log,
        &GenerationRow { number: 0, begins: 0, secret: *generation.as_bytes() },
    )?;
    work.tx.put_log(&LogRow {
        log,
        chat: log,
        rank: 1,
        state: LogState::Creating,
        generation: 0,
        cursor: 0,
        hash: veche_mls::Transcript::START,
        last_commit: 0,
        counter: 0,
        flags: LogFlags::default(),
        renewed: 0,
        displaced: 0,
        displaced_at: 0,
        admin_secret: Some(secret.encode().to_vec()),
        creation: Some(ClientFrame { id: 1, request: create }.encode()),
    })?;
    work.tx.put_chat(&ChatRow {
        chat: log,
        direct: kind == ChatKind::Direct,
        title,
        peer,
        read_arrival: 0,
        created: work.now,
    })?;
    work.core.session.dirty.insert(log);
    work.tell(Event::Chat(log));
    Ok(log)
}

fn first_line(
    work: &mut Work<'_>,
    log: &LogId,
    me: &AccountId,
    words: &str,
) -> Result<(), ClientError> {
    work.tx.insert_message(&MessageRow {
        arrival: 0,
        chat: *log,
        id: EntryId(log.0),
        log: *log,
        rank: 1,
        position: 0,
        account: *me,
        sent_at: work.now,
        state: RowState::Received,
        reason: None,
        content: None,
        text: None,
        event: Some(words.to_owned()),
        reply_to: None,
        edited: false,
        deleted: false,
        mentions_me: false,
    })?;
    Ok(())
}

/// Asks the server to make the log; idempotent.
pub(super) fn ask_create(work: &mut Work<'_>, row: &LogRow) -> Result<(), ClientError> {
    let Some(creation) = &row.creation else { return Ok(()) };
    let frame = ClientFrame::decode(creation)?;
    work.ask(Key::Create(row.log), |_| frame.request);
    Ok(())
}

/// The server has made the log.
pub(crate) fn created(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    if let Some(mut row) = work.tx.log(log)?
        && row.state == LogState::Creating
    {
        row.state = LogState::Active;
        work.tx.put_log(&row)?;
        work.tell(Event::Chat(row.chat));
    }
    work.core.session.subscriptions.remove(log);
    work.core.session.dirty.insert(*log);
    Ok(())
}

/// The server does not make the log, for good.
pub(crate) fn not_created(
    work: &mut Work<'_>,
    log: &LogId,
    words: &str,
) -> Result<(), ClientError> {
    let reason = format!("the chat could not be made: {words}");
    if let Some(row) = work.tx.log(log)? {
        crate::succession::not_made(work, &row)?;
    }
    super::fail_outbox(work, log, &reason)?;
    if let Some(mut row) = work.tx.log(log)? {
        row.state = LogState::Left;
        work.tx.put_log(&row)?;
    }
    work.tell(Event::Chat(*log));
    Ok(())
}

/// An intent that is done when the server has the log: a change that changes nothing.
pub(crate) fn wait_for_log(
    work: &mut Work<'_>,
    intent: IntentId,
    log: &LogId,
) -> Result<(), ClientError> {
    let title = work.tx.chat(log)?.map(|chat| chat.title).unwrap_or_default();
    super::enqueue_change(work, log, Change::Rename(title), Some(intent))?;
    super::hand_over_intent(work, intent)
}

/// The direct chat with somebody that can be written to.
pub(crate) fn direct_chat_with(
    work: &Work<'_>,
    peer: &AccountId,
) -> Result<Option<LogId>, ClientError> {
    for chat in work.tx.chats_with(peer)? {
        let usable = work.tx.logs_of(&chat.chat)?.last().is_some_and(|row| {
            matches!(row.state, LogState::Creating | LogState::Active | LogState::Stuck)
        });
        if usable {
            return Ok(Some(chat.chat));
        }
    }
    Ok(None)
}
