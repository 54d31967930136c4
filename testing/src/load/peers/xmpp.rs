//! `ejabberd` with a room for each channel, and as much of XMPP as the loads need: anonymous clients
//! that enter a room and talk in it. Presences are switched off, so that thousands can enter at all.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;

use super::Peer;
use super::program::{self, Program};
use crate::load::Stopped;
use crate::load::speech::{Heard, Role, STAMP_BYTES, Service, Speech, Stamp};

const STREAM: &str = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";
const ANONYMOUS: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";
const BIND: &str = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

/// A server of this run.
pub(super) struct Server(Program);

impl Server {
    /// Starts it in `folder`, without a node's name: nothing is told to a port mapper.
    pub(super) fn start(folder: &Path) -> Result<Self, Stopped> {
        let port = program::free_port()?;
        let configuration = program::write(folder, "ejabberd.yml", &configuration(port))?;
        let path = program::find("erl").ok_or("erl is not installed")?;
        let mut command = Command::new(path);
        command.args(["+K", "true", "+P", "1000000", "+Q", "131072", "-noinput"]);
        command.args(["-mnesia", "dir"]).arg(format!("\"{}\"", folder.join("mnesia").display()));
        command.args(["-s", "ejabberd"]);
        command.env("ERL_LIBS", libraries().ok_or("the libraries of ejabberd are not found")?);
        command.env("EJABBERD_CONFIG_PATH", configuration);
        command.env("EJABBERD_LOG_PATH", folder.join("ejabberd.log"));
        command.env("ERL_CRASH_DUMP_SECONDS", "0").env("HOME", folder);
        Program::start(command, port).map(Self)
    }
}

/// The folder that holds ejabberd's libraries, as Debian installs them.
fn libraries() -> Option<PathBuf> {
    let holds = |folder: &PathBuf| {
        std::fs::read_dir(folder).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with("ejabberd-"))
        })
    };
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    folders.chain([PathBuf::from("/usr/lib")]).find(holds)
}

fn configuration(port: u16) -> String {
    format!(
        "hosts: [localhost]
loglevel: error
max_fsm_queue: 1000000
listen:
  -
    port: {port}
    ip: 127.0.0.1
    module: ejabberd_c2s
    backlog: 4096
    shaper: none
    access: all
host_config:
  localhost:
    auth_method: [anonymous]
    anonymous_protocol: sasl_anon
    allow_multiple_connections: true
modules:
  mod_muc:
    host: conference.localhost
    access: all
    access_create: all
    max_users: 100000
    max_user_conferences: 1000
    min_message_interval: 0
    min_presence_interval: 0
    history_size: 0
    default_room_options:
      presence_broadcast: []
      logging: false
      mam: false
      max_users: 100000
"
    )
}

impl Service for Server {
    type Speech = Xmpp;

    fn name(&self) -> &'static str {
        Peer::Ejabberd.name()
    }

    fn address(&self) -> SocketAddr {
        self.0.address()
    }

    fn process(&self) -> u32 {
        self.0.id()
    }

    fn speech(&self, role: &Role) -> Result<Xmpp, Stopped> {
        Ok(Xmpp { role: role.clone(), state: State::Strange, out: Vec::new() })
    }
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Strange,
    Known,
    Entering,
    Inside,
}

/// The protocol of one connection.
pub(super) struct Xmpp {
    role: Role,
    state: State,
    out: Vec<u8>,
}

