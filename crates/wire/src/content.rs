//! What a message says: MIMI content (draft-ietf-mimi-content) in CBOR.
//!
//! A [`Content`] is one `mimiContent`. Its `salt` is our [`EntryId`]: the message's id, the same
//! everywhere; `replaces` and `inReplyTo` hold such ids (docs/decisions says why not the hash).

use std::collections::BTreeSet;

use crate::{AccountId, AdminKey, BlobId, DecodeError, EntryId, Millis, codec, limits};

/// One message, reaction, edit, deletion, receipt or note between clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The message's id: the MIMI salt.
    pub id: EntryId,
    /// When its author says it was written (extension `veche.sent_at`).
    pub sent_at: Millis,
    /// The message that this one edits, deletes or takes back.
    pub replaces: Option<EntryId>,
    /// The message that this one answers or reacts to.
    pub in_reply_to: Option<EntryId>,
    /// What its author wants to be called (extension `veche.display_name`); in what is shown only.
    pub display_name: Option<DisplayName>,
    /// Who is meant by it (extension `veche.mentions`); in what is shown only.
    pub mentions: Mentions,
    /// What it says.
    pub body: Body,
}

/// What somebody wants to be called: free text that nobody vouches for, and by which nobody is looked
/// up. Of several the latest counts, whatever came first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DisplayName {
    /// When it was chosen, in milliseconds since 1970 by the clock of who chose it; at least 1.
    pub since: Millis,
    /// The name, of at most [`limits::DISPLAY_NAME_CHARS_MAX`] characters; empty where one was taken
    /// back. May hold anything: clean it before it is shown.
    pub text: String,
}

/// Who is meant by a message: their programs call for their attention.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Everybody in the chat. Counts where the author is an admin or owner at that place.
    pub all: bool,
    /// These members, at most [`limits::MENTIONS_MAX`].
    pub accounts: BTreeSet<AccountId>,
}

impl Mentions {
    /// Whether nobody is meant.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.accounts.is_empty()
    }
}

impl DisplayName {
    /// A name within its limits.
    ///
    /// # Errors
    /// Where it is too long, or its time is none.
    pub fn new(since: Millis, text: &str) -> Result<Self, DecodeError> {
        const WHAT: &str = "display name";
        if text.chars().count() > limits::DISPLAY_NAME_CHARS_MAX {
            let limit = limits::DISPLAY_NAME_CHARS_MAX;
            return Err(DecodeError::TooLarge { what: WHAT, limit });
        }
        if !(1..=limits::MILLIS_MAX).contains(&since) {
            return Err(DecodeError::Malformed(WHAT));
        }
        Ok(Self { since, text: text.to_owned() })
    }
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// `SinglePart`, disposition `render`, `text/plain;charset=utf-8`. With `replaces`: an edit.
    Text(String),
    /// A file: `ExternalPart`, disposition `attachment`; with text a `MultiPart` (`processAll`) of
    /// the text and the file.
    File {
        /// What is said with it; may be empty.
        text: String,
        /// The file.
        file: File,
    },
    /// `SinglePart`, disposition `reaction`; needs `in_reply_to`. Taken back by `Nothing` with
    /// `replaces` set to the reaction's id.
    Reaction(String),
    /// `NullPart`. With `replaces`: that message is deleted (or reaction taken back). Without: a
    /// message whose author cancelled it; it shows nothing.
    Nothing,
    /// `application/mimi-message-status`: what the author has read.
    Receipt {
        /// The messages.
        read: Vec<EntryId>,
    },
    /// `application/veche-note+cbor`: what clients tell each other about the chat.
    Note(Note),
    /// A content type that this program does not know: kept, and shown as "needs a newer version".
    Unknown {
        /// The content type of the part.
        content_type: String,
        /// The whole `mimiContent` as it came.
        bytes: Vec<u8>,
    },
}

/// What clients tell each other about a chat; people see at most a line about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A joiner is in (docs/protocol.md, rule 14).
    Joined,
    /// The author's admin key for this log, to be listed by another admin (docs/protocol.md, rule
    /// 12).
    AdminKey(AdminKey),
    /// The author could not read these message entries, because the server was restored from an
    /// older copy: whoever has written them says them again. 1 to
    /// [`crate::limits::UNREAD_IDS_MAX`].
    Unread(Vec<EntryId>),
    /// The author has declined this account's request to join by the group's link.
    Declined(AccountId),
}

/// A file that lies sealed in a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name. Never becomes a path as it is.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size before sealing, in bytes.
    pub size: u64,
    /// SHA-256 of it before sealing.
    pub sha256: [u8; 32],
    /// Where it lies.
    pub blob: BlobId,
    /// The size of the blob, in bytes.
    pub blob_size: u64,
    /// The key of its chunks (docs/protocol.md, "Files").
    pub key: FileKey,
}

/// The key of a file. Cannot be printed.
#[derive(Clone, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct FileKey(pub [u8; 32]);

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(…)")
    }
}

impl Content {
    /// Writes the content as CBOR `mimiContent`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        codec::encode_content(self)
    }

    /// Reads `mimiContent`. A well-formed one with parts that this program does not know becomes
    /// [`Body::Unknown`].
    ///
    /// # Errors
    /// Where the bytes are not `mimiContent`, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode_content(bytes)
    }
}
