//! Files on their way.

use veche_client::Settled;
use veche_testing::{Death, Weather, World};

/// Bytes in which every place can be told from every other.
fn content(size: u32) -> Vec<u8> {
    (0..size).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).collect()
}

#[test]
fn a_file_arrives_as_it_was_sent() {
    let mut world = World::seeded(1);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    for (size, name) in [(0, "empty"), (10, "small"), (16_384, "one chunk"), (300_000, "large")] {
        let bytes = content(size);
        let message = ana.send_file(chat, "look", name, &bytes);
        world.settle();
        let intent = bo.download(chat, message);
        assert_eq!(world.settled(&bo, intent), Settled::Done(veche_client::Outcome::Done));
        assert_eq!(bo.file(chat, message), bytes, "{name}");
        assert_eq!(ana.file(chat, message), bytes, "{name}");
    }
}

#[test]
fn how_far_a_file_is_is_told_on_both_sides() {
    let mut world = World::seeded(9);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let message = ana.send_file(chat, "look", "large", &content(300_000));
    world.settle();
    let intent = bo.download(chat, message);
    world.settled(&bo, intent);
    for person in [&ana, &bo] {
        let file = person.message(chat, message).unwrap().file.unwrap();
        let told = person.told_of_file(&file.transfer);
        assert!(told.len() > 3, "{person:?}: {told:?}");
        assert!(told.is_sorted(), "{person:?}: {told:?}");
        assert!(told.last().is_some_and(|(have, total)| have == total), "{person:?}: {told:?}");
    }
}

#[test]
fn a_file_survives_a_bad_day() {
    let mut world = World::seeded(2);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let bytes = content(400_000);
    world.set_weather(Weather { broken: 150, duplicated: 100, ..Weather::FAIR });
    let message = ana.send_file(chat, "the protocol", "minutes.txt", &bytes);
    world.wait_ms(200);
    world.crash(&ana, Death::AfterCommit);
    world.wait_ms(5_000);
    world.crash_server();
    world.set_weather(Weather::FAIR);
    world.settle();
    let intent = bo.download(chat, message);
    world.wait_ms(50);
    world.restart(&bo);
    assert_eq!(world.settled(&bo, intent), Settled::Done(veche_client::Outcome::Done));
    assert_eq!(bo.file(chat, message), bytes);
}
