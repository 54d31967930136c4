//! Sealing and opening messages.

use openmls::prelude::{
    ContentType, MlsMessageBodyIn, MlsMessageIn, ProcessMessageError, ProcessedMessageContent,
    Sender,
};
use tls_codec::Deserialize;
use veche_wire::{Credential, Kind};

use crate::engine::{Engine, Provider};
use crate::entry::{Bound, EntryRef};
use crate::group::{Group, Member, MlsError};
use crate::identity::Identity;
use crate::keep::Keep;

/// What came of opening a message entry.
#[derive(Debug)]
pub enum Opened {
    /// A message.
    Message(Box<OpenedMessage>),
    /// Not a message; counted, skipped, never shown as a lost one.
    Junk(JunkReason),
    /// It claims this device's leaf: known by the outbox, or not ours (docs/protocol.md, rule 4).
    Own,
}

/// A message that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedMessage {
    /// The leaf that sent it.
    pub leaf: u32,
    /// Who sent it.
    pub credential: Credential,
    /// Its authenticated data.
    pub bound: Bound,
    /// The [`crate::Payload`], encoded.
    pub payload: Vec<u8>,
}

/// Why an entry is junk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JunkReason {
    /// Not an MLS PrivateMessage.
    #[error("not an MLS message")]
    Malformed,
    /// Its authenticated data names another entry. Nothing was consumed.
    #[error("bound to another entry")]
    NotBound,
    /// Not an application message. Nothing was consumed.
    #[error("not a message")]
    NotAMessage,
    /// Of another epoch. Nothing was consumed.
    #[error("of another epoch")]
    Epoch,
    /// It does not open, or its sender did not sign it.
    #[error("does not open: {0}")]
    Undecryptable(String),
}

impl Group {
    /// Seals `payload` as an MLS PrivateMessage whose authenticated data is `bound`; the caller
    /// seals the result as an entry. Consumes a key: the caller keeps the bytes and calls
    /// [`Self::save`] in one transaction.
    ///
    /// # Errors
    /// [`MlsError::NotInside`], or where the store fails.
    #[allow(
        clippy::too_many_arguments,
        reason = "engine, store and identity belong to three owners"
    )]
    pub fn seal(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        identity: &Identity,
        bound: &Bound,
        payload: &[u8],
    ) -> Result<Vec<u8>, MlsError> {
        if !self.is_active() {
            return Err(MlsError::NotInside);
        }
        self.mls.set_aad(bound.encode());
        let provider = Provider::putting_off(engine, keep);
        let message = self.mls.create_message(&provider, identity, payload);
        self.put_off(&provider);
        message.map_err(MlsError::broken)?.to_bytes().map_err(MlsError::broken)
    }

    /// The authenticated data of a PrivateMessage, before anything is consumed or verified.
    #[must_use]
    pub fn peek(mls_bytes: &[u8]) -> Option<Bound> {
        let message = MlsMessageIn::tls_deserialize_exact(mls_bytes).ok()?;
        match message.extract() {
            MlsMessageBodyIn::PrivateMessage(message) => Bound::decode(message.aad()).ok(),
            _ => None,
        }
    }

    /// Opens a message. Its authenticated data is compared with the entry's outer fields before
    /// anything is consumed. What it changes is written by [`Self::save`].
    ///
    /// # Errors
    /// [`MlsError::NotInside`], or where the store fails: roll back, drop the group.
    pub fn open(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        mls_bytes: &[u8],
        expected: &EntryRef,
    ) -> Result<Opened, MlsError> {
        let Ok(message) = MlsMessageIn::tls_deserialize_exact(mls_bytes) else {
            return Ok(Opened::Junk(JunkReason::Malformed));
        };
        let MlsMessageBodyIn::PrivateMessage(message) = message.extract() else {
            return Ok(Opened::Junk(JunkReason::Malformed));
        };
        let bound = match Bound::decode(message.aad()) {
            Ok(bound) if bound.matches(expected) => bound,
            _ => return Ok(Opened::Junk(JunkReason::NotBound)),
        };
        if message.content_type() != ContentType::Application || bound.kind != Kind::Message {
            return Ok(Opened::Junk(JunkReason::NotAMessage));
        }
        if message.epoch() != self.mls.epoch() {
            return Ok(Opened::Junk(JunkReason::Epoch));
        }
        let provider = Provider::putting_off(engine, keep);
        let processed = self.mls.process_message(&provider, message);
        self.put_off(&provider);
        let processed = match processed {
            Ok(processed) => processed,
            Err(ProcessMessageError::StorageError(error)) => return Err(error.into()),
            Err(ProcessMessageError::GroupStateError(_)) => return Err(MlsError::NotInside),
            Err(error) => {
                return Ok(Opened::Junk(JunkReason::Undecryptable(error.to_string())));
            }
        };
        let sender = processed.sender().clone();
        Ok(match (processed.into_content(), sender) {
            (ProcessedMessageContent::ApplicationMessage(content), Sender::Member(leaf)) => {
                self.opened(leaf.u32(), bound, content.into_bytes())
            }
            (ProcessedMessageContent::OwnPrivateMessage, _) => Opened::Own,
            _ => Opened::Junk(JunkReason::NotAMessage),
        })
    }

    fn opened(&self, leaf: u32, bound: Bound, payload: Vec<u8>) -> Opened {
        match self.member(leaf) {
            Some(Member { credential, .. }) => {
                Opened::Message(Box::new(OpenedMessage { leaf, credential, bound, payload }))
            }
            None => Opened::Junk(JunkReason::Undecryptable("no such member".to_owned())),
        }
    }
}
