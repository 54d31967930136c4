//! Stories about people with devices, a log between them, and no server: the log is a list.

mod attacks;
mod codecs;
mod doors;
mod files;
mod fuzz;
mod golden;
mod identities;
mod stories;

use sha2::{Digest, Sha256};
use veche_wire::{Commitment, Entry, EntryId, Kind, LogId, Random, Rider};

use crate::*;

/// Random bytes from a name: the same on every run.
pub(crate) struct Named {
    seed: String,
    drawn: u64,
}

pub(crate) fn named(seed: &str) -> Named {
    Named { seed: seed.to_owned(), drawn: 0 }
}

impl Random for Named {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.drawn += 1;
            let mut hash = Sha256::new();
            hash.update(self.seed.as_bytes());
            hash.update(self.drawn.to_be_bytes());
            chunk.copy_from_slice(&hash.finalize()[..chunk.len()]);
        }
    }
}

pub(crate) fn engine(seed: &str) -> Engine {
    Engine::new(Box::new(named(seed)))
}

/// The account and a device of `name`.
pub(crate) fn account_key(name: &str) -> AccountKey {
    Phrase::generate(&mut named(name)).account_key()
}

pub(crate) fn identity(engine: &Engine, name: &str) -> Identity {
    let keys = DeviceKeys::generate(engine);
    let certificate = account_key(name).certify(&keys);
    Identity::new(certificate, keys).unwrap()
}

/// A person with one device.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) engine: Engine,
    pub(crate) keep: MemoryKeep,
    /// Whether what is done now is all of one transaction, in which nothing is loaded again.
    pub(crate) in_transaction: bool,
    pub(crate) identity: Identity,
    pub(crate) admin: AdminSecret,
    pub(crate) group: Option<Group>,
    pub(crate) generation: u64,
    pub(crate) secret: Option<GenerationSecret>,
    /// The commit that this person made and that has not come back.
    pub(crate) draft: Option<Sent>,
    counter: u32,
}

/// A commit on its way.
pub(crate) struct Sent {
    pub(crate) entry: Entry,
    pub(crate) draft: Draft,
}

/// What an entry did to a person.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Applied(Box<Summary>),
    Skipped(SkipReason),
    Stuck(StuckReason),
    Message(String, String),
    Junk,
    Own,
}

impl Seen {
    pub(crate) fn summary(self) -> Summary {
        match self {
            Seen::Applied(summary) => *summary,
            other => panic!("not applied: {other:?}"),
        }
    }

    pub(crate) fn is_skipped(&self) -> bool {
        matches!(self, Seen::Skipped(_))
    }
}

impl Person {
    pub(crate) fn new(name: &str) -> Self {
        let engine = engine(name);
        let identity = identity(&engine, name);
        let admin = AdminSecret::generate(&mut engine.random());
        Self {
            name: name.to_owned(),
            engine,
            keep: MemoryKeep::default(),
            in_transaction: false,
            identity,
            admin,
            group: None,
            generation: 0,
            secret: None,
            draft: None,
            counter: 0,
        }
    }

    /// The same person on another device.
    pub(crate) fn second_device(&self) -> Self {
        let mut device = Self::new(&self.name);
        let engine = engine(&format!("{} 2", self.name));
        device.identity = identity(&engine, &self.name);
        device.engine = engine;
        device
    }

    pub(crate) fn group(&self) -> &Group {
        self.group.as_ref().unwrap()
    }

    pub(crate) fn account(&self) -> veche_wire::AccountId {
        self.identity.account()
    }

    pub(crate) fn leaf(&self, of: &Person) -> u32 {
        self.group().member_of_device(&of.identity.device()).unwrap().leaf
    }

    pub(crate) fn key_package(&self, suite: Suite) -> Vec<u8> {
        generate_key_package(&self.engine, &self.keep, &self.identity, suite, false).unwrap()
    }

    /// The group as the store holds it: what is in memory must never matter.
    pub(crate) fn restart(&mut self) {
        if self.in_transaction {
            return;
        }
        if let Some(mut group) = self.group.take() {
            group.save(&self.engine, &self.keep).unwrap();
            self.group = Group::load(&self.keep, group.log()).unwrap();
        }
    }

    pub(crate) fn begin(&mut self, suite: Suite, policy: Policy) {
        let log = LogId::random(&mut self.engine.random());
        let group =
            Group::create(&self.engine, &self.keep, &self.identity, log, suite, policy).unwrap();
        self.secret = Some(group.generation_secret(&self.engine, 0).unwrap());
        self.group = Some(group);
    }

