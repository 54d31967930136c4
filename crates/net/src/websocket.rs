//! tokio-tungstenite's WebSocket as a [`Socket`](crate::Socket).

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message, protocol::WebSocketConfig};

use crate::Packet;
use crate::limits::{CLIENT_READ_BUFFER_BYTES, MESSAGE_BYTES_MAX, WRITE_BUFFER_BYTES};

/// A WebSocket over a byte stream, at either end.
#[derive(Debug)]
pub struct WebSocket<T>(WebSocketStream<T>);

impl<T> WebSocket<T> {
    /// Wraps a WebSocket that is open, and was made with [`configuration`].
    #[must_use]
    pub fn new(stream: WebSocketStream<T>) -> Self {
        Self(stream)
    }
}

/// The limits of a WebSocket that carries a session, with the buffers of a client. A server sets the
/// same limits in its library, and `limits::SERVER_READ_BUFFER_BYTES`.
#[must_use]
pub fn configuration() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
        .read_buffer_size(CLIENT_READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_BYTES + 2 * MESSAGE_BYTES_MAX)
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<T> {
    type Item = Result<Packet, tungstenite::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let packet = |message| match message {
            Message::Binary(bytes) => Packet::Binary(bytes),
            Message::Ping(bytes) => Packet::Ping(bytes),
            Message::Pong(bytes) => Packet::Pong(bytes),
            Message::Close(_) => Packet::Close,
            Message::Text(_) | Message::Frame(_) => Packet::Other,
        };
        self.0.poll_next_unpin(context).map(|next| next.map(|message| message.map(packet)))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Sink<Packet> for WebSocket<T> {
    type Error = tungstenite::Error;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready_unpin(context)
    }

    fn start_send(mut self: Pin<&mut Self>, packet: Packet) -> Result<(), Self::Error> {
        self.0.start_send_unpin(match packet {
            Packet::Binary(bytes) => Message::Binary(bytes),
            Packet::Ping(bytes) => Message::Ping(bytes),
            Packet::Pong(bytes) => Message::Pong(bytes),
            Packet::Close => Message::Close(None),
            Packet::Other => return Ok(()),
        })
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.0.poll_flush_unpin(context)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Self::Error>> {
        self.0.poll_close_unpin(context)
    }
}
