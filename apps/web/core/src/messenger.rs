//! A client and its session with the server, as a state machine over bytes: natively tested, and wrapped
//! for the browser by `worker`.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;

use veche_client::wire::{ContactLink, EntryId, JoinLink, LogId, Millis, ServerAddress, limits};
use veche_client::{
    Client, ClientError, Command, Effect, Input, Job, MessageView, Reply, StagedFile,
};
use veche_net::{Initiator, Session, SessionError, batches};

use crate::ask::{Answer, Ask, News, Pasted, Place, Trouble};

/// The most messages or members that are answered at once.
const LIMIT_MAX: u32 = 500;
/// How many files may wait to be sent; the oldest is forgotten before another waits.
const STAGED_MAX: usize = 32;

/// How far the session with the server is.
enum Wire {
    Down,
    Greeting(Box<Initiator>),
    Up(Session),
}

/// One account's messenger.
pub struct Messenger {
    client: Client,
    wire: Wire,
    /// Encoded frames that wait for the session.
    frames: Vec<Vec<u8>>,
    /// Sealed messages that wait for the socket.
    outgoing: VecDeque<Vec<u8>>,
    news: VecDeque<News>,
    wake_at: Option<Millis>,
    /// What the next tick computes.
    job: Option<Job>,
    hangs_up: bool,
    staged: BTreeMap<u32, StagedFile>,
    staged_count: u32,
}

impl std::fmt::Debug for Messenger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Messenger(…)")
    }
}

