use super::*;
use crate::policy::{ChatKind, Role};

#[test]
fn two_people_talk_in_either_suite() {
    for suite in Suite::ALL {
        let [mut ana, mut bo] = ["ana", "bo"].map(Person::new);
        ana.begin(suite, Policy::direct(&[ana.account(), bo.account()]));
        let change = Change { adds: vec![bo.key_package(suite)], ..Change::default() };
        let entry = ana.commit(&change);
        let summary = ana.see(&entry).summary();
        assert_eq!(summary.added, [bo.identity.credential.clone()]);
        let draft = ana.draft.take().unwrap().draft;
        bo.join(&ana, &draft);
        assert_together(&[&ana, &bo]);
        assert_eq!(bo.group().suite(), Some(suite));
        assert_eq!(bo.group().policy().kind, ChatKind::Direct);

        for round in 0..3 {
            let entry = ana.say(&format!("hello {round}"));
            let heard = Seen::Message(ana.account().to_string(), format!("hello {round}"));
            assert_eq!(bo.see(&entry), heard);
            assert_eq!(ana.see(&entry), Seen::Own);
            let entry = bo.say("and you?");
            let heard = Seen::Message(bo.account().to_string(), "and you?".to_owned());
            assert_eq!(ana.see(&entry), heard);
        }
    }
}

#[test]
fn a_message_is_sealed_while_a_commit_is_pending() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let commit = ana.commit(&Change { update: true, ..Change::default() });
    let message = ana.say("still in the old epoch");
    assert!(matches!(bo.see(&message), Seen::Message(..)));
    apply(&commit, &mut [&mut ana, &mut bo]);
    assert_together(&[&ana, &bo]);
}

#[test]
fn messages_of_one_sender_may_be_missing_but_are_not_opened_twice() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let entries = ["one", "two", "three"].map(|text| ana.say(text));
    assert!(matches!(bo.see(&entries[0]), Seen::Message(..)));
    assert!(matches!(bo.see(&entries[2]), Seen::Message(..)));
    assert_eq!(bo.see(&entries[2]), Seen::Junk);
}

#[test]
fn a_group_of_five_renames_promotes_and_removes() {
    let [mut ana, mut bo, mut cy, mut di, mut ed] =
        group_of(Suite::Classic, ["ana", "bo", "cy", "di", "ed"]);
    assert_together(&[&ana, &bo, &cy, &di, &ed]);

    let mut policy = ana.group().policy().clone();
    policy.title = "the four".to_owned();
    policy.set_role(bo.account(), Role::Admin);
    let entry = ana.commit(&Change { policy: Some(policy), ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy, &mut di, &mut ed]);
    assert_eq!(ed.group().policy().title, "the four");
    assert_eq!(ed.group().policy().role(&bo.account()), Role::Admin);

    // An owner with an admin key removes: a new generation begins with the commit.
    let entry = ana.commit(&Change { removes: vec![ana.leaf(&ed)], ..Change::default() });
    assert!(entry.rider.as_ref().unwrap().rotation.is_some());
    let old = ed.secret.clone();
    let summary = ed.see(&entry).summary();
    assert!(summary.self_removed && summary.rotation);
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy, &mut di]);
    assert_together(&[&ana, &bo, &cy, &di]);
    assert_eq!(cy.generation, 1);
    assert_eq!(cy.secret, ana.secret);
    assert_ne!(cy.secret, old);

    // Who was removed has neither keys nor messages any more, and forgets.
    let group = ed.group.take().unwrap();
    assert!(!group.is_active());
    assert!(matches!(group.entry_key(&ed.engine), Err(MlsError::NotInside)));
    assert!(matches!(group.generation_secret(&ed.engine, 1), Err(MlsError::NotInside)));
    group.forget(&ed.keep).unwrap();
    assert!(ed.keep.is_empty(), "{:?}", ed.keep);
}

#[test]
fn an_admin_without_a_key_removes_and_an_admin_with_one_rotates_alone() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let mut policy = ana.group().policy().clone();
    policy.set_role(bo.account(), Role::Admin);
    let entry = ana.commit(&Change { policy: Some(policy), ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy]);

    let entry = bo.commit(&Change { removes: vec![bo.leaf(&cy)], ..Change::default() });
    assert_eq!(entry.rider, None);
    apply(&entry, &mut [&mut ana, &mut bo]);
    // The secret of the generation that a standalone rotation begins is of the current epoch.
    let secrets = [&ana, &bo].map(|one| one.group().generation_secret(&one.engine, 1).unwrap());
    assert_eq!(secrets[0], secrets[1]);
}

