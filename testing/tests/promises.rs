//! The promises that Veche makes, each as somebody would notice that it is kept.

use expect_test::expect;
use veche_client::{Command, MessageState};
use veche_testing::world::Refusal;
use veche_testing::{Death, Weather, World};
use veche_wire::{ClientFrame, Request, limits};

/// Whether `needle` is somewhere in what a client sent.
fn holds(frames: &[ClientFrame], needle: &[u8]) -> bool {
    frames.iter().any(|frame| frame.encode().windows(needle.len()).any(|bytes| bytes == needle))
}

#[test]
fn a_message_waits_for_a_friend_who_is_offline() {
    let mut world = World::seeded(7);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);

    world.cut_off(&bo);
    ana.say(chat, "are you there?");
    world.settle();
    world.reconnect(&bo);
    world.settle();

    expect![["ana: are you there?"]].assert_eq(&bo.screen(chat));
}

#[test]
fn promise_1_nothing_that_opens_content_leaves_a_client() {
    let mut world = World::seeded(1);
    world.record();
    let [ana, bo] = world.people(["ana", "bob"]);
    let phrase = ana.look(|client| client.phrase().unwrap().unwrap());
    let chat = world.chat([&ana, &bo]);
    let group = world.group("conspiracy", [&ana, &bo]);
    ana.say(chat, "unmistakable words");
    ana.send_file(
        group,
        "see this",
        "revealing-name.pdf",
        b"telling content, repeated ".repeat(50).as_slice(),
    );
    world.settle();

    let frames = world.recorded();
    assert!(holds(&frames, b"bob"), "the registered username is there: the search works");
    for secret in ["unmistakable", "conspiracy", "see this", "revealing", "telling"] {
        assert!(!holds(&frames, secret.as_bytes()), "{secret} left a client");
    }
    for word in phrase.split(' ').filter(|word| word.len() > 4) {
        assert!(!holds(&frames, word.as_bytes()), "a word of the phrase left a client");
    }
}

#[test]
fn promise_2_no_request_of_a_chat_names_anybody() {
    let mut world = World::seeded(2);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("three", [&ana, &bo, &cyd]);
    world.record();
    let message = ana.say(group, "one");
    world.settle();
    ana.rename(group, "four");
    ana.remove(group, &bo);
    cyd.react(group, message, "👍");
    world.settle();

    let accounts =
        [&ana, &bo, &cyd].map(|person| person.look(|client| client.me().unwrap().unwrap().account));
    let frames = world.recorded();
    let appends = frames.iter().filter(|frame| matches!(frame.request, Request::Append(_)));
    assert!(appends.count() >= 4, "the chat went on");
    for frame in frames {
        let is_about_a_chat = matches!(
            frame.request,
            Request::Create { .. }
                | Request::Append(_)
                | Request::Read { .. }
                | Request::Subscribe { .. }
                | Request::Signal { .. }
                | Request::PutBlob { .. }
                | Request::GetBlob { .. }
        );
        for account in accounts.iter().filter(|_| is_about_a_chat) {
            assert!(!holds(std::slice::from_ref(&frame), account.as_bytes()), "{frame:?}");
        }
    }
}

