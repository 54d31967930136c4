//! The messenger: a synchronous state machine that turns commands, frames and the passing of time
//! into rows, frames to send and events.
//!
//! It **never** reads a clock, draws randomness, spawns, awaits or opens a socket: time and
//! randomness are passed in, and its only I/O is the store's synchronous transaction. The same code
//! runs natively, in a browser's worker and in the simulator. Every effect is cosmetic or can be
//! derived again from the database when a home is opened.
//!
//! Read [`Client::handle`] first, then the ten stations of ARCHITECTURE.md: `outbox` (2 to 4) and
//! `inbox` (8) are the way of a message.

pub mod api;

mod account;
mod ahead;
mod answer;
mod backlog;
mod blobs;
mod chats;
mod command;
mod door;
mod error;
mod files;
mod gather;
mod inbox;
mod invitation;
mod join;
mod knock;
mod members;
mod mentions;
mod outbox;
mod people;
mod pump;
mod session;
mod succession;
mod views;
mod wanted;
mod warm;
mod work;

pub use ahead::{Computed, Job};
pub use api::*;

// What a face needs to open a home and to name things, so that it depends on this crate alone.
pub use veche_store as store;
pub use veche_wire as wire;

pub use error::ClientError;
pub use veche_store::Store;

use std::sync::Arc;

use veche_mls::{Engine, Identity};
use veche_wire::{Millis, Random, ServerFrame};

use session::{Session, Stage};
use work::{Core, Shared, StoreKeep, Work};

/// Why [`Client::handle`] is called: everything that can happen to a client.
#[derive(Debug)]
pub enum Input {
    /// A link to the server is up.
    Connected,
    /// The link is gone.
    Disconnected,
    /// One encoded `ServerFrame`.
    Frame(Vec<u8>),
    /// Time has passed.
    Tick,
    /// What came of an [`Effect::Compute`] of this client.
    Computed(Computed),
}

/// What the driver does next, in this order.
pub enum Effect {
    /// Send one encoded `ClientFrame`.
    Send(Vec<u8>),
    /// Tell the person.
    Tell(Event),
    /// Call again with [`Input::Tick`] at this time; the earliest counts.
    WakeAt(Millis),
    /// Drop the link and dial again.
    Hangup,
    /// Do this beside the client, best on another thread, and call again with [`Input::Computed`].
    Compute(Job),
}

impl std::fmt::Debug for Effect {
    /// Shows no frame: frames carry tokens.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Send(frame) => write!(f, "Send({} bytes)", frame.len()),
            Self::Tell(event) => write!(f, "Tell({event:?})"),
            Self::WakeAt(time) => write!(f, "WakeAt({time})"),
            Self::Hangup => f.write_str("Hangup"),
            Self::Compute(job) => write!(f, "Compute({job:?})"),
        }
    }
}

/// A rule of docs/protocol.md, broken on purpose for the simulator to catch.
#[cfg(feature = "mutants")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The cursor is durable before the rows that it stands for.
    CursorFirst,
    /// A removal does not begin a new generation, neither by the commit nor later (with the mutant of
    /// the same name in `mls`).
    NoRotation,
    /// An own commit is merged before it came back.
    MergeEarly,
    /// Messages do not wait for, nor name, the one before.
    NoFifo,
    /// Does not ask to be added again where it cannot follow.
    NeverAsks,
    /// Shows what came too soon for slow mode. Only a story notices.
    TooSoonShown,
    /// Of two successors of a log it goes into the one that it hears of last.
    LatestSuccessor,
    /// Asks for what its role does not allow: not a rule broken, but somebody who tries.
    Dishonest,
}

/// The id of the line that stands where a device of this account lost the place which `commit` gave it again.
#[cfg(feature = "mutants")]
#[must_use]
pub fn added_again_by(commit: &wire::EntryId, me: &wire::AccountId) -> wire::EntryId {
    let words = join::ADDED_AGAIN;
    inbox::id_of(commit, &inbox::Line { by: *me, about: Some(*me), words })
}

