//! A server restored from an older copy gets the entries that it lost again: the same ids and bytes,
//! in the same order. Ids make it harmless that every member does so. What cannot be there again,
//! because others have changed the group meanwhile, its author says or does again.

use veche_store::{LogRow, LostRow, OutboxRow, OutboxState, PENDING_POSITION, RowState};
use veche_wire::content::Body;
use veche_wire::{AccountId, Append, Content, Entry, EntryId, Kind, LogId, Refused, Request, Seq};

use super::{enqueue, settle};
use crate::session::Key;
use crate::wanted::{self, Change, Intent, Person, Purpose, Wanted};
use crate::work::Work;
use crate::{ClientError, Event, gather, inbox};

/// One step: the first entry that is not there again goes next, alone, once the log has been read to
/// its end. Answers whether there may be another step.
pub(super) fn step(work: &mut Work<'_>, mut row: LogRow) -> Result<bool, ClientError> {
    let epoch = inbox::restored::log_epoch(work, &row.log)?;
    for lost in work.tx.lost_entries(&row.log)? {
        let entry = Entry::decode(&lost.frame)?;
        if work.core.session.again.contains(&lost.id) {
            if entry.kind == Kind::Message {
                continue;
            }
            // What comes after a change needs it to have come back.
            return Ok(false);
        }
        let now = if entry.kind == Kind::Control { row.generation } else { epoch };
        if lost.skipped || lost.epoch != now {
            // Its epoch is over: others have gone on without it.
            give_up_lost(work, &row, &lost)?;
            continue;
        }
        append(work, &row, &entry)?;
        return Ok(false);
    }
    if work.tx.lost_entries(&row.log)?.is_empty() {
        row.flags.restored = false;
        work.tx.put_log(&row)?;
        inbox::unread::ask(work, &row.log)?;
        return Ok(true);
    }
    Ok(false)
}

/// Asks the server to take a lost entry with the very same bytes.
fn append(work: &mut Work<'_>, row: &LogRow, entry: &Entry) -> Result<(), ClientError> {
    let Some(secret) = super::generation_secret(work, row)? else { return Ok(()) };
    let token = secret.write_token(&row.log, row.generation);
    let (log, id, after_commit) = (row.log, entry.id, row.last_commit);
    work.ask(Key::Append(log, id), |_| {
        let bare = Append::bare((log, token), id, entry.kind, entry.bytes.clone());
        let (commitment, rider) = (entry.commitment, entry.rider.clone());
        Request::Append(Append { after_commit, commitment, rider, ..bare })
    });
    Ok(())
}

/// How long to wait after a refusal, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Whether an append was one of these; then it is answered here.
pub(super) fn answered(
    work: &mut Work<'_>,
    log: &LogId,
    entry: &EntryId,
    refused: Option<&Refused>,
) -> Result<bool, ClientError> {
    let Some(lost) = work.tx.lost_entry(log, entry)? else { return Ok(false) };
    match refused {
        None => drop(work.core.session.again.insert(*entry)),
        // The log goes on: it is read first, and tells what can still be there.
        Some(Refused::Stale { .. } | Refused::OutOfOrder) => {
            work.core.session.put_off(Key::Append(*log, *entry), work.now + RETRY_MS);
        }
        Some(Refused::Forbidden | Refused::NotFound) => {
            work.core.session.subscriptions.remove(log);
            work.core.session.put_off(Key::Append(*log, *entry), work.now + RETRY_MS);
        }
        Some(_) => {
            if let Some(row) = work.tx.log(log)? {
                give_up_lost(work, &row, &lost)?;
            }
        }
    }
    Ok(true)
}

/// A lost entry will not be in the log again. What this person said in it is said again, and what
/// they did is done again; the author of another's entry does that.
pub(crate) fn give_up_lost(
    work: &mut Work<'_>,
    row: &LogRow,
    lost: &LostRow,
) -> Result<(), ClientError> {
    work.tx.drop_lines(&row.log, lost.slot)?;
    work.tx.delete_lost_entry(&row.log, lost.slot)?;
    let Some(body) = &lost.wanted else { return Ok(()) };
    match wanted::decode(body)? {
        Wanted::Message(content) => say_again(work, row, content),
        Wanted::Change(change) => do_again(work, row, change),
        // Requests are made anew where they are still wanted; what brought these rows is over.
        Wanted::Leave | Wanted::Readmit(_) | Wanted::Rotate | Wanted::Guard(_) => Ok(()),
    }
}

/// The server has lost a message of this device: if it was a file, that may be lost, too.
pub(crate) fn send_file_again(work: &Work<'_>, body: Option<&[u8]>) -> Result<(), ClientError> {
    let Some(Wanted::Message(content)) = body.map(wanted::decode).transpose()? else {
        return Ok(());
    };
    if let Body::File { file, .. } = Content::decode(&content)?.body {
        settle::send_blob_again(work, &file.blob)?;
    }
    Ok(())
}