#[test]
fn an_admin_key_comes_onto_the_list_and_goes_with_its_owner() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let mut policy = ana.group().policy().clone();
    policy.set_role(bo.account(), Role::Admin);
    policy.admin_keys.insert(bo.admin.public(), bo.account());
    let entry = ana.commit(&Change { policy: Some(policy), ..Change::default() });
    let list = entry.rider.as_ref().unwrap().admins.as_ref().unwrap();
    assert_eq!((list.version, list.keys.len()), (1, 2));
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy]);

    // Demoting takes the key away, with a rotation; the caller need not think of it.
    let mut policy = ana.group().policy().clone();
    policy.set_role(bo.account(), Role::Member);
    let entry = ana.commit(&Change { policy: Some(policy), ..Change::default() });
    let rider = entry.rider.as_ref().unwrap();
    assert_eq!(rider.admins.as_ref().unwrap().keys, [ana.admin.public()]);
    assert!(rider.rotation.is_some());
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy]);
    assert_eq!(cy.group().policy().admin_keys.len(), 1);
    assert_eq!(cy.group().policy().admins_version, 2);
    assert_together(&[&ana, &bo, &cy]);
}

#[test]
fn a_leave_request_is_carried_out_by_anybody_and_not_twice() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let request = cy.group().leave_request(&cy.identity, &[]).unwrap();
    let control = Control::Leave(request.clone());
    assert_eq!(Control::decode(&control.encode()), Ok(control));
    assert_eq!(bo.group().verify_leave(&request), Some(bo.leaf(&cy)));

    // Bo is only a member: the proof is what allows it.
    let change = Change { removes: vec![bo.leaf(&cy)], ..Change::default() };
    let refused = bo.try_commit(&change, Vec::new());
    assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Role("remove")))));
    let entry = bo.try_commit(&change, vec![request.encode()]).unwrap();
    apply(&entry, &mut [&mut ana, &mut bo]);
    assert!(cy.see(&entry).summary().self_removed);

    // Cy comes back on a new leaf: the old request is worth nothing.
    cy.group.take().unwrap().forget(&cy.keep).unwrap();
    let change = Change { adds: vec![cy.key_package(Suite::Classic)], ..Change::default() };
    let entry = ana.commit(&change);
    apply(&entry, &mut [&mut ana, &mut bo]);
    let draft = ana.draft.take().unwrap().draft;
    cy.join(&ana, &draft);
    assert_eq!(bo.group().verify_leave(&request), None);
    let change = Change { removes: vec![bo.leaf(&cy)], ..Change::default() };
    let refused = bo.try_commit(&change, vec![request.encode()]);
    assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Role("remove")))));
}

#[test]
fn a_leave_request_names_the_keys_before_the_latest_commits_too() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let before = cy.group().own_leaf_key().unwrap();
    // Ana has not heard of Cy's new keys: the server has lost that commit.
    let entry = cy.commit(&Change { update: true, ..Change::default() });
    apply(&entry, &mut [&mut bo, &mut cy]);
    let request = cy.group().leave_request(&cy.identity, &[before]).unwrap();
    assert_eq!(bo.group().verify_leave(&request), Some(bo.leaf(&cy)));
    assert_eq!(ana.group().verify_leave(&request), Some(ana.leaf(&cy)));
    let only_now = cy.group().leave_request(&cy.identity, &[]).unwrap();
    assert_eq!(ana.group().verify_leave(&only_now), None);
    // No key that its device has not signed counts.
    let mut forged = only_now;
    forged.leaf_keys.push(before);
    assert_eq!(ana.group().verify_leave(&forged), None);
    let many = cy.group().leave_request(&cy.identity, &[[1; 32]; 20]).unwrap();
    assert_eq!(many.leaf_keys.len(), LEAF_KEYS_MAX);
    assert_eq!(LeaveRequest::decode(&many.encode()), Ok(many));

    // Whoever has lost the commit can still carry it out.
    let change = Change { removes: vec![ana.leaf(&cy)], ..Change::default() };
    let entry = ana.try_commit(&change, vec![request.encode()]).unwrap();
    apply(&entry, &mut [&mut ana]);
    assert_eq!(ana.group().accounts().len(), 2);
}

