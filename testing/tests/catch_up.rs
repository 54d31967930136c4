//! Who was away for long reads what was missed a little at a time, and is not kept waiting by that.

use veche_client::{ChatState, Command};
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

/// How often somebody has come and gone while Bob was cut off.
const ROUNDS: usize = 40;

/// Ana has said something in a group, and let in and removed somebody many times, while Bob was cut off.
/// With each removal the tokens changed.
fn bob_was_away_from_much(seed: u64) -> (World, [Person; 2], LogId) {
    let mut world = World::seeded(seed);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("assembly", [&ana, &bo]);
    world.cut_off(&bo);
    for number in 0..ROUNDS {
        ana.say(group, &format!("number {number}"));
        ana.add(group, &cyd);
        world.settle();
        cyd.accept_all();
        world.settle();
        ana.remove(group, &cyd);
        world.settle();
    }
    ana.rename(group, "the assembly");
    ana.say(group, "the last");
    bo.say(group, "what did I miss?");
    world.settle();
    (world, [ana, bo], group)
}

/// Bob is connected again, begins to read, and wants to skip the rest.
fn bob_skips(world: &mut World, bo: &Person, group: LogId) {
    world.reconnect(bo);
    for _ in 0..100_000 {
        world.wait_ms(1);
        if bo.screen(group).contains("number 1") {
            break;
        }
    }
    bo.want(Command::SkipMissed { chat: group }).expect("he does not want to wait");
}

fn assert_back(world: &mut World, [ana, bo]: [&Person; 2], group: LogId) {
    let chat = bo.chat(group).expect("bob is in it");
    let expected = (ChatState::Active, 0, "the assembly");
    assert_eq!((chat.state, chat.behind, chat.title.as_str()), expected);
    assert!(bo.want(Command::SkipMissed { chat: group }).is_err(), "nothing is missing any more");
    ana.say(group, "welcome back");
    world.settle();
    for person in [ana, bo] {
        let screen = person.screen(group);
        assert!(screen.contains("bob: what did I miss?"), "{screen}");
        assert!(screen.ends_with("ana: welcome back"), "{screen}");
    }
}

#[test]
fn who_was_away_for_long_may_skip_what_was_missed() {
    let (mut world, [ana, bo], group) = bob_was_away_from_much(83);
    // To read it all takes his machine more than a minute.
    world.slow_down(&bo, 500);
    bob_skips(&mut world, &bo, group);
    world.wait_ms(40_000);
    let screen = bo.whole_screen(group);
    assert!(screen.contains("what was said meanwhile is not here"), "{screen}");
    let read = screen.matches("ana removed cyd").count();
    assert!((1..ROUNDS / 2).contains(&read), "{screen}");
    world.slow_down(&bo, 0);
    world.settle();
    // What was said his friends' devices say to him again.
    let screen = bo.whole_screen(group);
    assert!(screen.contains(&format!("number {}", ROUNDS - 1)), "{screen}");
    assert_back(&mut world, [&ana, &bo], group);
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn who_skips_what_was_missed_reads_on_where_nobody_answers() {
    let (mut world, [ana, bo], group) = bob_was_away_from_much(84);
    world.cut_off(&ana);
    bob_skips(&mut world, &bo, group);
    world.wait_ms(120_000);
    assert_eq!(bo.chat(group).map(|chat| (chat.state, chat.behind)), Some((ChatState::Active, 0)));
    let screen = bo.screen(group);
    assert!(screen.contains(&format!("number {}", ROUNDS - 1)), "{screen}");
    // His request is answered when he needs it no more, and nothing is lost by that.
    world.reconnect(&ana);
    world.settle();
    world.wait_ms(120_000);
    world.settle();
    assert_back(&mut world, [&ana, &bo], group);
}

#[test]
fn who_leaves_while_a_place_ahead_is_on_its_way_stays_away() {
    for (seed, ms) in (90..).zip([0, 30, 200, 300, 1_000, 3_000, 10_000]) {
        let (mut world, [ana, bo], group) = bob_was_away_from_much(seed);
        world.cut_off(&ana);
        bob_skips(&mut world, &bo, group);
        world.wait_ms(120_000);
        assert_eq!(
            bo.chat(group).map(|chat| chat.behind),
            Some(0),
            "he has read it all by himself"
        );
        // Ana hears of both, in some order.
        world.reconnect(&ana);
        world.wait_ms(ms);
        if bo.want(Command::Leave { chat: group }).is_err() {
            // He is about to take the place, and cannot go before he has.
            world.settle();
            bo.leave(group);
        }
        world.settle();
        assert_eq!(bo.chat(group).map(|chat| chat.state), Some(ChatState::Left), "after {ms} ms");
        assert_eq!(ana.members(group), "ana (owner)", "after {ms} ms");
        assert_eq!(bo.requests(), []);
    }
}
