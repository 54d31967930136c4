//! The asynchronous rim: connections on one side, one thread with the [`Service`] on the other.
//!
//! The thread takes everything that has come in while it was busy, does it in one transaction, and
//! hands the results to the connections' tasks: that is the group commit. What waits is bounded by
//! bytes ([`INCOMING_KIB_MAX`]) on the way in, and on the way out by the service's own queues and
//! [`OUTBOX_BYTES_MAX`] for each connection. Reads are done on the same thread; the seam for moving
//! them elsewhere is `Engine::read`.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use veche_wire::link::{Broken, Link};
use veche_wire::{Millis, Random, Refused, Response, ServerFrame};

use crate::metrics::Metrics;
use crate::service::{ConnectionId, PeerId, Service};
use crate::storage::Engine;

/// The most that waits for the service, in KiB; each frame counts at least 1.
pub const INCOMING_KIB_MAX: usize = 64 << 10;
/// What is handed to a connection's task before it has taken what it was handed before.
pub const OUTBOX_BYTES_MAX: usize = 256 << 10;
/// The most events in one transaction.
const BATCH_EVENTS_MAX: usize = 4_096;
/// The most pieces of what is past its time that are removed at once.
const SWEEPS_MAX: usize = 20;
/// A connection that says nothing at first is closed after this time.
const HELLO_WITHIN: Duration = Duration::from_secs(30);

enum Event {
    Connect(PeerId, Arc<Outbox>, oneshot::Sender<Result<ConnectionId, Refused>>),
    /// With when it came and its share of what may wait.
    Frame(ConnectionId, Vec<u8>, Instant, OwnedSemaphorePermit),
    /// The connection has taken what it was handed and there was more.
    Drained(ConnectionId),
    Disconnect(ConnectionId),
    Tidy,
    Stop,
}

/// What a connection's task is to send.
#[derive(Default)]
struct Outbox(Mutex<OutboxState>);

#[derive(Default)]
struct OutboxState {
    frames: Vec<Arc<[u8]>>,
    bytes: usize,
    /// The service has more: tell it when this is taken.
    is_starving: bool,
    is_closing: bool,
    /// When the first of the frames was put in.
    since: Option<Instant>,
    /// The connection's task, while it waits for something to send.
    task: Option<Waker>,
}

impl Outbox {
    fn lock(&self) -> std::sync::MutexGuard<'_, OutboxState> {
        // Nothing inside can be left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.lock();
        state.is_closing = true;
        let task = state.task.take();
        drop(state);
        task.into_iter().for_each(Waker::wake);
    }
}

/// The way to the service's thread. Clones share it.
#[derive(Clone)]
pub struct Handle {
    events: mpsc::UnboundedSender<Event>,
    room: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    links: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    /// The counters.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How many links are being served.
    #[must_use]
    pub fn links(&self) -> usize {
        self.links.load(Ordering::Acquire)
    }

    /// Whether the service's thread still works.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.events.is_closed()
    }

    /// Asks the service to do what is better done now and then; meant to be called every minute.
    pub fn tidy(&self) {
        self.tell(Event::Tidy);
    }

    /// Asks the service to do what waits, close all connections and end.
    pub fn stop(&self) {
        self.tell(Event::Stop);
    }

    fn tell(&self, event: Event) {
        // Where the service has ended, there is nobody to tell.
        let _ = self.events.send(event);
    }
}

/// Starts the thread. It ends after [`Handle::stop`], or when all handles are gone; what it held is
/// its result.
///
/// # Errors
/// Where the system gives no thread.
pub fn start<E: Engine + 'static>(
    service: Service<E>,
    clock: impl Fn() -> Millis + Send + 'static,
    random: impl Random + Send + 'static,
) -> std::io::Result<(Handle, JoinHandle<Service<E>>)> {
    let (sender, events) = mpsc::unbounded_channel();
    let handle = Handle {
        events: sender,
        room: Arc::new(Semaphore::new(INCOMING_KIB_MAX)),
        metrics: Arc::clone(&service.metrics),
        links: Arc::default(),
    };
    let keeper = Keeper { service, clock, random, outboxes: Vec::new(), appends: Vec::new() };
    let thread =
        std::thread::Builder::new().name("service".into()).spawn(move || keeper.run(events))?;
    Ok((handle, thread))
}

