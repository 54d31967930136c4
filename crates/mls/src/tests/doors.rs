use std::collections::BTreeSet;

use veche_wire::{AccountId, DecodeError, Token};

use super::*;
use crate::policy::Role;

const DOOR: LogId = LogId([7; 16]);
const ID: EntryId = EntryId([8; 16]);
const SUITE: Suite = Suite::PostQuantum;

fn secret() -> DoorSecret {
    DoorSecret::generate(&mut named("door"))
}

/// What a link of the door carries.
fn link(engine: &Engine) -> (Token, [u8; 32]) {
    (secret().link_secret(), secret().public_key(engine))
}

fn request(person: &Person) -> JoinRequest {
    JoinRequest::new(&person.identity, DOOR, person.key_package(SUITE), (None, 5))
}

fn sealed(person: &Person) -> Vec<u8> {
    let (token, key) = link(&person.engine);
    request(person).seal(&person.engine, (&token, &key), &ID).unwrap()
}

#[test]
fn a_request_is_read_by_who_has_the_door() {
    let (ana, cyd) = (Person::new("ana"), Person::new("cyd"));
    let opened = secret().open(&ana.engine, (&DOOR, &ID), &sealed(&cyd)).unwrap();
    let (credential, record) = opened.verify(&ana.engine, SUITE).unwrap();
    assert_eq!(credential.certificate.account, cyd.account());
    assert_eq!(record, cyd.identity.record());
    assert_eq!(JoinRequest::decode(&opened.encode()), Ok(opened.clone()));
    assert!(opened.verify(&ana.engine, Suite::Classic).is_none(), "another suite's KeyPackage");
}

#[test]
fn a_request_opens_nowhere_else() {
    let (ana, cyd) = (Person::new("ana"), Person::new("cyd"));
    let bytes = sealed(&cyd);
    let open =
        |door: &LogId, id: &EntryId, bytes: &[u8]| secret().open(&ana.engine, (door, id), bytes);
    assert!(open(&DOOR, &ID, &bytes).is_some());
    assert!(open(&LogId([9; 16]), &ID, &bytes).is_none(), "at another door");
    assert!(open(&DOOR, &EntryId([9; 16]), &bytes).is_none(), "under another id");
    for place in [0, 30, bytes.len() / 2, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(open(&DOOR, &ID, &changed).is_none(), "changed at {place}");
    }
    // With the link alone, the outer seal opens and the inner does not; without it, nothing does.
    let other = DoorSecret::generate(&mut named("another door"));
    assert!(other.open(&ana.engine, (&DOOR, &ID), &bytes).is_none());
    let (token, _) = link(&ana.engine);
    let to_another = request(&cyd).seal(&cyd.engine, (&token, &other.public_key(&cyd.engine)), &ID);
    assert!(open(&DOOR, &ID, &to_another.unwrap()).is_none(), "sealed to another key");
    let under_another = request(&cyd).seal(
        &cyd.engine,
        (&other.link_secret(), &secret().public_key(&cyd.engine)),
        &ID,
    );
    assert!(open(&DOOR, &ID, &under_another.unwrap()).is_none(), "under another link");
}

#[test]
fn nobody_asks_for_somebody_else() {
    let (cyd, eve) = (Person::new("cyd"), Person::new("eve"));
    // Eve takes a KeyPackage of Cyd's from the directory.
    let stolen = JoinRequest::new(&eve.identity, DOOR, cyd.key_package(SUITE), (None, 5));
    assert!(stolen.verify(&eve.engine, SUITE).is_none());
    let record = cyd.identity.record();
    let stolen = JoinRequest { inbox_key: record.inbox_key, ..stolen };
    assert!(stolen.verify(&eve.engine, SUITE).is_none());
    // Nor is a request of hers for one door one for another.
    let moved = JoinRequest { door: LogId([1; 16]), ..request(&cyd) };
    assert!(moved.verify(&eve.engine, SUITE).is_none());
    // Nor does anybody change how she is called, or make it younger than it is.
    let name = veche_wire::content::DisplayName::new(1, "Eve").unwrap();
    let renamed = JoinRequest { display_name: Some(name), ..request(&cyd) };
    assert!(renamed.verify(&eve.engine, SUITE).is_none());
    assert!(JoinRequest { asked: 6, ..request(&cyd) }.verify(&eve.engine, SUITE).is_none());
    // Nor does an inbox of Eve's get what is meant for Cyd.
    let inbox_key = eve.identity.record().inbox_key;
    assert!(JoinRequest { inbox_key, ..request(&cyd) }.verify(&eve.engine, SUITE).is_none());
}

