//! Licences, known vulnerabilities and unwanted crates among what we lean on, by cargo-deny.

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::repository::Repository;
use crate::setup::Consent;
use crate::step::Step;

/// Checks `deny.toml`. The checking tool is built below the target folder if it is not there yet.
pub(crate) fn audit(repository: &Repository, arguments: Arguments, consent: Consent) -> Result<()> {
    arguments.finish()?;
    if Step::new("cargo-deny", repository.root()).words(["--version"]).succeeds() {
        return Step::new("cargo-deny", repository.root()).words(["check"]).run();
    }
    let tools = repository.target().join("tools");
    let ours = tools.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if !ours.exists() {
        let install = repository
            .cargo(["install", "--locked", "cargo-deny", "--root"])
            .words([tools.as_os_str()]);
        if consent == Consent::Withheld {
            bail!("cargo-deny is missing. Type `{}`, then the same command again", install.line());
        }
        println!("cargo-deny is missing. Installing it below {}.", tools.display());
        install.run()?;
    }
    Step::new(ours, repository.root()).words(["check"]).run()
}
