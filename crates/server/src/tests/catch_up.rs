//! Reading from a cursor, live and slowly, without a gap and without buffering.

use std::sync::Arc;

use veche_wire::{Append, Entry, Kind, Push, Refused, Request, Response, Seq, Token};

use super::stage::{
    Chat, DAY, Stage, appended, changes, refused, signed, stage, stage_with, stale,
};
use crate::ConnectionId;
use crate::storage::Memory;

fn rotate(stage: &mut Stage<Memory>, id: ConnectionId, chat: &Chat, number: u64) -> Chat {
    let next = chat.next_generation(&mut stage.dice);
    let rotation = changes(Some(next.rotation()), None, None);
    let entry = Append {
        after_commit: Seq::MAX,
        ..signed(chat.append(Kind::Rotate, number), &chat.admin, rotation)
    };
    assert!(matches!(stage.append(id, &entry), Response::Appended { .. }));
    next
}

fn seqs(entries: &[Entry]) -> Vec<Seq> {
    entries.iter().map(|entry| entry.seq).collect()
}

#[test]
fn entries_are_read_in_pages() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    stage.chatter(ana, &chat, 10, 100);
    let read = |after, limit| Request::Read {
        log: chat.log,
        token: chat.read,
        after,
        after_id: None,
        limit,
    };

    match stage.ask(ana, read(3, 4)) {
        Response::Entries { entries, head } => {
            assert_eq!((seqs(&entries), head), (vec![4, 5, 6, 7], 10));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.ask(ana, read(10, 4)), Response::Entries { entries: vec![], head: 10 });
    assert_eq!(stage.ask(ana, read(11, 4)), refused(Refused::Beyond { head: 10 }));
    assert_eq!(stage.ask(ana, chat.subscribe(11)), refused(Refused::Beyond { head: 10 }));
}

#[test]
fn a_cursor_of_another_log_than_this_is_noticed() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    stage.chatter(ana, &chat, 10, 100);
    let entries = stage.read_all(ana, &chat);
    let id = |seq: usize| entries[seq - 1].id;
    let beyond = refused(Refused::Beyond { head: 10 });

    assert_eq!(stage.ask(ana, chat.subscribe_at(9, id(8))), beyond);
    assert_eq!(stage.ask(ana, chat.subscribe_at(11, id(10))), beyond);
    let read = |after, after_id| Request::Read {
        log: chat.log,
        token: chat.read,
        after,
        after_id: Some(after_id),
        limit: 0,
    };
    assert_eq!(stage.ask(ana, read(4, id(5))), beyond);
    assert_eq!(stage.ask(ana, read(4, id(4))), Response::Entries { entries: vec![], head: 10 });
    let subscribed = Response::Subscribed { head: 10 };
    assert_eq!(stage.ask(ana, chat.subscribe_at(9, id(9))), subscribed);

    // What has expired is unknown: that is no reason to begin anew.
    stage.now += 200 * DAY;
    while stage.service.sweep(stage.now) {}
    assert_eq!(stage.ask(ana, chat.subscribe_at(9, id(8))), subscribed);
}

#[test]
fn only_a_read_token_reads() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    for token in [chat.write, Token([0; 32])] {
        let stranger = Chat { read: token, ..chat.clone() };
        // Whoever may not read is not told how long the log is.
        assert_eq!(stage.ask(ana, stranger.read(99)), refused(Refused::Forbidden));
        assert_eq!(stage.ask(ana, stranger.subscribe(0)), refused(Refused::Forbidden));
    }
    let nowhere = Chat { log: veche_wire::LogId([0; 16]), ..chat };
    assert_eq!(stage.ask(ana, nowhere.read(0)), refused(Refused::NotFound));
}

