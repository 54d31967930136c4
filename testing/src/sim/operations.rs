//! What people do at random, and what befalls them.

use veche_client::{
    ChatKind, ChatState, ChatView, Command, MemberView, MessageState, MessageView, PersonReference,
    Reply, Role,
};
use veche_wire::{EntryId, LogId};

use super::play::{Play, Sent};
use crate::world::{Beside, Death, Person, Refusal, STOLEN, ServerDeath};

/// An operation: what it is counted as, how often it is tried, and what does it. It says whether
/// anything was done.
pub(crate) type Operation = (&'static str, u64, fn(&mut Play) -> bool);

/// Everything that happens at random.
pub(crate) const OPERATIONS: &[Operation] = &[
    ("messages", 400, say),
    ("replies", 60, reply),
    ("reactions", 80, react),
    ("edits", 70, edit),
    ("deletions", 40, delete),
    ("files", 12, file),
    ("read marks", 20, mark_read),
    ("typing", 10, typing),
    ("additions", 45, add),
    ("removals", 35, remove),
    ("role changes", 40, role),
    ("renamings", 30, rename),
    ("leaves", 12, leave),
    ("attacks", 25, attack),
    ("new groups", 8, new_group),
    ("direct chats", 15, direct),
    ("simultaneous direct chats", 8, simultaneous_direct),
    ("simultaneous commits", 20, simultaneous_commits),
    ("acceptances", 40, accept),
    ("cut-offs", 30, cut_off),
    ("reconnections", 50, reconnect),
    ("restarts of clients", 20, restart),
    ("dooms of clients", 50, doom),
    ("restarts of the server", 5, restart_server),
    ("crashes of the server", 10, crash_server),
    ("dooms of the server", 8, doom_server),
];

/// What happens beside, where that is asked for.
pub(crate) fn beside(beside: Beside) -> &'static [Operation] {
    match beside {
        Beside::Nothing => &[],
        Beside::Restorations => RESTORATIONS,
        Beside::Joins => super::joins::OPERATIONS,
        Beside::Storms => super::storms::OPERATIONS,
    }
}

const RESTORATIONS: &[Operation] = &[
    ("copies of the server", 12, copy_server),
    ("restorations of the server", 12, restore_server),
];

const FAULTS: &[&str] = &[
    "frames delayed",
    "frames duplicated",
    "frames out of order",
    "frames dropped",
    "connections broken",
    "crashes of clients at a commit",
    "crashes of clients between effects",
    "crashes of the server before it answers",
    "refused: stale",
    "refused: later",
    "refused: out of order",
];

/// What must have happened or come of it at least once over all seeds of a run, beside the operations.
pub(crate) fn outcomes(beside: Beside) -> impl Iterator<Item = &'static str> {
    let more = match beside {
        Beside::Storms => super::storms::OUTCOMES,
        Beside::Nothing | Beside::Restorations | Beside::Joins => &[],
    };
    FAULTS.iter().chain(more).copied()
}

const EMOJI: &[&str] = &["👍", "❤", "😀", "🎉"];

// What people say.

fn say(play: &mut Play) -> bool {
    let Some((person, chat)) = play.person_in_chat(|_| true) else { return false };
    let several = play.dice.chance(200);
    let count = if several { play.dice.between(2, 6) } else { 1 };
    (0..count).fold(false, |done, _| say_in(play, &person, chat.chat, None) || done)
}

pub(crate) fn say_in(
    play: &mut Play,
    person: &Person,
    chat: LogId,
    reply_to: Option<EntryId>,
) -> bool {
    let number = play.next_number();
    let text = format!("{} says {number}", person.name());
    let command = Command::Send { chat, text: text.clone(), reply_to, file: None };
    match play.want(person, command) {
        Ok(Reply::Message { message, intent }) => {
            play.sent.push(Sent { who: person.who, chat, message, intent, text });
            true
        }
        Ok(_) | Err(_) => false,
    }
}

fn reply(play: &mut Play) -> bool {
    let Some((person, chat, row)) = play.row(|row, _| is_there(row)) else { return false };
    say_in(play, &person, chat, Some(row.id))
}

fn react(play: &mut Play) -> bool {
    let Some((person, chat, row)) = play.row(|row, _| is_there(row)) else { return false };
    let emoji = play.dice.pick(EMOJI).copied().unwrap_or_default().to_owned();
    play.did(&person, Command::React { chat, message: row.id, emoji })
}

fn edit(play: &mut Play) -> bool {
    let Some((person, chat, row)) = play.row(is_mine) else {
        return false;
    };
    let text = format!("{} edited {}", person.name(), play.next_number());
    play.did(&person, Command::Edit { chat, message: row.id, text })
}

fn delete(play: &mut Play) -> bool {
    let Some((person, chat, row)) = play.row(is_mine) else {
        return false;
    };
    play.did(&person, Command::Delete { chat, message: row.id })
}

fn file(play: &mut Play) -> bool {
    let Some((person, chat)) = play.person_in_chat(|_| true) else { return false };
    let size = play.dice.between(1, 150_000);
    let number = play.next_number();
    play.send_file(&person, chat.chat, number, size)
}

