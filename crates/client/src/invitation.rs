//! Coming in: what the inbox brings is kept and decided upon; an accepted invitation becomes a chat
//! (docs/protocol.md, rules 13 and 14).

use veche_mls::{
    ChatKind, Envelope, GenerationSecret, Group, Invitation, JoinError, Joined, open_envelope,
    open_tree,
};
use veche_store::{
    BlobRow, ChatRow, Direction, EntryRow, GenerationRow, InvitationRow, InvitationState, LogFlags,
    LogRow, LogState, Scope,
};
use veche_wire::content::{Body, Note};
use veche_wire::{AccountId, Credential, EntryId, InboxEntry, LogId, Seq, SignedRequest};

use crate::api::{IntentId, Reply};
use crate::error::refuse;
use crate::inbox::{self, readmit};
use crate::session::Key;
use crate::succession::{self, Claim};
use crate::wanted::{self, Ending, Intent};
use crate::work::Work;
use crate::{ClientError, Event, account, answer, blobs, door, knock, outbox, people, warm};

/// The inbox brings envelopes: kept here first, then erased there.
pub(crate) fn received(work: &mut Work<'_>, entries: &[InboxEntry]) -> Result<(), ClientError> {
    let mut up_to = 0;
    for entry in entries {
        if !follows(work, entry.seq)? {
            break;
        }
        up_to = up_to.max(entry.seq);
        // The server may bring one again.
        if !work.tx.see(&Scope::Inbox, entry.id.as_bytes())? {
            continue;
        }
        let opened = open_envelope(&work.core.engine, work.identity()?, &entry.bytes);
        // What does not open was not for this device, or nobody signed it.
        let Ok((sender, envelope)) = opened else { continue };
        match envelope {
            Envelope::Invitation(_) | Envelope::Successor { .. } => {
                invited(work, entry.id, &sender, envelope)?;
            }
            Envelope::Declined(log) => succession::declined(work, &sender, &log)?,
            Envelope::Readmit(request) => readmit::asked(work, &sender, &request)?,
            Envelope::Gone(gone) => readmit::gone(work, &sender, &gone)?,
            Envelope::Leave(request) => inbox::asked_to_leave(work, &request)?,
        }
        account::package_used(work);
    }
    if up_to == 0 {
        return Ok(());
    }
    work.core.session.inbox_seen = work.core.session.inbox_seen.max(up_to);
    account::signed(work, Key::Erase, &SignedRequest::EraseInbox { up_to })?;
    answer::tell_when_live(work)
}

/// The place in the inbox that was looked at last.
const INBOX_AT: &str = "inbox at";

/// Whether an envelope is the next one, so that it may be erased with all before it. Where something
/// before it is missing, the inbox is subscribed again; what is then missing at the same place is not
/// late but gone.
fn follows(work: &mut Work<'_>, seq: Seq) -> Result<bool, ClientError> {
    let at = work.tx.meta_number(INBOX_AT)?.unwrap_or(0);
    let gap = (seq > at + 1).then_some((at, seq));
    let session = &mut work.core.session;
    let is_gone = session.inbox_gap == gap && session.inbox.is_some();
    session.inbox_gap = gap;
    if gap.is_some() && !is_gone {
        session.inbox = None;
        return Ok(false);
    }
    work.tx.set_meta_number(INBOX_AT, seq)?;
    Ok(true)
}

/// How many requests of strangers are kept.
const REQUESTS_MAX: usize = 1_000;