#[test]
fn a_subscription_brings_the_past_then_the_present_without_a_gap() {
    let mut stage = stage();
    let (ana, bo) = (stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.chatter(ana, &chat, 5, 100);

    // In one batch: an entry before the subscription, and one after it.
    let answers = stage.ask_together([
        (ana, Request::Append(chat.message(1001))),
        (bo, chat.subscribe(2)),
        (ana, Request::Append(chat.message(1002))),
    ]);
    assert_eq!(answers, [appended(6), Response::Subscribed { head: 6 }, appended(7)]);
    assert_eq!(stage.pushed_seqs(bo), [3, 4, 5, 6, 7]);
    stage.chatter(ana, &chat, 2, 100);
    assert_eq!(stage.pushed_seqs(bo), [8, 9]);

    assert_eq!(stage.ask(bo, Request::Unsubscribe { log: chat.log }), Response::Done);
    stage.chatter(ana, &chat, 1, 100);
    assert_eq!(stage.pushed_seqs(bo), [] as [Seq; 0]);
    stage.ask(bo, chat.subscribe(8));
    stage.ask(bo, chat.subscribe(9));
    assert_eq!(stage.pushed_seqs(bo), [9, 10, 10], "the later one replaces the earlier");
    stage.chatter(ana, &chat, 1, 100);
    assert_eq!(stage.pushed_seqs(bo), [11]);
}

#[test]
fn one_encoding_serves_all_subscribers() {
    let mut stage = stage();
    let (ana, bo, cy) = (stage.connect(), stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.ask(bo, chat.subscribe(0));
    stage.ask(cy, chat.subscribe(0));
    stage.chatter(ana, &chat, 1, 100);

    let frames = [bo, cy].map(|id| stage.service.take_outgoing(id, usize::MAX).frames);
    assert_eq!(frames.each_ref().map(Vec::len), [1, 1]);
    assert!(Arc::ptr_eq(&frames[0][0], &frames[1][0]));
}

#[test]
fn a_slow_reader_is_parked_at_its_cursor() {
    let mut stage = stage();
    let (ana, bo) = (stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.ask(bo, chat.subscribe(0));

    // It takes nothing while two megabytes come in.
    stage.chatter(ana, &chat, 2_000, 1_000);
    let waiting = stage.service.connections.get(bo).unwrap().outgoing_bytes;
    let bound = stage.service.config.pushes_bytes_max + (300 << 10);
    assert!(waiting <= bound, "{waiting} bytes wait for one reader");
    assert_eq!(stage.service.metrics.parked.value(), 1);

    // It takes a little at a time while more comes in; nothing is missing and nothing comes twice.
    let mut got = Vec::new();
    for _ in 0..200 {
        stage.receive(bo, 20_000);
        stage.chatter(ana, &chat, 1, 1_000);
    }
    got.extend(stage.pushed_seqs(bo));
    assert_eq!(got, (1..=2_200).collect::<Vec<_>>());
    stage.chatter(ana, &chat, 1, 1_000);
    assert_eq!(stage.pushed_seqs(bo), [2_201], "live again");
    assert_eq!(stage.service.metrics.parked.value(), 0);
}

#[test]
fn a_long_log_does_not_keep_the_others_waiting() {
    let mut stage = stage();
    let (ana, bo) = (stage.connect(), stage.connect());
    let (long, short) = (stage.chat(ana), stage.chat(ana));
    stage.chatter(ana, &long, 1_500, 1_000);
    stage.chatter(ana, &short, 1, 100);
    stage.ask_together([(bo, long.subscribe(0)), (bo, short.subscribe(0))]);

    let logs = |push: &Push| match push {
        Push::Entries { log, .. } => *log,
        other => panic!("{other:?}"),
    };
    let order: Vec<_> = stage.pushed(bo).iter().map(logs).collect();
    assert_eq!(order[..2], [long.log, short.log]);
    assert!(order.len() > 3);
}

#[test]
fn the_largest_entries_fit_into_frames_one_by_one() {
    let mut stage = stage();
    let (ana, bo) = (stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.ask(bo, chat.subscribe(0));
    let sizes = [200 << 10, veche_wire::limits::ENTRY_BYTES_MAX, 10, 200 << 10, 100 << 10];
    let appends = sizes.iter().zip(1..).map(|(size, number)| {
        (ana, Request::Append(Append { bytes: vec![1; *size], ..chat.message(number) }))
    });
    let appends: Vec<_> = appends.collect();
    stage.ask_together(appends);
    assert_eq!(stage.pushed_seqs(bo), [1, 2, 3, 4, 5], "live: every frame could be decoded");
    assert_eq!(seqs(&stage.read_all(bo, &chat)), [1, 2, 3, 4, 5], "read");
    stage.ask(bo, chat.subscribe(0));
    assert_eq!(stage.pushed_seqs(bo), [1, 2, 3, 4, 5], "caught up");
}

#[test]
fn a_subscription_ends_with_its_generation() {
    let mut stage = stage();
    let (ana, bo) = (stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.chatter(ana, &chat, 2, 100);
    stage.ask(bo, chat.subscribe(0));
    assert_eq!(stage.pushed_seqs(bo), [1, 2]);

    let next = rotate(&mut stage, ana, &chat, 1);
    stage.chatter(ana, &next, 2, 100);
    assert_eq!(stage.pushed_seqs(bo), [3, 0], "up to and including the rotation");

    // The retired token still reads to there, and no further.
    assert_eq!(seqs(&stage.read_all(bo, &chat)), [1, 2, 3]);
    match stage.ask(bo, chat.read(4)) {
        Response::Entries { entries, head } => assert_eq!((entries.len(), head), (0, 3)),
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.ask(bo, chat.read(6)), refused(Refused::Beyond { head: 5 }));
    assert_eq!(stage.ask(bo, chat.subscribe(1)), Response::Subscribed { head: 3 });
    assert_eq!(stage.pushed_seqs(bo), [2, 3, 0]);
    assert_eq!(stage.ask(bo, chat.subscribe(3)), Response::Subscribed { head: 3 });
    assert_eq!(stage.pushed_seqs(bo), [0]);
    // The new one reads all; a rotation later, the first still reads to its own end.
    stage.ask(bo, next.subscribe(3));
    assert_eq!(stage.pushed_seqs(bo), [4, 5]);
    rotate(&mut stage, ana, &next, 2);
    assert_eq!(stage.pushed_seqs(bo), [6, 0]);
    assert_eq!(seqs(&stage.read_all(bo, &chat)), [1, 2, 3]);
    assert_eq!(seqs(&stage.read_all(bo, &next)), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn whoever_subscribes_in_the_batch_of_a_rotation_gets_what_its_token_reads() {
    let mut stage = stage();
    let (ana, bo, cy) = (stage.connect(), stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    let next = chat.next_generation(&mut stage.dice);
    let rotation = changes(Some(next.rotation()), None, None);
    let rotate = signed(chat.append(Kind::Rotate, 1), &chat.admin, rotation);
    let answers = stage.ask_together([
        (bo, chat.subscribe(0)),
        (ana, Request::Append(rotate)),
        (cy, next.subscribe(1)),
        (ana, Request::Append(next.message(2))),
    ]);
    assert_eq!(answers[1], appended(1));
    assert_eq!(stage.pushed_seqs(bo), [1, 0]);
    assert_eq!(stage.pushed_seqs(cy), [2]);
}

#[test]
fn a_signal_reaches_the_others_and_is_not_kept() {
    let mut stage = stage();
    let (ana, bo, cy) = (stage.connect(), stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.ask(ana, chat.subscribe(0));
    stage.ask(bo, chat.subscribe(0));
    let signal = |token, size| Request::Signal { log: chat.log, token, bytes: vec![5; size] };

    assert_eq!(stage.ask(ana, signal(chat.write, 9)), Response::Done);
    assert_eq!(stage.pushed(bo), [Push::Signal { log: chat.log, bytes: vec![5; 9] }]);
    assert_eq!(stage.pushed(ana), [], "not back to the sender");
    assert_eq!(stage.pushed(cy), [], "nor to who is not subscribed");
    assert_eq!(stage.read_all(bo, &chat), []);
    assert_eq!(stage.ask(ana, signal(chat.read, 9)), refused(Refused::Forbidden));
    let too_large = stage.ask(ana, signal(chat.write, 1025));
    assert_eq!(too_large, refused(Refused::TooLarge { limit: 1024 }));
    rotate(&mut stage, ana, &chat, 1);
    assert_eq!(stage.ask(ana, signal(chat.write, 9)), stale(0));
}

#[test]
fn what_is_past_its_time_is_a_gap_that_readers_see() {
    let mut stage = stage_with(|config| config.retention_days = 90);
    let (ana, bo) = (stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.chatter(ana, &chat, 3, 100);
    stage.pass(60 * DAY);
    stage.chatter(ana, &chat, 2, 100);
    stage.pass(31 * DAY);
    while stage.service.sweep(stage.now) {}

    assert_eq!(seqs(&stage.read_all(bo, &chat)), [4, 5]);
    stage.ask(bo, chat.subscribe(0));
    assert_eq!(stage.pushed_seqs(bo), [4, 5]);
    stage.pass(90 * DAY);
    while stage.service.sweep(stage.now) {}
    assert_eq!(stage.read_all(bo, &chat), []);
    assert_eq!(stage.ask(bo, chat.subscribe(0)), Response::Subscribed { head: 5 });
    stage.chatter(ana, &chat, 1, 100);
    assert_eq!(stage.pushed_seqs(bo), [6], "an emptied log counts on");
}

#[test]
fn a_connection_that_is_gone_gets_nothing_and_disturbs_nobody() {
    let mut stage = stage();
    let (ana, bo, cy) = (stage.connect(), stage.connect(), stage.connect());
    let chat = stage.chat(ana);
    stage.ask(bo, chat.subscribe(0));
    stage.ask(cy, chat.subscribe(0));
    let asked = stage.send(bo, Request::Append(chat.message(1)));
    stage.service.disconnect(bo);
    stage.chatter(ana, &chat, 1, 100);

    assert_eq!(stage.pushed_seqs(cy), [1, 2], "what it asked before is done all the same");
    assert_eq!(stage.answer(bo, asked), None);
    assert_eq!(stage.service.subscribers.of(&chat.log).len(), 1);
}
