//! Snapshots in words, for people. Every name, title and text goes through [`sanitize`].

use veche_client::wire::Millis;
use veche_client::{
    ChatKind, ChatView, ContactView, FileView, JoinRequestView, LinkView, MeView, MemberView,
    MessageState, MessageView, RequestView, Role, RulesView,
};

use crate::engine::now;
use crate::sanitize;
use crate::shapes::{kind_of_chat, name_of_role, rfc_3339, state_of_chat};

/// From how many entries on that are to be read, the way around them is told: in a group of thousands these
/// take a minute.
const SKIP_OFFERED: u64 = 20_000;

/// A username, behind what its owner wants to be called. The one in the last parentheses is proved;
/// what stands before it can be anything.
fn person(display_name: Option<&str>, name: &str) -> String {
    let name = sanitize::line(name);
    // Spaces would push the username out of sight.
    let called = sanitize::line(display_name.unwrap_or_default());
    let called = called.split_whitespace().collect::<Vec<_>>().join(" ");
    if called.is_empty() { name.into_owned() } else { format!("{called} ({name})") }
}

/// A message with its id, or a system line.
pub(crate) fn message(view: &MessageView) -> String {
    let time = minute(view.at);
    if let Some(event) = &view.event {
        return format!("{time}  * {}", sanitize::line(event));
    }
    let from = person(view.display_name.as_deref(), &view.from);
    let mut words = format!("{time}  {}  {from}", view.id);
    if let Some(answered) = view.reply_to {
        words += &format!("  (answers {answered})");
    }
    if view.mentions_me {
        words += "  (mentions you)";
    }
    if view.edited {
        words += "  (edited)";
    }
    match &view.state {
        MessageState::Pending => words += "  (waits to be sent)",
        MessageState::Failed(reason) => {
            words += &format!("  (not sent: {})", sanitize::line(reason));
        }
        MessageState::Sent | MessageState::Received => {}
    }
    if view.deleted {
        words += "\n    (deleted)";
        return words;
    }
    if let Some(text) = view.text.as_deref().filter(|text| !text.is_empty()) {
        words += &format!("\n    {}", sanitize::block(text, "    "));
    }
    if let Some(view) = &view.file {
        words += &format!("\n    {}", file(view));
    }
    if !view.reactions.is_empty() {
        words += &format!("\n    {}", reactions(&view.reactions));
    }
    if view.read_count > 0 {
        words += &format!("\n    {}", readers(view));
    }
    words
}

fn readers(view: &MessageView) -> String {
    let names = sanitize::line(&view.read_by.join(", ")).into_owned();
    match view.read_count.saturating_sub(view.read_by.len() as u64) {
        0 => format!("read by {names}"),
        more => format!("read by {names} and {more} more"),
    }
}

fn file(view: &FileView) -> String {
    let (name, media_type) = (sanitize::line(&view.name), sanitize::line(&view.media_type));
    format!("[file {name}, {media_type}, {} bytes]", view.size)
}

fn reactions(reactions: &[(String, Vec<String>)]) -> String {
    let each = |(emoji, names): &(String, Vec<String>)| {
        format!("{} {}", sanitize::line(emoji), sanitize::line(&names.join(", ")))
    };
    reactions.iter().map(each).collect::<Vec<_>>().join("   ")
}

/// A chat of the list.
pub(crate) fn chat(view: &ChatView) -> String {
    let mut words =
        format!("{}  {:<6}  {}", view.chat, kind_of_chat(view.kind), sanitize::line(&view.title));
    match (view.kind, view.member_count) {
        (ChatKind::Direct, _) | (ChatKind::Group, 0) => {}
        (ChatKind::Group, 1) => words += "  (1 member)",
        (ChatKind::Group, count) => words += &format!("  ({count} members)"),
    }
    match (view.unread, view.unread_mentions) {
        (0, _) => {}
        (unread, 0) => words += &format!("  ({unread} unread)"),
        (unread, 1) => words += &format!("  ({unread} unread, 1 mentions you)"),
        (unread, mentions) => words += &format!("  ({unread} unread, {mentions} mention you)"),
    }
    if view.behind > 0 {
        words += &format!("  ({} to be read from the server", view.behind);
        let is_long = view.behind >= SKIP_OFFERED && view.kind == ChatKind::Group;
        words += if is_long { "; `veche group skip` leads around them)" } else { ")" };
    }
    if let Some(state) = state_of_chat(view.state) {
        words += &format!("  ({state})");
    }
    words
}

