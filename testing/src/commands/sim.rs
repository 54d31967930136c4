//! `veche-testing sim`.

use std::collections::BTreeMap;
use std::ops::Range;

use veche_testing::sim as simulator;
use veche_testing::world::{Beside, Sabotage};

use super::{Options, Tally};

const SEEDS: Range<u64> = 0..200;
/// A run of so many seeds must bring everything at least once.
const WHOLE: u64 = 100;
/// The same for one in which groups are pressed: its seeds are longer.
const WHOLE_OF_STORMS: u64 = 70;

/// Plays seeds, or looks whether broken rules are noticed.
pub(crate) fn sim(words: &[String]) -> Result<Tally, String> {
    let options = Options::read(
        words,
        &["--seeds", "--mutant"],
        &["--mutants", "--json", "--lines", "--restorations", "--joins", "--storms"],
    )?;
    let asked_for = |beside: &Beside| beside.flag().is_some_and(|flag| options.has(flag));
    let beside = Beside::ALL.into_iter().find(asked_for);
    let sabotage = Sabotage { beside: beside.unwrap_or_default(), ..Sabotage::default() };
    let seeds = options.value("--seeds").map_or(Ok(SEEDS), range)?;
    if let Some(name) = options.value("--mutant") {
        let sabotage = Sabotage::named(name).ok_or_else(|| {
            let known: Vec<&str> = Sabotage::NAMED.iter().map(|(name, _)| *name).collect();
            format!("there is no mutant `{name}`; there are {}", known.join(", "))
        })?;
        return Ok(mutants(&[(name, sabotage)], &seeds));
    }
    if options.has("--mutants") {
        return Ok(mutants(Sabotage::NAMED, &seeds));
    }
    if options.has("--lines") {
        return Ok(lines(seeds, sabotage));
    }
    Ok(seeds_in_order(seeds, sabotage, options.has("--json")))
}

fn seeds_in_order(seeds: Range<u64>, sabotage: Sabotage, json: bool) -> Tally {
    let tell = |seed, complaints: &[String]| {
        eprintln!("{}", simulator::in_words(seed, sabotage, complaints));
    };
    let enough = if sabotage.beside == Beside::Storms { WHOLE_OF_STORMS } else { WHOLE };
    let whole = seeds.end - seeds.start >= enough;
    let run = simulator::run(seeds, sabotage, &tell);
    let mut tally = Tally { passed: run.passed, failed: run.failed.len() as u64 };
    if json {
        let failed: Vec<u64> = run.failed.keys().copied().collect();
        let counts: BTreeMap<&str, u64> = run.counts.all().collect();
        let seeds = run.passed + tally.failed;
        println!("{}", serde_json::json!({ "seeds": seeds, "failed": failed, "counts": counts }));
    } else {
        print!("{}", run.counts);
    }
    // A few seeds need not bring everything; a run of the usual length must.
    for name in run.missing().into_iter().filter(|_| whole) {
        eprintln!("never happened in any seed: {name}");
        tally.failed += 1;
    }
    tally
}

fn mutants(named: &[(&str, Sabotage)], seeds: &Range<u64>) -> Tally {
    // Panics of a broken world are what is looked for; they need not be shown.
    std::panic::set_hook(Box::new(|_| {}));
    let mut tally = Tally::default();
    for (name, sabotage) in named {
        let caught = simulator::catch(*sabotage, seeds.clone());
        match &caught {
            Some((seed, complaint)) => println!("{name}: noticed in seed {seed}: {complaint}"),
            None => println!("{name}: NOT noticed in the seeds {seeds:?}"),
        }
        tally.count(caught.is_some());
    }
    tally
}

fn lines(seeds: Range<u64>, sabotage: Sabotage) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let verdict = simulator::play(seed, sabotage, true);
        for line in &verdict.lines {
            println!("{line}");
        }
        print!("{}", verdict.counts);
        if !verdict.complaints.is_empty() {
            eprintln!("{}", simulator::in_words(seed, sabotage, &verdict.complaints));
        }
        tally.count(verdict.complaints.is_empty());
    }
    tally
}

fn range(words: &str) -> Result<Range<u64>, String> {
    let wrong = || format!("`{words}` is not a range like 0..200");
    let (start, end) = words.split_once("..").ok_or_else(wrong)?;
    let start = start.parse().map_err(|_| wrong())?;
    let end = end.parse().map_err(|_| wrong())?;
    if start < end { Ok(start..end) } else { Err(wrong()) }
}
