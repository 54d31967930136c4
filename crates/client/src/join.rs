//! Joining: an accepted invitation becomes a place in a chat, once its tree is here (docs/protocol.md, rules 13
//! and 14).

use veche_mls::{AdminSecret, Group, Invitation, JoinError, Joined, open_tree};
use veche_store::{
    BlobRow, ChatRow, Direction, EntryRow, GenerationRow, InvitationRow, InvitationState, LogFlags,
    LogRow, LogState,
};
use veche_wire::content::{Body, Note};
use veche_wire::{AccountId, LogId};

use crate::api::IntentId;
use crate::inbox::{self, readmit};
use crate::succession::{self, Claim};
use crate::wanted::Ending;
use crate::work::Work;
use crate::{ClientError, Event, blobs, door, knock, outbox, people, warm};

/// Fetches trees and joins.
pub(crate) fn go_on(work: &mut Work<'_>) -> Result<(), ClientError> {
    let mut accepted = Vec::new();
    for row in work.tx.invitations()? {
        if row.state == InvitationState::Accepted {
            accepted.push((crate::invitation::opened(&row)?.0, row));
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
                } else if is_early(work, &row, &invitation)? {
                    // What is held needs its tree later.
                    if work.tx.invitation(&row.id)?.is_some() {
                        continue;
                    }
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
    let came_in =
        log.state != LogState::Stuck || crate::invitation::came_in(work, &invitation.log)?;
    let past = log.state != LogState::Creating && came_in && invitation.commit_seq <= log.cursor;
    if past {
        finish(work, row.intent, Ok(log.chat))?;
    }
    Ok(past)
}

/// Whether this device has a place, which it must lose before an invitation counts; it gives that up where it has
/// asked for this one.
fn is_early(
    work: &mut Work<'_>,
    row: &InvitationRow,
    invitation: &Invitation,
) -> Result<bool, ClientError> {
    let Some(log) = work.tx.log(&row.log)? else { return Ok(false) };
    let has_place = log.state == LogState::Active;
    if has_place && crate::invitation::may_leap(work, invitation, &row.account)? {
        if whole_tree(work, invitation)?.is_some() {
            readmit::leap(work, log)?;
        } else {
            work.tx.delete_invitation(&row.id)?;
        }
        return Ok(work.tx.invitation(&row.id)?.is_none());
    }
    if has_place {
        finish(work, row.intent, Ok(log.chat))?;
        let held = InvitationRow { state: InvitationState::Held, intent: None, ..row.clone() };
        work.tx.put_invitation(&held)?;
    }
    Ok(has_place)
}

/// A tree cannot be had (any more): the way in is to be added again.
pub(crate) fn tree_lost(work: &mut Work<'_>, blob: &veche_wire::BlobId) -> Result<(), ClientError> {
    for row in work.tx.invitations()? {
        if row.state == InvitationState::Accepted {
            let (invitation, _) = crate::invitation::opened(&row)?;
            let has_place = work.tx.log(&row.log)?.is_some_and(|log| log.state == LogState::Active);
            if invitation.tree.blob == *blob && has_place {
                work.tx.delete_invitation(&row.id)?;
            } else if invitation.tree.blob == *blob {
                ask_instead(work, &row, &invitation, "its member list has expired")?;
            }
        }
    }
    Ok(())
}

/// The tree of an invitation, whose blob is here; `None` where it is not what it should be.
fn whole_tree(work: &Work<'_>, invitation: &Invitation) -> Result<Option<Vec<u8>>, ClientError> {
    use sha2::Digest;
    let sealed = blobs::whole(work, &invitation.tree.blob)?;
    let hash: [u8; 32] = sha2::Sha256::digest(&sealed).into();
    let tree = open_tree(&invitation.tree.key, &sealed);
    Ok(tree.filter(|_| hash == invitation.tree.sha256))
}

fn join(
    work: &mut Work<'_>,
    row: &InvitationRow,
    invitation: &Invitation,
) -> Result<(), ClientError> {
    let Some(tree) = whole_tree(work, invitation)? else {
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
        && earlier.as_ref().is_none_or(|earlier| earlier.chat != before.chat)
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
    let predecessor = obeyed(work, row)?;
    if !is_honest(work, row, invitation, &group)? {
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
    readmit::repaired(work, &log.log)?;
    if let Some(earlier) = earlier.filter(|earlier| earlier.state == LogState::Stuck) {
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
    forget_unlisted_key(&mut log, &group);
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
    crate::invitation::judge_successors(work, &log.log)?;
    work.core.session.unfollow(&log.log);
    work.core.session.dirty.insert(log.log);
    if row.direct {
        settle_direct(work, &row.account)?;
    }
    let chat = work.tx.log(&log.log)?.map_or(log.chat, |log| log.chat);
    work.tell(Event::Chat(chat));
    finish(work, row.intent, Ok(chat))
}

/// Whether a group is what its invitation claims, and the one who sent that is inside.
fn is_honest(
    work: &Work<'_>,
    row: &InvitationRow,
    invitation: &Invitation,
    group: &Group,
) -> Result<bool, ClientError> {
    let claimed = crate::invitation::opened(row)?.1;
    Ok(group.accounts().contains(&row.account)
        && claimed.is_none_or(|log| group.policy().predecessor == Some(log))
        && group.policy().kind == invitation.kind
        && (!row.direct || is_between_us(work, group, &row.account)?)
        && is_with_the_same(work, invitation, &row.account)?)
}

/// An admin key may have gone from the group's list while this device was out.
fn forget_unlisted_key(log: &mut LogRow, group: &Group) {
    let is_listed = |secret: &Vec<u8>| {
        let public = AdminSecret::decode(secret).map(|secret| secret.public());
        public.is_ok_and(|key| group.policy().admin_keys.contains_key(&key))
    };
    log.admin_secret = log.admin_secret.take().filter(is_listed);
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
    let (invitation, predecessor) = crate::invitation::opened(row)?;
    let claim = succession::claim(work, predecessor.as_ref(), (&row.account, invitation.kind))?;
    Ok(predecessor.filter(|_| matches!(claim, Claim::Obeyed | Claim::Asked)))
}

/// Whether a direct chat that is here already stays with the same person.
fn is_with_the_same(
    work: &Work<'_>,
    invitation: &Invitation,
    peer: &AccountId,
) -> Result<bool, ClientError> {
    let Some(log) = work.tx.log(&invitation.log)? else { return Ok(true) };
    let chat = work.tx.chat(&log.chat)?;
    Ok(chat.and_then(|chat| chat.peer).is_none_or(|known| known == *peer))
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
