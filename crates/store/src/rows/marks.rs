//! Marks: what has counted once, what is waited for.

use rusqlite::params;
use veche_wire::{AccountId, DeviceId, EntryId, LogId, Millis};

use super::{found, id, signed, unsigned};
use crate::{StoreError, Tx};

/// How much is remembered over all scopes; what is older may count again.
const SEEN_KEPT: i64 = 100_000;

/// Where something counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In the inbox.
    Inbox,
    /// In a log.
    Log(LogId),
}

impl Scope {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inbox => &[0; 16],
            Self::Log(log) => log.as_bytes(),
        }
    }
}

/// This device's request to be added to a log again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadmissionRow {
    /// The log.
    pub log: LogId,
    /// The id of the control entry.
    pub id: EntryId,
    /// Its sealed bytes.
    pub sealed: Vec<u8>,
    /// The request inside; `None` where only somebody else's commit is waited for.
    pub request: Option<Vec<u8>>,
    /// When it was durable on the server (ms since 1970); 0 before.
    pub asked: Millis,
    /// How often it was made anew before, because nobody had answered.
    pub tries: u32,
}

impl Tx<'_> {
    /// Whether `id` (of any length) was not seen in its scope before; from now on it was. The
    /// latest 100,000 are remembered.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn see(&self, scope: &Scope, id: &[u8]) -> Result<bool, StoreError> {
        let new = self
            .connection()
            .prepare_cached("INSERT OR IGNORE INTO seen (scope, id) VALUES (?1, ?2)")?
            .execute(params![scope.as_bytes(), id])?;
        if new == 0 {
            return Ok(false);
        }
        self.connection()
            .prepare_cached("DELETE FROM seen WHERE position <= ?1")?
            .execute([self.connection().last_insert_rowid() - SEEN_KEPT])?;
        Ok(true)
    }

    /// Keeps the last change that `account` made to a message.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_late_change(
        &self,
        target: &EntryId,
        account: &AccountId,
        content: &[u8],
    ) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO late_change (target, account, content) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![target.as_bytes(), account.as_bytes(), content])?;
        Ok(())
    }

    /// The last change that `account` made to a message.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn late_change(
        &self,
        target: &EntryId,
        account: &AccountId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT content FROM late_change WHERE target = ?1 AND account = ?2",
                )?
                .query_row(params![target.as_bytes(), account.as_bytes()], |row| row.get(0)),
        )
    }

    /// This device's request to be added to a log again.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn readmission(&self, log: &LogId) -> Result<Option<ReadmissionRow>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT log, id, sealed, asked, tries, request FROM readmission WHERE log = ?1",
                )?
                .query_row([log.as_bytes()], |row| {
                    Ok(ReadmissionRow {
                        log: id(row, 0)?,
                        id: id(row, 1)?,
                        sealed: row.get(2)?,
                        asked: unsigned(row, 3)?,
                        tries: row.get(4)?,
                        request: row.get(5)?,
                    })
                }),
        )
    }

    /// Keeps it; a log has one.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_readmission(&self, row: &ReadmissionRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO readmission (log, id, sealed, asked, tries, request)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                row.log.as_bytes(),
                row.id.as_bytes(),
                row.sealed,
                signed(row.asked),
                row.tries,
                row.request,
            ])?;
        Ok(())
    }

    /// Drops it.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_readmission(&self, log: &LogId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM readmission WHERE log = ?1")?
            .execute([log.as_bytes()])?;
        Ok(())
    }

    /// A device was added to a log: its first entry is waited for.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn await_device(
        &self,
        log: &LogId,
        device: &DeviceId,
        added: Millis,
    ) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO awaited (log, device, added) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![log.as_bytes(), device.as_bytes(), signed(added)])?;
        Ok(())
    }

    /// A device has written, or is gone; whether it was awaited.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn await_no_more(&self, log: &LogId, device: &DeviceId) -> Result<bool, StoreError> {
        let awaited = self
            .connection()
            .prepare_cached("DELETE FROM awaited WHERE log = ?1 AND device = ?2")?
            .execute(params![log.as_bytes(), device.as_bytes()])?;
        Ok(awaited > 0)
    }

    /// The devices that were added to a log and have written nothing since, and when that was.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn awaited(&self, log: &LogId) -> Result<Vec<(DeviceId, Millis)>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT device, added FROM awaited WHERE log = ?1 ORDER BY device")?;
        let rows = query.query_map([log.as_bytes()], |row| Ok((id(row, 0)?, unsigned(row, 1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// This device is no member any more: nothing is waited for there.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn clear_marks(&self, log: &LogId) -> Result<(), StoreError> {
        for sql in ["DELETE FROM awaited WHERE log = ?1", "DELETE FROM seen WHERE scope = ?1"] {
            self.connection().prepare_cached(sql)?.execute([log.as_bytes()])?;
        }
        self.clear_counters(log)
    }
}
