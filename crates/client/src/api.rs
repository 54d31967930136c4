//! The one door for every face: commands in, events out, plain snapshots between. In the user's
//! words; nothing here names SQL, MLS or a socket.

use veche_wire::{AccountId, ContactLink, EntryId, JoinLink, LogId, Millis, ServerAddress};

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

/// A file that lies sealed in the local database, to be sent with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile(pub veche_wire::content::File);

/// The name of a file's way up or down, by which nobody can fetch it.
pub type TransferId = String;

/// The number of an intent, unique in a home.
pub type IntentId = i64;

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
        /// Which one, as [`FileView::transfer`].
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
    /// [`Command::SkipMissed`] leads around them.
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
    /// The name under which [`Event::File`] tells of it.
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
