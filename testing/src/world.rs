//! A world: people with devices, one server, a network and one clock, all from one seed.
//!
//! A story asks for people and chats, lets them act and time pass, and looks at their screens. The
//! same seed always gives the same run.

use std::cell::RefCell;
use std::rc::Rc;

use veche_client::{Command, IntentId, Settled};
use veche_server::storage::Memory;
use veche_wire::{ClientFrame, LogId, Millis, Request, Response, ServerFrame};

mod actor;
mod check;
mod counts;
mod homes;
mod host;
mod journal;
mod network;
mod outsider;
mod pace;
mod person;
mod sabotage;
mod schedule;
mod screen;
mod slow;
mod stage;
mod tap;
mod tell;

pub use actor::Death;
pub(crate) use check::STOLEN;
pub use counts::Counts;
pub use journal::Journal;
pub use network::Weather;
pub use outsider::Outsider;
pub use person::Person;
pub use sabotage::{Beside, Sabotage};
pub use schedule::Who;
pub use stage::Refusal;

pub(crate) use host::{Host, ServerDeath};
pub(crate) use stage::Stage;

/// A copy of all that a server has stored.
#[derive(Debug)]
pub struct Backup(Memory);

/// A copy of somebody's home.
#[derive(Debug)]
pub struct HomeCopy(veche_store::Disk);

/// A world.
pub struct World {
    pub(crate) stage: Rc<RefCell<Stage>>,
}

