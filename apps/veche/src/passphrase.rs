//! The passphrase of a home that has one: from the environment, or asked for in a terminal.

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

/// The variable that holds the passphrase for programs that nobody sits in front of.
const VARIABLE: &str = "VECHE_PASSPHRASE";

/// The passphrase of the environment, where there is one.
pub(crate) fn from_environment() -> Option<Zeroizing<String>> {
    given(env::var(VARIABLE).ok())
}

/// A variable that is set to nothing is not set.
fn given(value: Option<String>) -> Option<Zeroizing<String>> {
    value.filter(|value| !value.is_empty()).map(Zeroizing::new)
}

/// Asks for it where there is a terminal to ask in; without showing what is typed.
pub(crate) fn ask() -> io::Result<Option<Zeroizing<String>>> {
    let Ok(mut terminal) = OpenOptions::new().read(true).write(true).open("/dev/tty") else {
        return Ok(None);
    };
    terminal.write_all(b"passphrase of this home: ")?;
    let mut typed = Zeroizing::new(String::new());
    {
        let _silence = Silence::begin(&terminal)?;
        BufReader::new(&terminal).read_line(&mut typed)?;
    }
    terminal.write_all(b"\n")?;
    let length = typed.trim_end_matches(['\r', '\n']).len();
    typed.truncate(length);
    Ok(Some(typed))
}

/// While it lives, the terminal does not show what is typed.
struct Silence<'terminal> {
    terminal: &'terminal File,
    before: Termios,
}

impl<'terminal> Silence<'terminal> {
    fn begin(terminal: &'terminal File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // A terminal that went away needs no echo.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_no_passphrase() {
        assert_eq!(given(None), None);
        assert_eq!(given(Some(String::new())), None);
        assert_eq!(given(Some(" ".to_owned())), Some(Zeroizing::new(" ".to_owned())));
    }
}
