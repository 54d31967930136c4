//! A message comes in.

use std::collections::BTreeSet;

use veche_mls::{EntryRef, Group, Opened, OpenedMessage, Payload};
use veche_store::{LogRow, MessageRow, OutboxRow, ReactionRow, RowState, position};
use veche_wire::content::{Body, Note};
use veche_wire::{AccountId, Content, Entry, EntryId, Kind, LogId, Seq, limits};

use super::{Taken, line, order};
use crate::work::Work;
use crate::{ClientError, Event, mentions, outbox, people, views, warm};

/// Takes a message entry. One that does not open is junk: counted, skipped, never shown as a lost
/// message; real losses show in the counters of their sender.
pub(super) fn take(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &mut Group,
    (entry, own): (&Entry, Option<OutboxRow>),
) -> Result<Taken, ClientError> {
    if let Some(out) = own {
        if let crate::wanted::Wanted::Message(content) = crate::wanted::decode(&out.body)? {
            let content = Content::decode(&content)?;
            let me = work.identity()?.account();
            outbox::own_message(work, row, entry, &out)?;
            apply(work, row, entry.seq, (&me, &content, false))?;
            if outbox::shows_as_message(&content) {
                warm::spoke(work, row, group)?;
            }
        }
        return Ok(Taken::Yes);
    }
    let key = group.entry_key(&work.core.engine)?;
    let Some(mls) = key.open(&row.log, &entry.id, Kind::Message, &entry.bytes) else {
        junk(work)?;
        return Ok(Taken::Yes);
    };
    let expected = EntryRef::of(row.log, entry);
    match group.open(&work.core.engine, work.keep, &mls, &expected)? {
        Opened::Message(opened) => opened_message(work, row, group, (entry, &opened))?,
        Opened::Junk(_) => junk(work)?,
        Opened::Own => {
            // Something claims this leaf: new keys before the next seal (docs/protocol.md, rule 4).
            junk(work)?;
            if work.now.saturating_sub(row.renewed) >= RENEW_EVERY_MS {
                row.renewed = work.now;
                row.flags.update_due = true;
                let words = "an entry claims to be by this device, which did not write it: by a \
                             copy of this home, or forged";
                line::local_line(work, row, entry, words)?;
            }
        }
    }
    Ok(Taken::Yes)
}

/// How often at most an entry that claims this leaf makes it renew its keys, in milliseconds.
const RENEW_EVERY_MS: u64 = 3_600_000;

const JUNK: &str = "junk entries";

fn junk(work: &Work<'_>) -> Result<(), ClientError> {
    let count = work.tx.meta_number(JUNK)?.unwrap_or(0);
    Ok(work.tx.set_meta_number(JUNK, count + 1)?)
}

fn opened_message(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &Group,
    (entry, opened): (&Entry, &OpenedMessage),
) -> Result<(), ClientError> {
    let name = people::learn(work, &opened.credential)?;
    let same_order = order::compare(work, row, (entry, opened, &name))?;
    count(work, row, (entry, opened, &name), same_order)?;
    let account = opened.credential.certificate.account;
    row.flags.peer_arrived = true;
    outbox::arrived(work, &row.log, &opened.credential.certificate.device)?;
    let Ok(payload) = Payload::decode(&opened.payload) else { return junk(work) };
    let honest = entry.commitment.is_some_and(|commitment| payload.verify(&commitment));
    let Ok(content) = Content::decode(&payload.content) else { return junk(work) };
    if !honest || !outbox::may_say(group.policy(), &account, &content.body) {
        return junk(work);
    }
    if let Body::Note(Note::AdminKey(key)) = &content.body {
        return listed_later(work, group, key, &account);
    }
    if let Body::Note(Note::Unread(ids)) = &content.body {
        return super::unread::asked(work, row, ids);
    }
    if let Body::Note(Note::Declined(request)) = &content.body {
        return crate::door::declined(work, group, (&account, request));
    }
    if !outbox::shows_as_message(&content) {
        super::unread::place_of(work, row, &content.id)?;
    }
    let is_receipt = matches!(content.body, Body::Receipt { .. });
    let unwanted = is_receipt && group.leaf_count() > limits::RECEIPTS_DEVICES_MAX;
    if unwanted || people::is_blocked(work, &account)? {
        return Ok(());
    }
    let said = (&account, &content.id, content.sent_at);
    if outbox::shows_as_message(&content)
        && !crate::work::mutated!(work.core, TooSoonShown)
        && let Some(last) = outbox::comes_too_soon(work, (row, group.policy()), said)?
    {
        let words = format!("{name} wrote too soon for slow mode, which is not shown");
        let shown = line::Line { by: account, about: Some(account), words: &words };
        // One line after each message, however much comes too soon behind it.
        return line::line(work, row, (&last.id, entry.seq), &shown);
    }
    let me = work.identity()?.account();
    let mentions_me = mentions::mean(group.policy(), (&account, &content.mentions), &me);
    apply(work, row, entry.seq, (&account, &content, mentions_me))
}

