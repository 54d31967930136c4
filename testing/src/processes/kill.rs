//! Kill loops: processes die by SIGKILL while messages are under way, and nothing that was
//! acknowledged may be missing, doubled or in another order anywhere.
//!
//! What was acknowledged is known to this process, which is never killed: a `veche send` that ended
//! with 0 and named its message.

mod audit;
mod relay;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use self::audit::Audit;
use self::relay::{Carried, Relay, Way};
use super::checks::say;
use super::person::text_of;
use super::spawn::{Ran, Running};
use super::{Checks, Person, Server, Stopped};
use crate::Dice;

/// How many people talk.
const PEOPLE: [&str; 3] = ["ana", "bo2", "cyd"];
/// The most messages that are acknowledged before each kill.
const CALM_SENDS_MAX: u64 = 3;
/// How often it is a change of the group, and not a message, that is under way.
const RENAMES_PER_MILLE: u64 = 150;
/// No entry is smaller, as they are padded.
const ENTRY_BYTES_MIN: u64 = 256;
/// A kill is aimed at an exchange that comes within this, unless something is wrong.
const EXCHANGE_WITHIN: Duration = Duration::from_secs(20);
/// A receiver that runs beside all else stays for so long.
const FOREVER_SECONDS: &str = "100000";

/// Who dies in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    /// The server.
    Server,
    /// The process that sends.
    Sender,
    /// The process that has the sender's home, to which the sending is handed over.
    Holder,
    /// The long-running process of somebody who receives.
    Receiver,
}

/// What the loop has done and found.
#[derive(Debug, Default)]
struct Counts {
    kills: BTreeMap<Victim, u64>,
    in_flight: u64,
    renames: u64,
    refused_sends: u64,
}

/// What a sending exchanges with the server, about, in bytes each way.
#[derive(Debug, Clone, Copy, Default)]
struct Exchange {
    /// By a process of its own, with all that connecting takes.
    direct: Carried,
    /// By the process that has the home, over its connection.
    handed_over: Carried,
}

struct Loop {
    dice: Dice,
    server: Server,
    people: Vec<Person>,
    group: String,
    audit: Audit,
    counts: Counts,
    /// The wires of `people`, in their order.
    relays: Vec<Relay>,
    exchange: Exchange,
    /// Names what was said, so that each text is said once.
    said: u64,
    _folder: tempfile::TempDir,
}

/// Kills something `cycles` times, by the chance of `seed`.
///
/// # Errors
/// Where the loop cannot go on; what was found before is lost then, but the reason is a failure
/// anyway.
pub fn run(cycles: u64, seed: u64, as_json: bool) -> Result<Checks, Stopped> {
    let mut this = Loop::begin(seed)?;
    let mut checks = Checks::default();
    for cycle in 0..cycles {
        let victim = this.cycle(cycle)?;
        let found = this.look()?;
        let what = format!("cycle {cycle}: {victim:?} killed; nothing lost, doubled or disordered");
        checks.that(&what, found.is_empty(), || found.join("; "));
    }
    this.conclude(&mut checks, cycles, seed, as_json);
    Ok(checks)
}

