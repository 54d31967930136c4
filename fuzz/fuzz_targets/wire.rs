//! The decoders of `crates/wire`.
#![no_main]

veche_fuzz::explore!(veche_wire::fuzz::TARGETS);
