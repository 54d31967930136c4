//! Slow mode: a plain member waits between two messages (docs/protocol.md, "Slow mode").

use veche_mls::Policy;
use veche_store::{LogRow, MessageRow, RowState};
use veche_wire::{AccountId, EntryId, LogId};

use crate::ClientError;
use crate::error::refuse;
use crate::work::{Work, mutated};

/// Refuses a message of this person that comes too soon, and says how long it is.
pub(crate) fn check_slow(work: &mut Work<'_>, chat: &LogId) -> Result<(), ClientError> {
    let row = super::writable_log(work, chat)?;
    let me = work.identity()?.account();
    let slow = work.look_at_group(&row.log, |group| group.policy().slow_for(&me))?.flatten();
    let (Some(seconds), false) = (slow, mutated!(work.core, Dishonest)) else { return Ok(()) };
    let last = work.tx.last_said(chat, &me, None)?;
    let free = last.map_or(0, |last| last.sent_at.saturating_add(1_000 * u64::from(seconds)));
    match free.saturating_sub(work.now).div_ceil(1_000) {
        0 => Ok(()),
        left => refuse(format!("This group is in slow mode: you can write again in {left} s.")),
    }
}

/// What is said to who had written something before slow mode began.
pub(super) const TOO_SOON: &str = "the group is in slow mode, and this came too soon after the \
                                   message before it";

/// Whether a message of this person that waits comes too soon after what they have said before it: slow
/// mode may have begun since it was written.
pub(super) fn is_too_soon(
    work: &Work<'_>,
    (row, policy): (&LogRow, &Policy),
    id: &EntryId,
) -> Result<bool, ClientError> {
    let me = work.identity()?.account();
    let Some(seconds) = policy.slow_for(&me) else { return Ok(false) };
    let message = work.tx.message(&row.chat, id)?;
    let Some(message) = message.filter(|message| message.state == RowState::Pending) else {
        return Ok(false);
    };
    let last = work.tx.last_said(&row.chat, &me, Some(message.arrival))?;
    Ok(last.is_some_and(|last| is_after(&last, message.sent_at, seconds)))
}

/// The message after which another one of its author comes too soon, by the times that both state: all
/// members see the same. What takes the place of an entry that could not be read was in time.
pub(crate) fn comes_too_soon(
    work: &Work<'_>,
    (row, policy): (&LogRow, &Policy),
    (author, id, sent_at): (&AccountId, &EntryId, u64),
) -> Result<Option<MessageRow>, ClientError> {
    let Some(seconds) = policy.slow_for(author) else { return Ok(None) };
    if work.tx.message(&row.chat, id)?.is_some() || work.tx.is_unread(&row.log, id)? {
        return Ok(None);
    }
    let last = work.tx.last_said(&row.chat, author, None)?;
    Ok(last.filter(|last| is_after(last, sent_at, seconds)))
}

fn is_after(last: &MessageRow, sent_at: u64, seconds: u32) -> bool {
    sent_at < last.sent_at.saturating_add(1_000 * u64::from(seconds))
}
