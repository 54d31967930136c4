//! Durable appends: the delivery service over its embedded engine, with 1, 16 and 256 appends in
//! one transaction, beside a bare loop that appends the same bytes to a file and syncs it as often.

use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use serde_json::{Value, json};
use veche_server::storage::Embedded;
use veche_server::{Config, ConnectionId, Metrics, PeerId, Rate, Service};
use veche_wire::{
    Append, ClientFrame, Commitment, EntryId, Kind, LogId, Permit, Random as _, Request, Response,
    ServerFrame, Token, TokenHashes, limits,
};

use super::meter::{Meter, ratio, rounded};
use super::{Sizes, Stopped, words};
use crate::Dice;

/// The sealed bytes of a short message.
const ENTRY_BYTES: usize = 640;
const PER_TRANSACTION: [usize; 3] = [1, 16, 256];
const NOW: u64 = 1_750_000_000_000;

pub(super) fn run(sizes: &Sizes, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    for per_transaction in PER_TRANSACTION {
        // One transaction per append waits for the disk each time: fewer tell as much.
        let share = if per_transaction == 1 { 4 } else { 1 };
        let count = (sizes.appends / share).max(per_transaction.min(sizes.appends));
        report(measure(count, per_transaction)?);
    }
    Ok(())
}

fn measure(count: usize, per_transaction: usize) -> Result<Value, Stopped> {
    let folder = tempfile::tempdir().map_err(words)?;
    let mut served = Served::open(&folder.path().join("server"))?;
    let frames = served.frames(count)?;
    let (mut service, mut floor) = (Meter::default(), Meter::default());
    let mut file = File::create(folder.path().join("floor")).map_err(words)?;
    let commits = served.metrics.commits.total();
    // Both in turns, so that what else the machine does meets both.
    for batch in frames.chunks(per_transaction) {
        service.time(|| served.take(batch));
        served.check(batch.len())?;
        floor.time(|| sync_lines(&mut file, batch)).map_err(words)?;
    }
    let commits = served.metrics.commits.total() - commits;
    Ok(json!({
        "bench": "appends",
        "appends": count,
        "per_transaction": per_transaction,
        "entry_bytes": ENTRY_BYTES,
        "durable_commits": commits,
        "floor_syncs": floor.times(),
        "per_second": service.per_second(count),
        "floor_per_second": floor.per_second(count),
        "wall_ratio": ratio(service.wall_ms(count), floor.wall_ms(count)),
        "cpu_ms": rounded(service.cpu_ms(count)),
        "floor_cpu_ms": rounded(floor.cpu_ms(count)),
        "cpu_ratio": ratio(service.cpu_ms(count), floor.cpu_ms(count)),
    }))
}

fn sync_lines(file: &mut File, frames: &[Vec<u8>]) -> std::io::Result<()> {
    for frame in frames {
        file.write_all(frame)?;
    }
    file.sync_data()
}

/// A service with one connection and one log.
struct Served {
    service: Service<Embedded>,
    metrics: Arc<Metrics>,
    connection: ConnectionId,
    dice: Dice,
}

impl Served {
    fn open(folder: &std::path::Path) -> Result<Self, Stopped> {
        let metrics = Arc::new(Metrics::default());
        let engine = Embedded::open(folder, Arc::clone(&metrics)).map_err(words)?;
        let mut service = Service::new(engine, boundless(), &[7; 32], Arc::clone(&metrics));
        let mut dice = Dice::seeded(1, 0);
        let peer = PeerId::from(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let connection = service
            .connect(peer, &mut dice)
            .map_err(|refused| format!("not connected: {refused:?}"))?;
        Ok(Self { service, metrics, connection, dice })
    }

    /// Says hello, makes a log, and gives the encoded appends to it.
    fn frames(&mut self, count: usize) -> Result<Vec<Vec<u8>>, Stopped> {
        let (log, token) = (LogId::random(&mut self.dice), Token::random(&mut self.dice));
        let tokens = TokenHashes {
            read: veche_mls::token_hash(&Token::random(&mut self.dice)),
            write: veche_mls::token_hash(&token),
        };
        let admin = veche_mls::AdminSecret::generate(&mut self.dice).public();
        let hello = Request::Hello { version: limits::PROTOCOL_VERSION };
        let create = Request::Create { log, permit: Permit::Open, tokens, admins: vec![admin] };
        for (id, request) in [(1, hello), (2, create)] {
            self.take(&[ClientFrame { id, request }.encode()]);
            let answers = self.answers()?;
            if !matches!(answers[..], [Response::Hello { .. } | Response::Done]) {
                return Err(format!("the server answered {answers:?}"));
            }
        }
        Ok((0..count).map(|index| self.append(3 + index as u64, log, token)).collect())
    }

    fn append(&mut self, id: u64, log: LogId, token: Token) -> Vec<u8> {
        let mut bytes = vec![0; ENTRY_BYTES];
        self.dice.fill(&mut bytes);
        let append = Append {
            log,
            token,
            id: EntryId::random(&mut self.dice),
            kind: Kind::Message,
            after_commit: 0,
            prev: None,
            needs: None,
            commitment: Some(Commitment([3; 32])),
            rider: None,
            bytes,
        };
        ClientFrame { id, request: Request::Append(append) }.encode()
    }

    /// From the frames to the answers in the outgoing queue: what a server does but for sockets.
    fn take(&mut self, frames: &[Vec<u8>]) {
        for frame in frames {
            self.service.handle(NOW, self.connection, frame);
        }
        self.service.flush(NOW);
    }

    fn answers(&mut self) -> Result<Vec<Response>, Stopped> {
        let frames = self.service.take_outgoing(self.connection, usize::MAX).frames;
        let mut answers = Vec::new();
        for frame in frames {
            if let ServerFrame::Answer { response, .. } =
                ServerFrame::decode(&frame).map_err(words)?
            {
                answers.push(response);
            }
        }
        Ok(answers)
    }

    fn check(&mut self, count: usize) -> Result<(), Stopped> {
        let answers = self.answers()?;
        let good = answers.iter().all(|one| matches!(one, Response::Appended { .. }));
        if good && answers.len() == count {
            return Ok(());
        }
        Err(format!("{count} appends were answered with {answers:?}"))
    }
}

/// No limits: what is measured is the work.
pub(super) fn boundless() -> Config {
    let rate = Rate { per_second: 1_000_000, burst: u32::MAX };
    Config {
        commit_gap_ms: 0,
        requests_in_flight_max: usize::MAX,
        requests_per_connection: rate,
        requests_per_address: rate,
        strangers_per_connection: rate,
        strangers_per_address: rate,
        registrations_per_address: rate,
        ..Config::default()
    }
}
