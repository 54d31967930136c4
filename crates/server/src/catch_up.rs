//! Reading a log from a cursor: pages on request, and subscriptions that are served from the log
//! until they are at the head, without a gap and without buffering beyond the outgoing queue.

use std::sync::Arc;

use veche_wire::{EntryId, LogId, Push, Refused, Response, Seq, ServerFrame, Token, limits};

use crate::service::{
    Closing, ConnectionId, Effect, Fail, Reply, Service, Station, Subscription, hash_token, is_same,
};
use crate::storage::{Batch, Engine, LogRecord, Page, Retired, Stored};

/// How far a token reads.
struct ReadRight {
    /// The last seq that it may read now.
    head: Seq,
    /// Set where its generation has ended: the right ends there.
    until: Option<Seq>,
}

/// A reader's cursor, and which entry it has there.
type Cursor<'a> = (Seq, Option<&'a EntryId>);

impl Station<'_> {
    /// One page.
    pub(crate) fn read(
        &mut self,
        log: &LogId,
        token: &Token,
        cursor: Cursor<'_>,
        limit: u32,
    ) -> Result<Reply, Fail> {
        let right = self.check_read_token(log, token, cursor)?;
        let count = (limit as usize).min(limits::ENTRIES_PER_FRAME_MAX);
        let page = Page {
            after: cursor.0,
            until: right.head,
            count,
            bytes: limits::ENTRIES_FRAME_BYTES_SOFT,
        };
        let entries = self.batch.entries(log, page)?;
        Ok(Response::Entries { entries, head: right.head }.into())
    }

    /// Everything from a cursor on.
    pub(crate) fn subscribe(
        &mut self,
        log: &LogId,
        token: &Token,
        cursor: Cursor<'_>,
    ) -> Result<Reply, Fail> {
        let ReadRight { head, until } = self.check_read_token(log, token, cursor)?;
        let effect = Effect::Subscribed { log: *log, cursor: cursor.0, head, until };
        Ok(Reply::with(Response::Subscribed { head }, effect))
    }

    fn check_read_token(
        &mut self,
        log: &LogId,
        token: &Token,
        (after, after_id): Cursor<'_>,
    ) -> Result<ReadRight, Fail> {
        let record: LogRecord = self.batch.log(log)?.ok_or(Refused::NotFound)?;
        let hash = hash_token(token);
        let right = if is_same(&hash, &record.tokens.read) {
            ReadRight { head: record.head, until: None }
        } else {
            match self.batch.retired(log, &hash)? {
                Some(Retired::Read { until }) => ReadRight { head: until, until: Some(until) },
                _ => return Err(Refused::Forbidden.into()),
            }
        };
        // What is past its time is unknown, and no contradiction.
        let is_another = match after_id {
            Some(id) if (1..=record.head).contains(&after) => {
                self.batch.id_at(log, after)?.is_some_and(|found| found != *id)
            }
            _ => false,
        };
        if after > record.head || is_another {
            return Err(Refused::Beyond { head: record.head }.into());
        }
        Ok(right)
    }
}

/// What a parked subscription is to be sent next.
struct Turn {
    frame: Option<Arc<[u8]>>,
    count: u64,
    cursor: Seq,
    /// Whether that was all there is.
    is_at_end: bool,
}

