//! Bytes that must never change without a new version.

use data_encoding::HEXLOWER;
use expect_test::{Expect, expect};
use veche_wire::{AccountId, AdminKey, AdminList, DeviceId};

use super::*;
use crate::policy::Role;

fn check(bytes: &[u8], expected: &Expect) {
    let hex = HEXLOWER.encode(bytes);
    let lines: Vec<&str> =
        (0..hex.len()).step_by(80).map(|at| &hex[at..hex.len().min(at + 80)]).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn bound() {
    let mut bound = Bound::new(LogId([1; 16]), EntryId([2; 16]), Kind::Message);
    bound.commitment = Some(Commitment([3; 32]));
    bound.counter = 5;
    bound.seq = 70;
    bound.hash = [6; 32];
    bound.given_up = vec![1, 4];
    check(
        &bound.encode(),
        &expect![[r#"
        8b015001010101010101010101010101010101500202020202020202020202020202020202582003
        03030303030303030303030303030303030303030303030303030303030303051846582006060606
        06060606060606060606060606060606060606060606060606060606820104805820000000000000
        0000000000000000000000000000000000000000000000000000"#]],
    );
}

#[test]
fn policy() {
    let mut policy = Policy::group("Вече", AccountId([1; 32]));
    policy.set_role(AccountId([2; 32]), Role::Admin);
    policy.admin_keys.insert(AdminKey([3; 32]), AccountId([1; 32]));
    policy.predecessor = Some(LogId([4; 16]));
    check(
        &policy.encode(),
        &expect![[r#"
        8b010268d092d0b5d187d0b584582001010101010101010101010101010101010101010101010101
        01010101010101025820020202020202020202020202020202020202020202020202020202020202
        02020182582003030303030303030303030303030303030303030303030303030303030303035820
        01010101010101010101010101010101010101010101010101010101010101010000010101500404
        0404040404040404040404040404"#]],
    );
}

#[test]
fn policy_with_slow_mode() {
    let policy = Policy { slow: Some(30), ..Policy::group("Вече", AccountId([1; 32])) };
    check(
        &policy.encode(),
        &expect![[r#"
        8e030268d092d0b5d187d0b582582001010101010101010101010101010101010101010101010101
        0101010101010102800000010101f6f680181e"#]],
    );
}

#[test]
fn payload_and_commitment() {
    let payload = Payload { franking_key: [1; 32], content: b"content".to_vec() };
    check(
        &payload.encode(),
        &expect![[r#"
        83015820010101010101010101010101010101010101010101010101010101010101010147636f6e
        74656e74"#]],
    );
    check(
        &payload.commitment().0,
        &expect!["7e9ddcfc926b792ec764ca49f378a407bb76bd32af1e543319e1284d1f69e81b"],
    );
}

#[test]
fn tokens() {
    let secret = GenerationSecret::from_bytes([7; 32]);
    let log = LogId([1; 16]);
    check(
        &secret.read_token(&log, 2).0,
        &expect!["919c77b5fd2b7028b6c87ce2f53f6132f8ae9ed2f6f19cde77b2764b65b0bc89"],
    );
    check(
        &secret.write_token(&log, 2).0,
        &expect!["db2b5bbbdc04f7db22a97bb0e332c62881a2dc9f3ba518b97c45066bbacdfd9e"],
    );
    check(
        &secret.token_hashes(&log, 2).read.0,
        &expect!["2b9f37d1e551e6ba3c3298941c9237eb98a547dc8f1a15a335f52f57fa88df09"],
    );
}

#[test]
fn sealed_entry_and_control() {
    let (log, id) = (LogId([1; 16]), EntryId([2; 16]));
    let entry_key = EntryKey::from_bytes([3; 32]);
    let entry = entry_key.seal(&mut named("golden"), &log, &id, Kind::Message, b"message");
    check(
        &crate::seal::sha256(&[&entry]),
        &expect!["e7cd1375f34d8935e8f565b4cea7e9f5f849b025b9252c5fc94c78cc3fdb3c02"],
    );
    let control_key = GenerationSecret::from_bytes([7; 32]).control_key(&log, 2);
    let control = control_key.seal(&mut named("golden"), &log, &id, b"control");
    check(
        &crate::seal::sha256(&[&control]),
        &expect!["f6a5bd601aa305e75444972ce30c6831d1199742bdc9729482a5e9c8ee34eab1"],
    );
    let signal = control_key.seal_signal(&mut named("golden"), &log, b"signal");
    check(
        &crate::seal::sha256(&[&signal]),
        &expect!["60c4298b715a73a8aefca6b82ba7920d3119bde5ac4396235d0579ce066366bc"],
    );
}

#[test]
fn control() {
    let leave = Control::Leave(LeaveRequest {
        log: LogId([1; 16]),
        device: DeviceId([2; 32]),
        leaf_keys: vec![[3; 32]],
        signature: [4; 64],
    });
    check(
        &leave.encode(),
        &expect![[r#"
        83010158998501500101010101010101010101010101010158200202020202020202020202020202
        02020202020202020202020202020202020258200303030303030303030303030303030303030303
        03030303030303030303030358400404040404040404040404040404040404040404040404040404
        0404040404040404040404040404040404040404040404040404040404040404040404040404"#]],
    );
    let revocation =
        Revocation { account: AccountId([1; 32]), device: DeviceId([2; 32]), signature: [3; 64] };
    check(
        &revocation.encode(),
        &expect![[r#"
        84015820010101010101010101010101010101010101010101010101010101010101010158200202
        02020202020202020202020202020202020202020202020202020202020258400303030303030303
        03030303030303030303030303030303030303030303030303030303030303030303030303030303
        03030303030303030303030303030303"#]],
    );
}

#[test]
fn short_envelopes() {
    let leave = LeaveRequest {
        log: LogId([1; 16]),
        device: DeviceId([2; 32]),
        leaf_keys: vec![[3; 32]],
        signature: [4; 64],
    };
    check(
        &Envelope::Leave(leave).encode(),
        &expect![[r#"
            83010458998501500101010101010101010101010101010158200202020202020202020202020202
            02020202020202020202020202020202020258200303030303030303030303030303030303030303
            03030303030303030303030358400404040404040404040404040404040404040404040404040404
            0404040404040404040404040404040404040404040404040404040404040404040404040404"#]],
    );
    let gone = Envelope::Gone(Gone { log: LogId([1; 16]), request: [2; 32] });
    check(
        &gone.encode(),
        &expect![[r#"
            83010358358301500101010101010101010101010101010158200202020202020202020202020202
            020202020202020202020202020202020202"#]],
    );
    check(
        &Envelope::Declined(LogId([1; 16])).encode(),
        &expect!["8301065382015001010101010101010101010101010101"],
    );
}

#[test]
fn rider_plan_and_transcript() {
    let admins = AdminList { version: 2, keys: vec![AdminKey([1; 32])] };
    let plan =
        RiderPlan { generation: Some(1), admins: Some(admins), freeze: Some(true), guard: None };
    check(
        &plan.hash(),
        &expect!["b05675204e9cd6153f7c45b230aa6f712dde992b48bec75c1a4f64b0e5417536"],
    );
    let entry = Entry {
        seq: 1,
        id: EntryId([1; 16]),
        kind: Kind::Commit,
        commitment: None,
        bytes: vec![1],
        rider: None,
    };
    check(
        &Transcript::next(&Transcript::START, &entry, 1),
        &expect!["01dc320dae13e7ba5a599713630c94309326cc1e2ae3279b4d7a8cd54af31cbd"],
    );
}

#[test]
fn account_of_a_phrase_and_safety_number() {
    let phrase = Phrase::parse(&format!("{} about", ["abandon"; 11].join(" "))).unwrap();
    check(
        phrase.account_key().account().as_bytes(),
        &expect!["33d6b74116755ed225ef9e8affee9dcab2026b56139aa6bec820072031c1e4cc"],
    );
    let (a, b) = (AccountId([1; 32]), AccountId([2; 32]));
    assert_eq!(safety_number(&a, &b), safety_number(&b, &a));
    assert_ne!(safety_number(&a, &b), safety_number(&a, &AccountId([3; 32])));
    expect!["44540 89451 87014 40691 81848 41757 25739 64613 25454 98280 85741 12067"]
        .assert_eq(&safety_number(&a, &b));
}

#[test]
fn file_chunk() {
    let key = veche_wire::content::FileKey([1; 32]);
    let sealed = FileSealer::new(&key, 5).seal_chunk(b"hello").unwrap();
    check(
        &crate::seal::sha256(&[&sealed]),
        &expect!["f9710e3cfdfaaee048b5f6bf5d1dc0682227a2369d1232bbe42c38fe819ecc46"],
    );
}
