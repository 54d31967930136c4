//! The stage of a world: who is on it, what happens next, and what happens when it does.
//!
//! Everything runs on one thread, in the order of one queue, with one clock and one seed.

use std::collections::BTreeSet;

use veche_client::{Client, ClientError, Command, Effect, Event, Input, IntentId, Job, Reply};
use veche_store::{Moment, Store, StoreError};
use veche_wire::{EntryId, Millis, Request, Response, ServerFrame};

use super::actor::{Actor, Body, Death};
use super::counts::Counts;
use super::host::{Host, ServerDeath};
use super::journal::Journal;
use super::network::{ConnectionId, Network, Way};
use super::sabotage::Sabotage;
use super::schedule::{Happening, Schedule, Who};
use super::tap::Tap;
use super::tell;
use crate::dice::Dice;

/// When every world begins: 2026-01-01T00:00:00Z.
const BEGINNING: Millis = 1_767_225_600_000;
/// How long nothing may move before a world counts as settled.
const QUIET_MS: Millis = 150_000;
/// How long a world may take to settle.
const SETTLE_MS_MAX: Millis = 6 * 3_600_000;
/// How long somebody's machine may take to follow a commit.
const COMPUTE_MS_MAX: Millis = 400;
/// How many things may happen while somebody waits.
const STEPS_PER_RUN_MAX: u64 = 20_000;
/// How many things may happen while a world settles.
const SETTLE_STEPS_MAX: u64 = 40_000;

/// Why a command was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The client refused it, in words for a person.
    Words(String),
    /// The program died while it worked on it; it may or may not be kept.
    Died,
    /// The program does not run.
    Down,
}

/// Everything in a world.
pub(crate) struct Stage {
    pub(crate) now: Millis,
    pub(crate) seed: u64,
    pub(crate) dice: Dice,
    pub(crate) schedule: Schedule,
    pub(crate) cast: Vec<Actor>,
    pub(crate) network: Network,
    pub(crate) host: Host,
    pub(crate) tap: Tap,
    pub(crate) counts: Counts,
    pub(crate) journal: Journal,
    pub(crate) sabotage: Sabotage,
    /// Whether the server ever came back as it was before.
    pub(crate) restored: bool,
    /// Whom others may have left behind in a log when they went on in another.
    pub(crate) left_behind: BTreeSet<String>,
    /// Messages that were said too soon for slow mode by somebody who does not wait.
    pub(crate) too_soon: BTreeSet<EntryId>,
    /// What went wrong on the way.
    pub(crate) troubles: Vec<String>,
    /// How the server changes what it says.
    pub(crate) lies: Option<Lies>,
}

/// Changes what a server says.
pub(crate) type Lies = Box<dyn FnMut(&mut ServerFrame)>;

impl Stage {
    pub(crate) fn new(seed: u64, sabotage: Sabotage) -> Self {
        Self {
            now: BEGINNING,
            seed,
            dice: Dice::seeded(seed, 0),
            schedule: Schedule::default(),
            cast: Vec::new(),
            network: Network::new(),
            host: Host::new(seed, sabotage),
            tap: Tap::default(),
            counts: Counts::default(),
            journal: Journal::default(),
            sabotage,
            restored: false,
            left_behind: BTreeSet::new(),
            too_soon: BTreeSet::new(),
            troubles: Vec::new(),
            lies: None,
        }
    }

    // Who is on the stage.

    /// Brings somebody new with an empty home.
    pub(crate) fn enter(&mut self, name: &str) -> Who {
        let who = self.cast.len();
        self.cast.push(Actor::new(name));
        let store = Store::in_memory().expect("a database in memory can be made");
        self.boot_with(who, store);
        who
    }

    pub(crate) fn boot_with(&mut self, who: Who, mut store: Store) {
        let now = self.clock(who);
        let actor = &mut self.cast[who];
        actor.boots += 1;
        actor.wake_at = None;
        actor.effects_left = None;
        actor.held_jobs.clear();
        actor.crash.disarm();
        store.set_commit_probe(Some(actor.crash.probe()));
        let stream = 1 + (who as u64) * 1_000_000 + actor.boots;
        let random = Box::new(Dice::seeded(self.seed, stream));
        match Client::open(store, random, now) {
            Ok(mut client) => {
                // Half of the people compute all commits beside their client, as others do long ones.
                if (self.seed + who as u64).is_multiple_of(2) || actor.holds_jobs {
                    client.compute_all_ahead();
                }
                actor.body = Body::Running(Box::new(self.sabotage.client(client)));
                self.dial_in(who, 10);
            }
            Err(error) => self.trouble(format!("{} cannot open: {error}", self.cast[who].name)),
        }
    }

