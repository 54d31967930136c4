//! How the database is encrypted in a browser: SQLite3 Multiple Ciphers (ChaCha20-Poly1305 for each page)
//! over the file system that belongs to the page's origin, beside a rollback journal: that file system has
//! no shared memory, which a log of changes takes.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;
use crate::key::DatabaseKey;

/// Where the pages lie that a change replaces. The file stays, since making one takes a free slot.
pub(crate) const JOURNAL_MODE: &str = "TRUNCATE";

/// What encrypts, over what the worker installed (`sqlite-wasm-vfs`).
const FILE_SYSTEM: &str = "multipleciphers-opfs-sahpool";

/// Connects to the file and says the key. Whether it is right shows when something is read.
pub(crate) fn connect(path: &Path, key: &DatabaseKey) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = Connection::open_with_flags_and_vfs(path, flags, FILE_SYSTEM)?;
    // One tab's worker owns it.
    connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE; PRAGMA cipher = 'chacha20';")?;
    // The statement holds the key, so its text must not become part of an error.
    connection
        .execute_batch(&key.statement("PRAGMA key = 'raw:", "';"))
        .map_err(|_| StoreError::Bug("the key of the database was refused".to_owned()))?;
    Ok(connection)
}

/// Each page is checked when it is read.
#[expect(clippy::unnecessary_wraps, reason = "the other database can be damaged here")]
pub(crate) fn verify(_: &Connection) -> Result<(), StoreError> {
    Ok(())
}

/// A damaged first page cannot be told from a wrong key.
pub(crate) fn why_unreadable(_: &Connection, _: &Path) -> StoreError {
    StoreError::WrongKey
}
