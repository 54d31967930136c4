//! The end of a process that has the home: it runs the commands of others beside its own.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet, spawn_local};

use crate::args::{Arguments, Command};
use crate::commands;
use crate::context::Context;
use crate::engine::Engine;
use crate::handover::{Answer, GREETING, Request, SOCKET_FILE, read_request, write_answer};
use crate::output::{Output, PIECES_WAITING_MAX};

/// How many commands of others run at a time; more wait in line.
const GUESTS_MAX: usize = 64;
/// How long a guest may take to say its command.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// Listens in a home.
pub(crate) struct Server {
    closing: watch::Sender<bool>,
    listening: Option<JoinHandle<()>>,
}

impl Server {
    /// Begins to listen. Where that is not possible (the path of the home is too long for a socket,
    /// or its disk knows none), others wait for the lock instead.
    pub(crate) fn start(home: &Path, engine: Rc<Engine>) -> Self {
        let (closing, closed) = watch::channel(false);
        let path = home.join(SOCKET_FILE);
        let listening =
            bind(&path).ok().map(|listener| spawn_local(listen(listener, path, engine, closed)));
        Self { closing, listening }
    }

    /// Takes no more commands, and waits until those of others have ended.
    pub(crate) async fn finish(self) {
        self.closing.send_replace(true);
        if let Some(listening) = self.listening {
            // A task that panicked has nothing more to wait for.
            let _ = listening.await;
        }
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    // We have the lock, so a socket that lies there belongs to nobody.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn listen(
    listener: UnixListener,
    path: PathBuf,
    engine: Rc<Engine>,
    mut closed: watch::Receiver<bool>,
) {
    let mut guests = JoinSet::new();
    let for_guests = closed.clone();
    loop {
        tokio::select! {
            accepted = listener.accept(), if guests.len() < GUESTS_MAX => match accepted {
                Ok((stream, _)) => {
                    guests.spawn_local(host(stream, Rc::clone(&engine), for_guests.clone()));
                }
                // Out of file handles, say: one that ends makes room.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = guests.join_next() => {}
            _ = closed.wait_for(|closing| *closing) => break,
        }
    }
    drop(listener);
    // Whoever comes now waits for the lock.
    let _ = fs::remove_file(path);
    while guests.join_next().await.is_some() {}
}

/// Runs one command of another process. A guest that goes away ends its command.
async fn host(stream: UnixStream, engine: Rc<Engine>, mut closed: watch::Receiver<bool>) {
    let (mut from_guest, mut to_guest) = stream.into_split();
    let received = tokio::time::timeout(REQUEST_WITHIN, greet(&mut from_guest, &mut to_guest));
    let Ok(Ok(request)) = received.await else { return };
    let line = std::iter::once("veche".into()).chain(request.arguments.iter().cloned());
    let arguments = match Arguments::try_parse_from(line) {
        Ok(arguments) => arguments,
        Err(error) => {
            let (code, piece) = crate::usage(&error);
            let _ = answer(&mut to_guest, &Answer::Piece(piece)).await;
            let _ = answer(&mut to_guest, &Answer::Done(code)).await;
            return;
        }
    };
    // Someone who only watches can begin again elsewhere, and would hold us up for long; a change
    // must be seen to its end here.
    let may_be_released =
        matches!(arguments.command, Command::Watch { .. } | Command::Sync { wait: Some(_) });
    let (pieces, mut ready) = mpsc::channel(PIECES_WAITING_MAX);
    let output = Output::to_peer(arguments.options.json, pieces);
    let context = Context::new(engine, output, arguments.options, request);
    let command = async {
        let result = commands::run(&context, arguments.command).await;
        let code = crate::exit_code(&context.output, result.map(|()| 0));
        // A guest that went away needs no last words.
        let _ = context.output.flush().await;
        code
    };
    tokio::pin!(command);
    let mut byte = [0];
    let last = loop {
        tokio::select! {
            biased;
            Some(piece) = ready.recv() => {
                if answer(&mut to_guest, &Answer::Piece(piece)).await.is_err() {
                    return;
                }
            }
            code = &mut command => break Answer::Done(code),
            _ = from_guest.read(&mut byte) => return,
            _ = closed.wait_for(|closing| *closing), if may_be_released => break Answer::Released,
        }
    };
    while let Ok(piece) = ready.try_recv() {
        if answer(&mut to_guest, &Answer::Piece(piece)).await.is_err() {
            return;
        }
    }
    let _ = answer(&mut to_guest, &last).await;
}

async fn greet(
    from_guest: &mut OwnedReadHalf,
    to_guest: &mut OwnedWriteHalf,
) -> io::Result<Request> {
    to_guest.write_all(GREETING).await?;
    read_request(from_guest).await
}

async fn answer(to_guest: &mut OwnedWriteHalf, answer: &Answer) -> io::Result<()> {
    write_answer(to_guest, answer).await
}
