//! The commands that build the programs and hand over to one of them.

use anyhow::Result;

use crate::arguments::{Arguments, Usage, seed_range};
use crate::repository::Repository;
use crate::setup::{self, Consent};

/// Builds the release programs, complete and fast, into `target/release`.
pub(crate) fn build(repository: &Repository, arguments: Arguments, consent: Consent) -> Result<()> {
    arguments.finish()?;
    setup::ensure(repository.root(), consent)?;
    repository.cargo(["build", "--release", "-p", "veche", "-p", "veched"]).run()?;
    for name in ["veche", "veched"] {
        println!("{}", repository.target().join("release").join(name).display());
    }
    Ok(())
}

/// Plays the main job over real processes and prints what everybody saw.
pub(crate) fn demo(repository: &Repository, arguments: Arguments, consent: Consent) -> Result<()> {
    arguments.finish()?;
    build_daily(repository, consent)?;
    repository.testing(["demo"]).run()
}

/// Runs the simulator over a range of seeds.
pub(crate) fn sim(
    repository: &Repository,
    mut arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    let Some(seeds) = arguments.value("--seeds")? else {
        return Err(Usage("sim needs --seeds A..B".to_owned()).into());
    };
    let seeds = seed_range(&seeds)?;
    let beside =
        ["--restorations", "--joins", "--storms"].into_iter().find(|flag| arguments.flag(flag));
    arguments.finish()?;
    build_daily(repository, consent)?;
    repository.testing(["sim", "--seeds", &seeds]).words(beside).run()
}

/// Feeds the decoders their corpus and seeded mutations of it.
pub(crate) fn fuzz(
    repository: &Repository,
    mut arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    let target = arguments.value("--target")?;
    let mutations = arguments.number("--mutations", crate::test::FUZZ_MUTATIONS)?.to_string();
    arguments.finish()?;
    build_daily(repository, consent)?;
    let mut step = repository.testing(["fuzz", "--mutations", &mutations]);
    if let Some(target) = &target {
        step = step.words(["--target", target]);
    }
    step.run()
}

/// Builds the programs that the testing program drives, and itself, in the one daily profile.
pub(crate) fn build_daily(repository: &Repository, consent: Consent) -> Result<()> {
    setup::ensure(repository.root(), consent)?;
    repository.cargo(["build", "--workspace"]).run()
}
