//! Joining by a link: doors that this device looks after, who asks there, and where it asks itself.

use rusqlite::{Row, params};
use veche_wire::{AccountId, DeviceId, EntryId, LogId, Millis, Seq, Token};

use super::{found, hash, id, signed, unsigned};
use crate::{StoreError, Tx};

/// How a door stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum DoorState {
    /// The server is to make it.
    Making = 0,
    /// It is read.
    Open = 1,
    /// The server is to close it.
    Closing = 2,
}

/// A door that this device looks after.
#[derive(Clone, PartialEq, Eq)]
pub struct DoorRow {
    /// Its log.
    pub door: LogId,
    /// The group's log.
    pub log: LogId,
    /// What everything about it derives from.
    pub secret: [u8; 32],
    /// Up to here it was read.
    pub cursor: Seq,
    /// How it stands.
    pub state: DoorState,
}

impl std::fmt::Debug for DoorRow {
    /// Shows nothing that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DoorRow({:?}, up to {})", self.state, self.cursor)
    }
}

/// How a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum JoinRequestState {
    /// Nobody has answered.
    Waiting = 0,
    /// Somebody has declined it, and every later one.
    Declined = 1,
    /// Who asked was let in.
    Answered = 2,
}

/// A request to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequestRow {
    /// The door.
    pub door: LogId,
    /// Who asks.
    pub account: AccountId,
    /// Its place there; 0 where somebody was declined before their request was read.
    pub seq: Seq,
    /// With which device.
    pub device: DeviceId,
    /// The request (the message layer's encoding).
    pub body: Vec<u8>,
    /// When it was made (ms since 1970): older ones of the account are not looked at.
    pub asked: Millis,
    /// How it stands.
    pub state: JoinRequestState,
}

/// How a request of this device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnockState {
    /// The server does not have it yet.
    Asking,
    /// Nobody has answered.
    Asked {
        /// When to ask anew (ms since 1970).
        again: Millis,
    },
    /// This device is in. What was made for the requests is kept a while, since one of them may be answered
    /// once more.
    In,
}

/// A door at which this device has asked.
#[derive(Clone, PartialEq, Eq)]
pub struct KnockRow {
    /// The door.
    pub door: LogId,
    /// The group's log.
    pub log: LogId,
    /// The link's secret.
    pub secret: Token,
    /// The link's public key.
    pub public_key: [u8; 32],
    /// The id of the request.
    pub id: EntryId,
    /// The request as it goes to the server.
    pub sealed: Vec<u8>,
    /// The references of the KeyPackages of it and of earlier ones, one after the other.
    pub key_packages: Vec<u8>,
    /// When it was first asked (ms since 1970).
    pub since: Millis,
    /// How often it was asked anew.
    pub tries: u32,
    /// How it stands.
    pub state: KnockState,
    /// Who waits for the server to have it.
    pub intent: Option<i64>,
    /// The MLS number of the group's suite.
    pub suite: u16,
}

impl std::fmt::Debug for KnockRow {
    /// Shows nothing that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnockRow({:?})", self.id)
    }
}

