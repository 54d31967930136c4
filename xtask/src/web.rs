//! The page: the messenger compiled for browsers, and the script and styles around it. Each step is left out
//! where nothing has changed that it is made from.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::programs;
use crate::repository::Repository;
use crate::setup::{self, Consent, Need};
use crate::step::Step;
use crate::wasm;

/// The profile of Cargo.toml for what a browser loads.
const PROFILE: &str = "page";

const NODE_IS_NEW_ENOUGH: &str = "npm --version && node -e '\
    const [major, minor] = process.versions.node.split(\".\").map(Number); \
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'";

const NODE: Need = Need {
    what: "Node.js, 20.19 or newer, with npm",
    probe: &["sh", "-c", NODE_IS_NEW_ENOUGH],
    debian_packages: &["nodejs", "npm"],
};

const CHROMIUM: Need = Need {
    what: "Chromium, which plays people in browsers",
    probe: &["chromium", "--version"],
    debian_packages: &["chromium"],
};

/// `cargo xtask page`: builds the page, or checks it.
pub(crate) fn page(
    repository: &Repository,
    mut arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    let (checks, stories) = (arguments.flag("--check"), arguments.flag("--stories"));
    arguments.finish()?;
    if checks {
        packages(repository, consent)?;
        npm(repository, ["run", "check"]).run()?;
        return npm(repository, ["test"]).run();
    }
    setup::ensure(repository.root(), consent)?;
    build(repository, consent)?;
    if stories { play(repository, consent, ["run", "stories"])?.run() } else { Ok(()) }
}

/// `cargo xtask screenshots`: plays a chat and keeps pictures of it in docs/pictures.
pub(crate) fn screenshots(
    repository: &Repository,
    arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    arguments.finish()?;
    setup::ensure(repository.root(), consent)?;
    build(repository, consent)?;
    play(repository, consent, ["run", "screenshots"])?.run()
}

/// Measures the page, in browsers; gives the objects that this prints.
pub(crate) fn bench(repository: &Repository, consent: Consent) -> Result<Vec<Value>> {
    build(repository, consent)?;
    let (objects, good) = play(repository, consent, ["run", "bench"])?.objects()?;
    if good { Ok(objects) } else { bail!("the page was not measured to the end") }
}

/// What plays people in browsers against a real server, by a script of the page.
fn play<const N: usize>(
    repository: &Repository,
    consent: Consent,
    words: [&str; N],
) -> Result<Step> {
    setup::require(repository.root(), consent, &[CHROMIUM])?;
    programs::build_daily(repository, consent)?;
    let programs = repository.programs();
    Ok(npm(repository, words).environment("VECHE_BIN_DIR", programs.as_os_str()))
}

/// Builds `apps/web/dist`, which `veched` then takes into itself.
///
/// # Errors
/// Where a tool is missing and must not be installed, in words that say what to type.
pub(crate) fn build(repository: &Repository, consent: Consent) -> Result<()> {
    let folder = folder(repository);
    let module = folder.join("src/bridge/core");
    compile(repository, consent, &module)?;
    packages(repository, consent)?;
    let made = folder.join("dist/index.html");
    let sources = [
        "src",
        "public",
        "index.html",
        "package-lock.json",
        "svelte.config.js",
        "tsconfig.json",
        "vite.config.ts",
        "vite.release.ts",
    ];
    let newest = sources.iter().filter_map(|name| newest(&folder.join(name))).max();
    if newest > newest_of(&made) {
        npm(repository, ["run", "build"]).run()?;
    }
    Ok(())
}

/// The folder of the page.
fn folder(repository: &Repository) -> PathBuf {
    repository.root().join("apps/web")
}

/// A step of npm on the page.
fn npm<const N: usize>(repository: &Repository, words: [&str; N]) -> Step {
    Step::new("npm", &folder(repository)).words(words)
}

/// Compiles the messenger and makes the browser's module of it.
fn compile(repository: &Repository, consent: Consent, module: &Path) -> Result<()> {
    let tools = wasm::tools(repository, consent)?;
    let target = repository.target().join("wasm");
    let words =
        ["build", "-p", "veche-web", "--lib", "--profile", PROFILE, "--target", wasm::TARGET];
    // Another compiler would make the everyday build begin anew.
    tools.equip(repository.cargo(words)).environment("CARGO_TARGET_DIR", &target).run()?;
    let compiled = target.join(wasm::TARGET).join(PROFILE).join("veche_web.wasm");
    if newest_of(&compiled) < newest_of(&module.join("veche_web_bg.wasm")) {
        return Ok(());
    }
    repository.cargo(["run", "-p", "veche-web-bind", "--"]).words([&compiled, module]).run()
}

/// Fetches the packages that the lock file names.
fn packages(repository: &Repository, consent: Consent) -> Result<()> {
    setup::require(repository.root(), consent, &[NODE])?;
    let folder = folder(repository);
    // npm writes this file last.
    let fetched = folder.join("node_modules/.package-lock.json");
    if newest_of(&folder.join("package-lock.json")) < newest_of(&fetched) {
        return Ok(());
    }
    npm(repository, ["ci", "--no-audit", "--no-fund"]).run()
}

/// When the newest file below changed; nothing where there is none.
fn newest(path: &Path) -> Option<SystemTime> {
    if !path.is_dir() {
        return newest_of(path);
    }
    let inside = fs::read_dir(path).ok()?.flatten();
    inside.filter_map(|entry| newest(&entry.path())).max()
}

fn newest_of(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|file| file.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_older_than_a_source_that_changed() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("xtask-web-{}", std::process::id()));
        fs::create_dir_all(folder.join("src/deep"))?;
        let (made, source) = (folder.join("made"), folder.join("src/deep/source"));
        assert_eq!(newest(&folder.join("src")), None);
        fs::write(&made, "")?;
        fs::write(&source, "")?;
        let early = SystemTime::UNIX_EPOCH;
        fs::File::options().write(true).open(&made)?.set_modified(early)?;
        assert!(newest(&folder.join("src")) > newest_of(&made));
        assert!(newest_of(&folder.join("absent")) < newest_of(&made));
        fs::remove_dir_all(&folder)?;
        Ok(())
    }
}
