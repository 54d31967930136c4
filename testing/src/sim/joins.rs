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
