//! What was acknowledged is there after a loss of power, a full disk, a restart; and the rules that
//! are broken on purpose are seen to be broken.

use std::sync::Arc;

use veche_wire::{Append, BlobId, Permit, Refused, Request, Response};

use super::directory::Person;
use super::stage::{Stage, appended, entry_id, refused, stage, stale};
use crate::storage::{Embedded, Engine, Memory, StorageError};
use crate::{Config, Mutant};

fn lose_power(stage: Stage<Memory>) -> Stage<Memory> {
    stage.restart(|mut engine| {
        engine.lose_unsynced();
        engine
    })
}

fn open(folder: &std::path::Path) -> Embedded {
    Embedded::open(folder, Arc::default()).unwrap()
}

#[test]
fn what_was_acknowledged_outlives_a_loss_of_power() {
    let mut stage = stage();
    let id = stage.connect();
    let chat = stage.chat(id);
    stage.chatter(id, &chat, 3, 100);
    stage.send(id, Request::Append(chat.message(99)));
    let mut stage = lose_power(stage);
    let id = stage.connect();
    assert_eq!(stage.read_all(id, &chat).len(), 3, "and what was not is not there");
}

#[test]
fn an_answer_before_the_sync_is_lost_with_the_power() {
    let mut stage = stage();
    let id = stage.connect();
    let chat = stage.chat(id);
    stage.service.mutant = Some(Mutant::AckBeforeFsync);
    assert_eq!(stage.append(id, &chat.message(1)), appended(1));
    assert_eq!(stage.append(id, &chat.message(2)), appended(2));
    let mut stage = lose_power(stage);
    let id = stage.connect();
    assert_eq!(stage.read_all(id, &chat).len(), 1, "the second was acknowledged, and is gone");
}

#[test]
fn each_broken_rule_lets_through_what_it_keeps_out() {
    let mut stage = stage();
    let id = stage.connect();
    let chat = stage.chat(id);
    assert_eq!(stage.append(id, &chat.commit(1)), appended(1));
    assert_eq!(stage.append(id, &chat.message(2)), stale(1));
    stage.service.mutant = Some(Mutant::NoFence);
    assert_eq!(stage.append(id, &chat.message(2)), appended(2));

    let again = Append { after_commit: 1, ..chat.message(2) };
    stage.service.mutant = Some(Mutant::NoIdCheck);
    assert_eq!(stage.append(id, &again), appended(3), "a second time");

    let early = Append { prev: Some(entry_id(99)), after_commit: 1, ..chat.message(4) };
    stage.service.mutant = None;
    assert_eq!(stage.append(id, &early), refused(Refused::OutOfOrder));
    stage.service.mutant = Some(Mutant::NoPrevCheck);
    assert_eq!(stage.append(id, &early), appended(4));
}

#[test]
fn a_full_disk_is_said_and_nothing_is_lost() {
    let mut stage = stage();
    let (id, reader) = (stage.connect(), stage.connect());
    let chat = stage.chat(id);
    stage.ask(reader, chat.subscribe(0));
    stage.chatter(id, &chat, 1, 100);
    stage.service.engine_mut().set_full(true);

    let answers = stage.ask_together([
        (id, Request::Append(chat.message(1))),
        (id, chat.read(0)),
        (id, Request::Append(chat.commit(2))),
    ]);
    assert_eq!([&answers[0], &answers[2]], [&refused(Refused::Full); 2]);
    assert!(matches!(&answers[1], Response::Entries { head: 1, .. }), "reading goes on");
    assert_eq!(stage.pushed_seqs(reader), [1], "nobody is told what was not stored");
    stage.service.engine_mut().set_full(false);
    assert_eq!(stage.append(id, &chat.commit(2)), appended(2), "no trace of the first try");
    assert_eq!(stage.pushed_seqs(reader), [2]);
}

#[test]
fn a_full_database_is_said_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::over(open(folder.path()), Config::default());
    let id = stage.connect();
    let chat = stage.chat(id);
    stage.chatter(id, &chat, 10, 1_000);
    let pages = 40;
    stage.service.engine_mut().limit_pages(pages).unwrap();
    let mut stored = 10;
    let full = loop {
        let message = Append { bytes: vec![3; 5_000], ..chat.message(1_000 + stored) };
        match stage.append(id, &message) {
            Response::Appended { seq } => {
                stored += 1;
                assert_eq!(seq, stored);
            }
            other => break other,
        }
    };
    assert_eq!(full, refused(Refused::Full));
    assert_eq!(stage.read_all(id, &chat).len() as u64, stored);
    stage.service.engine_mut().limit_pages(100_000).unwrap();
    stage.chatter(id, &chat, 5, 5_000);

    let mut stage = Stage::over(
        {
            drop(stage.service);
            open(folder.path())
        },
        Config::default(),
    );
    let id = stage.connect();
    assert_eq!(stage.read_all(id, &chat).len() as u64, stored + 5);
}

