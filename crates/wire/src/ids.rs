//! The names of things: each its own type, so that one is never taken for another.

use std::fmt;

use zeroize::Zeroize;

use crate::{DecodeError, Random};

/// A position in a log: the first entry has 1; 0 means "before everything".
pub type Seq = u64;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $length:literal, $debug:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// A fresh random one.
            pub fn random(random: &mut dyn Random) -> Self {
                let mut bytes = [0; $length];
                random.fill(&mut bytes);
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = DecodeError;

            fn try_from(bytes: &[u8]) -> Result<Self, DecodeError> {
                bytes.try_into().map(Self).map_err(|_| DecodeError::Malformed($debug))
            }
        }
    };
}

macro_rules! public_id {
    ($(#[$doc:meta])* $name:ident, $length:literal, $debug:literal) => {
        id!($(#[$doc])* $name, $length, $debug);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($debug, ":{}"), self)
            }
        }

        impl fmt::Display for $name {
            /// Lower-case hexadecimal.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl std::str::FromStr for $name {
            type Err = DecodeError;

            fn from_str(text: &str) -> Result<Self, DecodeError> {
                let bytes = data_encoding::HEXLOWER_PERMISSIVE
                    .decode(text.as_bytes())
                    .map_err(|_| DecodeError::Malformed($debug))?;
                Self::try_from(bytes.as_slice())
            }
        }
    };
}

public_id!(
    /// A log of entries: random, all that the server knows of a chat.
    LogId, 16, "log");
public_id!(
    /// An entry of a log, chosen at random by its author; also the id of a message.
    EntryId, 16, "entry");
public_id!(
    /// A person's account: the Ed25519 public key of its root.
    AccountId, 32, "account");
public_id!(
    /// A device of an account: its Ed25519 public key, which is also its MLS signature key.
    DeviceId, 32, "device");
public_id!(
    /// A public Ed25519 key that may rotate tokens and change the admin list of one log. Made per
    /// device and log, so that it links to nothing (docs/protocol.md, rule 12).
    AdminKey, 32, "admin");
public_id!(
    /// SHA-256 of a [`Token`].
    TokenHash, 32, "token-hash");
public_id!(
    /// A 32-byte commitment to a message's content, kept for franking (draft-ietf-mimi-protocol).
    Commitment, 32, "commitment");

id!(
    /// The right to read or write: whoever knows it has it. Cannot be printed.
    Token, 32, "token");
id!(
    /// A stored blob: knowing the id is the right to read it. Cannot be printed.
    BlobId, 32, "blob");

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobId(…)")
    }
}

impl Zeroize for Token {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}
