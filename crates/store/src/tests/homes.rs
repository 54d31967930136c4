//! A home: its key file, its passphrase and its lock.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use veche_wire::Random;

use super::{get, noise, put};
use crate::{
    DATABASE_FILE, DatabaseKey, HomeLock, KEY_FILE, KeyFile, LOCK_FILE, Store, StoreError, Stretch,
    open_or_create_with,
};

/// Randomness that counts, so that two draws differ and a run can be repeated.
struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 += 1;
        bytes.copy_from_slice(&noise(self.0.into(), bytes.len()));
    }
}

/// Costs that are for tests only.
const CHEAP: Stretch = Stretch { memory_kib: 8, passes: 1, lanes: 1 };

struct Home {
    folder: tempfile::TempDir,
    random: Counting,
}

impl Home {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), random: Counting(0) }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn open(&mut self, passphrase: Option<&str>) -> Result<Store, StoreError> {
        let home = self.path();
        let key = open_or_create_with(&home, passphrase, CHEAP, &mut self.random)?;
        Store::open(&home.join(DATABASE_FILE), &key)
    }

    fn key_file(&self) -> PathBuf {
        self.path().join(KEY_FILE)
    }
}

#[test]
fn a_home_without_a_passphrase_opens_again() {
    let mut home = Home::new();
    put(&mut home.open(None).unwrap(), "value", b"mine").unwrap();
    let store = home.open(None).unwrap();
    assert_eq!(get(&store, "value").as_deref(), Some(&b"mine"[..]));
    drop(store);
    assert_eq!(home.open(Some("sesame")).unwrap_err(), StoreError::PassphraseUnexpected);
}

#[test]
fn a_home_with_a_passphrase_opens_with_it_alone() {
    let mut home = Home::new();
    put(&mut home.open(Some("sesame")).unwrap(), "value", b"mine").unwrap();
    assert_eq!(home.open(Some("Sesame")).unwrap_err(), StoreError::WrongKey);
    assert_eq!(home.open(None).unwrap_err(), StoreError::PassphraseNeeded);
    assert_eq!(home.open(Some("")).unwrap_err(), StoreError::PassphraseNeeded);
    let store = home.open(Some("sesame")).unwrap();
    assert_eq!(get(&store, "value").as_deref(), Some(&b"mine"[..]));
}

#[test]
fn an_empty_passphrase_makes_no_home() {
    let mut home = Home::new();
    assert_eq!(home.open(Some("")).unwrap_err(), StoreError::PassphraseNeeded);
    assert!(!home.path().exists());
}

#[test]
fn equal_passphrases_are_different_keys_in_different_homes() {
    let mut home = Home::new();
    drop(home.open(Some("sesame")).unwrap());
    fs::remove_file(home.key_file()).unwrap();
    fs::rename(home.path().join(DATABASE_FILE), home.path().join("aside")).unwrap();
    drop(home.open(Some("sesame")).unwrap());
    fs::rename(home.path().join("aside"), home.path().join(DATABASE_FILE)).unwrap();
    assert_eq!(home.open(Some("sesame")).unwrap_err(), StoreError::WrongKey);
}

#[test]
fn a_lost_key_file_is_never_replaced() {
    let mut home = Home::new();
    drop(home.open(None).unwrap());
    let key = fs::read(home.key_file()).unwrap();
    fs::remove_file(home.key_file()).unwrap();
    let refused = home.open(None).unwrap_err();
    assert!(matches!(refused, StoreError::KeyMissing { .. }), "{refused:?}");
    assert!(!home.key_file().exists());

    fs::write(home.key_file(), key).unwrap();
    #[cfg(unix)]
    fs::set_permissions(home.key_file(), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    home.open(None).unwrap();
}

#[test]
fn a_key_file_that_was_never_finished_is_made_anew() {
    let mut home = Home::new();
    fs::create_dir(home.path()).unwrap();
    fs::write(home.path().join("key.new"), b"veche").unwrap();
    home.open(None).unwrap();
    assert!(!home.path().join("key.new").exists());
}

#[test]
fn a_damaged_key_file_is_told() {
    let mut home = Home::new();
    drop(home.open(None).unwrap());
    // Written in place, so that its permissions stay.
    fs::write(home.key_file(), b"veche-key\x01").unwrap();
    let refused = home.open(None).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused:?}");
    fs::write(home.key_file(), b"veche-key\x02and more").unwrap();
    assert_eq!(home.open(None).unwrap_err(), StoreError::Newer { found: 2, known: 1 });
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_a_home() {
    use std::os::unix::fs::PermissionsExt;

    let mut home = Home::new();
    drop(home.open(None).unwrap());
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(home.path()), 0o700);
    assert_eq!(mode(home.key_file()), 0o600);
    assert_eq!(mode(home.path().join(DATABASE_FILE)), 0o600);

    for exposed in [0o640, 0o604, 0o644] {
        fs::set_permissions(home.key_file(), PermissionsExt::from_mode(exposed)).unwrap();
        let refused = home.open(None).unwrap_err();
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
        assert!(matches!(refused, StoreError::KeyExposed { mode, .. } if mode == exposed));
    }
}

