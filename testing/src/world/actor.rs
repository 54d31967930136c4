//! Somebody with a device: a client over a database in memory, which can die at any commit and
//! between any two effects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use veche_client::{Client, Event, Job};
use veche_store::{Disk, Moment, Probe};
use veche_wire::Millis;

use super::network::ConnectionId;

/// Where a program may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Before a commit: its work is lost.
    BeforeCommit,
    /// After a commit: its work is there, nobody was told.
    AfterCommit,
    /// After so many more effects were carried out; those that follow are lost.
    BetweenEffects,
}

/// Says at which commit from now a program dies; 0 is never.
#[derive(Debug, Default)]
pub(crate) struct CrashSwitch {
    before: AtomicU32,
    after: AtomicU32,
    /// Set while somebody only looks.
    asleep: AtomicBool,
}

impl CrashSwitch {
    pub(crate) fn arm(&self, moment: Moment, commits: u32) {
        self.counter(moment).store(commits, Ordering::Relaxed);
    }

    pub(crate) fn disarm(&self) {
        self.before.store(0, Ordering::Relaxed);
        self.after.store(0, Ordering::Relaxed);
    }

    /// What a store asks at every commit.
    pub(crate) fn probe(self: &Arc<Self>) -> Probe {
        let switch = Arc::clone(self);
        Box::new(move |moment| switch.dies_at(moment))
    }

    fn counter(&self, moment: Moment) -> &AtomicU32 {
        match moment {
            Moment::BeforeCommit => &self.before,
            Moment::AfterCommit => &self.after,
        }
    }

    fn dies_at(&self, moment: Moment) -> bool {
        if self.asleep.load(Ordering::Relaxed) {
            return false;
        }
        let counter = self.counter(moment);
        let left = counter.load(Ordering::Relaxed);
        counter.store(left.saturating_sub(1), Ordering::Relaxed);
        left == 1
    }
}

/// A program, or what is left of it.
pub(crate) enum Body {
    /// It runs.
    Running(Box<Client>),
    /// It died; this is its disk.
    Dead(Disk),
    /// Between the two, for the length of a function.
    Limbo,
}

/// Somebody in the cast.
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) body: Body,
    /// Whether this person wants to be connected.
    pub(crate) online: bool,
    pub(crate) connection: Option<ConnectionId>,
    /// When the client wants to be woken.
    pub(crate) wake_at: Option<Millis>,
    pub(crate) crash: Arc<CrashSwitch>,
    /// How many effects are still carried out before the program dies.
    pub(crate) effects_left: Option<u32>,
    /// What the client told, oldest first.
    pub(crate) told: Vec<Event>,
    /// How often the program was started.
    pub(crate) boots: u64,
    /// Unsuccessful dials in a row.
    pub(crate) failures: u32,
    /// By how much the clock of the machine is behind the world's, in milliseconds.
    pub(crate) behind_ms: Millis,
    /// Whether what the client wants computed is kept back.
    pub(crate) holds_jobs: bool,
    /// What is kept back.
    pub(crate) held_jobs: Vec<Job>,
    /// How long the program takes to come to what it wants to do next, in milliseconds.
    pub(crate) slow_ms: Millis,
}

impl Actor {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            body: Body::Limbo,
            online: true,
            connection: None,
            wake_at: None,
            crash: Arc::default(),
            effects_left: None,
            told: Vec::new(),
            boots: 0,
            failures: 0,
            behind_ms: 0,
            holds_jobs: false,
            held_jobs: Vec::new(),
            slow_ms: 0,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.body, Body::Running(_))
    }

    /// Looks into the client, where it runs. It does not die of that.
    pub(crate) fn look<T>(&mut self, look: impl FnOnce(&mut Client) -> T) -> Option<T> {
        self.crash.asleep.store(true, Ordering::Relaxed);
        let seen = self.client_mut().map(look);
        self.crash.asleep.store(false, Ordering::Relaxed);
        seen
    }

    pub(crate) fn client_mut(&mut self) -> Option<&mut Client> {
        match &mut self.body {
            Body::Running(client) => Some(client),
            Body::Dead(_) | Body::Limbo => None,
        }
    }
}
