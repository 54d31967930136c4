//! What people and strangers do who press a group (docs/protocol.md, rules 5, 6, 10 and 12).
//!
//! One person of each seed, Mallory, is an admin who now and then makes a commit that others cannot follow,
//! and is as honest as everybody else in between. A stranger has stolen write tokens.

use veche_client::{ChatKind, ChatView, Command, Reply, Role, RulesChange};
use veche_mls::{AdminSecret, Mutant, RiderPlace, RiderPlan};
use veche_wire::{
    Append, Entry, EntryId, Kind, LogId, Refused, Request, Response, Token, TokenHash, TokenHashes,
};

use super::operations::Operation;
use super::play::Play;
use crate::world::Person;

/// What happens beside.
pub(super) const OPERATIONS: &[Operation] = &[
    ("guards", 8, guard),
    ("ends of guards", 24, end_guard),
    ("slow modes", 12, slow),
    ("ends of slow modes", 12, end_slow),
    ("messages too soon for slow mode", 60, speak_too_soon),
    ("rules opened", 6, open_rules),
    ("storms of commits", 16, commit_at_once),
    ("storms of junk commits", 8, junk_commits),
    ("storms of junk", 12, junk),
    ("entries replayed", 20, replay),
    ("commits broken for some", 24, break_for_some),
    ("commits broken for all", 10, break_for_all),
    ("rotations by former admins", 40, rotate_to_garbage),
    ("renewals", 4, renew),
    ("wishes to skip what was missed", 40, skip),
];

/// What must have come of it at least once over all seeds.
pub(super) const OUTCOMES: &[&str] = &[
    "refused: guarded",
    "junk commits refused by a guard",
    "groups that guarded themselves",
    "devices added again",
    "groups that moved",
    "groups that nobody could follow and that moved",
];

/// For how long nobody hears of Mallory after the worst: longer than it takes until an owner who cannot
/// follow makes a successor.
pub(super) const HIDING_MIN: u64 = 20;
/// How often the owners of one seed let a group go on elsewhere, at most.
const RENEWALS_MAX: u32 = 2;

/// What a seed with storms keeps in mind.
#[derive(Default)]
pub(crate) struct Storms {
    /// Who is dishonest now and then.
    pub(super) mallory: Option<Person>,
    /// Whether Mallory is away until the end.
    pub(super) hides: bool,
    renewals: u32,
    /// Keys of admins, with the group and whose they are.
    keys: Vec<(Person, LogId, AdminSecret)>,
}

// Guards and slow mode.

fn guard(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Admin) else { return false };
    !is_guarded(&person, chat) && play.intends(&person, Command::Guard { chat, on: true })
}

fn end_guard(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Admin) else { return false };
    is_guarded(&person, chat) && play.intends(&person, Command::Guard { chat, on: false })
}

fn is_guarded(person: &Person, chat: LogId) -> bool {
    person.look(|client| client.rules(chat)).is_ok_and(|rules| rules.guarded)
}

fn slow_seconds(person: &Person, chat: LogId) -> Option<u32> {
    person.look(|client| client.rules(chat)).ok()?.slow
}

fn slow(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Owner) else { return false };
    let seconds = u32::try_from(play.dice.between(1, 20)).ok();
    set_rules(play, (&person, chat), RulesChange { slow: seconds, ..RulesChange::default() })
}

fn end_slow(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Owner) else { return false };
    let rules = RulesChange { slow: Some(0), ..RulesChange::default() };
    slow_seconds(&person, chat).is_some() && set_rules(play, (&person, chat), rules)
}

/// Everybody may add people: then there are commits that no admin signs.
fn open_rules(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Owner) else { return false };
    let rules = RulesChange { add: Some(Role::Member), ..RulesChange::default() };
    set_rules(play, (&person, chat), rules)
}

fn set_rules(play: &mut Play, (person, chat): (&Person, LogId), rules: RulesChange) -> bool {
    play.intends(person, Command::SetRules { chat, rules })
}

