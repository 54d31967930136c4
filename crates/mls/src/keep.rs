//! Where the state of groups lies: a seam of three functions, inside the caller's transaction.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Key-value state inside the caller's transaction. Interior mutability, because OpenMLS asks its
/// storage through a shared reference.
pub trait Keep {
    /// What was put under `label` and `key`.
    ///
    /// # Errors
    /// Where the store cannot read: the caller rolls back and drops the group from memory.
    fn get(&self, label: &str, key: &[u8]) -> Result<Option<Vec<u8>>, KeepError>;

    /// Puts `bytes` under `label` and `key`, in place of what was there.
    ///
    /// # Errors
    /// Where the store cannot write: the caller rolls back and drops the group from memory.
    fn put(&self, label: &str, key: &[u8], bytes: &[u8]) -> Result<(), KeepError>;

    /// Forgets what is under `label` and `key`, if anything.
    ///
    /// # Errors
    /// Where the store cannot write: the caller rolls back and drops the group from memory.
    fn delete(&self, label: &str, key: &[u8]) -> Result<(), KeepError>;
}

/// The store failed. The caller rolls its transaction back and drops the group from memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeepError(pub String);

type Values = BTreeMap<(String, Vec<u8>), Vec<u8>>;

/// A label and a key, and what was put there.
pub type Kept = ((String, Vec<u8>), Vec<u8>);

/// A [`Keep`] in memory, for tests and for measuring: it counts the bytes written.
#[derive(Default, Clone)]
pub struct MemoryKeep {
    values: RefCell<Values>,
    written: Cell<u64>,
}

impl MemoryKeep {
    /// Bytes put since it was made or since the last [`MemoryKeep::reset_written`].
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.get()
    }

    /// Begins to count from 0.
    pub fn reset_written(&self) {
        self.written.set(0);
    }

    /// How many values it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.borrow().len()
    }

    /// All that it holds: label and key, and the value.
    #[must_use]
    pub fn values(&self) -> Vec<Kept> {
        self.values.borrow().clone().into_iter().collect()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.borrow().is_empty()
    }
}

impl std::fmt::Debug for MemoryKeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MemoryKeep({} values)", self.len())
    }
}

impl Keep for MemoryKeep {
    fn get(&self, label: &str, key: &[u8]) -> Result<Option<Vec<u8>>, KeepError> {
        Ok(self.values.borrow().get(&(label.to_owned(), key.to_vec())).cloned())
    }

    fn put(&self, label: &str, key: &[u8], bytes: &[u8]) -> Result<(), KeepError> {
        self.written.set(self.written.get() + bytes.len() as u64);
        self.values.borrow_mut().insert((label.to_owned(), key.to_vec()), bytes.to_vec());
        Ok(())
    }

    fn delete(&self, label: &str, key: &[u8]) -> Result<(), KeepError> {
        self.values.borrow_mut().remove(&(label.to_owned(), key.to_vec()));
        Ok(())
    }
}
