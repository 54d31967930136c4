//! Keeping values: what is written, and what is read back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Place, get, noise, put};
use crate::{KEEP_VALUE_BYTES_MAX, Store, StoreError};

/// What is written for the change from `before` to `after`, in bytes.
fn written_for(before: &[u8], after: &[u8]) -> u64 {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, "value", before).unwrap();
    let so_far = store.keep_bytes_written();
    put(&mut store, "value", after).unwrap();
    assert_eq!(get(&store, "value").as_deref(), Some(after));
    store.verify().unwrap();
    store.keep_bytes_written() - so_far
}

#[test]
fn what_was_kept_is_there_after_opening_again() {
    let place = Place::new();
    let large = noise(1, 400_000);
    let mut store = place.open();
    put(&mut store, "empty", b"").unwrap();
    put(&mut store, "small", b"one").unwrap();
    put(&mut store, "large", &large).unwrap();
    drop(store);

    let store = place.open();
    assert_eq!(get(&store, "empty"), Some(Vec::new()));
    assert_eq!(get(&store, "small").as_deref(), Some(&b"one"[..]));
    assert_eq!(get(&store, "large"), Some(large));
    assert_eq!(get(&store, "other"), None);
    store.verify().unwrap();
}

#[test]
fn labels_and_keys_are_apart() {
    let mut store = Store::in_memory().unwrap();
    store
        .write(|tx| {
            tx.keep_put("a", b"bc", b"first")?;
            tx.keep_put("ab", b"c", b"second")?;
            tx.keep_delete("abc", b"")?;
            tx.keep_delete("ab", b"c")?;
            assert_eq!(tx.keep_get("a", b"bc")?.as_deref(), Some(&b"first"[..]));
            assert_eq!(tx.keep_get("ab", b"c")?, None);
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

#[test]
fn a_small_change_of_a_large_value_writes_little() {
    let before = noise(7, 3_000_000);

    let mut changed = before.clone();
    changed[1_500_000] ^= 1;
    let mut grown = before.clone();
    grown.splice(1_500_000..1_500_000, noise(8, 100));
    let mut shrunk = before.clone();
    shrunk.drain(1_500_000..1_500_100);
    let mut longer = before.clone();
    longer.extend(noise(9, 100));
    let mut twice = before.clone();
    twice[10] ^= 1;
    twice[2_999_990] ^= 1;

    for after in [changed, grown, shrunk, longer, twice] {
        let written = written_for(&before, &after);
        assert!((1..64 << 10).contains(&written), "{written} bytes were written");
    }
}

#[test]
fn a_fresh_value_is_written_once() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, "value", &noise(7, 3_000_000)).unwrap();
    let written = store.keep_bytes_written();
    assert!((3_000_000..3_100_000).contains(&written), "{written} bytes were written");
}

#[test]
fn an_unchanged_value_writes_nothing() {
    for length in [0, 1, 2047, 2048, 2049, 100_000] {
        let value = noise(3, length);
        assert_eq!(written_for(&value, &value), 0, "{length}");
    }

    let mut store = Store::in_memory().unwrap();
    put(&mut store, "value", &noise(3, 100_000)).unwrap();
    let changes = || store.read(|tx| Ok::<_, StoreError>(tx.connection().total_changes())).unwrap();
    let before = changes();
    put(&mut store, "value", &noise(3, 100_000)).unwrap();
    let after = store.read(|tx| Ok::<_, StoreError>(tx.connection().total_changes())).unwrap();
    assert_eq!(before, after, "rows were touched");
}

#[test]
fn a_value_may_cross_from_whole_to_pieces_and_back() {
    let sizes = [100, 5_000, 5_000, 100, 100_000, 0, 2_048, 2_047];
    let mut store = Store::in_memory().unwrap();
    for (seed, length) in (0..).zip(sizes) {
        put(&mut store, "value", &noise(seed, length)).unwrap();
        assert_eq!(get(&store, "value"), Some(noise(seed, length)));
        store.verify().unwrap();
    }
    assert_eq!(rows(&store, "keep_chunk"), 0, "pieces were left behind");
}

#[test]
fn a_deleted_value_leaves_nothing_behind() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, "value", &noise(1, 100_000)).unwrap();
    store.write(|tx| tx.keep_delete("test", b"value")).unwrap();
    for table in ["keep_value", "keep_piece", "keep_chunk"] {
        assert_eq!(rows(&store, table), 0, "{table}");
    }
}

#[test]
fn pieces_put_again_and_again_at_the_same_place_find_room() {
    let mut store = Store::in_memory().unwrap();
    let mut value = noise(1, 100_000);
    let start = value.len() / 2;
    put(&mut store, "value", &value).unwrap();
    for seed in 2..80 {
        // Each time right after what was put there last, so that the same gap is halved.
        let place = if seed % 2 == 0 { start } else { start + 20_000 };
        value.splice(place..place, noise(seed, 20_000));
        put(&mut store, "value", &value).unwrap();
        assert_eq!(get(&store, "value").as_ref(), Some(&value));
    }
    store.verify().unwrap();
}

