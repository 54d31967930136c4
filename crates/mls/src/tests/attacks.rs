use openmls::prelude::{
    CredentialType, Extension, Extensions, ExternalCommitBuilder, KeyPackage, LeafNodeIndex,
    Lifetime, MlsMessageOut, OpenMlsCrypto, OpenMlsProvider, PreSharedKeyProposal, Proposal,
    RequiredCapabilitiesExtension, UnknownExtension,
};
use openmls::schedule::PreSharedKeyId;
use tls_codec::Deserialize;

use super::*;
use crate::engine::Provider;
use crate::policy::{POLICY_EXTENSION, Role};
use crate::saboteur::Saboteur;

fn bound(person: &Person, id: EntryId) -> Bound {
    Bound::new(person.group().log(), id, Kind::Commit)
}

/// Every one of `people` skips it, and nobody's state changes.
fn everybody_skips(entry: &Entry, people: &mut [&mut Person]) -> SkipReason {
    let reasons: Vec<_> = people
        .iter_mut()
        .map(|person| {
            let epoch = person.group().epoch();
            let seen = person.see(entry);
            assert_eq!(person.group().epoch(), epoch);
            match seen {
                Seen::Skipped(reason) => reason,
                other => panic!("{}: {other:?}", person.name),
            }
        })
        .collect();
    assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
    reasons[0].clone()
}

/// An update commit of `person`, made with another cryptography, with more proposals.
fn raw_commit(person: &mut Person, crypto: &impl OpenMlsCrypto, proposals: Vec<Proposal>) -> Entry {
    let id = EntryId::random(&mut person.engine.random());
    let bound = bound(person, id);
    let provider = Provider::new(&person.engine, &person.keep);
    let group = person.group.as_mut().unwrap();
    group.mls.set_aad(bound.encode());
    let bytes = group
        .mls
        .commit_builder()
        .force_self_update(true)
        .add_proposals(proposals)
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), crypto, &person.identity, |_| true)
        .unwrap()
        .stage_commit(&provider)
        .unwrap()
        .commit()
        .to_bytes()
        .unwrap();
    person.entry(id, Kind::Commit, None, &bytes)
}

#[test]
fn a_broken_path_secret_gets_one_member_stuck_and_the_others_through() {
    let [mut ana, mut bo, mut cy, mut di] = group_of(Suite::Classic, ["ana", "bo", "cy", "di"]);
    let victim = bo.group().mls.members().find(|one| one.index.u32() == bo.leaf(&di)).unwrap();
    let crypto = Saboteur { victim: Some(victim.encryption_key), ..Saboteur::new() };
    let entry = raw_commit(&mut bo, &crypto, Vec::new());
    for person in [&mut ana, &mut cy] {
        assert!(matches!(person.see(&entry), Seen::Applied(_)));
    }
    let written = di.keep.written();
    assert_eq!(di.see(&entry), Seen::Stuck(StuckReason::PathSecret));
    assert_eq!(di.keep.written(), written, "a stuck device writes nothing");
    assert_together(&[&ana, &cy]);
    // Added again, it follows.
    let change = Change {
        adds: vec![di.key_package(Suite::Classic)],
        removes: vec![cy.leaf(&di)],
        ..Change::default()
    };
    let entry = cy.commit(&change);
    apply(&entry, &mut [&mut ana, &mut cy]);
    let draft = cy.draft.take().unwrap().draft;
    di.join(&cy, &draft);
    assert_together(&[&ana, &cy, &di]);
}

#[test]
fn an_excerpt_that_is_too_short_says_so() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let entry = bo.commit(&Change { update: true, ..Change::default() });
    let key = ana.group().entry_key(&ana.engine).unwrap();
    let bytes = key.open(&ana.group().log(), &entry.id, entry.kind, &entry.bytes).unwrap();
    let context = JudgeContext { current_generation: ana.generation };
    let excerpt = Excerpt::default();
    let _ = ana.group.as_mut().unwrap().judge(&ana.engine, &excerpt, (&entry, &bytes), &context);
    assert!(!excerpt.was_enough(), "what is missing would pass for a broken path");
    apply(&entry, &mut [&mut ana, &mut bo]);
}

