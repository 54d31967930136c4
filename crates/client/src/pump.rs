//! After everything that happens: what can be done now is done, from what the rows say.

use std::collections::BTreeSet;

use veche_store::{InvitationState, LogState, Tx};
use veche_wire::Request;

use crate::session::{Key, Session, Stage};
use crate::work::Work;
use crate::{
    Client, ClientError, Effect, account, blobs, door, gather, inbox, join, knock, outbox,
};

impl Client {
    /// Starts whatever can be started, and says when to come again.
    pub(crate) fn pump(&mut self, effects: &mut Vec<Effect>) -> Result<(), ClientError> {
        if self.core.session.is_up() {
            self.transact(effects, |work| {
                account::keep_up(work)?;
                if !work.core.session.registered {
                    return Ok(());
                }
                gather::go_on(work)?;
                join::go_on(work)?;
                door::go_on(work)?;
                knock::go_on(work)?;
                outbox::deliver(work)?;
                outbox::look_for_departures(work)?;
                blobs::go_on(work)?;
                inbox::unread::go_on(work)?;
                inbox::order::go_on(work)?;
                subscribe(work)
            })?;
            self.pump_logs(effects)?;
        }
        let due = self.store.read(|tx| tx.outbox_due(self.now))?;
        let wake = [due, self.core.session.next_due(self.now)].into_iter().flatten().min();
        if let (true, Some(time)) = (self.core.session.is_up(), wake) {
            effects.push(Effect::WakeAt(time.max(self.now + 1)));
        }
        Ok(())
    }

    /// One transaction per step of each log, so that nothing is sent before it is written.
    fn pump_logs(&mut self, effects: &mut Vec<Effect>) -> Result<(), ClientError> {
        let due = self.store.read(|tx| tx.outbox_ready(self.now))?;
        self.core.session.dirty.extend(due);
        let put_off = self.core.session.take_due(self.now);
        self.core.session.dirty.extend(put_off);
        // What is to be done where the group is away is begun when it is back.
        let (held, dirty): (BTreeSet<_>, _) = std::mem::take(&mut self.core.session.dirty)
            .into_iter()
            .partition(|log| self.core.ahead.holds(log));
        self.core.session.dirty = dirty;
        while let Some(log) = self.core.session.dirty.pop_first() {
            while self.transact(effects, |work| outbox::step(work, &log))? {}
        }
        self.core.session.dirty.extend(held);
        Ok(())
    }
}

/// Every log that this device is in is followed.
fn subscribe(work: &mut Work<'_>) -> Result<(), ClientError> {
    if !matches!(work.core.session.stage, Stage::Up { .. }) {
        return Ok(());
    }
    for row in work.tx.logs()? {
        if work.core.session.subscriptions.contains_key(&row.log) {
            continue;
        }
        match row.state {
            LogState::Active => follow_or_look(work, row)?,
            // A device without its place only asks for it; that needs no reading.
            LogState::Creating | LogState::Stuck => {
                work.core.session.dirty.insert(row.log);
            }
            LogState::Left | LogState::Removed | LogState::Succeeded => {}
        }
    }
    Ok(())
}

/// Follows a log; where it and this device differ, that is looked into first.
fn follow_or_look(work: &mut Work<'_>, row: veche_store::LogRow) -> Result<(), ClientError> {
    let log = row.log;
    let Some(fork) = work.core.session.forks.get(&log).copied() else {
        return follow(work, &row);
    };
    inbox::restored::look(work, row, fork)?;
    if work.core.session.forks.contains_key(&log) {
        return Ok(());
    }
    // The fork is found: from there on the log is followed at once, since nothing else may happen.
    match work.tx.log(&log)? {
        Some(row) if row.state == LogState::Active => follow(work, &row),
        _ => Ok(()),
    }
}

fn follow(work: &mut Work<'_>, row: &veche_store::LogRow) -> Result<(), ClientError> {
    let Some(token) = outbox::read_token(work, row)? else { return Ok(()) };
    let (log, after) = (row.log, row.cursor);
    let after_id = work.tx.entry_at(&log, after)?.map(|entry| entry.id);
    work.ask(Key::Subscribe(log), |_| Request::Subscribe { log, token, after, after_id });
    Ok(())
}

/// Whether everything that the server has was processed.
pub(crate) fn is_caught_up(tx: &Tx<'_>, session: &Session) -> Result<bool, ClientError> {
    // A program that ends when it has caught up must have left its KeyPackages behind.
    if !session.registered
        || session.is_stocking()
        || session.inbox.is_none_or(|head| head > session.inbox_seen)
        || !door::are_read(tx, session)?
    {
        return Ok(false);
    }
    for row in tx.logs()? {
        if row.state == LogState::Active {
            match session.subscriptions.get(&row.log) {
                Some(subscription) if row.cursor >= subscription.head => {}
                None if session.unfollowed.contains(&row.log) => {}
                _ => return Ok(false),
            }
        }
    }
    Ok(!tx.invitations()?.iter().any(|row| row.state == InvitationState::Accepted))
}
