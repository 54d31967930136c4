use veche_wire::{AccountId, AdminKey, AdminList, DecodeError, DeviceId};

use super::*;
use crate::policy::Role;

fn full_policy() -> Policy {
    let mut policy = Policy::group("title", AccountId([1; 32]));
    policy.set_role(AccountId([2; 32]), Role::Admin);
    policy.admin_keys.insert(AdminKey([3; 32]), AccountId([1; 32]));
    policy.predecessor = Some(LogId([4; 16]));
    policy
}

fn full_bound() -> Bound {
    let mut bound = Bound::new(LogId([1; 16]), EntryId([2; 16]), Kind::Message);
    bound.commitment = Some(Commitment([3; 32]));
    bound.counter = 5;
    bound.seq = 70;
    bound.hash = [6; 32];
    bound.given_up = vec![1, 4];
    bound.proofs = vec![vec![7; 3]];
    bound.rider_hash = [8; 32];
    bound
}

#[test]
fn everything_reads_back() {
    assert_eq!(Policy::decode(&full_policy().encode()), Ok(full_policy()));
    assert_eq!(Bound::decode(&full_bound().encode()), Ok(full_bound()));
    let payload = Payload { franking_key: [1; 32], content: b"content".to_vec() };
    assert_eq!(Payload::decode(&payload.encode()), Ok(payload));
    let controls = [
        Control::Leave(LeaveRequest {
            log: LogId([1; 16]),
            device: DeviceId([2; 32]),
            leaf_keys: vec![[3; 32], [4; 32]],
            signature: [4; 64],
        }),
        Control::Readmit(ReadmitRequest {
            log: LogId([1; 16]),
            device: DeviceId([2; 32]),
            inbox_key: vec![8; 4],
            key_package: vec![3; 40],
            signature: [4; 64],
        }),
    ];
    for control in controls {
        assert_eq!(Control::decode(&control.encode()), Ok(control));
    }
}

#[test]
fn what_is_too_short_too_long_or_too_new_is_refused() {
    type Refuse = fn(&[u8]) -> Option<DecodeError>;
    let encodings: [(Vec<u8>, Refuse); 3] = [
        (full_policy().encode(), |bytes| Policy::decode(bytes).err()),
        (full_bound().encode(), |bytes| Bound::decode(bytes).err()),
        (Payload { franking_key: [1; 32], content: vec![2] }.encode(), |bytes| {
            Payload::decode(bytes).err()
        }),
    ];
    for (bytes, refuse) in encodings {
        assert_eq!(refuse(&bytes), None);
        for length in 0..bytes.len() {
            assert!(refuse(&bytes[..length]).is_some(), "cut to {length}");
        }
        assert!(refuse(&[&bytes[..], &[0]].concat()).is_some());
        let mut newer = bytes.clone();
        newer[1] = 4;
        assert!(matches!(refuse(&newer), Some(DecodeError::Version { version: 4, .. })));
    }
}

#[test]
fn a_policy_has_one_encoding() {
    let mut twice = full_policy();
    twice.title = "t".repeat(veche_wire::limits::TITLE_BYTES_MAX);
    assert!(Policy::decode(&twice.encode()).is_ok());
    twice.title.push('t');
    assert!(Policy::decode(&twice.encode()).is_err());
    let mut member = full_policy();
    member.roles.insert(AccountId([9; 32]), Role::Member);
    assert!(Policy::decode(&member.encode()).is_err());
    for (slow, fits) in [(1, true), (86_400, true), (0, false), (86_401, false)] {
        let slow = Policy { slow: Some(slow), ..full_policy() };
        assert_eq!(Policy::decode(&slow.encode()).is_ok(), fits, "{slow:?}");
    }
    let direct = Policy::direct(&[AccountId([1; 32])]);
    assert!(Policy::decode(&Policy { slow: Some(1), ..direct }.encode()).is_err());
    let mut titled = Policy::direct(&[AccountId([1; 32])]);
    titled.title = "no".to_owned();
    assert!(Policy::decode(&titled.encode()).is_err());
}

