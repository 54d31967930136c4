//! How people find each other.

use expect_test::expect;
use veche_client::{ChatKind, Command, Settled};
use veche_testing::World;
use veche_wire::Request;

#[test]
fn rule_13_a_stranger_is_a_request_until_accepted() {
    let mut world = World::seeded(1);
    let [ana, bo] = world.people(["ana", "bob"]);
    let intent = ana.open_direct(&bo);
    world.settle();
    let chat = ana.chat_of(intent);
    ana.say(chat, "we met at the assembly");
    world.settle();

    let requests = bo.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!((requests[0].from.as_str(), requests[0].kind), ("ana", ChatKind::Direct));
    assert!(bo.chat(chat).is_none(), "nothing is shown before it is accepted");

    bo.accept_all();
    world.settle();
    expect![["ana: we met at the assembly"]].assert_eq(&bo.screen(chat));
    bo.say(chat, "I remember");
    world.settle();
    // Nobody was "added" to a talk between two.
    let both = expect![["
        ana: we met at the assembly
        bob: I remember"]];
    both.assert_eq(&ana.whole_screen(chat));
    both.assert_eq(&bo.whole_screen(chat));
}

#[test]
fn a_declined_request_is_forgotten() {
    let mut world = World::seeded(2);
    let [ana, bo] = world.people(["ana", "bob"]);
    ana.open_direct(&bo);
    world.settle();
    let request = bo.requests()[0].id;
    bo.want(Command::Decline { request }).expect("declining is taken");
    world.settle();
    assert!(bo.requests().is_empty());
    assert!(bo.chats().is_empty());
}

#[test]
fn somebody_blocked_reaches_nobody() {
    let mut world = World::seeded(3);
    let [ana, bo] = world.people(["ana", "bob"]);
    bo.add_contact(&ana);
    world.settle();
    bo.want(Command::Block { name: "ana".to_owned(), blocked: true }).expect("a block is taken");
    ana.open_direct(&bo);
    world.settle();
    assert!(bo.requests().is_empty());
    assert!(bo.chats().is_empty());
}

#[test]
fn contacts_need_no_request() {
    let mut world = World::seeded(4);
    let [ana, bo] = world.people(["ana", "bob"]);
    world.acquaint(&ana, &bo);
    let intent = ana.open_direct(&bo);
    world.settle();
    assert!(bo.requests().is_empty());
    let chat = ana.chat_of(intent);
    bo.say(chat, "there you are");
    world.settle();
    expect![["bob: there you are"]].assert_eq(&ana.screen(chat));
}

#[test]
fn rule_13_a_look_up_never_names_the_asker() {
    let mut world = World::seeded(5);
    let [ana, bo] = world.people(["ana", "bob"]);
    world.record();
    ana.open_direct(&bo);
    world.settle();
    let account = ana.look(|client| client.me().unwrap().unwrap().account);
    let mut lookups = 0;
    for frame in world.recorded() {
        if matches!(
            frame.request,
            Request::Lookup { .. } | Request::TakeKeyPackage { .. } | Request::Deliver(_)
        ) {
            lookups += 1;
            let bytes = frame.encode();
            let named = bytes.windows(32).any(|window| window == account.as_bytes());
            assert!(!named, "{frame:?}");
        }
    }
    assert!(lookups >= 3);
}

#[test]
fn nobody_of_that_name() {
    let mut world = World::seeded(6);
    let [ana, bo] = world.people(["ana", "bob"]);
    let nobody = world.newcomer("nobody");
    let intent = ana.open_direct(&nobody);
    assert!(matches!(world.settled(&ana, intent), Settled::Failed(_)));
    let again = ana.open_direct(&bo);
    assert!(matches!(world.settled(&ana, again), Settled::Done(_)));
}

#[test]
fn a_name_is_taken_once() {
    let mut world = World::seeded(7);
    let [_ana] = world.people(["ana"]);
    let other = world.newcomer("ana");
    let server = world.server_address();
    let reply = other.want(Command::Register { server, name: "ana".to_owned(), invite: None });
    let Ok(veche_client::Reply::Intent(intent)) = reply else { panic!("{reply:?}") };
    world.wait_ms(10_000);
    assert!(matches!(other.outcome(intent), Settled::Failed(_)), "{:?}", other.outcome(intent));
}

#[test]
fn both_open_the_chat_at_the_same_moment_and_end_in_one() {
    for seed in 0..6 {
        let mut world = World::seeded(seed);
        let [ana, bo] = world.people(["ana", "bob"]);
        world.acquaint(&ana, &bo);
        let first = ana.open_direct(&bo);
        let second = bo.open_direct(&ana);
        world.settle();
        let chat = ana.chat_of(first);
        assert_eq!(chat, bo.chat_of(second));
        ana.say(chat, "it was your turn");
        world.settle();
        bo.say(chat, "no, yours");
        world.settle();
        assert_eq!(ana.screen(chat), "ana: it was your turn\nbob: no, yours");
        assert_eq!(ana.screen(chat), bo.screen(chat));
        assert_eq!((ana.chats().len(), bo.chats().len()), (1, 1));
    }
}

#[test]
fn both_see_the_same_safety_number() {
    let mut world = World::seeded(8);
    let [ana, bo] = world.people(["ana", "bob"]);
    world.acquaint(&ana, &bo);
    let number = ana.look(|client| client.safety_number("bob").unwrap());
    assert_eq!(number, bo.look(|client| client.safety_number("ana").unwrap()));
    assert_eq!(number.chars().filter(char::is_ascii_digit).count(), 60);
}
