//! Finds things that should not be there, in every disguise that we can think of: as they are, in
//! hexadecimal, base64 and base32 at every alignment, UTF-16, backwards, and inside of compressed
//! streams.

use std::collections::{BTreeSet, HashMap};

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};

use super::inflate;

/// How many bytes of a pattern it is looked up by; no pattern is shorter.
const HEAD_BYTES: usize = 6;

/// What something looked for is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needle {
    /// Content: a word, a title, a name of a file.
    Content,
    /// What names an account or a device.
    Person,
    /// A secret.
    Secret,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// What it is.
    pub needle: Needle,
    /// What it is called.
    pub name: String,
    /// In which disguise.
    pub disguise: &'static str,
}

struct Pattern {
    bytes: Vec<u8>,
    found: Found,
}

/// What is looked for.
#[derive(Default)]
pub struct Needles {
    patterns: Vec<Pattern>,
    by_head: HashMap<[u8; HEAD_BYTES], Vec<usize>>,
}

impl std::fmt::Debug for Needles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Needles({} patterns)", self.patterns.len())
    }
}

impl Needles {
    /// Looks for nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks for all that both look for.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        other.patterns.into_iter().for_each(|pattern| self.put(pattern));
        self
    }

    /// Looks for a text.
    ///
    /// # Panics
    /// Where it is too short to be told from chance.
    pub fn add_text(&mut self, needle: Needle, text: &str) {
        self.add(needle, text, text.as_bytes());
        let utf16 = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        self.add_pattern(needle, text, "UTF-16LE", utf16(u16::to_le_bytes));
        self.add_pattern(needle, text, "UTF-16BE", utf16(u16::to_be_bytes));
    }

    /// Looks for bytes.
    ///
    /// # Panics
    /// Where they are too few to be told from chance.
    pub fn add(&mut self, needle: Needle, name: &str, bytes: &[u8]) {
        assert!(bytes.len() >= HEAD_BYTES, "{name} is too short to be told from chance");
        self.add_pattern(needle, name, "as it is", bytes.to_vec());
        self.add_pattern(needle, name, "backwards", bytes.iter().rev().copied().collect());
        self.add_pattern(needle, name, "hex", HEXLOWER.encode(bytes).into_bytes());
        self.add_pattern(needle, name, "HEX", HEXUPPER.encode(bytes).into_bytes());
        for shift in 0..3 {
            let std = aligned(&BASE64_NOPAD, 6, bytes, shift);
            self.add_pattern(needle, name, "base64", std);
            let url = aligned(&BASE64URL_NOPAD, 6, bytes, shift);
            self.add_pattern(needle, name, "base64url", url);
        }
        for shift in 0..5 {
            let upper = aligned(&BASE32_NOPAD, 5, bytes, shift);
            self.add_pattern(needle, name, "base32", upper.to_ascii_lowercase());
            self.add_pattern(needle, name, "BASE32", upper);
        }
    }

    fn add_pattern(&mut self, needle: Needle, name: &str, disguise: &'static str, bytes: Vec<u8>) {
        let found = Found { needle, name: name.to_owned(), disguise };
        self.put(Pattern { bytes, found });
    }

    fn put(&mut self, pattern: Pattern) {
        let Some(head) = pattern.bytes.first_chunk::<HEAD_BYTES>() else { return };
        self.by_head.entry(*head).or_default().push(self.patterns.len());
        self.patterns.push(pattern);
    }

    /// What is in these bytes, or in what can be inflated from any place in them.
    #[must_use]
    pub fn find(&self, hay: &[u8]) -> BTreeSet<Found> {
        let mut found = BTreeSet::new();
        self.look(hay, None, &mut found);
        inflate::everywhere(hay, HEAD_BYTES, |part| self.look(part, Some("inflated"), &mut found));
        found
    }

    /// What is in these bytes, not inflated.
    #[must_use]
    pub fn find_raw(&self, hay: &[u8]) -> BTreeSet<Found> {
        let mut found = BTreeSet::new();
        self.look(hay, None, &mut found);
        found
    }

    fn look(&self, hay: &[u8], disguise: Option<&'static str>, found: &mut BTreeSet<Found>) {
        for (at, head) in hay.windows(HEAD_BYTES).enumerate() {
            let head: &[u8; HEAD_BYTES] = head.try_into().expect("a window has its length");
            let Some(indices) = self.by_head.get(head) else { continue };
            let patterns = indices.iter().map(|index| &self.patterns[*index]);
            for pattern in patterns.filter(|pattern| hay[at..].starts_with(&pattern.bytes)) {
                let mut hit = pattern.found.clone();
                hit.disguise = disguise.unwrap_or(hit.disguise);
                found.insert(hit);
            }
        }
    }
}

/// What stands in an encoding of something longer that has `bytes` after `shift` other bytes: only
/// the characters that depend on nothing else.
fn aligned(encoding: &Encoding, bits: usize, bytes: &[u8], shift: usize) -> Vec<u8> {
    let before = vec![0; shift];
    let encoded = encoding.encode(&[&before, bytes].concat()).into_bytes();
    let first = (8 * shift).div_ceil(bits);
    let end = 8 * (shift + bytes.len()) / bits;
    encoded.get(first..end).unwrap_or_default().to_vec()
}
