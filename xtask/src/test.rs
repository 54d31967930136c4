//! Everything that must hold before a change is delivered, in stages from the cheap to the dear.
//! Stops at the first that fails, and names the command that repeats it.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::repository::Repository;
use crate::setup::{self, Consent};
use crate::step::Step;

/// Seeds of the simulator in each test run.
const SEEDS: &str = "0..200";
/// Seeds in which the server also comes back as an older copy of itself.
const RESTORED_SEEDS: &str = "0..110";
/// How many seeds with joins by links.
const JOINING_SEEDS: &str = "0..110";
/// How many seeds in which groups are pressed.
const STORMY_SEEDS: &str = "0..70";
/// Processes killed and started again in each test run.
const KILL_CYCLES: &str = "20";
/// Mutations of each fuzz target, unless told otherwise.
pub(crate) const FUZZ_MUTATIONS: u64 = 10_000;

/// A part of the test run with a name and a time of its own.
struct Stage {
    name: &'static str,
    step: Step,
}

/// Runs all stages.
pub(crate) fn test(repository: &Repository, arguments: Arguments, consent: Consent) -> Result<()> {
    arguments.finish()?;
    setup::ensure(repository.root(), consent)?;
    run_stages(&stages(repository, consent))
}

fn stages(repository: &Repository, consent: Consent) -> Vec<Stage> {
    let cargo = |name, words: &[&str]| Stage {
        name,
        step: repository
            .cargo([])
            .words(words)
            .environment("VECHE_BIN_DIR", repository.programs().as_os_str()),
    };
    let testing = |name, words: &[&str]| Stage { name, step: repository.testing([]).words(words) };
    let setup: &[&str] = if consent == Consent::Given { &[] } else { &["--no-setup"] };
    let page = |name, words: &[&str]| Stage {
        name,
        step: repository.cargo(["xtask", "page"]).words(words).words(setup),
    };
    vec![
        cargo("format", &["fmt", "--all", "--check"]),
        // Before the server is built, which takes it in.
        page("page", &[]),
        page("page checked", &["--check"]),
        cargo("lint", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        cargo("build", &["build", "--workspace", "--all-targets"]),
        cargo("tests", &["test", "--workspace"]),
        testing("simulator", &["sim", "--seeds", SEEDS]),
        testing("restorations", &["sim", "--restorations", "--seeds", RESTORED_SEEDS]),
        testing("joins", &["sim", "--joins", "--seeds", JOINING_SEEDS]),
        testing("storms", &["sim", "--storms", "--seeds", STORMY_SEEDS]),
        testing("assembly", &["load", "join", "--members", "300", "--messages", "300", "--json"]),
        testing("kill loop", &["kill", "--cycles", KILL_CYCLES]),
        testing("main job", &["main-job"]),
        testing("fuzz", &["fuzz", "--mutations", &FUZZ_MUTATIONS.to_string()]),
        page("browsers", &["--stories"]),
    ]
}

fn run_stages(stages: &[Stage]) -> Result<()> {
    let mut summary = Vec::new();
    let mut failure = None;
    for (index, stage) in stages.iter().enumerate() {
        let start = Instant::now();
        let title = format!("{}/{} {}", index + 1, stages.len(), stage.name);
        println!("\n==> {title}: {}", stage.step.line());
        let ending = match stage.step.run() {
            Ok(()) => "passed",
            Err(error) => {
                eprintln!("xtask: {error:#}");
                failure = Some((stage.name, stage.step.line()));
                "FAILED"
            }
        };
        let minutes = start.elapsed().as_secs_f64() / 60.0;
        println!("==> {title}: {ending} ({minutes:.1} min)");
        summary.push(format!("{minutes:6.1} min  {:<12} {ending}", stage.name));
        if failure.is_some() {
            break;
        }
    }
    println!("\n{}", summary.join("\n"));
    if let Some((name, line)) = failure {
        bail!("the stage `{name}` failed. To repeat it alone:\n  {line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn script(name: &'static str, text: &str) -> Stage {
        Stage { name, step: Step::new("sh", Path::new(".")).words(["-c", text]) }
    }

    #[test]
    fn the_first_failure_stops_the_run_and_names_how_to_repeat_it() {
        let folder = std::env::temp_dir().join(format!("xtask-stages-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mark = folder.join("reached");
        let stages = [
            script("good", "true"),
            script("bad", "exit 4"),
            script("late", &format!("touch {}", mark.display())),
        ];
        let error = run_stages(&stages).unwrap_err().to_string();
        assert!(error.contains("the stage `bad` failed"), "{error}");
        assert!(error.ends_with("sh -c 'exit 4'"), "{error}");
        assert!(!mark.exists(), "nothing runs after a failure");
        assert!(run_stages(&stages[..1]).is_ok());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
