//! Logs and the secrets of their generations.

use rusqlite::{Row, params};
use veche_wire::{LogId, Millis, Seq};

use super::{found, hash, id, signed, unsigned};
use crate::{StoreError, Tx};

/// How this device stands in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// Not yet made on the server.
    Creating = 0,
    /// A member.
    Active = 1,
    /// Cannot follow: asks to be added again (docs/protocol.md, rules 6 and 7).
    Stuck = 2,
    /// Left by this person.
    Left = 3,
    /// Removed by another.
    Removed = 4,
    /// Nobody could follow it any more: the chat goes on in another log (docs/protocol.md, rule 10).
    Succeeded = 5,
}

impl LogState {
    pub(super) fn from_number(number: i64) -> Self {
        match number {
            0 => Self::Creating,
            1 => Self::Active,
            2 => Self::Stuck,
            3 => Self::Left,
            5 => Self::Succeeded,
            _ => Self::Removed,
        }
    }
}

/// What is to be done in a log when its turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogFlags {
    /// Somebody was removed without a rotation: an admin rotates first (docs/protocol.md, rule 12).
    pub rotation_due: bool,
    /// Something claims this leaf: update it before the next seal (docs/protocol.md, rule 4).
    pub update_due: bool,
    /// The server lost entries: what is known here goes to it again.
    pub restored: bool,
    /// In a direct chat: the other is there.
    pub peer_arrived: bool,
    /// The server takes commits only with an admin's signature (docs/protocol.md, rule 5).
    pub guarded: bool,
}

/// A log.
#[derive(Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Its id.
    pub log: LogId,
    /// The conversation it belongs to.
    pub chat: LogId,
    /// Its place among the logs of the conversation.
    pub rank: u64,
    /// How this device stands in it.
    pub state: LogState,
    /// The current membership generation.
    pub generation: u64,
    /// The last entry that was processed.
    pub cursor: Seq,
    /// The transcript hash at the cursor.
    pub hash: [u8; 32],
    /// The last commit entry that was processed.
    pub last_commit: Seq,
    /// The next counter of this device in the current epoch.
    pub counter: u32,
    /// What is to be done.
    pub flags: LogFlags,
    /// When this device last renewed its leaf because something claimed it (ms since 1970, 0: never).
    pub renewed: Millis,
    /// How often lately this device was added again without having asked.
    pub displaced: u32,
    /// Since when that is counted (ms since 1970).
    pub displaced_at: Millis,
    /// The encoded admin secret of this device, where it has one.
    pub admin_secret: Option<Vec<u8>>,
    /// For the creator: the `Create` request, to make the log (again).
    pub creation: Option<Vec<u8>>,
}

impl std::fmt::Debug for LogRow {
    /// Shows nothing that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogRow")
            .field("log", &self.log)
            .field("state", &self.state)
            .field("generation", &self.generation)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

const COLUMNS: &str = "log, chat, rank, state, generation, cursor, hash, last_commit, counter, \
                       flags, renewed, displaced, displaced_at, admin_secret, creation";

fn read(row: &Row<'_>) -> rusqlite::Result<LogRow> {
    let flags: i64 = row.get(9)?;
    Ok(LogRow {
        log: id(row, 0)?,
        chat: id(row, 1)?,
        rank: unsigned(row, 2)?,
        state: LogState::from_number(row.get(3)?),
        generation: unsigned(row, 4)?,
        cursor: unsigned(row, 5)?,
        hash: hash(row, 6)?,
        last_commit: unsigned(row, 7)?,
        counter: row.get(8)?,
        flags: LogFlags {
            rotation_due: flags & 1 != 0,
            update_due: flags & 2 != 0,
            restored: flags & 4 != 0,
            peer_arrived: flags & 8 != 0,
            guarded: flags & 16 != 0,
        },
        renewed: unsigned(row, 10)?,
        displaced: row.get(11)?,
        displaced_at: unsigned(row, 12)?,
        admin_secret: row.get(13)?,
        creation: row.get(14)?,
    })
}

/// The secret of a membership generation (docs/protocol.md, rule 11).
#[derive(Clone, PartialEq, Eq)]
pub struct GenerationRow {
    /// Its number.
    pub number: u64,
    /// The seq of the entry with which it began.
    pub begins: Seq,
    /// The secret.
    pub secret: [u8; 32],
}

impl std::fmt::Debug for GenerationRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GenerationRow({} from {})", self.number, self.begins)
    }
}

