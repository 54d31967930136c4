//! What the message layer keeps: bytes under a label and a key.
//!
//! A large value is cut by its content, and of a changed value only the changed pieces are written.

use rusqlite::{OptionalExtension, Params, params};

use crate::chunks::{self, Hash, Piece};
use crate::{StoreError, Tx};

/// The largest value that can be kept, in bytes: the tree of 100,000 members has room.
pub const KEEP_VALUE_BYTES_MAX: usize = 64 << 20;

/// A value below this many bytes is one cell of its row.
const WHOLE_BYTES_BELOW: usize = 2 << 10;
/// The distance between the positions of two pieces of a fresh value. A piece that is put between
/// two others takes the middle; after 32 times at the same place the value is numbered anew.
const POSITION_STEP: i64 = 1 << 32;
/// What a row of `keep_piece` counts for in [`crate::Store::keep_bytes_written`].
const PIECE_ROW_BYTES: usize = 48;

/// A kept value as its row says.
struct Row {
    id: i64,
    length: i64,
    /// The value, or `None` when it is in pieces.
    whole: Option<Vec<u8>>,
}

/// Where a piece of a value is.
#[derive(Clone, Copy)]
struct Place {
    position: i64,
    chunk: i64,
}

/// One value, whose pieces are changed.
struct Pieces<'tx, 'store> {
    tx: &'tx Tx<'store>,
    value: i64,
}

impl Tx<'_> {
    /// The bytes kept under `label` and `key`.
    ///
    /// # Errors
    ///
    /// `Corrupt` when pieces are missing; otherwise those of the disk.
    pub fn keep_get(&self, label: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.keep_row(label, key)? {
            None => Ok(None),
            Some(Row { whole: Some(bytes), .. }) => Ok(Some(bytes)),
            Some(Row { id, length, whole: None }) => {
                Pieces { tx: self, value: id }.join(length).map(Some)
            }
        }
    }

    /// Keeps `bytes` under `label` and `key`, writing only what differs from what is there.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond [`KEEP_VALUE_BYTES_MAX`]; otherwise those of the disk.
    pub fn keep_put(&self, label: &str, key: &[u8], bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.len() > KEEP_VALUE_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: bytes.len(), limit: KEEP_VALUE_BYTES_MAX });
        }
        let length = i64::try_from(bytes.len())
            .map_err(|_| StoreError::Bug("a length beyond 63 bits".to_owned()))?;
        let whole = (bytes.len() < WHOLE_BYTES_BELOW).then_some(bytes);
        let value = match self.keep_row(label, key)? {
            None => self.keep_insert((label, key), length, whole)?,
            Some(row) => {
                let was_in_pieces = row.whole.is_none();
                if row.length != length || row.whole.as_deref() != whole {
                    self.keep_update(row.id, length, whole)?;
                }
                if was_in_pieces && whole.is_some() {
                    Pieces { tx: self, value: row.id }.remove_all()?;
                }
                row.id
            }
        };
        if whole.is_none() {
            Pieces { tx: self, value }.replace(bytes)?;
        }
        Ok(())
    }

    /// Forgets what is kept under `label` and `key`, if anything is.
    ///
    /// # Errors
    ///
    /// Those of the disk.
    pub fn keep_delete(&self, label: &str, key: &[u8]) -> Result<(), StoreError> {
        let Some(row) = self.keep_row(label, key)? else { return Ok(()) };
        if row.whole.is_none() {
            Pieces { tx: self, value: row.id }.remove_all()?;
        }
        self.run("DELETE FROM keep_value WHERE id = ?1", [row.id])
    }

    fn keep_row(&self, label: &str, key: &[u8]) -> Result<Option<Row>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "SELECT id, length, bytes FROM keep_value WHERE label = ?1 AND key = ?2",
        )?;
        let row = statement
            .query_row(params![label, key], |row| {
                Ok(Row { id: row.get(0)?, length: row.get(1)?, whole: row.get(2)? })
            })
            .optional()?;
        Ok(row)
    }

    fn keep_insert(
        &self,
        (label, key): (&str, &[u8]),
        length: i64,
        whole: Option<&[u8]>,
    ) -> Result<i64, StoreError> {
        self.count(whole.map_or(0, <[u8]>::len));
        self.run(
            "INSERT INTO keep_value (label, key, length, bytes) VALUES (?1, ?2, ?3, ?4)",
            params![label, key, length, whole],
        )?;
        Ok(self.connection().last_insert_rowid())
    }

    fn keep_update(&self, id: i64, length: i64, whole: Option<&[u8]>) -> Result<(), StoreError> {
        self.count(whole.map_or(0, <[u8]>::len));
        self.run(
            "UPDATE keep_value SET length = ?2, bytes = ?3 WHERE id = ?1",
            params![id, length, whole],
        )
    }

    fn run(&self, sql: &str, parameters: impl Params) -> Result<(), StoreError> {
        self.connection().prepare_cached(sql)?.execute(parameters)?;
        Ok(())
    }

    fn count(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.keep_bytes_written.set(self.keep_bytes_written.get().saturating_add(bytes));
    }
}

