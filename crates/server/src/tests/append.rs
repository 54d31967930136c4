//! docs/protocol.md, rules 1 to 5, 11 and 12: each rule the server keeps.

use ed25519_dalek::SigningKey;
use veche_wire::{
    Append, BlobId, Commitment, Kind, Permit, Refused, Request, Response, Token, limits,
};

use super::stage::{
    Chat, appended, assert_malformed, changes, entry_id, guard, key_of, refused, signed, stage,
    stage_with, stale,
};

#[test]
fn a_log_is_made_once() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);

    assert_eq!(stage.ask(ana, chat.create()), Response::Done, "again is the same");
    let other = Chat { write: Token([9; 32]), ..chat.clone() };
    assert_eq!(stage.ask(ana, other.create()), refused(Refused::Taken));
    stage.append(ana, &chat.message(1));
    assert_eq!(stage.ask(ana, chat.create()), Response::Done, "also when it is in use");
    assert_eq!(stage.read_all(ana, &chat).len(), 1);
}

#[test]
fn a_known_id_is_answered_before_everything_else() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    assert_eq!(stage.append(ana, &chat.message(1)), appended(1));
    let next = chat.next_generation(&mut stage.dice);
    let rotation = changes(Some(next.rotation()), None, Some(true));
    let commit = signed(chat.commit(2), &chat.admin, rotation);
    assert_eq!(stage.append(ana, &commit), appended(2));

    // Other bytes, a retired or wrong token, behind the fence, frozen, out of order: the same answer.
    let again = Append {
        token: Token([0; 32]),
        prev: Some(entry_id(99)),
        needs: Some(BlobId([1; 32])),
        bytes: b"other".to_vec(),
        ..chat.message(1)
    };
    assert_eq!(stage.append(ana, &again), appended(1));
    assert_eq!(stage.append(ana, &commit), appended(2));
    let entries = stage.read_all(ana, &next);
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].bytes, chat.message(1).bytes, "the first bytes stay");
}

#[test]
fn an_id_twice_in_one_batch_is_one_entry() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let request = Request::Append(chat.message(1));

    let answers = stage.ask_together([(ana, request.clone()), (ana, request)]);
    assert_eq!(answers, [appended(1), appended(1)]);
    assert_eq!(stage.read_all(ana, &chat).len(), 1);
}

#[test]
fn of_two_commits_the_first_wins_and_fences_the_rest() {
    let mut stage = stage_with(|config| config.commit_gap_ms = 0);
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let commits = [1, 2].map(|number| (ana, Request::Append(chat.commit(number))));

    assert_eq!(stage.ask_together(commits), [appended(1), stale(1)]);
    assert_eq!(stage.append(ana, &chat.message(3)), stale(1), "a message of the old epoch");
    let control = chat.append(Kind::Control, 4);
    assert_eq!(stage.append(ana, &control), appended(2), "requests have no fence");

    // What was stale left no trace of its id: the same entry goes in behind the commit.
    let after = |append: Append| Append { after_commit: 1, ..append };
    assert_eq!(stage.append(ana, &after(chat.message(3))), appended(3));
    assert_eq!(stage.append(ana, &after(chat.commit(2))), appended(4));
    assert_eq!(stage.append(ana, &after(chat.message(5))), stale(4));
}

#[test]
fn riders_obey_the_fence_too() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    assert_eq!(stage.append(ana, &chat.commit(1)), appended(1));

    let next = chat.next_generation(&mut stage.dice);
    let rotation = || changes(Some(next.rotation()), None, None);
    let alone = signed(chat.append(Kind::Rotate, 2), &chat.admin, rotation());
    assert_eq!(stage.append(ana, &alone), stale(1));
    // The commit of a rider that lost does not rotate.
    let late = signed(chat.commit(3), &chat.admin, rotation());
    assert_eq!(stage.append(ana, &late), stale(1));
    assert_eq!(
        stage.append(ana, &Append { after_commit: 1, ..chat.message(4) }),
        appended(2),
        "the old token still writes"
    );
    assert_eq!(stage.append(ana, &Append { after_commit: 1, ..alone }), appended(3));
}

