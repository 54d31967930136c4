//! What compiles for WebAssembly, and where it comes from.
//!
//! The standard library for the target is what rustup has, or may fetch. Where it cannot be fetched, Debian has a
//! compiler of its own (`rustc-web`) and the sources of its library: these are unpacked beside the cache, not
//! installed, and the library is compiled once. The client's database is C, which takes a clang that knows the target.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::repository::Repository;
use crate::setup::{self, Consent, Need};
use crate::step::Step;

/// The target of all browsers.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// The oldest clang whose WebAssembly output the client's SQLite is known to build with.
const CLANG_MAJORS: std::ops::RangeInclusive<u32> = 19..=30;

/// One of them, for where there is none.
const CLANG: Need = Need {
    what: "clang and llvm-ar, 19 or newer, for the messenger's database in browsers",
    probe: &["clang-19", "--version"],
    debian_packages: &["clang-19", "llvm-19"],
};

/// What the build of the standard library leaves when it is whole.
const COMPLETE: &str = "complete";
/// The parts of the standard library that are compiled.
const PARTS: &str = "-Zbuild-std=core,alloc,std,panic_abort,proc_macro,test";

/// How to compile for the target: what the environment of cargo needs.
pub(crate) struct Tools {
    variables: Vec<(String, OsString)>,
}

impl Tools {
    /// Lets a step of cargo compile for the target.
    pub(crate) fn equip(&self, step: Step) -> Step {
        let add = |step: Step, (name, value): &(String, OsString)| step.environment(name, value);
        self.variables.iter().fold(step, add)
    }
}

/// Finds the tools, or puts them there where that is allowed.
///
/// # Errors
/// Where one of them is not to be had, in words that say what to type.
pub(crate) fn tools(repository: &Repository, consent: Consent) -> Result<Tools> {
    let root = repository.root();
    let mut variables = standard_library(root, consent)?;
    if clang(root).is_none() {
        setup::require(root, consent, &[CLANG])?;
    }
    let (compiler, archiver) = clang(root).context("clang is not found where it was installed")?;
    variables.push(("CC_wasm32_unknown_unknown".to_owned(), compiler.into()));
    variables.push(("AR_wasm32_unknown_unknown".to_owned(), archiver.into()));
    Ok(Tools { variables })
}

/// The names of a C compiler for WebAssembly and of its archiver.
fn clang(folder: &Path) -> Option<(String, String)> {
    let there = |program: &str| Step::new(program, folder).words(["--version"]).succeeds();
    CLANG_MAJORS
        .map(|major| (format!("clang-{major}"), format!("llvm-ar-{major}")))
        .find(|(compiler, archiver)| there(compiler) && there(archiver))
}

fn standard_library(folder: &Path, consent: Consent) -> Result<Vec<(String, OsString)>> {
    let is_forced = env::var_os("VECHE_WASM_FROM_DEBIAN").is_some();
    if !is_forced && is_there(folder) {
        return Ok(Vec::new());
    }
    let rustup = || Step::new("rustup", folder).words(["target", "add", TARGET]);
    if !is_forced && consent == Consent::Given {
        println!("Missing: Rust's library for {TARGET}. Fetching it.\n$ {}", rustup().line());
        if rustup().run().is_ok() && is_there(folder) {
            return Ok(Vec::new());
        }
    }
    let debian = Debian::in_cache()?;
    if debian.is_complete() {
        return debian.variables(folder);
    }
    let to_type = rustup().line();
    if consent == Consent::Withheld {
        bail!("Rust's library for {TARGET} is missing. Type `{to_type}`");
    }
    println!("It cannot be fetched; it is compiled from Debian's sources, once.");
    debian.make(folder).with_context(|| {
        format!("Rust's library for {TARGET} is missing, and `{to_type}` did not bring it")
    })?;
    debian.variables(folder)
}

