//! The seam between whoever speaks frames and whatever carries them.

use std::future::Future;

/// A connection that carries whole frames, in order, or breaks.
pub trait Link: Send {
    /// Sends encoded frames; coalesces them into as few writes as it can. Takes slices, so that one
    /// encoding can be shared by all the connections it goes to.
    ///
    /// # Errors
    /// Where the connection is broken. What was sent may or may not have arrived.
    fn send(&mut self, frames: &[&[u8]]) -> impl Future<Output = Result<(), Broken>> + Send;

    /// Receives the next encoded frame. May be dropped before it is ready, as in a `select!`:
    /// nothing that has arrived is lost by that.
    ///
    /// # Errors
    /// Where the connection is closed or broken.
    fn recv(&mut self) -> impl Future<Output = Result<Vec<u8>, Broken>> + Send;
}

/// The connection is gone, and why, in words for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

/// Why there is no connection, by what the caller does next; each with words for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotConnected {
    /// It may pass by itself: try again later.
    #[error("{0}")]
    ForNow(String),
    /// No Veche server is at the address. Whoever has just typed it should look at it again; with an
    /// address that was good before, try again later.
    #[error("{0}")]
    NobodyThere(String),
    /// What answers there does not hold the pinned key. Trying again does not help before a person
    /// has done something about it.
    #[error("{0}")]
    OtherKey(String),
}

/// Makes connections to one server.
pub trait Dial: Send + Sync {
    /// What it makes.
    type Link: Link;

    /// Connects; returns only when the server has proved that it holds the pinned key.
    ///
    /// # Errors
    /// Where no connection could be made, with the reason.
    fn dial(&self) -> impl Future<Output = Result<Self::Link, NotConnected>> + Send;
}
