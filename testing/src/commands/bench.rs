//! `veche-testing bench`.

use serde_json::{Value, json};
use veche_testing::bench::{NAMES, Sizes, run};

use super::{Options, Tally};

/// Measures, and prints a JSON object for each row of the results. It prints nothing else, with
/// `--json` or without.
pub(crate) fn bench(words: &[String]) -> Result<Tally, String> {
    let options = Options::read(words, &["--only", "--leaves"], &["--json", "--quick"])?;
    let mut sizes = if options.has("--quick") { Sizes::quick() } else { Sizes::full() };
    if let Some(leaves) = options.value("--leaves") {
        let numbers = leaves.split(',').map(|text| text.parse().ok().filter(|count| *count >= 2));
        let numbers: Option<Vec<usize>> = numbers.collect();
        sizes.leaves = numbers.ok_or("--leaves takes numbers from 2, with commas between them")?;
    }
    let mut tally = Tally::default();
    println!("{}", machine());
    for name in NAMES.iter().filter(|name| options.value("--only").is_none_or(|one| one == **name))
    {
        run(name, &sizes, &mut |row| println!("{row}"))?;
        tally.count(true);
    }
    if tally.passed == 0 {
        return Err(format!("there is no such measurement; there are {}", NAMES.join(", ")));
    }
    Ok(tally)
}

/// What the numbers depend on; nothing that names the machine.
fn machine() -> Value {
    let field = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    json!({
        "bench": "machine",
        "system": std::env::consts::OS,
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map(usize::from).ok(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "load": load(),
    })
}

/// The mean number of programs that wanted to run in the last minute, ours included.
fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}
