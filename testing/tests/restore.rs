//! A server that was restored from an older copy of itself.

use expect_test::expect;
use veche_client::ChatState;
use veche_testing::{Person, World};
use veche_wire::{LogId, Request, Response};

/// What everybody sees of a chat, which must be the same and settled.
fn screen(people: &[&Person], chat: LogId) -> String {
    let mut screens = Vec::new();
    for person in people {
        let view = person.chat(chat).unwrap_or_else(|| panic!("{person:?} has lost the chat"));
        assert_eq!(view.state, ChatState::Active, "{person:?}");
        screens.push(person.screen(chat));
    }
    for (person, other) in people.iter().zip(&screens) {
        let first = &screens[0];
        assert_eq!(first, other, "{:?} and {person:?} see the chat differently", people[0]);
    }
    let members = people[0].members(chat);
    for person in people {
        assert_eq!(person.members(chat), members, "{person:?} sees other members");
    }
    screens.swap_remove(0)
}

fn was_told(person: &Person) -> bool {
    person.notices().iter().any(|notice| notice.contains("restored from an older copy"))
}

#[test]
fn what_the_older_copy_does_not_know_is_sent_again() {
    let mut world = World::seeded(1);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    ana.say(chat, "before the copy");
    world.settle();
    let copy = world.backup_server();
    ana.say(chat, "after the copy");
    world.settle();

    world.restore_server(copy);
    world.settle();
    bo.say(chat, "did the server forget?");
    world.settle();

    expect![[r#"
        ana: before the copy
        ana: after the copy
        bob: did the server forget?"#]]
    .assert_eq(&screen(&[&ana, &bo], chat));
    assert!(was_told(&ana) && was_told(&bo));
}

#[test]
fn others_write_past_the_one_who_is_away() {
    let mut world = World::seeded(2);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let copy = world.backup_server();
    for other in [&bo, &cyd] {
        world.cut_off(other);
    }
    ana.say(group, "the barn is full");
    let edited = ana.say(group, "bring carts");
    world.settle();
    ana.edit(group, edited, "bring four carts");
    world.settle();
    world.cut_off(&ana);

    world.restore_server(copy);
    world.reconnect(&bo);
    world.reconnect(&cyd);
    for number in 1..=6 {
        bo.say(group, &format!("bob counts {number}"));
        world.settle();
    }
    cyd.say(group, "where is ana?");
    world.settle();
    world.reconnect(&ana);
    world.settle();
    ana.say(group, "here");
    world.settle();

    expect![[r#"
        bob: bob counts 1
        bob: bob counts 2
        bob: bob counts 3
        bob: bob counts 4
        bob: bob counts 5
        bob: bob counts 6
        cyd: where is ana?
        ana: the barn is full
        ana: bring four carts (edited)
        ana: here"#]]
    .assert_eq(&screen(&[&ana, &bo, &cyd], group));
    assert!(was_told(&ana));
}

#[test]
fn what_was_acknowledged_and_read_by_nobody_is_sent_again() {
    let mut world = World::seeded(3);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    world.cut_off(&bo);
    let copy = world.backup_server();
    // She has the server's word for it, and dies before the log brings it back to her.
    ana.say(chat, "hear me");
    world.wait_ms(400);
    world.cut_off(&ana);
    world.restore_server(copy);
    world.reconnect(&bo);
    world.settle();
    bo.say(chat, "anybody there?");
    world.settle();
    world.reconnect(&ana);
    world.settle();

    expect![[r#"
        bob: anybody there?
        ana: hear me"#]]
    .assert_eq(&screen(&[&ana, &bo], chat));
}

#[test]
fn somebody_who_was_added_after_the_copy_is_still_in() {
    let mut world = World::seeded(4);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    world.acquaint(&ana, &cyd);
    let copy = world.backup_server();
    ana.rename(group, "sowing");
    world.settle();
    ana.add(group, &cyd);
    world.settle();
    bo.say(group, "welcome");
    cyd.say(group, "thank you");
    world.settle();

    world.restore_server(copy);
    world.settle();
    ana.say(group, "where were we?");
    world.settle();
    bo.say(group, "here");
    cyd.say(group, "and here");
    world.settle();

    let seen = screen(&[&ana, &bo, &cyd], group);
    for line in ["bob: welcome", "cyd: thank you", "ana: where were we?", "bob: here"] {
        assert!(seen.contains(line), "{line} is not in\n{seen}");
    }
    assert_eq!(cyd.chat(group).map(|chat| chat.title), Some("sowing".to_owned()));
}

#[test]
fn somebody_who_was_removed_after_the_copy_stays_out() {
    let mut world = World::seeded(5);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let copy = world.backup_server();
    ana.remove(group, &cyd);
    world.settle();
    ana.say(group, "without her");
    world.settle();

    world.restore_server(copy);
    world.settle();
    bo.say(group, "without her, yes");
    world.settle();

    expect![[r#"
        ana: without her
        bob: without her, yes"#]]
    .assert_eq(&screen(&[&ana, &bo], group));
    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Removed));
    assert!(!cyd.screen(group).contains("without her"));
}

#[test]
fn others_write_past_a_lost_renaming() {
    let mut world = World::seeded(13);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let copy = world.backup_server();
    world.cut_off(&bo);
    world.cut_off(&cyd);
    ana.rename(group, "sowing");
    world.settle();
    ana.say(group, "a new season");
    world.settle();
    world.cut_off(&ana);

    world.restore_server(copy);
    world.reconnect(&bo);
    world.reconnect(&cyd);
    let question = bo.say(group, "is it still harvest?");
    world.settle();
    cyd.react(group, question, "👍");
    cyd.say(group, "it is");
    world.settle();
    world.reconnect(&ana);
    world.settle();
    bo.say(group, "so it is spring");
    world.settle();

    // Ana was a step ahead and could not read them; they were said again, and stand where they were.
    expect![[r#"
        bob: is it still harvest? [👍 cyd]
        cyd: it is
        ana: a new season
        bob: so it is spring"#]]
    .assert_eq(&screen(&[&ana, &bo, &cyd], group));
    assert!(!ana.whole_screen(group).contains("cannot be read"), "{}", ana.whole_screen(group));
}

#[test]
fn others_write_past_a_lost_addition() {
    let mut world = World::seeded(6);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    world.acquaint(&ana, &cyd);
    let copy = world.backup_server();
    world.cut_off(&bo);
    ana.add(group, &cyd);
    world.settle();
    cyd.say(group, "I am in");
    world.settle();
    world.cut_off(&ana);
    world.cut_off(&cyd);

    world.restore_server(copy);
    world.reconnect(&bo);
    bo.say(group, "the two of us");
    bo.say(group, "are alone here");
    world.settle();
    world.reconnect(&ana);
    world.settle();
    world.reconnect(&cyd);
    world.settle();
    ana.say(group, "not any more");
    world.settle();
    cyd.say(group, "no");
    world.settle();

    // Bob's words are of a time when cyd was not in, and ana had let her in already: they are not
    // said again where cyd would hear them.
    let theirs = screen(&[&ana, &cyd], group);
    assert_eq!(theirs, "cyd: I am in\nana: not any more\ncyd: no");
    let lost = "a message of somebody else cannot be read on this device";
    assert_eq!(ana.whole_screen(group).matches(lost).count(), 2, "{}", ana.whole_screen(group));
    let all = format!("bob: the two of us\nbob: are alone here\n{theirs}");
    assert_eq!(bo.screen(group), all);
    assert!(was_told(&ana));
}

#[test]
fn both_sides_have_changed_the_group() {
    let mut world = World::seeded(7);
    let [ana, bo, cyd, dov] = world.people(["ana", "bob", "cyd", "dov"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    world.acquaint(&ana, &dov);
    ana.role(group, &bo, veche_client::Role::Admin);
    world.settle();
    let copy = world.backup_server();
    world.cut_off(&bo);
    world.cut_off(&cyd);
    ana.say(group, "dov comes");
    ana.add(group, &dov);
    world.settle();
    ana.say(group, "welcome, dov");
    dov.say(group, "good morning");
    world.settle();
    for person in [&ana, &dov] {
        world.cut_off(person);
    }

    world.restore_server(copy);
    world.reconnect(&bo);
    world.reconnect(&cyd);
    bo.rename(group, "sowing");
    world.settle();
    bo.say(group, "we sow");
    cyd.say(group, "we do");
    world.settle();
    world.reconnect(&ana);
    world.settle();
    world.reconnect(&dov);
    world.settle();
    for person in [&ana, &bo, &cyd, &dov] {
        person.say(group, &format!("{} is here", person.name()));
        world.settle();
    }

    for person in [&ana, &bo, &cyd, &dov] {
        let view = person.chat(group).expect("the chat is there");
        assert_eq!((view.state, view.title.as_str()), (ChatState::Active, "sowing"), "{person:?}");
        assert_eq!(person.members(group), ana.members(group), "{person:?}");
    }
    let seen = screen(&[&ana, &bo, &cyd], group);
    for line in ["bob: we sow", "cyd: we do", "ana: dov comes", "ana: welcome, dov"] {
        assert_eq!(seen.matches(line).count(), 1, "{line} in\n{seen}");
    }
    for line in ["dov: good morning", "ana is here", "dov is here"] {
        assert_eq!(seen.matches(line).count(), 1, "{line} in\n{seen}");
        assert!(dov.screen(group).contains(line), "{line} in\n{}", dov.screen(group));
    }
}

#[test]
fn both_sides_of_a_direct_chat_have_written() {
    let mut world = World::seeded(8);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    ana.say(chat, "zero");
    world.settle();
    let copy = world.backup_server();
    ana.say(chat, "one");
    bo.say(chat, "two");
    world.settle();
    world.cut_off(&bo);
    ana.say(chat, "three");
    world.settle();
    world.cut_off(&ana);

    world.restore_server(copy);
    world.reconnect(&bo);
    bo.say(chat, "four");
    world.settle();
    world.reconnect(&ana);
    world.settle();
    ana.say(chat, "five");
    world.settle();

    let seen = screen(&[&ana, &bo], chat);
    let mut lines: Vec<&str> = seen.lines().collect();
    assert_eq!(lines.pop(), Some("ana: five"));
    lines.sort_unstable();
    let expected = ["ana: one", "ana: three", "ana: zero", "bob: four", "bob: two"];
    assert_eq!(lines, expected);
    assert!(was_told(&ana) && was_told(&bo));
}

#[test]
fn the_server_is_restored_twice() {
    let mut world = World::seeded(9);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let first = world.backup_server();
    ana.rename(group, "sowing");
    world.settle();
    ana.say(group, "one");
    bo.say(group, "two");
    world.settle();
    world.cut_off(&cyd);
    bo.say(group, "three");
    world.settle();

    world.restore_server(first);
    world.wait_ms(700);
    let second = world.backup_server();
    world.settle();
    ana.say(group, "four");
    world.settle();
    world.restore_server(second);
    world.settle();
    world.reconnect(&cyd);
    world.settle();
    cyd.say(group, "five");
    world.settle();

    let seen = screen(&[&ana, &bo, &cyd], group);
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.sort_unstable();
    let expected = ["ana: four", "ana: one", "bob: three", "bob: two", "cyd: five"];
    assert_eq!(lines, expected);
    assert_eq!(cyd.chat(group).map(|chat| chat.title), Some("sowing".to_owned()));
}

#[test]
fn the_copy_is_older_than_the_chat() {
    let mut world = World::seeded(10);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let copy = world.backup_server();
    let chat = world.chat([&ana, &bo]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    ana.say(chat, "between us");
    ana.say(group, "for all");
    world.settle();
    bo.say(group, "heard");
    world.settle();
    world.cut_off(&ana);

    world.restore_server(copy);
    world.wait_ms(30_000);
    world.reconnect(&ana);
    world.settle();
    cyd.say(group, "here again");
    bo.say(chat, "and here");
    world.settle();

    expect![[r#"
        ana: between us
        bob: and here"#]]
    .assert_eq(&screen(&[&ana, &bo], chat));
    expect![[r#"
        ana: for all
        bob: heard
        cyd: here again"#]]
    .assert_eq(&screen(&[&ana, &bo, &cyd], group));
    assert!(bo.notices().iter().any(|notice| notice.contains("does not have a chat any more")));
}

#[test]
fn a_file_that_the_copy_does_not_have_goes_up_again() {
    let mut world = World::seeded(11);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let copy = world.backup_server();
    let file = ana.send_file(chat, "a map", "map.bin", &[7; 100_000]);
    world.settle();
    world.restore_server(copy);
    world.settle();
    bo.download(chat, file);
    world.settle();
    assert_eq!(bo.file(chat, file), vec![7; 100_000]);
}

#[test]
fn rule_8_a_server_with_two_orders_is_found_out() {
    let mut world = World::seeded(12);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let copy = world.backup_server();
    // Bob is never shown what ana says, and she is never shown his answer.
    world.cut_off(&bo);
    ana.say(chat, "one");
    world.settle();
    let hers = world.backup_server();
    world.cut_off(&ana);
    world.restore_server(copy);
    world.reconnect(&bo);
    bo.say(chat, "another one");
    world.settle();
    world.record();
    bo.say(chat, "and two");
    world.settle();
    world.cut_off(&bo);
    world.restore_server(hers);
    world.reconnect(&ana);
    world.settle();
    assert!(!ana.notices().join("\n").contains("another order"));

    // The first message that passes from one side to the other gives it away.
    let said = world.recorded().into_iter().find_map(|frame| match frame.request {
        Request::Append(append) => Some(append),
        _ => None,
    });
    let said = said.expect("bob has said something");
    let mut outsider = world.outsider();
    assert!(matches!(outsider.ask(Request::Append(said)), Response::Appended { .. }));
    world.wait_ms(1_000);
    let told = ana.notices().join("\n");
    assert!(told.contains("has shown bob another order"), "ana was not told: {told}");
}