    pub(crate) fn join(&mut self, from: &Person, draft: &Draft) {
        let device = self.identity.device();
        let joiner = draft
            .joiners
            .iter()
            .find(|joiner| joiner.credential.certificate.device == device)
            .unwrap();
        let log = from.group().log();
        let joined = Group::join(
            &self.engine,
            &self.keep,
            &self.identity,
            &joiner.welcome,
            &draft.tree,
            log,
        )
        .unwrap();
        self.group = Some(joined.group);
        self.generation = from.generation;
        self.secret.clone_from(&from.secret);
        self.counter = 0;
    }

    /// What `change` needs, as a plan.
    pub(crate) fn plan(&self, change: &Change) -> Result<RiderPlan, MlsError> {
        let needs = self.group().needs(&self.engine, &self.identity, change)?;
        Ok(RiderPlan {
            generation: needs.rotation.then_some(self.generation + 1),
            admins: needs.admins,
            freeze: None,
            guard: None,
        })
    }

    /// Makes a commit as a client does; it waits in `draft`.
    pub(crate) fn commit(&mut self, change: &Change) -> Entry {
        self.try_commit(change, Vec::new()).unwrap()
    }

    pub(crate) fn try_commit(
        &mut self,
        change: &Change,
        proofs: Vec<Vec<u8>>,
    ) -> Result<Entry, MlsError> {
        let plan = self.plan(change)?;
        let log = self.group().log();
        let id = EntryId::random(&mut self.engine.random());
        let mut bound = Bound::new(log, id, Kind::Commit);
        bound.rider_hash = plan.hash();
        bound.proofs = proofs;
        let group = self.group.as_mut().unwrap();
        let draft = group.commit(&self.engine, &self.keep, &self.identity, change, &bound)?;
        let entry = self.entry(id, Kind::Commit, None, &draft.mls_bytes);
        let entry = Entry { rider: self.rider(&plan, &entry), ..entry };
        self.draft = Some(Sent { entry: entry.clone(), draft });
        self.restart();
        Ok(entry)
    }

    pub(crate) fn rider(&self, plan: &RiderPlan, entry: &Entry) -> Option<Rider> {
        if plan.is_empty() {
            return None;
        }
        let log = self.group().log();
        let generation = plan.generation.unwrap_or_default();
        let secret = self.group().pending_generation_secret(&self.engine, generation).unwrap();
        let tokens = secret.token_hashes(&log, generation);
        let place = RiderPlace { log, id: entry.id, kind: entry.kind, bytes: &entry.bytes };
        Some(self.admin.sign_rider(plan, tokens, &place))
    }

    pub(crate) fn entry(
        &self,
        id: EntryId,
        kind: Kind,
        commitment: Option<Commitment>,
        mls_bytes: &[u8],
    ) -> Entry {
        let key = self.group().entry_key(&self.engine).unwrap();
        let log = self.group().log();
        let bytes = key.seal(&mut self.engine.random(), &log, &id, kind, mls_bytes);
        Entry { seq: 1, id, kind, commitment, bytes, rider: None }
    }

    pub(crate) fn say(&mut self, text: &str) -> Entry {
        let log = self.group().log();
        let id = EntryId::random(&mut self.engine.random());
        let payload = Payload::new(&mut self.engine.random(), text.as_bytes().to_vec());
        let mut bound = Bound::new(log, id, Kind::Message);
        bound.commitment = Some(payload.commitment());
        bound.counter = self.counter;
        self.counter += 1;
        let group = self.group.as_mut().unwrap();
        let mls_bytes = group
            .seal(&self.engine, &self.keep, &self.identity, &bound, &payload.encode())
            .unwrap();
        let entry = self.entry(id, Kind::Message, bound.commitment, &mls_bytes);
        self.restart();
        entry
    }

    /// Takes an entry as a client does, from its store.
    pub(crate) fn see(&mut self, entry: &Entry) -> Seen {
        self.restart();
        let seen = self.see_now(entry);
        self.restart();
        seen
    }

    fn see_now(&mut self, entry: &Entry) -> Seen {
        let log = self.group().log();
        let key = self.group().entry_key(&self.engine).unwrap();
        let Some(bytes) = key.open(&log, &entry.id, entry.kind, &entry.bytes) else {
            return Seen::Junk;
        };
        match entry.kind {
            Kind::Commit => self.see_commit(entry, &bytes),
            _ => self.see_message(entry, &bytes),
        }
    }

