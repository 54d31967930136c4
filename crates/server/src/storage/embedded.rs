//! The engine of a single machine: SQLite for rows, files for blobs.
//!
//! `logs.db` holds logs, entries and the state of blobs, `directory.db` accounts and inboxes: two
//! files, so that no order of rows joins them. Tables have no row numbers and no times finer than a
//! day; what is deleted is overwritten (`secure_delete`). A commit is on the disk when it returns
//! (WAL with `synchronous=FULL`). Blob bytes are on the disk before the row that counts them.
//!
//! ```text
//! DIR/lock            held while a server runs
//! DIR/logs.db         and -wal, -shm
//! DIR/directory.db    and -wal, -shm
//! DIR/blobs/ab/abcd…  named by the SHA-256 of the blob's id, so that the disk gives no right to read
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use veche_wire::LogId;

use self::checkpoint::Checkpointer;
use super::{Engine, InviteCode, StorageError, Stored, Work};
use crate::metrics::Metrics;

mod backup;
mod blobs;
mod checkpoint;
mod directory;
mod inboxes;
mod logs;

pub use backup::backup;

/// Version of both schemas, in `PRAGMA user_version`. Version 2 has one index less on the entries, and
/// a log's row is behind what the log holds. Version 3 knows whether a log is guarded.
const SCHEMA_VERSION: u32 = 3;
/// How long to wait for another program that uses the same database (`veched invite`, `backup`).
const BUSY_MS: Duration = Duration::from_secs(10);
/// Databases up to this size are checked page by page at start.
const CHECK_BYTES_MAX: u64 = 256 << 20;
/// What SQLite keeps of each database in memory, in KiB. With its own choice of 2 MiB, a batch over a
/// thousand logs read most of its pages from the system again, and wrote them early.
const CACHE_KIB: i64 = 32 << 10;
/// How many pages the write-ahead log has before it is copied into the database, which takes two more
/// syncs: 64 MiB, as much as is kept of the file. With SQLite's own choice of 4 MiB, each batch of a
/// busy server did it.
const CHECKPOINT_PAGES: i64 = 16_384;
/// Pages given back to the disk each time there is time.
const VACUUM_PAGES: u32 = 1_000;
/// A directory up to this size is written anew now and then, in the order of its keys. In a larger
/// one, each is one of thousands.
const SCATTER_BYTES_MAX: u64 = 32 << 20;

/// What a database is made with, and how one of each earlier version, from the first, becomes the next.
struct Schema {
    tables: &'static str,
    steps: [&'static str; SCHEMA_VERSION as usize - 1],
}

/// SQLite and files in one folder.
pub struct Embedded {
    logs: Connection,
    directory: Connection,
    folder: PathBuf,
    /// Bytes of blobs.
    blob_bytes: u64,
    erased: Erased,
    /// The last log whose entries were looked at for what is past its time; none at the beginning.
    swept: Option<LogId>,
    /// How many changes the directory had had when it was last written anew.
    scattered_at: Option<u64>,
    metrics: Arc<Metrics>,
    checkpointer: Option<Checkpointer>,
    /// Keeps other servers away until it is dropped.
    _lock: File,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

/// Which databases had rows erased since their write-ahead logs were emptied.
#[derive(Debug, Clone, Copy, Default)]
struct Erased {
    logs: bool,
    directory: bool,
}

/// One transaction over both databases and the blob files that it touched.
struct Transaction<'a> {
    logs: &'a Connection,
    directory: &'a Connection,
    blobs: PathBuf,
    files: Files,
    /// Rows of `logs` that were looked at or changed.
    records: BTreeMap<LogId, logs::Known>,
    erased: Erased,
    swept: Option<LogId>,
}

/// Blob files of a transaction.
#[derive(Default)]
struct Files {
    /// Written, to be made durable before the rows are.
    written: BTreeMap<PathBuf, File>,
    /// Folders with new names in them.
    folders: BTreeSet<PathBuf>,
    /// To be removed once the rows are gone.
    doomed: Vec<PathBuf>,
    added_bytes: u64,
    removed_bytes: u64,
}

impl Embedded {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// Where another server uses it, what is in it is corrupt or newer, or the disk fails.
    pub fn open(folder: &Path, metrics: Arc<Metrics>) -> Stored<Self> {
        Self::open_on(folder, metrics, None)
    }

