//! The house rules, as tests. Each failure says where, what, and how to mend it; each rule is first
//! tried on a small sample that breaks it, so that none of them is empty.

mod pages;
mod sources;
mod tree;

use pages::{
    links_lead_somewhere, the_architecture_names_each_crate, the_architecture_names_real_functions,
};
use sources::*;
use tree::Tree;

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
