//! What a restored server has lost before anybody else had seen it, and what its restoration looks like
//! to those who did not notice it.

use veche_client::{ChatState, Command};
use veche_testing::{Person, World};
use veche_wire::{LogId, Push, ServerFrame};

#[test]
fn a_departure_that_nobody_had_read_is_said_again() {
    let mut world = World::seeded(21);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let copy = world.backup_server();
    for other in [&ana, &bo] {
        world.cut_off(other);
    }
    cyd.say(group, "goodbye");
    cyd.say(group, "all of you");
    world.settle();
    let gone = cyd.leave(group);
    world.settle();
    assert_eq!(cyd.chat_of(gone), group);

    world.restore_server(copy);
    world.settle();
    world.reconnect(&ana);
    world.reconnect(&bo);
    world.settle();
    world.settle();

    for person in [&ana, &bo] {
        assert_eq!(person.screen(group), "cyd: goodbye\ncyd: all of you", "{person:?}");
        assert!(!person.members(group).contains("cyd"), "{}", person.members(group));
    }
    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Left));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn a_departure_from_a_log_that_has_new_tokens_is_told_to_members() {
    let mut world = World::seeded(25);
    let [ana, bo, cyd, dov] = world.people(["ana", "bob", "cyd", "dov"]);
    let group = world.group("harvest", [&ana, &bo, &cyd, &dov]);
    let copy = world.backup_server();
    for other in [&ana, &bo, &dov] {
        world.cut_off(other);
    }
    cyd.leave(group);
    world.settle();
    world.cut_off(&cyd);

    world.restore_server(copy);
    world.reconnect(&ana);
    world.reconnect(&bo);
    ana.remove(group, &dov);
    world.settle();
    assert!(ana.members(group).contains("cyd"), "{}", ana.members(group));
    world.reconnect(&cyd);
    world.settle();

    for person in [&ana, &bo] {
        assert!(!person.members(group).contains("cyd"), "{}", person.members(group));
    }
    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Left));
}

#[test]
fn an_invitation_that_was_not_fetched_is_delivered_again() {
    let mut world = World::seeded(22);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    world.acquaint(&ana, &cyd);
    world.cut_off(&cyd);
    let copy = world.backup_server();
    ana.add(group, &cyd);
    world.settle();

    world.restore_server(copy);
    world.settle();
    world.reconnect(&cyd);
    world.settle();
    bo.say(group, "welcome");
    world.settle();

    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Active));
    assert_eq!(cyd.screen(group), "bob: welcome");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn who_is_removed_while_asking_to_be_added_again_is_told() {
    let mut world = World::seeded(23);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    world.acquaint(&ana, &cyd);
    world.cut_off(&cyd);
    ana.add(group, &cyd);
    world.settle();
    // She cannot come in, asks for another way, and nobody is there who could give it.
    for other in [&ana, &bo] {
        world.cut_off(other);
    }
    world.damage_blobs();
    world.reconnect(&cyd);
    world.wait_ms(20_000);
    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Repairing));
    world.make_honest();
    cyd.say(group, "let me in");

    ana.remove(group, &cyd);
    world.reconnect(&ana);
    world.settle();
    world.wait_ms(5 * 60_000);
    world.settle();

    assert_eq!(cyd.chat(group).map(|chat| chat.state), Some(ChatState::Removed));
    let seen = cyd.whole_screen(group);
    assert!(seen.contains("ana says that you were removed"), "{seen}");
    assert!(seen.contains("let me in (failed: you were removed from this chat)"), "{seen}");
    assert!(!ana.members(group).contains("cyd"), "{}", ana.members(group));
}

#[test]
fn an_order_that_the_log_does_not_have_any_more_is_given_up() {
    let (mut world, [ana, bo, cyd], group) = ana_has_another_order(24);
    bo.say(group, "three");
    world.settle();
    ana.say(group, "four");
    world.settle();

    for person in [&ana, &bo, &cyd] {
        let order = "bob: one\ncyd: two\nbob: three\nana: four";
        assert_eq!(person.screen(group), order, "{person:?}");
    }
    assert!(!ana.notices().join("\n").contains("another order"), "{:?}", ana.notices());
    assert!(ana.notices().join("\n").contains("restored from an older copy"));
}

#[test]
fn a_log_that_went_back_is_not_followed_from_where_it_was_asked_for_before() {
    for wait_ms in [0, 10, 20, 30] {
        let (mut world, [ana, bo, cyd], group) = ana_has_another_order(26);
        // What bob says makes ana compare her order with the log. Meanwhile her subscription ends: she
        // has asked for another, after her last entry, when she learns that she must go back.
        world.make_dishonest(|frame| {
            if let ServerFrame::Push(Push::Signal { log, .. }) = frame {
                *frame = ServerFrame::Push(Push::Rotated { log: *log });
            }
        });
        bo.say(group, "three");
        world.wait_ms(wait_ms);
        cyd.want(Command::Typing { chat: group }).expect("typing is shown");
        world.settle();
        world.make_honest();

        for person in [&ana, &bo, &cyd] {
            assert_eq!(person.screen(group), "bob: one\ncyd: two\nbob: three", "{person:?}");
        }
        assert!(ana.notices().join("\n").contains("restored from an older copy"));
    }
}

/// A group in which ana has read two messages in another order than the log has them now, as from a server
/// that was replaced by a copy in between. It ends with an entry that ends the log as well.
fn ana_has_another_order(seed: u64) -> (World, [Person; 3], LogId) {
    let mut world = World::seeded(seed);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    world.cut_off(&ana);
    bo.say(group, "one");
    world.settle();
    cyd.say(group, "two");
    world.settle();
    for other in [&bo, &cyd] {
        world.cut_off(other);
    }
    cyd_first(&mut world);
    world.reconnect(&ana);
    world.settle();
    world.make_honest();
    assert_eq!(ana.screen(group), "cyd: two\nbob: one");
    world.reconnect(&bo);
    world.reconnect(&cyd);
    world.settle();
    (world, [ana, bo, cyd], group)
}

/// Swaps two entries wherever they are shown together.
fn cyd_first(world: &mut World) {
    world.make_dishonest(|frame| {
        if let ServerFrame::Push(Push::Entries { entries, .. }) = frame
            && let [.., one, two] = entries.as_mut_slice()
        {
            std::mem::swap(&mut one.seq, &mut two.seq);
            entries.sort_by_key(|entry| entry.seq);
        }
    });
}
