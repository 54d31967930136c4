//! Membership generations: the secret that members share, and the tokens and keys that derive from
//! it (docs/protocol.md, rule 11).

use veche_wire::{EntryId, Kind, LogId, Random, Token, TokenHash, TokenHashes};
use zeroize::Zeroizing;

use crate::seal::{Secret, derive, open_padded, seal_padded, sha256};

/// The secret of one membership generation: `MLS-Exporter("veche generation", log ‖ number)` of the
/// epoch in which it began. Cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationSecret(Secret);

impl GenerationSecret {
    /// The secret with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the store and for an invitation.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The right to read the log while this generation lasts.
    #[must_use]
    pub fn read_token(&self, log: &LogId, generation: u64) -> Token {
        Token(*self.derived(b"veche read token v1", log, generation))
    }

    /// The right to write to the log while this generation lasts.
    #[must_use]
    pub fn write_token(&self, log: &LogId, generation: u64) -> Token {
        Token(*self.derived(b"veche write token v1", log, generation))
    }

    /// What the server keeps of the two tokens.
    #[must_use]
    pub fn token_hashes(&self, log: &LogId, generation: u64) -> TokenHashes {
        TokenHashes {
            read: token_hash(&self.read_token(log, generation)),
            write: token_hash(&self.write_token(log, generation)),
        }
    }

    /// The key of control entries and signals.
    #[must_use]
    pub fn control_key(&self, log: &LogId, generation: u64) -> ControlKey {
        ControlKey(self.derived(b"veche control key v1", log, generation).into())
    }

    fn derived(&self, label: &[u8], log: &LogId, generation: u64) -> Zeroizing<[u8; 32]> {
        derive(self.as_bytes(), &[label, b"\0", log.as_bytes(), &generation.to_be_bytes()])
    }
}

/// SHA-256 of a token: what the server compares with.
#[must_use]
pub fn token_hash(token: &Token) -> TokenHash {
    TokenHash(sha256(&[token.as_bytes()]))
}

/// Seals control entries and signals of one generation. Cannot be printed.
#[derive(Debug, Clone)]
pub struct ControlKey(Secret);

impl ControlKey {
    /// Seals a control entry: `nonce (24) ‖ XChaCha20-Poly1305(plaintext padded)`.
    pub fn seal(
        &self,
        random: &mut dyn Random,
        log: &LogId,
        id: &EntryId,
        plaintext: &[u8],
    ) -> Vec<u8> {
        seal_padded(self.0.as_bytes(), random, &control_data(log, id), plaintext)
    }

    /// Opens a control entry; `None` where it was not sealed under this key for this place.
    #[must_use]
    pub fn open(&self, log: &LogId, id: &EntryId, sealed: &[u8]) -> Option<Vec<u8>> {
        open_padded(self.0.as_bytes(), &control_data(log, id), sealed)
    }

    /// Seals a signal, which is not stored (typing). It cannot pass as a control entry.
    pub fn seal_signal(&self, random: &mut dyn Random, log: &LogId, plaintext: &[u8]) -> Vec<u8> {
        seal_padded(self.0.as_bytes(), random, &signal_data(log), plaintext)
    }

    /// Opens a signal; `None` where it was not sealed under this key for this log.
    #[must_use]
    pub fn open_signal(&self, log: &LogId, sealed: &[u8]) -> Option<Vec<u8>> {
        open_padded(self.0.as_bytes(), &signal_data(log), sealed)
    }
}

fn control_data(log: &LogId, id: &EntryId) -> Vec<u8> {
    crate::entry::associated_data(log, id, Kind::Control)
}

fn signal_data(log: &LogId) -> Vec<u8> {
    let mut data = b"veche signal v1\0".to_vec();
    data.extend(log.as_bytes());
    data
}
