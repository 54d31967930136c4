//! Somebody without a client, who asks the server directly: to see what it refuses.

use std::cell::RefCell;
use std::rc::Rc;

use veche_mls::Identity;
use veche_wire::{
    Append, Commitment, EntryId, Kind, LogId, Random, Request, Response, Seq, SignedRequest, Token,
};

use super::ask;
use super::person::Person;
use super::stage::Stage;

/// Asks the server directly, at once and without a network between.
pub struct Outsider {
    stage: Rc<RefCell<Stage>>,
}

impl Outsider {
    pub(crate) fn new(stage: &Rc<RefCell<Stage>>) -> Self {
        Self { stage: Rc::clone(stage) }
    }

    /// Asks anything.
    pub fn ask(&mut self, request: Request) -> Response {
        ask(&self.stage, request)
    }

    /// Asks in the name of a device of their own.
    pub fn ask_signed(&mut self, identity: &Identity, request: &SignedRequest) -> Response {
        let mut stage = self.stage.borrow_mut();
        let now = stage.now;
        stage.host.ask_on(now, |nonce| {
            let body = request.encode();
            let signature = identity.sign(&SignedRequest::signed_bytes(&nonce, &body));
            Request::Signed { device: identity.device(), signature, body }
        })
    }

    /// The last tokens that somebody was heard to use for a log: to read and to write.
    #[must_use]
    pub fn overhear(&self, person: &Person, log: LogId) -> (Option<Token>, Option<Token>) {
        let stage = self.stage.borrow();
        let heard = stage.tap.logs.get(&log);
        let tokens = heard.and_then(|heard| heard.tokens.get(&person.who)).cloned();
        let tokens = tokens.unwrap_or_default();
        (tokens.read, tokens.write)
    }

    /// The seqs that a read token still reads.
    pub fn read(&mut self, log: LogId, token: Token) -> Result<Vec<Seq>, Box<Response>> {
        match self.ask(Request::Read { log, token, after: 0, after_id: None, limit: 10_000 }) {
            Response::Entries { entries, .. } => {
                Ok(entries.iter().map(|entry| entry.seq).collect())
            }
            other => Err(Box::new(other)),
        }
    }

    /// An append of bytes that mean nothing.
    pub fn junk(&mut self, log: LogId, token: Token, kind: Kind, after_commit: Seq) -> Append {
        let mut stage = self.stage.borrow_mut();
        let mut bytes = vec![0; 512];
        stage.dice.fill(&mut bytes);
        let id = EntryId::random(&mut stage.dice);
        let commitment = (kind == Kind::Message).then_some(Commitment([3; 32]));
        Append {
            log,
            token,
            id,
            kind,
            after_commit,
            prev: None,
            needs: None,
            commitment,
            rider: None,
            bytes,
        }
    }

    /// The seq of the last commit that anybody was shown.
    #[must_use]
    pub fn last_commit(&self, log: LogId) -> Seq {
        let stage = self.stage.borrow();
        let entries = stage.tap.logs.get(&log).map(|heard| &heard.entries);
        let commit = entries
            .and_then(|entries| entries.iter().rev().find(|(_, (_, kind))| *kind == Kind::Commit));
        commit.map_or(0, |(seq, _)| *seq)
    }
}
