//! The server's end of a connection.

use std::fmt::Display;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use veche_wire::link::Broken;

use crate::{Bytes, KeepAlive, Packet, Responder, ServerKey, SessionError, SessionLink, Socket};

/// Answers the handshake of a client on a WebSocket that was just opened at `/veche`, and returns the
/// link. `within` bounds the whole handshake; `limits::HANDSHAKE_WITHIN` is meant for it.
///
/// # Errors
/// Where the client does not begin a session with this key in time. The socket is dropped.
pub async fn accept<S: Socket>(
    mut socket: S,
    key: &ServerKey,
    within: Duration,
) -> Result<SessionLink<S>, Broken> {
    let responder = Responder::new(key).map_err(|error| refused(&error))?;
    let handshake = async {
        let first = first_message(&mut socket).await?;
        let (session, answer) = responder.answer(&first).map_err(|error| refused(&error))?;
        socket.send(Packet::Binary(answer.into())).await.map_err(|error| broke(&error))?;
        Ok(session)
    };
    let session = timeout(within, handshake).await.map_err(|_| {
        Broken(format!("the client did not begin a session within {} seconds", within.as_secs()))
    })??;
    Ok(SessionLink::new(socket, session, KeepAlive::SERVER, "the client"))
}

/// The first binary message.
pub(crate) async fn first_message<S: Socket>(socket: &mut S) -> Result<Bytes, Broken> {
    loop {
        match socket.next().await {
            Some(Ok(Packet::Binary(message))) => return Ok(message),
            Some(Ok(Packet::Ping(_) | Packet::Pong(_))) => {}
            Some(Ok(Packet::Close)) | None => {
                return Err(Broken("the other side closed the connection".to_owned()));
            }
            Some(Ok(Packet::Other)) => {
                return Err(Broken("the other side does not speak Veche's protocol".to_owned()));
            }
            Some(Err(error)) => return Err(broke(&error)),
        }
    }
}

fn refused(error: &SessionError) -> Broken {
    Broken(format!("the handshake failed: {error}"))
}

fn broke(error: &impl Display) -> Broken {
    Broken(format!("the connection broke during the handshake: {error}"))
}
