//! Logs and entries as rows.

use std::ops::RangeInclusive;

use rusqlite::{OptionalExtension, params};
use veche_wire::{AdminKey, Entry, EntryId, LogId, Seq, TokenHash, TokenHashes};

use super::{Schema, Transaction, fixed, from_sql, to_sql};
use crate::storage::{Day, LogRecord, Logs, Page, Retired, StorageError, Stored, Sweep};

const TABLES: &str = "
    CREATE TABLE logs (
        log BLOB PRIMARY KEY,
        -- The last seq when the row was written; the log may have later entries.
        head INTEGER NOT NULL,
        last_commit INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        read_hash BLOB NOT NULL,
        write_hash BLOB NOT NULL,
        admins_version INTEGER NOT NULL,
        admins BLOB NOT NULL,
        frozen INTEGER NOT NULL,
        made_with BLOB NOT NULL,
        guarded INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;
    -- Tokens of past generations: a read token has the last seq that it may read.
    CREATE TABLE retired (
        log BLOB NOT NULL,
        hash BLOB NOT NULL,
        until INTEGER,
        PRIMARY KEY (log, hash)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE entries (
        log BLOB NOT NULL,
        seq INTEGER NOT NULL,
        id BLOB NOT NULL,
        day INTEGER NOT NULL,
        -- The entry as it stands in frames.
        body BLOB NOT NULL,
        PRIMARY KEY (log, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX entries_by_id ON entries (log, id);
    CREATE TABLE blobs (
        name BLOB PRIMARY KEY,
        total INTEGER NOT NULL,
        have INTEGER NOT NULL,
        day INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX blobs_by_day ON blobs (day);
";

/// What a database of the first version has too much.
const FROM_VERSION_1: &str = "DROP INDEX IF EXISTS entries_by_day";
/// What a database of the second version lacks.
const FROM_VERSION_2: &str = "ALTER TABLE logs ADD COLUMN guarded INTEGER NOT NULL DEFAULT 0";

pub(super) const SCHEMA: Schema =
    Schema { tables: TABLES, steps: [FROM_VERSION_1, FROM_VERSION_2] };

/// How many logs one piece of sweeping looks at.
const LOGS_PER_SWEEP: usize = 10_000;

/// A row of `logs` inside a transaction: read once, and written once however many entries the log
/// takes, if something else than its head has changed. The entries themselves tell the head.
pub(super) struct Known {
    record: LogRecord,
    is_changed: bool,
}

impl Transaction<'_> {
    /// Writes the rows of `logs` that were changed; to be called before the commit.
    pub(super) fn write_logs(&mut self) -> Stored<()> {
        let mut replace = self.logs.prepare_cached(
            "INSERT OR REPLACE INTO logs VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
        )?;
        for (log, Known { record, .. }) in self.records.iter().filter(|(_, known)| known.is_changed)
        {
            let admins: Vec<u8> = record.admins.iter().flat_map(|key| *key.as_bytes()).collect();
            replace.execute(params![
                log.as_bytes().as_slice(),
                to_sql(record.head),
                to_sql(record.last_commit),
                to_sql(record.generation),
                record.tokens.read.as_bytes().as_slice(),
                record.tokens.write.as_bytes().as_slice(),
                to_sql(record.admins_version),
                admins,
                record.frozen,
                record.made_with.as_slice(),
                record.guarded,
            ])?;
        }
        Ok(())
    }
}

impl Logs for Transaction<'_> {
    fn log(&mut self, log: &LogId) -> Stored<Option<LogRecord>> {
        if let Some(known) = self.records.get(log) {
            return Ok(Some(known.record.clone()));
        }
        let mut query = self.logs.prepare_cached(
            "SELECT max(head, coalesce((SELECT seq FROM entries WHERE log = ?1
                                        ORDER BY seq DESC LIMIT 1), 0)),
                    last_commit, generation, read_hash, write_hash, admins_version, admins,
                    frozen, made_with, guarded
             FROM logs WHERE log = ?1",
        )?;
        let mut rows = query.query([log.as_bytes().as_slice()])?;
        let record = rows.next()?.map(read_record).transpose()?;
        if let Some(record) = &record {
            self.records.insert(*log, Known { record: record.clone(), is_changed: false });
        }
        Ok(record)
    }

    fn put_log(&mut self, log: &LogId, record: &LogRecord) -> Stored<()> {
        let is_changed = self.records.get(log).is_none_or(|known| {
            let only_head = LogRecord { head: known.record.head, ..record.clone() };
            known.is_changed || known.record != only_head
        });
        self.records.insert(*log, Known { record: record.clone(), is_changed });
        Ok(())
    }

    fn retired(&mut self, log: &LogId, hash: &TokenHash) -> Stored<Option<Retired>> {
        let until: Option<Option<i64>> = self
            .logs
            .prepare_cached("SELECT until FROM retired WHERE log = ?1 AND hash = ?2")?
            .query_row(params![log.as_bytes().as_slice(), hash.as_bytes().as_slice()], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(match until {
            None => None,
            Some(None) => Some(Retired::Write),
            Some(Some(until)) => Some(Retired::Read { until: from_sql(until)? }),
        })
    }

    fn retire(&mut self, log: &LogId, tokens: &TokenHashes, until: Seq) -> Stored<()> {
        let mut insert =
            self.logs.prepare_cached("INSERT OR REPLACE INTO retired VALUES (?1, ?2, ?3)")?;
        let log = log.as_bytes().as_slice();
        insert.execute(params![log, tokens.write.as_bytes().as_slice(), None::<i64>])?;
        insert.execute(params![log, tokens.read.as_bytes().as_slice(), to_sql(until)])?;
        Ok(())
    }

    fn append(&mut self, log: &LogId, entry: &Entry, day: Day) -> Stored<()> {
        self.logs.prepare_cached("INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(
            params![
                log.as_bytes().as_slice(),
                to_sql(entry.seq),
                entry.id.as_bytes().as_slice(),
                day,
                entry.encode(),
            ],
        )?;
        Ok(())
    }

    fn seq_of(&mut self, log: &LogId, id: &EntryId) -> Stored<Option<Seq>> {
        let seq: Option<i64> = self
            .logs
            .prepare_cached("SELECT seq FROM entries WHERE log = ?1 AND id = ?2")?
            .query_row(params![log.as_bytes().as_slice(), id.as_bytes().as_slice()], |row| {
                row.get(0)
            })
            .optional()?;
        seq.map(from_sql).transpose()
    }

    fn id_at(&mut self, log: &LogId, seq: Seq) -> Stored<Option<EntryId>> {
        let mut query =
            self.logs.prepare_cached("SELECT id FROM entries WHERE log = ?1 AND seq = ?2")?;
        let mut rows = query.query(params![log.as_bytes().as_slice(), to_sql(seq)])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let id = row.get_ref(0)?.as_blob().map_err(|_| StorageError::Corrupt("an entry"))?;
        Ok(Some(EntryId(fixed(id)?)))
    }

    fn entries(&mut self, log: &LogId, page: Page) -> Stored<Vec<Entry>> {
        let mut query = self.logs.prepare_cached(
            "SELECT body FROM entries WHERE log = ?1 AND seq > ?2 AND seq <= ?3
             ORDER BY seq LIMIT ?4",
        )?;
        let mut rows = query.query(params![
            log.as_bytes().as_slice(),
            to_sql(page.after),
            to_sql(page.until),
            to_sql(page.count as u64),
        ])?;
        let mut bytes = 0;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(0)?.as_blob().map_err(|_| StorageError::Corrupt("an entry"))?;
            let entry = Entry::decode(body).map_err(|_| StorageError::Corrupt("an entry"))?;
            bytes += entry.bytes.len();
            if bytes > page.bytes && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn sweep_entries(&mut self, kept: RangeInclusive<Day>, limit: usize) -> Stored<Sweep> {
        let mut removed = 0;
        for _ in 0..LOGS_PER_SWEEP {
            let Some(log) = self.log_after_swept()? else {
                self.swept = None;
                return Ok(Sweep { removed, is_done: true });
            };
            removed += self.sweep_log(&log, &kept, limit - removed)?;
            if removed >= limit {
                return Ok(Sweep { removed, is_done: false });
            }
            self.swept = Some(log);
        }
        Ok(Sweep { removed, is_done: false })
    }
}

impl Transaction<'_> {
    /// The next log that has entries.
    fn log_after_swept(&self) -> Stored<Option<LogId>> {
        let mut query = match self.swept {
            None => self.logs.prepare_cached("SELECT log FROM entries ORDER BY log LIMIT 1")?,
            Some(_) => self
                .logs
                .prepare_cached("SELECT log FROM entries WHERE log > ?1 ORDER BY log LIMIT 1")?,
        };
        let after = self.swept.as_ref().map(|log| log.as_bytes().as_slice());
        let mut rows = query.query(rusqlite::params_from_iter(after))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let log = row.get_ref(0)?.as_blob().map_err(|_| StorageError::Corrupt("an entry"))?;
        Ok(Some(LogId(fixed(log)?)))
    }

    /// Removes the first entries of a log that are past their time, at most `limit`; how many.
    fn sweep_log(
        &mut self,
        log: &LogId,
        kept: &RangeInclusive<Day>,
        limit: usize,
    ) -> Stored<usize> {
        let log = log.as_bytes().as_slice();
        let (mut seen, mut removed, mut last) = (0, 0, 0);
        let mut query = self
            .logs
            .prepare_cached("SELECT seq, day FROM entries WHERE log = ?1 ORDER BY seq LIMIT ?2")?;
        let mut rows = query.query(params![log, to_sql(limit as u64)])?;
        while let Some(row) = rows.next()? {
            let day = row.get::<_, Day>(1)?;
            seen += 1;
            if kept.contains(&day) {
                break;
            }
            if day < *kept.start() {
                last = row.get::<_, i64>(0)?;
                removed = seen;
            }
        }
        drop(rows);
        if removed == 0 {
            return Ok(0);
        }
        // The entries told the head until now.
        self.logs
            .prepare_cached(
                "UPDATE logs SET head = max(head, (SELECT seq FROM entries WHERE log = ?1
                                                   ORDER BY seq DESC LIMIT 1)) WHERE log = ?1",
            )?
            .execute([log])?;
        self.logs
            .prepare_cached("DELETE FROM entries WHERE log = ?1 AND seq <= ?2")?
            .execute(params![log, last])?;
        self.erased.logs = true;
        Ok(removed)
    }
}

fn read_record(row: &rusqlite::Row<'_>) -> Stored<LogRecord> {
    let blob = |index| -> Stored<&[u8]> {
        row.get_ref(index)?.as_blob().map_err(|_| StorageError::Corrupt("a log"))
    };
    let number = |index| -> Stored<u64> { from_sql(row.get(index)?) };
    let keys = blob(6)?.chunks(AdminKey::LENGTH);
    Ok(LogRecord {
        head: number(0)?,
        last_commit: number(1)?,
        generation: number(2)?,
        tokens: TokenHashes {
            read: TokenHash(fixed(blob(3)?)?),
            write: TokenHash(fixed(blob(4)?)?),
        },
        admins_version: number(5)?,
        admins: keys.map(|key| Ok(AdminKey(fixed(key)?))).collect::<Stored<_>>()?,
        frozen: row.get(7)?,
        made_with: fixed(blob(8)?)?,
        guarded: row.get(9)?,
    })
}
