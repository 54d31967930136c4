//! The synchronous heart of the delivery service: frames and time in, frames out.
//!
//! A driver calls [`Service::handle`] for what arrives, then [`Service::flush`], which does all that
//! waits in one durable transaction, and then takes what each connection is to be sent. Nothing is
//! answered before the transaction that it tells of is durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use veche_wire::{
    ClientFrame, DeviceId, LogId, Millis, Random, Refused, Request, RequestId, Response,
    ServerFrame, limits,
};

use crate::admit::{self, Address, Admitted, Allowance};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::pace::{self, Paces};
use crate::storage::{Engine, StorageError, Stored, day_of};
use crate::{log, say};

mod batch;
mod connection;

pub(crate) use batch::{Effect, Fail, Reply, Station, Switches, hash_token, is_same};
pub use connection::{Closing, ConnectionId, Outgoing, PeerId};
pub(crate) use connection::{Connection, Connections, Readers, Subscription};

/// Rules that a test breaks on purpose, to see that it is noticed.
#[cfg(any(test, feature = "mutants"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Answers before what was written is durable.
    AckBeforeFsync,
    /// Takes an entry whose author has not seen the last commit.
    NoFence,
    /// Stores an entry again whose id it knows.
    NoIdCheck,
    /// Takes an entry before the one its author named as the previous.
    NoPrevCheck,
    /// Takes commits that no admin has signed while the log is guarded.
    NoGuard,
    /// Lets nobody who was overtaken again and again go first. Only a story notices: over seeds somebody always
    /// comes through in the end.
    NoHold,
    /// Takes one commit right behind another.
    NoGap,
}

/// The delivery service over an engine.
pub struct Service<E> {
    pub(crate) engine: E,
    pub(crate) config: Config,
    pub(crate) metrics: Arc<Metrics>,
    directory_key: SigningKey,
    pub(crate) connections: Connections,
    addresses: BTreeMap<PeerId, Address>,
    jobs: Vec<Job>,
    paces: Paces,
    pub(crate) subscribers: Readers<LogId>,
    /// How many subscriptions of logs there are.
    pub(crate) subscription_count: usize,
    pub(crate) inbox_readers: Readers<DeviceId>,
    /// How many connections have something that is served from the log.
    pub(crate) parked: usize,
    /// Of these, those that may have room.
    pub(crate) hungry: Vec<ConnectionId>,
    /// Connections with something to take.
    pub(crate) ready: Vec<ConnectionId>,
    /// Bytes on disk when they were last counted.
    disk_bytes: u64,
    /// A rule broken on purpose.
    #[cfg(any(test, feature = "mutants"))]
    pub mutant: Option<Mutant>,
}

/// A request that waits for the next batch.
pub(crate) struct Job {
    connection: ConnectionId,
    id: RequestId,
    admitted: Admitted,
    /// Bytes of answer that were set aside.
    reserved: usize,
}

impl<E: Engine> Service<E> {
    /// A service over what the engine holds. `directory_key` is the Ed25519 seed that signs name
    /// bindings.
    pub fn new(engine: E, config: Config, directory_key: &[u8; 32], metrics: Arc<Metrics>) -> Self {
        let disk_bytes = engine.disk_bytes();
        metrics.disk_bytes.set(disk_bytes);
        Self {
            engine,
            config,
            metrics,
            directory_key: SigningKey::from_bytes(directory_key),
            connections: Connections::default(),
            addresses: BTreeMap::new(),
            jobs: Vec::new(),
            paces: Paces::default(),
            subscribers: Readers::default(),
            subscription_count: 0,
            inbox_readers: Readers::default(),
            parked: 0,
            hungry: Vec::new(),
            ready: Vec::new(),
            disk_bytes,
            #[cfg(any(test, feature = "mutants"))]
            mutant: None,
        }
    }

    /// Takes a new connection.
    ///
    /// # Errors
    /// `Later` where the server or the address has as many as it may.
    pub fn connect(
        &mut self,
        peer: PeerId,
        random: &mut dyn Random,
    ) -> Result<ConnectionId, Refused> {
        let address = self.addresses.entry(peer).or_default();
        if self.connections.len() >= self.config.connections_max
            || address.connections >= self.config.connections_per_address_max
        {
            return Err(Refused::Later { ms: 10_000 });
        }
        address.connections += 1;
        let mut nonce = [0; 32];
        random.fill(&mut nonce);
        let id = self.connections.insert(Connection::new(peer, nonce));
        self.metrics.connections.set(self.connections.len() as u64);
        Ok(id)
    }

