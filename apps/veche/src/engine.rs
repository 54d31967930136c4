//! The one client of this process, shared by its own command, the commands that others handed over,
//! and the driver that talks with the server. All of them run on one thread and take turns.

use std::cell::{Cell, Ref, RefCell};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, broadcast};
use tokio::time::{Instant, timeout_at};
use veche_client::wire::link::NotConnected;
use veche_client::wire::{Millis, Random, ServerAddress};
use veche_client::{Client, ClientError, Command, Connection, Effect, Event, Input, Job, Reply};

use crate::problem::Problem;

/// How many events wait for somebody who watches and is slow.
const EVENTS_WAITING_MAX: usize = 4096;

/// Random bytes of the operating system.
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("a system without randomness can keep no secret");
    }
}

/// How the way to the server stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody has asked for it, or the first attempt is under way.
    Untried,
    /// A connection stands.
    Up,
    /// The last attempt failed, or the connection broke, for this reason.
    Unreachable(NotConnected),
}

/// The client and what flows in and out of it.
pub(crate) struct Engine {
    client: RefCell<Client>,
    outgoing: RefCell<Vec<Vec<u8>>>,
    jobs: RefCell<VecDeque<Job>>,
    wake_at: Cell<Option<Millis>>,
    hang_up: Cell<bool>,
    online: Cell<bool>,
    reach: RefCell<Reach>,
    moved_bytes: Cell<u64>,
    stirs: Cell<u64>,
    broke: RefCell<Option<String>>,
    events: broadcast::Sender<Event>,
    /// Something may have changed for those who wait for it.
    changed: Notify,
    /// There is something for the driver to do.
    work: Notify,
    /// There is something to compute.
    job_waits: Notify,
    /// The time to wake up at has changed.
    wake_changed: Notify,
    /// Somebody has begun to wait for the server.
    hurry: Notify,
}

