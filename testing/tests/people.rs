//! Living among many: who is in a group, who has read what, who is meant.

use veche_client::{ClientError, Command, MemberView, Role};
use veche_testing::{Person, World};
use veche_wire::LogId;

fn names(views: &[MemberView]) -> String {
    views.iter().map(|view| view.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The first `limit` members after somebody, as `reader` sees them.
fn page(reader: &Person, chat: LogId, after: Option<&str>, limit: usize) -> String {
    let page = reader.look(|client| {
        let after = after.map(|name| client.person(name).expect("somebody").account);
        client.member_page(chat, after, limit)
    });
    names(&page.expect("a page can be read"))
}

fn find(reader: &Person, chat: LogId, words: &str) -> String {
    names(&reader.look(|client| client.find_members(chat, words, 10)).expect("people are found"))
}

fn be_called(person: &Person, name: &str) {
    person.want(Command::SetDisplayName(name.to_owned())).expect("a name is taken");
}

#[test]
fn who_is_in_a_group_is_read_page_by_page() {
    let mut world = World::seeded(81);
    let [ana, bo, cyd, dan, eve] = world.people(["ana", "bob", "cyd", "dan", "eve"]);
    let group = world.group("assembly", [&dan, &ana, &bo, &cyd, &eve]);
    dan.role(group, &cyd, Role::Admin);
    world.settle();
    for person in [&ana, &bo, &cyd, &dan, &eve] {
        assert_eq!(page(person, group, None, 2), "dan, cyd", "owners, then admins");
        assert_eq!(page(person, group, Some("cyd"), 2), "ana, bob", "then all others, by name");
        assert_eq!(page(person, group, Some("bob"), 2), "eve");
        assert_eq!(page(person, group, Some("eve"), 2), "");
        assert_eq!(person.chat(group).unwrap().member_count, 5);
    }
    // The page after somebody who has gone is nowhere.
    let bobs = ana.look(|client| client.person("bob")).unwrap().account;
    dan.remove(group, &bo);
    world.settle();
    let lost = ana.look(|client| client.member_page(group, Some(bobs), 2));
    assert!(matches!(lost, Err(ClientError::Refused(_))), "{lost:?}");
    assert_eq!(ana.chat(group).unwrap().member_count, 4);
    assert_eq!(bo.chat(group).unwrap().member_count, 0, "it is nobody's business here any more");
    assert!(bo.look(|client| client.member_page(group, None, 2)).is_err());
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn somebody_is_found_by_any_name_of_theirs() {
    let mut world = World::seeded(82);
    let [ana, bo, cyd] = world.people(["ana", "susanna", "cyd_anders"]);
    let group = world.group("assembly", [&ana, &bo, &cyd]);
    be_called(&bo, "Жанна Ćosić");
    bo.say(group, "here I am");
    world.settle();
    assert_eq!(find(&ana, group, "AN"), "ana, cyd_anders, susanna", "beginnings of words first");
    assert_eq!(find(&ana, group, "@susanna"), "susanna");
    assert_eq!(find(&ana, group, "ćos жан"), "susanna");
    assert_eq!(find(&ana, group, "cyd nobody"), "");
    assert_eq!(find(&ana, group, ""), "ana, cyd_anders, susanna");
    assert_eq!(ana.look(|client| client.find_members(group, "an", 1)).unwrap().len(), 1);
}

/// Title, rules and number are there as soon as somebody is in.
#[test]
fn who_joins_sees_what_they_joined() {
    let mut world = World::seeded(83);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("assembly", [&ana, &bo]);
    ana.make_link(group, (false, None, None));
    world.settle();
    cyd.knock(&ana.link(group));
    world.settle();
    let chat = cyd.chat(group).unwrap();
    assert_eq!((chat.title.as_str(), chat.member_count), ("assembly", 3));
    assert_eq!(cyd.look(|client| client.rules(group)).unwrap().post, Role::Member);
    world.restart(&cyd);
    world.settle();
    assert_eq!(cyd.chat(group).unwrap().member_count, 3);
    assert_eq!(page(&cyd, group, None, 9), "ana, bob, cyd");
}
