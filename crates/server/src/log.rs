//! Station 6 and 7: making a log, appending to it by docs/protocol.md, "The rules of a log",
//! telling its subscribers.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use veche_wire::{
    AdminKey, Append, Entry, Kind, LogId, Millis, Push, Refused, Response, Rider, Seq, ServerFrame,
    Token, TokenHashes, limits,
};

use crate::admit::is_signed;
use crate::pace::Lost;
use crate::service::{Effect, Fail, Reply, Service, Station};
use crate::service::{hash_token, is_same, make_ready};
use crate::storage::{Engine, LogRecord, Retired};

impl Station<'_> {
    /// Makes a log; again with the same parameters changes nothing.
    pub(crate) fn create(
        &mut self,
        log: &LogId,
        tokens: &TokenHashes,
        admins: &[AdminKey],
    ) -> Result<Reply, Fail> {
        let mut hash = Sha256::new();
        hash.update(tokens.read.as_bytes());
        hash.update(tokens.write.as_bytes());
        admins.iter().for_each(|key| hash.update(key.as_bytes()));
        let made_with: [u8; 32] = hash.finalize().into();
        match self.batch.log(log)? {
            Some(record) if record.made_with == made_with => Ok(Response::Done.into()),
            Some(_) => Err(Refused::Taken.into()),
            None => {
                let record = LogRecord {
                    head: 0,
                    last_commit: 0,
                    generation: 0,
                    tokens: *tokens,
                    admins_version: 0,
                    admins: admins.to_vec(),
                    frozen: false,
                    guarded: false,
                    made_with,
                };
                self.batch.put_log(log, &record)?;
                Ok(Response::Done.into())
            }
        }
    }

    /// Adds an entry. The order of the rules is part of the protocol.
    pub(crate) fn append(&mut self, append: &Append) -> Result<Reply, Fail> {
        let log = &append.log;
        if let Some(seq) = self.batch.seq_of(log, &append.id)?
            && !self.switches.is_without_id_check()
        {
            return Ok(Response::Appended { seq }.into());
        }
        let mut record = self.batch.log(log)?.ok_or(Refused::NotFound)?;
        self.check_write_token(log, &record, &append.token)?;
        if record.frozen && append.rider.is_none() {
            return Err(Refused::Frozen.into());
        }
        // Before the rider: an author who was overtaken is told so, whatever it may no longer do.
        if let Err(stale) = self.check_fence(&record, append) {
            if append.kind == Kind::Commit {
                let (id, after, to) = (append.id, append.after_commit, record.last_commit);
                self.fresh.lost.push(Lost { log: *log, id, after, to });
            }
            return Err(stale.into());
        }
        self.check_guard(&record, append)?;
        if let Some(rider) = &append.rider {
            check_rider(&record, append, rider)?;
        }
        self.check_gap(append)?;
        self.check_order(append)?;
        if let Some(blob) = &append.needs
            && !self.batch.blob(blob)?.is_some_and(|state| state.is_complete())
        {
            return Err(Refused::MissingBlob.into());
        }
        let entry = self.store(&mut record, append)?;
        let response = Response::Appended { seq: entry.seq };
        Ok(Reply::with(response, Effect::Appended { log: *log, entry: Box::new(entry) }))
    }

    /// Tells who is subscribed now; stores nothing.
    pub(crate) fn signal(
        &mut self,
        log: &LogId,
        token: &Token,
        bytes: &[u8],
    ) -> Result<Reply, Fail> {
        let record = self.batch.log(log)?.ok_or(Refused::NotFound)?;
        self.check_write_token(log, &record, token)?;
        if record.frozen {
            return Err(Refused::Frozen.into());
        }
        let effect = Effect::Signal { log: *log, bytes: bytes.to_vec() };
        Ok(Reply::with(Response::Done, effect))
    }

    fn check_write_token(
        &mut self,
        log: &LogId,
        record: &LogRecord,
        token: &Token,
    ) -> Result<(), Fail> {
        let hash = hash_token(token);
        if is_same(&hash, &record.tokens.write) {
            return Ok(());
        }
        Err(match self.batch.retired(log, &hash)? {
            Some(Retired::Write) => Refused::Stale { last_commit: record.last_commit }.into(),
            _ => Refused::Forbidden.into(),
        })
    }

    /// docs/protocol.md, rule 2: of two commits the first wins, and nobody needs a past epoch's
    /// keys.
    fn check_fence(&self, record: &LogRecord, append: &Append) -> Result<(), Refused> {
        let is_behind = append.kind.is_fenced() && record.last_commit > append.after_commit;
        if is_behind && !self.switches.is_without_fence() {
            return Err(Refused::Stale { last_commit: record.last_commit });
        }
        Ok(())
    }

    /// docs/protocol.md, rule 5: while somebody writes junk, only admins commit.
    fn check_guard(&self, record: &LogRecord, append: &Append) -> Result<(), Refused> {
        let is_open = !record.guarded || append.kind != Kind::Commit || append.rider.is_some();
        if is_open || self.switches.is_without_guard() { Ok(()) } else { Err(Refused::Guarded) }
    }

    /// docs/protocol.md, rule 5: a distance between two commits, and after you.
    fn check_gap(&self, append: &Append) -> Result<(), Refused> {
        let none = self.config.commit_gap_ms == 0 || self.switches.is_without_gap();
        if append.kind != Kind::Commit || none {
            return Ok(());
        }
        let gap = Millis::from(self.config.commit_gap_ms);
        let wait = self.paces.wait_ms(self.now, append);
        let wait = if self.fresh.is_before(append) { wait.max(gap) } else { wait };
        match u32::try_from(wait) {
            Ok(0) => Ok(()),
            left => Err(Refused::Later { ms: left.unwrap_or(u32::MAX) }),
        }
    }

    /// docs/protocol.md, rule 3: a sender's entries come in its order.
    fn check_order(&mut self, append: &Append) -> Result<(), Fail> {
        if let Some(prev) = &append.prev
            && self.batch.seq_of(&append.log, prev)?.is_none()
            && !self.switches.is_without_prev_check()
        {
            return Err(Refused::OutOfOrder.into());
        }
        Ok(())
    }

    /// Stores the entry and what its rider changes.
    fn store(&mut self, record: &mut LogRecord, append: &Append) -> Result<Entry, Fail> {
        let seq = record.head + 1;
        record.head = seq;
        if append.kind == Kind::Commit {
            record.last_commit = seq;
            *self.fresh.taken.entry(append.log).or_default() |= append.rider.is_some();
        }
        if let Some(rider) = &append.rider {
            if let Some(rotation) = &rider.rotation {
                self.batch.retire(&append.log, &record.tokens, seq)?;
                record.generation = rotation.generation;
                record.tokens = rotation.tokens;
            }
            if let Some(admins) = &rider.admins {
                record.admins_version = admins.version;
                record.admins.clone_from(&admins.keys);
            }
            record.frozen = rider.freeze.unwrap_or(record.frozen);
            record.guarded = rider.guard.unwrap_or(record.guarded);
        }
        let entry = Entry {
            seq,
            id: append.id,
            kind: append.kind,
            commitment: append.commitment,
            bytes: append.bytes.clone(),
            rider: append.rider.clone(),
        };
        let day = self.day();
        self.batch.append(&append.log, &entry, day)?;
        self.batch.put_log(&append.log, record)?;
        Ok(entry)
    }
}

