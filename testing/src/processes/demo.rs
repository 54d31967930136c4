//! The main job, played unattended for somebody who wants to see it: real texts in a group, a file,
//! what everybody has at the end, and what the server has.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::checks::say;
use super::disk;
use super::person::{column, text_of};
use super::{Checks, Person, Server, Stopped};

/// Real texts, one JSON object a line; `testing/data/README.md` says where they are from.
const SAMPLE: &str = include_str!("../../data/assembly-sample.jsonl");
/// What the group is called.
const TITLE: &str = "The assembly of cucumbers";
/// What the file is called.
const FILE: &str = "assembly-sample.jsonl";
/// How many lines of a transcript are shown at its beginning and at its end.
const SHOWN: usize = 3;
/// Every so many texts somebody else catches up, as people do.
const LOOKS_EVERY: usize = 25;
/// Texts at least so long, in bytes, are searched for on the server's disk: what is shorter could
/// be there by chance.
const SEARCHED_BYTES_MIN: usize = 24;
/// How many of them are searched for.
const SEARCHED_MAX: usize = 60;

/// A text of the sample.
struct Line {
    author: String,
    text: String,
}

/// Plays it, and says what happens.
///
/// # Errors
/// Where it cannot go on.
pub fn play() -> Result<Checks, Stopped> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut server = Server::start(&folder.path().join("server"), &[])?;
    say(&format!("The server runs at {}", server.address()));
    let lines = sample()?;
    let people = arrive(folder.path(), &server, &lines)?;
    let (group, first) = assemble(&people)?;
    say(&format!("{} texts are said in `{TITLE}`:", lines.len()));
    talk(&people, &group, &lines)?;
    let file = send_file(first, &group)?;
    let mut checks = Checks::default();
    look_at_transcripts(&people, &group, &lines, &mut checks)?;
    look_at_file(&people, &group, &file, &mut checks)?;
    let log = server.stop()?;
    look_at_server(server.data(), &log, &people, &lines, &mut checks)?;
    Ok(checks)
}

fn sample() -> Result<Vec<Line>, Stopped> {
    SAMPLE
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            Ok(Line { author: text_of(&value, "from"), text: text_of(&value, "text") })
        })
        .collect()
}

/// An account for each author.
fn arrive(
    folder: &Path,
    server: &Server,
    lines: &[Line],
) -> Result<BTreeMap<String, Person>, Stopped> {
    let mut people = BTreeMap::new();
    for line in lines {
        if !people.contains_key(&line.author) {
            let person = Person::new(folder, &line.author)?;
            person.register(server.address())?;
            people.insert(line.author.clone(), person);
        }
    }
    say(&format!("{} people have registered", people.len()));
    Ok(people)
}

/// The first makes the group; the others accept.
fn assemble(people: &BTreeMap<String, Person>) -> Result<(String, &Person), Stopped> {
    let mut all = people.values();
    let first = all.next().ok_or("nobody is there")?;
    let names: Vec<&str> = all.clone().map(|person| person.name.as_str()).collect();
    let words: Vec<&str> = ["group", "new", TITLE].into_iter().chain(names).collect();
    let group = text_of(&first.object(&words)?, "chat");
    for person in all {
        person.sync()?;
        for request in person.objects(&["requests"])? {
            person.object(&["accept", &text_of(&request, "id")])?;
        }
    }
    say(&format!("{} has made the group, everybody has come in", first.name));
    Ok((group, first))
}

fn talk(people: &BTreeMap<String, Person>, group: &str, lines: &[Line]) -> Result<(), Stopped> {
    for (number, line) in lines.iter().enumerate() {
        let author = people.get(&line.author).ok_or("an author is missing")?;
        author.run_with(&["send", group, "-"], line.text.as_bytes())?.good()?;
        if number % LOOKS_EVERY == 0 {
            say(&format!("  {:>4}  {}: {}", number + 1, line.author, beginning(&line.text)));
            if let Some(other) = people.values().nth(number / LOOKS_EVERY % people.len()) {
                other.sync()?;
            }
        }
    }
    Ok(())
}

