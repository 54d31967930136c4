//! The decoders of `crates/store`.
#![no_main]

veche_fuzz::explore!(veche_store::fuzz::TARGETS);
