//! Somebody in a story, and what they do and see.

use std::cell::RefCell;
use std::rc::Rc;

use veche_client::{
    ChatView, Client, Command, Event, IntentId, MemberView, MessageView, Outcome, PersonReference,
    Reply, RequestView, Role, Settled,
};
use veche_wire::{EntryId, JoinLink, LogId, Millis};

use super::schedule::Who;
use super::screen;
use super::stage::{Refusal, Stage};

/// The most rows of a chat that a story looks at.
const ROWS_MAX: usize = 100_000;

/// Somebody with a device, in a world.
#[derive(Clone)]
pub struct Person {
    pub(crate) stage: Rc<RefCell<Stage>>,
    pub(crate) who: Who,
    name: String,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl Person {
    pub(crate) fn new(stage: &Rc<RefCell<Stage>>, who: Who, name: &str) -> Self {
        Self { stage: Rc::clone(stage), who, name: name.to_owned() }
    }

    /// The username.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    // Doing.

    /// Gives a command to the client.
    ///
    /// # Errors
    /// Where the client refused it, or died over it, or does not run.
    pub fn want(&self, command: Command) -> Result<Reply, Refusal> {
        self.stage.borrow_mut().command(self.who, command)
    }

    /// Gives a command to a client that for this once does not mind what its person may do.
    ///
    /// # Errors
    /// As [`Person::want`].
    pub fn want_dishonestly(&self, command: Command) -> Result<Reply, Refusal> {
        self.stage.borrow_mut().command_dishonestly(self.who, command)
    }

    /// Gives a command that the client takes and keeps as an intent.
    fn intend(&self, command: Command) -> IntentId {
        match self.want(command.clone()) {
            Ok(Reply::Intent(intent) | Reply::Message { intent, .. }) => intent,
            other => panic!("{} wanted {command:?} and got {other:?}", self.name),
        }
    }

    fn post(&self, command: Command) -> EntryId {
        match self.want(command.clone()) {
            Ok(Reply::Message { message, .. }) => message,
            other => panic!("{} wanted {command:?} and got {other:?}", self.name),
        }
    }

    /// Says something.
    pub fn say(&self, chat: LogId, text: &str) -> EntryId {
        let text = text.to_owned();
        self.post(Command::Send { chat, text, reply_to: None, file: None })
    }

    /// Answers a message.
    pub fn reply(&self, chat: LogId, to: EntryId, text: &str) -> EntryId {
        let text = text.to_owned();
        self.post(Command::Send { chat, text, reply_to: Some(to), file: None })
    }

    /// Sends a file with some words.
    pub fn send_file(&self, chat: LogId, text: &str, name: &str, bytes: &[u8]) -> EntryId {
        let staged = {
            let mut stage = self.stage.borrow_mut();
            let client = stage.cast[self.who].client_mut().expect("the program runs");
            client
                .stage_file(name, "application/octet-stream", bytes.len() as u64, &mut &bytes[..])
                .expect("the file can be staged")
        };
        let text = text.to_owned();
        self.post(Command::Send { chat, text, reply_to: None, file: Some(staged) })
    }

    /// Changes an own message.
    pub fn edit(&self, chat: LogId, message: EntryId, text: &str) {
        self.want(Command::Edit { chat, message, text: text.to_owned() })
            .expect("an edit is taken");
    }

    /// Deletes an own message.
    pub fn delete(&self, chat: LogId, message: EntryId) {
        self.want(Command::Delete { chat, message }).expect("a deletion is taken");
    }

    /// Reacts to a message, or takes that back.
    pub fn react(&self, chat: LogId, message: EntryId, emoji: &str) {
        let emoji = emoji.to_owned();
        self.want(Command::React { chat, message, emoji }).expect("a reaction is taken");
    }

    /// Adds somebody.
    pub fn add(&self, chat: LogId, who: &Self) -> IntentId {
        self.intend(Command::AddMembers { chat, names: vec![who.name.clone()] })
    }

    /// Removes somebody.
    pub fn remove(&self, chat: LogId, who: &Self) -> IntentId {
        self.intend(Command::RemoveMembers { chat, names: vec![who.name.clone()] })
    }

    /// Gives somebody a role.
    pub fn role(&self, chat: LogId, who: &Self, role: Role) -> IntentId {
        self.intend(Command::SetRole { chat, name: who.name.clone(), role })
    }

    /// Gives a group another title.
    pub fn rename(&self, chat: LogId, title: &str) -> IntentId {
        self.intend(Command::Rename { chat, title: title.to_owned() })
    }

    /// Leaves a group.
    pub fn leave(&self, chat: LogId) -> IntentId {
        self.intend(Command::Leave { chat })
    }

    /// Opens the direct chat with somebody by their username.
    pub fn open_direct(&self, with: &Self) -> IntentId {
        self.intend(Command::OpenDirect(PersonReference::Username(with.name.clone())))
    }

    /// Makes a group.
    pub fn make_group(&self, title: &str, members: &[&Self]) -> IntentId {
        let members = members.iter().map(|member| member.name.clone()).collect();
        self.intend(Command::CreateGroup { title: title.to_owned(), members, large: false })
    }

    /// Makes a group with room for thousands.
    pub fn make_large_group(&self, title: &str, members: &[&Self]) -> IntentId {
        let members = members.iter().map(|member| member.name.clone()).collect();
        self.intend(Command::CreateGroup { title: title.to_owned(), members, large: true })
    }

    /// Lets a group go on in another log: as a large one, or without some people.
    ///
    /// # Panics
    /// Where that is refused.
    pub fn renew(&self, chat: LogId, large: bool, without: &[&Self]) {
        let without = without.iter().map(|who| who.name.clone()).collect();
        self.want(Command::Renew { chat, large, without }).expect("an owner may renew a group");
    }

    /// Keeps somebody as a contact, by the link that they gave away.
    pub fn add_contact(&self, other: &Self) -> IntentId {
        let link = other.look(|client| client.contact_link().expect("a link can be made"));
        self.intend(Command::AddContact(PersonReference::Link(link)))
    }

    /// Makes a link to join a group by: whether somebody decides, for how long, for how many.
    pub fn make_link(
        &self,
        chat: LogId,
        (approves, lasts, uses): (bool, Option<Millis>, Option<u64>),
    ) -> IntentId {
        self.intend(Command::MakeLink { chat, approves, lasts, uses })
    }

    /// The link of a group.
    ///
    /// # Panics
    /// Where it has none that this person may pass on.
    #[must_use]
    pub fn link(&self, chat: LogId) -> JoinLink {
        let view = self.look(|client| client.link(chat).expect("a link can be read"));
        view.expect("the group has a link").link
    }

    /// Asks to join by a link.
    pub fn knock(&self, link: &JoinLink) -> IntentId {
        self.intend(Command::JoinByLink(link.clone()))
    }

    /// Lets somebody in who asks.
    pub fn let_in(&self, chat: LogId, who: &Self) -> IntentId {
        self.intend(Command::LetIn { chat, names: vec![who.name.clone()] })
    }

    /// Declines somebody who asks.
    pub fn turn_away(&self, chat: LogId, who: &Self) {
        let names = vec![who.name.clone()];
        self.want(Command::TurnAway { chat, names }).expect("an answer is taken");
    }

    /// Who asks to join: `cyd, dan`.
    #[must_use]
    pub fn askers(&self, chat: LogId) -> String {
        let asking = self.look(|client| client.join_requests(chat).expect("they can be read"));
        let names: Vec<String> = asking.into_iter().map(|asking| asking.name).collect();
        names.join(", ")
    }

    /// Bans somebody, or takes that back.
    pub fn ban(&self, chat: LogId, who: &Self, banned: bool) -> IntentId {
        self.intend(Command::Ban { chat, names: vec![who.name.clone()], banned })
    }

    /// Fetches the file of a message.
    pub fn download(&self, chat: LogId, message: EntryId) -> IntentId {
        self.intend(Command::Download { chat, message })
    }

    /// Accepts all requests that wait.
    pub fn accept_all(&self) {
        for request in self.requests() {
            self.want(Command::Accept { request: request.id }).expect("an acceptance is taken");
        }
    }

    // Seeing.

    /// Looks into the client.
    ///
    /// # Panics
    /// Where the program does not run.
    pub fn look<T>(&self, look: impl FnOnce(&mut Client) -> T) -> T {
        let mut stage = self.stage.borrow_mut();
        stage.cast[self.who].look(look).expect("the program runs")
    }

    /// What the screen shows of a chat: a line for each message.
    #[must_use]
    pub fn screen(&self, chat: LogId) -> String {
        screen::messages(&self.rows(chat))
    }

    /// The same with the lines about who came, went and changed what.
    #[must_use]
    pub fn whole_screen(&self, chat: LogId) -> String {
        screen::everything(&self.rows(chat))
    }

    /// All rows of a chat, oldest first.
    #[must_use]
    pub fn rows(&self, chat: LogId) -> Vec<MessageView> {
        self.look(|client| client.page(chat, None, ROWS_MAX).expect("a chat can be read"))
    }

    /// One message.
    #[must_use]
    pub fn message(&self, chat: LogId, id: EntryId) -> Option<MessageView> {
        self.look(|client| client.message(chat, id).expect("a message can be read"))
    }

    /// All chats.
    #[must_use]
    pub fn chats(&self) -> Vec<ChatView> {
        self.look(|client| client.chats().expect("chats can be read"))
    }

    /// The bytes of a file that was downloaded.
    #[must_use]
    pub fn file(&self, chat: LogId, message: EntryId) -> Vec<u8> {
        let part = |index| {
            self.look(|client| client.file_part(chat, message, index).expect("a part can be read"))
        };
        (0..).map_while(part).flatten().collect()
    }

    /// One chat.
    #[must_use]
    pub fn chat(&self, chat: LogId) -> Option<ChatView> {
        self.chats().into_iter().find(|view| view.chat == chat)
    }

    /// Who is in a chat: `ana (owner), bo`.
    #[must_use]
    pub fn members(&self, chat: LogId) -> String {
        let members = self.look(|client| client.members(chat).expect("members can be read"));
        let mut words: Vec<String> = members.iter().map(member_in_words).collect();
        words.sort();
        words.join(", ")
    }

    /// Requests that wait for an answer.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestView> {
        self.look(|client| client.requests().expect("requests can be read"))
    }

