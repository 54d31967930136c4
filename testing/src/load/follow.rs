//! Whether what somebody received is all that there was, in order, each once.

use std::collections::BTreeMap;

use super::speech::Stamp;

/// Follows one channel.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The place of the last entry, where entries have places.
    place: u64,
    /// The number that is next of each writer, where they have none.
    next: BTreeMap<u32, u64>,
    lost: u64,
    out_of_order: u64,
    /// Everything that came, where anybody wants to know.
    recorded: Option<Vec<(u64, Stamp)>>,
}

impl Follower {
    /// Follows from after this place on.
    pub(super) fn new(after: u64) -> Self {
        Self { place: after, ..Self::default() }
    }

    /// Takes the next entry: its place (0 where there are none) and what it says of itself.
    pub(super) fn take(&mut self, seq: u64, stamp: Stamp) {
        if let Some(recorded) = &mut self.recorded {
            recorded.push((seq, stamp));
        }
        if seq > 0 {
            match seq.cmp(&(self.place + 1)) {
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => self.lost += seq - self.place - 1,
                std::cmp::Ordering::Less => self.out_of_order += 1,
            }
            self.place = self.place.max(seq);
            return;
        }
        let next = self.next.entry(stamp.writer).or_default();
        match stamp.number.cmp(next) {
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => self.lost += stamp.number - *next,
            std::cmp::Ordering::Less => self.out_of_order += 1,
        }
        *next = (*next).max(stamp.number + 1);
    }

    /// Keeps everything that comes from now on.
    pub(super) fn record(&mut self) {
        self.recorded = Some(Vec::new());
    }

    /// What was kept: places and what the entries say of themselves.
    pub(super) fn recorded(&self) -> &[(u64, Stamp)] {
        self.recorded.as_deref().unwrap_or_default()
    }

    /// Begins again from the start; what was lost stays counted.
    pub(super) fn begin_anew(&mut self) {
        self.place = 0;
        self.next.clear();
    }

    /// The place of the last entry that came.
    pub(super) fn place(&self) -> u64 {
        self.place
    }

    /// Entries that others show to be missing.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Entries that came too late or again.
    pub(super) fn out_of_order(&self) -> u64 {
        self.out_of_order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(writer: u32, number: u64) -> Stamp {
        Stamp { sent: 0, writer, number }
    }

    #[test]
    fn gaps_and_repetitions_are_seen_by_places() {
        let mut follower = Follower::new(10);
        for seq in [11, 12, 15, 15, 13, 16] {
            follower.take(seq, stamp(0, 0));
        }
        assert_eq!((follower.lost(), follower.out_of_order(), follower.place()), (2, 2, 16));
    }

    #[test]
    fn and_by_the_numbers_of_writers_where_there_are_no_places() {
        let mut follower = Follower::new(0);
        for (writer, number) in [(0, 0), (1, 0), (0, 1), (1, 2), (1, 1), (0, 2)] {
            follower.take(0, stamp(writer, number));
        }
        assert_eq!((follower.lost(), follower.out_of_order()), (1, 1));
    }
}
