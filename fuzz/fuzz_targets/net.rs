//! The decoders of `crates/net`.
#![no_main]

veche_fuzz::explore!(veche_net::fuzz::TARGETS);
