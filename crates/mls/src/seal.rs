//! The few primitives that the other modules share, each in one place.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use veche_wire::{Random, padding};
use zeroize::Zeroizing;

/// Length of the random nonce in front of what [`seal_padded`] returns, in bytes.
pub(crate) const NONCE_BYTES: usize = 24;

/// 32 secret bytes: compared in constant time, wiped when dropped, and printed as an ellipsis.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    pub(crate) fn generate(random: &mut dyn Random) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill(secret.as_mut_slice());
        Self(secret)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Secret {
    fn from(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<Zeroizing<[u8; 32]>> for Secret {
    fn from(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for Secret {}

/// SHA-256 of the concatenated `parts`.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// HKDF-SHA256 without salt (RFC 5869); the concatenated `info` names what the key is for.
pub(crate) fn derive<const N: usize>(secret: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::new(None, secret)
        .expand_multi_info(info, out.as_mut_slice())
        .expect("at most 255 hash lengths are asked for");
    out
}

/// `nonce (24) ‖ XChaCha20-Poly1305(plaintext padded)`, the nonce random.
pub(crate) fn seal_padded(
    key: &[u8; 32],
    random: &mut dyn Random,
    data: &[u8],
    plaintext: &[u8],
) -> Vec<u8> {
    let mut out = vec![0; NONCE_BYTES];
    random.fill(&mut out);
    let mut padded =
        Zeroizing::new(Vec::with_capacity(padding::padded_length(plaintext.len() + 1)));
    padded.extend_from_slice(plaintext);
    padding::pad(&mut padded);
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&out), Payload { msg: &padded, aad: data })
        .expect("an entry is far below the cipher's limit of 256 GiB");
    out.extend_from_slice(&sealed);
    out
}

/// What [`seal_padded`] was given, or `None` where anything was changed.
pub(crate) fn open_padded(key: &[u8; 32], data: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
    let mut padded = XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: ciphertext, aad: data })
        .ok()?;
    let length = padding::unpad(&padded)?.len();
    padded.truncate(length);
    Some(padded)
}
