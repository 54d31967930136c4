//! The bytes of everything that travels.

#![allow(clippy::unwrap_used, reason = "helpers of tests, outside of `#[test]` functions")]

mod golden;
mod malformed;
mod mutations;
mod padding;
mod round_trip;
mod secrets;
mod strategies;