/// A member says two things at once, with a client that does not wait.
fn speak_too_soon(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Member) else { return false };
    let is_plain = members.iter().any(|member| member.me && member.role == Role::Member);
    if !is_plain || slow_seconds(&person, chat).is_none() {
        return false;
    }
    let mut done = false;
    for _ in 0..2 {
        let text = format!("{} cannot wait {}", person.name(), play.next_number());
        let send = Command::Send { chat, text, reply_to: None, file: None };
        if let Ok(Reply::Message { message, .. }) = person.want_dishonestly(send) {
            play.world.stage.borrow_mut().too_soon.insert(message);
            done = true;
        }
    }
    done
}

/// Somebody wants several changes at once, and so does whoever else may.
fn commit_at_once(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Member) else { return false };
    let inside = |name: &str| members.iter().any(|member| member.name == name);
    let everybody: Vec<Person> = play.people.clone();
    let mut done = false;
    for other in everybody.iter().filter(|other| !inside(other.name())) {
        let names = vec![other.name().to_owned()];
        done |= play.intends(&person, Command::AddMembers { chat, names });
    }
    let together = play.dice.chance(500);
    let admin = |name: &str| members.iter().any(|m| m.name == name && m.role >= Role::Admin);
    for other in everybody.iter().filter(|other| admin(other.name())) {
        if other.who != person.who && !together {
            continue;
        }
        for _ in 0..play.dice.between(2, 4) {
            let title = format!("title {}", play.next_number());
            done |= play.intends(other, Command::Rename { chat, title });
        }
    }
    done
}

// A stranger with a stolen token.

/// A group, and a write token that somebody in it has used.
fn stolen_token(play: &mut Play) -> Option<(LogId, Person, Token)> {
    let (person, chat, _) = play.person_with_role(Role::Member)?;
    let (_, write) = play.world.outsider().overhear(&person, chat);
    Some((chat, person, write?))
}

fn junk_commits(play: &mut Play) -> bool {
    let Some((chat, person, token)) = stolen_token(play) else { return false };
    let before = is_guarded(&person, chat);
    let mut taken = false;
    for _ in 0..play.dice.between(3, 10) {
        let mut stranger = play.world.outsider();
        let after = stranger.last_commit(chat);
        let append = stranger.junk(chat, token, Kind::Commit, after);
        taken |= offer(play, append);
        let pause = play.dice.between(300, 3_500);
        play.world.wait_ms(pause);
    }
    let runs = play.world.stage.borrow().cast[person.who].is_running();
    if runs && !before && is_guarded(&person, chat) {
        play.counts.add("groups that guarded themselves");
    }
    taken
}

fn junk(play: &mut Play) -> bool {
    let Some((chat, _, token)) = stolen_token(play) else { return false };
    let mut taken = false;
    for _ in 0..play.dice.between(1, 12) {
        let kind = if play.dice.chance(700) { Kind::Message } else { Kind::Control };
        let mut stranger = play.world.outsider();
        let after = stranger.last_commit(chat);
        let append = stranger.junk(chat, token, kind, after);
        taken |= offer(play, append);
    }
    taken
}

/// What was said once is said again under another id.
fn replay(play: &mut Play) -> bool {
    let Some((chat, person, token)) = stolen_token(play) else { return false };
    let mut stranger = play.world.outsider();
    let (Some(read), _) = stranger.overhear(&person, chat) else { return false };
    let ask = Request::Read { log: chat, token: read, after: 0, after_id: None, limit: 10_000 };
    let Response::Entries { entries, .. } = stranger.ask(ask) else { return false };
    let after_commit = stranger.last_commit(chat);
    let Some(heard) = play.dice.pick(&entries).cloned() else { return false };
    let Entry { kind, commitment, bytes, rider, .. } = heard;
    let id = EntryId::random(&mut play.dice);
    let bare = Append::bare((chat, token), id, kind, bytes);
    let is_signed = rider.is_some();
    let taken = offer(play, Append { after_commit, commitment, rider, ..bare });
    if taken && is_signed {
        play.world.stage.borrow_mut().trouble(format!("{chat} takes a rider of another entry"));
    }
    taken || is_signed
}

/// Whether the server takes it.
fn offer(play: &mut Play, append: Append) -> bool {
    if !play.world.stage.borrow().host.is_up() {
        return false;
    }
    match play.world.outsider().ask(Request::Append(append)) {
        Response::Appended { .. } => true,
        Response::Refused(Refused::Guarded) => {
            play.counts.add("junk commits refused by a guard");
            true
        }
        _ => false,
    }
}

