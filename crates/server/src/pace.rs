//! How fast the commits of a log may follow one another, and who lets whom go first
//! (docs/protocol.md, rule 5). All of it is in memory, and forgotten when the server starts.

use std::collections::BTreeMap;

use veche_wire::{Append, Entry, EntryId, LogId, Millis, Seq};

/// The longest gap that load makes, in milliseconds.
const GAP_MS_MAX: Millis = 30_000;
/// How many bytes of commits a log may have pushed to its subscribers in a millisecond.
const FAN_OUT_BYTES_PER_MS: u64 = 64 << 10;
/// To so many commits an entry loses before others are held back.
const LOSSES_MAX: u32 = 3;
/// For how long they are, in milliseconds.
const HOLD_MS: Millis = 30_000;
/// How often at most, in milliseconds; for as long a loss counts.
const HOLD_EVERY_MS: Millis = 300_000;
/// The most entries of a log whose losses are counted.
const LOSERS_MAX: usize = 64;

/// The gap after a commit, in milliseconds: the operator's, and longer the more bytes go out to
/// subscribers.
pub(crate) fn gap_after(entry: &Entry, readers: usize, least: u32) -> Millis {
    let bytes = (entry.bytes.len() as u64).saturating_mul(readers as u64);
    let least = Millis::from(least);
    least.saturating_add(bytes / FAN_OUT_BYTES_PER_MS).min(GAP_MS_MAX.max(least))
}

/// What happened to commits within one batch.
#[derive(Default)]
pub(crate) struct Fresh {
    /// Logs that took one, and whether it was signed by an admin.
    pub(crate) taken: BTreeMap<LogId, bool>,
    /// Those that came behind another.
    pub(crate) lost: Vec<Lost>,
}

/// A commit that came behind another.
pub(crate) struct Lost {
    pub(crate) log: LogId,
    pub(crate) id: EntryId,
    /// What its author had read.
    pub(crate) after: Seq,
    /// What it came behind.
    pub(crate) to: Seq,
}

impl Fresh {
    /// Whether the log took a commit that keeps the next one waiting.
    pub(crate) fn is_before(&self, append: &Append) -> bool {
        self.taken.get(&append.log).is_some_and(|signed| *signed || append.rider.is_none())
    }
}

/// The pace of every log that had commits lately.
#[derive(Default)]
pub(crate) struct Paces(BTreeMap<LogId, Pace>);

#[derive(Default)]
struct Pace {
    /// The last commit, and the number of the one before it.
    last: Turn,
    before_last: Seq,
    /// The last one that an admin has signed: these wait for no others.
    last_signed: Turn,
    losses: BTreeMap<EntryId, Loss>,
    hold: Option<Hold>,
}

/// When a commit was taken, and the gap after it.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    seq: Seq,
    at: Millis,
    gap: Millis,
}

impl Turn {
    /// A clock that was set back says nothing of how long ago it was.
    fn left(&self, now: Millis) -> Millis {
        now.checked_sub(self.at).map_or(0, |passed| self.gap.saturating_sub(passed))
    }
}

/// How an entry was overtaken.
struct Loss {
    times: u32,
    /// The last commit that it came behind.
    to: Seq,
    at: Millis,
}

impl Loss {
    /// One of a time that is to come was noted by a clock that was wrong.
    fn counts(&self, now: Millis) -> bool {
        now.checked_sub(self.at).is_some_and(|passed| passed < HOLD_EVERY_MS)
    }
}

/// Others wait for an entry.
struct Hold {
    id: EntryId,
    began: Millis,
    is_over: bool,
}

impl Hold {
    fn left(&self, now: Millis, id: &EntryId) -> Millis {
        if self.is_over || self.id == *id {
            return 0;
        }
        now.checked_sub(self.began).map_or(0, |passed| HOLD_MS.saturating_sub(passed))
    }
}

impl Paces {
    /// How long a commit has to wait, in milliseconds. Its rider, if it has one, is an admin's.
    pub(crate) fn wait_ms(&self, now: Millis, append: &Append) -> Millis {
        let Some(pace) = self.0.get(&append.log) else { return 0 };
        if append.rider.is_some() {
            return pace.last_signed.left(now);
        }
        let held = pace.hold.as_ref().map_or(0, |hold| hold.left(now, &append.id));
        pace.last.left(now).max(held)
    }

    /// A commit was taken.
    pub(crate) fn taken(&mut self, now: Millis, log: LogId, (entry, gap): (&Entry, Millis)) {
        let pace = self.0.entry(log).or_default();
        pace.before_last = pace.last.seq;
        pace.last = Turn { seq: entry.seq, at: now, gap };
        if entry.rider.is_some() {
            pace.last_signed = pace.last;
        }
        pace.losses.remove(&entry.id);
        // Whose it was for must make another entry behind this one, if it was an admin's.
        if let Some(hold) = &mut pace.hold {
            hold.is_over = true;
        }
    }

