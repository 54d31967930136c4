//! How often something took how long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::line;

/// Upper bounds of the buckets, in microseconds.
const BOUNDS_US: [u64; 15] = [
    100, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 512_000,
    1_024_000, 4_096_000,
];

/// Times in buckets, shared between threads.
#[derive(Debug, Default)]
pub struct Histogram {
    /// By bucket; the last one has no bound.
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Counts something that took so long.
    pub fn count(&self, took: Duration) {
        self.count_many(took, 1);
    }

    /// Counts several that took as long.
    pub fn count_many(&self, took: Duration, times: u64) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(times, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us.saturating_mul(times), Ordering::Relaxed);
    }

    /// How many were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// As Prometheus text.
    pub(super) fn render(&self, out: &mut String, name: &str) {
        line(out, format_args!("# TYPE {name} histogram"));
        let mut total = 0;
        for (bound, count) in BOUNDS_US.iter().zip(&self.counts) {
            total += count.load(Ordering::Relaxed);
            let seconds = Duration::from_micros(*bound).as_secs_f64();
            line(out, format_args!("{name}_bucket{{le=\"{seconds}\"}} {total}"));
        }
        total += self.counts.last().map_or(0, |count| count.load(Ordering::Relaxed));
        line(out, format_args!("{name}_bucket{{le=\"+Inf\"}} {total}"));
        let sum = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        line(out, format_args!("{name}_sum {sum}"));
        line(out, format_args!("{name}_count {total}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_everything_up_to_their_bound() {
        let histogram = Histogram::default();
        histogram.count(Duration::from_micros(100));
        histogram.count_many(Duration::from_micros(101), 2);
        histogram.count(Duration::from_secs(60));
        let mut text = String::new();
        histogram.render(&mut text, "x");
        assert_eq!(histogram.total(), 4);
        for line in [
            "x_bucket{le=\"0.0001\"} 1",
            "x_bucket{le=\"0.00025\"} 3",
            "x_bucket{le=\"4.096\"} 3",
            "x_bucket{le=\"+Inf\"} 4",
            "x_sum 60.000302",
            "x_count 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
