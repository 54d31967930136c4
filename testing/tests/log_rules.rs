//! The rules of a log (docs/protocol.md), each as a story.

use expect_test::expect;
use veche_client::{ChatState, Command, Reply, Role, Settled};
use veche_testing::{Death, Weather, World};
use veche_wire::{Kind, Refused, Request, Response, Token};

#[test]
fn rule_1_a_known_id_is_answered_before_everything_else() {
    let mut world = World::seeded(1);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let message = ana.say(chat, "once");
    world.settle();
    let mut stranger = world.outsider();
    let mut again = stranger.junk(chat, Token([0; 32]), Kind::Message, 0);
    assert_eq!(
        stranger.ask(Request::Append(again.clone())),
        Response::Refused(Refused::Forbidden),
        "nobody has given this token out"
    );
    again.id = message;
    let Response::Appended { seq } = stranger.ask(Request::Append(again)) else {
        panic!("a known id is answered with its place");
    };
    assert_eq!(seq, world.kinds(chat).len() as u64);
}

#[test]
fn rule_1_a_message_whose_answer_was_lost_appears_once() {
    let mut world = World::seeded(11);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    world.set_weather(Weather { dropped: 300, ..Weather::FAIR });
    for number in 0..10 {
        ana.say(chat, &format!("message {number}"));
    }
    world.wait_ms(60_000);
    world.set_weather(Weather::FAIR);
    world.settle();
    let expected: Vec<String> = (0..10).map(|number| format!("ana: message {number}")).collect();
    assert_eq!(bo.screen(chat), expected.join("\n"));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn rule_2_who_has_not_seen_the_last_commit_is_told_so() {
    let mut world = World::seeded(2);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    ana.rename(group, "sowing");
    world.settle();
    ana.say(group, "renamed");
    world.settle();
    let mut stranger = world.outsider();
    let (_, write) = stranger.overhear(&ana, group);
    let last = stranger.last_commit(group);
    let mut append = stranger.junk(group, write.unwrap(), Kind::Message, last - 1);
    let stale = Response::Refused(Refused::Stale { last_commit: last });
    assert_eq!(stranger.ask(Request::Append(append.clone())), stale);
    append.after_commit = last;
    let taken = stranger.ask(Request::Append(append));
    assert!(matches!(taken, Response::Appended { .. }), "no trace of the id remains: {taken:?}");
}

#[test]
fn rule_2_of_two_changes_at_once_both_come_about_one_after_the_other() {
    let mut world = World::seeded(22);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    let removed = ana.remove(group, &cyd);
    let renamed = bo.rename(group, "sowing");
    world.settle();
    assert!(matches!(ana.outcome(removed), Settled::Done(_)));
    assert!(matches!(bo.outcome(renamed), Settled::Done(_)));
    assert_eq!(ana.chat(group).unwrap().title, "sowing");
    assert_eq!(bo.members(group), "ana (owner), bob (admin)");
    assert!(world.counts().of("refused: stale") > 0, "they did meet");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn rule_2_what_was_sealed_before_a_commit_is_sealed_again() {
    let mut world = World::seeded(23);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    world.cut_off(&bo);
    bo.say(group, "said while away");
    ana.rename(group, "sowing");
    world.settle();
    world.reconnect(&bo);
    world.settle();
    expect![["bob: said while away"]].assert_eq(&ana.screen(group));
}

#[test]
fn rule_3_what_one_person_says_arrives_in_that_order() {
    let mut world = World::seeded(3);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    world.set_weather(Weather { disordered: 500, delay_ms_max: 400, ..Weather::FAIR });
    for number in 0..25 {
        ana.say(chat, &format!("message {number}"));
        world.wait_ms(20);
    }
    world.set_weather(Weather::FAIR);
    world.settle();
    let expected: Vec<String> = (0..25).map(|number| format!("ana: message {number}")).collect();
    assert_eq!(bo.screen(chat), expected.join("\n"));
}

#[test]
fn rule_4_a_commit_counts_when_it_comes_back() {
    for death in [Death::BeforeCommit, Death::AfterCommit, Death::BetweenEffects] {
        let mut world = World::seeded(4);
        let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
        let group = world.group("harvest", [&ana, &bo]);
        world.acquaint(&ana, &cyd);
        let intent = ana.add(group, &cyd);
        for _ in 0..6 {
            world.wait_ms(15);
            world.crash(&ana, death);
            world.wait_ms(7_000);
        }
        world.settle();
        assert!(matches!(ana.outcome(intent), Settled::Done(_)), "{death:?}");
        cyd.accept_all();
        world.settle();
        cyd.say(group, "here I am");
        world.settle();
        assert_eq!(bo.screen(group), "cyd: here I am", "{death:?}");
        assert_eq!(world.complaints(), Vec::<String>::new());
    }
}

#[test]
fn rule_5_commits_keep_their_distance() {
    let mut world = World::seeded(5);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    for number in 0..4 {
        ana.rename(group, &format!("title {number}"));
    }
    world.settle();
    assert_eq!(bo.chat(group).unwrap().title, "title 3");
    assert!(world.counts().of("refused: later") > 0, "the server held some of them back");
}

#[test]
fn rule_6_junk_is_skipped_by_everybody() {
    let mut world = World::seeded(6);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    ana.say(group, "before");
    world.settle();
    let mut stranger = world.outsider();
    let (_, write) = stranger.overhear(&ana, group);
    for kind in [Kind::Commit, Kind::Message, Kind::Control] {
        let after = stranger.last_commit(group);
        let append = stranger.junk(group, write.unwrap(), kind, after);
        let taken = stranger.ask(Request::Append(append));
        assert!(matches!(taken, Response::Appended { .. }), "{kind:?}: {taken:?}");
        world.settle();
    }
    ana.say(group, "after");
    world.settle();
    assert_eq!(ana.screen(group), "ana: before\nana: after");
    assert_eq!(ana.screen(group), bo.screen(group));
}

#[test]
fn rule_6_a_commit_that_its_author_may_not_make_is_skipped_by_everybody() {
    let mut world = World::seeded(66);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let before = world.kinds(group).len();
    let title = "mine".to_owned();
    let reply = bo.want_dishonestly(Command::Rename { chat: group, title });
    let Ok(Reply::Intent(intent)) = reply else { panic!("{reply:?}") };
    assert!(matches!(world.settled(&bo, intent), Settled::Failed(_)));
    assert_eq!(world.kinds(group)[before], Kind::Commit, "it came into the log");
    ana.rename(group, "sowing");
    cyd.say(group, "all is well");
    world.settle();
    for person in [&ana, &bo, &cyd] {
        assert_eq!(person.chat(group).unwrap().title, "sowing");
        assert_eq!(person.screen(group), "cyd: all is well");
    }
}

#[test]
fn rule_7_who_was_away_for_too_long_is_added_again() {
    let mut world = World::seeded(7);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    world.cut_off(&bo);
    ana.say(group, "soon forgotten");
    ana.rename(group, "sowing");
    world.settle();
    world.forget_old_entries();
    cyd.say(group, "where is bob?");
    world.settle();

    world.reconnect(&bo);
    world.settle();
    assert!(!bo.notices().is_empty(), "bob is told that something is missing");
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Active);
    bo.say(group, "here again");
    world.settle();
    ana.say(group, "welcome");
    world.settle();
    assert_eq!(ana.screen(group).lines().last(), Some("ana: welcome"));
    // What the server still had is said to him again.
    assert_eq!(bo.screen(group), "cyd: where is bob?\nbob: here again\nana: welcome");
    assert_eq!(bo.chat(group).unwrap().title, "sowing");
}

#[test]
fn rule_9_a_leaver_is_taken_out_by_whoever_is_there() {
    let mut world = World::seeded(9);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    world.cut_off(&ana);
    cyd.leave(group);
    world.settle();
    assert_eq!(bo.members(group), "ana (owner), bob");
    assert_eq!(cyd.chat(group).unwrap().state, ChatState::Left);
    world.reconnect(&ana);
    world.settle();
    assert_eq!(ana.members(group), "ana (owner), bob");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn rule_10_what_was_said_in_the_chat_that_lost_moves_over() {
    for seed in 0..6 {
        let mut world = World::seeded(100 + seed);
        let [ana, bo] = world.people(["ana", "bob"]);
        world.acquaint(&ana, &bo);
        world.cut_off(&bo);
        let first = ana.open_direct(&bo);
        world.settle();
        ana.say(ana.chat_of(first), "from ana");
        world.settle();
        world.cut_off(&ana);
        world.reconnect(&bo);
        let second = bo.open_direct(&ana);
        world.settle();
        bo.say(bo.chat_of(second), "from bob");
        world.settle();
        world.reconnect(&ana);
        world.settle();
        let chat = ana.chat_of(first);
        assert_eq!(chat, bo.chat_of(second));
        for person in [&ana, &bo] {
            let mut lines: Vec<String> = person.screen(chat).lines().map(str::to_owned).collect();
            lines.sort();
            assert_eq!(lines, ["ana: from ana", "bob: from bob"], "{person:?}");
        }
    }
}

#[test]
fn rule_11_old_tokens_read_up_to_the_rotation_and_write_nothing() {
    let mut world = World::seeded(111);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    cyd.say(group, "I know the tokens");
    world.settle();
    let mut lurker = world.outsider();
    let (read, write) = lurker.overhear(&cyd, group);
    ana.remove(group, &cyd);
    world.settle();
    ana.say(group, "without cyd");
    world.settle();

    let seqs = lurker.read(group, read.unwrap()).expect("a retired token still reads");
    assert_eq!(seqs.last(), Some(&lurker.last_commit(group)), "the removal is the last it shows");
    let append = lurker.junk(group, write.unwrap(), Kind::Message, lurker.last_commit(group));
    let refused = lurker.ask(Request::Append(append));
    assert!(matches!(refused, Response::Refused(Refused::Stale { .. })), "{refused:?}");
}

#[test]
fn rule_11_a_laggard_catches_up_over_many_rotations() {
    let mut world = World::seeded(112);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    world.cut_off(&bo);
    for _ in 0..4 {
        ana.remove(group, &cyd);
        world.settle();
        ana.add(group, &cyd);
        world.settle();
        ana.say(group, "again");
        world.settle();
    }
    world.reconnect(&bo);
    world.settle();
    assert_eq!(bo.screen(group), "ana: again\nana: again\nana: again\nana: again");
    assert_eq!(world.complaints(), Vec::<String>::new());
}

#[test]
fn rule_12_an_admin_rotates_after_a_removal_by_somebody_else() {
    let mut world = World::seeded(12);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    cyd.say(group, "I know the tokens");
    world.settle();
    let mut lurker = world.outsider();
    let (read, _) = lurker.overhear(&cyd, group);
    world.cut_off(&ana);
    cyd.leave(group);
    world.settle();
    world.reconnect(&ana);
    world.settle();
    ana.say(group, "without cyd");
    world.settle();
    let seqs = lurker.read(group, read.unwrap()).expect("a retired token still reads");
    assert!(
        !seqs.contains(&(world.kinds(group).len() as u64)),
        "the old token shows the new words"
    );
}

#[test]
fn rule_14_a_joiner_sees_nothing_from_before() {
    let mut world = World::seeded(14);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo]);
    ana.say(group, "before");
    world.settle();
    world.acquaint(&ana, &cyd);
    world.cut_off(&cyd);
    ana.add(group, &cyd);
    ana.say(group, "meanwhile");
    world.settle();
    world.reconnect(&cyd);
    world.settle();
    assert_eq!(cyd.chat(group).unwrap().state, ChatState::Active);
    assert_eq!(cyd.screen(group), "ana: meanwhile");
}