    /// A commit came behind another. The same loss told twice is one; who had not read the commit before
    /// was late, and has lost to nobody.
    pub(crate) fn lost(&mut self, now: Millis, Lost { log, id, after, to }: Lost) {
        let pace = self.0.entry(log).or_default();
        pace.losses.retain(|_, loss| loss.counts(now));
        if after < pace.before_last {
            return;
        }
        let loss = pace.losses.entry(id).or_insert(Loss { times: 0, to: 0, at: now });
        if loss.to < to {
            *loss = Loss { times: loss.times + 1, to, at: now };
        }
        let is_starved = loss.times >= LOSSES_MAX;
        let may_hold = |hold: &Hold| now.saturating_sub(hold.began) >= HOLD_EVERY_MS;
        if is_starved && pace.hold.as_ref().is_none_or(may_hold) {
            // Before the gap is over nobody could come in any case.
            let began = now.max(pace.last.at + pace.last.gap);
            pace.hold = Some(Hold { id, began, is_over: false });
            pace.losses.remove(&id);
        }
        while pace.losses.len() > LOSERS_MAX {
            let least = pace.losses.iter().min_by_key(|(_, loss)| (loss.times, loss.at));
            let Some(id) = least.map(|(id, _)| *id) else { break };
            pace.losses.remove(&id);
        }
    }

    /// Forgets what does not matter any more.
    pub(crate) fn tidy(&mut self, now: Millis) {
        self.0.retain(|_, pace| {
            pace.losses.retain(|_, loss| loss.counts(now));
            let holds = |hold: &Hold| now.saturating_sub(hold.began) < HOLD_EVERY_MS;
            !pace.losses.is_empty()
                || pace.hold.as_ref().is_some_and(holds)
                || pace.last.left(now) > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use veche_wire::Kind;

    use super::*;

    fn commit(bytes: usize) -> Entry {
        Entry {
            seq: 1,
            id: EntryId([1; 16]),
            kind: Kind::Commit,
            commitment: None,
            bytes: vec![0; bytes],
            rider: None,
        }
    }

    #[test]
    fn the_gap_grows_with_what_goes_out() {
        assert_eq!(gap_after(&commit(2_000), 20, 2_000), 2_000, "a group of friends");
        assert_eq!(gap_after(&commit(1 << 16), 3_000, 2_000), 5_000);
        assert_eq!(gap_after(&commit(1 << 20), 10_000, 2_000), 30_000, "and has an end");
        assert_eq!(gap_after(&commit(1 << 20), 10_000, 60_000), 60_000, "the operator's is kept");
    }

    fn lost(log: LogId, id: [u8; 16], to: Seq) -> Lost {
        Lost { log, id: EntryId(id), after: to - 1, to }
    }

    #[test]
    fn who_was_late_has_lost_to_nobody() {
        let mut paces = Paces::default();
        let log = LogId([1; 16]);
        for seq in [1, 2] {
            paces.taken(1_000, log, (&Entry { seq, ..commit(1) }, 2_000));
        }
        paces.lost(3_000, Lost { log, id: EntryId([2; 16]), after: 0, to: 2 });
        assert!(paces.0[&log].losses.is_empty());
        paces.lost(3_000, Lost { log, id: EntryId([2; 16]), after: 1, to: 2 });
        assert_eq!(paces.0[&log].losses.len(), 1);
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut paces = Paces::default();
        let log = LogId([1; 16]);
        paces.taken(1_000, log, (&commit(1), 2_000));
        paces.tidy(2_999);
        assert_eq!(paces.0.len(), 1);
        for seq in 1..=3 {
            paces.lost(3_000, lost(log, [2; 16], seq));
        }
        paces.tidy(302_999);
        assert_eq!(paces.0.len(), 1, "a hold is remembered, so that there is no other");
        paces.tidy(303_000);
        assert!(paces.0.is_empty());
    }

    #[test]
    fn who_loses_under_many_names_fills_no_memory() {
        let mut paces = Paces::default();
        let log = LogId([1; 16]);
        for seq in 1..=2 {
            paces.lost(1_000, lost(log, [0; 16], seq));
        }
        for number in 0..1_000_u16 {
            let mut id = [1; 16];
            id[..2].copy_from_slice(&number.to_be_bytes());
            paces.lost(2_000, lost(log, id, 3));
        }
        let losses = &paces.0[&log].losses;
        assert_eq!(losses.len(), LOSERS_MAX);
        assert!(losses.contains_key(&EntryId([0; 16])), "nor hides who has lost more often");
    }
}
