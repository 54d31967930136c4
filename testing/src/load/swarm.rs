//! Thousands of connections on one thread: an epoll loop that reads each socket into one shared
//! buffer and keeps only what is not whole yet. It shares its cores with the server under test, so
//! that every call and every copy here would be taken for the server's.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::speech::{Heard, Speech};
use super::{Stopped, words};

/// What is read from a socket at a time.
const READ_BYTES: usize = 256 << 10;
/// How many sockets are looked at before the sending side has its turn again.
const EVENTS_MAX: usize = 128;
/// What a connection may keep of its buffers while nothing waits in them.
const KEPT_BYTES_MAX: usize = 16 << 10;

/// One connection.
struct Slot<S> {
    stream: Option<TcpStream>,
    connected: bool,
    speech: S,
    /// Read, but not whole yet.
    rest: Vec<u8>,
    /// To be written.
    out: Vec<u8>,
    awaits_room: bool,
    is_dirty: bool,
}

/// All connections, by number. Those that are not connected have a number too.
pub(super) struct Swarm<S> {
    epoll: OwnedFd,
    slots: Vec<Slot<S>>,
    dirty: Vec<usize>,
    buffer: Box<[u8]>,
    events: Vec<epoll::Event>,
    heard: Vec<Heard>,
    /// Nanoseconds of the generator's clock at the last look at it.
    now: fn() -> u64,
}

