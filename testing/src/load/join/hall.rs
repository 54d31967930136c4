//! A server and those whose programs run, in one process: rounds in which clients work side by side, and
//! time that passes when nobody has anything to do.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};
use veche_client::{Client, Command, Input, IntentId, Reply, Settled};
use veche_net::ServerKey;
use veche_server::storage::Embedded;
use veche_server::{Config, ConnectionId, Metrics, PeerId, Rate, Service};
use veche_store::{DATABASE_FILE, DatabaseKey, Store, StoreError};
use veche_wire::{LogId, Millis, ServerAddress};

use super::super::{Stopped, words};
use super::seat::{Deed, Seat};
use crate::bench::old_message;
use crate::dice::Dice;

const NOISE_KEY: [u8; 32] = [7; 32];
const DIRECTORY_KEY: [u8; 32] = [9; 32];
const PORT: u16 = 44_333;
/// Homes are encrypted as people's are.
const HOME_KEY: [u8; 32] = [5; 32];
const BUDGET_BYTES: usize = 4 << 20;
/// How long something may take that is waited for.
const WAIT_MS: Millis = 6 * 3_600_000;

/// The hall.
pub(super) struct Hall {
    folder: PathBuf,
    service: Service<Embedded>,
    pub(super) seats: BTreeMap<usize, Seat>,
    links: BTreeMap<ConnectionId, usize>,
    pub(super) now: Millis,
    dice: Dice,
    threads: Vec<ThreadPool>,
}

impl Hall {
    /// A server over what `folder` holds; `chance` is never the same twice.
    pub(super) fn over(folder: &Path, now: Millis, chance: u64) -> Result<Self, Stopped> {
        let server = folder.join("server");
        std::fs::create_dir_all(&server).map_err(words)?;
        let metrics = Arc::new(Metrics::default());
        let engine = Embedded::open(&server, Arc::clone(&metrics)).map_err(words)?;
        // All come from one address here.
        let rate = Rate { per_second: 1_000_000_000, burst: 1_000_000_000 };
        let config = Config {
            connections_max: 1_000_000,
            connections_per_address_max: 1_000_000,
            requests_per_connection: rate,
            requests_per_address: rate,
            strangers_per_connection: rate,
            strangers_per_address: rate,
            registrations_per_address: rate,
            blob_kib_per_address: rate,
            ..Config::default()
        };
        let service = Service::new(engine, config, &DIRECTORY_KEY, metrics);
        Ok(Self {
            folder: folder.to_owned(),
            service,
            seats: BTreeMap::new(),
            links: BTreeMap::new(),
            now,
            dice: Dice::seeded(chance, 1),
            threads: threads()?,
        })
    }

    /// The server's address.
    pub(super) fn address() -> ServerAddress {
        let key = ServerKey::from_bytes(&NOISE_KEY).public();
        ServerAddress { host: "127.0.0.1".to_owned(), port: PORT, key }
    }

    fn home(&self, number: usize) -> PathBuf {
        self.folder.join("homes").join(format!("{number:05}"))
    }

    /// Removes somebody's home, where they have one.
    pub(super) fn forget_home(&self, number: usize) -> Result<(), Stopped> {
        let home = self.home(number);
        if home.exists() { std::fs::remove_dir_all(home).map_err(words) } else { Ok(()) }
    }

    /// Starts somebody's program and connects it.
    pub(super) fn wake(&mut self, number: usize) -> Result<(), Stopped> {
        if self.seats.contains_key(&number) {
            return Ok(());
        }
        let store = self.store(number)?;
        let random = Box::new(Dice::seeded(self.dice.number(), number as u64));
        let client = Client::open(store, random, self.now).map_err(words)?;
        self.seats.insert(number, Seat::new(number, client));
        self.connect(number)
    }

    /// Puts so many old messages into the home of somebody who rests, as if they had said them all.
    pub(super) fn lade(&mut self, number: usize, chat: LogId, count: u64) -> Result<(), Stopped> {
        let mut store = self.store(number)?;
        store
            .write::<_, StoreError, _>(|tx| {
                let log = tx.logs_of(&chat)?.pop().ok_or(StoreError::Bug("no log".to_owned()))?;
                let account = tx.members(&log.log)?.first().map(|member| member.account);
                let account = account.ok_or(StoreError::Bug("nobody is inside".to_owned()))?;
                for number in 1..=count {
                    tx.insert_message(&old_message(&log.log, number, account))?;
                }
                Ok(())
            })
            .map_err(words)?;
        store.checkpoint().map_err(words)
    }

    fn store(&self, number: usize) -> Result<Store, Stopped> {
        let home = self.home(number);
        std::fs::create_dir_all(&home).map_err(words)?;
        let key = DatabaseKey::from_bytes(HOME_KEY);
        Store::open(&home.join(DATABASE_FILE), &key).map_err(words)
    }

    fn connect(&mut self, number: usize) -> Result<(), Stopped> {
        let peer = PeerId::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let link = self.service.connect(peer, &mut self.dice);
        let link = link.map_err(|refused| format!("{refused:?}"))?;
        let now = self.now;
        if let Some(seat) = self.seats.get_mut(&number) {
            self.links.insert(link, number);
            seat.link = Some(link);
            seat.feed(now, Deed::Other, Input::Connected);
        }
        Ok(())
    }

    fn hang_up(&mut self, number: usize) {
        let Some(seat) = self.seats.get_mut(&number) else { return };
        seat.incoming.clear();
        seat.outgoing.clear();
        seat.wants_hangup = false;
        if let Some(link) = seat.link.take() {
            self.links.remove(&link);
            self.service.disconnect(link);
        }
    }

