//! People: looking them up, accepting and refusing them.

use veche_client::wire::{AccountId, ContactLink, EntryId};
use veche_client::{Command, Outcome, PersonReference};

use crate::context::{Change, Context};
use crate::problem::Problem;
use crate::render;
use crate::shapes::{ContactShape, RequestShape, SafetyShape, single};

/// Lists the contacts.
pub(super) async fn list(context: &Context) -> Result<(), Problem> {
    let views = context.client().contacts()?;
    for view in &views {
        context.output.say(&ContactShape::from(view), || render::contact(view))?;
    }
    context.output.flush().await
}

/// Lists who asks to come in touch.
pub(super) async fn requests(context: &Context) -> Result<(), Problem> {
    let views = context.client().requests()?;
    for view in &views {
        context.output.say(&RequestShape::from(view), || render::request(view))?;
    }
    context.output.flush().await
}

/// Keeps somebody as a contact.
pub(super) async fn add(context: &Context, who: &str) -> Result<(), Problem> {
    let who = person(who)?;
    match context.change(|_| Ok(Command::AddContact(who))).await? {
        Change::Done(Outcome::Contact(account)) => say_contact(context, account),
        Change::Done(_) | Change::Queued => Ok(()),
    }
}

/// Accepts a request.
pub(super) async fn accept(context: &Context, request: EntryId) -> Result<(), Problem> {
    match context.change(|_| Ok(Command::Accept { request })).await? {
        Change::Done(Outcome::Chat(chat)) => {
            // What was said before the answer is to be read right after it.
            context.catch_up().await?;
            super::say_chat(context, chat)
        }
        Change::Done(_) | Change::Queued => Ok(()),
    }
}

/// Declines a request.
pub(super) async fn decline(context: &Context, request: EntryId) -> Result<(), Problem> {
    context.change(|_| Ok(Command::Decline { request })).await?;
    context.output.say(&single("declined", &request.to_string()), String::new)
}

/// Refuses everything from somebody, or takes that back.
pub(super) async fn block(context: &Context, name: String, blocked: bool) -> Result<(), Problem> {
    let command = Command::Block { name: name.clone(), blocked };
    context.change(|_| Ok(command)).await?;
    let views = context.client().contacts()?;
    match views.iter().find(|view| view.name == name) {
        Some(view) => context.output.say(&ContactShape::from(view), String::new),
        None => Ok(()),
    }
}

/// Prints the number that two people compare.
pub(super) async fn safety(context: &Context, name: &str) -> Result<(), Problem> {
    context.catch_up().await?;
    let number = context.client().safety_number(name)?;
    let person = context.client().person(name)?;
    context.output.say(&SafetyShape::new(&number, &person), || render::safety(&number, &person))
}

/// How a person names a person: by link, by `@NAME` or by `NAME`.
pub(super) fn person(who: &str) -> Result<PersonReference, Problem> {
    if who.contains("://") {
        let link: ContactLink = who.trim().parse().map_err(|error| {
            Problem::usage(format!("this is no contact link: {error}"))
                .hint("`veche contact-link` prints one; copy it whole, with what follows the #")
        })?;
        return Ok(PersonReference::Link(link));
    }
    let name = who.strip_prefix('@').unwrap_or(who);
    if name.is_empty() {
        return Err(Problem::usage("a name is missing"));
    }
    Ok(PersonReference::Username(name.to_owned()))
}

fn say_contact(context: &Context, account: AccountId) -> Result<(), Problem> {
    let views = context.client().contacts()?;
    match views.iter().find(|view| view.account == account) {
        Some(view) => context.output.say(&ContactShape::from(view), || render::contact(view)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_by_name_or_link() {
        let bo = PersonReference::Username("bo".to_owned());
        assert_eq!(person("bo").unwrap(), bo);
        assert_eq!(person("@bo").unwrap(), bo);
        for nonsense in ["", "@", "veche://nowhere", "https://example.org/"] {
            assert_eq!(person(nonsense).unwrap_err().code(), 2, "{nonsense:?}");
        }
    }
}
