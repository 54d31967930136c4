//! The list of conversations: read in two queries, however many there are.

use rusqlite::Row;
use veche_wire::{AccountId, LogId, Seq};

use super::logs::LogState;
use super::messages::{self, MessageRow};
use super::{id, maybe_id, unsigned};
use crate::{StoreError, Tx};

/// A conversation with what its line in a list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRow {
    /// Its id.
    pub chat: LogId,
    /// Whether two people or a group.
    pub direct: bool,
    /// The title; empty in direct chats.
    pub title: String,
    /// The other of a direct chat.
    pub peer: Option<ListedPerson>,
    /// Messages of others that the person has not read.
    pub unread: u64,
    /// Those of them that mention this person.
    pub mentions: u64,
    /// Its current log: how this device stands in it, and the last entry that was processed.
    pub log: Option<(LogId, LogState, Seq)>,
    /// How many people are in it; 0 where that is not written down.
    pub accounts: u64,
    /// How many ask to join it by its link, whoever answers them.
    pub asking: u64,
    /// The role of this account: 0 member, 1 admin, 2 owner; none where it is not in.
    pub role: Option<u8>,
}

/// Somebody in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPerson {
    /// Who.
    pub account: AccountId,
    /// The username, where one is proved.
    pub username: Option<String>,
    /// What they want to be called; empty where that is nothing.
    pub display_name: String,
    /// Whether everything of theirs is refused.
    pub blocked: bool,
}

/// Unread messages are counted once for both numbers; of the logs of a chat, the last is the current one.
const LISTED: &str = "
    WITH fresh AS (
        SELECT chat.chat AS chat, count(*) AS messages,
               count(*) FILTER (WHERE message.mentions_me) AS mentions
        FROM chat CROSS JOIN message ON message.chat = chat.chat
        WHERE message.arrival > chat.read_arrival AND message.state = 2
              AND message.event IS NULL AND NOT message.deleted
        GROUP BY chat.chat
    )
    SELECT chat.chat, chat.kind, chat.title, coalesce(fresh.messages, 0),
           coalesce(fresh.mentions, 0), log.log, log.state, log.cursor, coalesce(roster.accounts, 0),
           (SELECT count(*) FROM door JOIN join_request ON join_request.door = door.door
            WHERE door.log = log.log AND door.state = 1 AND join_request.state = 0),
           (SELECT max(role) FROM member WHERE member.log = log.log AND member.account = ?1),
           chat.peer, account.username, account.display_name, account.blocked
    FROM chat
    LEFT JOIN fresh ON fresh.chat = chat.chat
    LEFT JOIN log ON log.log = (SELECT own.log FROM log AS own WHERE own.chat = chat.chat
                                ORDER BY own.rank DESC, own.log DESC LIMIT 1)
    LEFT JOIN roster ON roster.log = log.log
    LEFT JOIN account ON account.account = chat.peer
    ORDER BY chat.created, chat.chat";

/// The index by order gives the last one of each chat.
const LAST: &str = "
    FROM chat
    CROSS JOIN message ON message.arrival = (
        SELECT last.arrival FROM message AS last WHERE last.chat = chat.chat
        ORDER BY last.rank DESC, last.position DESC, last.arrival DESC LIMIT 1)
    LEFT JOIN account ON account.account = message.account";

/// A person whose account stands at `at`, with username, display name and mark of a block behind it.
fn person(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<ListedPerson>> {
    let Some(account) = maybe_id(row, at)? else { return Ok(None) };
    Ok(Some(ListedPerson {
        account,
        username: row.get(at + 1)?,
        display_name: row.get::<_, Option<String>>(at + 2)?.unwrap_or_default(),
        blocked: row.get::<_, Option<bool>>(at + 3)?.unwrap_or_default(),
    }))
}

fn read(row: &Row<'_>) -> rusqlite::Result<ListedRow> {
    let log = match maybe_id(row, 5)? {
        Some(log) => Some((log, LogState::from_number(row.get(6)?), unsigned(row, 7)?)),
        None => None,
    };
    Ok(ListedRow {
        chat: id(row, 0)?,
        direct: row.get::<_, i64>(1)? == 0,
        title: row.get(2)?,
        peer: person(row, 11)?,
        unread: unsigned(row, 3)?,
        mentions: unsigned(row, 4)?,
        log,
        accounts: unsigned(row, 8)?,
        asking: unsigned(row, 9)?,
        role: row.get(10)?,
    })
}

impl Tx<'_> {
    /// All conversations as `me` sees them in a list, the oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn listed(&self, me: &AccountId) -> Result<Vec<ListedRow>, StoreError> {
        let mut query = self.connection().prepare_cached(LISTED)?;
        let rows = query.query_map([me.as_bytes()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The last message of each conversation that has one, with its author.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn last_messages(&self) -> Result<Vec<(MessageRow, ListedPerson)>, StoreError> {
        let columns: Vec<String> =
            messages::COLUMNS.split(", ").map(|name| format!("message.{}", name.trim())).collect();
        let author = "message.account, account.username, account.display_name, account.blocked";
        let sql = format!("SELECT {}, {author} {LAST}", columns.join(", "));
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows =
            query.query_map([], |row| Ok((messages::read(row)?, person(row, columns.len())?)))?;
        rows.map(|row| match row? {
            (message, Some(author)) => Ok((message, author)),
            (message, None) => {
                Err(StoreError::Bug(format!("message {} has no author", message.id)))
            }
        })
        .collect()
    }
}
