//! The rules of the sources and the manifests, with the tables of what may be where.

use crate::tree::{Tree, allowed, code, dependencies};

/// Which crates of ours a crate may depend on, by folder. An edge that is missing here is a change
/// of the architecture: argue for it in `docs/decisions/` and add it to ARCHITECTURE.md as well.
const EDGES: &[(&str, &[&str])] = &[
    ("crates/wire", &[]),
    ("crates/mls", &["veche-wire"]),
    ("crates/store", &["veche-wire"]),
    ("crates/net", &["veche-wire"]),
    ("crates/client", &["veche-wire", "veche-mls", "veche-store"]),
    ("crates/server", &["veche-wire"]),
    ("apps/veche", &["veche-client", "veche-net"]),
    ("apps/veched", &["veche-server", "veche-net"]),
    ("apps/web/core", &["veche-client", "veche-net"]),
    ("apps/web/bind", &[]),
    (
        "testing",
        &["veche-wire", "veche-mls", "veche-store", "veche-net", "veche-client", "veche-server"],
    ),
    ("xtask", &[]),
];

/// Which folders may depend on a library; a name ending in `*` stands for all that begin so.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("openmls*", &["crates/mls"]),
    ("rusqlite", &["crates/store", "crates/server"]),
    ("libsqlite3-sys", &["crates/store", "crates/server"]),
    ("tokio-tungstenite", &["crates/net", "apps/", "testing"]),
    ("axum", &["crates/net", "apps/", "testing"]),
    ("anyhow", &["apps/", "testing", "xtask"]),
    ("prost", &["crates/wire"]),
];

/// Which folders may say a word in their sources, and why nobody else may.
const WORDS: &[(&str, &[&str], &str)] = &[
    ("openmls", &["crates/mls"], "only crates/mls knows OpenMLS; ask it for what you need"),
    ("rusqlite", &["crates/store", "crates/server"], "SQL stays in crates/store and the engines"),
    ("tokio::net", SOCKETS, "sockets belong to crates/net; take a `Link` instead"),
    ("std::net::Tcp", SOCKETS, "sockets belong to crates/net; take a `Link` instead"),
    ("std::net::Udp", SOCKETS, "sockets belong to crates/net; take a `Link` instead"),
    ("std::net::{", SOCKETS, "name one type at a time, so that sockets can be told from addresses"),
    ("tungstenite", SOCKETS, "WebSockets belong to crates/net; take a `Link` instead"),
];

const SOCKETS: &[&str] = &["crates/net", "apps/", "testing", "xtask"];

/// Crates that take time, chance and bytes, and give bytes and events.
const QUIET: &[&str] = &["crates/wire/src/", "crates/mls/src/", "crates/client/src/"];

/// What a quiet crate never does.
const LOUD: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "thread::spawn",
    "thread::sleep",
    "tokio::",
    "std::fs",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
];

pub(crate) const LINES_MAX: usize = 800;
pub(crate) const LOCKED_PACKAGES_MAX: usize = 600;

/// How many lines at the top of a `lib.rs` must have said what the crate never does.
const FIRST_LINES: usize = 12;

const DRAWERS: &[&str] = &["common", "util", "utils", "helper", "helpers", "misc"];

/// These files say what the others must not.
const SELF: &str = "testing/tests/tidy/";

pub(crate) fn no_file_is_too_long(tree: &Tree) -> Vec<String> {
    tree.ending(&[".rs", ".proto", ".sh"])
        .filter_map(|(path, text)| {
            Some((path, Some(text.lines().count()).filter(|n| *n > LINES_MAX)?))
        })
        .map(|(path, lines)| {
            format!(
                "{path} has {lines} lines, more than {LINES_MAX}. Split it by what happens \
                 (enqueue, accept, settle), not by noun."
            )
        })
        .collect()
}

pub(crate) fn dependencies_point_one_way(tree: &Tree) -> Vec<String> {
    let mut failures = Vec::new();
    for (folder, manifest) in tree.crates() {
        let Some((_, edges)) = EDGES.iter().find(|(name, _)| *name == folder) else {
            failures.push(format!(
                "{folder} is no crate of the table EDGES. Add it there, with what it may depend \
                 on, and to ARCHITECTURE.md; or put the code where it belongs."
            ));
            continue;
        };
        let ours = dependencies(manifest).into_iter().filter(|name| name.starts_with("veche"));
        failures.extend(ours.filter(|name| !edges.contains(name)).map(|name| {
            format!(
                "{folder}/Cargo.toml depends on {name}, which the architecture does not allow \
                 (allowed: {edges:?}). Pass what you need as plain data from above, or argue for \
                 the edge in docs/decisions/ and add it to EDGES."
            )
        }));
    }
    failures
}

