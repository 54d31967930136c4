//! What happens next: one queue of everything that is going to happen.

use std::collections::BTreeMap;

use veche_client::Computed;
use veche_wire::Millis;

use super::network::ConnectionId;

/// The number of somebody in the cast of a world.
pub type Who = usize;

/// Something that is going to happen.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A frame reaches the server.
    ToServer { connection: ConnectionId, bytes: Vec<u8> },
    /// A frame reaches a client.
    ToClient { connection: ConnectionId, bytes: Vec<u8> },
    /// A connection breaks, with the loss of all that is under way on it.
    Break { connection: ConnectionId },
    /// Somebody's program dials.
    Dial { who: Who },
    /// Somebody's program wanted to be woken.
    Wake { who: Who },
    /// Somebody's program, started for the `boots`th time, has computed something beside its client.
    Computed { who: Who, boots: u64, computed: Computed },
    /// Somebody's program starts again after a crash.
    Boot { who: Who },
    /// The server starts again after a crash.
    ServerUp,
    /// The server makes durable what it was told, and answers.
    ServerFlush,
}

/// The queue. Same times come in an order that the seed chose.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    queue: BTreeMap<(Millis, u64, u64), Happening>,
    count: u64,
}

impl Schedule {
    /// Puts something at a time; `tie` decides among those of the same millisecond.
    pub(crate) fn put(&mut self, at: Millis, tie: u64, happening: Happening) {
        self.count += 1;
        self.queue.insert((at, tie, self.count), happening);
    }

    /// Takes what comes next.
    pub(crate) fn next(&mut self) -> Option<(Millis, Happening)> {
        self.queue.pop_first().map(|((at, _, _), happening)| (at, happening))
    }

    /// When the next comes.
    pub(crate) fn next_at(&self) -> Option<Millis> {
        self.queue.first_key_value().map(|((at, _, _), _)| *at)
    }

    /// Whether anything but a wake-up is going to happen.
    pub(crate) fn is_busy(&self) -> bool {
        self.queue.values().any(|happening| !matches!(happening, Happening::Wake { .. }))
    }

    /// Forgets what is under way on a connection.
    pub(crate) fn forget(&mut self, gone: ConnectionId) {
        self.queue.retain(|_, happening| match happening {
            Happening::ToServer { connection, .. }
            | Happening::ToClient { connection, .. }
            | Happening::Break { connection } => *connection != gone,
            _ => true,
        });
    }
}
