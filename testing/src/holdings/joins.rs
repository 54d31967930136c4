//! The attacks that try to join an account to a chat: by bytes that stand on both sides, by lengths
//! that only two things have, by times, by the order of rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use super::{Database, Snapshot, Value};

/// The shortest run of bytes that is not shared by chance.
const SHARED_BYTES: usize = 8;
const DAY_MS: u64 = 86_400_000;

/// A join that succeeded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// On the side of the directory.
    pub directory: String,
    /// On the side of the chats.
    pub chats: String,
}

/// The two sides of a server's disk, by row.
struct Sides {
    directory: Vec<(String, Vec<u8>)>,
    chats: Vec<(String, Vec<u8>)>,
}

impl Sides {
    /// All values of both databases and all blobs, with their names.
    fn of(snapshot: &Snapshot) -> Self {
        let mut chats = values(&snapshot.database("logs.db"));
        for file in snapshot.blobs() {
            chats.push((file.path.clone(), file.bytes.clone()));
            let name = file.path.rsplit('/').next().unwrap_or_default();
            let name = data_encoding::HEXLOWER_PERMISSIVE.decode(name.as_bytes());
            chats.extend(name.ok().map(|name| (format!("the name of {}", file.path), name)));
        }
        Self { directory: values(&snapshot.database("directory.db")), chats }
    }
}

fn values(database: &Database) -> Vec<(String, Vec<u8>)> {
    let bytes = database.values().map(|(name, value)| (name, value.bytes().to_vec()));
    bytes.filter(|(_, bytes)| !bytes.is_empty()).collect()
}

/// Runs of 8 bytes of a value of one side, or of its SHA-256, that stand anywhere in a file of the
/// other side, be it a row or not.
#[must_use]
pub fn shared_bytes(snapshot: &Snapshot) -> BTreeSet<Finding> {
    let sides = Sides::of(snapshot);
    let mut findings = BTreeSet::new();
    let runs = runs_of(&sides.directory);
    for file in snapshot.chats() {
        let here = [file.bytes.as_slice(), file.path.as_bytes()].concat();
        for name in standing_in(&runs, &here) {
            findings.insert(Finding { directory: name, chats: file.path.clone() });
        }
    }
    let runs = runs_of(&sides.chats);
    for file in snapshot.directory() {
        for name in standing_in(&runs, &file.bytes) {
            findings.insert(Finding { directory: file.path.clone(), chats: name });
        }
    }
    findings.extend(shared_between_rows(&sides));
    findings
}

/// The names of blobs are bytes only once they are decoded.
fn shared_between_rows(sides: &Sides) -> BTreeSet<Finding> {
    let runs = runs_of(&sides.directory);
    let pairs = sides.chats.iter().flat_map(|(chats, bytes)| {
        let found = standing_in(&runs, bytes).into_iter();
        found.map(|directory| Finding { directory, chats: chats.clone() })
    });
    pairs.collect()
}

type Runs<'a> = HashMap<[u8; SHARED_BYTES], &'a str>;

fn runs_of(values: &[(String, Vec<u8>)]) -> Runs<'_> {
    let mut runs = Runs::new();
    for (name, bytes) in values {
        let hash = Sha256::digest(bytes);
        for run in windows(bytes).chain(windows(&hash)).filter(is_telling) {
            runs.insert(run, name);
        }
    }
    runs
}

fn standing_in(runs: &Runs<'_>, bytes: &[u8]) -> BTreeSet<String> {
    let found = windows(bytes).filter_map(|run| runs.get(&run));
    found.map(|name| (*name).to_owned()).collect()
}

fn windows(bytes: &[u8]) -> impl Iterator<Item = [u8; SHARED_BYTES]> {
    bytes.windows(SHARED_BYTES).filter_map(|run| run.try_into().ok())
}

