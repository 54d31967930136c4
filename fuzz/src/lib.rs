//! Hands what libFuzzer invents to the fuzz functions of the crates. There is never a decoder or a
//! check in here: the functions are ordinary ones, which the tests run over their corpus as well.
//!
//! `VECHE_FUZZ_TARGET=NAME` chooses one function of a list; without it, the first byte chooses.

use std::sync::OnceLock;

pub use libfuzzer_sys::fuzz_target;

/// Makes the entry point for one list of functions.
#[macro_export]
macro_rules! explore {
    ($targets:path) => {
        $crate::fuzz_target!(|bytes: &[u8]| $crate::feed($targets, bytes));
    };
}

/// Feeds one function of the list.
///
/// # Panics
/// Where `VECHE_FUZZ_TARGET` names none of the list, or where the function does, which is a find.
pub fn feed(targets: &[(&str, fn(&[u8]))], bytes: &[u8]) {
    static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
    if let Some(chosen) = CHOSEN.get_or_init(|| std::env::var("VECHE_FUZZ_TARGET").ok()) {
        let names = || targets.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let Some((_, function)) = targets.iter().find(|(name, _)| name == chosen) else {
            panic!("VECHE_FUZZ_TARGET={chosen} is none of {:?}", names());
        };
        return function(bytes);
    }
    if let Some((first, rest)) = bytes.split_first()
        && !targets.is_empty()
    {
        let (_, function) = targets[usize::from(*first) % targets.len()];
        function(rest);
    }
}
