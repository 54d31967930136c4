//! Stories of the database.

use crate::{DatabaseKey, Store, StoreError};

fn key(byte: u8) -> DatabaseKey {
    DatabaseKey::from_bytes([byte; 32])
}

#[test]
fn what_was_kept_is_there_after_opening_again() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("client.db");
    let large: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    let mut store = Store::open(&path, &key(1)).unwrap();
    store
        .write(|tx| {
            tx.keep_put("small", b"1", b"one")?;
            tx.keep_put("large", b"1", &large)
        })
        .unwrap();
    drop(store);

    let store = Store::open(&path, &key(1)).unwrap();
    store
        .read(|tx| {
            assert_eq!(tx.keep_get("small", b"1")?.as_deref(), Some(&b"one"[..]));
            assert_eq!(tx.keep_get("large", b"1")?, Some(large));
            Ok::<_, StoreError>(())
        })
        .unwrap();
    store.verify().unwrap();
    drop(store);
    assert_eq!(Store::open(&path, &key(2)).unwrap_err(), StoreError::WrongKey);
}