/// Whether a run is more than zeros and small numbers, which stand everywhere.
fn is_telling(run: &[u8; SHARED_BYTES]) -> bool {
    run.iter().collect::<BTreeSet<_>>().len() >= 5
}

/// Lengths of values that exactly one thing on each side has, of those that are no fixed length of
/// an id, key or hash.
#[must_use]
pub fn shared_lengths(snapshot: &Snapshot) -> BTreeSet<Finding> {
    const FIXED_BYTES_MAX: usize = 64;
    let sides = Sides::of(snapshot);
    let unique = |values: &[(String, Vec<u8>)]| {
        let mut by_length: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for (name, bytes) in values.iter().filter(|(_, bytes)| bytes.len() > FIXED_BYTES_MAX) {
            by_length.entry(bytes.len()).or_default().push(name.clone());
        }
        by_length.retain(|_, names| names.len() == 1);
        by_length
    };
    let chats = unique(&sides.chats);
    let pairs = unique(&sides.directory).into_iter().filter_map(|(length, directory)| {
        let other = chats.get(&length)?;
        Some(Finding { directory: directory.concat(), chats: other.concat() })
    });
    pairs.collect()
}

/// Everything that tells a time within `from_ms..=to_ms` or a day around it more finely than a day:
/// numbers in rows, numbers in the bytes of rows, times of blob files.
#[must_use]
pub fn times_finer_than_a_day(snapshot: &Snapshot, from_ms: u64, to_ms: u64) -> Vec<String> {
    let around = from_ms - DAY_MS..=to_ms + DAY_MS;
    let is_time = |number: u64, units: &[(u64, u64)]| {
        let in_ms = |(times, per): &(u64, u64)| number.checked_mul(*times).map(|ms| ms / per);
        units.iter().filter_map(in_ms).any(|ms| around.contains(&ms))
    };
    // Hours, minutes, seconds, milliseconds, microseconds, nanoseconds.
    let all = [(3_600_000, 1), (60_000, 1), (1_000, 1), (1, 1), (1, 1_000), (1, 1_000_000)];
    // What random bytes do not hit by chance.
    let sparse = [(1_000, 1), (1, 1)];
    let mut found = Vec::new();
    for name in ["logs.db", "directory.db"] {
        for (column, value) in snapshot.database(name).values() {
            let number = match value {
                Value::Number(number) => u64::try_from(*number).unwrap_or(0),
                Value::Null | Value::Bytes(_) => 0,
            };
            let in_bytes = |run: [u8; 8]| {
                is_time(u64::from_be_bytes(run), &sparse)
                    || is_time(u64::from_le_bytes(run), &sparse)
            };
            if is_time(number, &all) || windows(value.bytes()).any(in_bytes) {
                found.push(format!("{name}: {column} tells a time"));
            }
        }
    }
    let told = snapshot.blobs().filter(|file| file.written_at * 1_000 % DAY_MS != 0);
    found.extend(told.map(|file| format!("{} tells when it was written", file.path)));
    found
}

/// How much two orders of the same things are alike: 1 where they are the same, -1 where one is the
/// other backwards, about 0 where they have nothing to do with each other (Spearman's rank
/// correlation).
///
/// # Panics
/// Where they are not orders of the same things, at least two.
#[must_use]
pub fn orders_alike<T: Ord>(one: &[T], other: &[T]) -> f64 {
    let ranks: BTreeMap<&T, usize> =
        other.iter().enumerate().map(|(at, item)| (item, at)).collect();
    assert!(one.len() == ranks.len() && one.len() >= 2, "two orders of the same things");
    let squares: f64 = one
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let apart = at.abs_diff(*ranks.get(item).expect("both hold the same things"));
            f64::from(u32::try_from(apart).unwrap_or(u32::MAX)).powi(2)
        })
        .sum();
    let count = f64::from(u32::try_from(one.len()).unwrap_or(u32::MAX));
    1.0 - 6.0 * squares / (count * (count * count - 1.0))
}
