//! Catching up: two clients in a group with a service between them, in one process without sockets.
//! One is away while the other says everything that it will miss; then it comes back. Both have
//! encrypted databases in files; only what the clients do is counted, not the service.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use veche_client::store::{DATABASE_FILE, DatabaseKey};
use veche_client::{Client, Command, Effect, Input, Job, Reply, Settled, Store};
use veche_server::storage::Embedded;
use veche_server::{ConnectionId, Metrics, PeerId, Service};
use veche_wire::{LogId, Millis, ServerAddress};

use super::meter::{self, Meter, each, rounded};
use super::{Sizes, Stopped, words};
use crate::Dice;

const NOW: Millis = 1_750_000_000_000;
/// Messages typed before the sender waits for its acknowledgements.
const BURST: usize = 100;
/// Rounds without an end that somebody waits for, after which it will not come.
const ROUNDS_MAX: usize = 100_000;
const PAGE: usize = 50;

pub(super) fn run(sizes: &Sizes, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    let folder = tempfile::tempdir().map_err(words)?;
    let mut desk = Desk::open(folder.path())?;
    let chat = desk.group()?;
    desk.hang_up(BO);
    let sent = desk.talk(chat, sizes.missed)?;
    report(sent);
    let caught_up = desk.catch_up(chat, sizes.missed)?;
    report(caught_up);
    desk.look(chat).map(report)
}

const ANA: usize = 0;
const BO: usize = 1;

/// A client and its side of the link.
struct Person {
    client: Client,
    connection: Option<ConnectionId>,
    wake: Option<Millis>,
    jobs: Vec<Job>,
    meter: Meter,
    frames: usize,
}

/// Two people and a service.
struct Desk {
    service: Service<Embedded>,
    people: [Person; 2],
    now: Millis,
    dice: Dice,
}

impl Desk {
    fn open(folder: &Path) -> Result<Self, Stopped> {
        let metrics = Arc::new(Metrics::default());
        let engine = Embedded::open(&folder.join("server"), Arc::clone(&metrics)).map_err(words)?;
        let service = Service::new(engine, super::appends::boundless(), &[7; 32], metrics);
        let people = [person(&folder.join("ana"), 1)?, person(&folder.join("bo"), 2)?];
        Ok(Self { service, people, now: NOW, dice: Dice::seeded(3, 0) })
    }

    /// Both register and come into one group.
    fn group(&mut self) -> Result<LogId, Stopped> {
        let server = ServerAddress { host: "localhost".into(), port: 1, key: [1; 32] };
        for (who, name) in [(ANA, "ana"), (BO, "bob")] {
            let register =
                Command::Register { server: server.clone(), name: name.into(), invite: None };
            let reply = self.command(who, register)?;
            self.dial(who)?;
            self.settle(who, &reply)?;
            // What comes after a registration, such as KeyPackages.
            while self.carry()? {}
        }
        let create = Command::CreateGroup {
            title: "measured".into(),
            members: vec!["bob".into()],
            large: false,
        };
        let reply = self.command(ANA, create)?;
        self.settle(ANA, &reply)?;
        self.until("an invitation", |desk| {
            let bo = &desk.people[BO].client;
            Ok(!bo.requests()?.is_empty() || !bo.chats()?.is_empty())
        })?;
        if let Some(request) = self.people[BO].client.requests().map_err(words)?.first() {
            let accept = Command::Accept { request: request.id };
            let reply = self.command(BO, accept)?;
            self.settle(BO, &reply)?;
        }
        let chats = self.people[BO].client.chats().map_err(words)?;
        chats.first().map(|chat| chat.chat).ok_or_else(|| "there is no chat".to_owned())
    }

