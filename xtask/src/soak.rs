//! Kill cycles and seeds in bulk. Each result is kept in `docs/soak.md`, good or bad, with the
//! commit, the range and the counts, so that it can be repeated.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::programs;
use crate::repository::Repository;
use crate::setup::Consent;
use crate::step::Step;

const HEADING: &str = "\
# Soak results

Appended by `cargo xtask soak`, newest last. A failed run stays here beside the commit that mends it.
";

/// What one part of a soak came to.
struct Outcome {
    /// What ran, as it is written down: `simulator, seeds 0..2000`.
    what: String,
    good: bool,
    minutes: f64,
    /// Counts by name, flattened.
    counts: Vec<(String, String)>,
}

/// Runs the simulator, without and with restorations of the server, then the kill cycles; all of them
/// even if one fails.
pub(crate) fn soak(
    repository: &Repository,
    mut arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    let cycles = arguments.number("--cycles", 200)?.to_string();
    let seeds = format!("0..{}", arguments.number("--seeds", 2000)?);
    arguments.finish()?;
    let commit = repository.commit();
    programs::build_daily(repository, consent)?;

    let simulator = repository.testing(["sim", "--seeds", &seeds, "--json"]);
    let restored = repository.testing(["sim", "--restorations", "--seeds", &seeds, "--json"]);
    let kills = repository.testing(["kill", "--cycles", &cycles, "--json"]);
    let outcomes = [
        observe(format!("simulator, seeds {seeds}"), &simulator)?,
        observe(format!("simulator with restorations, seeds {seeds}"), &restored)?,
        observe(format!("kill loop over processes, {cycles} cycles"), &kills)?,
    ];
    let path = repository.root().join("docs").join("soak.md");
    keep(&path, &entry(&commit, &outcomes))?;
    println!("Kept in {}.", path.display());
    if let Some(bad) = outcomes.iter().find(|outcome| !outcome.good) {
        bail!("{} failed", bad.what);
    }
    Ok(())
}

fn observe(what: String, step: &Step) -> Result<Outcome> {
    let start = Instant::now();
    let (objects, good) = step.objects()?;
    let mut counts = Vec::new();
    if let Some(summary) = objects.last() {
        flatten("", summary, &mut counts);
    }
    Ok(Outcome { what, good, minutes: start.elapsed().as_secs_f64() / 60.0, counts })
}

/// Turns nested objects into `outer.inner` names; arrays stand as they are.
fn flatten(name: &str, value: &Value, counts: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(&name, inner, counts);
            }
        }
        Value::String(text) => counts.push((name.to_owned(), text.clone())),
        other => counts.push((name.to_owned(), other.to_string())),
    }
}

fn entry(commit: &str, outcomes: &[Outcome]) -> String {
    let mut text = format!("\n## Commit {commit}\n");
    for outcome in outcomes {
        let verdict = if outcome.good { "passed" } else { "FAILED" };
        text += &format!("\n{}: **{verdict}** in {:.1} minutes.\n", outcome.what, outcome.minutes);
        if !outcome.counts.is_empty() {
            let counts = outcome.counts.iter().map(|(name, count)| format!("{name} {count}"));
            text += &format!("Counts: {}.\n", counts.collect::<Vec<_>>().join(", "));
        }
    }
    text
}

fn keep(path: &Path, entry: &str) -> Result<()> {
    let before = if path.exists() { fs::read_to_string(path)? } else { HEADING.to_owned() };
    fs::create_dir_all(path.parent().context("a file has a folder")?)?;
    fs::write(path, before + entry).with_context(|| format!("{} was not written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_ran_on_which_commit_and_how_it_ended() {
        let mut counts = Vec::new();
        let summary = serde_json::json!({ "seeds": 2, "faults": { "dropped": 31 } });
        flatten("", &summary, &mut counts);
        let outcomes = [
            Outcome { what: "simulator, seeds 0..2".into(), good: true, minutes: 0.26, counts },
            Outcome { what: "kills, 1 cycle".into(), good: false, minutes: 1.0, counts: vec![] },
        ];
        let text = entry("0123456789ab", &outcomes);
        assert_eq!(
            text,
            "\n## Commit 0123456789ab\n\
             \nsimulator, seeds 0..2: **passed** in 0.3 minutes.\n\
             Counts: faults.dropped 31, seeds 2.\n\
             \nkills, 1 cycle: **FAILED** in 1.0 minutes.\n"
        );
    }
}
