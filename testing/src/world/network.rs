//! The network between people and the server: connections that delay, repeat, mix up and lose.
//!
//! The real carrier is an ordered, encrypted stream. A frame that is lost, repeated or out of order
//! on it stands for what reconnecting, retrying and a server with several threads can make of it; a
//! lost frame is therefore always followed by the loss of its connection.

use std::collections::BTreeMap;

use veche_wire::Millis;

use super::counts::Counts;
use super::schedule::Who;
use crate::dice::Dice;

/// The number of a connection, never used again.
pub(crate) type ConnectionId = u64;

/// How bad a network is. Rates are per thousand frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// The longest ordinary delay of a frame, in milliseconds.
    pub delay_ms_max: u64,
    /// Frames that are delayed much longer, with all that follow them.
    pub delayed: u64,
    /// Frames that arrive a second time, later.
    pub duplicated: u64,
    /// Frames that are overtaken by those that follow.
    pub disordered: u64,
    /// Frames that never arrive.
    pub dropped: u64,
    /// Frames after which the connection breaks.
    pub broken: u64,
}

impl Weather {
    /// A network at its best.
    pub const FAIR: Self =
        Self { delay_ms_max: 40, delayed: 0, duplicated: 0, disordered: 0, dropped: 0, broken: 0 };
    /// A network that does everything that it should not.
    pub const FOUL: Self = Self {
        delay_ms_max: 400,
        delayed: 20,
        duplicated: 20,
        disordered: 20,
        dropped: 4,
        broken: 4,
    };
}

/// A connection of somebody with the server.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Whose.
    pub(crate) who: Who,
    /// When the last frame towards the server arrives.
    to_server: Millis,
    /// When the last frame towards the client arrives.
    to_client: Millis,
}

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// What the network does with a frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// When it arrives: not at all, once, or twice.
    pub(crate) arrivals: Vec<Millis>,
    /// When the connection breaks.
    pub(crate) breaks: Option<Millis>,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) weather: Weather,
    connections: BTreeMap<ConnectionId, Connection>,
    made: ConnectionId,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self { weather: Weather::FAIR, connections: BTreeMap::new(), made: 0 }
    }

    pub(crate) fn open(&mut self, who: Who, now: Millis) -> ConnectionId {
        self.made += 1;
        self.connections.insert(self.made, Connection { who, to_server: now, to_client: now });
        self.made
    }

    pub(crate) fn close(&mut self, id: ConnectionId) -> Option<Connection> {
        self.connections.remove(&id)
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    pub(crate) fn all(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    /// Decides what becomes of a frame that is sent now.
    pub(crate) fn carry(
        &mut self,
        id: ConnectionId,
        way: Way,
        now: Millis,
        (dice, counts): (&mut Dice, &mut Counts),
    ) -> Fate {
        let weather = self.weather;
        let Some(connection) = self.connections.get_mut(&id) else { return Fate::default() };
        let last = match way {
            Way::ToServer => &mut connection.to_server,
            Way::ToClient => &mut connection.to_client,
        };
        let mut fate = Fate::default();
        let mut at = now + dice.between(1, weather.delay_ms_max);
        if dice.chance(weather.delayed) {
            counts.add("frames delayed");
            at += dice.between(500, 8_000);
        }
        if dice.chance(weather.dropped) {
            counts.add("frames dropped");
            fate.breaks = Some(at + dice.between(200, 5_000));
            return fate;
        }
        if dice.chance(weather.disordered) {
            counts.add("frames out of order");
            fate.arrivals.push(at + dice.between(1, 1_500));
        } else {
            *last = at.max(*last);
            fate.arrivals.push(*last);
        }
        if dice.chance(weather.duplicated) {
            counts.add("frames duplicated");
            fate.arrivals.push(at + dice.between(1, 3_000));
        }
        if dice.chance(weather.broken) {
            counts.add("connections broken");
            fate.breaks = Some(now + dice.between(1, 1_000));
        }
        fate
    }
}
