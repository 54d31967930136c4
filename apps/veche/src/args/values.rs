//! Values as they are typed: names, times, numbers.

use std::time::Duration;

/// A username, with or without the `@` that people put before it.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = text.strip_prefix('@').unwrap_or(text);
    if name.is_empty() {
        return Err("a name is missing".to_owned());
    }
    Ok(name.to_owned())
}

/// Seconds between two messages; 0 for `off`.
pub(super) fn slow(text: &str) -> Result<u32, String> {
    let most = veche_client::wire::limits::SLOW_SECONDS_MAX;
    let seconds = if text == "off" { Some(0) } else { text.parse().ok().filter(|it| *it > 0) };
    let fits = seconds.filter(|seconds| *seconds <= most);
    fits.ok_or_else(|| format!("slow mode is 1 to {most} seconds, or `off`"))
}

/// A time with its unit: 90s, 30m, 12h, 7d.
pub(super) fn lasting(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is a number with s, m, h or d behind it, as in 30m, 12h, 7d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 24 * 3_600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let lasts = number.checked_mul(seconds).map(Duration::from_secs);
    lasts
        .filter(|lasts| !lasts.is_zero() && *lasts <= LASTS_MAX)
        .ok_or_else(|| format!("must be between 1s and {}d", LASTS_MAX.as_secs() / (24 * 3_600)))
}

/// The longest that something can be said to last: ten years.
const LASTS_MAX: Duration = Duration::from_secs(3_650 * 24 * 3_600);

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration <= SECONDS_MAX)
        .ok_or_else(|| format!("must be between 0 and {}", SECONDS_MAX.as_secs()))
}

/// The longest time that can be waited for: a hundred days.
pub(crate) const SECONDS_MAX: Duration = Duration::from_secs(100 * 24 * 3600);
