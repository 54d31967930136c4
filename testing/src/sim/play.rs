//! One seed, from the first registration to the last check.

use veche_client::{Command, IntentId, MessageState, Reply, Settled};
use veche_wire::{EntryId, LogId, Seq};

use super::operations::{self, OPERATIONS, Operation, say_in};
use super::storms::Storms;
use crate::dice::Dice;
use crate::world::{Backup, Beside, Counts, Person, Refusal, Sabotage, Weather, World};

/// Operations of one seed, at least.
const OPERATIONS_MIN: u64 = 200;
/// How often requests are accepted and everything settles again at the end.
const ROUNDS: u32 = 4;

const NAMES: [&str; 8] = ["ana", "bo2", "cyd", "dov", "eli", "fay", "gus", "hal"];

/// What came of a seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub seed: u64,
    /// What was done and what befell.
    pub counts: Counts,
    /// What did not hold.
    pub complaints: Vec<String>,
    /// Over everything that happened.
    pub hash: u64,
    /// The same, line by line, where that was asked for.
    pub lines: Vec<String>,
}

/// Something that somebody said and that their client has kept.
pub(crate) struct Sent {
    pub(crate) who: usize,
    pub(crate) chat: LogId,
    pub(crate) message: EntryId,
    pub(crate) intent: IntentId,
    pub(crate) text: String,
}

/// A seed while it is played.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) dice: Dice,
    pub(crate) people: Vec<Person>,
    pub(crate) counts: Counts,
    pub(crate) sent: Vec<Sent>,
    pub(crate) intents: Vec<(usize, IntentId, Command)>,
    pub(crate) groups: u32,
    /// A copy of the server, and how many logs there were.
    pub(crate) copy: Option<(Backup, usize)>,
    pub(crate) storms: Storms,
    number: u64,
    /// The messages that were once seen to be sent.
    acknowledged: Vec<bool>,
}

/// Plays a seed.
#[must_use]
pub fn play(seed: u64, sabotage: Sabotage, keep_lines: bool) -> Verdict {
    let world = World::sabotaged(seed, sabotage);
    if keep_lines {
        world.stage.borrow_mut().journal.keep_lines();
    }
    let mut play = Play {
        world,
        dice: Dice::seeded(seed, 999_999_929),
        people: Vec::new(),
        counts: Counts::default(),
        sent: Vec::new(),
        intents: Vec::new(),
        groups: 0,
        copy: None,
        storms: Storms::default(),
        number: 0,
        acknowledged: Vec::new(),
    };
    let complaints = play.play_out();
    let stage = play.world.stage.borrow();
    let mut counts = stage.counts.clone();
    counts.merge(&play.counts);
    let lines = stage.journal.lines().to_vec();
    Verdict { seed, counts, complaints, hash: stage.journal.hash(), lines }
}

/// Whether a message may fail for this reason: whoever is in a chat can always speak.
fn is_fair(reason: &str) -> bool {
    let fair = [
        "you were removed",
        "you have left",
        "the server has lost it",
        // It was written before slow mode began.
        "the group is in slow mode",
    ];
    fair.iter().any(|words| reason.starts_with(words))
}

impl Play {
    fn play_out(&mut self) -> Vec<String> {
        if let Err(complaints) = self.begin() {
            return complaints;
        }
        self.world.set_weather(Weather::FOUL);
        self.go_on();
        self.world.set_weather(Weather::FAIR);
        let mut complaints = match self.end() {
            Ok(()) => self.world.complaints(),
            Err(complaints) => complaints,
        };
        complaints.extend(self.promises_broken());
        if self.beside() == Beside::Storms {
            self.count_outcomes();
        }
        if complaints.is_empty() {
            complaints.extend(self.farewell());
        }
        if !complaints.is_empty() {
            self.world.stage.borrow_mut().tell_screens();
        }
        complaints
    }

    /// People, a group of most of them and a direct chat.
    fn begin(&mut self) -> Result<(), Vec<String>> {
        let count = usize::try_from(self.dice.between(3, 8)).unwrap_or(3);
        for name in NAMES.iter().take(count) {
            let person = self.world.newcomer(name);
            let server = crate::world::Host::address();
            let register = Command::Register { server, name: (*name).to_owned(), invite: None };
            person.want(register).map_err(|refusal| vec![format!("{name}: {refusal:?}")])?;
            self.people.push(person);
        }
        self.settle()?;
        let names = |people: &[Person]| people.iter().map(|p| p.name().to_owned()).collect();
        let [first, second, ..] = self.people.as_slice() else { return Ok(()) };
        let (first, second) = (first.clone(), second.clone());
        let members = names(&self.people[1..]);
        let group = Command::CreateGroup { title: "everybody".to_owned(), members, large: false };
        self.groups += 1;
        let with = veche_client::PersonReference::Username(second.name().to_owned());
        for command in [group, Command::OpenDirect(with)] {
            first.want(command).map_err(|refusal| vec![format!("the first chats: {refusal:?}")])?;
        }
        self.settle()?;
        for person in self.people.clone() {
            self.accept_all(&person);
        }
        self.settle()?;
        if self.beside() == Beside::Storms {
            self.choose_mallory();
        }
        self.settle()
    }

