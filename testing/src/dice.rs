//! All chance in a world comes from one seed.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use veche_wire::Random;

/// Chance that a seed repeats.
#[derive(Debug)]
pub struct Dice(ChaCha12Rng);

impl Dice {
    /// The dice of `seed`; different streams of one seed do not touch each other.
    #[must_use]
    pub fn seeded(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha12Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Self(generator)
    }

    /// A number below `count`; 0 where `count` is 0.
    pub fn below(&mut self, count: u64) -> u64 {
        // The bias of a remainder is far below what a simulation can notice.
        self.0.next_u64().checked_rem(count).unwrap_or(0)
    }

    /// A number from `low` up to and including `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Whether something happens that happens `per_mille` times out of a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of `items`, where there is one.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        items.get(index)
    }

    /// A number for breaking ties.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}

impl Random for Dice {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
