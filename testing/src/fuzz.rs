//! Every function that reads bytes from outside, over well-formed inputs and seeded mutations of
//! them. The same functions are the targets of the coverage-guided fuzzer in `fuzz/`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::dice::Dice;

/// A function that must not panic on any bytes.
type Target = fn(&[u8]);

/// The largest input that mutations grow to, in bytes.
const INPUT_BYTES_MAX: usize = 8 << 10;
/// Numbers at which decoders trip.
const EDGES: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x1f, 0x5f];

/// An input on which a target panicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The target.
    pub target: &'static str,
    /// The number of the mutation, from which it can be made again.
    pub mutation: u64,
    /// The input, hexadecimal.
    pub input: String,
    /// What the panic said.
    pub words: String,
}

/// All targets of all crates.
#[must_use]
pub fn targets() -> Vec<(&'static str, Target)> {
    [
        veche_wire::fuzz::TARGETS,
        veche_mls::fuzz::TARGETS,
        veche_net::fuzz::TARGETS,
        veche_store::fuzz::TARGETS,
    ]
    .concat()
}

/// The inputs from which the mutations of a target begin: those that its crate knows to be well
/// formed, and those of the corpus.
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = veche_wire::fuzz::seeds(target);
    seeds.extend(veche_mls::fuzz::seeds(target));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    seeds.extend(paths.iter().filter_map(|path| fs::read(path).ok()));
    if seeds.is_empty() {
        seeds.push(Vec::new());
        seeds.push(vec![0; 64]);
    }
    seeds
}

/// Runs a target over its seeds and so many mutations of them.
#[must_use]
pub fn run(target: (&'static str, Target), mutations: u64) -> Vec<Finding> {
    let (name, function) = target;
    let seeds = seeds(name);
    let whole = seeds.iter().enumerate().map(|(index, seed)| (index as u64, seed.clone()));
    let count = seeds.len() as u64;
    let mutated = (0..mutations).map(|number| (count + number, mutate(&seeds, number)));
    whole
        .chain(mutated)
        .filter_map(|(mutation, input)| {
            let words = panic_of(function, &input)?;
            let input = data_encoding::HEXLOWER.encode(&input);
            Some(Finding { target: name, mutation, input, words })
        })
        .collect()
}

fn panic_of(function: Target, input: &[u8]) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| function(input))).err()?;
    let words = panic.downcast_ref::<String>().cloned();
    Some(
        words.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default(),
    )
}

/// The mutation with this number of one of the seeds.
fn mutate(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut dice = Dice::seeded(number, 17);
    let mut input = dice.pick(seeds).cloned().unwrap_or_default();
    for _ in 0..dice.between(1, 6) {
        change(&mut input, seeds, &mut dice);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let place = |dice: &mut Dice, input: &[u8]| {
        usize::try_from(dice.below(input.len() as u64 + 1)).unwrap_or(0)
    };
    let at = place(dice, input);
    match dice.below(7) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            if let (Some(byte), Some(edge)) = (input.get_mut(at), dice.pick(&EDGES)) {
                *byte = *edge;
            }
        }
        2 => input.insert(at, dice.pick(&EDGES).copied().unwrap_or(0)),
        3 => input.truncate(at),
        4 => {
            let end = place(dice, input).max(at);
            input.drain(at..end);
        }
        5 => {
            let end = place(dice, input).max(at);
            let again = input.get(at..end).unwrap_or_default().to_vec();
            input.splice(at..at, again);
        }
        _ => {
            let other = dice.pick(seeds).cloned().unwrap_or_default();
            let from = place(dice, &other);
            input.truncate(at);
            input.extend_from_slice(other.get(from..).unwrap_or_default());
        }
    }
}
