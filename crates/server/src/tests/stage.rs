//! A service, a hand on its clock, and connections that speak encoded frames.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};
use veche_wire::{
    AdminKey, AdminList, Append, ClientFrame, Commitment, Entry, EntryId, Kind, LogId, Millis,
    Permit, Push, Random, Refused, Request, Response, Rider, Rotation, Seq, ServerFrame, Token,
    TokenHash, TokenHashes,
};

use crate::storage::{Engine, Memory};
use crate::{Config, ConnectionId, Metrics, PeerId, Service};

/// Bytes that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Random for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.0 += 1;
            let hash = Sha256::digest(self.0.to_be_bytes());
            chunk.copy_from_slice(&hash[..chunk.len()]);
        }
    }
}

pub(crate) struct Stage<E> {
    pub(crate) service: Service<E>,
    pub(crate) now: Millis,
    pub(crate) dice: Dice,
    next_request: u64,
    pub(crate) nonces: BTreeMap<ConnectionId, [u8; 32]>,
    answers: BTreeMap<(ConnectionId, u64), Response>,
    pushes: BTreeMap<ConnectionId, Vec<Push>>,
}

pub(crate) const DAY: Millis = 86_400_000;

pub(crate) fn stage() -> Stage<Memory> {
    Stage::over(Memory::new(), Config::default())
}

pub(crate) fn stage_with(change: impl FnOnce(&mut Config)) -> Stage<Memory> {
    let mut config = Config::default();
    change(&mut config);
    Stage::over(Memory::new(), config)
}

impl<E: Engine> Stage<E> {
    pub(crate) fn over(engine: E, config: Config) -> Self {
        let service = Service::new(engine, config, &[42; 32], Arc::new(Metrics::default()));
        Self {
            service,
            now: 20_000 * DAY,
            dice: Dice(0),
            next_request: 1,
            nonces: BTreeMap::new(),
            answers: BTreeMap::new(),
            pushes: BTreeMap::new(),
        }
    }

    /// The server is killed and started again over what the engine makes of it.
    pub(crate) fn restart(self, change: impl FnOnce(E) -> E) -> Self {
        let config = self.service.config.clone();
        let (now, dice) = (self.now, Dice(self.dice.0));
        Self { now, dice, ..Self::over(change(self.service.into_engine()), config) }
    }

    pub(crate) fn pass(&mut self, ms: Millis) {
        self.now += ms;
    }

    pub(crate) fn stranger(&mut self, address: u8) -> Result<ConnectionId, Refused> {
        let peer = PeerId::from(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, address)));
        self.service.connect(peer, &mut self.dice)
    }

    /// A connection that has said hello.
    pub(crate) fn connect(&mut self) -> ConnectionId {
        let id = self.stranger(1).unwrap();
        match self.ask(id, Request::Hello { version: veche_wire::limits::PROTOCOL_VERSION }) {
            Response::Hello { nonce, .. } => self.nonces.insert(id, nonce),
            other => panic!("{other:?}"),
        };
        id
    }

    /// Sends a request without waiting for anything.
    pub(crate) fn send(&mut self, id: ConnectionId, request: Request) -> u64 {
        let request_id = self.next_request;
        self.next_request += 1;
        let frame = ClientFrame { id: request_id, request }.encode();
        self.service.handle(self.now, id, &frame);
        request_id
    }

    pub(crate) fn ask(&mut self, id: ConnectionId, request: Request) -> Response {
        self.ask_together([(id, request)]).remove(0)
    }

    /// Asks in one batch.
    pub(crate) fn ask_together(
        &mut self,
        requests: impl IntoIterator<Item = (ConnectionId, Request)>,
    ) -> Vec<Response> {
        let ids: Vec<_> =
            requests.into_iter().map(|(id, request)| (id, self.send(id, request))).collect();
        self.service.flush(self.now);
        for (id, _) in &ids {
            self.receive(*id, usize::MAX);
        }
        ids.iter().map(|key| self.answers.remove(key).expect("an answer")).collect()
    }

    /// Takes about so many bytes of what the connection is to be sent; how many it were.
    pub(crate) fn receive(&mut self, id: ConnectionId, budget_bytes: usize) -> usize {
        let mut bytes = 0;
        while bytes < budget_bytes {
            let outgoing = self.service.take_outgoing(id, budget_bytes - bytes);
            if outgoing.frames.is_empty() {
                break;
            }
            for frame in outgoing.frames {
                bytes += frame.len();
                match ServerFrame::decode(&frame).unwrap() {
                    ServerFrame::Answer { id: request, response } => {
                        self.answers.insert((id, request), response);
                    }
                    ServerFrame::Push(push) => self.pushes.entry(id).or_default().push(push),
                }
            }
        }
        bytes
    }

    pub(crate) fn answer(&mut self, id: ConnectionId, request: u64) -> Option<Response> {
        self.answers.remove(&(id, request))
    }

    /// What was pushed since this was last asked.
    pub(crate) fn pushed(&mut self, id: ConnectionId) -> Vec<Push> {
        self.receive(id, usize::MAX);
        self.pushes.remove(&id).unwrap_or_default()
    }

    /// The seqs of the entries that were pushed, and 0 where a subscription ended.
    pub(crate) fn pushed_seqs(&mut self, id: ConnectionId) -> Vec<Seq> {
        let seqs = |push| match push {
            Push::Entries { entries, .. } => entries.iter().map(|entry| entry.seq).collect(),
            Push::Rotated { .. } => vec![0],
            other => panic!("{other:?}"),
        };
        self.pushed(id).into_iter().flat_map(seqs).collect()
    }

    pub(crate) fn chat(&mut self, id: ConnectionId) -> Chat {
        let chat = Chat {
            log: LogId::random(&mut self.dice),
            read: Token::random(&mut self.dice),
            write: Token::random(&mut self.dice),
            admin: SigningKey::from_bytes(&Token::random(&mut self.dice).0),
            generation: 0,
        };
        assert_eq!(self.ask(id, chat.create()), Response::Done);
        chat
    }

    pub(crate) fn append(&mut self, id: ConnectionId, append: &Append) -> Response {
        self.ask(id, Request::Append(append.clone()))
    }

    /// Appends `count` messages of `size` bytes.
    pub(crate) fn chatter(&mut self, id: ConnectionId, chat: &Chat, count: usize, size: usize) {
        for _ in 0..count {
            let number = self.next_request;
            let message = Append { bytes: vec![1; size], ..chat.message(number) };
            let message = Append { after_commit: Seq::MAX, ..message };
            assert!(matches!(self.append(id, &message), Response::Appended { .. }));
        }
    }

    /// All that the token reads, in pages.
    pub(crate) fn read_all(&mut self, id: ConnectionId, chat: &Chat) -> Vec<Entry> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let after = all.last().map_or(0, |entry| entry.seq);
            match self.ask(id, chat.read(after)) {
                Response::Entries { entries, .. } if entries.is_empty() => return all,
                Response::Entries { entries, .. } => all.extend(entries),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// What a member knows of a log.
#[derive(Clone)]
pub(crate) struct Chat {
    pub(crate) log: LogId,
    pub(crate) read: Token,
    pub(crate) write: Token,
    pub(crate) admin: SigningKey,
    pub(crate) generation: u64,
}

pub(crate) fn hash(token: &Token) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

pub(crate) fn entry_id(number: u64) -> EntryId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    EntryId(id)
}

