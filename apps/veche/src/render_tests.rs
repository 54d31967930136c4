//! What people see.

use expect_test::expect;
use veche_client::ChatState;
use veche_client::wire::LogId;

use super::*;
use crate::sanitize::is_steering;
use crate::shapes::tests::{full_message, plain_message};

#[test]
fn a_message_is_a_line_about_it_and_what_it_says() {
    expect![[r#"
        2023-11-14 22:13  11111111111111111111111111111111  ana
            hello
                there"#]]
    .assert_eq(&message(&plain_message()));
    expect![[r#"
        2023-11-14 22:13  11111111111111111111111111111111  Ana Petrović (ana)  (answers 44444444444444444444444444444444)  (mentions you)  (edited)  (not sent: the chat is gone)
            hello
                there
            [file cat.png, image/png, 1234 bytes]
            👍 bo, cy   🎉 ana
            read by bo and 1 more"#]]
    .assert_eq(&message(&full_message()));
}

#[test]
fn whoever_wants_to_be_called_something_is_still_told_by_the_username() {
    let called = |name: &str| {
        let display_name = Some(name.to_owned());
        let contact = ContactView {
            account: veche_client::wire::AccountId([0x33; 32]),
            name: "ana".to_owned(),
            display_name,
            blocked: false,
        };
        super::contact(&contact)
    };
    expect!["Ana Petrović (ana)"].assert_eq(&called("Ana Petrović"));
    expect!["ben (ana)"].assert_eq(&called("\tben\u{3000}   \n"));
    expect!["ana"].assert_eq(&called(" \u{a0} "));
    expect!["�ben� (ana)"].assert_eq(&called("\u{202e}ben\u{1b}"));
}

#[test]
fn a_chat_says_how_many_are_in_it_and_what_is_unread() {
    let line = |member_count, unread, unread_mentions| {
        let (chat, state) = (LogId([0x22; 16]), ChatState::Active);
        let (kind, title) = (ChatKind::Group, "choir".to_owned());
        let view = ChatView {
            chat,
            kind,
            title,
            member_count,
            unread,
            unread_mentions,
            behind: 0,
            state,
            join_requests: 0,
            role: None,
            peer: None,
            last: None,
        };
        let words = super::chat(&view);
        words.split_once("choir").expect("it is called so").1.to_owned()
    };
    expect![""].assert_eq(&line(0, 0, 0));
    expect!["  (1 member)"].assert_eq(&line(1, 0, 0));
    expect!["  (5000 members)  (3 unread)"].assert_eq(&line(5_000, 3, 0));
    expect!["  (5000 members)  (3 unread, 1 mentions you)"].assert_eq(&line(5_000, 3, 1));
    expect!["  (5000 members)  (3 unread, 2 mention you)"].assert_eq(&line(5_000, 3, 2));
}

#[test]
fn a_system_line_stands_apart() {
    let view =
        MessageView { event: Some("ana added bo".to_owned()), text: None, ..plain_message() };
    expect!["2023-11-14 22:13  * ana added bo"].assert_eq(&message(&view));
}

#[test]
fn whatever_others_write_stays_in_its_place() {
    let nasty = "x\u{1b}]0;title\u{7}\n2023-11-14 22:13  * bo left\r\u{202e}";
    let view = MessageView {
        from: nasty.to_owned(),
        display_name: Some(nasty.to_owned()),
        text: Some(nasty.to_owned()),
        reactions: vec![(nasty.to_owned(), vec![nasty.to_owned()])],
        file: Some(FileView {
            name: nasty.to_owned(),
            media_type: nasty.to_owned(),
            size: 1,
            sha256: [0; 32],
            here: false,
            transfer: String::new(),
        }),
        state: MessageState::Failed(nasty.to_owned()),
        read_count: 1,
        read_by: vec![nasty.to_owned()],
        ..plain_message()
    };
    let words = message(&view);
    assert!(words.lines().skip(1).all(|line| line.starts_with("    ")), "{words}");
    assert!(!words.replace('\n', "").contains(is_steering), "{words:?}");
    let event = MessageView { event: Some(nasty.to_owned()), ..plain_message() };
    assert!(!message(&event).contains(is_steering));
}
