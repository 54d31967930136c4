//! What a person wants, checked against what is known here, and written down.

use veche_mls::{Role as MlsRole, Suite};
use veche_store::{Direction, LogState, RowState};
use veche_wire::content::{Body, Mentions};
use veche_wire::{Content, EntryId, LogId, Request, limits};

use crate::api::{Command, PersonReference, Reply, Role, RulesChange};
use crate::error::refuse;
use crate::inbox::readmit;
use crate::session::Key;
use crate::wanted::{self, Change, Id, Intent, Person, Purpose};
use crate::work::Work;
use crate::{
    ClientError, Event, account, answer, door, gather, invitation, knock, mentions, outbox, people,
};

/// Takes a command.
pub(crate) fn carry_out(work: &mut Work<'_>, command: Command) -> Result<Reply, ClientError> {
    match command {
        Command::Register { server, name, invite } => {
            account::register(work, &server, &name, invite)
        }
        Command::AddContact(who) => gather_one(work, who, |invite| Purpose::Contact { invite }),
        Command::OpenDirect(who) => gather_one(work, who, |invite| Purpose::Direct { invite }),
        Command::CreateGroup { title, members, large } => {
            create_group(work, title, (&members, large))
        }
        Command::SkipMissed { chat } => skip_missed(work, &chat),
        Command::Renew { chat, large, without } => renew(work, &chat, (large, &without)),
        Command::AddMembers { chat, names } => add_members(work, &chat, &names),
        Command::RemoveMembers { chat, names } => remove_members(work, &chat, &names),
        Command::Ban { chat, names, banned } => door::ban(work, &chat, (&names, banned)),
        Command::MakeLink { chat, approves, lasts, uses } => {
            door::make_link(work, &chat, (approves, lasts, uses))
        }
        Command::CloseLink { chat } => door::close_link(work, &chat),
        Command::JoinByLink(link) => knock::ask(work, &link),
        Command::LetIn { chat, names } => door::decide(work, &chat, (&names, true)),
        Command::TurnAway { chat, names } => door::decide(work, &chat, (&names, false)),
        Command::SetRole { chat, name, role } => set_role(work, &chat, &name, role),
        Command::SetRules { chat, rules } => set_rules(work, &chat, rules),
        Command::Guard { chat, on } => guard(work, &chat, on),
        Command::Rename { chat, title } => rename(work, &chat, title),
        Command::Leave { chat } => leave(work, &chat),
        Command::Send { chat, text, reply_to, file } => send(work, &chat, (text, reply_to, file)),
        Command::React { chat, message, emoji } => react(work, &chat, message, emoji),
        Command::Edit { chat, message, text } => {
            own_message(work, &chat, &message)?;
            check_text(&text)?;
            say(work, &chat, (Some(message), None), Body::Text(text))
        }
        Command::Delete { chat, message } => {
            own_message(work, &chat, &message)?;
            say(work, &chat, (Some(message), None), Body::Nothing)
        }
        Command::Accept { request } => invitation::accept(work, &request),
        Command::Decline { request } => invitation::decline(work, &request),
        Command::Block { name, blocked } => block(work, &name, blocked),
        Command::MarkRead { chat } => mark_read(work, &chat),
        Command::Typing { chat } => typing(work, &chat),
        Command::Download { chat, message } => download(work, &chat, &message),
        Command::SetReceipts(on) => {
            work.tx.set_meta(account::NO_RECEIPTS, if on { b"" } else { b"1" })?;
            Ok(Reply::Done)
        }
        Command::SetDisplayName(text) => {
            people::set_display_name(work, &text).map(|()| Reply::Done)
        }
    }
}