/// The thread's state.
struct Keeper<E, C, R> {
    service: Service<E>,
    clock: C,
    random: R,
    /// Of the open connections, by slot.
    outboxes: Vec<Option<Arc<Outbox>>>,
    /// When the appends of this batch came.
    appends: Vec<Instant>,
}

impl<E: Engine, C: Fn() -> Millis, R: Random> Keeper<E, C, R> {
    fn run(mut self, mut events: mpsc::UnboundedReceiver<Event>) -> Service<E> {
        let mut drained = Vec::new();
        let mut stopping = false;
        while !stopping {
            let Some(first) = events.blocking_recv() else { break };
            let more = std::iter::from_fn(|| events.try_recv().ok()).take(BATCH_EVENTS_MAX);
            for event in std::iter::once(first).chain(more) {
                stopping |= self.take(event, &mut drained);
            }
            self.service.flush((self.clock)());
            for arrived in self.appends.drain(..) {
                self.service.metrics.appends.count(arrived.elapsed());
            }
            let now = Instant::now();
            for id in self.service.take_ready().into_iter().chain(drained.drain(..)) {
                self.hand_over(id, now);
            }
        }
        events.close();
        self.outboxes.iter().flatten().for_each(|outbox| outbox.close());
        self.service
    }

    /// Takes an event; whether it was the last.
    fn take(&mut self, event: Event, drained: &mut Vec<ConnectionId>) -> bool {
        match event {
            Event::Connect(peer, outbox, reply) => {
                let connected = self.service.connect(peer, &mut self.random);
                if let Ok(id) = connected {
                    self.remember(id, outbox);
                }
                if let Err(Ok(id)) = reply.send(connected) {
                    self.forget(id);
                }
            }
            Event::Frame(id, frame, arrived, _room) => {
                if self.service.handle((self.clock)(), id, &frame) {
                    self.appends.push(arrived);
                }
            }
            Event::Drained(id) => drained.push(id),
            Event::Disconnect(id) => self.forget(id),
            Event::Tidy => {
                let now = (self.clock)();
                // What is left after so many pieces waits for the next time: requests wait, too.
                (0..SWEEPS_MAX).take_while(|_| self.service.sweep(now)).for_each(drop);
                self.service.tidy(now);
            }
            Event::Stop => return true,
        }
        false
    }

    fn remember(&mut self, id: ConnectionId, outbox: Arc<Outbox>) {
        if self.outboxes.len() <= id.slot() {
            self.outboxes.resize_with(id.slot() + 1, || None);
        }
        if let Some(place) = self.outboxes.get_mut(id.slot()) {
            *place = Some(outbox);
        }
    }

    fn forget(&mut self, id: ConnectionId) {
        if self.service.is_connected(id)
            && let Some(place) = self.outboxes.get_mut(id.slot())
        {
            *place = None;
        }
        self.service.disconnect(id);
    }

    /// Gives a connection's task what there is room for.
    fn hand_over(&mut self, id: ConnectionId, now: Instant) {
        // Of a connection that is gone, there is nothing to hand to the one in its slot.
        if !self.service.is_connected(id) {
            return;
        }
        let Some(Some(outbox)) = self.outboxes.get(id.slot()) else { return };
        let mut state = outbox.lock();
        loop {
            let room = OUTBOX_BYTES_MAX.saturating_sub(state.bytes);
            if room == 0 {
                state.is_starving = true;
                break;
            }
            let outgoing = self.service.take_outgoing(id, room);
            state.is_closing |= outgoing.closing.is_some();
            if outgoing.frames.is_empty() {
                break;
            }
            state.since.get_or_insert(now);
            state.bytes += outgoing.frames.iter().map(|frame| frame.len()).sum::<usize>();
            if state.frames.is_empty() {
                state.frames = outgoing.frames;
            } else {
                state.frames.extend(outgoing.frames);
            }
            if !outgoing.more {
                break;
            }
        }
        let task = state.task.take();
        drop(state);
        task.into_iter().for_each(Waker::wake);
    }
}

