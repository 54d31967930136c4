//! What a person wants, and how that comes out.

use veche_wire::{AccountId, ContactLink, EntryId, JoinLink, LogId, Millis, ServerAddress};

use super::{IntentId, Role, StagedFile};

/// Something a person wants. Each change becomes a durable row first (an *intent*), is carried out
/// when the server can be reached, and settles with an [`Outcome`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Deserialize, ts_rs::TS))]
pub enum Command {
    /// Makes an account (in an empty home) and registers it. Settles with [`Outcome::Done`].
    Register {
        /// Where.
        server: ServerAddress,
        /// The username wanted.
        name: String,
        /// An invite code, where the server asks for one.
        invite: Option<String>,
    },
    /// Looks somebody up and keeps them as a contact. Settles with [`Outcome::Contact`].
    AddContact(PersonReference),
    /// Opens the direct chat with somebody, or finds it. Settles with [`Outcome::Chat`].
    OpenDirect(PersonReference),
    /// Makes a group. Settles with [`Outcome::Chat`] when all members' invitations are delivered.
    CreateGroup {
        /// The title.
        title: String,
        /// Usernames.
        members: Vec<String>,
        /// Whether it is to have room for thousands of devices, instead of being post-quantum.
        large: bool,
    },
    /// For who was away so long that to read what was missed takes longer than a person wants to wait: this
    /// device asks to be added to the group again, where it is by then, and reads on until that is done.
    SkipMissed {
        /// The chat.
        chat: LogId,
    },
    /// An owner lets a group go on in another log: as a large one, or without somebody who spoils it (a
    /// writer of junk cannot be identified and removed otherwise). Its link ends.
    Renew {
        /// The chat.
        chat: LogId,
        /// Whether it is to be a large one; what is large stays so.
        large: bool,
        /// Usernames of members who stay behind.
        without: Vec<String>,
    },
    /// Adds people to a group.
    AddMembers {
        /// The chat.
        chat: LogId,
        /// Usernames.
        names: Vec<String>,
    },
    /// Removes people from a group.
    RemoveMembers {
        /// The chat.
        chat: LogId,
        /// Usernames.
        names: Vec<String>,
    },
    /// Bans people from a group, whom that removes, or takes that back.
    Ban {
        /// The chat.
        chat: LogId,
        /// Usernames.
        names: Vec<String>,
        /// Whether banned.
        banned: bool,
    },
    /// Makes a link with which anybody can ask to join a group, in the place of the one that it has.
    /// [`crate::Client::link`] gives it once this is settled.
    MakeLink {
        /// The chat.
        chat: LogId,
        /// Whether somebody decides about each who asks; else they are let in at once.
        approves: bool,
        /// For how long it is good (ms); for ever where nothing is given.
        lasts: Option<Millis>,
        /// How many may join by it.
        uses: Option<u64>,
    },
    /// Takes a group's link away.
    CloseLink {
        /// The chat.
        chat: LogId,
    },
    /// Asks to join a group. Settles with [`Outcome::Done`] when the server has the request; the chat
    /// appears once somebody has let this person in.
    JoinByLink(JoinLink),
    /// Lets in people who ask to join.
    LetIn {
        /// The chat.
        chat: LogId,
        /// Usernames.
        names: Vec<String>,
    },
    /// Declines people who ask to join. They are not told.
    TurnAway {
        /// The chat.
        chat: LogId,
        /// Usernames.
        names: Vec<String>,
    },
    /// Gives a role.
    SetRole {
        /// The chat.
        chat: LogId,
        /// A username.
        name: String,
        /// The role.
        role: Role,
    },
    /// Changes who may do what in a group; what is not given stays. Only owners do.
    SetRules {
        /// The chat.
        chat: LogId,
        /// The new rules.
        rules: RulesChange,
    },
    /// Guards a group, or ends that: while it is guarded, only admins change who is in it and what it
    /// is called. Only admins do.
    Guard {
        /// The chat.
        chat: LogId,
        /// Whether it is to be guarded.
        on: bool,
    },
    /// Gives a new title.
    Rename {
        /// The chat.
        chat: LogId,
        /// The title.
        title: String,
    },
    /// Leaves a group.
    Leave {
        /// The chat.
        chat: LogId,
    },
    /// Says something. Answers with [`Reply::Message`] at once. In a group, `@name` in the text
    /// mentions a member, and `@all` of an admin or owner everybody.
    Send {
        /// The chat.
        chat: LogId,
        /// What is said, kept exactly.
        text: String,
        /// The message that it answers.
        reply_to: Option<EntryId>,
        /// A file that was staged with [`crate::Client::stage_file`].
        #[cfg_attr(feature = "typescript", serde(skip))]
        file: Option<StagedFile>,
    },
    /// Reacts to a message; the same emoji again takes it back.
    React {
        /// The chat.
        chat: LogId,
        /// The message.
        message: EntryId,
        /// The emoji.
        emoji: String,
    },
    /// Changes the text of an own message.
    Edit {
        /// The chat.
        chat: LogId,
        /// The message.
        message: EntryId,
        /// The new text.
        text: String,
    },
    /// Deletes an own message.
    Delete {
        /// The chat.
        chat: LogId,
        /// The message.
        message: EntryId,
    },
    /// Accepts a request. Settles with [`Outcome::Chat`].
    Accept {
        /// Of the request.
        request: EntryId,
    },
    /// Declines a request and forgets it.
    Decline {
        /// Of the request.
        request: EntryId,
    },
    /// Refuses everything from somebody from now on, or takes that back.
    Block {
        /// A username.
        name: String,
        /// Whether blocked.
        blocked: bool,
    },
    /// The person has read a chat up to its end.
    MarkRead {
        /// The chat.
        chat: LogId,
    },
    /// The person is writing.
    Typing {
        /// The chat.
        chat: LogId,
    },
    /// Fetches the file of a message into the local database. Settles with [`Outcome::Done`].
    Download {
        /// The chat.
        chat: LogId,
        /// The message.
        message: EntryId,
    },
    /// Whether receipts are sent.
    SetReceipts(bool),
    /// What this person wants to be called beside the username, at most 64 characters; empty: only by
    /// the username. Others learn it with the next message.
    SetDisplayName(String),
}

/// How a person names a person.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Deserialize, ts_rs::TS))]
pub enum PersonReference {
    /// By a contact link.
    Link(ContactLink),
    /// By username.
    Username(String),
}

/// What a command answers at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub enum Reply {
    /// Nothing more to wait for.
    Done,
    /// The change is kept as this intent.
    Intent(IntentId),
    /// The message is kept with this id and settles as this intent (when it is durable on the
    /// server).
    Message {
        /// Its id, the same everywhere.
        message: EntryId,
        /// The intent.
        intent: IntentId,
    },
}

/// How an intent stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub enum Settled {
    /// Not yet.
    Waiting,
    /// Carried out and durable.
    Done(Outcome),
    /// Refused for good, with the reason in a person's words.
    Failed(String),
}

/// What came of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "typescript", derive(serde::Serialize, ts_rs::TS))]
pub enum Outcome {
    /// Nothing to tell.
    Done,
    /// This chat.
    Chat(LogId),
    /// This person.
    Contact(AccountId),
}

/// New rules of a group; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "typescript", derive(serde::Deserialize, ts_rs::TS))]
pub struct RulesChange {
    /// To write.
    pub post: Option<Role>,
    /// To add people.
    pub add: Option<Role>,
    /// To remove people.
    pub remove: Option<Role>,
    /// To change the title.
    pub rename: Option<Role>,
    /// Slow mode, in seconds; 0 ends it.
    pub slow: Option<u32>,
}