/// docs/protocol.md, rules 11 and 12: an admin signs, and each change follows the one before. An
/// author that did not know of a change is told that it is stale, not that it has no right.
fn check_rider(record: &LogRecord, append: &Append, rider: &Rider) -> Result<(), Refused> {
    let bytes_hash: [u8; 32] = Sha256::digest(&append.bytes).into();
    let signed_bytes = rider.signed_bytes(&append.log, &append.id, append.kind, &bytes_hash);
    if !record.admins.contains(&rider.signer)
        || !is_signed(rider.signer.as_bytes(), &signed_bytes, &rider.signature)
    {
        return Err(Refused::Forbidden);
    }
    let steps = [
        rider.rotation.as_ref().map(|rotation| (rotation.generation, record.generation)),
        rider.admins.as_ref().map(|admins| (admins.version, record.admins_version)),
    ];
    for (next, current) in steps.into_iter().flatten() {
        if next <= current {
            return Err(Refused::Stale { last_commit: record.last_commit });
        }
        if next != current + 1 {
            return Err(Refused::Malformed { what: "a change of rights skips a number".into() });
        }
    }
    Ok(())
}

/// Entries that became durable in one batch, by log, in order.
#[derive(Default)]
pub(crate) struct Fresh(BTreeMap<LogId, Vec<Entry>>);

