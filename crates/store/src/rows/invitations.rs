//! What came into the inbox and waits, and what goes into other people's.

use rusqlite::{Row, params};
use veche_wire::{AccountId, BlobId, DeviceId, EntryId, LogId, Millis, Token};

use super::{found, id, maybe_id, signed, unsigned};
use crate::{StoreError, Tx};

/// For what an invitation waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// For the person's word.
    Request = 0,
    /// To be joined.
    Accepted = 1,
    /// For this device to lose its place in the log, which it still has.
    Held = 2,
    /// Could not be used: kept for who sent it, until the device is added again.
    Spent = 3,
}

/// An invitation.
#[derive(Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// The id of the inbox entry.
    pub id: EntryId,
    /// The log to join.
    pub log: LogId,
    /// Who invites.
    pub account: AccountId,
    /// Whether to a direct chat.
    pub direct: bool,
    /// For what it waits.
    pub state: InvitationState,
    /// The intent that accepted it.
    pub intent: Option<i64>,
    /// The opened envelope (the client's encoding).
    pub body: Vec<u8>,
}

impl std::fmt::Debug for InvitationRow {
    /// Shows nothing that is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InvitationRow")
            .field("id", &self.id)
            .field("log", &self.log)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// An envelope on its way, or one whose effect is not seen yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its id.
    pub id: EntryId,
    /// Whose inbox.
    pub device: DeviceId,
    /// The log that it invites into.
    pub log: Option<LogId>,
    /// The right to, from the contact's link.
    pub invite: Option<Token>,
    /// The blob that must be there first.
    pub needs: Option<BlobId>,
    /// The sealed envelope.
    pub bytes: Vec<u8>,
    /// The intent that waits for it.
    pub intent: Option<i64>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<InvitationRow> {
    Ok(InvitationRow {
        id: id(row, 0)?,
        log: id(row, 1)?,
        account: id(row, 2)?,
        direct: row.get::<_, i64>(3)? == 0,
        state: match row.get::<_, i64>(4)? {
            0 => InvitationState::Request,
            1 => InvitationState::Accepted,
            2 => InvitationState::Held,
            _ => InvitationState::Spent,
        },
        intent: row.get(5)?,
        body: row.get(6)?,
    })
}

const COLUMNS: &str = "id, log, account, kind, state, intent, body";

impl Tx<'_> {
    /// The invitation with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn invitation(&self, invitation: &EntryId) -> Result<Option<InvitationRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM invitation WHERE id = ?1");
        found(self.connection().prepare_cached(&sql)?.query_row([invitation.as_bytes()], read))
    }

    /// All invitations.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn invitations(&self) -> Result<Vec<InvitationRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM invitation ORDER BY id");
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes an invitation.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_invitation(&self, row: &InvitationRow) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT OR REPLACE INTO invitation ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        );
        self.connection().prepare_cached(&sql)?.execute(params![
            row.id.as_bytes(),
            row.log.as_bytes(),
            row.account.as_bytes(),
            i64::from(!row.direct),
            row.state as i64,
            row.intent,
            row.body
        ])?;
        Ok(())
    }

    /// Forgets an invitation.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_invitation(&self, invitation: &EntryId) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM invitation WHERE id = ?1")?
            .execute([invitation.as_bytes()])?;
        Ok(())
    }

    /// The envelopes on their way.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn deliveries(&self) -> Result<Vec<DeliveryRow>, StoreError> {
        self.deliveries_where("delivered IS NULL ORDER BY id", [])
    }

    /// An envelope, on its way or delivered.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delivery(&self, delivery: &EntryId) -> Result<Option<DeliveryRow>, StoreError> {
        Ok(self.deliveries_where("id = ?1", [delivery.as_bytes()])?.pop())
    }

    /// Whether an envelope is still on its way.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn is_on_its_way(&self, delivery: &EntryId) -> Result<bool, StoreError> {
        let mut query = self
            .connection()
            .prepare_cached("SELECT 1 FROM delivery WHERE id = ?1 AND delivered IS NULL")?;
        Ok(query.exists([delivery.as_bytes()])?)
    }

    /// Delivered envelopes whose effect is not seen yet, from the one that was delivered first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn deliveries_done(&self, limit: usize) -> Result<Vec<DeliveryRow>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.deliveries_where("delivered IS NOT NULL ORDER BY delivered, id LIMIT ?1", [limit])
    }

    /// Delivered envelopes that invite a device into a log.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn deliveries_to(
        &self,
        log: &LogId,
        device: &DeviceId,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let key = params![log.as_bytes(), device.as_bytes()];
        self.deliveries_where("log = ?1 AND device = ?2 AND delivered IS NOT NULL", key)
    }

    /// Envelopes that were delivered before a time.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn deliveries_before(&self, time: Millis) -> Result<Vec<DeliveryRow>, StoreError> {
        self.deliveries_where("delivered < ?1", [signed(time)])
    }

    fn deliveries_where(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let sql = format!(
            "SELECT id, device, log, invite, needs, bytes, intent FROM delivery WHERE {condition}"
        );
        let mut query = self.connection().prepare_cached(&sql)?;
        let rows = query.query_map(values, |row| {
            Ok(DeliveryRow {
                id: id(row, 0)?,
                device: id(row, 1)?,
                log: maybe_id(row, 2)?,
                invite: maybe_id(row, 3)?,
                needs: maybe_id(row, 4)?,
                bytes: row.get(5)?,
                intent: row.get(6)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps an envelope until it is delivered.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_delivery(&self, row: &DeliveryRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO delivery (id, device, log, invite, needs, bytes, intent)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                row.id.as_bytes(),
                row.device.as_bytes(),
                row.log.as_ref().map(LogId::as_bytes),
                row.invite.as_ref().map(Token::as_bytes),
                row.needs.as_ref().map(BlobId::as_bytes),
                row.bytes,
                row.intent
            ])?;
        Ok(())
    }

    /// The server has an envelope, which is kept until its effect is seen; answers how many of the
    /// same intent are still on their way.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delivery_done(&self, row: &DeliveryRow, now: Millis) -> Result<u64, StoreError> {
        self.connection()
            .prepare_cached("UPDATE delivery SET delivered = ?2, intent = NULL WHERE id = ?1")?
            .execute(params![row.id.as_bytes(), signed(now)])?;
        self.deliveries_left(row.intent)
    }

    /// Removes an envelope; answers how many of the same intent are still on their way.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_delivery(
        &self,
        delivery: &EntryId,
        intent: Option<i64>,
    ) -> Result<u64, StoreError> {
        self.connection()
            .prepare_cached("DELETE FROM delivery WHERE id = ?1")?
            .execute([delivery.as_bytes()])?;
        self.deliveries_left(intent)
    }

    fn deliveries_left(&self, intent: Option<i64>) -> Result<u64, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT count(*) FROM delivery WHERE intent IS ?1 AND delivered IS NULL",
        )?;
        Ok(query.query_row([intent], |row| unsigned(row, 0))?)
    }

    /// Whether an envelope, on its way or delivered, needs a blob.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn is_blob_needed(&self, blob: &BlobId) -> Result<bool, StoreError> {
        let mut query =
            self.connection().prepare_cached("SELECT 1 FROM delivery WHERE needs = ?1")?;
        Ok(query.exists([blob.as_bytes()])?)
    }
}
