//! Frames: what a client asks, what the server answers, what it pushes (docs/protocol.md,
//! "Frames").
//!
//! The types here are what programs use; `codec` writes them as protobuf (`proto/veche.proto`).

use std::fmt;

use crate::{
    AccountId, AdminKey, Append, BlobId, DecodeError, DeviceId, DeviceRecord, Entry, EntryId,
    LogId, NameBinding, Seq, Token, TokenHash, TokenHashes, codec,
};

/// Chosen by the client, unique among its unanswered requests on one connection; never 0.
pub type RequestId = u64;

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFrame {
    /// Comes back in the answer.
    pub id: RequestId,
    /// What is asked.
    pub request: Request,
}

/// What the server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame {
    /// The answer to a request.
    Answer {
        /// Of the request.
        id: RequestId,
        /// What came of it.
        response: Response,
    },
    /// Something that a subscription brings. Carries nothing per subscriber.
    Push(Push),
}

impl ClientFrame {
    /// Writes the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_client_frame(self)
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// Where the bytes are not a frame of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_client_frame(bytes)
    }

    /// The id of a frame that [`ClientFrame::decode`] refuses, so that the refusal can name it;
    /// `None` where not even that can be read.
    #[must_use]
    pub fn id_of(bytes: &[u8]) -> Option<RequestId> {
        codec::client_frame_id(bytes)
    }
}

impl ServerFrame {
    /// Writes the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_server_frame(self)
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// Where the bytes are not a frame of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_server_frame(bytes)
    }
}

/// The right to do what strangers could abuse: an account, a log, a first contact, blob bytes, a
/// KeyPackage (docs/protocol.md, "The delivery service").
#[derive(Clone, PartialEq, Eq)]
pub enum Permit {
    /// Nothing but the limits of the operator.
    Open,
    /// A code that the operator gave out, at most `limits::INVITE_CODE_BYTES_MAX`. Cannot be printed.
    Invite(String),
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Invite(_) => "Invite(…)",
        })
    }
}

/// What entitles a client to put an envelope into a device's inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxPass {
    /// The secret of the contact's link.
    Invite(Token),
    /// A stranger's permit.
    Permit(Permit),
}

/// Whom a look-up is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// By username.
    Username(String),
    /// By account.
    Account(AccountId),
}

/// An envelope for an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whose inbox.
    pub device: DeviceId,
    /// Chosen by the sender; repeating it changes nothing.
    pub id: EntryId,
    /// The right to.
    pub pass: InboxPass,
    /// A blob that must be complete; checked, never stored.
    pub needs: Option<BlobId>,
    /// Sealed to the inbox key of the device (HPKE), padded.
    pub bytes: Vec<u8>,
}

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "the largest, `Append`, is also by far the most frequent: a box would cost more"
)]
pub enum Request {
    /// The first request of every connection.
    Hello {
        /// `limits::PROTOCOL_VERSION` of the client.
        version: u32,
    },
    /// Makes a log. Idempotent while the parameters are the same.
    Create {
        /// Chosen at random.
        log: LogId,
        /// The right to make logs.
        permit: Permit,
        /// Of generation 0.
        tokens: TokenHashes,
        /// Version 0 of the list.
        admins: Vec<AdminKey>,
    },
    /// Adds an entry.
    Append(Append),
    /// Reads entries with `seq > after`.
    Read {
        /// The log.
        log: LogId,
        /// A read token.
        token: Token,
        /// The reader's cursor.
        after: Seq,
        /// The id of the entry there, where the reader has it: another one tells that the server
        /// was restored from an older copy.
        after_id: Option<EntryId>,
        /// The most entries wanted.
        limit: u32,
    },
    /// Pushes all entries with `seq > after`, then live ones, without a gap. Replaces an earlier
    /// subscription of this connection to the same log.
    Subscribe {
        /// The log.
        log: LogId,
        /// A read token.
        token: Token,
        /// The reader's cursor.
        after: Seq,
        /// The id of the entry there, where the reader has it: another one tells that the server
        /// was restored from an older copy.
        after_id: Option<EntryId>,
    },
    /// Ends a subscription.
    Unsubscribe {
        /// The log.
        log: LogId,
    },
    /// Tells all who are subscribed now; not stored.
    Signal {
        /// The log.
        log: LogId,
        /// A write token.
        token: Token,
        /// Sealed under the generation's control key.
        bytes: Vec<u8>,
    },
    /// A request in the name of a device.
    Signed {
        /// Who signs.
        device: DeviceId,
        /// Ed25519 over [`SignedRequest::signed_bytes`].
        signature: [u8; 64],
        /// The encoded [`SignedRequest`].
        body: Vec<u8>,
    },
    /// Asks for an account's devices. Never names the asker.
    Lookup {
        /// Whose.
        who: Who,
        /// The right to.
        permit: Permit,
    },
    /// Takes one KeyPackage of a device; each is given out once.
    TakeKeyPackage {
        /// Whose.
        device: DeviceId,
        /// The MLS cipher suite.
        suite: u16,
        /// The right to.
        permit: Permit,
    },
    /// Puts an envelope into an inbox.
    Deliver(Delivery),
    /// Writes a part of a blob. `offset` must be what the server has; an empty part asks for that.
    PutBlob {
        /// Chosen at random.
        blob: BlobId,
        /// Where the part begins.
        offset: u64,
        /// The size of the whole.
        total: u64,
        /// At most `limits::BLOB_PART_BYTES_MAX`.
        bytes: Vec<u8>,
        /// The right to.
        permit: Permit,
    },
    /// Reads a part of a complete blob.
    GetBlob {
        /// Which.
        blob: BlobId,
        /// Where the part begins.
        offset: u64,
        /// At most `limits::BLOB_PART_BYTES_MAX`.
        length: u32,
    },
}

