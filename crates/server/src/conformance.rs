//! What every engine must do: one suite for all of them. Each function takes a fresh engine and
//! panics where it behaves otherwise.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "this is test code")]

use veche_wire::{
    AccountId, AdminKey, BlobId, Certificate, Commitment, DeviceId, DeviceRecord, Entry, EntryId,
    Kind, LogId, Seq, TokenHash, TokenHashes,
};

use crate::storage::{
    Batch, BlobState, Engine, InboxState, InviteCode, KeyPackages, LogRecord, Page, Retired,
    StorageError, Sweep,
};

/// Runs the whole suite, each part over an engine of its own.
pub fn all<E: Engine>(fresh: &mut dyn FnMut() -> E) {
    logs_keep_records(&mut fresh());
    a_guard_is_kept_until_it_ends(&mut fresh());
    entries_come_back_in_order(&mut fresh());
    retired_tokens_are_remembered(&mut fresh());
    a_failed_batch_leaves_no_trace(&mut fresh());
    old_entries_are_swept_with_their_ids(&mut fresh());
    a_wrong_clock_keeps_nothing_for_ever(&mut fresh());
    a_log_remembers_how_long_it_was(&mut fresh());
    the_directory_keeps_accounts(&mut fresh());
    each_key_package_is_given_out_once(&mut fresh());
    invite_codes_and_invites_are_replaced(&mut fresh());
    inboxes_count_on_when_erased(&mut fresh());
    blobs_grow_to_their_size(&mut fresh());
    what_is_swept_is_gone(&mut fresh());
}

fn write<T>(engine: &mut impl Engine, work: impl Fn(&mut dyn Batch) -> T) -> T {
    let mut out = None;
    engine
        .write(&mut |batch| {
            out = Some(work(batch));
            Ok(())
        })
        .unwrap();
    engine.sync().unwrap();
    out.unwrap()
}

const LOG: LogId = LogId([1; 16]);
const OTHER_LOG: LogId = LogId([2; 16]);

fn record() -> LogRecord {
    LogRecord {
        head: 7,
        last_commit: 5,
        generation: 3,
        tokens: TokenHashes { read: TokenHash([3; 32]), write: TokenHash([4; 32]) },
        admins_version: 2,
        admins: vec![AdminKey([5; 32]), AdminKey([6; 32])],
        frozen: true,
        guarded: false,
        made_with: [8; 32],
    }
}

fn entry(seq: Seq, size: usize) -> Entry {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    Entry {
        seq,
        id: EntryId(id),
        kind: Kind::Message,
        commitment: Some(Commitment([9; 32])),
        bytes: vec![seq.to_be_bytes()[7]; size],
        rider: None,
    }
}

fn page(after: Seq, until: Seq, count: usize, bytes: usize) -> Page {
    Page { after, until, count, bytes }
}

fn seqs(entries: &[Entry]) -> Vec<Seq> {
    entries.iter().map(|entry| entry.seq).collect()
}

fn logs_keep_records(engine: &mut impl Engine) {
    write(engine, |batch| {
        assert_eq!(batch.log(&LOG).unwrap(), None);
        batch.put_log(&LOG, &record()).unwrap();
        assert_eq!(batch.log(&LOG).unwrap(), Some(record()), "seen inside the batch");
    });
    let changed = LogRecord { head: 8, frozen: false, admins: vec![], ..record() };
    write(engine, |batch| {
        assert_eq!(batch.log(&LOG).unwrap(), Some(record()), "seen by the next batch");
        batch.put_log(&LOG, &changed).unwrap();
    });
    write(engine, |batch| {
        assert_eq!(batch.log(&LOG).unwrap(), Some(changed.clone()));
        assert_eq!(batch.log(&OTHER_LOG).unwrap(), None);
    });
}

fn a_guard_is_kept_until_it_ends(engine: &mut impl Engine) {
    let guarded = LogRecord { guarded: true, frozen: false, ..record() };
    write(engine, |batch| {
        batch.put_log(&LOG, &guarded).unwrap();
        batch.put_log(&OTHER_LOG, &record()).unwrap();
    });
    write(engine, |batch| {
        assert_eq!(batch.log(&LOG).unwrap(), Some(guarded.clone()));
        assert_eq!(batch.log(&OTHER_LOG).unwrap(), Some(record()));
        batch.put_log(&LOG, &LogRecord { guarded: false, ..guarded.clone() }).unwrap();
    });
    write(engine, |batch| {
        assert!(!batch.log(&LOG).unwrap().unwrap().guarded);
    });
}

