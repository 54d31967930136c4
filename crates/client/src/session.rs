//! What is known of the connection: gone with it. Everything here can be derived again.

use std::collections::{BTreeMap, BTreeSet};

use veche_wire::{BlobId, ClientFrame, EntryId, LogId, Millis, Request, RequestId, Seq};

use crate::backlog::Backlog;
use crate::inbox::order::Suspicion;
use crate::inbox::restored::Fork;
use crate::{Connection, Effect};

/// A request that is not answered for so long means a dead connection, in milliseconds.
const ANSWER_MS_MAX: Millis = 45_000;

/// What a request is for. One of each is on its way at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Hello,
    Register,
    Invites,
    Packages(u16),
    Inbox,
    Erase,
    Create(LogId),
    Subscribe(LogId),
    /// Whether the server still has what comes next.
    Probe(LogId),
    /// What the log has where somebody has seen another order.
    Order(LogId),
    /// Whether the log has the same entry as this device at a place.
    Fork(LogId, Seq),
    /// What was written between this device's old place and its new one.
    Missed(LogId),
    /// What the log has after the cursor, where a push left some out.
    Gap(LogId),
    Append(LogId, EntryId),
    /// Whether the log still has this device's request to be removed.
    Departure(LogId),
    /// Person number `.1` of intent `.0`.
    Lookup(i64, usize),
    /// Device number `.2` of person number `.1` of intent `.0`.
    Package(i64, usize, usize),
    Deliver(EntryId),
    Upload(BlobId),
    Download(BlobId),
    Signal(LogId),
    /// Whatever a door that this device looks after needs.
    Door(LogId),
    /// When somebody at a door may have another place; nothing is asked for that.
    DoorDue(LogId),
    /// What a door has after the cursor, before it is followed.
    DoorEntries(LogId),
    /// A request of this device to join.
    Knock(LogId),
}

/// How far the session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No connection.
    Down,
    /// `Hello` is on its way.
    Greeting,
    /// Requests can be made.
    Up { nonce: [u8; 32] },
    /// The server speaks another version.
    Incompatible(String),
}

/// A subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// The last seq known to be in the log.
    pub(crate) head: Seq,
    /// Whether nothing was pushed yet.
    pub(crate) fresh: bool,
    /// With the rights of which generation: it ends with that.
    pub(crate) generation: u64,
}

