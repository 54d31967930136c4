//! The house rules, as tests. Each failure says where, what, and how to mend it; each rule is first
//! tried on a small sample that breaks it, so that none of them is empty.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

// ---------------------------------------------------------------------------------------- tables

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

const LINES_MAX: usize = 800;
const LOCKED_PACKAGES_MAX: usize = 600;

/// How many lines at the top of a `lib.rs` must have said what the crate never does.
const FIRST_LINES: usize = 12;

const DRAWERS: &[&str] = &["common", "util", "utils", "helper", "helpers", "misc"];

/// Folders that hold nothing of ours.
const SKIPPED_FOLDERS: &[&str] = &["target", ".git", ".veche", ".veche-homes", "node_modules"];

// ------------------------------------------------------------------------------------ the tree

/// The files of the repository by path from its top, `/` between folders. Files that are not text
/// stand with an empty text.
#[derive(Default)]
struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    fn of_the_repository() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("testing has a parent");
        let mut tree = Self::default();
        tree.read(root, "");
        assert!(tree.files.contains_key("Cargo.toml"), "the top folder holds Cargo.toml");
        tree
    }

    fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self { files: files.iter().map(owned).collect() }
    }

    fn read(&mut self, root: &Path, folder: &str) {
        let here = root.join(folder);
        let entries = fs::read_dir(&here).unwrap_or_else(|error| panic!("{here:?}: {error}"));
        for entry in entries {
            let entry = entry.expect("a folder that is there can be read to its end");
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if entry.path().is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_str()) {
                    self.read(root, &path);
                }
            } else {
                let text = fs::read_to_string(entry.path()).unwrap_or_default();
                self.files.insert(path, text);
            }
        }
    }

    /// The files whose names end in one of these.
    fn ending<'a>(&'a self, ends: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(|(path, _)| ends.iter().any(|end| path.ends_with(end)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Whether a file or a folder stands at this path.
    fn holds(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| file.starts_with(&folder))
    }

    /// The folders of the workspace's crates, each with its manifest.
    fn crates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ending(&["/Cargo.toml"])
            .filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)))
            .filter(|(folder, _)| !folder.starts_with("fuzz"))
    }
}

/// The lines of a source that are code, with their numbers: comments and the tests at the bottom
/// are left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end]
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or("")))
}

/// The names of what a manifest depends on, for building and testing as well.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            if let Some((_, name)) = section.split_once("dependencies.") {
                names.push(name);
            }
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or("");
            // A renamed dependency is known by what it is, not by what it is called here.
            let package = line.split("package = \"").nth(1).and_then(|rest| rest.split('"').next());
            names.extend(Some(package.unwrap_or(name)).filter(|name| !name.is_empty()));
        }
    }
    names
}

fn allowed(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| {
        path == *folder
            || path
                .strip_prefix(folder)
                .is_some_and(|rest| folder.ends_with('/') || rest.starts_with('/'))
    })
}

// ------------------------------------------------------------------------------------ the rules

