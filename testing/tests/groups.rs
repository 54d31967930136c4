//! Who is in, who may what, and who sees what.

use expect_test::expect;
use veche_client::{ChatState, Command, Role, Settled};
use veche_testing::World;
use veche_testing::world::Refusal;

#[test]
fn a_group_talks() {
    let mut world = World::seeded(1);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    ana.say(group, "who brings bread?");
    world.settle();
    cyd.say(group, "I do");
    world.settle();
    let screen = expect![["
        ana: who brings bread?
        cyd: I do"]];
    for person in [&ana, &bo, &cyd] {
        screen.assert_eq(&person.screen(group));
        assert_eq!(person.members(group), "ana (owner), bob, cyd");
        assert_eq!(person.chat(group).unwrap().title, "harvest");
    }
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn who_comes_later_sees_what_comes_later() {
    let mut world = World::seeded(2);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    ana.say(group, "before");
    world.settle();
    world.acquaint(&ana, &cyd);
    let intent = ana.add(group, &cyd);
    assert!(matches!(world.settled(&ana, intent), Settled::Done(_)));
    ana.say(group, "after");
    world.settle();
    expect![["ana: after"]].assert_eq(&cyd.screen(group));
    assert_eq!(bo.screen(group), "ana: before\nana: after");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn who_was_removed_sees_no_more() {
    let mut world = World::seeded(3);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    ana.say(group, "before");
    world.settle();
    let intent = ana.remove(group, &cyd);
    assert!(matches!(world.settled(&ana, intent), Settled::Done(_)));
    ana.say(group, "after");
    world.settle();
    expect![["ana: before"]].assert_eq(&cyd.screen(group));
    assert_eq!(cyd.chat(group).unwrap().state, ChatState::Removed);
    assert_eq!(bo.members(group), "ana (owner), bob");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn who_was_removed_can_be_added_again() {
    let mut world = World::seeded(4);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    ana.say(group, "one");
    world.settle();
    ana.remove(group, &bo);
    world.settle();
    ana.say(group, "two");
    world.settle();
    ana.add(group, &bo);
    world.settle();
    bo.accept_all();
    ana.say(group, "three");
    world.settle();
    assert_eq!(bo.screen(group), "ana: one\nana: three");
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Active);
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn a_member_may_not_rename_until_made_an_admin() {
    let mut world = World::seeded(5);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    let refused = bo.want(Command::Rename { chat: group, title: "mine".to_owned() });
    assert!(matches!(refused, Err(Refusal::Words(_))), "{refused:?}");
    ana.role(group, &bo, Role::Admin);
    world.settle();
    bo.rename(group, "ours");
    world.settle();
    assert_eq!(ana.chat(group).unwrap().title, "ours");
    assert_eq!(ana.members(group), "ana (owner), bob (admin)");
}

#[test]
fn a_leaver_is_gone_for_everybody() {
    let mut world = World::seeded(6);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    bo.leave(group);
    world.settle();
    ana.say(group, "is bob gone?");
    world.settle();
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Left);
    assert_eq!(bo.screen(group), "");
    assert_eq!(ana.members(group), "ana (owner), cyd");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn the_last_owner_hands_over_first() {
    let mut world = World::seeded(7);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    let refused = ana.want(Command::Leave { chat: group });
    assert!(matches!(refused, Err(Refusal::Words(_))), "{refused:?}");
    ana.role(group, &bo, Role::Owner);
    world.settle();
    ana.leave(group);
    world.settle();
    assert_eq!(bo.members(group), "bob (owner)");
}

#[test]
fn everything_that_happened_is_told() {
    let mut world = World::seeded(8);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    world.acquaint(&ana, &cyd);
    ana.add(group, &cyd);
    world.settle();
    ana.rename(group, "sowing");
    world.settle();
    ana.role(group, &bo, Role::Admin);
    world.settle();
    ana.remove(group, &cyd);
    world.settle();
    let told = bo.whole_screen(group);
    for what in ["ana added cyd", "sowing", "bob", "ana removed cyd"] {
        assert!(told.contains(what), "{what} is not told in\n{told}");
    }
    assert_eq!(ana.whole_screen(group), format!("* ana created the group harvest\n{told}"));
}

#[test]
fn an_owner_does_not_leave_a_group_to_somebody_who_never_came() {
    let mut world = World::seeded(10);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    // Cyd is added as a stranger and does not answer.
    ana.add(group, &cyd);
    world.settle();
    ana.role(group, &cyd, Role::Owner);
    world.settle();
    let left = ana.leave(group);
    ana.say(group, "still here");
    let Settled::Failed(reason) = world.settled(&ana, left) else { panic!("ana has left") };
    assert!(reason.contains("no other owner or admin has come"), "{reason}");
    assert_eq!(bo.screen(group), "ana: still here");

    cyd.accept_all();
    world.settle();
    let left = ana.leave(group);
    assert!(matches!(world.settled(&ana, left), Settled::Done(_)));
    assert_eq!(bo.members(group), "bob, cyd (owner)");
}

#[test]
fn who_is_removed_while_adding_somebody_is_told_and_goes_on() {
    let mut world = World::seeded(83);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    let chat = world.chat([&bo, &cyd]);
    world.cut_off(&bo);
    let added = bo.add(group, &cyd);
    ana.remove(group, &bo);
    world.settle();
    world.reconnect(&bo);
    world.settle();
    assert!(matches!(bo.outcome(added), Settled::Failed(_)), "{:?}", bo.outcome(added));
    bo.say(chat, "I am out there, and here");
    world.settle();
    assert_eq!(cyd.screen(chat), "bob: I am out there, and here");
}

#[test]
fn a_face_is_told_when_the_server_has_a_new_group() {
    let mut world = World::seeded(8);
    let [ana] = world.people(["ana"]);
    let made = ana.make_group("alone", &[]);
    // How often it was told while the group was on its way, and when it was there.
    let mut told = (None, None);
    for _ in 0..10_000 {
        if let [group] = ana.chats().as_slice() {
            let count = Some(ana.told_of_chat(group.chat));
            match group.state {
                ChatState::Joining => told.0 = count,
                _ => told.1 = told.1.or(count),
            }
        }
        if told.1.is_some() {
            break;
        }
        world.wait_ms(1);
    }
    assert!(told.0.is_some() && told.1 > told.0, "it is shown as on its way for ever: {told:?}");
    world.settle();
    assert!(matches!(ana.outcome(made), Settled::Done(_)));
}
