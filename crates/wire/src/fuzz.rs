//! A fuzz function for every decoder of this crate.
//!
//! Each takes any bytes at all, decodes them, and panics where the decoder breaks a promise: it must
//! never panic itself, and what decodes must encode to bytes that decode to the same. They are
//! ordinary functions, called by the fuzzer, by the tests, and by whoever mutates [`seeds`].

pub mod samples;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use crate::{
    Certificate, ClientFrame, ContactLink, Content, Credential, DecodeError, Entry, JoinLink,
    Rider, ServerAddress, ServerFrame, SignedRequest, padding,
};

/// A fuzz function and its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every fuzz function, by name.
pub const TARGETS: &[Target] = &[
    ("wire_client_frame", decode_client_frame),
    ("wire_server_frame", decode_server_frame),
    ("wire_signed_request", decode_signed_request),
    ("wire_entry", decode_entry),
    ("wire_rider", decode_rider),
    ("wire_content", decode_content),
    ("wire_certificate", decode_certificate),
    ("wire_credential", decode_credential),
    ("wire_link", parse_link),
    ("wire_join_link", parse_join_link),
    ("wire_address", parse_address),
    ("wire_unpad", unpad),
];

/// Well-formed inputs of a target, from which mutations begin; none for a name not in [`TARGETS`].
#[must_use]
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    fn all<T>(samples: Vec<(&str, T)>, encode: impl Fn(&T) -> Vec<u8>) -> Vec<Vec<u8>> {
        samples.iter().map(|(_, sample)| encode(sample)).collect()
    }
    match target {
        "wire_client_frame" => all(samples::client_frames(), ClientFrame::encode),
        "wire_server_frame" => all(samples::server_frames(), ServerFrame::encode),
        "wire_signed_request" => all(samples::signed_requests(), SignedRequest::encode),
        "wire_entry" => all(samples::entries(), Entry::encode),
        "wire_rider" => vec![samples::rider().encode()],
        "wire_content" => all(samples::contents(), Content::encode),
        "wire_certificate" => all(samples::certificates(), Certificate::encode),
        "wire_credential" => all(samples::credentials(), Credential::encode),
        "wire_link" => all(samples::links(), |link| link.to_string().into_bytes()),
        "wire_join_link" => all(samples::join_links(), |link| link.to_string().into_bytes()),
        "wire_address" => all(samples::addresses(), |address| address.to_string().into_bytes()),
        "wire_unpad" => [0, 255, 256, 5000].map(samples::padded).to_vec(),
        _ => Vec::new(),
    }
}

/// [`ClientFrame::decode`]; a frame that decodes has an id that can be read alone.
pub fn decode_client_frame(bytes: &[u8]) {
    let id = ClientFrame::id_of(bytes);
    if let Some(frame) = check_round_trip(bytes, ClientFrame::decode, ClientFrame::encode) {
        assert_eq!(id, Some(frame.id), "the id is the same, read alone");
    }
}

/// [`ServerFrame::decode`].
pub fn decode_server_frame(bytes: &[u8]) {
    check_round_trip(bytes, ServerFrame::decode, ServerFrame::encode);
}

/// [`SignedRequest::decode`].
pub fn decode_signed_request(bytes: &[u8]) {
    check_round_trip(bytes, SignedRequest::decode, SignedRequest::encode);
}

/// [`Entry::decode`].
pub fn decode_entry(bytes: &[u8]) {
    check_round_trip(bytes, Entry::decode, Entry::encode);
}

/// [`Rider::decode`].
pub fn decode_rider(bytes: &[u8]) {
    check_round_trip(bytes, Rider::decode, Rider::encode);
}

/// [`Content::decode`].
pub fn decode_content(bytes: &[u8]) {
    check_round_trip(bytes, Content::decode, Content::encode);
}

/// [`Certificate::decode`]; there is one encoding only.
pub fn decode_certificate(bytes: &[u8]) {
    if let Some(certificate) = check_round_trip(bytes, Certificate::decode, Certificate::encode) {
        assert_eq!(certificate.encode(), bytes, "there is one encoding of a certificate");
    }
}

/// [`Credential::decode`]; there is one encoding only.
pub fn decode_credential(bytes: &[u8]) {
    if let Some(credential) = check_round_trip(bytes, Credential::decode, Credential::encode) {
        assert_eq!(credential.encode(), bytes, "there is one encoding of a credential");
    }
}

/// [`ContactLink`] from text; there is one text only.
pub fn parse_link(bytes: &[u8]) {
    check_one_text::<ContactLink>(bytes);
}

/// [`JoinLink`] from text; there is one text only.
pub fn parse_join_link(bytes: &[u8]) {
    check_one_text::<JoinLink>(bytes);
}

/// [`ServerAddress`] from text; there is one text only.
pub fn parse_address(bytes: &[u8]) {
    check_one_text::<ServerAddress>(bytes);
}

/// [`padding::unpad`], and that [`padding::pad`] undoes it.
pub fn unpad(bytes: &[u8]) {
    let _any_answer_will_do = padding::unpad(bytes);
    let mut padded = bytes.to_vec();
    padding::pad(&mut padded);
    assert_eq!(padding::unpad(&padded), Some(bytes), "unpad undoes pad");
}

fn check_round_trip<T: Debug + PartialEq>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> Option<T> {
    let value = decode(bytes).ok()?;
    assert_eq!(decode(&encode(&value)).as_ref(), Ok(&value), "decodes to the same again");
    Some(value)
}

fn check_one_text<T: FromStr + Display>(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text, "there is one text only");
    }
}
