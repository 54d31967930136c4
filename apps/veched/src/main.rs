//! `veched`: the Veche server program. It carries ciphertext between clients and keeps it until
//! they have read it; it has no key that opens any of it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod backup;
mod flags;
mod folder;
mod invite;
mod listener;
mod page;
mod serve;
mod stream;
mod system;
mod tls;
mod visit;

/// The Veche server.
#[derive(Debug, Parser)]
#[command(name = "veched", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server until it is told to stop (SIGTERM or Ctrl-C).
    Serve(Box<flags::Serve>),
    /// Makes codes with which people may register.
    Invite {
        #[command(subcommand)]
        command: InviteCommand,
    },
    /// Copies everything into a new folder, while the server may be running. The copy holds the
    /// server's keys: keep it as safe as the original.
    Backup {
        /// The folder of the server.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Where to: a folder that is new or empty.
        #[arg(value_name = "DIR")]
        destination: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum InviteCommand {
    /// Makes a new code and prints it.
    New(flags::InviteNew),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(flags) => serve::run(*flags),
        Command::Invite { command: InviteCommand::New(flags) } => invite::make(&flags),
        Command::Backup { data, destination } => backup::copy(&data, &destination),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("veched: {error:#}");
            ExitCode::FAILURE
        }
    }
}
