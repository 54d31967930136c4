//! Rule 10: a chat that nobody can follow any more goes on in another log.

use veche_client::{ChatState, Command, Role};
use veche_testing::{Person, World};
use veche_wire::LogId;

const MINUTE: u64 = 60_000;

/// The conversation that a log belongs to now.
fn now(person: &Person, log: LogId) -> LogId {
    person.look(|client| client.find_chat(&log.to_string())).expect("it is known")
}

fn state(person: &Person, log: LogId) -> Option<ChatState> {
    person.chat(now(person, log)).map(|chat| chat.state)
}

/// Ana and Bob follow changes that the restored server has lost; Cyd, who had not seen them, was the
/// first to change the group after that, and has left it.
fn nobody_can_follow(world: &mut World) -> ([Person; 3], LogId) {
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    ana.role(group, &bo, Role::Owner);
    ana.role(group, &cyd, Role::Admin);
    world.settle();
    ana.say(group, "before");
    world.settle();
    let copy = world.backup_server();
    world.cut_off(&cyd);
    ana.rename(group, "late harvest");
    world.settle();
    for person in [&ana, &bo] {
        world.cut_off(person);
    }
    world.restore_server(copy);
    world.reconnect(&cyd);
    cyd.rename(group, "no harvest");
    world.wait_ms(MINUTE);
    cyd.leave(group);
    world.wait_ms(MINUTE);
    assert_eq!(state(&cyd, group), Some(ChatState::Left));
    ([ana, bo, cyd], group)
}

