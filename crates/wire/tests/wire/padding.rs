//! Padding hides lengths, and costs little.

use proptest::prelude::*;
use veche_wire::padding::{PADDED_MIN, pad, padded_length, unpad};

proptest! {
    #[test]
    fn unpad_undoes_pad(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0x80)], 0..3000)) {
        let mut padded = bytes.clone();
        pad(&mut padded);
        prop_assert_eq!(padded.len(), padded_length(bytes.len() + 1));
        prop_assert_eq!(unpad(&padded), Some(bytes.as_slice()));
    }

    #[test]
    fn longer_bytes_are_never_padded_shorter(length in 0usize..(4 << 20), more in 0usize..5000) {
        prop_assert!(padded_length(length) <= padded_length(length + more));
    }

    #[test]
    fn padding_adds_at_most_12_percent(length in PADDED_MIN..(1 << 40)) {
        let padded = padded_length(length);
        prop_assert!(padded >= length);
        prop_assert!((padded - length) * 100 <= length * 12, "{length} became {padded}");
    }

    #[test]
    fn a_padded_length_stays(length in 0usize..(1 << 40)) {
        prop_assert_eq!(padded_length(padded_length(length)), padded_length(length));
    }
}

#[test]
fn few_lengths_are_left_to_tell_apart() {
    let mut lengths: Vec<usize> = (0..=64 << 10).map(padded_length).collect();
    lengths.dedup();
    assert!(lengths.len() < 200, "{} different lengths up to 64 KiB", lengths.len());
}

#[test]
fn what_was_never_padded_is_refused() {
    for bytes in [&[][..], &[0], &[0, 0, 0], &[1], &[0x80, 1], &[0x81, 0]] {
        assert_eq!(unpad(bytes), None, "{bytes:?}");
    }
}