/// How many settled intents are kept for whoever asks how they came out.
const INTENTS_KEPT: u32 = 1_000;

/// A person's messenger on one device.
pub struct Client {
    store: Store,
    core: Core,
    now: Millis,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client(…)")
    }
}

impl Client {
    /// Opens a home. An empty store is a home without an account: [`Command::Register`] makes one.
    ///
    /// # Errors
    /// Where the database cannot be read, or was written by a newer program.
    pub fn open(
        mut store: Store,
        random: Box<dyn Random + Send>,
        now: Millis,
    ) -> Result<Self, ClientError> {
        let random = Shared::new(random);
        let engine = Arc::new(Engine::new(Box::new(random.clone())));
        let identity = stored_identity(&store)?;
        store.write(|tx| {
            tx.sweep(INTENTS_KEPT)?;
            members::write_missing(tx)
        })?;
        let core = Core {
            engine,
            random,
            identity,
            groups: std::collections::BTreeMap::new(),
            written: std::collections::BTreeMap::new(),
            session: Session::new(),
            ahead: ahead::Ahead::default(),
            long: ahead::Long::default(),
            #[cfg(feature = "mutants")]
            mutant: None,
        };
        Ok(Self { store, core, now })
    }

    /// Breaks a rule.
    #[cfg(feature = "mutants")]
    pub fn set_mutant(&mut self, mutant: Option<Mutant>) {
        self.core.mutant = mutant;
    }

    /// Breaks a rule of the MLS layer, or keeps them all.
    #[cfg(feature = "mutants")]
    pub fn set_mls_mutant(&mut self, mutant: Option<veche_mls::Mutant>) {
        let engine = Engine::new(Box::new(self.core.random.clone()));
        self.core.engine = Arc::new(match mutant {
            Some(mutant) => engine.with_mutant(mutant),
            None => engine,
        });
    }

    /// Lets all commits be computed ahead of their turn, not long ones only, for tests.
    #[cfg(feature = "mutants")]
    pub fn compute_all_ahead(&mut self) {
        self.core.long = ahead::Long::ALL;
    }

    /// Gives the store back, as after a restart.
    #[must_use]
    pub fn into_store(self) -> Store {
        self.store
    }

    /// Lets one thing happen.
    ///
    /// # Errors
    /// Where the database failed: nothing of what was under way remains, and the driver drops the
    /// link and dials again.
    pub fn handle(&mut self, now: Millis, input: Input) -> Result<Vec<Effect>, ClientError> {
        self.now = self.now.max(now);
        let mut effects = Vec::new();
        match input {
            Input::Connected => self.connected(&mut effects),
            Input::Disconnected => {
                self.core.session.reset();
                effects.push(Effect::Tell(Event::Connection(Connection::Down)));
            }
            Input::Frame(bytes) => match ServerFrame::decode(&bytes) {
                Ok(frame) => {
                    self.core.session.backlog.push(frame);
                    self.work_off(&mut effects)?;
                }
                Err(error) => {
                    let words = format!("The server sent something unreadable: {error}.");
                    effects.push(Effect::Tell(Event::Notice(words)));
                    effects.push(Effect::Hangup);
                }
            },
            Input::Tick => {
                self.work_off(&mut effects)?;
                if self.core.session.is_stalled(self.now) {
                    effects.push(Effect::Hangup);
                }
            }
            Input::Computed(computed) => {
                self.computed(computed);
                self.work_off(&mut effects)?;
            }
        }
        self.pump(&mut effects)?;
        Ok(effects)
    }

    /// Takes a command. What it changes is durable when this returns.
    ///
    /// # Errors
    /// `Refused` with words for the person; or where the database failed.
    pub fn command(
        &mut self,
        now: Millis,
        command: Command,
    ) -> Result<(Reply, Vec<Effect>), ClientError> {
        self.now = self.now.max(now);
        let mut effects = Vec::new();
        let reply = self.transact(&mut effects, |work| command::carry_out(work, command))?;
        // What was wanted is durable, even if nothing can be begun for it (the disk has become full,
        // say): that shows on the next connection, and is no reason to want it again.
        if self.pump(&mut effects).is_err() {
            effects.push(Effect::Hangup);
        }
        Ok((reply, effects))
    }