    /// Says `count` messages.
    fn talk(&mut self, chat: LogId, count: usize) -> Result<Value, Stopped> {
        let (mut written, mut said) = (Some(0), 0);
        self.people[ANA].meter = Meter::default();
        while said < count {
            let before = meter::bytes_written();
            for number in said..count.min(said + BURST) {
                let text =
                    format!("message {number}: the bell rings, and the assembly is gathering");
                let send = Command::Send { chat, text, reply_to: None, file: None };
                self.command(ANA, send)?;
            }
            said = count.min(said + BURST);
            self.until("an acknowledgement", |desk| {
                Ok(desk.people[ANA].client.pending()?.sent >= said as u64)
            })?;
            let after = meter::bytes_written();
            written =
                written.zip(after.zip(before)).map(|(sum, (after, before))| sum + after - before);
        }
        let meter = self.people[ANA].meter;
        Ok(json!({
            "bench": "catch_up",
            "what": "send, the service's writes included in the bytes",
            "messages": count,
            "calls": meter.times(),
            "cpu_ms_each": rounded(meter.cpu_ms(count)),
            "wall_ms_each": rounded(meter.wall_ms(count)),
            "per_second": meter.per_second(count),
            "bytes_to_the_disk_each": written.map(|bytes| each(bytes, count)),
        }))
    }

    /// The one who was away comes back.
    fn catch_up(&mut self, chat: LogId, count: usize) -> Result<Value, Stopped> {
        let before = meter::bytes_written();
        let person = &mut self.people[BO];
        (person.meter, person.frames) = (Meter::default(), 0);
        self.dial(BO)?;
        self.until("everything", |desk| {
            let pending = desk.people[BO].client.pending()?;
            Ok(pending.caught_up && pending.received >= count as u64)
        })?;
        let written = meter::bytes_written().zip(before).map(|(after, before)| after - before);
        let found = self.people[BO].client.page(chat, None, count + 1).map_err(words)?;
        let shown = found.iter().filter(|one| one.event.is_none()).count();
        if shown != count {
            return Err(format!("{shown} messages were received instead of {count}"));
        }
        let person = &self.people[BO];
        Ok(json!({
            "bench": "catch_up",
            "what": "receive what was missed",
            "messages": count,
            "calls": person.frames,
            "cpu_ms_each": rounded(person.meter.cpu_ms(count)),
            "wall_ms_each": rounded(person.meter.wall_ms(count)),
            "per_second": person.meter.per_second(count),
            "bytes_to_the_disk_each": written.map(|bytes| each(bytes, count)),
        }))
    }

    /// What a person does then.
    fn look(&self, chat: LogId) -> Result<Value, Stopped> {
        const TIMES: usize = 10;
        let client = &self.people[BO].client;
        let (mut page, mut rare, mut broad) =
            (Meter::default(), Meter::default(), Meter::default());
        let mut found = [0; 3];
        for _ in 0..TIMES {
            found[0] = page.time(|| client.page(chat, None, PAGE)).map_err(words)?.len();
            found[1] = rare.time(|| client.search("message 7", PAGE)).map_err(words)?.len();
            found[2] = broad.time(|| client.search("assembly gath", PAGE)).map_err(words)?.len();
        }
        if found.contains(&0) {
            return Err(format!("pages and searches found {found:?}"));
        }
        Ok(json!({
            "bench": "look",
            "times": TIMES,
            "rows_wanted": PAGE,
            "page_cpu_ms": rounded(page.cpu_ms(TIMES)),
            "search_rare_cpu_ms": rounded(rare.cpu_ms(TIMES)),
            "search_rare_found": found[1],
            "search_in_all_cpu_ms": rounded(broad.cpu_ms(TIMES)),
            "search_in_all_found": found[2],
        }))
    }

    fn dial(&mut self, who: usize) -> Result<(), Stopped> {
        let peer = PeerId::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let connected = self.service.connect(peer, &mut self.dice);
        let connection = connected.map_err(|refused| format!("not connected: {refused:?}"))?;
        self.people[who].connection = Some(connection);
        self.handle(who, Input::Connected)
    }

    fn hang_up(&mut self, who: usize) {
        if let Some(connection) = self.people[who].connection.take() {
            self.service.disconnect(connection);
        }
        // Nothing is sent on a link that is gone.
        let _ = self.handle(who, Input::Disconnected);
    }

