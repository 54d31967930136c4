//! What a server that was restored from an older copy has lost of a log: the entries that were
//! processed here before, until the log brings them again.

use rusqlite::{Row, params};
use veche_wire::{EntryId, LogId, Seq};

use super::{PENDING_POSITION, found, id, position, signed, unsigned};
use crate::{StoreError, Tx};

/// A lost entry's slot takes the part of its seq: further back than any log reaches. Slots grow
/// downwards with each restoration, because what is lost later comes before what was lost earlier
/// and has not come back.
const SLOTS_END: u64 = 1 << 41;
/// Where the slots begin, whatever happens.
const SLOTS_BEGIN: u64 = 1 << 40;

/// Whether a position is one in a log, and not that of what waits for one.
#[must_use]
pub fn has_place(place: u64) -> bool {
    place < position(SLOTS_BEGIN, 0)
}

/// An entry that was processed and that the server has lost.
#[derive(Clone, PartialEq, Eq)]
pub struct LostRow {
    /// Its place among the lost entries of its log.
    pub slot: u64,
    /// Its id.
    pub id: EntryId,
    /// The epoch in which it was made; of a control entry, the generation.
    pub epoch: u64,
    /// Whether it is a commit that took the group from one epoch to the next.
    pub applied: bool,
    /// Whether it is a commit that every member skips.
    pub skipped: bool,
    /// The entry as a frame.
    pub frame: Vec<u8>,
    /// What this device wanted with it, where it is its own (the client's encoding).
    pub wanted: Option<Vec<u8>>,
}

impl std::fmt::Debug for LostRow {
    /// Shows nothing that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LostRow({:?} at {}, epoch {})", self.id, self.slot, self.epoch)
    }
}

const COLUMNS: &str = "slot, id, epoch, applied, skipped, frame, wanted";

fn read(row: &Row<'_>) -> rusqlite::Result<LostRow> {
    Ok(LostRow {
        slot: unsigned(row, 0)?,
        id: id(row, 1)?,
        epoch: unsigned(row, 2)?,
        applied: row.get(3)?,
        skipped: row.get(4)?,
        frame: row.get(5)?,
        wanted: row.get(6)?,
    })
}

