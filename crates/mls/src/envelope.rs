//! What is put into inboxes: sealed to a device, signed inside by a device (docs/protocol.md, rule
//! 13).

use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::HpkeCiphertext;
use veche_wire::content::DisplayName;
use veche_wire::{
    BlobId, Credential, DecodeError, DeviceId, DeviceRecord, EntryId, LogId, Random, Seq, limits,
    padding,
};
use zeroize::Zeroizing;

use crate::cbor::{Reader, Writer};
use crate::control::{LeaveRequest, ReadmitRequest};
use crate::engine::{Engine, Suite};
use crate::identity::{Identity, verify_certificate};
use crate::policy::ChatKind;
use crate::seal::sha256;
use crate::seal::{open_padded, seal_padded};
use crate::signatures::verify_signature;
use crate::tokens::GenerationSecret;

const VERSION: u32 = 1;
const INFO: &[u8] = b"veche envelope v1\0";

/// Why an envelope could not be opened or sealed: the caller drops it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It is not sealed to this device, or was changed.
    #[error("the envelope is not for this device, or is damaged")]
    NotForThisDevice,
    /// What is inside is not signed by the device it names, or that device is not certified.
    #[error("the envelope is not signed by its sender")]
    Sender,
    /// What is inside is malformed.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The recipient's certificate has an inbox key that cannot be sealed to.
    #[error("the recipient's inbox key is not usable")]
    Recipient,
    /// It would be larger than an inbox takes.
    #[error("the envelope is too large")]
    TooLarge,
}

/// What an envelope says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Envelope {
    /// A device was added to a log.
    Invitation(Box<Invitation>),
    /// A device asks to be added again, where its token is not accepted any more (docs/protocol.md,
    /// rule 7).
    Readmit(ReadmitRequest),
    /// The answer to such a request where the device is no member any more.
    Gone(Gone),
    /// A device asked in the log to be removed, which was lost with a restored server, and its token is
    /// not accepted any more (docs/protocol.md, rule 9).
    Leave(LeaveRequest),
    /// A chat goes on in another log, into which a device was added (docs/protocol.md, rule 10).
    Successor {
        /// The log that ends; what the policy of the new one names, too.
        predecessor: LogId,
        /// The way into the new one.
        invitation: Box<Invitation>,
    },
    /// The answer to that of a device that has left the chat: it does not take its place in this log.
    Declined(LogId),
}

/// A device that asked to be added again has been removed meanwhile. Its sender is who signed the
/// envelope; whether they may say so is for the reader to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// The log.
    pub log: LogId,
    /// Which request is answered ([`ReadmitRequest::hash`]): an answer is worth nothing for another.
    pub request: [u8; 32],
}

impl Gone {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 2);
        out.bytes(self.log.as_bytes()).bytes(&self.request);
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "answer to a request", VERSION, 2)?;
        let gone = Self { log: LogId(input.array()?), request: input.array()? };
        input.finish()?;
        Ok(gone)
    }
}

/// All that a joiner needs to come in. Its sender is who signed the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The log.
    pub log: LogId,
    /// The group's cipher suite.
    pub suite: Suite,
    /// What the chat is, for the eyes of who decides; the policy inside the group is what counts.
    pub kind: ChatKind,
    /// The title, for the eyes of who decides.
    pub title: String,
    /// The Welcome (MLSMessage), with this joiner's secrets only.
    pub welcome: Vec<u8>,
    /// The ratchet tree after the adding commit.
    pub tree: BlobRef,
    /// The adding commit's entry.
    pub commit: EntryId,
    /// Its place in the log: the joiner reads from here.
    pub commit_seq: Seq,
    /// The transcript hash after it.
    pub transcript: [u8; 32],
    /// The membership generation after it.
    pub generation: u64,
    /// That generation's secret.
    pub generation_secret: GenerationSecret,
    /// What the sender wants to be called, for the eyes of who decides.
    pub display_name: Option<DisplayName>,
}

/// A sealed blob: where it lies and how it is opened.
#[derive(Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// Its id, which is the right to read it.
    pub blob: BlobId,
    /// Its key.
    pub key: [u8; 32],
    /// Its size, in bytes.
    pub size: u64,
    /// SHA-256 of the sealed bytes.
    pub sha256: [u8; 32],
}