    /// Whether a connection is open.
    pub(crate) fn is_connected(&self, id: ConnectionId) -> bool {
        self.connections.get(id).is_some()
    }

    /// Forgets a connection, its subscriptions and what it was still to be sent. What it asked
    /// before is done all the same.
    pub fn disconnect(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(id) else { return };
        self.subscription_count -= connection.subscriptions.len();
        for log in connection.subscriptions.keys() {
            self.subscribers.remove(log, id);
        }
        for device in connection.inboxes.keys() {
            self.inbox_readers.remove(device, id);
        }
        self.parked -= usize::from(connection.is_parked);
        if let Some(address) = self.addresses.get_mut(&connection.peer) {
            address.connections = address.connections.saturating_sub(1);
        }
        self.count_readers();
    }

    /// Takes an encoded frame of a connection. Where not even its id can be read, it is answered
    /// with id 0, and the connection is to be closed. Whether it is an append that waits for the
    /// next [`Service::flush`].
    pub fn handle(&mut self, now: Millis, id: ConnectionId, frame: &[u8]) -> bool {
        if self.connections.get(id).is_none_or(|connection| connection.closing.is_some()) {
            return false;
        }
        if frame.len() > limits::FRAME_BYTES_MAX {
            let refused = Refused::TooLarge { limit: limits::FRAME_BYTES_MAX as u64 };
            self.answer(id, 0, Response::Refused(refused));
            self.close(id, Closing::Unreadable);
            return false;
        }
        match ClientFrame::decode(frame) {
            Ok(frame) => {
                let is_append = matches!(frame.request, Request::Append(_));
                return self.handle_frame(now, id, frame) && is_append;
            }
            Err(error) => {
                let refused = admit::refuse_unreadable(&error);
                match ClientFrame::id_of(frame) {
                    Some(request) => self.refuse(id, request, refused),
                    None => {
                        self.answer(id, 0, Response::Refused(refused));
                        self.close(id, Closing::Unreadable);
                    }
                }
            }
        }
        false
    }

    /// Takes a frame of a connection; whether it waits for the next [`Service::flush`].
    pub fn handle_frame(&mut self, now: Millis, id: ConnectionId, frame: ClientFrame) -> bool {
        let Some(connection) = self.connections.get_mut(id) else { return false };
        if connection.closing.is_some() {
            return false;
        }
        self.metrics.count_request(&frame.request);
        if let Request::Hello { version } = frame.request {
            let rate = self.config.requests_per_connection;
            if let Err(ms) = connection.requests.take(now, rate, 1) {
                self.refuse(id, frame.id, Refused::Later { ms });
                return false;
            }
            let response = self.greet(id, version);
            self.answer(id, frame.id, response);
            return false;
        }
        let address = self.addresses.entry(connection.peer).or_default();
        let reserved = reserved_bytes(&frame.request);
        let allowance = Allowance { now, config: &self.config, connection, address, reserved };
        match admit::check(allowance, frame.request) {
            Ok(admitted) => {
                connection.waiting += 1;
                connection.reserved_bytes += reserved;
                connection.refusals = 0;
                self.jobs.push(Job { connection: id, id: frame.id, admitted, reserved });
                true
            }
            Err(refused) => {
                self.refuse(id, frame.id, refused);
                false
            }
        }
    }

