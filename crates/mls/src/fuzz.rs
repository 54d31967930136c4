//! A fuzz function for every decoder of this crate.
//!
//! Each takes any bytes at all and panics where a promise is broken: no decoder may panic itself, and
//! what decodes must encode to bytes that decode to the same. They are ordinary functions, called by
//! the fuzzer, by the tests, and by whoever mutates [`seeds`].

use std::fmt::Debug;

use openmls::prelude::{Credential as MlsCredential, CredentialType};
use veche_wire::{Commitment, DecodeError, Entry, EntryId, Kind, LogId, Random};

use crate::policy::CREDENTIAL_TYPE;
use crate::{
    Bound, Change, Control, DeviceKeys, Door, DoorSecret, Draft, Engine, EntryRef, Envelope, Group,
    Identity, JoinRequest, JudgeContext, Keep, MemoryKeep, Payload, Phrase, Policy, ReadmitRequest,
    Revocation, Suite, Verdict, generate_key_package, key_package_credential, open_envelope, seal,
    seal_envelope,
};

/// A fuzz function and its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every fuzz function, by name.
pub const TARGETS: &[Target] = &[
    ("mls_bound", |bytes| round_trip(bytes, Bound::decode, Bound::encode)),
    ("mls_policy", |bytes| round_trip(bytes, Policy::decode, Policy::encode)),
    ("mls_payload", |bytes| round_trip(bytes, Payload::decode, Payload::encode)),
    ("mls_control", |bytes| round_trip(bytes, Control::decode, Control::encode)),
    ("mls_join_request", |bytes| round_trip(bytes, JoinRequest::decode, JoinRequest::encode)),
    ("mls_door", |bytes| with_fixture(|fixture| fixture.open_at_the_door(bytes))),
    ("mls_revocation", |bytes| round_trip(bytes, Revocation::decode, Revocation::encode)),
    ("mls_invitation", |bytes| round_trip(bytes, Envelope::decode, Envelope::encode)),
    ("mls_envelope", |bytes| with_fixture(|fixture| fixture.open_envelope(bytes))),
    ("mls_message", |bytes| with_fixture(|fixture| fixture.open_message(bytes))),
    ("mls_commit", |bytes| with_fixture(|fixture| fixture.judge_commit(bytes))),
    ("mls_key_package", |bytes| with_fixture(|fixture| fixture.read_key_package(bytes))),
    ("mls_leaf_credential", read_credential),
    ("mls_welcome", |bytes| with_fixture(|fixture| fixture.join(bytes, &fixture.draft.tree))),
    ("mls_tree", |bytes| with_fixture(|fixture| fixture.join(fixture.welcome(), bytes))),
    ("mls_identity", |bytes| drop(Identity::decode(bytes))),
    ("mls_stored", |bytes| with_fixture(|fixture| fixture.load(bytes))),
];

/// Well-formed inputs of a target, from which mutations begin; none for a name not in [`TARGETS`].
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    with_fixture(|fixture| match target {
        "mls_bound" => vec![fixture.bound(Kind::Commit).encode()],
        "mls_policy" => {
            vec![fixture.group().policy().encode(), with_door(fixture.group().policy())]
        }
        "mls_payload" => vec![Payload { franking_key: [1; 32], content: vec![2; 9] }.encode()],
        "mls_control" => fixture.controls().iter().map(Control::encode).collect(),
        "mls_join_request" => vec![fixture.join_request().encode()],
        "mls_door" => vec![fixture.sealed_join_request()],
        "mls_revocation" => vec![fixture.revocation().encode()],
        "mls_invitation" => vec![fixture.request().encode()],
        "mls_envelope" => vec![fixture.sealed_request()],
        "mls_message" => vec![fixture.message.clone(), fixture.draft.mls_bytes.clone()],
        "mls_commit" => vec![fixture.draft.mls_bytes.clone(), fixture.message.clone()],
        "mls_key_package" => vec![fixture.key_package.clone()],
        "mls_leaf_credential" => vec![fixture.bo.credential.encode()],
        "mls_welcome" => vec![fixture.welcome().to_vec()],
        "mls_tree" => vec![fixture.draft.tree.clone()],
        "mls_identity" => vec![fixture.bo.encode().to_vec()],
        "mls_stored" => fixture.stored(),
        _ => Vec::new(),
    })
}

