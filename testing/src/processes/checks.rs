//! What was looked at, and how it was found.

use std::fmt::Debug;
use std::io::Write;

use super::Stopped;

/// Counts what is as it should be and what is not, and says each as it comes.
#[derive(Debug, Default)]
pub struct Checks {
    /// As it should be.
    pub passed: u64,
    /// Not so.
    pub failed: u64,
}

impl Checks {
    /// Notes whether something is so; `detail` says what was found where it is not.
    pub fn that(&mut self, what: &str, is_so: bool, detail: impl FnOnce() -> String) {
        if is_so {
            self.passed += 1;
            say(&format!("  ok    {what}"));
        } else {
            self.failed += 1;
            say(&format!("  FAIL  {what}\n        {}", detail()));
        }
    }

    /// Notes whether two things are equal.
    pub fn equal<T: PartialEq + Debug + ?Sized>(&mut self, what: &str, found: &T, wanted: &T) {
        self.that(what, found == wanted, || format!("found {found:?}, not {wanted:?}"));
    }

    /// Plays a part; where it cannot go on, that is a failure of its own.
    pub fn part(&mut self, what: &str, play: impl FnOnce(&mut Self) -> Result<(), Stopped>) {
        say(what);
        if let Err(stopped) = play(self) {
            self.that(&format!("{what}: played to its end"), false, || stopped);
        }
    }
}

/// Prints a line for whoever watches.
pub(super) fn say(line: &str) {
    // Nobody may be watching.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
