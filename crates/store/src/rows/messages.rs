//! Messages, reactions and receipts, in the one order of their chat.

use rusqlite::{Row, ToSql, params};
use veche_wire::{AccountId, EntryId, LogId, Millis, Seq};

use super::{found, id, maybe_id, signed, unsigned};
use crate::{StoreError, Tx};

/// How a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// Ours, not yet durable on the server.
    Pending = 0,
    /// Ours, durable on the server.
    Sent = 1,
    /// Somebody else's.
    Received = 2,
    /// Ours, refused for good.
    Failed = 3,
}

/// The position of what is not in a log yet: after everything.
pub const PENDING_POSITION: u64 = i64::MAX as u64;

/// The position of the `part`-th line (0 to 1,023) that entry `seq` puts on the screen.
#[must_use]
pub fn position(seq: Seq, part: u64) -> u64 {
    (seq << 10) | part.min(1023)
}

/// A message or system line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Its place in the order of arrival here; 0 before it is inserted.
    pub arrival: u64,
    /// The conversation.
    pub chat: LogId,
    /// Its id, the same everywhere.
    pub id: EntryId,
    /// The log that carries it.
    pub log: LogId,
    /// The rank of the log.
    pub rank: u64,
    /// Its place in the log: [`position`] or [`PENDING_POSITION`].
    pub position: u64,
    /// Its author.
    pub account: AccountId,
    /// When the author says it was written.
    pub sent_at: Millis,
    /// How it stands.
    pub state: RowState,
    /// Why it failed.
    pub reason: Option<String>,
    /// The encoded content; none for system lines.
    pub content: Option<Vec<u8>>,
    /// What is shown and searched; none for system lines and deleted messages.
    pub text: Option<String>,
    /// A system line.
    pub event: Option<String>,
    /// The message it answers.
    pub reply_to: Option<EntryId>,
    /// Changed by its author.
    pub edited: bool,
    /// Deleted by its author.
    pub deleted: bool,
    /// Whether it calls for this person's attention.
    pub mentions_me: bool,
}

/// A reaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionRow {
    /// The reaction's own id.
    pub id: EntryId,
    /// The message.
    pub target: EntryId,
    /// Who.
    pub account: AccountId,
    /// What.
    pub emoji: String,
}

/// What [`read`] reads.
pub(super) const COLUMNS: &str = "arrival, chat, id, log, rank, position, account, sent_at, state, reason, \
                       content, text, event, reply_to, edited, deleted, mentions_me";

/// Where a message stands in the order of its conversation.
fn place(row: &MessageRow) -> [i64; 3] {
    [signed(row.rank), signed(row.position), signed(row.arrival)]
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        arrival: unsigned(row, 0)?,
        chat: id(row, 1)?,
        id: id(row, 2)?,
        log: id(row, 3)?,
        rank: unsigned(row, 4)?,
        position: unsigned(row, 5)?,
        account: id(row, 6)?,
        sent_at: unsigned(row, 7)?,
        state: match row.get::<_, i64>(8)? {
            0 => RowState::Pending,
            1 => RowState::Sent,
            2 => RowState::Received,
            _ => RowState::Failed,
        },
        reason: row.get(9)?,
        content: row.get(10)?,
        text: row.get(11)?,
        event: row.get(12)?,
        reply_to: maybe_id(row, 13)?,
        edited: row.get(14)?,
        deleted: row.get(15)?,
        mentions_me: row.get(16)?,
    })
}

