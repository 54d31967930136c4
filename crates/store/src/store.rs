//! The connection: opening it, and the two doors through which everything is read and written.

use std::cell::Cell;
use std::fmt;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use crate::key::DatabaseKey;
use crate::schema::MIGRATIONS;
use crate::{StoreError, cipher, migrate};

/// The name of the database inside a home.
pub const DATABASE_FILE: &str = "client.db";

/// How many compiled statements stay ready.
const STATEMENTS_MAX: usize = 256;

/// The database of one client, open. One home has one of them.
pub struct Store {
    connection: Connection,
    keep_bytes_written: u64,
    #[cfg(any(test, feature = "faults"))]
    probe: Option<crate::Probe>,
}

/// What is left of a [`Store`] whose process died: what was committed, and nothing else.
///
/// For a simulator, which crashes clients and starts them again on the same in-memory database.
pub struct Disk(Connection);

/// One transaction, as the caller's work sees it.
pub struct Tx<'store> {
    connection: &'store Connection,
    pub(crate) keep_bytes_written: Cell<u64>,
}

impl Store {
    /// Opens the database at `path`, making it when there is none, and brings it up to date.
    ///
    /// # Errors
    ///
    /// [`StoreError::WrongKey`] when `key` is not the one it was made with, `Corrupt` when pages are
    /// damaged, `Newer` when it was made by a newer program, `Full`, `Disk` or `Busy` when the
    /// system says so.
    pub fn open(path: &Path, key: &DatabaseKey) -> Result<Self, StoreError> {
        let connection = cipher::connect(path, key)?;
        connection
            .query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
            .map_err(|error| why_unreadable(&connection, path, error))?;
        Self::set_up(connection)
    }

