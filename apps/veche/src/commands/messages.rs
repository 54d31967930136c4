//! Messages: saying, changing and finding them.

use std::path::PathBuf;

use veche_client::wire::{EntryId, LogId};
use veche_client::{Client, Command, Reply, StagedFile};

use super::files;
use crate::context::{Change, Context, Kept, find_chat};
use crate::problem::Problem;
use crate::render;
use crate::shapes::MessageShape;

/// Says something: a text, or a message for each file with the text on the first.
pub(super) async fn send(
    context: &Context,
    chat: &str,
    text: Option<String>,
    paths: Vec<PathBuf>,
    reply_to: Option<EntryId>,
) -> Result<(), Problem> {
    let text = text_to_send(context, text)?;
    // Everything that can be wrong with a file is found before anything is said.
    let opened = files::open_all(context, &paths)?;
    let reached = context.catch_up().await;
    let chat = match (context.chat(chat), reached.is_err()) {
        (Err(_), true) => return reached,
        (chat, _) => chat?,
    };
    let staged = files::stage_all(context, opened)?;
    let mut kept = Vec::new();
    for (text, reply_to, file) in parts(text, reply_to, staged) {
        let reply = context.engine.command(Command::Send { chat, text, reply_to, file })?;
        kept.push(Kept::new(reply, reached.clone()));
    }
    settle_all(context, chat, kept).await
}

/// Reacts to a message, or takes that back.
pub(super) async fn react(
    context: &Context,
    chat: &str,
    message: EntryId,
    emoji: String,
) -> Result<(), Problem> {
    change(context, chat, message, |chat| Command::React { chat, message, emoji }).await
}

/// Changes the text of an own message.
pub(super) async fn edit(
    context: &Context,
    chat: &str,
    message: EntryId,
    text: String,
) -> Result<(), Problem> {
    change(context, chat, message, |chat| Command::Edit { chat, message, text }).await
}

/// Deletes an own message.
pub(super) async fn delete(context: &Context, chat: &str, message: EntryId) -> Result<(), Problem> {
    change(context, chat, message, |chat| Command::Delete { chat, message }).await
}

/// Finds messages.
pub(super) async fn search(context: &Context, text: &str, limit: usize) -> Result<(), Problem> {
    let found = context.client().search(text, limit)?;
    for view in &found {
        context.output.say(&MessageShape::from(view), || {
            format!("{}\n{}", view.chat, render::message(view))
        })?;
    }
    context.output.flush().await
}

fn text_to_send(context: &Context, text: Option<String>) -> Result<String, Problem> {
    match (text, &context.stdin) {
        (Some(text), Some(stdin)) if text == "-" => {
            String::from_utf8(stdin.clone()).map_err(|_| {
                Problem::refused("standard input is not UTF-8 text")
                    .hint("send it as a file with --file")
            })
        }
        (text, _) => Ok(text.unwrap_or_default()),
    }
}

/// One part for each file, the text and the answered message with the first; without files, one.
fn parts(
    text: String,
    reply_to: Option<EntryId>,
    files: Vec<StagedFile>,
) -> Vec<(String, Option<EntryId>, Option<StagedFile>)> {
    if files.is_empty() {
        return vec![(text, reply_to, None)];
    }
    let mut first = Some((text, reply_to));
    files
        .into_iter()
        .map(|file| {
            let (text, reply_to) = first.take().unwrap_or_default();
            (text, reply_to, Some(file))
        })
        .collect()
}

/// Waits for all messages and prints each, however it stands; the first thing that went wrong is
/// what the command ends with.
async fn settle_all(context: &Context, chat: LogId, all: Vec<Kept>) -> Result<(), Problem> {
    let mut ended = Ok(());
    for kept in all {
        let message = match kept.reply {
            Reply::Message { message, .. } => Some(message),
            Reply::Done | Reply::Intent(_) => None,
        };
        let settled = context.settle(kept).await;
        if let Some(message) = message {
            say_message(context, chat, message)?;
        }
        if ended.is_ok() {
            ended = settled.map(|_| ());
        }
    }
    ended
}

fn say_message(context: &Context, chat: LogId, message: EntryId) -> Result<(), Problem> {
    match context.client().message(chat, message)? {
        Some(view) => context.output.say(&MessageShape::from(&view), || view.id.to_string()),
        None => Ok(()),
    }
}

/// Changes something about a message, and with `--json` shows it afterwards.
async fn change(
    context: &Context,
    named: &str,
    message: EntryId,
    make: impl FnOnce(LogId) -> Command,
) -> Result<(), Problem> {
    let mut found = None;
    let find = |client: &Client| {
        let chat = find_chat(client, named)?;
        found = Some(chat);
        Ok(make(chat))
    };
    let change = context.change(find).await?;
    match found {
        Some(chat) if context.output.json && change != Change::Queued => {
            say_message(context, chat, message)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use veche_client::wire::BlobId;
    use veche_client::wire::content::{File, FileKey};

    use super::*;

    #[test]
    fn the_text_goes_with_the_first_file() {
        let file = |name: &str| {
            StagedFile(File {
                name: name.to_owned(),
                media_type: "text/plain".to_owned(),
                size: 1,
                sha256: [0; 32],
                blob: BlobId([0; 32]),
                blob_size: 1,
                key: FileKey([0; 32]),
            })
        };
        let answered = Some(EntryId([7; 16]));
        assert_eq!(
            parts("look".into(), answered, vec![file("a"), file("b")]),
            [("look".into(), answered, Some(file("a"))), (String::new(), None, Some(file("b"))),]
        );
        assert_eq!(parts("hi".into(), answered, vec![]), [("hi".into(), answered, None)]);
    }
}