impl Tx<'_> {
    /// The message with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn message(
        &self,
        chat: &LogId,
        message: &EntryId,
    ) -> Result<Option<MessageRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM message WHERE chat = ?1 AND id = ?2");
        let key = params![chat.as_bytes(), message.as_bytes()];
        found(self.connection().prepare_cached(&sql)?.query_row(key, read))
    }

    /// Inserts a message; `false` (and nothing changes) where its id is there already.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn insert_message(&self, row: &MessageRow) -> Result<bool, StoreError> {
        let sql = "INSERT OR IGNORE INTO message (chat, id, log, rank, position, account, sent_at,
                   state, reason, content, text, event, reply_to, edited, deleted, mentions_me)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,
                   ?16)";
        let inserted = self.connection().prepare_cached(sql)?.execute(params![
            row.chat.as_bytes(),
            row.id.as_bytes(),
            row.log.as_bytes(),
            signed(row.rank),
            signed(row.position),
            row.account.as_bytes(),
            signed(row.sent_at),
            row.state as i64,
            row.reason,
            row.content,
            row.text,
            row.event,
            row.reply_to.as_ref().map(EntryId::as_bytes),
            row.edited,
            row.deleted,
            row.mentions_me,
        ])?;
        Ok(inserted == 1)
    }

    /// The latest of the 1,000 last messages of a chat that an account has said, by what it says of its
    /// time, before an arrival; what has failed was not said.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn last_said(
        &self,
        chat: &LogId,
        account: &AccountId,
        before: Option<u64>,
    ) -> Result<Option<MessageRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM (SELECT * FROM message WHERE chat = ?1 AND arrival < ?3
                                    ORDER BY arrival DESC LIMIT 1000)
             WHERE account = ?2 AND event IS NULL AND state != ?4
             ORDER BY sent_at DESC, arrival DESC LIMIT 1"
        );
        let before = before.map_or(i64::MAX, signed);
        let failed = RowState::Failed as i64;
        let key = params![chat.as_bytes(), account.as_bytes(), before, failed];
        found(self.connection().prepare_cached(&sql)?.query_row(key, read))
    }

    /// Takes a message away.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_message(&self, chat: &LogId, message: &EntryId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM message WHERE chat = ?1 AND id = ?2")?
            .execute(params![chat.as_bytes(), message.as_bytes()])?;
        Ok(())
    }

    /// Writes what may change of a message: log, place, state, reason, content, text, marks.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn update_message(&self, row: &MessageRow) -> Result<(), StoreError> {
        let sql = "UPDATE message SET log = ?3, rank = ?4, position = ?5, state = ?6, reason = ?7,
                   content = ?8, edited = ?9, deleted = ?10 WHERE chat = ?1 AND id = ?2";
        let (chat, id) = (row.chat.as_bytes(), row.id.as_bytes());
        self.connection().prepare_cached(sql)?.execute(params![
            chat,
            id,
            row.log.as_bytes(),
            signed(row.rank),
            signed(row.position),
            row.state as i64,
            row.reason,
            row.content,
            row.edited,
            row.deleted,
        ])?;
        // By itself: whatever sets a text makes the index of words be written again, and a message
        // changes its state and place more often than its text.
        let sql = "UPDATE message SET text = ?3 WHERE chat = ?1 AND id = ?2 AND text IS NOT ?3";
        self.connection().prepare_cached(sql)?.execute(params![chat, id, row.text])?;
        Ok(())
    }

    /// The first `limit` messages of a conversation, the oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn first_page(&self, chat: &LogId, limit: usize) -> Result<Vec<MessageRow>, StoreError> {
        self.in_order("chat = ?1", params![chat.as_bytes(), bound(limit)])
    }

    /// A page of a conversation, the oldest first: up to `limit` after a message, or the last.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn page(
        &self,
        chat: &LogId,
        after: Option<&MessageRow>,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let Some(after) = after else {
            return self.backwards("chat = ?1", params![chat.as_bytes(), bound(limit)]);
        };
        let [rank, position, arrival] = place(after);
        self.in_order(
            "chat = ?1 AND (rank, position, arrival) > (?3, ?4, ?5)",
            params![chat.as_bytes(), bound(limit), rank, position, arrival],
        )
    }

    /// Up to `limit` messages of a conversation right before a message, the oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn page_before(
        &self,
        chat: &LogId,
        before: &MessageRow,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let [rank, position, arrival] = place(before);
        self.backwards(
            "chat = ?1 AND (rank, position, arrival) < (?3, ?4, ?5)",
            params![chat.as_bytes(), bound(limit), rank, position, arrival],
        )
    }

    /// The first ?2 messages of which a condition holds, the oldest first.
    fn in_order(
        &self,
        condition: &str,
        values: &[&dyn ToSql],
    ) -> Result<Vec<MessageRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM message WHERE {condition}
             ORDER BY rank, position, arrival LIMIT ?2"
        );
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map(values, read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last ?2 messages of which a condition holds, the oldest first.
    fn backwards(
        &self,
        condition: &str,
        values: &[&dyn ToSql],
    ) -> Result<Vec<MessageRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM message WHERE {condition}
             ORDER BY rank DESC, position DESC, arrival DESC LIMIT ?2"
        );
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map(values, read)?;
        let mut page = rows.collect::<Result<Vec<_>, _>>()?;
        page.reverse();
        Ok(page)
    }

    /// Messages whose text matches an FTS5 query, the newest first: the last `limit` to arrive, by
    /// the time at which they were written.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn search_messages(
        &self,
        query: &str,
        limit: usize,
    ) -> Result<Vec<MessageRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM message WHERE arrival IN
             (SELECT rowid FROM message_text WHERE message_text MATCH ?1
              ORDER BY rowid DESC LIMIT ?2)
             ORDER BY sent_at DESC, arrival DESC"
        );
        let mut statement = self.connection().prepare_cached(&sql)?;
        let limit = bound(limit);
        let rows = statement.query_map(params![query, limit], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last arrival of a conversation; 0 where nothing has come.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn last_arrival(&self, chat: &LogId) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(arrival), 0) FROM message WHERE chat = ?1";
        let mut query = self.connection().prepare_cached(sql)?;
        Ok(query.query_row([chat.as_bytes()], |row| unsigned(row, 0))?)
    }

    /// Received messages of others with an arrival in `(after, up_to]`, at most `limit`, for a
    /// receipt.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn received_between(
        &self,
        chat: &LogId,
        after: u64,
        up_to: u64,
    ) -> Result<Vec<EntryId>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT id FROM message WHERE chat = ?1 AND arrival > ?2 AND arrival <= ?3
             AND state = 2 AND event IS NULL ORDER BY arrival DESC LIMIT 200",
        )?;
        let key = params![chat.as_bytes(), signed(after), signed(up_to)];
        let rows = query.query_map(key, |row| id(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes a reaction, unless one has its id: that stays, whoever made it.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_reaction(&self, chat: &LogId, row: &ReactionRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR IGNORE INTO reaction (chat, id, target, account, emoji)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                chat.as_bytes(),
                row.id.as_bytes(),
                row.target.as_bytes(),
                row.account.as_bytes(),
                row.emoji
            ])?;
        Ok(())
    }

    /// Takes a reaction of `account` back; `false` where there is none.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_reaction(
        &self,
        chat: &LogId,
        reaction: &EntryId,
        account: &AccountId,
    ) -> Result<bool, StoreError> {
        let deleted = self
            .connection()
            .prepare_cached("DELETE FROM reaction WHERE chat = ?1 AND id = ?2 AND account = ?3")?
            .execute(params![chat.as_bytes(), reaction.as_bytes(), account.as_bytes()])?;
        Ok(deleted == 1)
    }

    /// The reactions to a message, by emoji and person.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn reactions(
        &self,
        chat: &LogId,
        target: &EntryId,
    ) -> Result<Vec<ReactionRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT id, target, account, emoji FROM reaction WHERE chat = ?1 AND target = ?2
             ORDER BY emoji, account, id",
        )?;
        let rows = query.query_map(params![chat.as_bytes(), target.as_bytes()], |row| {
            Ok(ReactionRow {
                id: id(row, 0)?,
                target: id(row, 1)?,
                account: id(row, 2)?,
                emoji: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Somebody has read a message.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_receipt(
        &self,
        chat: &LogId,
        message: &EntryId,
        account: &AccountId,
    ) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR IGNORE INTO receipt (chat, message, account) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![chat.as_bytes(), message.as_bytes(), account.as_bytes()])?;
        Ok(())
    }

    /// Who has read a message.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn receipts(&self, chat: &LogId, message: &EntryId) -> Result<Vec<AccountId>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT account FROM receipt WHERE chat = ?1 AND message = ?2 ORDER BY account",
        )?;
        let rows =
            query.query_map(params![chat.as_bytes(), message.as_bytes()], |row| id(row, 0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
