//! A server that was restored from an older copy: what this device knows goes to it again, then
//! everything after the copy is read anew. Entries that are known are no-ops.

use veche_store::{LogRow, LogState};
use veche_wire::{Entry, EntryId, Kind, LogId, Seq};

use super::Taken;
use crate::session::Key;
use crate::work::Work;
use crate::{ClientError, Event, outbox};

/// The marks of one restoration, among the single values.
fn mark(log: &LogId) -> String {
    format!("restored {log}")
}

/// The server's log ends before this device's cursor.
pub(crate) fn roll_back(
    work: &mut Work<'_>,
    mut row: LogRow,
    head: Seq,
) -> Result<(), ClientError> {
    let current = work.tx.generation(&row.log, row.generation)?;
    let probed = work.core.session.probes.remove(&row.log);
    if probed && current.is_some_and(|current| head >= current.begins) {
        // An older generation ends there, as it should: the server knows the newer one after all.
        work.core.session.put_off(Key::Subscribe(row.log), work.now + 1_000);
        return Ok(());
    }
    if head >= row.cursor || row.flags.restored {
        return Ok(());
    }
    work.tell(Event::Notice(
        "The server was restored from an older copy; what it lost is sent to it again.".into(),
    ));
    let hash = match head {
        0 => Some(veche_mls::Transcript::START),
        head => work.tx.transcript_hash(&row.log, head)?,
    };
    let lost = work.tx.entries_after(&row.log, head)?;
    let (Some(hash), true) = (hash, lost.first().is_some_and(|entry| entry.seq == head + 1)) else {
        // Older than what this device has kept.
        super::readmit::stuck(work, &mut row, "the server lost more than this device has kept")?;
        return Ok(work.tx.put_log(&row)?);
    };
    // Nothing after the server's end is a commit there: that end is fence enough.
    let mut last_commit = head;
    row.last_commit = row.last_commit.min(head);
    let (mut entries, mut before) = (Vec::new(), hash);
    for kept in &lost {
        let entry = Entry::decode(&kept.frame)?;
        outbox::append_again(work, &row.log, &entry, last_commit)?;
        if entry.kind == Kind::Commit {
            last_commit = entry.seq;
        }
        let skipped = veche_mls::Transcript::next(&before, &entry, 0) != kept.hash;
        before = kept.hash;
        entries.push((entry.id, skipped));
    }
    outbox::submit_again(work, &row.log)?;
    work.tx.drop_entries_after(&row.log, head)?;
    work.tx.set_meta(&mark(&row.log), &known_ids(&entries, row.cursor))?;
    row.cursor = head;
    row.hash = hash;
    if let Some(generation) = work.tx.generation_at(&row.log, head)? {
        row.generation = generation.number;
    }
    row.flags.restored = true;
    work.tx.put_log(&row)?;
    work.core.session.dirty.insert(row.log);
    Ok(())
}

/// `old cursor (8) ‖ (id (16) ‖ 1 where it is a commit that was skipped, else 0)…`.
fn known_ids(entries: &[(EntryId, bool)], cursor: Seq) -> Vec<u8> {
    let mut bytes = cursor.to_be_bytes().to_vec();
    for (id, skipped) in entries {
        bytes.extend(id.as_bytes());
        bytes.push(u8::from(*skipped));
    }
    bytes
}

/// The cursor before the restoration, and the entries known since then with their verdicts.
type Mark = (Seq, Vec<(EntryId, bool)>);

fn read_mark(work: &Work<'_>, log: &LogId) -> Result<Option<Mark>, ClientError> {
    let Some(bytes) = work.tx.meta(&mark(log))? else { return Ok(None) };
    let Some((cursor, known)) = bytes.split_at_checked(8) else { return Ok(None) };
    let cursor = cursor.try_into().map(u64::from_be_bytes).unwrap_or(0);
    let known = known.chunks_exact(17).filter_map(|known| {
        let (id, skipped) = known.split_at_checked(16)?;
        Some((EntryId::try_from(id).ok()?, skipped == [1]))
    });
    Ok(Some((cursor, known.collect())))
}

/// Whether an entry was processed before the restoration: it only takes its place again.
pub(super) fn known(
    work: &mut Work<'_>,
    row: &mut LogRow,
    entry: &Entry,
) -> Result<Option<Taken>, ClientError> {
    let Some((cursor, ids)) = read_mark(work, &row.log)? else { return Ok(None) };
    let Some((_, skipped)) = ids.iter().find(|(id, _)| *id == entry.id) else { return Ok(None) };
    if let Some(mut message) = work.tx.message(&row.chat, &entry.id)? {
        message.position = veche_store::position(entry.seq, 0);
        work.tx.update_message(&message)?;
    }
    if let Some(rotation) = entry.rider.as_ref().and_then(|rider| rider.rotation) {
        row.generation = rotation.generation;
    }
    if ids.last().is_some_and(|(id, _)| *id == entry.id)
        || entry.seq > cursor + ids.len() as u64 + 1_000
    {
        work.tx.set_meta(&mark(&row.log), &[])?;
    }
    Ok(Some(if *skipped { Taken::Skipped } else { Taken::Yes }))
}

/// An entry that does not open. Between a restoration and its end that is a member's message of an
/// epoch that this device has left behind: its author says it again when it learns of the order.
pub(super) fn unreadable(
    work: &mut Work<'_>,
    row: &LogRow,
    entry: &Entry,
) -> Result<(), ClientError> {
    if read_mark(work, &row.log)?.is_none_or(|(_, ids)| ids.is_empty()) {
        return Ok(());
    }
    work.tell(Event::Notice(format!(
        "An entry ({}) that somebody added while the server was restored cannot be read here.",
        entry.seq
    )));
    Ok(())
}

/// Orders that differ because the server was restored are no proof against it.
pub(super) fn is_forgiven(work: &Work<'_>, log: &LogId, _seq: Seq) -> Result<bool, ClientError> {
    Ok(read_mark(work, log)?.is_some())
}

/// The server does not have the log at all.
pub(crate) fn log_lost(work: &mut Work<'_>, mut row: LogRow) -> Result<(), ClientError> {
    if row.creation.is_some() {
        // Its creator makes it again; then it is too short, and filled again.
        row.state = LogState::Creating;
        work.tx.put_log(&row)?;
        work.core.session.dirty.insert(row.log);
        return Ok(());
    }
    work.tell(Event::Notice(
        "The server does not have a chat any more; whoever made it can bring it back.".into(),
    ));
    work.core.session.put_off(Key::Subscribe(row.log), work.now + 10_000);
    Ok(())
}

/// The server does not know the token: it has forgotten the generation. An older one tells where its
/// log ends.
pub(crate) fn token_unknown(work: &mut Work<'_>, row: LogRow) -> Result<(), ClientError> {
    let older = match row.generation.checked_sub(1) {
        Some(number) => work.tx.generation(&row.log, number)?,
        None => None,
    };
    let asked = work.core.session.probes.contains(&row.log);
    if older.is_none() || asked {
        work.core.session.probes.remove(&row.log);
        work.tell(Event::Notice("The server does not let this device read a chat.".into()));
        work.core.session.put_off(Key::Subscribe(row.log), work.now + 10_000);
        return Ok(());
    }
    work.core.session.probes.insert(row.log);
    Ok(())
}
