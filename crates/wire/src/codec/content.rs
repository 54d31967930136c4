//! Message content as MIMI content (draft-ietf-mimi-content-08) in CBOR.
//!
//! ```text
//! mimiContent = [salt, replaces, topicId, expires, inReplyTo, extensions, nestedPart]
//! NestedPart  = [disposition, language, cardinality, ...]
//! ```

mod read;
mod write;

pub(crate) use read::decode_content;
pub(crate) use write::encode_content;

const TEXT_TYPE: &str = "text/plain;charset=utf-8";
/// draft-mahy-mimi-message-status-01.
const STATUS_TYPE: &str = "application/mimi-message-status";
const NOTE_TYPE: &str = "application/veche-note+cbor";

const SENT_AT: &str = "veche.sent_at";
const MENTIONS: &str = "veche.mentions";
const BLOB_SIZE: &str = "veche.blob_size";
const DISPLAY_NAME: &str = "veche.display_name";
const BLOB_URL: &str = "veche:blob/";

/// Dispositions (draft-ietf-mimi-content).
mod disposition {
    pub(super) const UNSPECIFIED: u64 = 0;
    pub(super) const RENDER: u64 = 1;
    pub(super) const REACTION: u64 = 2;
    pub(super) const ATTACHMENT: u64 = 6;
}

/// Cardinalities (draft-ietf-mimi-content).
mod cardinality {
    pub(super) const NULL: u64 = 0;
    pub(super) const SINGLE: u64 = 1;
    pub(super) const EXTERNAL: u64 = 2;
    pub(super) const MULTI: u64 = 3;
}

/// Items of each `NestedPart` by its cardinality.
mod length {
    pub(super) const NULL: u64 = 3;
    pub(super) const SINGLE: u64 = 5;
    pub(super) const EXTERNAL: u64 = 15;
    pub(super) const MULTI: u64 = 5;
}

/// `partSemantics`: every part is shown.
const PROCESS_ALL: u64 = 2;
/// `encAlg`: chunks sealed as docs/protocol.md, "Files", says. From the range that IANA's registry
/// of AEAD algorithms leaves to private use, because it is more than one of those.
const ALGORITHM_CHUNKS: u64 = 0x8001;
/// `hashAlg`: SHA-256 (IANA, Named Information Hash Algorithms).
const ALGORITHM_SHA256: u64 = 1;
/// The status "read" of a message.
const STATUS_READ: u64 = 2;

/// Notes: `[version, kind, ...]`.
const NOTE_VERSION: u64 = 1;
const NOTE_JOINED: u64 = 1;
const NOTE_ADMIN_KEY: u64 = 2;
const NOTE_UNREAD: u64 = 3;
const NOTE_DECLINED: u64 = 4;
