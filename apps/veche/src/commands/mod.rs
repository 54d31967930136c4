//! The commands, by what they are about. Each looks at the client, or gives it a command and waits,
//! and prints what came of it.

mod account;
mod chats;
mod contacts;
mod files;
mod groups;
mod links;
mod messages;
mod sync;
mod watch;

use veche_client::wire::LogId;

use crate::args::{ChatCommand, Command, ContactCommand};
use crate::context::Context;
use crate::problem::Problem;
use crate::shapes::ChatShape;
use crate::{home, render};

/// Carries out a command.
pub(crate) async fn run(context: &Context, command: Command) -> Result<(), Problem> {
    if !matches!(command, Command::Register { .. }) && context.client().me()?.is_none() {
        return Err(home::no_account());
    }
    match command {
        Command::Register { server, name, invite } => {
            account::register(context, server, name, invite).await
        }
        Command::Me { phrase, display_name } => account::me(context, phrase, display_name),
        Command::ContactLink => account::contact_link(context).await,
        Command::Receipts { choice } => account::receipts(context, choice).await,
        Command::Safety { name } => contacts::safety(context, &name).await,
        Command::Contacts => contacts::list(context).await,
        Command::Contact { command: ContactCommand::Add { who } } => {
            contacts::add(context, &who).await
        }
        Command::Requests => contacts::requests(context).await,
        Command::Accept { request } => contacts::accept(context, request).await,
        Command::Decline { request } => contacts::decline(context, request).await,
        Command::Block { name } => contacts::block(context, name, true).await,
        Command::Unblock { name } => contacts::block(context, name, false).await,
        Command::Chats => chats::list(context).await,
        Command::Chat { command: ChatCommand::New { who } } => chats::open(context, &who).await,
        Command::Group { command } => groups::run(context, command).await,
        Command::Send { chat, text, file, reply } => {
            messages::send(context, &chat, text, file, reply).await
        }
        Command::React { chat, message, emoji } => {
            messages::react(context, &chat, message, emoji).await
        }
        Command::Edit { chat, message, text } => {
            messages::edit(context, &chat, message, text).await
        }
        Command::Delete { chat, message } => messages::delete(context, &chat, message).await,
        Command::Read { chat, after, limit } => chats::read(context, &chat, after, limit).await,
        Command::Search { text, limit } => messages::search(context, &text, limit).await,
        Command::Export { chat } => chats::export(context, &chat).await,
        Command::Save { chat, message, to } => files::save(context, &chat, message, &to).await,
        Command::Sync { wait } => sync::run(context, wait.unwrap_or_default()).await,
        Command::Watch { chat } => watch::run(context, chat).await,
    }
}

/// Prints a chat of the list.
fn say_chat(context: &Context, chat: LogId) -> Result<(), Problem> {
    let views = context.client().chats()?;
    match views.iter().find(|view| view.chat == chat) {
        Some(view) => context.output.say(&ChatShape::from(view), || render::chat(view)),
        None => Ok(()),
    }
}
