//! What binds an entry of a log to the MLS message inside of it (docs/protocol.md, "MLS and
//! entries").

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use veche_wire::{
    AdminList, Commitment, DecodeError, Entry, EntryId, Kind, LogId, Random, Rider, Seq, limits,
};

use crate::cbor::{Reader, Writer};
use crate::seal::{Secret, open_padded, seal_padded, sha256};

/// The version of [`Bound`] and of the entry's sealing.
const VERSION: u32 = 1;
/// The most given-up counters that one message lists.
pub const GIVEN_UP_MAX: usize = 1_000;
/// The most leave requests that one commit carries.
pub const PROOFS_MAX: usize = limits::ADDS_PER_COMMIT_MAX;

/// The MLS `authenticated_data` of every message: compared with the entry's outer fields before
/// anything is consumed, so that nobody can wrap another's message again under a new id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The log, which is also the group's id.
    pub log: LogId,
    /// The entry's id.
    pub id: EntryId,
    /// The entry's kind: `Commit` or `Message`.
    pub kind: Kind,
    /// The entry's commitment; messages only.
    pub commitment: Option<Commitment>,
    /// Counts the messages of this leaf in this epoch, from 0; shows gaps (docs/protocol.md, rule
    /// 3).
    pub counter: u32,
    /// The author's cursor when it sealed this (docs/protocol.md, rule 8).
    pub seq: Seq,
    /// The transcript hash at `seq`.
    pub hash: [u8; 32],
    /// Counters of this leaf and epoch that the author gave up for good.
    pub given_up: Vec<u32>,
    /// Encoded, signed leave requests that justify removals; commits only.
    pub proofs: Vec<Vec<u8>>,
    /// [`RiderPlan::hash`] of the entry's rider, zeros where it has none; commits only.
    pub rider_hash: [u8; 32],
}

impl Bound {
    /// A bound for `(log, id, kind)` with everything else empty.
    #[must_use]
    pub fn new(log: LogId, id: EntryId, kind: Kind) -> Self {
        Self {
            log,
            id,
            kind,
            commitment: None,
            counter: 0,
            seq: 0,
            hash: [0; 32],
            given_up: Vec::new(),
            proofs: Vec::new(),
            rider_hash: [0; 32],
        }
    }

    /// Writes it (CBOR array, version first; docs/protocol.md).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 10);
        out.bytes(self.log.as_bytes()).bytes(self.id.as_bytes()).number(self.kind as u64);
        out.maybe_bytes(self.commitment.as_ref().map(|commitment| &commitment.0[..]));
        out.number(self.counter.into()).number(self.seq).bytes(&self.hash);
        out.list(self.given_up.len());
        for counter in &self.given_up {
            out.number((*counter).into());
        }
        out.list(self.proofs.len());
        for proof in &self.proofs {
            out.bytes(proof);
        }
        out.bytes(&self.rider_hash);
        out.finish()
    }

    /// Reads it.
    ///
    /// # Errors
    /// Where the bytes are not a bound of this version, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "authenticated data", VERSION, 10)?;
        let log = LogId(input.array()?);
        let id = EntryId(input.array()?);
        let kind = u8::try_from(input.small()?)
            .ok()
            .and_then(Kind::from_number)
            .ok_or_else(|| input.malformed())?;
        let commitment = input.maybe_array()?.map(Commitment);
        let counter = input.small()?;
        let seq = input.number()?;
        let hash = input.array()?;
        let given_up = (0..input.list(GIVEN_UP_MAX)?)
            .map(|_| input.small())
            .collect::<Result<_, DecodeError>>()?;
        let proofs = (0..input.list(PROOFS_MAX)?)
            .map(|_| input.bytes().map(<[u8]>::to_vec))
            .collect::<Result<_, DecodeError>>()?;
        let rider_hash = input.array()?;
        input.finish()?;
        let bound =
            Self { log, id, kind, commitment, counter, seq, hash, given_up, proofs, rider_hash };
        Ok(bound)
    }

    /// Whether it names the same place as `outer`.
    #[must_use]
    pub fn matches(&self, outer: &EntryRef) -> bool {
        self.log == outer.log
            && self.id == outer.id
            && self.kind == outer.kind
            && self.commitment == outer.commitment
    }
}

/// The outer fields of an entry that its [`Bound`] must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRef {
    /// The log.
    pub log: LogId,
    /// The entry's id.
    pub id: EntryId,
    /// The entry's kind.
    pub kind: Kind,
    /// The entry's commitment.
    pub commitment: Option<Commitment>,
}

impl EntryRef {
    /// The outer fields of `entry` in `log`.
    #[must_use]
    pub fn of(log: LogId, entry: &Entry) -> Self {
        Self { log, id: entry.id, kind: entry.kind, commitment: entry.commitment }
    }
}