    pub(crate) fn boot(&mut self, who: Who) {
        let actor = &mut self.cast[who];
        if actor.is_running() {
            return;
        }
        let Body::Dead(disk) = std::mem::replace(&mut actor.body, Body::Limbo) else { return };
        match Store::from_disk(disk) {
            Ok(store) => self.boot_with(who, store),
            Err(error) => self.trouble(format!("{} lost the disk: {error}", self.cast[who].name)),
        }
    }

    /// Ends somebody's program as a crash would.
    pub(crate) fn die(&mut self, who: Who) {
        self.note("dies", who, 0);
        self.hang_up(who);
        let actor = &mut self.cast[who];
        actor.wake_at = None;
        let Body::Running(client) = std::mem::replace(&mut actor.body, Body::Limbo) else { return };
        actor.body = Body::Dead(client.into_store().into_disk());
    }

    fn die_and_boot_later(&mut self, who: Who) {
        self.die(who);
        let later = self.now + self.dice.between(20, 6_000);
        self.put(later, Happening::Boot { who });
    }

    /// Lets somebody's program die soon, and start again a little later.
    pub(crate) fn doom(&mut self, who: Who, death: Death, countdown: u32) {
        let actor = &mut self.cast[who];
        match death {
            Death::BeforeCommit => actor.crash.arm(Moment::BeforeCommit, countdown.max(1)),
            Death::AfterCommit => actor.crash.arm(Moment::AfterCommit, countdown.max(1)),
            Death::BetweenEffects => actor.effects_left = Some(countdown),
        }
    }

    /// Lets nobody die any more who has not died yet.
    pub(crate) fn spare_all(&mut self) {
        for actor in &mut self.cast {
            actor.crash.disarm();
            actor.effects_left = None;
        }
    }

    // What people do.

    pub(crate) fn command(&mut self, who: Who, command: Command) -> Result<Reply, Refusal> {
        self.note("wants", who, 0);
        self.journal.say(|| format!("    {command:?}"));
        let now = self.clock(who);
        let Some(client) = self.cast[who].client_mut() else { return Err(Refusal::Down) };
        match client.command(now, command) {
            Ok((reply, effects)) => {
                self.carry_out(who, effects);
                Ok(reply)
            }
            Err(ClientError::Refused(words)) => Err(Refusal::Words(words)),
            Err(error) => {
                self.failed(who, &error);
                Err(Refusal::Died)
            }
        }
    }

    /// Gives a command to a client that for this once does not mind what its person may do. What it
    /// makes of that at once, it sends.
    pub(crate) fn command_dishonestly(
        &mut self,
        who: Who,
        command: Command,
    ) -> Result<Reply, Refusal> {
        if let Some(client) = self.cast[who].client_mut() {
            client.set_mutant(Some(veche_client::Mutant::Dishonest));
            client.set_mls_mutant(Some(veche_mls::Mutant::RoleCheckSkipped));
        }
        let outcome = self.command(who, command);
        let sabotage = self.sabotage;
        if let Some(client) = self.cast[who].client_mut() {
            sabotage.break_rules_of(client);
        }
        outcome
    }

    /// What the clock of somebody's machine says.
    fn clock(&self, who: Who) -> Millis {
        self.now.saturating_sub(self.cast[who].behind_ms)
    }

    fn failed(&mut self, who: Who, error: &ClientError) {
        match error {
            ClientError::Store(StoreError::Crashed) => {
                self.counts.add("crashes of clients at a commit");
            }
            other => self.trouble(format!("{}'s client failed: {other}", self.cast[who].name)),
        }
        self.die_and_boot_later(who);
    }

    fn handle(&mut self, who: Who, input: Input) {
        let now = self.clock(who);
        let Some(client) = self.cast[who].client_mut() else { return };
        match client.handle(now, input) {
            Ok(effects) => self.carry_out(who, effects),
            Err(error) => self.failed(who, &error),
        }
    }

