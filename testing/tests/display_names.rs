//! What people want to be called: free text that travels inside what they say, vouched for by nobody.

use veche_client::{Command, Settled};
use veche_testing::Person;
use veche_testing::World;
use veche_wire::LogId;

fn call(person: &Person, name: &str) {
    let wanted = Command::SetDisplayName(name.to_owned());
    person.want(wanted).expect("a display name is taken");
}

/// What `reader` sees the members of a chat called: `Ana Petrović (ana), bob`.
fn members(reader: &Person, chat: LogId) -> String {
    let views = reader.look(|client| client.members(chat).expect("members can be read"));
    let called = |view: veche_client::MemberView| match view.display_name {
        Some(display) => format!("{display} ({})", view.name),
        None => view.name,
    };
    views.into_iter().map(called).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_display_name_comes_with_the_next_message_and_goes_with_one() {
    let mut world = World::seeded(1);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    ana.say(chat, "hello");
    world.settle();
    call(&ana, "  Ana Petrović ");
    world.settle();
    assert_eq!(members(&ana, chat), "Ana Petrović (ana), bob");
    assert_eq!(members(&bo, chat), "ana, bob", "nothing was said yet");

    let message = ana.say(chat, "I have a name");
    world.settle();
    assert_eq!(members(&bo, chat), "Ana Petrović (ana), bob");
    let view = bo.message(chat, message).expect("it is there");
    assert_eq!((view.from.as_str(), view.display_name.as_deref()), ("ana", Some("Ana Petrović")));
    let contacts = bo.look(|client| client.contacts().expect("contacts can be read"));
    assert_eq!(contacts[0].display_name.as_deref(), Some("Ana Petrović"));

    call(&ana, "");
    ana.say(chat, "and had one");
    world.settle();
    world.restart(&bo);
    world.settle();
    assert_eq!(members(&bo, chat), "ana, bob");
    assert_eq!(members(&ana, chat), "ana, bob");
}

#[test]
fn nobody_is_told_of_a_display_name_before_something_is_said() {
    let mut world = World::seeded(2);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    for other in [&bo, &cyd] {
        let chat = world.chat([&ana, other]);
        ana.say(chat, "hello");
    }
    world.settle();
    world.record();
    call(&ana, "Ana Petrović");
    world.settle();
    world.restart(&ana);
    world.settle();
    let appended = |frame: &veche_wire::ClientFrame| {
        matches!(frame.request, veche_wire::Request::Append(_) | veche_wire::Request::Deliver(_))
    };
    assert_eq!(world.recorded().into_iter().filter(appended).count(), 0);
}

#[test]
fn a_request_says_what_its_sender_wants_to_be_called() {
    let mut world = World::seeded(3);
    let [ana, bo] = world.people(["ana", "bob"]);
    call(&ana, "Ana Petrović");
    ana.open_direct(&bo);
    world.settle();
    let requests = bo.requests();
    assert_eq!(requests[0].from, "ana");
    assert_eq!(requests[0].display_name.as_deref(), Some("Ana Petrović"));
}

#[test]
fn the_name_chosen_last_stands_in_whichever_chat_it_comes_first() {
    for (seed, clock_is_set_back) in [(4, false), (5, true)] {
        let mut world = World::seeded(seed);
        let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
        let chats = [world.group("harvest", [&ana, &bo, &cyd]), world.chat([&ana, &bo])];
        for [first, second] in [chats, [chats[1], chats[0]]] {
            world.cut_off(&bo);
            call(&ana, "Ana the First");
            ana.say(first, "early");
            world.settle();
            if clock_is_set_back {
                world.set_clock_back(&ana, 3_600_000);
            }
            call(&ana, "Ana the Second");
            ana.say(second, "late");
            world.settle();
            world.reconnect(&bo);
            world.settle();
            assert_eq!(members(&bo, chats[1]), "Ana the Second (ana), bob");
        }
    }
}

#[test]
fn a_display_name_is_nobodys_alone_and_finds_nobody() {
    let mut world = World::seeded(6);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    call(&ana, "bob");
    call(&cyd, "bob");
    ana.say(group, "I am bob");
    cyd.say(group, "so am I");
    world.settle();
    assert_eq!(members(&bo, group), "bob (ana), bob, bob (cyd)");
    // Whoever is meant by `bob` is the one with that username.
    let chat = ana.open_direct(&bo);
    assert!(matches!(world.settled(&ana, chat), Settled::Done(_)));
    let bob = ana.look(|client| client.person("bob").expect("bob is known"));
    assert_eq!((bob.name.as_str(), bob.display_name), ("bob", None));
    call(&bo, "robert");
    bo.say(group, "call me robert");
    world.settle();
    assert!(ana.look(|client| client.person("robert").is_err()));
    assert!(ana.look(|client| client.find_chat("robert").is_err()));
}

#[test]
fn what_is_no_display_name_is_refused() {
    let mut world = World::seeded(7);
    let [ana] = world.people(["ana"]);
    for wrong in ["ж".repeat(65).as_str(), "two\nlines", "a bell\u{7}"] {
        ana.want(Command::SetDisplayName(wrong.to_owned())).expect_err("it is refused");
    }
    let me = |client: &mut veche_client::Client| client.me().expect("it can be read");
    assert_eq!(ana.look(me).expect("somebody").display_name, None);
    call(&ana, &"ж".repeat(64));
    assert_eq!(ana.look(me).expect("somebody").display_name, Some("ж".repeat(64)));
}
