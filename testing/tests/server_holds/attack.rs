//! The attacks that try to join an account to a chat.

use std::collections::BTreeSet;

use veche_client::{Command, PersonReference};
use veche_server::storage::{Batch, BlobState, Embedded, Engine, LogRecord};
use veche_testing::holdings::{
    Finding, Gathering, Row, Snapshot, Value, orders_alike, shared_bytes, shared_lengths,
    times_finer_than_a_day,
};
use veche_wire::{AdminKey, BlobId, EntryId, LogId, Request, TokenHash, TokenHashes};

use crate::session::{SESSION, Session, asked};

/// The disk after something was added to it through the server's own storage.
fn planted(session: &Session, mut plant: impl FnMut(&mut dyn Batch)) -> Snapshot {
    let folder = session.copy();
    let mut engine = Embedded::open(folder.path(), std::sync::Arc::default()).expect("it opens");
    let planting = engine.write(&mut |batch| {
        plant(batch);
        Ok(())
    });
    planting.expect("it can be planted");
    engine.tidy().expect("it can be tidied");
    Snapshot::of(folder.path()).expect("the disk can be read")
}

fn record(made_with: [u8; 32], key: [u8; 32]) -> LogRecord {
    LogRecord {
        head: 0,
        last_commit: 0,
        generation: 0,
        tokens: TokenHashes { read: TokenHash([1; 32]), write: TokenHash([2; 32]) },
        admins_version: 0,
        admins: vec![AdminKey(key)],
        frozen: false,
        guarded: false,
        made_with,
    }
}

const LOG: LogId = LogId([3; 16]);
const DAY: u32 = 20_400;

#[test]
fn no_bytes_stand_on_both_sides() {
    assert_eq!(shared_bytes(&SESSION.tidied), BTreeSet::new());
}

#[test]
fn planted_bytes_are_found_on_both_sides() {
    let certificate = &SESSION.devices[0].certificate;
    let (account, device) = (certificate.account, certificate.device);
    let found = |plant: &mut dyn FnMut(&mut dyn Batch)| {
        shared_bytes(&planted(&SESSION, |batch| plant(batch)))
    };
    let columns = |findings: &BTreeSet<Finding>| -> BTreeSet<String> {
        findings.iter().flat_map(|found| [found.directory.clone(), found.chats.clone()]).collect()
    };
    let ids = found(&mut |batch| {
        batch.put_log(&LOG, &record(account.0, [4; 32])).expect("it is taken");
    });
    assert!(columns(&ids).contains("logs.9"), "an account in a log: {ids:?}");
    let keys = found(&mut |batch| {
        batch.put_log(&LOG, &record([5; 32], device.0)).expect("it is taken");
    });
    assert!(columns(&keys).contains("logs.7"), "a device's key among the admins: {keys:?}");
    let named = found(&mut |batch| {
        let state = BlobState { total: 1, have: 1 };
        batch.put_part(&BlobId(account.0), b"x", state, DAY).expect("it is taken");
    });
    assert!(columns(&named).contains("blobs.0"), "a blob named after an account: {named:?}");
    let chat = SESSION.chats[0];
    let envelope = found(&mut |batch| {
        let bytes = [&[6; 100], &chat.as_bytes()[..]].concat();
        batch.deliver(&device, &EntryId([7; 16]), &bytes, DAY).expect("it is taken");
    });
    assert!(columns(&envelope).contains("logs.0"), "a chat in an envelope: {envelope:?}");
    let entry = *SESSION
        .tidied
        .database("logs.db")
        .table("entries")
        .rows
        .iter()
        .find_map(|row| row.values[2].bytes().first_chunk::<16>())
        .expect("there is an entry");
    let same_id = found(&mut |batch| {
        batch.deliver(&device, &EntryId(entry), &[6; 100], DAY).expect("it is taken");
    });
    assert!(columns(&same_id).contains("entries.2"), "one id for both: {same_id:?}");
}

#[test]
fn no_length_joins_an_inbox_to_a_chat() {
    assert_eq!(shared_lengths(&SESSION.tidied), BTreeSet::new());
    // What waits for a group and for a direct chat cannot be told apart by its length either.
    let directory = SESSION.tidied.database("directory.db");
    let waiting = directory.table("envelopes").rows.iter();
    let lengths: BTreeSet<usize> = waiting.map(|row| row.values[4].bytes().len()).collect();
    assert_eq!(lengths.len(), 1, "{lengths:?}");
}

#[test]
fn a_planted_length_is_found() {
    let device = SESSION.devices[0].certificate.device;
    let snapshot = planted(&SESSION, |batch| {
        batch.deliver(&device, &EntryId([7; 16]), &[6; 777], DAY).expect("it is taken");
        let state = BlobState { total: 777, have: 777 };
        batch.put_part(&BlobId([8; 32]), &[9; 777], state, DAY).expect("it is taken");
    });
    let found = shared_lengths(&snapshot);
    assert!(found.iter().any(|found| found.directory == "envelopes.4"), "{found:?}");
}

