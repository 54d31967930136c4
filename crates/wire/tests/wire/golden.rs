//! The bytes of one of each thing, so that no change of them goes unnoticed. Where one is meant:
//! raise the version, keep reading the old one, and run the tests with `UPDATE_EXPECT=1`.

use std::fmt::Write;

use expect_test::{ExpectFile, expect, expect_file};
use veche_wire::fuzz::samples::{self, Samples};
use veche_wire::*;

fn check<T>(samples: Samples<T>, encode: impl Fn(&T) -> Vec<u8>, expected: &ExpectFile) {
    let mut out = String::new();
    for (name, sample) in samples {
        writeln!(out, "{name}\n{}", lines(&encode(&sample))).unwrap();
    }
    expected.assert_eq(&out);
}

/// Hexadecimal, 32 bytes a line.
fn lines(bytes: &[u8]) -> String {
    bytes.chunks(32).fold(String::new(), |mut out, chunk| {
        let hex: String = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(out, "  {hex}").unwrap();
        out
    })
}

#[test]
fn client_frames() {
    let expected = &expect_file!["golden/client_frames.txt"];
    check(samples::client_frames(), ClientFrame::encode, expected);
}

#[test]
fn signed_requests() {
    let expected = &expect_file!["golden/signed_requests.txt"];
    check(samples::signed_requests(), SignedRequest::encode, expected);
}

#[test]
fn server_frames() {
    let expected = &expect_file!["golden/server_frames.txt"];
    check(samples::server_frames(), ServerFrame::encode, expected);
}

#[test]
fn entries() {
    check(samples::entries(), Entry::encode, &expect_file!["golden/entries.txt"]);
}

#[test]
fn contents() {
    check(samples::contents(), Content::encode, &expect_file!["golden/contents.txt"]);
}

#[test]
fn certificates_and_credentials() {
    let expected = &expect_file!["golden/certificates.txt"];
    check(samples::certificates(), Certificate::encode, expected);
    check(
        samples::certificates(),
        Certificate::signed_bytes,
        &expect_file!["golden/certificates_signed.txt"],
    );
    check(samples::credentials(), Credential::encode, &expect_file!["golden/credentials.txt"]);
}

#[test]
fn what_riders_names_and_requests_sign() {
    let [log, id] = [[0x10; 16], [0x20; 16]];
    let bytes_of =
        |rider: Rider, kind| rider.signed_bytes(&LogId(log), &EntryId(id), kind, &[0x55; 32]);
    let rider = bytes_of(samples::rider(), Kind::Commit);
    let guard = |on| bytes_of(Rider { guard: Some(on), ..samples::rider() }, Kind::Freeze);
    let name = NameBinding::signed_bytes("ana", &AccountId([0x30; 32]));
    let request = SignedRequest::signed_bytes(&[0xf0; 32], b"body");
    let signed = vec![
        ("rider", rider),
        ("name", name),
        ("request", request),
        ("guard", guard(true)),
        ("guard no more", guard(false)),
    ];
    check(signed, Vec::clone, &expect_file!["golden/signed_bytes.txt"]);
}

#[test]
fn addresses_and_links() {
    let mut out = String::new();
    for (name, address) in samples::addresses() {
        writeln!(out, "{name}: {address}").unwrap();
    }
    for (name, link) in samples::links() {
        writeln!(out, "{name}: {link}").unwrap();
    }
    for (name, link) in samples::join_links() {
        writeln!(out, "{name}: {link}").unwrap();
    }
    expect![[r#"
        name: veche.example.org:7733/2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dia
        IPv4: 192.0.2.7:7733/2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dia
        IPv6: [2001:db8::7]:7733/2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dia
        link: veche://veche.example.org:443/2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dia/contact#ATAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwA2FuYVBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQ
        link without name: veche://veche.example.org:443/2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dia/contact#ATAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwAFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQ
        join link: veche://veche.example.org:443/2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dia/join#ARAQEBAQEBAQEBAQEBAQEBARERERERERERERERERERERUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFDg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4A
        join link of a large group: veche://veche.example.org:443/2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dinbugq2dia/join#ARAQEBAQEBAQEBAQEBAQEBARERERERERERERERERERERUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFDg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4ODg4AAB
    "#]].assert_eq(&out);
}

/// A push is encoded once for all subscribers; it must be the frame that they expect.
#[test]
fn a_shared_push_is_a_server_frame() {
    let mut pushes = 0;
    for (name, frame) in samples::server_frames() {
        if let ServerFrame::Push(push) = &frame {
            assert_eq!(push.encode(), frame.encode(), "{name}");
            pushes += 1;
        }
    }
    assert_eq!(pushes, 4, "every kind of push has a sample");
}