    /// Answers what was not admitted. Who goes on and on with that is sent away.
    fn refuse(&mut self, id: ConnectionId, request: RequestId, refused: Refused) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.refusals += 1;
        let too_many = connection.refusals > self.config.refusals_max;
        self.answer(id, request, Response::Refused(refused));
        if too_many {
            self.close(id, Closing::Refusals);
        }
    }

    /// Whether requests wait for the next [`Service::flush`].
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Does all that waits in one durable transaction, and tells those whom it concerns.
    pub fn flush(&mut self, now: Millis) {
        let jobs = std::mem::take(&mut self.jobs);
        self.metrics.queue_depth.set(jobs.len() as u64);
        if !jobs.is_empty() {
            self.run(now, &jobs);
        }
        self.feed_hungry();
        self.count_readers();
    }

    /// The connections with something to take since this was last asked.
    pub fn take_ready(&mut self) -> Vec<ConnectionId> {
        let mut ready = std::mem::take(&mut self.ready);
        ready.retain(|id| match self.connections.get_mut(*id) {
            Some(connection) => std::mem::take(&mut connection.is_ready),
            None => false,
        });
        ready
    }

    /// Takes what a connection is to be sent: whole frames until `budget_bytes` is reached. Then
    /// reads on for its parked subscriptions.
    pub fn take_outgoing(&mut self, id: ConnectionId, budget_bytes: usize) -> Outgoing {
        let Some(connection) = self.connections.get_mut(id) else { return Outgoing::default() };
        let frames = connection.take(budget_bytes);
        if connection.is_parked {
            self.feed(id);
        }
        let Some(connection) = self.connections.get(id) else { return Outgoing::default() };
        let is_served = connection.closing.is_none() && connection.has_turns();
        let more = !connection.outgoing.is_empty() || is_served;
        Outgoing { frames, more, closing: connection.closing.filter(|_| !more) }
    }

    /// Removes what is older than the retention time. Does a bounded piece of the work; whether
    /// there may be more.
    pub fn sweep(&mut self, now: Millis) -> bool {
        const PIECE: usize = 1_000;
        let today = day_of(now);
        let Some(before) = today.checked_sub(self.config.retention_days) else { return false };
        let mut is_done = true;
        let swept = self.engine.write(&mut |batch| {
            is_done = batch.sweep_entries(before..=today, PIECE)?.is_done;
            is_done &= batch.sweep_envelopes(before, PIECE)? < PIECE;
            is_done &= batch.sweep_blobs(before, PIECE)? < PIECE;
            Ok(())
        });
        if let Err(error) = swept.and_then(|()| self.engine.sync()) {
            say::error("could not remove what is past its time", &[("error", &error)]);
            return false;
        }
        !is_done
    }

    /// Does what is better done now and then: gives erased bytes back, counts the disk, forgets
    /// limits that are full again.
    pub fn tidy(&mut self, now: Millis) {
        if let Err(error) = self.engine.tidy() {
            say::warn("could not tidy the storage", &[("error", &error)]);
        }
        self.disk_bytes = self.engine.disk_bytes();
        self.metrics.disk_bytes.set(self.disk_bytes);
        self.paces.tidy(now);
        let config = &self.config;
        self.addresses.retain(|_, address| !address.is_idle(now, config));
    }

    /// The engine, for whoever ends the service or looks into it.
    pub fn engine_mut(&mut self) -> &mut E {
        &mut self.engine
    }

    /// Ends the service: all connections are forgotten, what is stored stays.
    pub fn into_engine(self) -> E {
        self.engine
    }

    /// Says that a connection is to be closed once it has taken what waits for it.
    pub(crate) fn close(&mut self, id: ConnectionId, why: Closing) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.closing.get_or_insert(why);
            make_ready(&mut self.ready, connection, id);
        }
    }

    /// Puts an answer into the outgoing queue.
    fn answer(&mut self, id: ConnectionId, request: RequestId, response: Response) {
        if let Response::Refused(refused) = &response {
            self.metrics.count_refusal(refused);
        }
        let frame = ServerFrame::Answer { id: request, response }.encode();
        self.send(id, &frame.into());
    }

    /// Puts an encoded frame into the outgoing queue.
    pub(crate) fn send(&mut self, id: ConnectionId, frame: &Arc<[u8]>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.put(Arc::clone(frame));
        make_ready(&mut self.ready, connection, id);
        // Pushes and long answers stop far below this: it asks and asks, and takes no answer.
        if connection.outgoing_bytes > 2 * self.config.answers_bytes_max {
            connection.drop_outgoing();
            self.close(id, Closing::Unread);
        }
    }

    fn greet(&mut self, id: ConnectionId, version: u32) -> Response {
        let newest = limits::PROTOCOL_VERSION;
        let Some(connection) = self.connections.get_mut(id) else {
            return Response::Refused(Refused::Broken);
        };
        if version != newest {
            return Response::Refused(Refused::Incompatible { oldest: newest, newest });
        }
        connection.greeted = true;
        Response::Hello {
            version: newest,
            nonce: connection.nonce,
            directory_key: self.directory_key.verifying_key().to_bytes(),
            registration: self.config.registration,
        }
    }

    /// One transaction for all jobs. Where that fails, one for each, so that one request that the
    /// storage cannot bear does not take the others with it.
    fn run(&mut self, now: Millis, jobs: &[Job]) {
        match self.run_together(now, jobs) {
            Ok(replies) => self.settle(now, jobs, replies),
            Err(error) => {
                self.metrics.storage_errors.add(1);
                say::error("a batch failed", &[("error", &error), ("requests", &jobs.len())]);
                if jobs.len() == 1 {
                    let refused = match error {
                        StorageError::Full => Refused::Full,
                        _ => Refused::Broken,
                    };
                    return self.settle(now, jobs, vec![Reply::refused(refused)]);
                }
                for job in jobs {
                    self.run(now, std::slice::from_ref(job));
                }
            }
        }
    }

    fn run_together(&mut self, now: Millis, jobs: &[Job]) -> Stored<Vec<Reply>> {
        let switches = self.switches();
        if switches.is_late_sync() {
            // What the batch before wrote; it was answered already.
            self.engine.sync()?;
        }
        let Self { engine, config, directory_key, paces, disk_bytes, .. } = self;
        let is_full = *disk_bytes >= config.disk_bytes_max;
        let (mut replies, mut fresh) = (Vec::new(), pace::Fresh::default());
        engine.write(&mut |batch| {
            replies.clear();
            fresh = pace::Fresh::default();
            for job in jobs {
                let mut station = Station {
                    batch: &mut *batch,
                    now,
                    config,
                    directory_key,
                    paces: &*paces,
                    fresh: &mut fresh,
                    is_full,
                    switches,
                };
                replies.push(station.run(&job.admitted)?);
            }
            Ok(())
        })?;
        if !switches.is_late_sync() {
            engine.sync()?;
        }
        if !switches.is_without_hold() {
            fresh.lost.into_iter().for_each(|loss| paces.lost(now, loss));
        }
        Ok(replies)
    }

    /// After the transaction: answers in order, and what follows from each.
    fn settle(&mut self, now: Millis, jobs: &[Job], replies: Vec<Reply>) {
        let mut fresh = log::Fresh::default();
        for (job, reply) in jobs.iter().zip(replies) {
            if let Some(connection) = self.connections.get_mut(job.connection) {
                connection.waiting = connection.waiting.saturating_sub(1);
                connection.reserved_bytes = connection.reserved_bytes.saturating_sub(job.reserved);
            }
            self.answer(job.connection, job.id, reply.response);
            if let Some(effect) = reply.effect {
                self.take_effect(now, job.connection, effect, &mut fresh);
            }
        }
        self.fan_out(fresh);
    }

    fn take_effect(
        &mut self,
        now: Millis,
        id: ConnectionId,
        effect: Effect,
        fresh: &mut log::Fresh,
    ) {
        match effect {
            Effect::Appended { log, entry } => {
                self.metrics.entries_appended.add(1);
                if entry.kind == veche_wire::Kind::Commit {
                    let readers = self.subscribers.of(&log).len();
                    let gap = pace::gap_after(&entry, readers, self.config.commit_gap_ms);
                    self.paces.taken(now, log, (&entry, gap));
                }
                if entry.rider.as_ref().is_some_and(|rider| rider.rotation.is_some()) {
                    self.end_subscriptions(&log, entry.seq);
                }
                fresh.add(log, *entry);
            }
            Effect::Subscribed { log, cursor, head, until } => {
                let behind = cursor < head || until.is_some();
                self.subscribe(id, log, Subscription { cursor, until, behind });
            }
            Effect::Unsubscribed { log } => self.unsubscribe(id, &log),
            Effect::Signal { log, bytes } => self.signal(id, log, bytes),
            Effect::InboxSubscribed { device } => self.subscribe_inbox(id, device),
            Effect::Delivered { device } => self.wake_inbox(&device),
            Effect::BlobStored { bytes } => self.metrics.blob_received_bytes.add(bytes),
        }
    }

    fn switches(&self) -> Switches {
        Switches {
            #[cfg(any(test, feature = "mutants"))]
            mutant: self.mutant,
        }
    }

    fn count_readers(&self) {
        self.metrics.subscriptions.set(self.subscription_count as u64);
        self.metrics.connections.set(self.connections.len() as u64);
        self.metrics.parked.set(self.parked as u64);
    }
}

/// Puts a connection among those with something to take.
pub(crate) fn make_ready(
    ready: &mut Vec<ConnectionId>,
    connection: &mut Connection,
    id: ConnectionId,
) {
    if !std::mem::replace(&mut connection.is_ready, true) {
        ready.push(id);
    }
}

/// How many bytes the answer may have, where that matters.
fn reserved_bytes(request: &Request) -> usize {
    match request {
        Request::Read { .. } => limits::ENTRIES_FRAME_BYTES_SOFT,
        Request::GetBlob { length, .. } => *length as usize,
        _ => 0,
    }
}
