//! A server that lies (docs/protocol.md, rules 13 and 14): nobody is added in the dark.

use std::cell::RefCell;
use std::rc::Rc;

use veche_client::Settled;
use veche_testing::{Person, World};
use veche_wire::{AccountRecord, LogId, Request, Response, ServerFrame};

/// A group of Ana, who knows Bob; Mallory, whom the server would like to bring in; and what the
/// directory says of Mallory.
struct Stage {
    world: World,
    ana: Person,
    bo: Person,
    group: LogId,
    mallory: AccountRecord,
    package: Vec<u8>,
}

fn stage(seed: u64) -> Stage {
    let mut world = World::seeded(seed);
    let [ana, bo, mallory] = world.people(["ana", "bob", "mallory"]);
    let group = world.group("harvest", [&ana]);
    world.acquaint(&ana, &bo);
    // The server knows everything about Mallory, so it can say it at the wrong moment.
    let heard = Rc::new(RefCell::new((None, None)));
    let hears = Rc::clone(&heard);
    world.make_dishonest(move |frame| match response(frame) {
        Some(Response::Account(record)) => hears.borrow_mut().0 = Some(record.clone()),
        Some(Response::KeyPackage { bytes }) => hears.borrow_mut().1 = Some(bytes.clone()),
        _ => {}
    });
    ana.open_direct(&mallory);
    world.settle();
    world.make_honest();
    let (record, package) = heard.take();
    let (mallory, package) = (record.expect("a look-up"), package.expect("a KeyPackage"));
    Stage { world, ana, bo, group, mallory, package }
}

fn response(frame: &mut ServerFrame) -> Option<&mut Response> {
    match frame {
        ServerFrame::Answer { response, .. } => Some(response),
        ServerFrame::Push(_) => None,
    }
}

impl Stage {
    /// Ana adds Bob while the server lies: it fails with these words, and nobody has come in.
    fn refuses(&mut self, words: &str) {
        let intent = self.ana.add(self.group, &self.bo);
        let settled = self.world.settled(&self.ana, intent);
        assert!(
            matches!(&settled, Settled::Failed(reason) if reason.contains(words)),
            "{settled:?}"
        );
        assert_eq!(self.ana.members(self.group), "ana (owner)");
        self.world.make_honest();
        let intent = self.ana.add(self.group, &self.bo);
        let settled = self.world.settled(&self.ana, intent);
        assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
        assert_eq!(self.ana.members(self.group), "ana (owner), bob");
    }
}

#[test]
fn promise_7_a_swapped_key_package_adds_nobody() {
    let mut stage = stage(71);
    let package = stage.package.clone();
    stage.world.make_dishonest(move |frame| {
        if let Some(Response::KeyPackage { bytes }) = response(frame) {
            bytes.clone_from(&package);
        }
    });
    stage.refuses("the KeyPackage of bob is not valid");
}

#[test]
fn promise_7_a_swapped_account_is_noticed() {
    let mut stage = stage(72);
    let mallory = stage.mallory.clone();
    stage.world.make_dishonest(move |frame| {
        if let Some(Response::Account(record)) = response(frame) {
            *record = mallory.clone();
        }
    });
    stage.refuses("the server");
}

#[test]
fn promise_7_a_device_that_the_account_has_not_certified_is_not_added() {
    let mut stage = stage(73);
    let mallory = stage.mallory.clone();
    stage.world.make_dishonest(move |frame| {
        if let Some(Response::Account(record)) = response(frame) {
            // Beside Bob's device, one of Mallory's under Bob's name, twice: with its own certificate,
            // and with one that claims to be of Bob's account.
            let mut foreign = mallory.devices.clone();
            record.devices.append(&mut foreign.clone());
            for device in &mut foreign {
                device.certificate.account = record.account;
            }
            record.devices.append(&mut foreign);
        }
    });
    stage.world.record();
    let intent = stage.ana.add(stage.group, &stage.bo);
    let settled = stage.world.settled(&stage.ana, intent);
    assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
    assert_eq!(stage.ana.members(stage.group), "ana (owner), bob");
    let mut asked_for = Vec::new();
    for frame in stage.world.recorded() {
        match frame.request {
            Request::TakeKeyPackage { device, .. } => asked_for.push(device),
            Request::Deliver(delivery) => asked_for.push(delivery.device),
            _ => {}
        }
    }
    let malls = stage.mallory.devices[0].certificate.device;
    assert!(asked_for.len() >= 2 && !asked_for.contains(&malls), "{asked_for:?}");
}

#[test]
fn promise_7_a_swapped_inbox_key_reads_no_welcome() {
    let mut stage = stage(74);
    let mallory = stage.mallory.clone();
    stage.world.make_dishonest(move |frame| {
        if let Some(Response::Account(record)) = response(frame) {
            for (device, other) in record.devices.iter_mut().zip(&mallory.devices) {
                device.inbox_key.clone_from(&other.inbox_key);
            }
        }
    });
    stage.refuses("no device of theirs that can be verified");
}
