//! Every load runs, at sizes that say nothing about speed: what was sent arrives, once, in order, and
//! the results have every field.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use serde_json::Value;
use veche_testing::load::{Load, Options, run};

/// What every row of every load has, be it null.
const FIELDS: [&str; 16] = [
    "load",
    "members",
    "seconds",
    "deliveries_per_s",
    "server_cpu_s_per_million",
    "p50_ms",
    "p99_ms",
    "server_rss_bytes_per_connection",
    "acknowledged",
    "lost",
    "out_of_order",
    "commit",
    "profile",
    "cores",
    "generator_cpu_s",
    "server",
];

fn small(load: Load) -> Options {
    Options { members: 20, seconds: 1, entries: vec![500], cycles: 2, ..Options::new(load) }
}

fn rows(options: &Options) -> Vec<Value> {
    let mut rows = Vec::new();
    run(options, &mut |row| rows.push(row)).expect("the load runs to its end");
    for row in &rows {
        for field in FIELDS {
            assert!(row.get(field).is_some(), "{field} is missing in {row}");
        }
        assert_eq!(row["load"], options.load.name());
        assert_eq!((&row["lost"], &row["out_of_order"]), (&0.into(), &0.into()), "{row}");
    }
    rows
}

fn row(options: &Options) -> Value {
    let mut rows = rows(options);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

fn count(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| panic!("{field} is no count in {row}"))
}

#[test]
fn at_a_rate_everybody_gets_every_message() {
    let row = row(&Options { rate: 50, ..small(Load::Fanout) });
    assert_eq!((count(&row, "acknowledged"), count(&row, "deliveries")), (50, 50 * 20));
    assert!(
        row["p50_ms"].is_f64() && row["p99_ms"].is_f64() && row["ack_p99_ms"].is_f64(),
        "{row}"
    );
    assert_eq!(row["connections"], 20 + 16);
}

#[test]
fn flat_out_everybody_gets_what_was_acknowledged() {
    let row = row(&small(Load::Fanout));
    let acknowledged = count(&row, "acknowledged");
    assert!(acknowledged > 0);
    assert_eq!(count(&row, "deliveries"), acknowledged * 20);
}

#[test]
fn both_of_each_pair_get_what_one_writes() {
    let row = row(&Options { rate: 100, ..small(Load::Pairs) });
    assert_eq!((count(&row, "acknowledged"), count(&row, "deliveries")), (100, 2 * 100));
    assert_eq!(row["connections"], 2 * 20);
}

#[test]
fn idle_connections_are_held_and_nothing_is_sent() {
    let row = row(&Options { seconds: 0, ..small(Load::Idle) });
    assert_eq!((count(&row, "connections"), count(&row, "deliveries")), (20, 0));
    assert!(row["server_rss_bytes_per_connection"].is_u64() && row["p50_ms"].is_null(), "{row}");
}

#[test]
fn readers_drain_all_that_waits() {
    let row = row(&Options { members: 3, ..small(Load::Drain) });
    assert_eq!((count(&row, "entries"), count(&row, "deliveries")), (500, 3 * 500));
}

#[test]
fn the_end_of_each_length_is_read() {
    let rows = rows(&Options { entries: vec![100, 300], ..small(Load::Catchup) });
    let lengths: Vec<u64> = rows.iter().map(|row| count(row, "entries")).collect();
    assert_eq!(lengths, [100, 300]);
    assert!(rows.iter().all(|row| row["read_ms"].is_f64()), "{rows:?}");
}

#[test]
fn after_a_restart_everybody_comes_back_to_what_was_written_meanwhile() {
    let row = row(&small(Load::Storm));
    assert_eq!(count(&row, "broken"), 20 + 16, "each connection breaks once: {row}");
    assert_eq!(count(&row, "deliveries"), count(&row, "acknowledged") * 20);
    assert!(row["seconds_until_live"].as_f64().is_some_and(|seconds| seconds > 0.0), "{row}");
}

#[test]
fn other_servers_are_named_with_what_keeps_them_from_a_load() {
    let mut rows = Vec::new();
    let options = Options { peers: true, ..small(Load::Storm) };
    run(&options, &mut |row| rows.push(row)).expect("the load runs to its end");
    assert_eq!(rows.len(), 1 + 4, "{rows:?}");
    for row in &rows[1..] {
        assert!(row["server"].is_string() && row["skipped"].is_string(), "{row}");
    }
}

#[test]
fn a_killed_server_keeps_what_it_acknowledged() {
    for of in Load::KILLED {
        let row = row(&Options { of, ..small(Load::Kill) });
        let kills = if of == Load::Storm { 4 } else { 2 };
        assert_eq!((count(&row, "kills"), count(&row, "doubled")), (kills, 0), "{row}");
        let kept = if of == Load::Drain { 500 } else { count(&row, "acknowledged") };
        assert_eq!(count(&row, "entries"), kept, "what was written once is kept once: {row}");
        assert!(count(&row, "broken") > 0 && kept > 0, "{row}");
    }
}

#[test]
fn an_assembly_goes_on_where_it_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_veche-testing"));
        command.args(["load", "join", "--members", "12", "--messages", "60", "--json", "--folder"]);
        command.arg(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("it starts")
    };
    // Right behind each stage, and in the middle of the joins.
    let half = folder.path().join("homes/00006");
    for (stage, then) in
        [("Joining { next: 1 }", Some(&half)), ("Joining { next: 13 }", None), ("Waking", None)]
    {
        let mut child = start();
        // It writes on, so that somebody must hold the other end until it is killed.
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut lines = lines.map_while(Result::ok);
        let reached = lines.any(|line| line.starts_with(stage));
        assert!(reached, "{stage} is never reached");
        while then.is_some_and(|path| !path.exists()) {
            assert!(child.try_wait().expect("it runs").is_none(), "it ends too early");
            std::thread::yield_now();
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    let mut child = start();
    let mut text = String::new();
    child.stdout.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
    assert!(child.wait().expect("it ends").success(), "{text}");
    let row: Value = serde_json::from_str(text.lines().next().expect("a row")).expect("it is JSON");
    assert_eq!((&row["joined"], &row["agree"]), (&12.into(), &true.into()), "{row}");
    assert_eq!((&row["messages"], &row["undecryptable"]), (&60.into(), &0.into()), "{row}");
}
