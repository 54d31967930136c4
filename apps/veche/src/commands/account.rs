//! The account itself: making it, showing it.

use veche_client::Command;
use veche_client::wire::ServerAddress;

use crate::args::Switch;
use crate::context::{Change, Context, Kept};
use crate::problem::Problem;
use crate::render;
use crate::shapes::{MeShape, RegisteredShape, single};

/// What is said with a recovery phrase.
const KEEP_IT: &str = "\
Write these twelve words down and keep them where nobody else finds them. They are the only way to \
get this account back when this device is lost, and whoever has them has the account.";

/// What to do about an address that leads nowhere.
const TYPE_IT_AGAIN: &str = "\
compare the address with the line that the server prints when it starts, and register again; where the \
address is right, `veche sync` registers you once the server can be reached";

/// Makes an account.
pub(super) async fn register(
    context: &Context,
    server: ServerAddress,
    name: String,
    invite: Option<String>,
) -> Result<(), Problem> {
    let name = name.strip_prefix('@').unwrap_or(&name).to_owned();
    let reply = context.engine.command(Command::Register { server, name, invite })?;
    context.address_just_typed.set(true);
    if !context.options.queue {
        context.engine.go_online();
    }
    let settled = context.settle(Kept::new(reply, Ok(()))).await;
    let change = match settled {
        Err(problem) if context.engine.unreachable().is_some() => {
            return Err(problem.hint(TYPE_IT_AGAIN));
        }
        settled => settled?,
    };
    if change != Change::Queued {
        // Others can write to an account only once its KeyPackages are there.
        context.catch_up().await?;
    }
    let (me, phrase) = (context.client().me()?, context.client().phrase()?);
    let (Some(me), Some(phrase)) = (me, phrase) else {
        return Err(Problem::refused("the account was not made"));
    };
    let shape =
        RegisteredShape { account: me.account.to_string(), name: &me.name, phrase: &phrase };
    context.output.say(&shape, || {
        let later = match change {
            Change::Done(_) => "",
            Change::Queued => "\n\nThe next `veche sync` registers it.",
        };
        format!("You are {}. Your recovery phrase:\n\n    {phrase}\n\n{KEEP_IT}{later}", me.name)
    })
}

/// Shows whose home this is, after changing what is to be changed.
pub(super) fn me(
    context: &Context,
    with_phrase: bool,
    display_name: Option<String>,
) -> Result<(), Problem> {
    if let Some(text) = display_name {
        context.engine.command(Command::SetDisplayName(text))?;
    }
    let client = context.client();
    let Some(me) = client.me()? else {
        return Err(Problem::refused("there is no account here"));
    };
    let phrase = if with_phrase { client.phrase()? } else { None };
    if with_phrase && phrase.is_none() {
        return Err(Problem::refused("the recovery phrase is not kept on this device"));
    }
    let phrase = phrase.as_deref();
    context.output.say(&MeShape::new(&me, phrase), || render::me(&me, phrase))
}

/// Prints the link with which others can write to this account.
pub(super) async fn contact_link(context: &Context) -> Result<(), Problem> {
    context.catch_up().await?;
    let link = context.client().contact_link()?.to_string();
    context.output.say(&single("link", &link), || link.clone())
}

/// Says whether others learn what was read.
pub(super) async fn receipts(context: &Context, choice: Switch) -> Result<(), Problem> {
    let wanted = choice == Switch::On;
    context.change(|_| Ok(Command::SetReceipts(wanted))).await?;
    let word = if wanted { "on" } else { "off" };
    context.output.say(&single("receipts", word), String::new)
}
