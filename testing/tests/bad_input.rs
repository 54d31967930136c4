//! Bad input at the seams between client, server and disk: each with a clear error, nothing lost, no
//! panic, and everything goes on when the cause is gone.
//!
//! What concerns one crate alone is shown there: oversized and damaged messages and a server with
//! another key in `crates/net/tests`; wrong passphrases, damaged and full databases in
//! `crates/store/src/tests`; wrong tokens, damaged and full folders in `crates/server/src/tests`; texts that are too long in
//! `promises.rs`.

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use veche_client::{Client, ClientError, Command, Input, MessageState, PersonReference, Reply};
use veche_store::{Store, StoreError};
use veche_testing::Dice;
use veche_testing::holdings::{Gathering, Seat, Way};
use veche_wire::{ClientFrame, EntryId, LogId, Refused, Request, Response, ServerFrame, limits};

/// Two people in a direct chat.
struct Pair {
    folder: TempDir,
    gathering: Gathering,
    ana: Seat,
    bob: Seat,
    chat: LogId,
}

fn pair(seed: u64) -> Pair {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut gathering = Gathering::over(folder.path(), seed);
    let [ana, bob] = ["ana", "bob"].map(|name| gathering.newcomer(name));
    let with = Command::OpenDirect(PersonReference::Username("bob".to_owned()));
    let chat = gathering.chat_of(ana, with);
    gathering.say(ana, chat, "before");
    Pair { folder, gathering, ana, bob, chat }
}

fn send(chat: LogId, text: &str) -> Command {
    Command::Send { chat, text: text.to_owned(), reply_to: None, file: None }
}

impl Pair {
    /// Lets no database of this person grow, or lets it again.
    fn fill(&mut self, seat: Seat, pages: u32) -> Seat {
        let mut store = self.gathering.rise(seat);
        store.limit_pages(pages).expect("a limit can be set");
        self.gathering.sit("again", store)
    }

    fn texts(&mut self, seat: Seat) -> Vec<String> {
        let rows =
            self.gathering.client(seat).page(self.chat, None, 1_000).expect("it can be read");
        rows.into_iter().filter_map(|row| row.text).collect()
    }

    fn state(&mut self, seat: Seat, id: EntryId) -> MessageState {
        let row = self.gathering.client(seat).message(self.chat, id).expect("it can be read");
        row.expect("the message is there").state
    }
}

const LONG: usize = 40_000;

#[test]
fn a_full_disk_of_the_sender_is_said_and_what_was_written_before_stays() {
    let mut pair = pair(1);
    pair.gathering.cut_off(pair.ana);
    let ana = pair.fill(pair.ana, 1);
    pair.gathering.cut_off(ana);
    let long = "x".repeat(LONG);
    let mut taken = 0;
    let error = loop {
        match pair.gathering.command(ana, send(pair.chat, &format!("{taken} {long}"))) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 100, "the disk fills up");
    };
    assert!(matches!(error, ClientError::Store(StoreError::Full)), "{error:?}");
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(pair.texts(ana).len(), 1 + taken, "what was refused left nothing behind");

    let ana = pair.fill(ana, u32::MAX);
    pair.gathering.say(ana, pair.chat, "after");
    let (mine, bobs) = (pair.texts(ana), pair.texts(pair.bob));
    assert_eq!(mine, bobs);
    assert_eq!(mine.len(), 2 + taken);
}

#[test]
fn what_a_full_disk_refuses_is_not_sent_and_what_it_takes_is_sent_once() {
    // The disk is full when a message is kept, or later when it is sealed.
    for length in [LONG / 3, LONG] {
        let mut pair = pair(10);
        let ana = pair.fill(pair.ana, 1);
        pair.gathering.settle();
        let long = "x".repeat(length);
        let mut taken = vec!["before".to_owned()];
        for number in 0..100 {
            let text = format!("{number} {long}");
            match pair.gathering.command(ana, send(pair.chat, &text)) {
                Ok(_) => taken.push(text),
                Err(error) => {
                    assert!(matches!(error, ClientError::Store(StoreError::Full)), "{error:?}");
                    break;
                }
            }
        }
        assert!(taken.len() < 100, "the disk fills up");
        assert_eq!(pair.texts(ana), taken, "what was refused left nothing behind");

        let ana = pair.fill(ana, u32::MAX);
        pair.gathering.settle();
        assert_eq!(pair.texts(ana), taken);
        assert_eq!(pair.texts(pair.bob), taken);
    }
}

