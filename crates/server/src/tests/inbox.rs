//! First contacts and Welcomes.

use veche_wire::{
    BlobId, Delivery, InboxEntry, InboxPass, Permit, Push, Refused, Request, Response, Seq,
    SignedRequest, Token, limits,
};

use super::directory::Person;
use super::stage::{Stage, entry_id, hash, refused, stage};
use crate::ConnectionId;
use crate::storage::Memory;

const INVITE: Token = Token([4; 32]);

fn delivery(to: &Person, number: u64) -> Delivery {
    Delivery {
        device: to.device_id(),
        id: entry_id(number),
        pass: InboxPass::Invite(INVITE),
        needs: None,
        bytes: vec![9; 500],
    }
}

fn ana_with_invite() -> (Stage<Memory>, ConnectionId, Person) {
    let mut stage = stage();
    let id = stage.connect();
    let ana = Person::new(1, 1);
    stage.register(id, &ana, "ana");
    let set = SignedRequest::SetInvites { hashes: vec![hash(&INVITE), hash(&Token([5; 32]))] };
    assert_eq!(stage.ask_as(id, &ana, &set), Response::Done);
    (stage, id, ana)
}

fn seqs(pushes: Vec<Push>) -> Vec<Seq> {
    let seqs = |push| match push {
        Push::Inbox { entries } => entries.into_iter().map(|entry: InboxEntry| entry.seq),
        other => panic!("{other:?}"),
    };
    pushes.into_iter().flat_map(seqs).collect()
}

#[test]
fn an_envelope_waits_for_its_device_until_it_is_erased() {
    let (mut stage, id, ana) = ana_with_invite();
    let bo = stage.connect();
    assert_eq!(stage.ask(bo, Request::Deliver(delivery(&ana, 1))), Response::Done);
    assert_eq!(stage.ask(bo, Request::Deliver(delivery(&ana, 1))), Response::Done, "again");

    let subscribed = stage.ask_as(id, &ana, &SignedRequest::SubscribeInbox);
    assert_eq!(subscribed, Response::InboxSubscribed { head: 1 });
    let envelope = InboxEntry { seq: 1, id: entry_id(1), bytes: vec![9; 500] };
    assert_eq!(stage.pushed(id), [Push::Inbox { entries: vec![envelope] }]);
    stage.ask(bo, Request::Deliver(delivery(&ana, 2)));
    assert_eq!(seqs(stage.pushed(id)), [2], "then what comes");

    // It comes again until the device says that it keeps it.
    stage.ask_as(id, &ana, &SignedRequest::SubscribeInbox);
    assert_eq!(seqs(stage.pushed(id)), [1, 2]);
    let erase = SignedRequest::EraseInbox { up_to: 1 };
    assert_eq!(stage.ask_as(id, &ana, &erase), Response::Done);
    assert_eq!(
        stage.ask_as(id, &ana, &SignedRequest::SubscribeInbox),
        Response::InboxSubscribed { head: 2 }
    );
    assert_eq!(seqs(stage.pushed(id)), [2]);
    assert_eq!(seqs(stage.pushed(bo)), [] as [Seq; 0], "nobody else reads it");
}

#[test]
fn a_stranger_needs_the_invite_or_a_permit() {
    let (mut stage, id, ana) = ana_with_invite();
    let with = |pass| Request::Deliver(Delivery { pass, ..delivery(&ana, 1) });
    let wrong = with(InboxPass::Invite(Token([6; 32])));
    assert_eq!(stage.ask(id, wrong), refused(Refused::Forbidden));
    assert_eq!(stage.ask(id, with(InboxPass::Permit(Permit::Open))), Response::Done);

    // An invite that was taken back is no right any more.
    stage.ask_as(id, &ana, &SignedRequest::SetInvites { hashes: vec![] });
    let late = Request::Deliver(delivery(&ana, 2));
    assert_eq!(stage.ask(id, late), refused(Refused::Forbidden));
    let nobody = Request::Deliver(delivery(&Person::new(8, 8), 3));
    assert_eq!(stage.ask(id, nobody), refused(Refused::NotFound));
    let many = SignedRequest::SetInvites { hashes: vec![hash(&INVITE); 65] };
    assert_eq!(stage.ask_as(id, &ana, &many), refused(Refused::TooLarge { limit: 64 }));
}

#[test]
fn an_inbox_has_bounds() {
    let (mut stage, id, ana) = ana_with_invite();
    let large = Delivery { bytes: vec![0; limits::INBOX_BYTES_MAX + 1], ..delivery(&ana, 1) };
    let limit = limits::INBOX_BYTES_MAX as u64;
    assert_eq!(stage.ask(id, Request::Deliver(large)), refused(Refused::TooLarge { limit }));
    let needs = Some(BlobId([3; 32]));
    let missing = Request::Deliver(Delivery { needs, ..delivery(&ana, 1) });
    assert_eq!(stage.ask(id, missing), refused(Refused::MissingBlob));

    for number in 1..=limits::INBOX_ENTRIES_MAX as u64 {
        let delivered = stage.ask(id, Request::Deliver(delivery(&ana, number)));
        assert_eq!(delivered, Response::Done);
    }
    assert_eq!(stage.ask(id, Request::Deliver(delivery(&ana, 5_000))), refused(Refused::Full));
    assert_eq!(stage.ask(id, Request::Deliver(delivery(&ana, 7))), Response::Done, "it is there");
    stage.ask_as(id, &ana, &SignedRequest::SubscribeInbox);
    assert_eq!(seqs(stage.pushed(id)), (1..=1_000).collect::<Vec<_>>());
    stage.ask_as(id, &ana, &SignedRequest::EraseInbox { up_to: 1_000 });
    assert_eq!(stage.ask(id, Request::Deliver(delivery(&ana, 5_000))), Response::Done);
    assert_eq!(seqs(stage.pushed(id)), [1_001]);
}

#[test]
fn only_a_registered_device_has_an_inbox() {
    let mut stage = stage();
    let id = stage.connect();
    let nobody = Person::new(1, 1);
    let requests = [
        SignedRequest::SubscribeInbox,
        SignedRequest::EraseInbox { up_to: 1 },
        SignedRequest::SetInvites { hashes: vec![] },
    ];
    for request in requests {
        assert_eq!(stage.ask_as(id, &nobody, &request), refused(Refused::NotFound));
    }
}
