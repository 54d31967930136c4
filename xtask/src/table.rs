//! The table of loads: each is run three times and the median held against its goal, in
//! `docs/load.json` and `docs/load.md`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use crate::page;
use crate::repository::Repository;

/// How often each load is run. Peers are run once, beside the last time.
const TIMES: usize = 3;
/// How the server that the table is about is named in a row.
const OURS: &str = "veched";

/// What a load is to come to.
struct Goal {
    what: &'static str,
    measure: Measure,
    bound: Bound,
}

/// Where in the rows of a load the number stands.
#[derive(Clone, Copy)]
enum Measure {
    /// In the last row.
    Field(&'static str),
    /// How many times as large as in the first row it is in the last.
    Growth(&'static str),
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// One load with all that is read from it.
struct Line {
    words: &'static [&'static str],
    times: usize,
    has_peers: bool,
    goals: &'static [Goal],
}

const fn at_most(what: &'static str, field: &'static str, bound: f64) -> Goal {
    Goal { what, measure: Measure::Field(field), bound: Bound::AtMost(bound) }
}

const fn at_least(what: &'static str, field: &'static str, bound: f64) -> Goal {
    Goal { what, measure: Measure::Field(field), bound: Bound::AtLeast(bound) }
}

/// What is looked at after a kill.
const KEPT: [Goal; 2] = [
    at_most("acknowledged entries lost over kill -9", "lost", 0.0),
    at_most("entries out of order over kill -9", "out_of_order", 0.0),
];

const fn kill(words: &'static [&'static str]) -> Line {
    Line { words, times: 1, has_peers: false, goals: &KEPT }
}

/// Sizes and times are such that all of it ends within half an hour on two cores.
const LINES: [Line; 12] = [
    Line {
        words: &["fanout", "--members", "5000", "--seconds", "8"],
        times: TIMES,
        has_peers: true,
        goals: &[
            at_most("server CPU seconds per million deliveries", "server_cpu_s_per_million", 5.0),
            at_least("deliveries/s sustained", "deliveries_per_s", 200_000.0),
        ],
    },
    Line {
        words: &["fanout", "--members", "5000", "--rate", "20", "--seconds", "60"],
        times: TIMES,
        has_peers: true,
        goals: &[
            at_most("server CPU seconds per million deliveries", "server_cpu_s_per_million", 5.0),
            at_most("delivery p50, ms", "p50_ms", 40.0),
            at_most("delivery p99, ms", "p99_ms", 100.0),
        ],
    },
    Line {
        words: &["pairs", "--members", "1000", "--seconds", "8"],
        times: TIMES,
        has_peers: true,
        goals: &[at_least("durable messages/s", "messages_per_s", 20_000.0)],
    },
    Line {
        words: &["pairs", "--members", "1000", "--rate", "1000", "--seconds", "8"],
        times: TIMES,
        has_peers: true,
        goals: &[at_most("delivery p99, ms", "p99_ms", 2.0)],
    },
    Line {
        words: &["storm", "--members", "5000"],
        times: TIMES,
        has_peers: false,
        goals: &[
            at_most("seconds until the last is live", "seconds_until_live", 2.0),
            at_most("entries lost", "lost", 0.0),
        ],
    },
    Line {
        words: &["drain"],
        times: TIMES,
        has_peers: true,
        goals: &[at_least("missed entries/s", "deliveries_per_s", 100_000.0)],
    },
    Line {
        words: &["idle", "--members", "10000", "--seconds", "2"],
        times: TIMES,
        has_peers: true,
        goals: &[at_most("bytes per connection", "server_rss_bytes_per_connection", 12_288.0)],
    },
    Line {
        words: &["catchup", "--entries", "10000,1000000"],
        times: 1,
        has_peers: false,
        goals: &[Goal {
            what: "time of the last 10,000 of 1,000,000, as a multiple of that of 10,000",
            measure: Measure::Growth("server_cpu_ms_per_reading"),
            bound: Bound::AtMost(1.25),
        }],
    },
    kill(&["kill", "--of", "fanout"]),
    kill(&["kill", "--of", "pairs"]),
    kill(&["kill", "--of", "drain", "--members", "16", "--entries", "20000"]),
    kill(&["kill", "--of", "storm"]),
];

/// How the table is made.
#[derive(Debug)]
pub(crate) struct Wish {
    /// `release` or `dev`.
    pub(crate) profile: &'static str,
    /// Whether other servers are measured, too.
    pub(crate) peers: bool,
    /// How often the server is killed in each load with kills.
    pub(crate) cycles: u64,
    /// Whether an interrupted table is gone on with, instead of begun anew.
    pub(crate) resumes: bool,
}

/// What was measured so far, a line for each run: half an hour can be interrupted.
struct Kept {
    path: PathBuf,
    runs: Vec<Value>,
}

impl Kept {
    fn open(repository: &Repository, resumes: bool) -> Result<Self> {
        let path = repository.root().join("target").join("load-table.jsonl");
        let text =
            if resumes && path.exists() { fs::read_to_string(&path)? } else { String::new() };
        fs::write(&path, &text)?;
        let runs = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        Ok(Self { path, runs })
    }

