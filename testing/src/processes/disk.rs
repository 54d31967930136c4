//! What lies on a disk, and whether words are found in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::Stopped;

/// All files below a folder with their bytes, in the order of their paths.
pub(super) fn files(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Stopped> {
    let mut found = Vec::new();
    collect(folder, &mut found)?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) -> Result<(), Stopped> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.is_file() {
            let bytes = fs::read(&path).map_err(failed)?;
            found.push((path, bytes));
        }
    }
    Ok(())
}

/// The tables of an SQLite file, as its schema names them; nothing of other files.
pub(super) fn tables(bytes: &[u8]) -> Vec<String> {
    if !bytes.starts_with(b"SQLite format 3\0") {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(bytes);
    let mut found: Vec<String> = text
        .match_indices("CREATE TABLE ")
        .map(|(at, start)| {
            let rest = text.get(at + start.len()..).unwrap_or_default();
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Whether `bytes` hold `word` as it is, in base64, in hexadecimal or in UTF-16.
pub(super) fn holds(bytes: &[u8], word: &str) -> bool {
    disguises(word).iter().any(|needle| contains(bytes, needle))
}

/// The ways in which a word could lie somewhere. Of base64, the part that does not depend on what
/// stands before and after it, for each of the three places in which it can begin.
fn disguises(word: &str) -> Vec<Vec<u8>> {
    let raw = word.as_bytes();
    let mut ways = vec![
        raw.to_vec(),
        data_encoding::HEXLOWER.encode(raw).into_bytes(),
        data_encoding::HEXUPPER.encode(raw).into_bytes(),
        word.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        word.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ];
    for skipped in 0..3 {
        let whole = raw.get(skipped..).unwrap_or_default();
        let whole = whole.get(..whole.len() / 3 * 3).unwrap_or_default();
        if whole.len() >= 6 {
            ways.push(data_encoding::BASE64.encode(whole).into_bytes());
            ways.push(data_encoding::BASE64URL.encode(whole).into_bytes());
        }
    }
    ways
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_word_is_found_in_every_disguise() {
        let word = "cucumber salad";
        let base64 = data_encoding::BASE64.encode(format!("12{word}34").as_bytes());
        let hex = data_encoding::HEXLOWER.encode(format!("1{word}").as_bytes());
        let utf16: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for planted in [word.as_bytes(), base64.as_bytes(), hex.as_bytes(), &utf16] {
            let around = [b"\0\xffabc", planted, b"xyz"].concat();
            assert!(holds(&around, word), "{planted:?}");
        }
        assert!(!holds(b"nothing of that kind", word));
        assert!(!holds(b"", word));
    }
}
