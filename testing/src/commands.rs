//! The commands of the testing program that need nothing but this process.

use std::collections::BTreeMap;

mod bench;
mod crowd;
mod fixtures;
mod fuzz;
mod load;
mod processes;
mod sim;

pub(crate) use bench::bench;
pub(crate) use crowd::crowd;
pub(crate) use fixtures::fixtures;
pub(crate) use fuzz::fuzz;
pub(crate) use load::load;
pub(crate) use processes::processes;
pub(crate) use sim::sim;

/// How a command ended.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Tally {
    pub(crate) fn count(&mut self, good: bool) {
        if good {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

/// The words after a command.
pub(crate) struct Options {
    values: BTreeMap<String, String>,
}

impl Options {
    pub(crate) fn read(words: &[String], valued: &[&str], plain: &[&str]) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = if valued.contains(&word.as_str()) {
                words.next().cloned().ok_or_else(|| format!("{word} needs a value"))?
            } else if plain.contains(&word.as_str()) {
                String::new()
            } else {
                return Err(format!("`{word}` was not understood"));
            };
            values.insert(word.clone(), value);
        }
        Ok(Self { values })
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}
