//! What a group does when somebody presses it: junk without end, and changes without end
//! (docs/protocol.md, rule 5).

use veche_client::{ChatState, Command, Role, RulesChange, Settled};
use veche_testing::world::Sabotage;
use veche_testing::{Person, World};
use veche_wire::{Kind, LogId, Refused, Request, Response, Token};

/// Appends a commit that means nothing, once the server takes one again.
fn junk(world: &mut World, group: LogId, token: Token) -> Response {
    world.wait_ms(3_000);
    let mut outsider = world.outsider();
    let after = outsider.last_commit(group);
    let append = outsider.junk(group, token, Kind::Commit, after);
    let answer = outsider.ask(Request::Append(append));
    world.settle();
    answer
}

/// The write token of somebody in the group: whoever has it can write what nobody can read.
fn stolen_token(world: &mut World, of: &Person, group: LogId) -> Token {
    let (_, write) = world.outsider().overhear(of, group);
    write.expect("they have written")
}

fn is_guarded(person: &Person, group: LogId) -> bool {
    person.look(|client| client.rules(group)).expect("they are inside").guarded
}

/// A group with a talkative member, flooded with five junk commits.
fn flooded(world: &mut World) -> ([Person; 4], LogId) {
    let people = world.people(["ana", "bob", "cyd", "dan"]);
    let [ana, bo, cyd, _] = &people;
    let group = world.group("harvest", [ana, bo, cyd]);
    cyd.say(group, "what a quiet day");
    world.settle();
    let token = stolen_token(world, cyd, group);
    for _ in 0..5 {
        let taken = junk(world, group, token);
        assert!(matches!(taken, Response::Appended { .. }), "{taken:?}");
    }
    (people, group)
}

#[test]
fn a_group_flooded_with_junk_guards_itself_and_lives_on() {
    let mut world = World::seeded(71);
    let ([ana, bo, cyd, dan], group) = flooded(&mut world);
    for person in [&ana, &bo, &cyd] {
        assert!(is_guarded(person, group), "{}", person.name());
        let screen = person.whole_screen(group);
        assert_eq!(screen.matches("the group is guarded now").count(), 1, "{screen}");
    }
    let token = stolen_token(&mut world, &cyd, group);
    assert_eq!(junk(&mut world, group, token), Response::Refused(Refused::Guarded));

    // Talk goes on, admins change what they like, and who wants to go is let go by them.
    bo.say(group, "what was that?");
    let added = ana.add(group, &dan);
    assert!(matches!(world.settled(&ana, added), Settled::Done(_)));
    world.settle();
    dan.accept_all();
    bo.want(Command::Leave { chat: group }).expect("he may go");
    world.wait_ms(20_000);
    world.settle();
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Left);
    assert_eq!(ana.members(group), "ana (owner), cyd, dan");
    ana.rename(group, "late harvest");
    world.settle();
    assert_eq!(dan.chat(group).unwrap().title, "late harvest");
    assert_eq!(ana.screen(group), "cyd: what a quiet day\nbob: what was that?");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn who_is_no_admin_is_told_why_a_guarded_group_does_not_change() {
    let mut world = World::seeded(72);
    let [ana, bo, cyd, dan] = world.people(["ana", "bob", "cyd", "dan"]);
    let group = world.group("assembly", [&ana, &bo]);
    let add = Some(Role::Member);
    let rename = Some(Role::Member);
    let rules = RulesChange { add, rename, ..RulesChange::default() };
    ana.want(Command::SetRules { chat: group, rules }).expect("an owner may");
    world.settle();
    assert!(bo.want(Command::Guard { chat: group, on: true }).is_err(), "only admins do");
    ana.want(Command::Guard { chat: group, on: true }).expect("she may");
    world.settle();

    let title = "bob's".to_owned();
    let Ok(veche_client::Reply::Intent(renamed)) = bo.want(Command::Rename { chat: group, title })
    else {
        panic!("not taken")
    };
    let Settled::Failed(words) = world.settled(&bo, renamed) else { panic!("it was done") };
    assert!(words.contains("the group is guarded"), "{words}");

    // Who comes while it is guarded has not read that it is: the server tells.
    ana.add(group, &cyd);
    world.settle();
    cyd.accept_all();
    world.settle();
    assert!(!is_guarded(&cyd, group));
    let Settled::Failed(words) = world.settled(&cyd, cyd.add(group, &dan)) else { panic!("done") };
    assert!(words.contains("the group is guarded"), "{words}");
    assert!(is_guarded(&cyd, group));

    ana.want(Command::Guard { chat: group, on: false }).expect("she may");
    world.settle();
    assert!(bo.whole_screen(group).contains("the group is guarded no more"));
    bo.rename(group, "bob's after all");
    world.settle();
    assert_eq!(ana.chat(group).unwrap().title, "bob's after all");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// Bob, who is no admin, renames the group while somebody with a stolen token lets no moment pass in
/// which the server takes a commit. No admin is there. How much junk came before his change.
fn renames_under_fire(world: &mut World) -> Option<usize> {
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    let rules = RulesChange { rename: Some(Role::Member), ..RulesChange::default() };
    ana.want(Command::SetRules { chat: group, rules }).expect("an owner may");
    bo.say(group, "this needs another name");
    world.settle();
    world.cut_off(&ana);
    let token = stolen_token(world, &bo, group);
    let mut outsider = world.outsider();
    let mut junk = 0;
    bo.rename(group, "sowing");
    for _ in 0..6_000 {
        let after = outsider.last_commit(group);
        let append = outsider.junk(group, token, Kind::Commit, after);
        if matches!(outsider.ask(Request::Append(append)), Response::Appended { .. }) {
            junk += 1;
        }
        world.wait_ms(10);
        if bo.chat(group).expect("he has the chat").title == "sowing" {
            return Some(junk);
        }
    }
    None
}

#[test]
fn who_is_overtaken_three_times_goes_next() {
    let junk = renames_under_fire(&mut World::seeded(74)).expect("he comes through");
    assert!((3..=5).contains(&junk), "after {junk} junk commits");
}

/// The rule broken: he would have waited for ever.
#[test]
fn a_server_that_holds_nobody_back_lets_the_quick_starve_the_others() {
    let broken = Sabotage { server: Some(veche_server::Mutant::NoHold), ..Sabotage::default() };
    assert_eq!(renames_under_fire(&mut World::sabotaged(74, broken)), None);
}

/// The rule broken: the story of the flood would notice.
#[test]
fn a_server_that_takes_unsigned_commits_guards_nobody() {
    let broken = Sabotage { server: Some(veche_server::Mutant::NoGuard), ..Sabotage::default() };
    let mut world = World::sabotaged(73, broken);
    let ([_, _, cyd, _], group) = flooded(&mut world);
    assert!(is_guarded(&cyd, group));
    let token = stolen_token(&mut world, &cyd, group);
    let taken = junk(&mut world, group, token);
    assert!(matches!(taken, Response::Appended { .. }), "{taken:?}");
}
