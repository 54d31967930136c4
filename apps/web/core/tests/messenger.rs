//! The messenger over bytes: as a worker's script drives it, without a browser.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use expect_test::{Expect, expect};
use veche_client::wire::{ClientFrame, Random, Request, ServerAddress};
use veche_client::{Client, Store};
use veche_net::{Responder, ServerKey, Session};
use veche_web::{Answer, Messenger, News, Trouble};

const NOW: u64 = 1_800_000_000_000;

/// Not random at all.
struct Counted(u8);

impl Random for Counted {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
    }
}

fn messenger() -> Messenger {
    let client = Client::open(Store::in_memory().unwrap(), Box::new(Counted(0)), NOW).unwrap();
    Messenger::new(client)
}

fn server() -> (ServerKey, ServerAddress) {
    let key = ServerKey::from_bytes(&[7; 32]);
    let public = key.public();
    (key, ServerAddress { host: "127.0.0.1".to_owned(), port: 7010, key: public })
}

fn ask(messenger: &mut Messenger, json: &str) -> Result<Answer, Trouble> {
    messenger.ask(NOW, serde_json::from_str(json).unwrap())
}

/// Checks what a page is answered, as JSON.
fn check(messenger: &mut Messenger, json: &str, answer: &Expect) {
    let told = match ask(messenger, json) {
        Ok(answer) => serde_json::to_string(&answer).unwrap(),
        Err(trouble) => serde_json::to_string(&trouble).unwrap(),
    };
    answer.assert_eq(&told);
}

fn registered() -> (Messenger, ServerKey) {
    let (key, address) = server();
    let mut messenger = messenger();
    let json =
        format!(r#"{{"Do":{{"Register":{{"server":"{address}","name":"ana","invite":null}}}}}}"#);
    assert!(matches!(ask(&mut messenger, &json), Ok(Answer::Reply(_))));
    (messenger, key)
}

/// Connects to a server with this key; gives its session.
fn connect(messenger: &mut Messenger, key: &ServerKey) -> Session {
    messenger.connected().unwrap();
    let first = messenger.take_outgoing().unwrap();
    assert_eq!(
        messenger.take_outgoing(),
        None,
        "nothing leaves before the server has proved its key"
    );
    let (session, answer) = Responder::new(key).unwrap().answer(&first).unwrap();
    messenger.received(NOW, &answer).unwrap();
    session
}

#[test]
fn a_home_without_an_account_answers() {
    let mut messenger = messenger();
    check(&mut messenger, r#""Me""#, &expect![[r#"{"Me":null}"#]]);
    check(&mut messenger, r#""Chats""#, &expect![[r#"{"Chats":[]}"#]]);
    check(
        &mut messenger,
        r#""ContactLink""#,
        &expect![[r#"{"Refused":"This home has no account yet."}"#]],
    );
    messenger.connected().unwrap();
    assert!(messenger.take_hang_up(), "there is no server to speak with");
}

#[test]
fn a_text_is_read_as_what_it_is() {
    let (mut messenger, _) = registered();
    let Ok(Answer::Text(Some(link))) = ask(&mut messenger, r#""ContactLink""#) else {
        panic!("there is an account");
    };
    let Ok(Answer::Pasted(pasted)) =
        ask(&mut messenger, &format!(r#"{{"Read":{{"text":" {link}\n"}}}}"#))
    else {
        panic!("a text is read");
    };
    assert_eq!(serde_json::to_string(&pasted).unwrap(), format!(r#"{{"Contact":"{link}"}}"#));
    check(
        &mut messenger,
        r#"{"Read":{"text":"@ben"}}"#,
        &expect![[r#"{"Pasted":{"Name":"ben"}}"#]],
    );
    check(
        &mut messenger,
        r#"{"Read":{"text":"https://example.org/"}}"#,
        &expect![[
            r#"{"Pasted":{"Unknown":"This link is of no use: contact link is malformed."}}"#
        ]],
    );
}

#[test]
fn the_client_speaks_once_the_server_has_proved_its_key() {
    let (mut messenger, key) = registered();
    let mut session = connect(&mut messenger, &key);
    let message = messenger.take_outgoing().expect("the client greets");
    let frames = session.open(&message).unwrap();
    let greeting = frames.first().map(|frame| ClientFrame::decode(frame).unwrap());
    assert!(matches!(greeting, Some(ClientFrame { request: Request::Hello { .. }, .. })));
    // A connection that ends leaves nothing for the next.
    messenger.disconnected(NOW).unwrap();
    assert_eq!(messenger.take_outgoing(), None);
    connect(&mut messenger, &key);
    assert!(messenger.take_outgoing().is_some());
}

#[test]
fn a_server_with_another_key_is_not_spoken_with() {
    let (mut messenger, _) = registered();
    messenger.connected().unwrap();
    let first = messenger.take_outgoing().unwrap();
    let other = ServerKey::from_bytes(&[8; 32]);
    assert!(Responder::new(&other).unwrap().answer(&first).is_err(), "it cannot even answer");
    messenger.received(NOW, &[0; 48]).unwrap();
    assert!(messenger.take_hang_up());
    assert_eq!(messenger.take_outgoing(), None);
    let news: Vec<News> = std::iter::from_fn(|| messenger.take_news()).collect();
    assert!(
        news.iter().any(|news| matches!(news, News::Unreachable { again: false, .. })),
        "{news:?}"
    );
}

#[test]
fn bytes_that_were_changed_end_the_connection() {
    let (mut messenger, key) = registered();
    connect(&mut messenger, &key);
    assert!(messenger.take_outgoing().is_some());
    messenger.received(NOW, &[0; 64]).unwrap();
    assert!(messenger.take_hang_up());
    assert_eq!(messenger.take_outgoing(), None);
}

#[test]
fn a_staged_file_is_sent_once() {
    let (mut messenger, _) = registered();
    let number = messenger.stage_file("a.txt", "text/plain", 3, &mut &b"abc"[..]).unwrap();
    let chat = "00".repeat(16);
    let json = format!(
        r#"{{"SendFile":{{"chat":"{chat}","text":"","reply_to":null,"staged":{number}}}}}"#
    );
    // The chat is not there, so the file waits on.
    for _ in 0..2 {
        let refused = ask(&mut messenger, &json);
        assert!(
            matches!(&refused, Err(Trouble::Refused(words)) if words.contains("no such chat")),
            "{refused:?}"
        );
    }
    let other = json.replace(&format!(r#""staged":{number}"#), r#""staged":99"#);
    let refused = ask(&mut messenger, &other);
    assert!(
        matches!(&refused, Err(Trouble::Refused(words)) if words.contains("not here any more")),
        "{refused:?}"
    );
}
