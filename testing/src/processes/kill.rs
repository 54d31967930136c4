//! Kill loops: processes die by SIGKILL while messages are under way, and nothing that was
//! acknowledged may be missing, doubled or in another order anywhere.
//!
//! What was acknowledged is known to this process, which is never killed: a `veche send` that ended
//! with 0 and named its message.

mod audit;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use self::audit::Audit;
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

/// How long commands take, about, from their start to their end.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    /// One that does not talk with the server. A send that has run for longer, and has not ended,
    /// talks with it: a request is in flight.
    offline: Duration,
    /// A send. Kills are aimed between the two.
    send: Duration,
}

impl Pace {
    /// Takes in what was measured, so that one slow moment does not spoil the aim.
    fn learn(&mut self, offline: Duration, send: Duration) {
        let mix = |old: &mut Duration, new| {
            *old = if old.is_zero() { new } else { (*old * 3 + new) / 4 };
        };
        mix(&mut self.offline, offline);
        mix(&mut self.send, send);
    }
}

struct Loop {
    dice: Dice,
    server: Server,
    people: Vec<Person>,
    group: String,
    audit: Audit,
    counts: Counts,
    direct: Pace,
    handed_over: Pace,
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
        let mut people = Vec::new();
        for name in PEOPLE {
            let person = Person::new(folder.path(), name)?;
            person.register(server.address())?;
            people.push(person);
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
            direct: Pace::default(),
            handed_over: Pace::default(),
            said: 0,
            _folder: folder,
        };
        for index in 0..this.people.len() {
            this.measure(index, Victim::Sender)?;
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
            self.measure(sender, victim)?;
        }
        let Pace { offline, send } = *self.pace(victim);
        let span = u64::try_from(send.saturating_sub(offline).as_micros()).unwrap_or(u64::MAX);
        let text = self.next_text();
        let began = Instant::now();
        let renames = self.dice.chance(RENAMES_PER_MILLE);
        let mut sending = if renames {
            self.counts.renames += 1;
            self.start(sender, &["group", "rename", &self.group, &text])?
        } else {
            self.start_send(sender, &text)?
        };
        std::thread::sleep(offline + Duration::from_micros(self.dice.below(span)));
        let in_flight = sending.is_running() && began.elapsed() >= offline;
        match victim {
            Victim::Server => self.server.kill(),
            Victim::Sender => drop(sending.kill()),
            Victim::Holder => drop(holder.as_mut().map(Running::kill)),
            Victim::Receiver => drop(listener.kill()),
        }
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

    fn pace(&mut self, victim: Victim) -> &mut Pace {
        if victim == Victim::Holder { &mut self.handed_over } else { &mut self.direct }
    }

    /// Measures a command without the server and a message that nothing disturbs.
    fn measure(&mut self, sender: usize, victim: Victim) -> Result<(), Stopped> {
        let began = Instant::now();
        self.people.get(sender).ok_or("nobody is there")?.run(&["me"])?.good()?;
        let offline = began.elapsed();
        let send = self.calm_send(sender)?;
        self.pace(victim).learn(offline, send);
        Ok(())
    }

    /// A message that nothing disturbs; says how long it took.
    fn calm_send(&mut self, sender: usize) -> Result<Duration, Stopped> {
        let text = self.next_text();
        let began = Instant::now();
        let ran = self.start_send(sender, &text)?.finish()?.good()?;
        let took = began.elapsed();
        self.note(&ran, &text)?;
        Ok(took)
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
