//! The bytes that the state of a group costs in the database: for a message that is opened or
//! sealed, for a commit that is made, merged or followed. Beside each what a plain store would have
//! written: each changed value whole, once for each transaction.
//!
//! The trees are fresh: nobody but the one who added all others has committed, which is where commits
//! are largest (some 400 kB at 5,000 leaves, against 2 kB in a tree where most have).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use veche_mls::{Change, Engine, Group, Keep, KeepError, MemoryKeep, Suite};
use veche_store::{DatabaseKey, KeepBatch, Store, StoreError};
use veche_wire::{LogId, limits};

use super::crowd::{self, Crowd, Device};
use super::meter::{self, Meter, each, rounded};
use super::{Sizes, Stopped, words};

pub(super) fn run(sizes: &Sizes, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    for leaves in &sizes.leaves {
        measure(*leaves, sizes, report)?;
    }
    Ok(())
}

fn measure(leaves: usize, sizes: &Sizes, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    let folder = tempfile::tempdir().map_err(words)?;
    let crowd = Crowd::gather(leaves, Suite::Classic)?;
    let keeps = (&crowd.sender_keep, &crowd.sender);
    let mut sender = Disk::holding(&folder.path().join("sender"), keeps, crowd.log)?;
    let keeps = (&crowd.receiver_keep, &crowd.receiver);
    let mut receiver = Disk::holding(&folder.path().join("receiver"), keeps, crowd.log)?;
    for (what, meter, bytes) in [
        ("500 added at most, the commit made", &crowd.adding, None),
        ("joined with a Welcome and the tree", &crowd.joining, Some(crowd.tree_bytes)),
    ] {
        report(in_memory(what, leaves, meter, bytes));
    }
    let mut row = |what: &str, cost: &Cost| report(cost.row(what, leaves));

    let mut sealed = Vec::new();
    let one = Cost::of(&mut sender, sizes.messages, 1, |group, keep, number| {
        sealed.push(crowd::seal(group, keep, &crowd.sender, number)?);
        Ok(())
    })?;
    row("message sealed", &one);
    let mut entries = sealed.iter();
    let mut open = |group: &mut Group, keep: &dyn Keep, _number: u32| {
        let entry = entries.next().ok_or("more are opened than were sealed")?;
        crowd::open(group, keep, &crowd.receiver, entry)
    };
    let alone = sizes.messages / 2;
    row("message opened alone", &Cost::of(&mut receiver, alone, 1, &mut open)?);
    let together = Cost::of(&mut receiver, sizes.messages - alone, sizes.batch, &mut open)?;
    row(&format!("message opened, {} in a transaction", sizes.batch), &together);

    let sides = ((&mut sender, &crowd.sender), (&mut receiver, &crowd.receiver));
    let update = Change { update: true, ..Change::default() };
    commits(sides, &update, &mut |what, cost| row(&format!("{what}, fresh tree"), cost))?;
    let sides = ((&mut sender, &crowd.sender), (&mut receiver, &crowd.receiver));
    let news = limits::ADDS_PER_COMMIT_MAX;
    let adds = crowd::strangers(leaves..leaves + news, Suite::Classic)?;
    let adding = Change { adds, ..Change::default() };
    commits(sides, &adding, &mut |what, cost| row(&format!("{what}, {news} added"), cost))
}

/// A member and the device of whom it is the state.
type Side<'a, 'b> = (&'a mut Disk<'b>, &'b Device);

/// A commit is made, comes back, and comes to somebody else.
fn commits(
    ((sender, author), (receiver, reader)): (Side<'_, '_>, Side<'_, '_>),
    change: &Change,
    row: &mut dyn FnMut(&str, &Cost),
) -> Result<(), Stopped> {
    let mut made = None;
    let making = Cost::of(sender, 1, 1, |group, keep, _| {
        made = Some(crowd::commit(group, keep, author, change)?);
        Ok(())
    })?;
    let (entry, draft) = made.ok_or("no commit was made")?;
    let mut row = |what, cost| {
        let commit_bytes = Some(entry.bytes.len());
        row(what, &Cost { commit_bytes, ..cost });
    };
    row("own commit made", making);
    let merged = Cost::of(sender, 1, 1, |group, keep, _| {
        crowd::merge(group, keep, author, &entry, &draft.mls_bytes)
    })?;
    row("own commit merged", merged);
    let mut judged = None;
    let judging = Cost::of(receiver, 1, 1, |group, keep, _| {
        judged = Some(crowd::judge(group, keep, reader, &entry)?);
        Ok(())
    })?;
    row("commit of another judged", judging);
    let applied = Cost::of(receiver, 1, 1, |group, keep, _| {
        let judged = judged.take().ok_or("it was not judged")?;
        crowd::apply(group, keep, reader, judged)
    })?;
    row("commit of another applied", applied);
    Ok(())
}

/// What was measured without a database.
fn in_memory(what: &str, leaves: usize, meter: &Meter, bytes: Option<usize>) -> Value {
    json!({
        "bench": "kept",
        "leaves": leaves,
        "what": what,
        "count": 1,
        "entry_bytes": bytes,
        "cpu_ms": rounded(meter.cpu_ms(1)),
        "wall_ms": rounded(meter.wall_ms(1)),
    })
}

/// A member whose state lies in an encrypted database in a file.
struct Disk<'a> {
    store: Store,
    group: Group,
    engine: &'a Engine,
}