/// Tells the service that a connection is gone, however its task ends.
struct Connected<'a> {
    handle: &'a Handle,
    id: ConnectionId,
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.handle.tell(Event::Disconnect(self.id));
        self.handle.links.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Serves one connection until it breaks, or until the service closes it.
///
/// # Errors
/// Why the connection ended, in words for a person; `Ok` where the service ended it.
pub async fn serve_link(handle: &Handle, mut link: impl Link, peer: PeerId) -> Result<(), Broken> {
    let outbox = Arc::new(Outbox::default());
    let (reply, connected) = oneshot::channel();
    handle.tell(Event::Connect(peer, Arc::clone(&outbox), reply));
    let Ok(connected) = connected.await else { return Ok(()) };
    let id = match connected {
        Ok(id) => id,
        Err(refused) => {
            let answer = ServerFrame::Answer { id: 0, response: Response::Refused(refused) };
            return link.send(&[answer.encode().as_slice()]).await;
        }
    };
    handle.links.fetch_add(1, Ordering::AcqRel);
    let connected = Connected { handle, id };
    let Ok(first) = timeout(HELLO_WITHIN, link.recv()).await else {
        return Err(Broken("the client said nothing".to_owned()));
    };
    connected.take_in(first?).await?;
    loop {
        match connected.next(&outbox, &mut link).await {
            Next::Send { frames, since } => {
                let slices: Vec<&[u8]> = frames.iter().map(|frame| &**frame).collect();
                link.send(&slices).await?;
                handle.metrics.frames.add(frames.len() as u64);
                handle.metrics.sends.count(since.elapsed());
            }
            Next::Received(frame) => connected.take_in(frame?).await?,
            Next::Close => return Ok(()),
        }
    }
}

/// What a connection's task does next.
enum Next {
    Send {
        frames: Vec<Arc<[u8]>>,
        /// Since when they have waited.
        since: Instant,
    },
    Received(Result<Vec<u8>, Broken>),
    Close,
}

impl Connected<'_> {
    /// Hands a frame to the service, as soon as there is room for it.
    async fn take_in(&self, frame: Vec<u8>) -> Result<(), Broken> {
        let kib = (frame.len() / 1024 + 1).min(INCOMING_KIB_MAX);
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.handle.room).acquire_many_owned(kib).await;
        let room = room.map_err(|_| Broken("the server is stopping".to_owned()))?;
        self.handle.tell(Event::Frame(self.id, frame, Instant::now(), room));
        Ok(())
    }

    /// Waits for something to send or to take in. What is to be sent comes first.
    async fn next(&self, outbox: &Outbox, link: &mut impl Link) -> Next {
        let mut received = pin!(link.recv());
        poll_fn(|context| match self.poll_outbox(outbox, context) {
            Poll::Ready(next) => Poll::Ready(next),
            Poll::Pending => received.as_mut().poll(context).map(Next::Received),
        })
        .await
    }

    fn poll_outbox(&self, outbox: &Outbox, context: &Context<'_>) -> Poll<Next> {
        let mut state = outbox.lock();
        if std::mem::take(&mut state.is_starving) {
            self.handle.tell(Event::Drained(self.id));
        }
        state.bytes = 0;
        if let Some(since) = state.since.take() {
            let frames = std::mem::take(&mut state.frames);
            Poll::Ready(Next::Send { frames, since })
        } else if state.is_closing {
            Poll::Ready(Next::Close)
        } else {
            if !state.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
                state.task = Some(context.waker().clone());
            }
            Poll::Pending
        }
    }
}
