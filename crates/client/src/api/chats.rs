//! Chats and people, as a face shows them.

use veche_wire::{AccountId, EntryId, JoinLink, LogId, Millis, ServerAddress};

use super::{LastView, Role};

/// What a chat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub enum ChatKind {
    /// Two people.
    Direct,
    /// A group.
    Group,
}

/// How this device stands in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub enum ChatState {
    /// A member.
    Active,
    /// Being joined.
    Joining,
    /// This device lost its place and has asked to be added again.
    Repairing,
    /// Left by this person.
    Left,
    /// Removed by another.
    Removed,
}

/// A chat in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct ChatView {
    /// The chat's id, the same on all members' devices.
    pub chat: LogId,
    /// What it is.
    pub kind: ChatKind,
    /// The title of a group, the name of the other in a direct chat.
    pub title: String,
    /// How many people are in it, this one too; 0 where this device is not, or not yet.
    pub member_count: u64,
    /// Messages since the last read.
    pub unread: u64,
    /// Those of them that mention this person.
    pub unread_mentions: u64,
    /// How many entries of the chat's log the server has that this device is still to read.
    /// [`Command::SkipMissed`](super::Command::SkipMissed) leads around them.
    pub behind: u64,
    /// How this device stands in it.
    pub state: ChatState,
    /// How many ask to join it and wait for a decision that this person may make.
    pub join_requests: u64,
    /// What this person is in it; none where this device is not in it, or not yet.
    pub role: Option<Role>,
    /// The other of a direct chat.
    pub peer: Option<ContactView>,
    /// What was said last.
    pub last: Option<LastView>,
}

/// A member of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct MemberView {
    /// The account.
    pub account: AccountId,
    /// The username, or the beginning of the account id.
    pub name: String,
    /// What they want to be called.
    pub display_name: Option<String>,
    /// The role.
    pub role: Role,
    /// Whether it is this account.
    pub me: bool,
    /// When they were added (ms since 1970), where they have written nothing since: after
    /// [`ARRIVAL_MS`] they count as not arrived, and adding them again gives them a new place.
    pub silent_since: Option<Millis>,
}

impl MemberView {
    /// Whether they have come, or may still be on the way (docs/protocol.md, rule 14).
    #[must_use]
    pub fn has_arrived(&self, now: Millis) -> bool {
        self.silent_since.is_none_or(|since| now.saturating_sub(since) < ARRIVAL_MS)
    }
}

/// How long a device may be silent after it was added until it counts as not arrived, in
/// milliseconds (docs/protocol.md, rule 14).
pub const ARRIVAL_MS: Millis = 3 * 24 * 3_600_000;

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct ContactView {
    /// The account.
    pub account: AccountId,
    /// The username, or the beginning of the account id.
    pub name: String,
    /// What they want to be called.
    pub display_name: Option<String>,
    /// Whether blocked.
    pub blocked: bool,
}

/// A request that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct RequestView {
    /// Its id.
    pub id: EntryId,
    /// Who asks.
    pub from: String,
    /// What they want to be called.
    pub display_name: Option<String>,
    /// To what.
    pub kind: ChatKind,
}

/// Who may do what in a group: the least role for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct RulesView {
    /// To write. Reactions, and what programs tell each other, are anybody's.
    pub post: Role,
    /// To add people. By the link, admins let in.
    pub add: Role,
    /// To remove people below the own role.
    pub remove: Role,
    /// To change the title.
    pub rename: Role,
    /// Slow mode: so many seconds between two messages of one plain member.
    pub slow: Option<u32>,
    /// Whether, for now, only admins change anything.
    pub guarded: bool,
}

/// The link of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct LinkView {
    /// The link.
    pub link: JoinLink,
    /// Whether somebody decides about each who asks.
    pub approves: bool,
    /// Until when it is good (ms since 1970).
    pub expires: Option<Millis>,
    /// How many may join by it.
    pub uses_max: Option<u64>,
    /// How many have.
    pub used: u64,
}

/// Somebody who asks to join a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct JoinRequestView {
    /// The account.
    pub account: AccountId,
    /// The username.
    pub name: String,
    /// What they want to be called.
    pub display_name: Option<String>,
}

/// Who this home belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub struct MeView {
    /// The account.
    pub account: AccountId,
    /// The username.
    pub name: String,
    /// What this person wants to be called.
    pub display_name: Option<String>,
    /// The server.
    pub server: ServerAddress,
    /// Whether the server has taken the registration.
    pub registered: bool,
    /// Whether others are told what this person has read.
    pub receipts: bool,
}
