//! Measures, and writes what was measured: `docs/benchmarks.json` as it came, with the commit and
//! the machine, and `docs/benchmarks.md`, which is made from it and never written by hand.

use anyhow::{Result, bail};
use serde_json::{Map, Value, json};

use crate::arguments::{Arguments, Usage};
use crate::page::{self, machine};
use crate::programs;
use crate::repository::Repository;
use crate::setup::{self, Consent};
use crate::web;

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
    let (mut objects, good) = repository.testing_in(&folder, ["bench", "--json"]).objects()?;
    if !good || objects.is_empty() {
        bail!("the benchmarks did not run to their end; nothing was written");
    }
    objects.extend(web::bench(repository, consent)?);
    let document = json!({
        "commit": commit,
        "profile": profile,
        "machine": machine(repository),
        "results": grouped(objects),
    });
    page::keep(repository, "benchmarks", &document, &page(&document))
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

/// The page made of the document.
fn page(document: &Value) -> String {
    page::page(
        "Benchmarks",
        "Made from `docs/benchmarks.json` by `cargo xtask bench --json`; not edited by hand. Other \
         programs ran on the machine at the same time: read the CPU times, the counts, the bytes and \
         the ratios to a floor that was measured in the same run; wall times and rates only \
         where a disk is waited for. What thousands of connections take, with other servers beside \
         it, is in [load.md](load.md).",
        document,
    )
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
             the counts, the bytes and the ratios to a floor that was measured in the same run; wall times and rates \
             only where a disk is waited for. What thousands of connections take, with other servers \
             beside it, is in [load.md](load.md).\
             \n\nCommit 0123456789ab, profile dev.\n\n\
             | what | value |\n|---|---|\n| cores | 2 |\n\
             \n## Results\n\n| what | value |\n|---|---|\n| seal ms | 0.125 |\n\
             \n### bytes by leaves\n\n| leaves | message | commit |\n|---|---|---|\n\
             | 2 | 512 | – |\n| 100 | – | 9 |\n"
        );
    }
}
