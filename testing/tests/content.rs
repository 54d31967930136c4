//! What a message can be.

use expect_test::expect;
use veche_client::Command;
use veche_testing::World;

#[test]
fn replies_reactions_edits_and_deletions_look_the_same_to_both() {
    let mut world = World::seeded(1);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let question = ana.say(chat, "tomorow?");
    let wrong = ana.say(chat, "not for you");
    world.settle();
    bo.reply(chat, question, "at dawn");
    bo.react(chat, question, "👍");
    ana.edit(chat, question, "tomorrow?");
    ana.delete(chat, wrong);
    world.settle();
    let screen = expect![[r#"
        ana: tomorrow? (edited) [👍 bob]
        ana: (deleted)
        bob: (to "tomorrow?") at dawn"#]];
    screen.assert_eq(&ana.screen(chat));
    screen.assert_eq(&bo.screen(chat));
}

#[test]
fn a_reaction_can_be_taken_back() {
    let mut world = World::seeded(2);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let message = ana.say(chat, "well?");
    world.settle();
    bo.react(chat, message, "👍");
    world.settle();
    expect![["ana: well? [👍 bob]"]].assert_eq(&ana.screen(chat));
    bo.react(chat, message, "👍");
    world.settle();
    expect![["ana: well?"]].assert_eq(&ana.screen(chat));
    assert_eq!(ana.screen(chat), bo.screen(chat));
}

#[test]
fn nobody_edits_or_deletes_what_another_said() {
    let mut world = World::seeded(3);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let message = ana.say(chat, "mine");
    world.settle();
    let text = "yours".to_owned();
    assert!(bo.want(Command::Edit { chat, message, text }).is_err());
    assert!(bo.want(Command::Delete { chat, message }).is_err());
    world.settle();
    expect![["ana: mine"]].assert_eq(&ana.screen(chat));
}

#[test]
fn text_is_kept_exactly() {
    let mut world = World::seeded(4);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let text = "  first\r\n\tsecond \u{202e} third\n\n";
    let message = ana.say(chat, text);
    world.settle();
    assert_eq!(bo.message(chat, message).and_then(|row| row.text).as_deref(), Some(text));
}

#[test]
fn a_receipt_tells_who_has_read_and_can_be_switched_off() {
    let mut world = World::seeded(5);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let first = ana.say(chat, "read this");
    world.settle();
    bo.want(Command::MarkRead { chat }).expect("reading is taken");
    world.settle();
    assert_eq!(ana.message(chat, first).unwrap().read_by, ["bob"]);

    let receipts = || bo.look(|client| client.me()).unwrap().expect("an account").receipts;
    assert!(receipts());
    bo.want(Command::SetReceipts(false)).expect("the switch is taken");
    assert!(!receipts(), "it is shown as it is kept");
    let second = ana.say(chat, "and this");
    world.settle();
    bo.want(Command::MarkRead { chat }).expect("reading is taken");
    world.settle();
    assert_eq!(ana.message(chat, second).unwrap().read_by, Vec::<String>::new());
}

#[test]
fn old_words_are_found() {
    let mut world = World::seeded(6);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let wanted = ana.say(chat, "the bell of Novgorod rings at noon");
    ana.say(chat, "nothing to see");
    world.settle();
    for person in [&ana, &bo] {
        let found = person.look(|client| client.search("novgor", 10).unwrap());
        assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [wanted]);
    }
}

#[test]
fn a_chat_can_be_read_page_by_page_from_its_beginning() {
    let mut world = World::seeded(12);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.group("harvest", [&ana, &bo]);
    for number in 0..9 {
        ana.say(chat, &format!("{number}"));
        bo.say(chat, &format!("{number} as well"));
        if number < 6 {
            world.settle();
        }
    }
    let whole = ana.rows(chat);
    for size in [1, 4, whole.len() - 1, whole.len(), whole.len() + 1] {
        let mut page = ana.look(|client| client.first_page(chat, size)).expect("it can be read");
        let mut read = Vec::new();
        while let Some(last) = page.last() {
            assert!(page.len() <= size, "{} of {size}", page.len());
            let after = Some(last.id);
            read.append(&mut page);
            page = ana.look(|client| client.page(chat, after, size)).expect("it can be read");
        }
        assert_eq!(read, whole, "by {size}");
    }
}

#[test]
fn a_second_thought_counts_though_the_clock_was_set_back_before_it() {
    let mut world = World::seeded(77);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let message = ana.say(chat, "at eihgt");
    world.settle();
    ana.edit(chat, message, "at eight");
    world.settle();
    world.set_clock_back(&ana, 3_600_000);
    world.restart(&ana);
    world.settle();
    ana.edit(chat, message, "at nine");
    world.settle();
    for person in [&ana, &bo] {
        assert_eq!(person.message(chat, message).unwrap().text.as_deref(), Some("at nine"));
    }
}
