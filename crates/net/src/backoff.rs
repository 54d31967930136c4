//! How long to wait before the next attempt to connect.

use std::time::Duration;

/// The first wait, before jitter.
pub const FIRST: Duration = Duration::from_millis(500);
/// The longest wait.
pub const LONGEST: Duration = Duration::from_secs(60);

/// The wait after `failures` failed attempts in a row: doubles from [`FIRST`] to [`LONGEST`], of
/// which `random` (any number, uniformly drawn) takes away up to half, so that the clients of a
/// server that comes back do not all call at once. No wait before the first attempt.
#[must_use]
pub fn delay(failures: u32, random: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else {
        return Duration::ZERO;
    };
    let whole = FIRST.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST);
    whole - (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds: Vec<_> = (0..=9).map(|failures| delay(failures, 0).as_secs_f32()).collect();
        assert_eq!(seconds, [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]);
        assert_eq!(delay(u32::MAX, 0), LONGEST);
    }

    #[test]
    fn jitter_takes_away_up_to_half() {
        assert_eq!(delay(3, u32::MAX), Duration::from_secs(1));
        let middle = delay(3, u32::MAX / 2);
        assert!(middle > Duration::from_secs(1) && middle < Duration::from_secs(2));
    }
}