#[test]
fn a_restart_from_the_disk_knows_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::over(open(folder.path()), Config::default());
    let id = stage.connect();
    let (chat, ana) = (stage.chat(id), Person::new(1, 1));
    let registered = stage.register(id, &ana, "ana");
    stage.chatter(id, &chat, 700, 400);
    let blob = BlobId([7; 32]);
    let part = |offset, bytes: &[u8]| Request::PutBlob {
        blob,
        offset,
        total: 6,
        bytes: bytes.to_vec(),
        permit: Permit::Open,
    };
    stage.ask(id, part(0, b"abc"));
    let before = stage.read_all(id, &chat);
    drop(stage.service);

    let mut stage = Stage::over(open(folder.path()), Config::default());
    let id = stage.connect();
    assert_eq!(stage.read_all(id, &chat), before);
    assert_eq!(stage.register(id, &ana, "ana"), registered);
    assert_eq!(stage.ask(id, part(3, b"def")), Response::BlobHas { have: 6, total: 6 });
    let whole = stage.ask(id, Request::GetBlob { blob, offset: 0, length: 9 });
    assert_eq!(whole, Response::BlobPart { total: 6, bytes: b"abcdef".to_vec() });
}

#[test]
fn the_disk_holds_no_capability_and_no_erased_envelope() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = Stage::over(open(folder.path()), Config::default());
    let id = stage.connect();
    let (chat, ana) = (stage.chat(id), Person::new(1, 1));
    stage.register(id, &ana, "ana");
    let blob = BlobId(*b"the blob's id is a right to read");
    let permit = Permit::Open;
    stage.ask(id, Request::PutBlob { blob, offset: 0, total: 1, bytes: vec![1], permit });
    let envelope = b"an envelope that is to be erased ".repeat(20);
    let pass = veche_wire::InboxPass::Permit(Permit::Open);
    let delivery = veche_wire::Delivery {
        device: ana.device_id(),
        id: entry_id(1),
        pass,
        needs: None,
        bytes: envelope.clone(),
    };
    assert_eq!(stage.ask(id, Request::Deliver(delivery)), Response::Done);
    let holds = |needle: &[u8]| {
        files(folder.path()).iter().any(|path| {
            let name = path.as_os_str().as_encoded_bytes();
            let bytes = std::fs::read(path).unwrap();
            [name, &bytes].iter().any(|hay| hay.windows(needle.len()).any(|part| part == needle))
        })
    };
    stage.service.tidy(stage.now);
    assert!(holds(&envelope[..33]), "the search finds what is there");
    stage.ask_as(id, &ana, &veche_wire::SignedRequest::EraseInbox { up_to: 1 });
    stage.service.tidy(stage.now);
    assert!(!holds(&envelope[..33]));
    for secret in [blob.as_bytes(), chat.read.as_bytes(), chat.write.as_bytes()] {
        assert!(!holds(secret));
    }
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn one_folder_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    assert_eq!(Embedded::open(folder.path(), Arc::default()).err(), Some(StorageError::InUse));
    drop(first);
    open(folder.path());
}

#[test]
fn damage_and_newer_versions_are_said_at_the_start() {
    for (file, bytes) in [
        ("logs.db", b"not a database, clearly".repeat(50)),
        ("directory.db", {
            let mut page = vec![0; 4_096];
            page[..16].copy_from_slice(b"SQLite format 3\0");
            page
        }),
    ] {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        std::fs::write(folder.path().join(file), bytes).unwrap();
        let error = Embedded::open(folder.path(), Arc::default()).unwrap_err();
        assert!(matches!(error, StorageError::Corrupt(_)), "{error:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path());
    engine.tidy().unwrap();
    drop(engine);
    let path = folder.path().join("logs.db");
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
    let error = Embedded::open(folder.path(), Arc::default()).unwrap_err();
    assert_eq!(error, StorageError::Newer { found: 9, known: 3 });
}

#[test]
fn a_copy_made_while_the_server_runs_is_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let mut stage = Stage::over(open(folder.path()), Config::default());
    let id = stage.connect();
    let chat = stage.chat(id);
    stage.chatter(id, &chat, 20, 400);
    let blob = BlobId([7; 32]);
    let permit = Permit::Open;
    stage.ask(id, Request::PutBlob { blob, offset: 0, total: 3, bytes: b"abc".to_vec(), permit });
    crate::storage::embedded::backup(folder.path(), copy.path()).unwrap();
    stage.chatter(id, &chat, 5, 400);
    assert!(crate::storage::embedded::backup(folder.path(), copy.path()).is_err(), "not empty");

    // The copy is behind: who has read further is told so.
    let mut restored = Stage::over(open(copy.path()), Config::default());
    let id = restored.connect();
    assert_eq!(restored.ask(id, chat.read(25)), refused(Refused::Beyond { head: 20 }));
    assert_eq!(restored.read_all(id, &chat).len(), 20);
    let whole = restored.ask(id, Request::GetBlob { blob, offset: 0, length: 9 });
    assert_eq!(whole, Response::BlobPart { total: 3, bytes: b"abc".to_vec() });
}
