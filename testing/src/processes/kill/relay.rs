//! A wire between a person and the server that stops in the middle of what goes through it, so that
//! a kill falls into an exchange on every machine, however fast or slow it is.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::processes::Stopped;

/// The most that is carried at a time, in bytes.
const CARRIED_MAX: usize = 16 << 10;
/// How often it is looked whether those who talk have ended.
const LOOK_AFTER: Duration = Duration::from_millis(2);

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From the person to the server.
    Up,
    /// From the server to the person.
    Down,
}

/// How many bytes have gone each way.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    pub(super) up: u64,
    pub(super) down: u64,
}

impl Carried {
    fn of(&mut self, way: Way) -> &mut u64 {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }
}

#[derive(Debug, Default)]
struct State {
    carried: Carried,
    /// Nothing goes this way any more once so much has gone.
    stop_at: Option<(Way, u64)>,
    is_stopped: bool,
    is_over: bool,
}

#[derive(Debug, Default)]
struct Wire {
    state: Mutex<State>,
    changed: Condvar,
}

/// One person's wire to the server.
#[derive(Debug)]
pub(super) struct Relay {
    wire: Arc<Wire>,
    address: String,
    port: u16,
}

impl Relay {
    /// A wire to the server at `HOST:PORT/KEY`.
    ///
    /// # Errors
    /// Where no port is free, or the address is none.
    pub(super) fn start(server: &str) -> Result<Self, Stopped> {
        let words = |error: std::io::Error| error.to_string();
        let (to, key) = server.split_once('/').ok_or("the server's address has no key")?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(words)?;
        let port = listener.local_addr().map_err(words)?.port();
        let wire = Arc::<Wire>::default();
        let (there, to) = (Arc::clone(&wire), to.to_owned());
        std::thread::spawn(move || there.accept(&listener, &to));
        Ok(Self { wire, address: format!("127.0.0.1:{port}/{key}"), port })
    }

    /// Where the person finds the server.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What has gone through.
    pub(super) fn carried(&self) -> Carried {
        self.wire.lock().carried
    }

    /// From now on, no more than `bytes` go this way until [`Self::go_on`].
    pub(super) fn stop_after(&self, way: Way, bytes: u64) {
        let mut state = self.wire.lock();
        let at = *state.carried.of(way) + bytes;
        state.stop_at = Some((way, at));
    }

    /// Waits until something wants to go on and may not; says whether it came to that before
    /// `is_alive` said no or `within` was over.
    pub(super) fn wait_stopped(
        &self,
        within: Duration,
        mut is_alive: impl FnMut() -> bool,
    ) -> bool {
        let deadline = Instant::now() + within;
        let mut state = self.wire.lock();
        while !state.is_stopped && is_alive() && Instant::now() < deadline {
            let waited = self.wire.changed.wait_timeout(state, LOOK_AFTER);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_stopped
    }

    /// Lets go on what was stopped.
    pub(super) fn go_on(&self) {
        let mut state = self.wire.lock();
        (state.stop_at, state.is_stopped) = (None, false);
        self.wire.changed.notify_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.wire.lock().is_over = true;
        self.go_on();
        // Whoever accepts notices only when somebody comes.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener, to: &str) {
        for person in listener.incoming().flatten() {
            if self.lock().is_over {
                return;
            }
            // Where the server is dead, the person finds the wire cut.
            let Ok(server) = TcpStream::connect(to) else { continue };
            let (Ok(from_person), Ok(from_server)) = (person.try_clone(), server.try_clone())
            else {
                continue;
            };
            let (up, down) = (Arc::clone(&self), Arc::clone(&self));
            std::thread::spawn(move || up.carry(Way::Up, from_person, server));
            std::thread::spawn(move || down.carry(Way::Down, from_server, person));
        }
    }

    /// Carries what comes until an end is gone, which the other end then sees.
    fn carry(&self, way: Way, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = vec![0; CARRIED_MAX];
        'carrying: while let Ok(count @ 1..) = from.read(&mut bytes) {
            let mut rest = bytes.get(..count).unwrap_or_default();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(self.may_go(way, rest.len()));
                if to.write_all(now).is_err() {
                    break 'carrying;
                }
                rest = later;
            }
        }
        // Whoever is gone already needs no word of it.
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }

    /// How many of `wanted` bytes may go this way now: at least one, which may take until
    /// [`Relay::go_on`].
    fn may_go(&self, way: Way, wanted: usize) -> usize {
        let mut state = self.lock();
        loop {
            let gone = *state.carried.of(way);
            let left = match state.stop_at {
                Some((stopped, at)) if stopped == way => at.saturating_sub(gone),
                _ => u64::MAX,
            };
            let now = usize::try_from(left).unwrap_or(wanted).min(wanted);
            if now > 0 {
                *state.carried.of(way) += now as u64;
                return now;
            }
            state.is_stopped = true;
            self.changed.notify_all();
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stop_where_they_shall_and_go_on_in_order() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::start(&format!("{}/key", server.local_addr().unwrap())).unwrap();
        let (address, key) = relay.address().split_once('/').unwrap();
        assert_eq!(key, "key");
        let mut person = TcpStream::connect(address).unwrap();
        let mut there = server.accept().unwrap().0;
        relay.stop_after(Way::Up, 3);
        person.write_all(b"abcde").unwrap();
        assert!(relay.wait_stopped(Duration::from_secs(60), || true));
        let mut got = [0; 3];
        there.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"abc");
        assert_eq!(relay.carried().up, 3);
        // The other way is open.
        there.write_all(b"x").unwrap();
        person.read_exact(&mut got[..1]).unwrap();
        assert_eq!(relay.carried().down, 1);
        relay.go_on();
        there.read_exact(&mut got[..2]).unwrap();
        assert_eq!(&got[..2], b"de");
        drop(there);
        assert_eq!(person.read(&mut got).unwrap(), 0, "the end is told");
    }

    #[test]
    fn nothing_is_stopped_where_less_goes() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::start(&format!("{}/key", server.local_addr().unwrap())).unwrap();
        relay.stop_after(Way::Down, 1);
        assert!(!relay.wait_stopped(Duration::from_secs(60), || false));
    }
}