    fn carry_out(&mut self, who: Who, effects: Vec<Effect>) {
        for effect in effects {
            let left = &mut self.cast[who].effects_left;
            if *left == Some(0) {
                self.counts.add("crashes of clients between effects");
                return self.die_and_boot_later(who);
            }
            *left = left.map(|left| left - 1);
            match effect {
                Effect::Send(bytes) => self.send_to_server(who, bytes),
                Effect::Tell(event) => self.tell(who, event),
                Effect::WakeAt(at) => self.wake_at(who, at),
                Effect::Compute(job) => self.compute(who, job),
                Effect::Hangup => {
                    self.hang_up(who);
                    self.handle(who, Input::Disconnected);
                    self.dial_later(who);
                }
            }
        }
    }

    /// Computing takes its time, in which anything may happen.
    fn compute(&mut self, who: Who, job: Job) {
        self.counts.add("commits computed ahead");
        if self.cast[who].holds_jobs {
            return self.cast[who].held_jobs.push(job);
        }
        let ms = self.dice.between(1, COMPUTE_MS_MAX);
        let (boots, computed) = (self.cast[who].boots, job.compute());
        self.put(self.now + ms, Happening::Computed { who, boots, computed });
    }

    /// What somebody's client wants computed is kept back from now on, or no more.
    pub(crate) fn hold_jobs(&mut self, who: Who, hold: bool) {
        let actor = &mut self.cast[who];
        actor.holds_jobs = hold;
        if let (true, Body::Running(client)) = (hold, &mut actor.body) {
            client.compute_all_ahead();
        }
        if !hold {
            for job in std::mem::take(&mut actor.held_jobs) {
                self.compute(who, job);
            }
        }
    }

    fn tell(&mut self, who: Who, event: Event) {
        if let Event::Notice(words) = &event {
            self.counts.add("notices");
            self.journal.say(|| format!("notice to {who}: {words}"));
        }
        self.cast[who].told.push(event);
    }

    fn wake_at(&mut self, who: Who, at: Millis) {
        let Actor { behind_ms, slow_ms, .. } = self.cast[who];
        let at = (at + behind_ms).max(self.now + 1) + slow_ms;
        let earliest = &mut self.cast[who].wake_at;
        if earliest.is_none_or(|before| at < before) {
            *earliest = Some(at);
            self.put(at, Happening::Wake { who });
        }
    }

    // Connections.

    pub(crate) fn dial_in(&mut self, who: Who, ms: Millis) {
        self.put(self.now + ms, Happening::Dial { who });
    }

    fn dial_later(&mut self, who: Who) {
        let actor = &mut self.cast[who];
        actor.failures = (actor.failures + 1).min(5);
        let longest = 100 << actor.failures;
        let ms = self.dice.between(50, longest);
        self.dial_in(who, ms);
    }

    fn dial(&mut self, who: Who) {
        let actor = &self.cast[who];
        if actor.connection.is_some() || !actor.online || !actor.is_running() {
            return;
        }
        if !self.host.is_up() {
            return self.dial_later(who);
        }
        let connection = self.network.open(who, self.now);
        self.host.connect(connection);
        self.cast[who].connection = Some(connection);
        self.note("connects", who, 0);
        self.handle(who, Input::Connected);
    }

    /// Takes somebody's network away.
    pub(crate) fn cut_off(&mut self, who: Who) {
        self.cast[who].online = false;
        if let Some(connection) = self.cast[who].connection {
            self.break_connection(connection);
        }
    }

    /// Gives it back.
    pub(crate) fn reconnect(&mut self, who: Who) {
        self.cast[who].online = true;
        self.dial_in(who, 10);
    }

    /// Ends somebody's connection without telling their client.
    pub(crate) fn hang_up(&mut self, who: Who) {
        if let Some(connection) = self.cast[who].connection.take() {
            self.network.close(connection);
            self.schedule.forget(connection);
            self.host.disconnect(connection);
        }
    }

    pub(crate) fn break_connection(&mut self, connection: ConnectionId) {
        let Some(who) = self.network.get(connection).map(|connection| connection.who) else {
            return;
        };
        self.note("is cut", who, 0);
        self.hang_up(who);
        self.handle(who, Input::Disconnected);
        self.dial_later(who);
    }

    fn send_to_server(&mut self, who: Who, bytes: Vec<u8>) {
        let Some(connection) = self.cast[who].connection else { return };
        self.carry(connection, Way::ToServer, bytes);
    }

