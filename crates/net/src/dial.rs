//! The client's end of a connection.

use std::io;
use std::time::Duration;

use futures_util::SinkExt;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};
use veche_wire::ServerAddress;
use veche_wire::link::{Dial, NotConnected};

use crate::accept::{Unfinished, first_message};
use crate::limits::{CONNECT_WITHIN, DIAL_WITHIN};
use crate::traffic::Watched;
use crate::websocket::{WebSocket, configuration};
use crate::{Initiator, KeepAlive, Packet, Route, Session, SessionError, SessionLink, Transport};

/// A client's connection to a server.
pub type WsLink = SessionLink<WebSocket<Watched<TcpStream>>>;

/// Connects straight to the place that a server's address names.
#[derive(Debug, Clone)]
pub struct DirectDialer {
    /// Where the server is and which key must answer.
    pub address: ServerAddress,
}

impl Dial for DirectDialer {
    type Link = WsLink;

    async fn dial(&self) -> Result<WsLink, NotConnected> {
        connect(&Route::direct(&self.address), &self.address.key, DIAL_WITHIN).await
    }
}

/// Takes one route to the server that holds `key`; `within` bounds everything up to the proof of
/// the key.
///
/// # Errors
/// Where no connection could be made, or something without the key answered; in words for a person.
pub async fn connect(
    route: &Route,
    key: &[u8; 32],
    within: Duration,
) -> Result<WsLink, NotConnected> {
    match timeout(within, connect_patiently(route, key)).await {
        Ok(connected) => connected,
        Err(_) => Err(NotConnected::ForNow(format!(
            "{} did not answer within {within:?}; is it a Veche server, and does the network let \
             you reach it?",
            route.place()
        ))),
    }
}

async fn connect_patiently(route: &Route, key: &[u8; 32]) -> Result<WsLink, NotConnected> {
    match route.transport {
        Transport::WebSocket => {
            let stream = Watched::new(connect_tcp(route).await?);
            let traffic = stream.traffic();
            let mut socket = open_websocket(route, stream).await?;
            let session = shake_hands(route, key, &mut socket).await?;
            let peer = format!("the server at {}", route.place());
            Ok(SessionLink::new(socket, session, KeepAlive::CLIENT, peer).watching(traffic))
        }
    }
}

/// Tries the addresses of the host one after the other.
async fn connect_tcp(route: &Route) -> Result<TcpStream, NotConnected> {
    let host = route.host.trim_start_matches('[').trim_end_matches(']');
    let addresses = lookup_host((host, route.port)).await.map_err(|error| {
        NotConnected::NobodyThere(format!(
            "the name {host} could not be looked up ({error}); check the address and that you are \
             online"
        ))
    })?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match timeout(CONNECT_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Frames are coalesced above: waiting for more bytes would only delay them. A
                // socket that cannot do it still works.
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    let place = route.place();
    Err(match last.kind() {
        io::ErrorKind::ConnectionRefused => NotConnected::NobodyThere(format!(
            "nothing listens at {place} (connection refused); is the server running, and is the \
             port right?"
        )),
        io::ErrorKind::TimedOut => NotConnected::ForNow(format!(
            "{place} does not answer; is the server running, and does the network let you reach it?"
        )),
        _ => NotConnected::ForNow(format!("no connection to {place} ({last}); are you online?")),
    })
}

async fn open_websocket(
    route: &Route,
    stream: Watched<TcpStream>,
) -> Result<WebSocket<Watched<TcpStream>>, NotConnected> {
    match client_async_with_config(route.url(), stream, Some(configuration())).await {
        Ok((socket, _)) => Ok(WebSocket::new(socket)),
        Err(tungstenite::Error::Http(response)) if response.status() == 503 => {
            Err(NotConnected::ForNow(format!(
                "the server at {} is busy and takes no more connections now; try again later",
                route.place()
            )))
        }
        Err(tungstenite::Error::Http(response)) if response.status() == 429 => {
            Err(NotConnected::ForNow(format!(
                "the server at {} gets too many connections from your network; try again later",
                route.place()
            )))
        }
        Err(tungstenite::Error::Url(error)) => {
            Err(NotConnected::NobodyThere(format!("{} is not an address ({error})", route.place())))
        }
        Err(
            error @ (tungstenite::Error::Io(_)
            | tungstenite::Error::ConnectionClosed
            | tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete)),
        ) => Err(NotConnected::ForNow(format!(
            "{} took the connection and broke it ({error}); try again later",
            route.place()
        ))),
        Err(error) => Err(NotConnected::NobodyThere(format!(
            "what answers at {} is not a Veche server ({error}); check the address",
            route.place()
        ))),
    }
}

/// Begins the session, and proves the server's key by it.
async fn shake_hands(
    route: &Route,
    key: &[u8; 32],
    socket: &mut WebSocket<Watched<TcpStream>>,
) -> Result<Session, NotConnected> {
    let place = route.place();
    match begin_session(key, socket).await {
        Ok(session) => Ok(session),
        Err(Unfinished::Broke(why)) => Err(NotConnected::ForNow(format!(
            "the connection to {place} broke before the server had proved its key ({why}); try again"
        ))),
        Err(Unfinished::Session(error @ SessionError::NoRandomness)) => {
            Err(NotConnected::ForNow(error.to_string()))
        }
        // A server with another key cannot open the first message, and hangs up.
        Err(Unfinished::HungUp | Unfinished::Session(_)) => Err(NotConnected::OtherKey(format!(
            "the server at {place} does not hold the key of the address, so nothing was told to it; \
             ask its operator for the present address: the server has a new key or a newer version, \
             or somebody poses as it"
        ))),
    }
}

async fn begin_session(
    key: &[u8; 32],
    socket: &mut WebSocket<Watched<TcpStream>>,
) -> Result<Session, Unfinished> {
    let (initiator, first) = Initiator::new(key)?;
    let sent = socket.send(Packet::Binary(first.into())).await;
    sent.map_err(|error| Unfinished::Broke(error.to_string()))?;
    Ok(initiator.finish(&first_message(socket).await?)?)
}