fn round_trip<T: PartialEq + Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    if let Ok(value) = decode(bytes) {
        assert_eq!(decode(&encode(&value)), Ok(value));
    }
}

fn read_credential(bytes: &[u8]) {
    let credential = MlsCredential::new(CredentialType::Other(CREDENTIAL_TYPE), bytes.to_vec());
    let _ = crate::judge::read_credential(&credential);
}

/// Bytes that are the same on every run.
struct Counting(u64);

impl Random for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&seal::sha256(&[&self.0.to_be_bytes()])[..chunk.len()]);
        }
    }
}

/// Ana and Bo in a group, seen by Bo, with a message of Ana's and a commit by which she adds Cy.
struct Fixture {
    engine: Engine,
    bo: Identity,
    cy: Identity,
    keep: MemoryKeep,
    cys_keep: MemoryKeep,
    key_package: Vec<u8>,
    message: Vec<u8>,
    draft: Draft,
}

const LOG: LogId = LogId([1; 16]);
const ID: EntryId = EntryId([2; 16]);
const BUILT: &str = "a group of two is made from sound parts";

std::thread_local! {
    // Made once per thread, because making it for every input would take a hundred times as long as
    // what is fuzzed. Nothing changes it.
    static FIXTURE: Fixture = Fixture::new();
}

fn with_fixture<T>(call: impl FnOnce(&Fixture) -> T) -> T {
    FIXTURE.with(call)
}

fn with_door(policy: &Policy) -> Vec<u8> {
    let door = Door {
        log: LOG,
        secret: door(),
        approves: true,
        expires: Some(1),
        uses_max: Some(2),
        used: 3,
        done: 4,
    };
    Policy { door: Some(door), ..policy.clone() }.encode()
}

fn door() -> DoorSecret {
    DoorSecret::from_bytes([6; 32])
}

impl Fixture {
    fn new() -> Self {
        let engine = Engine::new(Box::new(Counting(0)));
        let [ana, bo, cy] = [1, 2, 3].map(|number| identity(&engine, number));
        let [anas_keep, keep, cys_keep] = [(); 3].map(|()| MemoryKeep::default());
        let package = |keep, identity| {
            generate_key_package(&engine, keep, identity, Suite::Classic, false).expect(BUILT)
        };
        let policy = Policy::group("fuzz", ana.account());
        let mut group =
            Group::create(&engine, &anas_keep, &ana, LOG, Suite::Classic, policy).expect(BUILT);
        let add = |key_package| Change { adds: vec![key_package], ..Change::default() };
        let bound = Bound::new(LOG, ID, Kind::Commit);
        let first = add(package(&keep, &bo));
        let draft = group.commit(&engine, &anas_keep, &ana, &first, &bound).expect(BUILT);
        let entry = commit_entry();
        let context = JudgeContext { current_generation: 0 };
        let commit = (&entry, &draft.mls_bytes[..]);
        let Verdict::Apply(judged) = group.judge(&engine, &anas_keep, commit, &context) else {
            unreachable!("{BUILT}")
        };
        group.merge_own(&engine, &anas_keep, *judged).expect(BUILT);
        let welcome = &draft.joiners[0].welcome;
        Group::join(&engine, &keep, &bo, welcome, &draft.tree, LOG).expect(BUILT);
        let sealed = Bound { commitment: Some(Commitment([3; 32])), ..message_bound() };
        let message = group.seal(&engine, &anas_keep, &ana, &sealed, b"payload").expect(BUILT);
        let key_package = package(&cys_keep, &cy);
        let second = add(key_package.clone());
        let draft = group.commit(&engine, &anas_keep, &ana, &second, &bound).expect(BUILT);
        Self { engine, bo, cy, keep, cys_keep, key_package, message, draft }
    }

    fn group(&self) -> Group {
        Group::load(&self.keep, LOG).ok().flatten().expect(BUILT)
    }

    fn bound(&self, kind: Kind) -> Bound {
        let proofs =
            self.group().leave_request(&self.bo, &[[7; 32]]).map(|request| request.encode());
        Bound { proofs: proofs.into_iter().collect(), ..Bound::new(LOG, ID, kind) }
    }

    fn welcome(&self) -> &[u8] {
        &self.draft.joiners[0].welcome
    }

