//! People and a server in one process, over the engine that a real server uses, with every frame
//! between them recorded as the server sees it: after Noise.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use veche_client::{
    Client, ClientError, Command, Effect, Event, Input, IntentId, Outcome, Reply, Settled,
};
use veche_net::ServerKey;
use veche_server::storage::Embedded;
use veche_server::{Config, ConnectionId, Metrics, PeerId, Service};
use veche_store::Store;
use veche_wire::{
    ClientFrame, EntryId, LogId, Millis, Request, Response, ServerAddress, ServerFrame,
};

use crate::dice::Dice;

/// When a gathering begins: noon of a day.
const BEGINNING_MS: Millis = 20_400 * 86_400_000 + 43_200_000;
/// How long things may take to come to rest.
const REST_WITHIN_MS: Millis = 30 * 60_000;
/// How long somebody waits to dial again after their database failed.
const DIAL_AFTER_MS: Millis = 5_000;
/// How long nothing may happen before it counts as rest: what people's programs do by themselves
/// after a delay is over by then.
const QUIET_MS: Millis = 90_000;
const BUDGET_BYTES: usize = 256 << 10;
/// The keys and the port of the server.
const NOISE_KEY: [u8; 32] = [7; 32];
const DIRECTORY_KEY: [u8; 32] = [9; 32];
const PORT: u16 = 44_333;

/// Writes the server's keys and port into its folder, as `veched` keeps them.
pub(super) fn write_keys(folder: &Path) -> std::io::Result<()> {
    std::fs::write(folder.join("noise.key"), NOISE_KEY)?;
    std::fs::write(folder.join("directory.key"), DIRECTORY_KEY)?;
    std::fs::write(folder.join("port"), format!("{PORT}\n"))
}

/// Somebody at the gathering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seat(pub usize);

/// Which way a frame went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// From it.
    Down,
}

/// A frame, as the server saw it.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Whose.
    pub seat: Seat,
    /// Which way.
    pub way: Way,
    /// The encoded frame.
    pub bytes: Vec<u8>,
}

struct Person {
    name: String,
    client: Option<Client>,
    link: Option<ConnectionId>,
    is_cut_off: bool,
    incoming: VecDeque<Vec<u8>>,
    wake_at: Option<Millis>,
    dials_at: Millis,
    told: Vec<Event>,
}

/// People and a server.
pub struct Gathering {
    folder: PathBuf,
    service: Option<Service<Embedded>>,
    metrics: Arc<Metrics>,
    people: Vec<Person>,
    now: Millis,
    dice: Dice,
    seed: u64,
    recorded: Vec<Heard>,
    troubles: Vec<String>,
}

impl std::fmt::Debug for Gathering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gathering").finish_non_exhaustive()
    }
}

impl Gathering {
    /// A server over `folder`, which may hold one already, and nobody there.
    ///
    /// # Panics
    /// Where the folder cannot be opened.
    #[must_use]
    pub fn over(folder: &Path, seed: u64) -> Self {
        let mut gathering = Self {
            folder: folder.to_owned(),
            service: None,
            metrics: Arc::default(),
            people: Vec::new(),
            now: BEGINNING_MS,
            dice: Dice::seeded(seed, 1),
            seed,
            recorded: Vec::new(),
            troubles: Vec::new(),
        };
        gathering.start_server();
        gathering
    }