    /// An empty database that lives in memory, unencrypted: for tests and the simulator.
    ///
    /// # Errors
    ///
    /// `Bug` if the tables cannot be made.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::set_up(Connection::open_in_memory()?)
    }

    fn set_up(mut connection: Connection) -> Result<Self, StoreError> {
        connection.execute_batch(
            "PRAGMA busy_timeout = 0;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA journal_size_limit = 8388608;
             PRAGMA cache_size = -8192;
             PRAGMA foreign_keys = ON;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;",
        )?;
        connection.pragma_update(None, "journal_mode", cipher::JOURNAL_MODE)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        migrate::migrate(&mut connection, MIGRATIONS)?;
        Ok(Self::from_connection(connection))
    }

    fn from_connection(connection: Connection) -> Self {
        Self {
            connection,
            keep_bytes_written: 0,
            #[cfg(any(test, feature = "faults"))]
            probe: None,
        }
    }

    /// Does `work` in one transaction, which is durable when this returns `Ok`.
    ///
    /// After an error of `work`, nothing of what it did remains. Work that meets a [`StoreError`]
    /// must give it back: a full disk can end the transaction early, and going on would be refused.
    ///
    /// # Errors
    ///
    /// What `work` gave back, or the reason why its changes could not be made durable.
    pub fn write<T, E, W>(&mut self, work: W) -> Result<T, E>
    where
        E: From<StoreError>,
        W: FnOnce(&Tx<'_>) -> Result<T, E>,
    {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let tx = Tx::new(&transaction);
        let outcome = work(&tx)?;
        let written = tx.keep_bytes_written.get();
        if transaction.is_autocommit() {
            return Err(StoreError::Bug("work went on after its transaction failed".into()).into());
        }
        #[cfg(any(test, feature = "faults"))]
        if self.probe.as_mut().is_some_and(|probe| probe(crate::Moment::BeforeCommit)) {
            return Err(StoreError::Crashed.into());
        }
        transaction.commit().map_err(StoreError::from)?;
        self.keep_bytes_written += written;
        #[cfg(any(test, feature = "faults"))]
        if self.probe.as_mut().is_some_and(|probe| probe(crate::Moment::AfterCommit)) {
            return Err(StoreError::Crashed.into());
        }
        Ok(outcome)
    }

    /// Does `work` on one unchanging view of the database. Nothing that it changes remains.
    ///
    /// # Errors
    ///
    /// What `work` gave back, or the reason why the database could not be read; `Bug` where `work`
    /// changed something.
    pub fn read<T, E, W>(&self, work: W) -> Result<T, E>
    where
        E: From<StoreError>,
        W: FnOnce(&Tx<'_>) -> Result<T, E>,
    {
        // `PRAGMA query_only` would refuse changes at once, but every setting of it makes SQLite
        // compile all prepared statements again.
        let transaction = self.connection.unchecked_transaction().map_err(StoreError::from)?;
        let changes = self.connection.total_changes();
        let outcome = work(&Tx::new(&transaction))?;
        if self.connection.total_changes() != changes {
            return Err(StoreError::Bug("a reader changed something".to_owned()).into());
        }
        Ok(outcome)
        // The guard ends here: the transaction is rolled back.
    }

    /// The bytes that [`Tx::keep_put`] has written and committed since this store was opened.
    #[must_use]
    pub fn keep_bytes_written(&self) -> u64 {
        self.keep_bytes_written
    }

    /// The version of the tables: how many migration steps the database has had.
    ///
    /// # Errors
    ///
    /// `Disk` or `Corrupt` when it cannot be read.
    pub fn schema_version(&self) -> Result<u32, StoreError> {
        migrate::version(&self.connection)
    }

    /// Moves what was committed from the journal into the database and wipes the journal, so that
    /// keys that were deleted are in neither.
    ///
    /// # Errors
    ///
    /// `Busy` while another connection reads; `Full` and `Disk` when the system says so. Nothing is
    /// lost then.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        let busy: bool =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy { Err(StoreError::Busy) } else { Ok(()) }
    }

    /// Reads the whole database and checks every page and reference. Takes time.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] with the first thing found wrong.
    pub fn verify(&self) -> Result<(), StoreError> {
        cipher::verify(&self.connection)?;
        match first_row(&self.connection, "PRAGMA quick_check(1)")? {
            Some(found) if found != "ok" => return Err(StoreError::Corrupt(found)),
            _ => {}
        }
        match first_row(&self.connection, "PRAGMA foreign_key_check")? {
            Some(table) => Err(StoreError::Corrupt(format!("a row of {table} refers to nothing"))),
            None => Ok(()),
        }
    }

    /// Ends this store as a crash would, keeping what was committed.
    #[must_use]
    pub fn into_disk(self) -> Disk {
        Disk(self.connection)
    }

    /// Opens again what [`Store::into_disk`] left.
    ///
    /// # Errors
    ///
    /// Those of [`Store::open`], but for the key.
    pub fn from_disk(disk: Disk) -> Result<Self, StoreError> {
        let Disk(connection) = disk;
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        connection.flush_prepared_statement_cache();
        Self::set_up(connection)
    }

    /// A copy of everything that is committed, as somebody makes who copies a home.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    #[cfg(any(test, feature = "faults"))]
    pub fn copy(&self) -> Result<Disk, StoreError> {
        let mut copy = Connection::open_in_memory()?;
        let backup = rusqlite::backup::Backup::new(&self.connection, &mut copy)?;
        backup.step(-1)?;
        drop(backup);
        Ok(Disk(copy))
    }

    /// Asks `probe` around every commit whether the process dies there; `None` stops asking.
    #[cfg(any(test, feature = "faults"))]
    pub fn set_commit_probe(&mut self, probe: Option<crate::Probe>) {
        self.probe = probe;
    }

    /// Lets the database grow to `pages` pages of 4 KiB and no further, like a disk that is full.
    ///
    /// # Errors
    ///
    /// `Bug` if SQLite refuses.
    #[cfg(any(test, feature = "faults"))]
    pub fn limit_pages(&mut self, pages: u32) -> Result<(), StoreError> {
        self.connection.pragma_update(None, "max_page_count", pages)?;
        Ok(())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Store").finish_non_exhaustive()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Disk").finish_non_exhaustive()
    }
}

impl fmt::Debug for Tx<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tx").finish_non_exhaustive()
    }
}

impl<'store> Tx<'store> {
    fn new(connection: &'store Connection) -> Self {
        Self { connection, keep_bytes_written: Cell::new(0) }
    }

    /// The connection inside the transaction, for the queries of this crate.
    pub(crate) fn connection(&self) -> &'store Connection {
        self.connection
    }
}

/// The first column of the first row of the answer to `question`, if there is a row.
pub(crate) fn first_row(
    connection: &Connection,
    question: &str,
) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare(question)?;
    let mut rows = statement.query([])?;
    Ok(match rows.next()? {
        Some(row) => Some(row.get(0)?),
        None => None,
    })
}

/// Tells a wrong key from a damaged file, of which the first page could not be read.
fn why_unreadable(connection: &Connection, path: &Path, error: rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        cipher::why_unreadable(connection, path)
    } else {
        StoreError::from(error)
    }
}
