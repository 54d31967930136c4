//! What sealed bytes look like.

use veche_wire::padding::padded_length;

/// Nonce and tag of what is sealed with XChaCha20-Poly1305, in bytes.
const SEALING_BYTES: usize = 24 + 16;

/// Whether so many bytes are what sealing makes of something padded.
#[must_use]
pub fn is_padded_length(length: usize) -> bool {
    let inside = length.checked_sub(SEALING_BYTES);
    inside.is_some_and(|inside| padded_length(inside) == inside)
}

/// Whether the bytes could have come out of a cipher: each value about as frequent as any other,
/// and nothing that a compressor finds.
///
/// The chi-squared statistic of 256 values has mean 255 and standard deviation 22.6; ten of these
/// above it is not met by chance.
#[must_use]
pub fn looks_random(bytes: &[u8]) -> bool {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let expected = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX)) / 256.0;
    let distance = |count: &u32| (f64::from(*count) - expected).powi(2) / expected;
    let is_even = counts.iter().map(distance).sum::<f64>() < 255.0 + 10.0 * 22.6;
    let compressed = miniz_oxide::deflate::compress_to_vec(bytes, 9);
    is_even && compressed.len() >= bytes.len()
}
