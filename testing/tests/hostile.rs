//! People who mean harm, or whose programs do: what they can spoil, and for whom.

use sha2::{Digest, Sha256};
use veche_client::{ChatState, Command, MessageState, Mutant, Settled};
use veche_mls::{
    AdminSecret, BlobRef, Bound, Change, ChatKind, DeviceKeys, Engine, Envelope, GenerationSecret,
    Gone, Group, Identity, Invitation, JudgeContext, MemoryKeep, Phrase, Policy, RiderPlace,
    RiderPlan, Suite, Transcript, Verdict,
};
use veche_testing::world::{Outsider, Sabotage};
use veche_testing::{Dice, Person, World};
use veche_wire::{
    Append, BlobId, Delivery, DeviceRecord, Entry, EntryId, InboxPass, Kind, LogId, Permit, Random,
    Request, Response, Rider, SignedRequest, Token, TokenHash, TokenHashes, Who,
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
    fn device_of(&mut self, name: &str) -> DeviceRecord {
        let who = Who::Username(name.to_owned());
        let asked = self.outsider.ask(Request::Lookup { who, permit: Permit::Open });
        let Response::Account(record) = asked else { panic!("{name} is unknown: {asked:?}") };
        record.devices[0].clone()
    }

    /// Puts a sealed tree where an invitation can point to.
    fn upload(&mut self, key: [u8; 32], sealed: Vec<u8>) -> BlobRef {
        let blob = BlobId::random(&mut self.dice);
        let (size, sha256) = (sealed.len() as u64, Sha256::digest(&sealed).into());
        let permit = Permit::Open;
        self.outsider.ask(Request::PutBlob { blob, offset: 0, total: size, bytes: sealed, permit });
        BlobRef { blob, key, size, sha256 }
    }

    /// Puts an envelope into the inbox of somebody with this name.
    fn deliver(&mut self, name: &str, envelope: &Envelope) {
        let device = &self.device_of(name);
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

    /// An invitation into a group of her own, of which she says that it is that of `log`.
    fn usurpation(&mut self, log: LogId, name: &str, commit_seq: u64) -> Envelope {
        let device = self.device_of(name).certificate.device;
        let suite = Suite::PostQuantum;
        let permit = Permit::Open;
        let take = Request::TakeKeyPackage { device, suite: suite.number(), permit };
        let taken = self.outsider.ask(take);
        let Response::KeyPackage { bytes: package } = taken else { panic!("{taken:?}") };
        let Self { engine, keep, identity, dice, .. } = self;
        let policy = Policy::group("usurped", identity.account());
        let mut group = Group::create(engine, keep, identity, log, suite, policy)
            .expect("a group can be made under any number");
        let commit = EntryId::random(dice);
        let change = Change { adds: vec![package], ..Change::default() };
        let bound = Bound::new(log, commit, Kind::Commit);
        let draft = group.commit(engine, keep, identity, &change, &bound);
        let draft = draft.expect("somebody can be added");
        let (key, sealed) = veche_mls::seal_tree(dice, &draft.tree);
        let tree = self.upload(key, sealed);
        Envelope::Invitation(Box::new(Invitation {
            log,
            suite,
            kind: ChatKind::Group,
            title: "usurped".to_owned(),
            welcome: draft.joiners[0].welcome.clone(),
            tree,
            commit,
            commit_seq,
            transcript: [0; 32],
            generation: 0,
            generation_secret: GenerationSecret::from_bytes([5; 32]),
            display_name: None,
        }))
    }

    /// An invitation into `log` that cannot be used.
    fn invitation(&mut self, log: LogId, commit_seq: u64) -> Envelope {
        let (key, sealed) = veche_mls::seal_tree(&mut self.dice, b"no tree");
        let tree = self.upload(key, sealed);
        Envelope::Invitation(Box::new(Invitation {
            log,
            suite: Suite::PostQuantum,
            kind: ChatKind::Group,
            title: "harvest".to_owned(),
            welcome: b"no welcome".to_vec(),
            tree,
            commit: EntryId::random(&mut self.dice),
            commit_seq,
            transcript: [0; 32],
            generation: 0,
            generation_secret: GenerationSecret::from_bytes([5; 32]),
            display_name: None,
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
    // What he missed is said to him again.
    assert_eq!(bo.screen(group), "cyd: where is bob?\ncyd: there you are");
}

#[test]
fn an_invitation_that_waited_is_taken_from_members_only() {
    let mut world = World::seeded(19);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana, &bo]);
    world.cut_off(&bo);
    ana.rename(group, "sowing");
    world.settle();
    world.forget_old_entries();
    ana.say(group, "where is bob?");
    world.settle();
    // It comes while Bob has his place, out of which nothing talks him; then he hears that he has lost it.
    let mut mallory = stranger(&mut world, 190);
    let usurpation = mallory.usurpation(group, "bob", 1_000);
    mallory.deliver("bob", &usurpation);
    world.reconnect(&bo);
    world.wait_ms(60_000);
    world.settle();
    bo.say(group, "here");
    world.settle();
    // Bob was never in Mallory's group, where what he says would be hers to read.
    for person in [&ana, &bo] {
        assert_eq!(person.screen(group), "ana: where is bob?\nbob: here");
    }
    assert_eq!(bo.notices().len(), 1, "{:?}", bo.notices());
}

/// Bob has accepted mallory's invitation into ana's group, which cannot be used, and asks for another.
struct Dupe {
    world: World,
    mallory: Stranger,
    ana: Person,
    bo: Person,
    group: LogId,
}

fn dupe(seed: u64) -> Dupe {
    let mut world = World::seeded(seed);
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("harvest", [&ana]);
    let mut mallory = stranger(&mut world, 10 * seed);
    let invitation = mallory.invitation(group, 5);
    mallory.deliver("bob", &invitation);
    world.settle();
    bo.accept_all();
    world.wait_ms(20_000);
    assert_eq!(bo.chat(group).expect("he has the chat").state, ChatState::Repairing);
    Dupe { world, mallory, ana, bo, group }
}

#[test]
fn an_answer_to_another_question_puts_nobody_out() {
    let Dupe { mut world, mut mallory, bo, group, .. } = dupe(9);
    // Who invited him is whom he asks; but this answers nothing that he has asked.
    let gone = Gone { log: group, request: [7; 32] };
    mallory.deliver("bob", &Envelope::Gone(gone));
    world.wait_ms(20_000);
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Repairing);
}

#[test]
fn nobody_from_outside_takes_a_chat_elsewhere() {
    let mut world = World::seeded(12);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    let mut mallory = stranger(&mut world, 120);
    let successor = |mallory: &mut Stranger, log: u8| {
        let Envelope::Invitation(invitation) = mallory.invitation(LogId([log; 16]), 5) else {
            panic!("an invitation is one");
        };
        mallory.deliver("bob", &Envelope::Successor { predecessor: group, invitation });
    };
    // Whoever has learnt the log's id asks like any other stranger: of who follows it,
    successor(&mut mallory, 1);
    world.settle();
    assert_eq!(bo.requests().len(), 1);
    // and of who has waited in vain for members.
    world.cut_off(&bo);
    ana.say(group, "soon forgotten");
    world.settle();
    world.forget_old_entries();
    for person in [&ana, &cyd] {
        world.cut_off(person);
    }
    world.reconnect(&bo);
    world.wait_ms(30 * 60_000);
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Repairing);
    successor(&mut mallory, 2);
    world.wait_ms(60 * 60_000);
    assert_eq!(bo.requests().len(), 2);
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Repairing);
    // Nor where the person takes it for an invitation like any other.
    bo.accept_all();
    world.wait_ms(60_000);
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Repairing);
    world.reconnect(&ana);
    world.wait_ms(10 * 60_000);
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Active);
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
    let want = Command::CreateGroup {
        title: "trap".to_owned(),
        members: vec!["mallory".into()],
        large: false,
    };
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

