//! Builds and starts a server, and says what to type next to talk through it.

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf, absolute};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::repository::Repository;
use crate::setup::{self, Consent};
use crate::step::{Step, quoted};
use crate::web;

/// Where a server listens when nothing else was asked for and nobody holds it.
const LISTEN_FIRST: &str = "127.0.0.1:7010";
/// The file in the data folder that keeps the address, so that people once registered find it.
const REMEMBERED: &str = "run-listen";
/// How the server's line begins that tells how to register with it.
const REGISTER_LINE: &str = "veche register --server ";
/// How the one after it begins, which tells where the page is.
const PAGE_LINE: &str = "in a browser: ";

/// Builds, starts, explains, and stays until the server ends or the person types Ctrl-C.
pub(crate) fn run(
    repository: &Repository,
    mut arguments: Arguments,
    consent: Consent,
) -> Result<()> {
    let given = arguments.value("--listen")?;
    let data = match arguments.value("--data")? {
        Some(folder) => absolute(folder)?,
        None => repository.root().join(".veche"),
    };
    let without_page = arguments.flag("--no-page");
    arguments.finish()?;
    setup::ensure(repository.root(), consent)?;
    if !without_page {
        let missing = "the page was not built; with --no-page there is a server without it";
        web::build(repository, consent).context(missing)?;
    }
    repository.cargo(["build", "-p", "veche", "-p", "veched"]).run()?;

    let remembered = remembered(&data)?;
    let listen = choose(given.as_deref(), remembered.as_deref(), is_free, free)?;
    serve(repository, &data, &listen)
}

/// Runs the server to its end. It stands in a process group of its own, so that Ctrl-C reaches only
/// us; `watch_over` then asks it to stop, in whatever way we ended.
fn serve(repository: &Repository, data: &Path, listen: &str) -> Result<()> {
    let mut server = Step::new(repository.program("veched"), repository.root())
        .words(["serve", "--data"])
        .words([data.as_os_str()])
        .words(["--listen", listen])
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("veched could not be started")?;
    let mut watch = watch_over(server.id())?;
    let stdout = server.stdout.take().context("stdout was asked for")?;
    let veche = repository.program("veche");
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        if let Some(address) = address_in(&line) {
            fs::write(data.join(REMEMBERED), listen)
                .with_context(|| format!("{} cannot be written", data.display()))?;
            println!("{}", guide(&veche, data, address));
        }
        if let Some(page) = line.strip_prefix(PAGE_LINE) {
            println!("{}", invitation(page));
        }
    }
    let status = server.wait()?;
    watch.kill()?;
    watch.wait()?;
    if !status.success() {
        bail!("veched ended: {status}");
    }
    Ok(())
}

/// Starts a shell that waits for the end of its stdin, which we hold open as long as we live, and
/// then asks the process with this id to stop.
fn watch_over(id: u32) -> Result<Child> {
    Step::new("sh", Path::new("/"))
        .words(["-c", r#"read -r line; kill -TERM "$1""#, "sh", &id.to_string()])
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .context("sh could not be started")
}

fn remembered(data: &Path) -> Result<Option<String>> {
    match fs::read_to_string(data.join(REMEMBERED)) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", data.display())),
    }
}

/// What was given; else what is remembered, which must be free, because the people registered here
/// look for the server there; else the first choice, or any free one.
fn choose(
    given: Option<&str>,
    remembered: Option<&str>,
    is_free: impl Fn(&str) -> bool,
    free: impl Fn() -> Result<String>,
) -> Result<String> {
    match (given, remembered) {
        (Some(listen), _) => Ok(listen.to_owned()),
        (None, Some(listen)) if is_free(listen) => Ok(listen.to_owned()),
        (None, Some(listen)) => bail!(
            "{listen} is taken, and the people registered here look for their server there. Does \
             another `cargo xtask run` still run? Else end the program that holds it, or give \
             `--listen`, or another folder with `--data`"
        ),
        (None, None) if is_free(LISTEN_FIRST) => Ok(LISTEN_FIRST.to_owned()),
        (None, None) => free(),
    }
}

fn is_free(listen: &str) -> bool {
    TcpListener::bind(listen).is_ok()
}

fn free() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    Ok(listener.local_addr()?.to_string())
}