impl Pieces<'_, '_> {
    /// The value, put together.
    fn join(&self, length: i64) -> Result<Vec<u8>, StoreError> {
        let damaged = || StoreError::Corrupt("a kept value lacks some of its pieces".to_owned());
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= KEEP_VALUE_BYTES_MAX)
            .ok_or_else(damaged)?;
        let mut bytes = Vec::with_capacity(length);
        let mut statement = self.tx.connection().prepare_cached(
            "SELECT keep_chunk.bytes FROM keep_piece
             JOIN keep_chunk ON keep_chunk.id = keep_piece.chunk
             WHERE keep_piece.value = ?1 ORDER BY keep_piece.position",
        )?;
        let mut rows = statement.query([self.value])?;
        while let Some(row) = rows.next()? {
            let piece = row.get_ref(0)?.as_blob().map_err(|_| damaged())?;
            if piece.len() > length - bytes.len() {
                return Err(damaged());
            }
            bytes.extend_from_slice(piece);
        }
        if bytes.len() == length { Ok(bytes) } else { Err(damaged()) }
    }

    /// Makes the pieces those of `value`, leaving alone all that stay.
    fn replace(&self, value: &[u8]) -> Result<(), StoreError> {
        let (mut places, old) = self.places()?;
        let pieces = chunks::cut(value);
        let new: Vec<Hash> = pieces.iter().map(|piece| piece.hash).collect();
        let stays = chunks::kept(&old, &new);
        if gaps(&stays, &places, &pieces).any(|gap| gap.spacing().is_none()) {
            self.spread(&mut places, &old)?;
        }
        for gap in gaps(&stays, &places, &pieces) {
            self.fill(&gap, value)?;
        }
        Ok(())
    }

    /// Puts the pieces of `value` that come into the place of those that go.
    fn fill(&self, gap: &Gap<'_>, value: &[u8]) -> Result<(), StoreError> {
        let both = gap.gone.len().min(gap.come.len());
        let (taken, surplus) = gap.gone.split_at(both);
        let (given, extra) = gap.come.split_at(both);
        for place in surplus {
            self.remove(*place)?;
        }
        for (place, piece) in taken.iter().zip(given) {
            self.overwrite(*place, piece, bytes_of(piece, value))?;
        }
        let step = gap.spacing().ok_or_else(|| StoreError::Bug("no room for a piece".into()))?;
        let mut position = gap.low();
        for piece in extra {
            position += step;
            self.insert(position, piece, bytes_of(piece, value))?;
        }
        Ok(())
    }

    /// The places of the pieces in their order, and their hashes.
    fn places(&self) -> Result<(Vec<Place>, Vec<Hash>), StoreError> {
        let mut statement = self.tx.connection().prepare_cached(
            "SELECT position, chunk, hash FROM keep_piece WHERE value = ?1 ORDER BY position",
        )?;
        let rows = statement.query_map([self.value], |row| {
            Ok((Place { position: row.get(0)?, chunk: row.get(1)? }, row.get::<_, Hash>(2)?))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip())
    }

    /// Numbers the pieces anew, with room between any two. Their bytes are not touched.
    fn spread(&self, places: &mut [Place], hashes: &[Hash]) -> Result<(), StoreError> {
        self.tx.run("DELETE FROM keep_piece WHERE value = ?1", [self.value])?;
        let mut position = 0;
        for (place, hash) in places.iter_mut().zip(hashes) {
            position += POSITION_STEP;
            place.position = position;
            self.insert_row(*place, hash)?;
        }
        Ok(())
    }

    fn insert(&self, position: i64, piece: &Piece, bytes: &[u8]) -> Result<(), StoreError> {
        self.tx.count(bytes.len());
        self.tx.run("INSERT INTO keep_chunk (bytes) VALUES (?1)", [bytes])?;
        let chunk = self.tx.connection().last_insert_rowid();
        self.insert_row(Place { position, chunk }, &piece.hash)
    }

    fn insert_row(&self, place: Place, hash: &Hash) -> Result<(), StoreError> {
        self.tx.count(PIECE_ROW_BYTES);
        self.tx.run(
            "INSERT INTO keep_piece (value, position, hash, chunk) VALUES (?1, ?2, ?3, ?4)",
            params![self.value, place.position, hash, place.chunk],
        )
    }

    fn overwrite(&self, place: Place, piece: &Piece, bytes: &[u8]) -> Result<(), StoreError> {
        self.tx.count(bytes.len() + PIECE_ROW_BYTES);
        self.tx
            .run("UPDATE keep_chunk SET bytes = ?2 WHERE id = ?1", params![place.chunk, bytes])?;
        self.tx.run(
            "UPDATE keep_piece SET hash = ?3 WHERE value = ?1 AND position = ?2",
            params![self.value, place.position, piece.hash],
        )
    }

    fn remove(&self, place: Place) -> Result<(), StoreError> {
        self.tx.run(
            "DELETE FROM keep_piece WHERE value = ?1 AND position = ?2",
            [self.value, place.position],
        )?;
        self.tx.run("DELETE FROM keep_chunk WHERE id = ?1", [place.chunk])
    }

    fn remove_all(&self) -> Result<(), StoreError> {
        for place in self.places()?.0 {
            self.remove(place)?;
        }
        Ok(())
    }
}