#[test]
fn only_the_write_token_of_this_log_writes() {
    let mut stage = stage();
    let ana = stage.connect();
    let (chat, other) = (stage.chat(ana), stage.chat(ana));
    let with = |token| Append { token, ..chat.message(1) };

    for token in [Token([0; 32]), chat.read, other.write] {
        assert_eq!(stage.append(ana, &with(token)), refused(Refused::Forbidden));
    }
    let elsewhere = Append { log: veche_wire::LogId([0; 16]), ..chat.message(1) };
    assert_eq!(stage.append(ana, &elsewhere), refused(Refused::NotFound));
    assert_eq!(stage.append(ana, &with(chat.write)), appended(1));
}

#[test]
fn a_rotation_takes_effect_with_its_commit() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let next = chat.next_generation(&mut stage.dice);
    let early = Append { token: next.write, ..chat.message(1) };
    assert_eq!(stage.append(ana, &early), refused(Refused::Forbidden), "not before");

    let rotation = changes(Some(next.rotation()), None, None);
    let commit = signed(chat.commit(2), &chat.admin, rotation);
    let after = |append: Append| Append { after_commit: 1, ..append };
    // The batch goes on under the new generation.
    let answers = stage.ask_together([
        (ana, Request::Append(commit)),
        (ana, Request::Append(after(chat.message(3)))),
        (ana, Request::Append(after(next.message(4)))),
    ]);
    assert_eq!(answers, [appended(1), stale(1), appended(2)]);
    assert_eq!(stage.append(ana, &after(chat.message(5))), stale(1), "stale, never forbidden");
    let retired_read = Append { token: chat.read, ..chat.message(6) };
    assert_eq!(stage.append(ana, &retired_read), refused(Refused::Forbidden));
}

#[test]
fn only_an_admin_signs_riders_and_each_follows_the_one_before() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let next = chat.next_generation(&mut stage.dice);
    let rotate = chat.append(Kind::Rotate, 1);
    let to = |generation| {
        let rotation = veche_wire::Rotation { generation, ..next.rotation() };
        changes(Some(rotation), None, None)
    };

    let by_stranger = signed(rotate.clone(), &SigningKey::from_bytes(&[3; 32]), to(1));
    assert_eq!(stage.append(ana, &by_stranger), refused(Refused::Forbidden));
    let mut forged = signed(rotate.clone(), &chat.admin, to(1));
    forged.id = entry_id(77);
    assert_eq!(stage.append(ana, &forged), refused(Refused::Forbidden), "signed for another id");
    let mut forged = signed(chat.commit(1), &chat.admin, to(1));
    forged.bytes.push(0);
    assert_eq!(stage.append(ana, &forged), refused(Refused::Forbidden), "for other bytes");
    let skipping = signed(rotate.clone(), &chat.admin, to(2));
    assert_malformed(&stage.append(ana, &skipping));
    let repeated = signed(rotate.clone(), &chat.admin, to(0));
    assert_eq!(stage.append(ana, &repeated), stale(0), "somebody rotated before");
    let moved = Append { after_commit: 5, ..signed(rotate, &chat.admin, to(1)) };
    assert_eq!(stage.append(ana, &moved), appended(1), "after_commit is not covered");
}

#[test]
fn the_admin_list_changes_by_versions() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let bo = SigningKey::from_bytes(&[5; 32]);
    let to_bo = |version| changes(None, Some((version, vec![key_of(&bo)])), None);
    let change = |number| chat.append(Kind::Admins, number);

    assert_malformed(&stage.append(ana, &signed(change(1), &chat.admin, to_bo(2))));
    let handed_over = signed(change(2), &chat.admin, to_bo(1));
    assert_eq!(stage.append(ana, &handed_over), appended(1));
    let by_former = signed(change(3), &chat.admin, to_bo(2));
    assert_eq!(stage.append(ana, &by_former), refused(Refused::Forbidden));
    let outdated = signed(change(4), &bo, to_bo(1));
    assert_eq!(stage.append(ana, &outdated), stale(0));

    let many = |count| {
        let keys = (0..count).map(|byte| veche_wire::AdminKey([byte; 32])).collect();
        signed(change(5), &bo, changes(None, Some((2, keys)), None))
    };
    assert_malformed(&stage.append(ana, &many(0)));
    let limit = limits::ADMIN_KEYS_MAX as u64;
    assert_eq!(stage.append(ana, &many(17)), refused(Refused::TooLarge { limit }));
    assert_eq!(stage.append(ana, &many(16)), appended(2));
}

