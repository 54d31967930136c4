//! Random requests against a model of a page: an append's answer, and what is read afterwards.

use std::collections::BTreeMap;

use proptest::prelude::*;
use veche_wire::{Append, EntryId, Kind, Refused, Request, Response, Seq};

use super::stage::{Stage, changes, entry_id, signed, stage};
use crate::storage::Memory;

#[derive(Debug, Clone)]
enum Step {
    /// Kind, id, how far its author lags behind the last commit, the id it comes after.
    Append(Kind, u64, u64, Option<u64>),
    Rotate(u64),
    /// Writes with the token of a past generation.
    AppendLate(u64),
    Pass(u64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just(Kind::Message), Just(Kind::Commit), Just(Kind::Control)];
    let id = 1..60u64;
    let append = (kind, id.clone(), 0..3u64, proptest::option::of(id.clone()))
        .prop_map(|(kind, id, lag, prev)| Step::Append(kind, id, lag, prev));
    let step = prop_oneof![
        12 => append,
        1 => id.clone().prop_map(Step::Rotate),
        1 => id.prop_map(Step::AppendLate),
        2 => (0..1_500u64).prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..120)
}

/// What a log is, in the fewest words.
#[derive(Default)]
struct Model {
    seqs: BTreeMap<EntryId, Seq>,
    order: Vec<EntryId>,
    last_commit: Seq,
    commit_at: Option<u64>,
}

impl Model {
    fn append(&mut self, append: &Append, now: u64) -> Response {
        if let Some(seq) = self.seqs.get(&append.id) {
            return Response::Appended { seq: *seq };
        }
        if append.kind != Kind::Control && self.last_commit > append.after_commit {
            return Response::Refused(Refused::Stale { last_commit: self.last_commit });
        }
        if let Some(at) = self.commit_at.filter(|_| append.kind == Kind::Commit)
            && now < at + 2_000
        {
            let ms = u32::try_from(at + 2_000 - now).unwrap();
            return Response::Refused(Refused::Later { ms });
        }
        if append.prev.is_some_and(|prev| !self.seqs.contains_key(&prev)) {
            return Response::Refused(Refused::OutOfOrder);
        }
        self.order.push(append.id);
        let seq = self.order.len() as Seq;
        self.seqs.insert(append.id, seq);
        if append.kind == Kind::Commit {
            self.last_commit = seq;
            self.commit_at = Some(now);
        }
        Response::Appended { seq }
    }
}

fn play(steps: Vec<Step>) {
    let mut stage: Stage<Memory> = stage();
    let (mut id, mut reader) = (stage.connect(), stage.connect());
    let mut chat = stage.chat(id);
    let first = chat.clone();
    let mut model = Model::default();
    let mut pushed: Vec<Seq> = Vec::new();
    stage.ask(reader, chat.subscribe(0));
    for step in steps {
        let (append, is_rotation) = match step {
            Step::Pass(ms) => {
                stage.pass(ms);
                continue;
            }
            Step::Restart => {
                pushed.extend(stage.pushed_seqs(reader));
                stage = stage.restart(|mut engine| {
                    engine.lose_unsynced();
                    engine
                });
                (id, reader) = (stage.connect(), stage.connect());
                stage.ask(reader, chat.subscribe(pushed.len() as Seq));
                // The distance of commits is not kept over a restart.
                model.commit_at = None;
                continue;
            }
            Step::Append(kind, number, lag, prev) => {
                let after_commit = model.last_commit.saturating_sub(lag);
                let prev = prev.map(entry_id);
                (Append { after_commit, prev, ..chat.append(kind, number) }, false)
            }
            Step::AppendLate(number) => {
                let late = first.message(number);
                let expected = match model.seqs.get(&late.id) {
                    Some(seq) => Response::Appended { seq: *seq },
                    None if chat.generation > 0 => {
                        Response::Refused(Refused::Stale { last_commit: model.last_commit })
                    }
                    None => model.append(&late, stage.now),
                };
                assert_eq!(stage.append(id, &late), expected);
                continue;
            }
            Step::Rotate(number) => {
                let next = chat.next_generation(&mut stage.dice);
                let rider = changes(Some(next.rotation()), None, None);
                let rotate = chat.append(Kind::Rotate, number);
                let rotate = Append { after_commit: model.last_commit, ..rotate };
                let rotate = signed(rotate, &chat.admin, rider);
                if !model.seqs.contains_key(&rotate.id) {
                    chat = next;
                }
                (rotate, true)
            }
        };
        let expected = model.append(&append, stage.now);
        let is_new = stage.pushed_seqs(reader);
        pushed.extend(is_new.into_iter().filter(|seq| *seq > 0));
        assert_eq!(stage.ask(id, Request::Append(append)), expected);
        let fresh = stage.pushed_seqs(reader);
        let has_ended = fresh.last() == Some(&0);
        assert!(!has_ended || is_rotation);
        pushed.extend(fresh.into_iter().filter(|seq| *seq > 0));
        if has_ended {
            stage.ask(reader, chat.subscribe(pushed.len() as Seq));
        }
    }
    pushed.extend(stage.pushed_seqs(reader));
    let read = stage.read_all(id, &chat);
    let ids: Vec<_> = read.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, model.order);
    assert_eq!(pushed, (1..=model.order.len() as Seq).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_what_the_model_says(steps in steps()) {
        play(steps);
    }
}
