//! The one door for every face: commands in, events out, plain snapshots between. In the user's
//! words; nothing here names SQL, MLS or a socket.

mod chats;
mod commands;
mod events;
mod messages;

pub use chats::*;
pub use commands::*;
pub use events::*;
pub use messages::*;

/// What a member of a chat may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, serde::Deserialize, ts_rs::TS))]
pub enum Role {
    /// Talks.
    Member,
    /// Adds, removes, renames.
    Admin,
    /// Everything.
    Owner,
}

/// The number of an intent, unique in a home.
pub type IntentId = i64;
