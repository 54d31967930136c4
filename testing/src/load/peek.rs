//! Looks into a push without decoding it: the place and the stamp of each entry, and nothing else.
//!
//! `wire` decodes whole frames into owned values. At hundreds of thousands of entries a second that
//! would cost the generator more than the server is allowed to use; so pushes, and only they, are
//! walked over here, by their field numbers in `crates/wire/proto/veche.proto`.

use super::speech::{Heard, Stamp};

/// A field's number and its length-delimited bytes, or its number as a varint.
enum Field<'a> {
    Bytes(u64, &'a [u8]),
    Number(u64, u64),
}

/// Adds the entries of a frame to `heard` where the frame is a push of entries. `None` where it is
/// something else, or not well formed: the caller decodes it as a whole.
pub(super) fn entries(frame: &[u8], heard: &mut Vec<Heard>) -> Option<()> {
    let mut frame = frame;
    let Field::Bytes(2, mut push) = field(&mut frame)? else { return None };
    let Field::Bytes(1, mut entries) = field(&mut push)? else { return None };
    while !entries.is_empty() {
        if let Field::Bytes(2, entry) = field(&mut entries)? {
            heard.push(entry_of(entry)?);
        }
    }
    Some(())
}

fn entry_of(mut entry: &[u8]) -> Option<Heard> {
    let mut seq = 0;
    while !entry.is_empty() {
        match field(&mut entry)? {
            Field::Number(1, number) => seq = number,
            Field::Bytes(5, bytes) => {
                return Some(Heard::Entry { seq, stamp: Stamp::read(bytes)? });
            }
            Field::Bytes(..) | Field::Number(..) => {}
        }
    }
    None
}

fn field<'a>(bytes: &mut &'a [u8]) -> Option<Field<'a>> {
    let key = varint(bytes)?;
    let value = varint(bytes)?;
    match key & 7 {
        0 => Some(Field::Number(key >> 3, value)),
        2 => {
            let (field, rest) = bytes.split_at_checked(usize::try_from(value).ok()?)?;
            *bytes = rest;
            Some(Field::Bytes(key >> 3, field))
        }
        _ => None,
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use veche_wire::{Commitment, Entry, EntryId, Kind, LogId, Push, ServerFrame};

    use super::*;
    use crate::load::speech::Mint;

    #[test]
    fn a_peek_sees_what_the_decoder_sees() {
        let mut mint = Mint::new(3);
        let stamp = |number| Stamp { sent: 1 << 40, writer: 7, number };
        let entries: Vec<Entry> = (1..=3)
            .map(|seq| Entry {
                seq: seq * 1_000,
                id: EntryId([4; 16]),
                kind: Kind::Message,
                commitment: Some(Commitment([5; 32])),
                bytes: mint.entry(stamp(seq)),
                rider: None,
            })
            .collect();
        let frame = Push::Entries { log: LogId([1; 16]), entries: entries.clone() }.encode();
        let mut heard = Vec::new();
        super::entries(&frame, &mut heard).expect("a push of entries");
        let expected: Vec<Heard> = entries
            .iter()
            .map(|entry| Heard::Entry { seq: entry.seq, stamp: stamp(entry.seq / 1_000) })
            .collect();
        assert_eq!(heard, expected);

        let other = ServerFrame::Push(Push::Rotated { log: LogId([1; 16]) }).encode();
        assert_eq!(super::entries(&other, &mut heard), None);
        assert_eq!(super::entries(&frame[..frame.len() - 1], &mut heard), None);
    }
}
