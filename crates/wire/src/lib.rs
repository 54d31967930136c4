//! What travels: ids, limits, frames, message content, addresses and links of Veche.
//!
//! This crate **never** does I/O, reads a clock, draws randomness or touches a key: it holds the
//! shapes of things and the bytes they are written as, and the two seams (`Link`, `Dial`) over which
//! those bytes go. It is the only crate that derives or writes a codec for what is sent.

#![warn(clippy::indexing_slicing)]

pub mod address;
pub mod certificate;
pub mod content;
pub mod entry;
pub mod frame;
pub mod fuzz;
pub mod ids;
pub mod limits;
pub mod link;
pub mod padding;

mod codec;
#[cfg(feature = "typescript")]
mod typescript;

pub use address::{ContactLink, JoinLink, ServerAddress};
pub use certificate::{Certificate, Credential, DeviceRecord, NameBinding};
pub use content::Content;
pub use entry::{AdminList, Append, Entry, Kind, Rider, Rotation, TokenHashes};
pub use frame::{
    AccountRecord, ClientFrame, Delivery, InboxEntry, InboxPass, Permit, Push, Refused,
    Registration, Request, RequestId, Response, ServerFrame, SignedRequest, Who,
};
pub use ids::{
    AccountId, AdminKey, BlobId, Commitment, DeviceId, EntryId, LogId, Millis, Seq, Token,
    TokenHash,
};

/// Why bytes from outside were not what they claim to be. The caller drops them and tells the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are longer than the named limit allows.
    #[error("{what} is larger than the limit of {limit}")]
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// The limit of `limits`, in its unit.
        limit: usize,
    },
    /// The bytes are not well formed.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// The bytes carry a version that this program does not know.
    #[error("{what} has version {version}, which needs a newer program")]
    Version {
        /// What carries the version.
        what: &'static str,
        /// The version found.
        version: u64,
    },
}

/// A source of randomness, passed in by whoever runs the core, so that a seed replays a run.
pub trait Random {
    /// Fills `bytes` with random bytes fit for keys.
    fn fill(&mut self, bytes: &mut [u8]);
}
