//! What a command works with, and how it waits for the server.

use std::cell::{Cell, Ref};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;
use veche_client::wire::LogId;
use veche_client::{Client, Command, Connection, Outcome, Reply, Settled};

use crate::args::Options;
use crate::engine::Engine;
use crate::handover::Request;
use crate::output::Output;
use crate::problem::Problem;

/// What a person is told whose change has to wait.
const STAYS_QUEUED: &str = "the change stays queued; the next `veche sync` sends it";

/// Who has to wait for less than this learns the reason soon enough.
const WORTH_TELLING: Duration = Duration::from_secs(2);

/// One command at work.
pub(crate) struct Context {
    pub(crate) engine: Rc<Engine>,
    pub(crate) output: Output,
    pub(crate) options: Options,
    /// The folder to which relative paths belong.
    pub(crate) folder: PathBuf,
    /// The standard input, where the command reads it.
    pub(crate) stdin: Option<Vec<u8>>,
    /// When waiting for the server ends.
    pub(crate) deadline: Instant,
    /// Whether the person knows that the server could not be reached at once.
    told: Cell<bool>,
    /// Whether the server's address has just been typed.
    pub(crate) address_just_typed: Cell<bool>,
}

/// A change that is kept, and whether the server could be reached before.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) reply: Reply,
    reached: Result<(), Problem>,
}

impl Kept {
    pub(crate) fn new(reply: Reply, reached: Result<(), Problem>) -> Self {
        Self { reply, reached }
    }
}

/// How a change stands when the command ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Carried out and durable.
    Done(Outcome),
    /// Kept for later, as `--queue` asks for.
    Queued,
}

impl Context {
    pub(crate) fn new(
        engine: Rc<Engine>,
        output: Output,
        options: Options,
        request: Request,
    ) -> Self {
        let deadline = Instant::now() + options.timeout;
        let Request { folder, stdin, .. } = request;
        let (told, address_just_typed) = (Cell::new(false), Cell::new(false));
        Self { engine, output, options, folder, stdin, deadline, told, address_just_typed }
    }

    /// The client, to look at. Not to be held while waiting for anything.
    pub(crate) fn client(&self) -> Ref<'_, Client> {
        self.engine.client()
    }

    /// The chat that a person means.
    pub(crate) fn chat(&self, named: &str) -> Result<LogId, Problem> {
        find_chat(&self.client(), named)
    }

    /// Connects, and waits until everything that the server has was processed. With `--queue`,
    /// nothing is waited for.
    pub(crate) async fn catch_up(&self) -> Result<(), Problem> {
        if self.options.queue {
            return Ok(());
        }
        self.engine.go_online();
        let caught_up = self.engine.until(self.deadline, |engine| {
            self.heed_unreachable()?;
            let client = engine.client();
            match client.connection()? {
                Connection::Incompatible(words) => Err(Problem::refused(words)),
                Connection::Live if client.pending()?.caught_up => Ok(Some(())),
                _ => Ok(None),
            }
        });
        match caught_up.await? {
            Some(()) => Ok(()),
            None => Err(self.unreachable()),
        }
    }

    /// Says once why there is nothing but waiting at first; ends the waiting where it leads to nothing.
    pub(crate) fn heed_unreachable(&self) -> Result<(), Problem> {
        if let Some(reason) = self.engine.is_hopeless(self.address_just_typed.get()) {
            return Err(Problem::refused(reason));
        }
        self.tell_when_unreachable();
        Ok(())
    }

    fn tell_when_unreachable(&self) {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if self.told.get() || left < WORTH_TELLING {
            return;
        }
        if let Some(reason) = self.engine.unreachable() {
            self.output.tell(&format!("veche: {reason}\n  trying for {} s more", left.as_secs()));
            self.told.set(true);
        }
    }

    /// Why the server was not caught up with in time.
    pub(crate) fn unreachable(&self) -> Problem {
        match self.engine.unreachable() {
            Some(reason) => Problem::refused(reason),
            None => Problem::refused(format!(
                "the server has not answered everything within {} s",
                self.options.timeout.as_secs_f64()
            ))
            .hint("try again, or wait longer with --timeout"),
        }
    }

    /// Carries out a change: catches up, keeps it, waits until the server has it.
    pub(crate) async fn change(
        &self,
        make: impl FnOnce(&Client) -> Result<Command, Problem>,
    ) -> Result<Change, Problem> {
        let kept = self.keep(make).await?;
        self.settle(kept).await
    }

    /// The first half of [`Self::change`]: the change is durable here.
    pub(crate) async fn keep(
        &self,
        make: impl FnOnce(&Client) -> Result<Command, Problem>,
    ) -> Result<Kept, Problem> {
        let reached = self.catch_up().await;
        let made = make(&self.client());
        let command = match (made, &reached) {
            (Ok(command), _) => command,
            // What is not known here may be known there.
            (Err(_), Err(_)) => return Err(reached.err().unwrap_or_else(|| self.unreachable())),
            (Err(problem), Ok(())) => return Err(problem),
        };
        let reply = self.engine.command(command)?;
        Ok(Kept { reply, reached })
    }

    /// The second half of [`Self::change`]: the change is durable on the server.
    pub(crate) async fn settle(&self, kept: Kept) -> Result<Change, Problem> {
        let intent = match kept.reply {
            Reply::Done => return Ok(Change::Done(Outcome::Done)),
            Reply::Intent(intent) | Reply::Message { intent, .. } => intent,
        };
        if self.options.queue {
            return Ok(Change::Queued);
        }
        kept.reached.map_err(|problem| problem.hint(STAYS_QUEUED))?;
        let settled =
            self.engine.until(self.deadline, |engine| match engine.client().intent(intent)? {
                Settled::Waiting => self.heed_unreachable().map(|()| None),
                Settled::Done(outcome) => Ok(Some(outcome)),
                Settled::Failed(reason) => Err(Problem::refused(reason)),
            });
        match settled.await {
            Ok(Some(outcome)) => Ok(Change::Done(outcome)),
            Ok(None) => Err(self.not_confirmed().hint(STAYS_QUEUED)),
            // Unlike a refusal, this leaves the change where it was.
            Err(problem) if self.client().intent(intent)? == Settled::Waiting => {
                Err(problem.hint(STAYS_QUEUED))
            }
            Err(problem) => Err(problem),
        }
    }

    fn not_confirmed(&self) -> Problem {
        match self.engine.unreachable() {
            Some(reason) => Problem::refused(reason),
            None => Problem::refused(format!(
                "the server has not confirmed it within {} s",
                self.options.timeout.as_secs_f64()
            )),
        }
    }
}

/// The chat that a person means.
pub(crate) fn find_chat(client: &Client, named: &str) -> Result<LogId, Problem> {
    Ok(client.find_chat(named)?)
}