fn mark_read(play: &mut Play) -> bool {
    let Some((person, chat)) = play.person_in_chat(|_| true) else { return false };
    play.did(&person, Command::MarkRead { chat: chat.chat })
}

fn typing(play: &mut Play) -> bool {
    let Some((person, chat)) = play.person_in_chat(|_| true) else { return false };
    play.did(&person, Command::Typing { chat: chat.chat })
}

fn is_there(row: &MessageView) -> bool {
    let settled = matches!(row.state, MessageState::Sent | MessageState::Received);
    row.event.is_none() && !row.deleted && settled
}

fn is_mine(row: &MessageView, person: &Person) -> bool {
    row.from == person.name() && is_there(row) && row.file.is_none()
}

// What people do with groups.

fn add(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Admin) else { return false };
    let outside = |other: &&Person| !members.iter().any(|member| member.name == other.name());
    let outside: Vec<Person> = play.people.iter().filter(outside).cloned().collect();
    let Some(other) = play.dice.pick(&outside).cloned() else { return false };
    play.intends(&person, Command::AddMembers { chat, names: vec![other.name().to_owned()] })
}

fn remove(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Admin) else { return false };
    let Some(target) = play.below_me(&members) else { return false };
    play.intends(&person, Command::RemoveMembers { chat, names: vec![target] })
}

fn role(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Owner) else { return false };
    let others: Vec<String> =
        members.iter().filter(|member| !member.me).map(|member| member.name.clone()).collect();
    let Some(name) = play.dice.pick(&others).cloned() else { return false };
    let roles = [Role::Member, Role::Admin, Role::Admin, Role::Owner];
    let role = play.dice.pick(&roles).copied().unwrap_or(Role::Member);
    play.intends(&person, Command::SetRole { chat, name, role })
}

fn rename(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Admin) else { return false };
    let title = format!("title {}", play.next_number());
    play.intends(&person, Command::Rename { chat, title })
}

/// A member renames the group with a client that does not mind: every other client must.
fn attack(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Member) else { return false };
    if members.iter().any(|member| member.me && member.role > Role::Member) {
        return false;
    }
    let title = format!("{STOLEN} {}", play.next_number());
    match person.want_dishonestly(Command::Rename { chat, title: title.clone() }) {
        Ok(Reply::Intent(intent)) => {
            play.intents.push((person.who, intent, Command::Rename { chat, title }));
            true
        }
        _ => false,
    }
}

fn leave(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Member) else { return false };
    // A chat with one person in it shows nothing any more.
    members.len() > 3 && play.intends(&person, Command::Leave { chat })
}

fn new_group(play: &mut Play) -> bool {
    if play.groups >= 4 {
        return false;
    }
    let Some(person) = play.anybody() else { return false };
    let members: Vec<String> = play
        .people
        .iter()
        .filter(|other| other.who != person.who)
        .map(|other| other.name().to_owned())
        .collect();
    let count = play.dice.between(1, members.len() as u64);
    let members = members.into_iter().take(usize::try_from(count).unwrap_or(1)).collect();
    let title = format!("group {}", play.next_number());
    let done = play.intends(&person, Command::CreateGroup { title, members, large: false });
    play.groups += u32::from(done);
    done
}

fn direct(play: &mut Play) -> bool {
    let Some((one, other)) = play.two() else { return false };
    let reference = PersonReference::Username(other.name().to_owned());
    play.intends(&one, Command::OpenDirect(reference))
}

fn simultaneous_direct(play: &mut Play) -> bool {
    let Some((one, other)) = play.two() else { return false };
    let to = |person: &Person| PersonReference::Username(person.name().to_owned());
    let first = play.intends(&one, Command::OpenDirect(to(&other)));
    let second = play.intends(&other, Command::OpenDirect(to(&one)));
    first && second
}

/// Two admins change a group at the same moment: one must win, and the other's wish must survive.
fn simultaneous_commits(play: &mut Play) -> bool {
    let Some((one, chat, members)) = play.person_with_role(Role::Admin) else { return false };
    let may = |name: &str| members.iter().any(|m| m.name == name && m.role >= Role::Admin && !m.me);
    let others: Vec<Person> =
        play.people.iter().filter(|other| may(other.name())).cloned().collect();
    let Some(other) = play.dice.pick(&others).cloned() else { return false };
    let title = format!("title {}", play.next_number());
    let first = play.intends(&one, Command::Rename { chat, title });
    let title = format!("title {}", play.next_number());
    let second = play.intends(&other, Command::Rename { chat, title });
    first && second
}

fn accept(play: &mut Play) -> bool {
    let Some(person) = play.anybody() else { return false };
    play.accept_all(&person)
}

// What befalls them.

fn cut_off(play: &mut Play) -> bool {
    let Some(person) = play.anybody() else { return false };
    play.world.cut_off(&person);
    true
}

