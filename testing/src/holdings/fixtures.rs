//! A home and a server's folder as this version writes them, small enough to be kept: every later
//! version must open them and go on. `veche-testing fixtures --write DIR` makes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use veche_client::{Command, PersonReference, Reply, Role};
use veche_store::{DATABASE_FILE, KEY_FILE, Store};
use veche_wire::{DeviceId, EntryId, LogId, Permit, Request, SignedRequest};

use super::{Gathering, Heard, Seat};
use crate::dice::Dice;

/// Where in the fixtures the home of ana is.
pub const HOME: &str = "home";
/// Where the server's folder is.
pub const SERVER: &str = "server";
/// What ana says while she has no network, so that it waits in the kept home.
pub const WAITING: &str = "said without a network";
/// What bo says while ana is away, so that it waits on the kept server.
pub const MISSED: &str = "said while ana was away";
/// The file that bo has sent and ana has not fetched.
pub const FILE: &[u8] = b"a file from the first version\n";
/// How many KeyPackages of each suite are left of the 20 that a device publishes: fewer are smaller.
const PACKAGES_LEFT: usize = 1;

/// Plays a small session and keeps ana's home and the server's folder below `folder`.
///
/// # Errors
/// Where the disk refuses.
///
/// # Panics
/// Where the session does not go as it should.
pub fn write(folder: &Path) -> std::io::Result<()> {
    let (home, server) = (folder.join(HOME), folder.join(SERVER));
    for part in [&home, &server] {
        if part.exists() {
            fs::remove_dir_all(part)?;
        }
        fs::create_dir_all(part)?;
    }
    super::gathering::write_keys(&server)?;
    let mut gathering = Gathering::over(&server, 71);
    let ana = gathering.newcomer_with("ana", open_home(&home));
    let bo = gathering.newcomer("bob");
    talk(&mut gathering, ana, bo);

    gathering.cut_off(bo);
    thin_out(&mut gathering);
    let now = gathering.now();
    let mut store = gathering.rise(ana);
    store.checkpoint().expect("the home can be tidied");
    drop(store);
    gathering.service().tidy(now);
    gathering.stop_server();
    for leftover in [
        home.join("client.db-wal"),
        home.join("client.db-shm"),
        server.join("lock"),
        server.join("logs.db-wal"),
        server.join("logs.db-shm"),
        server.join("directory.db-wal"),
        server.join("directory.db-shm"),
    ] {
        if leftover.exists() {
            fs::remove_file(leftover)?;
        }
    }
    Ok(())
}

/// Opens a home that has a raw key, or makes one.
///
/// # Panics
/// Where it cannot be opened.
#[must_use]
pub fn open_home(home: &Path) -> Store {
    let mut dice = Dice::seeded(71, 7);
    let key = veche_store::open_or_create(home, None, &mut dice).expect("the key can be read");
    Store::open(&home.join(DATABASE_FILE), &key).expect("the database opens")
}

/// Copies the fixtures as they are kept, with the rights that a version control system forgets.
///
/// # Errors
/// Where the disk refuses.
pub fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            #[cfg(unix)]
            if entry.file_name() == KEY_FILE {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(&target, fs::Permissions::from_mode(0o600))?;
            }
        }
    }
    Ok(())
}

fn talk(gathering: &mut Gathering, ana: Seat, bo: Seat) {
    let direct =
        gathering.chat_of(ana, Command::OpenDirect(PersonReference::Username("bob".to_owned())));
    let hello = gathering.say(ana, direct, "hello bob");
    let answer = gathering.say(bo, direct, "helo ana");
    gathering
        .done(bo, Command::Edit { chat: direct, message: answer, text: "hello ana".to_owned() });
    gathering.done(bo, Command::React { chat: direct, message: hello, emoji: "👋".to_owned() });
    let title = "First version".to_owned();
    let group = gathering.chat_of(
        ana,
        Command::CreateGroup { title, members: vec!["bob".to_owned()], large: false },
    );
    gathering.say(ana, group, "welcome");
    let doomed = gathering.say(bo, group, "to be deleted");
    gathering.done(bo, Command::Delete { chat: group, message: doomed });
    gathering
        .done(ana, Command::SetRole { chat: group, name: "bob".to_owned(), role: Role::Admin });
    gathering.done(bo, Command::Rename { chat: group, title: "First version, renamed".to_owned() });
    send_file(gathering, bo, group);

    gathering.cut_off(ana);
    gathering.say(bo, direct, MISSED);
    let text = WAITING.to_owned();
    let waiting = Command::Send { chat: group, text, reply_to: None, file: None };
    gathering.command(ana, waiting).expect("it is kept");
}

fn send_file(gathering: &mut Gathering, from: Seat, chat: LogId) -> EntryId {
    let staged = gathering
        .client(from)
        .stage_file("first.txt", "text/plain", FILE.len() as u64, &mut &FILE[..])
        .expect("a file can be staged");
    let text = "a file".to_owned();
    let sent =
        gathering.command(from, Command::Send { chat, text, reply_to: None, file: Some(staged) });
    let Ok(Reply::Message { message, .. }) = sent else { panic!("{sent:?}") };
    gathering.settle();
    message
}

/// Takes most KeyPackages of all devices, as people do who invite them.
fn thin_out(gathering: &mut Gathering) {
    let devices: BTreeSet<DeviceId> = gathering.recorded().iter().filter_map(device_of).collect();
    for suite in veche_mls::Suite::ALL {
        for device in &devices {
            for _ in PACKAGES_LEFT..20 {
                let suite = suite.number();
                let permit = Permit::Open;
                gathering.ask(Request::TakeKeyPackage { device: *device, suite, permit });
            }
        }
    }
}

fn device_of(heard: &Heard) -> Option<DeviceId> {
    let frame = veche_wire::ClientFrame::decode(&heard.bytes).ok()?;
    let Request::Signed { device, body, .. } = frame.request else { return None };
    match SignedRequest::decode(&body).ok()? {
        SignedRequest::Register { username: Some(_), .. } => Some(device),
        _ => None,
    }
}
