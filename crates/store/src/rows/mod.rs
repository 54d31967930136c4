//! Rows and their queries, one file for what belongs together. All of them are methods of `Tx`, so
//! that nothing is read or written outside of a transaction.

mod blobs;
mod chats;
mod counters;
mod departures;
mod doors;
mod entries;
mod intents;
mod invitations;
mod listed;
mod logs;
mod lost;
mod marks;
mod members;
mod messages;
mod meta;
mod outbox;
mod packages;
mod people;
mod unread;

pub use blobs::{BlobRow, Direction};
pub use chats::ChatRow;
pub use departures::DepartureRow;
pub use doors::{DoorRow, DoorState, JoinRequestRow, JoinRequestState, KnockRow, KnockState};
pub use entries::EntryRow;
pub use intents::{IntentRow, IntentState};
pub use invitations::{DeliveryRow, InvitationRow, InvitationState};
pub use listed::{ListedPerson, ListedRow};
pub use logs::{GenerationRow, LogFlags, LogRow, LogState};
pub use lost::{LostRow, has_place};
pub use marks::{ReadmissionRow, Scope};
pub use members::{MemberRow, Place, RosterRow};
pub use messages::{MessageRow, PENDING_POSITION, ReactionRow, RowState, position};
pub use outbox::{OutboxRow, OutboxState};
pub use packages::LastResortRow;
pub use people::AccountRow;

use rusqlite::Row;

use crate::StoreError;

/// Reads a column that holds an id.
fn id<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<T>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    let bytes = row.get_ref(index)?.as_blob().map_err(|error| conversion(index, error))?;
    T::try_from(bytes)
        .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, bytes.len() as i64))
}

/// Reads a nullable column that holds an id.
fn maybe_id<T>(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<T>>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    if row.get_ref(index)? == rusqlite::types::ValueRef::Null {
        return Ok(None);
    }
    id(row, index).map(Some)
}

/// Reads a column that holds 32 bytes.
fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<[u8; 32]> {
    let bytes = row.get_ref(index)?.as_blob().map_err(|error| conversion(index, error))?;
    bytes.try_into().map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, 32))
}

fn conversion(index: usize, error: rusqlite::types::FromSqlError) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Blob, Box::new(error))
}

/// Numbers in SQLite are signed; ours stay far below the difference.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(index)?).unwrap_or(0))
}

/// `None` where the query found no row.
fn found<T>(result: rusqlite::Result<T>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