impl Xmpp {
    fn say(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn room(&self) -> String {
        format!("c{}@conference.localhost", self.role.channel)
    }

    fn element(&mut self, element: &str, heard: &mut Vec<Heard>) -> Result<(), Stopped> {
        let is = |name: &str| element.starts_with(name);
        if is("<message") {
            return self.message(element, heard);
        }
        match self.state {
            State::Strange if is("<stream:features") => self.say(ANONYMOUS),
            State::Strange if is("<success") => {
                self.state = State::Known;
                self.say(STREAM);
            }
            State::Known if is("<stream:features") => self.say(BIND),
            State::Known if is("<iq") && !self.role.makes.is_empty() => {
                heard.push(Heard::Up { head: None });
            }
            State::Known if is("<iq") => {
                self.state = State::Entering;
                let place = format!("{}/m{}", self.room(), self.role.member);
                self.say(&format!(
                    "<presence to='{place}'><x xmlns='http://jabber.org/protocol/muc'>\
                     <history maxstanzas='0'/></x></presence>"
                ));
            }
            _ if is("<failure") || is("<stream:error") || element.contains("type='error'") => {
                return Err(element.chars().take(300).collect());
            }
            _ => {}
        }
        Ok(())
    }

    fn message(&mut self, element: &str, heard: &mut Vec<Heard>) -> Result<(), Stopped> {
        let Some((_, body)) = element.split_once("<body>") else {
            // Who has entered is told the subject of the room last.
            if self.state == State::Entering && element.contains("<subject") {
                self.state = State::Inside;
                heard.push(Heard::Up { head: None });
            } else if element.contains("type='error'") {
                return Err(element.chars().take(300).collect());
            }
            return Ok(());
        };
        let start = body.get(..STAMP_BYTES.div_ceil(3) * 4).unwrap_or_default();
        let start = BASE64.decode(start.as_bytes()).map_err(|_| "a message that is not ours")?;
        let stamp = Stamp::read(&start).ok_or("a message without a stamp")?;
        // An entry that comes back to its writer is acknowledged.
        if self.role.writer == Some(stamp.writer) {
            heard.push(Heard::Acked { number: stamp.number, seq: 0 });
        }
        if self.role.follows_after.is_some() {
            heard.push(Heard::Entry { seq: 0, stamp });
        }
        Ok(())
    }
}

/// The length of the first element in `text`, or of the start of the stream, where it is whole.
fn first(text: &str) -> Option<usize> {
    let end = text.find('>')?;
    let start = &text[..end];
    if start.starts_with("<?xml") || start.starts_with("<stream:stream") || start.ends_with('/') {
        return Some(end + 1);
    }
    let name = start.trim_start_matches('<').split(' ').next().unwrap_or_default();
    let closing = format!("</{name}>");
    text[end..].find(&closing).map(|at| end + at + closing.len())
}

impl Speech for Xmpp {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        self.say(STREAM);
        self.flush(out)
    }

    fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut Vec<Heard>,
    ) -> Result<usize, Stopped> {
        // Nothing but ASCII is said here.
        let text = str::from_utf8(bytes).map_err(|_| "bytes that are no text")?;
        let mut used = 0;
        while let Some(length) = first(&text[used..]) {
            self.element(&text[used..used + length], heard)?;
            used += length;
        }
        self.flush(out)?;
        Ok(used)
    }

    fn publish(&mut self, number: u64, entry: &[u8]) {
        let (room, body) = (self.room(), BASE64.encode(entry));
        self.say(&format!(
            "<message to='{room}' type='groupchat' id='{number}'><body>{body}</body></message>"
        ));
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
    fn elements_are_cut_where_they_end() {
        let cut = |text: &str| first(text).map(|length| text[..length].to_owned());
        assert_eq!(cut("<?xml version='1.0'?><a/>").as_deref(), Some("<?xml version='1.0'?>"));
        assert_eq!(cut("<stream:stream id='1'><a>").as_deref(), Some("<stream:stream id='1'>"));
        assert_eq!(cut("<success xmlns='x'/><a>").as_deref(), Some("<success xmlns='x'/>"));
        assert_eq!(cut("<iq id='b'><bind/></iq><iq>").as_deref(), Some("<iq id='b'><bind/></iq>"));
        assert_eq!(cut("<iq id='b'><bind/></i"), None);
    }
}