#[test]
fn a_key_file_is_these_bytes() {
    let mut random = Counting(0);
    let plain = KeyFile::new(None, CHEAP, &mut random).unwrap().encode();
    assert_eq!(plain[..11], *b"veche-key\x01\x00");
    assert_eq!(plain[11..], noise(1, 32));

    let behind = KeyFile::new(Some("sesame"), Stretch::DEFAULT, &mut random).unwrap().encode();
    assert_eq!(behind[..23], *b"veche-key\x01\x01\x00\x01\x00\x00\x00\x00\x00\x03\x00\x00\x00\x01");
    assert_eq!(behind[23..], noise(2, 16));
}

#[test]
fn a_key_file_cannot_ask_for_too_much() {
    let bytes = |memory_kib, passes, lanes| {
        let stretch = Stretch { memory_kib, passes, lanes };
        KeyFile::Passphrase { stretch, salt: [1; 16] }.encode()
    };
    assert!(KeyFile::decode(&bytes(1 << 20, 64, 16)).is_ok());
    for too_much in [
        bytes((1 << 20) + 1, 1, 1),
        bytes(8, 65, 1),
        bytes(1 << 20, 1, 17),
        bytes(0, 1, 1),
        bytes(8, 0, 1),
        bytes(8, 1, 0),
    ] {
        assert!(matches!(KeyFile::decode(&too_much), Err(StoreError::Corrupt(_))));
    }
}

#[test]
fn a_key_cannot_be_printed() {
    let file = KeyFile::new(None, CHEAP, &mut Counting(0)).unwrap();
    let key = file.unlock(None).unwrap();
    assert_eq!(format!("{key:?} {file:?}"), "DatabaseKey(…) KeyFile::Plain(…)");
}

#[test]
fn a_home_has_one_user_at_a_time() {
    let home = Home::new();
    let lock = HomeLock::acquire(&home.path(), false).unwrap();
    let refused = HomeLock::acquire(&home.path(), false).unwrap_err();
    assert_eq!(refused, StoreError::Locked { pid: Some(std::process::id()) });
    assert_eq!(
        refused.to_string(),
        format!("another veche (process {}) is using this home", std::process::id())
    );
    drop(lock);
    drop(HomeLock::acquire(&home.path(), false).unwrap());

    // Words of somebody else in the file are no number of a process.
    fs::write(home.path().join(LOCK_FILE), b"4294967296 and more").unwrap();
    let other = fs::File::open(home.path().join(LOCK_FILE)).unwrap();
    other.lock().unwrap();
    let refused = HomeLock::acquire(&home.path(), false).unwrap_err();
    assert_eq!(refused, StoreError::Locked { pid: None });
}

#[test]
fn who_waits_for_a_home_gets_it_in_the_end() {
    let home = Home::new();
    let lock = HomeLock::acquire(&home.path(), true).unwrap();
    let story = Arc::new(Mutex::new(Vec::new()));
    let waiting = std::thread::spawn({
        let (path, story) = (home.path(), Arc::clone(&story));
        move || {
            let lock = HomeLock::acquire(&path, true).unwrap();
            story.lock().unwrap().push("taken");
            drop(lock);
        }
    });
    story.lock().unwrap().push("given up");
    drop(lock);
    waiting.join().unwrap();
    assert_eq!(*story.lock().unwrap(), ["given up", "taken"]);
}

#[test]
fn a_passphrase_is_set_changed_and_taken_away_without_touching_the_database() {
    let random = &mut Counting(0);
    let place = super::Place::new();
    let plain = KeyFile::new(None, CHEAP, random).unwrap();
    let open = |file: &KeyFile, passphrase| {
        let file = KeyFile::decode(&file.encode()).unwrap();
        Store::open(&place.path(), &file.unlock(passphrase)?)
    };
    put(&mut open(&plain, None).unwrap(), "value", b"mine").unwrap();
    let first = plain.changed((None, Some("sesame")), CHEAP, random).unwrap();
    let second = first.changed((Some("sesame"), Some("open")), CHEAP, random).unwrap();
    let third = second.changed((Some("open"), None), CHEAP, random).unwrap();
    assert_eq!(
        [&plain, &first, &second, &third].map(KeyFile::is_locked),
        [false, true, true, false]
    );
    for (file, passphrase) in [(&first, Some("sesame")), (&second, Some("open")), (&third, None)] {
        assert_eq!(get(&open(file, passphrase).unwrap(), "value").as_deref(), Some(&b"mine"[..]));
    }
    assert_eq!(open(&first, Some("open")).unwrap_err(), StoreError::WrongKey);
    assert_eq!(open(&first, None).unwrap_err(), StoreError::PassphraseNeeded);
    let refused = first.changed((Some("Sesame"), None), CHEAP, random).unwrap_err();
    assert_eq!(refused, StoreError::WrongKey);
    let refused = plain.changed((None, Some("")), CHEAP, random).unwrap_err();
    assert_eq!(refused, StoreError::PassphraseNeeded);
}

#[test]
fn a_wrapped_key_is_not_in_its_file_and_no_two_wrappings_are_alike() {
    let random = &mut Counting(0);
    let key = DatabaseKey::from_bytes([7; 32]);
    let mut wrap = || KeyFile::wrap(&key, "sesame", CHEAP, random).unwrap().encode().to_vec();
    let (one, other) = (wrap(), wrap());
    assert_eq!(one.len(), 10 + 1 + 12 + 16 + 32 + 16);
    assert_ne!(one, other);
    assert!(!one.windows(8).any(|bytes| bytes == [7; 8]));
    for length in 0..one.len() {
        assert!(KeyFile::decode(&one[..length]).is_err(), "cut at {length}");
    }
}
