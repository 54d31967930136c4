//! What tests stand on: a world of clients, a server, a bad network and fake time from one seed;
//! the simulator that plays it by the hundred; and the fuzzer of every decoder.
//!
//! This crate is **never** part of a product, and no product depends on it. Its stories are in
//! `tests/`, its loops over real processes in `processes`.

pub mod bench;
#[cfg(target_os = "linux")]
pub mod crowd;
pub mod dice;
pub mod fuzz;
pub mod holdings;
#[cfg(target_os = "linux")]
pub mod load;
pub mod processes;
pub mod sim;
pub mod world;

pub use dice::Dice;
pub use world::{Death, Person, Weather, World};
