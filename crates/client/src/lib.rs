//! The messenger: a synchronous state machine that turns commands, frames and the passing of time
//! into rows, frames to send and events.
//!
//! It **never** reads a clock, draws randomness, spawns, awaits or opens a socket: time and
//! randomness are passed in, and its only I/O is the store's synchronous transaction. The same code
//! runs natively, in a browser's worker and in the simulator. Every effect is cosmetic or can be
//! derived again from the database when a home is opened.

pub mod api;

pub use api::*;

// What a face needs to open a home and to name things, so that it depends on this crate alone.
pub use veche_store as store;
pub use veche_wire as wire;