/// What changes between two pieces that stay next to each other.
struct Gap<'a> {
    before: Option<&'a Place>,
    gone: &'a [Place],
    come: &'a [Piece],
    after: Option<&'a Place>,
}

impl Gap<'_> {
    /// The position after which the pieces lie for which no place is taken over.
    fn low(&self) -> i64 {
        let both = self.gone.len().min(self.come.len());
        let taken = both.checked_sub(1).and_then(|index| self.gone.get(index));
        taken.or(self.before).map_or(0, |place| place.position)
    }

    /// The distance between the pieces for which no place is taken over; `None` without room.
    fn spacing(&self) -> Option<i64> {
        let extra = i64::try_from(self.come.len().saturating_sub(self.gone.len())).ok()?;
        let step = match self.after {
            Some(after) => after.position.checked_sub(self.low())? / (extra + 1),
            None => POSITION_STEP,
        };
        self.low().checked_add(step.checked_mul(extra)?)?;
        (step > 0).then_some(step)
    }
}

/// The gaps between the pieces that stay, with those before the first and after the last.
fn gaps<'a>(
    stays: &'a [(usize, usize)],
    places: &'a [Place],
    pieces: &'a [Piece],
) -> impl Iterator<Item = Gap<'a>> {
    let starts = std::iter::once((0, 0)).chain(stays.iter().map(|(old, new)| (old + 1, new + 1)));
    let ends = stays.iter().copied().chain([(places.len(), pieces.len())]);
    starts.zip(ends).map(|((old_from, new_from), (old_to, new_to))| Gap {
        before: old_from.checked_sub(1).and_then(|index| places.get(index)),
        gone: places.get(old_from..old_to).unwrap_or_default(),
        come: pieces.get(new_from..new_to).unwrap_or_default(),
        after: places.get(old_to),
    })
}

/// The bytes of a piece that was cut from `value`.
fn bytes_of<'value>(piece: &Piece, value: &'value [u8]) -> &'value [u8] {
    value.get(piece.range.clone()).unwrap_or_default()
}
