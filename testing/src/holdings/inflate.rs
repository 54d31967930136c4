//! Inflates from every place of a file at once: most places hold no compressed stream, and are
//! passed over without building a table (RFC 1951).

use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

/// The most that is inflated at one place, in bytes.
const INFLATED_BYTES_MAX: usize = 64 << 10;

/// Hands `look` what can be inflated from each place in `hay`, where that is at least `least` bytes.
pub(super) fn everywhere(hay: &[u8], least: usize, mut look: impl FnMut(&[u8])) {
    let mut state = Box::<DecompressorOxide>::default();
    let mut out = vec![0; INFLATED_BYTES_MAX];
    let mut short = Vec::new();
    for at in 0..hay.len() {
        // zlib and gzip are a header, then the same.
        let here = &hay[at..];
        short.clear();
        match begin(here, &mut short) {
            Beginning::Broken => {
                if short.len() >= least {
                    look(&short);
                }
            }
            Beginning::Good => {
                state.init();
                let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
                let (_, _, length) = decompress(&mut state, here, &mut out, 0, flags);
                if length >= least {
                    look(&out[..length]);
                }
            }
        }
    }
}

enum Beginning {
    /// No stream begins here, or it breaks off in its first block.
    Broken,
    /// It has a good first block, or one that could be good.
    Good,
}

/// Judges the first block; `out` gets what one with fixed codes says before it breaks off.
fn begin(hay: &[u8], out: &mut Vec<u8>) -> Beginning {
    let mut bits = Bits { bytes: hay, at: 1 };
    let is_good = match bits.take(2) {
        Some(0) => {
            hay.get(1..5).is_some_and(|header| header[0] == !header[2] && header[1] == !header[3])
        }
        Some(1) => fixed_block(&mut bits, out).is_some(),
        Some(2) => is_complete(&mut bits).unwrap_or(false),
        _ => false,
    };
    if is_good { Beginning::Good } else { Beginning::Broken }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<usize> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = usize::from(byte >> (self.at % 8) & 1);
        self.at += 1;
        Some(bit)
    }

    /// A number, its lowest bit first.
    fn take(&mut self, count: usize) -> Option<usize> {
        (0..count).try_fold(0, |number, place| Some(number | self.bit()? << place))
    }

    /// A code, its highest bit first.
    fn code(&mut self, count: usize) -> Option<usize> {
        (0..count).try_fold(0, |code, _| Some(code << 1 | self.bit()?))
    }

    /// A symbol of the fixed code (RFC 1951, 3.2.6).
    fn symbol(&mut self) -> Option<usize> {
        let seven = self.code(7)?;
        if seven <= 0b001_0111 {
            return Some(256 + seven);
        }
        let eight = seven << 1 | self.bit()?;
        match eight {
            0x30..=0xbf => return Some(eight - 0x30),
            0xc0..=0xc7 => return Some(280 + eight - 0xc0),
            _ => {}
        }
        Some(144 + (eight << 1 | self.bit()?) - 0x190)
    }
}

/// Inflates a block with fixed codes; `None` where it breaks off.
fn fixed_block(bits: &mut Bits<'_>, out: &mut Vec<u8>) -> Option<()> {
    while out.len() < INFLATED_BYTES_MAX {
        let symbol = bits.symbol()?;
        let Some(length) = symbol.checked_sub(257) else {
            let Ok(literal) = u8::try_from(symbol) else { return Some(()) };
            out.push(literal);
            continue;
        };
        let length = match length {
            0..=7 => 3 + length,
            8..=27 => {
                let extra = length / 4 - 1;
                ((4 + length % 4) << extra) + 3 + bits.take(extra)?
            }
            28 => 258,
            _ => return None,
        };
        let distance = match bits.code(5)? {
            code @ 0..=3 => code + 1,
            code @ 4..=29 => {
                let extra = code / 2 - 1;
                ((2 + code % 2) << extra) + 1 + bits.take(extra)?
            }
            _ => return None,
        };
        let from = out.len().checked_sub(distance)?;
        for index in from..from + length {
            out.push(out[index]);
        }
    }
    Some(())
}

/// Whether a block with codes of its own begins with a complete code, as every one does.
fn is_complete(bits: &mut Bits<'_>) -> Option<bool> {
    let (literals, distances, lengths) = (bits.take(5)?, bits.take(5)?, bits.take(4)?);
    let mut filled = 0;
    for _ in 0..lengths + 4 {
        filled += match bits.take(3)? {
            0 => 0,
            length => 128 >> length,
        };
    }
    Some(literals <= 29 && distances <= 29 && filled == 128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;
    use veche_wire::Random;

    /// Everything that a plain search by inflating at every place finds.
    fn plainly(hay: &[u8]) -> Vec<Vec<u8>> {
        let mut state = Box::<DecompressorOxide>::default();
        let mut out = vec![0; INFLATED_BYTES_MAX];
        let inflate = |at: usize| {
            state.init();
            let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
            let (_, _, length) = decompress(&mut state, &hay[at..], &mut out, 0, flags);
            out[..length].to_vec()
        };
        (0..hay.len()).map(inflate).filter(|found| found.len() >= 12).collect()
    }

    #[test]
    fn passing_over_finds_what_is_found_without() {
        let text = "the same words over and over, the same words ".repeat(20);
        let mut dice = Dice::seeded(1, 1);
        for level in 0..10 {
            for length in [20, 60, 900] {
                let mut hay = vec![0; 500];
                dice.fill(&mut hay);
                let packed =
                    miniz_oxide::deflate::compress_to_vec(&text.as_bytes()[..length], level);
                hay.splice(200..200, packed);
                let mut found = Vec::new();
                everywhere(&hay, 12, |part| found.push(part.to_vec()));
                assert!(found.iter().any(|part| part.as_slice() == &text.as_bytes()[..length]));
                let whole =
                    plainly(&hay).into_iter().filter(|part| text.as_bytes().starts_with(part));
                for part in whole {
                    assert!(found.iter().any(|other| other.starts_with(&part)));
                }
            }
        }
    }
}
