//! What a person wants, kept until it is done or refused for good.

use rusqlite::{Row, params};

use super::found;
use crate::{StoreError, Tx};

/// How an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentState {
    /// Not yet.
    Waiting = 0,
    /// Carried out.
    Done = 1,
    /// Refused for good.
    Failed = 2,
}

/// An intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentRow {
    /// Its number.
    pub id: i64,
    /// How it stands.
    pub state: IntentState,
    /// What is wanted (the client's encoding).
    pub body: Vec<u8>,
    /// What came of it (the client's encoding).
    pub outcome: Option<Vec<u8>>,
    /// Why it failed.
    pub reason: Option<String>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<IntentRow> {
    Ok(IntentRow {
        id: row.get(0)?,
        state: match row.get::<_, i64>(1)? {
            0 => IntentState::Waiting,
            1 => IntentState::Done,
            _ => IntentState::Failed,
        },
        body: row.get(2)?,
        outcome: row.get(3)?,
        reason: row.get(4)?,
    })
}

impl Tx<'_> {
    /// Keeps a new intent.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn insert_intent(&self, body: &[u8]) -> Result<i64, StoreError> {
        self.connection()
            .prepare_cached("INSERT INTO intent (body) VALUES (?1)")?
            .execute([body])?;
        Ok(self.connection().last_insert_rowid())
    }

    /// Forgets settled intents but for the last `kept`, and files that were staged and never sent.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn sweep(&self, kept: u32) -> Result<(), StoreError> {
        let connection = self.connection();
        connection.execute(
            "DELETE FROM intent WHERE state != 0 AND id <= (SELECT max(id) FROM intent) - ?1",
            [kept],
        )?;
        connection.execute("DELETE FROM blob WHERE direction = 3", [])?;
        connection.execute(
            "DELETE FROM blob_part WHERE NOT EXISTS
             (SELECT 1 FROM blob WHERE blob.blob = blob_part.blob)",
            [],
        )?;
        Ok(())
    }

    /// The intent with this number.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn intent(&self, intent: i64) -> Result<Option<IntentRow>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT id, state, body, outcome, reason FROM intent WHERE id = ?1",
                )?
                .query_row([intent], read),
        )
    }

    /// All intents that wait, the oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn waiting_intents(&self) -> Result<Vec<IntentRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT id, state, body, outcome, reason FROM intent WHERE state = 0 ORDER BY id",
        )?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes an intent.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn update_intent(&self, row: &IntentRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "UPDATE intent SET state = ?2, body = ?3, outcome = ?4, reason = ?5 WHERE id = ?1",
            )?
            .execute(params![row.id, row.state as i64, row.body, row.outcome, row.reason])?;
        Ok(())
    }
}
