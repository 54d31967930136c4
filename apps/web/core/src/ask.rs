//! What a page asks, and what it is answered: the whole language between the worker and the pages.
//!
//! TypeScript's types are generated from these (`bindings`), so that none of this is written twice.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use veche_client::wire::{AccountId, ContactLink, EntryId, JoinLink, LogId};
use veche_client::{
    ChatView, Command, Connection, ContactView, Event, IntentId, JoinRequestView, LinkView, MeView,
    MemberView, MessageView, Pending, Reply, RequestView, RulesView, Settled,
};

/// What a page wants to know, or wants done.
#[derive(Debug, Clone, Deserialize, TS)]
pub enum Ask {
    /// Something a person wants. Answered with [`Answer::Reply`].
    Do(Command),
    /// Says something with a file that was staged before; `staged` is its number
    /// ([`Answer::Staged`]). Answered with [`Answer::Reply`].
    SendFile {
        /// The chat.
        chat: LogId,
        /// What is said of the file.
        text: String,
        /// The message that it answers.
        reply_to: Option<EntryId>,
        /// The number of the file.
        staged: u32,
    },
    /// Who this home belongs to. Answered with [`Answer::Me`].
    Me,
    /// The recovery phrase. Answered with [`Answer::Text`].
    Phrase,
    /// The link with which somebody can write to this account. Answered with [`Answer::Text`].
    ContactLink,
    /// All chats. Answered with [`Answer::Chats`].
    Chats,
    /// A page of a chat: the last messages, or those before or after one. Answered with
    /// [`Answer::Messages`].
    Page {
        /// The chat.
        chat: LogId,
        /// From where.
        at: Place,
        /// At most so many.
        limit: u32,
    },
    /// One message. Answered with [`Answer::Messages`], of one or none.
    Message {
        /// The chat.
        chat: LogId,
        /// The message.
        message: EntryId,
    },
    /// Messages in which all words are. Answered with [`Answer::Messages`], the newest first.
    Search {
        /// The words, or beginnings of words.
        words: String,
        /// At most so many.
        limit: u32,
    },
    /// A page of a chat's members: the first ones, or those after one. Answered with
    /// [`Answer::Members`].
    Members {
        /// The chat.
        chat: LogId,
        /// After whom.
        after: Option<AccountId>,
        /// At most so many.
        limit: u32,
    },
    /// Members in whose names the words are. Answered with [`Answer::Members`].
    FindMembers {
        /// The chat.
        chat: LogId,
        /// The words.
        words: String,
        /// At most so many.
        limit: u32,
    },
    /// Who may do what in a group. Answered with [`Answer::Rules`].
    Rules {
        /// The chat.
        chat: LogId,
    },
    /// The link of a group. Answered with [`Answer::Link`].
    Link {
        /// The chat.
        chat: LogId,
    },
    /// Who asks to join a group. Answered with [`Answer::JoinRequests`].
    JoinRequests {
        /// The chat.
        chat: LogId,
    },
    /// Who is banned from a group. Answered with [`Answer::Contacts`].
    Banned {
        /// The chat.
        chat: LogId,
    },
    /// Contacts and blocked people. Answered with [`Answer::Contacts`].
    Contacts,
    /// Requests that wait for an answer. Answered with [`Answer::Requests`].
    Requests,
    /// The number to compare with somebody. Answered with [`Answer::Text`].
    SafetyNumber {
        /// A username.
        name: String,
    },
    /// How an intent stands. Answered with [`Answer::Settled`].
    Intent(IntentId),
    /// How much waits. Answered with [`Answer::Pending`].
    Pending,
    /// How the connection stands. Answered with [`Answer::Connection`].
    Connection,
    /// What a pasted text is. Answered with [`Answer::Pasted`].
    Read {
        /// The text.
        text: String,
    },
}

/// Where a page of messages begins or ends.
#[derive(Debug, Clone, Copy, Deserialize, TS)]
pub enum Place {
    /// With the oldest message.
    Start,
    /// With the newest message.
    End,
    /// Right before this message.
    Before(EntryId),
    /// Right after this message.
    After(EntryId),
}

/// What a page is answered.
#[derive(Debug, Clone, Serialize, TS)]
pub enum Answer {
    /// To a command.
    Reply(Reply),
    /// Nobody, in a home without an account.
    Me(Option<MeView>),
    /// A text, where there is one.
    Text(Option<String>),
    /// Chats, the oldest first.
    Chats(Vec<ChatView>),
    /// Messages, the oldest first, but for a search.
    Messages(Vec<MessageView>),
    /// Members.
    Members(Vec<MemberView>),
    /// Rules.
    Rules(RulesView),
    /// A link, where the group has one that this person may pass on.
    Link(Option<LinkView>),
    /// Those who ask.
    JoinRequests(Vec<JoinRequestView>),
    /// Contacts, or people who are banned.
    Contacts(Vec<ContactView>),
    /// Requests.
    Requests(Vec<RequestView>),
    /// How an intent stands.
    Settled(Settled),
    /// How much waits.
    Pending(Pending),
    /// How the connection stands.
    Connection(Connection),
    /// What a text is.
    Pasted(Pasted),
    /// The number under which a file waits to be sent.
    Staged(u32),
}

/// What somebody may paste, or open the page with.
#[derive(Debug, Clone, Serialize, TS)]
pub enum Pasted {
    /// Somebody's contact link.
    Contact(ContactLink),
    /// A group's link.
    Join(JoinLink),
    /// Perhaps a username.
    Name(String),
    /// Nothing of use, with the reason.
    Unknown(String),
}

/// Why something was not done.
#[derive(Debug, Clone, Serialize, TS)]
pub enum Trouble {
    /// The words are for the person who asked; nothing has changed.
    Refused(String),
    /// The database failed, or there is a fault in the program: the worker is of no use any more.
    Broken(String),
}

/// What happens while nobody asks.
#[derive(Debug, Clone, Serialize, TS)]
pub enum News {
    /// Something that the client tells.
    Event(Event),
    /// The server cannot be spoken with for this reason; it is tried again where `again` says so.
    Unreachable {
        /// In words for a person.
        words: String,
        /// Whether trying again is of use.
        again: bool,
    },
}
