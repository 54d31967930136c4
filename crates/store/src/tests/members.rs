//! Who is in a log, as it changes.

use veche_wire::{AccountId, DeviceId, LogId};

use crate::{Store, StoreError};

#[test]
fn members_are_counted_by_account_and_silent_only_with_all_their_devices() {
    let (log, [ana, bo]) = (LogId([1; 16]), [AccountId([2; 32]), AccountId([3; 32])]);
    let [phone, desk, bos] = [4, 5, 6].map(|byte| DeviceId([byte; 32]));
    let mut store = Store::in_memory().unwrap();
    store
        .write::<_, StoreError, _>(|tx| {
            assert_eq!(tx.roster(&log)?, None);
            let places = [(ana, phone, 2), (ana, desk, 2), (bo, bos, 0)];
            tx.put_members(&log, b"first", &places.into())?;
            for (device, added) in [(phone, 70), (bos, 80)] {
                tx.await_device(&log, &device, added)?;
            }
            let roster = tx.roster(&log)?.unwrap();
            assert_eq!((roster.accounts, roster.devices), (2, 3));
            let silent: Vec<_> = tx.members(&log)?.iter().map(|row| row.silent_since).collect();
            assert_eq!(silent, [None, Some(80)], "ana has written from her desk");

            // Bo becomes an admin, and a device of ana's goes.
            tx.put_members(&log, b"second", &[(ana, phone, 2), (bo, bos, 1)].into())?;
            let roles: Vec<_> =
                tx.members(&log)?.iter().map(|row| (row.account, row.role)).collect();
            assert_eq!(roles, [(ana, 2), (bo, 1)]);
            assert_eq!(tx.roster(&log)?.unwrap().history, b"second");
            assert!(tx.is_member(&log, &bo)? && !tx.is_member(&LogId([9; 16]), &bo)?);

            tx.forget_members(&log)?;
            assert_eq!((tx.members(&log)?, tx.roster(&log)?), (vec![], None));
            Ok(())
        })
        .unwrap();
}
