//! Getting through: the Noise session, routes as data, and the connections that carry frames.
//!
//! This crate **never** looks into a frame, knows an account or a chat, keeps anything on disk or
//! logs: it carries bytes to the server that holds one pinned key, and says in words for a person
//! why it could not. [`session`] is a state machine over bytes that compiles for every target; what
//! touches a socket ([`link`], [`dial`], [`mod@accept`]) is native.
#![warn(clippy::indexing_slicing)]

pub mod backoff;
pub mod fuzz;
pub mod limits;
pub mod route;
pub mod session;

mod batch;
mod key;

#[cfg(not(target_arch = "wasm32"))]
pub mod accept;
#[cfg(not(target_arch = "wasm32"))]
mod bell;
#[cfg(not(target_arch = "wasm32"))]
pub mod dial;
#[cfg(not(target_arch = "wasm32"))]
pub mod link;
#[cfg(not(target_arch = "wasm32"))]
pub mod traffic;
#[cfg(not(target_arch = "wasm32"))]
pub mod websocket;

pub use batch::batches;
pub use key::ServerKey;
pub use route::{Route, Transport};
pub use session::{Initiator, Responder, Session, SessionError};

#[cfg(not(target_arch = "wasm32"))]
pub use accept::{accept, accept_in_turn};
#[cfg(not(target_arch = "wasm32"))]
pub use dial::{DirectDialer, WsLink};
#[cfg(not(target_arch = "wasm32"))]
pub use link::{Bytes, KeepAlive, Packet, SessionLink, Socket};