#[test]
fn promise_3_what_was_sent_outlives_a_loss_of_power() {
    let mut world = World::seeded(3);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    world.cut_off(&bo);
    let mut said = Vec::new();
    for number in 0..20 {
        said.push(ana.say(chat, &format!("message {number}")));
        world.wait_ms(37);
        let is_sent = |id: &&_| ana.message(chat, **id).unwrap().state == MessageState::Sent;
        let sent: Vec<_> = said.iter().filter(is_sent).copied().collect();
        world.crash_server();
        for id in sent {
            assert_eq!(ana.message(chat, id).unwrap().state, MessageState::Sent);
        }
    }
    world.reconnect(&bo);
    world.settle();
    let expected: Vec<String> = (0..20).map(|number| format!("ana: message {number}")).collect();
    assert_eq!(bo.screen(chat), expected.join("\n"));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn promise_4_everybody_sees_the_same_order() {
    let mut world = World::seeded(4);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("all at once", [&ana, &bo, &cyd]);
    for round in 0..5 {
        ana.say(group, &format!("a{round}"));
        bo.say(group, &format!("b{round}"));
        cyd.say(group, &format!("c{round}"));
        world.wait_ms(25);
    }
    world.settle();
    assert_eq!(ana.screen(group).lines().count(), 15);
    assert_eq!(ana.screen(group), bo.screen(group));
    assert_eq!(ana.screen(group), cyd.screen(group));
}

#[test]
fn promise_5_nothing_appears_twice_however_often_it_arrives() {
    let mut world = World::seeded(5);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    world.set_weather(Weather { duplicated: 1000, ..Weather::FAIR });
    ana.say(chat, "once");
    bo.say(chat, "and once");
    world.settle();
    ana.say(chat, "and for all");
    world.settle();
    let mut lines: Vec<String> = bo.screen(chat).lines().map(str::to_owned).collect();
    assert_eq!(ana.screen(chat), bo.screen(chat));
    lines.sort();
    assert_eq!(lines, ["ana: and for all", "ana: once", "bob: and once"]);
}

#[test]
fn promise_5_a_message_survives_death_at_every_commit() {
    for death in [Death::BeforeCommit, Death::AfterCommit, Death::BetweenEffects] {
        let mut world = World::seeded(55);
        let [ana, bo] = world.people(["ana", "bob"]);
        let chat = world.chat([&ana, &bo]);
        for number in 0..8 {
            ana.say(chat, &format!("message {number}"));
            world.crash(&ana, death);
            world.wait_ms(5);
            world.crash(&bo, death);
            world.wait_ms(12_000);
        }
        world.settle();
        let expected: Vec<String> = (0..8).map(|number| format!("ana: message {number}")).collect();
        assert_eq!(bo.screen(chat), expected.join("\n"), "{death:?}");
        assert_eq!(world.complaints(), Vec::<String>::new());
    }
}

#[test]
fn promise_6_what_cannot_be_sent_any_more_says_so() {
    let mut world = World::seeded(6);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("ours", [&ana, &bo]);
    world.cut_off(&bo);
    let message = bo.say(group, "am I still in?");
    ana.remove(group, &bo);
    world.settle();
    world.reconnect(&bo);
    world.settle();
    let row = bo.message(group, message).expect("the message is still on the screen");
    assert!(matches!(row.state, MessageState::Failed(_)), "{row:?}");
    assert_eq!(ana.screen(group), "");
}

#[test]
fn promise_7_the_server_can_add_nobody_and_invite_nobody() {
    let mut world = World::seeded(77);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let mut server = world.outsider();
    let (_, write) = server.overhear(&ana, chat);
    let last = server.last_commit(chat);
    let forged = server.junk(chat, write.expect("ana has written"), veche_wire::Kind::Commit, last);
    server.ask(Request::Append(forged));
    world.settle();
    ana.say(chat, "still we two");
    world.settle();
    expect![["ana: still we two"]].assert_eq(&bo.screen(chat));
    expect![["ana (owner), bob (owner)"]].assert_eq(&ana.members(chat));
}

#[test]
fn promise_8_nothing_is_lost_while_connections_die() {
    let mut world = World::seeded(8);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    world.set_weather(Weather { broken: 200, dropped: 100, ..Weather::FAIR });
    for number in 0..30 {
        ana.say(chat, &format!("message {number}"));
        world.wait_ms(300);
    }
    world.set_weather(Weather::FAIR);
    world.settle();
    let expected: Vec<String> = (0..30).map(|number| format!("ana: message {number}")).collect();
    assert_eq!(bo.screen(chat), expected.join("\n"));
}

#[test]
fn promise_9_too_much_is_refused_with_words_and_nothing_is_lost() {
    let mut world = World::seeded(9);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let text = "x".repeat(limits::TEXT_BYTES_MAX + 1);
    let refusal = ana.want(Command::Send { chat, text, reply_to: None, file: None });
    assert!(matches!(refusal, Err(Refusal::Words(_))), "{refusal:?}");
    let most = "x".repeat(limits::TEXT_BYTES_MAX);
    ana.say(chat, &most);
    world.settle();
    assert_eq!(bo.rows(chat).last().and_then(|row| row.text.clone()), Some(most));
}
