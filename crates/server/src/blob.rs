//! Blobs: sealed files and trees under random ids. Whoever knows the id may read.

use veche_wire::{BlobId, Refused, Response};

use crate::service::{Effect, Fail, Reply, Station};
use crate::storage::BlobState;

impl Station<'_> {
    /// Adds a part where the blob ends; an empty part asks where that is.
    pub(crate) fn put_blob(
        &mut self,
        blob: &BlobId,
        offset: u64,
        total: u64,
        bytes: &[u8],
    ) -> Result<Reply, Fail> {
        let state = self.batch.blob(blob)?.unwrap_or(BlobState { total, have: 0 });
        if state.total != total {
            return Err(Refused::Taken.into());
        }
        if bytes.is_empty() {
            return Ok(Response::BlobHas { have: state.have, total }.into());
        }
        if offset != state.have {
            return Err(Refused::BlobOffset { have: state.have }.into());
        }
        let length = bytes.len() as u64;
        let state = BlobState { total, have: offset + length };
        let day = self.day();
        self.batch.put_part(blob, bytes, state, day)?;
        let response = Response::BlobHas { have: state.have, total };
        Ok(Reply::with(response, Effect::BlobStored { bytes: length }))
    }

    /// Reads a part of a complete blob; nothing beyond its end.
    pub(crate) fn read_blob(
        &mut self,
        blob: &BlobId,
        offset: u64,
        length: u32,
    ) -> Result<Reply, Fail> {
        let state =
            self.batch.blob(blob)?.filter(BlobState::is_complete).ok_or(Refused::NotFound)?;
        let bytes = if offset < state.total {
            self.batch.part(blob, offset, length as usize)?
        } else {
            Vec::new()
        };
        Ok(Response::BlobPart { total: state.total, bytes }.into())
    }
}
