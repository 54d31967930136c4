//! Requests that name an account.

use super::proto::{self, signed_request as signed};
use super::{at_most, bounded, ids, read_permit, suite, username, write_permit};
use crate::{DecodeError, DeviceRecord, SignedRequest, limits};

pub(super) fn write(request: &SignedRequest) -> signed::Request {
    use signed::Request as Out;
    match request {
        SignedRequest::Register { device, username, permit } => Out::Register(signed::Register {
            device: device.encode(),
            username: username.clone(),
            permit: Some(write_permit(permit)),
        }),
        SignedRequest::PublishKeyPackages { suite, packages, last_resort } => {
            Out::PublishKeyPackages(signed::PublishKeyPackages {
                suite: u32::from(*suite),
                packages: packages.clone(),
                last_resort: last_resort.clone(),
            })
        }
        SignedRequest::SetInvites { hashes } => Out::SetInvites(signed::SetInvites {
            hashes: hashes.iter().map(|hash| hash.0.to_vec()).collect(),
        }),
        SignedRequest::SubscribeInbox => Out::SubscribeInbox(proto::Empty {}),
        SignedRequest::EraseInbox { up_to } => {
            Out::EraseInbox(signed::EraseInbox { up_to: *up_to })
        }
    }
}

pub(super) fn read(request: signed::Request) -> Result<SignedRequest, DecodeError> {
    use signed::Request as In;
    Ok(match request {
        In::Register(register) => SignedRequest::Register {
            device: Box::new(DeviceRecord::decode(&register.device)?),
            username: register.username.map(username).transpose()?,
            permit: read_permit(register.permit)?,
        },
        In::PublishKeyPackages(publish) => read_key_packages(publish)?,
        In::SetInvites(set) => SignedRequest::SetInvites {
            hashes: ids(&set.hashes, "list of invites", limits::INVITES_MAX)?,
        },
        In::SubscribeInbox(proto::Empty {}) => SignedRequest::SubscribeInbox,
        In::EraseInbox(erase) => SignedRequest::EraseInbox { up_to: erase.up_to },
    })
}

fn read_key_packages(publish: signed::PublishKeyPackages) -> Result<SignedRequest, DecodeError> {
    at_most(publish.packages.len(), "list of KeyPackages", limits::KEY_PACKAGES_MAX)?;
    let package = |bytes| bounded(bytes, "KeyPackage", limits::KEY_PACKAGE_BYTES_MAX);
    Ok(SignedRequest::PublishKeyPackages {
        suite: suite(publish.suite)?,
        packages: publish.packages.into_iter().map(package).collect::<Result<_, _>>()?,
        last_resort: publish.last_resort.map(package).transpose()?,
    })
}
