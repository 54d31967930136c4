//! What does not come in, and who is sent away.

use veche_wire::{Refused, Request, Response, ServerFrame, limits};

use super::stage::{assert_malformed, refused, stage, stage_with};
use crate::{Closing, Rate};

#[test]
fn a_connection_begins_with_hello() {
    let mut stage = stage();
    let id = stage.stranger(1).unwrap();
    assert_malformed(&stage.ask(id, Request::Unsubscribe { log: veche_wire::LogId([0; 16]) }));
    let incompatible = refused(Refused::Incompatible { oldest: 1, newest: 1 });
    assert_eq!(stage.ask(id, Request::Hello { version: 2 }), incompatible);
    assert_malformed(&stage.ask(id, Request::Unsubscribe { log: veche_wire::LogId([0; 16]) }));
    let hello = stage.ask(id, Request::Hello { version: 1 });
    assert!(matches!(hello, Response::Hello { version: 1, .. }));
    let done = stage.ask(id, Request::Unsubscribe { log: veche_wire::LogId([0; 16]) });
    assert_eq!(done, Response::Done);
}

#[test]
fn every_connection_has_a_nonce_of_its_own() {
    let mut stage = stage();
    let (one, other) = (stage.connect(), stage.connect());
    assert_ne!(stage.nonces[&one], stage.nonces[&other]);
}

#[test]
fn what_is_no_frame_is_answered_and_ends_the_connection() {
    for (bytes, expected) in [
        (vec![0xff; 40], None),
        (vec![0; limits::FRAME_BYTES_MAX + 1], Some(limits::FRAME_BYTES_MAX as u64)),
    ] {
        let mut stage = stage();
        let id = stage.connect();
        stage.service.handle(stage.now, id, &bytes);
        let outgoing = stage.service.take_outgoing(id, usize::MAX);
        assert_eq!(outgoing.closing, Some(Closing::Unreadable));
        match (ServerFrame::decode(&outgoing.frames[0]).unwrap(), expected) {
            (ServerFrame::Answer { id: 0, response }, None) => assert_malformed(&response),
            (ServerFrame::Answer { id: 0, response }, Some(limit)) => {
                assert_eq!(response, refused(Refused::TooLarge { limit }));
            }
            other => panic!("{other:?}"),
        }
        // What comes after it is not looked at.
        stage.service.handle(stage.now, id, &bytes);
        assert!(stage.service.take_outgoing(id, usize::MAX).frames.is_empty());
    }
}

#[test]
fn requests_have_a_rate_per_connection_and_per_address() {
    let mut stage = stage_with(|config| {
        // One more than below, for the hello.
        config.requests_per_connection = Rate { per_second: 10, burst: 4 };
        config.requests_per_address = Rate { per_second: 1, burst: 5 };
    });
    let (one, other) = (stage.connect(), stage.connect());
    let request = || Request::Unsubscribe { log: veche_wire::LogId([0; 16]) };
    for _ in 0..3 {
        assert_eq!(stage.ask(one, request()), Response::Done);
    }
    assert_eq!(stage.ask(one, request()), refused(Refused::Later { ms: 100 }));
    assert_eq!(stage.ask(other, request()), Response::Done);
    assert_eq!(stage.ask(other, request()), Response::Done);
    assert_eq!(stage.ask(other, request()), refused(Refused::Later { ms: 1_000 }));
    stage.pass(1_000);
    assert_eq!(stage.ask(other, request()), Response::Done);
}

#[test]
fn what_strangers_could_abuse_has_a_rate_of_its_own() {
    let mut stage =
        stage_with(|config| config.strangers_per_address = Rate { per_second: 1, burst: 2 });
    let id = stage.connect();
    let chat = stage.chat(id);
    stage.chat(id);
    let again = stage.connect();
    assert_eq!(stage.ask(again, chat.create()), refused(Refused::Later { ms: 1_000 }));
    stage.chatter(id, &chat, 5, 10);
}

