//! Judging a long commit ahead of its turn: a driver does that beside the client, so that what a person
//! wants need not wait for it. To follow a commit of a large group takes its members tens to hundreds of
//! milliseconds, most of which go into the verdict, and the verdict needs neither the store nor the client.
//!
//! The group goes with the [`Job`], as it lies in the store. Whoever needs it meanwhile loads it again, and
//! what comes back of it is dropped then; the verdict stays good for as long as the log goes on with that
//! commit from the same place. What is lost on the way is computed anew.

use std::sync::Arc;

use veche_mls::{Engine, Excerpt, Group, JudgeContext, Verdict};
use veche_store::LogState;
use veche_wire::{Entry, Kind, LogId};

use crate::work::{Core, StoreKeep};
use crate::{Client, ClientError, Effect};

/// A commit is long from so many bytes on: some fifty people who come in, or a path through a cold tree.
const LONG_BYTES: usize = 64 * 1024;
/// In a group of so many devices every commit is long: some 10 ms of CPU time.
const LONG_LEAVES: usize = 1_000;

/// Which commits are long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Long {
    bytes: usize,
    leaves: usize,
}

impl Default for Long {
    fn default() -> Self {
        Self { bytes: LONG_BYTES, leaves: LONG_LEAVES }
    }
}

impl Long {
    /// All of them are.
    #[cfg(feature = "mutants")]
    pub(crate) const ALL: Self = Self { bytes: 0, leaves: 0 };
}

impl Core {
    /// Whether to follow an entry takes so long that it is judged ahead of its turn.
    pub(crate) fn is_long(&self, log: &LogId, entry: &Entry) -> bool {
        let Long { bytes, leaves } = self.long;
        let is_large = |group: &Group| group.devices().count() >= leaves;
        entry.kind == Kind::Commit
            && (entry.bytes.len() >= bytes || self.groups.get(log).is_some_and(is_large))
    }
}

/// A commit, and the entries before it: what a verdict is about.
#[derive(PartialEq, Eq)]
pub(crate) struct Place {
    log: LogId,
    commit: Entry,
    /// The transcript of the log before it.
    before: [u8; 32],
}

impl Place {
    fn is(&self, log: &LogId, (commit, before): (&Entry, &[u8; 32])) -> bool {
        self.log == *log && self.commit == *commit && self.before == *before
    }
}

/// A long computation, to be done on any thread. It says nothing of what is in it.
pub struct Job {
    place: Box<Place>,
    mls_bytes: Vec<u8>,
    context: JudgeContext,
    engine: Arc<Engine>,
    excerpt: Excerpt,
    group: Box<Group>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job(…)")
    }
}

impl Job {
    /// Does it. What comes of it belongs to the client that asked for it, as
    /// [`Input::Computed`](crate::Input::Computed).
    #[must_use]
    pub fn compute(self) -> Computed {
        let Self { place, mls_bytes, context, engine, excerpt, mut group } = self;
        let verdict = group.judge(&engine, &excerpt, (&place.commit, &mls_bytes), &context);
        let verdict = excerpt.was_enough().then_some(verdict);
        Computed { place, group, verdict }
    }
}

/// What came of a [`Job`].
pub struct Computed {
    place: Box<Place>,
    group: Box<Group>,
    verdict: Option<Verdict>,
}

impl std::fmt::Debug for Computed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Computed(…)")
    }
}

/// What is computed ahead, of one commit at a time.
#[derive(Default)]
pub(crate) enum Ahead {
    /// Nothing.
    #[default]
    Nothing,
    /// A job is with the driver, and with it the group of this log, unless it was loaded again since.
    Away(Option<LogId>),
    /// The verdict is there; none where the job could not tell.
    Known(Box<Place>, Option<Verdict>),
}

impl Ahead {
    /// Whether what has come waits for a job.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Away(_))
    }

    /// Whether the group of a log is with a job.
    pub(crate) fn holds(&self, log: &LogId) -> bool {
        matches!(self, Self::Away(Some(held)) if held == log)
    }

    /// The group of a log is not waited for any more.
    pub(crate) fn let_go(&mut self, log: &LogId) {
        if self.holds(log) {
            *self = Self::Away(None);
        }
    }

    /// Whether a commit right after `before` was computed.
    fn is_known(&self, log: &LogId, at: (&Entry, &[u8; 32])) -> bool {
        matches!(self, Self::Known(place, _) if place.is(log, at))
    }

    /// The verdict on a commit right after `before`, where it is known.
    pub(crate) fn take(&mut self, log: &LogId, at: (&Entry, &[u8; 32])) -> Option<Verdict> {
        if !self.is_known(log, at) {
            return None;
        }
        match std::mem::take(self) {
            Self::Known(_, verdict) => verdict,
            Self::Nothing | Self::Away(_) => None,
        }
    }
}

impl Client {
    /// Sends a long commit whose turn it is to the driver, unless that was done.
    pub(crate) fn send_ahead(&mut self) -> Result<Option<Effect>, ClientError> {
        let Some((log, entry)) = self.core.session.backlog.next_commit() else { return Ok(None) };
        if !self.core.is_long(log, entry) {
            return Ok(None);
        }
        let (log, entry) = (*log, entry.clone());
        let Some(row) = self.store.read(|tx| tx.log(&log))? else { return Ok(None) };
        let is_next = row.state == LogState::Active && entry.seq == row.cursor + 1;
        if !is_next || self.core.ahead.is_known(&log, (&entry, &row.hash)) {
            return Ok(None);
        }
        let group = self.core.groups.remove(&log);
        let (group, excerpt) = self.store.read(|tx| {
            let keep = StoreKeep::new(tx.keep_batch());
            let Some(group) =
                group.map_or_else(|| Group::load(&keep, log), |group| Ok(Some(group)))?
            else {
                return Ok::<_, ClientError>((None, Excerpt::default()));
            };
            let excerpt = group.excerpt(&keep).map_err(veche_mls::MlsError::from)?;
            Ok((Some(group), excerpt))
        })?;
        let Some(group) = group else { return Ok(None) };
        let key = group.entry_key(&self.core.engine)?;
        let Some(mls_bytes) = key.open(&log, &entry.id, Kind::Commit, &entry.bytes) else {
            // Sealed for another epoch: there is nothing to compute.
            self.core.groups.insert(log, group);
            return Ok(None);
        };
        let context = JudgeContext { current_generation: row.generation };
        let engine = Arc::clone(&self.core.engine);
        let place = Box::new(Place { log, commit: entry, before: row.hash });
        let group = Box::new(group);
        self.core.ahead = Ahead::Away(Some(log));
        Ok(Some(Effect::Compute(Job { place, mls_bytes, context, engine, excerpt, group })))
    }

    /// A job is done.
    pub(crate) fn computed(&mut self, computed: Computed) {
        let Computed { place, group, verdict } = computed;
        match &self.core.ahead {
            // Of another client, or told twice.
            Ahead::Nothing | Ahead::Known(..) => return,
            Ahead::Away(Some(held)) if *held == place.log => {
                self.core.groups.insert(place.log, *group);
            }
            Ahead::Away(_) => {}
        }
        self.core.ahead = Ahead::Known(place, verdict);
    }
}