pub(crate) fn libraries_stay_in_their_crates(tree: &Tree) -> Vec<String> {
    let mut failures = Vec::new();
    for (folder, manifest) in tree.crates() {
        for name in dependencies(manifest) {
            let rule = LIBRARIES.iter().find(|(library, _)| match library.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => name == *library,
            });
            if let Some((_, folders)) = rule.filter(|(_, folders)| !allowed(folder, folders)) {
                failures.push(format!(
                    "{folder}/Cargo.toml depends on {name}, which only {folders:?} may. Remove it, \
                     and ask the crate that owns it for what you need."
                ));
            }
        }
    }
    for (path, text) in tree.ending(&[".rs"]).filter(|(path, _)| !path.starts_with(SELF)) {
        for (number, line) in code(text) {
            let found = WORDS
                .iter()
                .filter(|(word, folders, _)| line.contains(word) && !allowed(path, folders));
            failures.extend(
                found.map(|(word, _, mend)| format!("{path}:{number} says `{word}`: {mend}.")),
            );
        }
    }
    failures
}

pub(crate) fn quiet_crates_are_quiet(tree: &Tree) -> Vec<String> {
    let mut failures = Vec::new();
    let quiet = |path: &str| QUIET.iter().any(|folder| path.starts_with(folder));
    for (path, text) in tree.ending(&[".rs"]).filter(|(path, _)| quiet(path)) {
        for (number, line) in code(text) {
            failures.extend(LOUD.iter().filter(|word| line.contains(**word)).map(|word| {
                format!(
                    "{path}:{number} says `{word}`. This crate has no clock, no files, no sockets \
                     and no threads: take the value as an argument, or give the work back as an effect."
                )
            }));
        }
    }
    failures
}

pub(crate) fn we_lean_on_few(tree: &Tree) -> Vec<String> {
    let lock = tree.files.get("Cargo.lock").map_or("", String::as_str);
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    let failure = format!(
        "Cargo.lock has {packages} packages; at least 1 and at most {LOCKED_PACKAGES_MAX} are \
         wanted. Look with `cargo tree -d` and `cargo tree -i NAME` for what can go."
    );
    if (1..=LOCKED_PACKAGES_MAX).contains(&packages) { Vec::new() } else { vec![failure] }
}

pub(crate) fn each_library_says_what_it_never_does(tree: &Tree) -> Vec<String> {
    tree.ending(&["/src/lib.rs"])
        .filter(|(_, text)| {
            let first = text.lines().take(FIRST_LINES).take_while(|line| line.starts_with("//!"));
            !first.collect::<String>().contains("never")
        })
        .map(|(path, _)| {
            format!(
                "{path} does not begin with what the crate is and what it never does. Write it in \
                 the first {FIRST_LINES} lines as `//!`, with the word never."
            )
        })
        .collect()
}

pub(crate) fn there_are_no_drawers(tree: &Tree) -> Vec<String> {
    let stem = |part: &str| part.split('.').next().unwrap_or("").to_lowercase();
    tree.files
        .keys()
        .filter(|path| path.split('/').any(|part| DRAWERS.contains(&stem(part).as_str())))
        .map(|path| {
            format!("{path} is a drawer for anything. Name it after the one thing that it does.")
        })
        .collect()
}

pub(crate) fn no_test_is_switched_off(tree: &Tree) -> Vec<String> {
    let mut failures = Vec::new();
    for (path, text) in tree.ending(&[".rs"]).filter(|(path, _)| !path.starts_with(SELF)) {
        failures.extend(code_and_tests(text).filter(|(_, line)| line.contains("#[ignore")).map(
            |(number, _)| {
                format!("{path}:{number} switches a test off. Mend what it shows, or remove it.")
            },
        ));
    }
    failures
}

fn code_and_tests(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line.split("//").next().unwrap_or("")))
}

pub(crate) fn mutants_stay_in_the_tests(tree: &Tree) -> Vec<String> {
    let switched_on = |line: &str| line.contains("mutants\"");
    tree.crates()
        .filter(|(folder, _)| allowed(folder, &["apps/", "xtask"]))
        .filter(|(_, manifest)| manifest.lines().any(switched_on))
        .map(|(folder, _)| {
            format!(
                "{folder}/Cargo.toml switches mutants on, rules broken on purpose. Only testing \
                 may; remove the feature."
            )
        })
        .collect()
}

pub(crate) fn no_path_is_one_machines(tree: &Tree) -> Vec<String> {
    // Put together here, so that this file does not say them.
    let places = [
        concat!("/tmp", "/h/"),
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
    ];
    let in_a_path = |letter: char| letter.is_ascii_alphanumeric() || "_-.:/~<$}".contains(letter);
    let mut failures = Vec::new();
    for (path, text) in tree.ending(&[".rs", ".md", ".toml", ".sh", ".proto", "/run", ".jsonl"]) {
        for (index, line) in text.lines().enumerate() {
            let found = places.iter().find(|place| {
                line.match_indices(**place).any(|(at, _)| !line[..at].ends_with(in_a_path))
            });
            failures.extend(found.map(|place| {
                format!(
                    "{path}:{} names `{place}`, a place of one machine. Say it relative to the \
                     repository, or pass it in.",
                    index + 1
                )
            }));
        }
    }
    failures
}
