//! Inboxes: anyone with the contact's invite or a stranger's permit may put an envelope in, only the
//! device reads.

use veche_wire::{
    Delivery, DeviceId, InboxPass, Push, Refused, Response, Seq, ServerFrame, TokenHash, limits,
};

use crate::service::{ConnectionId, Effect, Fail, Reply, Service, Station, hash_token, is_same};
use crate::storage::{Engine, Page, Stored};

impl Station<'_> {
    /// Puts an envelope into an inbox. An id that waits there already changes nothing.
    pub(crate) fn deliver(&mut self, delivery: &Delivery) -> Result<Reply, Fail> {
        let Delivery { device, id, pass, needs, bytes } = delivery;
        let account = self.owner_of(device)?;
        if self.batch.has_envelope(device, id)? {
            return Ok(Response::Done.into());
        }
        if let InboxPass::Invite(secret) = pass {
            let hash = hash_token(secret);
            // All are compared, so that the time does not tell which it was.
            let invites = self.batch.invites(&account)?;
            let matches = invites.iter().filter(|invite| is_same(invite, &hash)).count();
            if matches == 0 {
                return Err(Refused::Forbidden.into());
            }
        }
        if let Some(blob) = needs
            && !self.batch.blob(blob)?.is_some_and(|state| state.is_complete())
        {
            return Err(Refused::MissingBlob.into());
        }
        if self.batch.inbox(device)?.waiting >= limits::INBOX_ENTRIES_MAX {
            return Err(Refused::Full.into());
        }
        let day = self.day();
        self.batch.deliver(device, id, bytes, day)?;
        Ok(Reply::with(Response::Done, Effect::Delivered { device: *device }))
    }

    pub(crate) fn set_invites(
        &mut self,
        device: &DeviceId,
        hashes: &[TokenHash],
    ) -> Result<Reply, Fail> {
        let account = self.owner_of(device)?;
        self.batch.put_invites(&account, hashes)?;
        Ok(Response::Done.into())
    }

    pub(crate) fn subscribe_inbox(&mut self, device: &DeviceId) -> Result<Reply, Fail> {
        self.owner_of(device)?;
        let inbox = self.batch.inbox(device)?;
        // A device that has erased everything waits for nothing.
        let head = if inbox.waiting == 0 { 0 } else { inbox.head };
        let effect = Effect::InboxSubscribed { device: *device };
        Ok(Reply::with(Response::InboxSubscribed { head }, effect))
    }

    pub(crate) fn erase_inbox(&mut self, device: &DeviceId, up_to: Seq) -> Result<Reply, Fail> {
        self.owner_of(device)?;
        self.batch.erase(device, up_to)?;
        Ok(Response::Done.into())
    }
}

impl<E: Engine> Service<E> {
    /// Begins to read an inbox from its start. A connection that reads too many inboxes stops
    /// reading the first of them.
    pub(crate) fn subscribe_inbox(&mut self, id: ConnectionId, device: DeviceId) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.inboxes.insert(device, 0);
        connection.inboxes_behind.insert(device);
        self.inbox_readers.insert(device, id);
        if connection.inboxes.len() > self.config.inboxes_max
            && let Some(first) = connection.inboxes.keys().find(|other| **other != device).copied()
        {
            connection.inboxes.remove(&first);
            connection.inboxes_behind.remove(&first);
            self.inbox_readers.remove(&first, id);
        }
        self.park_connection(id);
    }

    /// Something came into an inbox.
    pub(crate) fn wake_inbox(&mut self, device: &DeviceId) {
        for id in self.inbox_readers.of(device).to_vec() {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.inboxes_behind.insert(*device);
            }
            self.park_connection(id);
        }
    }

    /// Sends the next page of an inbox.
    pub(crate) fn feed_inbox(&mut self, id: ConnectionId, device: &DeviceId) -> Stored<()> {
        let Some(connection) = self.connections.get_mut(id) else { return Ok(()) };
        let after = connection.inboxes.get(device).copied().unwrap_or(0);
        let page = Page {
            after,
            until: Seq::MAX,
            count: limits::ENTRIES_PER_FRAME_MAX,
            bytes: limits::ENTRIES_FRAME_BYTES_SOFT,
        };
        let mut entries = Vec::new();
        self.engine.read(&mut |batch| {
            entries = batch.envelopes(device, page)?;
            Ok(())
        })?;
        match entries.last() {
            None => {
                connection.inboxes_behind.remove(device);
            }
            Some(last) => {
                connection.inboxes.insert(*device, last.seq);
                self.metrics.deliveries.add(entries.len() as u64);
                let frame = ServerFrame::Push(Push::Inbox { entries }).encode();
                self.send(id, &frame.into());
            }
        }
        Ok(())
    }
}
