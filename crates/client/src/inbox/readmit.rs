//! The one repair for every kind of lost state: be added again (docs/protocol.md, rules 6 and 7).

use veche_mls::{Control, ReadmitRequest, Suite, generate_key_package};
use veche_store::{LogRow, LogState};
use veche_wire::{Append, EntryId, Kind, LogId, Request};

use crate::session::Key;
use crate::work::Work;
use crate::{ClientError, Event, answer, invitation, outbox};

/// How long an unanswered request waits before it is made again, in milliseconds.
const ASK_AGAIN_MS: u64 = 60_000;

/// This device cannot follow the log: it writes no entry of the group, skips nothing, says so, and
/// asks to be added again.
pub(crate) fn stuck(work: &mut Work<'_>, row: &mut LogRow, words: &str) -> Result<(), ClientError> {
    row.state = LogState::Stuck;
    row.flags.readmit_asked = false;
    work.tx.put_log(row)?;
    work.tell(Event::Notice(format!(
        "This device cannot follow a chat any more ({words}). It has asked to be added again."
    )));
    work.tell(Event::Chat(row.chat));
    work.core.session.subscriptions.remove(&row.log);
    work.core.session.dirty.insert(row.log);
    invitation::place_lost(work, &row.log)
}

/// Asks, as a control entry under the generation that this device knows.
pub(crate) fn step(work: &mut Work<'_>, row: LogRow) -> Result<(), ClientError> {
    let name = request_name(&row.log);
    let (id, bytes) = match work.tx.meta(&name)? {
        Some(kept) if row.flags.readmit_asked && kept.len() > 16 => {
            let (id, bytes) = kept.split_at(16);
            (EntryId::try_from(id)?, bytes.to_vec())
        }
        _ => make(work, &row, &name)?,
    };
    let Some(secret) = outbox::generation_secret(work, &row)? else { return Ok(()) };
    let token = secret.write_token(&row.log, row.generation);
    let log = row.log;
    if work.core.session.may_ask(&Key::Append(log, id), work.now) {
        work.ask(Key::Append(log, id), |_| {
            Request::Append(Append {
                log,
                token,
                id,
                kind: Kind::Control,
                after_commit: 0,
                prev: None,
                needs: None,
                commitment: None,
                rider: None,
                bytes,
            })
        });
    }
    Ok(())
}

fn request_name(log: &LogId) -> String {
    format!("readmit {log}")
}

fn make(work: &mut Work<'_>, row: &LogRow, name: &str) -> Result<(EntryId, Vec<u8>), ClientError> {
    let suite = suite_of(work, &row.log)?;
    let package =
        generate_key_package(&work.core.engine, work.keep, work.identity()?, suite, false)?;
    let request = ReadmitRequest::new(work.identity()?, row.log, package);
    let control = Control::Readmit(request).encode();
    let id = EntryId::random(&mut work.core.random.clone());
    let secret = outbox::generation_secret(work, row)?
        .ok_or_else(|| ClientError::Bug("the generation's secret is missing".into()))?;
    let key = secret.control_key(&row.log, row.generation);
    let sealed = key.seal(&mut work.core.random.clone(), &row.log, &id, &control);
    work.tx.set_meta(name, &[id.as_bytes().as_slice(), &sealed].concat())?;
    let mut row = row.clone();
    row.flags.readmit_asked = true;
    work.tx.put_log(&row)?;
    Ok((id, sealed))
}

/// The suite of a log's group: known from the group, or from the invitation that could not be used.
fn suite_of(work: &mut Work<'_>, log: &LogId) -> Result<Suite, ClientError> {
    match work.take_group(log) {
        Ok(group) => {
            let suite = group.suite();
            work.put_group(*log, group);
            Ok(suite.unwrap_or(Suite::Classic))
        }
        Err(ClientError::Bug(_)) => Ok(Suite::PostQuantum),
        Err(error) => Err(error),
    }
}

/// Whether an append is such a request; then it is answered here.
pub(crate) fn answered(
    work: &mut Work<'_>,
    log: &LogId,
    entry: &EntryId,
    refused: Option<&veche_wire::Refused>,
) -> Result<bool, ClientError> {
    let Some(row) = work.tx.log(log)? else { return Ok(false) };
    let kept = work.tx.meta(&request_name(log))?.unwrap_or_default();
    if row.state != LogState::Stuck || !kept.starts_with(entry.as_bytes()) {
        return Ok(false);
    }
    match refused {
        // Asked; again if nobody answers.
        None => work.core.session.put_off(Key::Append(*log, *entry), work.now + ASK_AGAIN_MS),
        Some(refused) => {
            let words = format!(
                "A chat could not be repaired yet: {}. Ask a member to remove and add you.",
                answer::words(refused)
            );
            work.tell(Event::Notice(words));
            work.core.session.put_off(Key::Append(*log, *entry), work.now + ASK_AGAIN_MS);
        }
    }
    Ok(true)
}

/// This device has its place again.
pub(crate) fn repaired(work: &Work<'_>, log: &LogId) -> Result<(), ClientError> {
    Ok(work.tx.set_meta(&request_name(log), &[])?)
}