fn invited(
    work: &mut Work<'_>,
    id: EntryId,
    sender: &Credential,
    envelope: Envelope,
) -> Result<(), ClientError> {
    let body = envelope.encode();
    let Some((invitation, predecessor)) = succession::invitation_of(envelope) else {
        return Ok(());
    };
    let from = sender.certificate.account;
    let mut place = work.tx.log(&invitation.log)?.map(|row| row.state);
    if place == Some(LogState::Active)
        && readmit::leads_ahead(work, &invitation)?
        && may_repair(work, &invitation, sender)?
    {
        readmit::leap(work, &invitation.log)?;
        place = Some(LogState::Stuck);
    }
    // A device whose person is in the chat gets its place again from whoever gives it first.
    let outside = matches!(place, None | Some(LogState::Left | LogState::Removed));
    if outside && outbox::has_given_up(work, &invitation)? {
        return Ok(());
    }
    let is_asked_for =
        (outside || place == Some(LogState::Stuck)) && knock::is_answer(work, &invitation)?;
    if outside && !is_asked_for && people::is_blocked(work, &from)? {
        return Ok(());
    }
    let name = people::learn(work, sender)?;
    people::learn_display_name(work, &from, invitation.display_name.as_ref())?;
    let trusted = work.tx.account(&from)?.is_some_and(|row| row.contact);
    let state = match place {
        // This device has its place; nobody can talk it out of it. If the log says that it was
        // replaced, the invitation counts then.
        Some(LogState::Active | LogState::Creating) => InvitationState::Held,
        // It has asked to be added again.
        Some(LogState::Stuck) if is_asked_for || may_repair(work, &invitation, sender)? => {
            InvitationState::Accepted
        }
        // Nobody can be brought back into a log from which the chat has gone on.
        Some(LogState::Stuck | LogState::Succeeded) => return Ok(()),
        _ if is_asked_for => InvitationState::Accepted,
        Some(LogState::Left | LogState::Removed) => decided(trusted),
        None => match succession::claim(work, predecessor.as_ref(), (&from, invitation.kind))? {
            Claim::Unknown => decided(trusted),
            Claim::Obeyed => InvitationState::Accepted,
            Claim::Asked => InvitationState::Request,
            // Somebody has invited this person again since: until that is answered, this waits, too.
            Claim::Declined if is_invited_into(work, predecessor.as_ref())? => {
                InvitationState::Request
            }
            Claim::Declined => return succession::decline(work, sender, &invitation.log),
        },
    };
    let requests = |row: &InvitationRow| row.state == InvitationState::Request;
    if state == InvitationState::Request
        && work.tx.invitations()?.iter().filter(|row| requests(row)).count() >= REQUESTS_MAX
    {
        work.tell(Event::Notice(format!(
            "{name} asks to come in touch, but {REQUESTS_MAX} requests wait already: decline some."
        )));
        return Ok(());
    }
    work.tx.put_invitation(&InvitationRow {
        id,
        log: invitation.log,
        account: from,
        direct: invitation.kind == ChatKind::Direct,
        state,
        intent: None,
        body,
    })?;
    if state == InvitationState::Request {
        work.tell(Event::Request(id));
        work.tell(Event::Notice(format!("{name} asks to come in touch.")));
    }
    Ok(())
}

/// Whether an invitation into a log waits for its answer, or for its tree.
fn is_invited_into(work: &Work<'_>, log: Option<&LogId>) -> Result<bool, ClientError> {
    let waits = |row: &InvitationRow| {
        let states = [InvitationState::Request, InvitationState::Accepted];
        Some(&row.log) == log && states.contains(&row.state)
    };
    Ok(work.tx.invitations()?.iter().any(waits))
}

/// This device is in a log: what it was asked about a successor before, which is now seen to come from who
/// may say so, needs no decision any more.
fn judge_successors(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for mut row in work.tx.invitations()? {
        let (invitation, predecessor) = opened(&row)?;
        let leads_on = row.state == InvitationState::Request && predecessor == Some(*log);
        let from = (&row.account, invitation.kind);
        if leads_on && succession::claim(work, predecessor.as_ref(), from)? == Claim::Obeyed {
            row.state = InvitationState::Accepted;
            work.tx.put_invitation(&row)?;
        }
    }
    Ok(())
}

/// What a contact sends needs no decision.
fn decided(trusted: bool) -> InvitationState {
    if trusted { InvitationState::Accepted } else { InvitationState::Request }
}

/// Whether somebody may give this device its place back: a member of the group as it was last known
/// here; whoever has the secret of the latest generation that is known here, which nobody has who was
/// removed before; and anybody who knows the log, where this device was never inside.
fn may_repair(
    work: &mut Work<'_>,
    invitation: &Invitation,
    sender: &Credential,
) -> Result<bool, ClientError> {
    let latest = work.tx.log(&invitation.log)?.map_or(0, |row| row.generation);
    if let Some(known) = work.tx.generation(&invitation.log, latest)?
        && invitation.generation == latest
        && invitation.generation_secret == GenerationSecret::from_bytes(known.secret)
    {
        return Ok(true);
    }
    let inside = work.look_at_group(&invitation.log, Group::accounts)?;
    Ok(inside.is_none_or(|inside| inside.contains(&sender.certificate.account)))
}