fn reconnect(play: &mut Play) -> bool {
    let away = |person: &&Person| {
        !play.world.stage.borrow().cast[person.who].online && !play.hides(person)
    };
    let away: Vec<Person> = play.people.iter().filter(away).cloned().collect();
    let Some(person) = play.dice.pick(&away).cloned() else { return false };
    play.world.reconnect(&person);
    true
}

fn restart(play: &mut Play) -> bool {
    let Some(person) = play.anybody() else { return false };
    play.world.restart(&person);
    true
}

fn doom(play: &mut Play) -> bool {
    let Some(person) = play.anybody() else { return false };
    let deaths = [Death::BeforeCommit, Death::AfterCommit, Death::BetweenEffects];
    let death = play.dice.pick(&deaths).copied().unwrap_or(Death::AfterCommit);
    let countdown = u32::try_from(play.dice.between(1, 6)).unwrap_or(1);
    play.world.stage.borrow_mut().doom(person.who, death, countdown);
    true
}

fn restart_server(play: &mut Play) -> bool {
    if play.world.stage.borrow().host.is_up() {
        play.world.restart_server();
        return true;
    }
    false
}

fn crash_server(play: &mut Play) -> bool {
    play.doom_server(ServerDeath::Now)
}

fn doom_server(play: &mut Play) -> bool {
    play.doom_server(ServerDeath::BeforeAnswering)
}

fn copy_server(play: &mut Play) -> bool {
    let copy = play.world.backup_server();
    play.copy = Some((copy, play.logs()));
    true
}

/// The server comes back as it was a while ago. Chats that were made since then would wait for whoever
/// made them, who may have left.
fn restore_server(play: &mut Play) -> bool {
    if play.copy.as_ref().is_none_or(|(_, logs)| *logs != play.logs()) {
        return false;
    }
    let Some((copy, _)) = play.copy.take() else { return false };
    play.world.restore_server(copy);
    true
}

impl Play {
    /// How many logs the server was ever asked for.
    fn logs(&self) -> usize {
        self.world.stage.borrow().tap.logs.len()
    }

    fn doom_server(&mut self, death: ServerDeath) -> bool {
        let mut stage = self.world.stage.borrow_mut();
        let up = stage.host.is_up();
        if up {
            stage.doom_server(death);
        }
        up
    }

    /// Anybody whose program runs.
    pub(super) fn anybody(&mut self) -> Option<Person> {
        let runs = |person: &&Person| self.world.stage.borrow().cast[person.who].is_running();
        let running: Vec<Person> = self.people.iter().filter(runs).cloned().collect();
        self.dice.pick(&running).cloned()
    }

    fn two(&mut self) -> Option<(Person, Person)> {
        let one = self.anybody()?;
        let others: Vec<Person> =
            self.people.iter().filter(|other| other.who != one.who).cloned().collect();
        Some((one, self.dice.pick(&others)?.clone()))
    }

    pub(super) fn person_in_chat(
        &mut self,
        fits: impl Fn(&ChatView) -> bool,
    ) -> Option<(Person, ChatView)> {
        let person = self.anybody()?;
        let chats: Vec<ChatView> = person
            .chats()
            .into_iter()
            .filter(|chat| chat.state == ChatState::Active && fits(chat))
            .collect();
        let chat = self.dice.pick(&chats)?.clone();
        Some((person, chat))
    }

    pub(super) fn person_with_role(
        &mut self,
        least: Role,
    ) -> Option<(Person, LogId, Vec<MemberView>)> {
        let (person, chat) = self.person_in_chat(|chat| chat.kind == ChatKind::Group)?;
        let members = person.look(|client| client.members(chat.chat)).ok()?;
        let fits = members.iter().any(|member| member.me && member.role >= least);
        fits.then_some((person, chat.chat, members))
    }

    /// The name of somebody whose role is below mine.
    pub(super) fn below_me(&mut self, members: &[MemberView]) -> Option<String> {
        let mine = members.iter().find(|member| member.me)?.role;
        let below = |member: &&MemberView| !member.me && member.role < mine;
        let names: Vec<String> =
            members.iter().filter(below).map(|member| member.name.clone()).collect();
        self.dice.pick(&names).cloned()
    }

    /// Somebody and a recent row of one of their chats.
    fn row(
        &mut self,
        fits: impl Fn(&MessageView, &Person) -> bool,
    ) -> Option<(Person, LogId, MessageView)> {
        let (person, chat) = self.person_in_chat(|_| true)?;
        let rows = person.look(|client| client.page(chat.chat, None, 20)).ok()?;
        let rows: Vec<MessageView> = rows.into_iter().filter(|row| fits(row, &person)).collect();
        let row = self.dice.pick(&rows)?.clone();
        Some((person, chat.chat, row))
    }

    pub(super) fn did(&mut self, person: &Person, command: Command) -> bool {
        self.want(person, command).is_ok()
    }

    pub(super) fn intends(&mut self, person: &Person, command: Command) -> bool {
        let what = command.clone();
        match self.want(person, command) {
            Ok(Reply::Intent(intent)) => {
                self.intents.push((person.who, intent, what));
                true
            }
            Ok(_) => true,
            Err(Refusal::Words(_) | Refusal::Died | Refusal::Down) => false,
        }
    }
}