fn gather_one(
    work: &mut Work<'_>,
    who: PersonReference,
    purpose: impl FnOnce(Option<Id>) -> Purpose,
) -> Result<Reply, ClientError> {
    let me = work.identity()?.account();
    let (person, invite) = match who {
        PersonReference::Username(name) => (named(&name)?, None),
        PersonReference::Link(link) => {
            let server = work.tx.meta(account::SERVER)?.unwrap_or_default();
            if server != link.server.to_string().as_bytes() {
                return refuse(
                    "This link is for another server; this home's account is not there.",
                );
            }
            if link.account == me {
                return refuse("This is your own link: give it to somebody else.");
            }
            (gather::by_account(&link.account), Some(Id(link.invite.0)))
        }
    };
    gather_people(work, purpose(invite), vec![person])
}

fn named(name: &str) -> Result<Person, ClientError> {
    let person = gather::by_name(name);
    if !person.name.as_deref().is_some_and(veche_wire::certificate::is_username) {
        return refuse(format!("{name:?} is not a username (3 to 32 of a-z, 0-9 and _)."));
    }
    Ok(person)
}

fn gather_people(
    work: &mut Work<'_>,
    purpose: Purpose,
    people: Vec<Person>,
) -> Result<Reply, ClientError> {
    let intent = work.tx.insert_intent(&wanted::encode(&Intent::Gather { purpose, people }))?;
    Ok(Reply::Intent(intent))
}

fn create_group(
    work: &mut Work<'_>,
    title: String,
    (members, large): (&[String], bool),
) -> Result<Reply, ClientError> {
    check_title(&title)?;
    let people = others(work, members)?;
    gather_people(work, Purpose::Group { title, large: large.then_some(true) }, people)
}

fn skip_missed(work: &mut Work<'_>, chat: &LogId) -> Result<Reply, ClientError> {
    let (log, _) = group(work, chat)?;
    let Some(row) = work.tx.log(&log)?.filter(|row| row.state == LogState::Active) else {
        return refuse("This device is being added to the group again already.");
    };
    if answer::is_live(work, &log)? {
        return refuse("Nothing of this group is still to be read.");
    }
    readmit::skip_ahead(work, &row)?;
    Ok(Reply::Done)
}

fn renew(
    work: &mut Work<'_>,
    chat: &LogId,
    (large, without): (bool, &[String]),
) -> Result<Reply, ClientError> {
    let (log, role) = group(work, chat)?;
    if role < MlsRole::Owner {
        return refuse("Only owners of this group let it go on in another place.");
    }
    if crate::succession::is_filling(work, &log)? {
        return refuse("This group goes on in a new place just now: try again once all have come.");
    }
    let suite = work.with_group(&log, |group| group.suite().unwrap_or(Suite::Classic))?;
    if large && without.is_empty() && suite == Suite::Classic {
        return refuse("This group is a large one already.");
    }
    let without = members(work, &log, without)?;
    if without.contains(&work.identity()?.account()) {
        return refuse("You go on with it: leave it out.");
    }
    let suite = if large { Suite::Classic } else { suite };
    crate::succession::renew(work, &log, (suite, &without))?;
    Ok(Reply::Done)
}

/// People by name, without this one and without repetitions.
fn others(work: &Work<'_>, names: &[String]) -> Result<Vec<Person>, ClientError> {
    let mine = work.identity()?.username().map(str::to_owned);
    let mut people: Vec<Person> = Vec::new();
    for name in names {
        let person = named(name)?;
        if person.name != mine && !people.contains(&person) {
            people.push(person);
        }
    }
    if people.len() > limits::ADDS_PER_COMMIT_MAX {
        return refuse(format!("Add at most {} at a time.", limits::ADDS_PER_COMMIT_MAX));
    }
    Ok(people)
}

/// Why nobody more can come into a group.
pub(crate) const FULL: &str = "This group is full. If it was made small, its owner can let it go on as a \
                               large one: `veche group renew --large`.";

