//! Loads: thousands of raw sessions against a real `veched` on loopback, and what it took the server.
//!
//! The generator shares its cores with the server: it is one thread over epoll that opens what
//! arrives, counts it, reads its stamp and checks its place, and nothing more. Its own CPU time is
//! reported apart. Entries are random bytes, as sealed ones are to a server; each begins with the time
//! at which it was sent. Everything is bounded, and the server ends with the run.

mod catchup;
mod drain;
mod drive;
mod fanout;
mod follow;
mod histogram;
mod idle;
mod join;
mod kill;
mod pairs;
mod peek;
mod peers;
mod play;
mod report;
mod speech;
mod storm;
mod swarm;
mod system;
mod veched;
mod websocket;
mod write;

use std::time::Duration;

use serde_json::Value;

pub use self::join::Assembly;
use self::speech::Service;
use self::veched::Veched;

/// Why a load could not go on, in words for a developer.
pub type Stopped = String;

/// What is done to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// Many follow one log.
    Fanout,
    /// Many logs with two followers each.
    Pairs,
    /// Many connections to which nothing happens.
    Idle,
    /// Readers read all that waits in a log.
    Drain,
    /// The server is started again, and all come back.
    Storm,
    /// A reader reads the end of logs of several lengths.
    Catchup,
    /// SIGKILL in the middle of another load.
    Kill,
    /// Whole clients join a group by its link, talk, rest and wake.
    Join,
}

impl Load {
    /// All loads.
    pub const ALL: [Self; 8] = [
        Self::Fanout,
        Self::Pairs,
        Self::Idle,
        Self::Drain,
        Self::Storm,
        Self::Catchup,
        Self::Kill,
        Self::Join,
    ];

    /// The loads in the middle of which the server is killed.
    pub const KILLED: [Self; 4] = [Self::Fanout, Self::Pairs, Self::Drain, Self::Storm];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fanout => "fanout",
            Self::Pairs => "pairs",
            Self::Idle => "idle",
            Self::Drain => "drain",
            Self::Storm => "storm",
            Self::Catchup => "catchup",
            Self::Kill => "kill",
            Self::Join => "join",
        }
    }

    /// The load with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|load| load.name() == name)
    }
}

/// How a load is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which.
    pub load: Load,
    /// Followers; for `Pairs`, pairs; `Catchup` has one.
    pub members: usize,
    /// Messages a second; 0: as many as can be.
    pub rate: u64,
    /// For how long messages are sent.
    pub seconds: u64,
    /// Of entries, tokens and ids.
    pub seed: u64,
    /// What a writer may have under way; a default of the load where `None`.
    pub window: Option<usize>,
    /// With rate 0: how many entries followers may be behind; a default of the load where `None`.
    pub ahead: Option<u64>,
    /// How many entries wait in the log; of `Catchup`, each length; defaults of the load where empty.
    pub entries: Vec<u64>,
    /// What `Kill` kills the server in the middle of.
    pub of: Load,
    /// How often.
    pub cycles: u64,
    /// Whether other servers are put under the same load.
    pub peers: bool,
    /// For `Join`.
    pub assembly: Assembly,
    /// What was built, for the results.
    pub commit: Option<String>,
}

impl Options {
    /// A load with its defaults.
    #[must_use]
    pub fn new(load: Load) -> Self {
        Self {
            load,
            members: match load {
                Load::Drain => 4,
                Load::Catchup => 1,
                _ => 1_000,
            },
            rate: 0,
            seconds: 10,
            seed: 1,
            window: None,
            ahead: None,
            entries: Vec::new(),
            of: Load::Fanout,
            cycles: 50,
            peers: false,
            assembly: Assembly::of(300),
            commit: None,
        }
    }

    fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    fn entries(&self) -> u64 {
        self.entries.first().copied().unwrap_or(100_000)
    }

    fn lengths(&self) -> Vec<u64> {
        if self.entries.is_empty() {
            return vec![10_000, 100_000, 1_000_000];
        }
        self.entries.clone()
    }

    fn connections(&self) -> usize {
        let pairs = self.load == Load::Pairs || self.of == Load::Pairs;
        let each = if pairs { 2 } else { 1 };
        self.members * each + 64
    }
}

/// Runs a load, and hands over a JSON object for each row of its results.
///
/// # Errors
/// Where something does not work that must.
pub fn run(options: &Options, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    if options.load == Load::Join {
        report(join::run(options)?);
        return Ok(());
    }
    system::allow_connections(options.connections())?;
    let folder = tempfile::tempdir().map_err(words)?;
    let service = Veched::start(folder.path(), options.seed)?;
    match options.load {
        Load::Storm => report(storm::run(service, options)?),
        Load::Kill => report(kill::run(service, options)?),
        Load::Catchup => catchup::run(service, options, report)?,
        Load::Fanout | Load::Pairs | Load::Idle | Load::Drain | Load::Join => {
            report(on(service, options)?);
        }
    }
    if options.peers {
        peers::run(options, report)?;
    }
    Ok(())
}

/// The loads that any server can be put under.
fn on<S: Service>(service: S, options: &Options) -> Result<Value, Stopped> {
    match options.load {
        Load::Fanout => fanout::run(service, options),
        Load::Pairs => pairs::run(service, options),
        Load::Idle => idle::run(service, options),
        Load::Drain => drain::run(service, options),
        other => Err(format!("{} is for veched alone", other.name())),
    }
}

/// An error in words.
fn words(error: impl std::fmt::Display) -> Stopped {
    error.to_string()
}
