//! `veched` under test, and its protocol: frames in a Noise session in a WebSocket.

use std::net::SocketAddr;
use std::path::Path;

use sha2::{Digest, Sha256};
use veche_net::{Initiator, Session};
use veche_wire::{
    AdminKey, Append, ClientFrame, Commitment, EntryId, Kind, LogId, Permit, Refused, Request,
    Response, ServerAddress, ServerFrame, Token, TokenHash, TokenHashes, limits,
};

use super::speech::{Heard, Role, Service, Speech};
use super::websocket::{self, Message, upgrade, upgraded};
use super::{Stopped, peek, words};
use crate::Dice;
use crate::processes::Server;

/// One address stands for thousands here: nothing that a run asks for is too much.
const FLAGS: [&str; 14] = [
    "--log-level",
    "warn",
    "--connections-max",
    "1000000",
    "--connections-per-address-max",
    "1000000",
    "--requests-per-connection",
    "1000000000:1000000000",
    "--requests-per-address",
    "1000000000:1000000000",
    "--strangers-per-connection",
    "1000000000:1000000000",
    "--strangers-per-address",
    "1000000000:1000000000",
];

const HELLO: u64 = 1;
const SUBSCRIBE: u64 = 2;
/// Request ids of appends and of the making of logs begin here.
const NUMBERED: u64 = 16;
/// How many logs are asked for at a time.
const MADE_AT_ONCE: usize = 64;

/// A `veched` of this run.
pub(super) struct Veched {
    server: Server,
    place: ServerAddress,
    seed: u64,
}

impl Veched {
    /// Starts one on a new folder below `folder`.
    pub(super) fn start(folder: &Path, seed: u64) -> Result<Self, Stopped> {
        let server = Server::start(&folder.join("veched"), &FLAGS)?;
        let place = server.address().parse().map_err(words)?;
        Ok(Self { server, place, seed })
    }

    /// Ends it with SIGKILL.
    pub(super) fn kill(&mut self) {
        self.server.kill();
    }

    /// Ends it as an operator does.
    pub(super) fn stop(&mut self) -> Result<(), Stopped> {
        self.server.stop().map(drop)
    }

    /// Starts it again at the same address.
    pub(super) fn start_again(&mut self) -> Result<(), Stopped> {
        self.server.start_again()
    }
}

impl Service for Veched {
    type Speech = Veche;

    fn name(&self) -> &'static str {
        "veched"
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.place.port))
    }

    fn process(&self) -> u32 {
        self.server.id().unwrap_or_default()
    }

    fn speech(&self, role: &Role) -> Result<Veche, Stopped> {
        Ok(Veche {
            key: self.place.key,
            seed: self.seed,
            log: Log::numbered(self.seed, role.channel),
            follows_after: role.follows_after,
            writer: role.writer.unwrap_or_default(),
            makes: role.makes.clone(),
            unmade: role.makes.len(),
            state: State::Upgrading,
            frames: Vec::new(),
        })
    }
}

/// A log with its tokens, all from the seed of the run.
struct Log {
    id: LogId,
    read: Token,
    write: Token,
}

impl Log {
    fn numbered(seed: u64, number: usize) -> Self {
        // Stream 0 is nobody's; 1 is the mint's.
        let mut dice = Dice::seeded(seed, number as u64 + 2);
        Self {
            id: LogId::random(&mut dice),
            read: Token::random(&mut dice),
            write: Token::random(&mut dice),
        }
    }

    fn create(&self) -> Request {
        let hash = |token: &Token| TokenHash(Sha256::digest(token.as_bytes()).into());
        Request::Create {
            log: self.id,
            permit: Permit::Open,
            tokens: TokenHashes { read: hash(&self.read), write: hash(&self.write) },
            // Nobody changes rights here; a log has one admin key at least.
            admins: vec![AdminKey([9; 32])],
        }
    }
}

/// How far a connection has come.
enum State {
    /// Asked for a WebSocket.
    Upgrading,
    /// Has sent the first message of the handshake.
    Shaking(Box<Initiator>),
    /// Speaks frames.
    Open(Box<Session>),
    /// An error in between ended it.
    Over,
}

/// The protocol of one connection.
pub(super) struct Veche {
    key: [u8; 32],
    seed: u64,
    log: Log,
    follows_after: Option<u64>,
    writer: u32,
    makes: std::ops::Range<usize>,
    unmade: usize,
    state: State,
    /// To be sealed together.
    frames: Vec<Vec<u8>>,
}