/// The address in the server's line about registering.
fn address_in(line: &str) -> Option<&str> {
    line.split_once(REGISTER_LINE)?.1.split_whitespace().next()
}

/// What two people do to talk to each other in browsers.
fn invitation(page: &str) -> String {
    format!(
        "\nOpen\n\n  {page}\n\nhere, and once more in a private window or another browser, as a second \
         person; or let one of the two be in a terminal, as above."
    )
}

/// What two people type to talk to each other through this server.
fn guide(veche: &Path, data: &Path, address: &str) -> String {
    let homes = homes(data);
    let (ana, ben) = (homes.join("ana"), homes.join("ben"));
    let line = |home: &PathBuf, words: &str| {
        format!("  {} --home {} {words}\n", quoted(veche.as_os_str()), quoted(home.as_os_str()))
    };
    let mut text =
        "\nThe server runs until you type Ctrl-C here. In another terminal:\n".to_owned();
    if !ana.exists() {
        text += "\nTwo people come in, each with a home of their own, and know each other:\n\n";
        text += &line(&ana, &format!("register --server {address} --name ana"));
        text += &line(&ben, &format!("register --server {address} --name ben"));
        text += &line(&ana, "contact add @ben");
        text += &line(&ben, "contact add @ana");
    }
    text += "\nAna writes, and ben reads:\n\n";
    if !ana.exists() {
        text += &line(&ana, "chat new ben");
    }
    text += &line(&ana, "send ben 'Hello, ben!'");
    text += &line(&ben, "sync");
    text += &line(&ben, "read ana");
    text += "\nAll commands:\n\n";
    text += &format!("  {} --help\n", quoted(veche.as_os_str()));
    text
}

/// The homes of the people in the guide stand beside the server's data, never inside of it.
fn homes(data: &Path) -> PathBuf {
    let mut folder = data.as_os_str().to_owned();
    folder.push("-homes");
    PathBuf::from(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(given: Option<&str>, remembered: Option<&str>, taken: &str) -> Result<String> {
        choose(given, remembered, |listen| listen != taken, || Ok("127.0.0.1:9".to_owned()))
    }

    #[test]
    fn a_server_moves_only_while_nobody_knows_it() {
        assert_eq!(chosen(Some("1.2.3.4:5"), Some("a:1"), "").unwrap(), "1.2.3.4:5");
        assert_eq!(chosen(None, Some("a:1"), "").unwrap(), "a:1");
        assert!(chosen(None, Some("a:1"), "a:1").unwrap_err().to_string().contains("is taken"));
        assert_eq!(chosen(None, None, "").unwrap(), LISTEN_FIRST);
        assert_eq!(chosen(None, None, LISTEN_FIRST).unwrap(), "127.0.0.1:9");
    }

    #[test]
    fn a_port_that_somebody_holds_is_seen() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(&holder.local_addr().unwrap().to_string()));
        assert!(is_free(&free().unwrap()));
    }

    #[test]
    fn the_guide_is_made_of_the_servers_own_line() {
        let line = "veche register --server veche://k@127.0.0.1:7010 --name NAME";
        let address = address_in(line).unwrap();
        assert_eq!(address, "veche://k@127.0.0.1:7010");
        assert_eq!(address_in("listening"), None);
        let text = guide(Path::new("/t/veche"), Path::new("/no/data"), address);
        let first = format!("/t/veche --home /no/data-homes/ana register --server {address}");
        assert!(text.contains(&first), "{text}");
        assert!(text.contains("/t/veche --home /no/data-homes/ben read ana"), "{text}");
    }

    #[test]
    fn the_server_is_asked_to_stop_when_we_are_gone() {
        let mut server = Step::new("sleep", Path::new("/"))
            .words(["600"])
            .command()
            .process_group(0)
            .spawn()
            .unwrap();
        let mut watch = watch_over(server.id()).unwrap();
        assert!(server.try_wait().unwrap().is_none());
        drop(watch.stdin.take());
        watch.wait().unwrap();
        assert!(!server.wait().unwrap().success());
    }
}
