//! Counters for operators, as Prometheus text. None of them names anybody.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use veche_wire::{Refused, Request};

const REQUEST_KINDS: [&str; 13] = [
    "hello",
    "create",
    "append",
    "read",
    "subscribe",
    "unsubscribe",
    "signal",
    "signed",
    "lookup",
    "take_key_package",
    "deliver",
    "put_blob",
    "get_blob",
];

const REFUSAL_KINDS: [&str; 17] = [
    "stale",
    "later",
    "out_of_order",
    "missing_blob",
    "beyond",
    "blob_offset",
    "forbidden",
    "not_found",
    "taken",
    "too_large",
    "frozen",
    "full",
    "invite_needed",
    "registration_closed",
    "malformed",
    "incompatible",
    "broken",
];

/// Upper bounds of the buckets of the commit histogram, in microseconds.
const COMMIT_BUCKETS_US: [u64; 10] =
    [250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 1_000_000];

/// A number that goes up and down or only up, shared between threads.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Sets.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value now.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All counters of one server.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [Count; REQUEST_KINDS.len()],
    refusals: [Count; REFUSAL_KINDS.len()],
    /// Entries stored.
    pub entries_appended: Count,
    /// Entries, signals and envelopes put into outgoing queues, per receiver.
    pub deliveries: Count,
    /// Blob bytes stored.
    pub blob_received_bytes: Count,
    /// Transactions that were made durable.
    pub commits: Count,
    commit_us: Count,
    commit_buckets: [Count; COMMIT_BUCKETS_US.len()],
    /// Open connections.
    pub connections: Count,
    /// Subscriptions of logs.
    pub subscriptions: Count,
    /// Connections with a subscription that is served from the log.
    pub parked: Count,
    /// Requests in the last batch.
    pub queue_depth: Count,
    /// Bytes on disk.
    pub disk_bytes: Count,
    /// Batches that failed, and with them all their requests.
    pub storage_errors: Count,
}

impl Metrics {
    /// Counts a request by its kind.
    pub(crate) fn count_request(&self, request: &Request) {
        let kind = match request {
            Request::Hello { .. } => 0,
            Request::Create { .. } => 1,
            Request::Append(_) => 2,
            Request::Read { .. } => 3,
            Request::Subscribe { .. } => 4,
            Request::Unsubscribe { .. } => 5,
            Request::Signal { .. } => 6,
            Request::Signed { .. } => 7,
            Request::Lookup { .. } => 8,
            Request::TakeKeyPackage { .. } => 9,
            Request::Deliver(_) => 10,
            Request::PutBlob { .. } => 11,
            Request::GetBlob { .. } => 12,
        };
        self.requests.iter().skip(kind).take(1).for_each(|count| count.add(1));
    }

    /// Counts a refusal by its kind.
    pub(crate) fn count_refusal(&self, refused: &Refused) {
        let kind = match refused {
            Refused::Stale { .. } => 0,
            Refused::Later { .. } => 1,
            Refused::OutOfOrder => 2,
            Refused::MissingBlob => 3,
            Refused::Beyond { .. } => 4,
            Refused::BlobOffset { .. } => 5,
            Refused::Forbidden => 6,
            Refused::NotFound => 7,
            Refused::Taken => 8,
            Refused::TooLarge { .. } => 9,
            Refused::Frozen => 10,
            Refused::Full => 11,
            Refused::InviteNeeded => 12,
            Refused::RegistrationClosed => 13,
            Refused::Malformed { .. } => 14,
            Refused::Incompatible { .. } => 15,
            Refused::Broken => 16,
        };
        self.refusals.iter().skip(kind).take(1).for_each(|count| count.add(1));
    }

    /// Counts a durable transaction and how long it took to become so.
    pub fn count_commit(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.add(1);
        self.commit_us.add(us);
        for (bound, count) in COMMIT_BUCKETS_US.iter().zip(&self.commit_buckets) {
            if us <= *bound {
                count.add(1);
            }
        }
    }

    /// All counters in the Prometheus text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let mut out = String::new();
        labelled(&mut out, "veche_requests_total", &REQUEST_KINDS, &self.requests);
        labelled(&mut out, "veche_refusals_total", &REFUSAL_KINDS, &self.refusals);
        for (name, count) in [
            ("veche_appended_entries_total", &self.entries_appended),
            ("veche_deliveries_total", &self.deliveries),
            ("veche_blob_received_bytes_total", &self.blob_received_bytes),
            ("veche_storage_errors_total", &self.storage_errors),
        ] {
            plain(&mut out, name, "counter", count.value());
        }
        for (name, count) in [
            ("veche_connections", &self.connections),
            ("veche_subscriptions", &self.subscriptions),
            ("veche_parked_readers", &self.parked),
            ("veche_queue_depth", &self.queue_depth),
            ("veche_disk_bytes", &self.disk_bytes),
        ] {
            plain(&mut out, name, "gauge", count.value());
        }
        self.render_commits(&mut out);
        out
    }

    fn render_commits(&self, out: &mut String) {
        let name = "veche_fsync_seconds";
        line(out, format_args!("# TYPE {name} histogram"));
        for (bound, count) in COMMIT_BUCKETS_US.iter().zip(&self.commit_buckets) {
            let seconds = Duration::from_micros(*bound).as_secs_f64();
            line(out, format_args!("{name}_bucket{{le=\"{seconds}\"}} {}", count.value()));
        }
        line(out, format_args!("{name}_bucket{{le=\"+Inf\"}} {}", self.commits.value()));
        let sum = Duration::from_micros(self.commit_us.value()).as_secs_f64();
        line(out, format_args!("{name}_sum {sum}"));
        line(out, format_args!("{name}_count {}", self.commits.value()));
    }
}

fn plain(out: &mut String, name: &str, kind: &str, value: u64) {
    line(out, format_args!("# TYPE {name} {kind}"));
    line(out, format_args!("{name} {value}"));
}

fn labelled(out: &mut String, name: &str, kinds: &[&str], counts: &[Count]) {
    line(out, format_args!("# TYPE {name} counter"));
    for (kind, count) in kinds.iter().zip(counts) {
        line(out, format_args!("{name}{{kind=\"{kind}\"}} {}", count.value()));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}