/// Somebody who was an admin tries to give the log tokens that nobody can know.
fn rotate_to_garbage(play: &mut Play) -> bool {
    note_keys(play);
    let former = |(person, chat, _): &(Person, LogId, AdminSecret)| {
        let runs = play.world.stage.borrow().cast[person.who].is_running();
        runs && !is_admin(person, *chat)
    };
    let Some(found) = play.storms.keys.iter().position(former) else { return false };
    let (person, chat) = (play.storms.keys[found].0.clone(), play.storms.keys[found].1);
    // Somebody who is inside lends a token that still counts: the key alone must not do it.
    let is_inside = |other: &&Person| {
        let runs = play.world.stage.borrow().cast[other.who].is_running();
        let active = |view: ChatView| view.state == veche_client::ChatState::Active;
        runs && other.who != person.who && other.chat(chat).is_some_and(active)
    };
    let lender = play.people.iter().find(is_inside).unwrap_or(&person);
    let stranger = play.world.outsider();
    let (_, Some(token)) = stranger.overhear(lender, chat) else { return false };
    let (_, _, secret) = play.storms.keys.swap_remove(found);
    let garbage = TokenHashes { read: TokenHash([1; 32]), write: TokenHash([2; 32]) };
    // Which generation comes next is easily guessed.
    for generation in 1..12 {
        let id = EntryId::random(&mut play.dice);
        let plan = RiderPlan { generation: Some(generation), ..RiderPlan::default() };
        let place = RiderPlace { log: chat, id, kind: Kind::Rotate, bytes: &[] };
        let rider = Some(secret.sign_rider(&plan, garbage, &place));
        let after_commit = stranger.last_commit(chat);
        let bare = Append::bare((chat, token), id, Kind::Rotate, Vec::new());
        if offer(play, Append { after_commit, rider, ..bare }) {
            let words = format!("{chat} takes a rotation of {}, no admin any more", person.name());
            play.world.stage.borrow_mut().trouble(words);
        }
    }
    true
}

/// Keeps the key of some admin, until they are none any more.
fn note_keys(play: &mut Play) {
    let Some((person, chat, _)) = play.person_with_role(Role::Admin) else { return };
    let known = play.storms.keys.iter().any(|(who, log, _)| who.who == person.who && *log == chat);
    let secret = person.look(|client| client.admin_secret(chat)).ok().flatten();
    if let (Some(secret), false) = (secret, known)
        && let Ok(secret) = AdminSecret::decode(&secret)
    {
        play.storms.keys.push((person, chat, secret));
    }
}

fn is_admin(person: &Person, chat: LogId) -> bool {
    use veche_client::ChatState::{Left, Removed};
    match person.chat(chat).map(|view| view.state) {
        Some(Left | Removed) => false,
        Some(veche_client::ChatState::Active) => person
            .look(|client| client.members(chat))
            .is_ok_and(|members| members.iter().any(|m| m.me && m.role >= Role::Admin)),
        // Nobody knows, this person included.
        _ => true,
    }
}

// Mallory, and an owner who has had enough.

fn break_for_some(play: &mut Play) -> bool {
    poison(play, Mutant::PathBrokenForSome)
}

/// The worst that an admin can do. Mallory answers nobody after that.
fn break_for_all(play: &mut Play) -> bool {
    let done = poison(play, Mutant::PathBrokenForAll);
    if let (true, true, Some(mallory)) = (done, play.dice.chance(600), play.storms.mallory.clone())
    {
        play.world.cut_off(&mallory);
        play.storms.hides = true;
    }
    done
}

fn poison(play: &mut Play, mutant: Mutant) -> bool {
    let Some(mallory) = play.storms.mallory.clone() else { return false };
    let Some((person, chat, _)) = play.person_with_role(Role::Admin) else { return false };
    if play.storms.hides || person.who != mallory.who {
        return false;
    }
    // What breaks a path breaks Welcomes, too: whoever was invited by nobody else, and is removed before another
    // invites them, would wait for ever (docs/protocol.md, rule 7, "Not yet").
    let is_idle = |client: &mut veche_client::Client| {
        client.pending().is_ok_and(|pending| pending.outgoing == 0)
    };
    if !mallory.look(is_idle) {
        return false;
    }
    mallory.look(|client| client.set_mls_mutant(Some(mutant)));
    let title = format!("title {}", play.next_number());
    let done = play.intends(&mallory, Command::Rename { chat, title });
    let while_dishonest = play.dice.between(1_000, 6_000);
    play.world.wait_ms(while_dishonest);
    let mut stage = play.world.stage.borrow_mut();
    let sabotage = stage.sabotage;
    if let Some(client) = stage.cast[mallory.who].client_mut() {
        sabotage.break_rules_of(client);
    }
    if done {
        stage.left_behind.insert(mallory.name().to_owned());
    }
    done
}

