//! What lies on the disk and in the log.

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use veche_testing::holdings::{Needle, Snapshot};

use crate::session::{ANA, SESSION};

#[test]
fn no_word_and_no_secret_lies_on_the_disk() {
    let needles = SESSION.never_on_disk();
    for (when, snapshot) in [("running", &SESSION.running), ("tidied", &SESSION.tidied)] {
        for file in &snapshot.files {
            let found = needles.find(&[file.path.as_bytes(), b" ", &file.bytes].concat());
            assert!(found.is_empty(), "{when}, in {}: {found:?}", file.path);
        }
    }
}

#[test]
fn people_are_named_in_the_directory_and_nowhere_else() {
    let needles = SESSION.people();
    for (when, snapshot) in [("running", &SESSION.running), ("tidied", &SESSION.tidied)] {
        for file in snapshot.chats() {
            let found = needles.find(&[file.path.as_bytes(), b" ", &file.bytes].concat());
            assert!(found.is_empty(), "{when}, in {}: {found:?}", file.path);
        }
        let named =
            snapshot.directory().map(|file| needles.find_raw(&file.bytes).len()).sum::<usize>();
        assert!(named > 10, "{when}: the search finds people where they are");
    }
}

#[test]
fn an_envelope_is_gone_when_it_was_read() {
    let directory = SESSION.tidied.database("directory.db");
    let waiting = &directory.table("envelopes").rows;
    assert_eq!(waiting.len(), 2, "only what came for somebody who is away still waits");
    let delivered =
        crate::session::asked(&SESSION.recorded).into_iter().filter_map(|request| match request {
            veche_wire::Request::Deliver(delivery) => Some(delivery.bytes),
            _ => None,
        });
    let holds = |snapshot: &Snapshot, part: &[u8]| {
        let has = |bytes: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        snapshot.files.iter().any(|file| has(&file.bytes))
    };
    let mut counts = [0; 2];
    for bytes in delivered.collect::<std::collections::BTreeSet<_>>() {
        let waits = waiting.iter().any(|row| row.values.iter().any(|value| value.bytes() == bytes));
        // Its middle and its end, wherever they may have been left.
        for part in [&bytes[600..640], &bytes[bytes.len() - 40..]] {
            assert_eq!(holds(&SESSION.tidied, part), waits);
        }
        counts[usize::from(waits)] += 1;
    }
    assert!(counts[0] >= 4 && counts[1] == 2, "envelopes came and went: {counts:?}");
}

#[test]
fn what_was_erased_gives_its_room_back() {
    for name in ["logs.db", "directory.db"] {
        let file = SESSION.tidied.files.iter().find(|file| file.path == name).expect("a file");
        // The number of unused pages, in the header of the file.
        assert_eq!(file.bytes[36..40], [0; 4], "{name} keeps pages that hold nothing");
    }
}

#[test]
fn the_log_of_the_server_names_nobody_and_nothing() {
    let text = String::from_utf8_lossy(&SESSION.log);
    assert!(text.contains("a batch failed"), "the server logged that its disk was full");
    assert!(text.contains("veche_appended_entries_total"), "its counters are there");
    let mut needles = SESSION.never_on_disk();
    for chat in &SESSION.chats {
        needles.add(Needle::Secret, "a chat", chat.as_bytes());
    }
    assert!(needles.find(&SESSION.log).is_empty());
    assert!(SESSION.people().find(&SESSION.log).is_empty());
}

/// The same word in every disguise that is looked through.
fn disguises(word: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = |bytes: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(bytes).collect();
    let text = format!("{{\"some\":\"words and {word} and more\"}}");
    let deflated = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 9);
    let zlib = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 1);
    let stored = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 0);
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], deflated.as_slice()].concat();
    let mut all = vec![
        ("as it is", word.as_bytes().to_vec()),
        ("hex", HEXLOWER.encode(text.as_bytes()).into_bytes()),
        ("HEX", HEXUPPER.encode(text.as_bytes()).into_bytes()),
        ("UTF-16LE", utf16(u16::to_le_bytes)),
        ("UTF-16BE", utf16(u16::to_be_bytes)),
        ("backwards", word.bytes().rev().collect()),
        ("deflate", deflated),
        ("zlib", zlib),
        ("zlib, stored", stored),
        ("gzip", gzip),
    ];
    for before in ["", "x", "xy", "xyz", "xyzz"] {
        let text = format!("{before}{word}, and more");
        all.push(("base64", BASE64.encode(text.as_bytes()).into_bytes()));
        all.push(("base64url", BASE64URL_NOPAD.encode(text.as_bytes()).into_bytes()));
        all.push(("base32", BASE32_NOPAD.encode(text.as_bytes()).into_bytes()));
        let lower = BASE32_NOPAD.encode(text.as_bytes()).to_lowercase();
        all.push(("base32, lower", lower.into_bytes()));
    }
    all
}

#[test]
fn a_planted_word_is_found_in_every_disguise() {
    let planted = [(SESSION.content(), "narwhal ballast"), (SESSION.people(), ANA)];
    for (needles, word) in planted {
        for (disguise, bytes) in disguises(word) {
            let folder = SESSION.copy();
            let blobs = SESSION.tidied.blobs();
            let name = &blobs.min_by_key(|blob| blob.bytes.len()).expect("a blob").path;
            let path = folder.path().join(name);
            let mut blob = std::fs::read(&path).expect("a file can be read");
            blob.splice(100..100, bytes);
            std::fs::write(&path, blob).expect("a file can be written");
            let snapshot = Snapshot::of(folder.path()).expect("the disk can be read");
            let file = snapshot.chats().find(|file| file.path == *name).expect("the file");
            let found = needles.find(&file.bytes);
            assert!(found.iter().any(|found| found.name == word), "{word} {disguise}: {found:?}");
        }
    }
}
