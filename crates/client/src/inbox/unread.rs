//! Messages that this device cannot open, because it has applied commits that the server has lost, or
//! could not follow what others have made of the chat then: their authors are asked to say them
//! again, and they take the places that they had (docs/protocol.md, "When the server was restored
//! from an older copy").

use veche_store::{LogRow, LogState};
use veche_wire::content::{Body, Note};
use veche_wire::{Entry, EntryId, Kind, LogId, Seq, limits};

use super::{line, restored};
use crate::session::Key;
use crate::wanted::{self, Wanted};
use crate::work::Work;
use crate::{ClientError, outbox};

/// What is shown in the place of a message that its author has not said again yet.
const UNREAD: &str = "a message of somebody else cannot be read on this device";

/// An entry cannot be opened.
pub(super) fn keep(work: &mut Work<'_>, row: &LogRow, entry: &Entry) -> Result<(), ClientError> {
    line::local_line(work, row, entry, UNREAD)?;
    Ok(work.tx.put_unread(&row.log, &entry.id, entry.seq)?)
}

/// Everything is in its place again: what could not be read is asked for.
pub(crate) fn ask(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    loop {
        let ids = work.tx.ask_unread(log, limits::UNREAD_IDS_MAX)?;
        if ids.is_empty() {
            return Ok(());
        }
        outbox::enqueue_first(work, log, Body::Note(Note::Unread(ids)))?;
    }
}

/// Somebody could not read these entries: those of this person are said again, once, unless somebody
/// would hear them who was not in when they were written.
pub(super) fn asked(work: &mut Work<'_>, row: &LogRow, ids: &[EntryId]) -> Result<(), ClientError> {
    for id in ids {
        let Some(kept) = work.tx.entry(&row.log, id)? else { continue };
        let Some(Wanted::Message(content)) =
            kept.wanted.as_deref().map(wanted::decode).transpose()?
        else {
            continue;
        };
        if !work.tx.has_grown_since(&row.log, kept.seq)? && work.tx.repeat_once(&row.log, id)? {
            outbox::repeat(work, row, content)?;
        }
    }
    Ok(())
}

/// A message comes: the place of the entry that could not be opened, if that was this message.
pub(super) fn place_of(
    work: &mut Work<'_>,
    row: &LogRow,
    message: &EntryId,
) -> Result<Option<Seq>, ClientError> {
    let Some(seq) = work.tx.take_unread(&row.log, message)? else { return Ok(None) };
    let by = work.identity()?.account();
    let shown = line::Line { by, about: Some(by), words: UNREAD };
    work.tx.delete_message(&row.chat, &line::id_of(message, &shown))?;
    Ok(Some(seq))
}

/// Goes on looking through what was written between this device's old place and its new one.
pub(crate) fn go_on(work: &mut Work<'_>) -> Result<(), ClientError> {
    for (log, after, _) in work.tx.missed()? {
        let Some(row) = work.tx.log(&log)?.filter(|row| row.state == LogState::Active) else {
            continue;
        };
        super::ask_page(work, &row, Key::Missed(log), after)?;
    }
    Ok(())
}

/// A page of that; `None` where the server does not give it.
pub(crate) fn looked_through(
    work: &mut Work<'_>,
    log: &LogId,
    entries: Option<&[Entry]>,
) -> Result<(), ClientError> {
    let Some((_, _, until)) = work.tx.missed()?.into_iter().find(|(other, ..)| other == log) else {
        return Ok(());
    };
    let Some(row) = work.tx.log(log)? else { return Ok(()) };
    let mut last = until;
    for entry in entries.unwrap_or_default() {
        last = entry.seq;
        if entry.seq >= until || entry.kind != Kind::Message {
            continue;
        }
        if outbox::is_said(work, &row, (&entry.id, entry.seq))? {
            continue;
        }
        match work.tx.message(&row.chat, &entry.id)? {
            None => keep(work, &row, entry)?,
            // It lost its place when this device did.
            Some(known) => {
                restored::said_again(work, &row, entry.seq, (&known.account, &entry.id))?;
            }
        }
    }
    work.tx.put_missed(log, last, until)?;
    work.core.session.dirty.insert(*log);
    if last + 1 >= until {
        ask(work, log)?;
    }
    Ok(())
}
