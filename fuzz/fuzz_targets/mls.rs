//! The decoders of `crates/mls`.
#![no_main]

veche_fuzz::explore!(veche_mls::fuzz::TARGETS);