pub(crate) fn key_of(admin: &SigningKey) -> AdminKey {
    AdminKey(admin.verifying_key().to_bytes())
}

impl Chat {
    pub(crate) fn tokens(&self) -> TokenHashes {
        TokenHashes { read: hash(&self.read), write: hash(&self.write) }
    }

    pub(crate) fn create(&self) -> Request {
        Request::Create {
            log: self.log,
            permit: Permit::Open,
            tokens: self.tokens(),
            admins: vec![key_of(&self.admin)],
        }
    }

    pub(crate) fn append(&self, kind: Kind, number: u64) -> Append {
        let is_bare = matches!(kind, Kind::Rotate | Kind::Admins | Kind::Freeze);
        Append {
            log: self.log,
            token: self.write,
            id: entry_id(number),
            kind,
            after_commit: 0,
            prev: None,
            needs: None,
            commitment: (kind == Kind::Message).then_some(Commitment([1; 32])),
            rider: None,
            bytes: if is_bare { Vec::new() } else { vec![7; 300] },
        }
    }

    pub(crate) fn message(&self, number: u64) -> Append {
        self.append(Kind::Message, number)
    }

    pub(crate) fn commit(&self, number: u64) -> Append {
        self.append(Kind::Commit, number)
    }

    /// The same chat in the next generation.
    pub(crate) fn next_generation(&self, dice: &mut Dice) -> Self {
        Self {
            read: Token::random(dice),
            write: Token::random(dice),
            generation: self.generation + 1,
            ..self.clone()
        }
    }

    pub(crate) fn rotation(&self) -> Rotation {
        Rotation { generation: self.generation, tokens: self.tokens() }
    }

    pub(crate) fn read(&self, after: Seq) -> Request {
        Request::Read { log: self.log, token: self.read, after, after_id: None, limit: 512 }
    }

    pub(crate) fn subscribe(&self, after: Seq) -> Request {
        Request::Subscribe { log: self.log, token: self.read, after, after_id: None }
    }

    /// Everything after an entry that the reader has, if it stands at `after`.
    pub(crate) fn subscribe_at(&self, after: Seq, id: EntryId) -> Request {
        Request::Subscribe { log: self.log, token: self.read, after, after_id: Some(id) }
    }
}

/// Changes of rights, not signed yet.
pub(crate) fn changes(
    rotation: Option<Rotation>,
    admins: Option<(u64, Vec<AdminKey>)>,
    freeze: Option<bool>,
) -> Rider {
    Rider {
        rotation,
        admins: admins.map(|(version, keys)| AdminList { version, keys }),
        freeze,
        guard: None,
        signer: AdminKey([0; 32]),
        signature: [0; 64],
    }
}

/// The beginning or end of a guard, not signed yet.
pub(crate) fn guard(on: bool) -> Rider {
    Rider { guard: Some(on), ..changes(None, None, None) }
}

/// Puts the changes on the entry, signed by the key.
pub(crate) fn signed(append: Append, by: &SigningKey, rider: Rider) -> Append {
    let mut rider = Rider { signer: key_of(by), ..rider };
    let bytes_hash = Sha256::digest(&append.bytes).into();
    let bytes = rider.signed_bytes(&append.log, &append.id, append.kind, &bytes_hash);
    rider.signature = by.sign(&bytes).to_bytes();
    Append { rider: Some(rider), ..append }
}

pub(crate) fn refused(refused: Refused) -> Response {
    Response::Refused(refused)
}

pub(crate) fn appended(seq: Seq) -> Response {
    Response::Appended { seq }
}

pub(crate) fn stale(last_commit: Seq) -> Response {
    refused(Refused::Stale { last_commit })
}

#[track_caller]
pub(crate) fn assert_malformed(response: &Response) {
    assert!(matches!(response, Response::Refused(Refused::Malformed { .. })), "{response:?}");
}
