//! Loads: thousands of sessions against the server that was just built, by the testing program.

use anyhow::{Result, bail};

use crate::arguments::{Arguments, Usage};
use crate::repository::Repository;
use crate::setup::{self, Consent};
use crate::step::Step;

/// Runs a load; what is not understood here is passed on. With `--release` the programs are built as
/// people run them, but with the names of functions, so that a profile can be read.
pub(crate) fn load(
    repository: &Repository,
    mut arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    let release = arguments.flag("--release");
    arguments.flag("--json");
    let Some(name) = arguments.command() else {
        return Err(Usage("load needs the name of a load, such as fanout".to_owned()).into());
    };
    let commit = repository.commit();
    setup::ensure(repository.root(), consent)?;
    let folder = if release {
        build(repository, &["--release"])
            .environment("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only")
            .run()?;
        repository.target().join("release")
    } else {
        build(repository, &[]).run()?;
        repository.programs()
    };
    let step = repository.testing_in(&folder, ["load", &name, "--commit", &commit, "--json"]);
    if !step.words(arguments.rest()).objects()?.1 {
        bail!("the load failed");
    }
    Ok(())
}

fn build(repository: &Repository, words: &[&str]) -> Step {
    repository.cargo(["build", "-p", "veched", "-p", "veche-testing"]).words(words)
}
