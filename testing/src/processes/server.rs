//! `veched` on a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Stopped;
use super::spawn::{Running, program};

/// A server on a folder; killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    data: PathBuf,
    listen: String,
    flags: Vec<String>,
    running: Option<Running>,
    address: String,
}

impl Server {
    /// Starts a server on `data` at a port that is free, with further `flags`.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start(data: &Path, flags: &[&str]) -> Result<Self, Stopped> {
        Self::start_at("127.0.0.1:0", data, flags)
    }

    /// Starts a server that listens at `listen`.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start_at(listen: &str, data: &Path, flags: &[&str]) -> Result<Self, Stopped> {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let (data, listen, address) = (data.to_owned(), listen.to_owned(), String::new());
        let mut server = Self { data, listen, flags, running: None, address };
        server.start_again()?;
        Ok(server)
    }

    /// Starts it again after it was killed or stopped.
    ///
    /// # Errors
    /// Where it does not start, or comes up under another address.
    pub fn start_again(&mut self) -> Result<(), Stopped> {
        let mut command = Command::new(program("veched")?);
        command.args(["serve", "--listen", &self.listen, "--data"]).arg(&self.data);
        command.args(&self.flags).env("TZ", "UTC");
        let mut running = Running::start(command, None)?;
        let line = running.line(|line| line.starts_with("veche register --server "))?;
        let address = line.split_whitespace().nth(3).unwrap_or_default().to_owned();
        if !self.address.is_empty() && self.address != address {
            return Err(format!("the server came back as {address}, not as {}", self.address));
        }
        self.address = address;
        self.running = Some(running);
        Ok(())
    }

    /// Copies everything into a new folder, as an operator does.
    ///
    /// # Errors
    /// Where that fails.
    pub fn backup(&self, destination: &Path) -> Result<(), Stopped> {
        let mut command = Command::new(program("veched")?);
        command.arg("backup").arg("--data").arg(&self.data).arg(destination);
        Running::start(command, None)?.finish()?.good().map(drop)
    }

    /// Starts on another folder from now on, such as a copy.
    pub fn move_to(&mut self, data: &Path) {
        self.data = data.to_owned();
    }

    /// Makes a code with which one person may register.
    ///
    /// # Errors
    /// Where that fails.
    pub fn invite(&self) -> Result<String, Stopped> {
        let mut command = Command::new(program("veched")?);
        command.args(["invite", "new", "--uses", "1", "--data"]).arg(&self.data);
        Ok(Running::start(command, None)?.finish()?.good()?.stdout.trim().to_owned())
    }

    /// The address that people register at, with the key.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The number of its process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.running.as_ref().map(Running::id)
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Ends it as a power cut would end the process.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// Asks it to stop, and gives what it has written to its log.
    ///
    /// # Errors
    /// Where it does not stop by itself, or not well.
    pub fn stop(&mut self) -> Result<String, Stopped> {
        let running = self.running.take().ok_or("the server does not run")?;
        running.signal("TERM")?;
        Ok(running.finish()?.good()?.stderr)
    }
}
