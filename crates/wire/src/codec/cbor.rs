//! What all our CBOR has in common: one item, deterministically encoded (RFC 8949 §4.2.1: definite
//! lengths, shortest form, sorted maps), nothing behind it.

use std::convert::Infallible;

use minicbor::{Decoder, Encoder, decode, encode};

use crate::DecodeError;

/// Writes into a `Vec`, which cannot fail.
pub(super) fn write(
    fill: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), encode::Error<Infallible>>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let written = fill(&mut Encoder::new(&mut out));
    debug_assert!(written.is_ok(), "a Vec takes everything");
    out
}

/// Reads with `take`, whose every error means that the bytes are not what they claim to be.
pub(super) fn read<T>(
    what: &'static str,
    take: impl FnOnce() -> Result<T, decode::Error>,
) -> Result<T, DecodeError> {
    take().map_err(|_| DecodeError::Malformed(what))
}

/// Begins an array of exactly `length` items.
pub(super) fn array(decoder: &mut Decoder<'_>, length: u64) -> Result<(), decode::Error> {
    match decoder.array()? {
        Some(found) if found == length => Ok(()),
        _ => Err(decode::Error::message("length of an array")),
    }
}

/// Bytes whose length is fixed.
pub(super) fn exact<const LENGTH: usize>(
    decoder: &mut Decoder<'_>,
) -> Result<[u8; LENGTH], decode::Error> {
    decoder.bytes()?.try_into().map_err(|_| decode::Error::message("length of bytes"))
}

/// `null`, or what `take` reads.
pub(super) fn nullable<'b, T>(
    decoder: &mut Decoder<'b>,
    take: impl FnOnce(&mut Decoder<'b>) -> Result<T, decode::Error>,
) -> Result<Option<T>, decode::Error> {
    if decoder.datatype()? == minicbor::data::Type::Null {
        decoder.null()?;
        return Ok(None);
    }
    take(decoder).map(Some)
}

/// Whether `bytes` are exactly one item, deterministically encoded and nested at most `depth` deep.
/// Floats and simple values are taken as they are. Reads each byte at most twice, allocates nothing.
pub(super) fn is_deterministic(bytes: &[u8], depth: usize) -> bool {
    item(bytes, depth).is_some_and(<[u8]>::is_empty)
}

/// Skips one item; what is left, or `None` where the item is not well formed.
fn item(bytes: &[u8], depth: usize) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    let (major, short) = (first >> 5, first & 0x1f);
    if major == 7 {
        return simple(short, rest);
    }
    let (argument, rest) = argument(short, rest)?;
    let length = || usize::try_from(argument).ok();
    match major {
        0 | 1 => Some(rest),
        2 => rest.get(length()?..),
        3 => {
            let text = rest.get(..length()?)?;
            std::str::from_utf8(text).ok()?;
            rest.get(text.len()..)
        }
        4 => items(argument, rest, depth.checked_sub(1)?),
        5 => pairs(argument, rest, depth.checked_sub(1)?),
        _ => item(rest, depth.checked_sub(1)?),
    }
}

fn items(count: u64, mut bytes: &[u8], depth: usize) -> Option<&[u8]> {
    // Each item takes at least a byte: a count that the bytes cannot hold ends the loop early.
    for _ in 0..count {
        bytes = item(bytes, depth)?;
    }
    Some(bytes)
}

/// A map's pairs: each key once, in the order of their bytes.
fn pairs(count: u64, mut bytes: &[u8], depth: usize) -> Option<&[u8]> {
    let mut last: Option<&[u8]> = None;
    for _ in 0..count {
        let behind = item(bytes, depth)?;
        let key = bytes.get(..bytes.len() - behind.len())?;
        if last.is_some_and(|last| last >= key) {
            return None;
        }
        last = Some(key);
        bytes = item(behind, depth)?;
    }
    Some(bytes)
}

/// `false`, `true`, `null`, other simple values, floats.
fn simple(short: u8, rest: &[u8]) -> Option<&[u8]> {
    match short {
        0..=23 => Some(rest),
        24 => (*rest.first()? >= 32).then(|| rest.get(1..))?,
        25 => rest.get(2..),
        26 => rest.get(4..),
        27 => rest.get(8..),
        _ => None,
    }
}

/// The argument of a head in its shortest form.
fn argument(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let (value, least, rest) = match short {
        0..=23 => return Some((u64::from(short), rest)),
        24 => {
            let (bytes, rest) = rest.split_first_chunk::<1>()?;
            (u64::from(bytes[0]), 24, rest)
        }
        25 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*bytes)), 1 << 8, rest)
        }
        26 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            (u64::from(u32::from_be_bytes(*bytes)), 1 << 16, rest)
        }
        27 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*bytes), 1 << 32, rest)
        }
        _ => return None,
    };
    (value >= least).then_some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::is_deterministic;

    fn check(bytes: &[u8], expected: bool) {
        assert_eq!(is_deterministic(bytes, 3), expected, "{bytes:02x?}");
    }

    #[test]
    fn well_formed_items_are_taken() {
        check(&[0x00], true);
        check(&[0x18, 24], true);
        check(&[0x3b, 0, 0, 0, 1, 0, 0, 0, 0], true);
        check(&[0x42, 1, 2], true);
        check(&[0x62, 0xc3, 0xa4], true);
        check(&[0x82, 0x81, 0x80, 0xf6], true);
        check(&[0xa2, 0x01, 0x00, 0x61, b'a', 0x00], true);
        check(&[0xc1, 0x00], true);
        check(&[0xf8, 32], true);
        check(&[0xf9, 0x7e, 0x00], true);
    }

    #[test]
    fn what_is_cut_or_followed_by_more_is_not() {
        check(&[], false);
        check(&[0x18], false);
        check(&[0x42, 1], false);
        check(&[0x82, 0], false);
        check(&[0xa1, 0], false);
        check(&[0xf9, 0], false);
        check(&[0, 0], false);
        check(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], false);
        check(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], false);
    }

    #[test]
    fn there_is_one_form_of_each_value() {
        check(&[0x18, 23], false);
        check(&[0x19, 0, 255], false);
        check(&[0x1a, 0, 0, 255, 255], false);
        check(&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255], false);
        check(&[0x9f, 0xff], false);
        check(&[0x5f, 0xff], false);
        check(&[0xbf, 0xff], false);
        check(&[0xf8, 31], false);
        check(&[0x1c], false);
        check(&[0xfc], false);
        // Keys twice, or not sorted.
        check(&[0xa2, 0x01, 0x00, 0x01, 0x00], false);
        check(&[0xa2, 0x61, b'a', 0x00, 0x01, 0x00], false);
        // Text that is not UTF-8.
        check(&[0x61, 0xff], false);
    }

    #[test]
    fn nesting_ends_somewhere() {
        check(&[0x81, 0x81, 0x80], true);
        check(&[0x81, 0x81, 0x81, 0x80], false);
        check(&[0xc1, 0xc1, 0xc1, 0xc1, 0x00], false);
        assert!(!is_deterministic(&vec![0x81; 1 << 20], 16));
    }
}