fn listed_later(
    work: &mut Work<'_>,
    group: &Group,
    key: &veche_wire::AdminKey,
    account: &AccountId,
) -> Result<(), ClientError> {
    if group.policy().role(account) >= veche_mls::Role::Admin {
        outbox::elect_key_listing(work, group, key, account)?;
    }
    Ok(())
}

/// Counters show what of a sender is missing (docs/protocol.md, rule 3). Where the author has seen
/// another order of the log, that is looked into, and says more.
fn count(
    work: &mut Work<'_>,
    row: &LogRow,
    (entry, opened, name): (&Entry, &OpenedMessage, &str),
    same_order: bool,
) -> Result<(), ClientError> {
    let expected = work.tx.sender_counter(&row.log, opened.leaf)?;
    let counter = opened.bound.counter;
    let after = counter.saturating_add(1);
    let next = expected.map_or(after, |expected| expected.max(after));
    work.tx.set_sender_counter(&row.log, opened.leaf, next)?;
    // A member who came in the middle of an epoch does not know where a sender stood: it did not, as
    // every joiner begins with an epoch.
    let from = expected.unwrap_or(0);
    // A sender can claim any counter: nothing here grows with the number claimed.
    let given_up: BTreeSet<u32> =
        opened.bound.given_up.iter().copied().filter(|it| (from..counter).contains(it)).collect();
    let lost = (counter.saturating_sub(from) as usize).saturating_sub(given_up.len());
    if !same_order {
        return Ok(());
    }
    if lost > 0 {
        let words = format!("{lost} message(s) of {name} were lost on the way");
        line::local_line(work, row, entry, &words)?;
    }
    if counter < from {
        let words = format!("a message of {name} came out of order");
        line::local_line(work, row, entry, &words)?;
    }
    Ok(())
}

/// Applies an edit, deletion or reaction of this person as soon as it is durable: whoever leaves now
/// does not read on to it. When the log brings it, nothing changes any more.
pub(crate) fn apply_durable(work: &mut Work<'_>, out: &OutboxRow) -> Result<(), ClientError> {
    let Some(row) = work.tx.log(&out.log)? else { return Ok(()) };
    let crate::wanted::Wanted::Message(content) = crate::wanted::decode(&out.body)? else {
        return Ok(());
    };
    let content = Content::decode(&content)?;
    if outbox::shows_as_message(&content) {
        return Ok(());
    }
    let me = work.identity()?.account();
    apply(work, &row, 0, (&me, &content, false))
}

/// Applies what a message says, and to whom it calls.
fn apply(
    work: &mut Work<'_>,
    row: &LogRow,
    seq: Seq,
    (author, content, mentions_me): (&AccountId, &Content, bool),
) -> Result<(), ClientError> {
    match (&content.body, content.replaces, content.in_reply_to) {
        (Body::Text(_), Some(target), _) => edit(work, row, (author, content), &target),
        (Body::Nothing, Some(target), _) => {
            if take_back(work, row, &target, author)? {
                return Ok(());
            }
            edit(work, row, (author, content), &target)
        }
        (Body::Reaction(emoji), None, Some(target)) => {
            if late(work, author, &content.id)?.is_some() {
                // It was taken back already, in the other log of a direct chat.
                return Ok(());
            }
            let reaction =
                ReactionRow { id: content.id, target, account: *author, emoji: emoji.clone() };
            work.tx.put_reaction(&row.chat, &reaction)?;
            work.tell(Event::Message { chat: row.chat, message: target });
            Ok(())
        }
        (Body::Receipt { read }, _, _) => {
            for message in read {
                work.tx.put_receipt(&row.chat, message, author)?;
                work.tell(Event::Message { chat: row.chat, message: *message });
            }
            Ok(())
        }
        (Body::Note(_) | Body::Nothing, _, _) => Ok(()),
        _ if outbox::shows_as_message(content) => {
            people::learn_display_name(work, author, content.display_name.as_ref())?;
            insert(work, row, seq, (author, content, mentions_me))
        }
        _ => Ok(()),
    }
}

