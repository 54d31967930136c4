//! The key of the database, and the bytes of the file that holds it or says how to derive it.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use veche_wire::Random;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::StoreError;

/// The bytes of a database key.
const KEY_BYTES: usize = 32;
/// The bytes of the salt of a passphrase.
const SALT_BYTES: usize = 16;
/// The first bytes of a key file, the last of them its version.
const MAGIC: &[u8; 10] = b"veche-key\x01";
/// The byte after [`MAGIC`] in front of a key.
const KIND_PLAIN: u8 = 0;
/// The byte after [`MAGIC`] in front of what a passphrase is stretched with.
const KIND_PASSPHRASE: u8 = 1;
/// The byte after [`MAGIC`] in front of a key that is wrapped with a passphrase.
const KIND_WRAPPED: u8 = 2;
/// The bytes by which a sealed key is known to be one.
const TAG_BYTES: usize = 16;
/// The most memory that a key file may ask for, in KiB: 1 GiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;
/// The most passes that a key file may ask for.
const PASSES_MAX: u32 = 64;
/// The most lanes that a key file may ask for.
const LANES_MAX: u32 = 16;

/// The key under which every page of the database is sealed. It cannot be printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DatabaseKey([u8; KEY_BYTES]);

/// How a passphrase becomes a key: the costs of Argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
    /// Lanes, of which each could have a thread of its own.
    pub lanes: u32,
}

/// What the key file of a home holds.
///
/// Its bytes are `veche-key`, a version of one byte (1) and a kind of one byte; then for kind 0 the 32 bytes of
/// the key, and for kind 1 memory in KiB, passes and lanes as big-endian numbers of four bytes, and
/// 16 bytes of salt. Kind 2 is as kind 1, with 48 bytes behind the salt: the key, sealed by ChaCha20-Poly1305 under
/// what the passphrase stretches to, with all bytes before it as associated data. The nonce is zero: each wrapping
/// has a salt of its own, so that no key seals twice. Nothing follows.
pub enum KeyFile {
    /// The key itself: whoever reads the file reads the database.
    Plain(DatabaseKey),
    /// The key follows from a passphrase, which is kept nowhere.
    Passphrase {
        /// What it costs to try a passphrase.
        stretch: Stretch,
        /// What makes equal passphrases of two homes different keys.
        salt: [u8; SALT_BYTES],
    },
    /// A key of its own, wrapped with a passphrase: that can be changed, or taken away, while every page of the
    /// database stays as it is.
    Wrapped {
        /// What it costs to try a passphrase.
        stretch: Stretch,
        /// Of this wrapping alone.
        salt: [u8; SALT_BYTES],
        /// The key, sealed under what the passphrase stretches to.
        sealed: [u8; KEY_BYTES + TAG_BYTES],
    },
}

impl DatabaseKey {
    /// The key with these bytes, which must be uniformly random.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A fresh key.
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut key = Self([0; KEY_BYTES]);
        random.fill(&mut key.0);
        key
    }

    /// A statement that tells this key in lower-case hexadecimal, between `start` and `end`.
    pub(crate) fn statement(&self, start: &str, end: &str) -> Zeroizing<String> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // Room for all of it at once, so that no copy is left behind in memory.
        let length = start.len() + 2 * KEY_BYTES + end.len();
        let mut sql = Zeroizing::new(String::with_capacity(length));
        sql.push_str(start);
        for byte in self.0 {
            for digit in [byte >> 4, byte & 15] {
                sql.push(char::from(DIGITS[usize::from(digit)]));
            }
        }
        sql.push_str(end);
        sql
    }
}

impl fmt::Debug for DatabaseKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DatabaseKey(…)")
    }
}

impl Stretch {
    /// What a home of a person uses: 64 MiB, three passes, one lane (RFC 9106, section 4, with one
    /// lane, for machines with few cores).
    pub const DEFAULT: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 1 };

    fn encode(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let numbers = [self.memory_kib, self.passes, self.lanes];
        for (place, number) in bytes.chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    fn params(self) -> Option<Params> {
        if self.memory_kib > MEMORY_KIB_MAX || self.passes > PASSES_MAX || self.lanes > LANES_MAX {
            return None;
        }
        Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_BYTES)).ok()
    }
}

