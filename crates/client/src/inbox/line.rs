//! System lines: what happened to the chat, the same on every screen.

use veche_store::{LogRow, MessageRow, RowState, position};
use veche_wire::{AccountId, Entry, EntryId};

use crate::work::Work;
use crate::{ClientError, Event};

/// Who and what a line is about.
pub(crate) struct Line<'a> {
    /// Who did it.
    pub(crate) by: AccountId,
    /// Whom it is about, where that makes it one of several lines of an entry.
    pub(crate) about: Option<AccountId>,
    /// What is shown.
    pub(crate) words: &'a str,
}

/// Puts a line where `entry` stands in the log.
pub(crate) fn line(
    work: &mut Work<'_>,
    row: &LogRow,
    entry: (&EntryId, u64),
    line: &Line<'_>,
) -> Result<(), ClientError> {
    let (id, seq) = entry;
    let digest = digest_of(id, line);
    let id = id_of(id, line);
    let message = MessageRow {
        arrival: 0,
        chat: row.chat,
        id,
        log: row.log,
        rank: row.rank,
        // Among the lines of one entry, an order that is the same for everybody.
        position: position(seq, u64::from(digest[16])),
        account: line.by,
        sent_at: work.now,
        state: RowState::Received,
        reason: None,
        content: None,
        text: None,
        event: Some(line.words.to_owned()),
        reply_to: None,
        edited: false,
        deleted: false,
        mentions_me: false,
    };
    // Nobody hides a line by taking its id for a message of their own first.
    if work.tx.message(&row.chat, &id)?.is_some_and(|other| other.event.is_none()) {
        work.tx.delete_message(&row.chat, &id)?;
    }
    if work.tx.insert_message(&message)? {
        work.tell(Event::Message { chat: row.chat, message: id });
    }
    Ok(())
}

fn digest_of(entry: &EntryId, line: &Line<'_>) -> [u8; 32] {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    hash.update(b"veche line v1\0");
    hash.update(entry.as_bytes());
    hash.update(line.about.map_or([0; 32], |account| account.0));
    hash.update(line.words.as_bytes());
    hash.finalize().into()
}

/// The id of the line that an entry puts on the screen.
pub(crate) fn id_of(entry: &EntryId, line: &Line<'_>) -> EntryId {
    let mut id = EntryId([0; 16]);
    id.0.copy_from_slice(&digest_of(entry, line)[..16]);
    id
}

/// A line about something that only this device has seen.
pub(crate) fn local_line(
    work: &mut Work<'_>,
    row: &LogRow,
    entry: &Entry,
    words: &str,
) -> Result<(), ClientError> {
    let by = work.identity()?.account();
    line(work, row, (&entry.id, entry.seq), &Line { by, about: Some(by), words })
}
