//! Station 5: what may come in at all, before anything is looked up.

use ed25519_dalek::{Signature, VerifyingKey};
use veche_wire::{
    Append, DecodeError, DeviceId, DeviceRecord, InboxPass, Kind, Millis, Permit, Refused, Request,
    Rider, SignedRequest, certificate::is_username, limits,
};

use crate::config::Config;
use crate::rates::Bucket;
use crate::service::Connection;

/// A request whose shape, size and signature are right and which is within the limits. Only
/// [`check`] can make one. Tokens are compared where the log is known, inside the transaction.
pub(crate) struct Admitted {
    request: Request,
    signed: Option<SignedRequest>,
}

impl Admitted {
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// What a device's signature was checked over.
    pub(crate) fn signed(&self) -> Option<&SignedRequest> {
        self.signed.as_ref()
    }

    /// Whether doing it makes what is stored larger.
    pub(crate) fn adds_bytes(&self) -> bool {
        match &self.request {
            Request::Create { .. } | Request::Append(_) | Request::Deliver(_) => true,
            Request::PutBlob { bytes, .. } => !bytes.is_empty(),
            _ => matches!(
                self.signed,
                Some(SignedRequest::Register { .. } | SignedRequest::PublishKeyPackages { .. })
            ),
        }
    }
}

/// What is counted by address.
#[derive(Default)]
pub(crate) struct Address {
    pub(crate) connections: usize,
    requests: Bucket,
    strangers: Bucket,
    registrations: Bucket,
    invite_codes: Bucket,
    blob_kib: Bucket,
}

impl Address {
    /// Whether nothing need be remembered of it.
    pub(crate) fn is_idle(&mut self, now: Millis, config: &Config) -> bool {
        self.connections == 0
            && self.requests.is_full(now, config.requests_per_address)
            && self.strangers.is_full(now, config.strangers_per_address)
            && self.registrations.is_full(now, config.registrations_per_address)
            && self.invite_codes.is_full(now, config.invite_codes_per_address)
            && self.blob_kib.is_full(now, config.blob_kib_per_address)
    }
}

/// What a request is weighed against.
pub(crate) struct Allowance<'a> {
    pub(crate) now: Millis,
    pub(crate) config: &'a Config,
    pub(crate) connection: &'a mut Connection,
    pub(crate) address: &'a mut Address,
    /// Bytes that the answer may have.
    pub(crate) reserved: usize,
}

/// Admits a request, or says why not.
pub(crate) fn check(mut allowance: Allowance<'_>, request: Request) -> Result<Admitted, Refused> {
    if !allowance.connection.greeted {
        return Err(malformed("the first request of a connection is Hello"));
    }
    allowance.check_room(&request)?;
    allowance.check_rates(&request)?;
    check_shape(&request)?;
    let signed = match &request {
        Request::Signed { device, signature, body } => {
            let signed = allowance.check_signature(device, signature, body)?;
            allowance.check_signed_rates(&signed)?;
            check_signed_shape(device, &signed)?;
            Some(signed)
        }
        _ => None,
    };
    Ok(Admitted { request, signed })
}

impl Allowance<'_> {
    /// Bounds what waits: requests in flight, bytes of answers, subscriptions.
    fn check_room(&self, request: &Request) -> Result<(), Refused> {
        const DRAIN_MS: u32 = 100;
        let connection = &*self.connection;
        if connection.waiting >= self.config.requests_in_flight_max {
            return Err(Refused::Later { ms: DRAIN_MS });
        }
        let answers = connection.outgoing_bytes + connection.reserved_bytes + self.reserved;
        if self.reserved > 0 && answers > self.config.answers_bytes_max {
            return Err(Refused::Later { ms: DRAIN_MS });
        }
        if let Request::Subscribe { log, .. } = request
            && !connection.subscriptions.contains_key(log)
            && connection.subscriptions.len() + connection.waiting >= self.config.subscriptions_max
        {
            return Err(Refused::TooLarge { limit: self.config.subscriptions_max as u64 });
        }
        Ok(())
    }

    fn check_rates(&mut self, request: &Request) -> Result<(), Refused> {
        let Self { now, config, .. } = *self;
        let (connection, address) = (&mut *self.connection, &mut *self.address);
        later(connection.requests.take(now, config.requests_per_connection, 1))?;
        later(address.requests.take(now, config.requests_per_address, 1))?;
        match request {
            Request::Create { .. } | Request::Lookup { .. } | Request::TakeKeyPackage { .. } => {
                self.check_stranger()
            }
            Request::Deliver(delivery) if matches!(delivery.pass, InboxPass::Permit(_)) => {
                self.check_stranger()
            }
            Request::PutBlob { bytes, .. } => {
                let kib = u32::try_from(bytes.len().div_ceil(1024)).unwrap_or(u32::MAX);
                later(address.blob_kib.take(now, config.blob_kib_per_address, kib))
            }
            _ => Ok(()),
        }
    }

    fn check_stranger(&mut self) -> Result<(), Refused> {
        let Self { now, config, .. } = *self;
        later(self.connection.strangers.take(now, config.strangers_per_connection, 1))?;
        later(self.address.strangers.take(now, config.strangers_per_address, 1))
    }

    fn check_signed_rates(&mut self, signed: &SignedRequest) -> Result<(), Refused> {
        let Self { now, config, .. } = *self;
        let SignedRequest::Register { permit, .. } = signed else { return Ok(()) };
        later(self.address.registrations.take(now, config.registrations_per_address, 1))?;
        match permit {
            Permit::Open => Ok(()),
            Permit::Invite(_) => {
                later(self.address.invite_codes.take(now, config.invite_codes_per_address, 1))
            }
        }
    }

    fn check_signature(
        &self,
        device: &DeviceId,
        signature: &[u8; 64],
        body: &[u8],
    ) -> Result<SignedRequest, Refused> {
        let signed_bytes = SignedRequest::signed_bytes(&self.connection.nonce, body);
        if !is_signed(device.as_bytes(), &signed_bytes, signature) {
            return Err(Refused::Forbidden);
        }
        SignedRequest::decode(body).map_err(|error| refuse_unreadable(&error))
    }
}

