//! Entries to be appended, in the order in which they were wanted (docs/protocol.md, rule 3).

use rusqlite::{Row, params};
use veche_wire::{EntryId, Kind, LogId, Millis, Seq};

use super::{found, hash, id, signed, unsigned};
use crate::{StoreError, Tx};

/// How far an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutboxState {
    /// What it needs is still being gathered; it holds its place.
    Preparing = 0,
    /// To be sealed when its turn comes.
    Queued = 1,
    /// Sealed: these bytes are submitted until they are durable or stale.
    Sealed = 2,
    /// Stale: waits until the log is read up to `wait_until`.
    Awaiting = 3,
    /// Durable; waits for the log to bring it.
    Acknowledged = 4,
}

/// An entry to be appended.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its place in the order; 0 before it is inserted.
    pub position: i64,
    /// The log.
    pub log: LogId,
    /// The entry's id.
    pub id: EntryId,
    /// The number of its `Kind`.
    pub kind: u8,
    /// Made by the program itself: outside of the order of what the person wants.
    pub automatic: bool,
    /// The intent that it carries out.
    pub intent: Option<i64>,
    /// What is to be sealed (the client's encoding).
    pub body: Vec<u8>,
    /// How far it is.
    pub state: OutboxState,
    /// The sealed bytes.
    pub sealed: Option<Vec<u8>>,
    /// SHA-256 of the sealed bytes.
    pub hash: Option<[u8; 32]>,
    /// The commitment to the content.
    pub commitment: Option<[u8; 32]>,
    /// The encoded rider.
    pub rider: Option<Vec<u8>>,
    /// For commits that add: what the joiners get when it comes back (the client's encoding).
    pub draft: Option<Vec<u8>>,
    /// The fence under which it was submitted last.
    pub after_commit: Seq,
    /// The epoch in which it was sealed.
    pub epoch: u64,
    /// Its counter in that epoch.
    pub counter: u32,
    /// Where the log must be read to before it moves on; of what is durable, its place.
    pub wait_until: Seq,
    /// Not before this time.
    pub not_before: Millis,
}

