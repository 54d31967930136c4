//! The JSON that `--json` prints: one object a line. Scripts rely on these names.

use serde::ser::{SerializeMap, Serializer};
use serde::{Serialize, ser};
use veche_client::wire::Millis;
use veche_client::{
    ChatKind, ChatState, ChatView, ContactView, FileView, JoinRequestView, LinkView, MeView,
    MemberView, MessageState, MessageView, Pending, RequestView, Role, RulesView,
};

use crate::engine::now;
/// A message or a system line.
#[derive(Serialize)]
pub(crate) struct MessageShape<'view> {
    id: String,
    chat: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    from: &'view str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'view str>,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'view str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'view str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    edited: bool,
    #[serde(skip_serializing_if = "is_false")]
    deleted: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty", serialize_with = "in_order")]
    reactions: &'view [(String, Vec<String>)],
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileShape<'view>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'view str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    read_by: &'view [String],
    #[serde(skip_serializing_if = "is_zero")]
    read_count: u64,
    #[serde(skip_serializing_if = "is_false")]
    mentions_me: bool,
}

/// The file of a message.
#[derive(Serialize)]
struct FileShape<'view> {
    name: &'view str,
    r#type: &'view str,
    size: u64,
    sha256: String,
}

/// A chat.
#[derive(Serialize)]
pub(crate) struct ChatShape<'view> {
    chat: String,
    kind: &'static str,
    title: &'view str,
    members: u64,
    unread: u64,
    #[serde(skip_serializing_if = "is_zero")]
    mentions: u64,
    /// Entries that are still to be read from the server.
    #[serde(skip_serializing_if = "is_zero")]
    behind: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
}

/// A request.
#[derive(Serialize)]
pub(crate) struct RequestShape<'view> {
    id: String,
    from: &'view str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'view str>,
    kind: &'static str,
}

/// A contact.
#[derive(Serialize)]
pub(crate) struct ContactShape<'view> {
    account: String,
    name: &'view str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'view str>,
    blocked: bool,
}

/// A member of a chat.
#[derive(Serialize)]
pub(crate) struct MemberShape<'view> {
    account: String,
    name: &'view str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'view str>,
    role: &'static str,
    me: bool,
    arrived: bool,
}

/// Who may do what in a group: the least role for it.
#[derive(Serialize)]
pub(crate) struct RulesShape {
    post: &'static str,
    add: &'static str,
    remove: &'static str,
    rename: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<u32>,
    guarded: bool,
}

impl From<RulesView> for RulesShape {
    fn from(view: RulesView) -> Self {
        Self {
            post: name_of_role(view.post),
            add: name_of_role(view.add),
            remove: name_of_role(view.remove),
            rename: name_of_role(view.rename),
            slow: view.slow,
            guarded: view.guarded,
        }
    }
}

/// The link of a group.
#[derive(Serialize)]
pub(crate) struct LinkShape {
    link: String,
    approves: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uses: Option<u64>,
    used: u64,
}

impl From<&LinkView> for LinkShape {
    fn from(view: &LinkView) -> Self {
        Self {
            link: view.link.to_string(),
            approves: view.approves,
            expires: view.expires.map(rfc_3339),
            uses: view.uses_max,
            used: view.used,
        }
    }
}

/// Somebody who asks to join.
#[derive(Serialize)]
pub(crate) struct JoinRequestShape<'view> {
    account: String,
    name: &'view str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'view str>,
}

impl<'view> From<&'view JoinRequestView> for JoinRequestShape<'view> {
    fn from(view: &'view JoinRequestView) -> Self {
        Self {
            account: view.account.to_string(),
            name: &view.name,
            display_name: view.display_name.as_deref(),
        }
    }
}

/// The number to compare with somebody.
#[derive(Serialize)]
pub(crate) struct SafetyShape<'view> {
    safety: &'view str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'view str>,
}

/// Whose home this is.
#[derive(Serialize)]
pub(crate) struct MeShape<'view> {
    account: String,
    name: &'view str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'view str>,
    server: String,
    registered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    phrase: Option<&'view str>,
}

/// A fresh account.
#[derive(Serialize)]
pub(crate) struct RegisteredShape<'view> {
    pub(crate) account: String,
    pub(crate) name: &'view str,
    pub(crate) phrase: &'view str,
}

/// A saved file.
#[derive(Serialize)]
pub(crate) struct SavedShape<'view> {
    pub(crate) path: &'view str,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// What a `sync` did.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SyncShape {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) pending: u64,
}

/// Anything that is told by one value under one name.
pub(crate) fn single(name: &'static str, value: &str) -> impl Serialize {
    std::collections::BTreeMap::from([(name, value.to_owned())])
}