    /// Puts on their way what the server has to say.
    pub(crate) fn let_server_speak(&mut self) {
        for (connection, bytes) in self.host.speak() {
            let bytes = self.as_it_lies(bytes);
            self.tap.said(self.now, connection, &bytes, &mut self.counts);
            self.carry(connection, Way::ToClient, bytes);
        }
        for connection in self.host.hung_up() {
            self.break_connection(connection);
        }
        if let Some(at) = self.host.flush_at(self.now) {
            self.put(at, Happening::ServerFlush);
        }
    }

    fn as_it_lies(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(lies) = &mut self.lies else { return bytes };
        let mut frame = ServerFrame::decode(&bytes).expect("a server writes frames");
        lies(&mut frame);
        frame.encode()
    }

    fn carry(&mut self, connection: ConnectionId, way: Way, bytes: Vec<u8>) {
        let luck = (&mut self.dice, &mut self.counts);
        let fate = self.network.carry(connection, way, self.now, luck);
        for at in fate.arrivals {
            let bytes = bytes.clone();
            let happening = match way {
                Way::ToServer => Happening::ToServer { connection, bytes },
                Way::ToClient => Happening::ToClient { connection, bytes },
            };
            self.schedule.put(at, in_order(), happening);
        }
        if let Some(at) = fate.breaks {
            self.put(at, Happening::Break { connection });
        }
    }

    // The server.

    pub(crate) fn server_down(&mut self, power_lost: bool) {
        self.note("server dies", usize::MAX, 0);
        self.host.die(power_lost);
        for connection in self.network.all() {
            self.break_connection(connection);
        }
    }

    /// Ends the server, which starts again a little later.
    pub(crate) fn server_down_for_a_while(&mut self, power_lost: bool) {
        self.server_down(power_lost);
        let later = self.now + self.dice.between(20, 4_000);
        self.put(later, Happening::ServerUp);
    }

    /// Lets the server die.
    pub(crate) fn doom_server(&mut self, death: ServerDeath) {
        match death {
            ServerDeath::Now => self.server_down_for_a_while(true),
            ServerDeath::BeforeAnswering => self.host.dies_before_answering = true,
        }
    }

    /// Asks the server one thing, at once and without a network between.
    pub(crate) fn ask_directly(&mut self, request: Request) -> Response {
        let response = self.host.ask(self.now, request);
        self.let_server_speak();
        response
    }

    pub(crate) fn server_up(&mut self) {
        self.tap.pace.restarted(self.now);
        self.note("server starts", usize::MAX, 0);
        self.host.start();
    }

    // Time.

    /// Puts something on the schedule; the seed decides among those of the same millisecond.
    pub(crate) fn put(&mut self, at: Millis, happening: Happening) {
        let tie = 1 + (self.dice.number() >> 1);
        self.schedule.put(at, tie, happening);
    }

    /// Lets the next thing happen; `false` where nothing is left to happen.
    pub(crate) fn step(&mut self) -> bool {
        let Some((at, happening)) = self.schedule.next() else { return false };
        self.now = self.now.max(at);
        match happening {
            Happening::ToServer { connection, bytes } => self.server_hears(connection, &bytes),
            Happening::ToClient { connection, bytes } => self.client_hears(connection, bytes),
            Happening::Break { connection } => self.break_connection(connection),
            Happening::Dial { who } => self.dial(who),
            Happening::Wake { who } => self.wake(who),
            Happening::Computed { who, boots, computed } => {
                if self.cast[who].boots == boots {
                    self.handle(who, Input::Computed(computed));
                }
            }
            Happening::Boot { who } => self.boot(who),
            Happening::ServerUp => self.server_up(),
            Happening::ServerFlush => self.server_flushes(),
        }
        true
    }

    fn server_hears(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let Some(who) = self.network.get(connection).map(|connection| connection.who) else {
            return;
        };
        self.note("asks", who, bytes.len());
        self.journal.say(|| tell::request(bytes));
        self.tap.asked(self.now, (who, connection), bytes);
        self.host.hear(connection, bytes, self.now);
        self.let_server_speak();
    }

    fn server_flushes(&mut self) {
        self.host.flush(self.now);
        if self.host.dies_before_answering && self.host.is_up() {
            self.counts.add("crashes of the server before it answers");
            return self.server_down_for_a_while(true);
        }
        self.let_server_speak();
    }

    fn client_hears(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        let Some(who) = self.network.get(connection).map(|connection| connection.who) else {
            return;
        };
        self.note("hears", who, bytes.len());
        self.journal.say(|| tell::answer(&bytes));
        self.cast[who].failures = 0;
        self.handle(who, Input::Frame(bytes));
    }