/// The session.
pub(crate) struct Session {
    pub(crate) stage: Stage,
    /// Whether the server has taken the registration on this connection.
    pub(crate) registered: bool,
    pub(crate) invites_set: bool,
    pub(crate) packages: BTreeSet<u16>,
    /// The suites whose KeyPackage of last resort is on its way.
    pub(crate) last_resorts_sent: BTreeSet<u16>,
    /// The head of the inbox, once subscribed.
    pub(crate) inbox: Option<Seq>,
    pub(crate) inbox_seen: Seq,
    /// Where envelopes were missing: the last before them, and the first after.
    pub(crate) inbox_gap: Option<(Seq, Seq)>,
    pub(crate) subscriptions: BTreeMap<LogId, Subscription>,
    /// Logs that are asked for under an older generation: the server does not know the current one.
    pub(crate) probes: BTreeMap<LogId, u64>,
    /// Logs of which this device has other entries than the server.
    pub(crate) forks: BTreeMap<LogId, Fork>,
    /// Logs of which the server lacks what this device needs to follow them, and since when.
    pub(crate) missing: BTreeMap<LogId, Millis>,
    /// Whether this person was told that the server was restored.
    pub(crate) restoration_told: bool,
    /// Whether invitations that the server may have lost unseen were delivered again on this connection.
    pub(crate) delivered_again: bool,
    /// Logs in which this device still looks for its request to be removed, and since when that was
    /// found missing; and whether they are known.
    pub(crate) departures: BTreeMap<LogId, Option<Millis>>,
    pub(crate) departures_known: bool,
    /// Logs in which somebody has seen another order than this device.
    pub(crate) suspicions: BTreeMap<LogId, Suspicion>,
    /// Leaves of whom this person was told that they are shown another order.
    pub(crate) betrayed: BTreeSet<(LogId, u32)>,
    /// When junk commits came lately, by log.
    pub(crate) junk_commits: BTreeMap<LogId, Vec<Millis>>,
    /// Lost entries that the server has again.
    pub(crate) again: BTreeSet<EntryId>,
    /// Logs that the server does not let this device follow now, whatever else it has for it.
    pub(crate) unfollowed: BTreeSet<LogId>,
    /// The generation that each log was at when its subscription last ended, and how often in a row.
    pub(crate) ended_at: BTreeMap<LogId, (u64, u32)>,
    /// Logs whose subscription ended, or left something out, while its answer was on the way.
    pub(crate) ended: BTreeSet<LogId>,
    /// Logs that cannot be repaired, for nobody is known who could be asked; that was told.
    pub(crate) alone: BTreeSet<LogId>,
    /// The doors that are followed, and those that the server does not show now (`false`).
    pub(crate) doors: BTreeMap<LogId, bool>,
    /// After which entry doors are closed, where somebody has written what looks like a commit.
    pub(crate) closing: BTreeMap<LogId, Seq>,
    /// Groups that the server says are guarded, and until when it is believed without an admin's word.
    pub(crate) guarded: BTreeMap<LogId, Millis>,
    /// What has come and is not processed yet.
    pub(crate) backlog: Backlog,
    /// Groups whose trees are cold.
    pub(crate) cold: BTreeSet<LogId>,
    /// Groups of which this person was told that they are full.
    pub(crate) full: BTreeSet<LogId>,
    /// How many are let in by a door in one commit, where more could not be.
    pub(crate) admissions: BTreeMap<LogId, usize>,
    /// Logs that may have something to do.
    pub(crate) dirty: BTreeSet<LogId>,
    /// Messages received and sent since the client was opened.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    next_request: RequestId,
    in_flight: BTreeMap<RequestId, (Key, Millis)>,
    busy: BTreeSet<Key>,
    not_before: BTreeMap<Key, Millis>,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Down,
            registered: false,
            invites_set: false,
            packages: BTreeSet::new(),
            last_resorts_sent: BTreeSet::new(),
            inbox: None,
            inbox_seen: 0,
            inbox_gap: None,
            subscriptions: BTreeMap::new(),
            probes: BTreeMap::new(),
            forks: BTreeMap::new(),
            missing: BTreeMap::new(),
            restoration_told: false,
            delivered_again: false,
            departures: BTreeMap::new(),
            departures_known: false,
            suspicions: BTreeMap::new(),
            betrayed: BTreeSet::new(),
            junk_commits: BTreeMap::new(),
            again: BTreeSet::new(),
            unfollowed: BTreeSet::new(),
            ended_at: BTreeMap::new(),
            ended: BTreeSet::new(),
            alone: BTreeSet::new(),
            doors: BTreeMap::new(),
            closing: BTreeMap::new(),
            guarded: BTreeMap::new(),
            backlog: Backlog::default(),
            cold: BTreeSet::new(),
            full: BTreeSet::new(),
            admissions: BTreeMap::new(),
            dirty: BTreeSet::new(),
            received: 0,
            sent: 0,
            next_request: 1,
            in_flight: BTreeMap::new(),
            busy: BTreeSet::new(),
            not_before: BTreeMap::new(),
        }
    }

    /// Forgets the connection.
    pub(crate) fn reset(&mut self) {
        let (received, sent) = (self.received, self.sent);
        let betrayed = std::mem::take(&mut self.betrayed);
        let (full, cold) = (std::mem::take(&mut self.full), std::mem::take(&mut self.cold));
        let junk_commits = std::mem::take(&mut self.junk_commits);
        *self = Self { received, sent, betrayed, full, cold, junk_commits, ..Self::new() };
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.stage, Stage::Up { .. })
    }

    /// Whether a request may be made now.
    pub(crate) fn may_ask(&self, key: &Key, now: Millis) -> bool {
        !self.busy.contains(key) && self.not_before.get(key).is_none_or(|time| *time <= now)
    }

    /// A log is to be followed anew, from wherever the cursor is then: an answer that is on its way to an
    /// older request would have it followed from elsewhere.
    pub(crate) fn unfollow(&mut self, log: &LogId) {
        self.subscriptions.remove(log);
        if self.is_asking(&Key::Subscribe(*log)) {
            self.ended.insert(*log);
        }
    }

    /// Whether such a request waits for its answer.
    pub(crate) fn is_asking(&self, key: &Key) -> bool {
        self.busy.contains(key)
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, now: Millis, key: Key, request: Request) -> Effect {
        let id = self.next_request;
        self.next_request += 1;
        self.not_before.remove(&key);
        self.busy.insert(key.clone());
        self.in_flight.insert(id, (key, now));
        Effect::Send(ClientFrame { id, request }.encode())
    }

    /// Whether the directory is still being told what others need to write to this account.
    pub(crate) fn is_stocking(&self) -> bool {
        let stock = |key: &Key| matches!(key, Key::Invites | Key::Packages(_));
        self.busy.iter().any(stock)
    }

    /// What the answer `id` is to; `None` where nothing like it was asked.
    pub(crate) fn answered(&mut self, id: RequestId) -> Option<Key> {
        let (key, _) = self.in_flight.remove(&id)?;
        self.busy.remove(&key);
        Some(key)
    }

    /// Up to where each log is compared in which somebody has seen another order.
    pub(crate) fn compared_up_to(&self) -> Vec<(LogId, Seq)> {
        let compared = |(log, suspicion): (&LogId, &Suspicion)| (*log, suspicion.compared());
        self.suspicions.iter().map(compared).collect()
    }

    /// Whether something was put off until now.
    pub(crate) fn is_due(&self, key: &Key, now: Millis) -> bool {
        self.not_before.get(key).is_some_and(|time| *time <= now)
    }

    /// Puts a request off.
    pub(crate) fn put_off(&mut self, key: Key, until: Millis) {
        self.not_before.insert(key, until);
    }

    /// The logs whose requests were put off until now.
    pub(crate) fn take_due(&mut self, now: Millis) -> Vec<LogId> {
        let due: Vec<Key> = self
            .not_before
            .iter()
            .filter(|(_, time)| **time <= now)
            .map(|(key, _)| key.clone())
            .collect();
        let mut logs = Vec::new();
        for key in due {
            self.not_before.remove(&key);
            if let Key::Append(log, _) | Key::Create(log) = key {
                logs.push(log);
            }
        }
        logs
    }

    /// Whether the server has not answered for too long.
    pub(crate) fn is_stalled(&self, now: Millis) -> bool {
        // The answer may be in what waits here.
        let is_due = self.backlog.is_empty();
        is_due
            && self
                .in_flight
                .values()
                .next()
                .is_some_and(|(_, asked)| asked.saturating_add(ANSWER_MS_MAX) <= now)
    }

    /// When something that was put off is due, or an answer is overdue.
    pub(crate) fn next_due(&self, now: Millis) -> Option<Millis> {
        let put_off = self.not_before.values().copied().filter(|time| *time > now).min();
        let overdue = self.in_flight.values().next().map(|(_, asked)| asked + ANSWER_MS_MAX);
        [put_off, overdue].into_iter().flatten().min()
    }

    /// How the connection stands, given whether everything was processed.
    pub(crate) fn connection(&self, caught_up: bool) -> Connection {
        match &self.stage {
            Stage::Down | Stage::Greeting => Connection::Down,
            Stage::Incompatible(words) => Connection::Incompatible(words.clone()),
            Stage::Up { .. } if caught_up => Connection::Live,
            Stage::Up { .. } => Connection::CatchingUp,
        }
    }
}