impl Tx<'_> {
    /// The log with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn log(&self, log: &LogId) -> Result<Option<LogRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM log WHERE log = ?1");
        found(self.connection().prepare_cached(&sql)?.query_row([log.as_bytes()], read))
    }

    /// All logs.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn logs(&self) -> Result<Vec<LogRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM log ORDER BY log");
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The logs of a conversation, the current one last.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn logs_of(&self, chat: &LogId) -> Result<Vec<LogRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM log WHERE chat = ?1 ORDER BY rank, log");
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map([chat.as_bytes()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes a log.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_log(&self, row: &LogRow) -> Result<(), StoreError> {
        let flags = i64::from(row.flags.rotation_due)
            | i64::from(row.flags.update_due) << 1
            | i64::from(row.flags.restored) << 2
            | i64::from(row.flags.peer_arrived) << 3
            | i64::from(row.flags.guarded) << 4;
        let sql = format!(
            "INSERT OR REPLACE INTO log ({COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
        );
        self.connection().prepare_cached(&sql)?.execute(params![
            row.log.as_bytes(),
            row.chat.as_bytes(),
            signed(row.rank),
            row.state as i64,
            signed(row.generation),
            signed(row.cursor),
            row.hash,
            signed(row.last_commit),
            row.counter,
            flags,
            signed(row.renewed),
            row.displaced,
            signed(row.displaced_at),
            row.admin_secret,
            row.creation,
        ])?;
        Ok(())
    }

    /// The secret of a generation.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn generation(
        &self,
        log: &LogId,
        number: u64,
    ) -> Result<Option<GenerationRow>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT number, begins, secret FROM generation WHERE log = ?1 AND number = ?2",
                )?
                .query_row(params![log.as_bytes(), signed(number)], read_generation),
        )
    }

    /// The generation in force right after the entry `seq`.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn generation_at(
        &self,
        log: &LogId,
        seq: Seq,
    ) -> Result<Option<GenerationRow>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT number, begins, secret FROM generation
                     WHERE log = ?1 AND begins <= ?2 ORDER BY number DESC LIMIT 1",
                )?
                .query_row(params![log.as_bytes(), signed(seq)], read_generation),
        )
    }

    /// The newest generation before `number` whose secret is kept.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn generation_below(
        &self,
        log: &LogId,
        number: u64,
    ) -> Result<Option<GenerationRow>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT number, begins, secret FROM generation
                     WHERE log = ?1 AND number < ?2 ORDER BY number DESC LIMIT 1",
                )?
                .query_row(params![log.as_bytes(), signed(number)], read_generation),
        )
    }

    /// Keeps the secret of a generation.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_generation(&self, log: &LogId, row: &GenerationRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO generation (log, number, begins, secret)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![log.as_bytes(), signed(row.number), signed(row.begins), row.secret])?;
        Ok(())
    }

    /// Forgets the secrets of all generations of a log.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn forget_generations(&self, log: &LogId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM generation WHERE log = ?1")?
            .execute([log.as_bytes()])?;
        Ok(())
    }
}

fn read_generation(row: &Row<'_>) -> rusqlite::Result<GenerationRow> {
    Ok(GenerationRow {
        number: unsigned(row, 0)?,
        begins: unsigned(row, 1)?,
        secret: hash(row, 2)?,
    })
}