/// A request.
pub(crate) fn request(view: &RequestView) -> String {
    let from = person(view.display_name.as_deref(), &view.from);
    format!("{}  {:<6}  {from}", view.id, kind_of_chat(view.kind))
}

/// A contact.
pub(crate) fn contact(view: &ContactView) -> String {
    let blocked = if view.blocked { "  (blocked)" } else { "" };
    format!("{}{blocked}", person(view.display_name.as_deref(), &view.name))
}

/// A member of a chat.
pub(crate) fn member(view: &MemberView) -> String {
    let mut name = person(view.display_name.as_deref(), &view.name);
    if view.me {
        name += "  (you)";
    }
    if !view.has_arrived(now()) {
        name += "  (not arrived; `veche group add` gives them another place)";
    }
    format!("{:<6}  {name}", name_of_role(view.role))
}

/// Who may do what in a group.
pub(crate) fn rules(view: RulesView) -> String {
    let line = |what: &str, role: Role| format!("{what:<7} {}", name_of_role(role));
    let mut lines = vec![
        line("post", view.post),
        line("add", view.add),
        line("remove", view.remove),
        line("rename", view.rename),
    ];
    if let Some(seconds) = view.slow {
        lines.push(format!("slow    {seconds} s between two messages of one member"));
    }
    if view.guarded {
        lines.push("guarded: only admins change anything (`veche group guard CHAT off`)".into());
    }
    lines.join("\n")
}

/// The link of a group, and for whom it is good.
pub(crate) fn link(view: &LinkView) -> String {
    let mut words = view.link.to_string();
    let used = match (view.uses_max, view.used) {
        (Some(most), used) => Some(format!("{used} of {most} have joined by it")),
        (None, 0) => None,
        (None, 1) => Some("1 person has joined by it".to_owned()),
        (None, used) => Some(format!("{used} people have joined by it")),
    };
    let expires = view.expires.map(|at| format!("good until {}", rfc_3339(at)));
    let approves = view.approves.then(|| "somebody decides about each who asks".to_owned());
    let notes: Vec<String> = [approves, expires, used].into_iter().flatten().collect();
    if !notes.is_empty() {
        words += &format!("\n{}", notes.join("; "));
    }
    words
}

/// Somebody who asks to join.
pub(crate) fn join_request(view: &JoinRequestView) -> String {
    person(view.display_name.as_deref(), &view.name)
}

/// The number to compare with somebody, and with whom where that is not clear from the command.
pub(crate) fn safety(number: &str, view: &ContactView) -> String {
    match view.display_name {
        Some(_) => format!("{}\n{number}", contact(view)),
        None => number.to_owned(),
    }
}

/// Whose home this is.
pub(crate) fn me(view: &MeView, phrase: Option<&str>) -> String {
    let mut words = format!(
        "{}\naccount {}\nserver {}",
        person(view.display_name.as_deref(), &view.name),
        view.account,
        sanitize::line(&view.server.to_string())
    );
    if !view.registered {
        words += "\nnot registered yet; `veche sync` tries again";
    }
    if let Some(phrase) = phrase {
        words += &format!("\nrecovery phrase: {}", sanitize::line(phrase));
    }
    words
}

/// A time to the minute, in UTC.
fn minute(at: Millis) -> String {
    let text = rfc_3339(at);
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {}", time.get(..5).unwrap_or(time)),
        None => text,
    }
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