    /// The commit that the runs so far are of; a table is of one commit.
    fn commit(&self) -> Option<String> {
        self.runs.first()?["commit"].as_str().map(str::to_owned)
    }

    fn rows(&self, doing: &str, turn: usize) -> Option<Vec<Value>> {
        let run = self.runs.iter().find(|run| run["doing"] == doing && run["turn"] == turn)?;
        run["rows"].as_array().cloned()
    }

    fn add(&mut self, commit: &str, doing: &str, (turn, rows): (usize, &[Value])) -> Result<()> {
        let run = json!({ "commit": commit, "doing": doing, "turn": turn, "rows": rows });
        let mut file = fs::OpenOptions::new().append(true).open(&self.path)?;
        writeln!(file, "{run}")?;
        self.runs.push(run);
        Ok(())
    }
}

/// Runs everything with the programs of `folder`, and writes both files.
pub(crate) fn table(repository: &Repository, folder: &Path, wish: &Wish) -> Result<()> {
    let mut kept = Kept::open(repository, wish.resumes)?;
    let commit = kept.commit().unwrap_or_else(|| repository.commit());
    let (mut goals, mut beside) = (Vec::new(), Vec::new());
    for line in &LINES {
        let mut runs = Vec::new();
        let command = words(line, wish).join(" ");
        for turn in 1..=line.times {
            if let Some(rows) = kept.rows(&command, turn) {
                runs.push(rows);
                continue;
            }
            let mut words = words(line, wish);
            if wish.peers && line.has_peers && turn == line.times {
                words.push("--peers".to_owned());
            }
            words.extend(["--json", "--commit", &commit].map(str::to_owned));
            let step = repository.testing_in(folder, ["load"]).words(&words);
            let (rows, good) = step.objects()?;
            if !good {
                bail!("a load failed; --resume goes on before it");
            }
            kept.add(&commit, &command, (turn, &rows))?;
            runs.push(rows);
        }
        goals.extend(line.goals.iter().map(|goal| held_against(goal, &command, &runs)));
        if wish.peers && line.has_peers {
            let rows = runs.pop().unwrap_or_default();
            beside.extend(line.goals.iter().map(|goal| peers_of(goal, &command, &rows)));
        }
    }
    let mut results = Map::new();
    results.insert("goals".to_owned(), Value::Array(goals));
    results.insert("peers_once".to_owned(), Value::Array(beside));
    let document = json!({
        "commit": commit,
        "profile": wish.profile,
        "machine": page::machine(repository),
        "results": results,
    });
    page::keep(repository, "load", &document, &page(&document))
}

/// The command line after `load`.
fn words(line: &Line, wish: &Wish) -> Vec<String> {
    let mut words: Vec<String> = line.words.iter().map(|word| (*word).to_owned()).collect();
    if line.words.first() == Some(&"kill") {
        words.extend(["--cycles".to_owned(), wish.cycles.to_string()]);
    }
    words
}

/// The median of the runs and whether it reaches the goal.
fn held_against(goal: &Goal, command: &str, runs: &[Vec<Value>]) -> Value {
    let values: Vec<f64> =
        runs.iter().filter_map(|rows| measured(goal.measure, &rows_of(rows, OURS))).collect();
    let median = median(&values);
    let (bound, reached) = match goal.bound {
        Bound::AtMost(bound) => (format!("≤ {bound}"), median.map(|value| value <= bound)),
        Bound::AtLeast(bound) => (format!("≥ {bound}"), median.map(|value| value >= bound)),
    };
    json!({
        "doing": command,
        "what": goal.what,
        "goal": bound,
        "median": median,
        "reached": reached.map(|reached| if reached { "yes" } else { "no" }),
        "values": values,
    })
}

/// What each server of a run came to: a number, or why there is none.
fn peers_of(goal: &Goal, command: &str, rows: &[Value]) -> Value {
    let mut line = Map::new();
    line.insert("doing".to_owned(), json!(command));
    line.insert("what".to_owned(), json!(goal.what));
    for row in rows {
        let Some(server) = row["server"].as_str() else { continue };
        let value = measured(goal.measure, &rows_of(rows, server)).map(Value::from);
        let why = ["skipped", "failed"].into_iter().find_map(|why| row.get(why).cloned());
        line.insert(server.to_owned(), value.or(why).unwrap_or_default());
    }
    Value::Object(line)
}

fn rows_of<'a>(rows: &'a [Value], server: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["server"] == server).collect()
}

