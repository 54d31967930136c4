//! Accounts, names, devices and KeyPackages.

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use sha2::Digest;
use veche_wire::{
    AccountId, AccountRecord, Certificate, DeviceId, DeviceRecord, NameBinding, Permit, Refused,
    Registration, Request, Response, SignedRequest, Who,
};

use super::stage::{DAY, Stage, assert_malformed, refused, stage, stage_with};
use crate::storage::{Engine, InviteCode, day_of};
use crate::{ConnectionId, hash_invite_code};

const INBOX_KEY: [u8; 32] = [7; 32];

/// A person's device with its account's root.
pub(crate) struct Person {
    pub(crate) root: SigningKey,
    pub(crate) device: SigningKey,
}

impl Person {
    pub(crate) fn new(root: u8, device: u8) -> Self {
        let key = |kind: u8, byte: u8| {
            let mut seed = [byte; 32];
            seed[0] = kind;
            SigningKey::from_bytes(&seed)
        };
        Self { root: key(1, root), device: key(2, device) }
    }

    pub(crate) fn account(&self) -> AccountId {
        AccountId(self.root.verifying_key().to_bytes())
    }

    pub(crate) fn device_id(&self) -> DeviceId {
        DeviceId(self.device.verifying_key().to_bytes())
    }

    pub(crate) fn certificate(&self) -> Certificate {
        let mut certificate = Certificate {
            account: self.account(),
            device: self.device_id(),
            inbox_key_hash: sha2::Sha256::digest(INBOX_KEY).into(),
            inbox_suite: 1,
            link_key: None,
            signature: [0; 64],
        };
        certificate.signature = self.root.sign(&certificate.signed_bytes()).to_bytes();
        certificate
    }

    pub(crate) fn record(&self) -> DeviceRecord {
        DeviceRecord { certificate: self.certificate(), inbox_key: INBOX_KEY.to_vec() }
    }

    pub(crate) fn sign(&self, nonce: &[u8; 32], request: &SignedRequest) -> Request {
        let body = request.encode();
        let signature = self.device.sign(&SignedRequest::signed_bytes(nonce, &body)).to_bytes();
        Request::Signed { device: self.device_id(), signature, body }
    }

    pub(crate) fn register(&self, username: Option<&str>, permit: Permit) -> SignedRequest {
        SignedRequest::Register {
            device: Box::new(self.record()),
            username: username.map(str::to_owned),
            permit,
        }
    }
}

impl<E: Engine> Stage<E> {
    pub(crate) fn ask_as(
        &mut self,
        id: ConnectionId,
        who: &Person,
        request: &SignedRequest,
    ) -> Response {
        let signed = who.sign(&self.nonces[&id], request);
        self.ask(id, signed)
    }

    pub(crate) fn register(&mut self, id: ConnectionId, who: &Person, name: &str) -> Response {
        self.ask_as(id, who, &who.register(Some(name), Permit::Open))
    }
}

fn look_up(name: &str) -> Request {
    Request::Lookup { who: Who::Username(name.to_owned()), permit: Permit::Open }
}

