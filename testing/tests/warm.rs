//! The tree of a group that many have joined at once is cold: a commit carries a secret for each of them,
//! until those who speak have warmed it.

use veche_testing::{Person, World};
use veche_wire::{Kind, LogId, Request};

const MINUTE: u64 = 60_000;
const PEOPLE: usize = 70;

/// The bytes of a commit that does nothing else than to rename the group.
fn renaming(world: &mut World, owner: &Person, group: LogId, title: &str) -> usize {
    world.record();
    owner.rename(group, title);
    world.settle();
    let mut sent = world.recorded().into_iter().filter_map(|frame| match frame.request {
        Request::Append(append) if append.kind == Kind::Commit => Some(append.bytes.len()),
        _ => None,
    });
    sent.next_back().expect("the group was renamed by a commit")
}

fn commits(world: &World, group: LogId) -> usize {
    world.kinds(group).into_iter().filter(|kind| *kind == Kind::Commit).count()
}

#[test]
fn those_who_speak_warm_the_tree_one_at_a_time() {
    let mut world = World::seeded(65);
    let ana = world.person("ana");
    let made = ana.make_group("assembly", &[]);
    world.settle();
    let group = ana.chat_of(made);
    let linked = ana.make_link(group, (false, None, None));
    world.settled(&ana, linked);
    let link = ana.link(group);
    let people: Vec<Person> =
        (0..PEOPLE).map(|number| world.person(&format!("m{number:02}"))).collect();
    for person in &people {
        person.knock(&link);
    }
    world.wait_ms(2 * MINUTE);
    world.settle();
    assert_eq!(ana.members(group).matches(", ").count(), PEOPLE);
    let cold = renaming(&mut world, &ana, group, "cold");

    let before = commits(&world, group);
    let speakers = people.iter().step_by(9);
    for person in speakers.clone() {
        person.say(group, "good evening");
    }
    let beginning = world.now();
    for _ in 0..12 {
        world.wait_ms(MINUTE);
        let (made, passed) = (commits(&world, group) - before, world.now() - beginning);
        assert!(made as u64 <= passed / MINUTE + 1, "{made} commits in {passed} ms");
    }
    world.settle();
    let made = commits(&world, group) - before;
    assert!((2..=speakers.count()).contains(&made), "{made} have warmed the tree");
    let warm = renaming(&mut world, &ana, group, "warm");
    assert!(warm * 2 < cold, "{cold} bytes became {warm}");
    let more = commits(&world, group);
    world.wait_ms(60 * MINUTE);
    assert_eq!(commits(&world, group), more, "who has a path makes no other");
    assert_eq!(world.complaints(), Vec::<String>::new());
}
