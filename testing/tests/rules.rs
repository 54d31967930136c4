//! Who may do what in a group is what its owners say, on every screen.

use veche_client::{Command, MessageState, Reply, Role, RulesChange, RulesView, Settled};
use veche_testing::{Person, World};
use veche_wire::{EntryId, LogId};

fn set(world: &mut World, person: &Person, chat: LogId, rules: RulesChange) {
    let set = person.want(Command::SetRules { chat, rules });
    assert!(set.is_ok(), "{set:?}");
    world.settle();
}

fn send(person: &Person, chat: LogId, text: &str) -> bool {
    let send = Command::Send { chat, text: text.to_owned(), reply_to: None, file: None };
    person.want(send).is_ok()
}

#[test]
fn where_only_admins_write_others_read_and_react() {
    let mut world = World::seeded(61);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("announcements", [&ana, &bo, &cyd]);
    ana.role(group, &bo, Role::Admin);
    let said = cyd.say(group, "before the rule");
    world.settle();
    // Cyd says something while she is away, and the rule changes meanwhile.
    world.cut_off(&cyd);
    let late = cyd.say(group, "too late");
    set(&mut world, &ana, group, RulesChange { post: Some(Role::Admin), ..RulesChange::default() });
    world.reconnect(&cyd);
    world.settle();
    let state = cyd.message(group, late).map(|row| row.state);
    let Some(MessageState::Failed(reason)) = state else { panic!("{state:?}") };
    assert!(reason.contains("only some may write"), "{reason}");
    assert!(!send(&cyd, group, "and now?"));
    let edit = Command::Edit { chat: group, message: said, text: "changed".to_owned() };
    assert!(cyd.want(edit).is_err());
    assert!(send(&bo, group, "the bell rings at noon"));
    world.settle();
    cyd.react(group, bo.rows(group).last().unwrap().id, "🔔");
    world.settle();
    let screen = "cyd: before the rule\nbob: the bell rings at noon [🔔 cyd]";
    for person in [&ana, &bo] {
        assert_eq!(person.screen(group), screen);
        assert!(person.whole_screen(group).contains("ana lets admins and owners alone write"));
    }
    set(
        &mut world,
        &ana,
        group,
        RulesChange { post: Some(Role::Member), ..RulesChange::default() },
    );
    assert!(send(&cyd, group, "at last"));
    world.settle();
    assert!(ana.screen(group).ends_with("cyd: at last"));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn only_owners_change_the_rules_and_each_rule_is_kept() {
    let mut world = World::seeded(62);
    let [ana, bo, cyd, dan] = world.people(["ana", "bob", "cyd", "dan"]);
    let group = world.group("assembly", [&ana, &bo, &cyd]);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    let open = RulesChange {
        add: Some(Role::Member),
        remove: Some(Role::Owner),
        rename: Some(Role::Member),
        ..RulesChange::default()
    };
    assert!(bo.want(Command::SetRules { chat: group, rules: open }).is_err());
    assert!(ana.want(Command::SetRules { chat: group, rules: RulesChange::default() }).is_err());
    set(&mut world, &ana, group, open);
    let rules = RulesView {
        post: Role::Member,
        add: Role::Member,
        remove: Role::Owner,
        rename: Role::Member,
        slow: None,
        guarded: false,
    };
    for person in [&ana, &bo, &cyd] {
        assert_eq!(person.look(|client| client.rules(group)).unwrap(), rules);
    }
    let added = cyd.add(group, &dan);
    assert!(matches!(world.settled(&cyd, added), Settled::Done(_)));
    cyd.rename(group, "everybody's");
    let names = vec!["dan".to_owned()];
    assert!(bo.want(Command::RemoveMembers { chat: group, names }).is_err());
    world.settle();
    dan.accept_all();
    world.settle();
    for person in [&ana, &bo, &cyd] {
        assert_eq!(person.members(group), "ana (owner), bob (admin), cyd, dan");
        assert_eq!(person.chat(group).unwrap().title, "everybody's");
    }
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// A program that does not mind says something all the same: nobody shows it.
#[test]
fn what_is_said_against_the_rule_is_shown_to_nobody() {
    let mut world = World::seeded(63);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("announcements", [&ana, &bo, &cyd]);
    world.settle();
    set(&mut world, &ana, group, RulesChange { post: Some(Role::Owner), ..RulesChange::default() });
    let send = Command::Send { chat: group, text: "me too".into(), reply_to: None, file: None };
    let Ok(Reply::Message { message, .. }) = cyd.want_dishonestly(send) else { panic!("refused") };
    world.settle();
    let sent = cyd.message(group, message).map(|row| row.state);
    assert_eq!(sent, Some(MessageState::Sent), "it is in the log");
    for person in [&ana, &bo] {
        assert_eq!(person.message(group, message), None);
    }
    ana.say(group, "the assembly is closed");
    world.settle();
    assert_eq!(bo.screen(group), "ana: the assembly is closed");
}

/// A text, and what became of it: refused with these words, or written.
fn try_to_say(person: &Person, chat: LogId, text: &str) -> Result<EntryId, String> {
    let send = Command::Send { chat, text: text.to_owned(), reply_to: None, file: None };
    match person.want(send) {
        Ok(Reply::Message { message, .. }) => Ok(message),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(format!("{error:?}")),
    }
}

#[test]
fn in_slow_mode_a_member_waits_between_two_messages() {
    let mut world = World::seeded(64);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("square", [&ana, &bo, &cyd]);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    let slow = |seconds| RulesChange { slow: Some(seconds), ..RulesChange::default() };
    assert!(bo.want(Command::SetRules { chat: group, rules: slow(30) }).is_err());
    assert!(ana.want(Command::SetRules { chat: group, rules: slow(86_401) }).is_err());
    // Cyd says two things while she is away, and slow mode begins meanwhile.
    world.cut_off(&cyd);
    let first = try_to_say(&cyd, group, "good morning").unwrap();
    world.wait_ms(1_000);
    let second = try_to_say(&cyd, group, "anybody?").unwrap();
    set(&mut world, &ana, group, slow(30));
    world.reconnect(&cyd);
    world.settle();
    let state = |message| cyd.message(group, message).map(|row| row.state);
    assert_eq!(state(first), Some(MessageState::Sent));
    let Some(MessageState::Failed(reason)) = state(second) else { panic!("{:?}", state(second)) };
    assert!(reason.contains("slow mode"), "{reason}");

    world.wait_ms(30_000);
    let bread = try_to_say(&cyd, group, "fresh bread").unwrap();
    world.wait_ms(10_000);
    let refused = try_to_say(&cyd, group, "and butter").unwrap_err();
    assert!(refused.contains("write again in 20 s"), "{refused}");
    cyd.react(group, bread, "🥖");
    for text in ["how much?", "and where?"] {
        try_to_say(&bo, group, text).unwrap();
    }
    world.wait_ms(20_000);
    try_to_say(&cyd, group, "three, over there").unwrap();
    world.settle();
    let screen = "cyd: good morning\ncyd: fresh bread [🥖 cyd]\nbob: how much?\nbob: and where?\n\
                  cyd: three, over there";
    for person in [&ana, &bo] {
        assert_eq!(person.screen(group), screen);
        assert!(person.whole_screen(group).contains("ana lets members write once in 30 s"));
        assert_eq!(person.look(|client| client.rules(group)).unwrap().slow, Some(30));
    }
    set(&mut world, &ana, group, slow(0));
    for text in ["come", "quickly"] {
        try_to_say(&cyd, group, text).unwrap();
    }
    world.settle();
    assert!(ana.screen(group).ends_with("cyd: come\ncyd: quickly"));
    assert!(ana.whole_screen(group).contains("ana ended slow mode"));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// A program that does not wait is heard once, and then all can see that it did not wait.
#[test]
fn what_comes_too_soon_is_shown_to_nobody_and_noted_once() {
    let mut world = World::seeded(65);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("square", [&ana, &bo, &cyd]);
    world.settle();
    let slow = RulesChange { slow: Some(60), ..RulesChange::default() };
    set(&mut world, &ana, group, slow);
    cyd.say(group, "buy my apples");
    world.settle();
    for text in ["my apples", "apples"] {
        let send = Command::Send { chat: group, text: text.into(), reply_to: None, file: None };
        assert!(cyd.want_dishonestly(send).is_ok(), "refused");
        world.wait_ms(5_000);
    }
    world.settle();
    for person in [&ana, &bo] {
        assert_eq!(person.screen(group), "cyd: buy my apples");
        let whole = person.whole_screen(group);
        assert_eq!(whole.matches("cyd wrote too soon").count(), 1, "{whole}");
    }
}

/// The rule broken: the story above would notice.
#[test]
fn a_program_that_does_not_mind_shows_what_comes_too_soon() {
    let mutant = Some(veche_client::Mutant::TooSoonShown);
    let broken = veche_testing::world::Sabotage { client: mutant, ..Default::default() };
    let mut world = World::sabotaged(65, broken);
    let [ana, cyd] = world.people(["ana", "cyd"]);
    let group = world.group("square", [&ana, &cyd]);
    let slow = RulesChange { slow: Some(60), ..RulesChange::default() };
    set(&mut world, &ana, group, slow);
    cyd.say(group, "buy my apples");
    world.settle();
    let send = Command::Send { chat: group, text: "apples".into(), reply_to: None, file: None };
    assert!(cyd.want_dishonestly(send).is_ok(), "refused");
    world.settle();
    assert!(ana.screen(group).ends_with("cyd: apples"));
}
