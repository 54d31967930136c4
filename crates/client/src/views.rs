//! Plain snapshots of what the database holds, for every face alike.

use veche_store::{AccountRow, IntentState, InvitationState, LogState, MessageRow, RowState, Tx};
use veche_wire::content::{Body, File};
use veche_wire::{
    AccountId, ContactLink, Content, EntryId, JoinLink, LogId, ServerAddress, limits,
};

use crate::api::{
    ChatKind, Connection, ContactView, FileView, IntentId, JoinRequestView, LinkView, MeView,
    MessageState, MessageView, Outcome, Pending, RequestView, Role, RulesView, Settled,
};
use crate::error::refuse;
use crate::wanted::{self, Ending};
use crate::work::StoreKeep;
use crate::{Client, ClientError, account, blobs, command, door, outbox, people};

/// What is shown of a kind of message that this program does not know.
const UNKNOWN: &str = "(this message needs a newer version of Veche)";

/// The text under which a content is shown and found.
pub(crate) fn text_of(content: &Content) -> Option<String> {
    match &content.body {
        Body::Text(text) | Body::File { text, .. } => Some(text.clone()),
        Body::Unknown { .. } => Some(UNKNOWN.to_owned()),
        _ => None,
    }
}

/// The file of a message, if it has one.
pub(crate) fn file_of(
    tx: &Tx<'_>,
    chat: &LogId,
    message: &EntryId,
) -> Result<Option<File>, ClientError> {
    let content = tx.message(chat, message)?.and_then(|row| row.content);
    let Some(content) = content else { return Ok(None) };
    Ok(match Content::decode(&content)?.body {
        Body::File { file, .. } => Some(file),
        _ => None,
    })
}

impl Client {
    /// Looks at the database, changing nothing.
    pub(crate) fn look<T>(
        &self,
        look: impl FnOnce(&Tx<'_>) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        self.store.read(|tx| look(tx))
    }

    /// Who this home belongs to.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn me(&self) -> Result<Option<MeView>, ClientError> {
        let Some(identity) = &self.core.identity else { return Ok(None) };
        let account = identity.account();
        self.look(|tx| {
            let name = text(tx.meta(account::NAME)?);
            let Some(server) = server_of(tx)? else { return Ok(None) };
            let registered = tx.meta(account::REGISTERED)?.is_some();
            let (_, display_name) = names_of(tx, &account)?;
            let receipts = !account::tells_nobody_what_was_read(tx)?;
            Ok(Some(MeView { account, name, display_name, server, registered, receipts }))
        })
    }

