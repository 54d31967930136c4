//! Why a command could not be done, in words for a person, with a hint what to do about it.

use std::fmt;
use std::io;

use veche_client::ClientError;
use veche_client::store::StoreError;

/// The exit code of a command that was refused, or could not reach the server.
pub(crate) const EXIT_REFUSED: u8 = 1;
/// The exit code of a command that nobody could understand.
pub(crate) const EXIT_USAGE: u8 = 2;

/// Why a command ended without having done all that it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    words: String,
    hint: Option<String>,
    code: u8,
    quiet: bool,
}

impl Problem {
    /// Refused, with the reason.
    pub(crate) fn refused(words: impl Into<String>) -> Self {
        Self { words: words.into(), hint: None, code: EXIT_REFUSED, quiet: false }
    }

    /// Typed in a way that makes no sense.
    pub(crate) fn usage(words: impl Into<String>) -> Self {
        Self { code: EXIT_USAGE, ..Self::refused(words) }
    }

    /// Nobody reads the output any more, as in `veche read … | head`: nothing is to be said.
    fn unread() -> Self {
        Self { quiet: true, ..Self::refused("nobody reads the output") }
    }

    /// The same with a word on what to do.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What the process ends with.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Whether there is nobody to tell.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "veche: {}", self.words)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::unread(),
            _ => Self::refused(error.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = Self::refused(error.to_string());
        match error {
            StoreError::PassphraseNeeded => {
                problem.hint("set VECHE_PASSPHRASE, or run this in a terminal to be asked for it")
            }
            StoreError::WrongKey => {
                problem.hint("check VECHE_PASSPHRASE, and that --home names the right folder")
            }
            _ => problem,
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Store(error) => error.into(),
            error => Self::refused(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_has_its_exit_code() {
        assert_eq!(Problem::refused("no").code(), 1);
        assert_eq!(Problem::usage("what?").code(), 2);
        assert!(Problem::from(io::Error::from(io::ErrorKind::BrokenPipe)).is_quiet());
        assert!(!Problem::from(io::Error::from(io::ErrorKind::NotFound)).is_quiet());
    }

    #[test]
    fn a_hint_stands_on_a_line_of_its_own() {
        let problem = Problem::refused("no such chat").hint("look at `veche chats`");
        assert_eq!(problem.to_string(), "veche: no such chat\n  hint: look at `veche chats`");
    }
}
