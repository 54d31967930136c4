//! A loss of power: of what SQLite wrote, only what it synced is on the disk, and of the rest
//! nothing, or any part.
//!
//! A VFS of SQLite stands before the real one. It lets everything through and keeps, beside, what a
//! disk would hold if power were lost now. SQLite asks for it in C, so this test, and nothing else
//! in the server, is written with `unsafe`.

#![allow(unsafe_code, reason = "SQLite takes a VFS only as a table of C functions; tests only")]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, Once};

use rusqlite::ffi;
use veche_wire::{Append, Random, Request, Response};

use super::stage::{Chat, Dice, Stage};
use crate::Config;
use crate::storage::{Embedded, Engine};

const NAME: &CStr = c"veche-lost-power";

/// What would be on the disk, by path.
static DISK: Mutex<BTreeMap<String, Image>> = Mutex::new(BTreeMap::new());
/// The VFS that does the work.
static UNDER: AtomicPtr<ffi::sqlite3_vfs> = AtomicPtr::new(std::ptr::null_mut());

#[derive(Default, Clone)]
struct Image {
    synced: Vec<u8>,
    /// In order, since the last sync.
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Image {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write(offset, bytes) => {
                let end = offset + bytes.len();
                if self.synced.len() < end {
                    self.synced.resize(end, 0);
                }
                self.synced[*offset..end].copy_from_slice(bytes);
            }
            Change::Truncate(size) => self.synced.resize(*size, 0),
        }
    }

    fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            self.apply(&change);
        }
    }
}

/// SQLite's handle of a file; the real one follows it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// A `Box<String>`, or null for files that do not count.
    path: *mut String,
}

unsafe fn under(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

unsafe fn note(file: *mut ffi::sqlite3_file, what: impl FnOnce(&mut Image)) {
    let path = unsafe { (*file.cast::<File>()).path };
    if !path.is_null() {
        let mut disk = DISK.lock().unwrap();
        what(disk.entry(unsafe { (*path).clone() }).or_default());
    }
}

/// Calls the method of the real file.
macro_rules! call {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = under($file);
        ((*(*real).pMethods).$method.unwrap())(real $(, $argument)*)
    }};
}

macro_rules! forward {
    ($name:ident, $method:ident, ($($argument:ident: $type:ty),*) -> $result:ty) => {
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file $(, $argument: $type)*) -> $result {
            unsafe { call!(file, $method $(, $argument)*) }
        }
    };
}

forward!(read, xRead, (out: *mut c_void, amount: c_int, offset: i64) -> c_int);
forward!(file_size, xFileSize, (size: *mut i64) -> c_int);
forward!(lock, xLock, (level: c_int) -> c_int);
forward!(unlock, xUnlock, (level: c_int) -> c_int);
forward!(check_lock, xCheckReservedLock, (out: *mut c_int) -> c_int);
forward!(control, xFileControl, (operation: c_int, argument: *mut c_void) -> c_int);
forward!(sector_size, xSectorSize, () -> c_int);
forward!(traits, xDeviceCharacteristics, () -> c_int);
forward!(shm_map, xShmMap,
    (page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) -> c_int);
forward!(shm_lock, xShmLock, (offset: c_int, count: c_int, flags: c_int) -> c_int);
forward!(shm_barrier, xShmBarrier, () -> ());
forward!(shm_unmap, xShmUnmap, (delete: c_int) -> c_int);

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        let path = std::mem::replace(&mut (*file.cast::<File>()).path, std::ptr::null_mut());
        if !path.is_null() {
            drop(Box::from_raw(path));
        }
        call!(file, xClose)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    amount: c_int,
    offset: i64,
) -> c_int {
    unsafe {
        let (length, place) = (usize::try_from(amount).unwrap(), usize::try_from(offset).unwrap());
        let copy = std::slice::from_raw_parts(bytes.cast::<u8>(), length).to_vec();
        note(file, |image| image.unsynced.push(Change::Write(place, copy)));
        call!(file, xWrite, bytes, amount, offset)
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    unsafe {
        let length = usize::try_from(size).unwrap();
        note(file, |image| image.unsynced.push(Change::Truncate(length)));
        call!(file, xTruncate, size)
    }
}

/// The real disk need not be waited for: only the image counts.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    unsafe { note(file, Image::sync) };
    ffi::SQLITE_OK
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_lock),
    xFileControl: Some(control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(traits),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let real_vfs = UNDER.load(Ordering::Acquire);
        let done = ((*real_vfs).xOpen.unwrap())(real_vfs, name, under(file), flags, out);
        let counts = flags & (ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL) != 0;
        let path = if done == ffi::SQLITE_OK && counts && !name.is_null() {
            Box::into_raw(Box::new(CStr::from_ptr(name).to_str().unwrap().to_owned()))
        } else {
            std::ptr::null_mut()
        };
        (*file.cast::<File>()).path = path;
        let is_open = !(*under(file)).pMethods.is_null();
        (*file).pMethods = if is_open { &raw const METHODS } else { std::ptr::null() };
        done
    }
}

