//! The folder of a client on the disk, and the key file in it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use veche_wire::Random;
use zeroize::Zeroizing;

use crate::key::{DatabaseKey, KeyFile, Stretch};
use crate::{DATABASE_FILE, StoreError};

/// The name of the key file inside a home.
pub const KEY_FILE: &str = "key";

/// The most bytes that are read of a key file; a real one is shorter.
const KEY_FILE_BYTES_MAX: u64 = 1 << 10;

/// The key of the home, which is made, with its folder, when there is none.
///
/// A home made with a passphrase needs it ever after. Two processes must not do this at the same
/// time: hold the [`crate::HomeLock`].
///
/// # Errors
///
/// `PassphraseNeeded`, `PassphraseUnexpected`, `KeyMissing`, `KeyExposed`, `Corrupt`, `Newer`,
/// `Full` and `Disk`, each with what a person can do. Whether the passphrase is right is told by
/// [`crate::Store::open`].
pub fn open_or_create(
    home: &Path,
    passphrase: Option<&str>,
    random: &mut dyn Random,
) -> Result<DatabaseKey, StoreError> {
    open_or_create_with(home, passphrase, Stretch::DEFAULT, random)
}

/// Like [`open_or_create`], with other costs for the passphrase of a new home.
///
/// # Errors
///
/// Those of [`open_or_create`].
pub fn open_or_create_with(
    home: &Path,
    passphrase: Option<&str>,
    stretch: Stretch,
    random: &mut dyn Random,
) -> Result<DatabaseKey, StoreError> {
    let path = home.join(KEY_FILE);
    let file = match File::open(&path) {
        Ok(file) => read(file, &path)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create(home, &path, KeyFile::new(passphrase, stretch, random)?)?
        }
        Err(error) => return Err(StoreError::file("opening", &path, &error)),
    };
    file.unlock(passphrase)
}

fn read(file: File, path: &Path) -> Result<KeyFile, StoreError> {
    refuse_exposed(&file, path)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    file.take(KEY_FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| StoreError::file("reading", path, &error))?;
    KeyFile::decode(&bytes)
}

/// Writes the key file whole or not at all, and durably, before anything is sealed under its key.
fn create(home: &Path, path: &Path, file: KeyFile) -> Result<KeyFile, StoreError> {
    let database = home.join(DATABASE_FILE);
    if database.exists() {
        return Err(StoreError::KeyMissing {
            database: database.display().to_string(),
            key: path.display().to_string(),
        });
    }
    make_home(home).map_err(|error| StoreError::file("making", home, &error))?;
    let fresh = home.join("key.new");
    write_durably(&fresh, &file.encode())
        .and_then(|()| fs::rename(&fresh, path))
        .and_then(|()| sync_folder(home))
        .map_err(|error| StoreError::file("writing", path, &error))?;
    Ok(file)
}

fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // What an earlier try left there was never used.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes an empty file at `path` that nobody else may read, when there is no file.
pub(crate) fn make_private(path: &Path) -> std::io::Result<()> {
    private().create(true).truncate(false).open(path).map(drop)
}

/// How a file is opened for writing that, when it is made, nobody else may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the folder of a home, which nobody else may enter.
pub(crate) fn make_home(home: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(home)
}

/// The length of the file at `path` in bytes, when it can be told.
pub(crate) fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|metadata| metadata.len())
}

#[cfg(unix)]
fn sync_folder(home: &Path) -> std::io::Result<()> {
    File::open(home)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_home: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn refuse_exposed(file: &File, path: &Path) -> Result<(), StoreError> {
    let metadata = file.metadata().map_err(|error| StoreError::file("reading", path, &error))?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(StoreError::KeyExposed { path: path.display().to_string(), mode })
}

#[cfg(not(unix))]
fn refuse_exposed(_file: &File, _path: &Path) -> Result<(), StoreError> {
    Ok(())
}
