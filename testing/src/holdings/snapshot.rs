//! A disk at one moment.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Database;

/// A file.
#[derive(Debug, Clone)]
pub struct File {
    /// Its path below the folder.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
    /// When it was last written, in seconds since 1970.
    pub written_at: u64,
}

/// All files of a folder.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// In the order of their paths.
    pub files: Vec<File>,
}

impl Snapshot {
    /// Copies a folder into memory.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(folder: &Path) -> std::io::Result<Self> {
        let mut snapshot = Self::default();
        snapshot.read(folder, "")?;
        snapshot.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(snapshot)
    }

    fn read(&mut self, folder: &Path, prefix: &str) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                self.read(&entry.path(), &format!("{path}/"))?;
            } else {
                let bytes = fs::read(entry.path())?;
                let written = entry.metadata()?.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let written_at = written.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
                self.files.push(File { path, bytes, written_at });
            }
        }
        Ok(())
    }

    /// The files of the directory: accounts and inboxes.
    pub fn directory(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.starts_with("directory.db"))
    }

    /// All other files: logs, entries and blobs.
    pub fn chats(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| !file.path.starts_with("directory.db"))
    }

    /// The files of blobs.
    pub fn blobs(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.starts_with("blobs/"))
    }

    /// The rows of a database file.
    ///
    /// # Panics
    /// Where there is no such file, it cannot be read, or its write-ahead log is not empty.
    #[must_use]
    pub fn database(&self, name: &str) -> Database {
        let wal = format!("{name}-wal");
        let of = |path: &str| self.files.iter().find(|file| file.path == path);
        let is_empty = of(&wal).is_none_or(|file| file.bytes.is_empty());
        assert!(is_empty, "the write-ahead log of {name} is not empty");
        let file = of(name).expect("the folder has this database");
        Database::read(&file.bytes).expect("the reader understands the database")
    }
}
