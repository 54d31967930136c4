//! Listens to every frame between clients and the server, and remembers what the server promised.

use std::collections::{BTreeMap, BTreeSet};

use veche_wire::{
    ClientFrame, Entry, EntryId, Kind, LogId, Millis, Push, Refused, Request, RequestId, Response,
    Seq, ServerFrame, Token,
};

use super::counts::Counts;
use super::network::ConnectionId;
use super::pace::Pace;
use super::schedule::Who;

/// What was heard of one log.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Every entry that anybody was shown, in the order of the log.
    pub(crate) entries: BTreeMap<Seq, (EntryId, Kind)>,
    /// Where each entry is.
    pub(crate) places: BTreeMap<EntryId, Seq>,
    /// Entries that the server has acknowledged to somebody.
    pub(crate) acknowledged: BTreeMap<EntryId, Seq>,
    /// The last tokens that each person was seen to use: for reading and for writing.
    pub(crate) tokens: BTreeMap<Who, Tokens>,
    /// The control entries that each person was seen to append.
    pub(crate) controls: BTreeMap<Who, BTreeSet<EntryId>>,
    /// Where the log begins to be guarded, and where that ends.
    guards: BTreeMap<Seq, bool>,
    /// Commits that no admin has signed.
    unsigned: BTreeSet<Seq>,
}

/// Tokens of one person for one log.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tokens {
    pub(crate) read: Option<Token>,
    pub(crate) write: Option<Token>,
}

/// An append that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Asked {
    log: LogId,
    id: EntryId,
    /// For a commit, whether an admin has signed it.
    commit: Option<bool>,
    at: Millis,
}

/// Everything that was heard.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    pub(crate) logs: BTreeMap<LogId, Heard>,
    /// Appends that wait for their answers.
    asked: BTreeMap<(ConnectionId, RequestId), Asked>,
    /// How commits follow one another.
    pub(crate) pace: Pace,
    /// Every frame from a client, where somebody wants to look into them.
    pub(crate) record: Option<Vec<Vec<u8>>>,
    /// Promises that were broken.
    pub(crate) broken: BTreeSet<String>,
}

impl Tap {
    /// Hears what a client asks when it reaches the server.
    pub(crate) fn asked(
        &mut self,
        now: Millis,
        (who, connection): (Who, ConnectionId),
        bytes: &[u8],
    ) {
        if let Some(record) = &mut self.record {
            record.push(bytes.to_vec());
        }
        let Ok(frame) = ClientFrame::decode(bytes) else { return };
        match frame.request {
            Request::Append(append) => {
                let commit = (append.kind == Kind::Commit).then_some(append.rider.is_some());
                let asked = Asked { log: append.log, id: append.id, commit, at: now };
                self.asked.insert((connection, frame.id), asked);
                if commit.is_some() {
                    self.pace.asked(now, append.id);
                }
                self.tokens(append.log, who).write = Some(append.token);
                if append.kind == Kind::Control {
                    let heard = self.logs.entry(append.log).or_default();
                    heard.controls.entry(who).or_default().insert(append.id);
                }
            }
            Request::Read { log, token, .. } | Request::Subscribe { log, token, .. } => {
                self.tokens(log, who).read = Some(token);
            }
            _ => {}
        }
    }

    fn tokens(&mut self, log: LogId, who: Who) -> &mut Tokens {
        self.logs.entry(log).or_default().tokens.entry(who).or_default()
    }

    /// Hears what the server says when it says it.
    pub(crate) fn said(
        &mut self,
        now: Millis,
        connection: ConnectionId,
        bytes: &[u8],
        counts: &mut Counts,
    ) {
        match ServerFrame::decode(bytes) {
            Ok(ServerFrame::Push(Push::Entries { log, entries })) => self.shown(log, &entries),
            Ok(ServerFrame::Answer { id, response }) => {
                let asked = self.asked.remove(&(connection, id));
                match (response, asked) {
                    (Response::Appended { seq }, Some(asked)) => {
                        if let Some(is_signed) = asked.commit {
                            self.pace.taken(now, (asked.log, &asked.id), (seq, is_signed));
                        }
                        self.acknowledged(asked.log, asked.id, seq);
                    }
                    (Response::Refused(refused), asked) => {
                        if let Some(asked) = asked.filter(|asked| asked.commit.is_some()) {
                            self.pace.refused(asked.at, &asked.id);
                        }
                        count_refused(&refused, counts);
                    }
                    _ => {}
                }
            }
            Ok(ServerFrame::Push(_)) | Err(_) => {}
        }
    }