    /// Ends somebody's program; their home rests on the disk.
    pub(super) fn rest(&mut self, number: usize) -> Result<(), Stopped> {
        self.hang_up(number);
        let Some(seat) = self.seats.remove(&number) else { return Ok(()) };
        let mut store = seat.client.into_store();
        store.checkpoint().map_err(words)
    }

    /// Somebody's client.
    pub(super) fn client(&self, number: usize) -> Result<&Client, Stopped> {
        self.seats.get(&number).map(|seat| &seat.client).ok_or(format!("{number} rests"))
    }

    /// Gives somebody's client a command.
    pub(super) fn command(&mut self, number: usize, command: Command) -> Result<Reply, Stopped> {
        let now = self.now;
        let seat = self.seats.get_mut(&number).ok_or(format!("{number} rests"))?;
        seat.command(now, command).map_err(words)
    }

    /// A command that becomes an intent.
    pub(super) fn want(&mut self, number: usize, command: Command) -> Result<IntentId, Stopped> {
        match self.command(number, command)? {
            Reply::Intent(intent) | Reply::Message { intent, .. } => Ok(intent),
            Reply::Done => Err("an intent was to come of it".to_owned()),
        }
    }

    /// Waits until an intent is done.
    pub(super) fn done(&mut self, number: usize, intent: IntentId) -> Result<Settled, Stopped> {
        self.until("an intent", |hall| {
            let settled = hall.client(number)?.intent(intent).map_err(words)?;
            Ok(settled != Settled::Waiting)
        })?;
        match self.client(number)?.intent(intent).map_err(words)? {
            Settled::Failed(reason) => Err(reason),
            settled => Ok(settled),
        }
    }

    /// Waits until all whose programs run have heard and said everything.
    pub(super) fn settle(&mut self) -> Result<(), Stopped> {
        self.until("everybody to come to rest", |hall| {
            for seat in hall.seats.values() {
                let pending = seat.client.pending().map_err(words)?;
                if pending.outgoing > 0 || !pending.caught_up {
                    return Ok(false);
                }
            }
            Ok(true)
        })
    }

    /// Lets so much time pass, and then everything come to rest.
    pub(super) fn pass(&mut self, ms: Millis) -> Result<(), Stopped> {
        let until = self.now + ms;
        self.until("time to pass", |hall| Ok(hall.now >= until))?;
        self.settle()
    }

    /// Lets things happen until `condition`, which is asked when nobody has anything to do.
    pub(super) fn until(
        &mut self,
        what: &str,
        mut condition: impl FnMut(&mut Self) -> Result<bool, Stopped>,
    ) -> Result<(), Stopped> {
        let until = self.now + WAIT_MS;
        loop {
            while self.round()? {}
            if condition(self)? {
                return Ok(());
            }
            let next = self.seats.values().filter_map(|seat| seat.wake_at).min();
            self.now = next.unwrap_or(self.now + 1_000).max(self.now + 1);
            if self.now > until {
                return Err(format!("{what} was waited for in vain"));
            }
        }
    }

    /// Carries what clients and server have for each other, once; whether there was anything.
    pub(super) fn round(&mut self) -> Result<bool, Stopped> {
        let mut any = self.take_frames();
        self.work();
        let now = self.now;
        let mut away = Vec::new();
        for seat in self.seats.values_mut() {
            if let Some(trouble) = seat.trouble.take() {
                return Err(format!("the client of {}: {trouble}", seat.number));
            }
            for frame in std::mem::take(&mut seat.outgoing) {
                any = true;
                if let Some(link) = seat.link {
                    self.service.handle(now, link, &frame);
                }
            }
            if seat.wants_hangup {
                away.push(seat.number);
            }
        }
        for number in away {
            any = true;
            self.hang_up(number);
            if let Some(seat) = self.seats.get_mut(&number) {
                seat.feed(now, Deed::Other, Input::Disconnected);
            }
            self.connect(number)?;
        }
        Ok(any || self.service.has_waiting())
    }

    fn take_frames(&mut self) -> bool {
        self.service.flush(self.now);
        let mut any = false;
        for link in self.service.take_ready() {
            let Some(seat) = self.links.get(&link).and_then(|at| self.seats.get_mut(at)) else {
                continue;
            };
            loop {
                let outgoing = self.service.take_outgoing(link, BUDGET_BYTES);
                any |= !outgoing.frames.is_empty();
                seat.incoming.extend(outgoing.frames.iter().map(|frame| frame.to_vec()));
                if outgoing.closing.is_some() {
                    seat.wants_hangup = true;
                }
                if !outgoing.more || outgoing.frames.is_empty() {
                    break;
                }
            }
        }
        any
    }

    /// Lets all who have something to do work, side by side.
    fn work(&mut self) {
        let now = self.now;
        let busy: Vec<&mut Seat> =
            self.seats.values_mut().filter(|seat| seat.is_busy(now)).collect();
        // Some have much more to do than others, so that each thread takes the next when it is free.
        let queue = Mutex::new(busy.into_iter());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        std::thread::scope(|scope| {
            for thread in &self.threads {
                scope.spawn(|| {
                    thread.install(|| {
                        while let Some(seat) = next() {
                            seat.work(now)
                        }
                    })
                });
            }
        });
    }
}

/// A pool for each processor, of one thread each: what MLS would do on several threads it does on the one
/// whose time is measured.
fn threads() -> Result<Vec<ThreadPool>, Stopped> {
    let count = std::thread::available_parallelism().map_or(1, usize::from);
    let one = |_| ThreadPoolBuilder::new().num_threads(1).build().map_err(words);
    (0..count).map(one).collect()
}