#[test]
fn a_wrong_confirmation_tag_is_skipped_by_all() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let crypto = Saboteur { wrong_tag: true, ..Saboteur::new() };
    let entry = raw_commit(&mut bo, &crypto, Vec::new());
    let reason = everybody_skips(&entry, &mut [&mut ana, &mut cy]);
    assert_eq!(reason, SkipReason::ConfirmationTag);
}

#[test]
fn a_changed_commit_is_skipped_by_all() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let entry = bo.commit(&Change { update: true, ..Change::default() });
    let bytes = bo.draft.as_ref().unwrap().draft.mls_bytes.clone();
    // Any bit of it: sealed again by a member who knows the entry key.
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        let entry = ana.entry(entry.id, Kind::Commit, None, &changed);
        let seen = [ana.see(&entry), cy.see(&entry)];
        assert!(seen.iter().all(Seen::is_skipped), "byte {at}: {seen:?}");
    }
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    let forged = ana.entry(entry.id, Kind::Commit, None, &changed);
    let reason = everybody_skips(&forged, &mut [&mut ana, &mut cy]);
    assert_eq!(reason, SkipReason::MembershipTag);
    // A change to the sealed bytes does not even open.
    let mut damaged = entry.clone();
    damaged.bytes[40] ^= 1;
    assert_eq!(ana.see(&damaged), Seen::Junk);
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy]);
}

#[test]
fn a_commit_under_another_id_or_kind_is_not_bound() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let entry = bo.commit(&Change { update: true, ..Change::default() });
    let bytes = bo.draft.as_ref().unwrap().draft.mls_bytes.clone();
    let other = EntryId([9; 16]);
    let wrapped = ana.entry(other, Kind::Commit, None, &bytes);
    assert_eq!(ana.see(&wrapped), Seen::Skipped(SkipReason::NotBound));
    let as_message = ana.entry(entry.id, Kind::Message, None, &bytes);
    assert_eq!(ana.see(&as_message), Seen::Junk);
    // And a message cannot pass as a commit.
    let message = bo.say("hello");
    let key = ana.group().entry_key(&ana.engine).unwrap();
    let log = ana.group().log();
    let inner = key.open(&log, &message.id, Kind::Message, &message.bytes).unwrap();
    let as_commit = ana.entry(message.id, Kind::Commit, None, &inner);
    assert!(ana.see(&as_commit).is_skipped());
    assert!(matches!(ana.see(&message), Seen::Message(..)));
    apply(&entry, &mut [&mut ana, &mut bo]);
}

#[test]
fn a_message_wrapped_again_is_junk_and_still_opens_where_it_belongs() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let message = ana.say("only once");
    let key = bo.group().entry_key(&bo.engine).unwrap();
    let log = bo.group().log();
    let inner = key.open(&log, &message.id, Kind::Message, &message.bytes).unwrap();
    let peeked = Group::peek(&inner).unwrap();
    assert_eq!((peeked.id, peeked.counter), (message.id, 0));

    let wrapped = [
        bo.entry(EntryId([7; 16]), Kind::Message, message.commitment, &inner),
        bo.entry(message.id, Kind::Message, None, &inner),
        bo.entry(message.id, Kind::Message, Some(Commitment([7; 32])), &inner),
    ];
    for entry in &wrapped {
        let written = bo.keep.written();
        assert_eq!(bo.see(entry), Seen::Junk);
        assert_eq!(bo.keep.written(), written, "nothing was consumed");
    }
    assert!(matches!(bo.see(&message), Seen::Message(..)));
}

