//! Connections that want the page, from the door to the web server.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::listener::Guest;
use crate::stream::Stream;

/// A visitor who neither says nor takes anything for so long has gone.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// However slowly they take it, nobody takes longer to fetch the page.
const VISIT_MAX: Duration = Duration::from_secs(600);
/// Visitors that wait for the web server to take them.
const WAITING_MAX: usize = 64;

/// How somebody came who wants the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    /// Whether nobody between here and there can change what is served.
    pub(crate) is_safe: bool,
    /// Whether they came under TLS. Who did not may be a web server in front of this one, which would ask
    /// for the channel on the connection of a page, too.
    pub(crate) is_tls: bool,
}

/// The web server's end.
pub(crate) struct Visits(Receiver<Visitor>);

/// The door's end.
pub(crate) type ToPage = Sender<Visitor>;

/// Both ends.
pub(crate) fn visits() -> (ToPage, Visits) {
    let (sender, receiver) = channel(WAITING_MAX);
    (sender, Visits(receiver))
}

/// A connection, with its guest, who is counted as long as it lives.
pub(crate) struct Visitor {
    stream: Stream,
    visit: Visit,
    _guest: Guest,
    ends: Instant,
    idle: Pin<Box<Sleep>>,
}

impl Visitor {
    pub(crate) fn new(stream: Stream, visit: Visit, guest: Guest) -> Self {
        let now = Instant::now();
        let idle = Box::pin(sleep_until(now + IDLE_MAX));
        Self { stream, visit, _guest: guest, ends: now + VISIT_MAX, idle }
    }

    /// Notes that something moved, or fails where nothing has for too long.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        moved: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let now = Instant::now();
        if moved.is_ready() && now < self.ends {
            self.idle.as_mut().reset(self.ends.min(now + IDLE_MAX));
            return moved;
        }
        self.idle.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Visitor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(context, moved)
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, moved)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, moved)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, moved)
    }
}

impl Listener for Visits {
    type Io = Visitor;
    type Addr = Visit;

    async fn accept(&mut self) -> (Visitor, Visit) {
        match self.0.recv().await {
            Some(visitor) => {
                let visit = visitor.visit;
                (visitor, visit)
            }
            // The door has closed: the process ends.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Visit> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Connected<IncomingStream<'_, Visits>> for Visit {
    fn connect_info(stream: IncomingStream<'_, Visits>) -> Self {
        *stream.remote_addr()
    }
}
