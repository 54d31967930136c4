//! `veche-testing main-job`, `kill` and `demo`.

use veche_testing::processes::{demo, kill, main_job};

use super::{Options, Tally};

/// Plays something over real processes.
pub(crate) fn processes(command: &str, words: &[String]) -> Result<Tally, String> {
    let (valued, plain): (&[&str], &[&str]) = match command {
        "kill" => (&["--cycles", "--seed"], &["--json"]),
        _ => (&[], &[]),
    };
    let options = Options::read(words, valued, plain)?;
    let number = |name: &str, default: u64| match options.value(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| format!("{name} needs a number")),
    };
    let checks = match command {
        "kill" => kill::run(number("--cycles", 20)?, number("--seed", 0)?, options.has("--json"))?,
        "demo" => demo::play()?,
        _ => main_job::play()?,
    };
    Ok(Tally { passed: checks.passed, failed: checks.failed })
}
