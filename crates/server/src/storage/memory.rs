//! The engine without a disk, for the simulator and for tests.
//!
//! It knows what was synced: [`Memory::lose_unsynced`] drops the rest, as a loss of power does.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};
use veche_wire::{
    AccountId, BlobId, DeviceId, DeviceRecord, Entry, EntryId, InboxEntry, LogId, Seq, TokenHash,
    TokenHashes,
};

use super::{
    AccountState, Batch, BlobState, Blobs, Day, Directory, Engine, InboxState, Inboxes, InviteCode,
    KeyPackages, LogRecord, Logs, Page, Retired, StorageError, Stored, Sweep, Work,
};

type Undo = Box<dyn FnOnce(&mut Tables) + Send>;

/// Tables in memory and the way back to what was synced last.
#[derive(Default)]
pub struct Memory {
    tables: Tables,
    /// Undoes, in order, everything since the last sync.
    undo: Vec<Undo>,
    full: bool,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("unsynced", &self.undo.len()).finish_non_exhaustive()
    }
}

#[derive(Default, Clone)]
struct Tables {
    logs: BTreeMap<LogId, LogRecord>,
    retired: BTreeMap<(LogId, TokenHash), Retired>,
    entries: BTreeMap<(LogId, Seq), (Entry, Day)>,
    ids: BTreeMap<(LogId, EntryId), Seq>,
    accounts: BTreeMap<AccountId, AccountState>,
    names: BTreeMap<String, AccountId>,
    devices: BTreeMap<DeviceId, AccountId>,
    /// By hash; `None` once given out.
    packages: BTreeMap<(DeviceId, u16, [u8; 32]), Option<Vec<u8>>>,
    last_resorts: BTreeMap<(DeviceId, u16), Vec<u8>>,
    codes: BTreeMap<[u8; 32], InviteCode>,
    invites: BTreeMap<AccountId, Vec<TokenHash>>,
    inbox_heads: BTreeMap<DeviceId, Seq>,
    envelopes: BTreeMap<(DeviceId, Seq), (InboxEntry, Day)>,
    blobs: BTreeMap<BlobId, (BlobState, Day)>,
    parts: BTreeMap<(BlobId, u64), Vec<u8>>,
}

/// One transaction: the tables and what it has changed.
struct Transaction<'a> {
    tables: &'a mut Tables,
    undo: &'a mut Vec<Undo>,
}

impl Memory {
    /// An engine that holds nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Drops everything that was written after the last sync, as a loss of power does.
    pub fn lose_unsynced(&mut self) {
        self.roll_back_to(0);
    }

    /// A copy of everything, as an operator's backup has it.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { tables: self.tables.clone(), undo: Vec::new(), full: false }
    }

    /// Makes every write fail as if the disk were full, or lets them through again.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    fn roll_back_to(&mut self, mark: usize) {
        while self.undo.len() > mark {
            if let Some(undo) = self.undo.pop() {
                undo(&mut self.tables);
            }
        }
    }
}

impl Engine for Memory {
    fn write(&mut self, work: &mut Work<'_>) -> Stored<()> {
        let mark = self.undo.len();
        let mut transaction = Transaction { tables: &mut self.tables, undo: &mut self.undo };
        let batch: &mut dyn Batch = &mut transaction;
        let mut done = work(batch);
        if done.is_ok() && self.full && self.undo.len() > mark {
            done = Err(StorageError::Full);
        }
        if done.is_err() {
            self.roll_back_to(mark);
        }
        done
    }

    fn sync(&mut self) -> Stored<()> {
        self.undo.clear();
        Ok(())
    }

    fn tidy(&mut self) -> Stored<()> {
        Ok(())
    }

    fn disk_bytes(&self) -> u64 {
        let entries: usize = self.tables.entries.values().map(|(entry, _)| entry.bytes.len()).sum();
        let parts: usize = self.tables.parts.values().map(Vec::len).sum();
        (entries + parts) as u64
    }
}

