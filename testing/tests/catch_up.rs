//! Who was away for long reads what was missed a little at a time, and is not kept waiting by that.

use veche_testing::{Person, World};
use veche_wire::LogId;

const SAID: usize = 300;
/// How many entries a client takes in one go at most.
const SLICE: usize = 64;

/// Ana has said much in a group while Bob was cut off.
fn bob_was_away(seed: u64) -> (World, [Person; 2], LogId) {
    let mut world = World::seeded(seed);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    world.cut_off(&bo);
    for number in 0..SAID {
        ana.say(group, &format!("number {number}"));
        if number % 30 == 0 {
            world.settle();
        }
    }
    (world, [ana, bo], group)
}

#[test]
fn what_a_person_wants_comes_between_the_slices_of_what_was_missed() {
    let (mut world, [ana, bo], group) = bob_was_away(81);
    ana.rename(group, "the assembly");
    world.settle();
    ana.say(group, "the last");
    world.settle();

    world.reconnect(&bo);
    let mut left = Vec::new();
    let mut heard = 0;
    let mut said = None;
    for _ in 0..100_000 {
        world.wait_ms(1);
        let behind = bo.chat(group).expect("bob is in it").behind;
        let now = bo.screen(group).lines().count();
        assert!(now <= heard + SLICE + 1, "{} messages came in one go", now - heard);
        heard = now;
        if behind > 0 {
            left.push(behind);
            // In the middle of it a page is there, and what he writes is taken.
            if behind < SAID as u64 / 2 && said.is_none() {
                said = Some(bo.say(group, "I am reading"));
                assert!(bo.screen(group).contains("I am reading"), "it is not on his screen");
            }
        } else if bo.screen(group).contains("the last") {
            break;
        }
    }
    assert!(left.len() >= SAID / SLICE, "it came at once: {left:?}");
    assert!(left.is_sorted_by(|one, next| one >= next), "{left:?}");
    assert!(said.is_some(), "he never said anything");
    world.settle();
    assert_eq!(bo.screen(group), ana.screen(group));
    assert!(ana.screen(group).ends_with("ana: the last\nbob: I am reading"));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn who_is_cut_off_in_the_middle_goes_on_from_there() {
    let (mut world, [ana, bo], group) = bob_was_away(82);
    world.settle();
    let mut heard = 0;
    while heard < SAID {
        world.reconnect(&bo);
        let before = heard;
        for _ in 0..100_000 {
            world.wait_ms(1);
            heard = bo.screen(group).lines().count();
            if heard > before {
                break;
            }
        }
        assert!(heard > before, "nothing comes after {before}");
        world.cut_off(&bo);
    }
    world.reconnect(&bo);
    world.settle();
    assert_eq!(bo.screen(group), ana.screen(group));
    assert_eq!(world.complaints(), Vec::<String>::new());
}
