//! Joining a group by its link: who has it asks, and somebody inside lets them in.

use veche_client::{ChatState, Command, Role, Settled};
use veche_testing::{Person, World};
use veche_wire::{JoinLink, LogId};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Ana's group with Bob, and its link.
fn linked(world: &mut World, approves: bool) -> ([Person; 2], LogId, JoinLink) {
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    let made = ana.make_link(group, (approves, None, None));
    assert!(matches!(world.settled(&ana, made), Settled::Done(_)));
    world.settle();
    let link = ana.link(group);
    ([ana, bo], group, link)
}

/// Waits until Cyd is a member as far as `adder` knows, and not a moment longer.
fn wait_until_in(world: &mut World, adder: &Person, group: LogId) {
    for _ in 0..10_000 {
        if adder.members(group).contains("cyd") {
            return;
        }
        world.wait_ms(1);
    }
    panic!("{adder:?} lets nobody in");
}

fn failed(settled: &Settled) -> &str {
    match settled {
        Settled::Failed(words) => words,
        other => panic!("it was to fail: {other:?}"),
    }
}

/// A request is answered once. Dan waits in front of Cyd, so that who begins to read the door reads both.
#[test]
fn who_was_removed_does_not_come_back_by_what_they_asked_before() {
    let mut world = World::seeded(57);
    let ([ana, bo], group, link) = linked(&mut world, true);
    let [cyd, dan] = world.people(["cyd", "dan"]);
    for person in [&dan, &cyd] {
        person.knock(&link);
        world.settle();
    }
    ana.let_in(group, &cyd);
    world.settle();
    ana.remove(group, &cyd);
    world.settle();
    ana.role(group, &bo, Role::Admin);
    world.settle();
    assert_eq!(bo.askers(group), "dan");
}