fn skip(play: &mut Play) -> bool {
    let group = |chat: &ChatView| chat.kind == ChatKind::Group;
    let Some((person, chat)) = play.person_in_chat(group) else { return false };
    play.did(&person, Command::SkipMissed { chat: chat.chat })
}

fn renew(play: &mut Play) -> bool {
    if play.storms.renewals >= RENEWALS_MAX {
        return false;
    }
    let Some((person, chat, members)) = play.person_with_role(Role::Owner) else { return false };
    let spoils = if play.dice.chance(400) { play.below_me(&members) } else { None };
    let without: Vec<String> = spoils.into_iter().collect();
    let owner = |name: &str| members.iter().any(|m| m.name == name && m.role == Role::Owner);
    let together = play.dice.chance(700);
    let others = play.people.iter().filter(|other| other.who != person.who && owner(other.name()));
    let others: Vec<Person> = others.filter(|_| together).cloned().collect();
    let mut done = false;
    // Each owner makes another log, and one of them is the one in which all meet.
    for owner in std::iter::once(person).chain(others) {
        let large = without.is_empty();
        let renewed = Command::Renew { chat, large, without: without.clone() };
        done |= play.did(&owner, renewed);
    }
    if done {
        play.storms.renewals += 1;
        play.world.stage.borrow_mut().left_behind.extend(without);
    }
    done
}

impl Play {
    /// One of the people, who is not the owner of the first group, becomes an admin there.
    pub(super) fn choose_mallory(&mut self) {
        let index = self.dice.between(1, (self.people.len() - 1) as u64);
        let mallory = usize::try_from(index).ok().and_then(|index| self.people.get(index)).cloned();
        let (Some(mallory), Some(owner)) = (mallory, self.people.first().cloned()) else { return };
        let group =
            owner.chats().into_iter().find(|chat| chat.kind == veche_client::ChatKind::Group);
        if let Some(group) = group {
            let name = mallory.name().to_owned();
            self.intends(&owner, Command::SetRole { chat: group.chat, name, role: Role::Admin });
        }
        self.storms.mallory = Some(mallory);
    }

    /// Whether somebody is away until the end.
    pub(super) fn hides(&self, person: &Person) -> bool {
        let mallory = self.storms.mallory.as_ref();
        self.storms.hides && mallory.is_some_and(|mallory| mallory.who == person.who)
    }

    /// Long enough without Mallory for the others to find a way, and then Mallory is back.
    pub(super) fn wait_without_mallory(&mut self) {
        let Some(mallory) = self.storms.mallory.clone().filter(|_| self.storms.hides) else {
            return;
        };
        let before = self.moved();
        for _ in 0..HIDING_MIN {
            self.world.wait_ms(60_000);
        }
        if self.moved() > before {
            self.counts.add("groups that nobody could follow and that moved");
        }
        self.storms.hides = false;
        self.world.reconnect(&mallory);
    }

    /// How many have moved with a group into another log.
    fn moved(&self) -> usize {
        self.lines("goes on from here")
    }

    /// How many lines on all screens have these words.
    fn lines(&self, words: &str) -> usize {
        let has = |event: &String| event.contains(words);
        let on = |person: &Person| -> usize {
            let rows = person.chats().into_iter().flat_map(|chat| person.rows(chat.chat));
            rows.filter(|row| row.event.as_ref().is_some_and(has)).count()
        };
        self.people.iter().map(on).sum()
    }

    /// Counts what came of all that.
    pub(super) fn count_outcomes(&mut self) {
        for (what, words) in [
            ("devices added again", "was added again"),
            ("groups that moved", "goes on from here"),
            ("messages that slow mode did not show", "wrote too soon"),
        ] {
            for _ in 0..self.lines(words) {
                self.counts.add(what);
            }
        }
    }
}
