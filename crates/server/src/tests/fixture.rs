//! Folders that earlier versions wrote, which every later one must open.
//!
//! Where the variable `UPDATE_FIXTURES` is set, the last of them is written anew: give a changed format
//! a name of its own first. The others stay as they are, for ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use veche_wire::{
    BlobId, Delivery, InboxPass, Kind, Permit, Push, Request, Response, SignedRequest, Who,
};

use super::directory::Person;
use super::stage::{Chat, Stage, changes, entry_id, signed};
use crate::storage::{Embedded, Engine};
use crate::{Config, ConnectionId};

const BLOB: BlobId = BlobId([9; 32]);

/// By the version of the schema.
const FIXTURES: [&str; 3] = ["folder-v1", "folder-v2", "folder-v3"];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn stage_in(folder: &Path) -> (Stage<Embedded>, ConnectionId) {
    let engine = Embedded::open(folder, Arc::default()).unwrap();
    let mut stage = Stage::over(engine, Config::default());
    let id = stage.connect();
    (stage, id)
}

/// The first chat of every stage over a fresh server has the same ids and tokens.
fn chats() -> (Chat, Chat) {
    let mut stage = Stage::over(crate::storage::Memory::new(), Config::default());
    let id = stage.connect();
    let chat = stage.chat(id);
    let next = chat.next_generation(&mut stage.dice);
    (chat, next)
}

fn envelope(to: &Person) -> Request {
    Request::Deliver(Delivery {
        device: to.device_id(),
        id: entry_id(5),
        pass: InboxPass::Permit(Permit::Open),
        needs: None,
        bytes: b"an envelope".to_vec(),
    })
}

fn write_the_fixture(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    let (mut stage, id) = stage_in(folder);
    let (chat, next) = chats();
    let ana = Person::new(1, 1);
    assert_eq!(stage.ask(id, chat.create()), Response::Done);
    stage.append(id, &chat.message(1));
    let rotation = changes(Some(next.rotation()), None, None);
    stage.append(id, &signed(chat.commit(2), &chat.admin, rotation));
    stage.register(id, &ana, "ana");
    stage.ask(id, envelope(&ana));
    let (bytes, permit) = (b"a blob".to_vec(), Permit::Open);
    stage.ask(id, Request::PutBlob { blob: BLOB, offset: 0, total: 6, bytes, permit });
    stage.service.engine_mut().tidy().unwrap();
    drop(stage);
    fs::remove_file(folder.join("lock")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_folder_of_each_version_opens() {
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        write_the_fixture(&fixture(FIXTURES[FIXTURES.len() - 1]));
    }
    FIXTURES.iter().for_each(|name| opens(name));
}

fn opens(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture(name), folder.path());
    let (mut stage, id) = stage_in(folder.path());
    let (chat, next) = chats();
    let ana = Person::new(1, 1);

    let kinds: Vec<_> = stage.read_all(id, &next).iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::Message, Kind::Commit]);
    let entries = stage.read_all(id, &chat);
    assert_eq!(entries[0].bytes, chat.message(1).bytes);
    let rider = entries[1].rider.as_ref().unwrap();
    assert_eq!(rider.rotation, Some(next.rotation()));
    let look_up = Request::Lookup { who: Who::Username("ana".into()), permit: Permit::Open };
    let Response::Account(record) = stage.ask(id, look_up) else { panic!() };
    assert_eq!(record.devices, [ana.record()]);
    stage.ask_as(id, &ana, &SignedRequest::SubscribeInbox);
    let [Push::Inbox { entries }] = &stage.pushed(id)[..] else { panic!() };
    assert_eq!((entries[0].seq, entries[0].bytes.as_slice()), (1, b"an envelope".as_slice()));
    let whole = stage.ask(id, Request::GetBlob { blob: BLOB, offset: 0, length: 9 });
    assert_eq!(whole, Response::BlobPart { total: 6, bytes: b"a blob".to_vec() });
}