/// Whether the Ed25519 signature is this key's over these bytes. Strict: weak keys and malleable
/// signatures are not.
pub(crate) fn is_signed(key: &[u8; 32], bytes: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(bytes, &Signature::from_bytes(signature)))
        .is_ok()
}

/// What is answered where bytes could not be read.
pub(crate) fn refuse_unreadable(error: &DecodeError) -> Refused {
    match error {
        DecodeError::TooLarge { limit, .. } => Refused::TooLarge { limit: *limit as u64 },
        DecodeError::Malformed(_) | DecodeError::Version { .. } => {
            Refused::Malformed { what: error.to_string() }
        }
    }
}

fn later(taken: Result<(), u32>) -> Result<(), Refused> {
    taken.map_err(|ms| Refused::Later { ms })
}

fn malformed(what: &str) -> Refused {
    Refused::Malformed { what: what.to_owned() }
}

fn at_most(size: usize, limit: usize) -> Result<(), Refused> {
    if size > limit { Err(Refused::TooLarge { limit: limit as u64 }) } else { Ok(()) }
}

fn check_shape(request: &Request) -> Result<(), Refused> {
    match request {
        Request::Create { admins, .. } => check_admins(admins.len()),
        Request::Append(append) => check_append(append),
        Request::Signal { bytes, .. } => at_most(bytes.len(), limits::SIGNAL_BYTES_MAX),
        Request::Deliver(delivery) => at_most(delivery.bytes.len(), limits::INBOX_BYTES_MAX),
        Request::PutBlob { offset, total, bytes, .. } => {
            at_most(bytes.len(), limits::BLOB_PART_BYTES_MAX)?;
            if *total > limits::BLOB_BYTES_MAX {
                return Err(Refused::TooLarge { limit: limits::BLOB_BYTES_MAX });
            }
            let end = offset.checked_add(bytes.len() as u64);
            if *total == 0 || end.is_none_or(|end| end > *total) {
                return Err(malformed("a part lies outside of its blob"));
            }
            Ok(())
        }
        Request::GetBlob { length, .. } => at_most(*length as usize, limits::BLOB_PART_BYTES_MAX),
        _ => Ok(()),
    }
}

fn check_admins(count: usize) -> Result<(), Refused> {
    if count == 0 {
        return Err(malformed("a log has at least one admin key"));
    }
    at_most(count, limits::ADMIN_KEYS_MAX)
}

fn check_append(append: &Append) -> Result<(), Refused> {
    at_most(append.bytes.len(), limits::ENTRY_BYTES_MAX)?;
    if append.commitment.is_some() != (append.kind == Kind::Message) {
        return Err(malformed("messages and only they carry a commitment"));
    }
    let is_bare = matches!(append.kind, Kind::Rotate | Kind::Admins | Kind::Freeze);
    if is_bare && !append.bytes.is_empty() {
        return Err(malformed("an entry that is only a rider has no bytes"));
    }
    match &append.rider {
        Some(rider) => check_rider(append.kind, rider),
        None if is_bare => Err(malformed("an entry of this kind is its rider")),
        None => Ok(()),
    }
}

fn check_rider(kind: Kind, rider: &Rider) -> Result<(), Refused> {
    let fits = match kind {
        Kind::Message | Kind::Control => false,
        // It may only sign.
        Kind::Commit => true,
        Kind::Rotate => rider.rotation.is_some(),
        Kind::Admins => rider.admins.is_some(),
        Kind::Freeze => rider.freeze.is_some() || rider.guard.is_some(),
    };
    if !fits || rider.guard.is_some() && kind != Kind::Freeze {
        return Err(malformed("the rider does not fit the kind of the entry"));
    }
    rider.admins.as_ref().map_or(Ok(()), |admins| check_admins(admins.keys.len()))
}

fn check_signed_shape(device: &DeviceId, signed: &SignedRequest) -> Result<(), Refused> {
    match signed {
        SignedRequest::Register { device: record, username, .. } => {
            if username.as_deref().is_some_and(|name| !is_username(name)) {
                return Err(malformed("a username is 3 to 32 of a-z, 0-9 and _"));
            }
            check_record(device, record)
        }
        SignedRequest::PublishKeyPackages { packages, last_resort, .. } => {
            at_most(packages.len(), limits::KEY_PACKAGES_MAX)?;
            let mut all = packages.iter().chain(last_resort);
            all.try_for_each(|bytes| at_most(bytes.len(), limits::KEY_PACKAGE_BYTES_MAX))
        }
        SignedRequest::SetInvites { hashes } => at_most(hashes.len(), limits::INVITES_MAX),
        SignedRequest::SubscribeInbox | SignedRequest::EraseInbox { .. } => Ok(()),
    }
}

fn check_record(device: &DeviceId, record: &DeviceRecord) -> Result<(), Refused> {
    use sha2::Digest;
    at_most(record.encode().len(), limits::CERTIFICATE_BYTES_MAX)?;
    let certificate = &record.certificate;
    let account = certificate.account.as_bytes();
    let hash: [u8; 32] = sha2::Sha256::digest(&record.inbox_key).into();
    if certificate.device != *device
        || certificate.inbox_key_hash != hash
        || !is_signed(account, &certificate.signed_bytes(), &certificate.signature)
    {
        return Err(Refused::Forbidden);
    }
    Ok(())
}