/// Whether this device ever had its place in a log.
pub(crate) fn came_in(work: &mut Work<'_>, log: &LogId) -> Result<bool, ClientError> {
    Ok(work.look_at_group(log, |_| ())?.is_some())
}

/// A kept invitation, and the log whose successor it leads into, where it does.
pub(crate) fn opened(row: &InvitationRow) -> Result<(Invitation, Option<LogId>), ClientError> {
    succession::invitation_of(Envelope::decode(&row.body)?)
        .ok_or_else(|| ClientError::Bug("a kept invitation is none".into()))
}

/// The person accepts a request.
pub(crate) fn accept(work: &mut Work<'_>, request: &EntryId) -> Result<Reply, ClientError> {
    let mut row = requested(work, request)?;
    people::keep_contact(work, &row.account, None)?;
    let intent = work.tx.insert_intent(&wanted::encode(&Intent::Join))?;
    row.state = InvitationState::Accepted;
    row.intent = Some(intent);
    work.tx.put_invitation(&row)?;
    Ok(Reply::Intent(intent))
}

/// The person declines a request.
pub(crate) fn decline(work: &mut Work<'_>, request: &EntryId) -> Result<Reply, ClientError> {
    let row = requested(work, request)?;
    work.tx.delete_invitation(&row.id)?;
    Ok(Reply::Done)
}

fn requested(work: &Work<'_>, request: &EntryId) -> Result<InvitationRow, ClientError> {
    let row = work.tx.invitation(request)?;
    match row.filter(|row| row.state == InvitationState::Request) {
        Some(row) => Ok(row),
        None => refuse("There is no such request. `veche requests` lists them."),
    }
}

/// This device has lost its place in a log: what was held counts now.
pub(crate) fn place_lost(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for mut row in work.tx.invitations()? {
        if row.log == *log && row.state == InvitationState::Held {
            let replaced = work.tx.log(log)?.is_some_and(|row| row.state == LogState::Stuck);
            let refused = people::is_blocked(work, &row.account)?
                || outbox::has_given_up(work, &opened(&row)?.0)?;
            if !replaced && refused {
                work.tx.delete_invitation(&row.id)?;
                continue;
            }
            let trusted = work.tx.account(&row.account)?.is_some_and(|account| account.contact);
            row.state = decided(trusted || replaced);
            work.tx.put_invitation(&row)?;
        }
    }
    Ok(())
}