/// The requests that name an account; signed by one of its devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedRequest {
    /// Makes an account, or answers as before when repeated.
    Register {
        /// The device that signs; the account's signature in its certificate proves the account.
        device: Box<DeviceRecord>,
        /// `limits::USERNAME_MIN` to `USERNAME_MAX` of `a-z0-9_`; never reassigned.
        username: Option<String>,
        /// The right to.
        permit: Permit,
    },
    /// Adds KeyPackages to the pool of the device; with none, asks how many are left.
    PublishKeyPackages {
        /// The MLS cipher suite of all of them.
        suite: u16,
        /// Each is given out once.
        packages: Vec<Vec<u8>>,
        /// Given out when the pool is empty; replaces the one before.
        last_resort: Option<Vec<u8>>,
    },
    /// Sets the hashes of the secrets that entitle to write into the account's inboxes.
    SetInvites {
        /// At most `limits::INVITES_MAX`.
        hashes: Vec<TokenHash>,
    },
    /// Pushes what waits in the device's inbox, then what comes.
    SubscribeInbox,
    /// Erases the device's envelopes with `seq <= up_to`.
    EraseInbox {
        /// The last that the device keeps in its own database.
        up_to: Seq,
    },
}

impl SignedRequest {
    /// Writes the request.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_signed_request(self)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// Where the bytes are not a request of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_signed_request(bytes)
    }

    /// The bytes that the device signs: label, the nonce of this connection (so that nothing can be
    /// replayed on another), and the encoded request.
    #[must_use]
    pub fn signed_bytes(nonce: &[u8; 32], body: &[u8]) -> Vec<u8> {
        [b"veche signed request v1\0".as_slice(), nonce, body].concat()
    }
}

/// Whether and how new accounts are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// By anybody, within limits.
    Open,
    /// With an invite code.
    Invite,
    /// By nobody.
    Closed,
}