#[test]
fn a_revoked_device_is_removed_by_anybody_and_no_other_is() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let key = account_key("cy");
    let revocation = Revocation::new(&key, cy.identity.device());
    assert_eq!(Revocation::decode(&revocation.encode()), Ok(revocation.clone()));
    let change = Change { removes: vec![bo.leaf(&cy)], ..Change::default() };

    // Not by another account, nor for another device, nor with a word changed.
    let by_another = Revocation::new(&account_key("ana"), cy.identity.device());
    let of_another = Revocation::new(&key, ana.identity.device());
    let mut renamed = by_another.clone();
    renamed.account = cy.account();
    for worthless in [by_another, of_another, renamed] {
        let refused = bo.try_commit(&change, vec![worthless.encode()]);
        assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Role("remove")))));
    }

    let entry = bo.try_commit(&change, vec![revocation.encode()]).unwrap();
    apply(&entry, &mut [&mut ana, &mut bo]);
    assert!(cy.see(&entry).summary().self_removed);
}

#[test]
fn the_last_owner_hands_over_before_leaving() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let request = ana.group().leave_request(&ana.identity, &[]).unwrap();
    let change = Change { removes: vec![bo.leaf(&ana)], ..Change::default() };
    let refused = bo.try_commit(&change, vec![request.encode()]);
    assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Policy(_)))));

    let mut policy = ana.group().policy().clone();
    policy.set_role(bo.account(), Role::Owner);
    policy.admin_keys.insert(bo.admin.public(), bo.account());
    let entry = ana.commit(&Change { policy: Some(policy), ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy]);
    // The commit gave Ana no path, so her leaf and her request are still good.
    let request = ana.group().leave_request(&ana.identity, &[]).unwrap();
    // Ana has an admin key: who takes her off the list must have one, too.
    let refused = cy.try_commit(&change, vec![request.encode()]);
    assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Rider(_)))));
    let entry = bo.try_commit(&change, vec![request.encode()]).unwrap();
    apply(&entry, &mut [&mut bo, &mut cy]);
    assert_eq!(cy.group().policy().role(&ana.account()), Role::Member);
    assert!(!cy.group().policy().admin_keys.contains_key(&ana.admin.public()));
    assert_eq!(cy.generation, 1);
}

#[test]
fn a_lost_device_is_added_again_by_any_member() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    // Cy lost the state, but not the device's keys.
    cy.keep = MemoryKeep::default();
    let log = cy.group().log();
    let request = ReadmitRequest::new(&cy.identity, log, cy.key_package(Suite::Classic));
    assert!(request.verify());
    let certificate = &cy.identity.credential.certificate;
    check_key_package(&bo.engine, &request.key_package, certificate, Suite::Classic).unwrap();
    let change = Change {
        adds: vec![request.key_package],
        removes: vec![bo.leaf(&cy)],
        ..Change::default()
    };
    let entry = bo.commit(&change);
    assert_eq!(entry.rider, None);
    let summary = ana.see(&entry).summary();
    assert_eq!(summary.replaced, [cy.identity.credential.clone()]);
    assert!(summary.added.is_empty() && summary.removed.is_empty());
    apply(&entry, &mut [&mut bo]);
    let draft = bo.draft.take().unwrap().draft;
    cy.join(&bo, &draft);
    assert_together(&[&ana, &bo, &cy]);
    let entry = cy.say("here again");
    assert!(matches!(ana.see(&entry), Seen::Message(..)));
}

#[test]
fn a_stuck_device_is_added_again_over_its_old_state() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    // Cy misses an epoch, and keeps its old state.
    let entry = ana.commit(&Change { update: true, ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut bo]);
    let change = Change {
        adds: vec![cy.key_package(Suite::Classic)],
        removes: vec![bo.leaf(&cy)],
        ..Change::default()
    };
    let entry = bo.commit(&change);
    apply(&entry, &mut [&mut ana, &mut bo]);
    let draft = bo.draft.take().unwrap().draft;
    let before = cy.keep.len();
    cy.join(&bo, &draft);
    // Neither the old state nor the used KeyPackage stays behind.
    assert!(cy.keep.len() <= before, "{} values became {}", before, cy.keep.len());
    assert_together(&[&ana, &bo, &cy]);
    cy.restart();
    cy.group.take().unwrap().forget(&cy.keep).unwrap();
    assert!(cy.keep.is_empty(), "{:?}", cy.keep);
}