#[test]
fn a_chat_that_nobody_can_follow_goes_on_in_another_log() {
    let mut world = World::seeded(31);
    let ([ana, bo, cyd], group) = nobody_can_follow(&mut world);
    for person in [&ana, &bo] {
        world.reconnect(person);
    }
    world.wait_ms(MINUTE);
    for person in [&ana, &bo] {
        assert_eq!(state(person, group), Some(ChatState::Repairing));
    }
    bo.say(group, "is anybody here?");
    world.wait_ms(15 * MINUTE);
    world.settle();

    let chat = now(&ana, group);
    assert_ne!(chat, group);
    assert_eq!(now(&bo, group), chat);
    ana.say(chat, "here we are");
    world.settle();
    for person in [&ana, &bo] {
        assert_eq!(state(person, group), Some(ChatState::Active));
        let said = "ana: before\nbob: is anybody here?\nana: here we are";
        assert_eq!(person.screen(chat), said, "{person:?}");
        assert!(person.whole_screen(chat).contains("it goes on from here"));
        assert_eq!(person.chat(chat).unwrap().title, "late harvest");
        // Bob stays an owner; Cyd, who had left, does not take the place that she is given.
        let members = person.members(chat);
        assert_eq!(members, "ana (owner), bob (owner)", "{members}");
        assert_eq!(person.chats().len(), 1, "{:?}", person.chats());
    }
    assert_eq!(cyd.chats().len(), 1);
    assert_eq!(state(&cyd, group), Some(ChatState::Left));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn a_chat_that_the_server_has_lost_goes_on_without_its_creator() {
    let mut world = World::seeded(36);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let copy = world.backup_server();
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    cyd.say(group, "who is the owner?");
    ana.role(group, &bo, Role::Owner);
    world.settle();
    // Only ana could make the log again.
    ana.leave(group);
    world.settle();
    world.restore_server(copy);
    world.wait_ms(40 * MINUTE);
    world.settle();

    let chat = now(&bo, group);
    assert_ne!(chat, group);
    cyd.say(now(&cyd, group), "it is bob");
    world.settle();
    for person in [&bo, &cyd] {
        assert_eq!(now(person, group), chat);
        assert_eq!(person.screen(chat), "cyd: who is the owner?\ncyd: it is bob");
        assert_eq!(person.members(chat), "bob (owner), cyd");
    }
    assert_eq!(state(&ana, group), Some(ChatState::Left));
}

#[test]
fn of_two_successors_the_lower_wins() {
    let mut world = World::seeded(32);
    let ([ana, bo, _cyd], group) = nobody_can_follow(&mut world);
    world.reconnect(&ana);
    // Ana makes one and is gone before anybody hears of it.
    while now(&ana, group) == group {
        world.wait_ms(50);
    }
    world.cut_off(&ana);
    ana.say(now(&ana, group), "from ana");
    world.reconnect(&bo);
    while now(&bo, group) == group {
        world.wait_ms(50);
    }
    bo.say(now(&bo, group), "from bob");
    let two = [now(&ana, group), now(&bo, group)];
    assert_ne!(two[0], two[1]);
    world.wait_ms(MINUTE);
    world.reconnect(&ana);
    world.settle();

    let chat = *two.iter().min().unwrap();
    for person in [&ana, &bo] {
        for log in [group, two[0], two[1]] {
            assert_eq!(now(person, log), chat, "{person:?}");
        }
        assert_eq!(person.chats().len(), 1);
        let screen = person.screen(chat);
        assert!(screen.contains("ana: from ana") && screen.contains("bob: from bob"), "{screen}");
        assert_eq!(person.members(chat), "ana (owner), bob (owner)");
    }
    bo.say(chat, "one chat");
    world.settle();
    assert!(ana.screen(chat).ends_with("bob: one chat"), "{}", ana.screen(chat));
}

/// Somebody has missed entries that are not there any more, and nobody is there to add them again.
fn alone_and_stuck(world: &mut World, one: &Person, others: [&Person; 2], group: LogId) {
    world.cut_off(one);
    others[0].say(group, "gone with the wind");
    world.settle();
    world.forget_old_entries();
    others[0].say(group, "meanwhile");
    world.settle();
    for person in others {
        world.cut_off(person);
    }
    world.reconnect(one);
    world.wait_ms(5 * MINUTE);
    assert_eq!(state(one, group), Some(ChatState::Repairing));
}

#[test]
fn a_plain_member_takes_a_chat_nowhere() {
    let mut world = World::seeded(33);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    alone_and_stuck(&mut world, &cyd, [&ana, &bo], group);
    world.wait_ms(10 * 60 * MINUTE);
    assert_eq!(now(&cyd, group), group);
    world.reconnect(&ana);
    world.settle();
    assert_eq!(state(&cyd, group), Some(ChatState::Active));
    assert!(cyd.screen(group).contains("ana: meanwhile"), "{}", cyd.screen(group));
}

#[test]
fn an_owner_who_went_on_alone_is_followed_and_misses_nothing() {
    let mut world = World::seeded(37);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    alone_and_stuck(&mut world, &ana, [&bo, &cyd], group);
    cyd.say(group, "written on the train");
    world.wait_ms(15 * MINUTE);
    let chat = now(&ana, group);
    assert_ne!(chat, group);
    ana.say(chat, "is anybody here?");
    world.settle();

    world.reconnect(&bo);
    world.reconnect(&cyd);
    world.settle();
    for person in [&ana, &bo, &cyd] {
        assert_eq!(now(person, group), chat, "{person:?}");
        assert_eq!(person.members(chat), "ana (owner), bob, cyd");
        let screen = person.screen(chat);
        for said in ["bob: meanwhile", "cyd: written on the train"] {
            assert!(screen.contains(said), "{person:?}: {screen}");
        }
    }
    bo.say(chat, "all of us");
    world.settle();
    for person in [&ana, &bo, &cyd] {
        assert!(person.screen(chat).ends_with("bob: all of us"), "{}", person.screen(chat));
    }
    // Whoever leaves is out of both logs.
    cyd.leave(chat);
    world.settle();
    ana.say(chat, "without cyd");
    world.settle();
    assert_eq!(state(&cyd, group), Some(ChatState::Left));
    assert_eq!(bo.members(chat), "ana (owner), bob");
    assert!(!cyd.screen(chat).contains("without cyd"));
}

#[test]
fn a_group_whose_only_owner_has_left_goes_on_without_them() {
    let mut world = World::seeded(34);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let copy = world.backup_server();
    // That Bob was made an owner is lost before he has heard of it.
    for person in [&bo, &cyd] {
        world.cut_off(person);
    }
    world.wait_ms(3_000);
    ana.role(group, &bo, Role::Owner);
    world.settle();
    world.reconnect(&bo);
    world.settle();
    world.cut_off(&bo);
    ana.leave(group);
    world.settle();
    world.restore_server(copy);
    world.reconnect(&cyd);
    cyd.say(group, "hello?");
    world.settle();
    world.settle();
    world.wait_ms(10 * MINUTE);
    let chat = now(&cyd, group);
    assert_ne!(chat, group);
    assert_eq!(state(&ana, group), Some(ChatState::Left));
    world.reconnect(&bo);
    world.settle();
    bo.accept_all();
    world.settle();
    for person in [&bo, &cyd] {
        assert_eq!(now(person, group), chat, "{person:?}");
        assert!(!person.members(chat).contains("ana"), "{}", person.members(chat));
    }
}

#[test]
fn who_is_invited_into_a_group_and_into_its_successor_has_one_chat() {
    let mut world = World::seeded(38);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    ana.role(group, &bo, Role::Admin);
    ana.remove(group, &cyd);
    world.settle();
    assert_eq!(state(&cyd, group), Some(ChatState::Removed));
    world.cut_off(&cyd);
    bo.add(group, &cyd);
    world.settle();
    ana.renew(group, true, &[]);
    world.settle();
    let chat = now(&ana, group);
    assert_ne!(chat, group);

    world.reconnect(&cyd);
    world.settle();
    assert_eq!(cyd.requests().len(), 2, "{:?}", cyd.requests());
    // The older one is answered first; then it is known who leads on from there.
    let older = cyd.requests().remove(0);
    cyd.want(Command::Accept { request: older.id }).expect("bob is known");
    world.settle();
    assert_eq!(cyd.requests(), []);
    assert_eq!(now(&cyd, group), chat);
    bo.say(now(&bo, group), "welcome back");
    world.settle();
    assert!(cyd.screen(chat).ends_with("bob: welcome back"), "{}", cyd.screen(chat));
    assert_eq!(cyd.chats().len(), 1, "{:?}", cyd.chats());
    assert_eq!(world.complaints(), Vec::<String>::new());
}
