//! What the server keeps beside the storage: its keys and its port.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};

/// The private half of the Noise key (X25519), raw.
const NOISE_KEY: &str = "noise.key";
/// The seed of the directory key (Ed25519), raw.
const DIRECTORY_KEY: &str = "directory.key";
/// The port that was picked, in decimal.
const PORT: &str = "port";

/// All that must go into a copy of the folder beside the storage.
pub(crate) const FILES: [&str; 3] = [NOISE_KEY, DIRECTORY_KEY, PORT];

/// The 32 private bytes of the key by which clients know the server.
pub(crate) fn noise_key(folder: &Path) -> Result<[u8; 32]> {
    key(folder, NOISE_KEY)
}

/// The seed of the key that signs usernames.
pub(crate) fn directory_key(folder: &Path) -> Result<[u8; 32]> {
    key(folder, DIRECTORY_KEY)
}

/// The port that an earlier start picked.
pub(crate) fn port(folder: &Path) -> Result<Option<u16>> {
    let path = folder.join(PORT);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let port = text.trim().parse();
            Ok(Some(port.with_context(|| format!("{} is not a port", path.display()))?))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(anyhow!(error).context(format!("could not read {}", path.display()))),
    }
}

/// Keeps the port for the next start.
pub(crate) fn keep_port(folder: &Path, port: u16) -> Result<()> {
    write(folder, PORT, format!("{port}\n").as_bytes())
}

/// Reads the key, or makes it at the first start.
fn key(folder: &Path, name: &str) -> Result<[u8; 32]> {
    let path = folder.join(name);
    match fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| anyhow!("{} is not a key of 32 bytes: restore it", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut key = [0; 32];
            getrandom::fill(&mut key).map_err(|_| anyhow!("the system gives no randomness"))?;
            write(folder, name, &key)?;
            Ok(key)
        }
        Err(error) => Err(anyhow!(error).context(format!("could not read {}", path.display()))),
    }
}

/// Writes a file that only the operator reads: whole and durable, or not at all.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let fresh = folder.join(format!("{name}.new"));
    let put = || -> std::io::Result<()> {
        let mut file = open_private(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(folder)?.sync_all()
    };
    put().with_context(|| format!("could not write {}", path.display()))
}

#[cfg(unix)]
fn open_private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).open(path)
}
