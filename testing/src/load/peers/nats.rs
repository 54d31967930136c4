//! `nats-server`, and its text protocol as far as the loads need it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::Peer;
use super::program::{self, Program};
use crate::load::Stopped;
use crate::load::speech::{Heard, Role, Service, Speech, Stamp};

/// What the server keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Core: an acknowledgement is the answer to a PING after the message.
    Nothing,
    /// JetStream: who writes waits for its acknowledgement, members hold plain subscriptions.
    Everything,
    /// The same, but readers have consumers that begin with the first message.
    AndDraining,
}

/// A server of this run.
pub(super) struct Server {
    program: Program,
    keeping: Keeping,
}

impl Server {
    /// Starts it in `folder`.
    pub(super) fn start(folder: &Path, keeping: Keeping) -> Result<Self, Stopped> {
        let port = program::free_port()?;
        // Nobody is sent away for being slow, as nobody is by ours.
        let mut text = format!(
            "listen: \"127.0.0.1:{port}\"\nmax_connections: 100000\nmax_pending: 1073741824\n\
             write_deadline: \"60s\"\nping_interval: \"10m\"\n"
        );
        if keeping != Keeping::Nothing {
            let store = folder.join("store");
            text += &format!("jetstream {{ store_dir: \"{}\" }}\n", store.display());
        }
        let configuration = program::write(folder, "nats.conf", &text)?;
        let path = program::find("nats-server").ok_or("nats-server is not installed")?;
        let mut command = Command::new(path);
        command.arg("--config").arg(configuration);
        Ok(Self { program: Program::start(command, port)?, keeping })
    }
}

impl Service for Server {
    type Speech = Nats;

    fn name(&self) -> &'static str {
        match self.keeping {
            Keeping::Nothing => Peer::Nats.name(),
            _ => Peer::JetStream.name(),
        }
    }

    fn address(&self) -> SocketAddr {
        self.program.address()
    }

    fn process(&self) -> u32 {
        self.program.id()
    }

    fn speech(&self, role: &Role) -> Result<Nats, Stopped> {
        Ok(Nats {
            keeping: self.keeping,
            role: role.clone(),
            awaits: Awaits::Pong,
            published: VecDeque::new(),
            out: Vec::new(),
        })
    }
}

/// What is missing until a connection is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Pong,
    Stream,
    Nothing,
}

/// The protocol of one connection.
pub(super) struct Nats {
    keeping: Keeping,
    role: Role,
    awaits: Awaits,
    /// Core: numbers whose PONG has not come.
    published: VecDeque<u64>,
    out: Vec<u8>,
}

impl Nats {
    fn publish_to(&mut self, subject: &str, reply: &str, payload: &[u8]) {
        let gap = if reply.is_empty() { "" } else { " " };
        let line = format!("PUB {subject} {reply}{gap}{}\r\n", payload.len());
        self.out.extend_from_slice(line.as_bytes());
        self.out.extend_from_slice(payload);
        self.out.extend_from_slice(b"\r\n");
    }

    /// What the role asks for beyond a subscription: a stream, or a consumer of it.
    fn ask_for_a_stream(&mut self) -> bool {
        let (subject, request) = match self.keeping {
            Keeping::Nothing => return false,
            _ if !self.role.makes.is_empty() => {
                ("$JS.API.STREAM.CREATE.S", r#"{"name":"S","subjects":["c.>"]}"#.to_owned())
            }
            Keeping::AndDraining if self.role.follows_after.is_some() => (
                "$JS.API.CONSUMER.CREATE.S",
                format!(
                    r#"{{"stream_name":"S","config":{{"deliver_subject":"d.{}","deliver_policy":"all","ack_policy":"none"}}}}"#,
                    self.role.member
                ),
            ),
            _ => return false,
        };
        let reply = format!("m.{}", self.role.member);
        self.out.extend_from_slice(format!("SUB {reply} 3\r\n").as_bytes());
        self.publish_to(subject, &reply, request.as_bytes());
        true
    }

    fn pong(&mut self, heard: &mut Vec<Heard>) {
        if self.awaits == Awaits::Pong {
            self.awaits = Awaits::Nothing;
            heard.push(Heard::Up { head: None });
        } else if let Some(number) = self.published.pop_front() {
            heard.push(Heard::Acked { number, seq: 0 });
        }
    }

    fn message(
        &mut self,
        subject: &str,
        payload: &[u8],
        heard: &mut Vec<Heard>,
    ) -> Result<(), Stopped> {
        match subject.as_bytes().first() {
            Some(b'c' | b'd') => {
                let stamp = Stamp::read(payload).ok_or("a message without a stamp")?;
                heard.push(Heard::Entry { seq: 0, stamp });
                return Ok(());
            }
            _ if payload.windows(7).any(|part| part == b"\"error\"") => {
                return Err(String::from_utf8_lossy(payload).into_owned());
            }
            Some(b'm') => {
                self.awaits = Awaits::Nothing;
                heard.push(Heard::Up { head: None });
            }
            _ => {
                let number = subject.rsplit('.').next().and_then(|number| number.parse().ok());
                let number = number.ok_or_else(|| format!("an answer to {subject}"))?;
                heard.push(Heard::Acked { number, seq: 0 });
            }
        }
        Ok(())
    }
}

impl Speech for Nats {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        self.out.extend_from_slice(b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n");
        if self.role.follows_after.is_some() {
            let subject = match self.keeping {
                Keeping::AndDraining => format!("d.{}", self.role.member),
                _ => format!("c.{}", self.role.channel),
            };
            self.out.extend_from_slice(format!("SUB {subject} 1\r\n").as_bytes());
        }
        if let Some(writer) = self.role.writer.filter(|_| self.keeping != Keeping::Nothing) {
            self.out.extend_from_slice(format!("SUB a.{writer}.* 2\r\n").as_bytes());
        }
        if self.ask_for_a_stream() {
            self.awaits = Awaits::Stream;
        } else {
            self.out.extend_from_slice(b"PING\r\n");
        }
        self.flush(out)
    }

    fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut Vec<Heard>,
    ) -> Result<usize, Stopped> {
        let mut used = 0;
        while let Some(end) = bytes[used..].iter().position(|byte| *byte == b'\n') {
            let line = bytes[used..used + end].trim_ascii_end();
            let mut next = used + end + 1;
            if let Some(words) = line.strip_prefix(b"MSG ") {
                let words = str::from_utf8(words).map_err(|_| "a line that is no text")?;
                let length = words.rsplit(' ').next().and_then(|length| length.parse().ok());
                let length: usize = length.ok_or_else(|| format!("no length in {words}"))?;
                let Some(payload) = bytes.get(next..next + length + 2) else { break };
                let subject = words.split(' ').next().unwrap_or_default();
                self.message(subject, &payload[..length], heard)?;
                next += length + 2;
            } else if line == b"PONG" {
                self.pong(heard);
            } else if line == b"PING" {
                out.extend_from_slice(b"PONG\r\n");
            } else if line.starts_with(b"-ERR") {
                return Err(String::from_utf8_lossy(line).into_owned());
            }
            used = next;
        }
        Ok(used)
    }

    fn publish(&mut self, number: u64, entry: &[u8]) {
        let subject = format!("c.{}", self.role.channel);
        if self.keeping == Keeping::Nothing {
            self.publish_to(&subject, "", entry);
            self.out.extend_from_slice(b"PING\r\n");
            self.published.push_back(number);
        } else {
            let reply = format!("a.{}.{number}", self.role.writer.unwrap_or_default());
            self.publish_to(&subject, &reply, entry);
        }
    }

    fn again(&mut self) {}

    fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        out.append(&mut self.out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::speech::Mint;

    #[test]
    fn messages_are_cut_where_they_end_however_they_arrive() {
        let stamp = Stamp { sent: 5, writer: 1, number: 9 };
        let entry = Mint::new(1).entry(stamp);
        let mut bytes = format!("INFO {{}}\r\nPONG\r\nMSG c.0 1 {}\r\n", entry.len()).into_bytes();
        bytes.extend_from_slice(&entry);
        bytes.extend_from_slice(b"\r\nMSG a.1.9 2 11\r\n{\"seq\": 77}\r\nPI");

        let whole = bytes.len() - 2;
        let expected = [
            Heard::Up { head: None },
            Heard::Entry { seq: 0, stamp },
            Heard::Acked { number: 9, seq: 0 },
        ];
        for cut in 0..whole {
            let mut nats = Nats {
                keeping: Keeping::Everything,
                role: Role::default(),
                awaits: Awaits::Pong,
                published: VecDeque::new(),
                out: Vec::new(),
            };
            let (mut out, mut heard) = (Vec::new(), Vec::new());
            let used = nats.take(&bytes[..cut], &mut out, &mut heard).unwrap();
            let rest = nats.take(&bytes[used..], &mut out, &mut heard).unwrap();
            assert_eq!((used + rest, heard.as_slice()), (whole, expected.as_slice()), "{cut}");
        }
    }
}