    /// Opens the folder through a VFS of SQLite that is registered under this name; a test drops
    /// with it what was not synced.
    pub(crate) fn open_on(
        folder: &Path,
        metrics: Arc<Metrics>,
        vfs: Option<&'static CStr>,
    ) -> Stored<Self> {
        make_folder(folder).map_err(|error| broken_file("make the folder", &error))?;
        let lock = File::create(folder.join("lock"))
            .map_err(|error| broken_file("create the lock", &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StorageError::InUse),
            Err(TryLockError::Error(error)) => return Err(broken_file("lock", &error)),
        }
        let path = folder.join("logs.db");
        let mut logs = open_database(&path, logs::SCHEMA, vfs)?;
        // The thread would open the file through another VFS.
        let checkpointer = match vfs {
            None => Some(Checkpointer::start(&mut logs, &path)?),
            Some(_) => None,
        };
        let directory = open_directory(folder, vfs)?;
        sync_folder(folder)?;
        let blob_bytes = blobs::count_bytes(&logs)?;
        let engine = Self {
            logs,
            directory,
            folder: folder.to_owned(),
            blob_bytes,
            erased: Erased { logs: true, directory: true },
            swept: None,
            scattered_at: None,
            metrics,
            checkpointer,
            _lock: lock,
        };
        blobs::remove_orphans(&engine.logs, &engine.folder.join("blobs"))?;
        Ok(engine)
    }

    /// Bounds the pages of both databases, so that writing beyond them fails as on a full disk.
    ///
    /// # Errors
    /// Where SQLite refuses.
    #[cfg(any(test, feature = "mutants"))]
    pub fn limit_pages(&self, pages: u32) -> Stored<()> {
        for database in [&self.logs, &self.directory] {
            database.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(())
    }

    /// Sets `PRAGMA synchronous` to the given word. A test shows with it that less than `FULL` loses
    /// what was acknowledged.
    ///
    /// # Errors
    /// Where SQLite refuses.
    #[cfg(any(test, feature = "mutants"))]
    pub fn set_synchronous(&self, word: &str) -> Stored<()> {
        for database in [&self.logs, &self.directory] {
            database.pragma_update(None, "synchronous", word)?;
        }
        Ok(())
    }

    fn transact(&mut self, begin: &str, work: &mut Work<'_>) -> Stored<()> {
        let databases = [&self.logs, &self.directory];
        for database in databases {
            if let Err(error) = database.execute_batch(begin) {
                roll_back(databases);
                return Err(error.into());
            }
        }
        let changes = || self.logs.total_changes() + self.directory.total_changes();
        let before = changes();
        let mut transaction = Transaction {
            logs: &self.logs,
            directory: &self.directory,
            blobs: self.folder.join("blobs"),
            files: Files::default(),
            records: BTreeMap::new(),
            erased: self.erased,
            swept: self.swept,
        };
        let done = work(&mut transaction).and_then(|()| transaction.write_logs());
        let files = std::mem::take(&mut transaction.files);
        let (erased, swept) = (transaction.erased, transaction.swept);
        let started = Instant::now();
        let done = done.and_then(|()| files.sync()).and_then(|()| {
            databases.into_iter().try_for_each(|database| Ok(database.execute_batch("COMMIT")?))
        });
        if let Err(error) = done {
            roll_back(databases);
            return Err(error);
        }
        if changes() != before {
            self.metrics.commits.count(started.elapsed());
        }
        self.erased = erased;
        self.swept = swept;
        self.blob_bytes = (self.blob_bytes + files.added_bytes).saturating_sub(files.removed_bytes);
        files.remove_doomed();
        Ok(())
    }
}

impl Engine for Embedded {
    fn write(&mut self, work: &mut Work<'_>) -> Stored<()> {
        self.transact("BEGIN IMMEDIATE", work)
    }

    fn read(&mut self, work: &mut Work<'_>) -> Stored<()> {
        self.transact("BEGIN", work)
    }

    fn sync(&mut self) -> Stored<()> {
        Ok(())
    }

    fn tidy(&mut self) -> Stored<()> {
        let Erased { logs, directory } = self.erased;
        // Else the write-ahead log keeps its size: writing over it is faster than growing it.
        if logs {
            let _quiet = self.checkpointer.as_ref().map(Checkpointer::pause);
            give_back(&self.logs)?;
        }
        let size = fs::metadata(self.folder.join("directory.db")).map_or(0, |file| file.len());
        if self.scattered_at != Some(self.directory.total_changes()) && size <= SCATTER_BYTES_MAX {
            scatter(&self.directory)?;
            self.scattered_at = Some(self.directory.total_changes());
        } else if directory {
            give_back(&self.directory)?;
        }
        self.erased = Erased::default();
        Ok(())
    }

