//! What is inside an application message.

use veche_wire::{Commitment, DecodeError, Random};
use zeroize::Zeroize;

use crate::cbor::{Reader, Writer};
use crate::entry;

const VERSION: u32 = 1;

/// The plaintext of an application message: the content and the key of its commitment.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// The random key of the commitment.
    pub franking_key: [u8; 32],
    /// `wire::Content`, encoded.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payload(…)")
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        self.franking_key.zeroize();
        self.content.zeroize();
    }
}

impl Payload {
    /// `content` with a fresh franking key.
    pub fn new(random: &mut dyn Random, content: Vec<u8>) -> Self {
        let mut franking_key = [0; 32];
        random.fill(&mut franking_key);
        Self { franking_key, content }
    }

    /// The commitment that the server keeps.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        entry::commitment(&self.franking_key, &self.content)
    }

    /// Whether `commitment` is to this content, in constant time.
    #[must_use]
    pub fn verify(&self, commitment: &Commitment) -> bool {
        entry::commitment_matches(&self.franking_key, &self.content, commitment)
    }

    /// Writes it (CBOR array, version first).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 2);
        out.bytes(&self.franking_key).bytes(&self.content);
        out.finish()
    }

    /// Reads it.
    ///
    /// # Errors
    /// Where the bytes are not a payload of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "payload", VERSION, 2)?;
        let franking_key = input.array()?;
        let content = input.bytes()?.to_vec();
        input.finish()?;
        Ok(Self { franking_key, content })
    }
}
