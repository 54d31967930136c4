//! The words after `cargo xtask`, taken one by one; what nobody took is a mistake to be named.

use std::fmt;

/// The command line was not understood; the text says why. Ends the program with status 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// What is left of the command line.
#[derive(Debug)]
pub(crate) struct Arguments {
    words: Vec<String>,
}

impl Arguments {
    /// The words as they were typed, without the program's name.
    pub(crate) fn new(words: Vec<String>) -> Self {
        Self { words }
    }

    /// Takes the first word.
    pub(crate) fn command(&mut self) -> Option<String> {
        (!self.words.is_empty()).then(|| self.words.remove(0))
    }

    /// Takes the flag `name`, which has no value; true if it stood there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() < before
    }

    /// Takes `name VALUE` or `name=VALUE`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>, Usage> {
        let with_equals = format!("{name}=");
        let Some(at) =
            self.words.iter().position(|word| word == name || word.starts_with(&with_equals))
        else {
            return Ok(None);
        };
        let word = self.words.remove(at);
        if let Some(value) = word.strip_prefix(&with_equals) {
            return Ok(Some(value.to_owned()));
        }
        if at == self.words.len() {
            return Err(Usage(format!("{name} needs a value")));
        }
        Ok(Some(self.words.remove(at)))
    }

    /// Takes `name NUMBER`, or gives `default`.
    pub(crate) fn number(&mut self, name: &str, default: u64) -> Result<u64, Usage> {
        match self.value(name)? {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| Usage(format!("{name} needs a whole number, not `{text}`"))),
        }
    }

    /// Whatever nobody took, to be passed on.
    pub(crate) fn rest(self) -> Vec<String> {
        self.words
    }

    /// Refuses whatever nobody took.
    pub(crate) fn finish(self) -> Result<(), Usage> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(Usage(format!("`{word}` was not understood"))),
        }
    }
}

/// Checks `A..B` with `A < B`, and gives it back as it is passed on.
pub(crate) fn seed_range(text: &str) -> Result<String, Usage> {
    let bounds = text
        .split_once("..")
        .and_then(|(first, end)| Some((first.parse::<u64>().ok()?, end.parse::<u64>().ok()?)));
    match bounds {
        Some((first, end)) if first < end => Ok(format!("{first}..{end}")),
        _ => Err(Usage(format!("--seeds needs A..B with A below B, not `{text}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Arguments {
        Arguments::new(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn each_word_is_taken_once_and_the_rest_is_refused() {
        let mut arguments = typed("soak --cycles 7 --no-setup --seeds=9 surplus");
        assert!(arguments.flag("--no-setup"));
        assert!(!arguments.flag("--no-setup"));
        assert_eq!(arguments.command().as_deref(), Some("soak"));
        assert_eq!(arguments.number("--cycles", 200).unwrap(), 7);
        assert_eq!(arguments.number("--seeds", 2000).unwrap(), 9);
        assert_eq!(arguments.number("--absent", 3).unwrap(), 3);
        assert_eq!(arguments.finish().unwrap_err().0, "`surplus` was not understood");
    }

    #[test]
    fn a_value_that_is_missing_or_no_number_is_named() {
        assert_eq!(typed("--listen").value("--listen").unwrap_err().0, "--listen needs a value");
        assert!(typed("--cycles many").number("--cycles", 1).is_err());
    }

    #[test]
    fn seeds_are_a_range_with_something_in_it() {
        assert_eq!(seed_range("3..20").unwrap(), "3..20");
        for wrong in ["", "3", "20..3", "3..3", "a..b", "-1..4"] {
            assert!(seed_range(wrong).is_err(), "{wrong}");
        }
    }
}