    /// The recovery phrase.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn phrase(&self) -> Result<Option<String>, ClientError> {
        self.look(|tx| Ok(tx.meta(account::PHRASE)?.map(|bytes| text(Some(bytes)))))
    }

    /// Where the account is.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn server(&self) -> Result<Option<ServerAddress>, ClientError> {
        self.look(server_of)
    }

    /// A link with which somebody can write to this account.
    ///
    /// # Errors
    /// `Refused` in a home without an account.
    pub fn contact_link(&self) -> Result<ContactLink, ClientError> {
        let (Some(me), Some(identity)) = (self.me()?, &self.core.identity) else {
            return refuse("This home has no account yet.");
        };
        let invite = self.look(|tx| Ok(tx.meta(account::INVITE)?.unwrap_or_default()))?;
        Ok(ContactLink {
            server: me.server,
            account: identity.account(),
            username: identity.username().map(str::to_owned),
            invite: invite.as_slice().try_into()?,
        })
    }

    /// A page of a chat, the oldest first: up to `limit` after a message, or the last ones.
    ///
    /// # Errors
    /// `Refused` where there is no such message.
    pub fn page(
        &self,
        chat: LogId,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<Vec<MessageView>, ClientError> {
        self.look(|tx| {
            let after = after.map(|id| known(tx, &chat, &id)).transpose()?;
            let rows = tx.page(&chat, after.as_ref(), limit)?;
            rows.iter().map(|row| message_view(tx, row)).collect()
        })
    }

    /// Up to `limit` messages of a chat right before one, the oldest first.
    ///
    /// # Errors
    /// `Refused` where there is no such message.
    pub fn page_before(
        &self,
        chat: LogId,
        before: EntryId,
        limit: usize,
    ) -> Result<Vec<MessageView>, ClientError> {
        self.look(|tx| {
            let rows = tx.page_before(&chat, &known(tx, &chat, &before)?, limit)?;
            rows.iter().map(|row| message_view(tx, row)).collect()
        })
    }

    /// The first page of a chat, the oldest first; [`Self::page`] goes on from there.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn first_page(&self, chat: LogId, limit: usize) -> Result<Vec<MessageView>, ClientError> {
        self.look(|tx| {
            let rows = tx.first_page(&chat, limit)?;
            rows.iter().map(|row| message_view(tx, row)).collect()
        })
    }

    /// Where each row of a chat stands: the rank of its log and its position in it. For tests that
    /// compare what several people see.
    ///
    /// # Errors
    /// Where the database fails.
    #[cfg(feature = "mutants")]
    pub fn places(
        &self,
        chat: LogId,
    ) -> Result<std::collections::BTreeMap<EntryId, (LogId, u64, u64)>, ClientError> {
        self.look(|tx| {
            let rows = tx.page(&chat, None, usize::try_from(u32::MAX).unwrap_or(usize::MAX))?;
            Ok(rows.iter().map(|row| (row.id, (row.log, row.rank, row.position))).collect())
        })
    }

    /// One message.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn message(&self, chat: LogId, id: EntryId) -> Result<Option<MessageView>, ClientError> {
        self.look(|tx| {
            let row = tx.message(&chat, &id)?;
            row.map(|row| message_view(tx, &row)).transpose()
        })
    }

    /// Messages that have all words of `words`, or words that begin so; the newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn search(&self, words: &str, limit: usize) -> Result<Vec<MessageView>, ClientError> {
        let Some(query) = veche_store::search::prefix_query(words) else { return Ok(Vec::new()) };
        self.look(|tx| {
            let rows = tx.search_messages(&query, limit)?;
            rows.iter().map(|row| message_view(tx, row)).collect()
        })
    }

    /// Who may do what in a group.
    ///
    /// # Errors
    /// `Refused` where this device is not in it.
    pub fn rules(&self, chat: LogId) -> Result<RulesView, ClientError> {
        self.look_inside(chat, |tx, group| {
            let policy = group.policy();
            let row = tx.log(&group.log())?;
            Ok(RulesView {
                post: command::from_mls(policy.may_post),
                add: command::from_mls(policy.may_add),
                remove: command::from_mls(policy.may_remove),
                rename: command::from_mls(policy.may_change),
                slow: policy.slow,
                guarded: row
                    .is_some_and(|row| outbox::is_guarded((&self.core.session, self.now), &row)),
            })
        })
    }

    /// The link of a group, where it has one that this person may pass on.
    ///
    /// # Errors
    /// `Refused` where this device is not in it.
    pub fn link(&self, chat: LogId) -> Result<Option<LinkView>, ClientError> {
        let Some(me) = self.me()? else { return refuse("This home has no account yet.") };
        self.look_inside(chat, |_, group| {
            let policy = group.policy();
            let door = policy.door.as_ref().filter(|_| door::may_let_in(policy, &me.account));
            Ok(door.map(|door| LinkView {
                link: JoinLink {
                    server: me.server.clone(),
                    log: group.log(),
                    door: door.log,
                    secret: door.secret.link_secret(),
                    key: door.secret.public_key(&self.core.engine),
                    suite: group.suite().unwrap_or(veche_mls::Suite::Classic).number(),
                },
                approves: door.approves,
                expires: door.expires,
                uses_max: door.uses_max,
                used: door.used,
            }))
        })
    }

    /// What members of a group share to look after its door, for tests of what they can do with it.
    ///
    /// # Errors
    /// `Refused` where this device is not in it.
    #[cfg(feature = "mutants")]
    pub fn door_secret(&self, chat: LogId) -> Result<veche_mls::DoorSecret, ClientError> {
        self.look_inside(chat, |_, group| match &group.policy().door {
            Some(door) => Ok(door.secret.clone()),
            None => refuse("There is no door."),
        })
    }

    /// The key with which this device signs changes of rights, for tests of what it can do with one that it
    /// should have no more. [`veche_mls::AdminSecret::decode`] reads it.
    ///
    /// # Errors
    /// Where the database fails.
    #[cfg(feature = "mutants")]
    pub fn admin_secret(&self, chat: LogId) -> Result<Option<Vec<u8>>, ClientError> {
        self.look(|tx| Ok(tx.logs_of(&chat)?.pop().and_then(|row| row.admin_secret)))
    }

    /// The logs of a chat, those before first, with whether this device can read on in each.
    ///
    /// # Errors
    /// Where the database fails.
    #[cfg(feature = "mutants")]
    pub fn logs(&self, chat: LogId) -> Result<Vec<(LogId, bool)>, ClientError> {
        self.look(|tx| {
            let rows = tx.logs_of(&chat)?.into_iter();
            Ok(rows.map(|row| (row.log, row.state == LogState::Active)).collect())
        })
    }

    /// Who asks to join a group by its link and waits for a decision.
    ///
    /// # Errors
    /// `Refused` where this device is not in it.
    pub fn join_requests(&self, chat: LogId) -> Result<Vec<JoinRequestView>, ClientError> {
        self.look_inside(chat, |tx, group| {
            let Some(door) = &group.policy().door else { return Ok(Vec::new()) };
            let mut views = Vec::new();
            for row in tx.join_requests(&door.log)? {
                let (name, display_name) = names_of(tx, &row.account)?;
                views.push(JoinRequestView { account: row.account, name, display_name });
            }
            Ok(views)
        })
    }

    /// A look at the group of a chat as this device knows it.
    pub(crate) fn look_inside<T>(
        &self,
        chat: LogId,
        look: impl FnOnce(&Tx<'_>, &veche_mls::Group) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        self.look(|tx| {
            let Some(row) = tx.logs_of(&chat)?.pop() else {
                return refuse("There is no such chat. `veche chats` lists them.");
            };
            if matches!(row.state, LogState::Left | LogState::Removed | LogState::Succeeded) {
                return refuse("You are not in this chat any more.");
            }
            if let Some(group) = self.core.groups.get(&row.log) {
                return look(tx, group);
            }
            let keep = StoreKeep::new(tx.keep_batch());
            match veche_mls::Group::load(&keep, row.log)? {
                Some(group) => look(tx, &group),
                None => refuse("This device is being added to the chat; try later."),
            }
        })
    }

    /// Who is banned from a group, by name.
    ///
    /// # Errors
    /// `Refused` where this device is not in it.
    pub fn banned(&self, chat: LogId) -> Result<Vec<ContactView>, ClientError> {
        self.look_inside(chat, |tx, group| {
            let mut views = Vec::new();
            for account in &group.policy().banned {
                let (name, display_name) = names_of(tx, account)?;
                let blocked = tx.account(account)?.is_some_and(|row| row.blocked);
                views.push(ContactView { account: *account, name, display_name, blocked });
            }
            views.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(views)
        })
    }

    /// Contacts and blocked people.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn contacts(&self) -> Result<Vec<ContactView>, ClientError> {
        self.look(|tx| {
            let rows = tx.contacts()?;
            Ok(rows.into_iter().map(contact_view).collect())
        })
    }

    /// Somebody who is known here, whether a contact or not. By username: a display name is nobody's
    /// alone.
    ///
    /// # Errors
    /// `Refused` where nobody is known by that name.
    pub fn person(&self, name: &str) -> Result<ContactView, ClientError> {
        let bare = name.strip_prefix('@').unwrap_or(name);
        match self.look(|tx| Ok(tx.account_named(bare)?))? {
            Some(row) => Ok(contact_view(row)),
            None => refuse(format!("Nobody here is called {bare}.")),
        }
    }

    /// Requests that wait for an answer.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn requests(&self) -> Result<Vec<RequestView>, ClientError> {
        self.look(|tx| {
            let mut views = Vec::new();
            for row in tx.invitations()? {
                if row.state == InvitationState::Request {
                    let kind = if row.direct { ChatKind::Direct } else { ChatKind::Group };
                    let (from, display_name) = names_of(tx, &row.account)?;
                    views.push(RequestView { id: row.id, from, display_name, kind });
                }
            }
            Ok(views)
        })
    }

    /// The number to compare with somebody, in person or by voice.
    ///
    /// # Errors
    /// `Refused` where nobody is known by that name.
    pub fn safety_number(&self, name: &str) -> Result<String, ClientError> {
        let Some(identity) = &self.core.identity else {
            return refuse("This home has no account yet.");
        };
        Ok(veche_mls::safety_number(&identity.account(), &self.person(name)?.account))
    }

    /// How an intent stands.
    ///
    /// # Errors
    /// `Refused` where there is no such intent.
    pub fn intent(&self, id: IntentId) -> Result<Settled, ClientError> {
        self.look(|tx| {
            let Some(row) = tx.intent(id)? else { return refuse("There is no such intent.") };
            Ok(match row.state {
                IntentState::Waiting => Settled::Waiting,
                IntentState::Failed => Settled::Failed(row.reason.unwrap_or_default()),
                IntentState::Done => {
                    let ending = row.outcome.as_deref().map(wanted::decode).transpose()?;
                    Settled::Done(match ending {
                        None | Some(Ending::Done) => Outcome::Done,
                        Some(Ending::Contact(account)) => Outcome::Contact(AccountId(account.0)),
                        // Chats can become one after an intent has settled.
                        Some(Ending::Chat(log)) => {
                            let log = LogId(log);
                            Outcome::Chat(tx.log(&log)?.map_or(log, |row| row.chat))
                        }
                    })
                }
            })
        })
    }

    /// How much waits.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn pending(&self) -> Result<Pending, ClientError> {
        let session = &self.core.session;
        self.look(|tx| {
            let mut outgoing = tx.waiting_intents()?.len() as u64;
            outgoing += tx.deliveries()?.len() as u64;
            // Whoever is first in line to do something for a chat does it before a program ends.
            outgoing += tx.outbox_waiting(self.now + outbox::SOON_MS)?;
            outgoing += tx.lost_count()?;
            outgoing += session.departures.values().flatten().count() as u64;
            let caught_up = crate::pump::is_caught_up(tx, session)?;
            Ok(Pending { outgoing, caught_up, received: session.received, sent: session.sent })
        })
    }

    /// How many bytes of MLS state were written since this home was opened, for who measures.
    #[must_use]
    pub fn kept_bytes_written(&self) -> u64 {
        self.store.keep_bytes_written()
    }

    /// How the connection stands.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn connection(&self) -> Result<Connection, ClientError> {
        let session = &self.core.session;
        self.look(|tx| Ok(session.connection(crate::pump::is_caught_up(tx, session)?)))
    }
}