fn edit(
    work: &mut Work<'_>,
    row: &LogRow,
    (author, content): (&AccountId, &Content),
    target: &EntryId,
) -> Result<(), ClientError> {
    // A direct chat of two logs, and what is said again after a restoration, can bring changes in
    // another order than they were made in, and before what they change.
    // A deletion is the last word whenever it comes; of two edits the later one stands.
    let earlier = late(work, author, target)?;
    let deletes = |content: &Content| content.body == Body::Nothing;
    let is_over =
        |kept: &Content| deletes(kept) || (!deletes(content) && kept.sent_at > content.sent_at);
    if earlier.as_ref().is_some_and(is_over) {
        return Ok(());
    }
    work.tx.put_late_change(target, author, &content.encode())?;
    let Some((chat, mut message)) = target_of(work, row, target)? else { return Ok(()) };
    if message.account != *author || message.event.is_some() || message.deleted {
        return Ok(());
    }
    if content.body == Body::Nothing
        && let Some(file) = views::file_of(work.tx, &chat, target)?
    {
        work.tx.delete_blob(&file.blob)?;
    }
    change(&mut message, content);
    work.tx.update_message(&message)?;
    if message.deleted {
        work.tx.forget_wanted(&message.log, target)?;
    }
    work.tell(Event::Message { chat, message: *target });
    Ok(())
}

fn change(message: &mut MessageRow, content: &Content) {
    if let Body::Text(text) = &content.body {
        message.text = Some(text.clone());
        message.edited = true;
    } else {
        message.text = None;
        message.content = None;
        message.deleted = true;
    }
}

/// The message that is meant: of this conversation, or of another one with the same person that will
/// become one with it.
fn target_of(
    work: &Work<'_>,
    row: &LogRow,
    target: &EntryId,
) -> Result<Option<(LogId, MessageRow)>, ClientError> {
    if let Some(message) = work.tx.message(&row.chat, target)? {
        return Ok(Some((row.chat, message)));
    }
    let Some(peer) = work.tx.chat(&row.chat)?.and_then(|chat| chat.peer) else { return Ok(None) };
    for chat in work.tx.chats_with(&peer)? {
        if let Some(message) = work.tx.message(&chat.chat, target)? {
            return Ok(Some((chat.chat, message)));
        }
    }
    Ok(None)
}

/// Takes a reaction back, of this conversation or of one that will become one with it; `false` where
/// there is none.
fn take_back(
    work: &mut Work<'_>,
    row: &LogRow,
    reaction: &EntryId,
    author: &AccountId,
) -> Result<bool, ClientError> {
    let mut chats = vec![row.chat];
    if let Some(peer) = work.tx.chat(&row.chat)?.and_then(|chat| chat.peer) {
        chats.extend(work.tx.chats_with(&peer)?.iter().map(|chat| chat.chat));
    }
    for chat in chats {
        if work.tx.delete_reaction(&chat, reaction, author)? {
            work.tell(Event::Chat(chat));
            return Ok(true);
        }
    }
    Ok(false)
}

/// The last change of a message by its author.
fn late(
    work: &Work<'_>,
    author: &AccountId,
    target: &EntryId,
) -> Result<Option<Content>, ClientError> {
    let kept = work.tx.late_change(target, author)?;
    Ok(kept.map(|content| Content::decode(&content)).transpose()?)
}

/// What was said about a message before it came.
fn apply_late(
    work: &Work<'_>,
    author: &AccountId,
    message: &mut MessageRow,
) -> Result<(), ClientError> {
    if let Some(content) = late(work, author, &message.id)? {
        change(message, &content);
    }
    Ok(())
}

fn insert(
    work: &mut Work<'_>,
    row: &LogRow,
    seq: Seq,
    (author, content, mentions_me): (&AccountId, &Content, bool),
) -> Result<(), ClientError> {
    // A row of ours is there since it was written, with its place; inserting it again is a no-op.
    let mine = *author == work.identity()?.account();
    let mut message = MessageRow {
        arrival: 0,
        chat: row.chat,
        id: content.id,
        log: row.log,
        rank: row.rank,
        position: position(seq, 0),
        account: *author,
        sent_at: content.sent_at,
        state: if mine { RowState::Sent } else { RowState::Received },
        reason: None,
        text: views::text_of(content),
        content: Some(content.encode()),
        event: None,
        reply_to: content.in_reply_to,
        edited: false,
        deleted: false,
        mentions_me,
    };
    apply_late(work, author, &mut message)?;
    if let Some(seq) = super::unread::place_of(work, row, &content.id)? {
        message.position = position(seq, 0);
    }
    if !work.tx.insert_message(&message)? {
        return super::restored::said_again(work, row, seq, (author, &content.id));
    }
    work.core.session.received += 1;
    work.tell(Event::Message { chat: row.chat, message: content.id });
    if mentions_me && !message.deleted {
        work.tell(Event::Mention { chat: row.chat, message: content.id });
    }
    Ok(())
}
