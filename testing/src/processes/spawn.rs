//! Starting programs, reading what they print, and bounding how long they take.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Stopped;

/// No command of these plays takes longer, unless something is wrong.
pub(super) const COMMAND_WITHIN: Duration = Duration::from_secs(180);
/// How often a child is asked whether it has ended.
const ASK_AFTER: Duration = Duration::from_millis(2);

/// Where a program of ours lies: in `VECHE_BIN_DIR`, else beside this one.
pub(super) fn program(name: &str) -> Result<PathBuf, Stopped> {
    let folder = match std::env::var_os("VECHE_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let here = std::env::current_exe().map_err(|error| error.to_string())?;
            let folder = here.parent().unwrap_or(Path::new("."));
            // Tests lie one folder deeper than programs.
            if folder.ends_with("deps") { folder.join("..") } else { folder.to_owned() }
        }
    };
    let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        return path.canonicalize().map_err(|error| error.to_string());
    }
    Err(format!("{} is not there: build it, or set VECHE_BIN_DIR", path.display()))
}

/// What a program did that has ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Ran {
    /// Whether it ended with 0.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.code == Some(0)
    }

    /// The same, where it ended with 0.
    ///
    /// # Errors
    /// Where it did not, with all that it said.
    pub fn good(self) -> Result<Self, Stopped> {
        if self.is_good() { Ok(self) } else { Err(self.to_string()) }
    }

    /// The JSON objects that it printed, one a line.
    ///
    /// # Errors
    /// Where a line is none.
    pub fn objects(&self) -> Result<Vec<Value>, Stopped> {
        self.stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line).map_err(|error| format!("{error} in {line:?} of {self}"))
            })
            .collect()
    }

    /// The one object that it printed.
    ///
    /// # Errors
    /// Where it printed none or more.
    pub fn object(&self) -> Result<Value, Stopped> {
        let mut objects = self.objects()?;
        match (objects.pop(), objects.is_empty()) {
            (Some(object), true) => Ok(object),
            _ => Err(format!("not one object: {self}")),
        }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        write!(
            f,
            "`{}` ended with {code}; stdout: {:?}; stderr: {:?}",
            self.line, self.stdout, self.stderr
        )
    }
}

/// A program that runs. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    line: String,
    child: Child,
    lines: Receiver<String>,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts `command`, giving it `stdin`.
    pub(crate) fn start(mut command: Command, stdin: Option<&[u8]>) -> Result<Self, Stopped> {
        let line = line_of(&command);
        command.stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{line}: {error}"))?;
        let missing = || format!("{line}: a pipe is missing");
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let mut stderr = child.stderr.take().ok_or_else(missing)?;
        let (to_lines, lines) = channel();
        let stdout = std::thread::spawn(move || {
            let mut all = String::new();
            let mut reader = BufReader::new(stdout);
            let mut bytes = Vec::new();
            while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
                let line = String::from_utf8_lossy(&bytes).into_owned();
                all += &line;
                // Nobody may listen line by line.
                let _ = to_lines.send(line);
                bytes.clear();
            }
            all
        });
        let stderr = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), stdin) {
            // A program that does not read to the end says so by its exit code.
            let _ = pipe.write_all(bytes);
        }
        Ok(Self { line, child, lines, stdout: Some(stdout), stderr: Some(stderr) })
    }

    /// Its number in the system.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it with SIGKILL, and waits until it is gone. Says whether it was still running.
    pub fn kill(&mut self) -> bool {
        let was_running = self.is_running();
        // One that has ended by itself needs no ending.
        let _ = self.child.kill();
        let _ = self.child.wait();
        was_running
    }

    /// Sends it a signal by name, such as `TERM`.
    ///
    /// # Errors
    /// Where it has ended.
    pub fn signal(&self, name: &str) -> Result<(), Stopped> {
        let status = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .map_err(|error| format!("kill: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("{} has ended", self.line)) }
    }

    /// The next line that it prints and that `wanted` wants.
    ///
    /// # Errors
    /// Where none comes in time.
    pub fn line(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String, Stopped> {
        self.line_within(COMMAND_WITHIN, wanted)
    }

    /// The same with another bound.
    ///
    /// # Errors
    /// Where none comes in time.
    pub fn line_within(
        &mut self,
        within: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, Stopped> {
        let deadline = Instant::now() + within;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if wanted(&line) => return Ok(line),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("{} did not print what was awaited", self.line));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(format!("{} ended before it printed what was awaited", self.line));
                }
            }
        }
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// Where it does not end in time; it is killed then.
    pub fn finish(mut self) -> Result<Ran, Stopped> {
        let deadline = Instant::now() + COMMAND_WITHIN;
        while self.is_running() {
            if Instant::now() > deadline {
                self.kill();
                return Err(format!("{} did not end in time", self.line));
            }
            std::thread::sleep(ASK_AFTER);
        }
        let status = self.child.wait().map_err(|error| error.to_string())?;
        // The threads end with the pipes, which end with the process.
        let all = |thread: Option<JoinHandle<String>>| {
            thread.and_then(|thread| thread.join().ok()).unwrap_or_default()
        };
        let ran = Ran {
            line: std::mem::take(&mut self.line),
            code: status.code(),
            stdout: all(self.stdout.take()),
            stderr: all(self.stderr.take()),
        };
        // Whatever was asked of it, a program never panics.
        if ran.stderr.contains("panicked at") { Err(ran.to_string()) } else { Ok(ran) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn line_of(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("?"));
    let words = std::iter::once(name).chain(command.get_args());
    let shown: Vec<String> = words.map(|word| shorten(&word.to_string_lossy())).collect();
    shown.join(" ")
}

/// A word as it is shown in a message, which nobody wants to read for pages.
fn shorten(word: &str) -> String {
    if word.chars().count() <= 80 {
        return word.to_owned();
    }
    let start: String = word.chars().take(80).collect();
    format!("{start}…")
}