    fn acknowledged(&mut self, log: LogId, entry: EntryId, seq: Seq) {
        let heard = self.logs.entry(log).or_default();
        let before = heard.acknowledged.insert(entry, seq);
        if before.is_some_and(|before| before != seq) {
            self.broken.insert(format!("{entry} was acknowledged at two places of {log}"));
        }
    }

    /// Notes entries of a log that somebody was shown.
    pub(crate) fn shown(&mut self, log: LogId, entries: &[Entry]) {
        let heard = self.logs.entry(log).or_default();
        for entry in entries {
            let before = heard.entries.insert(entry.seq, (entry.id, entry.kind));
            if before.is_some_and(|before| before != (entry.id, entry.kind)) {
                self.broken.insert(format!("{log} shows two entries at {}", entry.seq));
            }
            if let Some(guarded) = entry.rider.as_ref().and_then(|rider| rider.guard) {
                heard.guards.insert(entry.seq, guarded);
            }
            if entry.kind == Kind::Commit && entry.rider.is_none() {
                heard.unsigned.insert(entry.seq);
            }
            let before = heard.places.insert(entry.id, entry.seq);
            if before.is_some_and(|before| before != entry.seq) {
                self.broken.insert(format!("{} is in {log} twice", entry.id));
            }
        }
    }

    /// What was acknowledged and then not found at its place.
    pub(crate) fn lost(&self) -> Vec<String> {
        let lost_of = |(log, heard): (&LogId, &Heard)| {
            let gone = |(id, seq): &(&EntryId, &Seq)| {
                heard.entries.get(seq).is_some_and(|(found, _)| found != *id)
            };
            let tell = |(id, seq)| format!("{id}, acknowledged at {seq} of {log}, is not there");
            heard.acknowledged.iter().filter(gone).map(tell).collect::<Vec<_>>()
        };
        self.logs.iter().flat_map(lost_of).collect()
    }

    /// Commits without an admin's signature that a guarded log has taken.
    pub(crate) fn unguarded(&self) -> Vec<String> {
        let unguarded_of = |(log, heard): (&LogId, &Heard)| {
            let guarded = |seq: &&Seq| {
                heard.guards.range(..**seq).next_back().is_some_and(|(_, guarded)| *guarded)
            };
            let tell = |seq| format!("{log} is guarded and takes an unsigned commit at {seq}");
            heard.unsigned.iter().filter(guarded).map(tell).collect::<Vec<_>>()
        };
        self.logs.iter().flat_map(unguarded_of).collect()
    }

    /// Forgets all places: the server was replaced by an older copy of itself.
    pub(crate) fn forget_places(&mut self) {
        for heard in self.logs.values_mut() {
            heard.entries.clear();
            heard.places.clear();
            heard.acknowledged.clear();
            heard.guards.clear();
            heard.unsigned.clear();
        }
        self.pace.forget();
    }
}

fn count_refused(refused: &Refused, counts: &mut Counts) {
    counts.add(match refused {
        Refused::Stale { .. } => "refused: stale",
        Refused::Later { .. } => "refused: later",
        Refused::OutOfOrder => "refused: out of order",
        Refused::MissingBlob => "refused: missing blob",
        Refused::Beyond { .. } => "refused: beyond",
        Refused::BlobOffset { .. } => "refused: blob offset",
        Refused::Forbidden => "refused: forbidden",
        Refused::NotFound => "refused: not found",
        Refused::Taken => "refused: taken",
        Refused::TooLarge { .. } => "refused: too large",
        Refused::Frozen => "refused: frozen",
        Refused::Guarded => "refused: guarded",
        Refused::Full => "refused: full",
        Refused::InviteNeeded => "refused: invite needed",
        Refused::RegistrationClosed => "refused: registration closed",
        Refused::Malformed { .. } => "refused: malformed",
        Refused::Incompatible { .. } => "refused: incompatible",
        Refused::Broken => "refused: broken",
    });
}
