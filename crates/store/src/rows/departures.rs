//! Requests to be removed from logs that this device has left: it cannot see whether they were carried
//! out, and a server restored from an older copy has lost them.

use rusqlite::params;
use veche_wire::{EntryId, LogId, Millis, Seq, Token};

use super::{id, signed, unsigned};
use crate::{StoreError, Tx};

/// A request to be removed, as it went to the server.
#[derive(Clone, PartialEq, Eq)]
pub struct DepartureRow {
    /// The log.
    pub log: LogId,
    /// The id of the control entry.
    pub id: EntryId,
    /// Where the log had it.
    pub seq: Seq,
    /// The read token of the generation for which it was sealed.
    pub read_token: Token,
    /// That generation's write token.
    pub write_token: Token,
    /// Its sealed bytes.
    pub bytes: Vec<u8>,
    /// The request inside.
    pub request: Vec<u8>,
    /// Members who can be asked otherwise (the client's encoding).
    pub members: Vec<u8>,
    /// When the server first had it (ms since 1970).
    pub asked: Millis,
}

impl std::fmt::Debug for DepartureRow {
    /// Shows nothing that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DepartureRow({:?})", self.id)
    }
}

impl Tx<'_> {
    /// The requests, by log.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn departures(&self) -> Result<Vec<DepartureRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT log, id, seq, read_token, write_token, bytes, request, members, asked
             FROM departure
             ORDER BY log",
        )?;
        let rows = query.query_map([], |row| {
            Ok(DepartureRow {
                log: id(row, 0)?,
                id: id(row, 1)?,
                seq: unsigned(row, 2)?,
                read_token: id(row, 3)?,
                write_token: id(row, 4)?,
                bytes: row.get(5)?,
                request: row.get(6)?,
                members: row.get(7)?,
                asked: unsigned(row, 8)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps a request; a log has one.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_departure(&self, row: &DepartureRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO departure
                 (log, id, seq, read_token, write_token, bytes, request, members, asked)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                row.log.as_bytes(),
                row.id.as_bytes(),
                signed(row.seq),
                row.read_token.as_bytes(),
                row.write_token.as_bytes(),
                row.bytes,
                row.request,
                row.members,
                signed(row.asked)
            ])?;
        Ok(())
    }

    /// Drops the request to be removed from a log.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_departure(&self, log: &LogId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM departure WHERE log = ?1")?
            .execute([log.as_bytes()])?;
        Ok(())
    }

    /// Keeps the key that this device's leaf had before its commit `seq`, and of the earlier ones as
    /// many that there are `keep` in all.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_own_leaf_key(
        &self,
        log: &LogId,
        (seq, hash): (Seq, &[u8; 32]),
        keep: usize,
    ) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO own_leaf_key (log, seq, hash) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![log.as_bytes(), signed(seq), hash])?;
        self.connection()
            .prepare_cached(
                "DELETE FROM own_leaf_key WHERE log = ?1 AND seq NOT IN (
                     SELECT seq FROM own_leaf_key WHERE log = ?1 ORDER BY seq DESC LIMIT ?2
                 )",
            )?
            .execute(params![log.as_bytes(), i64::try_from(keep).unwrap_or(i64::MAX)])?;
        Ok(())
    }

    /// The keys that this device's leaf had before its latest commits, the latest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn own_leaf_keys(&self, log: &LogId) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT hash FROM own_leaf_key WHERE log = ?1 ORDER BY seq DESC")?;
        let rows = query.query_map([log.as_bytes()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// This device has another leaf, or none.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn forget_own_leaf_keys(&self, log: &LogId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM own_leaf_key WHERE log = ?1")?
            .execute([log.as_bytes()])?;
        Ok(())
    }
}