    fn request(&self) -> Envelope {
        Envelope::Readmit(ReadmitRequest::new(&self.bo, LOG, self.key_package.clone()))
    }

    fn sealed_request(&self) -> Vec<u8> {
        seal_envelope(&self.engine, &self.cy, &self.bo.record(), &self.request()).expect(BUILT)
    }

    fn controls(&self) -> Vec<Control> {
        let leave = self.group().leave_request(&self.bo, &[[7; 32]]).map(Control::Leave);
        let readmit = ReadmitRequest::new(&self.bo, LOG, self.key_package.clone());
        leave.into_iter().chain([Control::Readmit(readmit)]).collect()
    }

    fn revocation(&self) -> Revocation {
        Revocation { account: self.bo.account(), device: self.bo.device(), signature: [7; 64] }
    }

    fn join_request(&self) -> JoinRequest {
        JoinRequest::new(&self.cy, LOG, self.key_package.clone(), (None, 5))
    }

    fn sealed_join_request(&self) -> Vec<u8> {
        let (secret, request) = (door(), self.join_request());
        let link = (&secret.link_secret(), &secret.public_key(&self.engine));
        request.seal(&self.engine, link, &ID).expect(BUILT)
    }

    fn open_at_the_door(&self, bytes: &[u8]) {
        if let Some(request) = door().open(&self.engine, (&LOG, &ID), bytes) {
            let _ = request.verify(&self.engine, Suite::Classic);
        }
    }

    fn open_envelope(&self, bytes: &[u8]) {
        let _ = open_envelope(&self.engine, &self.bo, bytes);
    }

    fn open_message(&self, bytes: &[u8]) {
        let Some(bound) = Group::peek(bytes) else { return };
        let expected = EntryRef {
            log: bound.log,
            id: bound.id,
            kind: bound.kind,
            commitment: bound.commitment,
        };
        let _ = self.group().open(&self.engine, &self.keep.clone(), bytes, &expected);
    }

    fn judge_commit(&self, bytes: &[u8]) {
        let mut group = self.group();
        let context = JudgeContext { current_generation: 0 };
        let (engine, keep) = (&self.engine, &self.keep.clone());
        let verdict = group.judge(engine, keep, (&commit_entry(), bytes), &context);
        if let Verdict::Apply(judged) = verdict {
            let _ = group.process(engine, keep, *judged);
        }
    }

    fn read_key_package(&self, bytes: &[u8]) {
        for suite in Suite::ALL {
            let _ = key_package_credential(&self.engine, bytes, suite);
        }
    }

    fn join(&self, welcome: &[u8], tree: &[u8]) {
        let _ = Group::join(&self.engine, &self.cys_keep.clone(), &self.cy, welcome, tree, LOG);
    }

    fn stored(&self) -> Vec<Vec<u8>> {
        let values = self.keep.values();
        values
            .iter()
            .enumerate()
            .filter_map(|(number, (_, value))| {
                let number = u8::try_from(number).ok()?;
                Some([&[number], value.as_slice()].concat())
            })
            .collect()
    }

    /// The first byte chooses which stored value the others take the place of.
    fn load(&self, bytes: &[u8]) {
        let Some((number, value)) = bytes.split_first() else { return };
        let values = self.keep.values();
        let ((label, key), _) = &values[usize::from(*number) % values.len()];
        let keep = self.keep.clone();
        let _ = keep.put(label, key, value);
        if let Ok(Some(mut group)) = Group::load(&keep, LOG) {
            let expected = EntryRef {
                log: LOG,
                id: ID,
                kind: Kind::Message,
                commitment: Some(Commitment([3; 32])),
            };
            let _ = group.open(&self.engine, &keep, &self.message, &expected);
        }
    }
}

fn identity(engine: &Engine, number: u64) -> Identity {
    let keys = DeviceKeys::generate(engine);
    let phrase = Phrase::generate(&mut Counting(number << 32));
    Identity::new(phrase.account_key().certify(&keys), keys).expect(BUILT)
}

fn message_bound() -> Bound {
    Bound::new(LOG, ID, Kind::Message)
}

fn commit_entry() -> Entry {
    Entry { seq: 1, id: ID, kind: Kind::Commit, commitment: None, bytes: Vec::new(), rider: None }
}