/// What a rider will change, as far as it is known before the commit is made. The hashes of the new
/// tokens are not: they come from an exporter of the epoch that the commit begins, while
/// `authenticated_data` is signed with the commit. They are signed by the admin key in the rider and
/// compared with the exporter after the commit is applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RiderPlan {
    /// The number of the generation that begins, if one does.
    pub generation: Option<u64>,
    /// The new admin list, if it changes.
    pub admins: Option<AdminList>,
    /// Freeze or thaw.
    pub freeze: Option<bool>,
    /// The beginning or end of a guard.
    pub guard: Option<bool>,
}

impl RiderPlan {
    /// The plan that `rider` carries out.
    #[must_use]
    pub fn of(rider: &Rider) -> Self {
        Self {
            generation: rider.rotation.map(|rotation| rotation.generation),
            admins: rider.admins.clone(),
            freeze: rider.freeze,
            guard: rider.guard,
        }
    }

    /// Whether nothing changes: then the entry needs no rider, but in a guarded log.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// For [`Bound::rider_hash`]: zeros where nothing changes, else SHA-256 of a label and the plan.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        if self.is_empty() {
            return [0; 32];
        }
        let mut out = Writer::new(VERSION, 3 + u64::from(self.guard.is_some()));
        out.maybe_number(self.generation);
        match &self.admins {
            None => {
                out.list(0);
            }
            Some(admins) => {
                out.list(1 + admins.keys.len()).number(admins.version);
                for key in &admins.keys {
                    out.bytes(key.as_bytes());
                }
            }
        }
        out.maybe_number(self.freeze.map(u64::from));
        if let Some(guard) = self.guard {
            out.number(guard.into());
        }
        sha256(&[b"veche rider plan v1\0", &out.finish()])
    }
}

/// `label ‖ log ‖ id ‖ kind`: the associated data of everything sealed into a log.
pub(crate) fn associated_data(log: &LogId, id: &EntryId, kind: Kind) -> Vec<u8> {
    let mut data = b"veche entry v1\0".to_vec();
    data.extend(log.as_bytes());
    data.extend(id.as_bytes());
    data.push(kind as u8);
    data
}

/// Seals the entries of one epoch: `MLS-Exporter("veche entry", log, 32)`. Cannot be printed.
#[derive(Debug, Clone)]
pub struct EntryKey(Secret);

impl EntryKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }

    /// Seals an MLS message: `nonce (24) ‖ XChaCha20-Poly1305(message padded)`. The nonce is random,
    /// so the caller saves what it gets and submits the same bytes on a retry.
    #[allow(clippy::too_many_arguments, reason = "the place is three ids, as in `open`")]
    pub fn seal(
        &self,
        random: &mut dyn Random,
        log: &LogId,
        id: &EntryId,
        kind: Kind,
        mls_bytes: &[u8],
    ) -> Vec<u8> {
        seal_padded(self.0.as_bytes(), random, &associated_data(log, id, kind), mls_bytes)
    }

    /// Opens an entry; `None` where it was not sealed in this epoch for this place.
    #[must_use]
    pub fn open(&self, log: &LogId, id: &EntryId, kind: Kind, sealed: &[u8]) -> Option<Vec<u8>> {
        open_padded(self.0.as_bytes(), &associated_data(log, id, kind), sealed)
    }
}

/// The commitment to `content`: HMAC-SHA256 under a random key that travels with the content
/// (message franking, draft-ietf-mimi-protocol).
#[must_use]
pub fn commitment(franking_key: &[u8; 32], content: &[u8]) -> Commitment {
    Commitment(franking_mac(franking_key, content).finalize().into_bytes().into())
}

/// Whether `expected` is the commitment to `content`, in constant time.
pub(crate) fn commitment_matches(key: &[u8; 32], content: &[u8], expected: &Commitment) -> bool {
    franking_mac(key, content).verify_slice(expected.as_bytes()).is_ok()
}

fn franking_mac(key: &[u8; 32], content: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(b"veche franking v1\0");
    mac.update(content);
    mac
}

/// The running hash over a log's entries and verdicts (docs/protocol.md, rule 8).
#[derive(Debug, Clone, Copy)]
pub struct Transcript;

impl Transcript {
    /// The hash before the first entry.
    pub const START: [u8; 32] = [0; 32];

    /// The hash after `entry`: SHA-256 of a label, the hash before, seq, id, kind, commitment, the
    /// hashes of bytes and rider, and `verdict`: 1 where the entry is a commit that was skipped, else 0.
    #[must_use]
    pub fn next(hash: &[u8; 32], entry: &Entry, verdict: u8) -> [u8; 32] {
        let commitment = entry.commitment.map_or([0; 32], |commitment| commitment.0);
        sha256(&[
            b"veche transcript v1\0",
            hash,
            &entry.seq.to_be_bytes(),
            entry.id.as_bytes(),
            &[entry.kind as u8],
            &commitment,
            &sha256(&[&entry.bytes]),
            &rider_hash(entry),
            &[verdict],
        ])
    }
}

fn rider_hash(entry: &Entry) -> [u8; 32] {
    let Some(rider) = &entry.rider else { return [0; 32] };
    sha256(&[
        &rider.signed_bytes(&LogId([0; 16]), &entry.id, entry.kind, &[0; 32]),
        &rider.signature,
    ])
}