/// A group that a stranger has made, with one honest member.
struct Trap {
    mallory: Stranger,
    group: Group,
    admin: AdminSecret,
    log: LogId,
    /// Writes, until something rotates.
    token: Token,
    head: u64,
}

fn trap(world: &mut World, seed: u64, bo: &Person) -> Trap {
    let mut mallory = stranger(world, seed);
    let Stranger { engine, keep, identity, dice, .. } = &mut mallory;
    let log = LogId::random(dice);
    let admin = AdminSecret::generate(dice);
    let mut policy = Policy::group("trap", identity.account());
    policy.admin_keys.insert(admin.public(), identity.account());
    let group = Group::create(engine, keep, identity, log, Suite::PostQuantum, policy);
    let group = group.expect("a group can be made");
    let secret = group.generation_secret(engine, 0).expect("it is inside");
    let (tokens, token) = (secret.token_hashes(&log, 0), secret.write_token(&log, 0));
    let admins = vec![admin.public()];
    let create = Request::Create { log, tokens, admins, permit: Permit::Open };
    assert_eq!(mallory.outsider.ask(create), Response::Done);
    let mut trap = Trap { mallory, group, admin, log, token, head: 0 };
    trap.take_in(bo, secret);
    world.settle();
    bo.accept_all();
    world.settle();
    trap.head = world.kinds(log).len() as u64;
    trap
}