/// A group that this person is in, with their role.
pub(crate) fn group(work: &mut Work<'_>, chat: &LogId) -> Result<(LogId, MlsRole), ClientError> {
    let row = outbox::writable_log(work, chat)?;
    if work.tx.chat(chat)?.is_none_or(|chat| chat.direct) {
        return refuse("This is a direct chat between two people; make a group for more.");
    }
    if row.state == LogState::Stuck {
        return refuse("This device is being added to the chat again; try later.");
    }
    let me = work.identity()?.account();
    let role = work.with_group(&row.log, |group| group.policy().role(&me))?;
    Ok((row.log, role))
}

fn add_members(work: &mut Work<'_>, chat: &LogId, names: &[String]) -> Result<Reply, ClientError> {
    let (log, role) = group(work, chat)?;
    let may_add = work.with_group(&log, |group| group.policy().may_add)?;
    if role < may_add && !crate::work::mutated!(work.core, Dishonest) {
        return refuse("Only admins and owners of this group add people.");
    }
    let people = others(work, names)?;
    if work.with_group(&log, |group| group.leaf_room() < people.len())? {
        return refuse(FULL);
    }
    let gather = Intent::Gather { purpose: Purpose::Add, people };
    outbox::enqueue_gathered(work, &log, gather, Change::Add(Vec::new())).map(Reply::Intent)
}

/// The accounts of members with these names.
pub(crate) fn members(
    work: &mut Work<'_>,
    log: &LogId,
    names: &[String],
) -> Result<Vec<veche_wire::AccountId>, ClientError> {
    let inside = work.with_group(log, veche_mls::Group::accounts)?;
    let mut found = Vec::new();
    for name in names {
        let bare = name.strip_prefix('@').unwrap_or(name);
        match work.tx.account_named(bare)?.filter(|row| inside.contains(&row.account)) {
            Some(row) => found.push(row.account),
            None => return refuse(format!("{bare} is not a member of this chat.")),
        }
    }
    Ok(found)
}

fn remove_members(
    work: &mut Work<'_>,
    chat: &LogId,
    names: &[String],
) -> Result<Reply, ClientError> {
    let (log, role) = group(work, chat)?;
    let accounts = members(work, &log, names)?;
    let me = work.identity()?.account();
    if accounts.contains(&me) {
        return refuse("To go yourself, use `veche group leave`.");
    }
    let allowed = work.with_group(&log, |group| {
        let policy = group.policy();
        role >= policy.may_remove
            && accounts.iter().all(|account| role == MlsRole::Owner || role > policy.role(account))
    })?;
    if !allowed {
        return refuse("Only admins remove members, and only owners remove admins and owners.");
    }
    let accounts = accounts.iter().map(|account| Id(account.0)).collect();
    change(work, &log, Change::Remove(accounts))
}

pub(crate) fn change(
    work: &mut Work<'_>,
    log: &LogId,
    change: Change,
) -> Result<Reply, ClientError> {
    let intent = work.tx.insert_intent(&wanted::encode(&Intent::Outbox))?;
    outbox::enqueue_change(work, log, change, Some(intent))?;
    Ok(Reply::Intent(intent))
}

fn set_role(
    work: &mut Work<'_>,
    chat: &LogId,
    name: &str,
    role: Role,
) -> Result<Reply, ClientError> {
    let (log, mine) = group(work, chat)?;
    let names = [name.to_owned()];
    let Some(account) = members(work, &log, &names)?.first().copied() else {
        return refuse("Nobody was named.");
    };
    let me = work.identity()?.account();
    let lowers_itself = account == me && role < from_mls(mine);
    if mine != MlsRole::Owner && !lowers_itself {
        return refuse("Only owners of this group give roles.");
    }
    if account == me && mine == MlsRole::Owner && role != Role::Owner && is_last_owner(work, &log)?
    {
        return refuse("You are the only owner: make somebody else an owner first.");
    }
    let role = role as u8;
    change(work, &log, Change::SetRole { account: Id(account.0), role })
}

