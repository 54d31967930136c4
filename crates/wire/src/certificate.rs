//! Who a device speaks for: bytes that server and members judge alike (docs/protocol.md,
//! "Certificates and credentials").

use crate::{AccountId, DecodeError, DeviceId, codec};

/// An account's word that a device speaks for it. No expiry; revocations do the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The account: the public key that signs.
    pub account: AccountId,
    /// The device's Ed25519 key, also its MLS signature key.
    pub device: DeviceId,
    /// SHA-256 of the HPKE public key of the device's inbox. The key itself (1.2 kB) is in the
    /// [`DeviceRecord`], so that a group's tree of thousands of certificates stays small.
    pub inbox_key_hash: [u8; 32],
    /// The MLS cipher suite whose HPKE seals envelopes to the inbox.
    pub inbox_suite: u16,
    /// Public key with which this device may certify others, where it may.
    pub link_key: Option<[u8; 32]>,
    /// Ed25519 by the account over [`Certificate::signed_bytes`].
    pub signature: [u8; 64],
}

impl Certificate {
    /// The bytes that the account signs: a label and every field but the signature.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        codec::certificate_signed_bytes(self)
    }

    /// Writes the certificate (CBOR).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_certificate(self)
    }

    /// Reads a certificate. The signature is not checked here.
    ///
    /// # Errors
    /// Where the bytes are not a certificate of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_certificate(bytes)
    }
}

/// A device as the directory keeps it: what a group's leaves carry, and the key that only who writes
/// to the inbox needs. Whoever uses the key checks that its SHA-256 is `inbox_key_hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Who the device speaks for.
    pub certificate: Certificate,
    /// HPKE public key of the inbox, for the suite `certificate.inbox_suite`.
    pub inbox_key: Vec<u8>,
}

impl DeviceRecord {
    /// Writes the record (CBOR).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_device_record(self)
    }

    /// Reads a record. Neither signature nor hash is checked here.
    ///
    /// # Errors
    /// Where the bytes are not a record of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_device_record(bytes)
    }
}

/// The directory's word that a username belongs to an account. Never reassigned, so no expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameBinding {
    /// The username.
    pub username: String,
    /// Its account.
    pub account: AccountId,
    /// Ed25519 by the server's directory key over [`NameBinding::signed_bytes`].
    pub signature: [u8; 64],
}

impl NameBinding {
    /// The bytes that the directory key signs.
    #[must_use]
    pub fn signed_bytes(username: &str, account: &AccountId) -> Vec<u8> {
        let mut out = b"veche name v1\0".to_vec();
        out.extend(account.as_bytes());
        out.extend(username.as_bytes());
        out
    }
}

/// What a leaf of an MLS group carries as its credential (custom credential type, see
/// docs/protocol.md): the certificate, and the account's username where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Who the device speaks for.
    pub certificate: Certificate,
    /// The account's name, for people's eyes. Takes no part in any verdict.
    pub name: Option<NameBinding>,
}

impl Credential {
    /// Writes the credential (CBOR).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_credential(self)
    }

    /// Reads a credential. No signature is checked here.
    ///
    /// # Errors
    /// Where the bytes are not a credential of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_credential(bytes)
    }
}

/// Whether `name` can be a username: `limits::USERNAME_MIN` to `USERNAME_MAX` of `a-z0-9_`.
#[must_use]
pub fn is_username(name: &str) -> bool {
    (crate::limits::USERNAME_MIN..=crate::limits::USERNAME_MAX).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}