impl Transaction<'_> {
    /// Sets or removes a row, so that it can be undone. All changes go through here.
    fn put<K, V>(&mut self, table: fn(&mut Tables) -> &mut BTreeMap<K, V>, key: K, value: Option<V>)
    where
        K: Ord + Clone + Send + 'static,
        V: Send + 'static,
    {
        let rows = table(self.tables);
        let before = match value {
            Some(value) => rows.insert(key.clone(), value),
            None => rows.remove(&key),
        };
        self.undo.push(Box::new(move |tables| {
            let rows = table(tables);
            match before {
                Some(before) => rows.insert(key, before),
                None => rows.remove(&key),
            };
        }));
    }
}

impl Logs for Transaction<'_> {
    fn log(&mut self, log: &LogId) -> Stored<Option<LogRecord>> {
        Ok(self.tables.logs.get(log).cloned())
    }

    fn put_log(&mut self, log: &LogId, record: &LogRecord) -> Stored<()> {
        self.put(|tables| &mut tables.logs, *log, Some(record.clone()));
        Ok(())
    }

    fn retired(&mut self, log: &LogId, hash: &TokenHash) -> Stored<Option<Retired>> {
        Ok(self.tables.retired.get(&(*log, *hash)).copied())
    }

    fn retire(&mut self, log: &LogId, tokens: &TokenHashes, until: Seq) -> Stored<()> {
        let read = Retired::Read { until };
        self.put(|tables| &mut tables.retired, (*log, tokens.write), Some(Retired::Write));
        self.put(|tables| &mut tables.retired, (*log, tokens.read), Some(read));
        Ok(())
    }

    fn append(&mut self, log: &LogId, entry: &Entry, day: Day) -> Stored<()> {
        self.put(|tables| &mut tables.ids, (*log, entry.id), Some(entry.seq));
        self.put(|tables| &mut tables.entries, (*log, entry.seq), Some((entry.clone(), day)));
        Ok(())
    }

    fn seq_of(&mut self, log: &LogId, id: &EntryId) -> Stored<Option<Seq>> {
        Ok(self.tables.ids.get(&(*log, *id)).copied())
    }

    fn id_at(&mut self, log: &LogId, seq: Seq) -> Stored<Option<EntryId>> {
        Ok(self.tables.entries.get(&(*log, seq)).map(|(entry, _)| entry.id))
    }

    fn entries(&mut self, log: &LogId, page: Page) -> Stored<Vec<Entry>> {
        if page.after >= page.until {
            return Ok(Vec::new());
        }
        let rows = self.tables.entries.range((*log, page.after + 1)..=(*log, page.until));
        Ok(cut(rows.map(|(_, (entry, _))| entry), page, |entry| entry.bytes.len()))
    }

    fn sweep_entries(&mut self, kept: RangeInclusive<Day>, limit: usize) -> Stored<Sweep> {
        let mut ends = BTreeMap::new();
        let mut young = None;
        for ((log, seq), (_, day)) in &self.tables.entries {
            if kept.contains(day) {
                young = Some(*log);
            } else if young != Some(*log) && day < kept.start() {
                ends.insert(*log, *seq);
            }
        }
        let is_old = |(log, seq): &(LogId, Seq)| ends.get(log).is_some_and(|end| seq <= end);
        let old = self.tables.entries.iter().filter(|(key, _)| is_old(key));
        let keys: Vec<_> = old.take(limit).map(|(key, (entry, _))| (*key, entry.id)).collect();
        for (key, id) in &keys {
            self.put(|tables| &mut tables.entries, *key, None);
            self.put(|tables| &mut tables.ids, (key.0, *id), None);
        }
        Ok(Sweep { removed: keys.len(), is_done: keys.len() < limit })
    }
}

/// The beginning of `rows` that fits the page.
fn cut<'a, T: Clone + 'a>(
    rows: impl Iterator<Item = &'a T>,
    page: Page,
    size: fn(&T) -> usize,
) -> Vec<T> {
    let mut bytes = 0;
    let mut out = Vec::new();
    for row in rows.take(page.count) {
        bytes += size(row);
        if bytes > page.bytes && !out.is_empty() {
            break;
        }
        out.push(row.clone());
    }
    out
}

