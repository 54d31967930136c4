//! What the server sends without being asked anew.

use prost::Message;

use super::entry::{read_entries, write_entry};
use super::proto::{self, push};
use super::{at_most, bounded, id, read_message};
use crate::{DecodeError, InboxEntry, Push, limits};

pub(super) fn write(push: &Push) -> push::Push {
    use push::Push as Out;
    match push {
        Push::Entries { log, entries } => Out::Entries(push::Entries {
            log: log.0.to_vec(),
            entries: entries.iter().map(write_entry).collect(),
        }),
        Push::Rotated { log } => Out::Rotated(push::Rotated { log: log.0.to_vec() }),
        Push::Signal { log, bytes } => {
            Out::Signal(push::Signal { log: log.0.to_vec(), bytes: bytes.clone() })
        }
        Push::Inbox { entries } => {
            Out::Inbox(push::Inbox { entries: entries.iter().map(write_inbox_entry).collect() })
        }
    }
}

pub(super) fn read(push: push::Push) -> Result<Push, DecodeError> {
    use push::Push as In;
    Ok(match push {
        In::Entries(list) => {
            at_least_one(&list.entries)?;
            Push::Entries { log: id(&list.log)?, entries: read_entries(&list.entries)? }
        }
        In::Rotated(rotated) => Push::Rotated { log: id(&rotated.log)? },
        In::Signal(signal) => Push::Signal {
            log: id(&signal.log)?,
            bytes: bounded(signal.bytes, "signal", limits::SIGNAL_BYTES_MAX)?,
        },
        In::Inbox(inbox) => {
            at_least_one(&inbox.entries)?;
            let limit = limits::ENTRIES_PER_FRAME_MAX;
            at_most(inbox.entries.len(), "list of envelopes", limit)?;
            let entries = inbox.entries.iter().map(|bytes| read_inbox_entry(bytes));
            Push::Inbox { entries: entries.collect::<Result<_, _>>()? }
        }
    })
}

fn at_least_one(entries: &[Vec<u8>]) -> Result<(), DecodeError> {
    if entries.is_empty() { Err(DecodeError::Malformed("empty push")) } else { Ok(()) }
}

fn write_inbox_entry(entry: &InboxEntry) -> Vec<u8> {
    proto::InboxEntry { seq: entry.seq, id: entry.id.0.to_vec(), bytes: entry.bytes.clone() }
        .encode_to_vec()
}

fn read_inbox_entry(bytes: &[u8]) -> Result<InboxEntry, DecodeError> {
    let entry: proto::InboxEntry = read_message(bytes, "envelope")?;
    Ok(InboxEntry {
        seq: entry.seq,
        id: id(&entry.id)?,
        bytes: bounded(entry.bytes, "envelope", limits::INBOX_BYTES_MAX)?,
    })
}
