//! The bytes of everything that travels: protobuf for frames, CBOR for what outlives a connection,
//! text for what people pass on. Reading never panics and allocates at most a small multiple of the
//! bytes read; every length is checked against [`crate::limits`].

mod cbor;
mod certificate;
mod content;
mod frames;
mod text;

pub(crate) use certificate::{
    certificate_signed_bytes, decode_certificate, decode_credential, decode_device_record,
    encode_certificate, encode_credential, encode_device_record,
};
pub(crate) use content::{decode_content, encode_content};
pub(crate) use frames::{
    client_frame_id, decode_client_frame, decode_entry, decode_rider, decode_server_frame,
    decode_signed_request, encode_client_frame, encode_entry, encode_push, encode_rider,
    encode_server_frame, encode_signed_request,
};
pub(crate) use text::{
    format_contact_link, format_join_link, format_server_address, parse_contact_link,
    parse_join_link, parse_server_address,
};