impl std::fmt::Debug for OutboxRow {
    /// Shows nothing that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboxRow")
            .field("position", &self.position)
            .field("log", &self.log)
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

const COLUMNS: &str = "position, log, id, kind, automatic, intent, body, state, sealed, hash, \
                       commitment, rider, draft, after_commit, epoch, counter, wait_until, not_before";

fn maybe_hash(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<[u8; 32]>> {
    if row.get_ref(index)? == rusqlite::types::ValueRef::Null {
        return Ok(None);
    }
    hash(row, index).map(Some)
}

fn read(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow {
        position: row.get(0)?,
        log: id(row, 1)?,
        id: id(row, 2)?,
        kind: row.get(3)?,
        automatic: row.get(4)?,
        intent: row.get(5)?,
        body: row.get(6)?,
        state: match row.get::<_, i64>(7)? {
            0 => OutboxState::Preparing,
            1 => OutboxState::Queued,
            2 => OutboxState::Sealed,
            3 => OutboxState::Awaiting,
            _ => OutboxState::Acknowledged,
        },
        sealed: row.get(8)?,
        hash: maybe_hash(row, 9)?,
        commitment: maybe_hash(row, 10)?,
        rider: row.get(11)?,
        draft: row.get(12)?,
        after_commit: unsigned(row, 13)?,
        epoch: unsigned(row, 14)?,
        counter: row.get(15)?,
        wait_until: unsigned(row, 16)?,
        not_before: unsigned(row, 17)?,
    })
}

impl Tx<'_> {
    /// Puts a row at the end of the order; answers its position.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn insert_outbox(&self, row: &OutboxRow) -> Result<i64, StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT INTO outbox (log, id, kind, body, state) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                row.log.as_bytes(),
                row.id.as_bytes(),
                row.kind,
                row.body,
                row.state as i64
            ])?;
        let position = self.connection().last_insert_rowid();
        self.update_outbox(&OutboxRow { position, ..row.clone() })?;
        Ok(position)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn update_outbox(&self, row: &OutboxRow) -> Result<(), StoreError> {
        let sql = "UPDATE outbox SET log = ?2, id = ?3, kind = ?4, automatic = ?5, intent = ?6,
                   body = ?7, state = ?8, sealed = ?9, hash = ?10, commitment = ?11, rider = ?12,
                   draft = ?13, after_commit = ?14, epoch = ?15, counter = ?16,
                   wait_until = ?17, not_before = ?18 WHERE position = ?1";
        self.connection().prepare_cached(sql)?.execute(params![
            row.position,
            row.log.as_bytes(),
            row.id.as_bytes(),
            row.kind,
            row.automatic,
            row.intent,
            row.body,
            row.state as i64,
            row.sealed,
            row.hash,
            row.commitment,
            row.rider,
            row.draft,
            signed(row.after_commit),
            signed(row.epoch),
            row.counter,
            signed(row.wait_until),
            signed(row.not_before),
        ])?;
        Ok(())
    }

    /// Removes a row.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_outbox(&self, position: i64) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM outbox WHERE position = ?1")?
            .execute([position])?;
        Ok(())
    }

    /// The row with this entry id.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox_entry(&self, entry: &EntryId) -> Result<Option<OutboxRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1");
        found(self.connection().prepare_cached(&sql)?.query_row([entry.as_bytes()], read))
    }

    /// The row that carries out an intent.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox_of_intent(&self, intent: i64) -> Result<Option<OutboxRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE intent = ?1");
        found(self.connection().prepare_cached(&sql)?.query_row([intent], read))
    }

    /// The rows of a log, in order.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox(&self, log: &LogId) -> Result<Vec<OutboxRow>, StoreError> {
        self.outbox_where(log, "1", u32::MAX)
    }

    /// The log has been read up to `cursor`: what was durable before that and did not come is looked at
    /// again.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn doubt_outbox(&self, log: &LogId, cursor: Seq) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "UPDATE outbox SET state = 3, wait_until = 0
                 WHERE log = ?1 AND state = 4 AND wait_until BETWEEN 1 AND ?2",
            )?
            .execute(params![log.as_bytes(), signed(cursor)])?;
        Ok(())
    }

    /// What the person wants in a log, in order, at most `limit` rows; without messages that are
    /// durable already.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox_wanted(&self, log: &LogId, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let message = Kind::Message as u8;
        self.outbox_where(
            log,
            &format!("NOT automatic AND NOT (state = 4 AND kind = {message})"),
            limit,
        )
    }

    /// What the program does in a log by itself, in order, at most `limit` rows.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox_automatic(&self, log: &LogId, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        self.outbox_where(log, "automatic", limit)
    }

    fn outbox_where(
        &self,
        log: &LogId,
        condition: &str,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        // SQLite compiles a statement anew whenever a parameter of its LIMIT is bound.
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox WHERE log = ?1 AND {condition}
             ORDER BY position LIMIT {limit}"
        );
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map([log.as_bytes()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The logs that have rows.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox_logs(&self) -> Result<Vec<LogId>, StoreError> {
        let mut query =
            self.connection().prepare_cached("SELECT DISTINCT log FROM outbox ORDER BY log")?;
        let rows = query.query_map([], |row| id(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Tx<'_> {
    /// The earliest time after `now` for which a row waits.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox_due(&self, now: Millis) -> Result<Option<Millis>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT min(not_before) FROM outbox WHERE not_before > ?1")?;
        let due: Option<i64> = query.query_row([signed(now)], |row| row.get(0))?;
        Ok(due.and_then(|due| u64::try_from(due).ok()))
    }

    /// The logs with rows whose time has come.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox_ready(&self, now: Millis) -> Result<Vec<LogId>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT DISTINCT log FROM outbox WHERE not_before > 0 AND not_before <= ?1 ORDER BY log",
        )?;
        let rows = query.query_map([signed(now)], |row| id(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many rows wait that no intent stands for, without those of the program's own whose time
    /// has not come.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn outbox_waiting(&self, now: Millis) -> Result<u64, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT count(*) FROM outbox WHERE intent IS NULL AND state < 4
             AND (NOT automatic OR not_before <= ?1)",
        )?;
        Ok(query.query_row([signed(now)], |row| unsigned(row, 0))?)
    }
}
