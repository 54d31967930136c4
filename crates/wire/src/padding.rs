//! Padding that hides the length of what is sealed.

/// The smallest padded length.
pub const PADDED_MIN: usize = 256;

/// The padded length of `length` bytes: at least [`PADDED_MIN`], then Padmé (Nikitin et al., "Reducing
/// Metadata Leakage from Encrypted Files and Communication with PURBs", 2019), which leaks
/// O(log log n) bits and adds at most 12 %.
#[must_use]
pub fn padded_length(length: usize) -> usize {
    if length <= PADDED_MIN {
        return PADDED_MIN;
    }
    let exponent = length.ilog2();
    let kept = exponent.ilog2() + 1;
    let mask = (1usize << (exponent - kept)) - 1;
    (length + mask) & !mask
}

/// Appends `0x80` and zeros up to the padded length of the result (ISO/IEC 7816-4).
pub fn pad(bytes: &mut Vec<u8>) {
    bytes.push(0x80);
    bytes.resize(padded_length(bytes.len()), 0);
}

/// What [`pad`] was given, or `None` where the padding is not well formed.
#[must_use]
pub fn unpad(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().rposition(|byte| *byte != 0)?;
    match bytes.split_at_checked(end)? {
        (content, [0x80, ..]) => Some(content),
        _ => None,
    }
}
