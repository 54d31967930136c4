//! Messages that this device could not open because the server was restored from an older copy, and
//! who may ask for one of its own again.

use rusqlite::params;
use veche_wire::{DeviceId, EntryId, LogId, Seq};

use super::{found, id, signed, unsigned};
use crate::{StoreError, Tx};

impl Tx<'_> {
    /// Keeps that a message entry could not be opened.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_unread(&self, log: &LogId, entry: &EntryId, seq: Seq) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR IGNORE INTO unread_entry (log, id, seq) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![log.as_bytes(), entry.as_bytes(), signed(seq)])?;
        Ok(())
    }

    /// Takes at most `limit` entries that could not be opened and were not asked for yet: now they
    /// are.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn ask_unread(&self, log: &LogId, limit: usize) -> Result<Vec<EntryId>, StoreError> {
        let ids = {
            let mut query = self.connection().prepare_cached(
                "SELECT id FROM unread_entry WHERE log = ?1 AND NOT asked ORDER BY seq LIMIT ?2",
            )?;
            let rows =
                query.query_map(params![log.as_bytes(), signed(limit as u64)], |row| id(row, 0))?;
            rows.collect::<Result<Vec<EntryId>, _>>()?
        };
        for entry in &ids {
            self.connection()
                .prepare_cached("UPDATE unread_entry SET asked = 1 WHERE log = ?1 AND id = ?2")?
                .execute(params![log.as_bytes(), entry.as_bytes()])?;
        }
        Ok(ids)
    }

    /// Whether this was a message that could not be opened, and was not said again yet.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn is_unread(&self, log: &LogId, entry: &EntryId) -> Result<bool, StoreError> {
        let key = params![log.as_bytes(), entry.as_bytes()];
        Ok(self
            .connection()
            .prepare_cached("SELECT 1 FROM unread_entry WHERE log = ?1 AND id = ?2")?
            .exists(key)?)
    }

    /// A message was said again: where it could not be opened, if it was one of those.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn take_unread(&self, log: &LogId, entry: &EntryId) -> Result<Option<Seq>, StoreError> {
        let key = params![log.as_bytes(), entry.as_bytes()];
        found(
            self.connection()
                .prepare_cached(
                    "DELETE FROM unread_entry WHERE log = ?1 AND id = ?2 RETURNING seq",
                )?
                .query_row(key, |row| unsigned(row, 0)),
        )
    }

    /// Whether an own entry was not said again for somebody before; now it is.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn repeat_once(&self, log: &LogId, entry: &EntryId) -> Result<bool, StoreError> {
        let changed = self
            .connection()
            .prepare_cached(
                "UPDATE entry SET repeated = 1 WHERE log = ?1 AND id = ?2 AND NOT repeated",
            )?
            .execute(params![log.as_bytes(), entry.as_bytes()])?;
        Ok(changed == 1)
    }

    /// Keeps that the entries `after + 1` to `until - 1` are to be looked through for messages that
    /// this device could not open; nothing, where that is none.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_missed(&self, log: &LogId, after: Seq, until: Seq) -> Result<(), StoreError> {
        if after + 1 < until {
            self.connection()
                .prepare_cached(
                    "INSERT OR REPLACE INTO missed_range (log, after, until) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![log.as_bytes(), signed(after), signed(until)])?;
        } else {
            self.connection()
                .prepare_cached("DELETE FROM missed_range WHERE log = ?1")?
                .execute([log.as_bytes()])?;
        }
        Ok(())
    }

    /// What is to be looked through.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn missed(&self) -> Result<Vec<(LogId, Seq, Seq)>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT log, after, until FROM missed_range ORDER BY log")?;
        let rows =
            query.query_map([], |row| Ok((id(row, 0)?, unsigned(row, 1)?, unsigned(row, 2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps with which entry a device came in.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_newcomer(&self, log: &LogId, device: &DeviceId, seq: Seq) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO newcomer (log, device, seq) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![log.as_bytes(), device.as_bytes(), signed(seq)])?;
        Ok(())
    }

    /// A device that came in is gone.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_newcomer(&self, log: &LogId, device: &DeviceId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM newcomer WHERE log = ?1 AND device = ?2")?
            .execute(params![log.as_bytes(), device.as_bytes()])?;
        Ok(())
    }

    /// Whether somebody is in now who was not when the entry `seq`, which is still kept, was written.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn has_grown_since(&self, log: &LogId, seq: Seq) -> Result<bool, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT 1 FROM newcomer WHERE log = ?1 AND seq >= ?2")?;
        Ok(query.exists(params![log.as_bytes(), signed(seq)])?)
    }
}
