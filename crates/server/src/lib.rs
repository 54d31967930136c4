//! The delivery service: logs, inboxes, directory, blobs and admission (the rules are in
//! docs/protocol.md, "The delivery service").
//!
//! This crate **never** sees plaintext or a key that opens content, never asks who is in a chat, and
//! stores no time finer than a day. [`Service`] never reads a clock, draws randomness, spawns or
//! awaits: [`shell`] does that around it.
#![warn(clippy::indexing_slicing)]

pub mod config;
pub mod metrics;
pub mod say;
pub mod service;
pub mod shell;
pub mod storage;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

mod admit;
mod blob;
mod catch_up;
mod directory;
mod inbox;
mod log;
mod pace;
mod rates;
#[cfg(test)]
mod tests;

pub use config::{Config, Rate};
pub use directory::hash_invite_code;
pub use metrics::Metrics;
#[cfg(any(test, feature = "mutants"))]
pub use service::Mutant;
pub use service::{Closing, ConnectionId, Outgoing, PeerId, Service};
pub use veche_wire as wire;
