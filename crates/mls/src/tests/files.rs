use veche_wire::content::FileKey;

use super::*;
use crate::file::{CHUNK_BYTES, chunk_count, plain_range, sealed_range};

fn seal(key: &FileKey, plain: &[u8]) -> Vec<u8> {
    let mut sealer = FileSealer::new(key, plain.len() as u64);
    let mut sealed = Vec::new();
    while let Some(range) = sealer.next_range() {
        let part =
            &plain[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
        sealed.extend(sealer.seal_chunk(part).unwrap());
    }
    assert_eq!(sealer.seal_chunk(&[]), Err(FileError));
    sealed
}

fn chunk(sealed: &[u8], size: usize, index: u64) -> &[u8] {
    let range = sealed_range(size as u64, index);
    &sealed[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
}

#[test]
fn files_of_all_sizes_read_back_in_any_order() {
    let key = FileKey([1; 32]);
    for size in [0, 1, 255, 256, 257, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 200_000] {
        let plain: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let sealed = seal(&key, &plain);
        assert_eq!(sealed.len() as u64, sealed_size(size as u64), "{size}");
        let opener = FileOpener::new(&key, size as u64);
        for index in (0..chunk_count(size as u64)).rev() {
            let range = plain_range(size as u64, index);
            let part =
                &plain[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()];
            assert_eq!(opener.open_chunk(index, chunk(&sealed, size, index)).unwrap(), part);
        }
    }
}

#[test]
fn chunks_do_not_open_elsewhere_or_changed() {
    let key = FileKey([1; 32]);
    let plain = vec![7; 150_000];
    let sealed = seal(&key, &plain);
    let opener = FileOpener::new(&key, 150_000);
    let first = chunk(&sealed, 150_000, 0);
    assert!(opener.open_chunk(0, first).is_ok());
    assert_eq!(opener.open_chunk(1, first), Err(FileError));
    assert_eq!(opener.open_chunk(99, first), Err(FileError));
    let mut changed = first.to_vec();
    changed[100] ^= 1;
    assert_eq!(opener.open_chunk(0, &changed), Err(FileError));
    assert_eq!(FileOpener::new(&FileKey([2; 32]), 150_000).open_chunk(0, first), Err(FileError));
    // Cut after the first chunk, the file would have another last chunk.
    assert_eq!(FileOpener::new(&key, 65_536).open_chunk(0, first), Err(FileError));
}

#[test]
fn the_largest_file_fits_into_the_largest_blob() {
    use veche_wire::limits::{BLOB_BYTES_MAX, FILE_BYTES_MAX};
    assert!(sealed_size(FILE_BYTES_MAX) <= BLOB_BYTES_MAX);
    assert!(sealed_size(FILE_BYTES_MAX - 1) <= BLOB_BYTES_MAX);
    assert_eq!(sealed_size(1_000_000), sealed_size(1_000_001));
}
