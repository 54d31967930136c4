//! The machine on which the delivery service runs. It can die at any moment, and forget what was
//! not synced when it does.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use veche_server::storage::Memory;
use veche_server::{Config, Metrics, PeerId, Service};
use veche_wire::{
    ClientFrame, Millis, Refused, Request, Response, ServerAddress, ServerFrame, limits,
};

use super::network::ConnectionId;
use super::sabotage::Sabotage;
use crate::dice::Dice;

/// How long the server gathers requests before it makes them durable together.
const GATHER_MS: Millis = 3;
/// What a connection takes at once.
const BUDGET_BYTES: usize = 256 << 10;

/// Where a server dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerDeath {
    /// Right now, with what it has gathered.
    Now,
    /// When it has stored what it has gathered, before it answers.
    BeforeAnswering,
}

pub(crate) struct Host {
    service: Option<Service<Memory>>,
    /// What is left of a dead server.
    disk: Option<Memory>,
    links: BTreeMap<ConnectionId, veche_server::ConnectionId>,
    names: BTreeMap<veche_server::ConnectionId, ConnectionId>,
    hung_up: Vec<ConnectionId>,
    random: Dice,
    sabotage: Sabotage,
    /// Whether a flush is on the schedule.
    flush_waits: bool,
    pub(crate) dies_before_answering: bool,
    pub(crate) config: Config,
}

impl Host {
    pub(crate) fn new(seed: u64, sabotage: Sabotage) -> Self {
        let mut host = Self {
            service: None,
            disk: Some(Memory::new()),
            links: BTreeMap::new(),
            names: BTreeMap::new(),
            hung_up: Vec::new(),
            random: Dice::seeded(seed, 999_999_937),
            sabotage,
            flush_waits: false,
            dies_before_answering: false,
            config: Config::default(),
        };
        host.start();
        host
    }

    /// The address that people type.
    pub(crate) fn address() -> ServerAddress {
        ServerAddress { host: "veche.test".to_owned(), port: 4433, key: [7; 32] }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.service.is_some()
    }

    pub(crate) fn start(&mut self) {
        let Some(disk) = self.disk.take() else { return };
        let metrics = Arc::new(Metrics::default());
        let mut service = Service::new(disk, self.config.clone(), &[9; 32], metrics);
        service.mutant = self.sabotage.server;
        self.service = Some(service);
        self.flush_waits = false;
        self.dies_before_answering = false;
    }

    /// Ends the server; with the power, what was not synced goes.
    pub(crate) fn die(&mut self, power_lost: bool) {
        let Some(service) = self.service.take() else { return };
        let mut disk = service.into_engine();
        if power_lost {
            disk.lose_unsynced();
        }
        self.disk = Some(disk);
        self.links.clear();
        self.names.clear();
        self.hung_up.clear();
    }

    /// A copy of what the server has stored.
    pub(crate) fn backup(&mut self) -> Option<Memory> {
        match (&mut self.service, &self.disk) {
            (Some(service), _) => Some(service.engine_mut().copy()),
            (None, Some(disk)) => Some(disk.copy()),
            (None, None) => None,
        }
    }

    /// Puts another disk into a dead server.
    pub(crate) fn replace_disk(&mut self, disk: Memory) {
        self.disk = Some(disk);
    }

    pub(crate) fn set_full(&mut self, full: bool) {
        if let Some(service) = &mut self.service {
            service.engine_mut().set_full(full);
        }
    }

    /// Forgets everything that was stored until now, as when its time is over.
    pub(crate) fn forget_old(&mut self, now: Millis) {
        let days = u64::from(self.config.retention_days) + 2;
        if let Some(service) = &mut self.service {
            while service.sweep(now + days * 86_400_000) {}
        }
    }

    pub(crate) fn connect(&mut self, connection: ConnectionId) {
        let Some(service) = &mut self.service else { return };
        let peer = PeerId::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        match service.connect(peer, &mut self.random) {
            Ok(link) => {
                self.links.insert(connection, link);
                self.names.insert(link, connection);
            }
            Err(_) => self.hung_up.push(connection),
        }
    }

    pub(crate) fn disconnect(&mut self, connection: ConnectionId) {
        let Some(link) = self.links.remove(&connection) else { return };
        self.names.remove(&link);
        if let Some(service) = &mut self.service {
            service.disconnect(link);
        }
    }

    pub(crate) fn hear(&mut self, connection: ConnectionId, bytes: &[u8], now: Millis) {
        if let (Some(service), Some(link)) = (&mut self.service, self.links.get(&connection)) {
            service.handle(now, *link, bytes);
        }
    }

    /// When what was heard is to be made durable, where nobody has said so yet.
    pub(crate) fn flush_at(&mut self, now: Millis) -> Option<Millis> {
        let waits = self.service.as_ref().is_some_and(Service::has_waiting);
        if !waits || self.flush_waits {
            return None;
        }
        self.flush_waits = true;
        Some(now + GATHER_MS)
    }

    pub(crate) fn flush(&mut self, now: Millis) {
        self.flush_waits = false;
        if let Some(service) = &mut self.service {
            service.flush(now);
        }
    }

    /// What the server has to say, in order.
    pub(crate) fn speak(&mut self) -> Vec<(ConnectionId, Vec<u8>)> {
        let mut said = Vec::new();
        let Some(service) = &mut self.service else { return said };
        for link in service.take_ready() {
            let Some(name) = self.names.get(&link).copied() else { continue };
            loop {
                let outgoing = service.take_outgoing(link, BUDGET_BYTES);
                said.extend(outgoing.frames.iter().map(|frame| (name, frame.to_vec())));
                if outgoing.closing.is_some() {
                    self.hung_up.push(name);
                }
                if !outgoing.more || outgoing.frames.is_empty() {
                    break;
                }
            }
        }
        said
    }

    /// Answers one request of somebody who connects for it alone.
    pub(crate) fn ask(&mut self, now: Millis, request: Request) -> Response {
        self.ask_on(now, |_| request)
    }

    /// The same for a request that is made for the connection, by its nonce.
    pub(crate) fn ask_on(
        &mut self,
        now: Millis,
        request: impl FnOnce([u8; 32]) -> Request,
    ) -> Response {
        let Some(service) = &mut self.service else { return Response::Refused(Refused::Broken) };
        let peer = PeerId::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let link = match service.connect(peer, &mut self.random) {
            Ok(link) => link,
            Err(refused) => return Response::Refused(refused),
        };
        let hello = Request::Hello { version: limits::PROTOCOL_VERSION };
        service.handle_frame(now, link, ClientFrame { id: 1, request: hello });
        let greeted = service.take_outgoing(link, usize::MAX);
        let nonce = greeted.frames.iter().find_map(|frame| match ServerFrame::decode(frame) {
            Ok(ServerFrame::Answer { response: Response::Hello { nonce, .. }, .. }) => Some(nonce),
            _ => None,
        });
        let request = request(nonce.unwrap_or_default());
        service.handle_frame(now, link, ClientFrame { id: 2, request });
        service.flush(now);
        let outgoing = service.take_outgoing(link, usize::MAX);
        service.disconnect(link);
        let answer = outgoing.frames.iter().find_map(|frame| match ServerFrame::decode(frame) {
            Ok(ServerFrame::Answer { id: 2, response }) => Some(response),
            _ => None,
        });
        answer.unwrap_or(Response::Refused(Refused::Broken))
    }

    /// Connections that the server has closed.
    pub(crate) fn hung_up(&mut self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.hung_up)
    }
}
