//! People.

use rusqlite::{Row, params};
use veche_wire::content::DisplayName;
use veche_wire::{AccountId, Token};

use super::{found, id, maybe_id, signed, unsigned};
use crate::{StoreError, Tx};

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Who.
    pub account: AccountId,
    /// The username that the directory proved.
    pub username: Option<String>,
    /// Whether this person was chosen as a contact.
    pub contact: bool,
    /// Whether everything of theirs is refused.
    pub blocked: bool,
    /// The right to write into their inboxes, from their contact link.
    pub invite: Option<Token>,
    /// What they want to be called, and since when; the empty name where that was taken back.
    pub display_name: Option<DisplayName>,
}

const COLUMNS: &str = "account, username, contact, blocked, invite, display_name, display_since";

fn read(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    Ok(AccountRow {
        account: id(row, 0)?,
        username: row.get(1)?,
        contact: row.get(2)?,
        blocked: row.get(3)?,
        invite: maybe_id(row, 4)?,
        display_name: match unsigned(row, 6)? {
            0 => None,
            since => Some(DisplayName { since, text: row.get(5)? }),
        },
    })
}

impl Tx<'_> {
    /// The person with this account.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn account(&self, account: &AccountId) -> Result<Option<AccountRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE account = ?1");
        found(self.connection().prepare_cached(&sql)?.query_row([account.as_bytes()], read))
    }

    /// The person with this username.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn account_named(&self, username: &str) -> Result<Option<AccountRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE username = ?1");
        found(self.connection().prepare_cached(&sql)?.query_row([username], read))
    }

    /// Whether it is known here what username somebody has.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn has_username(&self, account: &AccountId) -> Result<bool, StoreError> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM account WHERE account = ?1 AND username IS NOT NULL)";
        Ok(self
            .connection()
            .prepare_cached(sql)?
            .query_row([account.as_bytes()], |row| row.get(0))?)
    }

    /// Writes down that there is somebody, of whose username nothing was known, and that it is `username`;
    /// but not one that somebody else has here.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn learn_account(
        &self,
        account: &AccountId,
        username: Option<&str>,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO account (account, username)
             VALUES (?1, CASE WHEN EXISTS (SELECT 1 FROM account WHERE username = ?2) THEN NULL ELSE ?2 END)
             ON CONFLICT (account) DO UPDATE SET username = excluded.username
             WHERE username IS NULL AND excluded.username IS NOT NULL";
        self.connection().prepare_cached(sql)?.execute(params![account.as_bytes(), username])?;
        Ok(())
    }

    /// Writes a person.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_account(&self, row: &AccountRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO account
                 (account, username, contact, blocked, invite, display_name, display_since)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                row.account.as_bytes(),
                row.username,
                row.contact,
                row.blocked,
                row.invite.as_ref().map(Token::as_bytes),
                row.display_name.as_ref().map_or("", |name| &name.text),
                signed(row.display_name.as_ref().map_or(0, |name| name.since)),
            ])?;
        Ok(())
    }

    /// Contacts and blocked people, by name.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn contacts(&self) -> Result<Vec<AccountRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM account WHERE contact OR blocked ORDER BY username, account"
        );
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
