//! Processes that die while they write: what they said was kept is there, and nothing is half done.
//!
//! Without arguments this is the test; with them it is the process that is to die.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test, which has its own `main`")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use veche_store::{DATABASE_FILE, DatabaseKey, Store, StoreError};

/// How often a writer is killed.
const KILLS: usize = 20;
/// The bytes of the value that changes a little each time.
const VALUE_BYTES: usize = 300_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["count", home] => count(Path::new(home)),
        ["fill", home] => fill(Path::new(home)),
        _ => {
            a_killed_writer_loses_nothing_that_it_acknowledged();
            #[cfg(unix)]
            a_writer_whose_disk_refuses_loses_nothing_that_it_acknowledged();
        }
    }
}

fn open(home: &Path) -> Store {
    Store::open(&home.join(DATABASE_FILE), &DatabaseKey::from_bytes([9; 32])).unwrap()
}

/// The large value after `count` changes: always the same bytes, and a few of its own.
fn value(count: u32) -> Vec<u8> {
    let mut value = noise(0, VALUE_BYTES);
    let place = (count as usize * 7_919) % VALUE_BYTES;
    value.splice(place..place, noise(count, 1 + count as usize % 5_000));
    value
}

fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) | 1 << 32;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

fn counted(store: &Store) -> u32 {
    let count = store.read(|tx| tx.keep_get("state", b"count")).unwrap();
    count.map_or(0, |bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
}

/// Changes two values in each transaction, and says each time that it is done.
fn count(home: &Path) {
    let mut store = open(home);
    for count in counted(&store) + 1.. {
        store
            .write(|tx| {
                tx.keep_put("state", b"count", &count.to_be_bytes())?;
                tx.keep_put("state", b"large", &value(count))
            })
            .unwrap();
        say(&count.to_string());
    }
}

/// Keeps one value after another until the disk refuses, and says why it did.
fn fill(home: &Path) {
    let mut store = open(home);
    for count in 1_u32.. {
        match store.write(|tx| tx.keep_put("fill", &count.to_be_bytes(), &noise(count, 50_000))) {
            Ok(()) => say(&count.to_string()),
            Err(StoreError::Full | StoreError::Disk(_)) => return say("refused"),
            Err(error) => return say(&error.to_string()),
        }
    }
}

/// Tells the parent; what was told is no longer in this process when it dies.
fn say(line: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

fn lines(child: &mut Child) -> std::io::Lines<BufReader<ChildStdout>> {
    BufReader::new(child.stdout.take().unwrap()).lines()
}

fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("count")
            .arg(home.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = lines(&mut child).map(|line| line.unwrap().parse().unwrap());
        for _ in 0..=kill % 7 {
            acknowledged = said.next().expect("the writer goes on until it is killed");
        }
        // It is at work on the next one, somewhere.
        child.kill().unwrap();
        acknowledged = said.last().unwrap_or(acknowledged);
        child.wait().unwrap();

        let store = open(home.path());
        store.verify().unwrap();
        let count = counted(&store);
        assert!(
            (acknowledged..=acknowledged + 1).contains(&count),
            "kill {kill}: {count} is there and {acknowledged} was acknowledged"
        );
        let large = store.read(|tx| tx.keep_get("state", b"large")).unwrap();
        assert!(large == Some(value(count)), "kill {kill}: half of a transaction is there");
    }
    assert!(acknowledged as usize >= KILLS, "the writer wrote");
    println!("{KILLS} kills, {acknowledged} acknowledged, 0 lost");
}

/// The system's limit on the size of a file stands for a disk that refuses.
#[cfg(unix)]
fn a_writer_whose_disk_refuses_loses_nothing_that_it_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()));
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" fill \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said: Vec<String> = lines(&mut child).map(Result::unwrap).collect();
    assert!(child.wait().unwrap().success(), "{said:?}");
    let (why, acknowledged) = said.split_last().expect("the writer says why it ended");
    assert_eq!(why, "refused");
    assert!(!acknowledged.is_empty(), "the writer wrote");

    let mut store = open(home.path());
    store.verify().unwrap();
    for count in acknowledged.iter().map(|line| line.parse::<u32>().unwrap()) {
        let found = store.read(|tx| tx.keep_get("fill", &count.to_be_bytes())).unwrap();
        assert!(found == Some(noise(count, 50_000)), "{count} was acknowledged and is not there");
    }
    store.write(|tx| tx.keep_put("fill", b"later", b"there is room again")).unwrap();
    println!("a full disk, {} acknowledged, 0 lost", acknowledged.len());
}