/// OpenMLS takes any bytes for a key; nobody could make a commit after a leaf with such a one.
#[test]
fn a_key_that_cannot_be_sealed_to_is_none() {
    let cyd = Person::new("cyd");
    let inbox = cyd.identity.record().inbox_key;
    assert!(crate::join::is_usable_key(&cyd.engine, Suite::PostQuantum, &inbox));
    assert!(crate::join::is_usable_key(
        &cyd.engine,
        Suite::Classic,
        &secret().public_key(&cyd.engine)
    ));
    for (suite, key) in [
        (Suite::PostQuantum, &b"key"[..]),
        (Suite::PostQuantum, &inbox[1..]),
        (Suite::Classic, &b"key"[..]),
        (Suite::Classic, &inbox[..]),
    ] {
        assert!(!crate::join::is_usable_key(&cyd.engine, suite, key), "{} bytes", key.len());
    }
}

#[test]
fn what_derives_from_a_door_has_nothing_in_common() {
    let (secret, engine) = (secret(), engine("derived"));
    let link = secret.link_secret();
    let all = BTreeSet::from([
        *secret.as_bytes(),
        secret.read_token().0,
        link.0,
        door_write_token(&link).0,
        secret.public_key(&engine),
        secret.admin_secret().public().0,
        *secret.admin_secret().encode(),
    ]);
    assert_eq!(all.len(), 7);
    assert_eq!(format!("{secret:?}"), "DoorSecret(…)");
}

fn with_door() -> Policy {
    let mut policy = Policy::group("title", AccountId([1; 32]));
    policy.door = Some(Door {
        log: DOOR,
        secret: secret(),
        approves: true,
        expires: Some(90),
        uses_max: None,
        used: 5,
        done: 6,
    });
    policy.banned = BTreeSet::from([AccountId([4; 32]), AccountId([3; 32])]);
    policy
}

#[test]
fn a_policy_with_a_door_reads_back_and_has_one_encoding() {
    let policy = with_door();
    let bytes = policy.encode();
    assert_eq!(Policy::decode(&bytes), Ok(policy.clone()));
    for length in 0..bytes.len() {
        assert!(Policy::decode(&bytes[..length]).is_err(), "cut to {length}");
    }
    // Without either, it is what the first version wrote.
    let plain = Policy { door: None, banned: BTreeSet::new(), ..policy };
    assert_eq!(plain.encode()[1], 1);
    let mut newer = bytes;
    newer[1] = 4;
    assert!(matches!(Policy::decode(&newer), Err(DecodeError::Version { version: 4, .. })));
    let mut direct = Policy::direct(&[AccountId([1; 32]), AccountId([2; 32])]);
    direct.banned = BTreeSet::from([AccountId([3; 32])]);
    assert!(Policy::decode(&direct.encode()).is_err(), "nobody is banned from a direct chat");
}

#[test]
fn a_door_has_room_until_it_is_used_up_or_over() {
    let door = with_door().door.unwrap();
    assert_eq!(door.room(89), u64::MAX);
    assert_eq!(door.room(90), 0);
    let door = Door { uses_max: Some(7), expires: None, ..door };
    assert_eq!(door.room(u64::MAX), 2);
    assert_eq!(Door { used: 9, ..door }.room(0), 0);
}

/// A commit that changes the door, or who is banned, in a group of an owner, an admin and a member.
#[test]
fn only_those_who_add_people_change_the_door() {
    use crate::rules::{Facts, Who, judge};
    let who = |number: u8| Who {
        account: AccountId([number; 32]),
        device: veche_wire::DeviceId([number; 32]),
    };
    let mut before = Policy::group("title", AccountId([1; 32]));
    before.set_role(AccountId([2; 32]), Role::Admin);
    let members = [(0, who(1)), (1, who(2)), (2, who(3))];
    let judged = |committer: u8, before: &Policy, after: &Policy, adds: &[Who]| {
        judge(
            &Facts {
                before,
                after,
                members: &members,
                committer: who(committer),
                adds,
                removes: &[],
                leavers: &BTreeSet::new(),
            },
            true,
        )
    };
    let opened = Policy { door: with_door().door, ..before.clone() };
    let banning = Policy { banned: BTreeSet::from([AccountId([9; 32])]), ..before.clone() };
    for after in [&opened, &banning] {
        assert_eq!(judged(1, &before, after, &[]), Ok(()));
        assert_eq!(judged(2, &before, after, &[]), Ok(()));
        assert!(judged(3, &before, after, &[]).is_err(), "a member");
    }
    // Nobody banned comes in, nor is anybody inside banned.
    assert_eq!(judged(1, &banning, &banning, &[who(8)]), Ok(()));
    assert!(judged(1, &banning, &banning, &[who(9)]).is_err());
    assert_eq!(judged(1, &banning, &before, &[who(9)]), Ok(()), "it is taken back");
    let inside = Policy { banned: BTreeSet::from([AccountId([3; 32])]), ..before.clone() };
    assert!(judged(1, &before, &inside, &[]).is_err());
}
