//! One intention, one transaction: all of it or nothing.

use veche_wire::{AccountId, EntryId, LogId};

use super::{Place, get, put};
use crate::{Moment, ReactionRow, Store, StoreError, migrate};

/// What the work of a caller fails with.
#[derive(Debug, PartialEq)]
enum Failure {
    Refused,
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

#[test]
fn work_that_fails_leaves_nothing_behind() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, "value", b"before").unwrap();
    let outcome: Result<(), Failure> = store.write(|tx| {
        tx.keep_put("test", b"value", b"after")?;
        tx.keep_put("test", b"other", &[7; 10_000])?;
        Err(Failure::Refused)
    });
    assert_eq!(outcome, Err(Failure::Refused));
    assert_eq!(get(&store, "value").as_deref(), Some(&b"before"[..]));
    assert_eq!(get(&store, "other"), None);
    assert_eq!(store.keep_bytes_written(), 6);
}

#[test]
fn work_that_panics_leaves_nothing_behind() {
    let mut store = Store::in_memory().unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.write(|tx| -> Result<(), StoreError> {
            tx.keep_put("test", b"value", b"after")?;
            panic!("as asked");
        })
    }));
    assert!(outcome.is_err());
    assert_eq!(get(&store, "value"), None);
    put(&mut store, "value", b"later").unwrap();
    assert_eq!(get(&store, "value").as_deref(), Some(&b"later"[..]));
}

#[test]
fn a_reader_cannot_change_anything() {
    let mut store = Store::in_memory().unwrap();
    let outcome = store.read(|tx| tx.keep_put("test", b"value", b"sneaky"));
    assert!(matches!(outcome, Err(StoreError::Bug(_))), "{outcome:?}");
    assert_eq!(get(&store, "value"), None);
    put(&mut store, "value", b"open").unwrap();
}

#[test]
fn a_second_writer_is_told_to_come_later() {
    let place = Place::new();
    let (mut one, mut two) = (place.open(), place.open());
    let outcome = one.write(|tx| {
        tx.keep_put("test", b"value", b"one")?;
        assert_eq!(get(&two, "value"), None, "seen before its commit");
        assert_eq!(put(&mut two, "value", b"two"), Err(StoreError::Busy));
        Ok::<_, StoreError>(())
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(get(&two, "value").as_deref(), Some(&b"one"[..]));
    put(&mut two, "value", b"two").unwrap();
}

#[test]
fn a_crash_before_the_commit_loses_the_work_and_one_after_it_keeps_it() {
    for (moment, found) in [(Moment::BeforeCommit, None), (Moment::AfterCommit, Some(vec![1]))] {
        let mut store = Store::in_memory().unwrap();
        put(&mut store, "early", b"stays").unwrap();
        store.set_commit_probe(Some(Box::new(move |here| here == moment)));
        assert_eq!(put(&mut store, "value", &[1]), Err(StoreError::Crashed));

        let mut store = Store::from_disk(store.into_disk()).unwrap();
        assert_eq!(get(&store, "value"), found, "{moment:?}");
        assert_eq!(get(&store, "early").as_deref(), Some(&b"stays"[..]));
        put(&mut store, "value", &[2]).unwrap();
    }
}

#[test]
fn a_disk_loses_what_was_not_committed() {
    let mut store = Store::in_memory().unwrap();
    put(&mut store, "value", b"before").unwrap();
    // A transaction that its owner never got to end.
    let outcome = store.read(|tx| {
        let connection = tx.connection();
        connection.execute_batch("ROLLBACK; BEGIN IMMEDIATE; DELETE FROM keep_value;")?;
        std::mem::forget(connection.prepare_cached("SELECT 1")?);
        Ok::<_, StoreError>(())
    });
    assert!(matches!(outcome, Err(StoreError::Bug(_))), "{outcome:?}");
    let store = Store::from_disk(store.into_disk()).unwrap();
    assert_eq!(get(&store, "value").as_deref(), Some(&b"before"[..]));
}

#[test]
fn an_older_database_gets_the_steps_that_it_lacks() {
    const FIRST: &str = "CREATE TABLE people (name TEXT); INSERT INTO people VALUES ('ana');";
    const SECOND: &str = "ALTER TABLE people ADD COLUMN age INTEGER NOT NULL DEFAULT 7;";
    const BROKEN: &str = "UPDATE people SET age = 8; UPDATE nobody SET age = 8;";
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();

    migrate::migrate(&mut connection, &[FIRST]).unwrap();
    migrate::migrate(&mut connection, &[FIRST, SECOND]).unwrap();
    migrate::migrate(&mut connection, &[FIRST, SECOND]).unwrap();
    let found = |connection: &rusqlite::Connection| -> (String, i64) {
        connection
            .query_row("SELECT name, age FROM people", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
    };
    assert_eq!(found(&connection), ("ana".to_owned(), 7));

    // A step that fails is not half done, and is tried again next time.
    assert!(migrate::migrate(&mut connection, &[FIRST, SECOND, BROKEN]).is_err());
    assert_eq!(migrate::version(&connection), Ok(2));
    assert_eq!(found(&connection), ("ana".to_owned(), 7));

    let newer = migrate::migrate(&mut connection, &[FIRST]);
    assert_eq!(newer, Err(StoreError::Newer { found: 2, known: 1 }));
}

#[test]
fn a_database_of_a_newer_program_is_refused_and_stays_as_it_is() {
    let place = Place::new();
    let mut store = place.open();
    let known = store.schema_version().unwrap();
    put(&mut store, "value", b"from the future").unwrap();
    store
        .write(|tx| {
            tx.connection().pragma_update(None, "user_version", known + 1)?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    drop(store);

    let refused = place.open_with(&super::key(1));
    assert_eq!(refused, StoreError::Newer { found: known + 1, known });
    assert!(refused.to_string().contains("written by a newer veche"), "{refused}");
}

#[test]
fn nobody_takes_the_place_of_a_reaction_of_another() {
    let mut store = Store::in_memory().unwrap();
    let (chat, id, target) = (LogId([1; 16]), EntryId([2; 16]), EntryId([3; 16]));
    let by = |number, emoji: &str| ReactionRow {
        id,
        target,
        account: AccountId([number; 32]),
        emoji: emoji.to_owned(),
    };
    store.write(|tx| tx.put_reaction(&chat, &by(7, "👍"))).unwrap();
    store.write(|tx| tx.put_reaction(&chat, &by(8, "👎"))).unwrap();
    let seen = store.read(|tx| tx.reactions(&chat, &target)).unwrap();
    assert_eq!(seen, [by(7, "👍")]);
}
