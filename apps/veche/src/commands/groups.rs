//! Groups: who is in them, who may do what, what they are called.

use veche_client::{Client, Command, MemberView, Outcome, Role, RulesChange};

use super::links;
use crate::args::{GroupCommand, RoleChoice, Switch};
use crate::context::{Change, Context, find_chat};
use crate::problem::Problem;
use crate::render;
use crate::shapes::{MemberShape, RulesShape};

/// How many members are held in memory at a time.
const PAGE_MEMBERS: usize = 500;

/// Carries out a command about groups.
pub(super) async fn run(context: &Context, command: GroupCommand) -> Result<(), Problem> {
    match command {
        GroupCommand::New { title, names, large } => {
            let make = Command::CreateGroup { title, members: names, large };
            match context.change(|_| Ok(make)).await? {
                Change::Done(Outcome::Chat(chat)) => super::say_chat(context, chat),
                Change::Done(_) | Change::Queued => Ok(()),
            }
        }
        GroupCommand::Members { chat, find: Some(words), limit, .. } => {
            found_members(context, &chat, &words, limit.unwrap_or(usize::MAX)).await
        }
        GroupCommand::Members { chat, after, limit, find: None } => {
            members(context, &chat, after, limit.unwrap_or(usize::MAX)).await
        }
        GroupCommand::Link { chat, new, approve, uses, expires, off: false } => {
            let makes = new || approve || uses.is_some() || expires.is_some();
            links::show(context, &chat, links::Wanted { makes, approve, uses, expires }).await
        }
        GroupCommand::Rules { chat, post, add, remove, rename, slow } => {
            let [post, add, remove, rename] =
                [post, add, remove, rename].map(|choice| choice.map(role));
            let new = RulesChange { post, add, remove, rename, slow };
            rules(context, &chat, new).await
        }
        GroupCommand::Join { link } => links::join(context, &link).await,
        GroupCommand::Requests { chat } => links::requests(context, &chat).await,
        command => change(context, command).await,
    }
}

/// Changes a group, and with `--json` shows it afterwards.
async fn change(context: &Context, command: GroupCommand) -> Result<(), Problem> {
    let mut chat = None;
    let changed = context
        .change(|client| {
            let made = command_for(client, command)?;
            chat = chat_of(&made);
            Ok(made)
        })
        .await?;
    match chat {
        Some(chat) if context.output.json && changed != Change::Queued => {
            super::say_chat(context, chat)
        }
        _ => Ok(()),
    }
}

fn command_for(client: &Client, command: GroupCommand) -> Result<Command, Problem> {
    let find = |named: &str| find_chat(client, named);
    match command {
        GroupCommand::Skip { chat } => Ok(Command::SkipMissed { chat: find(&chat)? }),
        GroupCommand::Renew { chat, large, without } => {
            Ok(Command::Renew { chat: find(&chat)?, large, without })
        }
        GroupCommand::Add { chat, names } => Ok(Command::AddMembers { chat: find(&chat)?, names }),
        GroupCommand::Remove { chat, names } => {
            Ok(Command::RemoveMembers { chat: find(&chat)?, names })
        }
        GroupCommand::Role { chat, name, role: choice } => {
            Ok(Command::SetRole { chat: find(&chat)?, name, role: role(choice) })
        }
        GroupCommand::Link { chat, .. } => Ok(Command::CloseLink { chat: find(&chat)? }),
        GroupCommand::Accept { chat, names } => Ok(Command::LetIn { chat: find(&chat)?, names }),
        GroupCommand::Decline { chat, names } => {
            Ok(Command::TurnAway { chat: find(&chat)?, names })
        }
        GroupCommand::Ban { chat, names } => {
            Ok(Command::Ban { chat: find(&chat)?, names, banned: true })
        }
        GroupCommand::Unban { chat, names } => {
            Ok(Command::Ban { chat: find(&chat)?, names, banned: false })
        }
        GroupCommand::Guard { chat, guard } => {
            Ok(Command::Guard { chat: find(&chat)?, on: guard == Switch::On })
        }
        GroupCommand::Rename { chat, title } => Ok(Command::Rename { chat: find(&chat)?, title }),
        GroupCommand::Leave { chat } => Ok(Command::Leave { chat: find(&chat)? }),
        GroupCommand::New { .. }
        | GroupCommand::Members { .. }
        | GroupCommand::Rules { .. }
        | GroupCommand::Join { .. }
        | GroupCommand::Requests { .. } => {
            Err(Problem::refused("this is a bug in veche: not a change of a group"))
        }
    }
}

fn role(choice: RoleChoice) -> Role {
    match choice {
        RoleChoice::Owner => Role::Owner,
        RoleChoice::Admin => Role::Admin,
        RoleChoice::Member => Role::Member,
    }
}

/// Shows who may do what, after changing what is to be changed.
async fn rules(context: &Context, chat: &str, rules: RulesChange) -> Result<(), Problem> {
    context.catch_up().await?;
    let chat = context.chat(chat)?;
    if rules != RulesChange::default() {
        let set = Command::SetRules { chat, rules };
        if context.change(|_| Ok(set)).await? == Change::Queued {
            return Ok(());
        }
    }
    let view = context.client().rules(chat)?;
    context.output.say(&RulesShape::from(view), || render::rules(view))
}

fn chat_of(command: &Command) -> Option<veche_client::wire::LogId> {
    match command {
        Command::AddMembers { chat, .. }
        | Command::RemoveMembers { chat, .. }
        | Command::SetRole { chat, .. }
        | Command::Guard { chat, .. }
        | Command::Rename { chat, .. }
        | Command::CloseLink { chat }
        | Command::LetIn { chat, .. }
        | Command::TurnAway { chat, .. }
        | Command::Ban { chat, .. }
        | Command::Leave { chat } => Some(*chat),
        _ => None,
    }
}

/// Lists members that have a name, those first whose names begin so.
async fn found_members(
    context: &Context,
    chat: &str,
    words: &str,
    limit: usize,
) -> Result<(), Problem> {
    context.catch_up().await?;
    let chat = context.chat(chat)?;
    let found = context.client().find_members(chat, words, limit)?;
    say_members(context, &found).await
}

/// Lists at most `limit` members after one, page by page.
async fn members(
    context: &Context,
    chat: &str,
    after: Option<String>,
    mut limit: usize,
) -> Result<(), Problem> {
    context.catch_up().await?;
    let chat = context.chat(chat)?;
    let mut after = match after {
        Some(name) => Some(context.client().person(&name)?.account),
        None => None,
    };
    while limit > 0 {
        let page = context.client().member_page(chat, after, limit.min(PAGE_MEMBERS))?;
        say_members(context, &page).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.account);
        limit -= page.len();
    }
    Ok(())
}

async fn say_members(context: &Context, views: &[MemberView]) -> Result<(), Problem> {
    for view in views {
        context.output.say(&MemberShape::from(view), || render::member(view))?;
    }
    context.output.flush().await
}
