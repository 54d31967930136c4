//! Measurements, never assertions: how long things take and how many bytes they write, each beside
//! a floor that was measured in the same run.
//!
//! Other programs run on the machine, so that CPU times, counts and ratios are the numbers to read;
//! wall times are there for what waits for the disk. `cargo xtask bench --json` keeps the results.

use serde_json::Value;

mod appends;
mod catch_up;
mod crowd;
mod idle;
mod kept;
mod members;
mod meter;
mod sealing;

pub(crate) use members::old_message;
pub(crate) use meter::bytes_written;

/// Why a measurement could not go on, in words for a developer.
pub type Stopped = String;

/// How much is measured.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// Appends for each batch size.
    pub appends: usize,
    /// Group sizes, in leaves; each at least 2.
    pub leaves: Vec<usize>,
    /// Messages that are sealed and opened in each group.
    pub messages: usize,
    /// Messages that are opened in one transaction where a batch is measured.
    pub batch: usize,
    /// Messages that are caught up with.
    pub missed: usize,
    /// Whether programs are started to see how much memory they take.
    pub programs: bool,
}

impl Sizes {
    /// What the published numbers are measured with.
    #[must_use]
    pub fn full() -> Self {
        Self {
            appends: 4_096,
            leaves: vec![2, 100, 1_000, 5_000],
            messages: 500,
            batch: 100,
            missed: 10_000,
            programs: true,
        }
    }

    /// As little as shows that everything is measured.
    #[must_use]
    pub fn quick() -> Self {
        Self { appends: 32, leaves: vec![2, 5], messages: 4, batch: 2, missed: 20, programs: false }
    }
}

/// All measurements, by name.
pub const NAMES: [&str; 6] = ["appends", "sealing", "kept", "members", "catch_up", "idle"];

/// Runs the measurement `name`, and hands over one JSON object for each row of its results. Each
/// has the field `bench`, the name.
///
/// # Errors
/// Where something does not work that must.
pub fn run(name: &str, sizes: &Sizes, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    match name {
        "appends" => appends::run(sizes, report),
        "sealing" => sealing::run(sizes, report),
        "kept" => kept::run(sizes, report),
        "members" => members::run(sizes, report),
        "catch_up" => catch_up::run(sizes, report),
        "idle" => idle::run(sizes, report),
        _ => Err(format!("there is no measurement `{name}`; there are {}", NAMES.join(", "))),
    }
}

/// An error in words.
fn words(error: impl std::fmt::Display) -> Stopped {
    error.to_string()
}