#[track_caller]
fn name_of(response: Response) -> Option<NameBinding> {
    match response {
        Response::Registered { name } => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_account_registers_once_and_is_found_by_name_and_key() {
    let mut stage = stage();
    let id = stage.connect();
    let ana = Person::new(1, 1);
    let name = name_of(stage.register(id, &ana, "ana")).unwrap();

    let directory = match stage.ask(id, Request::Hello { version: 1 }) {
        Response::Hello { directory_key, .. } => VerifyingKey::from_bytes(&directory_key).unwrap(),
        other => panic!("{other:?}"),
    };
    let bytes = NameBinding::signed_bytes("ana", &ana.account());
    directory.verify_strict(&bytes, &name.signature.into()).unwrap();
    assert_eq!(name_of(stage.register(id, &ana, "ana")), Some(name.clone()), "again is the same");

    let record = Response::Account(AccountRecord {
        account: ana.account(),
        name: Some(name),
        devices: vec![ana.record()],
    });
    assert_eq!(stage.ask(id, look_up("ana")), record);
    let by_key = Request::Lookup { who: Who::Account(ana.account()), permit: Permit::Open };
    assert_eq!(stage.ask(id, by_key), record);
    assert_eq!(stage.ask(id, look_up("bob")), refused(Refused::NotFound));
}

#[test]
fn a_name_is_never_given_to_another() {
    let mut stage = stage();
    let id = stage.connect();
    let (ana, bo) = (Person::new(1, 1), Person::new(2, 2));
    stage.register(id, &ana, "ana");

    assert_eq!(stage.register(id, &bo, "ana"), refused(Refused::Taken));
    let by_key = Request::Lookup { who: Who::Account(bo.account()), permit: Permit::Open };
    assert_eq!(stage.ask(id, by_key), refused(Refused::NotFound), "nothing is left of the try");
    assert_eq!(stage.register(id, &ana, "anna"), refused(Refused::Taken), "one name for good");
    let nameless = bo.register(None, Permit::Open);
    assert_eq!(name_of(stage.ask_as(id, &bo, &nameless)), None);
    assert!(name_of(stage.register(id, &bo, "bo_2")).is_some(), "a name can be taken later");
    for wrong in ["bo", "Bob", "b b", "bö_", &"b".repeat(33)] {
        assert_malformed(&stage.register(id, &bo, wrong));
    }
}

#[test]
fn an_account_has_several_devices_and_a_device_one_account() {
    let mut stage = stage();
    let id = stage.connect();
    let (phone, laptop) = (Person::new(1, 1), Person::new(1, 2));
    stage.register(id, &phone, "ana");
    let name = name_of(stage.ask_as(id, &laptop, &laptop.register(None, Permit::Open)));
    assert_eq!(name.unwrap().username, "ana");
    match stage.ask(id, look_up("ana")) {
        Response::Account(record) => assert_eq!(record.devices.len(), 2),
        other => panic!("{other:?}"),
    }
    let thief = Person::new(9, 1);
    assert_eq!(stage.register(id, &thief, "thief"), refused(Refused::Taken));
    for device in 3..=16 {
        name_of(stage.register(id, &Person::new(1, device), "ana"));
    }
    let limit = refused(Refused::TooLarge { limit: 16 });
    assert_eq!(stage.register(id, &Person::new(1, 17), "ana"), limit);
}

#[test]
fn nobody_speaks_for_another() {
    let mut stage = stage();
    let (id, other) = (stage.connect(), stage.connect());
    let (ana, eve) = (Person::new(1, 1), Person::new(2, 2));
    let forbidden = refused(Refused::Forbidden);
    let register = ana.register(Some("ana"), Permit::Open);

    // Another's signature, another connection's nonce, other bytes.
    let mut stolen = eve.sign(&stage.nonces[&id], &register);
    if let Request::Signed { device, .. } = &mut stolen {
        *device = ana.device_id();
    }
    assert_eq!(stage.ask(id, stolen), forbidden);
    let replayed = ana.sign(&stage.nonces[&id], &register);
    assert_eq!(stage.ask(other, replayed.clone()), forbidden);
    let mut changed = replayed;
    if let Request::Signed { body, .. } = &mut changed {
        body.extend([0x1a, 0]);
    }
    assert_eq!(stage.ask(id, changed), forbidden);
    // A certificate of another device, and one that the account did not sign.
    let borrowed = SignedRequest::Register {
        device: Box::new(ana.record()),
        username: None,
        permit: Permit::Open,
    };
    assert_eq!(stage.ask_as(id, &eve, &borrowed), forbidden);
    let forged = Certificate { account: ana.account(), ..eve.certificate() };
    let forged = SignedRequest::Register {
        device: Box::new(DeviceRecord { certificate: forged, ..eve.record() }),
        username: None,
        permit: Permit::Open,
    };
    assert_eq!(stage.ask_as(id, &eve, &forged), forbidden);
    // An inbox key that the certificate does not name: somebody else could read what comes.
    let swapped = SignedRequest::Register {
        device: Box::new(DeviceRecord { inbox_key: vec![8; 32], ..eve.record() }),
        username: None,
        permit: Permit::Open,
    };
    assert_eq!(stage.ask_as(id, &eve, &swapped), forbidden);
    // A signature over what cannot be read.
    let nonsense = b"\xff\xff\xff".to_vec();
    let bytes = SignedRequest::signed_bytes(&stage.nonces[&id], &nonsense);
    let signature = ana.device.sign(&bytes).to_bytes();
    let nonsense = Request::Signed { device: ana.device_id(), signature, body: nonsense };
    assert_malformed(&stage.ask(id, nonsense));
}

#[test]
fn registration_can_need_a_code_or_be_closed() {
    let mut stage = stage_with(|config| config.registration = Registration::Invite);
    let id = stage.connect();
    let today = day_of(stage.now);
    let code = InviteCode { uses: 2, until: today + 1 };
    let put = |stage: &mut Stage<crate::storage::Memory>, text, code| {
        let hash = hash_invite_code(text);
        let engine = stage.service.engine_mut();
        engine.write(&mut |batch| batch.put_invite_code(&hash, code)).unwrap();
    };
    put(&mut stage, "sesame", code);
    put(&mut stage, "old", InviteCode { uses: 1, until: today - 1 });
    let with = |code: &str| Permit::Invite(code.to_owned());
    let needed = refused(Refused::InviteNeeded);

    let ana = Person::new(1, 1);
    assert_eq!(stage.register(id, &ana, "ana"), needed);
    for wrong in ["Sesame", "old", ""] {
        assert_eq!(stage.ask_as(id, &ana, &ana.register(Some("ana"), with(wrong))), needed);
    }
    let register = ana.register(Some("ana"), with("sesame"));
    assert!(name_of(stage.ask_as(id, &ana, &register)).is_some());
    assert!(name_of(stage.ask_as(id, &ana, &register)).is_some(), "again uses nothing up");
    let bo = Person::new(2, 2);
    let taken = stage.ask_as(id, &bo, &bo.register(Some("ana"), with("sesame")));
    assert_eq!(taken, refused(Refused::Taken), "nor does a name that is taken");
    assert!(name_of(stage.ask_as(id, &bo, &bo.register(None, with("sesame")))).is_none());
    let cy = Person::new(3, 3);
    assert_eq!(stage.ask_as(id, &cy, &cy.register(None, with("sesame"))), needed, "used up");

    put(&mut stage, "sesame", code);
    stage.pass(2 * DAY);
    assert_eq!(stage.ask_as(id, &cy, &cy.register(None, with("sesame"))), needed, "too late");
    stage.service.config.registration = Registration::Closed;
    assert_eq!(stage.register(id, &cy, "cyr"), refused(Refused::RegistrationClosed));
    assert!(name_of(stage.register(id, &ana, "ana")).is_some(), "who is in stays in");
}

#[test]
fn key_packages_are_given_out_once_and_then_the_last_resort() {
    let mut stage = stage();
    let id = stage.connect();
    let ana = Person::new(1, 1);
    let publish =
        |packages: &[&[u8]], last_resort: Option<&[u8]>| SignedRequest::PublishKeyPackages {
            suite: 3,
            packages: packages.iter().map(|package| package.to_vec()).collect(),
            last_resort: last_resort.map(<[u8]>::to_vec),
        };
    let take =
        || Request::TakeKeyPackage { device: ana.device_id(), suite: 3, permit: Permit::Open };
    let left = |count| Response::KeyPackagesLeft { count };

    let unknown = stage.ask_as(id, &ana, &publish(&[b"one"], None));
    assert_eq!(unknown, refused(Refused::NotFound), "only registered devices have a pool");
    stage.register(id, &ana, "ana");
    assert_eq!(stage.ask_as(id, &ana, &publish(&[b"one", b"two"], None)), left(2));
    assert_eq!(stage.ask_as(id, &ana, &publish(&[b"one", b"two"], None)), left(2));
    assert_eq!(stage.ask_as(id, &ana, &publish(&[], None)), left(2));
    let taken = stage.ask_together([(id, take()), (id, take()), (id, take())]);
    assert_ne!(taken[0], taken[1]);
    assert_eq!(taken[2], refused(Refused::NotFound));
    assert_eq!(stage.ask_as(id, &ana, &publish(&[], Some(b"last"))), left(0));
    for _ in 0..2 {
        assert_eq!(stage.ask(id, take()), Response::KeyPackage { bytes: b"last".to_vec() });
    }

    let hundred: Vec<_> = (0..100u8).map(|byte| vec![byte; 10]).collect();
    let hundred: Vec<&[u8]> = hundred.iter().map(Vec::as_slice).collect();
    assert_eq!(stage.ask_as(id, &ana, &publish(&hundred, None)), left(100));
    let limit = refused(Refused::TooLarge { limit: 100 });
    assert_eq!(stage.ask_as(id, &ana, &publish(&[b"more"], None)), limit);
    let limit = refused(Refused::TooLarge { limit: 16 << 10 });
    assert_eq!(stage.ask_as(id, &ana, &publish(&[], Some(&[0; (16 << 10) + 1]))), limit);
}
