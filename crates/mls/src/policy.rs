//! What a chat's members may do: one extension of the GroupContext, judged before every commit.

use std::collections::{BTreeMap, BTreeSet};

use openmls::prelude::{
    CredentialType, Extension, ExtensionType, Extensions, GroupContext,
    RequiredCapabilitiesExtension, UnknownExtension,
};
use veche_wire::{AccountId, AdminKey, DecodeError, LogId, Millis, Seq, limits};

use crate::cbor::{Reader, Writer};
use crate::door::DoorSecret;

/// What is written of a policy that has nothing which the first version did not have.
const VERSION: u32 = 1;
/// With a door, or somebody banned.
const VERSION_WITH_DOOR: u32 = 2;
/// With slow mode.
const VERSION_WITH_SLOW: u32 = 3;
/// The extension type of [`Policy`] (private use, RFC 9420 §17.3).
pub const POLICY_EXTENSION: u16 = 0xF7EC;
/// The credential type of `wire::Credential` (private use, RFC 9420 §17.5).
pub const CREDENTIAL_TYPE: u16 = 0xF7EC;
/// The most accounts that have a role above [`Role::Member`].
pub const ROLES_MAX: usize = 10_000;

/// The most accounts that are banned from a group.
pub const BANNED_MAX: usize = 1_000;

/// What an account may do in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// Everybody.
    Member = 0,
    /// May add, remove and change, as the policy says.
    Admin = 1,
    /// May change roles and rules.
    Owner = 2,
}

impl Role {
    /// All roles, from the lowest.
    pub const ALL: [Self; 3] = [Self::Member, Self::Admin, Self::Owner];

    fn from_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|role| *role as u64 == number)
    }
}

/// What a chat is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ChatKind {
    /// Between exactly the accounts in `roles`, all of them owners, for good.
    Direct = 1,
    /// A group.
    Group = 2,
}

impl ChatKind {
    pub(crate) fn from_number(number: u64) -> Option<Self> {
        [Self::Direct, Self::Group].into_iter().find(|kind| *kind as u64 == number)
    }
}

/// The rules of a chat, equal for all members because the GroupContext holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What the chat is; never changes.
    pub kind: ChatKind,
    /// Its title; empty for direct chats. At most `limits::TITLE_BYTES_MAX` bytes.
    pub title: String,
    /// Roles above [`Role::Member`]; who is absent is a member.
    pub roles: BTreeMap<AccountId, Role>,
    /// The admin keys of the log and whose they are; the same set as the server's list.
    pub admin_keys: BTreeMap<AdminKey, AccountId>,
    /// The version of the server's list that `admin_keys` is.
    pub admins_version: u64,
    /// The least role that may post.
    pub may_post: Role,
    /// The least role that may add accounts.
    pub may_add: Role,
    /// The least role that may remove accounts below its own role.
    pub may_remove: Role,
    /// The least role that may change the title.
    pub may_change: Role,
    /// The chat's log before this one (docs/protocol.md, rule 10); never changes.
    pub predecessor: Option<LogId>,
    /// Where people ask to join by a link, while there is one.
    pub door: Option<Door>,
    /// Accounts that are not inside, and must not be added.
    pub banned: BTreeSet<AccountId>,
    /// Slow mode: so many seconds between two messages of one plain member, 1 to
    /// `limits::SLOW_SECONDS_MAX`.
    pub slow: Option<u32>,
}

/// The door of a group: its members with the right to add let in who asks there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Its log.
    pub log: LogId,
    /// What everything about it derives from.
    pub secret: DoorSecret,
    /// Whether a person decides about each request.
    pub approves: bool,
    /// Until when requests are answered, by the clock of who answers (ms since 1970).
    pub expires: Option<Millis>,
    /// How many may come in by it.
    pub uses_max: Option<u64>,
    /// How many have.
    pub used: u64,
    /// Up to here its entries are dealt with.
    pub done: Seq,
}

