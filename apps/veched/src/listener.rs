//! From an accepted TCP connection to a link that the service serves (WebSocket, then Noise), or to the web
//! server that has the page. Either may come under TLS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{
    Callback, ErrorResponse, Request, Response,
};
use veche_net::limits::{HANDSHAKE_WITHIN, SERVER_READ_BUFFER_BYTES};
use veche_net::traffic::Watched;
use veche_net::websocket::{WebSocket, configuration};
use veche_net::{ServerKey, accept_in_turn};
use veche_server::shell::{Handle, serve_link};
use veche_server::{Config, PeerId};

use crate::stream::{Stream, Wish, begins_with_tls};
use crate::tls::Tls;
use crate::visit::{ToPage, Visit, Visitor};

/// Connections that may be told that there are too many, at a time.
const REFUSED_MAX: usize = 256;
/// How long to wait when the system has no room for another connection.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What all connections share.
pub(crate) struct Door {
    key: ServerKey,
    handle: Handle,
    config: Config,
    /// Room for connections.
    room: Arc<Semaphore>,
    /// Room for those that are told there is none.
    refusals: Arc<Semaphore>,
    /// Handshakes under way: on half of the processors, so that a storm of clients who come back
    /// leaves the other half to those who are there.
    handshakes: Semaphore,
    /// The certificate, where there is one.
    tls: Option<Tls>,
    page: ToPage,
    by_address: Mutex<BTreeMap<PeerId, usize>>,
}

/// Whether a connection is taken, and the HTTP status that says why not.
#[derive(Clone, Copy)]
enum Welcome {
    Yes,
    /// The server has as many connections as it takes.
    Busy,
    /// The address has.
    TooMany,
}

impl Door {
    pub(crate) fn new(
        key: ServerKey,
        handle: Handle,
        config: Config,
        tls: Option<Tls>,
        page: ToPage,
    ) -> Self {
        let room = Arc::new(Semaphore::new(config.connections_max.min(Semaphore::MAX_PERMITS)));
        let refusals = Arc::new(Semaphore::new(REFUSED_MAX));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let handshakes = Semaphore::new((processors / 2).max(1));
        let by_address = Mutex::default();
        Self { key, handle, config, room, refusals, handshakes, tls, page, by_address }
    }

    /// Accepts connections for as long as it is polled.
    pub(crate) async fn open(self: Arc<Self>, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, address)) => self.let_in(stream, address),
                // Out of file descriptors, or the client went away: others may have better luck.
                Err(_) => sleep(ACCEPT_AGAIN_AFTER).await,
            }
        }
    }

    fn let_in(self: &Arc<Self>, stream: TcpStream, address: SocketAddr) {
        let peer = PeerId::from(address.ip());
        let (welcome, permit) = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(permit) if self.count_in(peer) => (Welcome::Yes, Some(permit)),
            Ok(_) => (Welcome::TooMany, Arc::clone(&self.refusals).try_acquire_owned().ok()),
            Err(_) => (Welcome::Busy, Arc::clone(&self.refusals).try_acquire_owned().ok()),
        };
        // Too many even to be told: the connection is dropped.
        let Some(permit) = permit else { return };
        let is_near = address.ip().to_canonical().is_loopback();
        let guest = Guest { door: Arc::clone(self), peer, is_near, welcome, _permit: permit };
        tokio::spawn(async move {
            // Whether the client left politely says nothing to the operator.
            let _ = guest.serve(stream).await;
        });
    }

    fn count_in(&self, peer: PeerId) -> bool {
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(peer).or_default();
        let has_room = *count < self.config.connections_per_address_max;
        if has_room {
            *count += 1;
        }
        has_room
    }

    fn count_out(&self, peer: PeerId) {
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&peer);
            }
        }
    }
}

/// One connection, counted until it is dropped.
pub(crate) struct Guest {
    door: Arc<Door>,
    peer: PeerId,
    /// Whether the other end is on this machine.
    is_near: bool,
    welcome: Welcome,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if matches!(self.welcome, Welcome::Yes) {
            self.door.count_out(self.peer);
        }
    }
}

impl Guest {
    async fn serve(self, stream: TcpStream) -> Result<()> {
        // Frames are coalesced already: waiting for more bytes would only delay them.
        stream.set_nodelay(true)?;
        let (wish, stream, is_tls) = timeout(HANDSHAKE_WITHIN, self.greet(stream)).await??;
        match (wish, self.welcome) {
            (Wish::Page, Welcome::Yes) => {
                let visit = Visit { is_safe: is_tls || self.is_near, is_tls };
                let page = self.door.page.clone();
                // Without a web server the process is about to end.
                Ok(page.send(Visitor::new(stream, visit, self)).await?)
            }
            _ => self.serve_channel(stream).await,
        }
    }

    /// Finds out how somebody comes, and what for.
    async fn greet(&self, stream: TcpStream) -> Result<(Wish, Stream, bool)> {
        let is_tls = begins_with_tls(&stream).await?;
        let mut stream = match (&self.door.tls, is_tls) {
            // To be told that there is no room is not worth a handshake.
            (Some(tls), true) if matches!(self.welcome, Welcome::Yes) => {
                Stream::tls(tls.accept(stream).await?)
            }
            (_, true) => bail!("there is no certificate, or no room"),
            (_, false) => Stream::plain(stream),
        };
        Ok((stream.wish().await?, stream, is_tls))
    }

    async fn serve_channel(&self, stream: Stream) -> Result<()> {
        let stream = Watched::new(stream);
        let traffic = stream.traffic();
        let configuration = configuration().read_buffer_size(SERVER_READ_BUFFER_BYTES);
        let upgrade = accept_hdr_async_with_config(stream, self.welcome, Some(configuration));
        let socket = timeout(HANDSHAKE_WITHIN, upgrade).await??;
        let (socket, door) = (WebSocket::new(socket), &self.door);
        let link = accept_in_turn(socket, &door.key, HANDSHAKE_WITHIN, &door.handshakes).await?;
        let ended = serve_link(&self.door.handle, link.watching(traffic), self.peer).await;
        ended.map_err(|broken| anyhow!(broken.0))
    }
}

impl Callback for Welcome {
    #[allow(clippy::result_large_err, reason = "the WebSocket library asks for this type")]
    fn on_request(self, _: &Request, response: Response) -> Result<Response, ErrorResponse> {
        let status = match self {
            // Who has come here asked for the channel.
            Self::Yes => return Ok(response),
            Self::Busy => 503,
            Self::TooMany => 429,
        };
        let mut refusal = ErrorResponse::new(None);
        *refusal.status_mut() = status.try_into().unwrap_or_default();
        Err(refusal)
    }
}
