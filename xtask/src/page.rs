//! What is measured is kept twice: as JSON, and as a page of tables that is made from it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::repository::Repository;
use crate::step::Step;

/// Writes `docs/NAME.json` with the document, and `docs/NAME.md` with the page made from it.
pub(crate) fn keep(
    repository: &Repository,
    name: &str,
    document: &Value,
    page: &str,
) -> Result<()> {
    let docs = repository.root().join("docs");
    fs::create_dir_all(&docs)?;
    let json = serde_json::to_string_pretty(document)? + "\n";
    write(docs.join(format!("{name}.json")), &json)?;
    write(docs.join(format!("{name}.md")), page)
}

fn write(path: PathBuf, text: &str) -> Result<()> {
    fs::write(&path, text).with_context(|| format!("{} was not written", path.display()))?;
    println!("Wrote {}.", path.display());
    Ok(())
}

/// What the numbers depend on, as far as it can be found out; nothing that names the machine.
pub(crate) fn machine(repository: &Repository) -> Value {
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

/// The page made of the document: its title and what is to be known, then a table for each group of
/// results, whatever their fields.
pub(crate) fn page(title: &str, words: &str, document: &Value) -> String {
    let text = |name: &str| cell(&document[name]);
    let mut page = format!(
        "# {title}\n\n{words}\n\nCommit {}, profile {}.\n\n",
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