#[test]
fn whoever_has_the_link_comes_in_and_talks() {
    let mut world = World::seeded(41);
    let ([ana, bo], group, link) = linked(&mut world, false);
    ana.say(group, "before they came");
    world.settle();
    // The link is what people pass on: as text.
    let link: JoinLink = link.to_string().parse().expect("a link is read as it was written");
    let [cyd, dan] = world.people(["cyd", "dan"]);
    for person in [&cyd, &dan] {
        let asked = person.knock(&link);
        assert!(matches!(world.settled(person, asked), Settled::Done(_)));
    }
    world.wait_ms(MINUTE);
    world.settle();
    cyd.say(group, "here I am");
    world.settle();
    for person in [&ana, &bo, &cyd, &dan] {
        assert_eq!(person.members(group), "ana (owner), bob, cyd, dan");
        assert!(person.screen(group).ends_with("cyd: here I am"));
        assert!(person.whole_screen(group).contains("dan joined by the link"));
    }
    assert_eq!(cyd.screen(group), "cyd: here I am", "what was said before is not theirs to read");
    assert_eq!(cyd.chat(group).unwrap().title, "assembly");
    assert!(bo.look(|client| client.link(group).unwrap()).is_none(), "Bob lets nobody in");
    let view = ana.look(|client| client.link(group).unwrap()).unwrap();
    assert_eq!((view.used, view.uses_max), (2, None));
    assert!(cyd.want(Command::JoinByLink(link)).is_err(), "she is in");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn many_who_ask_at_once_come_in_by_few_commits() {
    let mut world = World::seeded(42);
    let ([ana, bo], group, link) = linked(&mut world, false);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    let people: Vec<Person> = (0..12).map(|n| world.person(&format!("guest{n}"))).collect();
    let commits = |world: &World| {
        world.kinds(group).iter().filter(|kind| **kind == veche_wire::Kind::Commit).count()
    };
    let before = commits(&world);
    for person in &people {
        person.knock(&link);
    }
    world.wait_ms(2 * MINUTE);
    world.settle();
    let all = people.iter().filter(|person| person.chat(group).is_some()).count();
    assert_eq!(all, people.len());
    assert!(commits(&world) - before <= 3, "{} commits", commits(&world) - before);
    let members = ana.members(group);
    for person in people.iter().chain([&bo]) {
        assert_eq!(person.members(group), members);
    }
    // Their number stands for their names, but each has a line about itself alone.
    assert!(bo.whole_screen(group).contains("12 people joined by the link"));
    assert!(people[0].whole_screen(group).contains("guest0 joined by the link"));
}

#[test]
fn where_somebody_decides_nobody_comes_in_by_themselves() {
    let mut world = World::seeded(43);
    let ([ana, bo], group, link) = linked(&mut world, true);
    ana.role(group, &bo, Role::Admin);
    let [cyd, dan, eve] = world.people(["cyd", "dan", "eve"]);
    for person in [&cyd, &dan, &eve] {
        person.knock(&link);
        world.wait_ms(1_000);
    }
    world.settle();
    assert_eq!(ana.askers(group), "cyd, dan, eve");
    assert_eq!(ana.asked_to_decide(), 3, "each is told once");
    let waiting = |person: &Person| person.chat(group).expect("the chat is listed").join_requests;
    assert_eq!((waiting(&ana), waiting(&bo)), (3, 3));
    bo.turn_away(group, &cyd);
    let let_in = ana.let_in(group, &eve);
    assert!(matches!(world.settled(&ana, let_in), Settled::Done(_)));
    world.settle();
    for admin in [&ana, &bo] {
        assert_eq!(admin.askers(group), "dan", "{admin:?}");
        assert_eq!(waiting(admin), 1, "{admin:?}");
        assert_eq!(admin.members(group), "ana (owner), bob (admin), eve");
    }
    // They ask anew by themselves, which changes nothing for who was declined.
    world.wait_ms(HOUR);
    world.settle();
    assert_eq!(ana.askers(group), "dan");
    assert_eq!(waiting(&eve), 0, "it is not hers to decide");
    assert!(cyd.chats().is_empty());
    assert!(eve.want(Command::LetIn { chat: group, names: vec!["dan".into()] }).is_err());
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn a_link_is_good_for_as_many_and_for_as_long_as_it_says() {
    let mut world = World::seeded(44);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    let made = ana.make_link(group, (false, Some(HOUR), Some(1)));
    world.settled(&ana, made);
    let link = ana.link(group);
    let [cyd, dan] = world.people(["cyd", "dan"]);
    cyd.knock(&link);
    world.wait_ms(MINUTE);
    dan.knock(&link);
    world.wait_ms(MINUTE);
    assert_eq!(ana.members(group), "ana (owner), bob, cyd");

    let made = ana.make_link(group, (false, Some(HOUR), None));
    world.settled(&ana, made);
    world.settle();
    // The old link leads nowhere, and says so.
    let eve = world.person("eve");
    let asked = eve.knock(&link);
    let words = world.settled(&eve, asked);
    assert!(failed(&words).contains("not valid any more"), "{words:?}");
    let link = ana.link(group);
    world.wait_ms(HOUR);
    eve.knock(&link);
    world.wait_ms(10 * MINUTE);
    assert_eq!(ana.members(group), "ana (owner), bob, cyd");

    let made = ana.make_link(group, (false, None, None));
    world.settled(&ana, made);
    dan.knock(&ana.link(group));
    world.wait_ms(MINUTE);
    assert_eq!(ana.members(group), "ana (owner), bob, cyd, dan");
    let closed = ana.want(Command::CloseLink { chat: group });
    assert!(closed.is_ok());
    world.settle();
    assert!(ana.look(|client| client.link(group).unwrap()).is_none());
    assert!(bo.whole_screen(group).contains("took the link to join by away"));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn who_is_banned_does_not_come_in_again() {
    let mut world = World::seeded(45);
    let ([ana, bo], group, link) = linked(&mut world, false);
    let cyd = world.person("cyd");
    cyd.knock(&link);
    world.wait_ms(MINUTE);
    assert_eq!(ana.members(group), "ana (owner), bob, cyd");
    ana.ban(group, &cyd, true);
    world.settle();
    assert_eq!(cyd.chat(group).unwrap().state, ChatState::Removed);
    assert!(bo.whole_screen(group).contains("ana banned cyd"));
    let banned = |person: &Person| -> Vec<String> {
        let views = person.look(|client| client.banned(group)).expect("bans can be read");
        views.into_iter().map(|view| view.name).collect()
    };
    assert_eq!((banned(&ana), banned(&bo)), (vec!["cyd".to_owned()], vec!["cyd".to_owned()]));
    cyd.knock(&link);
    world.wait_ms(HOUR);
    assert_eq!(ana.members(group), "ana (owner), bob");
    let added = ana.add(group, &cyd);
    let words = world.settled(&ana, added);
    assert!(failed(&words).contains("banned"), "{words:?}");
    ana.ban(group, &cyd, false);
    world.wait_ms(24 * HOUR);
    world.settle();
    assert_eq!(banned(&ana), Vec::<String>::new());
    assert_eq!(ana.members(group), "ana (owner), bob, cyd", "she asks on by herself");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// The commit is in the log, and the Welcomes are lost with the adder's home.
#[test]
fn who_was_let_in_and_heard_nothing_is_let_in_again() {
    let mut world = World::seeded(46);
    let ([ana, bo], group, link) = linked(&mut world, false);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    world.cut_off(&bo);
    let cyd = world.person("cyd");
    cyd.knock(&link);
    // Ana's program lets her in, and then cannot reach the server for good.
    wait_until_in(&mut world, &ana, group);
    world.cut_off(&ana);
    world.reconnect(&bo);
    world.wait_ms(HOUR);
    world.settle();
    assert_eq!(bo.members(group), "ana (owner), bob (admin), cyd");
    cyd.say(group, "at last");
    world.settle();
    assert!(bo.screen(group).ends_with("cyd: at last"));
    world.reconnect(&ana);
    world.wait_ms(MINUTE);
    world.settle();
    assert_eq!(ana.screen(group), bo.screen(group));
    assert_eq!(cyd.members(group), ana.members(group));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// She had asked anew just before she was let in, and her invitation is lost: what she asked then counts
/// once it is clear that she did not come.
#[test]
fn who_asked_again_just_before_is_let_in_again_as_well() {
    let mut world = World::seeded(51);
    let ([ana, bo], group, link) = linked(&mut world, false);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    let cyd = world.person("cyd");
    world.cut_off(&ana);
    world.cut_off(&bo);
    cyd.knock(&link);
    world.wait_ms(10 * MINUTE - 4_000);
    world.reconnect(&ana);
    wait_until_in(&mut world, &ana, group);
    world.cut_off(&ana);
    world.reconnect(&bo);
    world.wait_ms(MINUTE);
    assert!(bo.members(group).contains("cyd") && cyd.chat(group).is_none(), "she has not come");
    world.wait_ms(12 * MINUTE);
    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Active));
    cyd.say(group, "at last");
    world.settle();
    assert!(bo.screen(group).ends_with("cyd: at last"));
}

/// Her device cannot follow the group, nobody answers, and she is removed: the link lets her in anew.
#[test]
fn who_is_stuck_and_removed_comes_back_by_the_link() {
    let mut world = World::seeded(52);
    let ([ana, bo], group, link) = linked(&mut world, false);
    let cyd = world.person("cyd");
    world.acquaint(&ana, &cyd);
    world.cut_off(&cyd);
    ana.add(group, &cyd);
    world.settle();
    for other in [&ana, &bo] {
        world.cut_off(other);
    }
    world.damage_blobs();
    world.reconnect(&cyd);
    world.wait_ms(20_000);
    world.make_honest();
    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Repairing));
    ana.remove(group, &cyd);
    world.reconnect(&ana);
    while ana.members(group).contains("cyd") {
        world.wait_ms(10);
    }
    cyd.knock(&link);
    world.wait_ms(MINUTE);
    world.reconnect(&bo);
    world.settle();
    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Active));
    cyd.say(group, "here again");
    world.settle();
    assert!(bo.screen(group).ends_with("cyd: here again"));
    assert_eq!(cyd.members(group), ana.members(group));
}