fn set_rules(work: &mut Work<'_>, chat: &LogId, rules: RulesChange) -> Result<Reply, ClientError> {
    let (log, role) = group(work, chat)?;
    if role != MlsRole::Owner {
        return refuse("Only owners of this group change its rules.");
    }
    let RulesChange { post, add, remove, rename, slow } = rules;
    let numbers = [post, add, remove, rename].map(|role| role.map(|role| role as u8));
    match slow {
        Some(seconds) if seconds > limits::SLOW_SECONDS_MAX => {
            refuse(format!("Slow mode is at most {} seconds.", limits::SLOW_SECONDS_MAX))
        }
        Some(seconds) => change(work, &log, Change::SetRulesAndSlow(numbers, seconds)),
        None if numbers.iter().all(Option::is_none) => refuse("There is no rule to change."),
        None => change(work, &log, Change::SetRules(numbers)),
    }
}

fn guard(work: &mut Work<'_>, chat: &LogId, on: bool) -> Result<Reply, ClientError> {
    let (log, role) = group(work, chat)?;
    if role < MlsRole::Admin {
        return refuse("Only admins and owners of this group guard it.");
    }
    let intent = work.tx.insert_intent(&wanted::encode(&Intent::Outbox))?;
    outbox::enqueue_guard(work, &log, (on, intent))?;
    Ok(Reply::Intent(intent))
}

/// Refuses what this person may not say in a chat.
fn check_right(work: &mut Work<'_>, chat: &LogId, body: &Body) -> Result<(), ClientError> {
    let row = outbox::writable_log(work, chat)?;
    let me = work.identity()?.account();
    let may = work.look_at_group(&row.log, |group| outbox::may_say(group.policy(), &me, body))?;
    if may == Some(false) && !crate::work::mutated!(work.core, Dishonest) {
        return refuse(outbox::MAY_NOT_POST);
    }
    Ok(())
}

/// A role as people know it.
pub(crate) fn from_mls(role: MlsRole) -> Role {
    match role {
        MlsRole::Member => Role::Member,
        MlsRole::Admin => Role::Admin,
        MlsRole::Owner => Role::Owner,
    }
}

fn is_last_owner(work: &mut Work<'_>, log: &LogId) -> Result<bool, ClientError> {
    work.with_group(log, |group| {
        group.policy().roles.values().filter(|role| **role == MlsRole::Owner).count() == 1
    })
}

fn rename(work: &mut Work<'_>, chat: &LogId, title: String) -> Result<Reply, ClientError> {
    check_title(&title)?;
    let (log, role) = group(work, chat)?;
    let may_change = work.with_group(&log, |group| group.policy().may_change)?;
    if role < may_change && !crate::work::mutated!(work.core, Dishonest) {
        return refuse("Only admins and owners of this group rename it.");
    }
    change(work, &log, Change::Rename(title))
}

fn leave(work: &mut Work<'_>, chat: &LogId) -> Result<Reply, ClientError> {
    let row = outbox::writable_log(work, chat)?;
    if row.state == LogState::Stuck && !invitation::came_in(work, &row.log)? {
        return give_up(work, row);
    }
    let (log, role) = group(work, chat)?;
    let alone = work.with_group(&log, |group| group.accounts().len() == 1)?;
    if role == MlsRole::Owner && !alone && is_last_owner(work, &log)? {
        return refuse(
            "You are the only owner: make somebody else an owner first \
             (`veche group role CHAT NAME owner`).",
        );
    }
    let intent = work.tx.insert_intent(&wanted::encode(&Intent::Outbox))?;
    outbox::enqueue_leave(work, &log, intent)?;
    Ok(Reply::Intent(intent))
}

/// Leaves a chat in which this device never had its place: there is nobody to tell, and nothing to
/// forget but what the invitation claimed.
fn give_up(work: &mut Work<'_>, row: veche_store::LogRow) -> Result<Reply, ClientError> {
    let row = veche_store::LogRow { state: LogState::Left, cursor: 0, ..row };
    work.tx.put_log(&row)?;
    work.tx.forget_generations(&row.log)?;
    work.tx.clear_marks(&row.log)?;
    work.tx.forget_members(&row.log)?;
    work.tx.delete_readmission(&row.log)?;
    outbox::fail_outbox(work, &row.log, "you have left this chat")?;
    work.tell(Event::Chat(row.chat));
    Ok(Reply::Done)
}