#[test]
fn who_is_refused_again_and_again_is_sent_away() {
    let mut stage = stage_with(|config| {
        config.refusals_max = 3;
        config.requests_per_connection = Rate { per_second: 1, burst: 2 };
    });
    let id = stage.connect();
    let request = || Request::Unsubscribe { log: veche_wire::LogId([0; 16]) };
    assert_eq!(stage.ask(id, request()), Response::Done);
    for _ in 0..3 {
        stage.send(id, request());
        assert_eq!(stage.service.take_outgoing(id, usize::MAX).closing, None);
    }
    stage.send(id, request());
    assert_eq!(stage.service.take_outgoing(id, usize::MAX).closing, Some(Closing::Refusals));
}

#[test]
fn what_waits_for_one_connection_is_bounded() {
    let mut stage = stage_with(|config| {
        config.requests_in_flight_max = 4;
        config.answers_bytes_max = 600 << 10;
        config.subscriptions_max = 2;
    });
    let id = stage.connect();
    let chats = [stage.chat(id), stage.chat(id), stage.chat(id)];
    let later = refused(Refused::Later { ms: 100 });
    let pages = || vec![(id, chats[0].read(0)); 3];
    let answers = stage.ask_together(pages());
    assert_eq!(answers[2], later, "answers may take 256 KiB each");
    assert!(matches!(answers[1], Response::Entries { .. }));
    let answers = stage.ask_together(vec![(id, chats[0].create()); 5]);
    assert_eq!(answers[4], later);
    assert_eq!(answers[3], Response::Done);

    stage.ask(id, chats[0].subscribe(0));
    stage.ask(id, chats[1].subscribe(0));
    let limit = refused(Refused::TooLarge { limit: 2 });
    assert_eq!(stage.ask(id, chats[2].subscribe(0)), limit);
    let again = stage.ask(id, chats[1].subscribe(0));
    assert_eq!(again, Response::Subscribed { head: 0 }, "one that is there is replaced");
}

#[test]
fn an_address_and_the_server_take_so_many_connections() {
    let mut stage = stage_with(|config| {
        config.connections_max = 3;
        config.connections_per_address_max = 2;
    });
    let first = stage.stranger(1).unwrap();
    stage.stranger(1).unwrap();
    assert!(matches!(stage.stranger(1), Err(Refused::Later { .. })), "of this address");
    stage.stranger(2).unwrap();
    assert!(matches!(stage.stranger(3), Err(Refused::Later { .. })), "of all");
    stage.service.disconnect(first);
    stage.stranger(1).unwrap();
}

#[test]
fn too_many_slow_readers_are_sent_away() {
    let mut stage = stage_with(|config| config.parked_connections_max = 1);
    let (ana, bo, cy) = (stage.connect(), stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.chatter(ana, &chat, 1_000, 1_000);
    stage.send(bo, chat.subscribe(0));
    stage.send(cy, chat.subscribe(0));
    stage.service.flush(stage.now);
    assert_eq!(stage.service.take_outgoing(cy, usize::MAX).closing, Some(Closing::Parked));
    assert_eq!(stage.pushed_seqs(bo), (1..=1_000).collect::<Vec<_>>());
}

#[test]
fn a_quota_refuses_what_adds_bytes_and_serves_the_rest() {
    let mut stage = stage_with(|config| config.disk_bytes_max = 10_000);
    let id = stage.connect();
    let chat = stage.chat(id);
    stage.chatter(id, &chat, 20, 1_000);
    stage.service.tidy(stage.now);
    assert_eq!(stage.append(id, &chat.message(1)), refused(Refused::Full));
    assert_eq!(stage.read_all(id, &chat).len(), 20);
}

#[test]
fn who_takes_no_answers_is_sent_away() {
    let mut stage = stage_with(|config| config.answers_bytes_max = 10_000);
    let id = stage.connect();
    for _ in 0..10_000 {
        stage.send(id, Request::Hello { version: 1 });
        assert!(stage.service.connections.get(id).unwrap().outgoing_bytes <= 20_000);
    }
    assert_eq!(stage.service.take_outgoing(id, usize::MAX).closing, Some(Closing::Unread));
}
