//! Somebody at the assembly: a client over a database in a file, and what it cost.

use std::time::Duration;

use veche_client::{Client, ClientError, Command, Effect, Event, Input, Job, Reply};
use veche_server::ConnectionId;
use veche_wire::{Kind, Millis, Push, ServerFrame};

/// What a client did in one go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Took a push of one commit, of so many bytes.
    Commit(usize),
    /// Took other entries.
    Entries,
    /// Anything else.
    Other,
}

/// CPU time of one go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) deed: Deed,
    /// What the client took.
    cpu: Duration,
    /// What was computed for it before, beside the client.
    before: Duration,
}

impl Sample {
    /// Milliseconds in all.
    pub(super) fn ms(&self) -> f64 {
        (self.cpu + self.before).as_secs_f64() * 1e3
    }

    /// The milliseconds in which the client heard nobody.
    pub(super) fn deaf_ms(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3
    }
}

/// What a client wants computed, for which deed, and what that has taken so far.
struct Ahead {
    job: Job,
    deed: Deed,
    cpu: Duration,
}

/// Somebody whose program runs.
pub(super) struct Seat {
    /// The number of their home.
    pub(super) number: usize,
    pub(super) client: Client,
    pub(super) link: Option<ConnectionId>,
    pub(super) incoming: Vec<Vec<u8>>,
    pub(super) outgoing: Vec<Vec<u8>>,
    pub(super) wake_at: Option<Millis>,
    pub(super) wants_hangup: bool,
    /// Why the client could not go on.
    pub(super) trouble: Option<String>,
    ahead: Option<Ahead>,
    pub(super) samples: Vec<Sample>,
    /// Bytes of frames either way.
    pub(super) moved: u64,
    /// Notices, oldest first.
    pub(super) notices: Vec<String>,
}

impl Seat {
    pub(super) fn new(number: usize, client: Client) -> Self {
        Self {
            number,
            client,
            link: None,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            wake_at: None,
            wants_hangup: false,
            trouble: None,
            ahead: None,
            samples: Vec::new(),
            moved: 0,
            notices: Vec::new(),
        }
    }

    /// Whether there is something to do at `now`.
    pub(super) fn is_busy(&self, now: Millis) -> bool {
        !self.incoming.is_empty()
            || self.ahead.is_some()
            || self.wake_at.is_some_and(|at| at <= now)
    }

    /// Takes what has come, and what is due.
    pub(super) fn work(&mut self, now: Millis) {
        if let Some(Ahead { job, deed, cpu }) = self.ahead.take() {
            let before = thread_cpu();
            let computed = job.compute();
            let cpu = cpu + thread_cpu().saturating_sub(before);
            self.take(now, Input::Computed(computed), (deed, cpu));
        }
        for frame in std::mem::take(&mut self.incoming) {
            self.moved += frame.len() as u64;
            let deed = deed(&frame);
            self.feed(now, deed, Input::Frame(frame));
        }
        if self.wake_at.is_some_and(|at| at <= now) {
            self.wake_at = None;
            self.feed(now, Deed::Other, Input::Tick);
        }
    }

    /// Tells the client that it is connected, or is no more.
    pub(super) fn feed(&mut self, now: Millis, deed: Deed, input: Input) {
        // A slice of what came is none of the deeds that are measured whole.
        let deed = if self.client.has_backlog() { Deed::Entries } else { deed };
        self.take(now, input, (deed, Duration::ZERO));
    }

    /// Lets the client take something, for which so long was computed before.
    fn take(&mut self, now: Millis, input: Input, (deed, before): (Deed, Duration)) {
        let start = thread_cpu();
        let done = self.client.handle(now, input);
        let cpu = thread_cpu().saturating_sub(start);
        let mut effects = match done {
            Ok(effects) => effects,
            Err(error) => {
                self.trouble = Some(error.to_string());
                return;
            }
        };
        let job = effects.extract_if(.., |effect| matches!(effect, Effect::Compute(_))).next();
        if let Some(Effect::Compute(job)) = job {
            self.ahead = Some(Ahead { job, deed, cpu: before + cpu });
            self.samples.push(Sample { deed: Deed::Other, cpu, before: Duration::ZERO });
        } else {
            let deed = if self.client.has_backlog() { Deed::Entries } else { deed };
            self.samples.push(Sample { deed, cpu, before });
        }
        self.carry_out(effects);
    }

    /// Takes a command.
    pub(super) fn command(&mut self, now: Millis, command: Command) -> Result<Reply, ClientError> {
        let before = thread_cpu();
        let done = self.client.command(now, command);
        let cpu = thread_cpu().saturating_sub(before);
        self.samples.push(Sample { deed: Deed::Other, cpu, before: Duration::ZERO });
        let (reply, effects) = done?;
        self.carry_out(effects);
        Ok(reply)
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(bytes) => {
                    self.moved += bytes.len() as u64;
                    self.outgoing.push(bytes);
                }
                Effect::Tell(Event::Notice(words)) => self.notices.push(words),
                Effect::Tell(_) => {}
                Effect::WakeAt(at) => {
                    self.wake_at = Some(self.wake_at.map_or(at, |other| other.min(at)));
                }
                Effect::Hangup => self.wants_hangup = true,
                // Computed with its next turn.
                Effect::Compute(_) => {}
            }
        }
    }
}

/// What taking a frame will be.
fn deed(frame: &[u8]) -> Deed {
    let Ok(ServerFrame::Push(Push::Entries { entries, .. })) = ServerFrame::decode(frame) else {
        return Deed::Other;
    };
    match entries.as_slice() {
        [entry] if entry.kind == Kind::Commit => Deed::Commit(entry.bytes.len()),
        _ => Deed::Entries,
    }
}

/// The CPU time of this thread.
pub(super) fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
