//! Clocks: CPU time of this process (MLS computes long paths on several threads) and wall time; and
//! the bytes that this process has written.

use std::time::{Duration, Instant};

/// CPU and wall time of the pieces of work that it was put around.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Meter {
    cpu: Duration,
    wall: Duration,
    times: u32,
}

impl Meter {
    /// Does `work`, and adds what it took.
    pub(super) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (cpu, wall) = (process_cpu(), Instant::now());
        let value = work();
        self.wall += wall.elapsed();
        self.cpu += process_cpu().saturating_sub(cpu);
        self.times += 1;
        value
    }

    /// How many pieces there were.
    pub(super) fn times(&self) -> u32 {
        self.times
    }

    /// CPU milliseconds for each of `count`.
    pub(super) fn cpu_ms(&self, count: usize) -> f64 {
        per(self.cpu, count) * 1e3
    }

    /// Wall milliseconds for each of `count`.
    pub(super) fn wall_ms(&self, count: usize) -> f64 {
        per(self.wall, count) * 1e3
    }

    /// How many of `count` went by in a second of wall time.
    pub(super) fn per_second(&self, count: usize) -> f64 {
        per(self.wall, count).recip().round()
    }
}

fn per(time: Duration, count: usize) -> f64 {
    let count = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    time.as_secs_f64() / f64::from(count)
}

/// How much more `measured` is than `floor`.
pub(super) fn ratio(measured: f64, floor: f64) -> Option<f64> {
    let ratio = measured / floor;
    ratio.is_finite().then_some((ratio * 100.0).round() / 100.0)
}

/// Milliseconds with as many digits as mean something.
pub(super) fn rounded(milliseconds: f64) -> f64 {
    (milliseconds * 1e4).round() / 1e4
}

/// `total` for each of `count`, rounded.
pub(super) fn each(total: u64, count: usize) -> u64 {
    let count = u64::try_from(count).unwrap_or(u64::MAX).max(1);
    (total + count / 2) / count
}

#[cfg(target_os = "linux")]
fn process_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Elsewhere only wall time is known.
#[cfg(not(target_os = "linux"))]
fn process_cpu() -> Duration {
    static STARTED: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    STARTED.get_or_init(Instant::now).elapsed()
}

/// The bytes that this process has handed to the system to write since it began, where that can be
/// told.
pub(crate) fn bytes_written() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("wchar:"))?;
    line.trim().parse().ok()
}
