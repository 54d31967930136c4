//! Sealed files and trees, part by part, up and down.

use sha2::{Digest, Sha256};
use veche_mls::file::SEALED_CHUNK_BYTES;
use veche_store::{BlobRow, Direction};
use veche_wire::{BlobId, Permit, Request, TokenHash};

use crate::api::TransferId;
use crate::session::Key;
use crate::wanted::Ending;
use crate::work::Work;
use crate::{ClientError, Event, join, outbox};

/// The bytes of one part, but for the last: one sealed chunk of a file.
pub(crate) const PART_BYTES: usize = SEALED_CHUNK_BYTES;
/// How many parts one request carries.
const PARTS_PER_REQUEST: u64 = 3;

/// Asks for whatever is on its way.
pub(crate) fn go_on(work: &mut Work<'_>) -> Result<(), ClientError> {
    for row in work.tx.moving_blobs()? {
        match row.direction {
            Direction::Up => send(work, &row)?,
            _ => fetch(work, &row),
        }
    }
    Ok(())
}

fn send(work: &mut Work<'_>, row: &BlobRow) -> Result<(), ClientError> {
    if !work.core.session.may_ask(&Key::Upload(row.blob), work.now) {
        return Ok(());
    }
    let first = row.have / PART_BYTES as u64;
    let mut bytes = Vec::new();
    for part in first..first + PARTS_PER_REQUEST {
        let Some(part) = work.tx.blob_part(&row.blob, part)? else { break };
        bytes.extend(part);
    }
    let within = usize::try_from(row.have % PART_BYTES as u64).unwrap_or(0);
    let bytes = bytes.split_off(within.min(bytes.len()));
    let (blob, offset, total) = (row.blob, row.have, row.total);
    work.ask(Key::Upload(blob), |_| Request::PutBlob {
        blob,
        offset,
        total,
        bytes,
        permit: Permit::Open,
    });
    Ok(())
}

fn fetch(work: &mut Work<'_>, row: &BlobRow) {
    let left = row.total.saturating_sub(row.have);
    let length = u32::try_from(left.min(PART_BYTES as u64)).unwrap_or(0);
    let (blob, offset) = (row.blob, row.have);
    work.ask(Key::Download(blob), |_| Request::GetBlob { blob, offset, length });
}

/// The server has so much of a blob.
pub(crate) fn uploaded(work: &mut Work<'_>, blob: &BlobId, have: u64) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.blob(blob)? else { return Ok(()) };
    row.have = have.min(row.total);
    tell(work, &row);
    if row.have == row.total {
        row.direction = Direction::Here;
        let logs = work.tx.outbox_logs()?;
        work.core.session.dirty.extend(logs);
    }
    Ok(work.tx.put_blob(&row)?)
}

fn tell(work: &mut Work<'_>, row: &BlobRow) {
    work.tell(Event::File { transfer: transfer(&row.blob), have: row.have, total: row.total });
}

/// Whoever knows a blob's id can fetch it; this name tells it from others and is worth nothing else.
pub(crate) fn transfer(blob: &BlobId) -> TransferId {
    TokenHash(Sha256::digest(blob.as_bytes()).into()).to_string()
}

/// A part came down.
pub(crate) fn downloaded(
    work: &mut Work<'_>,
    blob: &BlobId,
    total: u64,
    bytes: &[u8],
) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.blob(blob)? else { return Ok(()) };
    let left = row.total.saturating_sub(row.have);
    let expected = usize::try_from(left.min(PART_BYTES as u64)).unwrap_or(0);
    if total != row.total || bytes.len() != expected {
        return failed(work, blob, "the server's copy has another size");
    }
    work.tx.put_blob_part(blob, row.have / PART_BYTES as u64, bytes)?;
    row.have += bytes.len() as u64;
    tell(work, &row);
    if row.have == row.total {
        row.direction = Direction::Here;
        if let Some(intent) = row.intent.take() {
            outbox::settle_intent(work, intent, &Ending::Done)?;
        }
    }
    Ok(work.tx.put_blob(&row)?)
}

/// The server does not take a blob, for good.
pub(crate) fn refused(work: &mut Work<'_>, blob: &BlobId, words: &str) -> Result<(), ClientError> {
    let words = format!("the file could not be sent: {words}");
    outbox::fail_blob(work, blob, &words)
}

/// A blob cannot be had.
pub(crate) fn failed(work: &mut Work<'_>, blob: &BlobId, words: &str) -> Result<(), ClientError> {
    let Some(row) = work.tx.blob(blob)? else { return Ok(()) };
    join::tree_lost(work, blob)?;
    work.tx.delete_blob(blob)?;
    match row.intent {
        Some(intent) => {
            outbox::fail_intent(work, intent, &format!("the file cannot be had: {words}"))
        }
        None => Ok(()),
    }
}

/// A small blob that is here, as a whole.
pub(crate) fn whole(work: &Work<'_>, blob: &BlobId) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    let mut part = 0;
    while let Some(next) = work.tx.blob_part(blob, part)? {
        bytes.extend(next);
        part += 1;
    }
    Ok(bytes)
}
