//! Single values: identity, server, settings.

use rusqlite::params;

use super::found;
use crate::{StoreError, Tx};

impl Tx<'_> {
    /// The value with this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut query =
            self.connection().prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
        found(query.query_row([name], |row| row.get(0)))
    }

    /// Sets the value with this name.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn set_meta(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
            .execute(params![name, value])?;
        Ok(())
    }

    /// Forgets a value.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_meta(&self, name: &str) -> Result<(), StoreError> {
        self.connection().prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([name])?;
        Ok(())
    }

    /// A value that is a number.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn meta_number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let bytes = self.meta(name)?;
        Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes))
    }

    /// Sets a value that is a number.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn set_meta_number(&self, name: &str, value: u64) -> Result<(), StoreError> {
        self.set_meta(name, &value.to_be_bytes())
    }
}
