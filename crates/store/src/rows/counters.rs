//! Counters of messages by leaf and epoch: what is expected of others, what this device has given
//! up (docs/protocol.md, rule 3).

use rusqlite::params;
use veche_wire::LogId;

use super::{found, unsigned};
use crate::{StoreError, Tx};

impl Tx<'_> {
    /// The next counter expected of a leaf in the current epoch.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn sender_counter(&self, log: &LogId, leaf: u32) -> Result<Option<u32>, StoreError> {
        found(
            self.connection()
                .prepare_cached("SELECT next FROM sender_counter WHERE log = ?1 AND leaf = ?2")?
                .query_row(params![log.as_bytes(), leaf], |row| row.get(0)),
        )
    }

    /// Sets the next counter expected of a leaf.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn set_sender_counter(&self, log: &LogId, leaf: u32, next: u32) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO sender_counter (log, leaf, next) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![log.as_bytes(), leaf, next])?;
        Ok(())
    }

    /// A new epoch: every leaf counts from 0 again, and nothing is given up.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn clear_counters(&self, log: &LogId) -> Result<(), StoreError> {
        for table in ["sender_counter", "given_up"] {
            let sql = format!("DELETE FROM {table} WHERE log = ?1");
            self.connection().prepare_cached(&sql)?.execute([log.as_bytes()])?;
        }
        Ok(())
    }

    /// The counters of the current epoch that this device has given up, the lowest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn given_up(&self, log: &LogId) -> Result<Vec<u32>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT counter FROM given_up WHERE log = ?1 ORDER BY counter")?;
        let counters = query.query_map([log.as_bytes()], |row| row.get(0))?;
        Ok(counters.collect::<Result<_, _>>()?)
    }

    /// Gives a counter of the current epoch up; answers how many are given up now.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn give_up(&self, log: &LogId, counter: u32) -> Result<u64, StoreError> {
        self.connection()
            .prepare_cached("INSERT OR IGNORE INTO given_up (log, counter) VALUES (?1, ?2)")?
            .execute(params![log.as_bytes(), counter])?;
        let mut query =
            self.connection().prepare_cached("SELECT count(*) FROM given_up WHERE log = ?1")?;
        Ok(query.query_row([log.as_bytes()], |row| unsigned(row, 0))?)
    }
}
