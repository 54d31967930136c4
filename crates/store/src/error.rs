//! Why the database could not do what was asked, by what the caller does next.

use rusqlite::ErrorCode;

/// Why the database could not do what was asked.
///
/// No text in here holds a key, a passphrase or a value of a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The key or the passphrase does not open this database: ask for another one.
    #[error("the passphrase or the key does not open this database")]
    WrongKey,
    /// The key is behind a passphrase and none was given: ask for it.
    #[error("this home is locked with a passphrase, and none was given")]
    PassphraseNeeded,
    /// A passphrase was given for a home that has none.
    #[error("this home has no passphrase, but one was given; leave it out")]
    PassphraseUnexpected,
    /// The key file is gone while its database is there: restore it, or recover from the phrase.
    #[error(
        "{database} is here but its key file {key} is missing; put the key file back, or move the \
         database away and restore the account from its phrase"
    )]
    KeyMissing {
        /// The path of the database.
        database: String,
        /// The path at which the key file should be.
        key: String,
    },
    /// Others on this machine can read the key file: a person has to look at it.
    #[error(
        "{path} can be read by others (its mode is {mode:o}); it holds the key of your messages: \
         run `chmod 600 {path}`"
    )]
    KeyExposed {
        /// The path of the key file.
        path: String,
        /// The permission bits of the file.
        mode: u32,
    },
    /// Another process has this home: wait for it, or hand the command over to it.
    #[error("{} is using this home", holder(*.pid))]
    Locked {
        /// The process that holds the lock, when it said which.
        pid: Option<u32>,
    },
    /// What is on the disk is damaged: stop, keep the file, restore the account from its phrase.
    #[error("the database is damaged: {0}; keep the file and restore the account from its phrase")]
    Corrupt(String),
    /// The database was written by a newer program: update this one.
    #[error(
        "this database was written by a newer veche (its version is {found}, this program knows \
         up to {known}); update veche"
    )]
    Newer {
        /// The version of the database.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// No room is left: nothing was changed; make room and try again.
    #[error("the disk is full; nothing was changed, make room and try again")]
    Full,
    /// The disk refused to read or write: nothing was changed; a person has to look at it.
    #[error("the disk refused: {0}")]
    Disk(String),
    /// Another connection is writing: nothing was changed; try again later.
    #[error("another program is using this database; try again later")]
    Busy,
    /// A value is larger than can be kept.
    #[error("a value of {bytes} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// The size of the value.
        bytes: usize,
        /// The limit, [`crate::KEEP_VALUE_BYTES_MAX`].
        limit: usize,
    },
    /// A test asked for a crash at this commit; never seen outside of tests.
    #[error("crashed on request")]
    Crashed,
    /// This program is wrong: report it.
    #[error("a bug in veche: {0}")]
    Bug(String),
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another veche".to_owned(), |pid| format!("another veche (process {pid})"))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;

        let text = error.to_string();
        if let Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..) = error
        {
            return Self::Corrupt(text);
        }
        // Where the index of the log beside the database cannot grow, SQLite calls that an input or
        // output error, but means the same (sqlite.org/rescode.html, SQLITE_IOERR_SHMSIZE).
        if let Some(failure) = error.sqlite_error()
            && failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
        {
            return Self::Full;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::NoLargeFileSupport,
            ) => Self::Disk(text),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(text),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Bug(text),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl StoreError {
    /// A failure of the file system at `path`, while doing what `doing` says.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Disk(format!("{doing} {}: {error}", path.display())),
        }
    }
}
