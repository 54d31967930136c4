//! The session that is searched, and what is looked for.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use tempfile::TempDir;
use veche_client::{Command, PersonReference, Reply, Role};
use veche_mls::Phrase;
use veche_testing::holdings::{Gathering, Heard, Needle, Needles, Seat, Snapshot, Way};
use veche_wire::{
    ClientFrame, DeviceRecord, EntryId, LogId, Millis, Request, SignedRequest, Token,
};

pub(crate) const ANA: &str = "ana_whitethorn";
pub(crate) const BO: &str = "bo_quicksilver";
pub(crate) const CY: &str = "cy_marmalade";
pub(crate) const DAN: &str = "dan_farfaraway";
const NAMES: [&str; 4] = [ANA, BO, CY, DAN];

/// Everything that only members may know. Each is said somewhere in the session.
const CONTENT: [&str; 15] = [
    "pelican lands at midnight",
    "Kumquat Regatta Committee",
    "Nocturne Bureau",
    "walrus-blueprint-1887.txt",
    "narwhal ballast",
    "text/x-walrus",
    "porcupine",
    "gooseberry",
    "Gooseberry, corrected",
    "to be forgotten: marzipan",
    "sassafras reply",
    "after the removal: tamarind",
    "while dan is away: persimmon",
    "Anastasia Hollyhock",
    "Boniface Elderberry",
];

/// A finished session.
pub(crate) struct Session {
    pub(crate) folder: TempDir,
    /// The disk while the server ran, write-ahead logs and all.
    pub(crate) running: Snapshot,
    /// The disk a little later, when the server has tidied up.
    pub(crate) tidied: Snapshot,
    pub(crate) recorded: Vec<Heard>,
    /// What the server wrote to its log, and its counters.
    pub(crate) log: Vec<u8>,
    pub(crate) from_ms: Millis,
    pub(crate) to_ms: Millis,
    pub(crate) devices: Vec<DeviceRecord>,
    pub(crate) chats: Vec<LogId>,
    secrets: Vec<(String, Vec<u8>)>,
}

/// One session serves all tests of this file: it takes a while.
pub(crate) static SESSION: LazyLock<Session> = LazyLock::new(play);

fn play() -> Session {
    let log = listen_to_the_log();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut gathering = Gathering::over(folder.path(), 1);
    let from_ms = gathering.now();
    let seats = NAMES.map(|name| gathering.newcomer(name));
    let mut chats = talk(&mut gathering, seats);
    chats.push(invite_who_is_away(&mut gathering, seats));
    gathering.service().engine_mut().limit_pages(1).expect("a limit can be set");
    gathering
        .command(seats[0], send(chats[1], &"too long for a full disk. ".repeat(2_000)))
        .expect("it is queued");
    gathering.try_to_settle();
    gathering.service().engine_mut().limit_pages(u32::MAX).expect("a limit can be lifted");
    gathering.settle();

    let running = Snapshot::of(folder.path()).expect("the disk can be read");
    let now = gathering.now();
    gathering.service().tidy(now);
    let tidied = Snapshot::of(folder.path()).expect("the disk can be read");
    let mut log = log.lock().expect("nobody panicked").clone();
    log.extend(gathering.metrics().render().bytes());
    let recorded = gathering.recorded().to_vec();
    let secrets = seats.iter().flat_map(|seat| secrets_of(&mut gathering, *seat)).collect();
    gathering.stop_server();
    Session {
        folder,
        running,
        tidied,
        log,
        from_ms,
        to_ms: gathering.now(),
        devices: devices(&recorded),
        recorded,
        chats,
        secrets,
    }
}

fn send(chat: LogId, text: &str) -> Command {
    Command::Send { chat, text: text.to_owned(), reply_to: None, file: None }
}

