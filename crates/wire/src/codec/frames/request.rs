//! What a client asks.

use super::entry::{read_append, read_tokens, write_append, write_tokens};
use super::proto::client_frame as client;
use super::{
    at_most, bounded, exact, id, ids, maybe_id, proto, read_permit, required, suite, username,
    write_permit,
};
use crate::{DecodeError, Delivery, InboxPass, Request, Who, limits};

pub(super) fn write(request: &Request) -> client::Request {
    use client::Request as Out;
    match request {
        Request::Hello { version } => Out::Hello(client::Hello { version: *version }),
        Request::Create { log, permit, tokens, admins } => Out::Create(client::Create {
            log: log.0.to_vec(),
            permit: Some(write_permit(permit)),
            tokens: Some(write_tokens(tokens)),
            admins: admins.iter().map(|key| key.0.to_vec()).collect(),
        }),
        Request::Append(append) => Out::Append(write_append(append)),
        Request::Read { log, token, after, after_id, limit } => {
            let (log, token) = (log.0.to_vec(), token.0.to_vec());
            let after_id = after_id.map(|id| id.0.to_vec());
            Out::Read(client::Read { log, token, after: *after, after_id, limit: *limit })
        }
        Request::Subscribe { log, token, after, after_id } => {
            let (log, token) = (log.0.to_vec(), token.0.to_vec());
            let after_id = after_id.map(|id| id.0.to_vec());
            Out::Subscribe(client::Subscribe { log, token, after: *after, after_id })
        }
        Request::Unsubscribe { log } => {
            Out::Unsubscribe(client::Unsubscribe { log: log.0.to_vec() })
        }
        Request::Signal { log, token, bytes } => {
            let (log, token) = (log.0.to_vec(), token.0.to_vec());
            Out::Signal(client::Signal { log, token, bytes: bytes.clone() })
        }
        Request::Signed { device, signature, body } => Out::Signed(client::Signed {
            device: device.0.to_vec(),
            signature: signature.to_vec(),
            body: body.clone(),
        }),
        Request::Lookup { who, permit } => Out::Lookup(client::Lookup {
            who: Some(write_who(who)),
            permit: Some(write_permit(permit)),
        }),
        Request::TakeKeyPackage { device, suite, permit } => {
            let (device, suite) = (device.0.to_vec(), u32::from(*suite));
            let permit = Some(write_permit(permit));
            Out::TakeKeyPackage(client::TakeKeyPackage { device, suite, permit })
        }
        Request::Deliver(delivery) => Out::Deliver(write_delivery(delivery)),
        Request::PutBlob { blob, offset, total, bytes, permit } => Out::PutBlob(client::PutBlob {
            blob: blob.0.to_vec(),
            offset: *offset,
            total: *total,
            bytes: bytes.clone(),
            permit: Some(write_permit(permit)),
        }),
        Request::GetBlob { blob, offset, length } => {
            let blob = blob.0.to_vec();
            Out::GetBlob(client::GetBlob { blob, offset: *offset, length: *length })
        }
    }
}

