//! Links to join groups by: making them, using them, and who asks.

use std::time::Duration;

use tokio::time::Instant;
use veche_client::Command;
use veche_client::wire::JoinLink;

use crate::context::{Change, Context};
use crate::problem::Problem;
use crate::render;
use crate::shapes::{JoinRequestShape, LinkShape, single};

/// How long `join` waits to be let in before it leaves that to later.
const LET_IN_WITHIN: Duration = Duration::from_secs(15);

/// What is wanted of a group's link.
pub(super) struct Wanted {
    /// Whether a new one is to be made where there is one.
    pub(super) makes: bool,
    pub(super) approve: bool,
    pub(super) uses: Option<u64>,
    pub(super) expires: Option<Duration>,
}

/// Prints the link of a group, which is made where there is none.
pub(super) async fn show(context: &Context, chat: &str, wanted: Wanted) -> Result<(), Problem> {
    context.catch_up().await?;
    let chat = context.chat(chat)?;
    let known = context.client().link(chat)?;
    if known.is_none() || wanted.makes {
        let lasts =
            wanted.expires.map(|lasts| u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX));
        let make = Command::MakeLink { chat, approves: wanted.approve, lasts, uses: wanted.uses };
        if context.change(|_| Ok(make)).await? == Change::Queued {
            return Ok(());
        }
    }
    match context.client().link(chat)? {
        Some(view) => context.output.say(&LinkShape::from(&view), || render::link(&view)),
        None => Err(Problem::refused("the link was taken away meanwhile")),
    }
}

/// Asks to join, and waits a little to be let in.
pub(super) async fn join(context: &Context, link: &str) -> Result<(), Problem> {
    let link: JoinLink = link.trim().parse().map_err(|error| {
        Problem::usage(format!("this is no link to join by: {error}"))
            .hint("copy it whole, with what follows the #, and put it in quotes")
    })?;
    let ask = Command::JoinByLink(link.clone());
    if context.change(|_| Ok(ask)).await? == Change::Queued {
        return Ok(());
    }
    let deadline = context.deadline.min(Instant::now() + LET_IN_WITHIN);
    let joined = context.engine.until(deadline, |engine| Ok(engine.client().joined_by(&link)?));
    match joined.await? {
        Some(chat) => {
            context.catch_up().await?;
            super::say_chat(context, chat)
        }
        None => context.output.say(&single("asked", &link.door.to_string()), || {
            "Asked. The group appears in `veche chats` once somebody there lets you in; \
             `veche sync` or `veche watch` looks."
                .to_owned()
        }),
    }
}

/// Lists who asks to join a group.
pub(super) async fn requests(context: &Context, chat: &str) -> Result<(), Problem> {
    context.catch_up().await?;
    let chat = context.chat(chat)?;
    let views = context.client().join_requests(chat)?;
    for view in &views {
        context.output.say(&JoinRequestShape::from(view), || render::join_request(view))?;
    }
    context.output.flush().await
}