fn entries_come_back_in_order(engine: &mut impl Engine) {
    write(engine, |batch| {
        for seq in 1..=20 {
            batch.append(&LOG, &entry(seq, 100), 1).unwrap();
        }
        batch.append(&OTHER_LOG, &entry(1, 5), 1).unwrap();
    });
    write(engine, |batch| {
        let mut read = |page| seqs(&batch.entries(&LOG, page).unwrap());
        assert_eq!(read(page(0, 20, 100, 10_000)), (1..=20).collect::<Vec<_>>());
        assert_eq!(read(page(17, 20, 100, 10_000)), [18, 19, 20]);
        assert_eq!(read(page(17, 19, 100, 10_000)), [18, 19], "not beyond the right to read");
        assert_eq!(read(page(3, 20, 2, 10_000)), [4, 5], "at most so many");
        assert_eq!(read(page(3, 20, 100, 250)), [4, 5], "at most so many bytes");
        assert_eq!(read(page(3, 20, 100, 1)), [4], "but at least one");
        assert_eq!(read(page(20, 20, 100, 10_000)), [] as [Seq; 0]);
        assert_eq!(read(page(30, 20, 100, 10_000)), [] as [Seq; 0]);
        assert_eq!(read(page(0, 20, 0, 10_000)), [] as [Seq; 0]);
        assert_eq!(batch.entries(&LOG, page(4, 5, 9, 9)).unwrap(), [entry(5, 100)], "whole");
        assert_eq!(batch.seq_of(&LOG, &entry(12, 0).id).unwrap(), Some(12));
        assert_eq!(batch.seq_of(&OTHER_LOG, &entry(12, 0).id).unwrap(), None);
        assert_eq!(batch.id_at(&LOG, 12).unwrap(), Some(entry(12, 0).id));
        assert_eq!(batch.id_at(&LOG, 0).unwrap(), None);
        assert_eq!(batch.id_at(&OTHER_LOG, 12).unwrap(), None);
    });
}

fn retired_tokens_are_remembered(engine: &mut impl Engine) {
    let tokens = record().tokens;
    write(engine, |batch| batch.retire(&LOG, &tokens, 9).unwrap());
    write(engine, |batch| {
        assert_eq!(batch.retired(&LOG, &tokens.read).unwrap(), Some(Retired::Read { until: 9 }));
        assert_eq!(batch.retired(&LOG, &tokens.write).unwrap(), Some(Retired::Write));
        assert_eq!(batch.retired(&OTHER_LOG, &tokens.read).unwrap(), None);
        assert_eq!(batch.retired(&LOG, &TokenHash([0; 32])).unwrap(), None);
    });
}

fn a_failed_batch_leaves_no_trace(engine: &mut impl Engine) {
    let device = DeviceId([1; 32]);
    let failed = engine.write(&mut |batch| {
        batch.put_log(&LOG, &record())?;
        batch.append(&LOG, &entry(1, 10), 1)?;
        batch.deliver(&device, &EntryId([1; 16]), b"x", 1)?;
        batch.put_part(&BlobId([1; 32]), b"part", BlobState { total: 9, have: 4 }, 1)?;
        Err(StorageError::Broken { what: "a test", code: 0 })
    });
    assert_eq!(failed, Err(StorageError::Broken { what: "a test", code: 0 }));
    write(engine, |batch| {
        assert_eq!(batch.log(&LOG).unwrap(), None);
        assert_eq!(batch.entries(&LOG, page(0, 9, 9, 9)).unwrap(), []);
        assert_eq!(batch.seq_of(&LOG, &entry(1, 0).id).unwrap(), None);
        assert_eq!(batch.inbox(&device).unwrap(), InboxState::default());
        assert_eq!(batch.blob(&BlobId([1; 32])).unwrap(), None);
    });
    // The engine goes on, also with what failed before.
    write(engine, |batch| {
        batch.append(&LOG, &entry(1, 10), 1).unwrap();
        batch.put_part(&BlobId([1; 32]), b"par", BlobState { total: 3, have: 3 }, 1).unwrap();
    });
    write(engine, |batch| {
        assert_eq!(batch.part(&BlobId([1; 32]), 0, 100).unwrap(), b"par");
    });
}