#[test]
fn a_frozen_log_takes_only_riders() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let freeze = |number, to| {
        signed(chat.append(Kind::Freeze, number), &chat.admin, changes(None, None, Some(to)))
    };
    assert_eq!(stage.append(ana, &freeze(1, true)), appended(1));

    for kind in [Kind::Message, Kind::Commit, Kind::Control] {
        assert_eq!(stage.append(ana, &chat.append(kind, 2)), refused(Refused::Frozen));
    }
    let signal = Request::Signal { log: chat.log, token: chat.write, bytes: vec![1] };
    assert_eq!(stage.ask(ana, signal), refused(Refused::Frozen));
    let by_wrong_token = Append { token: Token([0; 32]), ..chat.message(2) };
    assert_eq!(stage.append(ana, &by_wrong_token), refused(Refused::Forbidden), "token first");
    assert_eq!(stage.append(ana, &freeze(3, false)), appended(2));
    assert_eq!(stage.append(ana, &chat.message(2)), appended(3));
}

#[test]
fn a_guarded_log_takes_commits_that_an_admin_has_signed() {
    let mut stage = stage_with(|config| config.commit_gap_ms = 0);
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let set = |number, to| signed(chat.append(Kind::Freeze, number), &chat.admin, guard(to));
    let nothing = || changes(None, None, None);
    assert_eq!(stage.append(ana, &set(1, true)), appended(1));

    assert_eq!(stage.append(ana, &chat.commit(2)), refused(Refused::Guarded));
    assert_eq!(stage.append(ana, &chat.message(3)), appended(2), "messages go on");
    assert_eq!(stage.append(ana, &chat.append(Kind::Control, 4)), appended(3), "and requests");
    let stranger = signed(chat.commit(2), &SigningKey::from_bytes(&[3; 32]), nothing());
    assert_eq!(stage.append(ana, &stranger), refused(Refused::Forbidden));
    let by_admin = signed(chat.commit(2), &chat.admin, nothing());
    assert_eq!(stage.append(ana, &by_admin), appended(4), "no trace of the id");
    assert_eq!(stage.append(ana, &chat.commit(5)), stale(4), "the fence comes first");

    let after = |append: Append| Append { after_commit: 4, ..append };
    let mut stage = stage.restart(|engine| engine);
    let ana = stage.connect();
    assert_eq!(stage.append(ana, &after(chat.commit(5))), refused(Refused::Guarded));
    assert_eq!(stage.append(ana, &after(set(6, false))), appended(5));
    assert_eq!(stage.append(ana, &after(chat.commit(5))), appended(6));
}

#[test]
fn commits_keep_a_distance() {
    let mut stage = stage_with(|config| config.commit_gap_ms = 2_000);
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let commit = |number, after_commit| Append { after_commit, ..chat.commit(number) };
    // In one batch: the second knows of the first.
    let answers = stage
        .ask_together([(ana, Request::Append(commit(1, 0))), (ana, Request::Append(commit(2, 1)))]);
    assert_eq!(answers, [appended(1), refused(Refused::Later { ms: 2_000 })]);

    stage.pass(500);
    assert_eq!(stage.append(ana, &commit(2, 1)), refused(Refused::Later { ms: 1_500 }));
    assert_eq!(stage.append(ana, &commit(3, 0)), stale(1), "the fence comes first");
    let message = Append { after_commit: 1, ..chat.message(4) };
    assert_eq!(stage.append(ana, &message), appended(2), "messages do not wait");
    let next = Append { prev: Some(entry_id(2)), after_commit: 1, ..chat.message(5) };
    assert_eq!(stage.append(ana, &next), refused(Refused::OutOfOrder), "no trace of the id");
    let other = stage.chat(ana);
    assert_eq!(stage.append(ana, &other.commit(9)), appended(1), "other logs do not wait");
    stage.pass(1_500);
    assert_eq!(stage.append(ana, &commit(2, 1)), appended(3));
}

