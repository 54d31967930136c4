//! What passes through the server.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use veche_testing::holdings::{Found, Heard, Needle, Way, ciphertext};
use veche_wire::{ClientFrame, Kind, Push, Request, Response, ServerFrame};

use crate::session::{SESSION, asked};

#[test]
fn every_entry_is_ciphertext_of_padded_length() {
    let mut counts = [0; 3];
    for request in asked(&SESSION.recorded) {
        let (what, bytes) = match request {
            Request::Append(append) if append.kind == Kind::Message => (0, append.bytes),
            Request::Append(append) if append.kind == Kind::Commit => (1, append.bytes),
            Request::Append(append) if append.kind == Kind::Control => (2, append.bytes),
            Request::Append(append) => {
                assert!(append.bytes.is_empty(), "a change of rights carries nothing else");
                continue;
            }
            Request::Signal { bytes, .. } => (2, bytes),
            _ => continue,
        };
        assert!(ciphertext::is_padded_length(bytes.len()), "{} bytes", bytes.len());
        assert!(ciphertext::looks_random(&bytes), "an entry of {} bytes is readable", bytes.len());
        counts[what] += 1;
    }
    assert!(counts.iter().all(|count| *count > 0), "all kinds of entries were seen: {counts:?}");
}

#[test]
fn every_blob_is_ciphertext_of_padded_length() {
    let blobs: Vec<_> = SESSION.tidied.blobs().collect();
    assert!(blobs.len() >= 4, "a file and some trees");
    for blob in blobs {
        assert!(ciphertext::looks_random(&blob.bytes), "{} is readable", blob.path);
        // A tree is sealed in one piece, a file in chunks of 64 KiB with a tag each.
        let chunks = blob.bytes.len().div_ceil((64 << 10) + 16);
        let inside = blob.bytes.len() - chunks * 16;
        let is_padded_file = veche_wire::padding::padded_length(inside) == inside;
        let is_padded = ciphertext::is_padded_length(blob.bytes.len()) || is_padded_file;
        assert!(is_padded, "{} has {} bytes", blob.path, blob.bytes.len());
    }
}

#[test]
fn what_is_readable_is_not_taken_for_ciphertext() {
    let prose = "The server sees log, id, kind and length. ".repeat(40);
    assert!(!ciphertext::looks_random(prose.as_bytes()));
    assert!(!ciphertext::looks_random(&[0; 296]));
    let bytes = &SESSION.tidied.blobs().next().expect("a blob").bytes;
    let twice = [bytes.as_slice(), bytes.as_slice()].concat();
    assert!(!ciphertext::looks_random(&twice), "what repeats itself is no ciphertext");
    let half = [&bytes[..bytes.len() / 2], prose.as_bytes()].concat();
    assert!(!ciphertext::looks_random(&half));
    assert!(!ciphertext::is_padded_length(300));
    assert!(ciphertext::is_padded_length(256 + 40));
}

/// Every frame, each once, with what was found in it.
static SEARCHED: LazyLock<Vec<(Heard, BTreeSet<Found>)>> = LazyLock::new(|| {
    let needles = SESSION.content().and(SESSION.people());
    let mut seen = BTreeSet::new();
    let fresh = SESSION.recorded.iter().filter(|heard| seen.insert(heard.bytes.as_slice()));
    fresh.map(|heard| (heard.clone(), needles.find(&heard.bytes))).collect()
});

#[test]
fn no_frame_says_what_only_members_may_know() {
    for (heard, found) in &*SEARCHED {
        let bad = found.iter().find(|found| found.needle != Needle::Person);
        assert!(bad.is_none(), "{:?}, {} bytes: {bad:?}", heard.way, heard.bytes.len());
    }
}

#[test]
fn what_is_said_about_chats_names_nobody() {
    let (about_chats, others): (Vec<_>, Vec<_>) =
        SEARCHED.iter().partition(|(heard, _)| is_about_a_chat(heard));
    assert!(about_chats.len() > 50, "chats were talked about");
    for (_, found) in about_chats {
        assert!(found.is_empty(), "{found:?}");
    }
    let named = others.iter().filter(|(_, found)| !found.is_empty()).count();
    assert!(named > 10, "people are named where they must be, so the search finds them");
}

fn is_about_a_chat(heard: &Heard) -> bool {
    match heard.way {
        Way::Up => {
            let frame = ClientFrame::decode(&heard.bytes).expect("a frame");
            matches!(
                frame.request,
                Request::Create { .. }
                    | Request::Append(_)
                    | Request::Read { .. }
                    | Request::Subscribe { .. }
                    | Request::Unsubscribe { .. }
                    | Request::Signal { .. }
                    | Request::PutBlob { .. }
                    | Request::GetBlob { .. }
            )
        }
        Way::Down => {
            let frame = ServerFrame::decode(&heard.bytes).expect("a frame");
            matches!(
                frame,
                ServerFrame::Push(Push::Entries { .. } | Push::Signal { .. })
                    | ServerFrame::Answer {
                        response: Response::Entries { .. }
                            | Response::Appended { .. }
                            | Response::Subscribed { .. }
                            | Response::BlobPart { .. },
                        ..
                    }
            )
        }
    }
}
