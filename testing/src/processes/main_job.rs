//! The main job over real processes: three people meet, talk, share files, change their minds, lose
//! the server and each other, and see the same at the end.

mod begin;
mod break_down;
mod full_disk;
mod group;
mod talk;

use std::path::Path;

use serde_json::Value;

use super::person::{column, text_of};
use super::{Checks, Person, Server, Stopped};

/// Everybody and everything of the play.
struct Play {
    folder: tempfile::TempDir,
    server: Server,
    ana: Person,
    bo: Person,
    cy: Person,
    /// The direct chat of ana and bo.
    direct: String,
    /// The group of all three.
    group: String,
}

/// Plays it whole.
///
/// # Errors
/// Where it cannot even begin.
pub fn play() -> Result<Checks, Stopped> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = folder.path().join("server");
    let server = Server::start(&data, &[])?;
    let person = |name| Person::new(folder.path(), name);
    let (ana, bo, cy) = (person("ana")?, person("bo2")?, person("cyd")?);
    let (direct, group) = (String::new(), String::new());
    let mut play = Play { server, ana, bo, cy, direct, group, folder };
    let mut checks = Checks::default();
    let play = &mut play;
    checks.part("before there is anything", |checks| begin::nothing_yet(play, checks));
    checks.part("registering", |checks| begin::register(play, checks));
    checks.part("refused registrations", |checks| begin::refused(play, checks));
    checks.part("contacts", |checks| begin::contacts(play, checks));
    checks.part("a direct chat", |checks| talk::direct(play, checks));
    checks.part("a request of a stranger", |checks| talk::request(play, checks));
    checks.part("reply, reaction, edit, deletion", |checks| talk::changes(play, checks));
    checks.part("a display name", |checks| talk::display_name(play, checks));
    checks.part("text exactly as it is", |checks| talk::exact_text(play, checks));
    checks.part("hostile text", |checks| talk::hostile_text(play, checks));
    checks.part("files", |checks| talk::files(play, checks));
    checks.part("search, export, paging", |checks| talk::find(play, checks));
    checks.part("a group", |checks| group::make(play, checks));
    checks.part("roles and titles", |checks| group::govern(play, checks));
    checks.part("one transcript", |checks| group::same_transcript(play, checks));
    checks.part("without the server", |checks| break_down::queue(play, checks));
    checks.part("another server in its place", |checks| break_down::other_key(play, checks));
    checks.part("a killed server", |checks| break_down::killed(play, checks));
    checks.part("two processes in one home", |checks| break_down::two_processes(play, checks));
    checks.part("a stopped process", |checks| break_down::stopped_process(play, checks));
    checks.part("a home too deep for a socket", |checks| break_down::deep_home(play, checks));
    checks.part("waiting for quiet", |checks| break_down::quiet(play, checks));
    checks.part("one transcript after all that", |checks| group::same_transcript(play, checks));
    checks.part("joining by a link", |checks| group::by_link(play, checks));
    checks.part("removing, adding again, leaving", |checks| group::part_ways(play, checks));
    checks.part("blocking", |checks| talk::block(play, checks));
    checks.part("a server restored from a copy", |checks| break_down::restored(play, checks));
    checks.part("registering by invitation", |checks| begin::invited(play, checks));
    checks.part("a full disk", |checks| full_disk::full_disk(play, checks));
    checks.part("a damaged home", |checks| break_down::damaged(play, checks));
    checks.part("a home behind a passphrase", |checks| begin::passphrase(play, checks));
    checks.part("the server stops when asked", |checks| break_down::stop(play, checks));
    Ok(checks)
}

impl Play {
    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everybody receives what is there, twice, so that answers to it are received as well.
    fn settle(&self) -> Result<(), Stopped> {
        for _ in 0..2 {
            for person in [&self.ana, &self.bo, &self.cy] {
                person.sync()?;
            }
        }
        Ok(())
    }
}

/// The message with this id as somebody has it.
fn message(person: &Person, chat: &str, id: &str) -> Result<Value, Stopped> {
    let all = person.transcript(chat)?;
    all.into_iter()
        .find(|message| text_of(message, "id") == id)
        .ok_or_else(|| format!("{} has no message {id}", person.name))
}

/// The texts of a chat as somebody has them.
fn texts(person: &Person, chat: &str) -> Result<Vec<String>, Stopped> {
    Ok(column(&person.messages(chat)?, "text"))
}
