//! The end of a process that finds its home in use: it hands its command over and prints what comes
//! back.

use std::path::Path;

use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

use crate::handover::{Answer, GREETING, Request, SOCKET_FILE, read_answer, write_request};
use crate::output::write_piece;
use crate::problem::Problem;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// The command ended with this exit code; everything is printed.
    Done(u8),
    /// Nobody took it: it may be tried again.
    Nobody,
}

/// Hands a command over to the process that has the home, if that one listens before `give_up`.
///
/// The request is sent only after the greeting: a process that is stopped or dying never finds a
/// command in its socket that somebody else has given up on.
pub(crate) async fn hand_over(
    home: &Path,
    request: &Request,
    give_up: Instant,
) -> Result<Handed, Problem> {
    let Ok(mut stream) = UnixStream::connect(home.join(SOCKET_FILE)).await else {
        return Ok(Handed::Nobody);
    };
    let mut greeting = [0; GREETING.len()];
    match timeout_at(give_up, stream.read_exact(&mut greeting)).await {
        Ok(Ok(_)) if &greeting == GREETING => {}
        Ok(Ok(_)) => {
            return Err(Problem::refused("a veche of another version is using this home")
                .hint("end that one first"));
        }
        Ok(Err(_)) | Err(_) => return Ok(Handed::Nobody),
    }
    write_request(&mut stream, request).await?;
    loop {
        match read_answer(&mut stream).await {
            Ok(Answer::Piece(piece)) => write_piece(&piece)?,
            Ok(Answer::Done(code)) => return Ok(Handed::Done(code)),
            Ok(Answer::Released) => return Ok(Handed::Nobody),
            Err(_) => {
                return Err(Problem::refused(
                    "the veche that has this home ended before it had answered",
                )
                .hint("look with `veche read` or `veche chats` whether it was done"));
            }
        }
    }
}
