//! Who may do what in a group is what its owners say, on every screen.

use veche_client::{Command, MessageState, Reply, Role, RulesChange, RulesView, Settled};
use veche_testing::{Person, World};
use veche_wire::LogId;

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
        post: None,
    };
    assert!(bo.want(Command::SetRules { chat: group, rules: open }).is_err());
    assert!(ana.want(Command::SetRules { chat: group, rules: RulesChange::default() }).is_err());
    set(&mut world, &ana, group, open);
    let rules = RulesView {
        post: Role::Member,
        add: Role::Member,
        remove: Role::Owner,
        rename: Role::Member,
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
