//! KeyPackages of last resort: the one that the directory offers, and the one before it.

use rusqlite::params;
use veche_wire::Millis;

use super::{signed, unsigned};
use crate::{StoreError, Tx};

/// A KeyPackage of last resort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastResortRow {
    /// When it was made (ms since 1970).
    pub made: Millis,
    /// Its bytes, an MLSMessage.
    pub package: Vec<u8>,
    /// Whether the directory has it.
    pub published: bool,
}

impl Tx<'_> {
    /// The KeyPackages of last resort of a suite, the newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn last_resorts(&self, suite: u16) -> Result<Vec<LastResortRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT made, package, published FROM last_resort WHERE suite = ?1 ORDER BY made DESC",
        )?;
        let rows = query.query_map([suite], |row| {
            Ok(LastResortRow {
                made: unsigned(row, 0)?,
                package: row.get(1)?,
                published: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps a KeyPackage of last resort.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_last_resort(&self, suite: u16, row: &LastResortRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO last_resort (suite, made, package, published)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![suite, signed(row.made), row.package, row.published])?;
        Ok(())
    }

    /// The directory has the newest one.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn last_resort_published(&self, suite: u16) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("UPDATE last_resort SET published = 1 WHERE suite = ?1")?
            .execute([suite])?;
        Ok(())
    }

    /// Drops one.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_last_resort(&self, suite: u16, made: Millis) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM last_resort WHERE suite = ?1 AND made = ?2")?
            .execute(params![suite, signed(made)])?;
        Ok(())
    }
}