#[test]
fn a_value_beyond_the_limit_is_refused() {
    let mut store = Store::in_memory().unwrap();
    let refused = put(&mut store, "value", &vec![0; KEEP_VALUE_BYTES_MAX + 1]);
    let (bytes, limit) = (KEEP_VALUE_BYTES_MAX + 1, KEEP_VALUE_BYTES_MAX);
    assert_eq!(refused, Err(StoreError::TooLarge { bytes, limit }));
    put(&mut store, "value", &vec![0; KEEP_VALUE_BYTES_MAX]).unwrap();
    assert_eq!(get(&store, "value").map(|value| value.len()), Some(KEEP_VALUE_BYTES_MAX));
}

#[test]
fn a_missing_piece_is_damage_and_not_a_shorter_value() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, "value", &noise(1, 100_000)).unwrap();
    store
        .write(|tx| {
            tx.connection().execute("DELETE FROM keep_piece WHERE position = 2 << 32", [])?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let found = store.read(|tx| tx.keep_get("test", b"value"));
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
}

#[test]
fn a_batch_writes_each_value_once() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, "old", &noise(1, 1_000)).unwrap();
    let before = store.keep_bytes_written();
    store
        .write(|tx| {
            let batch = tx.keep_batch();
            assert_eq!(batch.get("test", b"old")?, Some(noise(1, 1_000)));
            for seed in 0..100 {
                batch.put("test", b"ratchet", &noise(seed, 1_000));
                assert_eq!(batch.get("test", b"ratchet")?, Some(noise(seed, 1_000)));
            }
            batch.put("test", b"passing", b"gone before the end");
            batch.delete("test", b"passing");
            batch.delete("test", b"old");
            assert_eq!(batch.get("test", b"old")?, None);
            assert_eq!(tx.keep_get("test", b"ratchet")?, None, "written before its time");
            batch.flush()
        })
        .unwrap();
    assert_eq!(store.keep_bytes_written() - before, 1_000);
    assert_eq!(get(&store, "ratchet"), Some(noise(99, 1_000)));
    assert_eq!((get(&store, "passing"), get(&store, "old")), (None, None));
}

#[test]
fn a_batch_without_its_flush_changes_nothing() {
    let mut store = Store::in_memory().unwrap();
    store
        .write(|tx| {
            tx.keep_batch().put("test", b"value", b"never");
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(get(&store, "value"), None);
}

/// One thing that a caller does; the numbers choose a value, a place in it and bytes for it.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u32, usize),
    Splice(u8, u16, u16, u32, u16),
    Delete(u8),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..4_u8, any::<u32>(), prop_oneof![0..4_096_usize, 0..90_000_usize])
            .prop_map(|(key, seed, length)| Step::Put(key, seed, length)),
        6 => (0..4_u8, any::<u16>(), any::<u16>(), any::<u32>(), any::<u16>())
            .prop_map(|(key, from, cut, seed, length)| Step::Splice(key, from, cut, seed, length)),
        1 => (0..4_u8).prop_map(Step::Delete),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_store_keeps_what_a_map_keeps(steps in steps(), batched in any::<bool>()) {
        let place = Place::new();
        let mut store = place.open();
        let mut model: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
        for step in steps {
            let key = match step {
                Step::Put(key, seed, length) => {
                    model.insert(key, noise(seed, length));
                    key
                }
                Step::Splice(key, from, cut, seed, length) => {
                    let value = model.entry(key).or_default();
                    let from = usize::from(from).min(value.len());
                    let to = (from + usize::from(cut)).min(value.len());
                    value.splice(from..to, noise(seed, usize::from(length)));
                    key
                }
                Step::Delete(key) => {
                    model.remove(&key);
                    key
                }
                Step::Reopen => {
                    drop(store);
                    store = place.open();
                    continue;
                }
            };
            store.write(|tx| match (model.get(&key), batched) {
                (Some(value), false) => tx.keep_put("model", &[key], value),
                (None, false) => tx.keep_delete("model", &[key]),
                (Some(value), true) => {
                    let batch = tx.keep_batch();
                    batch.put("model", &[key], value);
                    batch.flush()
                }
                (None, true) => {
                    let batch = tx.keep_batch();
                    batch.delete("model", &[key]);
                    batch.flush()
                }
            })?;
            for key in 0..4 {
                let found = store.read(|tx| tx.keep_get("model", &[key]))?;
                prop_assert_eq!(found.as_ref(), model.get(&key));
            }
        }
        drop(store);
        let store = place.open();
        for key in 0..4 {
            let found = store.read(|tx| tx.keep_get("model", &[key]))?;
                prop_assert_eq!(found.as_ref(), model.get(&key));
        }
        store.verify()?;
    }
}

fn rows(store: &Store, table: &str) -> i64 {
    store
        .read(|tx| {
            let count = format!("SELECT count(*) FROM {table}");
            Ok::<_, StoreError>(tx.connection().query_row(&count, [], |row| row.get(0))?)
        })
        .unwrap()
}
