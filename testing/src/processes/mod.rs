//! Real processes: the server and the command line as a person runs them, on folders of their own.
//!
//! Everything waits for what it waits for, with a bound; children are ended by their id, and none
//! outlives the harness.

pub mod demo;
pub mod kill;
pub mod main_job;

mod checks;
mod disk;
mod person;
mod server;
mod spawn;

pub use checks::Checks;
pub use person::Person;
pub use server::Server;
pub use spawn::{Ran, Running};

/// Why a play could not go on, in words for a developer.
pub type Stopped = String;
