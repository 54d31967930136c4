//! Wrong keys, damaged files and full disks: each a clear word, and nothing lost.

use std::fs;

use proptest::prelude::*;

use super::{Place, get, key, noise, put};
use crate::{Store, StoreError};

const PAGE_BYTES: usize = 4096;

/// A closed database with a large value in it.
fn closed() -> Place {
    let place = Place::new();
    let mut store = place.open();
    put(&mut store, "value", &noise(5, 200_000)).unwrap();
    drop(store);
    place
}

/// Changes bytes of the closed database.
fn damage(place: &Place, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(place.path()).unwrap();
    change(&mut bytes);
    fs::write(place.path(), bytes).unwrap();
}

fn open_and_read(place: &Place) -> Result<Option<Vec<u8>>, StoreError> {
    let store = Store::open(&place.path(), &key(1))?;
    store.verify()?;
    store.read(|tx| tx.keep_get("test", b"value"))
}

#[test]
fn a_wrong_key_is_told_from_damage() {
    let place = closed();
    assert_eq!(place.open_with(&key(2)), StoreError::WrongKey);
    assert_eq!(get(&place.open(), "value"), Some(noise(5, 200_000)), "the right one still opens");
}

#[test]
fn a_wrong_key_is_refused_while_the_journal_is_full() {
    let place = Place::new();
    let mut store = place.open();
    put(&mut store, "value", &noise(5, 200_000)).unwrap();
    assert_eq!(place.open_with(&key(2)), StoreError::WrongKey);
    drop(store);
    assert_eq!(get(&place.open(), "value"), Some(noise(5, 200_000)));
}

#[test]
fn damage_of_the_first_page_is_not_a_wrong_key() {
    let place = closed();
    damage(&place, |bytes| bytes[1_000] ^= 1);
    let found = open_and_read(&place);
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
}

#[test]
fn damage_of_a_value_is_told_when_it_is_read() {
    let place = closed();
    // The pieces of the value were written last.
    damage(&place, |bytes| {
        let end = bytes.len() - 10 * PAGE_BYTES;
        bytes[end - 10 * PAGE_BYTES..end].iter_mut().for_each(|byte| *byte ^= 1);
    });
    let found = place.open().read(|tx| tx.keep_get("test", b"value"));
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
}

#[test]
fn a_page_of_zeros_never_becomes_a_wrong_value() {
    let sound = closed();
    let bytes = fs::read(sound.path()).unwrap();
    let mut told = 0;
    for page in 1..bytes.len() / PAGE_BYTES {
        let place = Place::new();
        let mut bytes = bytes.clone();
        bytes[page * PAGE_BYTES..][..PAGE_BYTES].fill(0);
        fs::write(place.path(), bytes).unwrap();
        let found = Store::open(&place.path(), &key(1))
            .and_then(|store| store.read(|tx| tx.keep_get("test", b"value")));
        match found {
            Ok(value) => assert!(value == Some(noise(5, 200_000)), "page {page} became a value"),
            Err(StoreError::Corrupt(_)) => told += 1,
            Err(error) => panic!("page {page}: {error:?}"),
        }
    }
    assert!(told >= 50, "most pages hold the value, and {told} were told");
}

#[test]
fn a_cut_off_database_is_damaged() {
    let place = closed();
    damage(&place, |bytes| bytes.truncate(bytes.len() / 2));
    let found = open_and_read(&place);
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let place = Place::new();
    fs::write(place.path(), b"Dear diary, today I met Bo.").unwrap();
    let refused = place.open_with(&key(1));
    assert!(matches!(refused, StoreError::Corrupt(_) | StoreError::WrongKey), "{refused:?}");
    assert_eq!(fs::read(place.path()).unwrap(), b"Dear diary, today I met Bo.", "left alone");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let place = Place::new();
    let path = place.folder.path().join("nowhere").join("client.db");
    let refused = Store::open(&path, &key(1)).unwrap_err();
    assert!(refused.to_string().contains("nowhere"), "{refused}");
}

#[test]
fn nothing_readable_is_on_the_disk() {
    let place = Place::new();
    let mut store = place.open();
    put(&mut store, "planted word", b"the meeting is at noon").unwrap();
    let readable = |name: &str| {
        let bytes = fs::read(place.folder.path().join(name)).unwrap();
        ["planted", "meeting", "keep_value", "SQLite format"]
            .into_iter()
            .find(|word| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
    };
    assert!(fs::metadata(place.folder.path().join("client.db-wal")).unwrap().len() > 0);
    assert_eq!(readable("client.db-wal"), None);
    store.checkpoint().unwrap();
    assert_eq!(fs::metadata(place.folder.path().join("client.db-wal")).unwrap().len(), 0);
    assert_eq!(readable("client.db"), None);
    drop(store);

    fs::write(place.path(), b"a planted word").unwrap();
    assert_eq!(readable("client.db"), Some("planted"), "the scan finds what is there");
}

#[test]
fn a_full_disk_loses_nothing_and_frees_the_way_again() {
    let place = Place::new();
    let mut store = place.open();
    put(&mut store, "early", &noise(1, 50_000)).unwrap();
    store.limit_pages(64).unwrap();

    let refused = store.write(|tx| {
        tx.keep_put("test", b"early", b"overwritten")?;
        tx.keep_put("test", b"late", &noise(2, 1_000_000))
    });
    assert_eq!(refused, Err(StoreError::Full));
    assert_eq!(get(&store, "early"), Some(noise(1, 50_000)));
    assert_eq!(get(&store, "late"), None);
    put(&mut store, "early", b"there is room for this").unwrap();

    store.limit_pages(u32::MAX - 1).unwrap();
    put(&mut store, "late", &noise(2, 1_000_000)).unwrap();
    drop(store);
    let store = place.open();
    store.verify().unwrap();
    assert_eq!(get(&store, "late"), Some(noise(2, 1_000_000)));
}

#[test]
fn work_that_goes_on_after_its_transaction_ended_is_refused() {
    let mut store = Store::in_memory().unwrap();
    let outcome = store.write(|tx| {
        // As SQLite itself does when some errors strike.
        tx.connection().execute_batch("ROLLBACK")?;
        Ok::<_, StoreError>(())
    });
    assert!(matches!(outcome, Err(StoreError::Bug(_))), "{outcome:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Any changed byte is found by a full check or does no harm, and never makes a panic, a wrong
    /// value or a wrong key out of a right one (but in the salt, the first 16 bytes).
    #[test]
    fn any_damage_is_told_or_harmless(at in 16..200_000_usize, flip in 1..=255_u8) {
        let place = closed();
        damage(&place, |bytes| {
            let at = at % bytes.len();
            if at >= 16 {
                bytes[at] ^= flip;
            }
        });
        match open_and_read(&place) {
            Ok(value) => prop_assert_eq!(value, Some(noise(5, 200_000))),
            Err(StoreError::Corrupt(_)) => {}
            Err(error) => prop_assert!(false, "{error:?}"),
        }
    }
}
