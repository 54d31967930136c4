//! The server as a process: what an operator sees of it.

#![allow(clippy::unwrap_used, reason = "this is test code")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tokio::runtime::Runtime;
use veche_net::{DirectDialer, WsLink};
use veche_server::wire::link::{Dial, Link};
use veche_server::wire::{
    AdminKey, Append, ClientFrame, Commitment, EntryId, Kind, LogId, Permit, Refused, Request,
    Response, ServerAddress, ServerFrame, Token, TokenHash, TokenHashes,
};

struct Server {
    child: Child,
    address: ServerAddress,
}

fn veched(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_veched"));
    command.args(arguments).arg("--data").arg(data);
    command
}

fn run(arguments: &[&str], data: &Path) -> Output {
    veched(arguments, data).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

impl Server {
    fn start(data: &Path, flags: &[&str]) -> Self {
        let mut command = veched(&["serve"], data);
        command.args(flags);
        Self::run(&mut command)
    }

    fn run(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let address = line
            .strip_prefix("veche register --server ")
            .and_then(|rest| rest.strip_suffix(" --name NAME\n"))
            .unwrap_or_else(|| panic!("{line:?}"));
        Self { address: address.parse().unwrap(), child }
    }

    /// Tells it to stop; whether it did so well.
    fn stop(mut self) -> bool {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that says one thing at a time.
struct Caller {
    runtime: Runtime,
    link: WsLink,
    next: u64,
}

impl Caller {
    fn new(address: &ServerAddress) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let link = runtime.block_on(DirectDialer { address: address.clone() }.dial()).unwrap();
        let mut caller = Self { runtime, link, next: 1 };
        let hello = caller.ask(Request::Hello { version: 1 });
        assert!(matches!(hello, Some(Response::Hello { .. })), "{hello:?}");
        caller
    }

    fn send(&mut self, request: Request) {
        let frame = ClientFrame { id: self.next, request }.encode();
        self.next += 1;
        let _ = self.runtime.block_on(self.link.send(&[&frame]));
    }

    /// The next answer; `None` where the connection is gone.
    fn answer(&mut self) -> Option<Response> {
        let frame = self.runtime.block_on(self.link.recv()).ok()?;
        match ServerFrame::decode(&frame).unwrap() {
            ServerFrame::Answer { response, .. } => Some(response),
            other @ ServerFrame::Push(_) => panic!("{other:?}"),
        }
    }

    fn ask(&mut self, request: Request) -> Option<Response> {
        self.send(request);
        self.answer()
    }
}

const LOG: LogId = LogId([1; 16]);
/// SHA-256 of 32 bytes of 2 and of 3: the tokens below.
const READ: Token = Token([2; 32]);
const WRITE: Token = Token([3; 32]);

fn hash(token: &Token) -> TokenHash {
    use sha2::Digest;
    TokenHash(sha2::Sha256::digest(token.as_bytes()).into())
}

fn create() -> Request {
    Request::Create {
        log: LOG,
        permit: Permit::Open,
        tokens: TokenHashes { read: hash(&READ), write: hash(&WRITE) },
        admins: vec![AdminKey([4; 32])],
    }
}

fn message(number: u64) -> Request {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Request::Append(Append {
        log: LOG,
        token: WRITE,
        id: EntryId(id),
        kind: Kind::Message,
        after_commit: 0,
        prev: None,
        needs: None,
        commitment: Some(Commitment([5; 32])),
        rider: None,
        bytes: vec![6; 400],
    })
}

fn read(after: u64) -> Request {
    Request::Read { log: LOG, token: READ, after, after_id: None, limit: 512 }
}

fn http(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn key_port_and_entries_outlive_a_stop_and_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("new");
    let server = Server::start(&data, &[]);
    let address = server.address.clone();
    let mut ana = Caller::new(&address);
    assert_eq!(ana.ask(create()), Some(Response::Done));
    assert_eq!(ana.ask(message(1)), Some(Response::Appended { seq: 1 }));
    assert!(server.stop(), "it ends well");
    assert_eq!(ana.answer(), None, "and says goodbye");

    // Killed while requests are on their way: what was acknowledged is there afterwards.
    let mut acknowledged = 1;
    let mut number = 1;
    for _ in 0..5 {
        let server = Server::start(&data, &[]);
        assert_eq!(server.address, address);
        let mut ana = Caller::new(&address);
        for _ in 0..30 {
            number += 1;
            ana.send(message(number));
        }
        for _ in 0..10 {
            match ana.answer() {
                Some(Response::Appended { seq }) => acknowledged = seq,
                other => panic!("{other:?}"),
            }
        }
        server.kill();
        while let Some(Response::Appended { seq }) = ana.answer() {
            acknowledged = seq;
        }
        let server = Server::start(&data, &[]);
        let mut bo = Caller::new(&address);
        let Some(Response::Entries { entries, head }) = bo.ask(read(0)) else { panic!() };
        assert!(head >= acknowledged, "{head} of {acknowledged}");
        assert_eq!(entries.len() as u64, head);
        server.kill();
    }
}

#[test]
fn one_folder_has_one_server_and_one_port() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let second = run(&["serve"], folder.path());
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains("another server uses this folder"), "{}", said(&second));
    let listen = format!("127.0.0.1:{}", server.address.port);
    let same_port = run(&["serve", "--listen", &listen], other.path());
    assert_eq!(same_port.status.code(), Some(1));
    assert!(said(&same_port).contains("is in use by another program"), "{}", said(&same_port));
    assert!(server.stop());
}

