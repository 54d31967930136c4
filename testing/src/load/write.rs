//! Who writes: a window of entries that are not acknowledged yet, and what became of the others.

use std::collections::VecDeque;

/// An entry that was sent.
#[derive(Debug)]
struct Sent {
    at: u64,
    /// Kept until it is acknowledged, to be sent again.
    entry: Vec<u8>,
    is_acknowledged: bool,
}

/// Writes into one channel.
#[derive(Debug)]
pub(super) struct Writer {
    number: u32,
    window: usize,
    /// The number of the first in `under_way`.
    first: u64,
    under_way: VecDeque<Sent>,
    waiting: usize,
    /// The place of each that was acknowledged, where anybody wants to know.
    places: Option<Vec<u64>>,
}

impl Writer {
    /// A writer of which at most `window` entries are under way.
    pub(super) fn new(number: u32, window: usize) -> Self {
        let under_way = VecDeque::new();
        Self { number, window, first: 0, under_way, waiting: 0, places: None }
    }

    /// Remembers the place of everything that is acknowledged from now on.
    pub(super) fn remember_places(&mut self) {
        self.places = Some(Vec::new());
    }

    /// The places of what was acknowledged, by number; 0 where it was not.
    pub(super) fn places(&self) -> &[u64] {
        self.places.as_deref().unwrap_or_default()
    }

    /// Which writer it is.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The number of the next entry.
    pub(super) fn next(&self) -> u64 {
        self.first + self.under_way.len() as u64
    }

    /// Whether another entry may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.waiting < self.window
    }

    /// Notes that the next entry was sent.
    pub(super) fn sent(&mut self, at: u64, entry: Vec<u8>) {
        self.under_way.push_back(Sent { at, entry, is_acknowledged: false });
        self.waiting += 1;
    }

    /// Notes an acknowledgement, and gives the time at which the entry was sent; `None` where it was
    /// acknowledged before.
    pub(super) fn acknowledge(&mut self, number: u64, seq: u64) -> Option<u64> {
        let sent = self.under_way.get_mut(index(number.checked_sub(self.first)?))?;
        if std::mem::replace(&mut sent.is_acknowledged, true) {
            return None;
        }
        sent.entry = Vec::new();
        let at = sent.at;
        self.waiting -= 1;
        if let Some(places) = &mut self.places {
            if places.len() <= index(number) {
                places.resize(index(number) + 1, 0);
            }
            places[index(number)] = seq;
        }
        while self.under_way.front().is_some_and(|sent| sent.is_acknowledged) {
            self.under_way.pop_front();
            self.first += 1;
        }
        Some(at)
    }

    /// The entry with this number, while it is not acknowledged.
    pub(super) fn entry(&self, number: u64) -> Option<&[u8]> {
        let sent = self.under_way.get(index(number.checked_sub(self.first)?))?;
        (!sent.is_acknowledged).then_some(sent.entry.as_slice())
    }

    /// All that is not acknowledged, in order.
    pub(super) fn unacknowledged(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let numbered = (self.first..).zip(&self.under_way);
        numbered
            .filter(|(_, sent)| !sent.is_acknowledged)
            .map(|(number, sent)| (number, sent.entry.as_slice()))
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_moves_with_its_acknowledgements() {
        let mut writer = Writer::new(3, 2);
        writer.remember_places();
        writer.sent(10, vec![0]);
        writer.sent(11, vec![1]);
        assert!(!writer.has_room());
        assert_eq!(writer.acknowledge(1, 7), Some(11));
        assert_eq!(writer.acknowledge(1, 7), None, "once only");
        assert!(writer.has_room());
        assert_eq!(writer.unacknowledged().collect::<Vec<_>>(), [(0, [0].as_slice())]);
        assert_eq!((writer.entry(0), writer.entry(1)), (Some([0].as_slice()), None));
        assert_eq!(writer.acknowledge(0, 8), Some(10));
        assert_eq!((writer.next(), writer.places()), (2, [8, 7].as_slice()));
        assert_eq!(writer.acknowledge(5, 9), None, "never sent");
    }
}