impl World {
    /// A world in which everything comes from `seed`.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::sabotaged(seed, Sabotage::default())
    }

    /// A world in which a rule is broken.
    #[must_use]
    pub fn sabotaged(seed: u64, sabotage: Sabotage) -> Self {
        Self { stage: Rc::new(RefCell::new(Stage::new(seed, sabotage))) }
    }

    /// The address of the server.
    #[must_use]
    pub fn server_address(&self) -> veche_wire::ServerAddress {
        Host::address()
    }

    // People and chats.

    /// People with a registered account each.
    pub fn people<const N: usize>(&mut self, names: [&str; N]) -> [Person; N] {
        names.map(|name| self.person(name))
    }

    /// Somebody with a registered account.
    pub fn person(&mut self, name: &str) -> Person {
        let person = self.newcomer(name);
        let register =
            Command::Register { server: Host::address(), name: name.to_owned(), invite: None };
        person.want(register).expect("a registration is taken");
        self.settle();
        person
    }

    /// Somebody with an empty home and a network, who has not registered.
    pub fn newcomer(&mut self, name: &str) -> Person {
        let who = self.stage.borrow_mut().enter(name);
        Person::new(&self.stage, who, name)
    }

    /// The direct chat of two people who know each other.
    pub fn chat(&mut self, [one, other]: [&Person; 2]) -> LogId {
        let intent = one.open_direct(other);
        self.settle();
        other.accept_all();
        self.settle();
        one.chat_of(intent)
    }

    /// A group that everybody has joined; the first is its owner.
    pub fn group<const N: usize>(&mut self, title: &str, people: [&Person; N]) -> LogId {
        let (owner, members) = people.split_first().expect("a group has an owner");
        for member in members {
            self.acquaint(owner, member);
        }
        let intent = owner.make_group(title, members);
        self.settle();
        for member in members {
            member.accept_all();
        }
        self.settle();
        owner.chat_of(intent)
    }

    /// Makes two people contacts of each other.
    pub fn acquaint(&mut self, one: &Person, other: &Person) {
        one.add_contact(other);
        other.add_contact(one);
        self.settle();
    }

    // What happens to people and their programs.

    /// Takes somebody's network away.
    pub fn cut_off(&mut self, person: &Person) {
        let mut stage = self.stage.borrow_mut();
        stage.cut_off(person.who);
    }

    /// Somebody's machine is a slow one: whatever the program puts off, such as the next slice of what was
    /// missed, comes so much later, in milliseconds.
    pub fn slow_down(&mut self, person: &Person, ms: Millis) {
        self.stage.borrow_mut().cast[person.who].slow_ms = ms;
    }

    /// Gives it back.
    pub fn reconnect(&mut self, person: &Person) {
        let mut stage = self.stage.borrow_mut();
        stage.reconnect(person.who);
    }

    /// Ends somebody's program and starts it again.
    pub fn restart(&mut self, person: &Person) {
        let mut stage = self.stage.borrow_mut();
        stage.die(person.who);
        stage.boot(person.who);
    }

    /// Sets the clock of somebody's machine back.
    pub fn set_clock_back(&mut self, person: &Person, ms: Millis) {
        self.stage.borrow_mut().cast[person.who].behind_ms += ms;
    }

    /// Lets somebody's program die at the next moment of a kind; it starts again a little later.
    pub fn crash(&mut self, person: &Person, death: Death) {
        self.stage.borrow_mut().doom(person.who, death, 1);
    }

    /// A copy of somebody's home as it is now.
    ///
    /// # Panics
    /// Where their program does not run.
    pub fn copy_home(&mut self, person: &Person) -> HomeCopy {
        HomeCopy(self.stage.borrow_mut().copy_home(person.who))
    }

    /// Puts an older copy in the place of somebody's home: it is rolled back.
    pub fn roll_back(&mut self, person: &Person, copy: HomeCopy) {
        let mut stage = self.stage.borrow_mut();
        stage.die(person.who);
        stage.start_on(person.who, copy.0);
    }

    /// Starts a copy of somebody's home on another machine: there are two of them now.
    pub fn start_copy(&mut self, name: &str, copy: HomeCopy) -> Person {
        let mut stage = self.stage.borrow_mut();
        let who = stage.enter_with(name, copy.0);
        drop(stage);
        Person::new(&self.stage, who, name)
    }

    /// Somebody's machine is slow to follow commits: until [`Self::let_compute`] it comes to an end with
    /// none that it hears of.
    pub fn hold_computing(&mut self, person: &Person) {
        self.stage.borrow_mut().hold_jobs(person.who, true);
    }

    /// Whether somebody's machine is at a commit that it does not come to an end with.
    #[must_use]
    pub fn is_computing(&self, person: &Person) -> bool {
        !self.stage.borrow().cast[person.who].held_jobs.is_empty()
    }

    /// It comes to an end with it.
    pub fn let_compute(&mut self, person: &Person) {
        self.stage.borrow_mut().hold_jobs(person.who, false);
    }

    /// Lets the server change what it says, until [`World::make_honest`].
    pub fn make_dishonest(&mut self, change: impl FnMut(&mut ServerFrame) + 'static) {
        self.stage.borrow_mut().lies = Some(Box::new(change));
    }

    /// The server damages every blob that it gives, until [`Self::make_honest`].
    pub fn damage_blobs(&mut self) {
        self.make_dishonest(|frame| {
            if let ServerFrame::Answer { response: Response::BlobPart { bytes, .. }, .. } = frame
                && let Some(first) = bytes.first_mut()
            {
                *first ^= 1;
            }
        });
    }

    /// Lets it say again what it has.
    pub fn make_honest(&mut self) {
        self.stage.borrow_mut().lies = None;
    }

    /// Stops the server properly and starts it again.
    pub fn restart_server(&mut self) {
        let mut stage = self.stage.borrow_mut();
        stage.server_down(false);
        stage.server_up();
    }

    /// Takes the power from the server: what it had not synced is lost.
    pub fn crash_server(&mut self) {
        let mut stage = self.stage.borrow_mut();
        stage.server_down(true);
        stage.server_up();
    }

    /// Stops the server until [`World::start_server`].
    pub fn stop_server(&mut self) {
        self.stage.borrow_mut().server_down(false);
    }

    /// Starts it again.
    pub fn start_server(&mut self) {
        self.stage.borrow_mut().server_up();
    }

    /// A copy of what the server has stored now.
    pub fn backup_server(&mut self) -> Backup {
        Backup(self.stage.borrow_mut().host.backup().expect("there is a server"))
    }

    /// Puts an older copy in the place of what the server has stored.
    pub fn restore_server(&mut self, backup: Backup) {
        let mut stage = self.stage.borrow_mut();
        stage.server_down(false);
        stage.host.replace_disk(backup.0);
        stage.tap.forget_places();
        stage.restored = true;
        stage.server_up();
    }

    /// Lets the server forget everything that it has stored until now, as when its time is over.
    pub fn forget_old_entries(&mut self) {
        let mut stage = self.stage.borrow_mut();
        let now = stage.now;
        stage.host.forget_old(now);
    }

    /// Fills the server's disk, or makes room again.
    pub fn fill_server_disk(&mut self, full: bool) {
        self.stage.borrow_mut().host.set_full(full);
    }

    /// Makes the network better or worse.
    pub fn set_weather(&mut self, weather: Weather) {
        self.stage.borrow_mut().network.weather = weather;
    }

    // Time.

    /// Lets time pass.
    pub fn wait_ms(&mut self, ms: Millis) {
        self.stage.borrow_mut().run_for(ms);
    }

    /// Runs until nothing waits at anybody who is not cut off.
    ///
    /// # Panics
    /// Where that does not come to pass, naming who is stuck with what; and where anything went
    /// wrong on the way.
    pub fn settle(&mut self) {
        let settled = self.stage.borrow_mut().settle();
        let troubles = std::mem::take(&mut self.stage.borrow_mut().troubles);
        assert!(troubles.is_empty(), "{}", troubles.join("\n"));
        if let Err(report) = settled {
            panic!("{report}");
        }
    }

    /// Settles, and says how an intent ended.
    pub fn settled(&mut self, person: &Person, intent: IntentId) -> Settled {
        self.settle();
        person.outcome(intent)
    }

    // Looking.

    /// Somebody with a connection of their own and whatever tokens they could get hold of.
    pub fn outsider(&mut self) -> Outsider {
        Outsider::new(&self.stage)
    }

    /// Keeps every frame that reaches the server from now on.
    pub fn record(&mut self) {
        self.stage.borrow_mut().tap.record = Some(Vec::new());
    }

    /// The frames that reached the server since [`World::record`].
    #[must_use]
    pub fn recorded(&self) -> Vec<ClientFrame> {
        let stage = self.stage.borrow();
        let frames = stage.tap.record.iter().flatten();
        frames.filter_map(|bytes| ClientFrame::decode(bytes).ok()).collect()
    }

    /// What the clock says.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.stage.borrow().now
    }

    /// How often everything was done.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.stage.borrow().counts.clone()
    }

    /// Everything that does not hold in the world as it stands; call it after [`World::settle`].
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        check::complaints(&mut self.stage.borrow_mut())
    }

    /// The kinds of entries of a log that anybody was shown, in order.
    #[must_use]
    pub fn kinds(&self, chat: LogId) -> Vec<veche_wire::Kind> {
        let stage = self.stage.borrow();
        let heard = stage.tap.logs.get(&chat);
        heard
            .map(|heard| heard.entries.values().map(|(_, kind)| *kind).collect())
            .unwrap_or_default()
    }
}

/// Asks the server one thing and gives its answer.
pub(crate) fn ask(stage: &Rc<RefCell<Stage>>, request: Request) -> Response {
    stage.borrow_mut().ask_directly(request)
}
