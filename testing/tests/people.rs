//! Living among many: who is in a group, who has read what, who is meant.

use veche_client::{ClientError, Command, MemberView, PREVIEW_CHARACTERS, Reply, Role};
use veche_testing::world::Refusal;
use veche_testing::{Person, World};
use veche_wire::{EntryId, LogId, limits};

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
fn a_list_of_chats_says_who_one_is_there_and_what_was_said_last() {
    let mut world = World::seeded(83);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    let direct = ana.open_direct(&bo);
    world.settle();
    bo.accept_all();
    world.settle();
    let direct = ana.chat_of(direct);
    be_called(&bo, "Bo B.");
    bo.say(group, &"long ".repeat(1_000));
    ana.send_file(direct, "look", "plan.txt", b"bytes");
    world.settle();
    let list = |reader: &Person, chat| reader.chat(chat).expect("the chat is listed");
    let (in_group, in_direct) = (list(&ana, group), list(&bo, direct));
    assert_eq!((in_group.role, list(&bo, group).role), (Some(Role::Owner), Some(Role::Member)));
    assert_eq!((in_group.peer, in_group.unread), (None, 1));
    let last = in_group.last.expect("something was said");
    assert_eq!((last.from.as_str(), last.display_name.as_deref()), ("bob", Some("Bo B.")));
    assert_eq!(last.text.map(|text| text.chars().count()), Some(PREVIEW_CHARACTERS));
    assert_eq!(in_direct.peer.expect("there is another").name, "ana");
    let last = in_direct.last.expect("something was said");
    assert_eq!((last.text.as_deref(), last.file.as_deref()), (Some("look"), Some("plan.txt")));
    assert_eq!(list(&ana, direct).peer.expect("another").display_name.as_deref(), Some("Bo B."));
    ana.remove(group, &bo);
    world.settle();
    let left = list(&bo, group);
    assert_eq!((left.role, left.member_count), (None, 0));
    assert_eq!(left.last.expect("a system line").event.as_deref(), Some("ana removed bob"));
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

fn read(reader: &Person, chat: LogId) {
    reader.want(Command::MarkRead { chat }).expect("reading is taken");
}

/// How many have read a message of somebody, and who.
fn readers(author: &Person, chat: LogId, message: EntryId) -> (u64, String) {
    let view = author.message(chat, message).expect("it is here");
    (view.read_count, view.read_by.join(", "))
}

#[test]
fn in_a_crowd_nobody_says_what_they_have_read() {
    let mut world = World::seeded(84);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    let early = ana.say(group, "is anybody here?");
    world.settle();
    read(&bo, group);
    world.settle();
    assert_eq!(readers(&ana, group, early), (1, "bob".to_owned()));
    // Bob reads on while he is away, and comes back into a crowd.
    let next = ana.say(group, "bring your friends");
    world.settle();
    world.cut_off(&bo);
    read(&bo, group);
    ana.make_link(group, (false, None, None));
    world.settle();
    let link = ana.link(group);
    for number in 1..limits::RECEIPTS_DEVICES_MAX {
        world.person(&format!("guest{number}")).knock(&link);
    }
    world.settle();
    world.reconnect(&bo);
    world.settle();
    let crowd = limits::RECEIPTS_DEVICES_MAX as u64 + 1;
    assert_eq!(bo.chat(group).unwrap().member_count, crowd);
    assert_eq!(readers(&ana, group, next), (0, String::new()), "nobody listens to that any more");
    let late = ana.say(group, "welcome");
    world.settle();
    read(&bo, group);
    world.settle();
    assert_eq!(readers(&ana, group, late), (0, String::new()));
    assert_eq!(readers(&ana, group, early), (1, "bob".to_owned()), "what was told stays");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// Whether a message calls somebody, on their own screen.
fn is_called(person: &Person, chat: LogId, message: EntryId) -> bool {
    person.message(chat, message).expect("it is here").mentions_me
}

fn unread_mentions(person: &Person, chat: LogId) -> (u64, u64) {
    let view = person.chat(chat).expect("the chat is here");
    (view.unread, view.unread_mentions)
}

#[test]
fn who_is_named_is_called() {
    let mut world = World::seeded(85);
    let [ana, bo, cyd, dan] = world.people(["ana", "bob", "cyd", "dan"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let asked = ana.say(group, "@Bob, bring bread! @ana will be late, and @dan is not here");
    let spared = ana.say(group, "ask ana@cyd.example");
    world.settle();
    assert!(is_called(&bo, group, asked) && !is_called(&bo, group, spared));
    for person in [&ana, &cyd] {
        assert!(!is_called(person, group, asked) && !is_called(person, group, spared));
        assert_eq!(person.called_to(), []);
    }
    assert_eq!(bo.called_to(), [asked]);
    assert_eq!(unread_mentions(&bo, group), (2, 1));
    assert_eq!(unread_mentions(&cyd, group), (2, 0));
    read(&bo, group);
    assert_eq!(unread_mentions(&bo, group), (0, 0));
    // A change calls nobody else, and what was deleted calls nobody.
    ana.edit(group, spared, "ask @bob");
    let taken_back = cyd.say(group, "@bob!");
    world.settle();
    assert!(!is_called(&bo, group, spared));
    assert_eq!(unread_mentions(&bo, group), (1, 1));
    cyd.delete(group, taken_back);
    world.settle();
    assert_eq!(unread_mentions(&bo, group), (0, 0));
    // Between two people everything is meant for the other.
    world.acquaint(&ana, &dan);
    let direct = world.chat([&ana, &dan]);
    let said = ana.say(direct, "@dan, @all");
    world.settle();
    assert!(!is_called(&dan, direct, said));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn everybody_is_called_by_admins_alone() {
    let mut world = World::seeded(86);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let owners = ana.say(group, "@all: the cart leaves at six");
    world.settle();
    assert!(is_called(&bo, group, owners) && is_called(&cyd, group, owners));
    assert!(!is_called(&ana, group, owners), "who calls is not called");
    let call = || Command::Send { chat: group, text: "@all!".into(), reply_to: None, file: None };
    let refused = cyd.want(call());
    let Err(Refusal::Words(words)) = refused else { panic!("{refused:?}") };
    assert!(words.contains("Only admins and owners"), "{words}");
    // A program that does not mind is heard, and calls nobody.
    let Ok(Reply::Message { message, .. }) = cyd.want_dishonestly(call()) else {
        panic!("refused")
    };
    world.settle();
    for person in [&ana, &bo] {
        assert_eq!(person.message(group, message).unwrap().text.as_deref(), Some("@all!"));
        assert!(!is_called(person, group, message));
    }
    ana.role(group, &cyd, Role::Admin);
    world.settle();
    let admins = cyd.say(group, "@all!");
    world.settle();
    assert!(is_called(&ana, group, admins) && is_called(&bo, group, admins));
    assert_eq!(ana.called_to(), [admins]);
    assert_eq!(bo.called_to(), [owners, admins]);
    assert_eq!(world.complaints(), Vec::<String>::new());
}
