//! Station 2: what a person wants becomes rows, in one transaction.

use veche_mls::Policy;
use veche_store::{MessageRow, OutboxRow, OutboxState, PENDING_POSITION, RowState};
use veche_wire::content::{Body, Mentions};
use veche_wire::{AccountId, Content, EntryId, Kind, LogId};

use crate::api::{IntentId, Reply};
use crate::error::refuse;
use crate::wanted::{self, Change, Intent, Wanted};
use crate::work::Work;
use crate::{ClientError, Event, views};

/// Keeps a message of this person and puts it into the outbox. It is on the screen at once.
pub(crate) fn enqueue(
    work: &mut Work<'_>,
    chat: &LogId,
    content: &Content,
) -> Result<Reply, ClientError> {
    let log = writable_log(work, chat)?;
    let intent = work.tx.insert_intent(&wanted::encode(&Intent::Outbox))?;
    let account = work.identity()?.account();
    if shows_as_message(content) {
        let row = MessageRow {
            arrival: 0,
            chat: *chat,
            id: content.id,
            log: log.log,
            rank: log.rank,
            position: PENDING_POSITION,
            account,
            sent_at: content.sent_at,
            state: RowState::Pending,
            reason: None,
            text: views::text_of(content),
            content: Some(content.encode()),
            event: None,
            reply_to: content.in_reply_to,
            edited: false,
            deleted: false,
            mentions_me: false,
        };
        work.tx.insert_message(&row)?;
        work.tell(Event::Message { chat: *chat, message: content.id });
    }
    put_message(work, &log.log, content, Some(intent))?;
    Ok(Reply::Message { message: content.id, intent })
}

/// Whether a content is a line of its own on the screen.
pub(crate) fn shows_as_message(content: &Content) -> bool {
    content.replaces.is_none()
        && matches!(content.body, Body::Text(_) | Body::File { .. } | Body::Unknown { .. })
}

/// What is said to who may not post.
pub(crate) const MAY_NOT_POST: &str = "only some may write in this group: its owners have said so";

/// Whether an account may say something in a chat: to react, and what programs tell each other, is not
/// to post.
pub(crate) fn may_say(policy: &Policy, account: &AccountId, body: &Body) -> bool {
    let posts = matches!(body, Body::Text(_) | Body::File { .. } | Body::Unknown { .. });
    !posts || policy.role(account) >= policy.may_post
}

/// Puts a content that no person waits for into the outbox: a receipt, a note.
pub(crate) fn enqueue_content(
    work: &mut Work<'_>,
    log: &LogId,
    body: Body,
) -> Result<(), ClientError> {
    let content = Content {
        id: EntryId::random(&mut work.core.random.clone()),
        sent_at: work.now,
        replaces: None,
        in_reply_to: None,
        display_name: None,
        mentions: Mentions::default(),
        body,
    };
    put_message(work, log, &content, None)
}

/// Puts a content that no person waits for before everything that is not sealed yet.
pub(crate) fn enqueue_first(
    work: &mut Work<'_>,
    log: &LogId,
    body: Body,
) -> Result<(), ClientError> {
    let rows = work.tx.outbox(log)?;
    enqueue_content(work, log, body)?;
    let waits = |row: &&OutboxRow| !row.automatic && row.state <= OutboxState::Queued;
    for row in rows.iter().filter(waits) {
        work.tx.delete_outbox(row.position)?;
        work.tx.insert_outbox(row)?;
    }
    Ok(())
}

fn put_message(
    work: &mut Work<'_>,
    log: &LogId,
    content: &Content,
    intent: Option<IntentId>,
) -> Result<(), ClientError> {
    let wanted = Wanted::Message(content.encode());
    let row = OutboxRow { id: content.id, intent, ..new_row(work, log, Kind::Message, &wanted) };
    put(work, &row)
}

/// Puts a change of the chat into the order of what the person wants.
pub(crate) fn enqueue_change(
    work: &mut Work<'_>,
    log: &LogId,
    change: Change,
    intent: Option<IntentId>,
) -> Result<(), ClientError> {
    let wanted = Wanted::Change(change);
    let row = OutboxRow { intent, ..new_row(work, log, Kind::Commit, &wanted) };
    put(work, &row)
}

/// Puts a change that needs people's KeyPackages into the order, where it holds its place until all of
/// them were looked up.
pub(crate) fn enqueue_gathered(
    work: &mut Work<'_>,
    log: &LogId,
    gather: Intent,
    change: Change,
) -> Result<IntentId, ClientError> {
    let intent = work.tx.insert_intent(&wanted::encode(&gather))?;
    let row = new_row(work, log, Kind::Commit, &Wanted::Change(change));
    let state = OutboxState::Preparing;
    put(work, &OutboxRow { intent: Some(intent), state, ..row })?;
    Ok(intent)
}

/// Puts the wish to leave into the order, after everything that was said.
pub(crate) fn enqueue_leave(
    work: &mut Work<'_>,
    log: &LogId,
    intent: IntentId,
) -> Result<(), ClientError> {
    let row =
        OutboxRow { intent: Some(intent), ..new_row(work, log, Kind::Control, &Wanted::Leave) };
    put(work, &row)
}

/// Puts the wish to guard a group, or to end that, into the order.
pub(crate) fn enqueue_guard(
    work: &mut Work<'_>,
    log: &LogId,
    (on, intent): (bool, IntentId),
) -> Result<(), ClientError> {
    let row = new_row(work, log, Kind::Freeze, &Wanted::Guard(on));
    put(work, &OutboxRow { intent: Some(intent), ..row })
}

/// A row that waits to be sealed.
pub(super) fn new_row(work: &mut Work<'_>, log: &LogId, kind: Kind, wanted: &Wanted) -> OutboxRow {
    OutboxRow {
        position: 0,
        log: *log,
        id: EntryId::random(&mut work.core.random.clone()),
        kind: kind as u8,
        automatic: false,
        intent: None,
        body: wanted::encode(wanted),
        state: OutboxState::Queued,
        sealed: None,
        hash: None,
        commitment: None,
        rider: None,
        draft: None,
        after_commit: 0,
        epoch: 0,
        counter: 0,
        wait_until: 0,
        not_before: 0,
    }
}

/// Puts a row at the end of the order.
pub(super) fn put(work: &mut Work<'_>, row: &OutboxRow) -> Result<(), ClientError> {
    work.tx.insert_outbox(row)?;
    work.core.session.dirty.insert(row.log);
    Ok(())
}

/// The log into which a chat's messages go: its last one, while this device is in it.
pub(crate) fn writable_log(
    work: &Work<'_>,
    chat: &LogId,
) -> Result<veche_store::LogRow, ClientError> {
    use veche_store::LogState;
    let Some(row) = work.tx.logs_of(chat)?.pop() else {
        return refuse("There is no such chat. `veche chats` lists them.");
    };
    match row.state {
        LogState::Creating | LogState::Active | LogState::Stuck => Ok(row),
        // The log in which it goes on comes after it.
        LogState::Left | LogState::Succeeded => refuse("You have left this chat."),
        LogState::Removed => refuse("You were removed from this chat."),
    }
}