pub(super) fn read(request: client::Request) -> Result<Request, DecodeError> {
    use client::Request as In;
    Ok(match request {
        In::Hello(hello) => Request::Hello { version: hello.version },
        In::Create(create) => Request::Create {
            log: id(&create.log)?,
            permit: read_permit(create.permit)?,
            tokens: read_tokens(create.tokens)?,
            admins: ids(&create.admins, "list of admin keys", limits::ADMIN_KEYS_MAX)?,
        },
        In::Append(append) => Request::Append(read_append(append)?),
        In::Read(read) => Request::Read {
            log: id(&read.log)?,
            token: id(&read.token)?,
            after: read.after,
            after_id: maybe_id(read.after_id.as_ref())?,
            limit: read.limit,
        },
        In::Subscribe(subscribe) => Request::Subscribe {
            log: id(&subscribe.log)?,
            token: id(&subscribe.token)?,
            after: subscribe.after,
            after_id: maybe_id(subscribe.after_id.as_ref())?,
        },
        In::Unsubscribe(unsubscribe) => Request::Unsubscribe { log: id(&unsubscribe.log)? },
        In::Signal(signal) => Request::Signal {
            log: id(&signal.log)?,
            token: id(&signal.token)?,
            bytes: bounded(signal.bytes, "signal", limits::SIGNAL_BYTES_MAX)?,
        },
        In::Signed(signed) => Request::Signed {
            device: id(&signed.device)?,
            signature: exact(&signed.signature, "signature")?,
            body: signed.body,
        },
        In::Lookup(lookup) => Request::Lookup {
            who: read_who(required(lookup.who, "who is looked up")?)?,
            permit: read_permit(lookup.permit)?,
        },
        In::TakeKeyPackage(take) => Request::TakeKeyPackage {
            device: id(&take.device)?,
            suite: suite(take.suite)?,
            permit: read_permit(take.permit)?,
        },
        In::Deliver(deliver) => Request::Deliver(read_delivery(deliver)?),
        In::PutBlob(put) => read_put_blob(put)?,
        In::GetBlob(get) => read_get_blob(&get)?,
    })
}

fn write_who(who: &Who) -> client::lookup::Who {
    match who {
        Who::Username(name) => client::lookup::Who::Username(name.clone()),
        Who::Account(account) => client::lookup::Who::Account(account.0.to_vec()),
    }
}

fn read_who(who: client::lookup::Who) -> Result<Who, DecodeError> {
    Ok(match who {
        client::lookup::Who::Username(name) => Who::Username(username(name)?),
        client::lookup::Who::Account(account) => Who::Account(id(&account)?),
    })
}

fn write_delivery(delivery: &Delivery) -> client::Deliver {
    let pass = match &delivery.pass {
        InboxPass::Invite(token) => proto::inbox_pass::Pass::Invite(token.0.to_vec()),
        InboxPass::Permit(permit) => proto::inbox_pass::Pass::Permit(write_permit(permit)),
    };
    client::Deliver {
        device: delivery.device.0.to_vec(),
        id: delivery.id.0.to_vec(),
        pass: Some(proto::InboxPass { pass: Some(pass) }),
        needs: delivery.needs.map(|needs| needs.0.to_vec()),
        bytes: delivery.bytes.clone(),
    }
}

fn read_delivery(deliver: client::Deliver) -> Result<Delivery, DecodeError> {
    let pass = match required(deliver.pass.and_then(|pass| pass.pass), "inbox pass")? {
        proto::inbox_pass::Pass::Invite(token) => InboxPass::Invite(id(&token)?),
        proto::inbox_pass::Pass::Permit(permit) => InboxPass::Permit(read_permit(Some(permit))?),
    };
    Ok(Delivery {
        device: id(&deliver.device)?,
        id: id(&deliver.id)?,
        pass,
        needs: maybe_id(deliver.needs.as_ref())?,
        bytes: bounded(deliver.bytes, "envelope", limits::INBOX_BYTES_MAX)?,
    })
}

/// The part must lie inside of the blob. The size of the whole is for the server to judge, which may
/// take less than the protocol allows.
fn read_put_blob(put: client::PutBlob) -> Result<Request, DecodeError> {
    let bytes = bounded(put.bytes, "part of a blob", limits::BLOB_PART_BYTES_MAX)?;
    match put.offset.checked_add(bytes.len() as u64) {
        Some(end) if end <= put.total => {}
        _ => return Err(DecodeError::Malformed("offset of a part")),
    }
    Ok(Request::PutBlob {
        blob: id(&put.blob)?,
        offset: put.offset,
        total: put.total,
        bytes,
        permit: read_permit(put.permit)?,
    })
}

fn read_get_blob(get: &client::GetBlob) -> Result<Request, DecodeError> {
    let length = usize::try_from(get.length).unwrap_or(usize::MAX);
    at_most(length, "part of a blob", limits::BLOB_PART_BYTES_MAX)?;
    Ok(Request::GetBlob { blob: id(&get.blob)?, offset: get.offset, length: get.length })
}