#[test]
fn a_full_disk_of_the_reader_is_said_and_nothing_is_skipped() {
    let mut pair = pair(2);
    pair.gathering.cut_off(pair.bob);
    let bob = pair.fill(pair.bob, 1);
    for number in 0..10 {
        let text = format!("{number} {}", "x".repeat(LONG));
        pair.gathering.command(pair.ana, send(pair.chat, &text)).expect("it is taken");
    }
    pair.gathering.try_to_settle();
    let troubles = pair.gathering.take_troubles();
    assert!(!troubles.is_empty() && troubles.iter().all(|words| words.contains("full")));
    let before = pair.texts(bob);
    assert!(before.len() < 11, "there was no room for everything");

    let bob = pair.fill(bob, u32::MAX);
    pair.gathering.settle();
    let (mine, bobs) = (pair.texts(pair.ana), pair.texts(bob));
    assert_eq!(bobs, mine);
    assert_eq!(bobs[..before.len()], before[..]);
}

#[test]
fn a_full_disk_of_the_server_keeps_messages_waiting_and_takes_them_later_once() {
    let mut pair = pair(3);
    pair.gathering.service().engine_mut().limit_pages(1).expect("a limit can be set");
    let texts: Vec<String> =
        (0..5).map(|number| format!("{number} {}", "x".repeat(LONG))).collect();
    let mut ids = Vec::new();
    for text in &texts {
        match pair.gathering.command(pair.ana, send(pair.chat, text)) {
            Ok(Reply::Message { message, .. }) => ids.push(message),
            other => panic!("{other:?}"),
        }
    }
    let waiting = pair.gathering.try_to_settle();
    assert!(!waiting.is_empty(), "the server has no room");
    assert_eq!(pair.state(pair.ana, ids[4]), MessageState::Pending);
    assert_eq!(pair.gathering.take_troubles(), Vec::<String>::new());

    pair.gathering.service().engine_mut().limit_pages(u32::MAX).expect("a limit can be lifted");
    pair.gathering.settle();
    for id in ids {
        assert_eq!(pair.state(pair.ana, id), MessageState::Sent);
    }
    let expected: Vec<String> = std::iter::once("before".to_owned()).chain(texts).collect();
    assert_eq!(pair.texts(pair.bob), expected);
}

#[test]
fn whoever_repeats_everything_that_was_ever_sent_changes_nothing() {
    let mut pair = pair(4);
    pair.gathering.say(pair.bob, pair.chat, "hello");
    let sent: Vec<Vec<u8>> = pair
        .gathering
        .recorded()
        .iter()
        .filter(|heard| heard.way == Way::Up)
        .map(|heard| heard.bytes.clone())
        .collect();
    let screens = (pair.texts(pair.ana), pair.texts(pair.bob));
    let entries = |gathering: &mut Gathering| gathering.metrics().entries_appended.value();
    let before = entries(&mut pair.gathering);
    let answers = pair.gathering.ask_raw(&sent);
    assert_eq!(entries(&mut pair.gathering), before, "no entry was added");
    let signed = sent.iter().filter(|bytes| is_signed(bytes)).count();
    let forbidden = answers.iter().filter(|answer| is_refused(answer, &Refused::Forbidden)).count();
    assert!(signed > 0 && forbidden >= signed, "a signature is good on one connection only");

    pair.gathering.settle();
    assert_eq!((pair.texts(pair.ana), pair.texts(pair.bob)), screens);
    pair.gathering.say(pair.ana, pair.chat, "after");
    assert_eq!(pair.texts(pair.bob).last().map(String::as_str), Some("after"));
}

fn is_signed(bytes: &[u8]) -> bool {
    ClientFrame::decode(bytes).is_ok_and(|frame| matches!(frame.request, Request::Signed { .. }))
}

fn is_refused(answer: &ServerFrame, why: &Refused) -> bool {
    matches!(answer, ServerFrame::Answer { response: Response::Refused(refused), .. } if refused == why)
}

#[test]
fn a_token_with_one_wrong_bit_is_no_token() {
    let mut pair = pair(5);
    let asked: Vec<Request> = pair
        .gathering
        .recorded()
        .iter()
        .filter(|heard| heard.way == Way::Up)
        .map(|heard| ClientFrame::decode(&heard.bytes).expect("a frame").request)
        .collect();
    let mut counts = [0; 2];
    for request in asked {
        match request {
            Request::Append(mut append) => {
                append.token.0[31] ^= 1;
                append.id = EntryId([counts[0]; 16]);
                let answer = pair.gathering.ask(Request::Append(append));
                assert_eq!(answer, Response::Refused(Refused::Forbidden));
                counts[0] += 1;
            }
            Request::Subscribe { log, mut token, after, after_id } => {
                token.0[0] ^= 0x80;
                let limit = 10;
                for request in [
                    Request::Subscribe { log, token, after, after_id },
                    Request::Read { log, token, after, after_id, limit },
                ] {
                    let answer = pair.gathering.ask(request);
                    assert_eq!(answer, Response::Refused(Refused::Forbidden));
                }
                counts[1] += 1;
            }
            _ => {}
        }
    }
    assert!(counts.iter().all(|count| *count > 0), "tokens were tried: {counts:?}");
    pair.gathering.say(pair.bob, pair.chat, "after");
    assert_eq!(pair.texts(pair.ana).last().map(String::as_str), Some("after"));
}