fn old_entries_are_swept_with_their_ids(engine: &mut impl Engine) {
    write(engine, |batch| {
        for seq in 1..=6 {
            let day = if seq <= 4 { 10 } else { 11 };
            batch.append(&LOG, &entry(seq, 1), day).unwrap();
        }
    });
    let sweep = |removed, is_done| Sweep { removed, is_done };
    let nothing = write(engine, |batch| batch.sweep_entries(10..=20, 100).unwrap());
    assert_eq!(nothing, sweep(0, true));
    let piece = write(engine, |batch| batch.sweep_entries(11..=20, 3).unwrap());
    assert_eq!(piece, sweep(3, false), "a piece");
    let rest = write(engine, |batch| batch.sweep_entries(11..=20, 3).unwrap());
    assert_eq!(rest, sweep(1, true), "the rest");
    write(engine, |batch| {
        assert_eq!(seqs(&batch.entries(&LOG, page(0, 6, 9, 9)).unwrap()), [5, 6]);
        assert_eq!(batch.seq_of(&LOG, &entry(4, 0).id).unwrap(), None);
        assert_eq!(batch.seq_of(&LOG, &entry(5, 0).id).unwrap(), Some(5));
        assert_eq!(batch.id_at(&LOG, 4).unwrap(), None);
        assert_eq!(batch.id_at(&LOG, 5).unwrap(), Some(entry(5, 0).id));
    });
}

fn a_wrong_clock_keeps_nothing_for_ever(engine: &mut impl Engine) {
    write(engine, |batch| {
        for (seq, day) in [(1, 10), (2, 99), (3, 10), (4, 99), (5, 11), (6, 10)] {
            batch.append(&LOG, &entry(seq, 1), day).unwrap();
        }
        batch.append(&OTHER_LOG, &entry(1, 1), 99).unwrap();
    });
    // What was said after an old entry, but dated later than today, may be of today.
    let swept = write(engine, |batch| batch.sweep_entries(11..=20, 100).unwrap());
    assert_eq!(swept, Sweep { removed: 3, is_done: true });
    write(engine, |batch| {
        assert_eq!(seqs(&batch.entries(&LOG, page(0, 6, 9, 9)).unwrap()), [4, 5, 6]);
        assert_eq!(seqs(&batch.entries(&OTHER_LOG, page(0, 6, 9, 9)).unwrap()), [1]);
    });
}

fn device(account: u8, device: u8) -> DeviceRecord {
    let certificate = Certificate {
        account: AccountId([account; 32]),
        device: DeviceId([device; 32]),
        inbox_key_hash: [7; 32],
        inbox_suite: 1,
        link_key: None,
        signature: [1; 64],
    };
    DeviceRecord { certificate, inbox_key: vec![7; 1216] }
}

fn a_log_remembers_how_long_it_was(engine: &mut impl Engine) {
    let with = |head| LogRecord { head, ..record() };
    write(engine, |batch| {
        for log in [LOG, OTHER_LOG] {
            batch.put_log(&log, &with(0)).unwrap();
        }
    });
    for seq in 1..=3 {
        write(engine, |batch| {
            let before = batch.log(&LOG).unwrap().unwrap();
            assert_eq!(before, with(seq - 1));
            batch.append(&LOG, &entry(seq, 1), 10).unwrap();
            batch.put_log(&LOG, &with(seq)).unwrap();
        });
    }
    write(engine, |batch| {
        batch.append(&OTHER_LOG, &entry(1, 1), 12).unwrap();
        batch.put_log(&OTHER_LOG, &with(1)).unwrap();
    });
    // When all its entries are gone, it still goes on where it was.
    let swept = write(engine, |batch| batch.sweep_entries(11..=20, 100).unwrap());
    assert_eq!(swept, Sweep { removed: 3, is_done: true });
    write(engine, |batch| {
        assert_eq!(batch.log(&LOG).unwrap(), Some(with(3)));
        assert_eq!(batch.log(&OTHER_LOG).unwrap(), Some(with(1)));
        assert!(batch.entries(&LOG, page(0, 3, 9, 9)).unwrap().is_empty());
        let frozen = LogRecord { frozen: false, ..with(3) };
        batch.put_log(&LOG, &frozen).unwrap();
        assert_eq!(batch.log(&LOG).unwrap(), Some(frozen));
    });
}

