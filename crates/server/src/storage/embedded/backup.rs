//! A copy of everything while the server runs.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{BUSY_MS, blobs, broken_file, restrict, sync_folder};
use crate::storage::{StorageError, Stored};

const DIRECTORY: &str = "directory.db";

/// Copies the databases, each as it is at one moment, and then the blobs that the copy names. The
/// destination must be new or empty.
///
/// # Errors
/// Where the source holds no server's data, the destination holds something, or the disk fails.
pub fn backup(folder: &Path, destination: &Path) -> Stored<()> {
    let is_taken = fs::read_dir(destination).is_ok_and(|mut names| names.next().is_some());
    if is_taken {
        return Err(StorageError::Broken { what: "the destination is not empty", code: 0 });
    }
    fs::create_dir_all(destination).map_err(|error| broken_file("make the copy", &error))?;
    for name in [DIRECTORY, "logs.db"] {
        copy_database(folder, destination, name)?;
    }
    copy_blobs(&folder.join("blobs"), destination)?;
    sync_folder(destination)
}

fn copy_database(folder: &Path, destination: &Path, name: &str) -> Stored<()> {
    let to = &destination.join(name);
    let source = Connection::open_with_flags(folder.join(name), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    source.busy_timeout(BUSY_MS)?;
    let mut copy = Connection::open(to)?;
    restrict(to)?;
    let backup = Backup::new(&source, &mut copy)?;
    // All pages in one step: one moment, and no start anew when the server writes meanwhile.
    match backup.step(-1)? {
        StepResult::Done => {}
        _ => return Err(StorageError::Broken { what: "the database is busy", code: 0 }),
    }
    drop(backup);
    if name == DIRECTORY {
        super::scatter(&copy)?;
    }
    drop(copy);
    sync_file(to)
}

fn copy_blobs(from: &Path, destination: &Path) -> Stored<()> {
    let to = destination.join("blobs");
    fs::create_dir_all(&to).map_err(|error| broken_file("make the copy", &error))?;
    let logs = Connection::open(destination.join("logs.db"))?;
    for name in blobs::names(&logs)? {
        let source = blobs::path_of(from, &name);
        let copy = blobs::path_of(&to, &name);
        if let Some(folder) = copy.parent() {
            fs::create_dir_all(folder).map_err(|error| broken_file("make the copy", &error))?;
        }
        match fs::copy(&source, &copy) {
            Ok(_) => sync_file(&copy)?,
            // Its time was over since the rows were copied.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                logs.execute("DELETE FROM blobs WHERE name = ?1", [name.as_slice()])?;
            }
            Err(error) => return Err(broken_file("copy a blob", &error)),
        }
    }
    Ok(())
}

fn sync_file(path: &Path) -> Stored<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| broken_file("sync the copy", &error))
}
