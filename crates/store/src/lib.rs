//! The encrypted database of a client: one file, one writer, every change in one transaction.
//!
//! This crate is the only one of a client that knows SQL. It **never** opens a socket, reads a
//! clock, draws randomness of its own or looks into what the message layer asks it to keep: keys
//! and times are passed in, and what is kept is bytes under a label.
//!
//! [`Store::write`] is the only way to change anything and [`Store::read`] the only way to look:
//! both hand a [`Tx`] to the caller's work. What the work did stands as a whole or not at all.

mod batch;
mod chunks;
#[cfg_attr(target_arch = "wasm32", path = "cipher_of_browsers.rs")]
mod cipher;
mod error;
#[cfg(any(test, feature = "faults"))]
mod faults;
#[cfg(not(target_arch = "wasm32"))]
mod home;
mod keep;
#[cfg(not(target_arch = "wasm32"))]
mod lock;
mod migrate;
mod schema;
mod store;
#[cfg(test)]
mod tests;

pub mod fuzz;
pub mod key;
pub mod search;

mod rows;

pub use batch::KeepBatch;
pub use error::StoreError;
#[cfg(any(test, feature = "faults"))]
pub use faults::{Moment, Probe};
#[cfg(not(target_arch = "wasm32"))]
pub use home::{KEY_FILE, open_or_create, open_or_create_with};
pub use keep::KEEP_VALUE_BYTES_MAX;
pub use key::{DatabaseKey, KeyFile, Stretch};
#[cfg(not(target_arch = "wasm32"))]
pub use lock::{HomeLock, LOCK_FILE};
pub use rows::*;
pub use store::{DATABASE_FILE, Disk, Store, Tx};