/// Everything that there is to do.
fn talk(gathering: &mut Gathering, [ana, bo, cy, _]: [Seat; 4]) -> Vec<LogId> {
    let link = gathering.client(bo).contact_link().expect("a link can be made");
    gathering.done(ana, Command::AddContact(PersonReference::Link(link)));
    gathering.done(bo, Command::AddContact(PersonReference::Username(ANA.to_owned())));
    for (seat, name) in [(ana, "Anastasia Hollyhock"), (bo, "Boniface Elderberry")] {
        let wanted = Command::SetDisplayName(name.to_owned());
        gathering.command(seat, wanted).expect("a display name is taken");
    }
    let direct =
        gathering.chat_of(ana, Command::OpenDirect(PersonReference::Username(BO.to_owned())));
    gathering.say(ana, direct, "The pelican lands at midnight.");
    let heard = gathering.client(bo).contacts().expect("contacts can be read");
    assert!(heard.iter().any(|who| who.display_name.as_deref() == Some("Anastasia Hollyhock")));
    // A stranger asks, and is accepted.
    let asked =
        gathering.chat_of(cy, Command::OpenDirect(PersonReference::Username(BO.to_owned())));
    gathering.say(bo, asked, "a gooseberry, please");

    let members = vec![BO.to_owned(), CY.to_owned()];
    let title = "Kumquat Regatta Committee".to_owned();
    let group = gathering.chat_of(ana, Command::CreateGroup { title, members, large: false });
    let first = gathering.say(ana, group, "gooseberry");
    gathering.say(bo, group, "to be forgotten: marzipan");
    embellish(gathering, [ana, bo, cy], group, first);
    let admin = Command::SetRole { chat: group, name: BO.to_owned(), role: Role::Admin };
    gathering.done(ana, admin);
    gathering.done(bo, Command::Rename { chat: group, title: "Nocturne Bureau".to_owned() });
    gathering.done(bo, Command::RemoveMembers { chat: group, names: vec![CY.to_owned()] });
    gathering.say(ana, group, "after the removal: tamarind");
    gathering.done(ana, Command::AddMembers { chat: group, names: vec![CY.to_owned()] });
    gathering.accept_all();
    gathering.done(bo, Command::Leave { chat: group });
    assert_eq!(gathering.screen(ana, group), gathering.screen(ana, group));
    vec![direct, group, asked]
}

fn embellish(gathering: &mut Gathering, [ana, bo, cy]: [Seat; 3], chat: LogId, first: EntryId) {
    let text = "Gooseberry, corrected".to_owned();
    gathering.done(ana, Command::Edit { chat, message: first, text });
    let emoji = "porcupine".to_owned();
    gathering.done(cy, Command::React { chat, message: first, emoji });
    let text = "sassafras reply".to_owned();
    let reply = Command::Send { chat, text, reply_to: Some(first), file: None };
    gathering.done(bo, reply);
    let doomed = gathering.say(bo, chat, "to be forgotten: marzipan");
    gathering.done(bo, Command::Delete { chat, message: doomed });
    gathering.command(cy, Command::Typing { chat }).expect("typing is told");

    let content = "narwhal ballast, forty barrels\n".repeat(3_000);
    let file = gathering
        .client(ana)
        .stage_file(
            "walrus-blueprint-1887.txt",
            "text/x-walrus",
            content.len() as u64,
            &mut content.as_bytes(),
        )
        .expect("a file can be staged");
    let text = "the plans".to_owned();
    let sent =
        gathering.command(ana, Command::Send { chat, text, reply_to: None, file: Some(file) });
    let Ok(Reply::Message { message, .. }) = sent else { panic!("{sent:?}") };
    gathering.settle();
    gathering.done(cy, Command::Download { chat, message });
    let part = gathering.client(cy).file_part(chat, message, 0).expect("the file is here");
    assert!(part.is_some_and(|part| content.as_bytes().starts_with(&part)));
    gathering.command(cy, Command::MarkRead { chat }).expect("a chat can be read");
    gathering.settle();
}

/// Somebody without a network is invited to a group and stays away, so that an envelope waits.
fn invite_who_is_away(gathering: &mut Gathering, [ana, bo, _, dan]: [Seat; 4]) -> LogId {
    gathering.cut_off(dan);
    let members = vec![BO.to_owned(), DAN.to_owned()];
    let title = "Kumquat Regatta Committee".to_owned();
    let chat = gathering.chat_of(ana, Command::CreateGroup { title, members, large: false });
    gathering.say(bo, chat, "while dan is away: persimmon");
    let direct = Command::OpenDirect(PersonReference::Username(DAN.to_owned()));
    gathering.want(bo, direct);
    gathering.settle();
    chat
}

