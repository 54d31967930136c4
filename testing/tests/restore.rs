//! A server that was restored from an older copy of itself.

use veche_testing::World;

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

    for person in [&ana, &bo] {
        let mut lines: Vec<String> = person.screen(chat).lines().map(str::to_owned).collect();
        lines.sort();
        let expected =
            ["ana: after the copy", "ana: before the copy", "bob: did the server forget?"];
        assert_eq!(lines, expected, "{person:?}");
        assert!(!person.notices().is_empty(), "{person:?} was not told");
    }
}

#[test]
fn a_group_that_changed_after_the_copy_is_not_wedged() {
    let mut world = World::seeded(2);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    world.acquaint(&ana, &cyd);
    let copy = world.backup_server();
    ana.rename(group, "sowing");
    world.settle();
    ana.add(group, &cyd);
    world.settle();
    bo.say(group, "welcome");
    world.settle();

    world.restore_server(copy);
    world.settle();
    ana.say(group, "where were we?");
    world.settle();
    bo.say(group, "here");
    world.settle();

    assert!(bo.screen(group).contains("ana: where were we?"), "{}", bo.screen(group));
    assert!(ana.screen(group).contains("bob: here"), "{}", ana.screen(group));
}

#[test]
fn rule_8_a_server_with_two_orders_is_found_out() {
    let mut world = World::seeded(3);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let copy = world.backup_server();
    // Bob is never shown what ana says, and she is never shown his answer.
    world.cut_off(&bo);
    ana.say(chat, "one");
    world.settle();
    world.cut_off(&ana);
    world.restore_server(copy);
    world.reconnect(&bo);
    bo.say(chat, "another one");
    world.settle();
    bo.say(chat, "and two");
    world.settle();
    world.reconnect(&ana);
    world.settle();
    let told = ana.notices().join("\n");
    assert!(told.contains("another order"), "ana was not told: {told}");
    assert!(ana.screen(chat).contains("bob: and two"), "{}", ana.screen(chat));
}
