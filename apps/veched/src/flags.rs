//! The flags of each command, in the operator's words.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use veche_server::wire::{self, limits};
use veche_server::{Config, Rate};

/// Flags of `veched serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where everything is kept; made where it does not exist.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Where clients connect. Port 0 picks a free one at the first start and keeps it.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// The host and port that people are told, where that is not the one of --listen.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) public_address: Option<String>,
    /// The certificate chain for HTTPS (PEM). Read again when the file changes, with the key.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Where /healthz and /metrics are served, in plain HTTP; nowhere unless given.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How much is written to stderr: error, warn, info or debug.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: Level,
    #[command(flatten)]
    pub(crate) limits: Limits,
}

/// How much is written to stderr.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// Who may register.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Registration {
    /// Anybody, within the limits.
    Open,
    /// Whoever has a code from `veched invite new`.
    Invite,
    /// Nobody.
    Closed,
}

/// What one client, one address and the disk may use up. A rate is PER_SECOND:BURST. The defaults
/// suit 50 people behind one address.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// Who may register.
    #[arg(long, value_enum, default_value = "open")]
    registration: Registration,
    /// Days for which entries and files are kept.
    #[arg(long, value_name = "N", default_value_t = Config::default().retention_days)]
    retention_days: u32,
    /// The least time between two commits of a chat, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = Config::default().commit_gap_ms)]
    commit_gap_ms: u32,
    /// The most connections.
    #[arg(long, value_name = "N", default_value_t = Config::default().connections_max)]
    connections_max: usize,
    /// The most connections of one address.
    #[arg(long, value_name = "N", default_value_t = Config::default().connections_per_address_max)]
    connections_per_address_max: usize,
    /// The most subscriptions of one connection.
    #[arg(long, value_name = "N", default_value_t = Config::default().subscriptions_max)]
    subscriptions_max: usize,
    /// The most slow readers that are served from the disk at a time.
    #[arg(long, value_name = "N", default_value_t = Config::default().parked_connections_max)]
    parked_connections_max: usize,
    /// Requests of one connection.
    #[arg(long, value_name = "RATE", default_value_t = Config::default().requests_per_connection)]
    requests_per_connection: Rate,
    /// Requests of one address.
    #[arg(long, value_name = "RATE", default_value_t = Config::default().requests_per_address)]
    requests_per_address: Rate,
    /// New chats, look-ups, key packages and first contacts of one connection.
    #[arg(long, value_name = "RATE", default_value_t = Config::default().strangers_per_connection)]
    strangers_per_connection: Rate,
    /// New chats, look-ups, key packages and first contacts of one address.
    #[arg(long, value_name = "RATE", default_value_t = Config::default().strangers_per_address)]
    strangers_per_address: Rate,
    /// Registrations of one address.
    #[arg(long, value_name = "RATE", default_value_t = Config::default().registrations_per_address)]
    registrations_per_address: Rate,
    /// Invite codes tried by one address.
    #[arg(long, value_name = "RATE", default_value_t = Config::default().invite_codes_per_address)]
    invite_codes_per_address: Rate,
    /// KiB of files sent by one address.
    #[arg(long, value_name = "RATE", default_value_t = Config::default().blob_kib_per_address)]
    blob_kib_per_address: Rate,
    /// The most that is kept, in MiB; unlimited unless given.
    #[arg(long, value_name = "MIB")]
    disk_mib_max: Option<u64>,
}

impl Limits {
    pub(crate) fn config(&self) -> Config {
        Config {
            registration: match self.registration {
                Registration::Open => wire::Registration::Open,
                Registration::Invite => wire::Registration::Invite,
                Registration::Closed => wire::Registration::Closed,
            },
            retention_days: self.retention_days,
            commit_gap_ms: self.commit_gap_ms,
            connections_max: self.connections_max,
            connections_per_address_max: self.connections_per_address_max,
            subscriptions_max: self.subscriptions_max.min(limits::SUBSCRIPTIONS_MAX),
            parked_connections_max: self.parked_connections_max,
            requests_per_connection: self.requests_per_connection,
            requests_per_address: self.requests_per_address,
            strangers_per_connection: self.strangers_per_connection,
            strangers_per_address: self.strangers_per_address,
            registrations_per_address: self.registrations_per_address,
            invite_codes_per_address: self.invite_codes_per_address,
            blob_kib_per_address: self.blob_kib_per_address,
            disk_bytes_max: self.disk_mib_max.map_or(u64::MAX, |mib| mib.saturating_mul(1 << 20)),
            ..Config::default()
        }
    }
}

/// Flags of `veched invite new`.
#[derive(Debug, Args)]
pub(crate) struct InviteNew {
    /// The folder of the server.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// How many accounts may be made with the code.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) uses: u32,
    /// Days after today on which the code is still good, as in 7 or 7d.
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = parse_days)]
    pub(crate) expires: u32,
}

fn parse_days(text: &str) -> Result<u32, String> {
    text.trim_end_matches('d').parse().map_err(|_| "a number of days, as in 7 or 7d".to_owned())
}