    fn see_commit(&mut self, entry: &Entry, bytes: &[u8]) -> Seen {
        let context = JudgeContext { current_generation: self.generation };
        let own = self.draft.as_ref().is_some_and(|sent| sent.entry == *entry);
        let group = self.group.as_mut().unwrap();
        // Who knows no secrets comes to the same verdict.
        let in_public = group.judge_in_public(&self.engine, (entry, bytes), &context);
        let in_public = in_public.map(|(_, leaf, summary, _)| (leaf, summary));
        // Nor does it take the whole store.
        let excerpt = group.excerpt(&self.keep).unwrap();
        let mut verdict = group.judge(&self.engine, &excerpt, (entry, bytes), &context);
        if !excerpt.was_enough() {
            verdict = group.judge(&self.engine, &self.keep, (entry, bytes), &context);
        }
        let judged = match verdict {
            Verdict::Apply(judged) => *judged,
            Verdict::Skip(reason) => {
                assert_eq!(in_public, Err(reason.clone()));
                return Seen::Skipped(reason);
            }
        };
        assert_eq!(in_public, Ok((judged.leaf, judged.summary().clone())));
        let processed = if own {
            let summary = group.merge_own(&self.engine, &self.keep, judged).unwrap();
            Processed::Applied(Box::new(summary))
        } else {
            group.process(&self.engine, &self.keep, judged).unwrap()
        };
        match processed {
            Processed::Applied(summary) => {
                self.applied(entry, &summary);
                Seen::Applied(summary)
            }
            Processed::Skip(reason) => Seen::Skipped(reason),
            Processed::Stuck(reason) => Seen::Stuck(reason),
        }
    }

    fn applied(&mut self, entry: &Entry, summary: &Summary) {
        self.counter = 0;
        let Some(rotation) = entry.rider.as_ref().and_then(|rider| rider.rotation) else { return };
        if summary.self_removed {
            return;
        }
        let log = self.group().log();
        let secret = self.group().generation_secret(&self.engine, rotation.generation).unwrap();
        assert_eq!(secret.token_hashes(&log, rotation.generation), rotation.tokens);
        self.generation = rotation.generation;
        self.secret = Some(secret);
    }

    fn see_message(&mut self, entry: &Entry, bytes: &[u8]) -> Seen {
        let expected = EntryRef::of(self.group().log(), entry);
        let group = self.group.as_mut().unwrap();
        match group.open(&self.engine, &self.keep, bytes, &expected).unwrap() {
            Opened::Message(message) => {
                let payload = Payload::decode(&message.payload).unwrap();
                assert!(payload.verify(&entry.commitment.unwrap()));
                let from = message.credential.certificate.account.to_string();
                Seen::Message(from, String::from_utf8(payload.content.clone()).unwrap())
            }
            Opened::Junk(_) => Seen::Junk,
            Opened::Own => Seen::Own,
        }
    }
}

/// Everybody sees the entry and applies it; those whom it adds come in after.
pub(crate) fn apply(entry: &Entry, people: &mut [&mut Person]) {
    for person in people {
        let seen = person.see(entry);
        assert!(matches!(seen, Seen::Applied(_)), "{}: {seen:?}", person.name);
    }
}

/// Does something in one transaction of each of them.
pub(crate) fn together(people: &mut [&mut Person], act: impl FnOnce(&mut [&mut Person])) {
    people.iter_mut().for_each(|person| person.in_transaction = true);
    act(people);
    for person in people {
        person.in_transaction = false;
        person.restart();
    }
}

/// A group of the named people; the first owns it.
pub(crate) fn group_of<const N: usize>(suite: Suite, names: [&str; N]) -> [Person; N] {
    let mut people = names.map(Person::new);
    let (owner, others) = people.split_first_mut().unwrap();
    let mut policy = Policy::group("the five", owner.account());
    policy.admin_keys.insert(owner.admin.public(), owner.account());
    owner.begin(suite, policy);
    if others.is_empty() {
        return people;
    }
    let adds = others.iter().map(|person| person.key_package(suite)).collect();
    let entry = owner.commit(&Change { adds, ..Change::default() });
    apply(&entry, &mut [owner]);
    let draft = owner.draft.take().unwrap().draft;
    for person in others {
        person.join(owner, &draft);
    }
    people
}

/// All people are in the same state.
pub(crate) fn assert_together(people: &[&Person]) {
    let state = |person: &Person| {
        let group = person.group();
        let members: Vec<_> =
            group.members().iter().map(|one| one.credential.certificate.device).collect();
        let secret = group.generation_secret(&person.engine, 7).unwrap();
        (group.epoch(), members, group.policy().clone(), secret)
    };
    for person in people {
        assert_eq!(state(person), state(people[0]), "{} and {}", person.name, people[0].name);
    }
}
