//! Where the delivery service keeps what it must not lose: narrow traits, two honest engines.
//!
//! All changes happen inside [`Engine::write`], whose work is done whole or not at all. No trait here
//! takes a clock: the day, the only time that is ever stored, is passed in.

use std::ops::RangeInclusive;

use veche_wire::{
    AccountId, AdminKey, BlobId, DeviceId, DeviceRecord, Entry, EntryId, InboxEntry, LogId, Seq,
    TokenHash, TokenHashes,
};

pub mod embedded;
pub mod memory;

pub use embedded::Embedded;
pub use memory::Memory;

/// Days since 1970-01-01, the finest time that the server stores.
pub type Day = u32;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// The day of a moment.
#[must_use]
pub fn day_of(now: veche_wire::Millis) -> Day {
    Day::try_from(now / DAY_MS).unwrap_or(Day::MAX)
}

/// Why an engine did not do what it was asked. Nothing of the batch was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// There is no room left: try again when there is.
    #[error("the disk is full")]
    Full,
    /// What is stored is not what this program wrote: an operator must restore a copy.
    #[error("the database is corrupt ({0})")]
    Corrupt(&'static str),
    /// The database was written by a newer program.
    #[error("the database has version {found}, this program knows {known}: use a newer program")]
    Newer {
        /// The version found.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// The folder is in use by another server.
    #[error("another server uses this folder")]
    InUse,
    /// The engine failed otherwise.
    #[error("the storage failed ({what}, code {code})")]
    Broken {
        /// During what.
        what: &'static str,
        /// Of the engine or the operating system; 0 where it has none.
        code: i32,
    },
}

/// What an engine answers.
pub type Stored<T> = Result<T, StorageError>;

/// What is known of a log beside its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The seq of the last entry; 0 in a new log.
    pub head: Seq,
    /// The seq of the last commit entry; 0 where there was none.
    pub last_commit: Seq,
    /// The current membership generation.
    pub generation: u64,
    /// Its tokens.
    pub tokens: TokenHashes,
    /// The version of the admin list.
    pub admins_version: u64,
    /// The admin list.
    pub admins: Vec<AdminKey>,
    /// Whether only entries with a rider are taken.
    pub frozen: bool,
    /// Whether commits are taken only with a rider.
    pub guarded: bool,
    /// SHA-256 over the parameters of its creation, so that creating again can be told from
    /// creating otherwise.
    pub made_with: [u8; 32],
}

/// What a token of a past generation still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retired {
    /// A read token: reads up to and including this seq, the rotation that ended it.
    Read {
        /// The last entry that it may read.
        until: Seq,
    },
    /// A write token: is told that it is stale.
    Write,
}

/// How many entries a reader wants at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The reader's cursor: only entries with a greater seq.
    pub after: Seq,
    /// The last seq that may be read.
    pub until: Seq,
    /// The most entries.
    pub count: usize,
    /// The page ends before the entry that would take it beyond so many bytes, but is never empty
    /// for that.
    pub bytes: usize,
}

/// What came of a piece of sweeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sweep {
    /// How many rows were removed.
    pub removed: usize,
    /// Whether everything was looked at; else the next piece goes on from there.
    pub is_done: bool,
}

/// Logs and their entries.
pub trait Logs {
    /// What is known of a log.
    ///
    /// # Errors
    /// Where the engine failed.
    fn log(&mut self, log: &LogId) -> Stored<Option<LogRecord>>;
    /// Makes a log or replaces its record.
    ///
    /// # Errors
    /// Where the engine failed.
    fn put_log(&mut self, log: &LogId, record: &LogRecord) -> Stored<()>;
    /// What the token with this hash is, where a past generation's.
    ///
    /// # Errors
    /// Where the engine failed.
    fn retired(&mut self, log: &LogId, hash: &TokenHash) -> Stored<Option<Retired>>;
    /// Keeps the hashes of a generation that ended with the entry `until`.
    ///
    /// # Errors
    /// Where the engine failed.
    fn retire(&mut self, log: &LogId, tokens: &TokenHashes, until: Seq) -> Stored<()>;
    /// Stores an entry under its seq and id, both unused so far.
    ///
    /// # Errors
    /// Where the engine failed.
    fn append(&mut self, log: &LogId, entry: &Entry, day: Day) -> Stored<()>;
    /// The seq of the entry with this id.
    ///
    /// # Errors
    /// Where the engine failed.
    fn seq_of(&mut self, log: &LogId, id: &EntryId) -> Stored<Option<Seq>>;
    /// The id of the entry with this seq, while it is kept.
    ///
    /// # Errors
    /// Where the engine failed.
    fn id_at(&mut self, log: &LogId, seq: Seq) -> Stored<Option<EntryId>>;
    /// Entries in order; at least one where there is one.
    ///
    /// # Errors
    /// Where the engine failed.
    fn entries(&mut self, log: &LogId, page: Page) -> Stored<Vec<Entry>>;
    /// Removes at most `limit` entries, each log's from its beginning: up to the last that was stored
    /// before the days in which entries are kept. A day after them is one of a clock that was wrong.
    ///
    /// # Errors
    /// Where the engine failed.
    fn sweep_entries(&mut self, kept: RangeInclusive<Day>, limit: usize) -> Stored<Sweep>;
}

