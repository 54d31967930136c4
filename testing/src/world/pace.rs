//! What was heard of the pace of commits: whether the server keeps their distance (docs/protocol.md, rule 5).

use std::collections::{BTreeMap, BTreeSet};

use veche_wire::{EntryId, LogId, Millis, Seq};

/// A commit that the server has acknowledged.
#[derive(Debug, Clone, Copy)]
struct Taken {
    /// It was taken no sooner than this, and no later than that.
    between: (Millis, Millis),
    /// Whether an admin has signed it.
    is_signed: bool,
}

/// The commits of all logs, as far as people made them.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When the server was asked to take a commit, where it has not refused.
    asked: BTreeMap<EntryId, BTreeSet<Millis>>,
    taken: BTreeMap<LogId, BTreeMap<Seq, Taken>>,
    /// When the server started: it knows nothing of before.
    restarts: BTreeSet<Millis>,
}

impl Pace {
    /// The server is asked to take a commit.
    pub(crate) fn asked(&mut self, now: Millis, id: EntryId) {
        self.asked.entry(id).or_default().insert(now);
    }

    /// It does not take it, as it was asked then.
    pub(crate) fn refused(&mut self, asked: Millis, id: &EntryId) {
        if let Some(times) = self.asked.get_mut(id) {
            times.remove(&asked);
        }
    }

    /// It has taken it.
    pub(crate) fn taken(&mut self, now: Millis, (log, id): (LogId, &EntryId), at: (Seq, bool)) {
        let (seq, is_signed) = at;
        let Some(earliest) = self.asked.get(id).and_then(BTreeSet::first).copied() else { return };
        let taken = Taken { between: (earliest, now), is_signed };
        self.taken.entry(log).or_default().entry(seq).or_insert(taken);
    }

    /// The server starts.
    pub(crate) fn restarted(&mut self, now: Millis) {
        self.restarts.insert(now);
    }

    /// Forgets what was taken: the server was replaced by an older copy of itself.
    pub(crate) fn forget(&mut self) {
        self.taken.clear();
    }

    /// Commits that came sooner than `gap` behind another, which surely was so.
    pub(crate) fn too_close(&self, gap: Millis) -> Vec<String> {
        let mut found = Vec::new();
        for (log, taken) in &self.taken {
            let mut last: Option<(Seq, Taken)> = None;
            let mut last_signed: Option<(Seq, Taken)> = None;
            for (seq, commit) in taken {
                let before = if commit.is_signed { last_signed } else { last };
                if let Some((earlier, before)) = before
                    && commit.between.1.saturating_sub(before.between.0) < gap
                    && self.restarts.range(before.between.0..=commit.between.1).next().is_none()
                {
                    found.push(format!("{log} takes a commit at {seq} right behind {earlier}"));
                }
                last = Some((*seq, *commit));
                if commit.is_signed {
                    last_signed = last;
                }
            }
        }
        found
    }
}
