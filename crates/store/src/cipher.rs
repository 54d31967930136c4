//! How the database is encrypted on a machine with files: SQLCipher, beside a log of changes.

use std::path::Path;

use rusqlite::Connection;

use crate::StoreError;
use crate::key::DatabaseKey;
use crate::store::first_row;

/// Where changes lie before they are in the database.
pub(crate) const JOURNAL_MODE: &str = "WAL";

/// The bytes of a page: what SQLCipher makes unless told otherwise.
const PAGE_BYTES: u64 = 4096;

/// Connects to the file and says the key. Whether it is right shows when something is read.
pub(crate) fn connect(path: &Path, key: &DatabaseKey) -> Result<Connection, StoreError> {
    crate::home::make_private(path).map_err(|error| StoreError::file("opening", path, &error))?;
    let connection = Connection::open(path)?;
    // The statement holds the key, so its text must not become part of an error.
    connection
        .execute_batch(&key.statement("PRAGMA key = \"x'", "'\";"))
        .map_err(|_| StoreError::Bug("the key of the database was refused".to_owned()))?;
    connection
        .execute_batch("PRAGMA cipher_log_level = NONE; PRAGMA cipher_memory_security = OFF;")?;
    Ok(connection)
}

/// Checks that every page was sealed with the key.
pub(crate) fn verify(connection: &Connection) -> Result<(), StoreError> {
    match first_row(connection, "PRAGMA cipher_integrity_check")? {
        Some(found) => Err(StoreError::Corrupt(found)),
        None => Ok(()),
    }
}

/// Every page is sealed by itself: with a wrong key none opens, with the right one all do that are
/// not damaged.
pub(crate) fn why_unreadable(connection: &Connection, path: &Path) -> StoreError {
    let pages = crate::home::length(path).unwrap_or_default() / PAGE_BYTES;
    match damaged_pages(connection) {
        Ok(damaged) if damaged < pages => {
            StoreError::Corrupt(format!("{damaged} of its pages cannot be read"))
        }
        Ok(_) => StoreError::WrongKey,
        Err(error) => error,
    }
}

/// How many pages of the file do not open under the key of the connection.
fn damaged_pages(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare("PRAGMA cipher_integrity_check")?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}
