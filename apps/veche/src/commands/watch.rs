//! Printing messages as they come.

use std::collections::BTreeMap;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use veche_client::wire::{AccountId, EntryId, LogId};
use veche_client::{Connection, Event, MessageState, MessageView};

use crate::args::SECONDS_MAX;
use crate::context::Context;
use crate::problem::Problem;
use crate::render;
use crate::shapes::{MessageShape, RequestShape};

/// How many messages are remembered, so that one is printed again only when it has changed.
const REMEMBERED_MAX: usize = 10_000;

/// Prints messages of all chats, or of one, until it is ended.
pub(super) async fn run(context: &Context, chat: Option<String>) -> Result<(), Problem> {
    let mut events = context.engine.events();
    context.engine.go_online();
    let chat = match chat {
        None => None,
        Some(named) => Some(find(context, &named).await?),
    };
    let mut seen = Seen::default();
    let mut said = None;
    loop {
        // Ends with the reason where the client cannot go on.
        let trouble = context.engine.until(Instant::now() + SECONDS_MAX, |engine| {
            let now = engine.unreachable();
            Ok((now != said).then_some(now))
        });
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(event) => say(context, chat, &mut seen, event).await?,
                Err(RecvError::Lagged(_)) => {
                    context.output.tell("veche: more came than could be shown; `veche read` has it");
                }
                Err(RecvError::Closed) => return Ok(()),
            },
            trouble = trouble => {
                said = trouble?.flatten();
                if let Some(reason) = &said {
                    context.output.tell(&format!("veche: not connected: {reason}"));
                }
            }
        }
    }
}

/// A chat that is not known here may become known by catching up.
async fn find(context: &Context, named: &str) -> Result<LogId, Problem> {
    match context.chat(named) {
        Ok(chat) => Ok(chat),
        Err(_) => {
            context.catch_up().await?;
            context.chat(named)
        }
    }
}

async fn say(
    context: &Context,
    only: Option<LogId>,
    seen: &mut Seen,
    event: Event,
) -> Result<(), Problem> {
    match event {
        Event::Message { chat, message } if only.is_none_or(|only| only == chat) => {
            let view = context.client().message(chat, message)?;
            if let Some(view) = view.filter(|view| seen.is_news(view)) {
                context.output.say(&MessageShape::from(&view), || match only {
                    Some(_) => render::message(&view),
                    None => format!("{}\n{}", view.chat, render::message(&view)),
                })?;
            }
        }
        Event::Request(id) if only.is_none() => {
            let views = context.client().requests()?;
            if let Some(view) = views.iter().find(|view| view.id == id) {
                context.output.say(&RequestShape::from(view), || {
                    format!("somebody asks to come in touch: {}", render::request(view))
                })?;
            }
        }
        Event::JoinRequest { chat, account } => {
            if let Some(words) = join_request(context, (chat, account))? {
                context.output.tell(&format!("veche: {words}"));
            }
        }
        Event::Notice(words) => context.output.tell(&format!("veche: {words}")),
        Event::Connection(Connection::Incompatible(words)) => return Err(Problem::refused(words)),
        _ => {}
    }
    context.output.flush().await
}

/// Who asks to join what; nothing where somebody has answered already.
fn join_request(
    context: &Context,
    (chat, account): (LogId, AccountId),
) -> Result<Option<String>, Problem> {
    let client = context.client();
    let asking = client.join_requests(chat)?.into_iter().find(|view| view.account == account);
    let group = client.chats()?.into_iter().find(|view| view.chat == chat);
    Ok(asking.zip(group).map(|(asking, group)| {
        format!("{} asks to join {}: `veche group requests`.", asking.name, group.title)
    }))
}

/// What was printed of which message.
#[derive(Default)]
struct Seen(BTreeMap<EntryId, MessageView>);

impl Seen {
    /// Whether the message is new or says something else than before. An own message is news once
    /// it is clear whether it was sent; who has read it is not.
    fn is_news(&mut self, view: &MessageView) -> bool {
        if view.state == MessageState::Pending {
            return false;
        }
        let mut said = view.clone();
        (said.read_count, said.read_by) = (0, Vec::new());
        if let Some(file) = &mut said.file {
            file.here = false;
        }
        if self.0.get(&view.id) == Some(&said) {
            return false;
        }
        if self.0.len() >= REMEMBERED_MAX {
            self.0.pop_first();
        }
        self.0.insert(view.id, said);
        true
    }
}