impl Loop {
    fn begin(seed: u64) -> Result<Self, Stopped> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let server = Server::start(&folder.path().join("server"), &[])?;
        let (mut people, mut relays) = (Vec::new(), Vec::new());
        for name in PEOPLE {
            let person = Person::new(folder.path(), name)?;
            let relay = Relay::start(server.address())?;
            person.register(relay.address())?;
            people.push(person);
            relays.push(relay);
        }
        for person in &people {
            for other in people.iter().filter(|other| other.name != person.name) {
                person.run(&["contact", "add", &other.name])?.good()?;
            }
        }
        let first = people.first().ok_or("nobody is there")?;
        let made = first.object(&["group", "new", "those who live", "bo2", "cyd"])?;
        let group = text_of(&made, "chat");
        for person in &people {
            person.sync()?;
            // Everybody may rename it.
            if person.name != first.name {
                first.run(&["group", "role", &group, &person.name, "admin"])?.good()?;
            }
        }
        let mut this = Self {
            dice: Dice::seeded(seed, 0),
            server,
            people,
            group,
            audit: Audit::default(),
            counts: Counts::default(),
            relays,
            exchange: Exchange::default(),
            said: 0,
            _folder: folder,
        };
        for index in 0..this.people.len() {
            this.calm_send(index, Victim::Sender)?;
        }
        Ok(this)
    }

    /// One kill, with life before and after it.
    fn cycle(&mut self, cycle: u64) -> Result<Victim, Stopped> {
        let victims = [Victim::Server, Victim::Sender, Victim::Holder, Victim::Receiver];
        // Each in turn, so that no seed leaves one out; all else is chance.
        let victim = victims[usize::try_from(cycle % 4).unwrap_or(0)];
        let sender = self.index()?;
        let receiver = (sender + 1) % self.people.len();
        let mut holder = match victim {
            Victim::Holder => Some(self.linger(sender)?),
            _ => None,
        };
        let mut listener = self.linger(receiver)?;
        for _ in 0..self.dice.between(1, CALM_SENDS_MAX) {
            self.calm_send(sender, victim)?;
        }
        let (wire, way, bytes) = self.aim(victim, sender, receiver);
        self.relays.get(wire).ok_or("nobody is there")?.stop_after(way, bytes);
        let text = self.next_text();
        let renames = self.dice.chance(RENAMES_PER_MILLE);
        let mut sending = if renames {
            self.counts.renames += 1;
            self.start(sender, &["group", "rename", &self.group, &text])?
        } else {
            self.start_send(sender, &text)?
        };
        // What a receiver is sent may come after the sender has ended.
        let relay = self.relays.get(wire).ok_or("nobody is there")?;
        let in_flight = relay
            .wait_stopped(EXCHANGE_WITHIN, || victim == Victim::Receiver || sending.is_running());
        match victim {
            Victim::Server => self.server.kill(),
            Victim::Sender => drop(sending.kill()),
            Victim::Holder => drop(holder.as_mut().map(Running::kill)),
            Victim::Receiver => drop(listener.kill()),
        }
        relay.go_on();
        self.counts.in_flight += u64::from(in_flight);
        *self.counts.kills.entry(victim).or_default() += 1;
        if victim == Victim::Server {
            self.server.start_again()?;
        }
        let ran = sending.finish()?;
        if !renames {
            self.note(&ran, &text)?;
        }
        if let Some(holder) = &mut holder {
            holder.kill();
        }
        listener.kill();
        Ok(victim)
    }

    /// After a cycle everybody catches up, and everything is compared.
    fn look(&mut self) -> Result<Vec<String>, Stopped> {
        // Twice, so that what the first round sent reaches those who came before.
        for person in self.people.iter().chain(&self.people) {
            person.sync()?;
        }
        let transcripts = self
            .people
            .iter()
            .map(|person| Ok((person.name.as_str(), person.messages(&self.group)?)))
            .collect::<Result<Vec<_>, Stopped>>()?;
        let mut complaints = self.audit.complaints(&transcripts);
        let titles = self
            .people
            .iter()
            .map(|person| {
                let chats = person.objects(&["chats"])?;
                let chat = chats.iter().find(|chat| text_of(chat, "chat") == self.group);
                Ok(chat.map(|chat| text_of(chat, "title")))
            })
            .collect::<Result<Vec<_>, Stopped>>()?;
        if titles.windows(2).any(|pair| pair.first() != pair.last()) {
            complaints.push(format!("different titles: {titles:?}"));
        }
        Ok(complaints)
    }

    /// In the middle of what a kill falls: on whose wire, which way, after how many bytes.
    fn aim(&mut self, victim: Victim, sender: usize, receiver: usize) -> (usize, Way, u64) {
        let Exchange { direct, handed_over } = self.exchange;
        let usual = if victim == Victim::Holder { handed_over } else { direct };
        if victim == Victim::Receiver {
            return (receiver, Way::Down, self.dice.below(ENTRY_BYTES_MIN));
        }
        let (way, bytes) =
            if self.dice.chance(500) { (Way::Up, usual.up) } else { (Way::Down, usual.down) };
        (sender, way, self.dice.below(bytes.max(1)))
    }

    /// A message that nothing disturbs; what it exchanges is kept in mind.
    fn calm_send(&mut self, sender: usize, victim: Victim) -> Result<(), Stopped> {
        let text = self.next_text();
        let before = self.relays.get(sender).ok_or("nobody is there")?.carried();
        let ran = self.start_send(sender, &text)?.finish()?.good()?;
        let after = self.relays.get(sender).ok_or("nobody is there")?.carried();
        let took = Carried { up: after.up - before.up, down: after.down - before.down };
        *match victim {
            Victim::Holder => &mut self.exchange.handed_over,
            Victim::Server | Victim::Sender | Victim::Receiver => &mut self.exchange.direct,
        } = took;
        self.note(&ran, &text)
    }

    fn note(&mut self, ran: &Ran, text: &str) -> Result<(), Stopped> {
        self.audit.attempted(text);
        if ran.is_good() {
            self.audit.acknowledged(&text_of(&ran.object()?, "id"), text);
        } else {
            self.counts.refused_sends += 1;
        }
        Ok(())
    }

    fn start_send(&self, sender: usize, text: &str) -> Result<Running, Stopped> {
        self.start(sender, &["send", &self.group, text])
    }

    fn start(&self, who: usize, words: &[&str]) -> Result<Running, Stopped> {
        let person = self.people.get(who).ok_or("nobody is there")?;
        let words: Vec<&str> = ["--json", "--timeout", "60"].iter().chain(words).copied().collect();
        person.start(&words)
    }

    /// A process that receives until it is killed, and serves what others hand over; it has its home
    /// when this returns.
    fn linger(&self, who: usize) -> Result<Running, Stopped> {
        let person = self.people.get(who).ok_or("nobody is there")?;
        let mut running =
            person.start(&["sync", "--wait", FOREVER_SECONDS, "--timeout", FOREVER_SECONDS])?;
        let socket = person.home().join("socket");
        let deadline = Instant::now() + super::spawn::COMMAND_WITHIN;
        while std::os::unix::net::UnixStream::connect(&socket).is_err() {
            if !running.is_running() || Instant::now() > deadline {
                return Err(format!("`sync` of {} does not serve its home", person.name));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(running)
    }

    fn next_text(&mut self) -> String {
        self.said += 1;
        format!("message {}", self.said)
    }

    fn index(&mut self) -> Result<usize, Stopped> {
        let count = self.people.len() as u64;
        usize::try_from(self.dice.below(count)).map_err(|error| error.to_string())
    }

    fn conclude(&self, checks: &mut Checks, cycles: u64, seed: u64, as_json: bool) {
        let Counts { kills, in_flight, renames, refused_sends } = &self.counts;
        let total: u64 = kills.values().sum();
        let enough = format!("at least half of {total} kills fell inside an in-flight request");
        checks.that(&enough, in_flight * 2 >= total, || format!("{in_flight} did"));
        let of = |victim| kills.get(&victim).copied().unwrap_or_default();
        let summary = json!({
            "cycles": cycles,
            "seed": seed,
            "kills": {
                "server": of(Victim::Server),
                "sender": of(Victim::Sender),
                "holder": of(Victim::Holder),
                "receiver": of(Victim::Receiver),
            },
            "kills_in_flight": in_flight,
            "renames": renames,
            "attempted": self.audit.attempts(),
            "acknowledged": self.audit.acknowledgements(),
            "not_acknowledged": refused_sends,
            "lost": self.audit.lost,
            "doubled": self.audit.doubled,
            "disordered": self.audit.disordered,
        });
        if as_json {
            say(&summary.to_string());
        } else {
            say(&format!("{summary:#}"));
        }
    }
}