impl<S: Speech> Swarm<S> {
    /// An empty swarm with its clock.
    pub(super) fn new(now: fn() -> u64) -> Result<Self, Stopped> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(words)?,
            slots: Vec::new(),
            dirty: Vec::new(),
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            events: Vec::with_capacity(EVENTS_MAX),
            heard: Vec::new(),
            now,
        })
    }

    /// Adds a connection that is not connected yet, and gives its number.
    pub(super) fn add(&mut self, speech: S) -> usize {
        self.slots.push(Slot {
            stream: None,
            connected: false,
            speech,
            rest: Vec::new(),
            out: Vec::new(),
            awaits_room: false,
            is_dirty: false,
        });
        self.slots.len() - 1
    }

    /// Begins to connect `slot`, which speaks `speech` from now on.
    pub(super) fn connect(
        &mut self,
        slot: usize,
        address: SocketAddr,
        speech: S,
    ) -> Result<(), Stopped> {
        self.disconnect(slot);
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)
            .map_err(|error| format!("a socket: {error}"))?;
        match connect(&socket, &address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(format!("a connection to {address}: {error}")),
        }
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).map_err(words)?;
        let data = epoll::EventData::new_u64(slot as u64);
        let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT;
        epoll::add(&self.epoll, &stream, data, flags).map_err(words)?;
        let one = &mut self.slots[slot];
        one.stream = Some(stream);
        one.speech = speech;
        one.connected = false;
        one.awaits_room = true;
        Ok(())
    }

    /// Closes `slot`. The system forgets its events with it.
    pub(super) fn disconnect(&mut self, slot: usize) {
        let one = &mut self.slots[slot];
        one.stream = None;
        one.connected = false;
        one.rest = Vec::new();
        one.out = Vec::new();
    }

    /// Lets `slot` say something; it leaves with [`Swarm::flush`].
    pub(super) fn say(&mut self, slot: usize, speak: impl FnOnce(&mut S)) {
        let one = &mut self.slots[slot];
        speak(&mut one.speech);
        if !one.is_dirty {
            one.is_dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Writes what was said since the last time.
    pub(super) fn flush(&mut self, heed: &mut dyn FnMut(usize, u64, Heard)) -> Result<(), Stopped> {
        let mut dirty = std::mem::take(&mut self.dirty);
        for slot in dirty.drain(..) {
            self.slots[slot].is_dirty = false;
            self.write(slot, heed)?;
        }
        self.dirty = dirty;
        Ok(())
    }

    /// Waits for at most `patience`, takes in what has arrived at some of the sockets, and tells
    /// `heed` of it: which connection, when, what.
    pub(super) fn turn(
        &mut self,
        patience: Duration,
        heed: &mut dyn FnMut(usize, u64, Heard),
    ) -> Result<(), Stopped> {
        self.flush(heed)?;
        let timeout = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(1),
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(format!("epoll: {error}")),
        }
        for event in &events {
            let slot = usize::try_from(event.data.u64()).map_err(words)?;
            let flags = event.flags;
            if flags.contains(epoll::EventFlags::OUT) {
                self.room(slot, heed)?;
            }
            if flags
                .intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR)
            {
                self.read(slot, heed)?;
            }
        }
        self.events = events;
        Ok(())
    }

    /// A socket is connected, or has room again.
    fn room(
        &mut self,
        slot: usize,
        heed: &mut dyn FnMut(usize, u64, Heard),
    ) -> Result<(), Stopped> {
        let one = &mut self.slots[slot];
        let Some(stream) = &one.stream else { return Ok(()) };
        if !one.connected {
            if let Ok(Some(error)) | Err(error) = stream.take_error() {
                return self.broke(slot, &error.to_string(), heed);
            }
            one.connected = true;
            one.speech.begin(&mut one.out)?;
        }
        self.write(slot, heed)
    }

    fn write(
        &mut self,
        slot: usize,
        heed: &mut dyn FnMut(usize, u64, Heard),
    ) -> Result<(), Stopped> {
        let one = &mut self.slots[slot];
        if !one.connected {
            return Ok(());
        }
        let Some(stream) = &mut one.stream else { return Ok(()) };
        one.speech.flush(&mut one.out)?;
        let mut written = 0;
        let failure = loop {
            if written == one.out.len() {
                break None;
            }
            match stream.write(&one.out[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Some(error),
            }
        };
        one.out.drain(..written);
        if one.out.is_empty() && one.out.capacity() > KEPT_BYTES_MAX {
            one.out = Vec::new();
        }
        let awaits_room = !one.out.is_empty();
        if failure.is_none() && awaits_room != one.awaits_room {
            let mut flags = epoll::EventFlags::IN;
            flags.set(epoll::EventFlags::OUT, awaits_room);
            let data = epoll::EventData::new_u64(slot as u64);
            epoll::modify(&self.epoll, &*stream, data, flags).map_err(words)?;
            one.awaits_room = awaits_room;
        }
        match failure {
            None => Ok(()),
            Some(error) => self.broke(slot, &error.to_string(), heed),
        }
    }

    /// Reads once; what is left is told of again.
    fn read(
        &mut self,
        slot: usize,
        heed: &mut dyn FnMut(usize, u64, Heard),
    ) -> Result<(), Stopped> {
        let one = &mut self.slots[slot];
        let Some(stream) = &mut one.stream else { return Ok(()) };
        let count = match stream.read(&mut self.buffer) {
            Ok(0) => return self.broke(slot, "the other side has closed the connection", heed),
            Ok(count) => count,
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                return Ok(());
            }
            Err(error) => return self.broke(slot, &error.to_string(), heed),
        };
        let arrived = &self.buffer[..count];
        let taken = if one.rest.is_empty() {
            let taken = one.speech.take(arrived, &mut one.out, &mut self.heard);
            if let Ok(used) = taken {
                one.rest.extend_from_slice(&arrived[used..]);
            }
            taken
        } else {
            one.rest.extend_from_slice(arrived);
            let taken = one.speech.take(&one.rest, &mut one.out, &mut self.heard);
            if let Ok(used) = taken {
                one.rest.drain(..used);
            }
            taken
        };
        if one.rest.is_empty() && one.rest.capacity() > KEPT_BYTES_MAX {
            one.rest = Vec::new();
        }
        let speaks = !one.out.is_empty();
        let now = (self.now)();
        for heard in self.heard.drain(..) {
            heed(slot, now, heard);
        }
        if let Err(why) = taken {
            return self.broke(slot, &why, heed);
        }
        if speaks { self.write(slot, heed) } else { Ok(()) }
    }

    fn broke(
        &mut self,
        slot: usize,
        why: &str,
        heed: &mut dyn FnMut(usize, u64, Heard),
    ) -> Result<(), Stopped> {
        self.disconnect(slot);
        heed(slot, (self.now)(), Heard::Broken(why.to_owned()));
        Ok(())
    }
}
