//! What the build needs beside Rust, and who puts it there.
//!
//! The encrypted database compiles OpenSSL and SQLCipher from source, which needs a C compiler, make
//! and perl with its standard modules. On Debian and what descends from it they are installed here,
//! when we are root or may become it without a password; elsewhere the command to type is named.

use std::path::Path;

use anyhow::{Result, bail};

use crate::step::Step;

/// Whether anything may be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// What is missing may be installed.
    Given,
    /// `--no-setup`: nothing may be installed.
    Withheld,
}

impl Consent {
    /// From `--no-setup`.
    pub(crate) fn from_flag(no_setup: bool) -> Self {
        if no_setup { Self::Withheld } else { Self::Given }
    }
}

/// A tool that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// What it is, in words.
    pub(crate) what: &'static str,
    /// A command that succeeds only where the tool is complete.
    pub(crate) probe: &'static [&'static str],
    /// What has it on Debian.
    pub(crate) debian_packages: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler with its headers",
        probe: &["cc", "-E", "-x", "c", "-include", "stdlib.h", "-o", "/dev/null", "/dev/null"],
        debian_packages: &["gcc", "libc6-dev"],
    },
    Need { what: "make", probe: &["make", "--version"], debian_packages: &["make"] },
    Need {
        what: "perl with its standard modules",
        probe: &["perl", "-MFindBin", "-MIPC::Cmd", "-MFile::Compare", "-e", "1"],
        debian_packages: &["perl"],
    },
];

/// How packages can be installed on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hands {
    /// apt-get, as root.
    Root,
    /// apt-get, through a sudo that asks for no password.
    Sudo,
    /// apt-get is there, but only the person can become root.
    Tied,
    /// Not a Debian.
    Elsewhere,
}

/// What follows from what is missing.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    /// Nothing is missing.
    Go,
    /// Run these lines in turn.
    Install(Vec<Vec<String>>),
    /// Tell the person and stop.
    Tell(String),
}

/// Makes sure that everything the build needs is there, or says what to type and stops.
pub(crate) fn ensure(folder: &Path, consent: Consent) -> Result<()> {
    require(folder, consent, NEEDS)
}

/// The same of other needs.
pub(crate) fn require(folder: &Path, consent: Consent, needs: &[Need]) -> Result<()> {
    let missing = missing(folder, needs);
    match plan(&missing, if missing.is_empty() { Hands::Elsewhere } else { hands(folder) }, consent)
    {
        Plan::Go => Ok(()),
        Plan::Tell(text) => bail!(text),
        Plan::Install(lines) => {
            for need in &missing {
                println!("Missing: {}. Installing it.", need.what);
            }
            install(folder, &lines)?;
            let still = self::missing(folder, needs);
            if let Some(need) = still.first() {
                bail!("{} is still missing after the installation", need.what);
            }
            Ok(())
        }
    }
}

fn install(folder: &Path, lines: &[Vec<String>]) -> Result<()> {
    for line in lines {
        println!("$ {}", line.join(" "));
        Step::new(&line[0], folder).words(&line[1..]).run()?;
    }
    Ok(())
}

fn missing(folder: &Path, needs: &[Need]) -> Vec<Need> {
    let there = |need: &Need| Step::new(need.probe[0], folder).words(&need.probe[1..]).succeeds();
    needs.iter().filter(|need| !there(need)).copied().collect()
}

fn hands(folder: &Path) -> Hands {
    if !Step::new("apt-get", folder).words(["--version"]).succeeds() {
        return Hands::Elsewhere;
    }
    let user = Step::new("id", folder).words(["-u"]).output().unwrap_or_default();
    if user.trim() == "0" {
        return Hands::Root;
    }
    if Step::new("sudo", folder).words(["-n", "true"]).succeeds() {
        return Hands::Sudo;
    }
    Hands::Tied
}

fn plan(missing: &[Need], hands: Hands, consent: Consent) -> Plan {
    if missing.is_empty() {
        return Plan::Go;
    }
    let what = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    let packages: Vec<&str> =
        missing.iter().flat_map(|need| need.debian_packages).copied().collect();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let install = |before: &str| {
        vec![
            words(&format!("{before}apt-get update -qq")),
            words(&format!(
                "{before}env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends {}",
                packages.join(" ")
            )),
        ]
    };
    let to_type = format!("sudo apt-get install {}", packages.join(" "));
    match (consent, hands) {
        (Consent::Given, Hands::Root) => Plan::Install(install("")),
        (Consent::Given, Hands::Sudo) => Plan::Install(install("sudo -n ")),
        (_, Hands::Elsewhere) => Plan::Tell(format!(
            "missing: {what}. Install them with your system's package manager (on Debian it \
             would be `{to_type}`), then type the same command again"
        )),
        _ => Plan::Tell(format!("missing: {what}. Type `{to_type}`, then the same command again")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_machine_is_left_alone() {
        assert_eq!(plan(&[], Hands::Root, Consent::Given), Plan::Go);
    }

    #[test]
    fn root_installs_exactly_what_is_missing() {
        let Plan::Install(lines) = plan(&NEEDS[1..], Hands::Root, Consent::Given) else {
            panic!("root installs");
        };
        assert_eq!(
            lines[1].join(" "),
            "env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends make perl"
        );
        let Plan::Install(lines) = plan(NEEDS, Hands::Sudo, Consent::Given) else {
            panic!("sudo without a password installs");
        };
        assert!(lines.iter().all(|line| line[..2] == ["sudo", "-n"]));
    }

    #[test]
    fn whoever_may_not_install_tells_the_command_to_type() {
        for (hands, consent) in [
            (Hands::Root, Consent::Withheld),
            (Hands::Sudo, Consent::Withheld),
            (Hands::Tied, Consent::Given),
            (Hands::Elsewhere, Consent::Given),
        ] {
            let Plan::Tell(text) = plan(&NEEDS[..1], hands, consent) else {
                panic!("nothing is installed by {hands:?} with consent {consent:?}");
            };
            assert!(text.contains("sudo apt-get install gcc libc6-dev"), "{text}");
        }
    }
}