impl Directory for Transaction<'_> {
    fn account(&mut self, account: &AccountId) -> Stored<Option<AccountState>> {
        Ok(self.tables.accounts.get(account).cloned())
    }

    fn owner_of_name(&mut self, username: &str) -> Stored<Option<AccountId>> {
        Ok(self.tables.names.get(username).copied())
    }

    fn owner_of_device(&mut self, device: &DeviceId) -> Stored<Option<AccountId>> {
        Ok(self.tables.devices.get(device).copied())
    }

    fn put_device(&mut self, record: &DeviceRecord) -> Stored<()> {
        let (account, device) = (record.certificate.account, record.certificate.device);
        let mut state = self.tables.accounts.get(&account).cloned().unwrap_or_default();
        state.devices.retain(|other| other.certificate.device != device);
        state.devices.push(record.clone());
        state.devices.sort_by_key(|other| other.certificate.device);
        self.put(|tables| &mut tables.accounts, account, Some(state));
        self.put(|tables| &mut tables.devices, device, Some(account));
        Ok(())
    }

    fn put_name(&mut self, account: &AccountId, username: &str) -> Stored<()> {
        let mut state = self.tables.accounts.get(account).cloned().unwrap_or_default();
        state.username = Some(username.to_owned());
        self.put(|tables| &mut tables.accounts, *account, Some(state));
        self.put(|tables| &mut tables.names, username.to_owned(), Some(*account));
        Ok(())
    }

    fn put_key_packages(&mut self, packages: KeyPackages<'_>) -> Stored<()> {
        let KeyPackages { device, suite, .. } = packages;
        for package in packages.packages {
            let key = (*device, suite, Sha256::digest(package).into());
            if !self.tables.packages.contains_key(&key) {
                self.put(|tables| &mut tables.packages, key, Some(Some(package.clone())));
            }
        }
        if let Some(bytes) = packages.last_resort {
            let key = (*device, suite);
            self.put(|tables| &mut tables.last_resorts, key, Some(bytes.to_vec()));
        }
        Ok(())
    }

    fn key_packages_left(&mut self, device: &DeviceId, suite: u16) -> Stored<u32> {
        let count = pool(self.tables, device, suite).count();
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn take_key_package(&mut self, device: &DeviceId, suite: u16) -> Stored<Option<Vec<u8>>> {
        let first =
            pool(self.tables, device, suite).next().map(|(key, bytes)| (*key, bytes.clone()));
        if let Some((key, bytes)) = first {
            self.put(|tables| &mut tables.packages, key, Some(None));
            return Ok(Some(bytes));
        }
        Ok(self.tables.last_resorts.get(&(*device, suite)).cloned())
    }

    fn invite_code(&mut self, hash: &[u8; 32]) -> Stored<Option<InviteCode>> {
        Ok(self.tables.codes.get(hash).copied())
    }

    fn put_invite_code(&mut self, hash: &[u8; 32], code: InviteCode) -> Stored<()> {
        self.put(|tables| &mut tables.codes, *hash, Some(code));
        Ok(())
    }
}

/// The packages of a pool that were not given out.
fn pool<'a>(
    tables: &'a Tables,
    device: &DeviceId,
    suite: u16,
) -> impl Iterator<Item = (&'a (DeviceId, u16, [u8; 32]), &'a Vec<u8>)> {
    let range = (*device, suite, [0; 32])..=(*device, suite, [0xff; 32]);
    tables.packages.range(range).filter_map(|(key, bytes)| Some((key, bytes.as_ref()?)))
}

