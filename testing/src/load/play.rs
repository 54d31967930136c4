//! What all loads are made of: connections with roles, their writers and followers, and the count of
//! what was sent, acknowledged and delivered.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::{Duration, Instant};

use super::follow::Follower;
use super::histogram::Histogram;
use super::speech::{Heard, Mint, Role, Service, Speech, Stamp, now};
use super::swarm::Swarm;
use super::write::Writer;
use super::{Stopped, system};

/// How many connections are made at a time.
pub(super) const CONNECTED_AT_ONCE: usize = 256;
/// A run in which nothing moves for so long has failed.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// The longest that the loop waits for something to arrive.
const PATIENCE: Duration = Duration::from_millis(100);
/// After how long a connection that was refused or broke is made again.
const AGAIN_AFTER_MS: u64 = 50;

/// A connection as the play sees it.
pub(super) struct Member {
    pub(super) role: Role,
    pub(super) follower: Option<Follower>,
    pub(super) writer: Option<Writer>,
    /// All that its role asks for is done.
    pub(super) is_up: bool,
    /// What it follows had so many entries when it came up.
    pub(super) head: u64,
}

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) deliveries: u64,
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    pub(super) later: u64,
    pub(super) broken: u64,
    /// Deliveries that what is acknowledged will come to.
    pub(super) expected: u64,
    /// From the sending of an entry to its arrival at somebody who did not write it.
    pub(super) delivery: Histogram,
    /// From the sending of an entry to its acknowledgement.
    pub(super) acknowledgement: Histogram,
}

/// A load in progress.
pub(super) struct Play<S: Service> {
    pub(super) service: S,
    pub(super) swarm: Swarm<S::Speech>,
    pub(super) members: Vec<Member>,
    pub(super) counts: Counts,
    /// Followers of each channel.
    pub(super) followers: BTreeMap<usize, u64>,
    pub(super) mint: Mint,
    /// Whether connections may break, and are made again.
    pub(super) mends: bool,
    /// Connections that are being made.
    pub(super) joining: usize,
    pub(super) up: usize,
    /// When which connection is to be made, or asked again.
    due: BinaryHeap<Reverse<(u64, usize, Due)>>,
    /// Writers that may have room in their windows.
    pub(super) ready: Vec<usize>,
    events: Vec<(usize, u64, Heard)>,
}

/// What is done later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Connect,
    AskAgain,
    Resend(u64),
}

impl<S: Service> Play<S> {
    /// A play with this server and nobody in it.
    pub(super) fn new(service: S, seed: u64) -> Result<Self, Stopped> {
        Ok(Self {
            service,
            swarm: Swarm::new(now)?,
            members: Vec::new(),
            counts: Counts::default(),
            followers: BTreeMap::new(),
            mint: Mint::new(seed),
            mends: false,
            joining: 0,
            up: 0,
            due: BinaryHeap::new(),
            ready: Vec::new(),
            events: Vec::new(),
        })
    }

    /// Adds somebody, who is not connected yet; the number is also that of the connection.
    pub(super) fn add(&mut self, mut role: Role, window: usize) -> Result<usize, Stopped> {
        role.member = self.members.len();
        let follower = role.follows_after.map(Follower::new);
        if follower.is_some() {
            *self.followers.entry(role.channel).or_default() += 1;
        }
        let writer = role.writer.map(|number| Writer::new(number, window));
        let slot = self.swarm.add(self.service.speech(&role)?);
        self.members.push(Member { role, follower, writer, is_up: false, head: 0 });
        Ok(slot)
    }

    /// Makes channels 0 up to, not with, `count`, by a connection that is closed then.
    pub(super) fn make_channels(&mut self, count: usize) -> Result<(), Stopped> {
        let maker = self.add(Role { makes: 0..count, ..Role::default() }, 0)?;
        self.gather(maker..maker + 1)?;
        self.leave(maker);
        Ok(())
    }

    /// Lets somebody go for good.
    pub(super) fn leave(&mut self, slot: usize) {
        self.swarm.disconnect(slot);
        let member = &mut self.members[slot];
        if std::mem::replace(&mut member.is_up, false) {
            self.up -= 1;
        }
        if member.follower.is_some()
            && let Some(count) = self.followers.get_mut(&member.role.channel)
        {
            *count -= 1;
        }
    }

    /// Lets a follower come back as if it had never been there.
    pub(super) fn begin_anew(&mut self, slot: usize) -> Result<(), Stopped> {
        let member = &mut self.members[slot];
        if std::mem::replace(&mut member.is_up, false) {
            self.up -= 1;
        }
        if let Some(follower) = &mut member.follower {
            follower.begin_anew();
        }
        self.connect(slot)
    }

    /// Connects all of `members` and waits until each is up, with all that it missed.
    pub(super) fn gather(&mut self, members: std::ops::Range<usize>) -> Result<(), Stopped> {
        for member in members.clone() {
            self.due.push(Reverse((0, member, Due::Connect)));
        }
        let wanted = self.up + members.len();
        self.until("everybody is up", |play| play.up >= wanted)
    }

    /// Plays until `done`, without writing anything new.
    pub(super) fn until(
        &mut self,
        what: &str,
        mut done: impl FnMut(&Self) -> bool,
    ) -> Result<(), Stopped> {
        let mut moved = (self.motion(), Instant::now());
        while !done(self) {
            self.turn(PATIENCE)?;
            if self.motion() != moved.0 {
                moved = (self.motion(), Instant::now());
            } else if moved.1.elapsed() > STUCK_AFTER {
                return Err(format!(
                    "nothing moved for {STUCK_AFTER:?} while waiting until {what}: {} of {} are up, \
                     {} of {} acknowledged, {} of {} delivered",
                    self.up,
                    self.members.len(),
                    self.counts.acknowledged,
                    self.counts.sent,
                    self.counts.deliveries,
                    self.counts.expected,
                ));
            }
        }
        Ok(())
    }

