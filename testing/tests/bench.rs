//! Every measurement runs, at sizes that say nothing about speed.

use std::collections::BTreeMap;

use serde_json::Value;
use veche_testing::bench::{NAMES, Sizes, run};

/// The rows of a measurement, by what each is about.
fn measure(name: &str, key: &[&str]) -> BTreeMap<String, Value> {
    let mut rows = BTreeMap::new();
    run(name, &Sizes::quick(), &mut |row| {
        let words: Vec<String> = key.iter().map(|field| row[*field].to_string()).collect();
        assert!(row["bench"].is_string(), "{row} does not say what it is");
        assert!(rows.insert(words.join(" "), row).is_none(), "{words:?} was measured twice");
    })
    .expect("the benchmark runs");
    rows
}

/// Every row has a number above zero in each of the fields.
fn assert_positive(rows: &BTreeMap<String, Value>, fields: &[&str]) {
    for row in rows.values() {
        for field in fields {
            assert!(row[*field].as_f64().is_some_and(|number| number > 0.0), "{field} of {row}");
        }
    }
}

#[test]
fn appends_are_counted_beside_a_floor_with_as_many_syncs() {
    let rows = measure("appends", &["per_transaction"]);
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["1", "16", "256"]);
    assert_positive(&rows, &["per_second", "floor_per_second", "wall_ratio", "appends"]);
    for row in rows.values() {
        assert_eq!(row["durable_commits"], row["floor_syncs"], "{row}");
        let (appends, batch) = (row["appends"].as_u64().unwrap(), row["per_transaction"].as_u64());
        assert_eq!(row["durable_commits"], appends.div_ceil(batch.unwrap()), "{row}");
    }
}

#[test]
fn sealing_and_opening_are_measured_in_both_suites() {
    let rows = measure("sealing", &["suite", "leaves"]);
    let names: Vec<_> = rows.keys().collect();
    let expected = ["\"Classic\" 2", "\"Classic\" 5", "\"PostQuantum\" 2", "\"PostQuantum\" 5"];
    assert_eq!(names, expected);
    assert_positive(&rows, &["seal_cpu_ms", "open_cpu_ms", "floor_cpu_ms", "state_bytes_sealed"]);
}

#[test]
fn bytes_are_counted_for_messages_and_commits_of_each_size() {
    let mut rows = measure("kept", &["leaves", "what"]);
    assert_eq!(rows.len(), 2 * 13, "{:?}", rows.keys());
    assert_positive(&rows, &["cpu_ms"]);
    // To come in is measured without a database.
    rows.retain(|_, row| row.get("bytes_written").is_some());
    assert_eq!(rows.len(), 2 * 11, "{:?}", rows.keys());
    let judged = |key: &String| key.contains("judged");
    let verdicts: Vec<_> = rows.iter().filter(|(key, _)| judged(key)).collect();
    assert_eq!(verdicts.len(), 2 * 2, "{verdicts:?}");
    assert!(verdicts.iter().all(|(_, row)| row["bytes_written"] == 0), "a verdict writes nothing");
    rows.retain(|key, _| !judged(key));
    assert_positive(&rows, &["bytes_written", "bytes_of_whole_values"]);
    let written = |what: &str| rows[&format!("5 \"{what}\"")]["bytes_written"].as_u64().unwrap();
    assert!(
        written("message opened, 2 in a transaction") < written("message opened alone"),
        "a batch writes the state once"
    );
}

#[test]
fn everything_that_was_missed_is_caught_up_with() {
    let rows = measure("catch_up", &["bench", "what"]);
    assert_eq!(rows.len(), 3, "{:?}", rows.keys());
    assert_eq!(rows["\"catch_up\" \"receive what was missed\""]["messages"], 20);
    assert!(rows["\"look\" null"]["search_in_all_found"].as_u64().unwrap() > 0);
}

#[test]
fn memory_that_is_not_measured_is_said_not_to_be() {
    let rows = measure("idle", &["program"]);
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["\"veche watch\"", "\"veched\""]);
    assert!(rows.values().all(|row| row["resident_kb"].is_null() && row["reason"].is_string()));
}

#[test]
fn an_unknown_name_is_refused_with_those_that_there_are() {
    let refusal = run("nothing", &Sizes::quick(), &mut |_| {}).unwrap_err();
    assert!(NAMES.iter().all(|name| refusal.contains(name)), "{refusal}");
}

#[test]
fn looks_at_members_are_measured_in_a_home_just_opened_and_again() {
    let rows = measure("members", &["leaves", "what"]);
    assert_eq!(rows.len(), 2 * 4, "{:?}", rows.keys());
    assert_positive(&rows, &["open_first_wall_ms", "cold_wall_ms", "warm_wall_ms", "messages"]);
}