impl Trap {
    /// Appends a commit entry, with a rider where there is a plan for one.
    fn append(&mut self, id: EntryId, bytes: Vec<u8>, rider: Option<Rider>) -> Entry {
        let append = Append {
            log: self.log,
            token: self.token,
            id,
            kind: Kind::Commit,
            after_commit: self.head,
            prev: None,
            needs: None,
            commitment: None,
            rider: rider.clone(),
            bytes: bytes.clone(),
        };
        let taken = self.mallory.outsider.ask(Request::Append(append));
        let Response::Appended { seq } = taken else { panic!("not taken: {taken:?}") };
        self.head = seq;
        Entry { seq, id, kind: Kind::Commit, commitment: None, bytes, rider }
    }

    fn take_in(&mut self, person: &Person, secret: GenerationSecret) {
        let device = self.mallory.device_of(person.name()).certificate.device;
        let suite = Suite::PostQuantum.number();
        let take = Request::TakeKeyPackage { device, suite, permit: Permit::Open };
        let taken = self.mallory.outsider.ask(take);
        let Response::KeyPackage { bytes: package } = taken else { panic!("{taken:?}") };
        let Stranger { engine, keep, identity, dice, .. } = &mut self.mallory;
        let id = EntryId::random(dice);
        let change = Change { adds: vec![package], ..Change::default() };
        let key = self.group.entry_key(engine).expect("it is inside");
        let bound = Bound::new(self.log, id, Kind::Commit);
        let draft = self.group.commit(engine, keep, identity, &change, &bound);
        let draft = draft.expect("somebody can be added");
        let sealed = key.seal(dice, &self.log, &id, Kind::Commit, &draft.mls_bytes);
        let entry = self.append(id, sealed, None);
        let Stranger { engine, keep, dice, .. } = &mut self.mallory;
        let context = JudgeContext { current_generation: 0 };
        let verdict = self.group.judge(engine, keep, (&entry, &draft.mls_bytes), &context);
        let Verdict::Apply(judged) = verdict else { panic!("{verdict:?}") };
        self.group.merge_own(engine, keep, *judged).expect("it is pending");
        let (key, sealed) = veche_mls::seal_tree(dice, &draft.tree);
        let tree = self.mallory.upload(key, sealed);
        let envelope = Envelope::Invitation(Box::new(Invitation {
            log: self.log,
            suite: Suite::PostQuantum,
            kind: ChatKind::Group,
            title: "trap".to_owned(),
            display_name: None,
            welcome: draft.joiners[0].welcome.clone(),
            tree,
            commit: id,
            commit_seq: entry.seq,
            transcript: Transcript::next(&Transcript::START, &entry, 0),
            generation: 0,
            generation_secret: secret,
        }));
        self.mallory.deliver(person.name(), &envelope);
    }
}