fn the_directory_keeps_accounts(engine: &mut impl Engine) {
    let account = AccountId([1; 32]);
    write(engine, |batch| {
        assert_eq!(batch.account(&account).unwrap(), None);
        batch.put_device(&device(1, 9)).unwrap();
        batch.put_device(&device(1, 3)).unwrap();
        batch.put_device(&device(2, 4)).unwrap();
        batch.put_name(&account, "ana").unwrap();
    });
    write(engine, |batch| {
        let state = batch.account(&account).unwrap().unwrap();
        assert_eq!(state.username.as_deref(), Some("ana"));
        assert_eq!(state.devices, [device(1, 3), device(1, 9)], "in order of keys");
        assert_eq!(batch.owner_of_name("ana").unwrap(), Some(account));
        assert_eq!(batch.owner_of_name("an").unwrap(), None);
        assert_eq!(batch.owner_of_device(&DeviceId([4; 32])).unwrap(), Some(AccountId([2; 32])));
        assert_eq!(batch.owner_of_device(&DeviceId([5; 32])).unwrap(), None);
    });
    let renewed = DeviceRecord { inbox_key: vec![8; 1216], ..device(1, 9) };
    write(engine, |batch| batch.put_device(&renewed).unwrap());
    write(engine, |batch| {
        let state = batch.account(&account).unwrap().unwrap();
        assert_eq!(state.username.as_deref(), Some("ana"), "a device does not take the name away");
        assert_eq!(state.devices, [device(1, 3), renewed.clone()]);
    });
}

fn each_key_package_is_given_out_once(engine: &mut impl Engine) {
    let device = DeviceId([1; 32]);
    let packages = [b"one".to_vec(), b"two".to_vec()];
    let publish = |batch: &mut dyn Batch, last_resort: Option<&[u8]>| {
        let packages = KeyPackages { device: &device, suite: 7, packages: &packages, last_resort };
        batch.put_key_packages(packages).unwrap();
    };
    write(engine, |batch| {
        publish(batch, None);
        publish(batch, None);
        assert_eq!(batch.key_packages_left(&device, 7).unwrap(), 2, "again changes nothing");
        assert_eq!(batch.key_packages_left(&device, 8).unwrap(), 0);
        assert_eq!(batch.take_key_package(&device, 8).unwrap(), None);
    });
    let mut taken: Vec<_> = (0..2)
        .map(|_| write(engine, |batch| batch.take_key_package(&device, 7).unwrap().unwrap()))
        .collect();
    taken.sort();
    assert_eq!(taken, packages);
    write(engine, |batch| {
        publish(batch, Some(b"last"));
        assert_eq!(batch.key_packages_left(&device, 7).unwrap(), 0, "none comes in twice");
    });
    for _ in 0..2 {
        let last = write(engine, |batch| batch.take_key_package(&device, 7).unwrap());
        assert_eq!(last.as_deref(), Some(b"last".as_slice()), "the last resort stays");
    }
    write(engine, |batch| publish(batch, Some(b"newer")));
    let last = write(engine, |batch| batch.take_key_package(&device, 7).unwrap());
    assert_eq!(last.as_deref(), Some(b"newer".as_slice()));
}

fn invite_codes_and_invites_are_replaced(engine: &mut impl Engine) {
    let account = AccountId([1; 32]);
    let code = InviteCode { uses: 3, until: 20_000 };
    write(engine, |batch| {
        batch.put_invite_code(&[1; 32], code).unwrap();
        batch.put_invites(&account, &[TokenHash([1; 32]), TokenHash([2; 32])]).unwrap();
    });
    write(engine, |batch| {
        assert_eq!(batch.invite_code(&[1; 32]).unwrap(), Some(code));
        assert_eq!(batch.invite_code(&[2; 32]).unwrap(), None);
        batch.put_invite_code(&[1; 32], InviteCode { uses: 2, ..code }).unwrap();
        assert_eq!(batch.invites(&account).unwrap().len(), 2);
        batch.put_invites(&account, &[TokenHash([3; 32])]).unwrap();
    });
    write(engine, |batch| {
        assert_eq!(batch.invite_code(&[1; 32]).unwrap().map(|code| code.uses), Some(2));
        assert_eq!(batch.invites(&account).unwrap(), [TokenHash([3; 32])]);
    });
}