impl std::fmt::Debug for BlobRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlobRef({} bytes)", self.size)
    }
}

impl Invitation {
    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 16);
        out.bytes(self.log.as_bytes())
            .number(self.suite.number().into())
            .number(self.kind as u64)
            .text(&self.title)
            .bytes(&self.welcome)
            .bytes(self.tree.blob.as_bytes())
            .bytes(&self.tree.key)
            .number(self.tree.size)
            .bytes(&self.tree.sha256)
            .bytes(self.commit.as_bytes())
            .number(self.commit_seq)
            .bytes(&self.transcript)
            .number(self.generation)
            .bytes(self.generation_secret.as_bytes());
        let name = self.display_name.as_ref();
        out.number(name.map_or(0, |name| name.since)).text(name.map_or("", |name| &name.text));
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "invitation", VERSION, 16)?;
        let invitation = Self {
            log: LogId(input.array()?),
            suite: u16::try_from(input.number()?)
                .ok()
                .and_then(Suite::from_number)
                .ok_or_else(|| input.malformed())?,
            kind: ChatKind::from_number(input.number()?).ok_or_else(|| input.malformed())?,
            title: input.text()?.to_owned(),
            welcome: input.bytes()?.to_vec(),
            tree: BlobRef {
                blob: BlobId(input.array()?),
                key: input.array()?,
                size: input.number()?,
                sha256: input.array()?,
            },
            commit: EntryId(input.array()?),
            commit_seq: input.number()?,
            transcript: input.array()?,
            generation: input.number()?,
            generation_secret: GenerationSecret::from_bytes(input.array()?),
            display_name: match (input.number()?, input.text()?) {
                (0, "") => None,
                (since, text) => Some(DisplayName::new(since, text)?),
            },
        };
        if invitation.title.len() > limits::TITLE_BYTES_MAX {
            return Err(input.malformed());
        }
        input.finish()?;
        Ok(invitation)
    }
}

impl Envelope {
    /// Writes what it says (CBOR array: version, kind, body), unsealed: for outbox rows.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (kind, body) = match self {
            Self::Invitation(invitation) => (1, invitation.encode()),
            Self::Readmit(request) => (2, request.encode()),
            Self::Gone(gone) => (3, gone.encode()),
            Self::Leave(request) => (4, request.encode()),
            Self::Successor { predecessor, invitation } => {
                let mut body = Writer::new(VERSION, 2);
                body.bytes(predecessor.as_bytes()).bytes(&invitation.encode());
                (5, body.finish())
            }
            Self::Declined(log) => {
                let mut body = Writer::new(VERSION, 1);
                body.bytes(log.as_bytes());
                (6, body.finish())
            }
        };
        let mut out = Writer::new(VERSION, 2);
        out.number(kind).bytes(&body);
        out.finish()
    }

    /// Reads what [`Envelope::encode`] wrote.
    ///
    /// # Errors
    /// Where the bytes are not an envelope's content of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "envelope", VERSION, 2)?;
        let kind = input.number()?;
        let body = input.bytes()?;
        let envelope = match kind {
            1 => Self::Invitation(Box::new(Invitation::decode(body)?)),
            2 => Self::Readmit(ReadmitRequest::decode(body)?),
            3 => Self::Gone(Gone::decode(body)?),
            4 => Self::Leave(LeaveRequest::decode(body)?),
            5 => {
                let mut body = Reader::new(body, "successor", VERSION, 2)?;
                let predecessor = LogId(body.array()?);
                let invitation = Box::new(Invitation::decode(body.bytes()?)?);
                body.finish()?;
                Self::Successor { predecessor, invitation }
            }
            6 => {
                let mut body = Reader::new(body, "declined invitation", VERSION, 1)?;
                let log = LogId(body.array()?);
                body.finish()?;
                Self::Declined(log)
            }
            _ => return Err(input.malformed()),
        };
        input.finish()?;
        Ok(envelope)
    }
}

