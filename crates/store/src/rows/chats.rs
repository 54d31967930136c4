//! Conversations.

use rusqlite::{Row, params};
use veche_wire::{AccountId, LogId, Millis};

use super::{found, id, maybe_id, signed, unsigned};
use crate::{StoreError, Tx};

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatRow {
    /// Its id: that of its current log.
    pub chat: LogId,
    /// Whether two people or a group.
    pub direct: bool,
    /// The title; empty in direct chats.
    pub title: String,
    /// The other of a direct chat.
    pub peer: Option<AccountId>,
    /// The last `arrival` that the person has read.
    pub read_arrival: u64,
    /// When it appeared here.
    pub created: Millis,
}

const COLUMNS: &str = "chat, kind, title, peer, read_arrival, created";

fn read(row: &Row<'_>) -> rusqlite::Result<ChatRow> {
    Ok(ChatRow {
        chat: id(row, 0)?,
        direct: row.get::<_, i64>(1)? == 0,
        title: row.get(2)?,
        peer: maybe_id(row, 3)?,
        read_arrival: unsigned(row, 4)?,
        created: unsigned(row, 5)?,
    })
}

impl Tx<'_> {
    /// The conversation with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn chat(&self, chat: &LogId) -> Result<Option<ChatRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chat WHERE chat = ?1");
        found(self.connection().prepare_cached(&sql)?.query_row([chat.as_bytes()], read))
    }

    /// The direct conversations with somebody.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn chats_with(&self, peer: &AccountId) -> Result<Vec<ChatRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM chat WHERE peer = ?1 ORDER BY chat");
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map([peer.as_bytes()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes a conversation.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_chat(&self, row: &ChatRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO chat (chat, kind, title, peer, read_arrival, created)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                row.chat.as_bytes(),
                i64::from(!row.direct),
                row.title,
                row.peer.as_ref().map(AccountId::as_bytes),
                signed(row.read_arrival),
                signed(row.created),
            ])?;
        Ok(())
    }

    /// Puts a log below another in the order of their conversation: what was not sealed for it yet is
    /// said in the other.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn merge_log(&self, from: &LogId, into: &LogId) -> Result<(), StoreError> {
        let both = params![from.as_bytes(), into.as_bytes()];
        let connection = self.connection();
        for (log, rank) in [(from, 0), (into, 1)] {
            for sql in [
                "UPDATE message SET rank = ?2 WHERE log = ?1",
                "UPDATE log SET rank = ?2 WHERE log = ?1",
            ] {
                connection.prepare_cached(sql)?.execute(params![log.as_bytes(), rank])?;
            }
        }
        for sql in [
            "UPDATE outbox SET log = ?2 WHERE log = ?1 AND kind = 2 AND state <= 1",
            "UPDATE message SET log = ?2, rank = 1
             WHERE log = ?1 AND id IN (SELECT id FROM outbox WHERE log = ?2)",
        ] {
            connection.prepare_cached(sql)?.execute(both)?;
        }
        Ok(())
    }

    /// Gives a log, and what it has put on the screen, another place among the logs of its
    /// conversation. What stands apart as an earlier stay remains there.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn set_rank(&self, log: &LogId, rank: u64) -> Result<(), StoreError> {
        for sql in [
            "UPDATE message SET rank = ?2 WHERE log = ?1 AND rank > 0",
            "UPDATE log SET rank = ?2 WHERE log = ?1",
        ] {
            let values = params![log.as_bytes(), signed(rank)];
            self.connection().prepare_cached(sql)?.execute(values)?;
        }
        Ok(())
    }

    /// Makes one conversation, called `into`, of several.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn merge_chats(&self, chats: &[LogId], into: &LogId) -> Result<(), StoreError> {
        let Some(mut row) = chats.first().map(|chat| self.chat(chat)).transpose()?.flatten() else {
            return Ok(());
        };
        for chat in chats.iter().filter(|chat| *chat != into) {
            let both = params![chat.as_bytes(), into.as_bytes()];
            for sql in [
                "UPDATE OR IGNORE message SET chat = ?2 WHERE chat = ?1",
                "UPDATE OR IGNORE reaction SET chat = ?2 WHERE chat = ?1",
                "UPDATE OR IGNORE receipt SET chat = ?2 WHERE chat = ?1",
                "UPDATE log SET chat = ?2 WHERE chat = ?1",
            ] {
                self.connection().prepare_cached(sql)?.execute(both)?;
            }
            if let Some(other) = self.chat(chat)? {
                row.read_arrival = row.read_arrival.min(other.read_arrival);
                row.created = row.created.min(other.created);
            }
            self.connection()
                .prepare_cached("DELETE FROM chat WHERE chat = ?1")?
                .execute([chat.as_bytes()])?;
        }
        row.chat = *into;
        self.put_chat(&row)
    }
}
