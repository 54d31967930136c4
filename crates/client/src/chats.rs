//! The list of chats, and how one of them is found.

use std::collections::BTreeMap;

use veche_mls::Group;
use veche_store::{ListedPerson, ListedRow, LogState, MessageRow, Tx};
use veche_wire::content::Body;
use veche_wire::{AccountId, Content, JoinLink, LogId};

use crate::api::{ChatKind, ChatState, ChatView, ContactView, LastView, PREVIEW_CHARACTERS, Role};
use crate::error::refuse;
use crate::views::message_state;
use crate::work::StoreKeep;
use crate::{Client, ClientError, door, people};

impl Client {
    /// All chats, the oldest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn chats(&self) -> Result<Vec<ChatView>, ClientError> {
        let Some(identity) = &self.core.identity else { return Ok(Vec::new()) };
        self.look(|tx| {
            let mut last = last_of_each(tx)?;
            let rows = tx.listed(&identity.account())?;
            rows.into_iter()
                .map(|row| {
                    let join_requests = self.to_decide(tx, (&row, &identity.account()))?;
                    let last = last.remove(&row.chat);
                    Ok(ChatView { join_requests, last, ..self.chat_view(row) })
                })
                .collect()
        })
    }

    /// How many of those who ask to join wait for a decision that `me` may make. The group is looked at only
    /// where anybody asks.
    fn to_decide(
        &self,
        tx: &Tx<'_>,
        (row, me): (&ListedRow, &AccountId),
    ) -> Result<u64, ClientError> {
        let (Some((log, LogState::Active, _)), 1..) = (row.log, row.asking) else { return Ok(0) };
        let loaded;
        let group = match self.core.groups.get(&log) {
            Some(group) => Some(group),
            None => {
                loaded = Group::load(&StoreKeep::new(tx.keep_batch()), log)?;
                loaded.as_ref()
            }
        };
        let Some(policy) = group.map(Group::policy) else { return Ok(0) };
        let decides = policy.door.as_ref().is_some_and(|door| door.approves);
        Ok(if decides && door::may_let_in(policy, me) { row.asking } else { 0 })
    }

    fn chat_view(&self, row: ListedRow) -> ChatView {
        let peer = row.peer.map(contact_view);
        let state = match row.log.map(|(_, state, _)| state) {
            Some(LogState::Creating) => ChatState::Joining,
            Some(LogState::Active) => ChatState::Active,
            Some(LogState::Stuck) => ChatState::Repairing,
            Some(LogState::Left | LogState::Succeeded) | None => ChatState::Left,
            Some(LogState::Removed) => ChatState::Removed,
        };
        let behind = row.log.map_or(0, |(log, _, cursor)| {
            let known = self.core.session.subscriptions.get(&log);
            known.map_or(0, |known| known.head.saturating_sub(cursor))
        });
        ChatView {
            chat: row.chat,
            kind: if row.direct { ChatKind::Direct } else { ChatKind::Group },
            title: peer.as_ref().map_or(row.title, |peer| peer.name.clone()),
            member_count: row.accounts,
            unread: row.unread,
            unread_mentions: row.mentions,
            behind,
            state,
            role: row.role.map(Role::from_row),
            peer,
            join_requests: 0,
            last: None,
        }
    }

    /// The chat with this id, title or name.
    ///
    /// # Errors
    /// `Refused` where there is none, or several.
    pub fn find_chat(&self, reference: &str) -> Result<LogId, ClientError> {
        if let Ok(id) = reference.parse::<LogId>()
            && let Some(row) = self.look(|tx| Ok(tx.log(&id)?))?
        {
            return Ok(row.chat);
        }
        let bare = reference.strip_prefix('@').unwrap_or(reference);
        let mut found: Vec<ChatView> = self
            .chats()?
            .into_iter()
            .filter(|chat| match chat.kind {
                ChatKind::Direct => chat.title == bare,
                ChatKind::Group => chat.title == reference,
            })
            .collect();
        if found.len() > 1 {
            // What is over is found by its id only, while something else has the name.
            let over = |chat: &ChatView| matches!(chat.state, ChatState::Left | ChatState::Removed);
            if found.iter().any(|chat| !over(chat)) {
                found.retain(|chat| !over(chat));
            }
        }
        match found.as_slice() {
            [chat] => Ok(chat.chat),
            [] => refuse(format!("There is no chat {reference:?}. `veche chats` lists them.")),
            _ => refuse(format!("Several chats are called {reference:?}; use the id.")),
        }
    }

    /// The group that this person is in and has this link.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn joined_by(&self, link: &JoinLink) -> Result<Option<LogId>, ClientError> {
        let chats = self.chats()?;
        for view in chats.iter().filter(|view| view.state == ChatState::Active) {
            let door = self.look_inside(view.chat, |_, group| {
                Ok(group.policy().door.as_ref().map(|door| door.log))
            })?;
            if door == Some(link.door) {
                return Ok(Some(view.chat));
            }
        }
        Ok(None)
    }
}

fn last_of_each(tx: &Tx<'_>) -> Result<BTreeMap<LogId, LastView>, ClientError> {
    let rows = tx.last_messages()?.into_iter();
    rows.map(|(row, author)| Ok((row.chat, last_view(&row, author)?))).collect()
}

fn last_view(row: &MessageRow, author: ListedPerson) -> Result<LastView, ClientError> {
    let content = row.content.as_deref().map(Content::decode).transpose()?;
    let author = contact_view(author);
    Ok(LastView {
        id: row.id,
        from: author.name,
        display_name: author.display_name,
        account: author.account,
        at: row.sent_at,
        text: row.text.as_ref().map(|text| text.chars().take(PREVIEW_CHARACTERS).collect()),
        event: row.event.clone(),
        deleted: row.deleted,
        file: content.and_then(|content| match content.body {
            Body::File { file, .. } => Some(file.name),
            _ => None,
        }),
        state: message_state(row),
    })
}

fn contact_view(person: ListedPerson) -> ContactView {
    ContactView {
        name: person.username.unwrap_or_else(|| people::short(&person.account)),
        display_name: Some(person.display_name).filter(|name| !name.is_empty()),
        account: person.account,
        blocked: person.blocked,
    }
}