fn send_file(sender: &Person, group: &str) -> Result<String, Stopped> {
    let path = sender.desk().join(FILE);
    fs::write(&path, SAMPLE).map_err(|error| error.to_string())?;
    let sent = sender.object(&["send", group, "all of it, as a file", "--file", FILE])?;
    say(&format!("{} has sent {FILE}, {} bytes", sender.name, SAMPLE.len()));
    Ok(text_of(&sent, "id"))
}

fn look_at_transcripts(
    people: &BTreeMap<String, Person>,
    group: &str,
    lines: &[Line],
    checks: &mut Checks,
) -> Result<(), Stopped> {
    let mut wanted: Vec<String> = lines.iter().map(|line| line.text.clone()).collect();
    wanted.push("all of it, as a file".to_owned());
    let mut ids: Option<Vec<String>> = None;
    for person in people.values() {
        person.sync()?;
        let messages = person.messages(group)?;
        let texts = column(&messages, "text");
        let here = column(&messages, "id");
        say(&format!("\nThe transcript of {}: {} messages", person.name, messages.len()));
        for text in texts.iter().take(SHOWN) {
            say(&format!("    {}", beginning(text)));
        }
        say("    …");
        for text in texts.iter().skip(texts.len().saturating_sub(SHOWN)) {
            say(&format!("    {}", beginning(text)));
        }
        let name = &person.name;
        checks.that(&format!("{name} has every text, in order"), texts == wanted, || {
            format!("{} texts, not {}", texts.len(), wanted.len())
        });
        let ids = ids.get_or_insert_with(|| here.clone());
        checks.that(&format!("{name} has the same ids"), *ids == here, || "others".to_owned());
    }
    Ok(())
}

fn look_at_file(
    people: &BTreeMap<String, Person>,
    group: &str,
    message: &str,
    checks: &mut Checks,
) -> Result<(), Stopped> {
    let person = people.values().last().ok_or("nobody is there")?;
    let saved = person.object(&["save", group, message, "--to", "received"])?;
    let path = person.desk().join(text_of(&saved, "path"));
    let bytes = fs::read(&path).map_err(|error| error.to_string())?;
    say(&format!("\n{} has saved {}", person.name, text_of(&saved, "path")));
    checks.that("the file is the same byte for byte", bytes == SAMPLE.as_bytes(), || {
        format!("{} bytes, not {}", bytes.len(), SAMPLE.len())
    });
    Ok(())
}

fn look_at_server(
    data: &Path,
    log: &str,
    people: &BTreeMap<String, Person>,
    lines: &[Line],
    checks: &mut Checks,
) -> Result<(), Stopped> {
    let files = disk::files(data)?;
    say("\nWhat the server's disk holds:");
    for (path, bytes) in &files {
        let name = path.strip_prefix(data).unwrap_or(path).display().to_string();
        say(&format!("  {:>12} bytes  {name}", bytes.len()));
        for table in disk::tables(bytes) {
            say(&format!("                      table {table}"));
        }
    }
    say(&format!("  {:>12} bytes  of log", log.len()));
    let mut whole: Vec<&[u8]> = files.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    whole.push(log.as_bytes());
    let found = |word: &str| whole.iter().any(|bytes| disk::holds(bytes, word));
    // Usernames are in the directory by design: who has one is public, what they say is not. That
    // they are found shows that looking works.
    let planted = people.keys().next().map(String::as_str).unwrap_or_default();
    checks.that(
        "a username is found there, as the directory needs it",
        found(planted),
        String::new,
    );
    let texts = lines.iter().map(|line| line.text.as_str());
    let texts = texts.filter(|text| text.len() >= SEARCHED_BYTES_MIN).take(SEARCHED_MAX);
    let words: Vec<&str> = [TITLE, FILE, "all of it, as a file"].into_iter().chain(texts).collect();
    let there: Vec<&&str> = words.iter().filter(|word| found(word)).collect();
    let what = format!("of {} texts, the title and the file's name, none is found", words.len());
    checks.that(&what, there.is_empty(), || format!("{there:?}"));
    Ok(())
}

/// The beginning of a text, on one line.
fn beginning(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(70).filter(|c| !c.is_control()).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
