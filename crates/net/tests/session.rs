//! The session over bytes: what goes in comes out, and nothing else does.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::BTreeSet;

use expect_test::expect;
use proptest::prelude::*;
use veche_net::limits::{BATCH_FRAMES_MAX, MESSAGE_BYTES_MAX};
use veche_net::{Initiator, Responder, ServerKey, Session, SessionError};
use veche_wire::limits::FRAME_BYTES_MAX;

fn pair() -> (Session, Session) {
    let key = ServerKey::from_bytes(&[9; 32]);
    let (initiator, first) = Initiator::new(&key.public()).unwrap();
    let (server, answer) = Responder::new(&key).unwrap().answer(&first).unwrap();
    (initiator.finish(&answer).unwrap(), server)
}

fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let frame = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        // Long enough for several Noise messages in one message of the session.
        (any::<u8>(), 60_000usize..140_000).prop_map(|(byte, length)| vec![byte; length]),
    ];
    proptest::collection::vec(frame, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_frames_come_out_as_they_went_in(batches in proptest::collection::vec(frames(), 1..4)) {
        let (mut client, mut server) = pair();
        for batch in batches {
            let message = client.seal_frames(&batch).unwrap();
            prop_assert_eq!(&server.open(&message).unwrap(), &batch);
            let message = server.seal_frames(&batch).unwrap();
            prop_assert_eq!(&client.open(&message).unwrap(), &batch);
        }
    }
}

#[test]
fn the_largest_frame_fits_and_makes_the_largest_message() {
    let (mut client, mut server) = pair();
    let largest = [vec![0xff; FRAME_BYTES_MAX]];
    let message = client.seal_frames(&largest).unwrap();
    assert_eq!(message.len(), MESSAGE_BYTES_MAX);
    assert_eq!(server.open(&message).unwrap(), largest);
}

#[test]
fn what_is_too_large_is_refused_before_it_is_sealed() {
    let (mut client, mut server) = pair();
    let too_large = client.seal_frames(&[vec![0; FRAME_BYTES_MAX + 1]]).unwrap_err();
    expect!["a frame is larger than the limit of 1114112"].assert_eq(&too_large.to_string());
    assert!(client.seal_frames(&[vec![0; FRAME_BYTES_MAX], vec![0; 1]]).is_err());
    assert!(client.seal_frames(&[[0u8; 0]; BATCH_FRAMES_MAX + 1]).is_err());

    let message = client.seal_frames(&[b"goes on"]).unwrap();
    assert_eq!(server.open(&message).unwrap(), [b"goes on"]);
}

#[test]
fn any_changed_byte_is_noticed() {
    let length = pair().0.seal_frames(&[b"pay 10"]).unwrap().len();
    for place in 0..length {
        let (mut client, mut server) = pair();
        let mut message = client.seal_frames(&[b"pay 10"]).unwrap();
        message[place] ^= 1;
        assert_eq!(server.open(&message), Err(SessionError::Tampered), "byte {place}");
    }
}

#[test]
fn any_shorter_or_longer_message_is_noticed() {
    let frames = [vec![0; 65_000], vec![1; 65_000], vec![2; 65_000]];
    let length = pair().0.seal_frames(&frames).unwrap().len();
    let at_noise_messages = [0, 1, 15, 16, 17, 65_535, 65_536, 65_551, 65_552, 131_070];
    for cut in at_noise_messages.into_iter().chain([length - 1, length - 16, length - 17]) {
        let (mut client, mut server) = pair();
        let message = client.seal_frames(&frames).unwrap();
        assert!(server.open(&message[..cut]).is_err(), "cut to {cut}");
    }
    for added in [1, 16, 17, 65_535] {
        let (mut client, mut server) = pair();
        let mut message = client.seal_frames(&frames).unwrap();
        message.resize(length + added, 0);
        assert!(server.open(&message).is_err(), "{added} added");
    }
    let (_, mut server) = pair();
    let larger = server.open(&vec![0; MESSAGE_BYTES_MAX + 1]).unwrap_err();
    expect!["a message is larger than the limit of 1147168"].assert_eq(&larger.to_string());
}

#[test]
fn replayed_reordered_lost_and_returned_messages_end_the_session() {
    let sealed = || {
        let (mut client, server) = pair();
        let messages = ["one", "two", "three"].map(|word| client.seal_frames(&[word]).unwrap());
        (client, server, messages)
    };

    let (_, mut server, [one, two, _]) = sealed();
    server.open(&one).unwrap();
    assert_eq!(server.open(&one), Err(SessionError::Tampered), "replayed");
    assert_eq!(server.open(&two), Err(SessionError::Over), "after the end");
    assert_eq!(server.seal_frames(&[b"late"]), Err(SessionError::Over));

    let (_, mut server, [_, two, one]) = sealed();
    assert_eq!(server.open(&two), Err(SessionError::Tampered), "the first is missing");
    assert_eq!(server.open(&one), Err(SessionError::Over));

    let (mut client, _, [one, ..]) = sealed();
    assert_eq!(client.open(&one), Err(SessionError::Tampered), "its own message");

    let (_, _, [one, ..]) = sealed();
    assert_eq!(pair().1.open(&one), Err(SessionError::Tampered), "from another session");
}

#[test]
fn a_server_with_another_key_is_found_out_by_both() {
    let pinned = ServerKey::generate().unwrap();
    let other = ServerKey::generate().unwrap();
    let (initiator, first) = Initiator::new(&pinned.public()).unwrap();

    let refusal = Responder::new(&other).unwrap().answer(&first).unwrap_err();
    expect!["the client expects a server with another key"].assert_eq(&refusal.to_string());

    // Somebody in between who answers in the server's stead can only make an answer of their own.
    let (_, for_other) = Initiator::new(&other.public()).unwrap();
    let (_, answer) = Responder::new(&other).unwrap().answer(&for_other).unwrap();
    let refusal = initiator.finish(&answer).unwrap_err();
    expect!["the server at this address does not hold the key of the address"]
        .assert_eq(&refusal.to_string());
}

#[test]
fn a_garbled_handshake_is_refused() {
    let key = ServerKey::generate().unwrap();
    let refused = |first: &[u8]| Responder::new(&key).unwrap().answer(first).unwrap_err();
    assert_eq!(refused(&[]), SessionError::Garbage("a handshake message"));
    assert_eq!(refused(b"GET /veche HTTP/1.1"), SessionError::Garbage("a handshake message"));
    assert_eq!(refused(&[1; 48]), SessionError::OtherKey);
    assert!(matches!(refused(&[1; 1025]), SessionError::TooLarge { .. }));

    let (initiator, _) = Initiator::new(&key.public()).unwrap();
    assert_eq!(initiator.finish(&[1; 48]).unwrap_err(), SessionError::WrongKey);
}

#[test]
fn lengths_of_messages_fall_into_few_buckets() {
    let (mut client, _) = pair();
    let mut length = |frame: usize| client.seal_frames(&[vec![1; frame]]).unwrap().len();
    assert_eq!(length(0), length(251), "short frames all look alike");
    let seen: BTreeSet<_> = (0..4096).step_by(8).map(length).collect();
    assert!(seen.len() < 70, "{seen:?}");
}

#[test]
fn nothing_secret_is_printed() {
    let (client, _) = pair();
    expect!["Session { over: false, .. }"].assert_eq(&format!("{client:?}"));
}
