//! Whatever can be said is read as it was written.

use proptest::prelude::*;
use veche_wire::*;

use crate::strategies;

proptest! {
    #[test]
    fn client_frames(frame in strategies::client_frame()) {
        let bytes = frame.encode();
        prop_assert_eq!(ClientFrame::id_of(&bytes), Some(frame.id));
        prop_assert_eq!(ClientFrame::decode(&bytes), Ok(frame));
    }

    #[test]
    fn server_frames(frame in strategies::server_frame()) {
        prop_assert_eq!(ServerFrame::decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn signed_requests(request in strategies::signed_request()) {
        prop_assert_eq!(SignedRequest::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn entries(entry in strategies::entry()) {
        prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }

    #[test]
    fn riders(rider in strategies::rider()) {
        prop_assert_eq!(Rider::decode(&rider.encode()), Ok(rider));
    }

    #[test]
    fn contents(content in strategies::content()) {
        prop_assert_eq!(Content::decode(&content.encode()), Ok(content));
    }

    #[test]
    fn certificates(certificate in strategies::certificate()) {
        prop_assert_eq!(Certificate::decode(&certificate.encode()), Ok(certificate));
    }

    #[test]
    fn credentials(credential in strategies::credential()) {
        prop_assert_eq!(Credential::decode(&credential.encode()), Ok(credential));
    }

    #[test]
    fn addresses(address in strategies::address()) {
        prop_assert_eq!(address.to_string().parse(), Ok(address));
    }

    #[test]
    fn links(link in strategies::link()) {
        prop_assert_eq!(link.to_string().parse(), Ok(link));
    }

    #[test]
    fn join_links(link in strategies::join_link()) {
        prop_assert_eq!(link.to_string().parse(), Ok(link));
    }

    /// What is signed differs wherever the certificate differs, but for the signature itself.
    #[test]
    fn a_certificate_signs_all_but_its_signature(
        one in strategies::certificate(),
        other in strategies::certificate(),
    ) {
        prop_assert_ne!(one.signed_bytes(), other.signed_bytes());
        let resigned = Certificate { signature: other.signature, ..one.clone() };
        prop_assert_eq!(resigned.signed_bytes(), one.signed_bytes());
    }
}
