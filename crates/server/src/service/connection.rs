//! What the service knows of a connection while it lasts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use veche_wire::{DeviceId, LogId, Seq};

use crate::rates::Bucket;

/// A connection, for as long as it lasts. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    /// How often the slot had been used before.
    turn: u32,
    slot: u32,
}

impl ConnectionId {
    /// A small number that no other connection has at the same time.
    pub(crate) fn slot(self) -> usize {
        self.slot as usize
    }
}

/// The open connections, found by their ids without a search: a message to thousands looks each of
/// them up.
#[derive(Default)]
pub(crate) struct Connections {
    slots: Vec<Slot>,
    free: Vec<u32>,
    count: usize,
}

struct Slot {
    turn: u32,
    connection: Option<Box<Connection>>,
}

impl Connections {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn insert(&mut self, connection: Connection) -> ConnectionId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { turn: 0, connection: None });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let turn = match self.slots.get_mut(slot as usize) {
            Some(found) => {
                found.connection = Some(Box::new(connection));
                found.turn
            }
            None => 0,
        };
        self.count += 1;
        ConnectionId { turn, slot }
    }

    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Box<Connection>> {
        let slot = self.slots.get_mut(id.slot()).filter(|slot| slot.turn == id.turn)?;
        let connection = slot.connection.take()?;
        self.count -= 1;
        // A slot that was used four thousand million times stays empty.
        if let Some(turn) = slot.turn.checked_add(1) {
            slot.turn = turn;
            self.free.push(id.slot);
        }
        Some(connection)
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        let slot = self.slots.get(id.slot()).filter(|slot| slot.turn == id.turn)?;
        slot.connection.as_deref()
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(id.slot()).filter(|slot| slot.turn == id.turn)?;
        slot.connection.as_deref_mut()
    }
}

/// Who reads what: for each key the connections, in order.
pub(crate) struct Readers<K>(BTreeMap<K, Vec<ConnectionId>>);

impl<K> Default for Readers<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Copy> Readers<K> {
    /// The readers of `key`.
    pub(crate) fn of(&self, key: &K) -> &[ConnectionId] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn insert(&mut self, key: K, id: ConnectionId) {
        let readers = self.0.entry(key).or_default();
        if let Err(place) = readers.binary_search(&id) {
            readers.insert(place, id);
        }
    }

    pub(crate) fn remove(&mut self, key: &K, id: ConnectionId) {
        let Some(readers) = self.0.get_mut(key) else { return };
        if let Ok(place) = readers.binary_search(&id) {
            readers.remove(place);
        }
        if readers.is_empty() {
            self.0.remove(key);
        }
    }
}

/// Where connections come from, as far as limits are counted by it. Cannot be printed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId([u8; 16]);

impl std::fmt::Debug for PeerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PeerId(…)")
    }
}

impl From<IpAddr> for PeerId {
    /// An IPv4 address is one peer; so is an IPv6 network of 64 bits, which one household has.
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped().octets()),
            IpAddr::V6(v6) => {
                let mut octets = v6.octets();
                octets.iter_mut().skip(8).for_each(|octet| *octet = 0);
                Self(octets)
            }
        }
    }
}

/// Why a connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// It sent what is not a frame.
    Unreadable,
    /// It was refused again and again and went on.
    Refusals,
    /// It takes no answers.
    Unread,
    /// Too many connections read slowly.
    Parked,
    /// The server could not read what it is subscribed to.
    Storage,
}

/// What a connection is to be sent.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Encoded frames, in order.
    pub frames: Vec<Arc<[u8]>>,
    /// Whether there is more to take once these have left.
    pub more: bool,
    /// Set where the connection is to be closed after these frames.
    pub closing: Option<Closing>,
}

/// What a connection reads of a log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subscription {
    /// The last seq that was put into the outgoing queue.
    pub(crate) cursor: Seq,
    /// Where its token's right ends, if its generation has ended.
    pub(crate) until: Option<Seq>,
    /// Whether it is served from the log, because it is not at the head or had no room.
    pub(crate) behind: bool,
}

pub(crate) struct Connection {
    pub(crate) peer: crate::PeerId,
    pub(crate) nonce: [u8; 32],
    /// Whether it has said hello.
    pub(crate) greeted: bool,
    /// Requests admitted and not answered.
    pub(crate) waiting: usize,
    /// Bytes set aside for their answers.
    pub(crate) reserved_bytes: usize,
    /// Refusals at admission since the last request admitted.
    pub(crate) refusals: u32,
    pub(crate) requests: Bucket,
    pub(crate) strangers: Bucket,
    pub(crate) subscriptions: BTreeMap<LogId, Subscription>,
    /// Logs whose subscription is served from the log, in the order of their turns.
    pub(crate) turns: VecDeque<LogId>,
    /// The cursors of inboxes.
    pub(crate) inboxes: BTreeMap<DeviceId, Seq>,
    /// Inboxes with envelopes that were not sent.
    pub(crate) inboxes_behind: BTreeSet<DeviceId>,
    pub(crate) outgoing: VecDeque<Arc<[u8]>>,
    pub(crate) outgoing_bytes: usize,
    pub(crate) closing: Option<Closing>,
    /// Whether it counts as parked: something is served from the storage.
    pub(crate) is_parked: bool,
    /// Whether it stands among those that may have room.
    pub(crate) is_hungry: bool,
    /// Whether it stands among those with something to take.
    pub(crate) is_ready: bool,
}

impl Connection {
    pub(crate) fn new(peer: PeerId, nonce: [u8; 32]) -> Self {
        Self {
            peer,
            nonce,
            greeted: false,
            waiting: 0,
            reserved_bytes: 0,
            refusals: 0,
            requests: Bucket::default(),
            strangers: Bucket::default(),
            subscriptions: BTreeMap::new(),
            turns: VecDeque::new(),
            inboxes: BTreeMap::new(),
            inboxes_behind: BTreeSet::new(),
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            closing: None,
            is_parked: false,
            is_hungry: false,
            is_ready: false,
        }
    }

    pub(crate) fn put(&mut self, frame: Arc<[u8]>) {
        self.outgoing_bytes += frame.len();
        self.outgoing.push_back(frame);
    }

    /// Whole frames until `budget_bytes` is reached.
    pub(crate) fn take(&mut self, budget_bytes: usize) -> Vec<Arc<[u8]>> {
        if self.outgoing_bytes <= budget_bytes {
            self.outgoing_bytes = 0;
            return std::mem::take(&mut self.outgoing).into();
        }
        let mut taken_bytes = 0;
        let mut frames = Vec::new();
        while taken_bytes < budget_bytes {
            let Some(frame) = self.outgoing.pop_front() else { break };
            taken_bytes += frame.len();
            frames.push(frame);
        }
        self.outgoing_bytes = self.outgoing_bytes.saturating_sub(taken_bytes);
        frames
    }

    pub(crate) fn drop_outgoing(&mut self) {
        self.outgoing.clear();
        self.outgoing_bytes = 0;
    }

    pub(crate) fn has_turns(&self) -> bool {
        !self.turns.is_empty() || !self.inboxes_behind.is_empty()
    }
}