    fn wake(&mut self, who: Who) {
        let due = self.cast[who].wake_at;
        if due.is_some_and(|at| at <= self.now) {
            self.cast[who].wake_at = None;
            self.note("wakes", who, 0);
            self.handle(who, Input::Tick);
        }
    }

    /// Lets so many milliseconds pass.
    pub(crate) fn run_for(&mut self, ms: Millis) {
        let until = self.now + ms;
        let mut steps = 0;
        while self.schedule.next_at().is_some_and(|at| at <= until) {
            self.step();
            steps += 1;
            if steps > STEPS_PER_RUN_MAX {
                self.trouble(format!("too much happens in {ms} ms"));
                break;
            }
        }
        self.now = self.now.max(until);
    }

    /// Runs until nothing waits at anybody who wants to be online, and nothing has moved for a while.
    ///
    /// # Errors
    /// Who is stuck and with what, where it takes too long.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        let deadline = self.now + SETTLE_MS_MAX;
        let mut quiet_since = None;
        for _ in 0..SETTLE_STEPS_MAX {
            if self.schedule.is_busy() {
                quiet_since = None;
            } else if self.unsettled().is_empty() {
                let since = *quiet_since.get_or_insert(self.now);
                let next = self.schedule.next_at();
                if next.is_none_or(|at| at > since + QUIET_MS) {
                    return Ok(());
                }
            }
            if self.now > deadline || !self.step() {
                return Err(self.report());
            }
        }
        Err(format!("too much happens\n{}", self.report()))
    }

    fn report(&mut self) -> String {
        format!("does not settle: {}", self.unsettled().join("; "))
    }

    /// Who still waits for what, of those who want to be online.
    fn unsettled(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        for actor in self.cast.iter_mut().filter(|actor| actor.online) {
            let name = actor.name.clone();
            let is_connected = actor.connection.is_some();
            // Nobody without an account waits for anything, except for that account.
            let registered = |client: &mut Client| {
                client.me().is_ok_and(|me| me.is_some()).then(|| client.pending())
            };
            let repairs = |client: &mut Client| {
                let chats = client.chats().unwrap_or_default();
                chats.iter().any(|chat| chat.state == veche_client::ChatState::Repairing)
            };
            if actor.look(repairs) == Some(true) {
                found.push(format!("{name} waits to be added to a chat again"));
            }
            let pending = match actor.look(registered) {
                Some(None) => continue,
                Some(Some(pending)) => Some(pending),
                None => None,
            };
            match pending {
                None => found.push(format!("{name} is not running")),
                Some(_) if !is_connected => found.push(format!("{name} is not connected")),
                Some(Ok(pending)) if pending.outgoing == 0 && pending.caught_up => {}
                Some(Ok(pending)) => found.push(format!("{name} has {pending:?}")),
                Some(Err(error)) => found.push(format!("{name} cannot say: {error}")),
            }
        }
        found
    }

    /// Puts all screens into the journal, for whoever looks for what went wrong.
    pub(crate) fn tell_screens(&mut self) {
        for actor in &mut self.cast {
            let name = actor.name.clone();
            let journal = &mut self.journal;
            actor.look(|client| {
                for chat in client.chats().unwrap_or_default() {
                    let rows = client.page(chat.chat, None, usize::MAX >> 32).unwrap_or_default();
                    let places = client.places(chat.chat).unwrap_or_default();
                    journal.say(|| format!("{name} in {} is {:?}", chat.chat, chat.state));
                    for row in &rows {
                        let place = places.get(&row.id).copied();
                        let (rank, position) = place.map_or((0, 0), |(_, rank, at)| (rank, at));
                        let line = super::screen::line(row, &rows);
                        journal.say(|| format!("    {name} ({rank}, {}) {line}", position >> 10));
                    }
                }
            });
        }
    }

    // What is remembered.

    pub(crate) fn trouble(&mut self, words: String) {
        self.journal.say(|| format!("TROUBLE {words}"));
        self.troubles.push(words);
    }

    fn note(&mut self, what: &'static str, who: Who, bytes: usize) {
        self.journal.note(self.now, what, who, bytes);
    }

    pub(crate) fn settled(&mut self, who: Who, intent: IntentId) -> Option<veche_client::Settled> {
        self.cast[who].look(|client| client.intent(intent).ok()).flatten()
    }
}

/// Frames of one connection that arrive in the same millisecond keep their order.
const fn in_order() -> u64 {
    0
}
