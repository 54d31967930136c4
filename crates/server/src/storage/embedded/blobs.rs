//! Blobs: a row that counts what is durable, a file with the bytes.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use veche_wire::BlobId;

use super::{Transaction, broken_file, fixed, from_sql, to_sql};
use crate::storage::{BlobState, Blobs, Day, Stored};

/// What a blob is called on the disk.
type Name = [u8; 32];

fn name_of(blob: &BlobId) -> Name {
    Sha256::digest(blob.as_bytes()).into()
}

/// Where the file of a blob is: in one of 256 folders.
pub(super) fn path_of(blobs: &Path, name: &Name) -> PathBuf {
    let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let folder: String = hex.chars().take(2).collect();
    blobs.join(folder).join(hex)
}

/// What a file says of when it was written and read: the day, as rows do. Otherwise the disk would
/// tell to the second when somebody sent a file.
fn times_of(day: Day) -> FileTimes {
    let start = UNIX_EPOCH + Duration::from_secs(u64::from(day) * 86_400);
    FileTimes::new().set_accessed(start).set_modified(start)
}

impl Transaction<'_> {
    fn state(&self, name: &Name) -> Stored<Option<BlobState>> {
        let numbers: Option<(i64, i64)> = self
            .logs
            .prepare_cached("SELECT total, have FROM blobs WHERE name = ?1")?
            .query_row([name.as_slice()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        numbers
            .map(|(total, have)| Ok(BlobState { total: from_sql(total)?, have: from_sql(have)? }))
            .transpose()
    }

    /// The file of a blob, opened for writing once in a transaction.
    fn file(&mut self, path: PathBuf) -> Stored<&mut File> {
        let files = &mut self.files;
        match files.written.entry(path) {
            std::collections::btree_map::Entry::Occupied(file) => Ok(file.into_mut()),
            std::collections::btree_map::Entry::Vacant(place) => {
                let path = place.key();
                if let Some(folder) = path.parent().filter(|_| !path.exists()) {
                    fs::create_dir_all(folder)
                        .map_err(|error| broken_file("make a folder of blobs", &error))?;
                    files.folders.insert(folder.to_owned());
                    files.folders.insert(self.blobs.clone());
                }
                let file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(path)
                    .map_err(|error| broken_file("open a blob", &error))?;
                Ok(place.insert(file))
            }
        }
    }
}

impl Blobs for Transaction<'_> {
    fn blob(&mut self, blob: &BlobId) -> Stored<Option<BlobState>> {
        self.state(&name_of(blob))
    }

    fn put_part(&mut self, blob: &BlobId, bytes: &[u8], state: BlobState, day: Day) -> Stored<()> {
        let name = name_of(blob);
        let offset = state.have.saturating_sub(bytes.len() as u64);
        let file = self.file(path_of(&self.blobs, &name))?;
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.write_all(bytes))
            .and_then(|()| file.set_times(times_of(day)))
            .map_err(|error| broken_file("write a blob", &error))?;
        self.files.added_bytes += bytes.len() as u64;
        self.logs
            .prepare_cached("INSERT OR REPLACE INTO blobs VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![name.as_slice(), to_sql(state.total), to_sql(state.have), day])?;
        Ok(())
    }

    fn part(&mut self, blob: &BlobId, offset: u64, length: usize) -> Stored<Vec<u8>> {
        let name = name_of(blob);
        let have = self.state(&name)?.map_or(0, |state| state.have);
        let length = have.saturating_sub(offset).min(length as u64);
        if length == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        File::open(path_of(&self.blobs, &name))
            .and_then(|mut file| {
                file.seek(SeekFrom::Start(offset))?;
                file.take(length).read_to_end(&mut bytes)
            })
            .map_err(|error| broken_file("read a blob", &error))?;
        Ok(bytes)
    }

    fn sweep_blobs(&mut self, before: Day, limit: usize) -> Stored<usize> {
        let mut query =
            self.logs.prepare_cached("SELECT name, have FROM blobs WHERE day < ?1 LIMIT ?2")?;
        let mut rows = query.query(params![before, to_sql(limit as u64)])?;
        let mut names: Vec<Name> = Vec::new();
        while let Some(row) = rows.next()? {
            let name: Vec<u8> = row.get(0)?;
            names.push(fixed(&name)?);
            self.files.removed_bytes += from_sql(row.get(1)?)?;
        }
        self.erased.logs |= !names.is_empty();
        let mut delete = self.logs.prepare_cached("DELETE FROM blobs WHERE name = ?1")?;
        for name in &names {
            delete.execute([name.as_slice()])?;
            self.files.doomed.push(path_of(&self.blobs, name));
        }
        Ok(names.len())
    }
}

/// The durable bytes of all blobs.
pub(super) fn count_bytes(logs: &Connection) -> Stored<u64> {
    from_sql(logs.query_row("SELECT coalesce(sum(have), 0) FROM blobs", [], |row| row.get(0))?)
}

/// The names of all blobs that have a row.
pub(super) fn names(logs: &Connection) -> Stored<Vec<Name>> {
    let mut query = logs.prepare("SELECT name FROM blobs")?;
    let mut rows = query.query([])?;
    let mut names = Vec::new();
    while let Some(row) = rows.next()? {
        let name: Vec<u8> = row.get(0)?;
        names.push(fixed(&name)?);
    }
    Ok(names)
}

/// Removes files without a row: the server was killed between the row and the file.
pub(super) fn remove_orphans(logs: &Connection, blobs: &Path) -> Stored<()> {
    let mut exists = logs.prepare("SELECT 1 FROM blobs WHERE name = ?1")?;
    let read =
        |path: &Path| fs::read_dir(path).map_err(|error| broken_file("list the blobs", &error));
    for folder in read(blobs)?.flatten() {
        if !folder.path().is_dir() {
            continue;
        }
        for file in read(&folder.path())?.flatten() {
            let name = file.file_name();
            let name = name.to_str().and_then(|hex| hex.parse::<veche_wire::TokenHash>().ok());
            if let Some(name) = name
                && !exists.exists([name.as_bytes().as_slice()])?
            {
                fs::remove_file(file.path())
                    .map_err(|error| broken_file("remove a blob without a row", &error))?;
            }
        }
    }
    Ok(())
}
