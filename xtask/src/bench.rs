//! Measures, and writes what was measured: `docs/benchmarks.json` as it came, with the commit and
//! the machine, and `docs/benchmarks.md`, which is made from it and never written by hand.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::arguments::{Arguments, Usage};
use crate::programs;
use crate::repository::Repository;
use crate::setup::{self, Consent};
use crate::step::Step;

/// Runs the benchmarks and writes both files.
pub(crate) fn bench(
    repository: &Repository,
    mut arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    if !arguments.flag("--json") {
        return Err(Usage("bench needs --json".to_owned()).into());
    }
    let release = arguments.flag("--release");
    arguments.finish()?;
    let commit = repository.commit();
    let (profile, folder) = if release {
        setup::ensure(repository.root(), consent)?;
        repository.cargo(["build", "--release", "--workspace"]).run()?;
        ("release", repository.target().join("release"))
    } else {
        programs::build_daily(repository, consent)?;
        ("dev", repository.programs())
    };
    let (objects, good) = repository.testing_in(&folder, ["bench", "--json"]).objects()?;
    if !good || objects.is_empty() {
        bail!("the benchmarks did not run to their end; nothing was written");
    }
    let document = json!({
        "commit": commit,
        "profile": profile,
        "machine": machine(repository),
        "results": grouped(objects),
    });
    let docs = repository.root().join("docs");
    fs::create_dir_all(&docs)?;
    write(docs.join("benchmarks.json"), &(serde_json::to_string_pretty(&document)? + "\n"))?;
    write(docs.join("benchmarks.md"), &page(&document))
}

fn write(path: PathBuf, text: &str) -> Result<()> {
    fs::write(&path, text).with_context(|| format!("{} was not written", path.display()))?;
    println!("Wrote {}.", path.display());
    Ok(())
}

/// What the numbers depend on, as far as it can be found out; nothing that names the machine.
fn machine(repository: &Repository) -> Value {
    let field = |path: &str, name: &str| {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let rustc = Step::new("rustc", repository.root()).words(["--version"]).output();
    json!({
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": std::thread::available_parallelism().map(usize::from).ok(),
        "memory": field("/proc/meminfo", "MemTotal"),
        "rustc": rustc.ok().map(|text| text.trim().to_owned()),
    })
}

/// The rows by what they measure, the field `bench`, in which each group has its order.
fn grouped(objects: Vec<Value>) -> Value {
    let mut groups = Map::new();
    for mut object in objects {
        let name = object.as_object_mut().and_then(|fields| fields.remove("bench"));
        let name = name.as_ref().and_then(Value::as_str).unwrap_or("other").to_owned();
        let group = groups.entry(name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(rows) = group {
            rows.push(object);
        }
    }
    Value::Object(groups)
}

/// The page made of the document: a table for each group of results, whatever their fields.
fn page(document: &Value) -> String {
    let text = |name: &str| cell(&document[name]);
    let mut page = format!(
        "# Benchmarks\n\nMade from `docs/benchmarks.json` by `cargo xtask bench --json`; not edited \
         by hand. Other programs ran on the machine at the same time: read the CPU times, the \
         counts, the bytes and the ratios to a floor that was measured in the same run; wall times and rates only where a disk is waited for.\n\n\
         Commit {}, profile {}.\n\n",
        text("commit"),
        text("profile")
    );
    page += &fields_table(document["machine"].as_object().unwrap_or(&Map::new()));
    section(&mut page, 2, "Results", &document["results"]);
    page
}

fn section(page: &mut String, depth: usize, title: &str, value: &Value) {
    *page += &format!("\n{} {}\n\n", "#".repeat(depth), title.replace('_', " "));
    match value {
        Value::Array(rows) if rows.iter().all(Value::is_object) => *page += &rows_table(rows),
        Value::Object(fields) => {
            let (inner, plain): (Map<_, _>, Map<_, _>) = fields
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .partition(|(_, value)| value.is_object() || value.is_array());
            if !plain.is_empty() {
                *page += &fields_table(&plain);
            }
            for (name, value) in &inner {
                section(page, depth + 1, name, value);
            }
        }
        other => *page += &format!("{}\n", cell(other)),
    }
}

fn fields_table(fields: &Map<String, Value>) -> String {
    let mut table = "| what | value |\n|---|---|\n".to_owned();
    for (name, value) in fields {
        table += &format!("| {} | {} |\n", name.replace('_', " "), cell(value));
    }
    table
}

/// What a row is about: these columns stand first.
const ABOUT: [&str; 6] = ["leaves", "suite", "what", "program", "doing", "per_transaction"];

fn rows_table(rows: &[Value]) -> String {
    let mut columns: Vec<&String> = Vec::new();
    for name in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
        if !columns.contains(&name) {
            columns.push(name);
        }
    }
    columns.sort_by_key(|name| ABOUT.iter().position(|one| one == name).unwrap_or(ABOUT.len()));
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut table = line(columns.iter().map(|name| name.replace('_', " ")).collect());
    table += &format!("|{}\n", "---|".repeat(columns.len()));
    for row in rows {
        table += &line(columns.iter().map(|name| cell(&row[name.as_str()])).collect());
    }
    table
}

/// A value as a table shows it: no quotes, whole numbers whole, others with three decimals at most.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.replace('|', "\\|"),
        Value::Number(number) if number.is_f64() => {
            let text = format!("{:.3}", number.as_f64().unwrap_or_default());
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_what_they_measure() {
        let row = |name: &str, leaves: u64| json!({ "bench": name, "leaves": leaves });
        assert_eq!(
            grouped(vec![row("seal", 2), row("kept", 2), row("seal", 5)]),
            json!({ "kept": [{ "leaves": 2 }], "seal": [{ "leaves": 2 }, { "leaves": 5 }] })
        );
    }

    #[test]
    fn the_page_shows_every_number_of_the_document() {
        let document = json!({
            "commit": "0123456789ab", "profile": "dev", "machine": { "cores": 2 },
            "results": {
                "seal_ms": 0.125,
                "bytes_by_leaves": [{ "leaves": 2, "message": 512 }, { "leaves": 100, "commit": 9 }],
            },
        });
        assert_eq!(
            page(&document),
            "# Benchmarks\n\nMade from `docs/benchmarks.json` by `cargo xtask bench --json`; not \
             edited by hand. Other programs ran on the machine at the same time: read the CPU times, \
             the counts, the bytes and the ratios to a floor that was measured in the same run; wall times and rates only where a disk is waited for.\
             \n\nCommit 0123456789ab, profile dev.\n\n\
             | what | value |\n|---|---|\n| cores | 2 |\n\
             \n## Results\n\n| what | value |\n|---|---|\n| seal ms | 0.125 |\n\
             \n### bytes by leaves\n\n| leaves | message | commit |\n|---|---|---|\n\
             | 2 | 512 | – |\n| 100 | – | 9 |\n"
        );
    }
}
