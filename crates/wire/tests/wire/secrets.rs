//! What entitles somebody is never printed.

use veche_wire::fuzz::samples;

/// The samples' token is 32 times 0x50, the blob's id 0x60, the key of the file 0x90; the code of the
/// operator is "plum".
fn check(printed: &str) {
    for secret in ["plum", "80, 80, 80", "96, 96, 96", "144, 144, 144", "505050", "606060"] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn debug_shows_no_token_blob_key_or_code() {
    samples::client_frames().iter().for_each(|frame| check(&format!("{frame:?}")));
    samples::links().iter().for_each(|link| check(&format!("{link:?}")));
    samples::join_links().iter().for_each(|link| check(&format!("{link:?}")));
    samples::contents()
        .iter()
        .filter(|(name, _)| *name != "unknown")
        .for_each(|content| check(&format!("{content:?}")));
    // A register request holds a code, too.
    samples::signed_requests().iter().for_each(|request| check(&format!("{request:?}")));
}

#[test]
fn debug_of_what_holds_a_secret_says_that_it_does() {
    let printed = format!("{:?}", samples::client_frames());
    assert!(printed.contains("Token(…)") && printed.contains("Invite(…)"));
    assert!(printed.contains("BlobId(…)"));
}
