//! Stories of the database.

mod damage;
mod homes;
mod keep;
mod members;
mod transactions;

use std::path::PathBuf;

use crate::{DATABASE_FILE, DatabaseKey, Store, StoreError};

/// A folder with a database that is closed and opened again; both go when it is dropped.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(DATABASE_FILE)
    }

    fn open(&self) -> Store {
        Store::open(&self.path(), &key(1)).unwrap()
    }

    fn open_with(&self, key: &DatabaseKey) -> StoreError {
        Store::open(&self.path(), key).unwrap_err()
    }
}

fn key(byte: u8) -> DatabaseKey {
    DatabaseKey::from_bytes([byte; 32])
}

fn put(store: &mut Store, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
    store.write(|tx| tx.keep_put("test", key.as_bytes(), bytes))
}

fn get(store: &Store, key: &str) -> Option<Vec<u8>> {
    store.read(|tx| tx.keep_get("test", key.as_bytes())).unwrap()
}

/// Bytes without repetition, the same for the same seed.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    crate::fuzz::noise(seed, length)
}
