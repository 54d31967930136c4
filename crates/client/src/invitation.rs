//! Being invited: what the inbox brings is kept and decided upon (docs/protocol.md, rules 7, 13 and 14). What
//! becomes of an accepted invitation: [`crate::join`].

use veche_mls::{ChatKind, Envelope, GenerationSecret, Group, Invitation, open_envelope};
use veche_store::{InvitationRow, InvitationState, LogState, Scope};
use veche_wire::{AccountId, Credential, EntryId, InboxEntry, LogId, Seq, SignedRequest};

use crate::api::Reply;
use crate::error::refuse;
use crate::inbox::{self, readmit};
use crate::session::Key;
use crate::succession::{self, Claim};
use crate::wanted::{self, Intent};
use crate::work::Work;
use crate::{ClientError, Event, account, answer, knock, outbox, people};

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
    let place = work.tx.log(&invitation.log)?.map(|row| row.state);
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
        // It has asked for a place ahead, which it takes once the tree is here.
        Some(LogState::Active) if may_leap(work, &invitation, &from)? => InvitationState::Accepted,
        // This device has its place; nobody can talk it out of it. If the log says that it was
        // replaced, the invitation counts then.
        Some(LogState::Active | LogState::Creating) => {
            make_room(work, &invitation.log)?;
            InvitationState::Held
        }
        // It has asked to be added again.
        Some(LogState::Stuck) if is_asked_for || may_repair(work, &invitation, &from)? => {
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
pub(crate) fn judge_successors(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
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
    sender: &AccountId,
) -> Result<bool, ClientError> {
    let latest = work.tx.log(&invitation.log)?.map_or(0, |row| row.generation);
    if let Some(known) = work.tx.generation(&invitation.log, latest)?
        && invitation.generation == latest
        && invitation.generation_secret == GenerationSecret::from_bytes(known.secret)
    {
        return Ok(true);
    }
    let inside = work.look_at_group(&invitation.log, Group::accounts)?;
    Ok(inside.is_none_or(|inside| inside.contains(sender)))
}

/// Whether this device, which has its place, gives that up for the one to which an invitation leads.
pub(crate) fn may_leap(
    work: &mut Work<'_>,
    invitation: &Invitation,
    sender: &AccountId,
) -> Result<bool, ClientError> {
    Ok(readmit::leads_ahead(work, invitation)? && may_repair(work, invitation, sender)?)
}

/// How many invitations for one log wait for this device to lose its place there. Anybody can send some.
const HELD_MAX: usize = 32;

/// Of invitations that wait, only so many do: a device that needs one asks for it.
fn make_room(work: &Work<'_>, log: &LogId) -> Result<(), ClientError> {
    let rows = work.tx.invitations()?;
    let is_held = |row: &&InvitationRow| row.log == *log && row.state == InvitationState::Held;
    for row in rows.iter().filter(is_held).skip(HELD_MAX - 1) {
        work.tx.delete_invitation(&row.id)?;
    }
    Ok(())
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
            let invitation = opened(&row)?.0;
            let replaced = work.tx.log(log)?.is_some_and(|row| row.state == LogState::Stuck);
            // While it had its place, nobody looked who had sent it.
            if replaced && !may_repair(work, &invitation, &row.account)? {
                work.tx.delete_invitation(&row.id)?;
                continue;
            }
            let refused =
                people::is_blocked(work, &row.account)? || outbox::has_given_up(work, &invitation)?;
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
