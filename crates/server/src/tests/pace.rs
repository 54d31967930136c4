//! docs/protocol.md, rule 5: nobody is kept from changing a chat by those who are quicker.

use veche_wire::{Append, Refused, Response, Seq};

use super::stage::{Chat, Stage, appended, changes, entry_id, refused, signed, stage_with, stale};
use crate::storage::Memory;
use crate::{ConnectionId, Mutant};

/// Somebody whose commits are always there first, and the one whose are not.
struct Race {
    stage: Stage<Memory>,
    ana: ConnectionId,
    chat: Chat,
    last: Seq,
    number: u64,
}

/// The entry of the one who loses.
const SLOW: u64 = 1_000;

impl Race {
    fn begin() -> Self {
        let mut stage = stage_with(|config| config.commit_gap_ms = 2_000);
        let ana = stage.connect();
        let chat = stage.chat(ana);
        Self { stage, ana, chat, last: 0, number: 0 }
    }

    fn commit(&mut self, number: u64, after_commit: Seq) -> Response {
        let commit = Append { after_commit, ..self.chat.commit(number) };
        self.stage.append(self.ana, &commit)
    }

    /// The next commit of the one who is quick.
    fn quick(&mut self) -> Response {
        self.number += 1;
        let answer = self.commit(self.number, self.last);
        if let Response::Appended { seq } = &answer {
            self.last = *seq;
        }
        answer
    }

    /// The slow one comes just behind the quick one, so many times.
    fn loses(&mut self, times: u32) {
        for _ in 0..times {
            self.stage.pass(2_000);
            let before = self.last;
            assert!(matches!(self.quick(), Response::Appended { .. }));
            assert_eq!(self.commit(SLOW, before), stale(self.last));
        }
    }
}

#[test]
fn who_loses_three_times_goes_next() {
    let mut race = Race::begin();
    race.loses(3);
    race.stage.pass(2_000);
    assert_eq!(race.quick(), refused(Refused::Later { ms: 30_000 }), "others are held back");
    let last = race.last;
    assert_eq!(race.commit(SLOW, last), appended(last + 1));
    race.last += 1;
    race.stage.pass(2_000);
    assert!(matches!(race.quick(), Response::Appended { .. }), "nobody longer than needed");
}

#[test]
fn the_same_loss_told_again_counts_once() {
    let mut race = Race::begin();
    race.loses(1);
    for after in [0, 0, 0] {
        assert_eq!(race.commit(SLOW, after), stale(race.last));
    }
    race.stage.pass(2_000);
    assert!(matches!(race.quick(), Response::Appended { .. }));
}

#[test]
fn others_are_held_back_for_half_a_minute_once_in_five() {
    let mut race = Race::begin();
    race.loses(3);
    race.stage.pass(31_999);
    assert_eq!(race.quick(), refused(Refused::Later { ms: 1 }));
    race.stage.pass(1);
    assert!(matches!(race.quick(), Response::Appended { .. }));
    race.loses(3);
    race.stage.pass(2_000);
    assert!(matches!(race.quick(), Response::Appended { .. }), "not again so soon");
    race.stage.pass(300_000);
    race.loses(3);
    race.stage.pass(2_000);
    assert!(matches!(race.quick(), Response::Refused(Refused::Later { .. })));
}

/// Whose turn it was must make another entry behind an admin's: nobody waits for the one that never comes.
#[test]
fn nobody_waits_for_an_entry_that_an_admin_has_overtaken() {
    let mut race = Race::begin();
    race.loses(3);
    let commit = Append { after_commit: race.last, ..race.chat.commit(2_000) };
    let signed = signed(commit, &race.chat.admin, changes(None, None, None));
    assert_eq!(race.stage.append(race.ana, &signed), appended(race.last + 1));
    race.last += 1;
    race.stage.pass(2_000);
    assert!(matches!(race.quick(), Response::Appended { .. }));
}

#[test]
fn what_an_admin_has_signed_waits_for_no_others() {
    let mut race = Race::begin();
    race.loses(3);
    let by_admin = |race: &Race, number| {
        let commit = Append { after_commit: race.last, ..race.chat.commit(number) };
        signed(commit, &race.chat.admin, changes(None, None, None))
    };
    // Neither for the distance to the last commit nor for who goes next.
    let first = by_admin(&race, 2_000);
    assert_eq!(race.stage.append(race.ana, &first), appended(race.last + 1));
    race.last += 1;
    let second = by_admin(&race, 2_001);
    let later = refused(Refused::Later { ms: 2_000 });
    assert_eq!(race.stage.append(race.ana, &second), later, "admins keep their own distance");
    race.stage.pass(2_000);
    assert_eq!(race.stage.append(race.ana, &second), appended(race.last + 1));
    let last = race.last + 1;
    assert_eq!(race.commit(SLOW, last), later, "which others keep, too");
}

#[test]
fn the_next_commit_waits_longer_where_many_listen_to_long_ones() {
    let mut stage = stage_with(|config| config.commit_gap_ms = 2_000);
    let ana = stage.connect();
    let chat = stage.chat(ana);
    for _ in 0..64 {
        let reader = stage.connect();
        stage.ask(reader, chat.subscribe(0));
    }
    let long = Append { bytes: vec![0; 1 << 20], ..chat.commit(1) };
    assert_eq!(stage.append(ana, &long), appended(1));
    let next = Append { after_commit: 1, ..chat.commit(2) };
    assert_eq!(stage.append(ana, &next), refused(Refused::Later { ms: 2_000 + 1_024 }));
    let message = Append { after_commit: 1, prev: Some(entry_id(1)), ..chat.message(3) };
    assert_eq!(stage.append(ana, &message), appended(2), "messages do not wait");
}

/// The rule broken: the first of these stories notices.
#[test]
fn without_the_hold_the_slow_one_never_comes_through() {
    let mut race = Race::begin();
    race.stage.service.mutant = Some(Mutant::NoHold);
    race.loses(20);
    race.stage.pass(2_000);
    assert!(matches!(race.quick(), Response::Appended { .. }));
}