impl Tx<'_> {
    /// All doors.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn doors(&self) -> Result<Vec<DoorRow>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT door, log, secret, cursor, state FROM door ORDER BY door")?;
        let rows = query.query_map([], read_door)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A door.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn door(&self, door: &LogId) -> Result<Option<DoorRow>, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT door, log, secret, cursor, state FROM door WHERE door = ?1")?;
        found(query.query_row([door.as_bytes()], read_door))
    }

    /// Writes a door.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_door(&self, row: &DoorRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO door (door, log, secret, cursor, state)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                row.door.as_bytes(),
                row.log.as_bytes(),
                row.secret,
                signed(row.cursor),
                row.state as i64
            ])?;
        Ok(())
    }

    /// Forgets a door, and who asks there.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_door(&self, door: &LogId) -> Result<(), StoreError> {
        for sql in ["DELETE FROM door WHERE door = ?1", "DELETE FROM join_request WHERE door = ?1"]
        {
            self.connection().prepare_cached(sql)?.execute([door.as_bytes()])?;
        }
        Ok(())
    }

    /// Who asks at a door and was not declined, in order.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn join_requests(&self, door: &LogId) -> Result<Vec<JoinRequestRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT door, account, seq, device, body, asked, state FROM join_request
             WHERE door = ?1 AND state = 0 ORDER BY seq",
        )?;
        let rows = query.query_map([door.as_bytes()], read_request)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What an account has asked at a door.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn join_request(
        &self,
        door: &LogId,
        account: &AccountId,
    ) -> Result<Option<JoinRequestRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT door, account, seq, device, body, asked, state FROM join_request
             WHERE door = ?1 AND account = ?2",
        )?;
        found(query.query_row([&door.as_bytes()[..], account.as_bytes()], read_request))
    }

    /// How many requests of a door wait.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn join_request_count(&self, door: &LogId) -> Result<u64, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT count(*) FROM join_request WHERE door = ?1 AND state = 0")?;
        Ok(query.query_row([door.as_bytes()], |row| unsigned(row, 0))?)
    }

    /// Keeps a request, in the place of an earlier one of the same account.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_join_request(&self, row: &JoinRequestRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO join_request (door, account, seq, device, body, asked, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                row.door.as_bytes(),
                row.account.as_bytes(),
                signed(row.seq),
                row.device.as_bytes(),
                row.body,
                signed(row.asked),
                row.state as i64
            ])?;
        Ok(())
    }

    /// Forgets those who were let in and asked before a time.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn forget_answered(&self, door: &LogId, before: Millis) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "DELETE FROM join_request WHERE door = ?1 AND state = 2 AND asked < ?2",
            )?
            .execute(params![door.as_bytes(), signed(before)])?;
        Ok(())
    }

    /// Forgets a request.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_join_request(&self, door: &LogId, account: &AccountId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM join_request WHERE door = ?1 AND account = ?2")?
            .execute([&door.as_bytes()[..], account.as_bytes()])?;
        Ok(())
    }

    /// Where this device has asked.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn knocks(&self) -> Result<Vec<KnockRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT door, log, secret, public_key, id, sealed, key_packages, since, tries, again,
                    intent, suite
             FROM knock ORDER BY door",
        )?;
        let rows = query.query_map([], |row| {
            Ok(KnockRow {
                door: id(row, 0)?,
                log: id(row, 1)?,
                secret: id(row, 2)?,
                public_key: hash(row, 3)?,
                id: id(row, 4)?,
                sealed: row.get(5)?,
                key_packages: row.get(6)?,
                since: unsigned(row, 7)?,
                tries: row.get(8)?,
                state: match row.get::<_, i64>(9)? {
                    ..0 => KnockState::In,
                    0 => KnockState::Asking,
                    _ => KnockState::Asked { again: unsigned(row, 9)? },
                },
                intent: row.get(10)?,
                suite: row.get(11)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes where this device has asked; once for a door.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_knock(&self, row: &KnockRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO knock
                 (door, log, secret, public_key, id, sealed, key_packages, since, tries, again, intent,
                  suite)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                row.door.as_bytes(),
                row.log.as_bytes(),
                row.secret.as_bytes(),
                row.public_key,
                row.id.as_bytes(),
                row.sealed,
                row.key_packages,
                signed(row.since),
                row.tries,
                match row.state {
                    KnockState::Asking => 0,
                    KnockState::Asked { again } => signed(again.max(1)),
                    KnockState::In => -1,
                },
                row.intent,
                row.suite
            ])?;
        Ok(())
    }

    /// This device asks there no more.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_knock(&self, door: &LogId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM knock WHERE door = ?1")?
            .execute([door.as_bytes()])?;
        Ok(())
    }
}

fn read_request(row: &Row<'_>) -> rusqlite::Result<JoinRequestRow> {
    Ok(JoinRequestRow {
        door: id(row, 0)?,
        account: id(row, 1)?,
        seq: unsigned(row, 2)?,
        device: id(row, 3)?,
        body: row.get(4)?,
        asked: unsigned(row, 5)?,
        state: match row.get::<_, i64>(6)? {
            0 => JoinRequestState::Waiting,
            1 => JoinRequestState::Declined,
            _ => JoinRequestState::Answered,
        },
    })
}

fn read_door(row: &Row<'_>) -> rusqlite::Result<DoorRow> {
    Ok(DoorRow {
        door: id(row, 0)?,
        log: id(row, 1)?,
        secret: hash(row, 2)?,
        cursor: unsigned(row, 3)?,
        state: match row.get::<_, i64>(4)? {
            0 => DoorState::Making,
            2 => DoorState::Closing,
            _ => DoorState::Open,
        },
    })
}