    fn disk_bytes(&self) -> u64 {
        let names = ["logs.db", "logs.db-wal", "directory.db", "directory.db-wal"];
        let size = |name| fs::metadata(self.folder.join(name)).map_or(0, |file| file.len());
        names.into_iter().map(size).sum::<u64>() + self.blob_bytes
    }
}

impl Files {
    /// Makes what was written durable, names included.
    fn sync(&self) -> Stored<()> {
        for file in self.written.values() {
            file.sync_data().map_err(|error| broken_file("sync a blob", &error))?;
        }
        self.folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    fn remove_doomed(&self) {
        for path in &self.doomed {
            // A file that stays is an orphan, removed at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens the directory's database alone, beside a running server: for `veched invite`.
fn open_directory(folder: &Path, vfs: Option<&CStr>) -> Stored<Connection> {
    open_database(&folder.join("directory.db"), directory::SCHEMA, vfs)
}

/// Adds an operator's invite code, while a server may be running.
///
/// # Errors
/// Where the folder holds no server's data, or the database fails.
pub fn add_invite_code(folder: &Path, hash: &[u8; 32], code: InviteCode) -> Stored<()> {
    if !folder.join("directory.db").exists() {
        return Err(StorageError::Broken { what: "the folder holds no server's data", code: 0 });
    }
    directory::put_code(&open_directory(folder, None)?, hash, code)
}

fn open_database(path: &Path, schema: Schema, vfs: Option<&CStr>) -> Stored<Connection> {
    let is_new = !path.exists();
    let mut database = match vfs {
        None => Connection::open(path)?,
        Some(name) => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), name)?,
    };
    database.busy_timeout(BUSY_MS)?;
    if is_new {
        restrict(path)?;
        database.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    database.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "fullfsync", true)?;
    database.pragma_update(None, "checkpoint_fullfsync", true)?;
    database.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    database.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
    database.pragma_update(None, "temp_store", "MEMORY")?;
    database.pragma_update(None, "cache_size", -CACHE_KIB)?;
    database.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    database.set_prepared_statement_cache_capacity(64);
    let version: u32 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        0 => {
            let transaction = database.transaction()?;
            transaction.execute_batch(schema.tables)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        }
        1..SCHEMA_VERSION => {
            check_pages(&database, path)?;
            let transaction = database.transaction()?;
            for step in schema.steps.iter().skip(version as usize - 1) {
                transaction.execute_batch(step)?;
            }
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            transaction.commit()?;
        }
        SCHEMA_VERSION => check_pages(&database, path)?,
        found => return Err(StorageError::Newer { found, known: SCHEMA_VERSION }),
    }
    Ok(database)
}

/// Looks for damage, where that takes no long time.
fn check_pages(database: &Connection, path: &Path) -> Stored<()> {
    if fs::metadata(path).map_or(0, |file| file.len()) > CHECK_BYTES_MAX {
        return Ok(());
    }
    let verdict: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StorageError::Corrupt("its pages do not fit")) }
}

/// Makes the folder where it does not exist; only the operator looks into a new one.
fn make_folder(folder: &Path) -> io::Result<()> {
    let is_new = !folder.exists();
    fs::create_dir_all(folder.join("blobs"))?;
    #[cfg(unix)]
    if is_new {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Only the operator reads the database.
#[cfg(unix)]
fn restrict(path: &Path) -> Stored<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(|error| broken_file("restrict", &error))
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> Stored<()> {
    Ok(())
}

/// Writes a database anew in the order of its keys, which are random. SQLite leaves a row where it
/// was first put, so that the file tells in which order rows came to be; of inboxes and of logs,
/// these orders joined the one to the other on a server where little happens.
fn scatter(database: &Connection) -> Stored<()> {
    database.execute_batch("VACUUM")?;
    empty_log(database)
}

/// Gives unused pages back to the disk, and empties the write-ahead log, in which what was erased
/// still stands.
fn give_back(database: &Connection) -> Stored<()> {
    let mut vacuum = database.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut pages = vacuum.query([])?;
    // It gives one page back for each row that it is asked for.
    while pages.next()?.is_some() {}
    empty_log(database)
}

fn empty_log(database: &Connection) -> Stored<()> {
    Ok(database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

fn roll_back(databases: [&Connection; 2]) {
    for database in databases {
        if !database.is_autocommit() {
            // SQLite may have rolled back by itself; nothing more can be done here.
            let _ = database.execute_batch("ROLLBACK");
        }
    }
}

/// Makes the names in a folder durable.
fn sync_folder(folder: &Path) -> Stored<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| broken_file("sync a folder", &error))
}

fn broken_file(what: &'static str, error: &io::Error) -> StorageError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageError::Full,
        _ => StorageError::Broken { what, code: error.raw_os_error().unwrap_or(0) },
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                ErrorCode::DiskFull => Self::Full,
                ErrorCode::DatabaseCorrupt => Self::Corrupt("SQLite found damage"),
                ErrorCode::NotADatabase => Self::Corrupt("a file is not a database"),
                _ => Self::Broken { what: "SQLite", code: failure.extended_code },
            },
            _ => Self::Corrupt("a row has another shape"),
        }
    }
}

/// A number as SQLite keeps it. Ours stay far below 2^63.
fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that SQLite kept.
fn from_sql(number: i64) -> Stored<u64> {
    u64::try_from(number).map_err(|_| StorageError::Corrupt("a number is negative"))
}

/// Bytes of a fixed length that SQLite kept.
fn fixed<const N: usize>(bytes: &[u8]) -> Stored<[u8; N]> {
    bytes.try_into().map_err(|_| StorageError::Corrupt("a value has another length"))
}
