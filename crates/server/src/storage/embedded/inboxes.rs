//! Envelopes as rows. They are erased when read, and overwritten with zeros then.

use rusqlite::{OptionalExtension, params};
use veche_wire::{AccountId, DeviceId, EntryId, InboxEntry, Seq, TokenHash};

use super::{Transaction, fixed, from_sql, to_sql};
use crate::storage::{Day, InboxState, Inboxes, Page, Stored};

impl Inboxes for Transaction<'_> {
    fn put_invites(&mut self, account: &AccountId, hashes: &[TokenHash]) -> Stored<()> {
        let account = account.as_bytes().as_slice();
        self.erased.directory = true;
        self.directory
            .prepare_cached("DELETE FROM invites WHERE account = ?1")?
            .execute([account])?;
        let mut insert =
            self.directory.prepare_cached("INSERT OR IGNORE INTO invites VALUES (?1, ?2)")?;
        for hash in hashes {
            insert.execute(params![account, hash.as_bytes().as_slice()])?;
        }
        Ok(())
    }

    fn invites(&mut self, account: &AccountId) -> Stored<Vec<TokenHash>> {
        let mut query =
            self.directory.prepare_cached("SELECT hash FROM invites WHERE account = ?1")?;
        let mut rows = query.query([account.as_bytes().as_slice()])?;
        let mut hashes = Vec::new();
        while let Some(row) = rows.next()? {
            let hash: Vec<u8> = row.get(0)?;
            hashes.push(TokenHash(fixed(&hash)?));
        }
        Ok(hashes)
    }

    fn inbox(&mut self, device: &DeviceId) -> Stored<InboxState> {
        let device = device.as_bytes().as_slice();
        let head: Option<i64> = self
            .directory
            .prepare_cached("SELECT head FROM inboxes WHERE device = ?1")?
            .query_row([device], |row| row.get(0))
            .optional()?;
        let waiting: i64 = self
            .directory
            .prepare_cached("SELECT count(*) FROM envelopes WHERE device = ?1")?
            .query_row([device], |row| row.get(0))?;
        Ok(InboxState {
            head: from_sql(head.unwrap_or(0))?,
            waiting: usize::try_from(waiting).unwrap_or(usize::MAX),
        })
    }

    fn has_envelope(&mut self, device: &DeviceId, id: &EntryId) -> Stored<bool> {
        Ok(self
            .directory
            .prepare_cached("SELECT 1 FROM envelopes WHERE device = ?1 AND id = ?2")?
            .exists(params![device.as_bytes().as_slice(), id.as_bytes().as_slice()])?)
    }

    fn deliver(&mut self, device: &DeviceId, id: &EntryId, bytes: &[u8], day: Day) -> Stored<Seq> {
        let device = device.as_bytes().as_slice();
        let seq: i64 = self
            .directory
            .prepare_cached(
                "INSERT INTO inboxes VALUES (?1, 1)
                 ON CONFLICT DO UPDATE SET head = head + 1 RETURNING head",
            )?
            .query_row([device], |row| row.get(0))?;
        self.directory
            .prepare_cached("INSERT INTO envelopes VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![device, seq, id.as_bytes().as_slice(), day, bytes])?;
        from_sql(seq)
    }

    fn envelopes(&mut self, device: &DeviceId, page: Page) -> Stored<Vec<InboxEntry>> {
        let mut query = self.directory.prepare_cached(
            "SELECT seq, id, bytes FROM envelopes WHERE device = ?1 AND seq > ?2 AND seq <= ?3
             ORDER BY seq LIMIT ?4",
        )?;
        let mut rows = query.query(params![
            device.as_bytes().as_slice(),
            to_sql(page.after),
            to_sql(page.until),
            to_sql(page.count as u64),
        ])?;
        let mut size = 0;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let id: Vec<u8> = row.get(1)?;
            let bytes: Vec<u8> = row.get(2)?;
            size += bytes.len();
            if size > page.bytes && !entries.is_empty() {
                break;
            }
            entries.push(InboxEntry {
                seq: from_sql(row.get(0)?)?,
                id: EntryId(fixed(&id)?),
                bytes,
            });
        }
        Ok(entries)
    }

    fn erase(&mut self, device: &DeviceId, up_to: Seq) -> Stored<()> {
        let removed = self
            .directory
            .prepare_cached("DELETE FROM envelopes WHERE device = ?1 AND seq <= ?2")?
            .execute(params![device.as_bytes().as_slice(), to_sql(up_to)])?;
        self.erased.directory |= removed > 0;
        Ok(())
    }

    fn sweep_envelopes(&mut self, before: Day, limit: usize) -> Stored<usize> {
        let removed = self
            .directory
            .prepare_cached(
                "DELETE FROM envelopes WHERE (device, seq) IN
                     (SELECT device, seq FROM envelopes WHERE day < ?1 LIMIT ?2)",
            )?
            .execute(params![before, to_sql(limit as u64)])?;
        self.erased.directory |= removed > 0;
        Ok(removed)
    }
}