fn no_file_is_too_long(tree: &Tree) -> Vec<String> {
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

fn dependencies_point_one_way(tree: &Tree) -> Vec<String> {
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

fn libraries_stay_in_their_crates(tree: &Tree) -> Vec<String> {
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
    for (path, text) in tree.ending(&[".rs"]).filter(|(path, _)| *path != "testing/tests/tidy.rs") {
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

fn quiet_crates_are_quiet(tree: &Tree) -> Vec<String> {
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

fn the_architecture_names_each_crate(tree: &Tree) -> Vec<String> {
    let page = tree.files.get("ARCHITECTURE.md").map_or("", String::as_str);
    let mut failures: Vec<String> = tree
        .crates()
        .filter(|(folder, _)| !page.contains(folder))
        .map(|(folder, _)| {
            format!("ARCHITECTURE.md does not name {folder}. Say there in a line what it is for.")
        })
        .collect();
    let in_a_path = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let named = page
        .split(|letter: char| !in_a_path(letter))
        .filter(|word| word.starts_with("crates/") || word.starts_with("apps/"))
        .map(|word| word.trim_end_matches(['/', '.']));
    failures.extend(named.filter(|path| !tree.holds(path)).map(|path| {
        format!("ARCHITECTURE.md names {path}, which is not there. Correct the path, or the page.")
    }));
    failures
}

/// A function is named as `crate::module::function`; the module may be a file or inside of one.
fn the_architecture_names_real_functions(tree: &Tree) -> Vec<String> {
    let page = tree.files.get("ARCHITECTURE.md").map_or("", String::as_str);
    let in_a_path = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
    let mut failures = Vec::new();
    for name in page.split(|letter: char| !in_a_path(letter)) {
        let parts: Vec<&str> = name.split("::").collect();
        let [owner, module, function] = parts[..] else { continue };
        let sources = format!("crates/{owner}/src/");
        let definition = format!("fn {function}");
        let found = tree.ending(&[".rs"]).any(|(path, text)| {
            let inside = path.strip_prefix(&sources).is_some_and(|rest| rest.starts_with(module));
            let named = |line: &str| {
                line.split_once(&definition).is_some_and(|(_, rest)| rest.starts_with(['(', '<']))
            };
            inside && code(text).any(|(_, line)| named(line))
        });
        if !found {
            failures.push(format!(
                "ARCHITECTURE.md names the function {name}, but no `{definition}` stands in \
                 {sources}{module}. Rename one of the two, so that the page leads to the code."
            ));
        }
    }
    failures
}

fn links_lead_somewhere(tree: &Tree) -> Vec<String> {
    let mut failures = Vec::new();
    for (path, text) in tree.ending(&[".md"]) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or("");
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !target.is_empty() && !resolve(folder, target).is_some_and(|path| tree.holds(&path))
            {
                failures.push(format!(
                    "{path} links to {target}, which is not there. Correct the link (it is \
                     relative to the page's folder) or write the page."
                ));
            }
        }
    }
    failures
}

/// The path that `target` means in a page of `folder`; nothing if it leaves the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

fn we_lean_on_few(tree: &Tree) -> Vec<String> {
    let lock = tree.files.get("Cargo.lock").map_or("", String::as_str);
    let packages = lock.lines().filter(|line| *line == "[[package]]").count();
    let failure = format!(
        "Cargo.lock has {packages} packages; at least 1 and at most {LOCKED_PACKAGES_MAX} are \
         wanted. Look with `cargo tree -d` and `cargo tree -i NAME` for what can go."
    );
    if (1..=LOCKED_PACKAGES_MAX).contains(&packages) { Vec::new() } else { vec![failure] }
}

fn each_library_says_what_it_never_does(tree: &Tree) -> Vec<String> {
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

fn there_are_no_drawers(tree: &Tree) -> Vec<String> {
    let stem = |part: &str| part.split('.').next().unwrap_or("").to_lowercase();
    tree.files
        .keys()
        .filter(|path| path.split('/').any(|part| DRAWERS.contains(&stem(part).as_str())))
        .map(|path| {
            format!("{path} is a drawer for anything. Name it after the one thing that it does.")
        })
        .collect()
}

fn no_test_is_switched_off(tree: &Tree) -> Vec<String> {
    let mut failures = Vec::new();
    for (path, text) in tree.ending(&[".rs"]).filter(|(path, _)| *path != "testing/tests/tidy.rs") {
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

fn mutants_stay_in_the_tests(tree: &Tree) -> Vec<String> {
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

fn no_path_is_one_machines(tree: &Tree) -> Vec<String> {
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

// ----------------------------------------------------------------------- each rule, twice

/// Tries the rule on a sample that breaks it and on the same sample mended, then on the repository.
#[track_caller]
fn check(rule: fn(&Tree) -> Vec<String>, broken: &[(&str, &str)], mended: &[(&str, &str)]) {
    let failures = rule(&Tree::of(broken));
    assert!(!failures.is_empty(), "the rule does not see that its sample is broken");
    let failures = rule(&Tree::of(mended));
    assert!(failures.is_empty(), "the rule refuses its mended sample:\n{}", failures.join("\n"));
    let failures = rule(&Tree::of_the_repository());
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

#[test]
fn files_are_short() {
    let (long, short) = ("//\n".repeat(LINES_MAX + 1), "//\n".repeat(LINES_MAX));
    check(no_file_is_too_long, &[("a.rs", &long)], &[("a.rs", &short), ("a.md", &long)]);
}

#[test]
fn crates_depend_one_way() {
    let upward =
        "[package]\nname = \"veche-wire\"\n[dev-dependencies]\nveche-client.workspace = true\n";
    let downward = "[dependencies]\nveche-wire.workspace = true\n# veche-net is not needed\n";
    check(
        dependencies_point_one_way,
        &[("crates/wire/Cargo.toml", upward)],
        &[("crates/client/Cargo.toml", downward)],
    );
    let hidden = "[target.\"cfg(unix)\".dependencies]\nwire = { package = \"veche-wire\" }\n";
    for (path, manifest) in [
        ("crates/misplaced/Cargo.toml", ""),
        ("xtask/Cargo.toml", hidden),
        ("crates/net/Cargo.toml", "[dependencies.veche-server]\npath = \"../server\"\n"),
    ] {
        assert_eq!(dependencies_point_one_way(&Tree::of(&[(path, manifest)])).len(), 1, "{path}");
    }
}

#[test]
fn each_library_is_named_by_its_crate_alone() {
    check(
        libraries_stay_in_their_crates,
        &[("crates/client/Cargo.toml", "[dependencies]\nopenmls_traits = \"1\"\n")],
        &[("crates/mls/Cargo.toml", "[dependencies]\nopenmls_traits = \"1\"\n")],
    );
    for source in [
        "use openmls::prelude::*;",
        "let c = rusqlite::Connection::open_in_memory();",
        "use std::net::TcpStream;",
        "use tokio::net::TcpStream;",
    ] {
        let there = |path| libraries_stay_in_their_crates(&Tree::of(&[(path, source)])).len();
        assert_eq!(there("crates/client/src/lib.rs"), 1, "{source}");
        let owned = ["crates/mls/src/a.rs", "crates/store/src/a.rs", "crates/net/src/a.rs"];
        assert!(owned.iter().any(|path| there(path) == 0), "{source}");
    }
}

#[test]
fn the_heart_has_no_clock_no_files_and_no_threads() {
    check(
        quiet_crates_are_quiet,
        &[("crates/client/src/a.rs", "fn f() {\n    let now = std::time::SystemTime::now();\n}\n")],
        &[
            ("crates/client/src/a.rs", "// SystemTime::now is the driver's\nfn f(now: u64) {}\n"),
            (
                "crates/wire/src/a.rs",
                "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n",
            ),
            ("crates/net/src/a.rs", "fn f() { std::time::Instant::now(); }\n"),
        ],
    );
}

#[test]
fn the_architecture_page_and_the_crates_agree() {
    let crates = ("crates/wire/Cargo.toml", "");
    let page = "Frames are in `crates/wire/`.";
    check(
        the_architecture_names_each_crate,
        &[crates, ("ARCHITECTURE.md", "Nothing.")],
        &[crates, ("ARCHITECTURE.md", page)],
    );
    let gone = Tree::of(&[("ARCHITECTURE.md", page)]);
    assert_eq!(the_architecture_names_each_crate(&gone).len(), 1, "a path that is not there");
}

#[test]
fn the_architecture_page_leads_to_the_code() {
    let page = ("ARCHITECTURE.md", "2. `client::outbox::enqueue` writes it down.");
    check(
        the_architecture_names_real_functions,
        &[page, ("crates/client/src/outbox.rs", "fn enqueue_all() {}\n// fn enqueue()\n")],
        &[page, ("crates/client/src/outbox/put.rs", "pub(crate) fn enqueue<T>(row: T) {}\n")],
    );
}

#[test]
fn each_link_leads_somewhere() {
    check(
        links_lead_somewhere,
        &[("docs/a.md", "See [the page](b.md).")],
        &[
            (
                "docs/a.md",
                "See [b](../docs/b.md#part), [c](#here), [d](https://example.org/), [e](..).",
            ),
            ("docs/b.md", ""),
        ],
    );
    let outside = Tree::of(&[("a.md", "[out](../a.md)")]);
    assert_eq!(links_lead_somewhere(&outside).len(), 1, "a link out of the repository");
}

#[test]
fn few_packages_are_locked() {
    let many = "[[package]]\n".repeat(LOCKED_PACKAGES_MAX + 1);
    let few = "[[package]]\n".repeat(LOCKED_PACKAGES_MAX);
    check(we_lean_on_few, &[("Cargo.lock", &many)], &[("Cargo.lock", &few)]);
}

#[test]
fn libraries_begin_with_what_they_never_do() {
    check(
        each_library_says_what_it_never_does,
        &[("crates/a/src/lib.rs", "//! Does much.\n\n// never reached\n")],
        &[("crates/a/src/lib.rs", "//! Does much.\n//!\n//! It never does more.\n")],
    );
}

#[test]
fn files_are_named_after_what_they_do() {
    check(
        there_are_no_drawers,
        &[("crates/a/src/utils.rs", "")],
        &[("crates/a/src/padding.rs", ""), ("crates/a/src/commons.rs", "")],
    );
}

#[test]
fn all_tests_run() {
    check(
        no_test_is_switched_off,
        &[(
            "a.rs",
            "#[cfg(test)]\nmod tests {\n    #[test]\n    #[ignore = \"slow\"]\n    fn t() {}\n}\n",
        )],
        &[("a.rs", "// #[ignore] is not used here\n#[test]\nfn t() {}\n")],
    );
}

#[test]
fn no_program_breaks_rules_on_purpose() {
    let on = "[dependencies]\nveche-server = { workspace = true, features = [\"mutants\"] }\n";
    check(
        mutants_stay_in_the_tests,
        &[("apps/veched/Cargo.toml", on)],
        &[
            ("apps/veched/Cargo.toml", "[dependencies]\nveche-server.workspace = true\n"),
            ("testing/Cargo.toml", on),
        ],
    );
}

#[test]
fn nothing_names_one_machine() {
    let place = concat!("let folder = \"/wo", "rk/shared\";");
    check(
        no_path_is_one_machines,
        &[("a.rs", place)],
        &[("a.rs", concat!("let folder = root.join(\"./wo", "rk/shared\");"))],
    );
}
