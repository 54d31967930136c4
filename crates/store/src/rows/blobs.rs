//! Sealed files and trees, part by part.

use rusqlite::{Row, params};
use veche_wire::BlobId;

use super::{found, id, signed, unsigned};
use crate::{StoreError, Tx};

/// Where a blob is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Up = 0,
    /// From the server.
    Down = 1,
    /// Nowhere: it is here, and on the server.
    Here = 2,
    /// Staged by the person, not sent yet.
    Staged = 3,
}

/// A blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRow {
    /// Its id.
    pub blob: BlobId,
    /// Where it is going.
    pub direction: Direction,
    /// Bytes of the whole.
    pub total: u64,
    /// Bytes there (`Up`: on the server; `Down`: here).
    pub have: u64,
    /// The intent that waits for it.
    pub intent: Option<i64>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<BlobRow> {
    Ok(BlobRow {
        blob: id(row, 0)?,
        direction: match row.get::<_, i64>(1)? {
            0 => Direction::Up,
            1 => Direction::Down,
            2 => Direction::Here,
            _ => Direction::Staged,
        },
        total: unsigned(row, 2)?,
        have: unsigned(row, 3)?,
        intent: row.get(4)?,
    })
}

impl Tx<'_> {
    /// The blob with this id.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn blob(&self, blob: &BlobId) -> Result<Option<BlobRow>, StoreError> {
        found(
            self.connection()
                .prepare_cached(
                    "SELECT blob, direction, total, have, intent FROM blob WHERE blob = ?1",
                )?
                .query_row([blob.as_bytes()], read),
        )
    }

    /// The blobs on their way.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn moving_blobs(&self) -> Result<Vec<BlobRow>, StoreError> {
        let mut query = self.connection().prepare_cached(
            "SELECT blob, direction, total, have, intent FROM blob WHERE direction <= 1
             ORDER BY blob",
        )?;
        let rows = query.query_map([], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes a blob's row.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_blob(&self, row: &BlobRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO blob (blob, direction, total, have, intent)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                row.blob.as_bytes(),
                row.direction as i64,
                signed(row.total),
                signed(row.have),
                row.intent
            ])?;
        Ok(())
    }

    /// Forgets a blob and its parts.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn delete_blob(&self, blob: &BlobId) -> Result<(), StoreError> {
        for sql in ["DELETE FROM blob WHERE blob = ?1", "DELETE FROM blob_part WHERE blob = ?1"] {
            self.connection().prepare_cached(sql)?.execute([blob.as_bytes()])?;
        }
        Ok(())
    }

    /// A part, numbered from 0.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn blob_part(&self, blob: &BlobId, part: u64) -> Result<Option<Vec<u8>>, StoreError> {
        found(
            self.connection()
                .prepare_cached("SELECT bytes FROM blob_part WHERE blob = ?1 AND part = ?2")?
                .query_row(params![blob.as_bytes(), signed(part)], |row| row.get(0)),
        )
    }

    /// Writes a part.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn put_blob_part(&self, blob: &BlobId, part: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "INSERT OR REPLACE INTO blob_part (blob, part, bytes) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![blob.as_bytes(), signed(part), bytes])?;
        Ok(())
    }
}
