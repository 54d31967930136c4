//! A long commit is judged beside the client, and whatever happens meanwhile, it comes to the same.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::cell::RefCell;
use std::rc::Rc;

use veche_client::{ChatState, Command, Settled};
use veche_testing::world::Refusal;
use veche_testing::{Person, World};
use veche_wire::{AdminKey, Entry, Kind, LogId, Push, Rider, ServerFrame};

/// Ana has renamed a group, and Bob's machine is at that commit.
struct Story {
    world: World,
    ana: Person,
    bo: Person,
    group: LogId,
}

fn bob_computes(seed: u64) -> Story {
    let mut world = World::seeded(seed);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    world.hold_computing(&bo);
    ana.say(group, "before it");
    world.wait_ms(5_000);
    ana.rename(group, "the assembly");
    let mut story = Story { world, ana, bo, group };
    story.wait_until_bob_computes();
    story
}

impl Story {
    fn wait_until_bob_computes(&mut self) {
        for _ in 0..10_000 {
            if self.world.is_computing(&self.bo) {
                return;
            }
            self.world.wait_ms(10);
        }
        panic!("bob's machine never began");
    }

    fn title(&self) -> String {
        self.bo.chat(self.group).unwrap().title
    }

    /// Bob comes to an end with it, and all is as it would have been.
    fn comes_out_well(mut self) {
        self.world.let_compute(&self.bo);
        self.world.settle();
        assert_eq!(self.title(), "the assembly");
        assert_eq!(self.bo.screen(self.group), self.ana.screen(self.group));
        self.ana.say(self.group, "and on we go");
        self.world.settle();
        assert!(self.bo.screen(self.group).ends_with("ana: and on we go"));
        assert_eq!(self.world.complaints(), Vec::<String>::new());
    }
}

#[test]
fn what_a_person_wants_does_not_wait_for_a_long_commit() {
    let mut story = bob_computes(91);
    let Story { world, bo, group, .. } = &mut story;
    // A page, the members, and what he writes in this group are there at once.
    assert!(bo.screen(*group).contains("before it"));
    assert_eq!(bo.members(*group), "ana (owner), bob");
    let said = bo.say(*group, "while it is computed");
    assert!(bo.screen(*group).contains("bob: while it is computed"));
    world.wait_ms(60_000);
    assert_eq!(story.title(), "assembly", "the commit has overtaken its verdict");
    let (ana, group) = (story.ana.clone(), story.group);
    story.comes_out_well();
    assert!(ana.message(group, said).is_some(), "ana never heard it");
}

#[test]
fn a_group_that_is_needed_meanwhile_is_loaded_again() {
    let mut story = bob_computes(92);
    // Whether he may name everybody, only the group tells, and so do its rules.
    let (chat, text) = (story.group, "@all look".to_owned());
    let said = story.bo.want(Command::Send { chat, text, reply_to: None, file: None });
    assert!(matches!(said, Err(Refusal::Words(_))), "{said:?}");
    story.bo.look(|client| client.rules(story.group)).unwrap();
    story.world.wait_ms(1_000);
    story.comes_out_well();
}

#[test]
fn a_verdict_holds_over_another_connection() {
    let mut story = bob_computes(93);
    story.world.cut_off(&story.bo);
    story.world.wait_ms(1_000);
    story.world.reconnect(&story.bo);
    story.world.wait_ms(5_000);
    assert_eq!(story.title(), "assembly");
    let before = story.world.counts().of("commits computed ahead");
    story.world.let_compute(&story.bo);
    story.world.wait_ms(5_000);
    let again = story.world.counts().of("commits computed ahead") - before;
    assert_eq!(again, 1, "it was computed anew, not only let go on");
    assert_eq!(story.title(), "the assembly");
    story.comes_out_well();
}

#[test]
fn what_is_lost_with_a_program_is_computed_anew() {
    let mut story = bob_computes(94);
    story.world.restart(&story.bo);
    story.world.wait_ms(1_000);
    story.wait_until_bob_computes();
    story.comes_out_well();
}

#[test]
fn a_member_that_leaves_meanwhile_has_left() {
    let mut story = bob_computes(95);
    story.bo.leave(story.group);
    story.world.wait_ms(1_000);
    story.world.let_compute(&story.bo);
    story.world.settle();
    assert_eq!(story.bo.chat(story.group).unwrap().state, ChatState::Left);
    assert_eq!(story.ana.members(story.group), "ana (owner)");
    assert_eq!(story.world.complaints(), Vec::<String>::new());
}

#[test]
fn the_own_commit_is_judged_so_too() {
    let mut world = World::seeded(96);
    let [ana, bo, cy] = world.people(["ana", "bob", "cleo"]);
    let group = world.group("assembly", [&ana, &bo]);
    world.acquaint(&ana, &cy);
    world.hold_computing(&ana);
    let intent = ana.add(group, &cy);
    for _ in 0..10_000 {
        if world.is_computing(&ana) {
            break;
        }
        world.wait_ms(10);
    }
    assert!(world.is_computing(&ana), "her own commit never came back");
    assert_eq!(ana.outcome(intent), Settled::Waiting);
    ana.say(group, "in between");
    world.let_compute(&ana);
    assert!(matches!(world.settled(&ana, intent), Settled::Done(_)));
    world.settle();
    cy.accept_all();
    world.settle();
    assert_eq!(bo.screen(group), "ana: in between");
    assert_eq!(bo.members(group), ana.members(group));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// The commit's entry in what a server pushes.
fn commit_in(frame: &mut ServerFrame) -> Option<&mut Entry> {
    let ServerFrame::Push(Push::Entries { entries, .. }) = frame else { return None };
    entries.iter_mut().find(|entry| entry.kind == Kind::Commit)
}

#[test]
fn a_verdict_is_not_taken_for_another_commit_of_the_same_name() {
    let mut story = bob_computes(97);
    let Story { world, bo, .. } = &mut story;
    world.cut_off(bo);
    // The server has another entry under the name of the one that was computed: the same bytes, with
    // rights that nobody has signed.
    let changed = Rc::new(RefCell::new(0));
    let counts = Rc::clone(&changed);
    world.make_dishonest(move |frame| {
        if let Some(entry) = commit_in(frame) {
            entry.rider = Some(Rider {
                rotation: None,
                admins: None,
                freeze: Some(true),
                guard: None,
                signer: AdminKey([1; 32]),
                signature: [2; 64],
            });
            *counts.borrow_mut() += 1;
        }
    });
    world.let_compute(bo);
    world.wait_ms(1_000);
    world.reconnect(bo);
    world.wait_ms(5_000);
    assert!(*changed.borrow() > 0, "the server never lied");
    assert_eq!(story.title(), "assembly", "bob believes what was not said");
}