/// Seals an envelope to a device: signed inside by `identity`'s device, padded, HPKE to the inbox
/// key of `recipient` (whose certificate the caller has verified).
///
/// # Errors
/// Where the recipient's key is not usable, or the envelope is too large for an inbox.
pub fn seal_envelope(
    engine: &Engine,
    identity: &Identity,
    recipient: &DeviceRecord,
    envelope: &Envelope,
) -> Result<Vec<u8>, EnvelopeError> {
    let certificate = &recipient.certificate;
    let suite = Suite::from_number(certificate.inbox_suite).ok_or(EnvelopeError::Recipient)?;
    if sha256(&[&recipient.inbox_key]) != certificate.inbox_key_hash {
        return Err(EnvelopeError::Recipient);
    }
    let body = envelope.encode();
    let signature = identity.sign(&signed_bytes(&certificate.device, &body));
    let mut inner = Writer::new(VERSION, 3);
    inner.bytes(&identity.credential.encode()).bytes(&body).bytes(&signature);
    let mut plaintext = Zeroizing::new(inner.finish());
    padding::pad(&mut plaintext);
    let sealed = engine
        .crypto()
        .hpke_seal(
            suite.mls().hpke_config(),
            &recipient.inbox_key,
            &info(&certificate.device),
            &[],
            &plaintext,
        )
        .map_err(|_| EnvelopeError::Recipient)?;
    let mut out = Writer::new(VERSION, 3);
    out.number(suite.number().into())
        .bytes(sealed.kem_output.as_slice())
        .bytes(sealed.ciphertext.as_slice());
    let out = out.finish();
    if out.len() > limits::INBOX_BYTES_MAX { Err(EnvelopeError::TooLarge) } else { Ok(out) }
}

/// Opens an envelope; returns its sender, whose certificate and signature were verified.
///
/// # Errors
/// See [`EnvelopeError`].
pub fn open_envelope(
    engine: &Engine,
    identity: &Identity,
    bytes: &[u8],
) -> Result<(Credential, Envelope), EnvelopeError> {
    if bytes.len() > limits::INBOX_BYTES_MAX {
        return Err(EnvelopeError::TooLarge);
    }
    let certificate = &identity.credential.certificate;
    let mut input = Reader::new(bytes, "envelope", VERSION, 3)?;
    let suite = u16::try_from(input.number()?).ok().and_then(Suite::from_number);
    let suite = suite
        .filter(|suite| suite.number() == certificate.inbox_suite)
        .ok_or(EnvelopeError::NotForThisDevice)?;
    let sealed = HpkeCiphertext {
        kem_output: input.bytes()?.to_vec().into(),
        ciphertext: input.bytes()?.to_vec().into(),
    };
    input.finish()?;
    let config = suite.mls().hpke_config();
    let info = info(&certificate.device);
    let plaintext = engine
        .crypto()
        .hpke_open(config, &sealed, identity.inbox_secret(), &info, &[])
        .map_err(|_| EnvelopeError::NotForThisDevice)?;
    let plaintext = Zeroizing::new(plaintext);
    let inner = padding::unpad(&plaintext).ok_or(EnvelopeError::NotForThisDevice)?;
    let mut input = Reader::new(inner, "envelope", VERSION, 3)?;
    let sender = Credential::decode(input.bytes()?)?;
    let body = input.bytes()?;
    let signature = input.array()?;
    input.finish()?;
    let signed = signed_bytes(&certificate.device, body);
    if !verify_certificate(&sender.certificate)
        || !verify_signature(sender.certificate.device.as_bytes(), &signed, &signature)
    {
        return Err(EnvelopeError::Sender);
    }
    Ok((sender, Envelope::decode(body)?))
}

fn info(device: &DeviceId) -> Vec<u8> {
    [INFO, device.as_bytes()].concat()
}

fn signed_bytes(recipient: &DeviceId, body: &[u8]) -> Vec<u8> {
    [b"veche envelope signature v1\0", &recipient.as_bytes()[..], body].concat()
}

const TREE_DATA: &[u8] = b"veche tree v1\0";

/// Seals a ratchet tree for a blob: a fresh key, and `nonce ‖ XChaCha20-Poly1305(tree padded)`.
pub fn seal_tree(random: &mut dyn Random, tree: &[u8]) -> ([u8; 32], Vec<u8>) {
    let mut key = [0; 32];
    random.fill(&mut key);
    let sealed = seal_padded(&key, random, TREE_DATA, tree);
    (key, sealed)
}

/// Opens what [`seal_tree`] sealed; `None` where it was changed or the key is another's.
#[must_use]
pub fn open_tree(key: &[u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
    open_padded(key, TREE_DATA, sealed)
}