impl Door {
    /// How many may still come in by it at `now`.
    #[must_use]
    pub fn room(&self, now: Millis) -> u64 {
        if self.expires.is_some_and(|expires| now >= expires) {
            return 0;
        }
        self.uses_max.map_or(u64::MAX, |most| most.saturating_sub(self.used))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 7);
        out.bytes(self.log.as_bytes())
            .bytes(self.secret.as_bytes())
            .number(self.approves.into())
            .maybe_number(self.expires)
            .maybe_number(self.uses_max)
            .number(self.used)
            .number(self.done);
        out.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "door", VERSION, 7)?;
        let door = Self {
            log: LogId(input.array()?),
            secret: DoorSecret::from_bytes(input.array()?),
            approves: match input.number()? {
                0 => false,
                1 => true,
                _ => return Err(input.malformed()),
            },
            expires: input.maybe_number()?,
            uses_max: input.maybe_number()?,
            used: input.number()?,
            done: input.number()?,
        };
        input.finish()?;
        Ok(door)
    }
}

impl Policy {
    /// A direct chat between `accounts`.
    #[must_use]
    pub fn direct(accounts: &[AccountId]) -> Self {
        let roles = accounts.iter().map(|account| (*account, Role::Owner)).collect();
        Self { kind: ChatKind::Direct, roles, ..Self::empty() }
    }

    /// A group that `owner` begins; admins may add, remove and change, everybody may post.
    #[must_use]
    pub fn group(title: &str, owner: AccountId) -> Self {
        let roles = BTreeMap::from([(owner, Role::Owner)]);
        Self { title: title.to_owned(), roles, ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            kind: ChatKind::Group,
            title: String::new(),
            roles: BTreeMap::new(),
            admin_keys: BTreeMap::new(),
            admins_version: 0,
            may_post: Role::Member,
            may_add: Role::Admin,
            may_remove: Role::Admin,
            may_change: Role::Admin,
            predecessor: None,
            door: None,
            banned: BTreeSet::new(),
            slow: None,
        }
    }

    /// The role of `account`, were it inside.
    #[must_use]
    pub fn role(&self, account: &AccountId) -> Role {
        self.roles.get(account).copied().unwrap_or(Role::Member)
    }

    /// How many seconds `account` has to wait between two messages.
    #[must_use]
    pub fn slow_for(&self, account: &AccountId) -> Option<u32> {
        self.slow.filter(|_| self.role(account) == Role::Member)
    }

    /// Sets the role of `account`.
    pub fn set_role(&mut self, account: AccountId, role: Role) {
        if role == Role::Member {
            self.roles.remove(&account);
        } else {
            self.roles.insert(account, role);
        }
    }

    /// Writes it (CBOR array, version first; docs/protocol.md).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let version = self.version();
        let mut out = Writer::new(version, fields_of(version));
        out.number(self.kind as u64).text(&self.title);
        out.list(2 * self.roles.len());
        for (account, role) in &self.roles {
            out.bytes(account.as_bytes()).number(*role as u64);
        }
        out.list(2 * self.admin_keys.len());
        for (key, account) in &self.admin_keys {
            out.bytes(key.as_bytes()).bytes(account.as_bytes());
        }
        out.number(self.admins_version);
        for role in [self.may_post, self.may_add, self.may_remove, self.may_change] {
            out.number(role as u64);
        }
        out.maybe_bytes(self.predecessor.as_ref().map(|log| &log.0[..]));
        if version >= VERSION_WITH_DOOR {
            out.maybe_bytes(self.door.as_ref().map(Door::encode).as_deref());
            out.list(self.banned.len());
            for account in &self.banned {
                out.bytes(account.as_bytes());
            }
        }
        if let Some(slow) = self.slow {
            out.number(slow.into());
        }
        out.finish()
    }

    /// The first version that can say it.
    fn version(&self) -> u32 {
        if self.slow.is_some() {
            VERSION_WITH_SLOW
        } else if self.door.is_some() || !self.banned.is_empty() {
            VERSION_WITH_DOOR
        } else {
            VERSION
        }
    }

    /// Reads it. There is one encoding of every policy: lists are in order, no role is "member", and
    /// the version is the first that can say it.
    ///
    /// # Errors
    /// Where the bytes are not a policy of this version, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (mut input, version) = open(bytes)?;
        let kind = ChatKind::from_number(input.number()?).ok_or_else(|| input.malformed())?;
        let title = input.text()?.to_owned();
        let roles = pairs(&mut input, ROLES_MAX, |input| {
            Ok((AccountId(input.array()?), read_role(input)?))
        })?;
        let admin_keys = pairs(&mut input, limits::ADMIN_KEYS_MAX, |input| {
            Ok((AdminKey(input.array()?), AccountId(input.array()?)))
        })?;
        let admins_version = input.number()?;
        let mut policy = Self {
            kind,
            title,
            roles,
            admin_keys,
            admins_version,
            may_post: read_role(&mut input)?,
            may_add: read_role(&mut input)?,
            may_remove: read_role(&mut input)?,
            may_change: read_role(&mut input)?,
            predecessor: input.maybe_array()?.map(LogId),
            ..Self::empty()
        };
        if version >= VERSION_WITH_DOOR {
            policy.door = input.maybe_bytes()?.map(Door::decode).transpose()?;
            policy.banned = accounts(&mut input, BANNED_MAX)?;
        }
        if version >= VERSION_WITH_SLOW {
            policy.slow = Some(read_slow(&mut input)?);
        }
        let fits = policy.title.len() <= limits::TITLE_BYTES_MAX
            && (policy.kind == ChatKind::Group || policy.title.is_empty())
            && policy.roles.values().all(|role| *role != Role::Member)
            && version == policy.version()
            && (policy.kind == ChatKind::Group || version == VERSION);
        if !fits {
            return Err(input.malformed());
        }
        input.finish()?;
        Ok(policy)
    }

    /// The extensions of a group with this policy: these two and no others.
    pub(crate) fn extensions(&self) -> Option<Extensions<GroupContext>> {
        Extensions::from_vec(vec![
            Extension::RequiredCapabilities(required_capabilities()),
            Extension::Unknown(POLICY_EXTENSION, UnknownExtension(self.encode())),
        ])
        .ok()
    }

    /// The policy in a group's extensions; `None` where they are not exactly ours.
    pub(crate) fn from_extensions(extensions: &Extensions<GroupContext>) -> Option<Self> {
        let required = extensions.required_capabilities()?;
        let policy = extensions.unknown(POLICY_EXTENSION)?;
        if extensions.iter().count() != 2 || *required != required_capabilities() {
            return None;
        }
        Self::decode(&policy.0).ok()
    }
}

