//! How far a run has come, and what was measured, in a file beside everything else.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use veche_wire::{LogId, Millis};

use super::super::{Stopped, words};

const FILE: &str = "progress.json";
/// When a run begins: noon of a day.
const BEGINNING_MS: Millis = 20_400 * 86_400_000 + 43_200_000;

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The group is to be made.
    Founding,
    /// Those from this number on are to join.
    Joining { next: usize },
    /// Those from this author on are to speak.
    Speaking { next: usize },
    /// Those who rest are to be woken.
    Waking,
    /// Nothing.
    Done,
}

/// How far a run has come.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    pub(super) stage: Stage,
    pub(super) now: Millis,
    pub(super) chat: Option<LogId>,
    /// Stages that were begun; names are not used again, since the server may know them already.
    pub(super) attempt: u64,
    pub(super) attempts: BTreeMap<usize, u64>,
    pub(super) wall_seconds: f64,
    pub(super) cpu_seconds: f64,
    /// What was measured, by name.
    samples: BTreeMap<String, Vec<f64>>,
    /// How many accounts are in the group at the end.
    pub(super) accounts: u64,
    pub(super) messages: u64,
    pub(super) undecryptable: u64,
    pub(super) written_per_message: Option<u64>,
    pub(super) disk_per_message: Option<u64>,
    pub(super) agree: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            stage: Stage::Founding,
            now: BEGINNING_MS,
            chat: None,
            attempt: 0,
            attempts: BTreeMap::new(),
            wall_seconds: 0.0,
            cpu_seconds: 0.0,
            samples: BTreeMap::new(),
            accounts: 0,
            messages: 0,
            undecryptable: 0,
            written_per_message: None,
            disk_per_message: None,
            agree: false,
        }
    }

    /// What a folder says, or the beginning.
    pub(super) fn read(folder: &Path) -> Result<Self, Stopped> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(Self::new());
        }
        let text = std::fs::read_to_string(&path).map_err(words)?;
        let value: Value = serde_json::from_str(&text).map_err(words)?;
        Self::of(&value).ok_or_else(|| format!("{} is of another program", path.display()))
    }

    fn of(value: &Value) -> Option<Self> {
        let place = |name: &str| usize::try_from(value[name].as_u64()?).ok();
        let attempts = value["attempts"].as_object()?.iter();
        let attempts = attempts.map(|(number, at)| Some((number.parse().ok()?, at.as_u64()?)));
        let samples = value["samples"].as_object()?.iter().map(|(name, all)| {
            let all: Option<Vec<f64>> = all.as_array()?.iter().map(Value::as_f64).collect();
            Some((name.clone(), all?))
        });
        Some(Self {
            stage: match value["stage"].as_str()? {
                "founding" => Stage::Founding,
                "joining" => Stage::Joining { next: place("next")? },
                "speaking" => Stage::Speaking { next: place("next")? },
                "waking" => Stage::Waking,
                "done" => Stage::Done,
                _ => return None,
            },
            now: value["now"].as_u64()?,
            chat: value["chat"].as_str().and_then(|text| text.parse().ok()),
            attempt: value["attempt"].as_u64()?,
            attempts: attempts.collect::<Option<_>>()?,
            wall_seconds: value["wall_seconds"].as_f64()?,
            cpu_seconds: value["cpu_seconds"].as_f64()?,
            samples: samples.collect::<Option<_>>()?,
            accounts: value["accounts"].as_u64()?,
            messages: value["messages"].as_u64()?,
            undecryptable: value["undecryptable"].as_u64()?,
            written_per_message: value["written_per_message"].as_u64(),
            disk_per_message: value["disk_per_message"].as_u64(),
            agree: value["agree"].as_bool()?,
        })
    }

    /// Writes it down whole.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Stopped> {
        let (stage, next) = match self.stage {
            Stage::Founding => ("founding", 0),
            Stage::Joining { next } => ("joining", next),
            Stage::Speaking { next } => ("speaking", next),
            Stage::Waking => ("waking", 0),
            Stage::Done => ("done", 0),
        };
        let attempts: BTreeMap<String, u64> =
            self.attempts.iter().map(|(number, at)| (number.to_string(), *at)).collect();
        let value = json!({
            "stage": stage,
            "next": next,
            "now": self.now,
            "chat": self.chat.map(|chat| chat.to_string()),
            "attempt": self.attempt,
            "attempts": attempts,
            "wall_seconds": self.wall_seconds,
            "cpu_seconds": self.cpu_seconds,
            "samples": self.samples,
            "accounts": self.accounts,
            "messages": self.messages,
            "undecryptable": self.undecryptable,
            "written_per_message": self.written_per_message,
            "disk_per_message": self.disk_per_message,
            "agree": self.agree,
        });
        let new = folder.join("progress.new");
        std::fs::write(&new, value.to_string()).map_err(words)?;
        std::fs::rename(new, folder.join(FILE)).map_err(words)
    }

    /// The username of a member.
    pub(super) fn name(&self, number: usize) -> String {
        let attempt = self.attempts.get(&number).copied().unwrap_or(0);
        format!("m{number:05}_{attempt}")
    }

    pub(super) fn add_time(&mut self, wall: Duration, cpu: Duration) {
        self.wall_seconds += wall.as_secs_f64();
        self.cpu_seconds += cpu.as_secs_f64();
    }

    /// Keeps something that was measured.
    pub(super) fn note(&mut self, name: &str, value: f64) {
        self.samples.entry(name.to_owned()).or_default().push(value);
    }

    /// How often something was measured.
    pub(super) fn count(&self, name: &str) -> usize {
        self.samples.get(name).map_or(0, Vec::len)
    }

    /// The one in the middle.
    pub(super) fn median(&self, name: &str) -> Option<f64> {
        self.at(name, 50)
    }

    /// The one in the middle of the last `count`.
    pub(super) fn median_of_last(&self, name: &str, count: usize) -> Option<f64> {
        let samples = self.samples.get(name)?;
        let last = samples.get(samples.len().saturating_sub(count)..)?;
        at(last, 50)
    }

    /// The 95th of a hundred.
    pub(super) fn high(&self, name: &str) -> Option<f64> {
        self.at(name, 95)
    }

    fn at(&self, name: &str, percent: usize) -> Option<f64> {
        at(self.samples.get(name)?, percent)
    }

    /// Where it is, for who waits.
    pub(super) fn line(&self) -> String {
        format!(
            "{:?} after {:.1} minutes, {:.1} of CPU",
            self.stage,
            self.wall_seconds / 60.0,
            self.cpu_seconds / 60.0
        )
    }
}

fn at(samples: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map(|value| (value * 1e3).round() / 1e3)
}

/// The most memory that this process has held, in bytes.
pub(super) fn peak_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}