#[test]
fn an_external_commit_is_skipped_by_all() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let mallory = Person::new("mallory");
    let info = ana.group().mls.export_group_info(ana.engine.crypto(), &ana.identity, true).unwrap();
    let info = openmls::prelude::MlsMessageIn::from(info);
    let openmls::prelude::MlsMessageBodyIn::GroupInfo(info) = info.extract() else { panic!() };
    let id = EntryId([3; 16]);
    let provider = Provider::new(&mallory.engine, &mallory.keep);
    let (_, bundle) = ExternalCommitBuilder::new()
        .with_config(crate::group::join_configuration())
        .with_aad(bound(&ana, id).encode())
        .skip_lifetime_validation()
        .build_group(&provider, info, crate::group::credential_with_key(&mallory.identity))
        .unwrap()
        .leaf_node_parameters(
            openmls::prelude::LeafNodeParameters::builder()
                .with_capabilities(crate::group::capabilities())
                .build(),
        )
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), &mallory.identity, |_| true)
        .unwrap()
        .finalize(&provider)
        .unwrap();
    let bytes = bundle.into_commit().to_bytes().unwrap();
    let entry = ana.entry(id, Kind::Commit, None, &bytes);
    let reason = everybody_skips(&entry, &mut [&mut ana, &mut bo]);
    assert_eq!(reason, SkipReason::Invalid("not by a member".to_owned()));
}

#[test]
fn roles_are_judged_by_everybody_but_a_mutant() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let dee = Person::new("dee");
    let mut title = ana.group().policy().clone();
    title.title = "mine".to_owned();
    let mut crown = ana.group().policy().clone();
    crown.set_role(bo.account(), Role::Owner);
    let mut rules = ana.group().policy().clone();
    rules.may_add = Role::Member;
    let changes = [
        Change { policy: Some(title), ..Change::default() },
        Change { policy: Some(crown), ..Change::default() },
        Change { policy: Some(rules), ..Change::default() },
        Change { removes: vec![bo.leaf(&cy)], ..Change::default() },
        Change { adds: vec![dee.key_package(Suite::Classic)], ..Change::default() },
    ];
    for change in &changes {
        // The honest program does not even make it.
        let refused = bo.try_commit(change, Vec::new());
        assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Role(_)))), "{refused:?}");
        // A changed one does, and everybody skips it.
        let engine = std::mem::replace(
            &mut bo.engine,
            engine("mutant bo").with_mutant(Mutant::RoleCheckSkipped),
        );
        let entry = bo.commit(change);
        let reason = everybody_skips(&entry, &mut [&mut ana, &mut cy]);
        assert!(matches!(reason, SkipReason::Role(_)), "{reason:?}");
        // The author, honest again, skips its own, too.
        let mutant = std::mem::replace(&mut bo.engine, engine);
        assert!(bo.see(&entry).is_skipped());
        bo.group.as_mut().unwrap().clear_pending(&bo.keep).unwrap();
        drop(mutant);
        // A mutant that forgot the rule applies it: this is how the rule is known to be tested.
        let log = cy.group().log();
        let key = cy.group().entry_key(&cy.engine).unwrap();
        let bytes = key.open(&log, &entry.id, entry.kind, &entry.bytes).unwrap();
        let mutant = engine_of("cy", Mutant::RoleCheckSkipped);
        let context = JudgeContext { current_generation: 0 };
        let verdict =
            cy.group.as_mut().unwrap().judge(&mutant, &cy.keep, (&entry, &bytes), &context);
        assert!(matches!(verdict, Verdict::Apply(_)), "{verdict:?}");
    }
}

fn engine_of(name: &str, mutant: Mutant) -> Engine {
    engine(name).with_mutant(mutant)
}

#[test]
fn an_admin_does_not_remove_an_owner_or_another_admin() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let mut policy = ana.group().policy().clone();
    policy.set_role(bo.account(), Role::Admin);
    policy.set_role(cy.account(), Role::Admin);
    let entry = ana.commit(&Change { policy: Some(policy), ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy]);
    let change = Change { removes: vec![bo.leaf(&cy)], ..Change::default() };
    let refused = bo.try_commit(&change, Vec::new());
    assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Role("remove")))));
    // Stepping down needs nobody's leave.
    let mut policy = bo.group().policy().clone();
    policy.set_role(bo.account(), Role::Member);
    let entry = bo.commit(&Change { policy: Some(policy), ..Change::default() });
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy]);
}