/// What the directory knows of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountState {
    /// Its username.
    pub username: Option<String>,
    /// Its devices, in the order of their keys.
    pub devices: Vec<DeviceRecord>,
}

/// An operator's invite code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteCode {
    /// How often it may still be used.
    pub uses: u32,
    /// The last day on which it is good.
    pub until: Day,
}

/// Accounts, usernames, devices, KeyPackages and operators' invite codes.
pub trait Directory {
    /// What is known of an account.
    ///
    /// # Errors
    /// Where the engine failed.
    fn account(&mut self, account: &AccountId) -> Stored<Option<AccountState>>;
    /// Whose the username is; it stays so for ever.
    ///
    /// # Errors
    /// Where the engine failed.
    fn owner_of_name(&mut self, username: &str) -> Stored<Option<AccountId>>;
    /// Which account the device speaks for.
    ///
    /// # Errors
    /// Where the engine failed.
    fn owner_of_device(&mut self, device: &DeviceId) -> Stored<Option<AccountId>>;
    /// Adds or replaces a device, and makes its account where that is new.
    ///
    /// # Errors
    /// Where the engine failed.
    fn put_device(&mut self, device: &DeviceRecord) -> Stored<()>;
    /// Gives a username, free so far, to an account.
    ///
    /// # Errors
    /// Where the engine failed.
    fn put_name(&mut self, account: &AccountId, username: &str) -> Stored<()>;
    /// Adds KeyPackages that the pool has never held; replaces the last resort where one is given.
    ///
    /// # Errors
    /// Where the engine failed.
    fn put_key_packages(&mut self, packages: KeyPackages<'_>) -> Stored<()>;
    /// How many KeyPackages the pool holds, without the last resort.
    ///
    /// # Errors
    /// Where the engine failed.
    fn key_packages_left(&mut self, device: &DeviceId, suite: u16) -> Stored<u32>;
    /// Takes a KeyPackage out of the pool, or shows the last resort where the pool is empty.
    ///
    /// # Errors
    /// Where the engine failed.
    fn take_key_package(&mut self, device: &DeviceId, suite: u16) -> Stored<Option<Vec<u8>>>;
    /// An operator's code, by its SHA-256.
    ///
    /// # Errors
    /// Where the engine failed.
    fn invite_code(&mut self, hash: &[u8; 32]) -> Stored<Option<InviteCode>>;
    /// Adds or replaces an operator's code.
    ///
    /// # Errors
    /// Where the engine failed.
    fn put_invite_code(&mut self, hash: &[u8; 32], code: InviteCode) -> Stored<()>;
}

/// KeyPackages for a pool.
#[derive(Debug, Clone, Copy)]
pub struct KeyPackages<'a> {
    /// Whose.
    pub device: &'a DeviceId,
    /// The MLS cipher suite.
    pub suite: u16,
    /// Each is given out once.
    pub packages: &'a [Vec<u8>],
    /// Given out while the pool is empty.
    pub last_resort: Option<&'a [u8]>,
}

/// Where an inbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InboxState {
    /// The seq of the last envelope that ever came.
    pub head: Seq,
    /// How many wait.
    pub waiting: usize,
}