    fn connected(&mut self, effects: &mut Vec<Effect>) {
        let session = &mut self.core.session;
        session.reset();
        session.stage = Stage::Greeting;
        let hello = veche_wire::Request::Hello { version: veche_wire::limits::PROTOCOL_VERSION };
        effects.push(session.send(self.now, session::Key::Hello, hello));
    }

    /// Whether what has come is not all processed: a driver with other things to read, such as what a
    /// person types, reads those first, and feeds [`Input::Tick`] or [`Input::Computed`] when it is asked
    /// to.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        !self.core.session.backlog.is_empty()
    }

    /// Processes one slice of what has come, unless that waits for a job.
    fn work_off(&mut self, effects: &mut Vec<Effect>) -> Result<(), ClientError> {
        if self.core.ahead.is_away() {
            return Ok(());
        }
        if let Some(compute) = self.send_ahead()? {
            effects.push(compute);
            return Ok(());
        }
        if let Some(frame) = self.core.next_frame() {
            self.frame(frame, effects)?;
        }
        if self.has_backlog() {
            effects.push(Effect::WakeAt(self.now + 1));
        }
        Ok(())
    }

    fn frame(&mut self, frame: ServerFrame, effects: &mut Vec<Effect>) -> Result<(), ClientError> {
        match frame {
            ServerFrame::Answer { id, response } => {
                let Some(key) = self.core.session.answered(id) else { return Ok(()) };
                self.transact(effects, |work| answer::answered(work, key, response))
            }
            #[cfg(feature = "mutants")]
            ServerFrame::Push(veche_wire::Push::Entries { log, entries })
                if work::mutated!(self.core, CursorFirst) =>
            {
                self.transact(effects, |work| inbox::move_cursor_first(work, &log, &entries))?;
                self.transact(effects, |work| inbox::accept_late(work, &log, &entries))
            }
            ServerFrame::Push(push) => self.transact(effects, |work| answer::pushed(work, push)),
        }
    }

    /// Does `work` in one transaction; its events and requests leave only when it is durable.
    fn transact<T>(
        &mut self,
        effects: &mut Vec<Effect>,
        work: impl FnOnce(&mut Work<'_>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let (core, now) = (&mut self.core, self.now);
        let counted = (core.session.received, core.session.sent);
        let (mut events, mut asks) = (Vec::new(), Vec::new());
        let outcome = self.store.write(|tx| {
            let keep = StoreKeep::new(tx.keep_batch());
            let value = work(&mut Work {
                tx,
                keep: &keep,
                core: &mut *core,
                now,
                events: &mut events,
                asks: &mut asks,
            })?;
            members::write_changed(tx, core)?;
            core.save_groups(&keep)?;
            keep.flush()?;
            Ok(value)
        });
        match outcome {
            Ok(value) => {
                effects.extend(events.into_iter().map(Effect::Tell));
                for (key, request) in asks {
                    effects.push(self.core.session.send(now, key, request));
                }
                Ok(value)
            }
            Err(error) => {
                // What is in memory may be ahead of what is durable: load it again when needed.
                self.core.groups.clear();
                self.core.written.clear();
                (self.core.session.received, self.core.session.sent) = counted;
                self.core.identity = stored_identity(&self.store).ok().flatten();
                if !matches!(error, ClientError::Refused(_)) {
                    self.core.session.reset();
                }
                Err(error)
            }
        }
    }
}

fn stored_identity(store: &Store) -> Result<Option<Identity>, ClientError> {
    let Some(bytes) = store.read(|tx| tx.meta(account::IDENTITY))? else { return Ok(None) };
    Identity::decode(&bytes)
        .map(Some)
        .map_err(|error| ClientError::Bug(format!("the identity: {error}")))
}