#[test]
fn a_direct_chat_takes_nobody_else_and_keeps_its_roles() {
    let [mut ana, mut bo, cy] = ["ana", "bo", "cy"].map(Person::new);
    ana.begin(Suite::Classic, Policy::direct(&[ana.account(), bo.account()]));
    let add = |person: &Person| Change {
        adds: vec![person.key_package(Suite::Classic)],
        ..Change::default()
    };
    let refused = ana.try_commit(&add(&cy), Vec::new());
    assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Policy(_)))));
    let entry = ana.commit(&add(&bo));
    apply(&entry, &mut [&mut ana]);
    let draft = ana.draft.take().unwrap().draft;
    bo.join(&ana, &draft);
    let change = Change { removes: vec![ana.leaf(&bo)], ..Change::default() };
    let refused = ana.try_commit(&change, Vec::new());
    assert!(matches!(refused, Err(MlsError::NotAllowed(SkipReason::Role("remove")))));
    let mut policy = ana.group().policy().clone();
    policy.title = "us".to_owned();
    let refused = ana.try_commit(&Change { policy: Some(policy), ..Change::default() }, Vec::new());
    assert!(matches!(refused, Err(MlsError::Malformed("policy"))));
}

#[test]
fn a_rider_that_is_missing_foreign_or_changed_is_skipped() {
    let [mut ana, mut bo, mut cy, mut di] = group_of(Suite::Classic, ["ana", "bo", "cy", "di"]);
    let removal = Change { removes: vec![ana.leaf(&di)], ..Change::default() };
    let entry = ana.commit(&removal);
    let rider = entry.rider.clone().unwrap();
    let without = Entry { rider: None, ..entry.clone() };
    let reason = everybody_skips(&without, &mut [&mut ana, &mut bo, &mut cy, &mut di]);
    assert_eq!(reason, SkipReason::NotBound);
    let mut tokens = rider.clone();
    tokens.rotation.as_mut().unwrap().tokens.read.0[0] ^= 1;
    let changed = Entry { rider: Some(tokens), ..entry.clone() };
    let reason = everybody_skips(&changed, &mut [&mut ana, &mut bo, &mut cy, &mut di]);
    assert_eq!(reason, SkipReason::Rider("not signed"));
    // Bo signs a rider with a key that is on no list.
    let log = bo.group().log();
    let place = RiderPlace { log, id: entry.id, kind: entry.kind, bytes: &entry.bytes };
    let tokens = rider.rotation.unwrap().tokens;
    let foreign = bo.admin.sign_rider(&RiderPlan::of(&rider), tokens, &place);
    let changed = Entry { rider: Some(foreign), ..entry.clone() };
    let reason = everybody_skips(&changed, &mut [&mut ana, &mut bo, &mut cy, &mut di]);
    assert!(matches!(reason, SkipReason::Rider(_)));
    apply(&entry, &mut [&mut ana, &mut bo, &mut cy, &mut di]);
}

#[test]
fn a_removal_without_rotation_by_who_could_rotate_is_skipped() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let id = EntryId([5; 16]);
    let bound = bound(&ana, id);
    let change = Change { removes: vec![ana.leaf(&cy)], ..Change::default() };
    let group = ana.group.as_mut().unwrap();
    let draft = group.commit(&ana.engine, &ana.keep, &ana.identity, &change, &bound).unwrap();
    let entry = ana.entry(id, Kind::Commit, None, &draft.mls_bytes);
    let reason = everybody_skips(&entry, &mut [&mut ana, &mut bo, &mut cy]);
    assert_eq!(reason, SkipReason::Rider("no rotation with a removal"));
}

