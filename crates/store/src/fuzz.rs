//! What reads bytes from outside, each as a function that must not panic on any.

use crate::key::KeyFile;
use crate::search::prefix_query;

/// The name and the function of each target.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[("store_key_file", key_file), ("store_search", search)];

/// What is read as a key file is written as the same bytes.
fn key_file(bytes: &[u8]) {
    if let Ok(file) = KeyFile::decode(bytes) {
        assert_eq!(file.encode().as_slice(), bytes, "a key file has one form");
    }
}

/// Every text gives a query that has no operators but our own.
fn search(bytes: &[u8]) {
    let _ = prefix_query(&String::from_utf8_lossy(bytes));
}
