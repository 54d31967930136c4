//! One command line that is run on behalf of the person, and shown as it would be typed.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A program, its words and what the environment adds.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    program: OsString,
    words: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    folder: PathBuf,
}

impl Step {
    /// A program that will run in `folder`.
    pub(crate) fn new(program: impl Into<OsString>, folder: &Path) -> Self {
        Self {
            program: program.into(),
            words: Vec::new(),
            environment: Vec::new(),
            folder: folder.to_path_buf(),
        }
    }

    /// Adds words.
    pub(crate) fn words<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Adds a variable to the environment.
    pub(crate) fn environment(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The line to type at the top folder to do the same.
    pub(crate) fn line(&self) -> String {
        let variables =
            self.environment.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = std::iter::once(&self.program).chain(&self.words).map(|word| quoted(word));
        variables.chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The command, for whoever needs the child itself.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.words).current_dir(&self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end with the person's terminal.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self.command().status().with_context(|| self.cannot_start())?;
        if !status.success() {
            bail!("`{}` failed: {status}", self.line());
        }
        Ok(())
    }

    /// Runs to the end and gives what it wrote to stdout; errors go to the person's terminal.
    pub(crate) fn output(&self) -> Result<String> {
        let output = self
            .command()
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .with_context(|| self.cannot_start())?;
        if !output.status.success() {
            bail!("`{}` failed: {}", self.line(), output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether it runs to a good end, unseen.
    pub(crate) fn succeeds(&self) -> bool {
        self.command()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// Runs to the end, shows each line of stdout as it comes, and gives those that are JSON
    /// objects, with whether the end was good.
    pub(crate) fn objects(&self) -> Result<(Vec<serde_json::Value>, bool)> {
        let mut child =
            self.command().stdout(Stdio::piped()).spawn().with_context(|| self.cannot_start())?;
        let stdout = child.stdout.take().context("stdout was asked for")?;
        let mut objects = Vec::new();
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            if let Ok(value @ serde_json::Value::Object(_)) = serde_json::from_str(&line) {
                objects.push(value);
            }
        }
        Ok((objects, child.wait()?.success()))
    }

    fn cannot_start(&self) -> String {
        format!("`{}` could not be started", self.line())
    }
}

/// A word as a POSIX shell reads it back.
pub(crate) fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:+,@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_again() {
        let step = Step::new("veche-testing", Path::new("."))
            .environment("VECHE_BIN_DIR", "/with space/debug")
            .words(["sim", "--seeds", "0..200", "it's", ""]);
        assert_eq!(
            step.line(),
            r"VECHE_BIN_DIR='/with space/debug' veche-testing sim --seeds 0..200 'it'\''s' ''"
        );
    }

    #[test]
    fn objects_are_told_from_other_lines_and_a_bad_end_is_seen() {
        let script = r#"echo seed 1; echo '{"seeds":2}'; echo 7; exit 3"#;
        let step = Step::new("sh", Path::new(".")).words(["-c", script]);
        let (objects, good) = step.objects().unwrap();
        assert_eq!(objects, [serde_json::json!({ "seeds": 2 })]);
        assert!(!good);
        assert!(step.run().unwrap_err().to_string().contains("failed"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let step = Step::new("no-such-program-anywhere", Path::new("."));
        assert!(!step.succeeds());
        assert!(step.output().unwrap_err().to_string().contains("could not be started"));
    }
}