fn check_title(title: &str) -> Result<(), ClientError> {
    if title.trim().is_empty() || title.len() > limits::TITLE_BYTES_MAX {
        return refuse(format!("A title has 1 to {} bytes.", limits::TITLE_BYTES_MAX));
    }
    Ok(())
}

fn check_text(text: &str) -> Result<(), ClientError> {
    if text.len() > limits::TEXT_BYTES_MAX {
        return refuse(format!(
            "The text has {} bytes; a message takes {}. Send it as a file (--file).",
            text.len(),
            limits::TEXT_BYTES_MAX
        ));
    }
    Ok(())
}

fn send(
    work: &mut Work<'_>,
    chat: &LogId,
    (text, reply_to, file): (String, Option<EntryId>, Option<crate::StagedFile>),
) -> Result<Reply, ClientError> {
    check_text(&text)?;
    if let Some(target) = &reply_to
        && work.tx.message(chat, target)?.is_none()
    {
        return refuse("There is no such message in this chat to reply to.");
    }
    let body = match file {
        None if text.is_empty() => return refuse("There is nothing to send."),
        None => Body::Text(text),
        Some(crate::StagedFile(file)) => {
            let Some(mut blob) = work.tx.blob(&file.blob)? else {
                return refuse("The file is not staged any more.");
            };
            blob.direction = Direction::Up;
            work.tx.put_blob(&blob)?;
            Body::File { text, file }
        }
    };
    say(work, chat, (None, reply_to), body)
}

/// The time that the last change of a message gave itself.
const CHANGED_AT: &str = "changed at";

fn say(
    work: &mut Work<'_>,
    chat: &LogId,
    (replaces, in_reply_to): (Option<EntryId>, Option<EntryId>),
    body: Body,
) -> Result<Reply, ClientError> {
    check_right(work, chat, &body)?;
    let id = EntryId::random(&mut work.core.random.clone());
    let mut sent_at = work.now;
    if replaces.is_some() {
        // Of two changes the later one stands, and the clock may have been set back between them.
        sent_at = sent_at.max(work.tx.meta_number(CHANGED_AT)?.unwrap_or(0) + 1);
        work.tx.set_meta_number(CHANGED_AT, sent_at)?;
    }
    let (display_name, mentions) = (None, Mentions::default());
    let mut content = Content { id, sent_at, replaces, in_reply_to, display_name, mentions, body };
    if outbox::shows_as_message(&content) {
        outbox::check_slow(work, chat)?;
        content.display_name = people::my_display_name(work)?;
        if let Body::Text(text) | Body::File { text, .. } = &content.body {
            content.mentions = mentions::meant(work, chat, text)?;
        }
    }
    outbox::enqueue(work, chat, &content)
}

fn react(
    work: &mut Work<'_>,
    chat: &LogId,
    message: EntryId,
    emoji: String,
) -> Result<Reply, ClientError> {
    if emoji.trim().is_empty() || emoji.len() > limits::REACTION_BYTES_MAX {
        return refuse("A reaction is one emoji.");
    }
    let target = work.tx.message(chat, &message)?;
    if target.is_none_or(|target| target.event.is_some() || target.deleted) {
        return refuse("There is no such message in this chat.");
    }
    let me = work.identity()?.account();
    let mine = work
        .tx
        .reactions(chat, &message)?
        .into_iter()
        .find(|reaction| reaction.account == me && reaction.emoji == emoji);
    match mine {
        Some(reaction) => say(work, chat, (Some(reaction.id), None), Body::Nothing),
        None => say(work, chat, (None, Some(message)), Body::Reaction(emoji)),
    }
}

