//! What a person types, and all that CI types: `cargo xtask <command>`.
//!
//! Each command is one module. This program never links the crates it builds: it drives cargo and
//! the built programs by their command lines alone, so that it compiles in seconds on a fresh
//! machine and works even where the rest does not compile.
#![allow(clippy::print_stdout, reason = "this program talks to the person who typed the command")]

mod arguments;
mod audit;
mod bench;
mod load;
mod page;
mod programs;
mod repository;
mod run;
mod setup;
mod soak;
mod step;
mod table;
mod test;
mod wasm;
mod web;

use std::process::ExitCode;

use arguments::{Arguments, Usage};
use repository::Repository;

const HELP: &str = "\
cargo xtask <command>, from anywhere in the repository

  run [--listen ADDRESS] [--data DIR] [--no-page]
                                        build and start a server with its page, and say what to do next
  test                                  everything that must hold before a change is delivered
  build                                 release programs in target/release
  page [--check|--stories]              build the page for browsers, check it, or play people in browsers
  screenshots                           play a chat in browsers; write docs/pictures
  demo                                  play the main job over real processes, unattended
  sim --seeds A..B [--restorations|--joins|--storms]  run the simulator over the seeds A up to, not with, B
  soak [--cycles 200] [--seeds 2000]    kill cycles and seeds in bulk, kept in docs/soak.md
  fuzz [--target NAME] [--mutations N]  every decoder over its corpus and N seeded mutations
  bench --json [--release]              measure; write docs/benchmarks.json and .md
  load NAME [--release] [--members N]…  sessions by the thousand against one server, as JSON
  load table [--release] [--peers] [--cycles 10] [--resume]
                                        every load with its goal; write docs/load.json and .md
  audit                                 licences and known vulnerabilities of what we lean on
  help                                  this page

--no-setup, with any command: install nothing; name what is missing and stop.
Exit status: 0 done, 1 failed (the reason is on stderr), 2 the command line was not understood.
";

fn main() -> ExitCode {
    match dispatch(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            if error.is::<Usage>() {
                eprintln!("See `cargo xtask help`.");
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: Vec<String>) -> anyhow::Result<()> {
    let mut arguments = Arguments::new(words);
    let consent = setup::Consent::from_flag(arguments.flag("--no-setup"));
    let repository = Repository::here()?;
    let Some(command) = arguments.command() else {
        print!("{HELP}");
        return Ok(());
    };
    match command.as_str() {
        "run" => run::run(&repository, arguments, consent),
        "test" => test::test(&repository, arguments, consent),
        "page" => web::page(&repository, arguments, consent),
        "screenshots" => web::screenshots(&repository, arguments, consent),
        "build" => programs::build(&repository, arguments, consent),
        "demo" => programs::demo(&repository, arguments, consent),
        "sim" => programs::sim(&repository, arguments, consent),
        "fuzz" => programs::fuzz(&repository, arguments, consent),
        "soak" => soak::soak(&repository, arguments, consent),
        "bench" => bench::bench(&repository, arguments, consent),
        "load" => load::load(&repository, arguments, consent),
        "audit" => audit::audit(&repository, arguments, consent),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(Usage(format!("there is no command `{other}`")).into()),
    }
}
