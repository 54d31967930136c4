//! Loads: thousands of sessions against the server that was just built, by the testing program.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::arguments::{Arguments, Usage};
use crate::repository::Repository;
use crate::setup::{self, Consent};
use crate::table::{Wish, table};

/// How often the server is killed in each load of the table, unless more is asked for.
const CYCLES: u64 = 10;

/// Runs a load, or all of them for the table; what is not understood here is passed on. With
/// `--release` the programs are built as people run them; for a single load with the names of
/// functions, so that a profile can be read.
pub(crate) fn load(
    repository: &Repository,
    mut arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    let profile = if arguments.flag("--release") { "release" } else { "dev" };
    arguments.flag("--json");
    let Some(name) = arguments.command() else {
        return Err(Usage("load needs the name of a load, such as fanout".to_owned()).into());
    };
    if name == "table" {
        let (peers, resumes) = (arguments.flag("--peers"), arguments.flag("--resume"));
        let cycles = arguments.number("--cycles", CYCLES)?;
        arguments.finish()?;
        let folder = build(repository, (profile, false), consent)?;
        return table(repository, &folder, &Wish { profile, peers, cycles, resumes });
    }
    let commit = repository.commit();
    let folder = build(repository, (profile, true), consent)?;
    let step = repository.testing_in(&folder, ["load", &name, "--commit", &commit, "--json"]);
    if !step.words(arguments.rest()).objects()?.1 {
        bail!("the load failed");
    }
    Ok(())
}

/// Builds what a load needs; gives the folder of the programs.
fn build(
    repository: &Repository,
    (profile, has_names): (&str, bool),
    consent: Consent,
) -> Result<PathBuf> {
    setup::ensure(repository.root(), consent)?;
    let step = repository.cargo(["build", "-p", "veched", "-p", "veche-testing"]);
    if profile != "release" {
        step.run()?;
        return Ok(repository.programs());
    }
    let debug = if has_names { "line-tables-only" } else { "none" };
    step.words(["--release"]).environment("CARGO_PROFILE_RELEASE_DEBUG", debug).run()?;
    Ok(repository.target().join("release"))
}
