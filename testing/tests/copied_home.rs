//! A home that was rolled back or copied (docs/protocol.md, rule 4), and a place that nobody took
//! (rule 14).

use expect_test::expect;
use veche_client::{ChatState, Settled};
use veche_testing::World;

/// Three days and a bit.
const FOUR_DAYS_MS: u64 = 4 * 24 * 3_600_000;

#[test]
fn rule_4_a_home_rolled_back_behind_its_own_words_renews_its_keys_before_it_speaks() {
    let mut world = World::seeded(41);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    ana.say(chat, "before the copy");
    world.settle();
    let copy = world.copy_home(&ana);
    ana.say(chat, "after the copy");
    world.settle();

    world.roll_back(&ana, copy);
    ana.say(chat, "rolled back");
    world.settle();
    // The keys of the first message after the copy are used up: what is said now has new ones.
    expect![[r#"
        ana: before the copy
        ana: after the copy
        ana: rolled back"#]]
    .assert_eq(&bo.screen(chat));
    let screen = ana.whole_screen(chat);
    assert!(screen.contains("an entry claims to be by this device"), "{screen}");
    bo.say(chat, "heard all");
    world.settle();
    assert_eq!(ana.screen(chat).lines().last(), Some("bob: heard all"));
}

#[test]
fn rule_4_a_home_rolled_back_behind_its_own_commit_is_added_again() {
    let mut world = World::seeded(42);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let copy = world.copy_home(&ana);
    let renamed = ana.rename(group, "sowing");
    assert!(matches!(world.settled(&ana, renamed), Settled::Done(_)));

    world.roll_back(&ana, copy);
    world.settle();
    let notices = ana.notices().join("\n");
    assert!(notices.contains("a commit by this device that this home did not make"), "{notices}");
    assert_eq!(ana.chat(group).unwrap().state, ChatState::Active);
    ana.say(group, "here again");
    world.settle();
    assert_eq!(bo.screen(group), "ana: here again");
    assert_eq!(ana.chat(group).unwrap().title, "sowing");
    assert_eq!(bo.members(group), ana.members(group));
}

#[test]
fn rule_4_of_two_copies_of_a_home_one_is_told_that_it_is_none_any_more() {
    let mut world = World::seeded(43);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let copy = world.copy_home(&ana);
    ana.rename(group, "sowing");
    world.settle();

    // The copy sees a commit by its own leaf that it has not made, and is added again; the first
    // one sees that its place is taken. They do not throw each other out for ever.
    let second = world.start_copy("ana", copy);
    world.settle();
    assert_eq!(second.chat(group).unwrap().state, ChatState::Active);
    assert_eq!(ana.chat(group).unwrap().state, ChatState::Removed);
    let notices = ana.notices().join("\n");
    assert!(notices.contains("A copy of this home has taken this device's place"), "{notices}");
    second.say(group, "only one of us");
    world.settle();
    assert_eq!(bo.screen(group), "ana: only one of us");
    assert_eq!(cyd.screen(group), "ana: only one of us");
}

#[test]
fn rule_14_who_does_not_arrive_for_three_days_can_be_added_again() {
    let mut world = World::seeded(44);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    let arrived = |name: &str, world: &World| {
        let now = world.now();
        let members = ana.look(|client| client.members(group).expect("members can be read"));
        members.iter().find(|member| member.name == name).map(|member| member.has_arrived(now))
    };
    // Cyd's program takes the invitation and never comes back: its home is lost.
    world.acquaint(&ana, &cyd);
    let before = world.copy_home(&cyd);
    world.cut_off(&cyd);
    ana.add(group, &cyd);
    world.settle();
    assert_eq!(arrived("cyd", &world), Some(true), "cyd may still be on the way");
    // While that is so, adding again changes nothing.
    let commits = world.kinds(group).len();
    ana.add(group, &cyd);
    world.settle();
    assert_eq!(world.kinds(group).len(), commits);

    world.wait_ms(FOUR_DAYS_MS);
    world.settle();
    assert_eq!(arrived("cyd", &world), Some(false));
    assert_eq!(arrived("bob", &world), Some(true));
    bo.say(group, "where is cyd?");
    world.settle();
    ana.add(group, &cyd);
    world.settle();
    assert_eq!(arrived("cyd", &world), Some(true), "the days count anew");

    world.roll_back(&cyd, before);
    world.reconnect(&cyd);
    world.settle();
    cyd.say(group, "here I am");
    world.settle();
    assert_eq!(ana.screen(group), "bob: where is cyd?\ncyd: here I am");
    // The first place was there all the time, so what was said to it can be read.
    assert_eq!(cyd.screen(group), "bob: where is cyd?\ncyd: here I am");
    world.wait_ms(FOUR_DAYS_MS);
    assert_eq!(arrived("cyd", &world), Some(true));
    assert_eq!(world.complaints(), Vec::<String>::new());
}
