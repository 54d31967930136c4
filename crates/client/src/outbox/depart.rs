//! After leaving: this device does not see whether its request to be removed was carried out, and a
//! server restored from an older copy has lost it. So it looks for it for a while, and where it is
//! gone, says it again, with what this person had said last before it.

use veche_store::{DepartureRow, LogRow, OutboxRow};
use veche_wire::{Append, Commitment, Entry, EntryId, Kind, LogId, Millis, Refused, Request};

use crate::ClientError;
use crate::session::Key;
use crate::work::Work;

/// For how long it is looked for, in milliseconds.
const DEPARTED_MS: Millis = 30 * 24 * 3_600_000;

/// Keeps a request that the server has, before the keys of the chat are dropped.
pub(crate) fn depart(work: &Work<'_>, row: &LogRow, out: &OutboxRow) -> Result<(), ClientError> {
    let secret = super::secret_of(work, row, out.epoch)?;
    let (Some(secret), Some(bytes)) = (secret, out.sealed.clone()) else { return Ok(()) };
    Ok(work.tx.put_departure(&DepartureRow {
        log: row.log,
        id: out.id,
        seq: out.wait_until,
        read_token: secret.read_token(&row.log, out.epoch),
        write_token: secret.write_token(&row.log, out.epoch),
        bytes,
        asked: work.now,
    })?)
}

/// Looks for the requests, once on each connection.
pub(crate) fn look_for_departures(work: &mut Work<'_>) -> Result<(), ClientError> {
    if std::mem::replace(&mut work.core.session.departures_looked_for, true) {
        return Ok(());
    }
    for DepartureRow { log, id, seq, read_token, asked, .. } in work.tx.departures()? {
        if asked + DEPARTED_MS < work.now {
            work.tx.delete_departure(&log)?;
            continue;
        }
        work.ask(Key::Departure(log), |_| Request::Read {
            log,
            token: read_token,
            after: seq,
            after_id: Some(id),
            limit: 0,
        });
    }
    Ok(())
}

/// The server does not have a request any more: what this person said last goes first, in its order.
/// The generation's tokens can be unknown to the server, too, until a member brings it back; then the
/// next connection looks again.
pub(crate) fn depart_again(work: &mut Work<'_>, log: &LogId) -> Result<(), ClientError> {
    let Some(departure) = departure(work, log)? else { return Ok(()) };
    let Some(row) = work.tx.log(log)? else { return Ok(()) };
    super::tell_of_restoration(work);
    let mut prev = None;
    for kept in work.tx.entries_after(log, row.last_commit)? {
        let entry = Entry::decode(&kept.frame)?;
        if kept.wanted.is_some() && entry.kind == Kind::Message {
            let commitment = entry.commitment;
            let what = (entry.id, entry.kind, commitment, entry.bytes);
            append(work, (&departure, row.last_commit), prev.replace(entry.id), what);
        }
    }
    let what = (departure.id, Kind::Control, None, departure.bytes.clone());
    append(work, (&departure, row.last_commit), prev, what);
    Ok(())
}

/// Id, kind, commitment and sealed bytes of an entry.
type What = (EntryId, Kind, Option<Commitment>, Vec<u8>);

fn append(
    work: &mut Work<'_>,
    (departure, after_commit): (&DepartureRow, u64),
    prev: Option<EntryId>,
    (id, kind, commitment, bytes): What,
) {
    let (log, token) = (departure.log, departure.write_token);
    work.ask(Key::Append(log, id), |_| {
        Request::Append(Append {
            log,
            token,
            id,
            kind,
            after_commit,
            prev,
            needs: None,
            commitment,
            rider: None,
            bytes,
        })
    });
}

fn departure(work: &Work<'_>, log: &LogId) -> Result<Option<DepartureRow>, ClientError> {
    Ok(work.tx.departures()?.into_iter().find(|row| row.log == *log))
}

/// Whether an append was such a request; then it is answered here.
pub(super) fn answered(
    work: &mut Work<'_>,
    log: &LogId,
    entry: &EntryId,
    outcome: Result<u64, &Refused>,
) -> Result<bool, ClientError> {
    let Some(mut row) = departure(work, log)?.filter(|row| row.id == *entry) else {
        return Ok(false);
    };
    match outcome {
        Ok(seq) => {
            row.seq = seq;
            work.tx.put_departure(&row)?;
        }
        // Its generation has ended in another way: whoever is inside now does not hear this device.
        Err(Refused::Stale { .. }) => work.tx.delete_departure(log)?,
        Err(_) => {}
    }
    Ok(true)
}
