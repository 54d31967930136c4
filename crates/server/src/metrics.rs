//! Counters for operators, as Prometheus text. None of them names anybody.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use veche_wire::{Refused, Request};

mod histogram;

pub use histogram::Histogram;

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

const REFUSAL_KINDS: [&str; 18] = [
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
    "guarded",
];

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
    /// Transactions: from the end of their work until they were durable.
    pub commits: Histogram,
    /// Appended entries: from their arrival until their acknowledgement was ready, durable.
    pub appends: Histogram,
    /// What a connection is sent: from when it was ready until the socket had taken it.
    pub sends: Histogram,
    /// Frames that were sent; those that waited together shared one of the `sends`.
    pub frames: Count,
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
            Refused::Guarded => 17,
        };
        self.refusals.iter().skip(kind).take(1).for_each(|count| count.add(1));
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
            ("veche_sent_frames_total", &self.frames),
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
        self.commits.render(&mut out, "veche_fsync_seconds");
        self.appends.render(&mut out, "veche_append_seconds");
        self.sends.render(&mut out, "veche_send_seconds");
        out
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Words of `text` that begin as all our names of metrics do.
    fn names(text: &str) -> BTreeSet<&str> {
        let words = text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric());
        words.filter(|word| word.starts_with("veche_")).collect()
    }

    #[test]
    fn the_dashboard_shows_every_metric_and_no_other() {
        let rendered = Metrics::default().render();
        let there = names(&rendered);
        let dashboard = names(include_str!("../../../docs/grafana.json"));
        let unknown: Vec<_> = dashboard.difference(&there).collect();
        assert!(unknown.is_empty(), "docs/grafana.json asks for {unknown:?}");
        let parts = ["_bucket", "_sum", "_count"];
        let is_part = |name: &str| parts.iter().any(|part| name.ends_with(part));
        let families = rendered.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        for family in families.filter_map(|line| line.split(' ').next()) {
            let shown = dashboard
                .iter()
                .any(|name| *name == family || name.strip_prefix(family).is_some_and(is_part));
            assert!(shown, "docs/grafana.json does not show {family}");
        }
    }
}
