//! What a face is told.

use veche_wire::{AccountId, EntryId, LogId};

use super::{IntentId, TransferId};

/// What happened, told after it is durable. Cosmetic: every one can be derived from the database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub enum Event {
    /// The session with the server is up, or down with the reason.
    Connection(Connection),
    /// A message is new or changed.
    Message {
        /// The chat.
        chat: LogId,
        /// The message.
        message: EntryId,
    },
    /// A message that is new calls for this person's attention.
    Mention {
        /// The chat.
        chat: LogId,
        /// The message.
        message: EntryId,
    },
    /// A chat is new or changed.
    Chat(LogId),
    /// Somebody asks to come in touch.
    Request(EntryId),
    /// Somebody asks to join a group, and this person may decide about it.
    JoinRequest {
        /// The group.
        chat: LogId,
        /// Who asks.
        account: AccountId,
    },
    /// A file is on its way, up or down.
    File {
        /// Which one, as [`FileView::transfer`](super::FileView::transfer).
        transfer: TransferId,
        /// So many of its sealed bytes have arrived.
        have: u64,
        /// Of so many.
        total: u64,
    },
    /// An intent settled.
    Settled(IntentId),
    /// Somebody is writing.
    Typing {
        /// The chat.
        chat: LogId,
        /// Their username, or the beginning of their account id.
        from: String,
    },
    /// Something a person should know that no chat shows; in a person's words.
    Notice(String),
}

/// How the connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub enum Connection {
    /// No session.
    Down,
    /// A session; not everything is caught up.
    CatchingUp,
    /// A session; everything the server has was processed.
    Live,
    /// Server and client cannot speak with each other; the words say who needs a newer version.
    Incompatible(String),
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct Pending {
    /// Intents, messages and deliveries that are not settled.
    pub outgoing: u64,
    /// Whether everything that the server has was processed.
    pub caught_up: bool,
    /// Messages received since this client was opened.
    pub received: u64,
    /// Messages that became durable since this client was opened.
    pub sent: u64,
}