fn inboxes_count_on_when_erased(engine: &mut impl Engine) {
    let device = DeviceId([1; 32]);
    write(engine, |batch| {
        for (place, byte) in [(1, b'a'), (2, b'b'), (3, b'c')] {
            let seq = batch.deliver(&device, &EntryId([byte; 16]), &[byte; 100], 1).unwrap();
            assert_eq!(seq, place);
        }
        batch.deliver(&DeviceId([2; 32]), &EntryId([b'a'; 16]), b"other", 1).unwrap();
    });
    write(engine, |batch| {
        let read = batch.envelopes(&device, page(1, Seq::MAX, 9, 1_000)).unwrap();
        assert_eq!(read.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((read[0].id, &read[0].bytes), (EntryId([b'b'; 16]), &vec![b'b'; 100]));
        let read = batch.envelopes(&device, page(0, Seq::MAX, 9, 150)).unwrap();
        assert_eq!(read.len(), 1, "at most so many bytes");
        assert!(batch.has_envelope(&device, &EntryId([b'b'; 16])).unwrap());
        assert_eq!(batch.inbox(&device).unwrap(), InboxState { head: 3, waiting: 3 });
        batch.erase(&device, 2).unwrap();
        assert_eq!(batch.inbox(&device).unwrap(), InboxState { head: 3, waiting: 1 });
        assert!(!batch.has_envelope(&device, &EntryId([b'b'; 16])).unwrap());
        batch.erase(&device, 3).unwrap();
    });
    write(engine, |batch| {
        let seq = batch.deliver(&device, &EntryId([b'd'; 16]), b"", 1).unwrap();
        assert_eq!(seq, 4, "a seq is never used again");
        assert_eq!(batch.inbox(&DeviceId([2; 32])).unwrap().waiting, 1);
    });
}

fn blobs_grow_to_their_size(engine: &mut impl Engine) {
    let blob = BlobId([1; 32]);
    write(engine, |batch| {
        assert_eq!(batch.blob(&blob).unwrap(), None);
        batch.put_part(&blob, b"abc", BlobState { total: 8, have: 3 }, 1).unwrap();
        batch.put_part(&blob, b"de", BlobState { total: 8, have: 5 }, 1).unwrap();
    });
    write(engine, |batch| {
        assert_eq!(batch.blob(&blob).unwrap(), Some(BlobState { total: 8, have: 5 }));
        batch.put_part(&blob, b"fgh", BlobState { total: 8, have: 8 }, 1).unwrap();
    });
    write(engine, |batch| {
        let state = batch.blob(&blob).unwrap().unwrap();
        assert!(state.is_complete());
        assert_eq!(batch.part(&blob, 0, 100).unwrap(), b"abcdefgh");
        assert_eq!(batch.part(&blob, 2, 4).unwrap(), b"cdef", "across parts");
        assert_eq!(batch.part(&blob, 8, 4).unwrap(), b"");
        assert_eq!(batch.part(&blob, 9, 4).unwrap(), b"");
        assert_eq!(batch.part(&BlobId([2; 32]), 0, 4).unwrap(), b"");
    });
    assert!(engine.disk_bytes() >= 8);
}

fn what_is_swept_is_gone(engine: &mut impl Engine) {
    let device = DeviceId([1; 32]);
    let (old, new) = (BlobId([1; 32]), BlobId([2; 32]));
    let whole = BlobState { total: 3, have: 3 };
    write(engine, |batch| {
        batch.deliver(&device, &EntryId([1; 16]), b"old", 10).unwrap();
        batch.deliver(&device, &EntryId([2; 16]), b"new", 11).unwrap();
        batch.put_part(&old, b"old", whole, 10).unwrap();
        batch.put_part(&new, b"new", whole, 11).unwrap();
    });
    write(engine, |batch| {
        assert_eq!(batch.sweep_envelopes(11, 100).unwrap(), 1);
        assert_eq!(batch.sweep_blobs(11, 100).unwrap(), 1);
    });
    engine.tidy().unwrap();
    write(engine, |batch| {
        let left = batch.envelopes(&device, page(0, Seq::MAX, 9, 9)).unwrap();
        assert_eq!(left.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2]);
        assert_eq!(batch.blob(&old).unwrap(), None);
        assert_eq!(batch.part(&new, 0, 9).unwrap(), b"new");
        // A swept id may be used again.
        batch.put_part(&old, b"anew", BlobState { total: 4, have: 4 }, 12).unwrap();
        assert_eq!(batch.part(&old, 0, 9).unwrap(), b"anew");
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::storage::{Embedded, Memory};

    #[test]
    fn the_memory_engine_conforms() {
        super::all(&mut Memory::new);
    }

    #[test]
    fn the_embedded_engine_conforms() {
        let mut folders = Vec::new();
        super::all(&mut || {
            let folder = tempfile::tempdir().unwrap();
            let engine = Embedded::open(folder.path(), Arc::default()).unwrap();
            folders.push(folder);
            engine
        });
    }
}
