//! People who mean harm and have the link to join a group by.

use veche_client::{ChatState, Command, Role, Settled};
use veche_mls::{
    DeviceKeys, Engine, Identity, JoinRequest, MemoryKeep, Phrase, RiderPlace, RiderPlan, Suite,
};
use veche_testing::world::Outsider;
use veche_testing::{Dice, Person, World};
use veche_wire::{
    Append, EntryId, JoinLink, Kind, LogId, Permit, Request, Response, SignedRequest, TokenHash,
    TokenHashes,
};

const MINUTE: u64 = 60_000;

/// Somebody with an account and no honest client.
struct Stranger {
    outsider: Outsider,
    engine: Engine,
    keep: MemoryKeep,
    identity: Identity,
    dice: Dice,
    asked: u64,
}

/// A stranger whose keys in groups come from `keys`: of two with the same, these are the same.
fn stranger(world: &mut World, (seed, keys): (u64, u64)) -> Stranger {
    let mut dice = Dice::seeded(seed, 0);
    let phrase = Phrase::generate(&mut dice);
    let own = DeviceKeys::generate(&Engine::new(Box::new(Dice::seeded(seed, 1))));
    let certificate = phrase.account_key().certify(&own);
    let identity = Identity::new(certificate, own).expect("the certificate is of these keys");
    let engine = Engine::new(Box::new(Dice::seeded(keys, 2)));
    let (outsider, keep, asked) = (world.outsider(), MemoryKeep::default(), world.now());
    Stranger { outsider, engine, keep, identity, dice, asked }
}

impl Stranger {
    /// Registers a username, which the directory then signs.
    fn register(mut self, name: &str) -> Self {
        let register = SignedRequest::Register {
            device: Box::new(self.identity.record()),
            username: Some(name.to_owned()),
            permit: Permit::Open,
        };
        let registered = self.outsider.ask_signed(&self.identity, &register);
        let Response::Registered { name: Some(name) } = registered else {
            panic!("not registered: {registered:?}")
        };
        self.identity = self.identity.with_name(name);
        self
    }

    fn request(&self, door: LogId) -> JoinRequest {
        let (engine, keep) = (&self.engine, &self.keep);
        let suite = Suite::PostQuantum;
        let package = veche_mls::generate_key_package(engine, keep, &self.identity, suite, false);
        JoinRequest::new(
            &self.identity,
            door,
            package.expect("a KeyPackage can be made"),
            (None, self.asked),
        )
    }

    fn append(&self, link: &JoinLink, id: EntryId, bytes: Vec<u8>) -> Append {
        Append {
            log: link.door,
            token: veche_mls::door_write_token(&link.secret),
            id,
            kind: Kind::Control,
            after_commit: 0,
            prev: None,
            needs: None,
            commitment: None,
            rider: None,
            bytes,
        }
    }

    /// Writes to the door; answers the entry.
    fn write(&mut self, link: &JoinLink, id: EntryId, bytes: Vec<u8>) -> Append {
        let append = self.append(link, id, bytes);
        let answer = self.outsider.ask(Request::Append(append.clone()));
        assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
        append
    }

    fn knock(&mut self, link: &JoinLink, request: &JoinRequest) -> Append {
        let id = EntryId::random(&mut self.dice);
        let sealed = request.seal(&self.engine, (&link.secret, &link.key), &id);
        self.write(link, id, sealed.expect("the link has a key"))
    }
}

fn linked(world: &mut World) -> ([Person; 2], LogId, JoinLink) {
    let [ana, bo] = world.people(["ana", "bob"]);
    let group = world.group("assembly", [&ana, &bo]);
    let made = ana.make_link(group, (false, None, None));
    world.settled(&ana, made);
    world.settle();
    let link = ana.link(group);
    ([ana, bo], group, link)
}

#[test]
fn one_who_asks_with_a_broken_key_stops_nobody() {
    let mut world = World::seeded(51);
    let ([ana, bo], group, link) = linked(&mut world);
    // Two accounts ask with the same encryption key: no tree can have both.
    let mut first = stranger(&mut world, (1, 9)).register("mallory");
    let mut second = stranger(&mut world, (2, 9)).register("mirror");
    world.cut_off(&ana);
    for stranger in [&mut first, &mut second] {
        let request = stranger.request(link.door);
        stranger.knock(&link, &request);
    }
    let guests = ["cyd", "dan", "eve"].map(|name| world.person(name));
    for person in &guests {
        person.knock(&link);
    }
    world.reconnect(&ana);
    world.wait_ms(MINUTE);
    world.settle();
    for person in &guests {
        assert_eq!(person.chat(group).map(|chat| chat.state), Some(ChatState::Active));
    }
    let members = bo.members(group);
    let both = members.contains("mallory") && members.contains("mirror");
    assert!(!both, "{members}");
    guests[0].say(group, "we are in");
    world.settle();
    assert!(bo.screen(group).ends_with("cyd: we are in"));
}