#[test]
fn a_frame_that_is_too_large_ends_its_connection_and_no_other() {
    let mut pair = pair(6);
    let answers = pair.gathering.ask_raw(&[vec![0; limits::FRAME_BYTES_MAX + 1]]);
    let limit = limits::FRAME_BYTES_MAX as u64;
    assert!(
        matches!(answers.as_slice(), [answer] if is_refused(answer, &Refused::TooLarge { limit }))
    );
    pair.gathering.say(pair.ana, pair.chat, "after");
    assert_eq!(pair.texts(pair.bob), ["before", "after"]);
}

#[test]
fn what_a_server_garbles_is_survived() {
    let mut pair = pair(8);
    pair.gathering.cut_off(pair.bob);
    for number in 0..5 {
        pair.gathering.say(pair.ana, pair.chat, &format!("number {number}"));
    }
    let recorded = pair.gathering.recorded();
    let frames: Vec<Vec<u8>> = recorded
        .iter()
        .filter(|heard| heard.way == Way::Down && heard.seat == pair.bob)
        .map(|heard| heard.bytes.clone())
        .collect();
    assert!(frames.len() > 10, "bob was told things");
    let mut dice = Dice::seeded(8, 8);
    let now = pair.gathering.now();
    for round in 0..40 {
        let client = pair.gathering.client(pair.bob);
        client.handle(now, Input::Connected).expect("a connection changes nothing");
        for frame in &frames {
            let mut garbled = frame.clone();
            for _ in 0..dice.between(1, 3) {
                let at = usize::try_from(dice.below(garbled.len() as u64)).expect("it fits");
                garbled[at] ^= 1 << dice.below(8);
            }
            match client.handle(now, Input::Frame(garbled)) {
                Ok(_) => {}
                Err(error) => panic!("round {round}: {error}"),
            }
        }
        client.handle(now, Input::Disconnected).expect("a connection changes nothing");
    }
    pair.gathering.reconnect(pair.bob);
    pair.gathering.settle();
    pair.gathering.say(pair.bob, pair.chat, "all there?");
    let (mine, bobs) = (pair.texts(pair.ana), pair.texts(pair.bob));
    assert_eq!(bobs, mine);
    assert_eq!(bobs.len(), 7);
}

#[test]
fn a_file_that_was_damaged_on_the_server_is_not_shown_and_is_fetched_again() {
    let mut pair = pair(9);
    let content = b"the file as it was sent".repeat(50);
    let staged = pair
        .gathering
        .client(pair.ana)
        .stage_file("plan.txt", "text/plain", content.len() as u64, &mut &content[..])
        .expect("a file can be staged");
    let chat = pair.chat;
    let command = Command::Send { chat, text: String::new(), reply_to: None, file: Some(staged) };
    let Ok(Reply::Message { message, .. }) = pair.gathering.command(pair.ana, command) else {
        panic!("the file is taken")
    };
    pair.gathering.settle();
    let flip = |pair: &Pair| {
        for path in files(&pair.folder.path().join("blobs")) {
            let mut bytes = std::fs::read(&path).expect("a blob can be read");
            bytes[70] ^= 1;
            std::fs::write(&path, bytes).expect("a blob can be written");
        }
    };
    let here = |pair: &mut Pair| {
        let view = pair.gathering.client(pair.bob).message(chat, message).expect("it can be read");
        view.and_then(|view| view.file).expect("it has a file").here
    };
    flip(&pair);
    for _ in 0..2 {
        pair.gathering.want(pair.bob, Command::Download { chat, message });
        pair.gathering.settle();
        assert!(here(&mut pair));
        let part = pair.gathering.client(pair.bob).file_part(chat, message, 0);
        let words = part.expect_err("it is not shown").to_string();
        assert!(words.contains("damaged"), "{words}");
        assert!(!here(&mut pair), "what is damaged is thrown away");
    }
    flip(&pair);
    pair.gathering.want(pair.bob, Command::Download { chat, message });
    pair.gathering.settle();
    let part = pair.gathering.client(pair.bob).file_part(chat, message, 0);
    assert_eq!(part.expect("it is right again").as_deref(), Some(&content[..]));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder can be read");
    let paths = entries.map(|entry| entry.expect("it can be read to its end").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_home_whose_identity_is_damaged_says_so() {
    let mut store = Store::in_memory().expect("memory takes a database");
    let damaged = store.write(|tx| tx.set_meta("identity", b"\x85\x01not an identity"));
    damaged.expect("it can be written");
    let opened = Client::open(store, Box::new(Dice::seeded(1, 1)), 0);
    let words = opened.expect_err("it does not open").to_string();
    assert!(words.contains("identity"), "{words}");
}