#[test]
fn a_clock_that_is_set_back_holds_no_commits() {
    let mut stage = stage_with(|config| config.commit_gap_ms = 2_000);
    let ana = stage.connect();
    let chat = stage.chat(ana);
    assert_eq!(stage.append(ana, &chat.commit(1)), appended(1));
    stage.now -= 3_600_000;
    let next = Append { after_commit: 1, ..chat.commit(2) };
    assert_eq!(stage.append(ana, &next), appended(2));
    let third = Append { after_commit: 2, ..chat.commit(3) };
    assert_eq!(stage.append(ana, &third), refused(Refused::Later { ms: 2_000 }));
}

#[test]
fn a_sender_is_heard_in_its_order() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let second = Append { prev: Some(entry_id(1)), ..chat.message(2) };

    assert_eq!(stage.append(ana, &second), refused(Refused::OutOfOrder));
    let other = stage.chat(ana);
    assert_eq!(stage.append(ana, &other.message(1)), appended(1));
    assert_eq!(stage.append(ana, &second), refused(Refused::OutOfOrder), "ids are of one log");
    let together = stage
        .ask_together([(ana, Request::Append(chat.message(1))), (ana, Request::Append(second))]);
    assert_eq!(together, [appended(1), appended(2)]);
}

#[test]
fn what_an_entry_needs_must_be_complete() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let blob = BlobId([8; 32]);
    let message = Append { needs: Some(blob), ..chat.message(1) };
    let put = |offset, bytes: &[u8]| Request::PutBlob {
        blob,
        offset,
        total: 6,
        bytes: bytes.to_vec(),
        permit: Permit::Open,
    };

    assert_eq!(stage.append(ana, &message), refused(Refused::MissingBlob));
    stage.ask(ana, put(0, b"abc"));
    assert_eq!(stage.append(ana, &message), refused(Refused::MissingBlob));
    stage.ask(ana, put(3, b"def"));
    assert_eq!(stage.append(ana, &message), appended(1));
}

#[test]
fn an_entry_has_the_shape_of_its_kind() {
    let mut stage = stage();
    let ana = stage.connect();
    let chat = stage.chat(ana);
    let commitment = Some(Commitment([1; 32]));
    let freeze = || changes(None, None, Some(true));

    let wrong = [
        Append { commitment: None, ..chat.message(1) },
        Append { commitment, ..chat.commit(1) },
        Append { commitment, ..chat.append(Kind::Control, 1) },
        chat.append(Kind::Rotate, 1),
        chat.append(Kind::Admins, 1),
        chat.append(Kind::Freeze, 1),
        signed(chat.append(Kind::Rotate, 1), &chat.admin, freeze()),
        signed(chat.message(1), &chat.admin, freeze()),
        signed(chat.append(Kind::Control, 1), &chat.admin, freeze()),
        signed(chat.append(Kind::Freeze, 1), &chat.admin, changes(None, None, None)),
        signed(chat.commit(1), &chat.admin, guard(true)),
        Append { bytes: vec![1], ..signed(chat.append(Kind::Freeze, 1), &chat.admin, freeze()) },
    ];
    for append in wrong {
        assert_malformed(&stage.append(ana, &append));
    }
    let largest = Append { bytes: vec![0; limits::ENTRY_BYTES_MAX], ..chat.message(2) };
    assert_eq!(stage.append(ana, &largest), appended(1));
    assert_eq!(stage.read_all(ana, &chat), stage.read_all(ana, &chat));
    assert_eq!(stage.read_all(ana, &chat)[0].bytes, largest.bytes);
}