/// What the directory knows of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// The account.
    pub account: AccountId,
    /// Its username, signed by the directory.
    pub name: Option<NameBinding>,
    /// Its devices, each certified by the account.
    pub devices: Vec<DeviceRecord>,
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// To `Hello`.
    Hello {
        /// `limits::PROTOCOL_VERSION` of the server.
        version: u32,
        /// Of this connection; covered by every signed request.
        nonce: [u8; 32],
        /// The Ed25519 key that signs name bindings.
        directory_key: [u8; 32],
        /// Who may register.
        registration: Registration,
    },
    /// To `Append`: durable at this place.
    Appended {
        /// The place.
        seq: Seq,
    },
    /// To `Read`.
    Entries {
        /// In order, without a gap, beginning after the cursor.
        entries: Vec<Entry>,
        /// The last seq that the token may read.
        head: Seq,
    },
    /// To `Subscribe`: the entries follow as pushes.
    Subscribed {
        /// The last seq that the token may read now.
        head: Seq,
    },
    /// To requests that have nothing else to say: `Create`, `Unsubscribe`, `Signal`, `SetInvites`,
    /// `EraseInbox`, `Deliver`.
    Done,
    /// To `Register`.
    Registered {
        /// The signed username.
        name: Option<NameBinding>,
    },
    /// To `PublishKeyPackages`.
    KeyPackagesLeft {
        /// In the pool of that suite, without the last resort.
        count: u32,
    },
    /// To `SubscribeInbox`: the envelopes follow as pushes.
    InboxSubscribed {
        /// The last seq that waits in the inbox now; 0 where nothing does.
        head: Seq,
    },
    /// To `Lookup`.
    Account(AccountRecord),
    /// To `TakeKeyPackage`.
    KeyPackage {
        /// The MLS KeyPackage.
        bytes: Vec<u8>,
    },
    /// To `PutBlob`: how much of it is durable.
    BlobHas {
        /// Bytes from the beginning.
        have: u64,
        /// The whole.
        total: u64,
    },
    /// To `GetBlob`.
    BlobPart {
        /// The size of the whole.
        total: u64,
        /// From the offset asked for.
        bytes: Vec<u8>,
    },
    /// Not done, and why.
    Refused(Refused),
}

/// Why a request was not done; by what the client does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A commit came after `after_commit`, or the write token is of a past generation: read to
    /// `last_commit`, then try again. Leaves no trace of the id.
    Stale {
        /// The seq of the last commit entry.
        last_commit: Seq,
    },
    /// Too fast, or too much at once: try again. Leaves no trace of the id.
    Later {
        /// After so many milliseconds.
        ms: u32,
    },
    /// `prev` is not in the log (yet): send that one first.
    OutOfOrder,
    /// The blob named in `needs` is not complete.
    MissingBlob,
    /// The cursor lies beyond the end, or another entry stands there: the server was restored from
    /// an older copy.
    Beyond {
        /// The last seq that the server has.
        head: Seq,
    },
    /// The offset of a part is not where the blob ends: go on from there.
    BlobOffset {
        /// Bytes that the server has.
        have: u64,
    },
    /// The token, signature, permit or pass gives no such right.
    Forbidden,
    /// There is no such log, account, device, KeyPackage or blob.
    NotFound,
    /// The username belongs to somebody else, or the id was used with other parameters.
    Taken,
    /// Larger than the server takes.
    TooLarge {
        /// The limit, in bytes or pieces.
        limit: u64,
    },
    /// The log takes no entries.
    Frozen,
    /// The log is guarded, and the commit carries no admin key's signature.
    Guarded,
    /// The server's disk is full or a quota is used up: nothing was stored; try again later.
    Full,
    /// Registration needs an invite code, or the code is not (or no longer) valid.
    InviteNeeded,
    /// The server takes no new accounts.
    RegistrationClosed,
    /// The request is not well formed.
    Malformed {
        /// What is wrong, for a developer's eyes; holds nothing of the request's content.
        what: String,
    },
    /// The versions of client and server do not meet.
    Incompatible {
        /// The oldest that the server speaks.
        oldest: u32,
        /// The newest that the server speaks.
        newest: u32,
    },
    /// The server failed; nothing was stored; try again.
    Broken,
}

/// An envelope in an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its place in the inbox.
    pub seq: Seq,
    /// Chosen by its sender.
    pub id: EntryId,
    /// Sealed to the inbox key of the device.
    pub bytes: Vec<u8>,
}

/// What the server sends without being asked anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// Entries of a subscribed log, in order; the first follows what was pushed before.
    Entries {
        /// The log.
        log: LogId,
        /// At least one.
        entries: Vec<Entry>,
    },
    /// The subscription ended because its token's generation ended; all that it may read was pushed.
    Rotated {
        /// The log.
        log: LogId,
    },
    /// A signal.
    Signal {
        /// The log.
        log: LogId,
        /// As it was sent.
        bytes: Vec<u8>,
    },
    /// Envelopes of the device's inbox, in order.
    Inbox {
        /// At least one.
        entries: Vec<InboxEntry>,
    },
}

impl Push {
    /// Writes the push as a whole frame, the same for all subscribers: the server does it once and
    /// shares the bytes. Equal to `ServerFrame::Push(self).encode()`, without taking the push.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_push(self)
    }
}
