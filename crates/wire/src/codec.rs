//! To be filled.
#![allow(unused_variables, clippy::todo, reason = "being written")]
use crate::*;
pub(crate) fn encode_client_frame(frame: &ClientFrame) -> Vec<u8> { todo!() }
pub(crate) fn decode_client_frame(bytes: &[u8]) -> Result<ClientFrame, DecodeError> { todo!() }
pub(crate) fn encode_server_frame(frame: &ServerFrame) -> Vec<u8> { todo!() }
pub(crate) fn decode_server_frame(bytes: &[u8]) -> Result<ServerFrame, DecodeError> { todo!() }
pub(crate) fn encode_signed_request(request: &SignedRequest) -> Vec<u8> { todo!() }
pub(crate) fn decode_signed_request(bytes: &[u8]) -> Result<SignedRequest, DecodeError> { todo!() }
pub(crate) fn certificate_signed_bytes(certificate: &Certificate) -> Vec<u8> { todo!() }
pub(crate) fn encode_certificate(certificate: &Certificate) -> Vec<u8> { todo!() }
pub(crate) fn decode_certificate(bytes: &[u8]) -> Result<Certificate, DecodeError> { todo!() }
pub(crate) fn encode_credential(credential: &Credential) -> Vec<u8> { todo!() }
pub(crate) fn decode_credential(bytes: &[u8]) -> Result<Credential, DecodeError> { todo!() }
pub(crate) fn encode_content(content: &Content) -> Vec<u8> { todo!() }
pub(crate) fn decode_content(bytes: &[u8]) -> Result<Content, DecodeError> { todo!() }
pub(crate) fn format_server_address(address: &ServerAddress) -> String { todo!() }
pub(crate) fn parse_server_address(text: &str) -> Result<ServerAddress, DecodeError> { todo!() }
pub(crate) fn format_contact_link(link: &ContactLink) -> String { todo!() }
pub(crate) fn parse_contact_link(text: &str) -> Result<ContactLink, DecodeError> { todo!() }
