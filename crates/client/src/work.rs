//! One transaction and everything that takes part in it: rows, group states, events to be told and
//! requests to be sent once it is durable.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use veche_mls::{Engine, Group, Identity, Keep, KeepError};
use veche_store::{KeepBatch, StoreError, Tx};
use veche_wire::{LogId, Millis, Random, Request, ServerFrame};

use crate::ahead::{Ahead, Long};
use crate::session::{Key, Session};
use crate::{ClientError, Event};

/// Randomness that the client and its MLS engine draw from alike.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Box<dyn Random + Send>>>);

impl Shared {
    pub(crate) fn new(random: Box<dyn Random + Send>) -> Self {
        Self(Arc::new(Mutex::new(random)))
    }
}

impl Random for Shared {
    fn fill(&mut self, bytes: &mut [u8]) {
        match self.0.lock() {
            Ok(mut random) => random.fill(bytes),
            Err(poisoned) => poisoned.into_inner().fill(bytes),
        }
    }
}

/// MLS state inside the transaction: gathered in memory, written once when the work is done. A
/// failure of the database is kept and comes out when the batch is flushed.
pub(crate) struct StoreKeep<'tx> {
    batch: KeepBatch<'tx>,
    failure: RefCell<Option<StoreError>>,
}

impl<'tx> StoreKeep<'tx> {
    pub(crate) fn new(batch: KeepBatch<'tx>) -> Self {
        Self { batch, failure: RefCell::new(None) }
    }

    pub(crate) fn flush(self) -> Result<(), StoreError> {
        match self.failure.into_inner() {
            Some(failure) => Err(failure),
            None => self.batch.flush(),
        }
    }
}

impl Keep for StoreKeep<'_> {
    fn get(&self, label: &str, key: &[u8]) -> Result<Option<Vec<u8>>, KeepError> {
        self.batch.get(label, key).map_err(|error| {
            let words = error.to_string();
            *self.failure.borrow_mut() = Some(error);
            KeepError(words)
        })
    }

    fn put(&self, label: &str, key: &[u8], bytes: &[u8]) -> Result<(), KeepError> {
        self.batch.put(label, key, bytes);
        Ok(())
    }

    fn delete(&self, label: &str, key: &[u8]) -> Result<(), KeepError> {
        self.batch.delete(label, key);
        Ok(())
    }
}

/// What lives as long as the client does.
pub(crate) struct Core {
    pub(crate) engine: Arc<Engine>,
    pub(crate) random: Shared,
    pub(crate) identity: Option<Identity>,
    /// Loaded when first needed; dropped and loaded again after a rolled-back transaction.
    pub(crate) groups: BTreeMap<LogId, Group>,
    /// Of which state of each group the rows of members are.
    pub(crate) written: BTreeMap<LogId, Vec<u8>>,
    pub(crate) session: Session,
    /// What is computed beside this client.
    pub(crate) ahead: Ahead,
    pub(crate) long: Long,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<crate::Mutant>,
}

impl Core {
    /// What is to be processed next of what has come.
    pub(crate) fn next_frame(&mut self) -> Option<ServerFrame> {
        let mut backlog = std::mem::take(&mut self.session.backlog);
        let frame = backlog.next(|log, entry| self.is_long(log, entry));
        self.session.backlog = backlog;
        frame
    }

    /// Writes what the transaction has changed in groups.
    pub(crate) fn save_groups(&mut self, keep: &StoreKeep<'_>) -> Result<(), ClientError> {
        for group in self.groups.values_mut() {
            group.save(&self.engine, keep)?;
        }
        Ok(())
    }
}

/// One transaction.
pub(crate) struct Work<'a> {
    pub(crate) tx: &'a Tx<'a>,
    pub(crate) keep: &'a StoreKeep<'a>,
    pub(crate) core: &'a mut Core,
    pub(crate) now: Millis,
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) asks: &'a mut Vec<(Key, Request)>,
}

impl Work<'_> {
    /// The identity of this home.
    pub(crate) fn identity(&self) -> Result<&Identity, ClientError> {
        self.core.identity.as_ref().ok_or_else(|| {
            ClientError::Refused(
                "this home has no account yet: `veche register --server ADDRESS --name NAME`"
                    .into(),
            )
        })
    }

    /// Takes the group of a log out of the cache, loading it where needed; [`Self::put_group`] gives
    /// it back.
    pub(crate) fn take_group(&mut self, log: &LogId) -> Result<Group, ClientError> {
        self.find_group(log)?.ok_or_else(|| without_group(log))
    }

    /// As [`Self::take_group`]; `None` where this device was never inside.
    pub(crate) fn find_group(&mut self, log: &LogId) -> Result<Option<Group>, ClientError> {
        match self.core.groups.remove(log) {
            Some(group) => Ok(Some(group)),
            None => {
                self.core.ahead.let_go(log);
                Ok(Group::load(self.keep, *log)?)
            }
        }
    }

    pub(crate) fn put_group(&mut self, log: LogId, group: Group) {
        self.core.ahead.let_go(&log);
        self.core.groups.insert(log, group);
    }

    /// Takes the group of a log out of the cache, for another to come in its place in the store.
    pub(crate) fn drop_group(&mut self, log: &LogId) -> Result<(), ClientError> {
        self.core.ahead.let_go(log);
        if let Some(mut group) = self.core.groups.remove(log) {
            group.save(&self.core.engine, self.keep)?;
        }
        Ok(())
    }

    /// A look at the group of a log in which this device is.
    pub(crate) fn with_group<T>(
        &mut self,
        log: &LogId,
        look: impl FnOnce(&Group) -> T,
    ) -> Result<T, ClientError> {
        self.look_at_group(log, look)?.ok_or_else(|| without_group(log))
    }

    /// A look at the group of a log as it was last known here; `None` where this device was never
    /// inside.
    pub(crate) fn look_at_group<T>(
        &mut self,
        log: &LogId,
        look: impl FnOnce(&Group) -> T,
    ) -> Result<Option<T>, ClientError> {
        let Some(group) = self.find_group(log)? else { return Ok(None) };
        let seen = look(&group);
        self.put_group(*log, group);
        Ok(Some(seen))
    }

    /// Tells an event once the transaction is durable.
    pub(crate) fn tell(&mut self, event: Event) {
        if self.events.last() != Some(&event) {
            self.events.push(event);
        }
    }

    /// Sends a request once the transaction is durable, unless the same is already on its way or is
    /// to wait.
    pub(crate) fn ask(&mut self, key: Key, request: impl FnOnce(&mut Self) -> Request) {
        if self.core.session.may_ask(&key, self.now)
            && !self.asks.iter().any(|(asked, _)| *asked == key)
        {
            let request = request(self);
            self.asks.push((key, request));
        }
    }
}

fn without_group(log: &LogId) -> ClientError {
    ClientError::Bug(format!("the group of {log} is not in the database"))
}

/// Whether a rule is broken on purpose; never in a program.
#[cfg(feature = "mutants")]
macro_rules! mutated {
    ($core:expr, $mutant:ident) => {
        $core.mutant == Some($crate::Mutant::$mutant)
    };
}
#[cfg(not(feature = "mutants"))]
macro_rules! mutated {
    ($core:expr, $mutant:ident) => {
        false
    };
}
pub(crate) use mutated;
