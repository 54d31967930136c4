//! Batches: several frames as the plaintext of one message, padded so that the length tells little.
//!
//! `(length: u32 big-endian ‖ frame)… ‖ 0x80 ‖ zeros`, with `wire::padding`'s buckets.

use veche_wire::limits::FRAME_BYTES_MAX;
use veche_wire::padding::{pad, padded_length, unpad};

use crate::SessionError;
use crate::limits::{BATCH_BYTES_MAX, BATCH_FRAMES_MAX, FRAME_LENGTH_BYTES};

/// Writes frames as a padded batch.
pub(crate) fn pack<F: AsRef<[u8]>>(frames: &[F]) -> Result<Vec<u8>, SessionError> {
    if frames.len() > BATCH_FRAMES_MAX {
        return Err(SessionError::TooLarge { what: "a batch of frames", limit: BATCH_FRAMES_MAX });
    }
    let length: usize = frames.iter().map(|frame| frame.as_ref().len() + FRAME_LENGTH_BYTES).sum();
    if length > BATCH_BYTES_MAX {
        let (what, limit) = match frames {
            [_] => ("a frame", FRAME_BYTES_MAX),
            _ => ("a batch", BATCH_BYTES_MAX),
        };
        return Err(SessionError::TooLarge { what, limit });
    }
    let mut batch = Vec::with_capacity(padded_length(length + 1));
    for frame in frames {
        let frame = frame.as_ref();
        let length = u32::try_from(frame.len())
            .map_err(|_| SessionError::TooLarge { what: "a frame", limit: FRAME_BYTES_MAX })?;
        batch.extend_from_slice(&length.to_be_bytes());
        batch.extend_from_slice(frame);
    }
    pad(&mut batch);
    Ok(batch)
}

/// The frames of a padded batch. The padding must be exactly that of `pack`: a batch of which a
/// Noise message was cut off inside of the padding is refused at once.
pub(crate) fn unpack(batch: &[u8]) -> Result<Vec<Vec<u8>>, SessionError> {
    let mut rest = unpad(batch).ok_or(SessionError::Garbage("the padding"))?;
    if padded_length(rest.len() + 1) != batch.len() {
        return Err(SessionError::Garbage("the length of the padding"));
    }
    let mut frames = Vec::new();
    while !rest.is_empty() {
        if frames.len() == BATCH_FRAMES_MAX {
            let limit = BATCH_FRAMES_MAX;
            return Err(SessionError::TooLarge { what: "a batch of frames", limit });
        }
        let (length, tail) =
            rest.split_first_chunk().ok_or(SessionError::Garbage("the length of a frame"))?;
        let length = u32::from_be_bytes(*length) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(SessionError::TooLarge { what: "a frame", limit: FRAME_BYTES_MAX });
        }
        let (frame, tail) =
            tail.split_at_checked(length).ok_or(SessionError::Garbage("the end of a frame"))?;
        frames.push(frame.to_vec());
        rest = tail;
    }
    Ok(frames)
}

/// Cuts frames into batches, in order, each as large as one message may be. A frame that is too
/// large stands alone and is refused by [`Session::seal_frames`](crate::Session::seal_frames).
pub fn batches<F: AsRef<[u8]>>(mut frames: &[F]) -> impl Iterator<Item = &[F]> {
    std::iter::from_fn(move || {
        let mut length = 0;
        let fitting = frames.iter().take(BATCH_FRAMES_MAX).take_while(|frame| {
            length += frame.as_ref().len() + FRAME_LENGTH_BYTES;
            length <= BATCH_BYTES_MAX
        });
        let count = fitting.count().max(1);
        let (batch, rest) = frames.split_at_checked(count)?;
        frames = rest;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(batches: &[Vec<u8>]) -> Vec<usize> {
        self::batches(batches).map(<[_]>::len).collect()
    }

    #[test]
    fn frames_share_a_batch_while_they_fit() {
        assert_eq!(lengths(&[]), Vec::<usize>::new());
        assert_eq!(lengths(&[vec![], vec![1], vec![2; 1000]]), [3]);
        let large = vec![0; FRAME_BYTES_MAX];
        assert_eq!(lengths(&[vec![1], large.clone(), vec![2], vec![3]]), [1, 1, 2]);
        assert_eq!(lengths(&vec![vec![]; BATCH_FRAMES_MAX + 1]), [BATCH_FRAMES_MAX, 1]);
        let oversized = vec![0; FRAME_BYTES_MAX + 1];
        assert_eq!(lengths(&[oversized, vec![1]]), [1, 1]);
    }

    #[test]
    fn an_oversized_frame_is_refused_both_ways() {
        let refused = Err(SessionError::TooLarge { what: "a frame", limit: FRAME_BYTES_MAX });
        assert_eq!(pack(&[vec![0; FRAME_BYTES_MAX + 1]]).map(|_| ()), refused);

        let mut batch = u32::try_from(FRAME_BYTES_MAX + 1).unwrap().to_be_bytes().to_vec();
        batch.resize(FRAME_LENGTH_BYTES + FRAME_BYTES_MAX + 1, 0);
        pad(&mut batch);
        assert_eq!(unpack(&batch).map(|_| ()), refused);
    }

    #[test]
    fn too_many_frames_are_refused_both_ways() {
        let limit = BATCH_FRAMES_MAX;
        let refused = Err(SessionError::TooLarge { what: "a batch of frames", limit });
        assert_eq!(pack(&vec![vec![]; BATCH_FRAMES_MAX + 1]).map(|_| ()), refused);

        let mut batch = vec![0; (BATCH_FRAMES_MAX + 1) * FRAME_LENGTH_BYTES];
        pad(&mut batch);
        assert_eq!(unpack(&batch).map(|_| ()), refused);
    }

    #[test]
    fn a_batch_that_was_cut_is_refused() {
        let batch = pack(&[b"one".to_vec(), vec![0x80; 300]]).unwrap();
        for length in 0..batch.len() {
            assert!(unpack(&batch[..length]).is_err(), "cut to {length} of {}", batch.len());
        }
    }

    #[test]
    fn padding_puts_lengths_into_buckets() {
        let padded = |length: usize| pack(&[vec![1; length]]).unwrap().len();
        assert!((0..=251).all(|length| padded(length) == 256));
        let buckets: std::collections::BTreeSet<_> = (0..10_000).map(padded).collect();
        assert!(buckets.len() < 100, "{} different lengths", buckets.len());
    }
}
