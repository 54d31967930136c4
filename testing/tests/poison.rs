//! Rule 6 against a member who means harm: commits that all find valid and that some, or all, cannot follow.

use veche_client::{ChatState, Role};
use veche_mls::Mutant;
use veche_testing::{Person, World};
use veche_wire::LogId;

const MINUTE: u64 = 60_000;

/// Ana's group, in which Mallory is an admin.
fn group_with_mallory(world: &mut World) -> ([Person; 4], LogId) {
    let [ana, bo, cyd, mallory] = world.people(["ana", "bob", "cyd", "mallory"]);
    let group = world.group("assembly", [&ana, &bo, &cyd, &mallory]);
    ana.role(group, &bo, Role::Owner);
    ana.role(group, &mallory, Role::Admin);
    world.settle();
    ana.say(group, "welcome");
    world.settle();
    ([ana, bo, cyd, mallory], group)
}

fn poison(mallory: &Person, mutant: Mutant) {
    mallory.look(|client| client.set_mls_mutant(Some(mutant)));
}

/// The conversation that a log belongs to now.
fn now(person: &Person, log: LogId) -> LogId {
    person.look(|client| client.find_chat(&log.to_string())).expect("it is known")
}

fn state(person: &Person, log: LogId) -> Option<ChatState> {
    person.chat(now(person, log)).map(|chat| chat.state)
}

#[test]
fn who_cannot_follow_a_poisoned_commit_is_added_again_by_the_others() {
    let mut world = World::seeded(76);
    let ([ana, bo, cyd, mallory], group) = group_with_mallory(&mut world);
    poison(&mallory, Mutant::PathBrokenForSome);
    mallory.rename(group, "trap");
    world.wait_ms(2_000);
    let honest = [&ana, &bo, &cyd];
    let stuck: Vec<&&Person> = honest
        .iter()
        .filter(|person| person.notices().join("\n").contains("mallory has made it so"))
        .collect();
    assert!((1..honest.len()).contains(&stuck.len()), "{stuck:?} could not follow");
    // Nobody does anything, and within seconds all are together again.
    world.wait_ms(30_000);
    for person in honest {
        assert_eq!(state(person, group), Some(ChatState::Active), "{person:?}");
    }
    for person in honest {
        person.say(group, &format!("{} is here", person.name()));
    }
    world.settle();
    for person in honest {
        let seen = person.screen(group);
        for other in honest {
            let line = format!("{0}: {0} is here", other.name());
            assert_eq!(seen.matches(&line).count(), 1, "{person:?}: {line} in\n{seen}");
        }
        assert_eq!(person.members(group), ana.members(group), "{person:?}");
    }
}

#[test]
fn a_group_that_nobody_can_follow_goes_on_without_who_poisoned_it() {
    let mut world = World::seeded(72);
    let ([ana, bo, cyd, mallory], group) = group_with_mallory(&mut world);
    poison(&mallory, Mutant::PathBrokenForAll);
    mallory.rename(group, "trap");
    world.wait_ms(MINUTE);
    // Mallory answers nobody.
    world.cut_off(&mallory);
    for person in [&ana, &bo, &cyd] {
        assert_eq!(state(person, group), Some(ChatState::Repairing), "{person:?}");
        let told = person.notices().join("\n");
        assert!(told.contains("mallory has made it so"), "{person:?}: {told}");
    }
    cyd.say(group, "is anybody here?");
    world.wait_ms(20 * MINUTE);
    world.settle();
    let chat = now(&ana, group);
    assert_ne!(chat, group);
    bo.say(now(&bo, group), "here we are");
    world.settle();
    for person in [&ana, &bo, &cyd] {
        assert_eq!(now(person, group), chat, "{person:?}");
        assert_eq!(state(person, group), Some(ChatState::Active), "{person:?}");
        let members = person.members(chat);
        assert_eq!(members, "ana (owner), bob (owner), cyd", "{person:?}");
        let said = "ana: welcome\ncyd: is anybody here?\nbob: here we are";
        assert_eq!(person.screen(chat), said, "{person:?}");
        assert_eq!(person.chat(chat).unwrap().title, "assembly", "{person:?}");
    }
    // Neither does she come back by what she knows, as honest as she is now.
    mallory.look(|client| client.set_mls_mutant(None));
    world.reconnect(&mallory);
    world.wait_ms(10 * MINUTE);
    assert!(!mallory.screen(now(&mallory, group)).contains("here we are"));
    assert!(!ana.members(chat).contains("mallory"));
    // The others read on where she is, and see what she does there; their chat is called what it was.
    mallory.rename(group, "hers");
    world.settle();
    for person in [&ana, &bo, &cyd] {
        assert!(person.whole_screen(chat).contains("renamed the group to hers"), "{person:?}");
        assert_eq!(person.chat(chat).unwrap().title, "assembly", "{person:?}");
    }
}
