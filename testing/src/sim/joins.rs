//! What people do with links to join by.

use veche_client::{Command, Role};
use veche_wire::{JoinLink, LogId};

use super::operations::Operation;
use super::play::Play;
use crate::world::Person;

/// What happens beside.
pub(super) const OPERATIONS: &[Operation] = &[
    ("links", 30, make_link),
    ("links taken away", 6, close_link),
    ("requests to join", 80, knock),
    ("requests answered", 40, answer),
    ("bans", 12, ban),
    ("pardons", 10, pardon),
    ("partitions", 6, part),
    ("adders cut off", 12, cut_off_adder),
    ("removals of who is joining", 12, remove_joiner),
];

fn make_link(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Admin) else { return false };
    let approves = play.dice.chance(300);
    let lasts = play.dice.chance(200).then(|| play.dice.between(1_000, 600_000));
    let uses = play.dice.chance(200).then(|| play.dice.between(1, 3));
    play.intends(&person, Command::MakeLink { chat, approves, lasts, uses })
}

fn close_link(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Admin) else { return false };
    play.intends(&person, Command::CloseLink { chat })
}

/// Somebody who is not in a group has got its link from somebody who may pass it on; sometimes two at
/// the same moment.
fn knock(play: &mut Play) -> bool {
    let Some((chat, link)) = link(play) else { return false };
    let outside = |person: &&Person| {
        let runs = play.world.stage.borrow().cast[person.who].is_running();
        runs && person.look(|client| client.members(chat)).is_err()
    };
    let outside: Vec<Person> = play.people.iter().filter(outside).cloned().collect();
    let together = play.dice.chance(300);
    let mut done = false;
    for person in outside.iter().take(if together { outside.len() } else { 1 }) {
        done |= play.intends(person, Command::JoinByLink(link.clone()));
    }
    done
}

fn link(play: &mut Play) -> Option<(LogId, JoinLink)> {
    let (person, chat, _) = play.person_with_role(Role::Admin)?;
    let link = person.look(|client| client.link(chat)).ok()??;
    Some((chat, link.link))
}

fn answer(play: &mut Play) -> bool {
    let Some((person, chat, _)) = play.person_with_role(Role::Admin) else { return false };
    let asking = person.look(|client| client.join_requests(chat)).unwrap_or_default();
    let names: Vec<String> = asking.into_iter().map(|asking| asking.name).collect();
    let Some(name) = play.dice.pick(&names).cloned() else { return false };
    let names = vec![name];
    if play.dice.chance(800) {
        play.intends(&person, Command::LetIn { chat, names })
    } else {
        play.did(&person, Command::TurnAway { chat, names })
    }
}

fn ban(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Admin) else { return false };
    let Some(target) = play.below_me(&members) else { return false };
    play.intends(&person, Command::Ban { chat, names: vec![target], banned: true })
}

fn pardon(play: &mut Play) -> bool {
    let Some((person, chat, members)) = play.person_with_role(Role::Admin) else { return false };
    let outside: Vec<String> = play
        .people
        .iter()
        .filter(|other| !members.iter().any(|member| member.name == other.name()))
        .map(|other| other.name().to_owned())
        .collect();
    let Some(name) = play.dice.pick(&outside).cloned() else { return false };
    play.intends(&person, Command::Ban { chat, names: vec![name], banned: false })
}

/// A half of the people is cut off from the other half and from the server.
fn part(play: &mut Play) -> bool {
    for person in play.people.clone() {
        if play.dice.chance(500) {
            play.world.cut_off(&person);
        }
    }
    true
}

/// Somebody is asked to add others, and is gone before or while that is done.
fn cut_off_adder(play: &mut Play) -> bool {
    let Some((person, ..)) = add_somebody(play) else { return false };
    let while_there = play.dice.between(1, 1_500);
    play.world.wait_ms(while_there);
    play.world.cut_off(&person);
    true
}

/// Somebody is removed, by whoever may, before they have arrived.
fn remove_joiner(play: &mut Play) -> bool {
    let Some((adder, chat, name)) = add_somebody(play) else { return false };
    let while_joining = play.dice.between(1, 3_000);
    play.world.wait_ms(while_joining);
    let remover = play.person_with_role(Role::Admin).filter(|(_, other, _)| *other == chat);
    let remover = remover.map_or(adder, |(person, ..)| person);
    play.intends(&remover, Command::RemoveMembers { chat, names: vec![name] })
}

fn add_somebody(play: &mut Play) -> Option<(Person, LogId, String)> {
    let (person, chat, members) = play.person_with_role(Role::Admin)?;
    let outside = |other: &&Person| !members.iter().any(|member| member.name == other.name());
    let outside: Vec<Person> = play.people.iter().filter(outside).cloned().collect();
    let name = play.dice.pick(&outside)?.name().to_owned();
    let add = Command::AddMembers { chat, names: vec![name.clone()] };
    play.intends(&person, add).then_some((person, chat, name))
}
