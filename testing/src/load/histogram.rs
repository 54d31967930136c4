//! Times in buckets that are about 1.6 % wide, so that millions of them take a few kilobytes.

const SUB_BITS: u32 = 6;
const SUBS: u64 = 1 << SUB_BITS;

/// How often which time was seen, in nanoseconds.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; bucket(u64::MAX) + 1], total: 0, max: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub(super) fn add(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
        self.max = self.max.max(nanoseconds);
    }

    /// The time that so many of a thousand do not exceed, in milliseconds; `None` where nothing was
    /// counted.
    pub(super) fn ms(&self, per_mille: u64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let wanted = (self.total * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(milliseconds(upper(bucket).min(self.max)))
    }

    /// The longest, in milliseconds.
    pub(super) fn max_ms(&self) -> Option<f64> {
        (self.total > 0).then(|| milliseconds(self.max))
    }
}

/// To thousandths: what is below a microsecond is the clock's.
#[allow(clippy::cast_precision_loss, reason = "times of a run are far below 2^52 ns")]
fn milliseconds(nanoseconds: u64) -> f64 {
    (nanoseconds as f64 / 1e3).round() / 1e3
}

fn bucket(nanoseconds: u64) -> usize {
    let magnitude = (u64::BITS - nanoseconds.leading_zeros()).saturating_sub(SUB_BITS + 1);
    let index = u64::from(magnitude) * SUBS + (nanoseconds >> magnitude);
    usize::try_from(index).unwrap_or(usize::MAX)
}

/// The largest value that falls into a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * SUBS {
        return bucket;
    }
    let magnitude = bucket / SUBS - 1;
    let first = (bucket - magnitude * SUBS) << magnitude;
    first + ((1 << magnitude) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_ends_where_the_next_begins() {
        for time in [0, 1, 127, 128, 129, 255, 256, 1_000_000, 123_456_789, u64::MAX / 2] {
            let end = upper(bucket(time));
            assert!(end >= time && end - time <= time / SUBS, "{time} ends at {end}");
            assert_eq!(bucket(end), bucket(time));
            assert_eq!(bucket(end + 1), bucket(time) + 1);
        }
    }

    #[test]
    fn percentiles_are_read_off() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.ms(500), histogram.max_ms()), (None, None));
        for milliseconds in 1..=1_000 {
            histogram.add(milliseconds * 1_000_000);
        }
        let near =
            |found: Option<f64>, wanted: f64| (found.unwrap() - wanted).abs() <= wanted / 60.0;
        assert!(near(histogram.ms(500), 500.0), "{:?}", histogram.ms(500));
        assert!(near(histogram.ms(990), 990.0), "{:?}", histogram.ms(990));
        assert_eq!(histogram.max_ms(), Some(1_000.0));
    }
}
