//! Where the state of groups lies: a seam of three functions, inside the caller's transaction.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use zeroize::Zeroizing;

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

/// A label and a key.
type Place = (String, Vec<u8>);

/// A part of what a store keeps, to be read apart from it; nothing can be written.
#[derive(Default)]
pub struct Excerpt {
    values: BTreeMap<Place, Option<Zeroizing<Vec<u8>>>>,
    too_short: Cell<bool>,
}

impl std::fmt::Debug for Excerpt {
    /// Shows no value: they are keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Excerpt({} values)", self.values.len())
    }
}

impl Excerpt {
    /// Whether nothing else was wanted: OpenMLS does not always tell a store that fails from a key that
    /// is not there.
    #[must_use]
    pub fn was_enough(&self) -> bool {
        !self.too_short.get()
    }

    fn lacks(&self, label: &str) -> KeepError {
        self.too_short.set(true);
        KeepError(format!("{label} was not taken along from the store"))
    }

    /// Takes in what `keep` has under `label` and `key`.
    ///
    /// # Errors
    /// Where the store fails.
    pub(crate) fn take(
        &mut self,
        keep: &dyn Keep,
        (label, key): (&str, Vec<u8>),
    ) -> Result<(), KeepError> {
        let value = keep.get(label, &key)?.map(Zeroizing::new);
        self.values.insert((label.to_owned(), key), value);
        Ok(())
    }
}

impl Keep for Excerpt {
    fn get(&self, label: &str, key: &[u8]) -> Result<Option<Vec<u8>>, KeepError> {
        let found = self.values.get(&(label.to_owned(), key.to_vec()));
        let value = found.ok_or_else(|| self.lacks(label))?;
        Ok(value.as_ref().map(|bytes| bytes.to_vec()))
    }

    fn put(&self, label: &str, _key: &[u8], _bytes: &[u8]) -> Result<(), KeepError> {
        Err(self.lacks(label))
    }

    fn delete(&self, label: &str, _key: &[u8]) -> Result<(), KeepError> {
        Err(self.lacks(label))
    }
}

type Values = BTreeMap<Place, Vec<u8>>;

/// A label and a key, and what was put there.
pub type Kept = (Place, Vec<u8>);

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