impl<'a> Disk<'a> {
    fn holding(
        folder: &Path,
        (state, device): (&MemoryKeep, &'a Device),
        log: LogId,
    ) -> Result<Self, Stopped> {
        std::fs::create_dir_all(folder).map_err(words)?;
        let key = DatabaseKey::from_bytes([9; 32]);
        let path = folder.join(veche_store::DATABASE_FILE);
        let mut store = Store::open(&path, &key).map_err(words)?;
        store
            .write::<_, StoreError, _>(|tx| {
                for ((label, key), value) in state.values() {
                    tx.keep_put(&label, &key, &value)?;
                }
                Ok(())
            })
            .map_err(words)?;
        Ok(Self { store, group: crowd::load(state, log)?, engine: &device.engine })
    }
}

/// What some transactions cost.
#[derive(Clone, Copy)]
struct Cost {
    count: usize,
    meter: Meter,
    /// As [`Store::keep_bytes_written`] counts.
    written: u64,
    /// The whole values that changed, each once in a transaction.
    whole: u64,
    /// What the process gave to the system to write: pages of the journal and the database.
    disk: Option<u64>,
    /// The size of the entry, of commits.
    commit_bytes: Option<usize>,
}

impl Cost {
    /// Does `step` `count` times, `batch` in one transaction.
    fn of(
        disk: &mut Disk<'_>,
        count: usize,
        batch: usize,
        mut step: impl FnMut(&mut Group, &dyn Keep, u32) -> Result<(), Stopped>,
    ) -> Result<Self, Stopped> {
        let Disk { store, group, engine } = disk;
        let mut meter = Meter::default();
        let mut whole = 0;
        let (kept_before, disk_before) = (store.keep_bytes_written(), meter::bytes_written());
        let mut numbers = 0..u32::try_from(count).map_err(words)?;
        while !numbers.is_empty() {
            let numbers: Vec<u32> = numbers.by_ref().take(batch).collect();
            let counted = meter.time(|| {
                store.write::<_, Failed, _>(|tx| {
                    let keep = Counted::new(tx.keep_batch());
                    for number in numbers {
                        step(group, &keep, number).map_err(Failed)?;
                    }
                    group.save(engine, &keep).map_err(|error| Failed(error.to_string()))?;
                    Ok(keep.flush()?)
                })
            });
            whole += counted.map_err(|Failed(words)| words)?;
        }
        Ok(Self {
            count,
            meter,
            written: store.keep_bytes_written() - kept_before,
            whole,
            disk: meter::bytes_written().zip(disk_before).map(|(after, before)| after - before),
            commit_bytes: None,
        })
    }

    fn row(&self, what: &str, leaves: usize) -> Value {
        json!({
            "bench": "kept",
            "leaves": leaves,
            "what": what,
            "count": self.count,
            "bytes_written": each(self.written, self.count),
            "bytes_of_whole_values": each(self.whole, self.count),
            "bytes_to_the_disk": self.disk.map(|bytes| each(bytes, self.count)),
            "entry_bytes": self.commit_bytes,
            "cpu_ms": rounded(self.meter.cpu_ms(self.count)),
            "wall_ms": rounded(self.meter.wall_ms(self.count)),
        })
    }
}

/// Why a transaction was given up.
struct Failed(Stopped);

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}

/// The store's batch, which also counts what passes through it.
struct Counted<'tx> {
    batch: KeepBatch<'tx>,
    sizes: RefCell<BTreeMap<(String, Vec<u8>), u64>>,
}

impl<'tx> Counted<'tx> {
    fn new(batch: KeepBatch<'tx>) -> Self {
        Self { batch, sizes: RefCell::default() }
    }

    /// Writes the batch; gives the bytes of the changed values.
    fn flush(self) -> Result<u64, StoreError> {
        self.batch.flush()?;
        Ok(self.sizes.borrow().values().sum())
    }
}

impl Keep for Counted<'_> {
    fn get(&self, label: &str, key: &[u8]) -> Result<Option<Vec<u8>>, KeepError> {
        self.batch.get(label, key).map_err(|error| KeepError(error.to_string()))
    }

    fn put(&self, label: &str, key: &[u8], bytes: &[u8]) -> Result<(), KeepError> {
        let size = bytes.len() as u64;
        self.sizes.borrow_mut().insert((label.to_owned(), key.to_vec()), size);
        self.batch.put(label, key, bytes);
        Ok(())
    }

    fn delete(&self, label: &str, key: &[u8]) -> Result<(), KeepError> {
        self.sizes.borrow_mut().remove(&(label.to_owned(), key.to_vec()));
        self.batch.delete(label, key);
        Ok(())
    }
}
