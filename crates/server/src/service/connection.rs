//! What the service knows of a connection while it lasts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use veche_wire::{DeviceId, LogId, Seq};

use crate::rates::Bucket;

/// A connection, for as long as it lasts. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) u64);

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
        }
    }

    pub(crate) fn put(&mut self, frame: Arc<[u8]>) {
        self.outgoing_bytes += frame.len();
        self.outgoing.push_back(frame);
    }

    /// Whole frames until `budget_bytes` is reached.
    pub(crate) fn take(&mut self, budget_bytes: usize) -> Vec<Arc<[u8]>> {
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

    pub(crate) fn is_parked(&self) -> bool {
        !self.turns.is_empty() || !self.inboxes_behind.is_empty()
    }
}
