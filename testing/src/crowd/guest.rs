//! Somebody with a whole client whose database is in memory, and a connection to a server.

use std::time::{Duration, SystemTime};

use veche_client::{
    Client, ClientError, Command, Effect, Input, IntentId, Job, Outcome, Reply, Settled, Store,
};
use veche_net::{DirectDialer, WsLink};
use veche_wire::link::{Broken, Dial, Link};
use veche_wire::{Millis, ServerAddress};

use super::{Stopped, words};
use crate::dice::Dice;

/// How often a guest dials before they give up: a machine with all of them at work may be slow to answer.
const DIALS_MAX: usize = 5;
/// A guest who waits for nothing looks around so often.
const IDLE: Duration = Duration::from_secs(60);

pub(super) struct Guest {
    client: Client,
    dialer: DirectDialer,
    link: Option<WsLink>,
    outgoing: Vec<Vec<u8>>,
    wake_at: Option<Millis>,
    /// What the client wants computed.
    job: Option<Job>,
    /// Whether the client wants another connection.
    hangs_up: bool,
}

impl Guest {
    /// Makes an account with this name; `chance` is never the same twice.
    pub(super) async fn register(
        server: &ServerAddress,
        name: String,
        chance: Dice,
    ) -> Result<Self, Stopped> {
        let store = Store::in_memory().map_err(words)?;
        let client = Client::open(store, Box::new(chance), now()).map_err(words)?;
        let dialer = DirectDialer { address: server.clone() };
        let mut guest = Self {
            client,
            dialer,
            link: None,
            outgoing: Vec::new(),
            wake_at: None,
            job: None,
            hangs_up: false,
        };
        let register = Command::Register { server: server.clone(), name, invite: None };
        guest.settle(register).await?;
        Ok(guest)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Gives the client a command.
    pub(super) fn command(&mut self, command: Command) -> Result<Reply, Stopped> {
        let (reply, effects) = self.client.command(now(), command).map_err(words)?;
        self.carry_out(effects);
        Ok(reply)
    }

    /// Gives the client a command, and waits until it is done.
    pub(super) async fn settle(&mut self, command: Command) -> Result<Option<Outcome>, Stopped> {
        match self.command(command)? {
            Reply::Intent(intent) | Reply::Message { intent, .. } => {
                self.done(intent).await.map(Some)
            }
            Reply::Done => Ok(None),
        }
    }

    async fn done(&mut self, intent: IntentId) -> Result<Outcome, Stopped> {
        let settled = self.until(|client| {
            let settled = client.intent(intent)?;
            Ok((settled != Settled::Waiting).then_some(settled))
        });
        match settled.await? {
            Settled::Done(outcome) => Ok(outcome),
            other => Err(format!("it came to {other:?}")),
        }
    }

    /// Goes on until the client is as it is looked for.
    pub(super) async fn until<T>(
        &mut self,
        mut look: impl FnMut(&Client) -> Result<Option<T>, ClientError>,
    ) -> Result<T, Stopped> {
        loop {
            if let Some(found) = look(&self.client).map_err(words)? {
                return Ok(found);
            }
            self.speak().await?;
            self.listen().await?;
        }
    }

    /// Sends what the client has for the server, over a new connection where there is none.
    pub(super) async fn speak(&mut self) -> Result<(), Stopped> {
        loop {
            if std::mem::take(&mut self.hangs_up) {
                self.hang_up()?;
            }
            if self.link.is_none() {
                self.dial().await?;
            }
            let Some(link) = &mut self.link else { continue };
            if self.outgoing.is_empty() {
                return Ok(());
            }
            let frames = std::mem::take(&mut self.outgoing);
            let slices: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            if let Err(Broken(_)) = link.send(&slices).await {
                self.hang_up()?;
            }
        }
    }

    /// Takes what comes next from the server, or what is due. Nothing is lost where this is not waited for
    /// to the end.
    pub(super) async fn listen(&mut self) -> Result<(), Stopped> {
        let wait = self.wake_at.map_or(IDLE, |at| Duration::from_millis(at.saturating_sub(now())));
        let has_backlog = self.client.has_backlog();
        let Some(link) = &mut self.link else { return Ok(()) };
        let input = tokio::select! {
            frame = link.recv(), if !has_backlog => frame.map(Input::Frame),
            () = tokio::time::sleep(wait) => {
                self.wake_at = None;
                Ok(Input::Tick)
            }
        };
        match input {
            Ok(input) => self.feed(input),
            Err(Broken(_)) => self.hang_up(),
        }
    }

    async fn dial(&mut self) -> Result<(), Stopped> {
        let mut last = String::new();
        for _ in 0..DIALS_MAX {
            match self.dialer.dial().await {
                Ok(link) => {
                    self.link = Some(link);
                    self.outgoing.clear();
                    return self.feed(Input::Connected);
                }
                Err(why) => last = words(why),
            }
        }
        Err(last)
    }

    fn hang_up(&mut self) -> Result<(), Stopped> {
        self.link = None;
        self.feed(Input::Disconnected)
    }

    fn feed(&mut self, input: Input) -> Result<(), Stopped> {
        let effects = self.client.handle(now(), input).map_err(words)?;
        self.carry_out(effects);
        // Nobody looks at a guest meanwhile.
        match self.job.take() {
            Some(job) => self.feed(Input::Computed(job.compute())),
            None => Ok(()),
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(frame) => self.outgoing.push(frame),
                Effect::WakeAt(at) => {
                    self.wake_at = Some(self.wake_at.map_or(at, |before| before.min(at)));
                }
                Effect::Hangup => self.hangs_up = true,
                Effect::Compute(job) => self.job = Some(job),
                Effect::Tell(_) => {}
            }
        }
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
