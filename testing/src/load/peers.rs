//! Other servers under the same load in the same run, where they are installed: started on loopback
//! with a folder of their own, without encryption, and ended with the run.

mod mqtt;
mod nats;
mod program;
mod xmpp;

use std::path::Path;

use serde_json::{Value, json};

use super::{Load, Options, Stopped, on};

/// A server beside which ours is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Nats,
    JetStream,
    Mosquitto,
    Ejabberd,
}

impl Peer {
    const ALL: [Self; 4] = [Self::Nats, Self::JetStream, Self::Mosquitto, Self::Ejabberd];

    /// The name in the results, which says what its acknowledgement is worth.
    fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats-server core, not stored",
            Self::JetStream => "nats-server JetStream, fsync every 2 minutes",
            Self::Mosquitto => "mosquitto, QoS 1 in, QoS 0 out, not stored",
            Self::Ejabberd => "ejabberd MUC, not stored",
        }
    }

    /// The program that must be installed.
    fn program(self) -> &'static str {
        match self {
            Self::Nats | Self::JetStream => "nats-server",
            Self::Mosquitto => "mosquitto",
            Self::Ejabberd => "ejabberdctl",
        }
    }

    /// Why it cannot be put under this load, if so.
    fn why_not(self, load: Load) -> Option<&'static str> {
        match (self, load) {
            (_, Load::Fanout | Load::Pairs | Load::Idle) | (Self::JetStream, Load::Drain) => None,
            (Self::Nats, Load::Drain) => Some("it keeps nothing"),
            (_, Load::Drain) => {
                Some("not measured: what waits is kept by each reader, not by a log")
            }
            _ => Some("this load is for veched alone"),
        }
    }
}

/// Runs the load on every peer, one after the other. What is missing or fails is said in a row.
pub(super) fn run(options: &Options, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    for peer in Peer::ALL {
        let said = |field: &str, why: &str| json!({ "load": options.load.name(), "server": peer.name(), field: why });
        if let Some(why) = peer.why_not(options.load) {
            report(said("skipped", why));
        } else if program::find(peer.program()).is_none() {
            report(said("skipped", &format!("{} is not installed", peer.program())));
        } else {
            let folder = tempfile::tempdir().map_err(super::words)?;
            match run_one(peer, folder.path(), options) {
                Ok(row) => report(row),
                Err(why) => report(said("failed", &why)),
            }
        }
    }
    Ok(())
}

fn run_one(peer: Peer, folder: &Path, options: &Options) -> Result<Value, Stopped> {
    match peer {
        Peer::Nats => on(nats::Server::start(folder, nats::Keeping::Nothing)?, options),
        Peer::JetStream if options.load == Load::Drain => {
            on(nats::Server::start(folder, nats::Keeping::AndDraining)?, options)
        }
        Peer::JetStream => on(nats::Server::start(folder, nats::Keeping::Everything)?, options),
        Peer::Mosquitto => on(mqtt::Server::start(folder)?, options),
        Peer::Ejabberd => on(xmpp::Server::start(folder)?, options),
    }
}