/// Whether the everyday toolchain has the library.
fn is_there(folder: &Path) -> bool {
    Step::new("rustc", folder)
        .words(["--print", "target-libdir", "--target", TARGET])
        .output()
        .is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// Debian's compiler and its library, unpacked into a folder of the cache.
struct Debian {
    folder: PathBuf,
}

impl Debian {
    fn in_cache() -> Result<Self> {
        let cache = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
        let cache = cache.context("neither XDG_CACHE_HOME nor HOME says where a cache may be")?;
        Ok(Self { folder: cache.join("veche").join("wasm-toolchain") })
    }

    fn is_complete(&self) -> bool {
        self.folder.join(COMPLETE).exists()
    }

    /// Where packages are unpacked to.
    fn system(&self) -> PathBuf {
        self.folder.join("usr")
    }

    /// What makes cargo use this compiler. Our own linker comes with the everyday toolchain.
    fn variables(&self, folder: &Path) -> Result<Vec<(String, OsString)>> {
        let system = self.system();
        let libraries = [
            system.join("lib"),
            system.join("lib").join(format!("{}-linux-gnu", env::consts::ARCH)),
        ];
        let sysroot = Step::new("rustc", folder).words(["--print", "sysroot"]).output()?;
        let host = Step::new("rustc", folder).words(["--print", "host-tuple"]).output()?;
        let linker =
            Path::new(sysroot.trim()).join("lib/rustlib").join(host.trim()).join("bin/rust-lld");
        Ok(vec![
            ("RUSTC".to_owned(), system.join("bin/rustc").into()),
            ("LD_LIBRARY_PATH".to_owned(), env::join_paths(libraries)?),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER".to_owned(), linker.into()),
        ])
    }

    /// Downloads, unpacks and compiles. What an earlier try left is removed first.
    fn make(&self, folder: &Path) -> Result<()> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        let downloads = self.folder.join("downloads");
        fs::create_dir_all(&downloads)?;
        let library = depended_on(&downloads, "libstd-rust-web-dev", "libstd-rust-web-")?;
        let llvm = depended_on(&downloads, &library, "libllvm")?;
        let packages = ["rustc-web", "libstd-rust-web-dev", &library, &llvm, "rust-web-src"];
        Step::new("apt-get", &downloads).words(["-qq", "download"]).words(packages).run()?;
        for package in fs::read_dir(&downloads)? {
            let words = [OsString::from("-x"), package?.path().into(), self.folder.clone().into()];
            Step::new("dpkg", folder).words(words).run()?;
        }
        fs::remove_dir_all(&downloads)?;
        self.compile(folder)?;
        fs::write(self.folder.join(COMPLETE), "")?;
        Ok(())
    }

    /// Compiles the standard library, and puts it where the compiler looks for it.
    fn compile(&self, folder: &Path) -> Result<()> {
        let project = self.folder.join("project");
        fs::create_dir_all(project.join("src"))?;
        fs::write(project.join("src/lib.rs"), "")?;
        fs::write(
            project.join("Cargo.toml"),
            "[package]\nname = \"none\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [profile.release]\npanic = \"abort\"\n",
        )?;
        let mut step = Step::new("cargo", &project)
            .words(["build", "--release", "--target", TARGET, PARTS])
            .environment("RUSTC_BOOTSTRAP", "1")
            .environment("CARGO_TARGET_DIR", project.join("target"))
            .environment("RUSTFLAGS", "-Cembed-bitcode=yes");
        for (name, value) in self.variables(folder)? {
            step = step.environment(&name, value);
        }
        println!("$ {}", step.line());
        step.run()?;
        let into = self.system().join("lib/rustlib").join(TARGET).join("lib");
        fs::create_dir_all(&into)?;
        for file in fs::read_dir(project.join("target").join(TARGET).join("release/deps"))? {
            let file = file?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(".rlib") && !name.starts_with("libnone-") {
                fs::copy(&file, into.join(&*name))?;
            }
        }
        Ok(fs::remove_dir_all(&project)?)
    }
}

/// The package that `package` depends on and whose name begins so.
fn depended_on(folder: &Path, package: &str, beginning: &str) -> Result<String> {
    let text = Step::new("apt-cache", folder).words(["depends", package]).output()?;
    found_in(&text, beginning).with_context(|| {
        format!("Debian's {package} is not to be had here; `apt-get update` may help")
    })
}

fn found_in(depends: &str, beginning: &str) -> Option<String> {
    let names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.map(str::trim).find(|name| name.starts_with(beginning)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_found_by_how_its_name_begins() {
        let text = "libstd-rust-web-dev\n  Depends: libstd-rust-web-1.96\n  Conflicts: <rustup>\n";
        assert_eq!(found_in(text, "libstd-rust-web-").as_deref(), Some("libstd-rust-web-1.96"));
        assert_eq!(found_in(text, "libllvm"), None);
        assert_eq!(found_in(text, "rustup"), None);
    }

    #[test]
    fn a_step_is_given_what_the_tools_need() {
        let tools = Tools { variables: vec![("CC".into(), "clang-19".into())] };
        let step = tools.equip(Step::new("cargo", Path::new(".")).words(["check"]));
        assert_eq!(step.line(), "CC=clang-19 cargo check");
    }
}