/// Whether an entry that this device could not follow is what it was about to say (again): then that
/// is said.
pub(crate) fn is_said(
    work: &mut Work<'_>,
    row: &LogRow,
    (entry, seq): (&EntryId, Seq),
) -> Result<bool, ClientError> {
    let mut is_own = false;
    for out in work.tx.outbox(&row.log)? {
        let Wanted::Message(content) = wanted::decode(&out.body)? else { continue };
        let is_it = out.id == *entry || Content::decode(&content)?.id == *entry;
        if is_it && out.state == OutboxState::Queued {
            settle::found(work, row, (seq, &out))?;
            is_own = true;
        }
    }
    Ok(is_own)
}

/// Puts what this person said into the outbox again: a new entry, the same message.
fn say_again(work: &mut Work<'_>, row: &LogRow, content: Vec<u8>) -> Result<(), ClientError> {
    let said = Content::decode(&content)?;
    if let Some(mut message) = work.tx.message(&row.chat, &said.id)? {
        message.position = PENDING_POSITION;
        message.state = RowState::Pending;
        work.tx.update_message(&message)?;
        work.tell(Event::Message { chat: row.chat, message: said.id });
    }
    repeat(work, row, content)
}

/// Says something again: a new entry, the same message. On the screen it stays where it is.
pub(crate) fn repeat(
    work: &mut Work<'_>,
    row: &LogRow,
    content: Vec<u8>,
) -> Result<(), ClientError> {
    let out = enqueue::new_row(work, &row.log, Kind::Message, &Wanted::Message(content));
    enqueue::put(work, &out)
}

/// Whether what waits to be said may be said: an entry that is said again because somebody could not
/// read it is meant for those alone who were in when it was written.
pub(super) fn may_repeat(
    work: &Work<'_>,
    row: &LogRow,
    out: &OutboxRow,
    content: &[u8],
) -> Result<bool, ClientError> {
    let said = Content::decode(content)?.id;
    match work.tx.entry(&row.log, &said)? {
        Some(kept) if said != out.id => Ok(!work.tx.has_grown_since(&row.log, kept.seq)?),
        _ => Ok(true),
    }
}

/// What this person said in a lost entry can be said no more.
pub(crate) fn fail_lost(
    work: &mut Work<'_>,
    row: &LogRow,
    (lost, words): (&LostRow, &str),
) -> Result<(), ClientError> {
    work.tx.drop_lines(&row.log, lost.slot)?;
    let Some(Wanted::Message(content)) = lost.wanted.as_deref().map(wanted::decode).transpose()?
    else {
        return Ok(());
    };
    if let Some(mut message) = work.tx.message(&row.chat, &Content::decode(&content)?.id)? {
        message.state = RowState::Failed;
        message.reason = Some(words.to_owned());
        work.tx.update_message(&message)?;
    }
    Ok(())
}

/// Makes a change of the chat again, in the state that the chat has now.
fn do_again(work: &mut Work<'_>, row: &LogRow, change: Change) -> Result<(), ClientError> {
    let automatic = matches!(change, Change::RemoveLeaver(_) | Change::ListKey { .. });
    match change {
        // The KeyPackages are used up.
        Change::Add(people) => {
            add_again(work, row, (Purpose::Add, people), Change::Add(Vec::new()))
        }
        Change::Succeed { people, roles } => {
            let change = Change::Succeed { people: Vec::new(), roles };
            add_again(work, row, (Purpose::Succeed, people), change)
        }
        // These are asked for again where they are needed.
        Change::Readmit(_) | Change::Update | Change::Warm | Change::Admit | Change::LetIn(_) => {
            Ok(())
        }
        change => {
            let out = enqueue::new_row(work, &row.log, Kind::Commit, &Wanted::Change(change));
            enqueue::put(work, &OutboxRow { automatic, ..out })
        }
    }
}

fn add_again(
    work: &mut Work<'_>,
    row: &LogRow,
    (purpose, people): (Purpose, Vec<Person>),
    change: Change,
) -> Result<(), ClientError> {
    let accounts = people.iter().filter_map(|person| person.account);
    let people = accounts.map(|account| gather::by_account(&AccountId(account.0))).collect();
    enqueue::enqueue_gathered(work, &row.log, Intent::Gather { purpose, people }, change)?;
    Ok(())
}

/// The log has lost entries: whatever the server may have of the outbox is looked at again, when all
/// that was lost is there.
pub(crate) fn resolve_all(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    for mut out in work.tx.outbox(log)? {
        if inbox::restored::may_be_there(out.state) && out.sealed.is_some() {
            out.state = OutboxState::Awaiting;
            out.wait_until = 0;
            work.tx.update_outbox(&out)?;
        }
    }
    Ok(())
}

/// Says, once on a connection, that the server has lost something.
pub(crate) fn tell_of_restoration(work: &mut Work<'_>) {
    if !std::mem::replace(&mut work.core.session.restoration_told, true) {
        work.tell(Event::Notice(
            "The server was restored from an older copy; what it lost is sent to it again.".into(),
        ));
    }
}

/// The log ends at `head`: what it has acknowledged beyond that, it has lost.
pub(crate) fn find_lost(work: &mut Work<'_>, log: &LogId, head: Seq) -> Result<(), ClientError> {
    let is_lost = |out: &OutboxRow| out.state == OutboxState::Acknowledged && out.wait_until > head;
    if work.tx.outbox(log)?.iter().any(is_lost) {
        tell_of_restoration(work);
        resolve_all(work, log)?;
    }
    Ok(())
}