#[test]
fn no_time_is_finer_than_a_day() {
    let found = times_finer_than_a_day(&SESSION.tidied, SESSION.from_ms, SESSION.to_ms);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_planted_time_is_found() {
    let device = SESSION.devices[0].certificate.device;
    let seconds = u32::try_from(SESSION.to_ms / 1_000).expect("it fits");
    let number = planted(&SESSION, |batch| {
        batch.deliver(&device, &EntryId([7; 16]), &[6; 300], seconds).expect("it is taken");
    });
    let bytes = planted(&SESSION, |batch| {
        let bytes = [&[6; 300], SESSION.to_ms.to_be_bytes().as_slice()].concat();
        batch.deliver(&device, &EntryId([7; 16]), &bytes, DAY).expect("it is taken");
    });
    for (snapshot, column) in [(number, "envelopes.3"), (bytes, "envelopes.4")] {
        let found = times_finer_than_a_day(&snapshot, SESSION.from_ms, SESSION.to_ms);
        assert!(found.iter().any(|found| found.contains(column)), "{column}: {found:?}");
    }
    let mut snapshot = SESSION.tidied.clone();
    let blob = snapshot.files.iter_mut().find(|file| file.path.starts_with("blobs/"));
    blob.expect("there is a blob").written_at = SESSION.to_ms / 1_000;
    let found = times_finer_than_a_day(&snapshot, SESSION.from_ms, SESSION.to_ms);
    assert!(found.iter().any(|found| found.contains("tells when it was written")), "{found:?}");
}

/// How many pairs of people open a direct chat, one pair after the other.
const PAIRS: usize = 12;
/// Two orders of so many things that have nothing to do with each other are more alike than this
/// less than once in ten thousand times.
const ALIKE: f64 = 0.9;

/// The order of the rows that `key` picks out of a table, by their keys and by where they lie.
fn orders(rows: &[Row], key: impl Fn(&Row) -> Option<usize>) -> [Vec<usize>; 2] {
    let by_key: Vec<usize> = rows.iter().filter_map(&key).collect();
    let mut places: Vec<&Row> = rows.iter().collect();
    // SQLite fills a page from its end.
    places.sort_by_key(|row| (row.place / 4_096, std::cmp::Reverse(row.place)));
    [by_key, places.into_iter().filter_map(key).collect()]
}

#[test]
fn no_order_of_rows_joins_an_inbox_to_a_chat() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut gathering = Gathering::over(folder.path(), 12);
    let mut invited = Vec::new();
    let mut chats = Vec::new();
    for number in 0..PAIRS {
        let (one, other) = (format!("one_{number}"), format!("other_{number}"));
        let ana = gathering.newcomer(&one);
        gathering.newcomer(&other);
        let with = Command::OpenDirect(PersonReference::Username(other));
        chats.push(gathering.chat_of(ana, with));
        gathering.say(ana, chats[number], "hello");
    }
    for heard in asked(gathering.recorded()) {
        if let Request::Deliver(delivery) = heard
            && !invited.contains(&delivery.device)
        {
            invited.push(delivery.device);
        }
    }
    assert_eq!(invited.len(), PAIRS);
    let now = gathering.now();
    gathering.service().tidy(now);
    let snapshot = Snapshot::of(folder.path()).expect("the disk can be read");
    let (directory, logs) = (snapshot.database("directory.db"), snapshot.database("logs.db"));
    let device_of =
        |row: &Row| invited.iter().position(|device| device.as_bytes() == row.values[0].bytes());
    let chat_of =
        |row: &Row| chats.iter().position(|chat| chat.as_bytes() == row.values[0].bytes());
    let inboxes = orders(&directory.table("inboxes").rows, device_of);
    let devices = orders(&directory.table("devices").rows, device_of);
    let created = orders(&logs.table("logs").rows, chat_of);
    let begun = orders(&logs.table("entries").rows, |row| {
        chat_of(row).filter(|_| row.values[1] == Value::Number(1))
    });
    // Without the truth, an attacker takes both orders for the same one.
    for of_people in inboxes.iter().chain(&devices) {
        for of_chats in created.iter().chain(&begun) {
            let alike = orders_alike(of_people, of_chats).abs();
            assert!(alike < ALIKE, "{alike}: {of_people:?} and {of_chats:?}");
        }
    }
}

#[test]
fn orders_that_are_alike_are_found() {
    let order: Vec<usize> = (0..PAIRS).collect();
    assert!(orders_alike(&order, &order) > ALIKE);
    let backwards: Vec<usize> = order.iter().rev().copied().collect();
    assert!(orders_alike(&order, &backwards) < -ALIKE);
    let mut nearly = order.clone();
    nearly.swap(2, 5);
    assert!(orders_alike(&order, &nearly) > ALIKE);
    // A row lies where it was first put: this is what the reader of the file sees.
    let row = |place: usize, number: u8| Row { values: vec![Value::Bytes(vec![number])], place };
    let rows = [row(100, 2), row(4_000, 0), row(2_000, 1), row(8_000, 3)];
    let [by_key, by_place] =
        orders(&rows, |row| row.values[0].bytes().first().copied().map(usize::from));
    assert_eq!((by_key, by_place), (vec![2, 0, 1, 3], vec![0, 1, 2, 3]));
}
