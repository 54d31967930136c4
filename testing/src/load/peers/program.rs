//! A peer's program: found, configured in a folder of its own, started at a free port, and killed
//! when it is dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::load::{Stopped, words};
use crate::processes::Running;

/// How long a program may take until it listens.
const LISTENS_WITHIN: Duration = Duration::from_secs(60);
const ASK_AFTER: Duration = Duration::from_millis(50);
/// Where Debian installs servers, whether or not it is in `PATH`.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/usr/bin", "/usr/local/bin"];

/// Where a program is installed.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A port that is free now.
pub(super) fn free_port() -> Result<u16, Stopped> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(words)?;
    Ok(listener.local_addr().map_err(words)?.port())
}

/// Writes a file of its folder.
pub(super) fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Stopped> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(words)?;
    Ok(path)
}

/// A program that runs and listens.
#[derive(Debug)]
pub(super) struct Program {
    running: Running,
    address: SocketAddr,
}

impl Program {
    /// Starts it, and waits until it listens.
    pub(super) fn start(command: Command, port: u16) -> Result<Self, Stopped> {
        let mut running = Running::start(command, None)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let deadline = Instant::now() + LISTENS_WITHIN;
        while TcpStream::connect(address).is_err() {
            if !running.is_running() {
                let ran = running.finish()?;
                return Err(format!("it has ended: {ran}"));
            }
            if Instant::now() > deadline {
                return Err(format!("it does not listen within {LISTENS_WITHIN:?}"));
            }
            std::thread::sleep(ASK_AFTER);
        }
        Ok(Self { running, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn id(&self) -> u32 {
        self.running.id()
    }
}
