//! Files and trees, in parts.

use veche_wire::{BlobId, Permit, Refused, Request, Response, limits};

use super::stage::{assert_malformed, refused, stage, stage_with};

const BLOB: BlobId = BlobId([1; 32]);

fn put(offset: u64, total: u64, bytes: &[u8]) -> Request {
    Request::PutBlob { blob: BLOB, offset, total, bytes: bytes.to_vec(), permit: Permit::Open }
}

fn has(have: u64, total: u64) -> Response {
    Response::BlobHas { have, total }
}

fn read(offset: u64, length: u32) -> Request {
    Request::GetBlob { blob: BLOB, offset, length }
}

#[test]
fn an_upload_goes_on_where_it_was_cut_off() {
    let mut stage = stage();
    let id = stage.connect();
    assert_eq!(stage.ask(id, put(0, 10, b"")), has(0, 10), "asking makes nothing");
    assert_eq!(stage.ask(id, put(0, 10, b"abcd")), has(4, 10));
    assert_eq!(stage.ask(id, read(0, 4)), refused(Refused::NotFound), "not before it is whole");

    // The answer was lost: the same part again, then asking, then going on.
    let offset = refused(Refused::BlobOffset { have: 4 });
    assert_eq!(stage.ask(id, put(0, 10, b"abcd")), offset);
    assert_eq!(stage.ask(id, put(6, 10, b"gh")), offset);
    assert_eq!(stage.ask(id, put(0, 10, b"")), has(4, 10));
    let parts = [put(4, 10, b"efg"), put(7, 10, b"hij")].map(|part| (id, part));
    assert_eq!(stage.ask_together(parts), [has(7, 10), has(10, 10)]);
    assert_eq!(stage.ask(id, put(10, 10, b"")), has(10, 10));

    let part = |bytes: &[u8]| Response::BlobPart { total: 10, bytes: bytes.to_vec() };
    assert_eq!(stage.ask(id, read(0, 100)), part(b"abcdefghij"));
    assert_eq!(stage.ask(id, read(3, 4)), part(b"defg"), "across parts");
    assert_eq!(stage.ask(id, read(10, 4)), part(b""));
    assert_eq!(stage.ask(id, read(u64::MAX, 4)), part(b""));
    assert_eq!(stage.service.metrics.blob_received_bytes.value(), 10);
}

#[test]
fn a_blob_keeps_its_size_and_its_bounds() {
    let mut stage = stage();
    let id = stage.connect();
    assert_eq!(stage.ask(id, put(0, 4, b"ab")), has(2, 4));
    assert_eq!(stage.ask(id, put(2, 5, b"cde")), refused(Refused::Taken), "another size");
    assert_malformed(&stage.ask(id, put(2, 4, b"cde")));
    assert_malformed(&stage.ask(id, put(u64::MAX, 4, b"cde")));
    assert_malformed(&stage.ask(id, put(0, 0, b"")));
    let huge = limits::BLOB_BYTES_MAX;
    let too_large = refused(Refused::TooLarge { limit: huge });
    assert_eq!(stage.ask(id, put(0, huge + 1, b"a")), too_large);
    let limit = limits::BLOB_PART_BYTES_MAX;
    let too_large = refused(Refused::TooLarge { limit: limit as u64 });
    assert_eq!(stage.ask(id, put(0, huge, &vec![0; limit + 1])), too_large);
    let length = u32::try_from(limit).unwrap();
    assert_eq!(stage.ask(id, read(0, length + 1)), too_large);
    assert_eq!(stage.ask(id, read(0, length)), refused(Refused::NotFound));
}

#[test]
fn an_address_sends_files_at_a_rate() {
    let rate = crate::Rate { per_second: 1, burst: 3 };
    let mut stage = stage_with(|config| config.blob_kib_per_address = rate);
    let id = stage.connect();
    assert_eq!(stage.ask(id, put(0, 5_000, &[1; 2_048])), has(2_048, 5_000));
    let later = refused(Refused::Later { ms: 1_000 });
    assert_eq!(stage.ask(id, put(2_048, 5_000, &[1; 2_048])), later);
    assert_eq!(stage.ask(id, put(0, 5_000, b"")), has(2_048, 5_000), "asking is free");
    stage.pass(1_000);
    assert_eq!(stage.ask(id, put(2_048, 5_000, &[1; 2_048])), has(4_096, 5_000));
}
