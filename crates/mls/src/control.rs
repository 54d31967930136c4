//! What is said in control entries: signed requests that need no epoch (docs/protocol.md, rules 7,
//! 9).

use openmls::prelude::{LeafNode, LeafNodeIndex};
use tls_codec::Serialize;
use veche_wire::{AccountId, DecodeError, DeviceId, LogId, limits};

use crate::cbor::{Reader, Writer};
use crate::group::Group;
use crate::identity::{AccountKey, Identity};
use crate::seal::sha256;
use crate::signatures::verify_signature;

const VERSION: u32 = 1;

/// A control entry, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// A device wants to be removed.
    Leave(LeaveRequest),
    /// A device wants to be added again.
    Readmit(ReadmitRequest),
}

impl Control {
    /// Writes it (CBOR array: version, kind, body).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Leave(request) => (1, request.encode()),
            Self::Readmit(request) => (2, request.encode()),
        };
        let mut out = Writer::new(VERSION, 2);
        out.number(kind).bytes(&body);
        out.finish()
    }

    /// Reads it. No signature is checked here.
    ///
    /// # Errors
    /// Where the bytes are not a control entry of this version, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "control entry", VERSION, 2)?;
        let kind = input.number()?;
        let body = input.bytes()?;
        let control = match kind {
            1 => Self::Leave(LeaveRequest::decode(body)?),
            2 => Self::Readmit(ReadmitRequest::decode(body)?),
            _ => return Err(input.malformed()),
        };
        input.finish()?;
        Ok(control)
    }
}

/// A device asks to be removed; any member may turn it into a Remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveRequest {
    /// The log.
    pub log: LogId,
    /// The device that leaves.
    pub device: DeviceId,
    /// SHA-256 of its leaf's encryption key; of those that the leaf had before the device's latest
    /// commits, in case the log loses these; and of that which it gets where it has asked to be added
    /// again and the answer is on its way. 1 to [`LEAF_KEYS_MAX`]. A request does not outlive these leaves,
    /// so it cannot be used again after the device came in again.
    pub leaf_keys: Vec<[u8; 32]>,
    /// Ed25519 by the device over the label, log, device and hashes.
    pub signature: [u8; 64],
}

/// How many keys of its leaf a request to leave names at most.
pub const LEAF_KEYS_MAX: usize = 8;

impl LeaveRequest {
    fn signed_bytes(&self) -> Vec<u8> {
        signed_bytes(
            b"veche leave v1\0",
            &self.log,
            &[self.device.as_bytes(), &self.leaf_keys.concat()],
        )
    }

    /// Writes it (CBOR array, version first).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 4);
        out.bytes(self.log.as_bytes())
            .bytes(self.device.as_bytes())
            .bytes(&self.leaf_keys.concat())
            .bytes(&self.signature);
        out.finish()
    }

    /// Reads it. The signature is not checked here.
    ///
    /// # Errors
    /// Where the bytes are not a leave request of this version, or name too many keys or none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "leave request", VERSION, 4)?;
        let (log, device) = (LogId(input.array()?), DeviceId(input.array()?));
        let (leaf_keys, rest) = input.bytes()?.as_chunks();
        let request =
            Self { log, device, leaf_keys: leaf_keys.to_vec(), signature: input.array()? };
        if !rest.is_empty() || !(1..=LEAF_KEYS_MAX).contains(&request.leaf_keys.len()) {
            return Err(input.malformed());
        }
        input.finish()?;
        Ok(request)
    }
}

/// An account takes a device's right to speak for it away: with this proof any member may remove the
/// device (docs/protocol.md, "Judging a commit"). It holds for good and in every log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The account.
    pub account: AccountId,
    /// Its device.
    pub device: DeviceId,
    /// Ed25519 by the account over the label, account and device.
    pub signature: [u8; 64],
}

impl Revocation {
    /// Signed by the account's root key.
    #[must_use]
    pub fn new(key: &AccountKey, device: DeviceId) -> Self {
        let mut revocation = Self { account: key.account(), device, signature: [0; 64] };
        revocation.signature = key.sign(&revocation.signed_bytes());
        revocation
    }

    /// Whether the account named in it signed it.
    #[must_use]
    pub fn verify(&self) -> bool {
        verify_signature(self.account.as_bytes(), &self.signed_bytes(), &self.signature)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let label: &[u8] = b"veche revocation v1\0";
        [label, self.account.as_bytes(), self.device.as_bytes()].concat()
    }

    /// Writes it (CBOR array, version first).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 3);
        out.bytes(self.account.as_bytes()).bytes(self.device.as_bytes()).bytes(&self.signature);
        out.finish()
    }

    /// Reads it. The signature is not checked here.
    ///
    /// # Errors
    /// Where the bytes are not a revocation of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "revocation", VERSION, 3)?;
        let revocation = Self {
            account: AccountId(input.array()?),
            device: DeviceId(input.array()?),
            signature: input.array()?,
        };
        input.finish()?;
        Ok(revocation)
    }
}