unsafe extern "C" fn delete(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    unsafe {
        DISK.lock().unwrap().remove(CStr::from_ptr(name).to_str().unwrap());
        let real_vfs = UNDER.load(Ordering::Acquire);
        ((*real_vfs).xDelete.unwrap())(real_vfs, name, sync_folder)
    }
}

fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| unsafe {
        let real_vfs = ffi::sqlite3_vfs_find(std::ptr::null());
        UNDER.store(real_vfs, Ordering::Release);
        // Everything but opening and deleting is the real one's.
        let mut vfs = std::ptr::read(real_vfs);
        vfs.pNext = std::ptr::null_mut();
        vfs.zName = NAME.as_ptr();
        vfs.szOsFile += c_int::try_from(size_of::<File>()).unwrap();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        let done = ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0);
        assert_eq!(done, ffi::SQLITE_OK);
    });
}

/// Writes what is on the disk after a loss of power into another folder. Of what was not synced,
/// each write survives where `survives` says so.
fn lose_power(from: &Path, to: &Path, mut survives: impl FnMut() -> bool) {
    let from = from.canonicalize().unwrap();
    for (path, image) in DISK.lock().unwrap().iter() {
        let path = Path::new(path);
        if path.parent() == Some(&from) {
            let mut image = image.clone();
            for change in std::mem::take(&mut image.unsynced) {
                if survives() {
                    image.apply(&change);
                }
            }
            std::fs::write(to.join(path.file_name().unwrap()), image.synced).unwrap();
        }
    }
}

fn open_stage(folder: &Path, synchronous: &str) -> Stage<Embedded> {
    register();
    let engine = Embedded::open_on(folder, Arc::default(), Some(NAME)).unwrap();
    engine.set_synchronous(synchronous).unwrap();
    Stage::over(engine, Config::default())
}

/// Talks until power is lost, and counts the acknowledged entries that are gone.
fn lost_after_talking(seed: u64, synchronous: &str, torn: bool) -> usize {
    let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut dice = Dice(seed << 32);
    let mut roll = move |sides: u8| {
        let mut byte = [0];
        dice.fill(&mut byte);
        byte[0] % sides
    };
    let mut stage = open_stage(before.path(), synchronous);
    let id = stage.connect();
    let chat = stage.chat(id);
    let mut acknowledged = Vec::new();
    for round in 0..20 + u64::from(roll(200)) {
        let batch = (0..1 + u64::from(roll(4))).map(|place| {
            let message = chat.message(1 + round * 10 + place);
            (id, Append { bytes: vec![1; 1_000], ..message })
        });
        let batch: Vec<_> = batch.collect();
        let requests = batch.iter().map(|(id, append)| (*id, Request::Append(append.clone())));
        for (answer, (_, append)) in stage.ask_together(requests).iter().zip(&batch) {
            assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
            acknowledged.push(append.id);
        }
        if roll(40) == 0 {
            stage.service.engine_mut().tidy().unwrap();
        }
    }
    lose_power(before.path(), after.path(), || torn && roll(2) == 0);
    drop(stage);
    count_lost(after.path(), &chat, &acknowledged)
}

fn count_lost(folder: &Path, chat: &Chat, acknowledged: &[veche_wire::EntryId]) -> usize {
    let mut stage = open_stage(folder, "FULL");
    let id = stage.connect();
    if !matches!(stage.ask(id, chat.read(0)), Response::Entries { .. }) {
        return acknowledged.len();
    }
    let kept: Vec<_> = stage.read_all(id, chat).iter().map(|entry| entry.id).collect();
    assert_eq!(kept[..], acknowledged[..kept.len()], "in order, and nothing else");
    acknowledged.len() - kept.len()
}

#[test]
fn a_loss_of_power_loses_nothing_acknowledged() {
    for seed in 1..=15 {
        assert_eq!(lost_after_talking(seed, "FULL", false), 0, "seed {seed}");
        assert_eq!(lost_after_talking(seed, "FULL", true), 0, "seed {seed}, torn");
    }
}

#[test]
fn without_syncing_it_does() {
    let lost: usize = (1..=5).map(|seed| lost_after_talking(seed, "OFF", false)).sum();
    assert!(lost > 0, "the test above would not notice");
    let lost: usize = (1..=5).map(|seed| lost_after_talking(seed, "NORMAL", false)).sum();
    assert!(lost > 0, "nor would it notice a sync at checkpoints only");
}
