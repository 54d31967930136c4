//! A connection that carries frames: a session over any socket that carries whole messages.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Display;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use veche_wire::limits::FRAME_BYTES_MAX;
use veche_wire::link::{Broken, Link};

pub use tokio_tungstenite::tungstenite::Bytes;

use crate::batch::batches;
use crate::bell::Bell;
use crate::limits::{
    CLIENT_PING_AFTER, CLIENT_PONG_WITHIN, CLIENT_WRITE_WITHIN, CLOSE_WITHIN, INCOMING_BYTES_MAX,
    SERVER_PING_AFTER, SERVER_PONG_WITHIN, SERVER_WRITE_WITHIN,
};
use crate::traffic::Traffic;
use crate::{Session, SessionError};

/// What a WebSocket carries, whichever library speaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// One message of the session.
    Binary(Bytes),
    /// Asks for a sign of life; the library below answers it.
    Ping(Bytes),
    /// A sign of life.
    Pong(Bytes),
    /// The other side says goodbye, or we do.
    Close,
    /// Anything else, which no side of ours sends.
    Other,
}

/// A socket that carries [`Packet`]s in order, both ways. Whatever is a stream and a sink of them is
/// one; of the WebSocket of any library two functions make one: `socket.map(read).with(write)`
/// (`StreamExt`, `SinkExt`), where `write` returns `futures_util::future::ready(Ok(message))`.
pub trait Socket:
    Stream<Item = Result<Packet, Self::Failure>> + Sink<Packet, Error = Self::Failure> + Send + Unpin
{
    /// Why the socket broke.
    type Failure: Display + Send;
}

impl<S, E> Socket for S
where
    S: Stream<Item = Result<Packet, E>> + Sink<Packet, Error = E> + Send + Unpin,
    E: Display + Send,
{
    type Failure = E;
}

/// When a connection is asked for a sign of life, and when it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// A ping leaves after so long without a byte from the other side.
    pub ping_after: Duration,
    /// The connection is dead when nothing arrives for so long after a ping: no byte where bytes are
    /// counted ([`SessionLink::watching`]), else no whole message.
    pub pong_within: Duration,
    /// The connection is dead when for so long it takes nothing of what is being sent, where bytes are
    /// counted, else not all.
    pub write_within: Duration,
}

impl KeepAlive {
    /// What a client uses.
    pub const CLIENT: Self = Self {
        ping_after: CLIENT_PING_AFTER,
        pong_within: CLIENT_PONG_WITHIN,
        write_within: CLIENT_WRITE_WITHIN,
    };
    /// What a server uses.
    pub const SERVER: Self = Self {
        ping_after: SERVER_PING_AFTER,
        pong_within: SERVER_PONG_WITHIN,
        write_within: SERVER_WRITE_WITHIN,
    };
}

/// A session over a socket.
///
/// `recv` and `send` may be dropped before they end (as `select!` does): nothing received is lost,
/// and what was already sealed leaves with the next call of either. While sending, the link goes on
/// receiving into a bounded buffer, so that two sides that both send much do not wait for each
/// other.
#[derive(Debug)]
pub struct SessionLink<S> {
    socket: S,
    session: Session,
    /// Opened frames that nobody took yet.
    incoming: VecDeque<Vec<u8>>,
    incoming_bytes: usize,
    /// Packets that the socket did not take yet; sealed ones must leave in this order.
    outgoing: VecDeque<Packet>,
    unflushed: bool,
    keep_alive: KeepAlive,
    /// Counts bytes where somebody counts them; elsewhere it stays at zero, and messages count.
    traffic: Traffic,
    received_before: u64,
    heard: Instant,
    pinged: Option<Instant>,
    /// Rings when the socket has something to read; before that, it is not asked.
    arrival: Arc<Bell>,
    /// Runs out at the deadline or before, and is set anew only then: setting it at every wake-up
    /// would cost more than what most wake-ups are for. Made when it is first needed.
    alarm: Option<Pin<Box<Sleep>>>,
    /// The other side, in words for a person.
    peer: Cow<'static, str>,
    broken: Option<Broken>,
}