fn own_message(work: &Work<'_>, chat: &LogId, message: &EntryId) -> Result<(), ClientError> {
    let me = work.identity()?.account();
    match work.tx.message(chat, message)? {
        None => refuse("There is no such message in this chat."),
        Some(row) if row.account != me || row.event.is_some() => {
            refuse("Only your own messages can be changed.")
        }
        Some(row) if row.deleted => refuse("This message was deleted."),
        Some(row) if row.state == RowState::Failed => refuse("This message was never sent."),
        Some(_) => Ok(()),
    }
}

fn block(work: &mut Work<'_>, name: &str, blocked: bool) -> Result<Reply, ClientError> {
    let mut row = people::known(work, name)?;
    if row.account == work.identity()?.account() {
        return refuse("That is you.");
    }
    row.blocked = blocked;
    work.tx.put_account(&row)?;
    if blocked {
        for invitation in work.tx.invitations()? {
            if invitation.account == row.account {
                work.tx.delete_invitation(&invitation.id)?;
            }
        }
    }
    Ok(Reply::Done)
}

/// Whether programs tell each other in a log what their people read and write: not among thousands.
fn is_small(work: &Work<'_>, log: &LogId) -> Result<bool, ClientError> {
    let roster = work.tx.roster(log)?;
    Ok(roster.is_some_and(|roster| roster.devices <= limits::RECEIPTS_DEVICES_MAX as u64))
}

fn mark_read(work: &mut Work<'_>, chat: &LogId) -> Result<Reply, ClientError> {
    let Some(mut row) = work.tx.chat(chat)? else { return refuse("There is no such chat.") };
    let last = work.tx.last_arrival(chat)?;
    if last == row.read_arrival {
        return Ok(Reply::Done);
    }
    let before = std::mem::replace(&mut row.read_arrival, last);
    work.tx.put_chat(&row)?;
    work.tell(Event::Chat(*chat));
    let off = account::tells_nobody_what_was_read(work.tx)?;
    let active = work.tx.logs_of(chat)?.pop().filter(|log| log.state == LogState::Active);
    if let (false, Some(log)) = (off, active)
        && is_small(work, &log.log)?
    {
        let read = work.tx.received_between(chat, before, last)?;
        if !read.is_empty() {
            outbox::enqueue_content(work, &log.log, Body::Receipt { read })?;
        }
    }
    Ok(Reply::Done)
}

fn typing(work: &mut Work<'_>, chat: &LogId) -> Result<Reply, ClientError> {
    let row = outbox::writable_log(work, chat)?;
    let me = work.identity()?.account();
    let tells = work.core.session.is_up() && is_small(work, &row.log)?;
    if let (true, Some(secret)) = (tells, outbox::generation_secret(work, &row)?) {
        let key = secret.control_key(&row.log, row.generation);
        let bytes = key.seal_signal(&mut work.core.random.clone(), &row.log, me.as_bytes());
        let token = secret.write_token(&row.log, row.generation);
        work.ask(Key::Signal(row.log), |_| Request::Signal { log: row.log, token, bytes });
    }
    Ok(Reply::Done)
}

fn download(work: &mut Work<'_>, chat: &LogId, message: &EntryId) -> Result<Reply, ClientError> {
    let Some(file) = crate::views::file_of(work.tx, chat, message)? else {
        return refuse("This message has no file.");
    };
    match work.tx.blob(&file.blob)? {
        Some(blob) if matches!(blob.direction, Direction::Here | Direction::Up) => Ok(Reply::Done),
        Some(blob) if blob.intent.is_some() => Ok(Reply::Intent(blob.intent.unwrap_or_default())),
        _ => {
            let intent = work.tx.insert_intent(&wanted::encode(&Intent::Fetch))?;
            work.tx.put_blob(&veche_store::BlobRow {
                blob: file.blob,
                direction: Direction::Down,
                total: file.blob_size,
                have: 0,
                intent: Some(intent),
            })?;
            Ok(Reply::Intent(intent))
        }
    }
}
