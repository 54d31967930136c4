//! Veche in a terminal: reads a command, lets the client carry it out, prints what came of it.
//!
//! This program **never** looks into a frame, a key or a database: it opens a home, connects the
//! client of `veche-client` with the links of `veche-net`, and turns commands and snapshots into
//! words. One process at a time has a home; others hand their commands over to it ([`serve`],
//! [`follow`]).

mod args;
mod commands;
mod context;
mod driver;
mod engine;
mod file_name;
mod follow;
mod handover;
mod home;
mod media_type;
mod output;
mod passphrase;
mod problem;
mod render;
mod sanitize;
mod serve;
mod shapes;

use std::env;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use tokio::task::LocalSet;
use tokio::time::Instant;
use veche_client::store::{HomeLock, StoreError};

use crate::args::{Arguments, Command};
use crate::context::Context;
use crate::engine::Engine;
use crate::follow::Handed;
use crate::handover::Request;
use crate::output::Output;
use crate::problem::Problem;

/// The most that is read from standard input, in bytes; far more than a message can hold.
const STDIN_BYTES_MAX: u64 = 1 << 20;
/// How often a home that another process has is asked for again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(25);
/// After how long a person is told what is being waited for.
const SAY_SO_AFTER: Duration = Duration::from_millis(500);

/// What a group of thousands takes is many small pieces, among which the system's allocator searches for long
/// (docs/assembly.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let (code, piece) = usage(&error);
            // Whoever cannot read our words cannot be told that either.
            let _ = output::write_piece(&piece);
            return ExitCode::from(code);
        }
    };
    let output = Output::to_terminal(arguments.options.json);
    let result = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Problem::from)
        .and_then(|runtime| {
            let tasks = LocalSet::new();
            let ended = runtime.block_on(tasks.run_until(start(arguments)));
            // The database closes before the lock is given up, which `ended` still holds.
            drop(tasks);
            drop(runtime);
            ended.and_then(|ended| ended.result)
        });
    ExitCode::from(exit_code(&output, result))
}

/// How a command ended; while this lives, the home stays ours.
struct Ended {
    result: Result<u8, Problem>,
    _lock: Option<HomeLock>,
}

/// Tells what went wrong, and gives the number to end with.
pub(crate) fn exit_code(output: &Output, result: Result<u8, Problem>) -> u8 {
    match result {
        Ok(code) => code,
        Err(problem) => {
            if !problem.is_quiet() {
                output.tell(&problem.to_string());
            }
            problem.code()
        }
    }
}

/// What is to be said about a command line that is not understood, or asks for help.
pub(crate) fn usage(error: &clap::Error) -> (u8, output::Piece) {
    let words = format!("{}\n", sanitize::block(error.to_string().trim_end(), ""));
    if error.use_stderr() {
        (problem::EXIT_USAGE, output::Piece::Err(words.into_bytes()))
    } else {
        (0, output::Piece::Out(words.into_bytes()))
    }
}

/// Takes the home and runs the command, or hands it over to the process that has the home.
async fn start(arguments: Arguments) -> Result<Ended, Problem> {
    let home = home::locate(&arguments.options)?;
    home::refuse_empty(&home, &arguments.command)?;
    let request = Request {
        folder: env::current_dir()?,
        arguments: env::args_os().skip(1).collect(),
        stdin: arguments.command.reads_stdin().then(read_stdin).transpose()?,
    };
    let began = Instant::now();
    let give_up = began + arguments.options.timeout;
    let mut said_so = false;
    loop {
        let pid = match HomeLock::acquire(&home, false) {
            Ok(lock) => {
                let result = hold(&home, arguments, request).await;
                return Ok(Ended { result, _lock: Some(lock) });
            }
            Err(StoreError::Locked { pid }) => pid,
            Err(error) => return Err(error.into()),
        };
        if let Handed::Done(code) = follow::hand_over(&home, &request, give_up).await? {
            return Ok(Ended { result: Ok(code), _lock: None });
        }
        if Instant::now() >= give_up {
            return Err(in_use(&home, pid));
        }
        if !said_so && began.elapsed() >= SAY_SO_AFTER {
            Output::to_terminal(false)
                .tell(&format!("veche: waiting for {}, which is using this home", another(pid)));
            said_so = true;
        }
        tokio::time::sleep(ASK_AGAIN_AFTER).await;
    }
}

/// Runs the command on the home, and those that others hand over meanwhile.
async fn hold(home: &Path, arguments: Arguments, request: Request) -> Result<u8, Problem> {
    let engine = Rc::new(Engine::new(home::open(home)?));
    let tasks = [
        tokio::task::spawn_local(driver::drive(Rc::clone(&engine))),
        tokio::task::spawn_local(driver::wake(Rc::clone(&engine))),
        tokio::task::spawn_local(driver::compute(Rc::clone(&engine))),
    ];
    let server = serve::Server::start(home, Rc::clone(&engine));
    let output = Output::to_terminal(arguments.options.json);
    let context = Context::new(Rc::clone(&engine), output, arguments.options, request);
    let is_watch = matches!(arguments.command, Command::Watch { .. });
    let result = tokio::select! {
        result = commands::run(&context, arguments.command) => result,
        // Whoever watches ends it so; everything else ends as any program does.
        Ok(()) = tokio::signal::ctrl_c(), if is_watch => Ok(()),
    };
    let code = exit_code(&context.output, result.map(|()| 0));
    server.finish().await;
    for task in tasks {
        task.abort();
    }
    Ok(code)
}

fn read_stdin() -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(STDIN_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > STDIN_BYTES_MAX {
        return Err(Problem::refused("the text on standard input is too long for a message")
            .hint("send it as a file with --file"));
    }
    Ok(bytes)
}

fn another(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another veche".to_owned(), |pid| format!("another veche (process {pid})"))
}

fn in_use(home: &Path, pid: Option<u32>) -> Problem {
    Problem::refused(format!("{} is using {} and does not answer", another(pid), home.display()))
        .hint("let it finish, or wait longer with --timeout")
}