impl<S: Socket> SessionLink<S> {
    /// Carries frames over a socket on which the handshake is done. `peer` names the other side in
    /// messages to people ("the server at example.org:443").
    pub fn new(
        socket: S,
        session: Session,
        keep_alive: KeepAlive,
        peer: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            socket,
            session,
            incoming: VecDeque::new(),
            incoming_bytes: 0,
            outgoing: VecDeque::new(),
            unflushed: false,
            keep_alive,
            traffic: Traffic::default(),
            received_before: 0,
            heard: Instant::now(),
            pinged: None,
            arrival: Bell::rung(),
            alarm: None,
            peer: peer.into(),
            broken: None,
        }
    }

    /// Takes every byte below the socket as a sign of life, not only whole messages.
    #[must_use]
    pub fn watching(mut self, traffic: Traffic) -> Self {
        self.traffic = traffic;
        self
    }

    /// As [`Link::send`], for frames in any kind of buffer, so that one encoding can be shared by
    /// many connections.
    ///
    /// # Errors
    /// Where the connection is broken. Where a frame is larger than
    /// `wire::limits::FRAME_BYTES_MAX`, nothing was sent and the connection goes on.
    pub async fn send_frames<F: AsRef<[u8]>>(&mut self, frames: &[F]) -> Result<(), Broken> {
        self.alive()?;
        if frames.iter().any(|frame| frame.as_ref().len() > FRAME_BYTES_MAX) {
            return Err(Broken(format!("a frame is larger than the limit of {FRAME_BYTES_MAX}")));
        }
        for batch in batches(frames) {
            let sealed = self.session.seal_frames(batch);
            let message = sealed.map_err(|error| self.fail_session(&error))?;
            self.outgoing.push_back(Packet::Binary(message.into()));
        }
        // Most of the time the socket takes everything at once: no timer is needed for that.
        let at_once = poll_fn(|context| Poll::Ready(self.poll_send(context))).await;
        if let Poll::Ready(sent) = at_once {
            return sent;
        }
        loop {
            let sent_before = self.traffic.sent();
            let limit = self.keep_alive.write_within;
            match timeout(limit, poll_fn(|context| self.poll_send(context))).await {
                Ok(sent) => return sent,
                Err(_) if self.traffic.sent() > sent_before => {}
                Err(_) => return Err(self.fail_silent("taken", limit)),
            }
        }
    }

    /// The next frame.
    ///
    /// # Errors
    /// Where the connection is closed or broken; frames that arrived before that come first.
    pub async fn next_frame(&mut self) -> Result<Vec<u8>, Broken> {
        poll_fn(|context| self.poll_frame(context)).await
    }

    /// Says goodbye and closes the connection; gives up after a moment if the other side does not
    /// care.
    pub async fn close(mut self) {
        if self.broken.is_some() {
            return;
        }
        self.outgoing.push_back(Packet::Close);
        let goodbye = async {
            // The connection ends either way: there is nobody to tell about a failure.
            if poll_fn(|context| self.poll_write(context)).await.is_ok() {
                self.socket.close().await.ok();
            }
        };
        timeout(CLOSE_WITHIN, goodbye).await.ok();
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<u8>, Broken>> {
        loop {
            if let Some(frame) = self.incoming.pop_front() {
                self.incoming_bytes -= frame.len();
                return Poll::Ready(Ok(frame));
            }
            self.alive()?;
            match self.poll_recv(context) {
                Poll::Ready(received) => received?,
                Poll::Pending => {
                    ready!(self.poll_alarm(context));
                    self.ask_for_life()?;
                }
            }
        }
    }

    /// Ready when the deadline has passed.
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline();
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        loop {
            ready!(alarm.as_mut().poll(context));
            if alarm.deadline() == deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline);
        }
    }

    fn deadline(&self) -> Instant {
        match self.pinged {
            Some(pinged) => pinged + self.keep_alive.pong_within,
            None => self.heard + self.keep_alive.ping_after,
        }
    }

    fn ask_for_life(&mut self) -> Result<(), Broken> {
        if self.traffic.received() > self.received_before {
            self.hear();
        } else if self.pinged.is_some() {
            return Err(self.fail_silent("said", self.keep_alive.pong_within));
        } else {
            self.pinged = Some(Instant::now());
            self.outgoing.push_back(Packet::Ping(Bytes::new()));
        }
        Ok(())
    }

    fn hear(&mut self) {
        self.received_before = self.traffic.received();
        self.heard = Instant::now();
        self.pinged = None;
    }

    /// Ready when all that is sealed has left; meanwhile takes in what arrives.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if let Poll::Ready(sent) = self.poll_write(context) {
            return Poll::Ready(sent);
        }
        while self.incoming_bytes < INCOMING_BYTES_MAX {
            match self.poll_read(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(broken)) => return Poll::Ready(Err(broken)),
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    /// Ready when one packet was taken in; meanwhile lets out what waits.
    fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if let Poll::Ready(Err(broken)) = self.poll_write(context) {
            return Poll::Ready(Err(broken));
        }
        self.poll_read(context)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        while !self.outgoing.is_empty() {
            let taken = match ready!(self.socket.poll_ready_unpin(context)) {
                Ok(()) => match self.outgoing.pop_front() {
                    Some(packet) => self.socket.start_send_unpin(packet),
                    None => Ok(()),
                },
                Err(error) => Err(error),
            };
            taken.map_err(|error| self.fail_socket(&error))?;
            self.unflushed = true;
        }
        if self.unflushed {
            let flushed = ready!(Pin::new(&mut self.socket).poll_flush(context));
            flushed.map_err(|error| self.fail_socket(&error))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if !self.arrival.has_rung(context.waker()) {
            return Poll::Pending;
        }
        let bell = Waker::from(Arc::clone(&self.arrival));
        let next = ready!(self.socket.poll_next_unpin(&mut Context::from_waker(&bell)));
        // There may be more: a bell rings once, for all that has arrived.
        self.arrival.ring();
        let packet = match next {
            Some(Ok(packet)) => packet,
            Some(Err(error)) => return Poll::Ready(Err(self.fail_socket(&error))),
            None => Packet::Close,
        };
        Poll::Ready(self.take_in(packet))
    }

    fn take_in(&mut self, packet: Packet) -> Result<(), Broken> {
        self.hear();
        match packet {
            Packet::Binary(message) => {
                let frames =
                    self.session.open(&message).map_err(|error| self.fail_session(&error))?;
                self.incoming_bytes += frames.iter().map(Vec::len).sum::<usize>();
                self.incoming.extend(frames);
                Ok(())
            }
            Packet::Ping(_) | Packet::Pong(_) => Ok(()),
            Packet::Close => Err(self.fail(format!("{} has closed the connection", self.peer))),
            Packet::Other => {
                Err(self.fail(format!("{} does not speak Veche's protocol", self.peer)))
            }
        }
    }

    fn alive(&self) -> Result<(), Broken> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn fail_session(&mut self, error: &SessionError) -> Broken {
        self.fail(format!("the connection to {} cannot be trusted any more: {error}", self.peer))
    }

    fn fail_silent(&mut self, verb: &str, duration: Duration) -> Broken {
        self.fail(format!(
            "{} has {verb} nothing for {} seconds; the connection is given up",
            self.peer,
            duration.as_secs()
        ))
    }

    fn fail_socket(&mut self, error: &impl Display) -> Broken {
        self.fail(format!("the connection to {} broke: {error}", self.peer))
    }

    /// Remembers why, so that every later call says the same.
    fn fail(&mut self, why: String) -> Broken {
        self.broken.get_or_insert(Broken(why)).clone()
    }
}

impl<S: Socket> Link for SessionLink<S> {
    async fn send(&mut self, frames: &[&[u8]]) -> Result<(), Broken> {
        self.send_frames(frames).await
    }

    async fn recv(&mut self) -> Result<Vec<u8>, Broken> {
        self.next_frame().await
    }
}
