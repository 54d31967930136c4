//! What the server answers.

use super::entry::{read_entries, write_entry};
use super::proto::{self, answer, refused};
use super::{at_most, bounded, exact, id, read_name, required, write_name};
use crate::{AccountRecord, DecodeError, DeviceRecord, Refused, Registration, Response, limits};

pub(super) fn write(response: &Response) -> answer::Response {
    use answer::Response as Out;
    match response {
        Response::Hello { version, nonce, directory_key, registration } => {
            Out::Hello(answer::Hello {
                version: *version,
                nonce: nonce.to_vec(),
                directory_key: directory_key.to_vec(),
                registration: write_registration(*registration).into(),
            })
        }
        Response::Appended { seq } => Out::Appended(answer::Appended { seq: *seq }),
        Response::Entries { entries, head } => Out::Entries(answer::Entries {
            entries: entries.iter().map(write_entry).collect(),
            head: *head,
        }),
        Response::Subscribed { head } => Out::Subscribed(answer::Subscribed { head: *head }),
        Response::Done => Out::Done(proto::Empty {}),
        Response::Registered { name } => {
            Out::Registered(answer::Registered { name: name.as_ref().map(write_name) })
        }
        Response::KeyPackagesLeft { count } => {
            Out::KeyPackagesLeft(answer::KeyPackagesLeft { count: *count })
        }
        Response::InboxSubscribed { head } => {
            Out::InboxSubscribed(answer::InboxSubscribed { head: *head })
        }
        Response::Account(record) => Out::Account(answer::Account {
            account: record.account.0.to_vec(),
            name: record.name.as_ref().map(write_name),
            devices: record.devices.iter().map(DeviceRecord::encode).collect(),
        }),
        Response::KeyPackage { bytes } => {
            Out::KeyPackage(answer::KeyPackage { bytes: bytes.clone() })
        }
        Response::BlobHas { have, total } => {
            Out::BlobHas(answer::BlobHas { have: *have, total: *total })
        }
        Response::BlobPart { total, bytes } => {
            Out::BlobPart(answer::BlobPart { total: *total, bytes: bytes.clone() })
        }
        Response::Refused(refused) => Out::Refused(write_refused(refused)),
    }
}

pub(super) fn read(response: answer::Response) -> Result<Response, DecodeError> {
    use answer::Response as In;
    Ok(match response {
        In::Hello(hello) => Response::Hello {
            version: hello.version,
            nonce: exact(&hello.nonce, "nonce")?,
            directory_key: exact(&hello.directory_key, "directory key")?,
            registration: read_registration(hello.registration)?,
        },
        In::Appended(appended) => Response::Appended { seq: appended.seq },
        In::Entries(list) => {
            Response::Entries { entries: read_entries(&list.entries)?, head: list.head }
        }
        In::Subscribed(subscribed) => Response::Subscribed { head: subscribed.head },
        In::Done(proto::Empty {}) => Response::Done,
        In::Registered(registered) => {
            Response::Registered { name: registered.name.map(read_name).transpose()? }
        }
        In::KeyPackagesLeft(left) => Response::KeyPackagesLeft { count: left.count },
        In::InboxSubscribed(subscribed) => Response::InboxSubscribed { head: subscribed.head },
        In::Account(account) => Response::Account(read_account(account)?),
        In::KeyPackage(package) => Response::KeyPackage {
            bytes: bounded(package.bytes, "KeyPackage", limits::KEY_PACKAGE_BYTES_MAX)?,
        },
        In::BlobHas(has) => Response::BlobHas { have: has.have, total: has.total },
        In::BlobPart(part) => Response::BlobPart {
            total: part.total,
            bytes: bounded(part.bytes, "part of a blob", limits::BLOB_PART_BYTES_MAX)?,
        },
        In::Refused(refused) => Response::Refused(read_refused(refused)?),
    })
}

fn write_registration(registration: Registration) -> answer::Registration {
    match registration {
        Registration::Open => answer::Registration::Open,
        Registration::Invite => answer::Registration::Invite,
        Registration::Closed => answer::Registration::Closed,
    }
}

