//! What the operating system says of a process: CPU time and memory; and what it allows this one.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Stopped, words};

/// The CPU time that a process has used in all its threads, in user and system mode.
pub(super) fn cpu_of(process: u32) -> Result<Duration, Stopped> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).map_err(words)?;
    // The name of the program stands in parentheses and may hold spaces.
    let fields = text.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
    let field = |number: usize| fields.split(' ').nth(number)?.parse::<u64>().ok();
    match (field(11), field(12)) {
        (Some(user), Some(system)) => {
            let ticks = rustix::param::clock_ticks_per_second().max(1);
            Ok(Duration::from_nanos((user + system) * (1_000_000_000 / ticks)))
        }
        _ => Err(format!("/proc/{process}/stat cannot be read")),
    }
}

/// The CPU time of this process.
pub(super) fn own_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// What a process holds in memory of its own: no files, nothing that the system keeps for it. Bytes.
pub(super) fn memory_of(process: u32) -> Result<u64, Stopped> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map(|kilobytes| kilobytes << 10).ok_or_else(|| format!("{path} cannot be read"))
}

/// What the machine and this process had used at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Meter {
    at: Instant,
    server: Duration,
    own: Duration,
}

/// What was used since then, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    /// Of wall time.
    pub(super) wall: f64,
    /// Of CPU time by the server.
    pub(super) server: f64,
    /// Of CPU time by the generator.
    pub(super) own: f64,
}

impl Meter {
    /// Begins to measure.
    pub(super) fn start(server: u32) -> Result<Self, Stopped> {
        Ok(Self { at: Instant::now(), server: cpu_of(server)?, own: own_cpu() })
    }

    /// What was used since. The server must be the same process.
    pub(super) fn used(&self, server: u32) -> Result<Used, Stopped> {
        let server = cpu_of(server)?.saturating_sub(self.server);
        let own = own_cpu().saturating_sub(self.own);
        let wall = self.at.elapsed();
        Ok(Used { wall: wall.as_secs_f64(), server: server.as_secs_f64(), own: own.as_secs_f64() })
    }
}

/// Sees to it that this process, and the servers that it starts, may open so many connections.
///
/// # Errors
/// Where the system allows fewer, with what to do about it.
pub(super) fn allow_connections(count: usize) -> Result<(), Stopped> {
    // Besides connections there are files, pipes and the epoll instance.
    let wanted = count as u64 + 512;
    let now = getrlimit(Resource::Nofile);
    if now.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    // The hard limit first; raising it above what it is takes a right that most do not have.
    let most = now.maximum.unwrap_or(u64::MAX);
    let tries = [Some(most.max(wanted)), Some(most)];
    for limit in tries.into_iter().flatten().filter(|limit| *limit >= wanted) {
        let wish = Rlimit { current: Some(wanted), maximum: Some(limit) };
        if setrlimit(Resource::Nofile, wish).is_ok() {
            return Ok(());
        }
    }
    Err(format!(
        "{count} connections take {wanted} open files, but only {most} are allowed; raise the limit \
         (`ulimit -Hn`, or nofile in /etc/security/limits.conf), or take fewer members"
    ))
}
