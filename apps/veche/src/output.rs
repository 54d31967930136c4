//! Where a command's words go: this terminal, or another `veche` that handed its command over.

use std::cell::RefCell;
use std::io::{self, Write};

use serde::Serialize;
use tokio::sync::mpsc;

use crate::problem::Problem;
use crate::sanitize;

/// How many pieces of output wait for a process that handed its command over and reads slowly.
pub(crate) const PIECES_WAITING_MAX: usize = 256;

/// A piece of output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// For the standard output.
    Out(Vec<u8>),
    /// For the standard error.
    Err(Vec<u8>),
}

/// Where the words go.
#[derive(Debug)]
enum Sink {
    Terminal,
    Peer { pieces: mpsc::Sender<Piece>, waiting: RefCell<Vec<Piece>> },
}

/// The voice of one command. Everything that is printed goes through here, and nothing that steers
/// a terminal gets through.
#[derive(Debug)]
pub(crate) struct Output {
    /// Whether one JSON object a line is wanted.
    pub(crate) json: bool,
    sink: Sink,
}

impl Output {
    /// Speaks to this process's own terminal.
    pub(crate) fn to_terminal(json: bool) -> Self {
        Self { json, sink: Sink::Terminal }
    }

    /// Speaks to a process that handed its command over.
    pub(crate) fn to_peer(json: bool, pieces: mpsc::Sender<Piece>) -> Self {
        Self { json, sink: Sink::Peer { pieces, waiting: RefCell::default() } }
    }

    /// Prints an object with `--json`, else the words; which may have several lines, made safe with
    /// [`sanitize`] where they hold what somebody else wrote.
    pub(crate) fn say<T: Serialize>(
        &self,
        shape: &T,
        words: impl FnOnce() -> String,
    ) -> Result<(), Problem> {
        let line = if self.json {
            let json = serde_json::to_string(shape)
                .map_err(|error| Problem::refused(format!("this is a bug in veche: {error}")))?;
            sanitize::json(&json).into_owned()
        } else {
            sanitize::block(&words(), "")
        };
        if line.is_empty() {
            return Ok(());
        }
        self.put(Piece::Out(format!("{line}\n").into_bytes()))
    }

    /// Tells the person something that is not the result: a reason, a notice.
    pub(crate) fn tell(&self, words: &str) {
        let line = format!("{}\n", sanitize::block(words, ""));
        // Whoever cannot read our complaints cannot be told that either.
        let _ = self.put(Piece::Err(line.into_bytes()));
    }

    /// Waits until a slow reader has caught up. Commands that print much call this now and then.
    pub(crate) async fn flush(&self) -> Result<(), Problem> {
        match &self.sink {
            Sink::Terminal => Ok(io::stdout().lock().flush()?),
            Sink::Peer { pieces, waiting } => {
                let ready = waiting.take();
                for piece in ready {
                    pieces.send(piece).await.map_err(|_| gone())?;
                }
                Ok(())
            }
        }
    }

    fn put(&self, piece: Piece) -> Result<(), Problem> {
        match &self.sink {
            Sink::Terminal => Ok(write_piece(&piece)?),
            Sink::Peer { pieces, waiting } => {
                if pieces.is_closed() {
                    return Err(gone());
                }
                waiting.borrow_mut().push(piece);
                Ok(())
            }
        }
    }
}

/// Writes a piece to this process's own terminal.
pub(crate) fn write_piece(piece: &Piece) -> io::Result<()> {
    match piece {
        Piece::Out(bytes) => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()
        }
        Piece::Err(bytes) => io::stderr().lock().write_all(bytes),
    }
}

fn gone() -> Problem {
    Problem::from(io::Error::from(io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes;

    async fn said(json: bool, text: &str) -> Vec<Piece> {
        let (pieces, mut heard) = mpsc::channel(PIECES_WAITING_MAX);
        let output = Output::to_peer(json, pieces);
        output.say(&shapes::single("text", text), || text.to_owned()).unwrap();
        output.tell(text);
        output.flush().await.unwrap();
        drop(output);
        let mut all = Vec::new();
        while let Some(piece) = heard.recv().await {
            all.push(piece);
        }
        all
    }

    #[tokio::test]
    async fn nothing_that_steers_gets_through_either_way() {
        let human = said(false, "a\u{1b}[2J").await;
        assert_eq!(human[0], Piece::Out("a\u{fffd}[2J\n".into()));
        assert_eq!(human[1], Piece::Err("a\u{fffd}[2J\n".into()));
        let json = said(true, "a\u{1b}\u{202e}\u{9b}").await;
        assert_eq!(json[0], Piece::Out("{\"text\":\"a\\u001b\\u202e\\u009b\"}\n".into()));
    }

    #[tokio::test]
    async fn a_reader_that_went_away_ends_the_command() {
        let (pieces, heard) = mpsc::channel(PIECES_WAITING_MAX);
        drop(heard);
        let output = Output::to_peer(false, pieces);
        let problem = output.say(&shapes::single("a", "b"), || "b".to_owned()).unwrap_err();
        assert!(problem.is_quiet());
    }
}
