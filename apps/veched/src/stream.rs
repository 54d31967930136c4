//! The bytes of a connection, in plain or under TLS, of which the first have been looked at.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// How a client begins who wants the WebSocket.
const CHANNEL: &[u8] = b"GET /veche";
/// What a TLS connection begins with: a record of the handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// What somebody who connects wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The channel to the delivery service.
    Channel,
    /// Something else of a web server.
    Page,
}

/// Either kind of connection.
#[derive(Debug)]
enum Kind {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection, beginning with what has been read of it already.
#[derive(Debug)]
pub(crate) struct Stream {
    begun: Vec<u8>,
    kind: Kind,
}

/// Whether a connection begins as TLS does. Nothing is taken from it.
pub(crate) async fn begins_with_tls(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE])
}

impl Stream {
    /// A connection whose bytes are as they came.
    pub(crate) fn plain(stream: TcpStream) -> Self {
        Self { begun: Vec::new(), kind: Kind::Plain(stream) }
    }

    /// One on which the TLS handshake is done.
    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self { begun: Vec::new(), kind: Kind::Tls(Box::new(stream)) }
    }

    /// Reads as much as tells what is wanted; whoever reads on begins with that again.
    pub(crate) async fn wish(&mut self) -> io::Result<Wish> {
        let mut read = [0; CHANNEL.len() + 1];
        let mut count = 0;
        while count < read.len() && CHANNEL.starts_with(&read[..count.min(CHANNEL.len())]) {
            match self.read(&mut read[count..]).await? {
                0 => break,
                more => count += more,
            }
        }
        let read = &read[..count];
        let is_channel = matches!(read.strip_prefix(CHANNEL), Some(b" " | b"?"));
        self.begun = read.to_vec();
        Ok(if is_channel { Wish::Channel } else { Wish::Page })
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.begun.is_empty() {
            let count = self.begun.len().min(buffer.remaining());
            buffer.put_slice(&self.begun[..count]);
            self.begun.drain(..count);
            return Poll::Ready(Ok(()));
        }
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Kind::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Kind::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Kind::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Plain(stream) => stream.is_write_vectored(),
            Kind::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_flush(context),
            Kind::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.kind {
            Kind::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Kind::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
