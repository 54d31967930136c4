//! People who mean harm, or whose programs do: what they can spoil, and for whom.

use sha2::{Digest, Sha256};
use veche_client::{ChatState, Command, Settled};
use veche_mls::{
    BlobRef, ChatKind, DeviceKeys, Engine, Envelope, GenerationSecret, Identity, Invitation,
    MemoryKeep, Phrase, Suite,
};
use veche_testing::world::Outsider;
use veche_testing::{Dice, World};
use veche_wire::{
    BlobId, Delivery, EntryId, InboxPass, LogId, Permit, Request, Response, SignedRequest, Who,
};

/// Somebody with an account and no honest client.
struct Stranger {
    outsider: Outsider,
    engine: Engine,
    keep: MemoryKeep,
    phrase: Phrase,
    identity: Identity,
    dice: Dice,
}

fn stranger(world: &mut World, seed: u64) -> Stranger {
    let mut dice = Dice::seeded(seed, 0);
    let engine = Engine::new(Box::new(Dice::seeded(seed, 1)));
    let phrase = Phrase::generate(&mut dice);
    let keys = DeviceKeys::generate(&engine);
    let certificate = phrase.account_key().certify(&keys);
    let identity = Identity::new(certificate, keys).expect("the certificate is of these keys");
    let outsider = world.outsider();
    Stranger { outsider, engine, keep: MemoryKeep::default(), phrase, identity, dice }
}

impl Stranger {
    /// Puts an envelope into the inbox of somebody with this name.
    fn deliver(&mut self, name: &str, envelope: &Envelope) {
        let who = Who::Username(name.to_owned());
        let asked = self.outsider.ask(Request::Lookup { who, permit: Permit::Open });
        let Response::Account(record) = asked else { panic!("{name} is unknown: {asked:?}") };
        let device = &record.devices[0];
        let bytes = veche_mls::seal_envelope(&self.engine, &self.identity, device, envelope);
        let delivery = Delivery {
            device: device.certificate.device,
            id: EntryId::random(&mut self.dice),
            pass: InboxPass::Permit(Permit::Open),
            needs: None,
            bytes: bytes.expect("an envelope can be sealed"),
        };
        assert_eq!(self.outsider.ask(Request::Deliver(delivery)), Response::Done);
    }

    /// An invitation into `log` that cannot be used.
    fn invitation(&mut self, log: LogId, commit_seq: u64) -> Envelope {
        let (key, sealed) = veche_mls::seal_tree(&mut self.dice, b"no tree");
        let blob = BlobId::random(&mut self.dice);
        let (size, bytes) = (sealed.len() as u64, sealed.clone());
        let permit = Permit::Open;
        self.outsider.ask(Request::PutBlob { blob, offset: 0, total: size, bytes, permit });
        let sha256 = Sha256::digest(&sealed).into();
        Envelope::Invitation(Box::new(Invitation {
            log,
            suite: Suite::PostQuantum,
            kind: ChatKind::Group,
            title: "harvest".to_owned(),
            welcome: b"no welcome".to_vec(),
            tree: BlobRef { blob, key, size, sha256 },
            commit: EntryId::random(&mut self.dice),
            commit_seq,
            transcript: [0; 32],
            generation: 0,
            generation_secret: GenerationSecret::from_bytes([5; 32]),
        }))
    }
}

#[test]
fn a_device_is_added_again_even_by_somebody_whom_its_person_has_blocked() {
    let mut world = World::seeded(1);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    bo.want(Command::Block { name: "ana".to_owned(), blocked: true }).expect("a block is taken");
    world.cut_off(&bo);
    ana.rename(group, "sowing");
    world.settle();
    world.forget_old_entries();
    cyd.say(group, "where is bob?");
    world.settle();
    world.reconnect(&bo);
    world.wait_ms(60_000);
    world.settle();
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Active);
    cyd.say(group, "there you are");
    ana.say(group, "hm");
    world.settle();
    assert_eq!(bo.screen(group), "cyd: there you are");
}

