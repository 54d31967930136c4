//! Frames as protobuf (`proto/veche.proto`).

mod answer;
mod entry;
mod push;
mod request;
mod signed;

use prost::Message;

use crate::{
    ClientFrame, DecodeError, Entry, NameBinding, Permit, Push, RequestId, Rider, ServerFrame,
    SignedRequest, certificate::is_username, limits,
};

/// What prost makes of `proto/veche.proto`. No domain type: only this folder sees it.
mod proto {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::large_enum_variant,
        clippy::doc_markdown,
        reason = "generated; proto/veche.proto and docs/protocol.md say what each field means"
    )]
    include!(concat!(env!("OUT_DIR"), "/veche.v1.rs"));
}

pub(crate) fn encode_client_frame(frame: &ClientFrame) -> Vec<u8> {
    proto::ClientFrame { id: frame.id, request: Some(request::write(&frame.request)) }
        .encode_to_vec()
}

pub(crate) fn decode_client_frame(bytes: &[u8]) -> Result<ClientFrame, DecodeError> {
    let frame: proto::ClientFrame = read_message(bytes, "frame")?;
    if frame.id == 0 {
        return Err(DecodeError::Malformed("request id"));
    }
    Ok(ClientFrame { id: frame.id, request: request::read(required(frame.request, "request")?)? })
}

/// The id of a frame whose request may be anything, so that a refusal can name it.
pub(crate) fn client_frame_id(bytes: &[u8]) -> Option<RequestId> {
    #[derive(Clone, PartialEq, ::prost::Message)]
    struct OnlyId {
        #[prost(uint64, tag = "1")]
        id: u64,
    }
    OnlyId::decode(bytes).ok().map(|frame| frame.id).filter(|id| *id != 0)
}

pub(crate) fn encode_server_frame(frame: &ServerFrame) -> Vec<u8> {
    match frame {
        ServerFrame::Answer { id, response } => {
            let answer = proto::Answer { id: *id, response: Some(answer::write(response)) };
            let frame = Some(proto::server_frame::Frame::Answer(answer));
            proto::ServerFrame { frame }.encode_to_vec()
        }
        ServerFrame::Push(push) => encode_push(push),
    }
}

pub(crate) fn encode_push(push: &Push) -> Vec<u8> {
    let push = proto::Push { push: Some(push::write(push)) };
    proto::ServerFrame { frame: Some(proto::server_frame::Frame::Push(push)) }.encode_to_vec()
}

pub(crate) fn decode_server_frame(bytes: &[u8]) -> Result<ServerFrame, DecodeError> {
    let frame: proto::ServerFrame = read_message(bytes, "frame")?;
    match required(frame.frame, "frame")? {
        proto::server_frame::Frame::Answer(answer) => Ok(ServerFrame::Answer {
            id: answer.id,
            response: answer::read(required(answer.response, "response")?)?,
        }),
        proto::server_frame::Frame::Push(push) => {
            Ok(ServerFrame::Push(push::read(required(push.push, "push")?)?))
        }
    }
}

pub(crate) fn encode_signed_request(request: &SignedRequest) -> Vec<u8> {
    proto::SignedRequest { request: Some(signed::write(request)) }.encode_to_vec()
}

pub(crate) fn decode_signed_request(bytes: &[u8]) -> Result<SignedRequest, DecodeError> {
    let request: proto::SignedRequest = read_message(bytes, "signed request")?;
    signed::read(required(request.request, "signed request")?)
}

pub(crate) fn encode_entry(entry: &Entry) -> Vec<u8> {
    entry::write_entry(entry)
}

pub(crate) fn decode_entry(bytes: &[u8]) -> Result<Entry, DecodeError> {
    entry::read_entry(read_message(bytes, "entry")?)
}

pub(crate) fn encode_rider(rider: &Rider) -> Vec<u8> {
    entry::write_rider(rider).encode_to_vec()
}

pub(crate) fn decode_rider(bytes: &[u8]) -> Result<Rider, DecodeError> {
    entry::read_rider(read_message(bytes, "rider")?)
}

fn read_message<M: Message + Default>(bytes: &[u8], what: &'static str) -> Result<M, DecodeError> {
    if bytes.len() > limits::FRAME_BYTES_MAX {
        return Err(DecodeError::TooLarge { what, limit: limits::FRAME_BYTES_MAX });
    }
    M::decode(bytes).map_err(|_| DecodeError::Malformed(what))
}

fn required<T>(value: Option<T>, what: &'static str) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Malformed(what))
}

/// Bytes whose length is fixed.
fn exact<const LENGTH: usize>(
    bytes: &[u8],
    what: &'static str,
) -> Result<[u8; LENGTH], DecodeError> {
    bytes.try_into().map_err(|_| DecodeError::Malformed(what))
}

/// An id or key, whose type knows its length.
fn id<'a, T: TryFrom<&'a [u8], Error = DecodeError>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    T::try_from(bytes)
}

/// An id or key that may be absent.
fn maybe_id<T>(bytes: Option<&Vec<u8>>) -> Result<Option<T>, DecodeError>
where
    T: for<'a> TryFrom<&'a [u8], Error = DecodeError>,
{
    bytes.map(|bytes| T::try_from(bytes.as_slice())).transpose()
}

/// At most `limit` ids or keys.
fn ids<T>(list: &[Vec<u8>], what: &'static str, limit: usize) -> Result<Vec<T>, DecodeError>
where
    T: for<'a> TryFrom<&'a [u8], Error = DecodeError>,
{
    at_most(list.len(), what, limit)?;
    list.iter().map(|bytes| T::try_from(bytes.as_slice())).collect()
}

/// At most `limit` bytes.
fn bounded(bytes: Vec<u8>, what: &'static str, limit: usize) -> Result<Vec<u8>, DecodeError> {
    at_most(bytes.len(), what, limit)?;
    Ok(bytes)
}

fn at_most(length: usize, what: &'static str, limit: usize) -> Result<(), DecodeError> {
    if length > limit { Err(DecodeError::TooLarge { what, limit }) } else { Ok(()) }
}

fn suite(number: u32) -> Result<u16, DecodeError> {
    u16::try_from(number).map_err(|_| DecodeError::Malformed("cipher suite"))
}

fn username(name: String) -> Result<String, DecodeError> {
    if is_username(&name) { Ok(name) } else { Err(DecodeError::Malformed("username")) }
}

fn write_permit(permit: &Permit) -> proto::Permit {
    let permit = match permit {
        Permit::Open => proto::permit::Permit::Open(proto::Empty {}),
        Permit::Invite(code) => proto::permit::Permit::Invite(code.clone()),
    };
    proto::Permit { permit: Some(permit) }
}

fn read_permit(permit: Option<proto::Permit>) -> Result<Permit, DecodeError> {
    match required(permit.and_then(|permit| permit.permit), "permit")? {
        proto::permit::Permit::Open(proto::Empty {}) => Ok(Permit::Open),
        proto::permit::Permit::Invite(code) => {
            at_most(code.len(), "invite code", limits::INVITE_CODE_BYTES_MAX)?;
            Ok(Permit::Invite(code))
        }
    }
}

fn write_name(name: &NameBinding) -> proto::NameBinding {
    proto::NameBinding {
        username: name.username.clone(),
        account: name.account.0.to_vec(),
        signature: name.signature.to_vec(),
    }
}

fn read_name(name: proto::NameBinding) -> Result<NameBinding, DecodeError> {
    Ok(NameBinding {
        username: username(name.username)?,
        account: id(&name.account)?,
        signature: exact(&name.signature, "signature")?,
    })
}
