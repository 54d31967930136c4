//! What an operator can set, and the limits that keep one client from using up the server.
//!
//! The defaults suit 50 people with several devices each behind one address.

use veche_wire::Registration;

/// A token bucket: so much at once, and so much more each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Refilled each second.
    pub per_second: u32,
    /// The most that can be used at once.
    pub burst: u32,
}

impl std::str::FromStr for Rate {
    type Err = &'static str;

    /// Reads `PER_SECOND:BURST`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once(':').ok_or("a rate is PER_SECOND:BURST, as in 10:500")?;
        match (parts.0.parse(), parts.1.parse()) {
            (Ok(per_second), Ok(burst)) if per_second > 0 && burst > 0 => {
                Ok(Self { per_second, burst })
            }
            _ => Err("a rate is two numbers from 1 on, PER_SECOND:BURST"),
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.per_second, self.burst)
    }
}

/// What an operator can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Who may register.
    pub registration: Registration,
    /// Days for which entries, envelopes and blobs are kept.
    pub retention_days: u32,
    /// The least time between two commits of a log, in milliseconds (docs/protocol.md, rule 5); with
    /// 0 they keep no distance, and nobody is held back.
    pub commit_gap_ms: u32,
    /// The most connections.
    pub connections_max: usize,
    /// The most connections of one address (for IPv6, of one /64 network).
    pub connections_per_address_max: usize,
    /// The most subscriptions of one connection.
    pub subscriptions_max: usize,
    /// The most inboxes that one connection subscribes.
    pub inboxes_max: usize,
    /// The most requests of one connection that wait for their answers.
    pub requests_in_flight_max: usize,
    /// The most bytes of answers that one connection has not taken yet; beyond it, requests with
    /// long answers are refused with `Later`.
    pub answers_bytes_max: usize,
    /// The bytes in a connection's outgoing queue beyond which its subscriptions are parked at
    /// their cursors and served from the log when it has drained.
    pub pushes_bytes_max: usize,
    /// The most connections with parked subscriptions; beyond it, those that would be next are
    /// closed (and go on at their cursors when they come back).
    pub parked_connections_max: usize,
    /// Refusals without one request done between them, after which a connection is closed.
    pub refusals_max: u32,
    /// All requests of one connection.
    pub requests_per_connection: Rate,
    /// All requests of one address.
    pub requests_per_address: Rate,
    /// What strangers could abuse (logs, look-ups, KeyPackages, first contacts), per connection.
    pub strangers_per_connection: Rate,
    /// The same, per address.
    pub strangers_per_address: Rate,
    /// Registrations of one address.
    pub registrations_per_address: Rate,
    /// Tries of one address to use an invite code: a code must not be found by guessing.
    pub invite_codes_per_address: Rate,
    /// Blob bytes written by one address, in KiB.
    pub blob_kib_per_address: Rate,
    /// The most bytes on disk; beyond it, what would add bytes is refused with `Full`.
    pub disk_bytes_max: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            retention_days: 90,
            commit_gap_ms: 2_000,
            connections_max: 20_000,
            connections_per_address_max: 2_000,
            subscriptions_max: veche_wire::limits::SUBSCRIPTIONS_MAX,
            inboxes_max: 16,
            requests_in_flight_max: veche_wire::limits::REQUESTS_IN_FLIGHT_MAX,
            answers_bytes_max: 8 << 20,
            pushes_bytes_max: 256 << 10,
            parked_connections_max: 10_000,
            refusals_max: 10_000,
            requests_per_connection: Rate { per_second: 1_000, burst: 20_000 },
            requests_per_address: Rate { per_second: 10_000, burst: 100_000 },
            strangers_per_connection: Rate { per_second: 50, burst: 2_000 },
            strangers_per_address: Rate { per_second: 500, burst: 20_000 },
            registrations_per_address: Rate { per_second: 2, burst: 500 },
            invite_codes_per_address: Rate { per_second: 1, burst: 200 },
            blob_kib_per_address: Rate { per_second: 64 << 10, burst: 1 << 20 },
            disk_bytes_max: u64::MAX,
        }
    }
}
