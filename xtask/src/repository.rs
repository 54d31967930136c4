//! Where things are: the repository, its build folder, the programs built there.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::step::Step;

/// The folder of built programs below the target folder; everything daily uses the one profile.
const PROFILE_FOLDER: &str = "debug";

/// The clone this program was started in.
#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
    target: PathBuf,
}

impl Repository {
    /// Finds the clone by the folder of this program's manifest, which cargo tells when it runs us.
    pub(crate) fn here() -> Result<Self> {
        let manifest_folder = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_folder
            .parent()
            .context("the manifest of xtask has no folder above it")?
            .to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |folder| root.join(folder));
        Ok(Self { root, target })
    }

    /// The top folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that cargo builds into.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The folder of the programs of the one daily profile.
    pub(crate) fn programs(&self) -> PathBuf {
        self.target.join(PROFILE_FOLDER)
    }

    /// The full path of a built program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs().join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// A step that runs cargo at the top folder.
    pub(crate) fn cargo<const N: usize>(&self, words: [&str; N]) -> Step {
        Step::new("cargo", self.root()).words(words)
    }

    /// A step of the testing program over the built programs.
    pub(crate) fn testing<const N: usize>(&self, words: [&str; N]) -> Step {
        self.testing_in(&self.programs(), words)
    }

    /// The same over programs that were built elsewhere, such as in `target/release`.
    pub(crate) fn testing_in<const N: usize>(&self, programs: &Path, words: [&str; N]) -> Step {
        let testing = programs.join(format!("veche-testing{}", env::consts::EXE_SUFFIX));
        Step::new(testing, self.root())
            .environment("VECHE_BIN_DIR", programs.as_os_str())
            .words(words)
    }

    /// The commit that is checked out, with `+changes` where files differ from it.
    pub(crate) fn commit(&self) -> String {
        let git = |words: &[&str]| Step::new("git", self.root()).words(words).output().ok();
        let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
            return "unknown".to_owned();
        };
        match git(&["status", "--porcelain", "--untracked-files=no"]) {
            Some(changes) if changes.trim().is_empty() => commit.trim().to_owned(),
            _ => format!("{}+changes", commit.trim()),
        }
    }
}
