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
    let to_the_end = match after {
        None => {
            let limit = limit.unwrap_or(READ_LIMIT);
            let page = context.client().page(chat, None, limit)?;
            say_messages(context, &page).await?;
            limit > 0
        }
        Some(after) => say_after(context, chat, after, limit.unwrap_or(usize::MAX)).await?,
    };
    if to_the_end {
        context.engine.command(Command::MarkRead { chat })?;
    }
    Ok(())
}

/// Prints a whole chat.
pub(super) async fn export(context: &Context, chat: &str) -> Result<(), Problem> {
    let chat = context.chat(chat)?;
    let page = context.client().first_page(chat, PAGE_MESSAGES)?;
    say_messages(context, &page).await?;
    if let Some(last) = page.last() {
        say_after(context, chat, last.id, usize::MAX).await?;
    }
    Ok(())
}

/// Prints at most `limit` messages that follow one, page by page, and says whether the last of them
/// is the last of the chat.
async fn say_after(
    context: &Context,
    chat: LogId,
    mut after: EntryId,
    mut limit: usize,
) -> Result<bool, Problem> {
    loop {
        // One more than may be printed shows whether there is more.
        let count = limit.min(PAGE_MESSAGES);
        let mut page = context.client().page(chat, Some(after), count.saturating_add(1))?;
        let is_last = page.len() <= count;
        page.truncate(count);
        say_messages(context, &page).await?;
        limit -= page.len();
        match page.last() {
            Some(last) if !is_last && limit > 0 => after = last.id,
            _ => return Ok(is_last),
        }
    }
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