#[test]
fn of_two_commits_the_first_wins_and_the_other_is_made_again() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let mut policy = ana.group().policy().clone();
    policy.title = "faster".to_owned();
    let first = ana.commit(&Change { policy: Some(policy), ..Change::default() });
    let change = Change { update: true, ..Change::default() };
    let second = bo.commit(&change);

    apply(&first, &mut [&mut ana, &mut bo, &mut cy]);
    assert!(!bo.group().has_pending(), "the commit of the old epoch is gone");
    // Would the server let it through, everybody would skip it.
    for person in [&mut ana, &mut bo, &mut cy] {
        assert_eq!(person.see(&second), Seen::Junk);
    }
    let again = bo.commit(&change);
    apply(&again, &mut [&mut ana, &mut bo, &mut cy]);
    assert_eq!(bo.group().policy().title, "faster");
    assert_together(&[&ana, &bo, &cy]);
}

#[test]
fn a_pending_commit_is_cleared_and_nothing_happened() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let change = Change { update: true, ..Change::default() };
    ana.commit(&change);
    assert!(matches!(ana.try_commit(&change, Vec::new()), Err(MlsError::Pending)));
    ana.group.as_mut().unwrap().clear_pending(&ana.keep).unwrap();
    ana.restart();
    assert!(!ana.group().has_pending());
    let entry = bo.commit(&change);
    apply(&entry, &mut [&mut ana, &mut bo]);
    assert_together(&[&ana, &bo]);
}

#[test]
fn a_member_adds_a_second_device_of_an_account_inside() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let mut tablet = ana.second_device();
    let change = Change { adds: vec![tablet.key_package(Suite::Classic)], ..Change::default() };
    let entry = bo.commit(&change);
    apply(&entry, &mut [&mut ana, &mut bo]);
    let draft = bo.draft.take().unwrap().draft;
    tablet.join(&bo, &draft);
    assert_eq!(bo.group().leaf_count(), 3);
    assert_eq!(bo.group().accounts().len(), 2);

    // The account's other device takes it off again; nobody's membership ends, so no rotation.
    let entry = ana.commit(&Change { removes: vec![ana.leaf(&tablet)], ..Change::default() });
    assert_eq!(entry.rider, None);
    apply(&entry, &mut [&mut ana, &mut bo]);
    assert_eq!(bo.group().leaf_count(), 2);
}

#[test]
fn a_welcome_holds_the_secrets_of_one_joiner() {
    let [mut ana] = group_of(Suite::Classic, ["ana"]);
    let [mut bo, cy] = ["bo", "cy"].map(Person::new);
    let adds = [&bo, &cy].map(|person| person.key_package(Suite::Classic)).to_vec();
    let entry = ana.commit(&Change { adds, ..Change::default() });
    apply(&entry, &mut [&mut ana]);
    let draft = ana.draft.take().unwrap().draft;
    assert_eq!(draft.joiners.len(), 2);
    let log = ana.group().log();
    let welcome_of_cy = &draft
        .joiners
        .iter()
        .find(|joiner| joiner.credential == cy.identity.credential)
        .unwrap()
        .welcome;
    let wrong = Group::join(&bo.engine, &bo.keep, &bo.identity, welcome_of_cy, &draft.tree, log);
    assert!(matches!(wrong, Err(JoinError::NotForThisDevice)));
    bo.join(&ana, &draft);

    // A KeyPackage is used once.
    let welcome_of_bo = &draft
        .joiners
        .iter()
        .find(|joiner| joiner.credential == bo.identity.credential)
        .unwrap()
        .welcome;
    let again = Group::join(&bo.engine, &bo.keep, &bo.identity, welcome_of_bo, &draft.tree, log);
    assert!(matches!(again, Err(JoinError::NotForThisDevice)));
}

#[test]
fn a_last_resort_key_package_is_used_again() {
    let [mut ana, mut bo] = ["ana", "bo"].map(Person::new);
    let package =
        generate_key_package(&bo.engine, &bo.keep, &bo.identity, Suite::Classic, true).unwrap();
    for _ in 0..2 {
        ana.begin(Suite::Classic, Policy::direct(&[ana.account(), bo.account()]));
        let entry = ana.commit(&Change { adds: vec![package.clone()], ..Change::default() });
        apply(&entry, &mut [&mut ana]);
        let draft = ana.draft.take().unwrap().draft;
        bo.join(&ana, &draft);
        assert_together(&[&ana, &bo]);
    }
}

