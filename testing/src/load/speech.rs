//! What all servers under test have in common: somebody connects, follows a channel, writes into it,
//! and hears what others wrote.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;

use super::Stopped;
use crate::Dice;
use veche_wire::Random;

/// The first bytes of every entry: when it was sent (8), which writer sent it (4), the how manieth of
/// that writer it is (8); all big-endian. The rest is random, as if sealed.
pub(super) const STAMP_BYTES: usize = 20;
/// Entries are so long: as sealed messages of people are.
const ENTRY_BYTES: std::ops::RangeInclusive<u64> = 200..=1_000;
/// How many random bytes entries are cut from.
const RANDOM_BYTES: usize = 64 << 10;

/// Nanoseconds of this process's clock: sending and receiving are one process, so that one clock
/// tells how long an entry was under way.
pub(super) fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What an entry says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// [`now`] when it was handed to the socket.
    pub(super) sent: u64,
    /// Which writer.
    pub(super) writer: u32,
    /// The how manieth of this writer, from 0.
    pub(super) number: u64,
}

impl Stamp {
    /// Reads the first bytes of an entry.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (sent, rest) = bytes.split_first_chunk()?;
        let (writer, rest) = rest.split_first_chunk()?;
        let (number, _) = rest.split_first_chunk()?;
        Some(Self {
            sent: u64::from_be_bytes(*sent),
            writer: u32::from_be_bytes(*writer),
            number: u64::from_be_bytes(*number),
        })
    }

    fn write(self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.sent.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.writer.to_be_bytes());
        bytes[12..STAMP_BYTES].copy_from_slice(&self.number.to_be_bytes());
    }
}

/// Makes entries, cheaply: pieces of one random block.
pub(super) struct Mint {
    block: Vec<u8>,
    dice: Dice,
}

impl Mint {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::seeded(seed, 1);
        let mut block = vec![0; RANDOM_BYTES];
        dice.fill(&mut block);
        Self { block, dice }
    }

    /// An entry with its stamp.
    pub(super) fn entry(&mut self, stamp: Stamp) -> Vec<u8> {
        let length = self.dice.between(*ENTRY_BYTES.start(), *ENTRY_BYTES.end());
        let length = usize::try_from(length).unwrap_or(STAMP_BYTES);
        let start = self.dice.below((self.block.len() - length) as u64);
        let start = usize::try_from(start).unwrap_or(0);
        let mut entry = self.block[start..start + length].to_vec();
        stamp.write(&mut entry);
        entry
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Default)]
pub(super) struct Role {
    /// The number of the channel: a log, a subject, a topic, a room.
    pub(super) channel: usize,
    /// The number of the connection among all.
    pub(super) member: usize,
    /// Follows the channel from after this place on.
    pub(super) follows_after: Option<u64>,
    /// Which writer it is, if any.
    pub(super) writer: Option<u32>,
    /// Makes these channels, and does nothing else.
    pub(super) makes: std::ops::Range<usize>,
}

/// What a connection has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// All that the role asks for is done; what is followed has `head` entries, where that is told.
    Up {
        /// The place of the last entry.
        head: Option<u64>,
    },
    /// What was published under this number is taken, at this place where there are places.
    Acked {
        /// The writer's number.
        number: u64,
        /// The place, 0 where there is none.
        seq: u64,
    },
    /// An entry; its place is 0 where there are none.
    Entry {
        /// The place.
        seq: u64,
        /// What it says of itself.
        stamp: Stamp,
    },
    /// Asked to come again: what was published under this number, or the rest of its role.
    Later {
        /// The writer's number.
        number: Option<u64>,
        /// After so many milliseconds.
        ms: u32,
    },
    /// The connection has ended.
    Broken(String),
}

/// One connection's protocol, over bytes.
pub(super) trait Speech {
    /// What to say first, as soon as there is a connection.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped>;

    /// Takes in bytes, and says how many of them were whole. An error ends the connection.
    fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut Vec<Heard>,
    ) -> Result<usize, Stopped>;

    /// Publishes an entry; it leaves with the next `flush`.
    fn publish(&mut self, number: u64, entry: &[u8]);

    /// Asks again for what was answered with `Later`, other than an entry.
    fn again(&mut self);

    /// Writes what was said.
    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped>;
}

/// A server under test that runs.
pub(super) trait Service {
    /// How it is spoken with.
    type Speech: Speech;

    /// The name in the results.
    fn name(&self) -> &'static str;
    /// Where it listens.
    fn address(&self) -> SocketAddr;
    /// The number of its process.
    fn process(&self) -> u32;
    /// A connection for this role.
    fn speech(&self, role: &Role) -> Result<Self::Speech, Stopped>;
}