#[test]
fn a_rotation_out_of_order_is_skipped() {
    let [mut ana, mut bo, cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    ana.generation = 4;
    let entry = ana.commit(&Change { removes: vec![ana.leaf(&cy)], ..Change::default() });
    assert_eq!(bo.see(&entry), Seen::Skipped(SkipReason::Rider("not the next generation")));
}

#[test]
fn a_key_package_that_ends_is_not_added_and_skipped() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let cy = Person::new("cy");
    let bundle = KeyPackage::builder()
        .key_package_lifetime(Lifetime::new(60 * 60))
        .leaf_node_capabilities(crate::group::capabilities())
        .build(
            Suite::Classic.mls(),
            &Provider::new(&cy.engine, &cy.keep),
            &cy.identity,
            crate::group::credential_with_key(&cy.identity),
        )
        .unwrap();
    let package = bundle.key_package().clone();
    let bytes = MlsMessageOut::from(package.clone()).to_bytes().unwrap();
    let certificate = &cy.identity.credential.certificate;
    assert!(check_key_package(&ana.engine, &bytes, certificate, Suite::Classic).is_err());

    let id = EntryId([6; 16]);
    let bound = bound(&ana, id);
    let provider = Provider::new(&ana.engine, &ana.keep);
    let group = ana.group.as_mut().unwrap();
    group.mls.set_aad(bound.encode());
    let bytes = group
        .mls
        .commit_builder()
        .propose_adds([package])
        .load_psks(provider.storage())
        .unwrap()
        .build(provider.rand(), provider.crypto(), &ana.identity, |_| true)
        .unwrap()
        .stage_commit(&provider)
        .unwrap()
        .commit()
        .to_bytes()
        .unwrap();
    let entry = ana.entry(id, Kind::Commit, None, &bytes);
    let reason = everybody_skips(&entry, &mut [&mut ana, &mut bo]);
    assert_eq!(reason, SkipReason::Leaf("its lifetime ends"));
}

#[test]
fn somebody_else_s_certificate_brings_nobody_in() {
    let [ana, bo, mallory] = ["ana", "bo", "mallory"].map(Person::new);
    // Mallory's key under Bo's certificate.
    let package = KeyPackage::builder()
        .key_package_lifetime(crate::judge::lifetime())
        .leaf_node_capabilities(crate::group::capabilities())
        .build(
            Suite::Classic.mls(),
            &Provider::new(&mallory.engine, &mallory.keep),
            &mallory.identity,
            openmls::prelude::CredentialWithKey {
                credential: openmls::prelude::Credential::new(
                    CredentialType::Other(crate::policy::CREDENTIAL_TYPE),
                    bo.identity.credential.encode(),
                ),
                signature_key: mallory.identity.device().as_bytes()[..].into(),
            },
        )
        .unwrap()
        .key_package()
        .clone();
    let bytes = MlsMessageOut::from(package).to_bytes().unwrap();
    assert!(key_package_credential(&ana.engine, &bytes, Suite::Classic).is_err());
}

#[test]
fn proposals_that_our_groups_do_not_have_are_skipped() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    // A proposal on its own is no commit.
    let id = EntryId([8; 16]);
    let bound = bound(&ana, id);
    let provider = Provider::new(&ana.engine, &ana.keep);
    let group = ana.group.as_mut().unwrap();
    group.mls.set_aad(bound.encode());
    let (proposal, _) =
        group.mls.propose_remove_member(&provider, &ana.identity, LeafNodeIndex::new(1)).unwrap();
    let bytes = proposal.to_bytes().unwrap();
    let entry = bo.entry(id, Kind::Commit, None, &bytes);
    assert_eq!(bo.see(&entry), Seen::Skipped(SkipReason::Invalid("not a commit".to_owned())));
    // A commit that refers to it means nothing to who never took it.
    let group = ana.group.as_mut().unwrap();
    group.mls.set_aad(bound.encode());
    let (commit, ..) = group.mls.commit_to_pending_proposals(&provider, &ana.identity).unwrap();
    let entry = bo.entry(id, Kind::Commit, None, &commit.to_bytes().unwrap());
    assert!(bo.see(&entry).is_skipped());
}

#[test]
fn a_clone_of_this_home_is_noticed() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let copy = bo.keep.clone();
    let entry = bo.commit(&Change { update: true, ..Change::default() });
    bo.keep = copy;
    bo.draft = None;
    bo.restart();
    assert_eq!(bo.see(&entry), Seen::Stuck(StuckReason::NotMine));
    apply(&entry, &mut [&mut ana]);
}