impl Speech for Veche {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        out.extend_from_slice(upgrade("127.0.0.1").as_bytes());
        Ok(())
    }

    fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut Vec<Heard>,
    ) -> Result<usize, Stopped> {
        let mut used = 0;
        if let State::Upgrading = self.state {
            let Some(length) = upgraded(bytes)? else { return Ok(0) };
            let (initiator, first) = Initiator::new(&self.key).map_err(words)?;
            websocket::write_binary(&first, out);
            self.state = State::Shaking(Box::new(initiator));
            used = length;
        }
        while let Some((message, length)) = websocket::first(&bytes[used..])? {
            used += length;
            match message {
                Message::Binary(message) => self.message(message, heard)?,
                Message::Ping(payload) => websocket::write_pong(payload, out),
                Message::Pong => {}
                Message::Close => return Err("the server says goodbye".to_owned()),
            }
        }
        self.flush(out)?;
        Ok(used)
    }

    fn publish(&mut self, number: u64, entry: &[u8]) {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&self.writer.to_be_bytes());
        id[4..12].copy_from_slice(&number.to_be_bytes());
        let append = Append {
            log: self.log.id,
            token: self.log.write,
            id: EntryId(id),
            kind: Kind::Message,
            after_commit: 0,
            prev: None,
            needs: None,
            commitment: Some(Commitment([7; 32])),
            rider: None,
            bytes: entry.to_vec(),
        };
        self.ask(NUMBERED + number, Request::Append(append));
    }

    fn again(&mut self) {
        self.subscribe();
    }

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        let State::Open(session) = &mut self.state else { return Ok(()) };
        if self.frames.is_empty() {
            return Ok(());
        }
        for batch in veche_net::batches(&self.frames) {
            let sealed = session.seal_frames(batch).map_err(words)?;
            websocket::write_binary(&sealed, out);
        }
        self.frames.clear();
        if self.writer == 0 && self.makes.is_empty() {
            // Readers never write again: thousands of them hold nothing.
            self.frames = Vec::new();
        }
        Ok(())
    }
}

impl Veche {
    fn ask(&mut self, id: u64, request: Request) {
        self.frames.push(ClientFrame { id, request }.encode());
    }

    fn subscribe(&mut self) {
        if let Some(after) = self.follows_after {
            let (log, token) = (self.log.id, self.log.read);
            self.ask(SUBSCRIBE, Request::Subscribe { log, token, after, after_id: None });
        }
    }

    fn make_next(&mut self) {
        if let Some(channel) = self.makes.next() {
            self.ask(NUMBERED + channel as u64, Log::numbered(self.seed, channel).create());
        }
    }

    fn message(&mut self, message: &[u8], heard: &mut Vec<Heard>) -> Result<(), Stopped> {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Open(mut session) => {
                for frame in session.open(message).map_err(words)? {
                    if peek::entries(&frame, heard).is_none() {
                        self.frame(&frame, heard)?;
                    }
                }
                State::Open(session)
            }
            State::Shaking(initiator) => {
                let session = initiator.finish(message).map_err(words)?;
                self.ask(HELLO, Request::Hello { version: limits::PROTOCOL_VERSION });
                self.subscribe();
                for _ in 0..MADE_AT_ONCE {
                    self.make_next();
                }
                State::Open(Box::new(session))
            }
            State::Upgrading | State::Over => return Err("a message before its time".to_owned()),
        };
        Ok(())
    }

    /// Anything but entries.
    fn frame(&mut self, frame: &[u8], heard: &mut Vec<Heard>) -> Result<(), Stopped> {
        match ServerFrame::decode(frame).map_err(words)? {
            ServerFrame::Answer { id, response } => self.answer(id, &response, heard),
            ServerFrame::Push(push) => Err(format!("no push of entries, but {push:?}")),
        }
    }

    fn answer(
        &mut self,
        id: u64,
        response: &Response,
        heard: &mut Vec<Heard>,
    ) -> Result<(), Stopped> {
        match (id, response) {
            (HELLO, Response::Hello { .. }) => {
                if self.follows_after.is_none() && self.unmade == 0 {
                    heard.push(Heard::Up { head: None });
                }
            }
            (SUBSCRIBE, Response::Subscribed { head }) => {
                heard.push(Heard::Up { head: Some(*head) });
            }
            (NUMBERED.., Response::Appended { seq }) => {
                heard.push(Heard::Acked { number: id - NUMBERED, seq: *seq });
            }
            (NUMBERED.., Response::Done) => {
                self.unmade -= 1;
                self.make_next();
                if self.unmade == 0 {
                    heard.push(Heard::Up { head: None });
                }
            }
            (_, Response::Refused(Refused::Later { ms })) => {
                heard.push(Heard::Later { number: id.checked_sub(NUMBERED), ms: *ms });
            }
            (_, other) => return Err(format!("request {id} was answered with {other:?}")),
        }
        Ok(())
    }
}