fn read_registration(number: i32) -> Result<Registration, DecodeError> {
    match answer::Registration::try_from(number) {
        Ok(answer::Registration::Open) => Ok(Registration::Open),
        Ok(answer::Registration::Invite) => Ok(Registration::Invite),
        Ok(answer::Registration::Closed) => Ok(Registration::Closed),
        Ok(answer::Registration::Unspecified) | Err(_) => {
            Err(DecodeError::Malformed("registration"))
        }
    }
}

fn read_account(account: answer::Account) -> Result<AccountRecord, DecodeError> {
    at_most(account.devices.len(), "list of devices", limits::DEVICES_MAX)?;
    Ok(AccountRecord {
        account: id(&account.account)?,
        name: account.name.map(read_name).transpose()?,
        devices: account
            .devices
            .iter()
            .map(|bytes| DeviceRecord::decode(bytes))
            .collect::<Result<_, _>>()?,
    })
}

fn write_refused(refused: &Refused) -> proto::Refused {
    use refused::Why;
    let empty = proto::Empty {};
    let why = match refused {
        Refused::Stale { last_commit } => Why::Stale(refused::Stale { last_commit: *last_commit }),
        Refused::Later { ms } => Why::Later(refused::Later { ms: *ms }),
        Refused::OutOfOrder => Why::OutOfOrder(empty),
        Refused::MissingBlob => Why::MissingBlob(empty),
        Refused::Beyond { head } => Why::Beyond(refused::Beyond { head: *head }),
        Refused::BlobOffset { have } => Why::BlobOffset(refused::BlobOffset { have: *have }),
        Refused::Forbidden => Why::Forbidden(empty),
        Refused::NotFound => Why::NotFound(empty),
        Refused::Taken => Why::Taken(empty),
        Refused::TooLarge { limit } => Why::TooLarge(refused::TooLarge { limit: *limit }),
        Refused::Frozen => Why::Frozen(empty),
        Refused::Guarded => Why::Guarded(empty),
        Refused::Full => Why::Full(empty),
        Refused::InviteNeeded => Why::InviteNeeded(empty),
        Refused::RegistrationClosed => Why::RegistrationClosed(empty),
        Refused::Malformed { what } => Why::Malformed(refused::Malformed { what: what.clone() }),
        Refused::Incompatible { oldest, newest } => {
            Why::Incompatible(refused::Incompatible { oldest: *oldest, newest: *newest })
        }
        Refused::Broken => Why::Broken(empty),
    };
    proto::Refused { why: Some(why) }
}

fn read_refused(refused: proto::Refused) -> Result<Refused, DecodeError> {
    use refused::Why;
    Ok(match required(refused.why, "refusal")? {
        Why::Stale(stale) => Refused::Stale { last_commit: stale.last_commit },
        Why::Later(later) => Refused::Later { ms: later.ms },
        Why::OutOfOrder(proto::Empty {}) => Refused::OutOfOrder,
        Why::MissingBlob(proto::Empty {}) => Refused::MissingBlob,
        Why::Beyond(beyond) => Refused::Beyond { head: beyond.head },
        Why::BlobOffset(offset) => Refused::BlobOffset { have: offset.have },
        Why::Forbidden(proto::Empty {}) => Refused::Forbidden,
        Why::NotFound(proto::Empty {}) => Refused::NotFound,
        Why::Taken(proto::Empty {}) => Refused::Taken,
        Why::TooLarge(too_large) => Refused::TooLarge { limit: too_large.limit },
        Why::Frozen(proto::Empty {}) => Refused::Frozen,
        Why::Guarded(proto::Empty {}) => Refused::Guarded,
        Why::Full(proto::Empty {}) => Refused::Full,
        Why::InviteNeeded(proto::Empty {}) => Refused::InviteNeeded,
        Why::RegistrationClosed(proto::Empty {}) => Refused::RegistrationClosed,
        Why::Malformed(malformed) => {
            at_most(malformed.what.len(), "reason of a refusal", limits::REASON_BYTES_MAX)?;
            Refused::Malformed { what: malformed.what }
        }
        Why::Incompatible(versions) => {
            Refused::Incompatible { oldest: versions.oldest, newest: versions.newest }
        }
        Why::Broken(proto::Empty {}) => Refused::Broken,
    })
}
