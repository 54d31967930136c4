//! The JSON of each shape, as it stands.

use expect_test::{Expect, expect};
use veche_client::wire::{AccountId, EntryId, LogId};

use super::*;

pub(crate) fn plain_message() -> MessageView {
    MessageView {
        id: EntryId([0x11; 16]),
        chat: LogId([0x22; 16]),
        from: "ana".to_owned(),
        display_name: None,
        account: AccountId([0x33; 32]),
        at: 1_700_000_000_123,
        text: Some("hello\n\tthere".to_owned()),
        event: None,
        reply_to: None,
        edited: false,
        deleted: false,
        reactions: vec![],
        file: None,
        state: MessageState::Received,
        read_count: 0,
        read_by: vec![],
        mentions_me: false,
    }
}

pub(crate) fn full_message() -> MessageView {
    MessageView {
        display_name: Some("Ana Petrović".to_owned()),
        reply_to: Some(EntryId([0x44; 16])),
        edited: true,
        reactions: vec![
            ("👍".to_owned(), vec!["bo".to_owned(), "cy".to_owned()]),
            ("🎉".to_owned(), vec!["ana".to_owned()]),
        ],
        file: Some(FileView {
            name: "cat.png".to_owned(),
            media_type: "image/png".to_owned(),
            size: 1234,
            sha256: [0xab; 32],
            here: true,
            transfer: String::new(),
        }),
        state: MessageState::Failed("the chat is gone".to_owned()),
        read_count: 2,
        read_by: vec!["bo".to_owned()],
        mentions_me: true,
        ..plain_message()
    }
}

fn check(shape: &impl Serialize, expected: &Expect) {
    expected.assert_eq(&serde_json::to_string(shape).unwrap());
}

#[test]
fn a_message_names_only_what_applies() {
    let expected = expect![[
        r#"{"id":"11111111111111111111111111111111","chat":"22222222222222222222222222222222","from":"ana","at":"2023-11-14T22:13:20.123Z","text":"hello\n\tthere"}"#
    ]];
    check(&MessageShape::from(&plain_message()), &expected);
}

#[test]
fn a_message_with_everything() {
    let expected = expect![[
        r#"{"id":"11111111111111111111111111111111","chat":"22222222222222222222222222222222","from":"ana","display_name":"Ana Petrović","at":"2023-11-14T22:13:20.123Z","text":"hello\n\tthere","reply_to":"44444444444444444444444444444444","edited":true,"reactions":{"👍":["bo","cy"],"🎉":["ana"]},"file":{"name":"cat.png","type":"image/png","size":1234,"sha256":"abababababababababababababababababababababababababababababababab"},"state":"failed","reason":"the chat is gone","read_by":["bo"],"read_count":2,"mentions_me":true}"#
    ]];
    check(&MessageShape::from(&full_message()), &expected);
}

#[test]
fn a_system_line_has_an_event_and_no_text() {
    let view = MessageView {
        text: None,
        event: Some("ana added bo".to_owned()),
        state: MessageState::Sent,
        ..plain_message()
    };
    let expected = expect![[
        r#"{"id":"11111111111111111111111111111111","chat":"22222222222222222222222222222222","from":"ana","at":"2023-11-14T22:13:20.123Z","event":"ana added bo"}"#
    ]];
    check(&MessageShape::from(&view), &expected);
}

#[test]
fn a_deleted_message_says_so() {
    let view =
        MessageView { text: None, deleted: true, state: MessageState::Sent, ..plain_message() };
    let expected = expect![[
        r#"{"id":"11111111111111111111111111111111","chat":"22222222222222222222222222222222","from":"ana","at":"2023-11-14T22:13:20.123Z","deleted":true,"state":"sent"}"#
    ]];
    check(&MessageShape::from(&view), &expected);
}