    fn beside(&self) -> Beside {
        self.world.stage.borrow().sabotage.beside
    }

    fn go_on(&mut self) {
        let mut done = 0;
        let mut tries = 0;
        let beside = operations::beside(self.beside());
        let operations: Vec<Operation> = OPERATIONS.iter().chain(beside).copied().collect();
        let weights: u64 = operations.iter().map(|(_, weight, _)| weight).sum();
        while done < OPERATIONS_MIN && tries < OPERATIONS_MIN * 20 && self.is_well() {
            tries += 1;
            let mut left = self.dice.below(weights);
            let chosen = operations.iter().find(|(_, weight, _)| {
                let found = left < *weight;
                left = left.saturating_sub(*weight);
                found
            });
            let Some((name, _, operation)) = chosen else { continue };
            if operation(self) {
                self.counts.add(name);
                done += 1;
            }
            let longest = if self.dice.chance(100) { 8_000 } else { 600 };
            let ms = self.dice.below(longest);
            self.world.wait_ms(ms);
            self.note_acknowledged();
        }
    }

    fn is_well(&self) -> bool {
        self.world.stage.borrow().troubles.is_empty()
    }

    /// Everybody comes back, accepts what waits, and everything settles.
    fn end(&mut self) -> Result<(), Vec<String>> {
        {
            let mut stage = self.world.stage.borrow_mut();
            stage.spare_all();
            stage.host.dies_before_answering = false;
            if !stage.host.is_up() {
                stage.server_up();
            }
            for person in &self.people {
                stage.boot(person.who);
                if !self.hides(person) {
                    stage.reconnect(person.who);
                }
            }
        }
        self.wait_without_mallory();
        for _ in 0..ROUNDS {
            self.settle()?;
            let mut accepted = false;
            for person in self.people.clone() {
                accepted |= self.accept_all(&person);
            }
            if !accepted {
                return Ok(());
            }
        }
        Err(vec!["requests do not end".to_owned()])
    }

    /// After everything, somebody says one more thing in each chat. Who is out must not get it.
    fn farewell(&mut self) -> Vec<String> {
        let mut chats = Vec::new();
        for person in self.people.clone() {
            for chat in person.chats() {
                let is_in = chat.state == veche_client::ChatState::Active;
                if is_in && !chats.contains(&chat.chat) && say_in(self, &person, chat.chat, None) {
                    chats.push(chat.chat);
                }
            }
        }
        if let Err(complaints) = self.settle() {
            return complaints;
        }
        let mut complaints = self.world.complaints();
        for chat in chats {
            complaints.extend(self.read_by_outsiders(chat));
        }
        complaints
    }

    /// Whoever is out tries the last tokens that they had.
    fn read_by_outsiders(&mut self, chat: LogId) -> Vec<String> {
        let mut found = Vec::new();
        let last: Seq = {
            let stage = self.world.stage.borrow();
            let heard = stage.tap.logs.get(&chat);
            heard.and_then(|heard| heard.entries.keys().next_back().copied()).unwrap_or(0)
        };
        let mut outsider = self.world.outsider();
        for person in &self.people {
            use veche_client::ChatState::{Left, Removed};
            let is_out = person.chat(chat).is_some_and(|view| matches!(view.state, Left | Removed));
            let (Some(read), _) = outsider.overhear(person, chat) else { continue };
            if !is_out {
                continue;
            }
            self.counts.add("removed people who tried to read on");
            if outsider.read(chat, read).is_ok_and(|seqs| seqs.contains(&last)) {
                found.push(format!("{} was removed from {chat} and reads on", person.name()));
            }
        }
        found
    }