#[test]
fn a_rider_plan_is_bound_by_its_hash() {
    assert_eq!(RiderPlan::default().hash(), [0; 32]);
    let admins = AdminList { version: 2, keys: vec![AdminKey([1; 32])] };
    let other = AdminList { version: 3, keys: vec![AdminKey([1; 32])] };
    let plans = [
        RiderPlan { generation: Some(1), ..RiderPlan::default() },
        RiderPlan { generation: Some(2), ..RiderPlan::default() },
        RiderPlan { admins: Some(admins.clone()), ..RiderPlan::default() },
        RiderPlan { admins: Some(other), ..RiderPlan::default() },
        RiderPlan { freeze: Some(false), ..RiderPlan::default() },
        RiderPlan { freeze: Some(true), ..RiderPlan::default() },
        RiderPlan { guard: Some(false), ..RiderPlan::default() },
        RiderPlan { guard: Some(true), ..RiderPlan::default() },
        RiderPlan { generation: Some(1), admins: Some(admins), freeze: Some(true), guard: None },
    ];
    let hashes: std::collections::BTreeSet<_> = plans.iter().map(RiderPlan::hash).collect();
    assert_eq!(hashes.len(), plans.len());
}

#[test]
fn control_entries_and_signals_open_only_where_they_belong() {
    let secret = GenerationSecret::from_bytes([7; 32]);
    let (log, id) = (LogId([1; 16]), EntryId([2; 16]));
    let key = secret.control_key(&log, 3);
    let sealed = key.seal(&mut named("control"), &log, &id, b"leave");
    assert_eq!(key.open(&log, &id, &sealed).as_deref(), Some(&b"leave"[..]));
    assert_eq!(key.open(&log, &EntryId([3; 16]), &sealed), None);
    assert_eq!(key.open(&LogId([2; 16]), &id, &sealed), None);
    assert_eq!(key.open_signal(&log, &sealed), None);
    assert_eq!(secret.control_key(&log, 4).open(&log, &id, &sealed), None);
    let signal = key.seal_signal(&mut named("signal"), &log, b"typing");
    assert!(signal.len() <= veche_wire::limits::SIGNAL_BYTES_MAX);
    assert_eq!(key.open_signal(&log, &signal).as_deref(), Some(&b"typing"[..]));
    assert_eq!(key.open(&log, &id, &signal), None);
}

#[test]
fn entries_of_one_length_class_look_alike() {
    let key = EntryKey::from_bytes([1; 32]);
    let (log, id) = (LogId([1; 16]), EntryId([2; 16]));
    let length =
        |text: usize| key.seal(&mut named("pad"), &log, &id, Kind::Message, &vec![0; text]).len();
    assert_eq!(length(1), length(250));
    assert_ne!(length(1), length(300));
    assert_eq!(length(5_000), length(5_100));
}

#[test]
fn the_transcript_changes_with_everything_that_it_covers() {
    let entry = Entry {
        seq: 1,
        id: EntryId([1; 16]),
        kind: Kind::Commit,
        commitment: None,
        bytes: vec![1],
        rider: None,
    };
    let rider = AdminSecret::generate(&mut named("admin")).sign_rider(
        &RiderPlan { freeze: Some(true), ..RiderPlan::default() },
        GenerationSecret::from_bytes([0; 32]).token_hashes(&LogId([0; 16]), 0),
        &RiderPlace { log: LogId([0; 16]), id: entry.id, kind: entry.kind, bytes: &[1] },
    );
    let mut thawed = rider.clone();
    thawed.freeze = Some(false);
    let others = [
        entry.clone(),
        Entry { seq: 2, ..entry.clone() },
        Entry { id: EntryId([2; 16]), ..entry.clone() },
        Entry { kind: Kind::Message, ..entry.clone() },
        Entry { commitment: Some(Commitment([1; 32])), ..entry.clone() },
        Entry { bytes: vec![2], ..entry.clone() },
        Entry { rider: Some(rider), ..entry.clone() },
        Entry { rider: Some(thawed), ..entry.clone() },
    ];
    let mut hashes: std::collections::BTreeSet<_> =
        others.iter().map(|entry| Transcript::next(&Transcript::START, entry, 0)).collect();
    hashes.insert(Transcript::next(&Transcript::START, &entry, 1));
    hashes.insert(Transcript::next(&[1; 32], &entry, 0));
    assert_eq!(hashes.len(), others.len() + 2);
}
