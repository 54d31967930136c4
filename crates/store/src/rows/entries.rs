//! The latest entries of a log as they came, and the transcript hash after each.

use rusqlite::params;
use veche_wire::{EntryId, LogId, Seq};

use super::{found, hash, id, signed, unsigned};
use crate::{StoreError, Tx};

/// An entry as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Its place.
    pub seq: Seq,
    /// Its id.
    pub id: EntryId,
    /// The transcript hash after it.
    pub hash: [u8; 32],
    /// The entry as a frame; empty where this device came in with the entry and never had it.
    pub frame: Vec<u8>,
    /// What this device wanted with it, where it is its own (the client's encoding).
    pub wanted: Option<Vec<u8>>,
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<EntryRow> {
    Ok(EntryRow {
        seq: unsigned(row, 0)?,
        id: id(row, 1)?,
        hash: hash(row, 2)?,
        frame: row.get(3)?,
        wanted: row.get(4)?,
    })
}

impl Tx<'_> {
    /// Keeps an entry.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_entry(&self, log: &LogId, row: &EntryRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO entry (log, seq, id, hash, frame, wanted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                log.as_bytes(),
                signed(row.seq),
                row.id.as_bytes(),
                row.hash,
                row.frame,
                row.wanted
            ])?;
        Ok(())
    }

    /// The transcript hash after an entry, while it is kept.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn transcript_hash(&self, log: &LogId, seq: Seq) -> Result<Option<[u8; 32]>, StoreError> {
        found(
            self.connection()
                .prepare_cached("SELECT hash FROM entry WHERE log = ?1 AND seq = ?2")?
                .query_row(params![log.as_bytes(), signed(seq)], |row| hash(row, 0)),
        )
    }

    /// The kept entry with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn entry(&self, log: &LogId, entry: &EntryId) -> Result<Option<EntryRow>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT seq, id, hash, frame, wanted FROM entry WHERE log = ?1 AND id = ?2",
                )?
                .query_row(params![log.as_bytes(), entry.as_bytes()], read),
        )
    }

    /// The kept entry with this seq.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn entry_at(&self, log: &LogId, seq: Seq) -> Result<Option<EntryRow>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT seq, id, hash, frame, wanted FROM entry WHERE log = ?1 AND seq = ?2",
                )?
                .query_row(params![log.as_bytes(), signed(seq)], read),
        )
    }

    /// The seq of the first kept entry.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn first_entry(&self, log: &LogId) -> Result<Option<Seq>, StoreError> {
        let mut query =
            self.connection().prepare_cached("SELECT min(seq) FROM entry WHERE log = ?1")?;
        let first: Option<i64> = query.query_row([log.as_bytes()], |row| row.get(0))?;
        Ok(first.and_then(|first| u64::try_from(first).ok()))
    }

    /// The kept entries with `seq > after`, in order.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn entries_after(&self, log: &LogId, after: Seq) -> Result<Vec<EntryRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT seq, id, hash, frame, wanted FROM entry WHERE log = ?1 AND seq > ?2 ORDER BY seq",
        )?;
        let rows = query.query_map(params![log.as_bytes(), signed(after)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Forgets what this device wanted with an entry of its own.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn forget_wanted(&self, log: &LogId, entry: &EntryId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("UPDATE entry SET wanted = NULL WHERE log = ?1 AND id = ?2")?
            .execute(params![log.as_bytes(), entry.as_bytes()])?;
        Ok(())
    }

    /// Drops the kept entries with `seq <= up_to`.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn trim_entries(&self, log: &LogId, up_to: Seq) -> Result<(), StoreError> {
        for sql in [
            "DELETE FROM entry WHERE log = ?1 AND seq <= ?2",
            "DELETE FROM newcomer WHERE log = ?1 AND seq <= ?2",
        ] {
            self.connection()
                .prepare_cached(sql)?
                .execute(params![log.as_bytes(), signed(up_to)])?;
        }
        Ok(())
    }

    /// Drops the kept entries with `seq > after`: a restored server gives their places anew.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn drop_entries_after(&self, log: &LogId, after: Seq) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM entry WHERE log = ?1 AND seq > ?2")?
            .execute(params![log.as_bytes(), signed(after)])?;
        Ok(())
    }
}
