//! A person with a home, who types commands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Stopped;
use super::spawn::{Ran, Running, program};

/// A person with a home. Commands run in a folder of their own beside it.
#[derive(Debug, Clone)]
pub struct Person {
    /// The username.
    pub name: String,
    home: PathBuf,
    desk: PathBuf,
    environment: BTreeMap<String, String>,
}

impl Person {
    /// A person whose folders lie in `folder`; nothing is registered yet.
    ///
    /// # Errors
    /// Where the folders cannot be made.
    pub fn new(folder: &Path, name: &str) -> Result<Self, Stopped> {
        let (home, desk) = (folder.join(name).join("home"), folder.join(name).join("desk"));
        std::fs::create_dir_all(&desk).map_err(|error| error.to_string())?;
        Ok(Self { name: name.to_owned(), home, desk, environment: BTreeMap::new() })
    }

    /// Registers at `address`.
    ///
    /// # Errors
    /// Where that is refused.
    pub fn register(&self, address: &str) -> Result<Value, Stopped> {
        self.object(&["register", "--server", address, "--name", &self.name])
    }

    /// The same person with a variable in the environment.
    #[must_use]
    pub fn with_variable(&self, name: &str, value: &str) -> Self {
        let mut person = self.clone();
        person.environment.insert(name.to_owned(), value.to_owned());
        person
    }

    /// Where the keys and messages lie.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The folder in which the commands run.
    #[must_use]
    pub fn desk(&self) -> &Path {
        &self.desk
    }

    /// Starts a command and leaves it running.
    ///
    /// # Errors
    /// Where the program is not there.
    pub fn start(&self, words: &[&str]) -> Result<Running, Stopped> {
        Running::start(self.command(words)?, None)
    }

    /// Runs a command to its end, whatever that is.
    ///
    /// # Errors
    /// Where it does not end.
    pub fn run(&self, words: &[&str]) -> Result<Ran, Stopped> {
        self.start(words)?.finish()
    }

    /// Runs a command that reads `stdin`.
    ///
    /// # Errors
    /// Where it does not end.
    pub fn run_with(&self, words: &[&str], stdin: &[u8]) -> Result<Ran, Stopped> {
        Running::start(self.command(words)?, Some(stdin))?.finish()
    }

    /// Runs a command that must end well, with `--json`, and gives the objects it prints.
    ///
    /// # Errors
    /// Where it ends otherwise.
    pub fn objects(&self, words: &[&str]) -> Result<Vec<Value>, Stopped> {
        let words: Vec<&str> = std::iter::once("--json").chain(words.iter().copied()).collect();
        self.run(&words)?.good()?.objects()
    }

    /// Like [`Self::objects`], of a command that prints one.
    ///
    /// # Errors
    /// Where it prints none or more.
    pub fn object(&self, words: &[&str]) -> Result<Value, Stopped> {
        let words: Vec<&str> = std::iter::once("--json").chain(words.iter().copied()).collect();
        self.run(&words)?.good()?.object()
    }

    /// Receives what is there and sends what waits.
    ///
    /// # Errors
    /// Where something stays undone.
    pub fn sync(&self) -> Result<Value, Stopped> {
        self.object(&["sync"])
    }

    /// Says something, and gives the id of the message.
    ///
    /// # Errors
    /// Where it is not sent.
    pub fn say(&self, chat: &str, text: &str) -> Result<String, Stopped> {
        Ok(text_of(&self.object(&["send", chat, text])?, "id"))
    }

    /// The whole chat as it lies in the home.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn transcript(&self, chat: &str) -> Result<Vec<Value>, Stopped> {
        self.objects(&["export", chat])
    }

    /// The messages of a chat, without the system lines.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn messages(&self, chat: &str) -> Result<Vec<Value>, Stopped> {
        let mut lines = self.transcript(chat)?;
        lines.retain(|line| line.get("event").is_none());
        Ok(lines)
    }

    fn command(&self, words: &[&str]) -> Result<Command, Stopped> {
        let mut command = Command::new(program("veche")?);
        command.current_dir(&self.desk).args(words).env("VECHE_HOME", &self.home);
        command.env_remove("VECHE_PASSPHRASE").envs(&self.environment);
        Ok(command)
    }
}

/// A field that is text; empty where there is none.
pub(super) fn text_of(object: &Value, field: &str) -> String {
    object.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// One field of each of the objects.
pub(super) fn column(objects: &[Value], field: &str) -> Vec<String> {
    objects.iter().map(|object| text_of(object, field)).collect()
}
