//! Small groups and large ones, and how a group goes on in another log at its owner's wish.

use veche_client::{ChatState, Command, Settled};
use veche_testing::{Person, World};
use veche_wire::LogId;

const MINUTE: u64 = 60_000;
/// The MLS numbers of the two suites.
const CLASSIC: u16 = 0x0001;
const POST_QUANTUM: u16 = 0x004F;

/// The conversation that a log belongs to now.
fn now(person: &Person, log: LogId) -> LogId {
    person.look(|client| client.find_chat(&log.to_string())).expect("it is known")
}

/// The suite of a group, as its link names it to those who want to come in.
fn suite(world: &mut World, owner: &Person, group: LogId) -> u16 {
    let made = owner.make_link(group, (false, None, None));
    assert!(matches!(world.settled(owner, made), Settled::Done(_)));
    world.settle();
    owner.link(group).suite
}

#[test]
fn a_large_group_takes_people_by_name_and_by_its_link() {
    let mut world = World::seeded(61);
    let [ana, bo, cyd, dan] = world.people(["ana", "bob", "cyd", "dan"]);
    world.acquaint(&ana, &bo);
    world.acquaint(&ana, &cyd);
    let made = ana.make_large_group("assembly", &[&bo]);
    world.settle();
    let group = ana.chat_of(made);
    ana.add(group, &cyd);
    world.settle();
    for person in [&bo, &cyd] {
        person.accept_all();
    }
    assert_eq!(suite(&mut world, &ana, group), CLASSIC);
    dan.knock(&ana.link(group));
    world.wait_ms(MINUTE);
    world.settle();
    dan.say(group, "all in");
    world.settle();
    for person in [&ana, &bo, &cyd, &dan] {
        assert_eq!(person.members(group), "ana (owner), bob, cyd, dan", "{person:?}");
        assert!(person.screen(group).ends_with("dan: all in"), "{person:?}");
    }
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn a_small_group_goes_on_as_a_large_one() {
    let mut world = World::seeded(62);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("assembly", [&ana, &bo, &cyd]);
    assert_eq!(suite(&mut world, &ana, group), POST_QUANTUM);
    ana.say(group, "we are growing");
    world.settle();
    world.cut_off(&cyd);
    cyd.say(group, "I am out at sea");
    ana.renew(group, true, &[]);
    world.settle();
    bo.say(now(&bo, group), "in the large hall");
    world.settle();
    world.reconnect(&cyd);
    world.settle();

    let chat = now(&ana, group);
    assert_ne!(chat, group);
    for person in [&ana, &bo, &cyd] {
        assert_eq!(now(person, group), chat, "{person:?}");
        assert_eq!(person.members(chat), "ana (owner), bob, cyd", "{person:?}");
        let seen = person.screen(chat);
        for line in ["ana: we are growing", "bob: in the large hall", "cyd: I am out at sea"] {
            assert_eq!(seen.matches(line).count(), 1, "{person:?}: {line} in\n{seen}");
        }
        assert_eq!(person.chats().len(), 1, "{person:?} sees one conversation");
        assert_eq!(person.chat(chat).map(|chat| chat.state), Some(ChatState::Active));
    }
    assert_eq!(suite(&mut world, &ana, chat), CLASSIC);
}

#[test]
fn who_is_in_a_hurry_does_not_lose_the_group() {
    let mut world = World::seeded(64);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("assembly", [&ana, &bo, &cyd]);
    world.cut_off(&ana);
    ana.renew(group, true, &[]);
    // It is not there yet: another one would begin with nobody in it.
    let chat = now(&ana, group);
    let again = Command::Renew { chat, large: false, without: vec!["cyd".into()] };
    assert!(ana.want(again).is_err());
    world.reconnect(&ana);
    world.settle();
    for person in [&ana, &bo, &cyd] {
        assert_eq!(person.members(now(person, group)), "ana (owner), bob, cyd", "{person:?}");
    }
}

#[test]
fn a_group_goes_on_without_who_spoils_it() {
    let mut world = World::seeded(63);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("assembly", [&ana, &bo, &cyd]);
    ana.renew(group, false, &[&cyd]);
    world.settle();
    let chat = now(&ana, group);
    bo.say(now(&bo, group), "in peace");
    world.settle();
    for person in [&ana, &bo] {
        assert_eq!(person.members(chat), "ana (owner), bob", "{person:?}");
        assert_eq!(person.screen(chat), "bob: in peace", "{person:?}");
    }
    assert!(!cyd.screen(now(&cyd, group)).contains("in peace"));
    // What she says where the others were is nobody's business any more.
    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Removed));
    let junk = Command::Send { chat: group, text: "junk".into(), reply_to: None, file: None };
    assert!(cyd.want(junk).is_err(), "she is out");
    assert_eq!(ana.chats().len(), 1);
    assert_eq!(suite(&mut world, &ana, chat), POST_QUANTUM);
}
