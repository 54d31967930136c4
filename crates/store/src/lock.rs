//! One home, one writer.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use crate::StoreError;

/// The name of the lock file inside a home.
pub const LOCK_FILE: &str = "lock";

/// The right to use a home, held until it is dropped or its process ends in any way.
#[derive(Debug)]
pub struct HomeLock {
    // The system gives up the lock when the file is closed.
    _file: File,
}

impl HomeLock {
    /// Takes the lock of `home`, making the folder when there is none.
    ///
    /// When another process has it, this waits until it ends if `wait` is set.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`], with the number of the process that has it, when it does not wait;
    /// `Full` and `Disk` when the system says so.
    pub fn acquire(home: &Path, wait: bool) -> Result<Self, StoreError> {
        let path = home.join(LOCK_FILE);
        let failed = |error: std::io::Error| StoreError::file("locking", &path, &error);
        crate::home::make_home(home).map_err(failed)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if wait => file.lock().map_err(failed)?,
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked { pid: pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // The file stays when the lock is given up: removing it could let two processes each lock
        // a file of this name.
        file.set_len(0).map_err(failed)?;
        write!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The number of the process that has the lock, when it has written it already.
fn pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.parse().ok()
}
