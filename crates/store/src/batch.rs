//! Gathering what the message layer changes, to write it once at the end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

use crate::{StoreError, Tx};

/// Reads and changes of kept values, gathered in memory on top of a transaction.
///
/// A value that changes a hundred times in a batch is written once, by [`KeepBatch::flush`]; without
/// it, nothing is. What was put is seen by `get` at once, and what was read once is not read again.
/// It is wiped from memory at the end.
#[must_use = "nothing is written without `flush`"]
pub struct KeepBatch<'tx> {
    tx: &'tx Tx<'tx>,
    slots: RefCell<BTreeMap<String, BTreeMap<Vec<u8>, Slot>>>,
}

/// What is known of one value.
struct Slot {
    value: Option<Zeroizing<Vec<u8>>>,
    changed: bool,
}

impl Tx<'_> {
    /// Starts gathering. While the batch lives, values must be read and changed through it only.
    pub fn keep_batch(&self) -> KeepBatch<'_> {
        KeepBatch { tx: self, slots: RefCell::default() }
    }
}

impl KeepBatch<'_> {
    /// The bytes kept under `label` and `key`, as this batch has left them.
    ///
    /// # Errors
    ///
    /// Those of [`Tx::keep_get`].
    pub fn get(&self, label: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(slot) = self.slots.borrow().get(label).and_then(|slots| slots.get(key)) {
            return Ok(slot.value.as_ref().map(|value| value.to_vec()));
        }
        let value = self.tx.keep_get(label, key)?;
        self.set(label, key, Slot { value: value.clone().map(Zeroizing::new), changed: false });
        Ok(value)
    }

    /// Keeps `bytes` under `label` and `key`, once flushed.
    pub fn put(&self, label: &str, key: &[u8], bytes: &[u8]) {
        let value = Some(Zeroizing::new(bytes.to_vec()));
        self.set(label, key, Slot { value, changed: true });
    }

    /// Forgets what is kept under `label` and `key`, once flushed.
    pub fn delete(&self, label: &str, key: &[u8]) {
        self.set(label, key, Slot { value: None, changed: true });
    }

    /// Writes what was put and deleted.
    ///
    /// # Errors
    ///
    /// Those of [`Tx::keep_put`]; the transaction must then be given up.
    pub fn flush(self) -> Result<(), StoreError> {
        for (label, slots) in self.slots.borrow().iter() {
            for (key, slot) in slots.iter().filter(|(_, slot)| slot.changed) {
                match &slot.value {
                    Some(bytes) => self.tx.keep_put(label, key, bytes)?,
                    None => self.tx.keep_delete(label, key)?,
                }
            }
        }
        Ok(())
    }

    fn set(&self, label: &str, key: &[u8], slot: Slot) {
        let mut slots = self.slots.borrow_mut();
        if !slots.contains_key(label) {
            slots.insert(label.to_owned(), BTreeMap::new());
        }
        if let Some(slots) = slots.get_mut(label) {
            slots.insert(key.to_vec(), slot);
        }
    }
}

impl fmt::Debug for KeepBatch<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeepBatch").finish_non_exhaustive()
    }
}