    /// The server's address, as people type it.
    #[must_use]
    pub fn address() -> ServerAddress {
        let key = ServerKey::from_bytes(&NOISE_KEY).public();
        ServerAddress { host: "127.0.0.1".to_owned(), port: PORT, key }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Everything that the server saw, in order.
    #[must_use]
    pub fn recorded(&self) -> &[Heard] {
        &self.recorded
    }

    /// What was told to somebody.
    #[must_use]
    pub fn told(&self, seat: Seat) -> &[Event] {
        &self.people[seat.0].told
    }

    /// What the client of somebody said when it could not go on, oldest first; forgotten then.
    pub fn take_troubles(&mut self) -> Vec<String> {
        std::mem::take(&mut self.troubles)
    }

    /// The running service.
    ///
    /// # Panics
    /// Where it was stopped.
    pub fn service(&mut self) -> &mut Service<Embedded> {
        self.service.as_mut().expect("the server runs")
    }

    /// The counters of all its lives.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    // People.

    /// Lets somebody in with this database, cut off or not.
    ///
    /// # Panics
    /// Where the database cannot be opened.
    pub fn sit(&mut self, name: &str, store: Store) -> Seat {
        let seat = Seat(self.people.len());
        let random = Box::new(Dice::seeded(self.seed, 100 + seat.0 as u64));
        let client = Client::open(store, random, self.now).expect("the home opens");
        self.people.push(Person {
            name: name.to_owned(),
            client: Some(client),
            link: None,
            is_cut_off: false,
            incoming: VecDeque::new(),
            wake_at: None,
            dials_at: 0,
            told: Vec::new(),
        });
        seat
    }

    /// Lets somebody in who registers.
    ///
    /// # Panics
    /// Where that does not succeed.
    pub fn newcomer(&mut self, name: &str) -> Seat {
        self.newcomer_with(name, Store::in_memory().expect("memory takes a database"))
    }

    /// Lets somebody in who registers, with an empty database of their own.
    ///
    /// # Panics
    /// Where that does not succeed.
    pub fn newcomer_with(&mut self, name: &str, store: Store) -> Seat {
        let seat = self.sit(name, store);
        let server = Self::address();
        let register = Command::Register { server, name: name.to_owned(), invite: None };
        let intent = self.want(seat, register);
        self.settle();
        assert_eq!(self.settled(seat, intent), Settled::Done(Outcome::Done), "{name} registers");
        seat
    }

    /// Takes somebody's network away.
    pub fn cut_off(&mut self, seat: Seat) {
        self.people[seat.0].is_cut_off = true;
        self.hang_up(seat);
    }

    /// Gives it back.
    pub fn reconnect(&mut self, seat: Seat) {
        self.people[seat.0].is_cut_off = false;
    }

    /// Somebody's client.
    ///
    /// # Panics
    /// Where they have left.
    pub fn client(&mut self, seat: Seat) -> &mut Client {
        self.people[seat.0].client.as_mut().expect("who sits has a client")
    }

    /// Ends somebody's program and gives its database.
    ///
    /// # Panics
    /// Where they have left before.
    pub fn rise(&mut self, seat: Seat) -> Store {
        self.cut_off(seat);
        let client = self.people[seat.0].client.take().expect("who sits has a client");
        client.into_store()
    }

    /// Asks the server something on a connection of its own.
    ///
    /// # Panics
    /// Where the server takes no connection or does not answer.
    pub fn ask(&mut self, request: Request) -> Response {
        let hello = Request::Hello { version: veche_wire::limits::PROTOCOL_VERSION };
        let frames = [ClientFrame { id: 1, request: hello }, ClientFrame { id: 2, request }];
        let answers = self.ask_raw(&frames.map(|frame| frame.encode()));
        let answer = answers.into_iter().find_map(|answer| match answer {
            ServerFrame::Answer { id: 2, response } => Some(response),
            _ => None,
        });
        answer.expect("the server answers")
    }

    /// Sends bytes on a connection of its own; what the server says to them.
    ///
    /// # Panics
    /// Where the server takes no connection, or says something unreadable.
    pub fn ask_raw(&mut self, frames: &[Vec<u8>]) -> Vec<ServerFrame> {
        let peer = PeerId::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let now = self.now;
        let service = self.service.as_mut().expect("the server runs");
        let link = service.connect(peer, &mut self.dice).expect("there is room");
        for bytes in frames {
            service.handle(now, link, bytes);
        }
        service.flush(now);
        let outgoing = service.take_outgoing(link, usize::MAX);
        service.disconnect(link);
        let read = |frame: &Arc<[u8]>| ServerFrame::decode(frame).expect("a frame can be read");
        outgoing.frames.iter().map(read).collect()
    }

    // Commands.

    /// Gives somebody's client a command.
    ///
    /// # Errors
    /// The client's.
    pub fn command(&mut self, seat: Seat, command: Command) -> Result<Reply, ClientError> {
        let now = self.now;
        let (reply, effects) = self.client(seat).command(now, command)?;
        self.carry_out(seat, effects);
        Ok(reply)
    }

    /// Gives a command that becomes an intent.
    ///
    /// # Panics
    /// Where the client refuses it.
    pub fn want(&mut self, seat: Seat, command: Command) -> IntentId {
        match self.command(seat, command.clone()) {
            Ok(Reply::Intent(intent) | Reply::Message { intent, .. }) => intent,
            other => panic!("{command:?}: {other:?}"),
        }
    }

    /// How an intent stands.
    ///
    /// # Panics
    /// Where there is no such intent.
    pub fn settled(&mut self, seat: Seat, intent: IntentId) -> Settled {
        self.client(seat).intent(intent).expect("an intent can be read")
    }

    /// Gives a command, comes to rest, and expects a chat.
    ///
    /// # Panics
    /// Where something else comes of it.
    pub fn chat_of(&mut self, seat: Seat, command: Command) -> LogId {
        let intent = self.want(seat, command);
        self.settle();
        self.accept_all();
        match self.settled(seat, intent) {
            Settled::Done(Outcome::Chat(chat)) => chat,
            other => panic!("a chat was wanted, and this came: {other:?}"),
        }
    }

    /// Gives a command, comes to rest, and expects that it was done.
    ///
    /// # Panics
    /// Where it was not.
    pub fn done(&mut self, seat: Seat, command: Command) {
        let words = format!("{command:?}");
        let intent = self.want(seat, command);
        self.settle();
        let settled = self.settled(seat, intent);
        assert!(matches!(settled, Settled::Done(_)), "{words}: {settled:?}");
    }

    /// Says something and comes to rest.
    ///
    /// # Panics
    /// Where the client refuses it.
    pub fn say(&mut self, seat: Seat, chat: LogId, text: &str) -> EntryId {
        let text = text.to_owned();
        let message = self.command(seat, Command::Send { chat, text, reply_to: None, file: None });
        let Ok(Reply::Message { message, .. }) = message else { panic!("{message:?}") };
        self.settle();
        message
    }

    /// Everybody accepts all requests.
    ///
    /// # Panics
    /// Where a client refuses.
    pub fn accept_all(&mut self) {
        for seat in (0..self.people.len()).map(Seat) {
            if self.people[seat.0].client.is_none() {
                continue;
            }
            for request in self.client(seat).requests().expect("requests can be read") {
                self.want(seat, Command::Accept { request: request.id });
            }
        }
        self.settle();
    }

    /// The lines of a chat on somebody's screen: `name: text`, or what happened.
    ///
    /// # Panics
    /// Where the chat cannot be read.
    pub fn screen(&mut self, seat: Seat, chat: LogId) -> Vec<String> {
        let rows = self.client(seat).page(chat, None, 10_000).expect("a chat can be read");
        rows.into_iter()
            .map(|row| match (row.text, row.event) {
                (Some(text), _) => format!("{}: {text}", row.from),
                (None, Some(event)) => format!("({event})"),
                (None, None) => format!("{}: ?", row.from),
            })
            .collect()
    }

    // The server.

    /// Stops the server.
    pub fn stop_server(&mut self) {
        for seat in (0..self.people.len()).map(Seat) {
            self.hang_up(seat);
        }
        self.service = None;
    }

    /// Starts it over its folder.
    ///
    /// # Panics
    /// Where the folder cannot be opened.
    pub fn start_server(&mut self) {
        let engine = Embedded::open(&self.folder, Arc::clone(&self.metrics))
            .expect("the server's folder opens");
        let metrics = Arc::clone(&self.metrics);
        self.service = Some(Service::new(engine, Config::default(), &DIRECTORY_KEY, metrics));
    }

    // Time.

    /// Lets everything happen that can, until nobody who has a network waits for anything and
    /// nothing more happens by itself.
    ///
    /// # Panics
    /// Where that does not come to pass, with the names of who waits.
    pub fn settle(&mut self) {
        let waiting = self.try_to_settle();
        assert!(waiting.is_empty(), "not settled: {}", waiting.join(", "));
    }

    /// The same for where something cannot succeed; names who waits.
    pub fn try_to_settle(&mut self) -> Vec<String> {
        let until = self.now + REST_WITHIN_MS;
        let mut quiet_since = self.now;
        loop {
            self.dial();
            if self.exchange() {
                quiet_since = self.now;
                continue;
            }
            let waiting = self.waiting();
            let next = self.people.iter().filter_map(|person| person.wake_at).min();
            let is_quiet = |at: Millis| at > quiet_since + QUIET_MS;
            if waiting.is_empty() && next.is_none_or(is_quiet) {
                return waiting;
            }
            self.now = next.unwrap_or(self.now + 1_000).max(self.now + 1);
            if self.now > until {
                return waiting;
            }
            self.wake();
        }
    }

    fn waiting(&mut self) -> Vec<String> {
        let pending = |person: &Person| {
            let client = person.client.as_ref().filter(|_| !person.is_cut_off)?;
            let pending = client.pending().ok()?;
            let waits = pending.outgoing > 0 || !pending.caught_up;
            waits.then(|| format!("{} ({pending:?})", person.name))
        };
        self.people.iter().filter_map(pending).collect()
    }

    fn dial(&mut self) {
        let peer = PeerId::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for seat in (0..self.people.len()).map(Seat) {
            let person = &self.people[seat.0];
            let is_busy = person.link.is_some() || person.is_cut_off || person.dials_at > self.now;
            let wants = person.client.is_some() && !is_busy;
            let Some(service) = self.service.as_mut().filter(|_| wants) else { continue };
            let link = service.connect(peer, &mut self.dice);
            self.people[seat.0].link = link.ok();
            self.feed(seat, Input::Connected);
        }
    }

    fn hang_up(&mut self, seat: Seat) {
        let person = &mut self.people[seat.0];
        person.incoming.clear();
        person.wake_at = None;
        let Some(link) = person.link.take() else { return };
        if let Some(service) = &mut self.service {
            service.disconnect(link);
        }
        if self.people[seat.0].client.is_some() {
            self.feed(seat, Input::Disconnected);
        }
    }

    /// Lets frames pass both ways once; whether any did.
    fn exchange(&mut self) -> bool {
        let Some(service) = &mut self.service else { return false };
        service.flush(self.now);
        let mut closed = Vec::new();
        for link in service.take_ready() {
            let Some(at) = self.people.iter().position(|person| person.link == Some(link)) else {
                continue;
            };
            loop {
                let outgoing = service.take_outgoing(link, BUDGET_BYTES);
                for frame in &outgoing.frames {
                    let bytes = frame.to_vec();
                    self.recorded.push(Heard { seat: Seat(at), way: Way::Down, bytes });
                    self.people[at].incoming.push_back(frame.to_vec());
                }
                if outgoing.closing.is_some() {
                    closed.push(Seat(at));
                }
                if !outgoing.more || outgoing.frames.is_empty() {
                    break;
                }
            }
        }
        let mut any = false;
        for seat in (0..self.people.len()).map(Seat) {
            while let Some(frame) = self.people[seat.0].incoming.pop_front() {
                any = true;
                self.feed(seat, Input::Frame(frame));
            }
        }
        closed.into_iter().for_each(|seat| self.hang_up(seat));
        any || self.service.as_ref().is_some_and(Service::has_waiting)
    }

    fn wake(&mut self) {
        for seat in (0..self.people.len()).map(Seat) {
            if self.people[seat.0].wake_at.is_some_and(|at| at <= self.now) {
                self.people[seat.0].wake_at = None;
                self.feed(seat, Input::Tick);
            }
        }
    }

    fn feed(&mut self, seat: Seat, input: Input) {
        let now = self.now;
        match self.client(seat).handle(now, input) {
            Ok(effects) => self.carry_out(seat, effects),
            Err(error) => {
                self.troubles.push(error.to_string());
                self.people[seat.0].dials_at = self.now + DIAL_AFTER_MS;
                self.hang_up(seat);
            }
        }
    }

    fn carry_out(&mut self, seat: Seat, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(bytes) => self.send(seat, bytes),
                Effect::Tell(event) => self.people[seat.0].told.push(event),
                Effect::WakeAt(at) => {
                    let wake_at = &mut self.people[seat.0].wake_at;
                    *wake_at = Some(wake_at.map_or(at, |other| other.min(at)));
                }
                Effect::Hangup => self.hang_up(seat),
                Effect::Compute(job) => self.feed(seat, Input::Computed(job.compute())),
            }
        }
    }

    fn send(&mut self, seat: Seat, bytes: Vec<u8>) {
        let (Some(link), Some(service)) = (self.people[seat.0].link, self.service.as_mut()) else {
            return;
        };
        service.handle(self.now, link, &bytes);
        self.recorded.push(Heard { seat, way: Way::Up, bytes });
    }
}