#[test]
fn an_invitation_that_claims_to_be_the_last_keeps_nobody_out() {
    let mut world = World::seeded(2);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana]);
    let mut mallory = stranger(&mut world, 20);
    let invitation = mallory.invitation(group, u64::MAX);
    mallory.deliver("bob", &invitation);
    world.settle();
    bo.accept_all();
    world.wait_ms(20_000);
    ana.add_contact(&bo);
    bo.add_contact(&ana);
    world.wait_ms(20_000);
    ana.add(group, &bo);
    world.wait_ms(60_000);
    world.settle();
    ana.say(group, "welcome");
    world.settle();
    assert_eq!(bo.screen(group), "ana: welcome");
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Active);
}

#[test]
fn somebody_whose_inbox_takes_nothing_holds_nobody_up() {
    let mut world = World::seeded(3);
    let ana = world.person("ana");
    let mut mallory = stranger(&mut world, 30);
    let mut record = mallory.identity.record();
    record.inbox_key = b"no key".to_vec();
    record.certificate.inbox_key_hash = Sha256::digest(&record.inbox_key).into();
    let root = mallory.phrase.account_key();
    record.certificate.signature = root.sign(&record.certificate.signed_bytes());
    let register = SignedRequest::Register {
        device: Box::new(record),
        username: Some("mallory".to_owned()),
        permit: Permit::Open,
    };
    let registered = mallory.outsider.ask_signed(&mallory.identity, &register);
    assert!(matches!(registered, Response::Registered { .. }), "{registered:?}");
    let package = veche_mls::generate_key_package(
        &mallory.engine,
        &mallory.keep,
        &mallory.identity,
        Suite::PostQuantum,
        false,
    );
    let publish = SignedRequest::PublishKeyPackages {
        suite: Suite::PostQuantum.number(),
        packages: vec![package.expect("a KeyPackage can be made")],
        last_resort: None,
    };
    mallory.outsider.ask_signed(&mallory.identity, &publish);
    let want = Command::CreateGroup { title: "trap".to_owned(), members: vec!["mallory".into()] };
    let Ok(veche_client::Reply::Intent(intent)) = ana.want(want) else { panic!("not taken") };
    world.wait_ms(60_000);
    assert!(matches!(ana.outcome(intent), Settled::Failed(_)), "{:?}", ana.outcome(intent));
    world.settle();
}

#[test]
fn the_last_resort_is_with_the_server_however_the_first_connection_ended() {
    for ms in (5..200).step_by(5) {
        let mut world = World::seeded(4);
        let ana = world.newcomer("ana");
        let server = world.server_address();
        ana.want(Command::Register { server, name: "ana".to_owned(), invite: None })
            .expect("a registration is taken");
        world.wait_ms(ms);
        world.cut_off(&ana);
        world.reconnect(&ana);
        world.settle();
        let mut stranger = world.outsider();
        let who = Who::Username("ana".to_owned());
        let asked = stranger.ask(Request::Lookup { who, permit: Permit::Open });
        let Response::Account(record) = asked else { panic!("{asked:?}") };
        let device = record.devices[0].certificate.device;
        for suite in Suite::ALL {
            let suite = suite.number();
            for taken in 0..200 {
                let take = Request::TakeKeyPackage { device, suite, permit: Permit::Open };
                let answer = stranger.ask(take);
                assert!(
                    matches!(answer, Response::KeyPackage { .. }),
                    "cut after {ms} ms, suite {suite}: none is left after {taken}"
                );
            }
        }
    }
}

#[test]
fn who_is_blocked_is_not_written_to_by_mistake() {
    let mut world = World::seeded(5);
    let [ana, bo] = world.people(["ana", "bob"]);
    world.acquaint(&ana, &bo);
    bo.want(Command::Block { name: "ana".to_owned(), blocked: true }).expect("a block is taken");
    for intent in [bo.open_direct(&ana), bo.add_contact(&ana)] {
        let Settled::Failed(words) = world.settled(&bo, intent) else { panic!("it was done") };
        assert_eq!(words, "you have blocked ana: `veche unblock ana` first");
    }
    bo.want(Command::Block { name: "ana".to_owned(), blocked: false }).expect("so is its end");
    let contacts = bo.look(|client| client.contacts().expect("contacts can be read"));
    assert_eq!(contacts.len(), 1, "ana is a contact again");
    let group = ana.make_group("harvest", &[&bo]);
    world.settle();
    assert!(bo.chat(ana.chat_of(group)).is_some(), "who need not ask");
}