    /// How an intent stands.
    #[must_use]
    pub fn outcome(&self, intent: IntentId) -> Settled {
        self.look(|client| client.intent(intent).expect("an intent can be read"))
    }

    /// The chat that an intent ended in.
    #[must_use]
    pub fn chat_of(&self, intent: IntentId) -> LogId {
        match self.outcome(intent) {
            Settled::Done(Outcome::Chat(chat)) => chat,
            other => panic!("{}: a chat was wanted, and this came: {other:?}", self.name),
        }
    }

    /// Messages for which the client called its person's attention, oldest first.
    #[must_use]
    pub fn called_to(&self) -> Vec<EntryId> {
        let stage = self.stage.borrow();
        let call = |event: &Event| match event {
            Event::Mention { message, .. } => Some(*message),
            _ => None,
        };
        stage.cast[self.who].told.iter().filter_map(call).collect()
    }

    /// How often the client told that somebody asks to join a group.
    #[must_use]
    pub fn asked_to_decide(&self) -> usize {
        let stage = self.stage.borrow();
        let told = stage.cast[self.who].told.iter();
        told.filter(|event| matches!(event, Event::JoinRequest { .. })).count()
    }

    /// How often the client told that something about a chat has changed.
    #[must_use]
    pub fn told_of_chat(&self, chat: LogId) -> usize {
        let stage = self.stage.borrow();
        stage.cast[self.who].told.iter().filter(|event| **event == Event::Chat(chat)).count()
    }

    /// How far a file was, of how many bytes, each time that the client told of it.
    #[must_use]
    pub fn told_of_file(&self, wanted: &str) -> Vec<(u64, u64)> {
        let stage = self.stage.borrow();
        let step = |event: &Event| match event {
            Event::File { transfer, have, total } if transfer == wanted => Some((*have, *total)),
            _ => None,
        };
        stage.cast[self.who].told.iter().filter_map(step).collect()
    }

    /// Notices that the client told, oldest first.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let stage = self.stage.borrow();
        let notice = |event: &Event| match event {
            Event::Notice(words) => Some(words.clone()),
            _ => None,
        };
        stage.cast[self.who].told.iter().filter_map(notice).collect()
    }
}

fn member_in_words(member: &MemberView) -> String {
    match member.role {
        Role::Member => member.name.clone(),
        Role::Admin => format!("{} (admin)", member.name),
        Role::Owner => format!("{} (owner)", member.name),
    }
}
