//! The messenger inside a browser's worker: the client of every other face, asked and answered in JSON.
//!
//! This crate **never** opens a socket and keeps no timer: the worker's script carries bytes and wakes it
//! up. What a page may ask is one enum ([`Ask`]), from which TypeScript's types are made.

mod ask;
mod messenger;
#[cfg(target_arch = "wasm32")]
mod worker;

pub use ask::{Answer, Ask, News, Pasted, Place, Trouble};
pub use messenger::Messenger;