fn measured(measure: Measure, rows: &[&Value]) -> Option<f64> {
    let (first, last) = (rows.first()?, rows.last()?);
    match measure {
        Measure::Field(name) => last[name].as_f64(),
        Measure::Growth(name) => {
            let growth = last[name].as_f64()? / first[name].as_f64()?;
            Some((growth * 1e3).round() / 1e3)
        }
    }
}

/// The middle one; of an even number, the larger of both.
fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The page made of the document.
fn page(document: &Value) -> String {
    page::page(
        "Loads",
        "Made from `docs/load.json` by `cargo xtask load table`; not edited by hand. The generator \
         runs on the same cores as the server. Peers ran once, on loopback, without encryption; \
         veched with Noise, and with fsync before it acknowledges. `cargo xtask load` and the words \
         of the first column repeat a row.",
        document,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_held_against_its_goal() {
        let run = |ours: f64| {
            vec![
                json!({ "server": "veched", "p50_ms": ours }),
                json!({ "server": "other", "p50_ms": 1.0 }),
            ]
        };
        let goal = at_most("p50", "p50_ms", 40.0);
        let held = held_against(&goal, "fanout", &[run(39.0), run(80.0), run(40.0)]);
        assert_eq!((&held["median"], &held["reached"]), (&json!(40.0), &json!("yes")));
        assert_eq!(held["values"], json!([39.0, 80.0, 40.0]));
        let goal = at_least("p50", "p50_ms", 41.0);
        assert_eq!(held_against(&goal, "fanout", &[run(40.0)])["reached"], "no");
        assert_eq!(held_against(&goal, "fanout", &[])["median"], Value::Null);
    }

    #[test]
    fn peers_stand_beside_with_a_number_or_a_reason() {
        let rows = [
            json!({ "server": "veched", "read_ms": 2.0 }),
            json!({ "server": "veched", "read_ms": 3.0 }),
            json!({ "server": "other", "skipped": "not installed" }),
        ];
        let goal =
            Goal { what: "growth", measure: Measure::Growth("read_ms"), bound: Bound::AtMost(1.0) };
        assert_eq!(
            peers_of(&goal, "catchup", &rows),
            json!({ "doing": "catchup", "what": "growth", "veched": 1.5, "other": "not installed" })
        );
    }
}
