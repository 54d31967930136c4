//! Who is in each log, as rows beside the group that says so.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use veche_wire::{AccountId, DeviceId, LogId, Millis};

use super::{found, id, unsigned};
use crate::{StoreError, Tx};

/// A device in a log, with the role of its account (0 member, 1 admin, 2 owner).
pub type Place = (AccountId, DeviceId, u8);

/// How many are in a log, and as of which state of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterRow {
    /// What tells the states of the group apart.
    pub history: Vec<u8>,
    /// How many accounts.
    pub accounts: u64,
    /// How many devices.
    pub devices: u64,
}

/// Somebody in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// Who.
    pub account: AccountId,
    /// 0 member, 1 admin, 2 owner.
    pub role: u8,
    /// The username that the directory proved.
    pub username: Option<String>,
    /// What they want to be called.
    pub display_name: Option<String>,
    /// When the last of their devices was added, where none of them has written since.
    pub silent_since: Option<Millis>,
}

impl Tx<'_> {
    /// How many are in a log; `None` where nobody was written down.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn roster(&self, log: &LogId) -> Result<Option<RosterRow>, StoreError> {
        let sql = "SELECT history, accounts, devices FROM roster WHERE log = ?1";
        found(self.connection().prepare_cached(sql)?.query_row([log.as_bytes()], |row| {
            Ok(RosterRow {
                history: row.get(0)?,
                accounts: unsigned(row, 1)?,
                devices: unsigned(row, 2)?,
            })
        }))
    }

    /// Everybody in a log, by account.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn members(&self, log: &LogId) -> Result<Vec<MemberRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT member.account, max(role), username, nullif(display_name, ''),
             CASE WHEN count(added) = count(*) THEN max(added) END
             FROM member LEFT JOIN account ON account.account = member.account
             LEFT JOIN awaited ON awaited.log = member.log AND awaited.device = member.device
             WHERE member.log = ?1 GROUP BY member.account",
        )?;
        let rows = query.query_map([log.as_bytes()], |row| {
            Ok(MemberRow {
                account: id(row, 0)?,
                role: row.get(1)?,
                username: row.get(2)?,
                display_name: row.get(3)?,
                silent_since: row.get::<_, Option<i64>>(4)?.and_then(|at| at.try_into().ok()),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether somebody is in a log.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn is_member(&self, log: &LogId, account: &AccountId) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM member WHERE log = ?1 AND account = ?2)";
        let key = params![log.as_bytes(), account.as_bytes()];
        Ok(self.connection().prepare_cached(sql)?.query_row(key, |row| row.get(0))?)
    }

    /// Writes down who is in a log; rows that stay as they are are not written again.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_members(
        &self,
        log: &LogId,
        history: &[u8],
        places: &BTreeSet<Place>,
    ) -> Result<(), StoreError> {
        let before = places_of(self.connection(), log)?;
        let went = before.difference(places).copied().collect();
        let came = places.difference(&before).copied().collect();
        self.put_members_who(log, (&went, &came))?;
        self.put_roster(log, history)
    }

    /// Writes down who went from a log of which is written down who was in it, and who came.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn change_members(
        &self,
        log: &LogId,
        history: &[u8],
        (went, came): (&BTreeSet<Place>, &BTreeSet<Place>),
    ) -> Result<(), StoreError> {
        self.put_members_who(log, (went, came))?;
        if went.is_empty() && came.is_empty() {
            let sql = "UPDATE roster SET history = ?2 WHERE log = ?1";
            let key = params![log.as_bytes(), history];
            self.connection().prepare_cached(sql)?.execute(key)?;
            return Ok(());
        }
        self.put_roster(log, history)
    }

    fn put_members_who(
        &self,
        log: &LogId,
        (went, came): (&BTreeSet<Place>, &BTreeSet<Place>),
    ) -> Result<(), StoreError> {
        let mut delete = self
            .connection()
            .prepare_cached("DELETE FROM member WHERE log = ?1 AND account = ?2 AND device = ?3")?;
        for (account, device, _) in went {
            delete.execute(params![log.as_bytes(), account.as_bytes(), device.as_bytes()])?;
        }
        let mut insert = self.connection().prepare_cached(
            "INSERT OR REPLACE INTO member (log, account, device, role) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (account, device, role) in came {
            insert.execute(params![log.as_bytes(), account.as_bytes(), device.as_bytes(), role])?;
        }
        Ok(())
    }

    fn put_roster(&self, log: &LogId, history: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO roster (log, history, accounts, devices)
             SELECT ?1, ?2, count(DISTINCT account), count(*) FROM member WHERE log = ?1";
        self.connection().prepare_cached(sql)?.execute(params![log.as_bytes(), history])?;
        Ok(())
    }

    /// Forgets who is in a log.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn forget_members(&self, log: &LogId) -> Result<(), StoreError> {
        for sql in ["DELETE FROM member WHERE log = ?1", "DELETE FROM roster WHERE log = ?1"] {
            self.connection().prepare_cached(sql)?.execute([log.as_bytes()])?;
        }
        Ok(())
    }
}

fn places_of(connection: &Connection, log: &LogId) -> Result<BTreeSet<Place>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT account, device, role FROM member WHERE log = ?1")?;
    let rows =
        query.query_map([log.as_bytes()], |row| Ok((id(row, 0)?, id(row, 1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
