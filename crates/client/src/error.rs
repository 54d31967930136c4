//! What can go wrong, by what the caller does next.

use veche_mls::MlsError;
use veche_store::StoreError;
use veche_wire::DecodeError;

/// Why the client could not do something.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The person asked for something that cannot be; the words say what and what to do.
    #[error("{0}")]
    Refused(String),
    /// The database failed; nothing of what was under way remains.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The peer sent something unreadable: drop the connection.
    #[error("the server sent something unreadable: {0}")]
    Peer(#[from] DecodeError),
    /// A mistake in this program.
    #[error("a mistake in the program: {0}")]
    Bug(String),
}

impl From<MlsError> for ClientError {
    fn from(error: MlsError) -> Self {
        Self::Bug(error.to_string())
    }
}

impl From<veche_mls::EnvelopeError> for ClientError {
    fn from(error: veche_mls::EnvelopeError) -> Self {
        Self::Bug(error.to_string())
    }
}

/// Refuses with words for a person.
pub(crate) fn refuse<T>(words: impl Into<String>) -> Result<T, ClientError> {
    Err(ClientError::Refused(words.into()))
}
