//! Entries, appends and riders.

use prost::Message;
use prost::bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint};

use super::{at_most, bounded, exact, id, ids, maybe_id, proto, required};
use crate::{AdminList, Append, DecodeError, Entry, Kind, Rider, Rotation, TokenHashes, limits};

/// Writes an entry straight from its fields: the server does this for every entry that it pushes, so
/// the sealed bytes are not copied into a `proto::Entry` first.
pub(super) fn write_entry(entry: &Entry) -> Vec<u8> {
    let rider = entry.rider.as_ref().map(encode_rider);
    let rider_length = rider.as_ref().map_or(0, Vec::len);
    // Keys, lengths, seq, id, kind and commitment take less than 80 bytes.
    let mut out = Vec::with_capacity(entry.bytes.len() + rider_length + 80);
    if entry.seq != 0 {
        encode_key(1, WireType::Varint, &mut out);
        encode_varint(entry.seq, &mut out);
    }
    put_bytes(2, entry.id.as_bytes(), &mut out);
    encode_key(3, WireType::Varint, &mut out);
    encode_varint(u64::from(entry.kind as u8), &mut out);
    if let Some(commitment) = &entry.commitment {
        put_bytes(4, commitment.as_bytes(), &mut out);
    }
    if !entry.bytes.is_empty() {
        put_bytes(5, &entry.bytes, &mut out);
    }
    if let Some(rider) = rider {
        put_bytes(6, &rider, &mut out);
    }
    out
}

pub(super) fn read_entry(entry: proto::Entry) -> Result<Entry, DecodeError> {
    Ok(Entry {
        seq: entry.seq,
        id: id(&entry.id)?,
        kind: read_kind(entry.kind)?,
        commitment: maybe_id(entry.commitment.as_ref())?,
        bytes: bounded(entry.bytes, "entry", limits::ENTRY_BYTES_MAX)?,
        rider: entry.rider.map(read_rider).transpose()?,
    })
}

/// Reads a list of encoded entries, whose number is checked before the first is read.
pub(super) fn read_entries(entries: &[Vec<u8>]) -> Result<Vec<Entry>, DecodeError> {
    at_most(entries.len(), "list of entries", limits::ENTRIES_PER_FRAME_MAX)?;
    entries.iter().map(|bytes| super::decode_entry(bytes)).collect()
}

pub(super) fn write_append(append: &Append) -> proto::Append {
    proto::Append {
        log: append.log.0.to_vec(),
        token: append.token.0.to_vec(),
        id: append.id.0.to_vec(),
        kind: i32::from(append.kind as u8),
        after_commit: append.after_commit,
        prev: append.prev.map(|prev| prev.0.to_vec()),
        needs: append.needs.map(|needs| needs.0.to_vec()),
        commitment: append.commitment.map(|commitment| commitment.0.to_vec()),
        rider: append.rider.as_ref().map(write_rider),
        bytes: append.bytes.clone(),
    }
}

pub(super) fn read_append(append: proto::Append) -> Result<Append, DecodeError> {
    Ok(Append {
        log: id(&append.log)?,
        token: id(&append.token)?,
        id: id(&append.id)?,
        kind: read_kind(append.kind)?,
        after_commit: append.after_commit,
        prev: maybe_id(append.prev.as_ref())?,
        needs: maybe_id(append.needs.as_ref())?,
        commitment: maybe_id(append.commitment.as_ref())?,
        rider: append.rider.map(read_rider).transpose()?,
        bytes: bounded(append.bytes, "entry", limits::ENTRY_BYTES_MAX)?,
    })
}

pub(super) fn write_rider(rider: &Rider) -> proto::Rider {
    proto::Rider {
        rotation: rider.rotation.as_ref().map(|rotation| proto::Rotation {
            generation: rotation.generation,
            tokens: Some(write_tokens(&rotation.tokens)),
        }),
        admins: rider.admins.as_ref().map(|admins| proto::AdminList {
            version: admins.version,
            keys: admins.keys.iter().map(|key| key.0.to_vec()).collect(),
        }),
        freeze: rider.freeze,
        signer: rider.signer.0.to_vec(),
        signature: rider.signature.to_vec(),
        guard: rider.guard,
    }
}

pub(super) fn read_rider(rider: proto::Rider) -> Result<Rider, DecodeError> {
    Ok(Rider {
        rotation: rider.rotation.map(read_rotation).transpose()?,
        admins: rider.admins.map(read_admins).transpose()?,
        freeze: rider.freeze,
        guard: rider.guard,
        signer: id(&rider.signer)?,
        signature: exact(&rider.signature, "signature")?,
    })
}

pub(super) fn write_tokens(tokens: &TokenHashes) -> proto::TokenHashes {
    proto::TokenHashes { read: tokens.read.0.to_vec(), write: tokens.write.0.to_vec() }
}

pub(super) fn read_tokens(tokens: Option<proto::TokenHashes>) -> Result<TokenHashes, DecodeError> {
    let tokens = required(tokens, "token hashes")?;
    Ok(TokenHashes { read: id(&tokens.read)?, write: id(&tokens.write)? })
}

fn encode_rider(rider: &Rider) -> Vec<u8> {
    write_rider(rider).encode_to_vec()
}

fn read_rotation(rotation: proto::Rotation) -> Result<Rotation, DecodeError> {
    Ok(Rotation { generation: rotation.generation, tokens: read_tokens(rotation.tokens)? })
}

fn read_admins(admins: proto::AdminList) -> Result<AdminList, DecodeError> {
    if admins.keys.is_empty() {
        return Err(DecodeError::Malformed("list of admin keys"));
    }
    let keys = ids(&admins.keys, "list of admin keys", limits::ADMIN_KEYS_MAX)?;
    Ok(AdminList { version: admins.version, keys })
}

fn read_kind(number: i32) -> Result<Kind, DecodeError> {
    u8::try_from(number)
        .ok()
        .and_then(Kind::from_number)
        .ok_or(DecodeError::Malformed("kind of entry"))
}

fn put_bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.put_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::samples;

    /// [`write_entry`] is written by hand; prost is the judge of it.
    #[test]
    fn an_entry_is_written_as_prost_would() {
        let first = Entry { seq: 0, ..samples::entries().remove(0).1 };
        let entries = samples::entries().into_iter().map(|(_, entry)| entry);
        for entry in entries.chain([first]) {
            let by_prost = proto::Entry {
                seq: entry.seq,
                id: entry.id.0.to_vec(),
                kind: i32::from(entry.kind as u8),
                commitment: entry.commitment.map(|commitment| commitment.0.to_vec()),
                bytes: entry.bytes.clone(),
                rider: entry.rider.as_ref().map(write_rider),
            };
            assert_eq!(write_entry(&entry), by_prost.encode_to_vec(), "{entry:?}");
        }
    }
}
