//! Homes and servers' folders that earlier versions wrote are opened, read, and used.
//!
//! A version whose formats differ from those kept here gets a folder of its own:
//! `cargo run -p veche-testing -- fixtures --write testing/fixtures/vN`, and [`VERSIONS`] names it.
//! The others stay as they are, for ever.

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use tempfile::TempDir;
use veche_client::{ChatKind, Command, MessageState, PersonReference};
use veche_testing::holdings::{Gathering, Seat, fixtures};
use veche_wire::LogId;

/// What to read where a test of this file fails.
const MEND: &str = "a home or a server's folder of an earlier version cannot be used any more. \
    Write a migration.";

/// The kept versions: without the keys of own leaves and with the server's first schema; with both, and
/// with doors; with lists of members, and guards.
const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

/// A copy of the fixtures, with the server running and ana sitting at her old home.
struct Old {
    _copy: TempDir,
    gathering: Gathering,
    ana: Seat,
}

impl Old {
    /// Each of the kept versions in turn.
    fn each() -> impl Iterator<Item = Self> {
        VERSIONS.into_iter().map(Self::open)
    }

    fn open(version: &str) -> Self {
        eprintln!("{version}: {MEND}");
        let copy = tempfile::tempdir().expect("a temporary folder");
        fixtures::copy(&kept(version), copy.path()).expect("the fixtures can be copied");
        let mut gathering = Gathering::over(&copy.path().join(fixtures::SERVER), 72);
        let store = fixtures::open_home(&copy.path().join(fixtures::HOME));
        store.verify().expect("every page of the home is whole");
        let ana = gathering.sit("ana", store);
        Self { _copy: copy, gathering, ana }
    }

    /// The direct chat and the group.
    fn chats(&mut self) -> (LogId, LogId) {
        let chats = self.gathering.client(self.ana).chats().expect("chats can be read");
        let of = |kind| chats.iter().find(|chat| chat.kind == kind).expect("there is one").chat;
        (of(ChatKind::Direct), of(ChatKind::Group))
    }

    fn check(&mut self, chat: LogId, expected: &Expect) {
        let rows = self.gathering.client(self.ana).page(chat, None, 1_000).expect("it can be read");
        let line = |row: &veche_client::MessageView| {
            let words = match (&row.text, &row.event) {
                (Some(text), _) => format!("{}: {text}", row.from),
                (None, Some(event)) => format!("({event})"),
                (None, None) => format!("{}:", row.from),
            };
            let marks = [
                (row.edited, "edited".to_owned()),
                (row.deleted, "deleted".to_owned()),
                (row.state == MessageState::Pending, "pending".to_owned()),
                (!row.reactions.is_empty(), format!("{:?}", row.reactions)),
                (row.file.is_some(), row.file.as_ref().map_or(String::new(), |f| f.name.clone())),
            ];
            let marks = marks.into_iter().filter(|(there, _)| *there);
            marks.fold(words, |words, (_, mark)| format!("{words} [{mark}]"))
        };
        let lines: Vec<String> = rows.iter().map(line).collect();
        expected.assert_eq(&lines.join("\n"));
    }
}

fn kept(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(version)
}

#[test]
fn an_old_home_shows_what_it_showed() {
    Old::each().for_each(shows);
}

fn shows(mut old: Old) {
    let (direct, group) = old.chats();
    old.check(
        direct,
        &expect![[r#"
        ana: hello bob [[("👋", ["bob"])]]
        bob: hello ana [edited]"#]],
    );
    old.check(
        group,
        &expect![[r#"
        (ana created the group First version)
        (ana added bob)
        ana: welcome
        bob: [deleted]
        (ana made bob an admin)
        (bob renamed the group to First version, renamed)
        bob: a file [first.txt]
        ana: said without a network [pending]"#]],
    );
}

#[test]
fn an_old_home_and_an_old_server_go_on_together() {
    Old::each().for_each(go_on);
}

fn go_on(mut old: Old) {
    let (direct, group) = old.chats();
    old.gathering.settle();
    old.check(
        direct,
        &expect![[r#"
        ana: hello bob [[("👋", ["bob"])]]
        bob: hello ana [edited]
        bob: said while ana was away"#]],
    );
    let sent = old.gathering.say(old.ana, direct, "said by a newer version");
    let message = old.gathering.client(old.ana).message(direct, sent).expect("it can be read");
    assert_eq!(message.map(|message| message.state), Some(MessageState::Sent));

    let rows = old.gathering.client(old.ana).page(group, None, 1_000).expect("it can be read");
    let file = rows.iter().find(|row| row.file.is_some()).expect("a file was sent").id;
    old.gathering.done(old.ana, Command::Download { chat: group, message: file });
    let part = old.gathering.client(old.ana).file_part(group, file, 0).expect("it is here");
    assert_eq!(part.as_deref(), Some(fixtures::FILE));
    old.check(
        group,
        &expect![[r#"
        (ana created the group First version)
        (ana added bob)
        ana: welcome
        bob: [deleted]
        (ana made bob an admin)
        (bob renamed the group to First version, renamed)
        bob: a file [first.txt]
        ana: said without a network"#]],
    );
}

#[test]
fn a_newcomer_talks_with_an_old_home_through_an_old_server() {
    Old::each().for_each(newcomer);
}

fn newcomer(mut old: Old) {
    old.gathering.settle();
    let cy = old.gathering.newcomer("cyd");
    let ana = PersonReference::Username("ana".to_owned());
    let chat = old.gathering.chat_of(cy, Command::OpenDirect(ana));
    old.gathering.say(cy, chat, "your keys are still good");
    old.gathering.say(old.ana, chat, "so they are");
    let screen = old.gathering.screen(old.ana, chat).join("\n");
    expect![[r#"
        cyd: your keys are still good
        ana: so they are"#]]
    .assert_eq(&screen);
    // The name of somebody who is not here stays theirs.
    let (_, group) = old.chats();
    let names = vec!["cyd".to_owned()];
    old.gathering.done(old.ana, Command::AddMembers { chat: group, names });
    old.gathering.accept_all();
    old.gathering.say(cy, group, "and I am in");
    let last = old.gathering.screen(old.ana, group).pop();
    assert_eq!(last.as_deref(), Some("cyd: and I am in"));
}

#[test]
fn the_fixtures_are_small() {
    fn size(path: &Path) -> u64 {
        let entries = std::fs::read_dir(path).expect("a folder can be read");
        let entries = entries.map(|entry| entry.expect("it can be read to its end").path());
        entries.map(|path| if path.is_dir() { size(&path) } else { length(&path) }).sum()
    }
    fn length(path: &Path) -> u64 {
        std::fs::metadata(path).expect("a file").len()
    }
    for version in VERSIONS {
        let size = size(&kept(version));
        assert!(size < 640 << 10, "{size} bytes are in the repository for ever");
    }
}