impl KeyFile {
    /// What a new home gets: a key of its own, or one that follows from `passphrase`.
    ///
    /// # Errors
    ///
    /// `PassphraseNeeded` for an empty passphrase.
    pub fn new(
        passphrase: Option<&str>,
        stretch: Stretch,
        random: &mut dyn Random,
    ) -> Result<Self, StoreError> {
        match passphrase {
            None => Ok(Self::Plain(DatabaseKey::generate(random))),
            Some("") => Err(StoreError::PassphraseNeeded),
            Some(_) => {
                let mut salt = [0; SALT_BYTES];
                random.fill(&mut salt);
                Ok(Self::Passphrase { stretch, salt })
            }
        }
    }

    /// Reads the bytes of a key file.
    ///
    /// # Errors
    ///
    /// `Corrupt` when they are not one; `Newer` when its version is not known.
    pub fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let (magic, rest) = bytes.split_at_checked(MAGIC.len()).ok_or_else(damaged)?;
        let (name, version) = magic.split_at(MAGIC.len() - 1);
        let (name_known, version_known) = MAGIC.split_at(MAGIC.len() - 1);
        if name != name_known || version < version_known {
            return Err(damaged());
        }
        if version != version_known {
            let number = |version: &[u8]| version.first().copied().map_or(0, u32::from);
            return Err(StoreError::Newer { found: number(version), known: number(version_known) });
        }
        match rest.split_first() {
            Some((&KIND_PLAIN, key)) => {
                Ok(Self::Plain(DatabaseKey(key.try_into().map_err(|_| damaged())?)))
            }
            Some((&KIND_PASSPHRASE, rest)) => {
                let (stretch, salt) = decode_costs(rest)?;
                Ok(Self::Passphrase { stretch, salt: salt.try_into().map_err(|_| damaged())? })
            }
            Some((&KIND_WRAPPED, rest)) => Self::decode_wrapped(rest),
            _ => Err(damaged()),
        }
    }

    fn decode_wrapped(bytes: &[u8]) -> Result<Self, StoreError> {
        let (stretch, rest) = decode_costs(bytes)?;
        let (salt, sealed) = rest.split_at_checked(SALT_BYTES).ok_or_else(damaged)?;
        Ok(Self::Wrapped {
            stretch,
            salt: salt.try_into().map_err(|_| damaged())?,
            sealed: sealed.try_into().map_err(|_| damaged())?,
        })
    }

    /// A key, wrapped with a passphrase.
    ///
    /// # Errors
    ///
    /// `PassphraseNeeded` for an empty passphrase; `Bug` when the machine cannot stretch it.
    pub fn wrap(
        key: &DatabaseKey,
        passphrase: &str,
        stretch: Stretch,
        random: &mut dyn Random,
    ) -> Result<Self, StoreError> {
        if passphrase.is_empty() {
            return Err(StoreError::PassphraseNeeded);
        }
        let mut salt = [0; SALT_BYTES];
        random.fill(&mut salt);
        let wrapping = stretched(passphrase, stretch, &salt)?;
        let cipher = ChaCha20Poly1305::new(Key::from_slice(&wrapping.0));
        let mut sealed = [0; KEY_BYTES + TAG_BYTES];
        let (place, tag) = sealed.split_at_mut(KEY_BYTES);
        place.copy_from_slice(&key.0);
        let made = cipher
            .encrypt_in_place_detached(&Nonce::default(), &costs(stretch, &salt), place)
            .map_err(|error| StoreError::Bug(format!("wrapping a key: {error}")))?;
        tag.copy_from_slice(&made);
        Ok(Self::Wrapped { stretch, salt, sealed })
    }

    /// Another key file for the same key: behind the passphrase `next`, or behind none.
    ///
    /// # Errors
    ///
    /// As [`Self::unlock`] and [`Self::wrap`]; what wraps the key by itself tells a wrong passphrase.
    pub fn changed(
        &self,
        (current, next): (Option<&str>, Option<&str>),
        stretch: Stretch,
        random: &mut dyn Random,
    ) -> Result<Self, StoreError> {
        let key = self.unlock(current)?;
        match next {
            None => Ok(Self::Plain(key)),
            Some(next) => Self::wrap(&key, next, stretch, random),
        }
    }

    /// Whether a passphrase opens it.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// The bytes of the key file.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAGIC.len() + 1 + KEY_BYTES));
        bytes.extend_from_slice(MAGIC);
        match self {
            Self::Plain(key) => {
                bytes.push(KIND_PLAIN);
                bytes.extend_from_slice(&key.0);
            }
            Self::Passphrase { stretch, salt } => {
                bytes.push(KIND_PASSPHRASE);
                bytes.extend_from_slice(&stretch.encode());
                bytes.extend_from_slice(salt);
            }
            Self::Wrapped { stretch, salt, sealed } => {
                *bytes = costs(*stretch, salt);
                bytes.extend_from_slice(sealed);
            }
        }
        bytes
    }

    /// The key, from the file alone or with the passphrase. Where the key follows from the passphrase, a wrong one
    /// gives a wrong key, which [`crate::Store::open`] refuses.
    ///
    /// # Errors
    ///
    /// `PassphraseNeeded` or `PassphraseUnexpected` when there is one too few or too many; `WrongKey` where the
    /// key is wrapped with another; `Bug` when the machine cannot stretch it.
    pub fn unlock(&self, passphrase: Option<&str>) -> Result<DatabaseKey, StoreError> {
        match (self, passphrase) {
            (Self::Plain(key), None) => Ok(key.clone()),
            (Self::Plain(_), Some(_)) => Err(StoreError::PassphraseUnexpected),
            (Self::Passphrase { .. } | Self::Wrapped { .. }, None | Some("")) => {
                Err(StoreError::PassphraseNeeded)
            }
            (Self::Passphrase { stretch, salt }, Some(passphrase)) => {
                stretched(passphrase, *stretch, salt)
            }
            (Self::Wrapped { stretch, salt, sealed }, Some(passphrase)) => {
                let wrapping = stretched(passphrase, *stretch, salt)?;
                let cipher = ChaCha20Poly1305::new(Key::from_slice(&wrapping.0));
                let (sealed, tag) = sealed.split_at(KEY_BYTES);
                let mut key = DatabaseKey([0; KEY_BYTES]);
                key.0.copy_from_slice(sealed);
                cipher
                    .decrypt_in_place_detached(
                        &Nonce::default(),
                        &costs(*stretch, salt),
                        &mut key.0,
                        Tag::from_slice(tag),
                    )
                    .map_err(|_| StoreError::WrongKey)?;
                Ok(key)
            }
        }
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => formatter.write_str("KeyFile::Plain(…)"),
            Self::Passphrase { stretch, .. } => {
                formatter.debug_struct("KeyFile::Passphrase").field("stretch", stretch).finish()
            }
            Self::Wrapped { stretch, .. } => {
                formatter.debug_struct("KeyFile::Wrapped").field("stretch", stretch).finish()
            }
        }
    }
}