    /// What was taken or acknowledged, and is not there.
    fn promises_broken(&mut self) -> Vec<String> {
        self.note_acknowledged();
        let mut found = Vec::new();
        // What a restored server has lost of somebody who is out cannot be said again.
        let restored = self.world.stage.borrow().restored;
        for (sent, acknowledged) in self.sent.iter().zip(&self.acknowledged) {
            let Sent { who, chat, message, text, .. } = sent;
            let Some(person) = self.people.get(*who) else { continue };
            // Chats can become one after something was said in one of them.
            let row = person.look(|client| {
                let chat = client.find_chat(&chat.to_string()).unwrap_or(*chat);
                client.message(chat, *message).ok().flatten()
            });
            match row.map(|row| row.state) {
                Some(MessageState::Sent) => {}
                Some(MessageState::Failed(reason))
                    if (!acknowledged || restored) && is_fair(&reason) =>
                {
                    self.counts.add("messages that failed");
                    use veche_client::ChatState::Active;
                    self.world.stage.borrow_mut().journal.say(|| format!("{text}: {reason}"));
                    if person.chat(*chat).is_some_and(|view| view.state == Active) {
                        self.counts.add("messages that failed in a chat that goes on");
                    }
                }
                other => found.push(format!(
                    "{text:?} of {} (acknowledged: {acknowledged}) is {other:?}",
                    person.name()
                )),
            }
        }
        found.extend(self.out_of_order());
        found.extend(self.unsettled_intents());
        found
    }

    /// Messages of one person in one chat that are not in the order in which they were said.
    fn out_of_order(&self) -> Vec<String> {
        let stage = self.world.stage.borrow();
        let mut last = std::collections::BTreeMap::new();
        let mut found = Vec::new();
        for sent in &self.sent {
            let places = stage.tap.logs.get(&sent.chat).map(|heard| &heard.places);
            let Some(place) = places.and_then(|places| places.get(&sent.message)) else { continue };
            let before = last.entry((sent.who, sent.chat)).or_insert(0);
            if *place < *before {
                found.push(format!("{:?} came after what was said later", sent.text));
            }
            *before = (*before).max(*place);
        }
        found
    }

    fn unsettled_intents(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        for (who, intent, command) in &self.intents {
            let settled = self.world.stage.borrow_mut().settled(*who, *intent);
            match settled {
                Some(Settled::Done(_)) => self.counts.add("intents done"),
                Some(Settled::Failed(reason)) => {
                    self.counts.add("intents failed");
                    let mut stage = self.world.stage.borrow_mut();
                    stage.journal.say(|| format!("{who}: {command:?} failed: {reason}"));
                }
                other => found.push(format!("{command:?} of {who} is {other:?}")),
            }
        }
        found
    }

    fn note_acknowledged(&mut self) {
        self.acknowledged.resize(self.sent.len(), false);
        let mut stage = self.world.stage.borrow_mut();
        for (sent, acknowledged) in self.sent.iter().zip(&mut self.acknowledged).rev().take(60) {
            if !*acknowledged {
                let settled = stage.settled(sent.who, sent.intent);
                *acknowledged = matches!(settled, Some(Settled::Done(_)));
            }
        }
    }

    // Steps of the above.

    fn settle(&mut self) -> Result<(), Vec<String>> {
        let mut stage = self.world.stage.borrow_mut();
        let settled = stage.settle();
        let mut troubles = std::mem::take(&mut stage.troubles);
        troubles.extend(settled.err());
        if troubles.is_empty() { Ok(()) } else { Err(troubles) }
    }

    pub(crate) fn want(&mut self, person: &Person, command: Command) -> Result<Reply, Refusal> {
        let outcome = person.want(command);
        if let Err(Refusal::Words(words)) = &outcome {
            self.counts.add("commands refused");
            let mut stage = self.world.stage.borrow_mut();
            stage.journal.say(|| format!("{} is refused: {words}", person.name()));
        }
        outcome
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// Accepts all that waits for an answer of somebody.
    pub(crate) fn accept_all(&mut self, person: &Person) -> bool {
        let requests = {
            let mut stage = self.world.stage.borrow_mut();
            let seen = stage.cast[person.who].look(|client| client.requests().ok());
            seen.flatten().unwrap_or_default()
        };
        let mut accepted = false;
        for request in requests {
            accepted |= self.want(person, Command::Accept { request: request.id }).is_ok();
        }
        accepted
    }

    pub(crate) fn send_file(
        &mut self,
        person: &Person,
        chat: LogId,
        number: u64,
        size: u64,
    ) -> bool {
        let bytes =
            vec![u8::try_from(number % 251).unwrap_or(0); usize::try_from(size).unwrap_or(1)];
        let staged = {
            let mut stage = self.world.stage.borrow_mut();
            let Some(client) = stage.cast[person.who].client_mut() else { return false };
            let name = format!("file {number}.bin");
            client.stage_file(&name, "application/octet-stream", size, &mut &bytes[..])
        };
        // A program that dies while it stages a file has sent nothing.
        let Ok(staged) = staged else { return false };
        let text = format!("{} says {number}", person.name());
        let command =
            Command::Send { chat, text: text.clone(), reply_to: None, file: Some(staged) };
        match self.want(person, command) {
            Ok(Reply::Message { message, intent }) => {
                self.sent.push(Sent { who: person.who, chat, message, intent, text });
                true
            }
            Ok(_) | Err(_) => false,
        }
    }
}