/// What nobody but this device may know.
fn secrets_of(gathering: &mut Gathering, seat: Seat) -> Vec<(String, Vec<u8>)> {
    let phrase = gathering.client(seat).phrase().expect("a phrase can be read");
    let phrase = phrase.expect("there is a phrase");
    let name = gathering.client(seat).me().expect("it can be read").expect("somebody").name;
    let store = gathering.rise(seat);
    let identity = store.read(|tx| tx.meta("identity")).expect("it can be read");
    let identity = identity.expect("there is an identity");
    // It ends with three secret keys, each 32 bytes after two of CBOR, and a public key of X-Wing.
    let end = identity.len() - (3 + 1_216);
    let keys = &identity[end - 3 * 34..end];
    let mut secrets: Vec<(String, Vec<u8>)> =
        keys.chunks(34).map(|key| (format!("a secret key of {name}"), key[2..].to_vec())).collect();
    assert!(keys.chunks(34).all(|key| key[..2] == [0x58, 32]), "keys are told apart");
    Phrase::parse(&phrase).expect("the phrase is one");
    secrets.push((format!("the phrase of {name}"), phrase.into_bytes()));
    secrets
}

/// The devices that were registered.
fn devices(recorded: &[Heard]) -> Vec<DeviceRecord> {
    let requests = asked(recorded).into_iter().filter_map(|request| match request {
        Request::Signed { body, .. } => SignedRequest::decode(&body).ok(),
        _ => None,
    });
    let mut devices: Vec<DeviceRecord> = requests
        .filter_map(|request| match request {
            SignedRequest::Register { device, .. } => Some(*device),
            _ => None,
        })
        .collect();
    devices.dedup();
    assert!(devices.len() >= NAMES.len(), "everybody registered");
    devices
}

/// Everything that was asked.
pub(crate) fn asked(recorded: &[Heard]) -> Vec<Request> {
    let up = recorded.iter().filter(|heard| heard.way == Way::Up);
    up.map(|heard| ClientFrame::decode(&heard.bytes).expect("a frame").request).collect()
}

impl Session {
    /// What nobody but members may know, in any frame or on the disk.
    pub(crate) fn content(&self) -> Needles {
        let mut needles = Needles::new();
        CONTENT.iter().for_each(|text| needles.add_text(Needle::Content, text));
        for (name, secret) in &self.secrets {
            needles.add(Needle::Secret, name, secret);
        }
        needles
    }

    /// Content, capabilities, and what was erased: nothing of it may be on the disk.
    pub(crate) fn never_on_disk(&self) -> Needles {
        let mut needles = self.content();
        for request in asked(&self.recorded) {
            match request {
                Request::Append(append) => token(&mut needles, &append.token),
                Request::Subscribe { token: read, .. } => token(&mut needles, &read),
                Request::PutBlob { blob, .. } => {
                    needles.add(Needle::Secret, "a blob's id", blob.as_bytes());
                }
                _ => {}
            }
        }
        needles
    }

    /// What names people.
    pub(crate) fn people(&self) -> Needles {
        let mut needles = Needles::new();
        NAMES.iter().for_each(|name| needles.add_text(Needle::Person, name));
        for (number, device) in self.devices.iter().enumerate() {
            let certificate = &device.certificate;
            let mut add = |what: &str, bytes: &[u8]| {
                needles.add(Needle::Person, &format!("{what} {number}"), bytes);
            };
            add("account", certificate.account.as_bytes());
            add("device", certificate.device.as_bytes());
            add("inbox key", &device.inbox_key[..64]);
            add("account's signature", &certificate.signature);
            add("link key", &certificate.link_key.expect("this device may link others"));
        }
        for request in asked(&self.recorded) {
            if let Request::Signed { signature, .. } = request {
                needles.add(Needle::Person, "a device's signature", &signature);
            }
        }
        needles
    }

    /// The folder of the stopped server, copied.
    pub(crate) fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().expect("a temporary folder");
        copy_folder(self.folder.path(), copy.path());
        copy
    }
}

fn token(needles: &mut Needles, token: &Token) {
    needles.add(Needle::Secret, "a token", token.as_bytes());
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("a folder can be read") {
        let entry = entry.expect("a folder can be read to its end");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}

type Lines = Arc<Mutex<Vec<u8>>>;

#[derive(Clone)]
struct Tape(Lines);

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything that is logged from now on, as finely as it can be.
fn listen_to_the_log() -> Lines {
    let lines = Lines::default();
    let tape = Tape(Arc::clone(&lines));
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || tape.clone())
        .init();
    lines
}
