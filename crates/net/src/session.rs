//! The session: Noise NK over whole messages, as a state machine over bytes (docs/protocol.md, "The
//! session"). The client is anonymous; the server proves that it holds the key of its address.
//!
//! No socket, no clock. Randomness for the ephemeral keys is the system's. What a carrier loses,
//! repeats, reorders or changes is found by [`Session::open`], after which the session is over.

use std::fmt;

use snow::{Builder, HandshakeState, TransportState};

use crate::ServerKey;
use crate::batch::{pack, unpack};
use crate::limits::{
    HANDSHAKE_BYTES_MAX, MESSAGE_BYTES_MAX, NOISE_MESSAGE_BYTES_MAX, NOISE_TAG_BYTES,
};

const PATTERN: &str = "Noise_NK_25519_ChaChaPoly_SHA256";
/// Both sides hash this into the handshake: programs of different session versions never share a
/// key.
const PROLOGUE: &[u8] = b"veche noise v1";
/// How much plaintext goes into one Noise message.
const CHUNK_BYTES_MAX: usize = NOISE_MESSAGE_BYTES_MAX - NOISE_TAG_BYTES;

/// Why a session does not begin or go on. Each ends it; the caller shows `WrongKey` to the user,
/// waits after `NoRandomness`, and after the others drops the connection and makes a new one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// To a client: the answer was not made with the pinned key.
    #[error("the server at this address does not hold the key of the address")]
    WrongKey,
    /// To a server: the first message was not made for its key, or for another version of the
    /// session.
    #[error("the client expects a server with another key")]
    OtherKey,
    /// A message was changed, repeated, left out, or comes from somebody else.
    #[error("a message was changed, repeated or lost on its way")]
    Tampered,
    /// Authentic bytes that break the rules: the other program is faulty.
    #[error("{0} is not well formed")]
    Garbage(&'static str),
    /// Larger than the named limit. To a sender: nothing was sealed, the session goes on.
    #[error("{what} is larger than the limit of {limit}")]
    TooLarge {
        /// What was too large.
        what: &'static str,
        /// The limit, in bytes or pieces.
        limit: usize,
    },
    /// An earlier error ended the session.
    #[error("the session has ended")]
    Over,
    /// The system gives no randomness.
    #[error("the system gives no randomness, without which no key can be made")]
    NoRandomness,
}

/// A client that has sent the first handshake message and waits for the answer.
pub struct Initiator(HandshakeState);

impl Initiator {
    /// Begins a session with the server that holds `server_key`; returns the first message to send.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn new(server_key: &[u8; 32]) -> Result<(Self, Vec<u8>), SessionError> {
        let mut handshake = noise()
            .remote_public_key(server_key)
            .and_then(Builder::build_initiator)
            .map_err(|_| SessionError::NoRandomness)?;
        let first = write_handshake(&mut handshake)?;
        Ok((Self(handshake), first))
    }

    /// Ends the handshake with the server's answer.
    ///
    /// # Errors
    /// Where the answer does not prove the key.
    pub fn finish(mut self, answer: &[u8]) -> Result<Session, SessionError> {
        read_handshake(&mut self.0, answer, SessionError::WrongKey)?;
        Session::begin(self.0)
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Initiator")
    }
}

/// A server that waits for the first handshake message.
pub struct Responder(HandshakeState);

impl Responder {
    /// Waits for a client that expects this key.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn new(key: &ServerKey) -> Result<Self, SessionError> {
        noise()
            .local_private_key(key.private_bytes().as_slice())
            .and_then(Builder::build_responder)
            .map(Self)
            .map_err(|_| SessionError::NoRandomness)
    }

    /// Ends the handshake; returns the session and the answer to send.
    ///
    /// # Errors
    /// Where the first message is not for this key.
    pub fn answer(mut self, first: &[u8]) -> Result<(Session, Vec<u8>), SessionError> {
        read_handshake(&mut self.0, first, SessionError::OtherKey)?;
        let answer = write_handshake(&mut self.0)?;
        Ok((Session::begin(self.0)?, answer))
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Responder")
    }
}

/// An established session: seals batches of frames into messages and opens those of the other side.
///
/// Keys are never renewed: each direction counts its Noise messages with 64 bits, more than any
/// connection sends.
pub struct Session {
    transport: TransportState,
    over: bool,
}

