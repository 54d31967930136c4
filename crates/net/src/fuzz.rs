//! Functions that take any bytes and must neither panic nor be fooled; the fuzzer's targets, which
//! also run in the tests.

use crate::batch::{pack, unpack};
use crate::{Initiator, Responder, ServerKey, Session, SessionError};

/// A target: its name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("noise_first_message", first_message),
    ("noise_answer", answer),
    ("noise_message", message),
    ("noise_changed_message", changed_message),
    ("batch", batch),
    ("sealed_batch", sealed_batch),
];

/// A stranger's bytes as the first handshake message: nobody without the key of the address gets
/// in, but whoever made a first message does, so that only the absence of panics can be asked for.
pub fn first_message(bytes: &[u8]) {
    if let Ok(responder) = Responder::new(&key()) {
        responder.answer(bytes).ok();
    }
}

/// A stranger's bytes as the answer of a server: never accepted.
pub fn answer(bytes: &[u8]) {
    if let Ok((initiator, _)) = Initiator::new(&key().public()) {
        assert!(initiator.finish(bytes).is_err(), "an answer without the key was accepted");
    }
}

/// A stranger's bytes as a message of an established session: never accepted, and the end of it.
pub fn message(bytes: &[u8]) {
    let (mut client, mut server) = pair();
    assert!(server.open(bytes).is_err(), "a message without the key was accepted");
    let honest = client.seal_frames(&[b"later"]).expect("a short frame can be sealed");
    assert_eq!(server.open(&honest), Err(SessionError::Over));
}

/// An honest message of which one byte is changed, cut off or added: never accepted.
pub fn changed_message(bytes: &[u8]) {
    let (mut client, mut server) = pair();
    let (choice, frame) = bytes.split_first_chunk::<4>().unwrap_or((&[0; 4], bytes));
    let Ok(mut sealed) = client.seal_frames(&[frame]) else { return };
    let place = u32::from_be_bytes(*choice) as usize % sealed.len();
    match choice {
        [0, ..] => sealed.truncate(place),
        [1, ..] => sealed.push(0),
        _ => {
            if let Some(byte) = sealed.get_mut(place) {
                *byte ^= 1 << (choice[3] & 7);
            }
        }
    }
    assert!(server.open(&sealed).is_err(), "a changed message was accepted");
}

/// Any bytes as the plaintext of a message: what is accepted is written the same way again.
pub fn batch(bytes: &[u8]) {
    if let Ok(frames) = unpack(bytes) {
        let again = pack(&frames).expect("frames of one batch fit into one");
        assert_eq!(again, bytes, "two ways to write the same batch");
    }
}

/// Any bytes as the plaintext that a faulty but authentic server seals: accepted only where
/// `unpack` does.
pub fn sealed_batch(bytes: &[u8]) {
    let (mut client, mut server) = pair();
    let Ok(sealed) = server.seal_batch(bytes) else { return };
    let opened = client.open(&sealed);
    if let Ok(frames) = &opened {
        assert_eq!(unpack(bytes).as_ref(), Ok(frames), "the session changed a batch");
    }
}

fn key() -> ServerKey {
    ServerKey::from_bytes(&[0x42; 32])
}

/// Both ends of a session. The ephemeral keys are random: no input depends on them.
fn pair() -> (Session, Session) {
    let key = key();
    let (initiator, first) = Initiator::new(&key.public()).expect("the system gives randomness");
    let responder = Responder::new(&key).expect("the system gives randomness");
    let (server, answer) = responder.answer(&first).expect("the first message is for this key");
    (initiator.finish(&answer).expect("the answer proves the key"), server)
}
