//! `mosquitto`, and as much of MQTT 3.1.1 as the loads need.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::Peer;
use super::program::{self, Program};
use crate::load::Stopped;
use crate::load::speech::{Heard, Role, Service, Speech, Stamp};

const CONNECT: u8 = 0x10;
const CONNECTED: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const PUBLISH_QOS_1: u8 = 0x32;
const PUBLISHED: u8 = 0x40;
const SUBSCRIBE: u8 = 0x82;
const SUBSCRIBED: u8 = 0x90;

/// A server of this run.
pub(super) struct Server(Program);

impl Server {
    /// Starts it in `folder`.
    pub(super) fn start(folder: &Path) -> Result<Self, Stopped> {
        let port = program::free_port()?;
        // Nothing is dropped for being too much, as nothing is by ours.
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nmax_connections -1\n\
             persistence false\nmax_queued_messages 0\nmax_inflight_messages 0\n\
             set_tcp_nodelay true\nlog_dest none\nuser root\n"
        );
        let configuration = program::write(folder, "mosquitto.conf", &text)?;
        let path = program::find("mosquitto").ok_or("mosquitto is not installed")?;
        let mut command = Command::new(path);
        command.arg("-c").arg(configuration);
        Program::start(command, port).map(Self)
    }
}

impl Service for Server {
    type Speech = Mqtt;

    fn name(&self) -> &'static str {
        Peer::Mosquitto.name()
    }

    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn process(&self) -> u32 {
        self.0.id()
    }

    fn speech(&self, role: &Role) -> Result<Mqtt, Stopped> {
        Ok(Mqtt { role: role.clone(), published: VecDeque::new(), out: Vec::new() })
    }
}

/// The protocol of one connection.
pub(super) struct Mqtt {
    role: Role,
    /// Numbers that are not acknowledged, by the id of their packet.
    published: VecDeque<(u16, u64)>,
    out: Vec<u8>,
}

impl Mqtt {
    fn topic(&self) -> String {
        format!("c/{}", self.role.channel)
    }

    fn packet(&mut self, kind: u8, parts: &[&[u8]]) {
        self.out.push(kind);
        let mut length: usize = parts.iter().map(|part| part.len()).sum();
        loop {
            let low = u8::try_from(length & 0x7f).unwrap_or_default();
            length >>= 7;
            self.out.push(if length > 0 { low | 0x80 } else { low });
            if length == 0 {
                break;
            }
        }
        for part in parts {
            self.out.extend_from_slice(part);
        }
    }

    fn take_packet(
        &mut self,
        kind: u8,
        body: &[u8],
        heard: &mut Vec<Heard>,
    ) -> Result<(), Stopped> {
        match kind {
            PUBLISH => {
                let (length, rest) = body.split_first_chunk().ok_or("a topic without length")?;
                let payload = rest.get(usize::from(u16::from_be_bytes(*length))..);
                let stamp = payload.and_then(Stamp::read).ok_or("a message without a stamp")?;
                heard.push(Heard::Entry { seq: 0, stamp });
            }
            PUBLISHED => {
                let id = body.try_into().map(u16::from_be_bytes).map_err(|_| "no packet id")?;
                let at = self.published.iter().position(|(published, _)| *published == id);
                let (_, number) =
                    at.and_then(|at| self.published.remove(at)).ok_or("an unknown packet id")?;
                heard.push(Heard::Acked { number, seq: 0 });
            }
            CONNECTED if body != [0, 0] => return Err(format!("refused: {body:?}")),
            CONNECTED if self.role.follows_after.is_some() => {
                let topic = self.topic();
                self.packet(SUBSCRIBE, &[&[0, 1], &text(&topic), &[0]]);
            }
            CONNECTED | SUBSCRIBED => heard.push(Heard::Up { head: None }),
            other => return Err(format!("a packet of kind {other:#x}")),
        }
        Ok(())
    }
}

/// A text with its length.
fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or_default();
    [length.to_be_bytes().as_slice(), text.as_bytes()].concat()
}

/// The length of a packet's body and of its head, where both are whole.
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0;
    for (place, byte) in bytes.iter().enumerate().skip(1).take(4) {
        length |= usize::from(byte & 0x7f) << (7 * (place - 1));
        if byte & 0x80 == 0 {
            return Some((length, place + 1));
        }
    }
    None
}

impl Speech for Mqtt {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        // Level 4, a clean session, no keep-alive.
        let name = text(&format!("m{}", self.role.member));
        self.packet(CONNECT, &[&text("MQTT"), &[4, 2, 0, 0], &name]);
        self.flush(out)
    }

    fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut Vec<Heard>,
    ) -> Result<usize, Stopped> {
        let mut used = 0;
        while let Some((length, head)) = lengths(&bytes[used..]) {
            let start = used + head;
            let Some(body) = bytes.get(start..start + length) else { break };
            self.take_packet(bytes[used], body, heard)?;
            used = start + length;
        }
        self.flush(out)?;
        Ok(used)
    }

    fn publish(&mut self, number: u64, entry: &[u8]) {
        let id = u16::try_from(number % 65_535 + 1).unwrap_or(1);
        let topic = self.topic();
        self.packet(PUBLISH_QOS_1, &[&text(&topic), &id.to_be_bytes(), entry]);
        self.published.push_back((id, number));
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

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for length in [0, 127, 128, 16_383, 16_384] {
            let mut mqtt =
                Mqtt { role: Role::default(), published: VecDeque::new(), out: Vec::new() };
            mqtt.packet(PUBLISH, &[&vec![0; length]]);
            let head = mqtt.out.len() - length;
            assert_eq!(lengths(&mqtt.out), Some((length, head)));
            assert_eq!(lengths(&mqtt.out[..head - 1]), None);
        }
    }
}