/// What a key file says of the costs, and what follows.
fn decode_costs(bytes: &[u8]) -> Result<(Stretch, &[u8]), StoreError> {
    let (costs, rest) = bytes.split_at_checked(12).ok_or_else(damaged)?;
    let mut numbers = costs
        .chunks_exact(4)
        .filter_map(|number| Some(u32::from_be_bytes(number.try_into().ok()?)));
    let mut number = || numbers.next().ok_or_else(damaged);
    let stretch = Stretch { memory_kib: number()?, passes: number()?, lanes: number()? };
    stretch.params().ok_or_else(damaged)?;
    Ok((stretch, rest))
}

/// What a passphrase stretches to.
fn stretched(
    passphrase: &str,
    stretch: Stretch,
    salt: &[u8; SALT_BYTES],
) -> Result<DatabaseKey, StoreError> {
    let params = stretch.params().ok_or_else(damaged)?;
    let mut key = DatabaseKey([0; KEY_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut key.0)
        .map_err(|error| StoreError::Bug(format!("stretching: {error}")))?;
    Ok(key)
}

/// The bytes of a key file in front of a wrapped key.
fn costs(stretch: Stretch, salt: &[u8; SALT_BYTES]) -> Vec<u8> {
    [&MAGIC[..], &[KIND_WRAPPED], &stretch.encode(), salt].concat()
}

fn damaged() -> StoreError {
    StoreError::Corrupt("the key file is not one".to_owned())
}
