//! Chats: the list of them, opening one, reading one.

use veche_client::wire::{EntryId, LogId};
use veche_client::{Command, MessageView, Outcome};

use crate::context::{Change, Context};
use crate::problem::Problem;
use crate::render;
use crate::shapes::{ChatShape, MessageShape};

/// How many messages are printed where nobody says.
const READ_LIMIT: usize = 50;
/// How many messages are held in memory at a time.
const PAGE_MESSAGES: usize = 500;

/// Lists the chats.
pub(super) async fn list(context: &Context) -> Result<(), Problem> {
    let views = context.client().chats()?;
    for view in &views {
        context.output.say(&ChatShape::from(view), || render::chat(view))?;
    }
    context.output.flush().await
}

/// Opens the chat with somebody.
pub(super) async fn open(context: &Context, who: &str) -> Result<(), Problem> {
    let who = super::contacts::person(who)?;
    match context.change(|_| Ok(Command::OpenDirect(who))).await? {
        Change::Done(Outcome::Chat(chat)) => super::say_chat(context, chat),
        Change::Done(_) | Change::Queued => Ok(()),
    }
}

/// Prints messages, oldest first.
pub(super) async fn read(
    context: &Context,
    chat: &str,
    after: Option<EntryId>,
    limit: Option<usize>,
) -> Result<(), Problem> {
    let chat = context.chat(chat)?;
    match after {
        None => {
            let page = context.client().page(chat, None, limit.unwrap_or(READ_LIMIT))?;
            say_messages(context, &page).await?;
        }
        Some(after) => say_after(context, chat, after, limit.unwrap_or(usize::MAX)).await?,
    }
    if is_read_to_the_end(context, chat, after, limit)? {
        context.engine.command(Command::MarkRead { chat })?;
    }
    Ok(())
}

/// Prints a whole chat.
pub(super) async fn export(context: &Context, chat: &str) -> Result<(), Problem> {
    let chat = context.chat(chat)?;
    let whole = context.client().page(chat, None, usize::MAX)?;
    say_messages(context, &whole).await
}

/// Prints at most `limit` messages that follow one, page by page.
async fn say_after(
    context: &Context,
    chat: LogId,
    mut after: EntryId,
    mut limit: usize,
) -> Result<(), Problem> {
    while limit > 0 {
        let page = context.client().page(chat, Some(after), limit.min(PAGE_MESSAGES))?;
        let Some(last) = page.last() else { break };
        (after, limit) = (last.id, limit - page.len().min(limit));
        say_messages(context, &page).await?;
    }
    Ok(())
}

async fn say_messages(context: &Context, page: &[MessageView]) -> Result<(), Problem> {
    for piece in page.chunks(PAGE_MESSAGES) {
        for view in piece {
            context.output.say(&MessageShape::from(view), || render::message(view))?;
        }
        context.output.flush().await?;
    }
    Ok(())
}

/// Whether what was printed ends with the end of the chat.
fn is_read_to_the_end(
    context: &Context,
    chat: LogId,
    after: Option<EntryId>,
    limit: Option<usize>,
) -> Result<bool, Problem> {
    let Some(limit) = limit else { return Ok(true) };
    match after {
        None => Ok(limit > 0),
        Some(after) => {
            let beyond = context.client().page(chat, Some(after), limit.saturating_add(1))?;
            Ok(beyond.len() <= limit)
        }
    }
}
