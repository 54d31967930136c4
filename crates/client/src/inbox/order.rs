//! Rule 8: a server that shows two orders is found out, because everybody says which order they have
//! seen. A server restored from an older copy looks the same to whoever has not noticed it: so before
//! anything is said, the log is compared with what this device has kept of it.

use veche_mls::OpenedMessage;
use veche_store::LogRow;
use veche_wire::{Entry, EntryId, LogId, Seq};

use super::{line, restored};
use crate::session::Key;
use crate::work::Work;
use crate::{ClientError, Event};

/// Somebody has seen another order than this device.
#[derive(Debug, Clone)]
pub(crate) struct Suspicion {
    /// Their leaf.
    leaf: u32,
    name: String,
    /// The entry that told.
    entry: (EntryId, Seq),
    /// Up to where the log was compared, and how far it must be.
    compared: Seq,
    until: Seq,
}

/// Compares the author's transcript with this device's; `false` where they differ, which is looked into.
pub(super) fn compare(
    work: &mut Work<'_>,
    row: &LogRow,
    (entry, opened, name): (&Entry, &OpenedMessage, &str),
) -> Result<bool, ClientError> {
    let seq = opened.bound.seq;
    let ours =
        if seq == row.cursor { Some(row.hash) } else { work.tx.transcript_hash(&row.log, seq)? };
    if ours.is_none_or(|ours| ours == opened.bound.hash)
        || restored::is_forgiven(work, &row.log, seq)?
        || work.core.session.betrayed.contains(&(row.log, opened.leaf))
    {
        return Ok(true);
    }
    let first = work.tx.first_entry(&row.log)?.unwrap_or(seq);
    work.core.session.suspicions.entry(row.log).or_insert_with(|| Suspicion {
        leaf: opened.leaf,
        name: name.to_owned(),
        entry: (entry.id, entry.seq),
        compared: first.saturating_sub(1),
        until: seq,
    });
    Ok(false)
}

/// Asks for what is to be compared next.
pub(crate) fn go_on(work: &mut Work<'_>) -> Result<(), ClientError> {
    for (log, after) in work.core.session.compared_up_to() {
        let Some(row) = work.tx.log(&log)? else { continue };
        super::ask_page(work, &row, Key::Order(log), after)?;
    }
    Ok(())
}

/// A page of the log, or none where the server gives none.
pub(crate) fn compared(
    work: &mut Work<'_>,
    log: &LogId,
    entries: &[Entry],
) -> Result<(), ClientError> {
    let Some(mut suspicion) = work.core.session.suspicions.remove(log) else { return Ok(()) };
    for entry in entries {
        let Some(kept) = work.tx.entry_at(log, entry.seq)? else { continue };
        if kept.id != entry.id {
            // It is this device whose order the log does not have any more.
            return restored::differs_at(work, log, entry.seq);
        }
        suspicion.compared = entry.seq;
    }
    if !entries.is_empty() && suspicion.compared < suspicion.until {
        work.core.session.suspicions.insert(*log, suspicion);
        return Ok(());
    }
    tell(work, log, &suspicion)
}

fn tell(work: &mut Work<'_>, log: &LogId, suspicion: &Suspicion) -> Result<(), ClientError> {
    let Some(row) = work.tx.log(log)? else { return Ok(()) };
    if work.core.session.betrayed.insert((*log, suspicion.leaf)) {
        let words = format!("the server has shown {} another order of this chat", suspicion.name);
        let by = work.identity()?.account();
        let (id, seq) = &suspicion.entry;
        line::line(work, &row, (id, *seq), &line::Line { by, about: Some(by), words: &words })?;
        work.tell(Event::Notice(words));
    }
    Ok(())
}

impl Suspicion {
    /// Up to where the log was compared.
    pub(crate) fn compared(&self) -> Seq {
        self.compared
    }
}
