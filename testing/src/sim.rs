//! The simulator: seeds by the hundred, each checked to the last row.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::world::{Beside, Counts, Sabotage};

mod joins;
mod operations;
mod play;
mod storms;

pub use play::{Verdict, play};

/// Seeds that are played twice, to see that they repeat.
const REPEATED: u64 = 3;
/// Threads over seeds; a world itself has one.
const THREADS: usize = 2;
/// Complaints shown of one seed.
const SHOWN_MAX: usize = 12;

/// What came of a run over seeds.
#[derive(Debug, Default)]
pub struct Run {
    /// Seeds in which everything held.
    pub passed: u64,
    /// The others, with what did not hold.
    pub failed: BTreeMap<u64, Vec<String>>,
    /// Over all seeds.
    pub counts: Counts,
    /// What was to happen beside.
    beside: Beside,
}

impl Run {
    /// What should have happened and never did.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let beside = operations::beside(self.beside);
        let operations = operations::OPERATIONS.iter().chain(beside).map(|(name, _, _)| *name);
        let names: Vec<&'static str> =
            operations.chain(operations::outcomes(self.beside)).collect();
        self.counts.missing(&names)
    }
}

/// Plays seeds, with all rules kept or as `sabotage` says; the first few twice. `tell` is called for each seed that failed, as it fails.
pub fn run(seeds: Range<u64>, sabotage: Sabotage, tell: &(dyn Fn(u64, &[String]) + Sync)) -> Run {
    let next = AtomicU64::new(seeds.start);
    let run = Mutex::new(Run { beside: sabotage.beside, ..Run::default() });
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let twice = seed < seeds.start + REPEATED;
            let verdict = play_safely(seed, sabotage, twice);
            let Ok(mut run) = run.lock() else { return };
            run.counts.merge(&verdict.counts);
            if verdict.complaints.is_empty() {
                run.passed += 1;
            } else {
                tell(seed, &verdict.complaints);
                run.failed.insert(seed, verdict.complaints);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    run.into_inner().unwrap_or_default()
}

/// The first of the seeds in which a broken rule is noticed, and what was noticed.
#[must_use]
pub fn catch(sabotage: Sabotage, seeds: Range<u64>) -> Option<(u64, String)> {
    let next = AtomicU64::new(seeds.start);
    let caught: Mutex<Option<(u64, String)>> = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let done = caught.lock().is_ok_and(|caught| caught.is_some());
            if seed >= seeds.end || done {
                return;
            }
            let verdict = play_safely(seed, sabotage, false);
            if let (Some(complaint), Ok(mut caught)) = (verdict.complaints.first(), caught.lock()) {
                let earlier = caught.as_ref().is_some_and(|(before, _)| *before < seed);
                if !earlier {
                    *caught = Some((seed, complaint.clone()));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    caught.into_inner().ok().flatten()
}

/// Plays a seed; a panic is a complaint. `twice` plays it again and compares.
fn play_safely(seed: u64, sabotage: Sabotage, twice: bool) -> Verdict {
    let attempt = |keep_lines| {
        catch_unwind(AssertUnwindSafe(|| play(seed, sabotage, keep_lines))).unwrap_or_else(
            |panic| {
                let words = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()))
                    .unwrap_or_default();
                let complaints = vec![format!("panicked: {words}")];
                Verdict { seed, counts: Counts::default(), complaints, hash: 0, lines: Vec::new() }
            },
        )
    };
    let mut verdict = attempt(twice);
    if twice {
        let again = attempt(true);
        if again.hash != verdict.hash || again.complaints != verdict.complaints {
            verdict.complaints.push(first_difference(&verdict.lines, &again.lines));
        }
    }
    verdict
}

fn first_difference(first: &[String], second: &[String]) -> String {
    let differs = first.iter().zip(second).position(|(one, other)| one != other);
    let line = differs.unwrap_or(first.len().min(second.len()));
    let at = |lines: &[String]| lines.get(line).cloned().unwrap_or_else(|| "the end".to_owned());
    format!("does not repeat: line {line} is {:?}, then {:?}", at(first), at(second))
}

/// The complaints of a seed, as they are shown, with the command that plays it again.
#[must_use]
pub fn in_words(seed: u64, sabotage: Sabotage, complaints: &[String]) -> String {
    let mut again = format!("cargo xtask sim --seeds {seed}..{}", seed + 1);
    if let Some(flag) = sabotage.beside.flag() {
        again = format!("{again} {flag}");
    }
    let mut words = format!("seed {seed} failed; {again}");
    for complaint in complaints.iter().take(SHOWN_MAX) {
        words += &format!("\n    {complaint}");
    }
    if complaints.len() > SHOWN_MAX {
        words += &format!("\n    and {} more", complaints.len() - SHOWN_MAX);
    }
    words
}