#[test]
fn chats_and_requests() {
    let chat = ChatView {
        chat: LogId([0x22; 16]),
        kind: ChatKind::Group,
        title: "choir".to_owned(),
        member_count: 5_000,
        unread: 3,
        unread_mentions: 1,
        behind: 0,
        state: ChatState::Active,
        join_requests: 0,
        role: Some(Role::Member),
        peer: None,
        last: None,
    };
    check(
        &ChatShape::from(&chat),
        &expect![[
            r#"{"chat":"22222222222222222222222222222222","kind":"group","title":"choir","members":5000,"unread":3,"mentions":1}"#
        ]],
    );
    let left = ChatView { kind: ChatKind::Direct, state: ChatState::Left, ..chat };
    check(
        &ChatShape::from(&left),
        &expect![[
            r#"{"chat":"22222222222222222222222222222222","kind":"direct","title":"choir","members":5000,"unread":3,"mentions":1,"state":"left"}"#
        ]],
    );
    let request = RequestView {
        id: EntryId([0x11; 16]),
        from: "bo".to_owned(),
        display_name: Some("Bo B".to_owned()),
        kind: ChatKind::Direct,
    };
    check(
        &RequestShape::from(&request),
        &expect![[
            r#"{"id":"11111111111111111111111111111111","from":"bo","display_name":"Bo B","kind":"direct"}"#
        ]],
    );
}

#[test]
fn people() {
    let account = AccountId([0x33; 32]);
    let contact = ContactView { account, name: "bo".to_owned(), display_name: None, blocked: true };
    check(
        &ContactShape::from(&contact),
        &expect![[
            r#"{"account":"3333333333333333333333333333333333333333333333333333333333333333","name":"bo","blocked":true}"#
        ]],
    );
    let member = MemberView {
        account,
        name: "ana".to_owned(),
        display_name: Some("Ana Petrović".to_owned()),
        role: Role::Owner,
        me: true,
        silent_since: None,
    };
    let ana = ContactView {
        account,
        name: "ana".to_owned(),
        display_name: Some("Ana Petrović".to_owned()),
        blocked: false,
    };
    check(
        &SafetyShape::new("123 456", &ana),
        &expect![[r#"{"safety":"123 456","display_name":"Ana Petrović"}"#]],
    );
    check(&SafetyShape::new("123 456", &contact), &expect![[r#"{"safety":"123 456"}"#]]);
    check(
        &MemberShape::from(&member),
        &expect![[
            r#"{"account":"3333333333333333333333333333333333333333333333333333333333333333","name":"ana","display_name":"Ana Petrović","role":"owner","me":true,"arrived":true}"#
        ]],
    );
}

#[test]
fn the_account() {
    let key = "a".repeat(52);
    let me = MeView {
        account: AccountId([0x33; 32]),
        name: "ana".to_owned(),
        display_name: None,
        server: format!("localhost:7000/{key}").parse().unwrap(),
        registered: true,
        receipts: true,
    };
    check(
        &MeShape::new(&me, Some("twelve words")),
        &expect![[
            r#"{"account":"3333333333333333333333333333333333333333333333333333333333333333","name":"ana","server":"localhost:7000/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","registered":true,"phrase":"twelve words"}"#
        ]],
    );
    let registered =
        RegisteredShape { account: "33".to_owned(), name: "ana", phrase: "twelve words" };
    check(&registered, &expect![[r#"{"account":"33","name":"ana","phrase":"twelve words"}"#]]);
    check(&single("link", "veche://…"), &expect![[r#"{"link":"veche://…"}"#]]);
}

#[test]
fn what_was_saved_and_synchronised() {
    let saved = SavedShape { path: "./cat.png", size: 9, sha256: "ab".to_owned() };
    check(&saved, &expect![[r#"{"path":"./cat.png","size":9,"sha256":"ab"}"#]]);
    let before = Pending { received: 10, sent: 5, ..Pending::default() };
    let after = Pending { received: 12, sent: 6, outgoing: 1, caught_up: true };
    check(&SyncShape::between(before, after), &expect![[r#"{"received":2,"sent":1,"pending":1}"#]]);
}

#[test]
fn times_beyond_all_calendars_do_not_stop_anything() {
    assert_eq!(rfc_3339(0), "1970-01-01T00:00:00Z");
    assert!(rfc_3339(u64::MAX).starts_with("9999-"));
}