#[test]
fn junk_at_the_door_lets_nobody_in_and_keeps_nobody_out() {
    let mut world = World::seeded(52);
    let ([ana, bo], group, link) = linked(&mut world);
    let mut mallory = stranger(&mut world, (1, 1)).register("mallory");
    let mut eve = stranger(&mut world, (3, 3));
    for round in 0..20 {
        let id = EntryId::random(&mut mallory.dice);
        mallory.write(&link, id, vec![round; 300]);
    }
    // Without a name of the directory, with a request for another door, and with one made for her.
    let unnamed = eve.request(link.door);
    eve.knock(&link, &unnamed);
    let elsewhere = mallory.request(LogId([3; 16]));
    mallory.knock(&link, &JoinRequest { door: link.door, ..elsewhere });
    let stolen = eve.request(link.door).key_package;
    let forged = JoinRequest::new(&mallory.identity, link.door, stolen, (None, mallory.asked));
    mallory.knock(&link, &forged);
    let cyd = world.person("cyd");
    cyd.knock(&link);
    world.wait_ms(MINUTE);
    world.settle();
    assert_eq!(ana.members(group), "ana (owner), bob, cyd");
    assert_eq!(bo.members(group), ana.members(group));
    assert_eq!(world.complaints(), Vec::<String>::new());
}

/// The server shows an old request again, or somebody who has read it writes it again.
#[test]
fn an_old_request_does_not_bring_back_who_has_left() {
    let mut world = World::seeded(53);
    let ([ana, bo], group, link) = linked(&mut world);
    ana.role(group, &bo, Role::Admin);
    world.settle();
    // Bob reads the door only after Mallory has come and gone.
    world.cut_off(&bo);
    let mut mallory = stranger(&mut world, (1, 1)).register("mallory");
    let request = mallory.request(link.door);
    let append = mallory.knock(&link, &request);
    world.wait_ms(MINUTE);
    assert_eq!(ana.members(group), "ana (owner), bob (admin), mallory");
    let names = vec!["mallory".to_owned()];
    ana.want(Command::RemoveMembers { chat: group, names }).expect("it is taken");
    world.settle();
    // The same bytes under the same id, under another, and the same request sealed anew.
    mallory.write(&link, append.id, append.bytes.clone());
    let other = EntryId::random(&mut mallory.dice);
    mallory.write(&link, other, append.bytes);
    mallory.knock(&link, &request);
    world.reconnect(&bo);
    world.wait_ms(10 * MINUTE);
    world.settle();
    assert_eq!(bo.members(group), "ana (owner), bob (admin)");
    // Nor does what was asked long ago.
    world.wait_ms(15 * 24 * 60 * MINUTE);
    let mut late = stranger(&mut world, (2, 2)).register("latecomer");
    late.asked -= 14 * 24 * 60 * MINUTE;
    let request = late.request(link.door);
    late.knock(&link, &request);
    world.wait_ms(MINUTE);
    assert_eq!(ana.members(group), "ana (owner), bob (admin)");
}

/// A member who reads the door answers in the place of those who may.
#[test]
fn another_group_is_no_answer() {
    let mut world = World::seeded(54);
    let ([ana, bo], group, link) = linked(&mut world);
    let other = world.group("assembly", [&bo]);
    world.cut_off(&ana);
    let cyd = world.person("cyd");
    cyd.knock(&link);
    world.wait_ms(1_000);
    // Bob adds her elsewhere: that is a request like any other.
    bo.add(other, &cyd);
    world.wait_ms(MINUTE);
    assert!(cyd.chats().is_empty(), "{:?}", cyd.chats());
    assert_eq!(cyd.requests().len(), 1);
    world.reconnect(&ana);
    world.wait_ms(MINUTE);
    assert_eq!(cyd.chats().len(), 1);
    assert_eq!(cyd.members(group), "ana (owner), bob, cyd");
}

/// Any member can derive the door's admin key.
#[test]
fn a_door_with_other_tokens_is_left_alone_until_there_is_a_new_one() {
    let mut world = World::seeded(55);
    let ([ana, _], group, link) = linked(&mut world);
    let mut mallory = stranger(&mut world, (1, 1));
    let secret = ana.look(|client| client.door_secret(group)).expect("a door has a secret");
    let id = EntryId::random(&mut mallory.dice);
    let plan = RiderPlan { generation: Some(1), ..RiderPlan::default() };
    let place = RiderPlace { log: link.door, id, kind: Kind::Rotate, bytes: &[] };
    let garbage = TokenHashes { read: TokenHash([1; 32]), write: TokenHash([2; 32]) };
    let rider = secret.admin_secret().sign_rider(&plan, garbage, &place);
    let rotated = mallory.outsider.ask(Request::Append(Append {
        rider: Some(rider),
        kind: Kind::Rotate,
        ..mallory.append(&link, id, Vec::new())
    }));
    assert!(matches!(rotated, Response::Appended { .. }), "{rotated:?}");
    world.settle();
    world.restart(&ana);
    world.wait_ms(10 * MINUTE);
    world.settle();
    let cyd = world.person("cyd");
    let asked = cyd.knock(&link);
    assert!(matches!(world.settled(&cyd, asked), Settled::Failed(_)));
    let made = ana.make_link(group, (false, None, None));
    assert!(matches!(world.settled(&ana, made), Settled::Done(_)));
    cyd.knock(&ana.link(group));
    world.wait_ms(MINUTE);
    assert_eq!(ana.members(group), "ana (owner), bob, cyd");
}