impl<E: Engine> Service<E> {
    /// Begins a subscription, in the place of an earlier one of the connection to the same log.
    pub(crate) fn subscribe(&mut self, id: ConnectionId, log: LogId, subscription: Subscription) {
        self.unsubscribe(id, &log);
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.subscriptions.insert(log, Subscription { behind: false, ..subscription });
        self.subscribers.insert(log, id);
        self.subscription_count += 1;
        if subscription.behind {
            self.park(id, &log);
        }
    }

    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, log: &LogId) {
        if let Some(connection) = self.connections.get_mut(id)
            && connection.subscriptions.remove(log).is_some()
        {
            connection.turns.retain(|other| other != log);
            self.subscription_count -= 1;
            self.subscribers.remove(log, id);
        }
    }

    /// A generation ended with the entry `until`: whoever is subscribed reads to there.
    pub(crate) fn end_subscriptions(&mut self, log: &LogId, until: Seq) {
        for id in self.subscribers.of(log) {
            let subscription = self
                .connections
                .get_mut(*id)
                .and_then(|connection| connection.subscriptions.get_mut(log));
            if let Some(subscription) = subscription {
                subscription.until.get_or_insert(until);
            }
        }
    }

    /// Leaves a subscription at its cursor, to be served from the log when there is room.
    pub(crate) fn park(&mut self, id: ConnectionId, log: &LogId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Some(subscription) = connection.subscriptions.get_mut(log) else { return };
        if !subscription.behind {
            subscription.behind = true;
            connection.turns.push_back(*log);
        }
        self.park_connection(id);
    }

    /// Remembers that a connection has something that is served from the storage.
    pub(crate) fn park_connection(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !connection.is_parked {
            if self.parked >= self.config.parked_connections_max {
                return self.close(id, Closing::Parked);
            }
            connection.is_parked = true;
            self.parked += 1;
        }
        if !std::mem::replace(&mut connection.is_hungry, true) {
            self.hungry.push(id);
        }
    }

    /// Serves the connections that were parked or have drained.
    pub(crate) fn feed_hungry(&mut self) {
        for id in std::mem::take(&mut self.hungry) {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.is_hungry = false;
                self.feed(id);
            }
        }
    }

    /// Serves a connection from the storage while its outgoing queue has room: a page for each of
    /// its logs in turn, so that a long one does not keep the others waiting.
    pub(crate) fn feed(&mut self, id: ConnectionId) {
        while let Some(connection) = self.connections.get_mut(id) {
            if connection.closing.is_some()
                || connection.outgoing_bytes >= self.config.pushes_bytes_max
            {
                return;
            }
            let fed = if let Some(log) = connection.turns.front().copied() {
                self.feed_log(id, &log)
            } else if let Some(device) = connection.inboxes_behind.first().copied() {
                self.feed_inbox(id, &device)
            } else {
                self.parked -= usize::from(std::mem::take(&mut connection.is_parked));
                return;
            };
            if let Err(error) = fed {
                crate::say::error("could not read for a subscription", &[("error", &error)]);
                return self.close(id, Closing::Storage);
            }
        }
    }

    fn feed_log(&mut self, id: ConnectionId, log: &LogId) -> Stored<()> {
        let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
        connection.turns.pop_front();
        let Some(subscription) = connection.subscriptions.get(log).copied() else { return Ok(()) };
        let mut turn = None;
        self.engine.read(&mut |batch| {
            turn = Some(next_turn(batch, log, subscription)?);
            Ok(())
        })?;
        let Some(turn) = turn else { return Ok(()) };
        let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
        let Some(subscription) = connection.subscriptions.get_mut(log) else { return Ok(()) };
        subscription.cursor = turn.cursor;
        subscription.behind = !turn.is_at_end;
        let has_ended = turn.is_at_end && subscription.until.is_some();
        if !turn.is_at_end {
            connection.turns.push_back(*log);
        }
        self.metrics.deliveries.add(turn.count);
        if let Some(frame) = turn.frame {
            self.send(id, &frame);
        }
        if has_ended {
            self.unsubscribe(id, log);
            self.send(id, &ServerFrame::Push(Push::Rotated { log: *log }).encode().into());
        }
        Ok(())
    }
}

fn next_turn(batch: &mut dyn Batch, log: &LogId, subscription: Subscription) -> Stored<Turn> {
    let head = batch.log(log)?.map_or(0, |record| record.head);
    let until = subscription.until.unwrap_or(head);
    let page = Page {
        after: subscription.cursor,
        until,
        count: limits::ENTRIES_PER_FRAME_MAX,
        bytes: limits::ENTRIES_FRAME_BYTES_SOFT,
    };
    let entries = batch.entries(log, page)?;
    let count = entries.len() as u64;
    // Without entries there is nothing up to `until`: all of it is past its time.
    let cursor = entries.last().map_or(until.max(subscription.cursor), |entry| entry.seq);
    let frame = (count > 0)
        .then(|| ServerFrame::Push(Push::Entries { log: *log, entries }).encode().into());
    Ok(Turn { frame, count, cursor, is_at_end: cursor >= until })
}