/// Envelopes for devices, and who may put one there.
pub trait Inboxes {
    /// Replaces the hashes of the secrets that entitle to write into the account's inboxes.
    ///
    /// # Errors
    /// Where the engine failed.
    fn put_invites(&mut self, account: &AccountId, hashes: &[TokenHash]) -> Stored<()>;
    /// Those hashes.
    ///
    /// # Errors
    /// Where the engine failed.
    fn invites(&mut self, account: &AccountId) -> Stored<Vec<TokenHash>>;
    /// Where the device's inbox stands.
    ///
    /// # Errors
    /// Where the engine failed.
    fn inbox(&mut self, device: &DeviceId) -> Stored<InboxState>;
    /// Whether an envelope with this id waits.
    ///
    /// # Errors
    /// Where the engine failed.
    fn has_envelope(&mut self, device: &DeviceId, id: &EntryId) -> Stored<bool>;
    /// Adds an envelope; its seq follows the head.
    ///
    /// # Errors
    /// Where the engine failed.
    fn deliver(&mut self, device: &DeviceId, id: &EntryId, bytes: &[u8], day: Day) -> Stored<Seq>;
    /// Envelopes in order; at least one where there is one.
    ///
    /// # Errors
    /// Where the engine failed.
    fn envelopes(&mut self, device: &DeviceId, page: Page) -> Stored<Vec<InboxEntry>>;
    /// Erases the envelopes with `seq <= up_to`.
    ///
    /// # Errors
    /// Where the engine failed.
    fn erase(&mut self, device: &DeviceId, up_to: Seq) -> Stored<()>;
    /// Removes at most `limit` envelopes delivered before the day; how many it removed.
    ///
    /// # Errors
    /// Where the engine failed.
    fn sweep_envelopes(&mut self, before: Day, limit: usize) -> Stored<usize>;
}

/// How much of a blob there is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobState {
    /// The size of the whole.
    pub total: u64,
    /// Durable from the beginning.
    pub have: u64,
}

impl BlobState {
    /// Whether all of it is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.have == self.total
    }
}

/// Sealed files and trees.
pub trait Blobs {
    /// How much of a blob there is.
    ///
    /// # Errors
    /// Where the engine failed.
    fn blob(&mut self, blob: &BlobId) -> Stored<Option<BlobState>>;
    /// Adds bytes at the end of what there is, so that it is `state` afterwards.
    ///
    /// # Errors
    /// Where the engine failed.
    fn put_part(&mut self, blob: &BlobId, bytes: &[u8], state: BlobState, day: Day) -> Stored<()>;
    /// At most `length` bytes from `offset` of what there is.
    ///
    /// # Errors
    /// Where the engine failed.
    fn part(&mut self, blob: &BlobId, offset: u64, length: usize) -> Stored<Vec<u8>>;
    /// Removes at most `limit` blobs last written before the day; how many it removed.
    ///
    /// # Errors
    /// Where the engine failed.
    fn sweep_blobs(&mut self, before: Day, limit: usize) -> Stored<usize>;
}

/// All that one transaction can touch.
pub trait Batch: Logs + Directory + Inboxes + Blobs {}

impl<T: Logs + Directory + Inboxes + Blobs> Batch for T {}

/// What is done inside a transaction.
pub type Work<'a> = dyn FnMut(&mut dyn Batch) -> Stored<()> + 'a;

/// What keeps everything. One transaction at a time.
pub trait Engine: Send {
    /// Does the work in one transaction: when this returns without an error, all of it will be seen
    /// by every later transaction; otherwise none of it. After [`Engine::sync`] it outlives a loss
    /// of power.
    ///
    /// # Errors
    /// The work's own error, or the engine's.
    fn write(&mut self, work: &mut Work<'_>) -> Stored<()>;

    /// Looks something up. The work must change nothing.
    ///
    /// # Errors
    /// The work's own error, or the engine's.
    fn read(&mut self, work: &mut Work<'_>) -> Stored<()> {
        self.write(work)
    }

    /// Makes all that was written outlive a loss of power. Engines whose `write` is durable when it
    /// returns do nothing here.
    ///
    /// # Errors
    /// Where the engine failed.
    fn sync(&mut self) -> Stored<()>;

    /// Does what is better done when there is time: gives erased bytes back to the disk.
    ///
    /// # Errors
    /// Where the engine failed.
    fn tidy(&mut self) -> Stored<()>;

    /// Bytes on disk (or in memory, where there is no disk).
    fn disk_bytes(&self) -> u64;
}
