//! Groups of any size in which two devices are alive: one that sends, and one that receives.

use chacha20poly1305::aead::{AeadInPlace, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use veche_mls::{
    AdminSecret, Bound, Change, DeviceKeys, Draft, Engine, EntryRef, Group, Identity, JudgeContext,
    Judged, Keep, MemoryKeep, Opened, Payload, Phrase, Policy, Processed, Suite, Verdict,
    generate_key_package,
};
use veche_wire::{Entry, EntryId, Kind, LogId, limits};

use super::meter::Meter;
use super::{Stopped, words};
use crate::Dice;

/// What everybody says: 140 characters.
pub(super) const TEXT: [u8; 140] = [b'a'; 140];

/// A device without a store.
pub(super) struct Device {
    pub(super) engine: Engine,
    pub(super) identity: Identity,
}

impl Device {
    fn new(number: u64) -> Result<Self, Stopped> {
        let engine = Engine::new(Box::new(Dice::seeded(2, number)));
        let phrase = Phrase::generate(&mut engine.random());
        let keys = DeviceKeys::generate(&engine);
        let certificate = phrase.account_key().certify(&keys);
        let identity = Identity::new(certificate, keys).map_err(words)?;
        Ok(Self { engine, identity })
    }
}

/// The state of two members of a group, each in a store in memory.
pub(super) struct Crowd {
    pub(super) sender: Device,
    pub(super) receiver: Device,
    pub(super) sender_keep: MemoryKeep,
    pub(super) receiver_keep: MemoryKeep,
    pub(super) log: LogId,
    /// The commit with which the receiver and others, 500 at most, came in took the sender.
    pub(super) adding: Meter,
    /// To come in with a Welcome and the tree took the receiver.
    pub(super) joining: Meter,
    /// The size of the tree, in bytes.
    pub(super) tree_bytes: usize,
}

impl Crowd {
    /// A group with `leaves` devices, each of an account of its own. The sender has made it and
    /// added all others, by at most 500 in a commit; nobody else has committed anything.
    pub(super) fn gather(leaves: usize, suite: Suite) -> Result<Self, Stopped> {
        let (sender, receiver) = (Device::new(0)?, Device::new(1)?);
        let (sender_keep, receiver_keep) = (MemoryKeep::default(), MemoryKeep::default());
        let admin = AdminSecret::generate(&mut sender.engine.random());
        let log = LogId::random(&mut sender.engine.random());
        let mut policy = Policy::group("measured", sender.identity.account());
        policy.admin_keys.insert(admin.public(), sender.identity.account());
        let Device { engine, identity } = &sender;
        let mut group =
            Group::create(engine, &sender_keep, identity, log, suite, policy).map_err(words)?;
        let mut packages = strangers(2..leaves, suite)?;
        // The receiver comes last, so that it has no commits to follow.
        packages.push(package(&receiver, &receiver_keep, suite)?);
        let mut draft = None;
        let mut adding = Meter::default();
        for adds in packages.chunks(limits::ADDS_PER_COMMIT_MAX) {
            let change = Change { adds: adds.to_vec(), ..Change::default() };
            adding = Meter::default();
            let made = adding.time(|| commit(&mut group, &sender_keep, &sender, &change));
            let (entry, made) = made?;
            merge(&mut group, &sender_keep, &sender, &entry, &made.mls_bytes)?;
            draft = Some(made);
        }
        group.save(engine, &sender_keep).map_err(words)?;
        let draft = draft.ok_or("a group has two leaves at least")?;
        let joiner = draft
            .joiners
            .iter()
            .find(|one| one.credential.certificate.device == receiver.identity.device())
            .ok_or("the receiver was not added")?;
        let Device { engine, identity } = &receiver;
        let mut joining = Meter::default();
        joining
            .time(|| {
                Group::join(engine, &receiver_keep, identity, &joiner.welcome, &draft.tree, log)
            })
            .map_err(words)?;
        let tree_bytes = draft.tree.len();
        if group.leaf_count() != leaves {
            return Err(format!("{} leaves instead of {leaves}", group.leaf_count()));
        }
        Ok(Self { sender, receiver, sender_keep, receiver_keep, log, adding, joining, tree_bytes })
    }
}

/// KeyPackages of devices that nothing else is known of, by their numbers.
pub(super) fn strangers(
    numbers: std::ops::Range<usize>,
    suite: Suite,
) -> Result<Vec<Vec<u8>>, Stopped> {
    let one = |number| package(&Device::new(number as u64)?, &MemoryKeep::default(), suite);
    numbers.map(one).collect()
}

fn package(device: &Device, keep: &MemoryKeep, suite: Suite) -> Result<Vec<u8>, Stopped> {
    generate_key_package(&device.engine, keep, &device.identity, suite, false).map_err(words)
}

/// The group as it lies in `keep`.
pub(super) fn load(keep: &dyn Keep, log: LogId) -> Result<Group, Stopped> {
    Group::load(keep, log).map_err(words)?.ok_or_else(|| "the group is not in the store".to_owned())
}

/// Makes a commit and its entry, as `client::outbox` does; it stays pending.
pub(super) fn commit(
    group: &mut Group,
    keep: &dyn Keep,
    author: &Device,
    change: &Change,
) -> Result<(Entry, Draft), Stopped> {
    let id = EntryId::random(&mut author.engine.random());
    let bound = Bound::new(group.log(), id, Kind::Commit);
    let draft =
        group.commit(&author.engine, keep, &author.identity, change, &bound).map_err(words)?;
    let key = group.entry_key(&author.engine).map_err(words)?;
    let random = &mut author.engine.random();
    let bytes = key.seal(random, &group.log(), &id, Kind::Commit, &draft.mls_bytes);
    let entry = Entry { seq: 1, id, kind: Kind::Commit, commitment: None, bytes, rider: None };
    Ok((entry, draft))
}

/// The own commit has come back: it is judged, and merged.
pub(super) fn merge(
    group: &mut Group,
    keep: &dyn Keep,
    author: &Device,
    entry: &Entry,
    mls_bytes: &[u8],
) -> Result<(), Stopped> {
    let context = JudgeContext { current_generation: 0 };
    match group.judge(&author.engine, keep, (entry, mls_bytes), &context) {
        Verdict::Apply(judged) => {
            group.merge_own(&author.engine, keep, *judged).map(drop).map_err(words)
        }
        Verdict::Skip(reason) => Err(format!("the own commit is skipped: {reason}")),
    }
}

/// Another's commit comes in: opened and judged, as `client::inbox` does.
pub(super) fn judge(
    group: &mut Group,
    keep: &dyn Keep,
    reader: &Device,
    entry: &Entry,
) -> Result<Judged, Stopped> {
    let key = group.entry_key(&reader.engine).map_err(words)?;
    let bytes = key
        .open(&group.log(), &entry.id, entry.kind, &entry.bytes)
        .ok_or("the commit's entry does not open")?;
    let context = JudgeContext { current_generation: 0 };
    match group.judge(&reader.engine, keep, (entry, &bytes), &context) {
        Verdict::Apply(judged) => Ok(*judged),
        Verdict::Skip(reason) => Err(format!("the commit is skipped: {reason}")),
    }
}

/// What was judged is applied.
pub(super) fn apply(
    group: &mut Group,
    keep: &dyn Keep,
    reader: &Device,
    judged: Judged,
) -> Result<(), Stopped> {
    match group.process(&reader.engine, keep, judged).map_err(words)? {
        Processed::Applied(_) => Ok(()),
        other => Err(format!("the commit is not applied: {other:?}")),
    }
}

/// Seals a message and its entry, as `client::outbox` does.
pub(super) fn seal(
    group: &mut Group,
    keep: &dyn Keep,
    author: &Device,
    counter: u32,
) -> Result<Entry, Stopped> {
    let Device { engine, identity } = author;
    let id = EntryId::random(&mut engine.random());
    let payload = Payload::new(&mut engine.random(), TEXT.to_vec());
    let commitment = Some(payload.commitment());
    let bound = Bound { commitment, counter, ..Bound::new(group.log(), id, Kind::Message) };
    let mls = group.seal(engine, keep, identity, &bound, &payload.encode()).map_err(words)?;
    let key = group.entry_key(engine).map_err(words)?;
    let bytes = key.seal(&mut engine.random(), &group.log(), &id, Kind::Message, &mls);
    Ok(Entry { seq: 1, id, kind: Kind::Message, commitment, bytes, rider: None })
}

/// Opens a message, as `client::inbox` does.
pub(super) fn open(
    group: &mut Group,
    keep: &dyn Keep,
    reader: &Device,
    entry: &Entry,
) -> Result<(), Stopped> {
    let key = group.entry_key(&reader.engine).map_err(words)?;
    let mls = key
        .open(&group.log(), &entry.id, entry.kind, &entry.bytes)
        .ok_or("the entry does not open")?;
    let expected = EntryRef::of(group.log(), entry);
    match group.open(&reader.engine, keep, &mls, &expected).map_err(words)? {
        Opened::Message(message) => {
            let payload = Payload::decode(&message.payload).map_err(words)?;
            let honest = entry.commitment.is_some_and(|commitment| payload.verify(&commitment));
            if honest { Ok(()) } else { Err("the commitment is another's".to_owned()) }
        }
        other => Err(format!("the message does not open: {other:?}")),
    }
}

/// The floor of sealing: one bare AEAD over as many bytes, in place.
pub(super) fn bare_seal(bytes: &mut [u8]) -> Result<(), Stopped> {
    let cipher = ChaCha20Poly1305::new(&Key::from([7; 32]));
    cipher
        .encrypt_in_place_detached(&Nonce::from([1; 12]), b"", bytes)
        .map(drop)
        .map_err(|_| "the bare cipher failed".to_owned())
}