fn known(tx: &Tx<'_>, chat: &LogId, message: &EntryId) -> Result<MessageRow, ClientError> {
    match tx.message(chat, message)? {
        Some(row) => Ok(row),
        None => refuse("There is no such message in this chat."),
    }
}

fn text(bytes: Option<Vec<u8>>) -> String {
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

fn server_of(tx: &Tx<'_>) -> Result<Option<ServerAddress>, ClientError> {
    let Some(bytes) = tx.meta(account::SERVER)? else { return Ok(None) };
    Ok(Some(text(Some(bytes)).parse()?))
}

fn name_of(tx: &Tx<'_>, account: &AccountId) -> Result<String, ClientError> {
    let known = tx.account(account)?.and_then(|row| row.username);
    Ok(known.unwrap_or_else(|| people::short(account)))
}

/// The name to show, and what its owner wants to be called.
fn names_of(tx: &Tx<'_>, account: &AccountId) -> Result<(String, Option<String>), ClientError> {
    let Some(row) = tx.account(account)? else { return Ok((people::short(account), None)) };
    let view = contact_view(row);
    Ok((view.name, view.display_name))
}

fn contact_view(row: AccountRow) -> ContactView {
    let display_name = row.display_name.map(|name| name.text).filter(|text| !text.is_empty());
    let name = row.username.unwrap_or_else(|| people::short(&row.account));
    ContactView { account: row.account, name, display_name, blocked: row.blocked }
}

fn message_view(tx: &Tx<'_>, row: &MessageRow) -> Result<MessageView, ClientError> {
    let mut reactions: Vec<(String, Vec<String>)> = Vec::new();
    for reaction in tx.reactions(&row.chat, &row.id)? {
        let name = name_of(tx, &reaction.account)?;
        match reactions.iter_mut().find(|(emoji, _)| *emoji == reaction.emoji) {
            Some((_, names)) if !names.contains(&name) => names.push(name),
            Some(_) => {}
            None => reactions.push((reaction.emoji, vec![name])),
        }
    }
    let readers = tx.receipts(&row.chat, &row.id)?;
    let named = readers.iter().take(limits::RECEIPTS_DEVICES_MAX);
    let content = row.content.as_deref().map(Content::decode).transpose()?;
    let (from, display_name) = names_of(tx, &row.account)?;
    Ok(MessageView {
        id: row.id,
        chat: row.chat,
        from,
        display_name,
        account: row.account,
        at: row.sent_at,
        text: row.text.clone(),
        event: row.event.clone(),
        reply_to: row.reply_to,
        edited: row.edited && !row.deleted,
        deleted: row.deleted,
        reactions,
        file: file_view(tx, content)?,
        state: message_state(row),
        read_count: readers.len() as u64,
        read_by: named.map(|who| name_of(tx, who)).collect::<Result<_, _>>()?,
        mentions_me: row.mentions_me && !row.deleted,
    })
}

pub(crate) fn message_state(row: &MessageRow) -> MessageState {
    match row.state {
        RowState::Pending => MessageState::Pending,
        RowState::Sent => MessageState::Sent,
        RowState::Received => MessageState::Received,
        RowState::Failed => MessageState::Failed(row.reason.clone().unwrap_or_default()),
    }
}

fn file_view(tx: &Tx<'_>, content: Option<Content>) -> Result<Option<FileView>, ClientError> {
    let Some(Content { body: Body::File { file, .. }, .. }) = content else { return Ok(None) };
    let blob = tx.blob(&file.blob)?;
    Ok(Some(FileView {
        here: blob.is_some_and(|blob| blob.direction != veche_store::Direction::Down),
        name: file.name,
        media_type: file.media_type,
        size: file.size,
        sha256: file.sha256,
        transfer: blobs::transfer(&file.blob),
    }))
}

impl Role {
    /// The role that a row of a member tells.
    pub(crate) fn from_row(number: u8) -> Self {
        match number {
            0 => Self::Member,
            1 => Self::Admin,
            _ => Self::Owner,
        }
    }

    /// The word that commands use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}