    fn motion(&self) -> (u64, u64, usize) {
        (self.counts.deliveries, self.counts.acknowledged, self.up)
    }

    /// Takes in what has arrived, waiting for at most `patience`.
    pub(super) fn turn(&mut self, patience: Duration) -> Result<(), Stopped> {
        let patience = self.do_what_is_due(patience)?;
        let mut events = std::mem::take(&mut self.events);
        self.swarm.turn(patience, &mut |slot, at, heard| {
            // Deliveries are by far the most: they are counted where they arrive.
            match heard {
                Heard::Entry { seq, stamp } => {
                    let member = &mut self.members[slot];
                    if let Some(follower) = &mut member.follower {
                        follower.take(seq, stamp);
                    }
                    self.counts.deliveries += 1;
                    if member.writer.is_none() {
                        self.counts.delivery.add(at.saturating_sub(stamp.sent));
                    }
                }
                other => events.push((slot, at, other)),
            }
        })?;
        let heard = events.drain(..).try_for_each(|(slot, at, heard)| self.heed(slot, at, heard));
        self.events = events;
        heard
    }

    fn heed(&mut self, slot: usize, at: u64, heard: Heard) -> Result<(), Stopped> {
        let member = &mut self.members[slot];
        match heard {
            Heard::Entry { .. } => {}
            Heard::Up { head } => {
                member.head = head.unwrap_or_default();
                if !member.is_up {
                    member.is_up = true;
                    self.up += 1;
                    self.joining = self.joining.saturating_sub(1);
                }
                if let Some(writer) = &mut member.writer {
                    // What was under way when the connection broke: the same bytes under the same ids.
                    for (number, entry) in writer.unacknowledged() {
                        self.swarm.say(slot, |speech| speech.publish(number, entry));
                    }
                    self.ready.push(slot);
                }
            }
            Heard::Acked { number, seq } => {
                let Some(writer) = &mut member.writer else { return Ok(()) };
                if let Some(sent) = writer.acknowledge(number, seq) {
                    self.counts.acknowledged += 1;
                    self.counts.acknowledgement.add(at.saturating_sub(sent));
                    let followers = self.followers.get(&member.role.channel);
                    self.counts.expected += followers.copied().unwrap_or_default();
                    self.ready.push(slot);
                }
            }
            Heard::Later { number, ms } => {
                self.counts.later += 1;
                let due = number.map_or(Due::AskAgain, Due::Resend);
                self.due.push(Reverse((at + u64::from(ms) * 1_000_000, slot, due)));
            }
            Heard::Broken(why) => {
                if !self.mends {
                    return Err(format!("connection {slot} broke: {why}"));
                }
                self.counts.broken += 1;
                if member.is_up {
                    member.is_up = false;
                    self.up -= 1;
                } else {
                    self.joining = self.joining.saturating_sub(1);
                }
                self.due.push(Reverse((at + AGAIN_AFTER_MS * 1_000_000, slot, Due::Connect)));
            }
        }
        Ok(())
    }

    /// Makes connections that are due, as far as there is room for them; gives the time until the
    /// next is.
    fn do_what_is_due(&mut self, patience: Duration) -> Result<Duration, Stopped> {
        while let Some(Reverse((at, slot, due))) = self.due.peek().copied() {
            let wait = at.saturating_sub(now());
            if wait > 0 {
                return Ok(patience.min(Duration::from_nanos(wait)));
            }
            match due {
                Due::Connect if self.joining >= CONNECTED_AT_ONCE => break,
                Due::Connect => self.connect(slot)?,
                Due::AskAgain => self.swarm.say(slot, Speech::again),
                Due::Resend(number) => self.resend(slot, number),
            }
            self.due.pop();
        }
        Ok(patience)
    }

    fn connect(&mut self, slot: usize) -> Result<(), Stopped> {
        let member = &mut self.members[slot];
        if let Some(follower) = &member.follower {
            member.role.follows_after = Some(follower.place());
        }
        self.joining += 1;
        let speech = self.service.speech(&member.role)?;
        self.swarm.connect(slot, self.service.address(), speech)
    }

    fn resend(&mut self, slot: usize, number: u64) {
        let Some(writer) = &self.members[slot].writer else { return };
        if let Some(entry) = writer.entry(number) {
            self.swarm.say(slot, |speech| speech.publish(number, entry));
        }
    }

    /// Lets a writer write one entry, if its window has room. Says whether it had.
    pub(super) fn write(&mut self, slot: usize) -> bool {
        let member = &mut self.members[slot];
        let Some(writer) = member.writer.as_mut().filter(|writer| writer.has_room()) else {
            return false;
        };
        if !member.is_up {
            return false;
        }
        let sent = now();
        let stamp = Stamp { sent, writer: writer.number(), number: writer.next() };
        let entry = self.mint.entry(stamp);
        self.swarm.say(slot, |speech| speech.publish(stamp.number, &entry));
        writer.sent(sent, entry);
        self.counts.sent += 1;
        true
    }

    /// Forgets what was counted so far, but not where everybody is.
    pub(super) fn count_anew(&mut self) {
        self.counts = Counts::default();
    }

    /// Whether everything that was sent is acknowledged and delivered.
    pub(super) fn is_settled(&self) -> bool {
        self.counts.acknowledged == self.counts.sent
            && self.counts.deliveries >= self.counts.expected
    }

    /// The memory of the server, in bytes.
    pub(super) fn server_memory(&self) -> Result<u64, Stopped> {
        system::memory_of(self.service.process())
    }
}