    fn command(&mut self, who: usize, command: Command) -> Result<Reply, Stopped> {
        let (now, person) = (self.now, &mut self.people[who]);
        let Person { client, meter, .. } = person;
        let (reply, effects) = meter.time(|| client.command(now, command)).map_err(words)?;
        self.carry_out(who, effects);
        Ok(reply)
    }

    fn handle(&mut self, who: usize, input: Input) -> Result<(), Stopped> {
        let (now, person) = (self.now, &mut self.people[who]);
        let Person { client, meter, .. } = person;
        let effects = meter.time(|| client.handle(now, input)).map_err(words)?;
        self.carry_out(who, effects);
        Ok(())
    }

    fn carry_out(&mut self, who: usize, effects: Vec<Effect>) {
        let person = &mut self.people[who];
        person.wake = None;
        for effect in effects {
            match (effect, person.connection) {
                (Effect::Send(frame), Some(connection)) => {
                    self.service.handle(self.now, connection, &frame);
                }
                (Effect::WakeAt(time), _) => {
                    person.wake = Some(person.wake.map_or(time, |wake| wake.min(time)));
                }
                (Effect::Compute(job), _) => person.jobs.push(job),
                _ => {}
            }
        }
    }

    fn settle(&mut self, who: usize, reply: &Reply) -> Result<(), Stopped> {
        let Reply::Intent(intent) = *reply else { return Ok(()) };
        self.until("an intent", |desk| {
            Ok(desk.people[who].client.intent(intent)? != Settled::Waiting)
        })?;
        match self.people[who].client.intent(intent).map_err(words)? {
            Settled::Failed(reason) => Err(reason),
            _ => Ok(()),
        }
    }

    /// Carries frames, and lets time pass where there are none, until `done`.
    fn until(
        &mut self,
        what: &str,
        done: impl Fn(&Self) -> Result<bool, veche_client::ClientError>,
    ) -> Result<(), Stopped> {
        for _ in 0..ROUNDS_MAX {
            if done(self).map_err(words)? {
                return Ok(());
            }
            if !self.carry()? {
                self.pass_time()?;
            }
        }
        Err(format!("{what} did not come"))
    }

    /// Carries the frames that are there; whether there were any.
    fn carry(&mut self) -> Result<bool, Stopped> {
        self.service.flush(self.now);
        let mut busy = false;
        for who in [ANA, BO] {
            busy |= self.deliver(who)?;
        }
        Ok(busy)
    }

    /// Takes to a person what the service has for them; whether there was something.
    fn deliver(&mut self, who: usize) -> Result<bool, Stopped> {
        let Some(connection) = self.people[who].connection else { return Ok(false) };
        let frames = self.service.take_outgoing(connection, 1 << 20).frames;
        let mut frames: VecDeque<_> = frames.into();
        let busy = !frames.is_empty();
        while let Some(frame) = frames.pop_front() {
            self.people[who].frames += 1;
            self.handle(who, Input::Frame(frame.to_vec()))?;
        }
        while let Some(job) = self.people[who].jobs.pop() {
            let computed = self.people[who].meter.time(|| job.compute());
            self.handle(who, Input::Computed(computed))?;
        }
        Ok(busy)
    }

    /// On to when the first wants to be woken.
    fn pass_time(&mut self) -> Result<(), Stopped> {
        let wake = self.people.iter().filter_map(|person| person.wake).min();
        self.now = wake.ok_or("nobody waits for anything")?.max(self.now);
        for who in [ANA, BO] {
            if self.people[who].wake.is_some_and(|wake| wake <= self.now) {
                self.handle(who, Input::Tick)?;
            }
        }
        Ok(())
    }
}

fn person(home: &Path, number: u64) -> Result<Person, Stopped> {
    std::fs::create_dir_all(home).map_err(words)?;
    let key = DatabaseKey::from_bytes([9; 32]);
    let store = Store::open(&home.join(DATABASE_FILE), &key).map_err(words)?;
    let client = Client::open(store, Box::new(Dice::seeded(4, number)), NOW).map_err(words)?;
    Ok(Person {
        client,
        connection: None,
        wake: None,
        jobs: Vec::new(),
        meter: Meter::default(),
        frames: 0,
    })
}
