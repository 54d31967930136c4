//! Files: sealed in chunks, read in any order (docs/protocol.md, "Files").
//!
//! STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance", 2015) over XChaCha20-Poly1305: the nonce of a chunk is
//! `prefix (19) ‖ index (4, big-endian) ‖ last (1)`. Key and prefix derive from the file's key.
//! The plaintext is the file, then zeros up to its padded length, cut into chunks of 64 KiB.

use std::ops::Range;

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use veche_wire::content::FileKey;
use veche_wire::padding;
use zeroize::Zeroizing;

use crate::seal::derive;

/// The plaintext of every chunk but the last, in bytes.
pub const CHUNK_BYTES: usize = 64 << 10;
/// What sealing adds to a chunk, in bytes.
pub const TAG_BYTES: usize = 16;
/// A sealed chunk that is not the last, in bytes.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// The chunk was not sealed under this key at this place, or the file has no such chunk. The caller
/// shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part of the file is damaged or does not belong to it")]
pub struct FileError;

/// How many chunks a file of `size` bytes has: at least 1.
#[must_use]
pub fn chunk_count(size: u64) -> u64 {
    padded_size(size).div_ceil(CHUNK_BYTES as u64)
}

/// The size of the blob for a file of `size` bytes.
#[must_use]
pub fn sealed_size(size: u64) -> u64 {
    padded_size(size) + chunk_count(size) * TAG_BYTES as u64
}

/// The bytes of the file that lie in chunk `index`; empty where the chunk is only padding.
#[must_use]
pub fn plain_range(size: u64, index: u64) -> Range<u64> {
    let chunk = CHUNK_BYTES as u64;
    let start = index.saturating_mul(chunk).min(size);
    start..index.saturating_add(1).saturating_mul(chunk).min(size)
}

/// Where chunk `index` lies in the blob.
#[must_use]
pub fn sealed_range(size: u64, index: u64) -> Range<u64> {
    let chunk = SEALED_CHUNK_BYTES as u64;
    let whole = sealed_size(size);
    index.saturating_mul(chunk).min(whole)..index.saturating_add(1).saturating_mul(chunk).min(whole)
}

fn padded_size(size: u64) -> u64 {
    usize::try_from(size).map_or(size, |size| padding::padded_length(size) as u64)
}

/// Key, nonces and the cut of one file.
struct Stream {
    cipher: XChaCha20Poly1305,
    prefix: [u8; 19],
    size: u64,
}

impl Stream {
    fn new(key: &FileKey, size: u64) -> Self {
        let cipher_key = derive::<32>(&key.0, &[b"veche file key v1"]);
        let prefix = derive::<19>(&key.0, &[b"veche file nonce v1"]);
        Self { cipher: XChaCha20Poly1305::new((&*cipher_key).into()), prefix: *prefix, size }
    }

    fn nonce(&self, index: u64) -> Result<[u8; 24], FileError> {
        let count = chunk_count(self.size);
        let number = u32::try_from(index).map_err(|_| FileError)?;
        if index >= count {
            return Err(FileError);
        }
        let mut nonce = [0; 24];
        nonce[..19].copy_from_slice(&self.prefix);
        nonce[19..23].copy_from_slice(&number.to_be_bytes());
        nonce[23] = u8::from(index + 1 == count);
        Ok(nonce)
    }

    fn padded_length(&self, index: u64) -> usize {
        let chunk = CHUNK_BYTES as u64;
        let left = padded_size(self.size).saturating_sub(index.saturating_mul(chunk)).min(chunk);
        usize::try_from(left).unwrap_or(CHUNK_BYTES)
    }
}

/// Seals a file of known size, chunk by chunk; memory stays flat.
pub struct FileSealer {
    stream: Stream,
    next: u64,
}

impl FileSealer {
    /// For a file of `size` bytes under a fresh `key`, which must seal no other file.
    #[must_use]
    pub fn new(key: &FileKey, size: u64) -> Self {
        Self { stream: Stream::new(key, size), next: 0 }
    }

    /// The bytes of the file that the next chunk takes; `None` where all are sealed.
    #[must_use]
    pub fn next_range(&self) -> Option<Range<u64>> {
        (self.next < chunk_count(self.stream.size))
            .then(|| plain_range(self.stream.size, self.next))
    }

    /// Seals the next chunk: exactly the bytes of [`FileSealer::next_range`].
    ///
    /// # Errors
    /// Where `plain` has another length, or all chunks are sealed.
    pub fn seal_chunk(&mut self, plain: &[u8]) -> Result<Vec<u8>, FileError> {
        let range = self.next_range().ok_or(FileError)?;
        if plain.len() as u64 != range.end - range.start {
            return Err(FileError);
        }
        let mut padded = Zeroizing::new(plain.to_vec());
        padded.resize(self.stream.padded_length(self.next), 0);
        let nonce = self.stream.nonce(self.next)?;
        let sealed = self
            .stream
            .cipher
            .encrypt(XNonce::from_slice(&nonce), padded.as_slice())
            .map_err(|_| FileError)?;
        self.next += 1;
        Ok(sealed)
    }
}

impl std::fmt::Debug for FileSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileSealer({} bytes, chunk {})", self.stream.size, self.next)
    }
}

/// Opens the chunks of a file in any order.
pub struct FileOpener {
    stream: Stream,
}

impl FileOpener {
    /// For a file of `size` bytes under `key`.
    #[must_use]
    pub fn new(key: &FileKey, size: u64) -> Self {
        Self { stream: Stream::new(key, size) }
    }

    /// Opens chunk `index`: the bytes of [`plain_range`].
    ///
    /// # Errors
    /// Where the chunk was not sealed under this key at this place.
    pub fn open_chunk(&self, index: u64, sealed: &[u8]) -> Result<Vec<u8>, FileError> {
        let nonce = self.stream.nonce(index)?;
        let mut plain = self
            .stream
            .cipher
            .decrypt(XNonce::from_slice(&nonce), sealed)
            .map_err(|_| FileError)?;
        if plain.len() != self.stream.padded_length(index) {
            return Err(FileError);
        }
        let range = plain_range(self.stream.size, index);
        plain.truncate(usize::try_from(range.end - range.start).map_err(|_| FileError)?);
        Ok(plain)
    }
}

impl std::fmt::Debug for FileOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileOpener({} bytes)", self.stream.size)
    }
}
