//! Messages and files, as a face shows them.

use veche_wire::{AccountId, EntryId, LogId, Millis};

/// A file that lies sealed in the local database, to be sent with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile(pub veche_wire::content::File);

/// The name of a file's way up or down, by which nobody can fetch it.
pub type TransferId = String;

/// What a list says of the last message of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct LastView {
    /// The message.
    pub id: EntryId,
    /// The author's username, or the beginning of the account id where none is proved.
    pub from: String,
    /// What the author wants to be called.
    pub display_name: Option<String>,
    /// The author's account.
    pub account: AccountId,
    /// When the author says it was written.
    pub at: Millis,
    /// The beginning of what it says, at most [`PREVIEW_CHARACTERS`]; `None` for system lines.
    pub text: Option<String>,
    /// A system line.
    pub event: Option<String>,
    /// Deleted by its author.
    pub deleted: bool,
    /// The name of its file.
    pub file: Option<String>,
    /// How it stands.
    pub state: MessageState,
}

/// How much of its last message a list of chats says.
pub const PREVIEW_CHARACTERS: usize = 500;

/// A message, or a system line (`event` set, no text).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct MessageView {
    /// The same everywhere.
    pub id: EntryId,
    /// The chat.
    pub chat: LogId,
    /// The author's username, or the beginning of the account id where none is proved.
    pub from: String,
    /// What the author wants to be called: free text that nobody vouches for.
    pub display_name: Option<String>,
    /// The author's account.
    pub account: AccountId,
    /// When the author says it was written.
    pub at: Millis,
    /// What it says (after edits); `None` for system lines.
    pub text: Option<String>,
    /// A system line, such as `ana added bo`.
    pub event: Option<String>,
    /// The message it answers.
    pub reply_to: Option<EntryId>,
    /// Changed by its author.
    pub edited: bool,
    /// Deleted by its author.
    pub deleted: bool,
    /// Emoji and who gave them (usernames), in order.
    pub reactions: Vec<(String, Vec<String>)>,
    /// A file.
    pub file: Option<FileView>,
    /// How it stands.
    pub state: MessageState,
    /// How many have read it; in chats of more than 32 devices nobody says so.
    pub read_count: u64,
    /// Usernames of those who have read it, at most 32.
    pub read_by: Vec<String>,
    /// Whether it mentions this person, by name or with all members.
    pub mentions_me: bool,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct FileView {
    /// Its name as the author gave it; not safe as a path.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the file.
    #[cfg_attr(feature = "typescript", serde(serialize_with = "hexadecimal"), ts(as = "String"))]
    pub sha256: [u8; 32],
    /// Whether the whole file lies in the local database.
    pub here: bool,
    /// The name under which [`Event::File`](super::Event::File) tells of it.
    pub transfer: TransferId,
}

#[cfg(feature = "typescript")]
fn hexadecimal<S: serde::Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&veche_wire::TokenHash(*bytes))
}

/// How a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub enum MessageState {
    /// Not yet durable on the server.
    Pending,
    /// Durable on the server.
    Sent,
    /// From somebody else.
    Received,
    /// Refused for good, with the reason.
    Failed(String),
}