/// A device asks to be added again: stuck, reinstalled, or too far behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadmitRequest {
    /// The log.
    pub log: LogId,
    /// The device that asks.
    pub device: DeviceId,
    /// A fresh KeyPackage of it.
    pub key_package: Vec<u8>,
    /// The public key of its inbox, so that whoever answers can write to it.
    pub inbox_key: Vec<u8>,
    /// Ed25519 by the device over the label, log, device, SHA-256 of the KeyPackage and of the inbox key.
    pub signature: [u8; 64],
}

impl ReadmitRequest {
    /// A signed request of `identity`.
    #[must_use]
    pub fn new(identity: &Identity, log: LogId, key_package: Vec<u8>) -> Self {
        let device = identity.device();
        let inbox_key = identity.record().inbox_key;
        let mut request = Self { log, device, key_package, inbox_key, signature: [0; 64] };
        request.signature = identity.sign(&request.signed_bytes());
        request
    }

    /// Whether the device named in it signed it. The KeyPackage is checked by
    /// [`crate::check_key_package`].
    #[must_use]
    pub fn verify(&self) -> bool {
        verify_signature(self.device.as_bytes(), &self.signed_bytes(), &self.signature)
    }

    /// What an answer names it by: SHA-256 of its signature.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256(&[&self.signature])
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let package = sha256(&[&self.key_package]);
        let inbox = sha256(&[&self.inbox_key]);
        signed_bytes(b"veche readmit v1\0", &self.log, &[self.device.as_bytes(), &package, &inbox])
    }

    /// Writes it (CBOR array, version first).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 5);
        out.bytes(self.log.as_bytes())
            .bytes(self.device.as_bytes())
            .bytes(&self.key_package)
            .bytes(&self.inbox_key)
            .bytes(&self.signature);
        out.finish()
    }

    /// Reads it. No signature is checked here.
    ///
    /// # Errors
    /// Where the bytes are not a request of this version, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "readmission request", VERSION, 5)?;
        let request = Self {
            log: LogId(input.array()?),
            device: DeviceId(input.array()?),
            key_package: input.bytes()?.to_vec(),
            inbox_key: input.bytes()?.to_vec(),
            signature: input.array()?,
        };
        input.finish()?;
        if request.key_package.len() > limits::KEY_PACKAGE_BYTES_MAX {
            let limit = limits::KEY_PACKAGE_BYTES_MAX;
            return Err(DecodeError::TooLarge { what: "KeyPackage", limit });
        }
        if request.inbox_key.len() > limits::INBOX_KEY_BYTES_MAX {
            let limit = limits::INBOX_KEY_BYTES_MAX;
            return Err(DecodeError::TooLarge { what: "inbox key", limit });
        }
        Ok(request)
    }
}

fn signed_bytes(label: &[u8], log: &LogId, parts: &[&[u8]]) -> Vec<u8> {
    [&[label, log.as_bytes()], parts].concat().concat()
}

impl Group {
    /// A signed request that this device be removed, also from where its leaf has one of the `earlier`
    /// keys (the latest first; those beyond [`LEAF_KEYS_MAX`] are left out). `None` where it is not
    /// inside any more.
    #[must_use]
    pub fn leave_request(&self, identity: &Identity, earlier: &[[u8; 32]]) -> Option<LeaveRequest> {
        let mut leaf_keys = vec![self.own_leaf_key()?];
        leaf_keys.extend(earlier.iter().take(LEAF_KEYS_MAX - 1));
        let device = identity.device();
        let mut request = LeaveRequest { log: self.log(), device, leaf_keys, signature: [0; 64] };
        request.signature = identity.sign(&request.signed_bytes());
        Some(request)
    }

    /// The leaf that the request asks to remove; `None` where it is not a valid request of a leaf
    /// that is inside now.
    #[must_use]
    pub fn verify_leave(&self, request: &LeaveRequest) -> Option<u32> {
        let member = self.member_of_device(&request.device)?;
        let valid = request.log == self.log()
            && request.leaf_keys.contains(&self.leaf_key(member.leaf)?)
            && verify_signature(
                request.device.as_bytes(),
                &request.signed_bytes(),
                &request.signature,
            );
        valid.then_some(member.leaf)
    }

    /// The leaf that the account takes back; `None` where it is not a valid revocation of a device
    /// that is inside now.
    #[must_use]
    pub fn verify_revocation(&self, revocation: &Revocation) -> Option<u32> {
        let member = self.member_of_device(&revocation.device)?;
        let account = member.credential.certificate.account;
        (account == revocation.account && revocation.verify()).then_some(member.leaf)
    }

    /// SHA-256 of the encryption key of this device's leaf; `None` where it is not inside any more.
    #[must_use]
    pub fn own_leaf_key(&self) -> Option<[u8; 32]> {
        self.leaf_key(self.own_leaf())
    }

    fn leaf_key(&self, leaf: u32) -> Option<[u8; 32]> {
        leaf_key(self.mls.public_group().leaf(LeafNodeIndex::new(leaf))?)
    }
}

/// SHA-256 of a leaf's encryption key.
pub(crate) fn leaf_key(leaf: &LeafNode) -> Option<[u8; 32]> {
    // HPKEPublicKey as RFC 9420 writes it: with its length in front.
    Some(sha256(&[&leaf.encryption_key().tls_serialize_detached().ok()?]))
}
