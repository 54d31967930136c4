//! Accounts, usernames, devices, KeyPackages and invite codes as rows.

use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};
use veche_wire::{AccountId, DeviceId, DeviceRecord};

use super::{Schema, Transaction, fixed};
use crate::storage::{AccountState, Directory, InviteCode, KeyPackages, StorageError, Stored};

const TABLES: &str = "
    CREATE TABLE accounts (
        account BLOB PRIMARY KEY,
        username TEXT
    ) STRICT, WITHOUT ROWID;
    -- Outlives its account: a name is never given to another.
    CREATE TABLE names (
        username TEXT PRIMARY KEY,
        account BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE devices (
        device BLOB PRIMARY KEY,
        account BLOB NOT NULL,
        record BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX devices_by_account ON devices (account, device);
    -- A package without bytes was given out; its hash stays, so that it is not taken in again.
    CREATE TABLE packages (
        device BLOB NOT NULL,
        suite INTEGER NOT NULL,
        hash BLOB NOT NULL,
        bytes BLOB,
        PRIMARY KEY (device, suite, hash)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX packages_left ON packages (device, suite) WHERE bytes IS NOT NULL;
    CREATE TABLE last_resorts (
        device BLOB NOT NULL,
        suite INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (device, suite)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE codes (
        hash BLOB PRIMARY KEY,
        uses INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE invites (
        account BLOB NOT NULL,
        hash BLOB NOT NULL,
        PRIMARY KEY (account, hash)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE inboxes (
        device BLOB PRIMARY KEY,
        head INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE envelopes (
        device BLOB NOT NULL,
        seq INTEGER NOT NULL,
        id BLOB NOT NULL,
        day INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (device, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX envelopes_by_id ON envelopes (device, id);
    CREATE INDEX envelopes_by_day ON envelopes (day);
";

pub(super) const SCHEMA: Schema = Schema { tables: TABLES, steps: ["", ""] };

impl Directory for Transaction<'_> {
    fn account(&mut self, account: &AccountId) -> Stored<Option<AccountState>> {
        let key = account.as_bytes().as_slice();
        let username: Option<Option<String>> = self
            .directory
            .prepare_cached("SELECT username FROM accounts WHERE account = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()?;
        let Some(username) = username else { return Ok(None) };
        let mut query = self
            .directory
            .prepare_cached("SELECT record FROM devices WHERE account = ?1 ORDER BY device")?;
        let mut rows = query.query([key])?;
        let mut devices = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(0)?;
            let device = DeviceRecord::decode(&bytes);
            devices.push(device.map_err(|_| StorageError::Corrupt("a device"))?);
        }
        Ok(Some(AccountState { username, devices }))
    }

    fn owner_of_name(&mut self, username: &str) -> Stored<Option<AccountId>> {
        let account: Option<Vec<u8>> = self
            .directory
            .prepare_cached("SELECT account FROM names WHERE username = ?1")?
            .query_row([username], |row| row.get(0))
            .optional()?;
        account.map(|account| Ok(AccountId(fixed(&account)?))).transpose()
    }

    fn owner_of_device(&mut self, device: &DeviceId) -> Stored<Option<AccountId>> {
        let account: Option<Vec<u8>> = self
            .directory
            .prepare_cached("SELECT account FROM devices WHERE device = ?1")?
            .query_row([device.as_bytes().as_slice()], |row| row.get(0))
            .optional()?;
        account.map(|account| Ok(AccountId(fixed(&account)?))).transpose()
    }

    fn put_device(&mut self, device: &DeviceRecord) -> Stored<()> {
        let account = device.certificate.account.as_bytes().as_slice();
        self.directory
            .prepare_cached("INSERT OR IGNORE INTO accounts VALUES (?1, NULL)")?
            .execute([account])?;
        self.directory
            .prepare_cached("INSERT OR REPLACE INTO devices VALUES (?1, ?2, ?3)")?
            .execute(params![
                device.certificate.device.as_bytes().as_slice(),
                account,
                device.encode()
            ])?;
        Ok(())
    }

    fn put_name(&mut self, account: &AccountId, username: &str) -> Stored<()> {
        let account = account.as_bytes().as_slice();
        self.directory
            .prepare_cached("INSERT OR REPLACE INTO names VALUES (?1, ?2)")?
            .execute(params![username, account])?;
        self.directory
            .prepare_cached("INSERT OR REPLACE INTO accounts VALUES (?1, ?2)")?
            .execute(params![account, username])?;
        Ok(())
    }

    fn put_key_packages(&mut self, packages: KeyPackages<'_>) -> Stored<()> {
        let device = packages.device.as_bytes().as_slice();
        for package in packages.packages {
            let hash = Sha256::digest(package);
            self.directory
                .prepare_cached("INSERT OR IGNORE INTO packages VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![device, packages.suite, hash.as_slice(), package])?;
        }
        if let Some(bytes) = packages.last_resort {
            self.directory
                .prepare_cached("INSERT OR REPLACE INTO last_resorts VALUES (?1, ?2, ?3)")?
                .execute(params![device, packages.suite, bytes])?;
        }
        Ok(())
    }

    fn key_packages_left(&mut self, device: &DeviceId, suite: u16) -> Stored<u32> {
        Ok(self
            .directory
            .prepare_cached(
                "SELECT count(*) FROM packages
                 WHERE device = ?1 AND suite = ?2 AND bytes IS NOT NULL",
            )?
            .query_row(params![device.as_bytes().as_slice(), suite], |row| row.get(0))?)
    }

    fn take_key_package(&mut self, device: &DeviceId, suite: u16) -> Stored<Option<Vec<u8>>> {
        let key = params![device.as_bytes().as_slice(), suite];
        let first: Option<(Vec<u8>, Vec<u8>)> = self
            .directory
            .prepare_cached(
                "SELECT hash, bytes FROM packages
                 WHERE device = ?1 AND suite = ?2 AND bytes IS NOT NULL LIMIT 1",
            )?
            .query_row(key, |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((hash, bytes)) = first else {
            return Ok(self
                .directory
                .prepare_cached("SELECT bytes FROM last_resorts WHERE device = ?1 AND suite = ?2")?
                .query_row(key, |row| row.get(0))
                .optional()?);
        };
        self.directory
            .prepare_cached(
                "UPDATE packages SET bytes = NULL WHERE device = ?1 AND suite = ?2 AND hash = ?3",
            )?
            .execute(params![device.as_bytes().as_slice(), suite, hash])?;
        self.erased.directory = true;
        Ok(Some(bytes))
    }

    fn invite_code(&mut self, hash: &[u8; 32]) -> Stored<Option<InviteCode>> {
        Ok(self
            .directory
            .prepare_cached("SELECT uses, until FROM codes WHERE hash = ?1")?
            .query_row([hash.as_slice()], |row| {
                Ok(InviteCode { uses: row.get(0)?, until: row.get(1)? })
            })
            .optional()?)
    }

    fn put_invite_code(&mut self, hash: &[u8; 32], code: InviteCode) -> Stored<()> {
        put_code(self.directory, hash, code)
    }
}

/// Adds or replaces an operator's code.
pub(super) fn put_code(directory: &Connection, hash: &[u8; 32], code: InviteCode) -> Stored<()> {
    directory
        .prepare_cached("INSERT OR REPLACE INTO codes VALUES (?1, ?2, ?3)")?
        .execute(params![hash.as_slice(), code.uses, code.until])?;
    Ok(())
}