#[test]
fn damage_is_said_clearly() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Server::start(folder.path(), &[]).stop());
    std::fs::write(folder.path().join("logs.db"), "no database").unwrap();
    let broken = run(&["serve"], folder.path());
    assert_eq!(broken.status.code(), Some(1));
    assert!(said(&broken).contains("the database is corrupt"), "{}", said(&broken));

    let folder = tempfile::tempdir().unwrap();
    assert!(Server::start(folder.path(), &[]).stop());
    std::fs::write(folder.path().join("noise.key"), "short").unwrap();
    let broken = run(&["serve"], folder.path());
    assert!(said(&broken).contains("noise.key is not a key"), "{}", said(&broken));
}

#[test]
fn codes_and_copies_are_made_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy");
    let server = Server::start(folder.path(), &["--registration", "invite"]);
    let mut ana = Caller::new(&server.address);
    ana.ask(create());
    ana.ask(message(1));

    let made = run(&["invite", "new", "--uses", "2", "--expires", "7d"], folder.path());
    assert!(made.status.success(), "{}", said(&made));
    let code = String::from_utf8(made.stdout).unwrap();
    assert_eq!(code.trim().len(), 24);
    let elsewhere = run(&["invite", "new"], copies.path());
    assert_eq!(elsewhere.status.code(), Some(1));
    let backup = veched(&["backup"], folder.path()).arg(&copy).output().unwrap();
    assert!(backup.status.success(), "{}", said(&backup));
    assert_eq!(ana.ask(message(2)), Some(Response::Appended { seq: 2 }), "it goes on");

    // The copy is the same server as it was then.
    let address = server.address.clone();
    assert!(server.stop());
    let restored = Server::start(&copy, &[]);
    assert_eq!(restored.address, address);
    let mut bo = Caller::new(&address);
    let Some(Response::Entries { entries, .. }) = bo.ask(read(0)) else { panic!() };
    assert_eq!(entries.len(), 1);
}

#[test]
fn metrics_are_served_only_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let metrics = free.to_string();
    let server = Server::start(folder.path(), &["--metrics-listen", &metrics]);
    let mut ana = Caller::new(&server.address);
    ana.ask(create());
    ana.ask(message(1));
    ana.ask(Request::PutBlob {
        blob: veche_server::wire::BlobId([7; 32]),
        offset: 0,
        total: 5,
        bytes: b"abcde".to_vec(),
        permit: Permit::Open,
    });

    assert!(http(&metrics, "/healthz").ends_with("ok\n"));
    let text = http(&metrics, "/metrics");
    for line in [
        "veche_requests_total{kind=\"append\"} 1",
        "veche_appended_entries_total 1",
        "veche_blob_received_bytes_total 5",
        "veche_connections 1",
        "veche_fsync_seconds_count 3",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    let clients = format!("{}:{}", server.address.host, server.address.port);
    for path in ["/healthz", "/metrics"] {
        assert!(http(&clients, path).contains("404 Not Found"));
    }
}

#[test]
fn nothing_but_a_session_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--connections-per-address-max", "2"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dial = |address: &ServerAddress| {
        runtime.block_on(DirectDialer { address: address.clone() }.dial())
    };
    let _one = Caller::new(&server.address);
    let _two = Caller::new(&server.address);
    let busy = dial(&server.address).unwrap_err();
    assert!(busy.to_string().contains("too many connections"), "{busy}");

    let other = tempfile::tempdir().unwrap();
    let other = Server::start(other.path(), &[]);
    let confused = ServerAddress { key: server.address.key, ..other.address.clone() };
    assert!(dial(&confused).is_err(), "a server with another key");
}

/// Needs a kernel that lets this user mount a small disk in a namespace of its own (`unshare`);
/// elsewhere it says that it did not run. The same at the seam of the service, with a bounded
/// database, runs everywhere.
#[test]
fn a_full_disk_is_said_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let can_mount = Command::new("unshare")
        .args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs"])
        .arg(folder.path())
        .status();
    if !can_mount.is_ok_and(|status| status.success()) {
        eprintln!("not run: this user cannot mount a small disk");
        return;
    }
    let script = "mount -t tmpfs -o size=4m tmpfs \"$1\" && head -c 2000000 /dev/zero > \
                  \"$1/ballast\" && exec \"$2\" serve --data \"$1/data\"";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(folder.path()).arg(env!("CARGO_BIN_EXE_veched"));
    let server = Server::run(&mut command);
    let mut ana = Caller::new(&server.address);
    assert_eq!(ana.ask(create()), Some(Response::Done));

    let mut stored = 0;
    let refused = loop {
        match ana.ask(message(stored + 1)) {
            Some(Response::Appended { seq }) => stored = seq,
            other => break other,
        }
    };
    assert_eq!(refused, Some(Response::Refused(Refused::Full)), "after {stored} entries");
    let Some(Response::Entries { head, .. }) = ana.ask(read(0)) else { panic!() };
    assert_eq!(head, stored, "it still reads");
    let ballast = format!("/proc/{}/root{}/ballast", server.child.id(), folder.path().display());
    std::fs::remove_file(ballast).unwrap();
    assert_eq!(ana.ask(message(stored + 1)), Some(Response::Appended { seq: stored + 1 }));
    assert!(server.stop());
}
