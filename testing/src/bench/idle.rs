//! The memory of programs that run and have nothing to do: the server without a connection, and a
//! client that watches one chat, each as the system counts it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Sizes, Stopped, words};
use crate::processes::{Person, Running, Server};

/// How long the programs are left alone before they are looked at.
const SETTLE: Duration = Duration::from_secs(2);

pub(super) fn run(sizes: &Sizes, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    if !sizes.programs {
        for program in ["veched", "veche watch"] {
            report(unknown(program, "programs are not started in a quick run"));
        }
        return Ok(());
    }
    let folder = tempfile::tempdir().map_err(words)?;
    let server = Server::start(&folder.path().join("server"), &[])?;
    std::thread::sleep(SETTLE);
    report(memory("veched", "no connection", server.id()));
    match watch(folder.path(), &server) {
        Ok(watching) => {
            std::thread::sleep(SETTLE);
            report(memory("veche watch", "one chat", Some(watching.id())));
            report(memory("veched", "one connection", server.id()));
        }
        Err(reason) => report(unknown("veche watch", &reason)),
    }
    Ok(())
}

/// A client that watches its only chat, connected and caught up.
fn watch(folder: &std::path::Path, server: &Server) -> Result<Running, Stopped> {
    let ana = Person::new(folder, "ana")?;
    ana.register(server.address())?;
    let chat = ana.object(&["group", "new", "quiet"])?;
    let chat = chat.get("chat").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut watching = ana.start(&["--json", "watch", &chat])?;
    std::thread::sleep(SETTLE);
    // Handed over to the one that watches; done once it has caught up.
    ana.say(&chat, "is anybody here?")?;
    if watching.is_running() { Ok(watching) } else { Err("the client has ended".to_owned()) }
}

/// What the system counts for a process, in kB.
fn memory(program: &str, doing: &str, process: Option<u32>) -> Value {
    let status = process.and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok());
    let Some(status) = status else {
        return unknown(program, "this system does not tell the memory of a process");
    };
    let field = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse::<u64>().ok()
    };
    json!({
        "bench": "idle",
        "program": program,
        "doing": doing,
        "resident_kb": field("VmRSS:"),
        "resident_anonymous_kb": field("RssAnon:"),
        "resident_file_kb": field("RssFile:"),
        "threads": field("Threads:"),
        "reason": null,
    })
}

fn unknown(program: &str, reason: &str) -> Value {
    json!({
        "bench": "idle",
        "program": program,
        "doing": null,
        "resident_kb": null,
        "resident_anonymous_kb": null,
        "resident_file_kb": null,
        "threads": null,
        "reason": reason,
    })
}
