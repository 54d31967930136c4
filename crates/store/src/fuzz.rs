//! Functions that take any bytes and must neither panic nor be fooled; the fuzzer's targets, which
//! also run in the tests.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::key::KeyFile;
use crate::search::{TOKENIZER, prefix_query};
use crate::{Store, StoreError};

/// The name of a target and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] =
    &[("store_key_file", key_file), ("store_search", search), ("store_keep", keep)];

/// The most steps of one run of [`keep`].
const STEPS_MAX: usize = 8;

/// Any bytes as a key file: what is accepted is written the same way again.
pub fn key_file(bytes: &[u8]) {
    if let Ok(file) = KeyFile::decode(bytes) {
        assert_eq!(file.encode().as_slice(), bytes, "a key file is written in one way only");
    }
}

/// Any text as what a person looks for: the index understands the query.
pub fn search(bytes: &[u8]) {
    let Some(query) = prefix_query(&String::from_utf8_lossy(bytes)) else { return };
    let index = Connection::open_in_memory().expect("memory can be opened");
    index
        .execute_batch(&format!(
            "CREATE VIRTUAL TABLE found USING fts5 (text, tokenize = '{TOKENIZER}')"
        ))
        .expect("an index can be made");
    let found =
        index.query_row("SELECT count(*) FROM found WHERE found MATCH ?1", [&query], |row| {
            row.get::<_, i64>(0)
        });
    assert_eq!(found, Ok(0), "the index refuses {query}");
}

/// Any bytes as changes of kept values: what is read is what a plain map holds.
///
/// A step has a byte that says which of four values it changes and how, two bytes of where, and a
/// byte of how much.
pub fn keep(bytes: &[u8]) {
    let mut store = Store::in_memory().expect("memory can be opened");
    let mut model: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    for step in bytes.chunks_exact(4).take(STEPS_MAX) {
        if let [what, high, low, much] = *step {
            change(&mut model, what, usize::from(u16::from_be_bytes([high, low])), much);
            write(&mut store, &model, what & 3);
        }
    }
    store.verify().expect("every piece belongs to a value");
}

/// Changes the value `what & 3` of the model.
fn change(model: &mut BTreeMap<u8, Vec<u8>>, what: u8, place: usize, much: u8) {
    let value = model.entry(what & 3).or_default();
    let place = place.min(value.len());
    let run = noise(u32::from(much) << 8 | u32::from(what), usize::from(much) << 8);
    match what >> 5 {
        0 => drop(model.remove(&(what & 3))),
        1 => value.truncate(place),
        2 => drop(value.drain(..place)),
        3 => value.extend(vec![much; usize::from(much) << 8]),
        4 | 5 => drop(value.splice(place..place, run)),
        _ => value.iter_mut().skip(place).take(usize::from(much)).for_each(|byte| *byte ^= much),
    }
}

/// Brings the store's value to the model's and reads all back.
fn write(store: &mut Store, model: &BTreeMap<u8, Vec<u8>>, key: u8) {
    store
        .write(|tx| match model.get(&key) {
            Some(value) => tx.keep_put("fuzz", &[key], value),
            None => tx.keep_delete("fuzz", &[key]),
        })
        .expect("memory takes a change");
    for key in 0..4 {
        let found = store.read(|tx| tx.keep_get("fuzz", &[key]));
        assert_eq!(found, Ok::<_, StoreError>(model.get(&key).cloned()), "value {key}");
    }
}

/// Bytes without repetition, the same for the same seed.
pub(crate) fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) | 1 << 32;
    std::iter::repeat_with(|| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(length)
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TARGETS;

    proptest! {
        #[test]
        fn every_target_takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for (_, target) in TARGETS {
                target(&bytes);
            }
        }
    }
}