#[test]
fn a_restored_server_has_lost_a_door_and_gets_it_again() {
    let mut world = World::seeded(47);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    world.settle();
    let copy = world.backup_server();
    let made = ana.make_link(group, (false, None, None));
    world.settled(&ana, made);
    world.settle();
    let link = ana.link(group);
    world.restore_server(copy);
    world.wait_ms(MINUTE);
    world.settle();
    let cyd = world.person("cyd");
    cyd.knock(&link);
    world.wait_ms(MINUTE);
    world.settle();
    assert_eq!(ana.members(group), "ana (owner), bob, cyd");
    assert_eq!(cyd.members(group), ana.members(group));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// She had asked twice before she was in, and has left since.
#[test]
fn what_was_asked_before_leaving_brings_nobody_back() {
    let mut world = World::seeded(48);
    let ([ana, bo], group, link) = linked(&mut world, false);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    let cyd = world.person("cyd");
    world.cut_off(&ana);
    world.cut_off(&bo);
    cyd.knock(&link);
    world.wait_ms(11 * MINUTE);
    // Two requests wait at the door; Bob reads them after everything is over.
    world.reconnect(&ana);
    world.wait_ms(MINUTE);
    assert_eq!(ana.members(group), "ana (owner), bob (admin), cyd");
    cyd.leave(group);
    world.wait_ms(MINUTE);
    assert_eq!(cyd.chat(group).unwrap().state, ChatState::Left);
    world.reconnect(&bo);
    world.wait_ms(HOUR);
    world.settle();
    for person in [&ana, &bo] {
        assert_eq!(person.members(group), "ana (owner), bob (admin)", "{person:?}");
    }
    // Asking again is another matter.
    cyd.knock(&link);
    world.wait_ms(MINUTE);
    world.settle();
    assert_eq!(ana.members(group), "ana (owner), bob (admin), cyd");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn the_last_use_goes_to_whom_somebody_chooses() {
    let mut world = World::seeded(49);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    let made = ana.make_link(group, (true, None, Some(1)));
    world.settled(&ana, made);
    let [cyd, dan] = world.people(["cyd", "dan"]);
    for person in [&cyd, &dan] {
        person.knock(&ana.link(group));
        world.wait_ms(1_000);
    }
    world.settle();
    assert_eq!(ana.askers(group), "cyd, dan");
    let let_in = ana.let_in(group, &dan);
    assert!(matches!(world.settled(&ana, let_in), Settled::Done(_)));
    world.settle();
    assert_eq!(ana.members(group), "ana (owner), bob, dan");
    assert!(ana.want(Command::LetIn { chat: group, names: vec!["cyd".into()] }).is_err());
    assert_eq!(world.complaints(), Vec::<String>::new());
}