#[test]
fn what_was_judged_must_be_what_is_merged() {
    let [mut ana, bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let change = Change { update: true, ..Change::default() };
    let entry = ana.commit(&change);
    let bytes = ana.draft.take().unwrap().draft.mls_bytes;
    let context = JudgeContext { current_generation: 0 };
    let group = ana.group.as_mut().unwrap();
    let verdict = group.judge(&ana.engine, &ana.keep, (&entry, &bytes), &context);
    let Verdict::Apply(judged) = verdict else { panic!("{verdict:?}") };
    // Another commit took its place.
    ana.group.as_mut().unwrap().clear_pending(&ana.keep).unwrap();
    ana.commit(&change);
    let group = ana.group.as_mut().unwrap();
    let merged = group.merge_own(&ana.engine, &ana.keep, *judged);
    assert!(matches!(merged, Err(MlsError::NotPending)));
    drop(bo);
}

#[test]
fn a_tree_with_a_stranger_is_not_joined() {
    let [mut ana, _bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let cy = Person::new("cy");
    let change = Change { adds: vec![cy.key_package(Suite::Classic)], ..Change::default() };
    ana.commit(&change);
    let draft = ana.draft.take().unwrap().draft;
    let log = ana.group().log();
    let join = |tree: &[u8], log: LogId| {
        Group::join(
            &cy.engine,
            &cy.keep.clone(),
            &cy.identity,
            &draft.joiners[0].welcome,
            tree,
            log,
        )
    };
    for at in (0..draft.tree.len()).step_by(11) {
        let mut tree = draft.tree.clone();
        tree[at] ^= 4;
        assert!(matches!(join(&tree, log), Err(JoinError::Invalid(_))), "byte {at}");
    }
    assert!(matches!(join(&draft.tree, LogId([1; 16])), Err(JoinError::Invalid(_))));
    assert!(join(&draft.tree, log).is_ok());
    // What was checked is a tree at all.
    assert!(openmls::prelude::RatchetTreeIn::tls_deserialize_exact(&draft.tree[..]).is_ok());
}

#[test]
fn a_pre_shared_key_is_skipped_even_by_who_has_it() {
    let [mut ana, mut bo, mut cy] = group_of(Suite::Classic, ["ana", "bo", "cy"]);
    let psk = PreSharedKeyId::external(b"ours".to_vec(), vec![1; 32]);
    for person in [&bo, &cy] {
        psk.store(&Provider::new(&person.engine, &person.keep), b"secret").unwrap();
    }
    let proposal = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(psk)));
    let entry = raw_commit(&mut bo, &Saboteur::new(), vec![proposal]);
    let reason = everybody_skips(&entry, &mut [&mut ana, &mut cy]);
    assert_eq!(reason, SkipReason::Proposal);
}

#[test]
fn extensions_that_are_not_ours_are_skipped() {
    let [mut ana, mut bo] = group_of(Suite::Classic, ["ana", "bo"]);
    let policy = |bytes: Vec<u8>| Extension::Unknown(POLICY_EXTENSION, UnknownExtension(bytes));
    let required = ana.group().mls.extensions().required_capabilities().unwrap().clone();
    let ours = ana.group().policy().encode();
    let mut newer = ours.clone();
    newer[1] = 9;
    let wrong = [
        vec![Extension::RequiredCapabilities(required.clone())],
        vec![Extension::RequiredCapabilities(required.clone()), policy(newer)],
        vec![
            Extension::RequiredCapabilities(RequiredCapabilitiesExtension::new(
                required.extension_types(),
                &[],
                &[],
            )),
            policy(ours),
        ],
    ];
    for extensions in wrong {
        let extensions = Extensions::from_vec(extensions).unwrap();
        let id = EntryId::random(&mut ana.engine.random());
        let bound = bound(&ana, id);
        let provider = Provider::new(&ana.engine, &ana.keep);
        let group = ana.group.as_mut().unwrap();
        group.mls.set_aad(bound.encode());
        let bytes = group
            .mls
            .commit_builder()
            .propose_group_context_extensions(extensions)
            .unwrap()
            .load_psks(provider.storage())
            .unwrap()
            .build(provider.rand(), provider.crypto(), &ana.identity, |_| true)
            .unwrap()
            .stage_commit(&provider)
            .unwrap()
            .commit()
            .to_bytes()
            .unwrap();
        let entry = ana.entry(id, Kind::Commit, None, &bytes);
        let reason = everybody_skips(&entry, &mut [&mut ana, &mut bo]);
        assert_eq!(reason, SkipReason::Extensions);
        ana.group.as_mut().unwrap().clear_pending(&ana.keep).unwrap();
    }
}