impl Fresh {
    pub(crate) fn add(&mut self, log: LogId, entry: Entry) {
        self.0.entry(log).or_default().push(entry);
    }
}

/// An encoded push of entries `first..=last`, shared by all who get it.
struct Shared {
    first: Seq,
    last: Seq,
    count: u64,
    frame: Arc<[u8]>,
}

impl<E: Engine> Service<E> {
    /// Gives new entries to all subscribers of their logs that are at the head and have room: one
    /// encoding for all. The others are parked at their cursors.
    pub(crate) fn fan_out(&mut self, fresh: Fresh) {
        for (log, entries) in fresh.0 {
            let readers = self.subscribers.of(&log).to_vec();
            if readers.is_empty() {
                continue;
            }
            for shared in encode_shared(&log, entries) {
                let pushed = readers.iter().filter(|id| self.push_shared(**id, &log, &shared));
                let receivers = pushed.count() as u64;
                self.metrics.deliveries.add(receivers * shared.count);
            }
        }
    }

    /// Whether the subscriber got it; else it knows it already, or is parked.
    fn push_shared(&mut self, id: crate::ConnectionId, log: &LogId, shared: &Shared) -> bool {
        let room = self.config.pushes_bytes_max;
        let Some(connection) = self.connections.get_mut(id) else { return false };
        let Some(subscription) = connection.subscriptions.get_mut(log) else { return false };
        if subscription.behind || subscription.cursor >= shared.last {
            return false;
        }
        let follows = subscription.cursor + 1 == shared.first;
        if !follows || subscription.until.is_some() || connection.outgoing_bytes >= room {
            self.park(id, log);
            return false;
        }
        subscription.cursor = shared.last;
        connection.put(Arc::clone(&shared.frame));
        make_ready(&mut self.ready, connection, id);
        true
    }

    /// Gives a signal to all other subscribers that have room; nobody waits for it.
    pub(crate) fn signal(&mut self, from: crate::ConnectionId, log: LogId, bytes: Vec<u8>) {
        let readers = self.subscribers.of(&log).to_vec();
        let frame: Arc<[u8]> = ServerFrame::Push(Push::Signal { log, bytes }).encode().into();
        for id in readers.into_iter().filter(|id| *id != from) {
            let has_room = self.connections.get(id).is_some_and(|connection| {
                connection.outgoing_bytes < self.config.pushes_bytes_max
                    && connection
                        .subscriptions
                        .get(&log)
                        .is_some_and(|subscription| subscription.until.is_none())
            });
            if has_room {
                self.metrics.deliveries.add(1);
                self.send(id, &frame);
            }
        }
    }
}

/// Encodes entries as pushes within the limits of a frame. A rotation ends a frame, because some
/// may not read on.
fn encode_shared(log: &LogId, entries: Vec<Entry>) -> Vec<Shared> {
    let mut frames = Vec::new();
    let mut chunk: Vec<Entry> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        if chunk.len() >= limits::ENTRIES_PER_FRAME_MAX
            || bytes + entry.bytes.len() > limits::ENTRIES_FRAME_BYTES_SOFT
        {
            frames.extend(encode_chunk(log, std::mem::take(&mut chunk)));
            bytes = 0;
        }
        bytes += entry.bytes.len();
        let is_rotation = entry.rider.as_ref().is_some_and(|rider| rider.rotation.is_some());
        chunk.push(entry);
        if is_rotation {
            frames.extend(encode_chunk(log, std::mem::take(&mut chunk)));
            bytes = 0;
        }
    }
    frames.extend(encode_chunk(log, chunk));
    frames
}

fn encode_chunk(log: &LogId, entries: Vec<Entry>) -> Option<Shared> {
    let (first, last) = (entries.first()?.seq, entries.last()?.seq);
    let count = entries.len() as u64;
    let frame = ServerFrame::Push(Push::Entries { log: *log, entries }).encode().into();
    Some(Shared { first, last, count, frame })
}