impl Engine {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client: RefCell::new(client),
            outgoing: RefCell::default(),
            jobs: RefCell::default(),
            wake_at: Cell::default(),
            hang_up: Cell::default(),
            online: Cell::default(),
            reach: RefCell::new(Reach::Untried),
            moved_bytes: Cell::default(),
            stirs: Cell::default(),
            broke: RefCell::default(),
            events: broadcast::channel(EVENTS_WAITING_MAX).0,
            changed: Notify::new(),
            work: Notify::new(),
            job_waits: Notify::new(),
            wake_changed: Notify::new(),
            hurry: Notify::new(),
        }
    }

    /// The client, to look at. Not to be held while waiting for anything.
    pub(crate) fn client(&self) -> Ref<'_, Client> {
        self.client.borrow()
    }

    /// Lets the client do something that has no effects on the outside, such as staging a file.
    pub(crate) fn with_client<T>(
        &self,
        work: impl FnOnce(&mut Client) -> Result<T, ClientError>,
    ) -> Result<T, Problem> {
        let result = work(&mut self.client.borrow_mut());
        self.changed.notify_waiters();
        Ok(result?)
    }

    /// Gives the client a command.
    pub(crate) fn command(&self, command: Command) -> Result<Reply, Problem> {
        let result = self.client.borrow_mut().command(now(), command);
        let (reply, effects) = result?;
        self.apply(effects);
        Ok(reply)
    }

    /// Tells the client what happened. A client that cannot go on (its disk is full, say) ends
    /// everything that waits, with the reason, and talks with the server no more: what it could not
    /// keep, it would only be told again.
    pub(crate) fn feed(&self, input: Input) {
        if let Input::Frame(frame) = &input {
            self.count_moved(frame.len());
        }
        let result = self.client.borrow_mut().handle(now(), input);
        match result {
            Ok(effects) => self.apply(effects),
            // A server that talks nonsense may do better on another connection.
            Err(ClientError::Peer(_)) => {
                self.hang_up.set(true);
                self.work.notify_one();
            }
            Err(error) => self.give_up(error.to_string()),
        }
    }

    /// Ends everything that waits, for this reason.
    pub(crate) fn give_up(&self, words: String) {
        *self.broke.borrow_mut() = Some(words);
        self.hang_up.set(true);
        self.work.notify_one();
        self.changed.notify_waiters();
    }

    fn apply(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(frame) => {
                    self.count_moved(frame.len());
                    self.outgoing.borrow_mut().push(frame);
                }
                Effect::Tell(event) => self.tell(event),
                Effect::WakeAt(at) => {
                    let earliest = self.wake_at.get().map_or(at, |before| before.min(at));
                    self.wake_at.set(Some(earliest));
                    self.wake_changed.notify_one();
                }
                Effect::Hangup => self.hang_up.set(true),
                Effect::Compute(job) => {
                    self.jobs.borrow_mut().push_back(job);
                    self.job_waits.notify_one();
                }
            }
        }
        self.work.notify_one();
        self.changed.notify_waiters();
    }

    fn tell(&self, event: Event) {
        if !matches!(event, Event::Connection(_) | Event::Typing { .. }) {
            self.stirs.set(self.stirs.get() + 1);
        }
        // Nobody may be watching.
        let _ = self.events.send(event);
    }

    fn count_moved(&self, bytes: usize) {
        self.moved_bytes.set(self.moved_bytes.get() + bytes as u64);
    }

    /// What happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// How many bytes of frames went either way.
    pub(crate) fn moved_bytes(&self) -> u64 {
        self.moved_bytes.get()
    }

    /// How often something changed that a person could see.
    pub(crate) fn stirs(&self) -> u64 {
        self.stirs.get()
    }

    /// Waits until `condition` gives a value, or until `deadline`, when it is asked a last time.
    pub(crate) async fn until<T>(
        &self,
        deadline: Instant,
        mut condition: impl FnMut(&Self) -> Result<Option<T>, Problem>,
    ) -> Result<Option<T>, Problem> {
        loop {
            // Listening begins before looking, so that no change falls between the two.
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(reason) = &*self.broke.borrow() {
                return Err(Problem::refused(reason.clone()));
            }
            if let Some(value) = condition(self)? {
                return Ok(Some(value));
            }
            if timeout_at(deadline, changed).await.is_err() {
                return condition(self);
            }
        }
    }

    /// Why the server cannot be spoken with, where that is known.
    pub(crate) fn unreachable(&self) -> Option<String> {
        if let Ok(Connection::Incompatible(words)) = self.client().connection() {
            return Some(words);
        }
        match &*self.reach.borrow() {
            Reach::Unreachable(reason) => Some(reason.to_string()),
            Reach::Untried | Reach::Up => None,
        }
    }

    /// Why waiting for the server leads to nothing, where that is so. An address `just_typed` may be
    /// mistyped; one that was good before may be good again.
    pub(crate) fn is_hopeless(&self, just_typed: bool) -> Option<String> {
        match &*self.reach.borrow() {
            Reach::Unreachable(NotConnected::OtherKey(reason)) => Some(reason.clone()),
            Reach::Unreachable(NotConnected::NobodyThere(reason)) if just_typed => {
                Some(reason.clone())
            }
            Reach::Unreachable(_) | Reach::Untried | Reach::Up => None,
        }
    }

    // What the driver needs.

    /// Lets the driver dial, now and whenever the connection breaks.
    pub(crate) fn go_online(&self) {
        self.online.set(true);
        // What an earlier attempt found may have been put right since.
        if *self.reach.borrow() != Reach::Up {
            self.set_reach(Reach::Untried);
        }
        self.work.notify_one();
        self.hurry.notify_one();
    }

    /// Waits until somebody who has just come wants the server.
    pub(crate) async fn hurried(&self) {
        self.hurry.notified().await;
    }

    /// Waits until somebody wants the server and it is known where that is; for ever, where the client
    /// cannot go on.
    pub(crate) async fn address_wanted(&self) -> ServerAddress {
        loop {
            if self.online.get() && self.broke.borrow().is_none() {
                let address = self.client().server();
                match address {
                    Ok(Some(address)) => return address,
                    Ok(None) => {}
                    Err(error) => self.give_up(error.to_string()),
                }
            }
            self.work.notified().await;
        }
    }

    /// Waits until there is something for the driver to do.
    pub(crate) async fn work(&self) {
        self.work.notified().await;
    }

    /// What is to be sent, in order.
    pub(crate) fn take_outgoing(&self) -> Vec<Vec<u8>> {
        self.outgoing.take()
    }

    /// Whether the client wants another connection; asked once.
    pub(crate) fn take_hang_up(&self) -> bool {
        self.hang_up.replace(false)
    }

    /// Notes how the way to the server stands.
    pub(crate) fn set_reach(&self, reach: Reach) {
        *self.reach.borrow_mut() = reach;
        self.changed.notify_waiters();
    }

    /// Waits until there is something to compute.
    pub(crate) async fn job(&self) -> Job {
        loop {
            let job = self.jobs.borrow_mut().pop_front();
            if let Some(job) = job {
                return job;
            }
            self.job_waits.notified().await;
        }
    }

    /// Waits until the client wants to be woken, and clears that.
    pub(crate) async fn wake_time(&self) {
        loop {
            let waited = async {
                match self.wake_at.get() {
                    Some(at) => {
                        tokio::time::sleep(Duration::from_millis(at.saturating_sub(now()))).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = waited => {
                    self.wake_at.set(None);
                    return;
                }
                () = self.wake_changed.notified() => {}
            }
        }
    }
}

/// The time of this machine's clock when we started or it was set forward, and what has passed since:
/// a clock that is set back while we run holds nothing up.
pub(crate) fn now() -> Millis {
    static CLOCK: Mutex<Option<(Millis, std::time::Instant)>> = Mutex::new(None);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let wall = millis(since);
    let mut clock = CLOCK.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((before, at)) = *clock {
        let told = later(before, at.elapsed(), wall);
        if told > wall {
            return told;
        }
    }
    *clock = Some((wall, std::time::Instant::now()));
    wall
}

/// What to tell after `passed`, where the clock says `wall`.
fn later(before: Millis, passed: Duration, wall: Millis) -> Millis {
    wall.max(before.saturating_add(millis(passed)))
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_where_the_clock_was_set_back() {
        let passed = Duration::from_millis(250);
        assert_eq!(later(10_000, passed, 10_250), 10_250);
        assert_eq!(later(10_000, passed, 3_000), 10_250, "set back");
        assert_eq!(later(10_000, passed, 90_000), 90_000, "set forward, or the machine slept");
        assert!(now() <= now());
    }
}