impl<'view> From<&'view MessageView> for MessageShape<'view> {
    fn from(view: &'view MessageView) -> Self {
        let is_event = view.event.is_some();
        Self {
            id: view.id.to_string(),
            chat: view.chat.to_string(),
            from: &view.from,
            // A system line says who did what, in usernames.
            display_name: if is_event { None } else { view.display_name.as_deref() },
            at: rfc_3339(view.at),
            text: if is_event { None } else { view.text.as_deref() },
            event: view.event.as_deref(),
            reply_to: view.reply_to.map(|id| id.to_string()),
            edited: view.edited,
            deleted: view.deleted,
            reactions: &view.reactions,
            file: view.file.as_ref().map(FileShape::from),
            state: if is_event { None } else { state_of_message(&view.state) },
            reason: match &view.state {
                MessageState::Failed(reason) => Some(reason),
                _ => None,
            },
            read_by: &view.read_by,
            read_count: view.read_count,
            mentions_me: view.mentions_me,
        }
    }
}

impl<'view> From<&'view FileView> for FileShape<'view> {
    fn from(view: &'view FileView) -> Self {
        Self {
            name: &view.name,
            r#type: &view.media_type,
            size: view.size,
            sha256: hex(&view.sha256),
        }
    }
}

impl<'view> From<&'view ChatView> for ChatShape<'view> {
    fn from(view: &'view ChatView) -> Self {
        Self {
            chat: view.chat.to_string(),
            kind: kind_of_chat(view.kind),
            title: &view.title,
            members: view.member_count,
            unread: view.unread,
            mentions: view.unread_mentions,
            behind: view.behind,
            state: state_of_chat(view.state),
        }
    }
}

impl<'view> From<&'view RequestView> for RequestShape<'view> {
    fn from(view: &'view RequestView) -> Self {
        Self {
            id: view.id.to_string(),
            from: &view.from,
            display_name: view.display_name.as_deref(),
            kind: kind_of_chat(view.kind),
        }
    }
}

impl<'view> From<&'view ContactView> for ContactShape<'view> {
    fn from(view: &'view ContactView) -> Self {
        Self {
            account: view.account.to_string(),
            name: &view.name,
            display_name: view.display_name.as_deref(),
            blocked: view.blocked,
        }
    }
}

impl<'view> From<&'view MemberView> for MemberShape<'view> {
    fn from(view: &'view MemberView) -> Self {
        Self {
            account: view.account.to_string(),
            name: &view.name,
            display_name: view.display_name.as_deref(),
            role: name_of_role(view.role),
            me: view.me,
            arrived: view.has_arrived(now()),
        }
    }
}

impl<'view> SafetyShape<'view> {
    pub(crate) fn new(number: &'view str, person: &'view ContactView) -> Self {
        Self { safety: number, display_name: person.display_name.as_deref() }
    }
}

impl<'view> MeShape<'view> {
    pub(crate) fn new(view: &'view MeView, phrase: Option<&'view str>) -> Self {
        Self {
            account: view.account.to_string(),
            name: &view.name,
            display_name: view.display_name.as_deref(),
            server: view.server.to_string(),
            registered: view.registered,
            phrase,
        }
    }
}

impl SyncShape {
    /// What happened between two looks at what waits.
    pub(crate) fn between(before: Pending, after: Pending) -> Self {
        Self {
            received: after.received.saturating_sub(before.received),
            sent: after.sent.saturating_sub(before.sent),
            pending: after.outgoing,
        }
    }
}

/// A time as RFC 3339, in UTC.
pub(crate) fn rfc_3339(at: Millis) -> String {
    i64::try_from(at)
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn kind_of_chat(kind: ChatKind) -> &'static str {
    match kind {
        ChatKind::Direct => "direct",
        ChatKind::Group => "group",
    }
}

pub(crate) fn name_of_role(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

/// How this device stands in a chat, where that is not as usual.
pub(crate) fn state_of_chat(state: ChatState) -> Option<&'static str> {
    match state {
        ChatState::Active => None,
        ChatState::Joining => Some("joining"),
        ChatState::Repairing => Some("repairing"),
        ChatState::Left => Some("left"),
        ChatState::Removed => Some("removed"),
    }
}

fn state_of_message(state: &MessageState) -> Option<&'static str> {
    match state {
        MessageState::Pending => Some("pending"),
        MessageState::Sent => Some("sent"),
        MessageState::Failed(_) => Some("failed"),
        MessageState::Received => None,
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// `{emoji: [names]}`, in the order of the first of each.
fn in_order<S: Serializer>(
    reactions: &[(String, Vec<String>)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map: <S as ser::Serializer>::SerializeMap =
        serializer.serialize_map(Some(reactions.len()))?;
    for (emoji, names) in reactions {
        map.serialize_entry(emoji, names)?;
    }
    map.end()
}

#[cfg(test)]
#[path = "shapes_tests.rs"]
pub(crate) mod tests;
