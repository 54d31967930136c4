//! The testing program: `veche-testing <command>`, called by `cargo xtask`.
#![allow(clippy::print_stdout, reason = "this program talks to the person who typed the command")]

use std::process::ExitCode;

mod commands;

const HELP: &str = "\
veche-testing <command>

  sim [--seeds A..B] [--json] [--lines]   play seeds; --lines prints what happened in them
  sim --restorations [--seeds A..B]       the same, and the server is restored from older copies
  sim --joins [--seeds A..B]              the same, and people join by links and are banned
  sim --storms [--seeds A..B]             the same, and groups are pressed with junk, changes and worse
  sim --mutants [--seeds A..B]            each broken rule must be noticed in one of the seeds
  sim --mutant NAME [--seeds A..B]        the same for one
  fuzz [--mutations N] [--target NAME]    every decoder over its corpus and mutations of it
  fixtures --write DIR                    a home and a server's folder, as this version writes them
  bench [--json] [--quick] [--only NAME] [--leaves N,N…]  how long things take and how much they write
  main-job                                people, chats, groups, files and accidents over real processes
  kill [--cycles N] [--seed S] [--json]   kill processes while messages are under way
  load NAME [--members N] [--rate R] [--seconds S] [--entries N,N…] [--of NAME] [--cycles N]
       [--window N] [--ahead N] [--seed N] [--peers]  sessions by the thousand against one server
  crowd --server ADDRESS [--title T] [--members N]  gather a group and print its link; then, for each line
       `say COUNT LAST WORDS` on standard input, as many messages and one with these words
  demo                                    the main job as a show, with real texts

main-job, kill, load and demo need `veche` and `veched` beside this program, or in VECHE_BIN_DIR.
";

/// As in `veche`, so that what is measured here is what people have.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    let outcome = match command.as_str() {
        "bench" => commands::bench(&words),
        "crowd" => commands::crowd(&words),
        "sim" => commands::sim(&words),
        "fixtures" => commands::fixtures(&words),
        "fuzz" => commands::fuzz(&words),
        "load" => commands::load(&words),
        "main-job" | "kill" | "demo" => commands::processes(&command, &words),
        _ => Err(format!("there is no command `{command}`\n{HELP}")),
    };
    match outcome {
        Ok(tally) => {
            println!("{} passed, {} failed", tally.passed, tally.failed);
            if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(words) => {
            eprintln!("{words}");
            ExitCode::from(2)
        }
    }
}