impl Inboxes for Transaction<'_> {
    fn put_invites(&mut self, account: &AccountId, hashes: &[TokenHash]) -> Stored<()> {
        self.put(|tables| &mut tables.invites, *account, Some(hashes.to_vec()));
        Ok(())
    }

    fn invites(&mut self, account: &AccountId) -> Stored<Vec<TokenHash>> {
        Ok(self.tables.invites.get(account).cloned().unwrap_or_default())
    }

    fn inbox(&mut self, device: &DeviceId) -> Stored<InboxState> {
        let waiting = self.tables.envelopes.range((*device, 0)..=(*device, Seq::MAX)).count();
        Ok(InboxState { head: self.tables.inbox_heads.get(device).copied().unwrap_or(0), waiting })
    }

    fn has_envelope(&mut self, device: &DeviceId, id: &EntryId) -> Stored<bool> {
        let mut waiting = self.tables.envelopes.range((*device, 0)..=(*device, Seq::MAX));
        Ok(waiting.any(|(_, (entry, _))| entry.id == *id))
    }

    fn deliver(&mut self, device: &DeviceId, id: &EntryId, bytes: &[u8], day: Day) -> Stored<Seq> {
        let seq = self.tables.inbox_heads.get(device).copied().unwrap_or(0) + 1;
        let entry = InboxEntry { seq, id: *id, bytes: bytes.to_vec() };
        self.put(|tables| &mut tables.envelopes, (*device, seq), Some((entry, day)));
        self.put(|tables| &mut tables.inbox_heads, *device, Some(seq));
        Ok(seq)
    }

    fn envelopes(&mut self, device: &DeviceId, page: Page) -> Stored<Vec<InboxEntry>> {
        if page.after >= page.until {
            return Ok(Vec::new());
        }
        let rows = self.tables.envelopes.range((*device, page.after + 1)..=(*device, page.until));
        Ok(cut(rows.map(|(_, (entry, _))| entry), page, |entry| entry.bytes.len()))
    }

    fn erase(&mut self, device: &DeviceId, up_to: Seq) -> Stored<()> {
        let rows = self.tables.envelopes.range((*device, 0)..=(*device, up_to));
        let keys: Vec<_> = rows.map(|(key, _)| *key).collect();
        for key in keys {
            self.put(|tables| &mut tables.envelopes, key, None);
        }
        Ok(())
    }

    fn sweep_envelopes(&mut self, before: Day, limit: usize) -> Stored<usize> {
        let old = self.tables.envelopes.iter().filter(|(_, (_, day))| *day < before);
        let keys: Vec<_> = old.take(limit).map(|(key, _)| *key).collect();
        for key in &keys {
            self.put(|tables| &mut tables.envelopes, *key, None);
        }
        Ok(keys.len())
    }
}

impl Blobs for Transaction<'_> {
    fn blob(&mut self, blob: &BlobId) -> Stored<Option<BlobState>> {
        Ok(self.tables.blobs.get(blob).map(|(state, _)| *state))
    }

    fn put_part(&mut self, blob: &BlobId, bytes: &[u8], state: BlobState, day: Day) -> Stored<()> {
        let offset = state.have.saturating_sub(bytes.len() as u64);
        self.put(|tables| &mut tables.parts, (*blob, offset), Some(bytes.to_vec()));
        self.put(|tables| &mut tables.blobs, *blob, Some((state, day)));
        Ok(())
    }

    fn part(&mut self, blob: &BlobId, offset: u64, length: usize) -> Stored<Vec<u8>> {
        let mut out = Vec::new();
        for ((_, start), bytes) in self.tables.parts.range((*blob, 0)..=(*blob, u64::MAX)) {
            let wanted = offset + out.len() as u64;
            if out.len() == length {
                break;
            }
            let Some(skip) = wanted.checked_sub(*start) else { break };
            let tail = usize::try_from(skip).ok().and_then(|skip| bytes.get(skip..)).unwrap_or(&[]);
            out.extend(tail.iter().take(length - out.len()));
        }
        Ok(out)
    }

    fn sweep_blobs(&mut self, before: Day, limit: usize) -> Stored<usize> {
        let old = self.tables.blobs.iter().filter(|(_, (_, day))| *day < before);
        let blobs: Vec<_> = old.take(limit).map(|(blob, _)| *blob).collect();
        for blob in &blobs {
            let parts = self.tables.parts.range((*blob, 0)..=(*blob, u64::MAX));
            let keys: Vec<_> = parts.map(|(key, _)| *key).collect();
            for key in keys {
                self.put(|tables| &mut tables.parts, key, None);
            }
            self.put(|tables| &mut tables.blobs, *blob, None);
        }
        Ok(blobs.len())
    }
}
