//! Every decoder of this crate as an ordinary function over bytes, for the fuzzer and for tests.

/// Name and function of each target. None of them may panic.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[("bound", |bytes| {
    let _ = crate::Bound::decode(bytes);
})];
