//! The JSON object of a run.

use serde_json::{Map, Value, json};

use super::follow::Follower;
use super::histogram::Histogram;
use super::play::Play;
use super::speech::Service;
use super::system::Used;
use super::{Load, Options};

/// What a run came to besides what the play counted.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Time, from the first entry that is counted to the last delivery.
    pub(super) used: Used,
    /// Memory of the server for all connections, in bytes.
    pub(super) memory: Option<u64>,
    /// How late entries were sent, where there was a rate.
    pub(super) late: Option<Histogram>,
}

/// The object of a run, with every field of `docs/benchmarks.md`; null where one does not apply.
pub(super) fn row<S: Service>(options: &Options, play: &Play<S>, outcome: &Outcome) -> Value {
    let counts = &play.counts;
    let used = &outcome.used;
    let follows = play.members.iter().filter_map(|member| member.follower.as_ref());
    let gaps: u64 = follows.clone().map(Follower::lost).sum();
    let out_of_order: u64 = follows.map(Follower::out_of_order).sum();
    let missing = counts.expected.saturating_sub(counts.deliveries);
    let per_second = |count: u64| (count > 0).then(|| (number(count) / used.wall).round());
    let millions = number(counts.deliveries) / 1e6;
    let per_million = (counts.deliveries > 0).then(|| rounded(used.server / millions));
    let connections = play.up as u64;
    let late = outcome.late.as_ref();
    // Elsewhere an entry is older than its delivery is slow.
    let is_live = matches!(options.load, Load::Fanout | Load::Pairs);
    let delivery = |per_mille| counts.delivery.ms(per_mille).filter(|_| is_live);
    let mut row = machine(options);
    let fields = json!({
        "load": options.load.name(),
        "server": play.service.name(),
        "members": options.members,
        "connections": connections,
        "rate": options.rate,
        "seconds": rounded(used.wall),
        "messages_per_s": per_second(counts.acknowledged),
        "deliveries": counts.deliveries,
        "deliveries_per_s": per_second(counts.deliveries),
        "server_cpu_s": rounded(used.server),
        "server_cpu_s_per_million": per_million,
        "generator_cpu_s": rounded(used.own),
        "p50_ms": delivery(500),
        "p99_ms": delivery(990),
        "max_ms": counts.delivery.max_ms().filter(|_| is_live),
        "ack_p50_ms": counts.acknowledgement.ms(500),
        "ack_p99_ms": counts.acknowledgement.ms(990),
        "late_p99_ms": late.and_then(|late| late.ms(990)),
        "server_rss_bytes_per_connection":
            outcome.memory.and_then(|memory| memory.checked_div(connections)),
        "acknowledged": counts.acknowledged,
        "lost": gaps.max(missing),
        "out_of_order": out_of_order,
        "asked_to_come_later": counts.later,
    });
    if let Value::Object(fields) = fields {
        row.extend(fields);
    }
    Value::Object(row)
}

/// The object with another field.
pub(super) fn with(mut row: Value, name: &str, value: Value) -> Value {
    if let Value::Object(fields) = &mut row {
        fields.insert(name.to_owned(), value);
    }
    row
}

/// What the numbers depend on; nothing that names the machine.
fn machine(options: &Options) -> Map<String, Value> {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let note = cfg!(debug_assertions)
        .then_some("the dev profile is not what anybody runs: measure with --release");
    let mut fields = Map::new();
    fields.insert("commit".to_owned(), json!(options.commit));
    fields.insert("profile".to_owned(), json!(profile));
    fields.insert("note".to_owned(), json!(note));
    let cores = std::thread::available_parallelism().map(usize::from).ok();
    fields.insert("cores".to_owned(), json!(cores));
    fields.insert("seed".to_owned(), json!(options.seed));
    fields
}

/// A count as it is divided.
#[allow(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// With as many digits as mean something.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
