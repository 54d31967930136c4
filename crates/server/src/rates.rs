//! Token buckets.

use veche_wire::Millis;

use crate::config::Rate;

/// How much of a [`Rate`] is left. Starts full.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    /// What was used and is not refilled yet, in thousandths.
    used_milli: u64,
    /// When `used_milli` was true.
    at: Millis,
}

impl Bucket {
    /// Uses up `cost`, or says after how many milliseconds it can be had. A cost above the burst is
    /// taken as the burst.
    pub(crate) fn take(&mut self, now: Millis, rate: Rate, cost: u32) -> Result<(), u32> {
        let cost_milli = u64::from(cost.min(rate.burst)) * 1_000;
        let burst_milli = u64::from(rate.burst) * 1_000;
        self.refill(now, rate);
        let wanted = self.used_milli + cost_milli;
        if let Some(missing_milli) = wanted.checked_sub(burst_milli).filter(|missing| *missing > 0)
        {
            let ms = missing_milli.div_ceil(u64::from(rate.per_second.max(1)));
            return Err(u32::try_from(ms).unwrap_or(u32::MAX).max(1));
        }
        self.used_milli = wanted;
        Ok(())
    }

    /// Whether nothing of it is used, so that it need not be remembered.
    pub(crate) fn is_full(&mut self, now: Millis, rate: Rate) -> bool {
        self.refill(now, rate);
        self.used_milli == 0
    }

    fn refill(&mut self, now: Millis, rate: Rate) {
        // A thousandth per millisecond for each whole per second. A clock set back refills nothing.
        let passed = now.saturating_sub(self.at);
        self.used_milli =
            self.used_milli.saturating_sub(passed.saturating_mul(u64::from(rate.per_second)));
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let rate = Rate { per_second: 2, burst: 3 };
        let mut bucket = Bucket::default();
        let mut take = |now| bucket.take(now, rate, 1);

        assert_eq!([take(10), take(10), take(10)], [Ok(()), Ok(()), Ok(())]);
        assert_eq!(take(10), Err(500));
        assert_eq!(take(509), Err(1));
        assert_eq!(take(510), Ok(()));
        assert_eq!(take(510), Err(500));
        // A clock that was set back gives nothing away and does not overflow.
        assert_eq!(take(0), Err(500));
        assert_eq!(take(500), Ok(()));
    }

    #[test]
    fn more_than_the_burst_is_had_when_the_bucket_is_full() {
        let rate = Rate { per_second: 1, burst: 2 };
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(0, rate, 100), Ok(()));
        assert_eq!(bucket.take(0, rate, 100), Err(2_000));
        assert!(!bucket.is_full(1_999, rate));
        assert!(bucket.is_full(2_000, rate));
    }
}