/// What every leaf must be able to do.
fn required_capabilities() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(
        &[ExtensionType::Unknown(POLICY_EXTENSION)],
        &[],
        &[CredentialType::Other(CREDENTIAL_TYPE)],
    )
}

fn fields_of(version: u32) -> u64 {
    match version {
        VERSION => 10,
        VERSION_WITH_DOOR => 12,
        _ => 13,
    }
}

/// Begins to read a policy of any version.
fn open(bytes: &[u8]) -> Result<(Reader<'_>, u32), DecodeError> {
    for version in [VERSION, VERSION_WITH_DOOR] {
        match Reader::new(bytes, "policy", version, fields_of(version)) {
            Err(DecodeError::Version { .. }) => {}
            opened => return Ok((opened?, version)),
        }
    }
    let version = VERSION_WITH_SLOW;
    Ok((Reader::new(bytes, "policy", version, fields_of(version))?, version))
}

fn read_slow(input: &mut Reader<'_>) -> Result<u32, DecodeError> {
    let number = input.number()?;
    let seconds = u32::try_from(number).ok();
    let fits = seconds.filter(|seconds| (1..=limits::SLOW_SECONDS_MAX).contains(seconds));
    fits.ok_or_else(|| input.malformed())
}

fn read_role(input: &mut Reader<'_>) -> Result<Role, DecodeError> {
    let number = input.number()?;
    Role::from_number(number).ok_or_else(|| input.malformed())
}

fn accounts(input: &mut Reader<'_>, limit: usize) -> Result<BTreeSet<AccountId>, DecodeError> {
    let mut found = BTreeSet::new();
    for _ in 0..input.list(limit)? {
        let account = AccountId(input.array()?);
        if found.last().is_some_and(|last| *last >= account) {
            return Err(input.malformed());
        }
        found.insert(account);
    }
    Ok(found)
}

fn pairs<'a, K: Ord + Copy, T>(
    input: &mut Reader<'a>,
    limit: usize,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<(K, T), DecodeError>,
) -> Result<BTreeMap<K, T>, DecodeError> {
    let elements = input.list(2 * limit)?;
    let mut found = BTreeMap::new();
    for _ in 0..elements / 2 {
        let (key, value) = read(input)?;
        let in_order = found.last_key_value().is_none_or(|(last, _)| *last < key);
        if !in_order {
            return Err(input.malformed());
        }
        found.insert(key, value);
    }
    if elements % 2 == 0 { Ok(found) } else { Err(input.malformed()) }
}