/// Fetches trees and joins.
pub(crate) fn go_on(work: &mut Work<'_>) -> Result<(), ClientError> {
    let mut accepted = Vec::new();
    for row in work.tx.invitations()? {
        if row.state == InvitationState::Accepted {
            accepted.push((opened(&row)?.0, row));
        }
    }
    // Somebody added, removed and added again goes through it all in this order.
    accepted.sort_by_key(|(invitation, _)| (invitation.log, invitation.commit_seq));
    accepted.dedup_by_key(|(invitation, _)| invitation.log);
    for (invitation, row) in accepted {
        let tree = &invitation.tree;
        match work.tx.blob(&tree.blob)? {
            None => work.tx.put_blob(&BlobRow {
                blob: tree.blob,
                direction: Direction::Down,
                total: tree.size,
                have: 0,
                intent: None,
            })?,
            Some(blob) if blob.direction == Direction::Here => {
                if is_past(work, &row, &invitation)? {
                    work.tx.delete_invitation(&row.id)?;
                } else if is_early(work, &row)? {
                    continue;
                } else {
                    join(work, &row, &invitation)?;
                }
                work.tx.delete_blob(&tree.blob)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Whether this device has read beyond an invitation: what it let into is known or over. Somebody
/// added, removed and added again has several, which are accepted in any order.
fn is_past(
    work: &mut Work<'_>,
    row: &InvitationRow,
    invitation: &Invitation,
) -> Result<bool, ClientError> {
    let Some(log) = work.tx.log(&invitation.log)? else { return Ok(false) };
    // Where it never came in, the cursor is what an earlier invitation claimed.
    let came_in = log.state != LogState::Stuck || came_in(work, &invitation.log)?;
    let past = log.state != LogState::Creating && came_in && invitation.commit_seq <= log.cursor;
    if past {
        finish(work, row.intent, Ok(log.chat))?;
    }
    Ok(past)
}

/// Whether this device has a place, which it must lose before an invitation counts.
fn is_early(work: &mut Work<'_>, row: &InvitationRow) -> Result<bool, ClientError> {
    let Some(log) = work.tx.log(&row.log)? else { return Ok(false) };
    let early = log.state == LogState::Active;
    if early {
        finish(work, row.intent, Ok(log.chat))?;
        let held = InvitationRow { state: InvitationState::Held, intent: None, ..row.clone() };
        work.tx.put_invitation(&held)?;
    }
    Ok(early)
}

/// A tree cannot be had (any more): the way in is to be added again.
pub(crate) fn tree_lost(work: &mut Work<'_>, blob: &veche_wire::BlobId) -> Result<(), ClientError> {
    for row in work.tx.invitations()? {
        if row.state == InvitationState::Accepted {
            let (invitation, _) = opened(&row)?;
            if invitation.tree.blob == *blob {
                ask_instead(work, &row, &invitation, "its member list has expired")?;
            }
        }
    }
    Ok(())
}

fn join(
    work: &mut Work<'_>,
    row: &InvitationRow,
    invitation: &Invitation,
) -> Result<(), ClientError> {
    use sha2::Digest;
    let sealed = blobs::whole(work, &invitation.tree.blob)?;
    let hash: [u8; 32] = sha2::Sha256::digest(&sealed).into();
    let tree = open_tree(&invitation.tree.key, &sealed);
    let Some(tree) = tree.filter(|_| hash == invitation.tree.sha256) else {
        return ask_instead(work, row, invitation, "its member list is damaged");
    };
    work.drop_group(&invitation.log)?;
    let (engine, identity) = (&work.core.engine, work.identity()?);
    let joined =
        Group::join(engine, work.keep, identity, &invitation.welcome, &tree, invitation.log);
    match joined {
        Ok(joined) => joined_group(work, row, invitation, joined),
        Err(JoinError::Keep(error)) => Err(veche_mls::MlsError::Keep(error).into()),
        Err(error) => ask_instead(work, row, invitation, &error.to_string()),
    }
}

fn log_row(invitation: &Invitation, chat: LogId, state: LogState) -> LogRow {
    LogRow {
        log: invitation.log,
        chat,
        rank: 1,
        state,
        generation: invitation.generation,
        cursor: invitation.commit_seq,
        hash: invitation.transcript,
        last_commit: invitation.commit_seq,
        counter: 0,
        flags: LogFlags { peer_arrived: true, ..LogFlags::default() },
        renewed: 0,
        displaced: 0,
        displaced_at: 0,
        admin_secret: None,
        creation: None,
    }
}

fn put_rows(
    work: &mut Work<'_>,
    row: &InvitationRow,
    invitation: &Invitation,
    state: LogState,
) -> Result<LogRow, ClientError> {
    let earlier = work.tx.log(&invitation.log)?;
    let chat = earlier.as_ref().map_or(invitation.log, |earlier| earlier.chat);
    let mut log = log_row(invitation, chat, state);
    if let Some(earlier) = &earlier {
        log.rank = earlier.rank;
        log.displaced = earlier.displaced;
        log.displaced_at = earlier.displaced_at;
        log.admin_secret.clone_from(&earlier.admin_secret);
        log.creation.clone_from(&earlier.creation);
    }
    if let Some(predecessor) = obeyed(work, row)?
        && let Some(before) = work.tx.log(&predecessor)?
        && log.rank <= before.rank
    {
        // It may have been a chat of its own until now.
        log.rank = before.rank + 1;
        work.tx.set_rank(&log.log, log.rank)?;
    }
    work.tx.put_log(&log)?;
    work.tx.drop_entries_after(&log.log, 0)?;
    work.tx.forget_restoration(&log.log)?;
    let came_in = EntryRow {
        seq: invitation.commit_seq,
        id: invitation.commit,
        hash: invitation.transcript,
        frame: Vec::new(),
        wanted: None,
    };
    work.tx.put_entry(&log.log, &came_in)?;
    work.tx.clear_counters(&log.log)?;
    work.tx.forget_own_leaf_keys(&log.log)?;
    work.tx.put_generation(
        &log.log,
        &GenerationRow {
            number: invitation.generation,
            begins: invitation.commit_seq,
            secret: *invitation.generation_secret.as_bytes(),
        },
    )?;
    if work.tx.chat(&chat)?.is_none() {
        work.tx.put_chat(&ChatRow {
            chat,
            direct: row.direct,
            title: invitation.title.clone(),
            peer: row.direct.then_some(row.account),
            read_arrival: 0,
            created: work.now,
        })?;
    }
    work.tx.delete_invitation(&row.id)?;
    for spent in work.tx.invitations()? {
        if spent.log == log.log && spent.state == InvitationState::Spent {
            work.tx.delete_invitation(&spent.id)?;
        }
    }
    Ok(log)
}

/// What stands where a device lost the place that it has been given again.
pub(crate) const ADDED_AGAIN: &str =
    "this device was added again; what was said meanwhile is not here";

fn joined_group(
    work: &mut Work<'_>,
    row: &InvitationRow,
    invitation: &Invitation,
    Joined { group, members }: Joined,
) -> Result<(), ClientError> {
    let claimed = opened(row)?.1;
    let predecessor = obeyed(work, row)?;
    let honest = group.accounts().contains(&row.account)
        && claimed.is_none_or(|log| group.policy().predecessor == Some(log))
        && group.policy().kind == invitation.kind
        && (!row.direct || is_between_us(work, &group, &row.account)?);
    if !honest {
        group.forget(work.keep)?;
        work.tx.delete_invitation(&row.id)?;
        return finish(work, row.intent, Err("the invitation was not what it claimed to be"));
    }
    let earlier = work.tx.log(&invitation.log)?;
    let mut log = put_rows(work, row, invitation, LogState::Active)?;
    if let Some(mut chat) = work.tx.chat(&log.chat)?
        && !succession::goes_on_elsewhere(work, &log)?
    {
        // Back after an absence, the chat may have another name.
        chat.title.clone_from(&group.policy().title);
        work.tx.put_chat(&chat)?;
    }
    people::learn_all(work, members.iter())?;
    let me = work.identity()?.account();
    let by_link = knock::is_answer(work, invitation)?;
    knock::joined(work, &invitation.log)?;
    door::was_away(work, &log.log)?;
    door::look_after(work, &log, &group, false)?;
    work.tx.set_stay_apart(&log.log, log.cursor)?;
    if let Some(earlier) = earlier.filter(|earlier| earlier.state == LogState::Stuck) {
        readmit::repaired(work, &log.log)?;
        // Without a place in the log, it stands where this device goes on.
        let since = if earlier.cursor == 0 { log.cursor } else { earlier.cursor + 1 };
        let place = (&invitation.commit, since);
        inbox::line(
            work,
            &log,
            place,
            &inbox::Line { by: me, about: Some(me), words: ADDED_AGAIN },
        )?;
        outbox::seal_anew(work, &log.log)?;
        let missed = work.tx.missed()?.into_iter().find(|(missed, ..)| *missed == log.log);
        let since = missed.map_or(earlier.cursor, |(_, after, _)| after);
        if since > 0 {
            let first = log.cursor.saturating_sub(inbox::ENTRIES_KEPT);
            work.tx.put_missed(&log.log, since.max(first).min(log.cursor), log.cursor)?;
        }
    } else {
        work.tx.delete_departure(&log.log)?;
        if !row.direct {
            say_who_came(work, &log, (row, invitation), by_link)?;
        }
        outbox::enqueue_content(work, &log.log, Body::Note(Note::Joined))?;
    }
    outbox::announce_admin_key(work, &mut log, &group)?;
    if let Some(predecessor) = predecessor {
        succession::follow(work, &predecessor, &mut log)?;
        if let Some(mut chat) = work.tx.chat(&log.chat)?.filter(|chat| chat.chat == log.log) {
            chat.title.clone_from(&group.policy().title);
            work.tx.put_chat(&chat)?;
        }
    }
    work.tx.put_log(&log)?;
    warm::came_in(work, &group);
    work.put_group(log.log, group);
    judge_successors(work, &log.log)?;
    work.core.session.unfollow(&log.log);
    work.core.session.dirty.insert(log.log);
    if row.direct {
        settle_direct(work, &row.account)?;
    }
    let chat = work.tx.log(&log.log)?.map_or(log.chat, |log| log.chat);
    work.tell(Event::Chat(chat));
    finish(work, row.intent, Ok(chat))
}

/// The line that this commit puts on the others' screens.
fn say_who_came(
    work: &mut Work<'_>,
    log: &LogRow,
    (row, invitation): (&InvitationRow, &Invitation),
    by_link: bool,
) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    let name = people::name(work, &me)?;
    let words = if by_link {
        format!("{name} joined by the link")
    } else {
        format!("{} added {name}", people::name(work, &row.account)?)
    };
    let place = (&invitation.commit, invitation.commit_seq);
    let line = inbox::Line { by: row.account, about: Some(me), words: &words };
    inbox::line(work, log, place, &line)
}

/// The log whose successor an invitation leads into, where whoever sent it may still say so.
fn obeyed(work: &mut Work<'_>, row: &InvitationRow) -> Result<Option<LogId>, ClientError> {
    let (invitation, predecessor) = opened(row)?;
    let claim = succession::claim(work, predecessor.as_ref(), (&row.account, invitation.kind))?;
    Ok(predecessor.filter(|_| matches!(claim, Claim::Obeyed | Claim::Asked)))
}

fn is_between_us(work: &Work<'_>, group: &Group, peer: &AccountId) -> Result<bool, ClientError> {
    let me = work.identity()?.account();
    Ok(group.accounts().iter().all(|account| account == peer || *account == me))
}

/// The Welcome cannot be used: this device knows the generation, so it can ask in the log itself.
fn ask_instead(
    work: &mut Work<'_>,
    row: &InvitationRow,
    invitation: &Invitation,
    words: &str,
) -> Result<(), ClientError> {
    let earlier = work.tx.log(&invitation.log)?.filter(|row| row.state == LogState::Stuck);
    let mut log = put_rows(work, row, invitation, LogState::Stuck)?;
    if let Some(earlier) = earlier {
        // What it misses begins where it lost its place, not where it did not come in.
        log.cursor = earlier.cursor;
    }
    let spent = InvitationRow { state: InvitationState::Spent, intent: None, ..row.clone() };
    work.tx.put_invitation(&spent)?;
    readmit::stuck(work, &mut log, words)?;
    work.tx.put_log(&log)?;
    let chat = log.chat;
    finish(work, row.intent, Ok(chat))
}

fn finish(
    work: &mut Work<'_>,
    intent: Option<IntentId>,
    outcome: Result<LogId, &str>,
) -> Result<(), ClientError> {
    match (intent, outcome) {
        (Some(intent), Ok(chat)) => outbox::settle_intent(work, intent, &Ending::Chat(chat.0)),
        (Some(intent), Err(words)) => outbox::fail_intent(work, intent, words),
        (None, _) => Ok(()),
    }
}

/// Of two direct chats between the same people the lower `LogId` wins, and the other becomes its
/// predecessor (docs/protocol.md, rule 10): of those in which both have arrived, so that nobody
/// writes where the other never came. Both sides come to the same by themselves.
pub(crate) fn settle_direct(work: &mut Work<'_>, peer: &AccountId) -> Result<(), ClientError> {
    let mut arrived = Vec::new();
    let mut others = Vec::new();
    let logs = work.tx.logs()?;
    for chat in work.tx.chats_with(peer)? {
        for row in logs.iter().filter(|row| row.chat == chat.chat) {
            match row.state {
                LogState::Left | LogState::Removed | LogState::Succeeded => {}
                _ if row.flags.peer_arrived => arrived.push(row.log),
                _ => others.push(row.log),
            }
        }
    }
    arrived.sort_unstable();
    let Some((winner, losers)) = arrived.split_first() else { return Ok(()) };
    for loser in losers.iter().chain(&others) {
        work.tx.merge_log(loser, winner)?;
    }
    let mut chats: Vec<LogId> = Vec::new();
    for chat in work.tx.chats_with(peer)? {
        chats.push(chat.chat);
    }
    work.tx.merge_chats(&chats, winner)?;
    work.core.session.dirty.insert(*winner);
    work.tell(Event::Chat(*winner));
    Ok(())
}
