//! Entries of a log and what appending one says (docs/protocol.md, "MLS and entries").

use crate::{
    AdminKey, BlobId, Commitment, DecodeError, EntryId, LogId, Seq, Token, TokenHash, codec,
};

/// What an entry is, as far as the server must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// An MLS commit: the only kind that moves the fence.
    Commit = 1,
    /// An MLS application message.
    Message = 2,
    /// A request sealed under the generation's control key; no fence.
    Control = 3,
    /// A rotation of tokens on its own.
    Rotate = 4,
    /// A change of the admin list on its own.
    Admins = 5,
    /// A freeze or thaw, or the beginning or end of a guard.
    Freeze = 6,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Commit, Self::Message, Self::Control, Self::Rotate, Self::Admins, Self::Freeze];

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// Whether the fence of docs/protocol.md, rule 2, applies.
    #[must_use]
    pub fn is_fenced(self) -> bool {
        self != Self::Control
    }
}

/// One entry of a log, as every reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the one order of the log.
    pub seq: Seq,
    /// Chosen by the author.
    pub id: EntryId,
    /// What it is.
    pub kind: Kind,
    /// Set for messages: the commitment to the content.
    pub commitment: Option<Commitment>,
    /// Sealed, padded bytes: `nonce (24) ‖ XChaCha20-Poly1305(MLSMessage padded)`; for control
    /// entries sealed under the control key; empty for `Rotate`, `Admins` and `Freeze`.
    pub bytes: Vec<u8>,
    /// A change of rights that takes effect with this entry.
    pub rider: Option<Rider>,
}

impl Entry {
    /// Writes the entry as it stands in frames (protobuf).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_entry(self)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// Where the bytes are not an entry.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_entry(bytes)
    }
}

/// What a client says to add an entry (docs/protocol.md, "The delivery service").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The log.
    pub log: LogId,
    /// The write token of a generation.
    pub token: Token,
    /// Chosen at random; repeating a request with the same id changes nothing.
    pub id: EntryId,
    /// What the entry is.
    pub kind: Kind,
    /// The seq of the last commit entry (applied or skipped) that the author has processed.
    pub after_commit: Seq,
    /// The author's previous entry, while that one is not acknowledged (docs/protocol.md, rule 3).
    pub prev: Option<EntryId>,
    /// A blob that must be complete on the server; checked, never stored.
    pub needs: Option<BlobId>,
    /// Set for messages.
    pub commitment: Option<Commitment>,
    /// A change of rights that takes effect atomically with the entry.
    pub rider: Option<Rider>,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

impl Append {
    /// An entry with nothing beside it: no fence, no order, no rider.
    #[must_use]
    pub fn bare((log, token): (LogId, Token), id: EntryId, kind: Kind, bytes: Vec<u8>) -> Self {
        Self {
            log,
            token,
            id,
            kind,
            after_commit: 0,
            prev: None,
            needs: None,
            commitment: None,
            rider: None,
            bytes,
        }
    }
}

/// The hashes of a generation's read and write token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHashes {
    /// SHA-256 of the read token.
    pub read: TokenHash,
    /// SHA-256 of the write token.
    pub write: TokenHash,
}

/// A new membership generation (docs/protocol.md, rule 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// The number of the generation that begins: the current one plus 1; a log begins with 0.
    pub generation: u64,
    /// Its tokens.
    pub tokens: TokenHashes,
}

/// The admin keys of a log (docs/protocol.md, rule 12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminList {
    /// The current version plus 1; the list given at `Create` has version 0.
    pub version: u64,
    /// 1 to `limits::ADMIN_KEYS_MAX` keys.
    pub keys: Vec<AdminKey>,
}

/// A change of rights, signed by an admin key; on a commit it may change nothing and only sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rider {
    /// New tokens.
    pub rotation: Option<Rotation>,
    /// New admin keys.
    pub admins: Option<AdminList>,
    /// Freezes (`true`) or thaws (`false`) the log: a frozen log takes no entry without a rider.
    pub freeze: Option<bool>,
    /// Guards the log (`true`) or ends that (`false`): a guarded log takes no commit without a rider.
    pub guard: Option<bool>,
    /// The key that signs.
    pub signer: AdminKey,
    /// Ed25519 over [`Rider::signed_bytes`].
    pub signature: [u8; 64],
}

impl Rider {
    /// Writes the rider as it stands in frames (protobuf).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_rider(self)
    }

    /// Reads a rider. The signature is not checked here.
    ///
    /// # Errors
    /// Where the bytes are not a rider.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_rider(bytes)
    }

    /// The bytes that `signature` covers: label, log, id, kind, SHA-256 of the entry's bytes, and
    /// the changes. A guard stands behind everything else, and leaves no byte where it does not
    /// change. `after_commit` is not covered: it may change when the same entry is submitted again.
    #[must_use]
    pub fn signed_bytes(
        &self,
        log: &LogId,
        id: &EntryId,
        kind: Kind,
        bytes_hash: &[u8; 32],
    ) -> Vec<u8> {
        let mut out = b"veche rider v1\0".to_vec();
        out.extend(log.as_bytes());
        out.extend(id.as_bytes());
        out.push(kind as u8);
        out.extend(bytes_hash);
        match &self.rotation {
            None => out.push(0),
            Some(rotation) => {
                out.push(1);
                out.extend(rotation.generation.to_be_bytes());
                out.extend(rotation.tokens.read.as_bytes());
                out.extend(rotation.tokens.write.as_bytes());
            }
        }
        match &self.admins {
            None => out.push(0),
            Some(admins) => {
                out.push(1);
                out.extend(admins.version.to_be_bytes());
                out.extend((admins.keys.len() as u64).to_be_bytes());
                for key in &admins.keys {
                    out.extend(key.as_bytes());
                }
            }
        }
        out.push(match self.freeze {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        });
        out.extend(self.signer.as_bytes());
        out.extend(self.guard.map(|guard| if guard { 2 } else { 1 }));
        out
    }
}