impl Messenger {
    /// A messenger with this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            wire: Wire::Down,
            frames: Vec::new(),
            outgoing: VecDeque::new(),
            news: VecDeque::new(),
            wake_at: None,
            job: None,
            hangs_up: false,
            staged: BTreeMap::new(),
            staged_count: 0,
        }
    }

    /// Answers a page.
    ///
    /// # Errors
    /// `Refused` with words for the person; `Broken` where the database failed.
    pub fn ask(&mut self, now: Millis, ask: Ask) -> Result<Answer, Trouble> {
        let client = &self.client;
        Ok(match ask {
            Ask::Do(command) => Answer::Reply(self.command(now, command)?),
            Ask::SendFile { chat, text, reply_to, staged } => {
                let Some(file) = self.staged.get(&staged).cloned() else {
                    return Err(Trouble::Refused(
                        "The file is not here any more; add it again.".into(),
                    ));
                };
                let command = Command::Send { chat, text, reply_to, file: Some(file) };
                let reply = self.command(now, command)?;
                self.staged.remove(&staged);
                Answer::Reply(reply)
            }
            Ask::Me => Answer::Me(client.me()?),
            Ask::Phrase => Answer::Text(client.phrase()?),
            Ask::ContactLink => Answer::Text(Some(client.contact_link()?.to_string())),
            Ask::Chats => Answer::Chats(client.chats()?),
            Ask::Page { chat, at, limit } => Answer::Messages(self.page(chat, at, limit)?),
            Ask::Message { chat, message } => {
                Answer::Messages(client.message(chat, message)?.into_iter().collect())
            }
            Ask::Search { words, limit } => Answer::Messages(client.search(&words, bound(limit))?),
            Ask::Members { chat, after, limit } => {
                Answer::Members(client.member_page(chat, after, bound(limit))?)
            }
            Ask::FindMembers { chat, words, limit } => {
                Answer::Members(client.find_members(chat, &words, bound(limit))?)
            }
            Ask::Rules { chat } => Answer::Rules(client.rules(chat)?),
            Ask::Link { chat } => Answer::Link(client.link(chat)?),
            Ask::JoinRequests { chat } => Answer::JoinRequests(client.join_requests(chat)?),
            Ask::Banned { chat } => Answer::Contacts(client.banned(chat)?),
            Ask::Contacts => Answer::Contacts(client.contacts()?),
            Ask::Requests => Answer::Requests(client.requests()?),
            Ask::SafetyNumber { name } => Answer::Text(Some(client.safety_number(&name)?)),
            Ask::Intent(id) => Answer::Settled(client.intent(id)?),
            Ask::Pending => Answer::Pending(client.pending()?),
            Ask::Connection => Answer::Connection(client.connection()?),
            Ask::Read { text } => Answer::Pasted(read(&text)),
        })
    }

    fn command(&mut self, now: Millis, command: Command) -> Result<Reply, Trouble> {
        let (reply, effects) = self.client.command(now, command)?;
        self.apply(effects);
        Ok(reply)
    }

    fn page(&self, chat: LogId, at: Place, limit: u32) -> Result<Vec<MessageView>, ClientError> {
        match at {
            Place::Start => self.client.first_page(chat, bound(limit)),
            Place::End => self.client.page(chat, None, bound(limit)),
            Place::After(message) => self.client.page(chat, Some(message), bound(limit)),
            Place::Before(message) => self.client.page_before(chat, message, bound(limit)),
        }
    }

    /// Seals a file into the database; the number is for [`Ask::SendFile`].
    ///
    /// # Errors
    /// `Refused` where it is too large, or its name too long.
    pub fn stage_file(
        &mut self,
        name: &str,
        media_type: &str,
        size: u64,
        read: &mut dyn Read,
    ) -> Result<u32, Trouble> {
        let file = self.client.stage_file(name, media_type, size, read)?;
        while self.staged.len() >= STAGED_MAX {
            self.staged.pop_first();
        }
        self.staged_count += 1;
        self.staged.insert(self.staged_count, file);
        Ok(self.staged_count)
    }

    /// One chunk of a message's file that is here; `None` after the last.
    ///
    /// # Errors
    /// `Refused` where it is not here, or damaged.
    pub fn file_part(
        &mut self,
        chat: LogId,
        message: EntryId,
        index: u64,
    ) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.client.file_part(chat, message, index)?)
    }

    /// The account's server, where there is an account.
    ///
    /// # Errors
    /// `Broken` where the database failed.
    pub fn address(&self) -> Result<Option<ServerAddress>, Trouble> {
        Ok(self.client.server()?)
    }

    /// The socket is open.
    ///
    /// # Errors
    /// `Broken` where the database failed.
    pub fn connected(&mut self) -> Result<(), Trouble> {
        let Some(address) = self.address()? else {
            self.hangs_up = true;
            return Ok(());
        };
        self.drop_wire();
        match Initiator::new(&address.key) {
            Ok((initiator, first)) => {
                self.wire = Wire::Greeting(Box::new(initiator));
                self.outgoing.push_back(first);
            }
            Err(error) => self.give_up(&error),
        }
        Ok(())
    }

    /// A message came from the socket.
    ///
    /// # Errors
    /// `Broken` where the database failed.
    pub fn received(&mut self, now: Millis, message: &[u8]) -> Result<(), Trouble> {
        match std::mem::replace(&mut self.wire, Wire::Down) {
            Wire::Down => Ok(()),
            Wire::Greeting(initiator) => match initiator.finish(message) {
                Ok(session) => {
                    self.wire = Wire::Up(session);
                    self.feed(now, Input::Connected)
                }
                Err(error) => {
                    self.give_up(&error);
                    Ok(())
                }
            },
            Wire::Up(mut session) => match session.open(message) {
                Ok(frames) => {
                    self.wire = Wire::Up(session);
                    frames.into_iter().try_for_each(|frame| self.feed(now, Input::Frame(frame)))
                }
                Err(error) => {
                    self.give_up(&error);
                    Ok(())
                }
            },
        }
    }

    /// The socket is gone.
    ///
    /// # Errors
    /// `Broken` where the database failed.
    pub fn disconnected(&mut self, now: Millis) -> Result<(), Trouble> {
        self.drop_wire();
        self.hangs_up = false;
        self.feed(now, Input::Disconnected)
    }

    /// Time has passed.
    ///
    /// # Errors
    /// `Broken` where the database failed.
    pub fn tick(&mut self, now: Millis) -> Result<(), Trouble> {
        self.wake_at = None;
        match self.job.take() {
            Some(job) => self.feed(now, Input::Computed(job.compute())),
            None => self.feed(now, Input::Tick),
        }
    }

    /// The next message for the socket.
    ///
    /// # Panics
    /// Never.
    pub fn take_outgoing(&mut self) -> Option<Vec<u8>> {
        if self.outgoing.is_empty() && !self.frames.is_empty() {
            self.seal();
        }
        self.outgoing.pop_front()
    }

    fn seal(&mut self) {
        let Wire::Up(session) = &mut self.wire else { return };
        for batch in batches(&std::mem::take(&mut self.frames)) {
            match session.seal_frames(batch) {
                Ok(message) => self.outgoing.push_back(message),
                Err(error) => return self.give_up(&error),
            }
        }
    }

    /// The next thing that a page should know.
    pub fn take_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// When [`Self::tick`] is wanted.
    #[must_use]
    pub fn wake_at(&self) -> Option<Millis> {
        self.wake_at
    }

    /// Whether what has come is not all processed: more is not to be given before ticks have seen to it, so
    /// that the server sends no faster than this device reads.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.client.has_backlog()
    }

    /// Whether the socket is to be closed; asked once.
    pub fn take_hang_up(&mut self) -> bool {
        std::mem::take(&mut self.hangs_up)
    }

    fn feed(&mut self, now: Millis, input: Input) -> Result<(), Trouble> {
        match self.client.handle(now, input) {
            Ok(effects) => {
                self.apply(effects);
                Ok(())
            }
            // A server that talks nonsense may do better on another connection.
            Err(ClientError::Peer(_)) => {
                self.hangs_up = true;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(frame) => self.frames.push(frame),
                Effect::Tell(event) => self.news.push_back(News::Event(event)),
                Effect::WakeAt(at) => {
                    self.wake_at = Some(self.wake_at.map_or(at, |before| before.min(at)));
                }
                Effect::Hangup => self.hangs_up = true,
                Effect::Compute(job) => {
                    // A worker has one thread: what a page has asked meanwhile goes first.
                    self.job = Some(job);
                    self.wake_at = Some(0);
                }
            }
        }
    }

    fn give_up(&mut self, error: &SessionError) {
        self.drop_wire();
        self.hangs_up = true;
        let again = !matches!(error, SessionError::WrongKey);
        self.news.push_back(News::Unreachable { words: format!("{error}"), again });
    }

    /// What was meant for one connection is asked anew on the next.
    fn drop_wire(&mut self) {
        self.wire = Wire::Down;
        self.frames.clear();
        self.outgoing.clear();
    }
}

impl From<ClientError> for Trouble {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(words) => Self::Refused(words),
            error => Self::Broken(error.to_string()),
        }
    }
}

fn bound(limit: u32) -> usize {
    usize::try_from(limit.min(LIMIT_MAX)).unwrap_or_default()
}

/// What somebody has pasted.
fn read(text: &str) -> Pasted {
    let text = text.trim();
    if let Ok(link) = text.parse::<JoinLink>() {
        return Pasted::Join(link);
    }
    match text.parse::<ContactLink>() {
        Ok(link) => Pasted::Contact(link),
        Err(error) if text.contains("://") => {
            Pasted::Unknown(format!("This link is of no use: {error}."))
        }
        Err(_) => {
            let name = text.strip_prefix('@').unwrap_or(text);
            let could_be = (limits::USERNAME_MIN..=limits::USERNAME_MAX).contains(&name.len());
            if could_be {
                Pasted::Name(name.to_owned())
            } else {
                Pasted::Unknown("This is neither a link nor a username.".to_owned())
            }
        }
    }
}