#[test]
fn the_tree_of_a_hundred_goes_through_the_store_and_a_blob() {
    let [mut ana] = group_of(Suite::Classic, ["ana"]);
    let others: Vec<Person> = (0..99).map(|number| Person::new(&format!("p{number}"))).collect();
    let adds = others.iter().map(|person| person.key_package(Suite::Classic)).collect();
    let entry = ana.commit(&Change { adds, ..Change::default() });
    apply(&entry, &mut [&mut ana]);
    let draft = ana.draft.take().unwrap().draft;

    let (key, sealed) = seal_tree(&mut named("tree"), &draft.tree);
    let tree = open_tree(&key, &sealed).unwrap();
    let draft = Draft { tree, ..draft };
    let [mut bo, mut cy]: [Person; 2] =
        others.into_iter().take(2).collect::<Vec<_>>().try_into().ok().unwrap();
    bo.join(&ana, &draft);
    cy.join(&ana, &draft);
    assert_eq!(bo.group().leaf_count(), 100);
    assert_together(&[&ana, &bo, &cy]);

    // Read from the store, the tree is the same to the byte.
    let tree_of = |group: &Group| {
        use tls_codec::Serialize;
        group.mls.export_ratchet_tree().tls_serialize_detached().unwrap()
    };
    assert_eq!(tree_of(ana.group()), draft.tree);
    ana.restart();
    assert_eq!(tree_of(ana.group()), draft.tree);

    let entry = cy.commit(&Change { update: true, ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy]);
    assert_together(&[&ana, &bo, &cy]);

    // What messages cost the store: the message secrets, once for all of a transaction.
    ana.restart();
    let written_for = |ana: &mut Person, messages: usize| {
        ana.keep.reset_written();
        together(&mut [ana], |people| {
            (0..messages).for_each(|_| drop(people[0].say("what does it cost?")));
        });
        ana.keep.written()
    };
    let (one, many) = (written_for(&mut ana, 1), written_for(&mut ana, 10));
    let tree = draft.tree.len() as u64;
    assert!(0 < one && one < tree, "a message wrote {one} bytes, the tree has {tree}");
    assert!(many < 2 * one, "a message wrote {one} bytes, ten wrote {many}");
}

#[test]
fn what_a_group_was_saved_as_is_what_it_is() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let mut last = None;
    together(&mut [&mut ana, &mut bo, &mut cy], |people| {
        let update = Change { update: true, ..Change::default() };
        for author in [1, 0, 2] {
            let entry = people[author].commit(&update);
            apply(&entry, people);
            let entry = people[author].say("with a commit of somebody before and after it");
            let seen: Vec<Seen> = people.iter_mut().map(|person| person.see(&entry)).collect();
            assert_eq!(seen.iter().filter(|seen| matches!(seen, Seen::Message(..))).count(), 2);
            last = Some(entry);
        }
    });
    assert_together(&[&ana, &bo, &cy]);
    // The key of what was opened is gone also from what was saved.
    assert!(matches!(bo.see(&last.unwrap()), Seen::Junk));
    let entry = ana.commit(&Change { removes: vec![ana.leaf(&bo)], ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut cy]);
    assert_together(&[&ana, &cy]);
}

#[test]
fn what_mls_does_not_allow_is_refused_and_nothing_happened() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let changes = [
        Change { removes: vec![ana.leaf(&ana)], ..Change::default() },
        Change { removes: vec![77], ..Change::default() },
        Change { adds: vec![bo.key_package(Suite::Classic)], ..Change::default() },
    ];
    for change in changes {
        let refused = ana.try_commit(&change, Vec::new());
        assert!(matches!(refused, Err(MlsError::NotAllowed(_))), "{refused:?}");
    }
    let wrong_suite = Change {
        adds: vec![Person::new("cy").key_package(Suite::PostQuantum)],
        ..Change::default()
    };
    let refused = ana.try_commit(&wrong_suite, Vec::new());
    assert!(matches!(refused, Err(MlsError::Malformed("KeyPackage"))));
    let entry = ana.commit(&Change { update: true, ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut bo]);
}
