//! What waits to be done, as it is written into the rows of intents and the outbox. Versioned by the
//! numbers of the variants: a number is never used again for something else.

use minicbor::{Decode, Encode};

use crate::ClientError;

/// What an outbox row is to become.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Wanted {
    /// A message with this content (encoded `veche_wire::Content`).
    #[n(0)]
    Message(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A commit that makes this change.
    #[n(1)]
    Change(#[n(0)] Change),
    /// A request to be removed (docs/protocol.md, rule 9).
    #[n(2)]
    Leave,
    /// A request to be added again (docs/protocol.md, rule 7), as encoded control.
    #[n(3)]
    Readmit(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A rotation on its own (docs/protocol.md, rule 12).
    #[n(5)]
    Rotate,
    /// The group is to be guarded, or not (docs/protocol.md, rule 5).
    #[n(6)]
    Guard(#[n(0)] bool),
}

/// What the author of a commit wants; a rebase re-applies it, not bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Change {
    /// These people are to be members.
    #[n(0)]
    Add(#[n(0)] Vec<Person>),
    /// These accounts are to be members no more.
    #[n(1)]
    Remove(#[n(0)] Vec<Id>),
    /// Who signed this request (encoded `Control`) is to be a member no more.
    #[n(2)]
    RemoveLeaver(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Who signed this request (encoded `Control`) is to get its place again.
    #[n(3)]
    Readmit(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// An account is to have this role.
    #[n(4)]
    SetRole {
        /// Whose.
        #[n(0)]
        account: Id,
        /// 0 member, 1 admin, 2 owner.
        #[n(1)]
        role: u8,
    },
    /// The chat is to have this title.
    #[n(5)]
    Rename(#[n(0)] String),
    /// An admin key is to be listed.
    #[n(6)]
    ListKey {
        /// The key.
        #[n(0)]
        key: Id,
        /// Whose.
        #[n(1)]
        account: Id,
    },
    /// This account is to be a plain member without keys, before it leaves.
    #[n(7)]
    StepDown,
    /// This leaf is to have new keys.
    #[n(8)]
    Update,
    /// A chat goes on in this log: these people are to be members, with the roles that they had.
    #[n(9)]
    Succeed {
        /// Who.
        #[n(0)]
        people: Vec<Person>,
        /// Accounts and their roles: 1 admin, 2 owner.
        #[n(1)]
        roles: Vec<(Id, u8)>,
    },
    /// The group is to have this door, or none.
    #[n(10)]
    SetDoor(#[n(0)] Option<NewDoor>),
    /// Who asks at the door is to be let in.
    #[n(11)]
    Admit,
    /// These accounts are to be banned, or to be banned no more.
    #[n(12)]
    Ban {
        /// Who.
        #[n(0)]
        accounts: Vec<Id>,
        /// Whether banned.
        #[n(1)]
        banned: bool,
    },
    /// These accounts, which ask at the door, are to be let in.
    #[n(13)]
    LetIn(#[n(0)] Vec<Id>),
    /// This leaf is to have a path in a tree that has few.
    #[n(20)]
    Warm,
    /// The least roles (0 member, 1 admin, 2 owner) to post, add, remove and rename; `None` stays.
    #[n(14)]
    SetRules(#[n(0)] [Option<u8>; 4]),
    /// The same, and the seconds between two messages of one plain member; 0 for no slow mode.
    #[n(15)]
    SetRulesAndSlow(#[n(0)] [Option<u8>; 4], #[n(1)] u32),
}

/// A door that is to be.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct NewDoor {
    /// Its log.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) log: [u8; 16],
    /// What everything about it derives from.
    #[n(1)]
    pub(crate) secret: Id,
    /// Whether a person decides.
    #[n(2)]
    pub(crate) approves: bool,
    /// Until when (ms since 1970).
    #[n(3)]
    pub(crate) expires: Option<u64>,
    /// For how many.
    #[n(4)]
    pub(crate) uses_max: Option<u64>,
}

impl std::fmt::Debug for NewDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewDoor(…)")
    }
}

/// 32 bytes of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Id(#[cbor(n(0), with = "minicbor::bytes")] pub(crate) [u8; 32]);

/// Somebody who is to be reached, and what is known of them so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub(crate) struct Person {
    /// The username, where that is what the person typed.
    #[n(0)]
    pub(crate) name: Option<String>,
    /// The account.
    #[n(1)]
    pub(crate) account: Option<Id>,
    /// Whether the directory has answered.
    #[n(2)]
    pub(crate) found: bool,
    /// The devices.
    #[n(3)]
    pub(crate) devices: Vec<Device>,
}

/// A device that is to be added.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Device {
    /// Its encoded `DeviceRecord`.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) record: Vec<u8>,
    /// One of its KeyPackages, once the directory gave one.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) package: Option<Vec<u8>>,
}

/// What an intent row wants.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Intent {
    /// The account is to be registered.
    #[n(0)]
    Register,
    /// People are to be looked up, and then something done with them.
    #[n(1)]
    Gather {
        /// What.
        #[n(0)]
        purpose: Purpose,
        /// With whom.
        #[n(1)]
        people: Vec<Person>,
    },
    /// An outbox row carries it out.
    #[n(2)]
    Outbox,
    /// An invitation is being joined.
    #[n(3)]
    Join,
    /// A blob is being fetched.
    #[n(4)]
    Fetch,
    /// This device asks to join by a link.
    #[n(5)]
    Knock,
}

/// For what people are gathered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Purpose {
    /// To keep one as a contact.
    #[n(0)]
    Contact {
        /// The invite token of their link.
        #[n(0)]
        invite: Option<Id>,
    },
    /// To open the direct chat with one.
    #[n(1)]
    Direct {
        /// The invite token of their link.
        #[n(0)]
        invite: Option<Id>,
    },
    /// To make a group of them.
    #[n(2)]
    Group {
        /// The title.
        #[n(0)]
        title: String,
        /// Whether it is to be a large one.
        #[n(1)]
        large: Option<bool>,
    },
    /// To add them to a chat; the outbox holds the place.
    #[n(3)]
    Add,
    /// To ask them for this device's place in a log.
    #[n(4)]
    Readmit {
        /// The log.
        #[cbor(n(0), with = "minicbor::bytes")]
        log: [u8; 16],
    },
    /// To tell them that this device has left a log.
    #[n(5)]
    Depart {
        /// The log.
        #[cbor(n(0), with = "minicbor::bytes")]
        log: [u8; 16],
    },
    /// To go on with a chat in another log; the outbox holds the place. Who cannot be had is left out.
    #[n(6)]
    Succeed,
    /// To answer them that this person has left the chat that goes on in a log.
    #[n(7)]
    Decline {
        /// The log.
        #[cbor(n(0), with = "minicbor::bytes")]
        log: [u8; 16],
    },
}

/// How an intent came out.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Ending {
    /// Nothing to tell.
    #[n(0)]
    Done,
    /// This chat.
    #[n(1)]
    Chat(#[cbor(n(0), with = "minicbor::bytes")] [u8; 16]),
    /// This account.
    #[n(2)]
    Contact(#[n(0)] Id),
}

/// What the joiners of a commit get when it comes back (docs/protocol.md, rule 14).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Joiners {
    /// The ratchet tree of the new epoch.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) tree: Vec<u8>,
    /// Each device and its Welcome.
    #[n(1)]
    pub(crate) joiners: Vec<JoinerRow>,
}

/// A device that a commit adds.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct JoinerRow {
    /// Its encoded `DeviceRecord`.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) record: Vec<u8>,
    /// The Welcome with only its secrets.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) welcome: Vec<u8>,
}

/// Writes a row's body.
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    // Writing to a vector cannot fail, and these types have no failing encoders.
    minicbor::to_vec(value).unwrap_or_default()
}

/// Reads a row's body.
pub(crate) fn decode<'a, T: Decode<'a, ()>>(bytes: &'a [u8]) -> Result<T, ClientError> {
    minicbor::decode(bytes)
        .map_err(|error| ClientError::Bug(format!("a row is unreadable: {error}")))
}
