//! Cutting a value into pieces by its content, and telling which pieces of the old value stay.

use std::collections::HashMap;
use std::ops::Range;

use fastcdc::v2020::FastCDC;
use sha2::{Digest, Sha256};

/// The least bytes of a piece, but for the last one of a value.
const PIECE_BYTES_MIN: usize = 1 << 10;
/// The bytes that a piece has on average: about a page of the database.
const PIECE_BYTES_AVERAGE: usize = 4 << 10;
/// The most bytes of a piece.
const PIECE_BYTES_MAX: usize = 16 << 10;

/// The hash of a piece.
pub(crate) type Hash = [u8; 32];

/// A piece of a value: where it is, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) range: Range<usize>,
    pub(crate) hash: Hash,
}

/// Cuts `value` at places that its content decides, so that a change moves only the cuts near it.
pub(crate) fn cut(value: &[u8]) -> Vec<Piece> {
    FastCDC::new(value, PIECE_BYTES_MIN, PIECE_BYTES_AVERAGE, PIECE_BYTES_MAX)
        .map(|chunk| {
            let range = chunk.offset..chunk.offset + chunk.length;
            let hash = Sha256::digest(value.get(range.clone()).unwrap_or_default()).into();
            Piece { range, hash }
        })
        .collect()
}

/// Pairs `(old, new)` of equal pieces, rising on both sides: the pieces that stay where they are.
///
/// Equal hashes are paired in the order in which they occur, and of those pairs the longest run that
/// rises on both sides is taken. This finds every kept piece but in rare shuffles of repeated ones,
/// in O(n log n).
pub(crate) fn kept(old: &[Hash], new: &[Hash]) -> Vec<(usize, usize)> {
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) =
        (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let old_middle = old_rest.get(..old_rest.len() - tail).unwrap_or_default();
    let new_middle = new_rest.get(..new_rest.len() - tail).unwrap_or_default();

    let mut pairs: Vec<(usize, usize)> = (0..head).map(|index| (index, index)).collect();
    pairs.extend(
        longest_rise(&matches(old_middle, new_middle))
            .into_iter()
            .map(|(from, to)| (from + head, to + head)),
    );
    pairs.extend((0..tail).map(|index| (old.len() - tail + index, new.len() - tail + index)));
    pairs
}

/// Pairs `(old, new)` of equal hashes, each side used once, ordered by `new`.
fn matches(old: &[Hash], new: &[Hash]) -> Vec<(usize, usize)> {
    let mut places: HashMap<&Hash, Vec<usize>> = HashMap::new();
    for (index, hash) in old.iter().enumerate().rev() {
        places.entry(hash).or_default().push(index);
    }
    new.iter()
        .enumerate()
        .filter_map(|(to, hash)| places.get_mut(hash)?.pop().map(|from| (from, to)))
        .collect()
}

/// The longest run of `pairs`, which are ordered by their second half, whose first half rises.
fn longest_rise(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // `ends[n]` is the pair that ends the run of length n + 1 whose end is lowest so far.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (from, _)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs.get(*end).is_some_and(|(end, _)| end < from));
        before.push(length.checked_sub(1).and_then(|length| ends.get(length).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(index) = at {
        run.extend(pairs.get(index));
        at = before.get(index).copied().flatten();
    }
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Hash, PIECE_BYTES_MAX, cut, kept};

    fn hashes(letters: &str) -> Vec<Hash> {
        letters.bytes().map(|letter| [letter; 32]).collect()
    }

    fn check(old: &str, new: &str, stays: &str) {
        let pairs = kept(&hashes(old), &hashes(new));
        let found: String = pairs.iter().map(|(_, to)| char::from(new.as_bytes()[*to])).collect();
        assert_eq!(found, stays, "{old} -> {new}");
    }

    #[test]
    fn what_stays_is_the_longest_common_run() {
        check("", "", "");
        check("abc", "abc", "abc");
        check("abcde", "abXde", "abde");
        check("abcde", "abde", "abde");
        check("abde", "abcde", "abde");
        check("abcdef", "fabcde", "abcde");
        check("aaaa", "aaaaaa", "aaaa");
        check("abc", "xyz", "");
    }

    proptest! {
        #[test]
        fn what_stays_is_equal_and_rises(old in "[a-d]{0,30}", new in "[a-d]{0,30}") {
            let (old, new) = (hashes(&old), hashes(&new));
            let pairs = kept(&old, &new);
            prop_assert!(pairs.iter().all(|(from, to)| old[*from] == new[*to]));
            prop_assert!(pairs.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
        }

        #[test]
        fn pieces_cover_the_value(value in proptest::collection::vec(any::<u8>(), 0..60_000)) {
            let mut end = 0;
            for piece in cut(&value) {
                prop_assert_eq!(piece.range.start, end);
                prop_assert!(piece.range.len() <= PIECE_BYTES_MAX && !piece.range.is_empty());
                end = piece.range.end;
            }
            prop_assert_eq!(end, value.len());
        }
    }
}
