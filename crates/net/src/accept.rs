//! The server's end of a connection.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use veche_wire::link::Broken;

use crate::limits::CLOSE_WITHIN;
use crate::{
    Bytes, KeepAlive, Packet, Responder, ServerKey, Session, SessionError, SessionLink, Socket,
};

/// Answers the handshake of a client on a WebSocket that was just opened at `/veche`, and returns
/// the link. `within` bounds the whole handshake; `limits::HANDSHAKE_WITHIN` is meant for it.
///
/// # Errors
/// Where the client does not begin a session with this key in time. The socket is dropped.
pub async fn accept<S: Socket>(
    socket: S,
    key: &ServerKey,
    within: Duration,
) -> Result<SessionLink<S>, Broken> {
    accept_in_turn(socket, key, within, &Semaphore::new(1)).await
}

/// As [`accept`], but the key is used only while there is a permit of `turns`, which takes a hundred
/// times as long as to send a frame: where thousands come at once, those who are there already are
/// served in between. A client that says nothing holds no permit.
///
/// # Errors
/// As [`accept`].
pub async fn accept_in_turn<S: Socket>(
    mut socket: S,
    key: &ServerKey,
    within: Duration,
    turns: &Semaphore,
) -> Result<SessionLink<S>, Broken> {
    let Ok(opened) = timeout(within, shake_hands(&mut socket, key, turns)).await else {
        let seconds = within.as_secs();
        return Err(Broken(format!("the client did not begin a session within {seconds} seconds")));
    };
    match opened {
        Ok(session) => Ok(SessionLink::new(socket, session, KeepAlive::SERVER, "the client")),
        Err(unfinished) => {
            // The goodbye tells a client with another key from one whose network failed.
            timeout(CLOSE_WITHIN, socket.close()).await.ok();
            Err(Broken(format!("the handshake failed: {unfinished}")))
        }
    }
}

async fn shake_hands<S: Socket>(
    socket: &mut S,
    key: &ServerKey,
    turns: &Semaphore,
) -> Result<Session, Unfinished> {
    let first = first_message(socket).await?;
    let (session, answer) = {
        // Nobody closes it; without a permit there would only be less order.
        let _turn = turns.acquire().await.ok();
        Responder::new(key)?.answer(&first)?
    };
    let sent = socket.send(Packet::Binary(answer.into())).await;
    sent.map_err(|error| Unfinished::Broke(error.to_string()))?;
    Ok(session)
}

/// Why a handshake came to no end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfinished {
    /// The other side said goodbye instead of answering.
    #[error("the other side hung up")]
    HungUp,
    /// The connection failed.
    #[error("the connection broke: {0}")]
    Broke(String),
    /// What was said is no handshake with the key.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// The first binary message.
pub(crate) async fn first_message<S: Socket>(socket: &mut S) -> Result<Bytes, Unfinished> {
    loop {
        match socket.next().await {
            Some(Ok(Packet::Binary(message))) => return Ok(message),
            Some(Ok(Packet::Ping(_) | Packet::Pong(_))) => {}
            Some(Ok(Packet::Close)) => return Err(Unfinished::HungUp),
            Some(Ok(Packet::Other)) => return Err(SessionError::Garbage("a text message").into()),
            Some(Err(error)) => return Err(Unfinished::Broke(error.to_string())),
            None => return Err(Unfinished::Broke("it ended".to_owned())),
        }
    }
}
