//! One request inside the transaction: which station does it, and what follows once it is durable.

use ed25519_dalek::SigningKey;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use veche_wire::{
    DeviceId, Entry, LogId, Millis, Refused, Request, Response, Seq, SignedRequest, Token,
    TokenHash,
};

use crate::admit::Admitted;
use crate::config::Config;
use crate::pace::{Fresh, Paces};
use crate::storage::{Batch, Day, StorageError, Stored, day_of};

/// What follows from a request once its transaction is durable.
pub(crate) enum Effect {
    /// Subscribers get the entry.
    Appended { log: LogId, entry: Box<Entry> },
    /// The connection reads the log from its cursor.
    Subscribed { log: LogId, cursor: Seq, head: Seq, until: Option<Seq> },
    /// It does no more.
    Unsubscribed { log: LogId },
    /// Subscribers get the signal.
    Signal { log: LogId, bytes: Vec<u8> },
    /// The connection reads the inbox.
    InboxSubscribed { device: DeviceId },
    /// Readers of the inbox get the envelope.
    Delivered { device: DeviceId },
    /// Blob bytes came in.
    BlobStored { bytes: u64 },
}

/// The answer to a request and what follows.
pub(crate) struct Reply {
    pub(crate) response: Response,
    pub(crate) effect: Option<Effect>,
}

impl Reply {
    pub(crate) fn refused(refused: Refused) -> Self {
        Response::Refused(refused).into()
    }

    pub(crate) fn with(response: Response, effect: Effect) -> Self {
        Self { response, effect: Some(effect) }
    }
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self { response, effect: None }
    }
}

/// Why a station did not do a request.
pub(crate) enum Fail {
    /// It may not be done; the others of the batch go on. Nothing of it was written.
    Refused(Refused),
    /// The storage failed: the whole batch is rolled back.
    Storage(StorageError),
}

impl From<Refused> for Fail {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<StorageError> for Fail {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

/// Rules that a test may have broken; outside of tests there are none.
#[derive(Clone, Copy)]
pub(crate) struct Switches {
    #[cfg(any(test, feature = "mutants"))]
    pub(crate) mutant: Option<super::Mutant>,
}

macro_rules! switch {
    ($name:ident, $mutant:ident) => {
        pub(crate) fn $name(self) -> bool {
            #[cfg(any(test, feature = "mutants"))]
            return self.mutant == Some(super::Mutant::$mutant);
            #[cfg(not(any(test, feature = "mutants")))]
            false
        }
    };
}

impl Switches {
    switch!(is_late_sync, AckBeforeFsync);
    switch!(is_without_fence, NoFence);
    switch!(is_without_id_check, NoIdCheck);
    switch!(is_without_prev_check, NoPrevCheck);
    switch!(is_without_guard, NoGuard);
    switch!(is_without_hold, NoHold);
    switch!(is_without_gap, NoGap);
}

/// Where a request is done: the open transaction and all it may look at.
pub(crate) struct Station<'a> {
    pub(crate) batch: &'a mut dyn Batch,
    pub(crate) now: Millis,
    pub(crate) config: &'a Config,
    pub(crate) directory_key: &'a SigningKey,
    pub(crate) paces: &'a Paces,
    /// What became of the commits earlier in this batch.
    pub(crate) fresh: &'a mut Fresh,
    /// Whether the operator's quota of the disk is used up.
    pub(crate) is_full: bool,
    pub(crate) switches: Switches,
}

impl Station<'_> {
    /// Does a request; a refusal is a reply.
    pub(crate) fn run(&mut self, admitted: &Admitted) -> Stored<Reply> {
        match self.dispatch(admitted) {
            Ok(reply) => Ok(reply),
            Err(Fail::Refused(refused)) => Ok(Reply::refused(refused)),
            Err(Fail::Storage(error)) => Err(error),
        }
    }

    fn dispatch(&mut self, admitted: &Admitted) -> Result<Reply, Fail> {
        if self.is_full && admitted.adds_bytes() {
            return Err(Refused::Full.into());
        }
        match admitted.request() {
            // Answered before admission.
            Request::Hello { .. } => Err(Refused::Broken.into()),
            Request::Create { log, tokens, admins, .. } => self.create(log, tokens, admins),
            Request::Append(append) => self.append(append),
            Request::Read { log, token, after, after_id, limit } => {
                self.read(log, token, (*after, after_id.as_ref()), *limit)
            }
            Request::Subscribe { log, token, after, after_id } => {
                self.subscribe(log, token, (*after, after_id.as_ref()))
            }
            Request::Unsubscribe { log } => {
                Ok(Reply::with(Response::Done, Effect::Unsubscribed { log: *log }))
            }
            Request::Signal { log, token, bytes } => self.signal(log, token, bytes),
            Request::Signed { device, .. } => match admitted.signed() {
                Some(signed) => self.dispatch_signed(device, signed),
                None => Err(Refused::Forbidden.into()),
            },
            Request::Lookup { who, .. } => self.look_up(who),
            Request::TakeKeyPackage { device, suite, .. } => self.take_key_package(device, *suite),
            Request::Deliver(delivery) => self.deliver(delivery),
            Request::PutBlob { blob, offset, total, bytes, .. } => {
                self.put_blob(blob, *offset, *total, bytes)
            }
            Request::GetBlob { blob, offset, length } => self.read_blob(blob, *offset, *length),
        }
    }

    fn dispatch_signed(
        &mut self,
        device: &DeviceId,
        signed: &SignedRequest,
    ) -> Result<Reply, Fail> {
        match signed {
            SignedRequest::Register { device, username, permit } => {
                self.register(device, username.as_deref(), permit)
            }
            SignedRequest::PublishKeyPackages { suite, packages, last_resort } => self
                .publish_key_packages(crate::storage::KeyPackages {
                    device,
                    suite: *suite,
                    packages,
                    last_resort: last_resort.as_deref(),
                }),
            SignedRequest::SetInvites { hashes } => self.set_invites(device, hashes),
            SignedRequest::SubscribeInbox => self.subscribe_inbox(device),
            SignedRequest::EraseInbox { up_to } => self.erase_inbox(device, *up_to),
        }
    }

    pub(crate) fn day(&self) -> Day {
        day_of(self.now)
    }
}

/// SHA-256 of a token.
pub(crate) fn hash_token(token: &Token) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

/// Compares in constant time.
pub(crate) fn is_same(one: &TokenHash, other: &TokenHash) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}