impl Session {
    fn begin(handshake: HandshakeState) -> Result<Self, SessionError> {
        let transport = handshake.into_transport_mode().map_err(|_| SessionError::Over)?;
        Ok(Self { transport, over: false })
    }

    /// Seals frames into one message, which must be sent before the next one.
    ///
    /// # Errors
    /// `TooLarge` where the frames with their lengths exceed `limits::BATCH_BYTES_MAX` or are more
    /// than `limits::BATCH_FRAMES_MAX`: nothing was sealed. `Over` after an earlier error.
    pub fn seal_frames<F: AsRef<[u8]>>(&mut self, frames: &[F]) -> Result<Vec<u8>, SessionError> {
        if self.over {
            return Err(SessionError::Over);
        }
        let batch = pack(frames)?;
        self.seal_batch(&batch)
    }

    /// Opens the next message of the other side.
    ///
    /// # Errors
    /// Where the message is not exactly the next one, or breaks the rules. The session is then
    /// over.
    pub fn open(&mut self, message: &[u8]) -> Result<Vec<Vec<u8>>, SessionError> {
        if self.over {
            return Err(SessionError::Over);
        }
        let opened = self.open_batch(message).and_then(|batch| unpack(&batch));
        self.over = opened.is_err();
        opened
    }

    /// Cuts a batch into chunks, all full but the last, so that no lengths need to be told.
    pub(crate) fn seal_batch(&mut self, batch: &[u8]) -> Result<Vec<u8>, SessionError> {
        let chunks = batch.len().div_ceil(CHUNK_BYTES_MAX);
        let mut message = vec![0; batch.len() + chunks * NOISE_TAG_BYTES];
        let sealed_chunks = message.chunks_mut(NOISE_MESSAGE_BYTES_MAX);
        for (chunk, sealed) in batch.chunks(CHUNK_BYTES_MAX).zip(sealed_chunks) {
            if self.transport.write_message(chunk, sealed).is_err() {
                self.over = true;
                return Err(SessionError::Over);
            }
        }
        Ok(message)
    }

    fn open_batch(&mut self, message: &[u8]) -> Result<Vec<u8>, SessionError> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(SessionError::TooLarge { what: "a message", limit: MESSAGE_BYTES_MAX });
        }
        // A last chunk without content would find no room below and pass unread.
        if message.chunks(NOISE_MESSAGE_BYTES_MAX).any(|chunk| chunk.len() <= NOISE_TAG_BYTES) {
            return Err(SessionError::Tampered);
        }
        // Each chunk finds room for its tag as well, which some ciphers need; the next chunk, or the
        // end, takes that room back.
        let mut batch = vec![0; message.len()];
        let mut length = 0;
        for chunk in message.chunks(NOISE_MESSAGE_BYTES_MAX) {
            let room = batch.get_mut(length..length + chunk.len()).unwrap_or_default();
            let opened = self.transport.read_message(chunk, room);
            length += opened.map_err(|_| SessionError::Tampered)?;
        }
        batch.truncate(length);
        Ok(batch)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("over", &self.over).finish_non_exhaustive()
    }
}

fn noise<'a>() -> Builder<'a> {
    let parameters = PATTERN.parse().expect("the pattern is a constant that snow knows");
    Builder::new(parameters).prologue(PROLOGUE).expect("the prologue is set once")
}

fn write_handshake(handshake: &mut HandshakeState) -> Result<Vec<u8>, SessionError> {
    let mut message = vec![0; HANDSHAKE_BYTES_MAX];
    // The pattern and the room are constants; what can fail is the making of an ephemeral key.
    let length =
        handshake.write_message(&[], &mut message).map_err(|_| SessionError::NoRandomness)?;
    message.truncate(length);
    Ok(message)
}

/// Reads a handshake message. A payload, which this version does not send, is ignored.
fn read_handshake(
    handshake: &mut HandshakeState,
    message: &[u8],
    wrong: SessionError,
) -> Result<(), SessionError> {
    if message.len() > HANDSHAKE_BYTES_MAX {
        let limit = HANDSHAKE_BYTES_MAX;
        return Err(SessionError::TooLarge { what: "a handshake message", limit });
    }
    let mut payload = [0; HANDSHAKE_BYTES_MAX];
    match handshake.read_message(message, &mut payload) {
        Ok(_) => Ok(()),
        Err(snow::Error::Decrypt | snow::Error::Dh) => Err(wrong),
        Err(_) => Err(SessionError::Garbage("a handshake message")),
    }
}
