//! Every fuzz target over bytes of any kind; the fuzzer itself goes deeper.

use proptest::prelude::*;
use veche_net::fuzz::TARGETS;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..1200)) {
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }

    /// Lengths that agree with themselves more often than chance, and padding at the end.
    #[test]
    fn almost_batches_do_no_harm(
        frames in proptest::collection::vec((0u8..40, 0usize..40), 0..12),
        zeros in 0usize..300,
    ) {
        let mut bytes = Vec::new();
        for (length, truth) in frames {
            bytes.extend([0, 0, 0, length]);
            bytes.resize(bytes.len() + truth, length);
        }
        bytes.push(0x80);
        bytes.resize((bytes.len() + zeros).max(256), 0);
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }
}