impl Tx<'_> {
    /// The entries `after + 1` to `after + count` of a log lose their places: their rows and lines on
    /// the screen go behind everything that has one, and the generations that began with them begin
    /// nowhere. Messages that had a place further on wait for one again. The slot of the first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn lose_places(&self, log: &LogId, after: Seq, count: u64) -> Result<u64, StoreError> {
        let connection = self.connection();
        let first: Option<i64> = connection
            .prepare_cached("SELECT min(slot) FROM lost_entry WHERE log = ?1")?
            .query_row([log.as_bytes()], |row| row.get(0))?;
        let end = first.and_then(|slot| u64::try_from(slot).ok()).unwrap_or(SLOTS_END);
        let begin = end.saturating_sub(count).max(SLOTS_BEGIN);
        let lost = position(after + 1, 0);
        let behind = position(after + 1 + count, 0);
        self.leave_slots(log, behind, position(SLOTS_BEGIN, 0))?;
        connection
            .prepare_cached(
                "UPDATE message SET position = position + ?4
                 WHERE log = ?1 AND position >= ?2 AND position < ?3",
            )?
            .execute(params![
                log.as_bytes(),
                signed(lost),
                signed(behind),
                signed(position(begin, 0) - lost)
            ])?;
        connection
            .prepare_cached("UPDATE generation SET begins = ?3 WHERE log = ?1 AND begins > ?2")?
            .execute(params![log.as_bytes(), signed(after), i64::MAX])?;
        connection
            .prepare_cached(
                "UPDATE newcomer SET seq = seq + ?4 WHERE log = ?1 AND seq > ?2 AND seq <= ?3",
            )?
            .execute(params![
                log.as_bytes(),
                signed(after),
                signed(after + count),
                signed(begin - (after + 1))
            ])?;
        Ok(begin)
    }

    /// A lost entry is in the log again: what it put on the screen takes its place there.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn find_place(&self, log: &LogId, slot: u64, seq: Seq) -> Result<(), StoreError> {
        let (from, to) = (position(slot, 0), position(slot + 1, 0));
        self.connection()
            .prepare_cached(
                "UPDATE message SET position = position - ?4
                 WHERE log = ?1 AND position >= ?2 AND position < ?3",
            )?
            .execute(params![
                log.as_bytes(),
                signed(from),
                signed(to),
                signed(from - position(seq, 0))
            ])?;
        self.connection()
            .prepare_cached("UPDATE newcomer SET seq = ?3 WHERE log = ?1 AND seq = ?2")?
            .execute(params![log.as_bytes(), signed(slot), signed(seq)])?;
        self.delete_lost_entry(log, slot)
    }

    /// A lost entry will not be in the log again: the lines that it put on the screen go, and a
    /// message waits to be said again.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn drop_lines(&self, log: &LogId, slot: u64) -> Result<(), StoreError> {
        let (from, to) = (position(slot, 0), position(slot + 1, 0));
        self.connection()
            .prepare_cached(
                "DELETE FROM message
                 WHERE log = ?1 AND position >= ?2 AND position < ?3 AND event IS NOT NULL",
            )?
            .execute(params![log.as_bytes(), signed(from), signed(to)])?;
        self.leave_slots(log, from, to)
    }

    /// Rows leave their slots, because the slots can be given to other entries.
    fn leave_slots(&self, log: &LogId, from: u64, to: u64) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "UPDATE message SET position = ?4
                 WHERE log = ?1 AND position >= ?2 AND position < ?3",
            )?
            .execute(params![log.as_bytes(), signed(from), signed(to), signed(PENDING_POSITION)])?;
        Ok(())
    }

    /// This device comes in (again) with the entry at `seq`. Where its rows of an earlier stay claim
    /// places behind that, the log was restored since and has given those places to others: all of
    /// that stay goes before everything else.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn set_stay_apart(&self, log: &LogId, seq: Seq) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "UPDATE message SET rank = 0
                 WHERE log = ?1 AND position < ?3 AND EXISTS (
                     SELECT 1 FROM message
                     WHERE log = ?1 AND rank > 0 AND position >= ?2 AND position < ?3
                 )",
            )?
            .execute(params![
                log.as_bytes(),
                signed(position(seq, 0)),
                // What has lost its place claims none.
                signed(position(SLOTS_BEGIN, 0))
            ])?;
        Ok(())
    }

    /// Keeps a lost entry.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_lost_entry(&self, log: &LogId, row: &LostRow) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT OR REPLACE INTO lost_entry (log, {COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        );
        self.connection().prepare_cached(&sql)?.execute(params![
            log.as_bytes(),
            signed(row.slot),
            row.id.as_bytes(),
            signed(row.epoch),
            row.applied,
            row.skipped,
            row.frame,
            row.wanted,
        ])?;
        Ok(())
    }

    /// The lost entry with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn lost_entry(&self, log: &LogId, entry: &EntryId) -> Result<Option<LostRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM lost_entry WHERE log = ?1 AND id = ?2");
        let key = params![log.as_bytes(), entry.as_bytes()];
        found(self.connection().prepare_cached(&sql)?.query_row(key, read))
    }

    /// The lost entries of a log, in their order.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn lost_entries(&self, log: &LogId) -> Result<Vec<LostRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM lost_entry WHERE log = ?1 ORDER BY slot");
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map([log.as_bytes()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many commits that were applied here a log has lost.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn lost_commits(&self, log: &LogId) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM lost_entry WHERE log = ?1 AND applied";
        let mut query = self.connection().prepare_cached(sql)?;
        Ok(query.query_row([log.as_bytes()], |row| unsigned(row, 0))?)
    }

    /// How many lost entries there are in all logs.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn lost_count(&self) -> Result<u64, StoreError> {
        let mut query = self.connection().prepare_cached("SELECT count(*) FROM lost_entry")?;
        Ok(query.query_row([], |row| unsigned(row, 0))?)
    }

    /// Drops a lost entry.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_lost_entry(&self, log: &LogId, slot: u64) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM lost_entry WHERE log = ?1 AND slot = ?2")?
            .execute(params![log.as_bytes(), signed(slot)])?;
        Ok(())
    }

    /// Drops what is known of a log's restorations. What has lost its place is not waited for.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn forget_restoration(&self, log: &LogId) -> Result<(), StoreError> {
        self.leave_slots(log, position(SLOTS_BEGIN, 0), position(SLOTS_END, 0))?;
        for sql in
            ["DELETE FROM lost_entry WHERE log = ?1", "DELETE FROM restoration WHERE log = ?1"]
        {
            self.connection().prepare_cached(sql)?.execute([log.as_bytes()])?;
        }
        Ok(())
    }

    /// Keeps that the places `after + 1` to `until` of a log held other entries once.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_restoration(&self, log: &LogId, after: Seq, until: Seq) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT INTO restoration (log, after, until) VALUES (?1, ?2, ?3)
                 ON CONFLICT (log) DO UPDATE
                 SET after = min(after, excluded.after), until = max(until, excluded.until)",
            )?
            .execute(params![log.as_bytes(), signed(after), signed(until)])?;
        Ok(())
    }

    /// Whether the place `seq` of a log held another entry once.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn was_restored_at(&self, log: &LogId, seq: Seq) -> Result<bool, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT 1 FROM restoration WHERE log = ?1 AND after < ?2 AND until >= ?2",
        )?;
        Ok(query.exists(params![log.as_bytes(), signed(seq)])?)
    }
}