#[test]
fn an_admin_who_locks_everybody_out_keeps_nobody_busy() {
    let mut world = World::seeded(7);
    let bo = world.person("bob");
    let mut trap = trap(&mut world, 70, &bo);
    assert_eq!(bo.chat(trap.log).unwrap().state, ChatState::Active);
    world.wait_ms(10_000);
    // The server takes the rotation; every member skips the commit that it rides on.
    let mut bytes = vec![0; 300];
    trap.mallory.dice.fill(&mut bytes);
    let id = EntryId::random(&mut trap.mallory.dice);
    let plan = RiderPlan { generation: Some(1), ..RiderPlan::default() };
    let tokens = TokenHashes { read: TokenHash([1; 32]), write: TokenHash([2; 32]) };
    let place = RiderPlace { log: trap.log, id, kind: Kind::Commit, bytes: &bytes };
    let rider = trap.admin.sign_rider(&plan, tokens, &place);
    trap.append(id, bytes.clone(), Some(rider));
    world.record();
    world.wait_ms(60_000);
    let asked = world.recorded().len();
    assert!(asked < 60, "bob asks {asked} times in a minute");
    let notices = bo.notices();
    assert!(notices.iter().any(|words| words.contains("new tokens")), "{notices:?}");
    let pending = bo.look(|client| client.pending().expect("it can be counted"));
    assert!(pending.caught_up, "other chats do not wait for this one");
}

#[test]
fn a_chat_that_the_server_does_not_know_holds_no_other_up() {
    let mut world = World::seeded(8);
    let [ana, bo] = world.people(["ana", "bob"]);
    let chat = world.chat([&ana, &bo]);
    let before = world.backup_server();
    let trap = trap(&mut world, 80, &bo);
    assert_eq!(bo.chat(trap.log).unwrap().state, ChatState::Active);
    // Its creator, who alone could make it again, does not.
    world.restore_server(before);
    world.wait_ms(30_000);
    let pending = bo.look(|client| client.pending().expect("it can be counted"));
    assert!(pending.caught_up, "{pending:?}");
    ana.say(chat, "all is well");
    world.wait_ms(10_000);
    assert_eq!(bo.screen(chat), "ana: all is well");
}

#[test]
fn nobody_is_put_out_of_a_group_by_being_added_again() {
    let dishonest = Sabotage { client: Some(Mutant::Dishonest), ..Sabotage::default() };
    let mut world = World::sabotaged(9, dishonest);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    ana.say(group, "before");
    world.settle();
    // A KeyPackage of anybody is to be had from the directory. Cyd, a plain member, takes ana's,
    // and tells ana nothing.
    cyd.add(group, &ana);
    world.wait_ms(1_000);
    world.restart(&ana);
    world.wait_ms(120_000);
    assert_eq!(ana.chat(group).unwrap().state, ChatState::Active);
    ana.say(group, "after");
    world.settle();
    assert_eq!(bo.screen(group), "ana: before\nana: after");
}

#[test]
fn a_chat_that_never_was_one_can_be_left() {
    let Dupe { mut world, ana, bo, group, .. } = dupe(11);
    let message = bo.say(group, "is anybody here?");
    bo.want(Command::Leave { chat: group }).expect("it can be left");
    world.settle();
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Left);
    let MessageState::Failed(words) = bo.message(group, message).unwrap().state else {
        panic!("the message waits for ever");
    };
    assert_eq!(words, "you have left this chat");
    // The real chat of that id is as open as any.
    world.acquaint(&ana, &bo);
    ana.add(group, &bo);
    world.settle();
    assert_eq!(bo.chat(group).unwrap().state, ChatState::Active);
}

#[test]
fn nobody_is_put_out_of_a_group_by_a_key_package_used_before() {
    let dishonest = Sabotage { client: Some(Mutant::Dishonest), ..Sabotage::default() };
    let mut world = World::sabotaged(10, dishonest);
    let [ana, bo, cyd] = world.people(["ana", "bob", "cyd"]);
    let group = world.group("harvest", [&ana, &bo, &cyd]);
    ana.say(group, "before");
    world.settle();
    let before = world.backup_server();
    let other = cyd.make_group("other", &[&ana]);
    world.settle();
    ana.accept_all();
    world.settle();
    assert!(ana.chat(cyd.chat_of(other)).is_some());
    // Every member has seen KeyPackages of the others that are used up; here the server gives out
    // one of them again.
    world.restore_server(before);
    world.wait_ms(60_000);
    cyd.add(group, &ana);
    world.wait_ms(180_000);
    assert_eq!(ana.chat(group).unwrap().state, ChatState::Active);
    ana.say(group, "after");
    world.settle();
    assert_eq!(bo.screen(group), "ana: before\nana: after");
}
