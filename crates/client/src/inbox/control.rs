//! Requests in the log that need no epoch: to be removed, to be added again (docs/protocol.md,
//! rules 7, 9).

use veche_mls::{Control, Group, LeaveRequest};
use veche_store::{LogRow, LogState, OutboxRow, Scope};
use veche_wire::{AccountId, Entry, LogId};

use super::Taken;
use crate::wanted::{self, Wanted};
use crate::work::Work;
use crate::{ClientError, Event, outbox, people};

/// Takes a control entry.
pub(super) fn take(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &Group,
    (entry, own): (&Entry, Option<OutboxRow>),
) -> Result<Taken, ClientError> {
    if let Some(out) = own {
        if wanted::decode::<Wanted>(&out.body)? == Wanted::Leave {
            row.state = LogState::Left;
        }
        outbox::own_control(work, &OutboxRow { wait_until: entry.seq, ..out })?;
        return Ok(Taken::Yes);
    }
    let Some(secret) = outbox::generation_secret(work, row)? else { return Ok(Taken::Yes) };
    let key = secret.control_key(&row.log, row.generation);
    let Some(plain) = key.open(&row.log, &entry.id, &entry.bytes) else { return Ok(Taken::Yes) };
    let Ok(control) = Control::decode(&plain) else { return Ok(Taken::Yes) };
    match control {
        Control::Leave(request) => {
            if group.verify_leave(&request).is_some() {
                outbox::elect_leaver_removal(work, group, plain, &request.device)?;
            }
        }
        Control::Readmit(request) => {
            let me = work.identity()?.device();
            if request.verify()
                && request.log == row.log
                && request.device != me
                && group.member_of_device(&request.device).is_some()
                && is_new(work, &request)?
            {
                outbox::elect_readmission(work, group, plain, &request.device)?;
            }
        }
    }
    Ok(Taken::Yes)
}

/// Somebody asks through the inbox to be removed.
pub(crate) fn asked_to_leave(
    work: &mut Work<'_>,
    request: &LeaveRequest,
) -> Result<(), ClientError> {
    let Some(row) = work.tx.log(&request.log)?.filter(|row| row.state == LogState::Active) else {
        return Ok(());
    };
    let group = work.take_group(&row.log)?;
    if group.verify_leave(request).is_some() {
        let plain = Control::Leave(request.clone()).encode();
        outbox::elect_leaver_removal(work, &group, plain, &request.device)?;
    }
    work.put_group(row.log, group);
    work.core.session.dirty.insert(row.log);
    Ok(())
}

/// Whether a request to be added again was not seen before: once answered, it gives no place again.
pub(crate) fn is_new(
    work: &Work<'_>,
    request: &veche_mls::ReadmitRequest,
) -> Result<bool, ClientError> {
    Ok(work.tx.see(&Scope::Log(request.log), &request.signature)?)
}

/// Our request to be removed is durable: the keys of the chat are dropped.
pub(crate) fn left(work: &mut Work<'_>, log: &LogId, out: &OutboxRow) -> Result<(), ClientError> {
    let Some(mut row) = work.tx.log(log)? else { return Ok(()) };
    outbox::depart(work, &row, out)?;
    work.tx.delete_outbox(out.position)?;
    if row.state == LogState::Active {
        row.state = LogState::Left;
        work.tx.put_log(&row)?;
        let group = work.take_group(log)?;
        super::end(work, &row, group)?;
    }
    outbox::fail_outbox(work, log, "you have left this chat")?;
    work.tell(Event::Chat(row.chat));
    if let Some(intent) = out.intent {
        let ending = wanted::Ending::Chat(row.chat.0);
        outbox::settle_intent(work, intent, &ending)?;
    }
    Ok(())
}

/// Typing: not stored by anybody. The plain text is the account that types.
pub(crate) fn signal(work: &mut Work<'_>, log: &LogId, bytes: &[u8]) -> Result<(), ClientError> {
    let Some(row) = work.tx.log(log)? else { return Ok(()) };
    let Some(secret) = outbox::generation_secret(work, &row)? else { return Ok(()) };
    let key = secret.control_key(log, row.generation);
    if let Some(plain) = key.open_signal(log, bytes)
        && let Ok(account) = AccountId::try_from(plain.as_slice())
        && account != work.identity()?.account()
    {
        let from = people::name(work, &account)?;
        work.tell(Event::Typing { chat: row.chat, from });
    }
    Ok(())
}
