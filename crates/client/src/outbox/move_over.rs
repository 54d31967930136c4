//! A chat goes on in another log: what waits moves over.

use veche_store::{LogRow, OutboxRow, OutboxState, PENDING_POSITION, RowState};
use veche_wire::Content;
use veche_wire::content::Body;

use super::settle;
use crate::ClientError;
use crate::wanted::{self, Change, Wanted};
use crate::work::Work;

/// Moves what waits for `from` to the end of what waits for `to`, in its order. Where `everything` may
/// move, changes and the wish to leave go along; else only messages that are not sealed.
pub(crate) fn move_over(
    work: &mut Work<'_>,
    from: &LogRow,
    to: &LogRow,
    everything: bool,
) -> Result<(), ClientError> {
    for out in work.tx.outbox(&from.log)? {
        let wanted: Wanted = wanted::decode(&out.body)?;
        let waits = out.state <= OutboxState::Queued;
        match wanted {
            Wanted::Message(content) if waits => {
                let content = Content::decode(&content)?;
                if matches!(content.body, Body::Note(_)) {
                    // Notes are about the log itself.
                    work.tx.delete_outbox(out.position)?;
                    continue;
                }
                move_row(work, &out, to)?;
                move_message(work, from, to, &content)?;
            }
            Wanted::Change(Change::Succeed { .. }) if everything => {
                // It was for a log that the server has not made.
                work.tx.delete_outbox(out.position)?;
                if let Some(intent) = out.intent {
                    settle::fail_intent(work, intent, "the chat did not go on there")?;
                }
            }
            Wanted::Change(_) | Wanted::Leave | Wanted::Guard(_)
                if everything && !out.automatic =>
            {
                move_row(work, &out, to)?;
            }
            _ if everything => work.tx.delete_outbox(out.position)?,
            _ => {}
        }
    }
    work.core.session.dirty.insert(to.log);
    Ok(())
}

fn move_row(work: &Work<'_>, out: &OutboxRow, to: &LogRow) -> Result<(), ClientError> {
    work.tx.delete_outbox(out.position)?;
    work.tx.insert_outbox(&OutboxRow { log: to.log, ..out.clone() })?;
    Ok(())
}

fn move_message(
    work: &Work<'_>,
    from: &LogRow,
    to: &LogRow,
    content: &Content,
) -> Result<(), ClientError> {
    for chat in [from.chat, to.chat] {
        if let Some(mut message) = work.tx.message(&chat, &content.id)?
            && message.state == RowState::Pending
        {
            message.log = to.log;
            message.rank = to.rank;
            message.position = PENDING_POSITION;
            work.tx.update_message(&message)?;
        }
    }
    Ok(())
}
