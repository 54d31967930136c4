//! Who is in a chat. The group says so, and rows beside it are what is looked at: a group of thousands
//! is not read for a page of its members.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use veche_mls::{Group, Policy, Summary};
use veche_store::{LogState, MemberRow, Place, Tx};
use veche_wire::{AccountId, Credential, DeviceId, LogId};

use crate::api::{MemberView, Role};
use crate::error::refuse;
use crate::work::{Core, StoreKeep, Work};
use crate::{Client, ClientError, people};

/// Writes down who is in the groups that have changed. Part of every transaction.
pub(crate) fn write_changed(tx: &Tx<'_>, core: &mut Core) -> Result<(), ClientError> {
    for (log, group) in &core.groups {
        if core.written.get(log).is_some_and(|written| written == group.history()) {
            continue;
        }
        if tx.roster(log)?.is_none_or(|roster| roster.history != group.history()) {
            write(tx, group)?;
        }
        core.written.insert(*log, group.history().to_vec());
    }
    Ok(())
}

/// A commit of a group was applied that was in the state `before`. Where that is what is written down, only
/// who came and went is written, and nobody is read: a group of thousands has many commits.
pub(crate) fn follow(
    work: &mut Work<'_>,
    group: &Group,
    (before, summary): (&[u8], &Summary),
) -> Result<(), ClientError> {
    let log = group.log();
    let is_as_written = work.core.written.get(&log).is_some_and(|written| written == before);
    if !is_as_written || summary.policy_before.roles != summary.policy_after.roles {
        return Ok(());
    }
    let places = |credentials: &[Credential]| -> BTreeSet<Place> {
        let certificates = credentials.iter().map(|credential| &credential.certificate);
        let devices = certificates.map(|certificate| (certificate.account, certificate.device));
        devices.map(|device| place(&summary.policy_after, device)).collect()
    };
    let (came, went) = (places(&summary.added), places(&summary.removed));
    work.tx.change_members(&log, group.history(), (&went, &came))?;
    work.core.written.insert(log, group.history().to_vec());
    Ok(())
}

fn place(policy: &Policy, (account, device): (AccountId, DeviceId)) -> Place {
    (account, device, policy.role(&account) as u8)
}

/// Writes down who is in groups of which nothing is written: a home of an earlier version has none.
pub(crate) fn write_missing(tx: &Tx<'_>) -> Result<(), ClientError> {
    for row in tx.logs()? {
        let is_inside = matches!(row.state, LogState::Active | LogState::Stuck);
        if is_inside && tx.roster(&row.log)?.is_none() {
            let keep = StoreKeep::new(tx.keep_batch());
            // One that cannot be read is found out, and told, when it is needed.
            if let Ok(Some(group)) = Group::load(&keep, row.log) {
                write(tx, &group)?;
            }
        }
    }
    Ok(())
}

fn write(tx: &Tx<'_>, group: &Group) -> Result<(), ClientError> {
    let places = group.devices().map(|device| place(group.policy(), device)).collect();
    Ok(tx.put_members(&group.log(), group.history(), &places)?)
}

impl Client {
    /// All members of a chat, in the order of [`Self::member_page`]: for chats that are known to be
    /// small.
    ///
    /// # Errors
    /// `Refused` where this device is not in it.
    pub fn members(&self, chat: LogId) -> Result<Vec<MemberView>, ClientError> {
        let Some(identity) = &self.core.identity else {
            return refuse("This home has no account yet.");
        };
        let me = identity.account();
        let mut views = self.look(|tx| {
            let log = log_of(tx, &chat)?;
            Ok(tx.members(&log)?.into_iter().map(|row| view(row, &me)).collect::<Vec<_>>())
        })?;
        views.sort_by(|one, other| place_in_list(one).cmp(&place_in_list(other)));
        Ok(views)
    }

    /// Whether what is listed of a chat is what its group says, for tests.
    ///
    /// # Errors
    /// `Refused` where this device is not in it.
    #[cfg(feature = "mutants")]
    pub fn lists_who_is_in(&self, chat: LogId) -> Result<bool, ClientError> {
        self.look_inside(chat, |tx, group| {
            let listed: BTreeSet<(AccountId, u8)> =
                tx.members(&group.log())?.iter().map(|row| (row.account, row.role)).collect();
            let policy = group.policy();
            let inside = group.accounts().into_iter();
            Ok(listed == inside.map(|account| (account, policy.role(&account) as u8)).collect())
        })
    }

    /// A page of the members of a chat: at most `limit` after somebody, or the first ones. Owners
    /// come first, then admins, then everybody else, each by username.
    ///
    /// # Errors
    /// `Refused` where this device is not in the chat, or `after` is not.
    pub fn member_page(
        &self,
        chat: LogId,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<MemberView>, ClientError> {
        let views = self.members(chat)?;
        let begins = match after {
            None => 0,
            Some(after) => match views.iter().position(|view| view.account == after) {
                None => return refuse("There is no such member in this chat."),
                Some(position) => position + 1,
            },
        };
        Ok(views.into_iter().skip(begins).take(limit).collect())
    }

    /// At most `limit` members of a chat in whose username or display name all `words` are, in any
    /// case. First those where each begins a word of a name, then those where one is inside a word;
    /// each part in the order of [`Self::member_page`].
    ///
    /// # Errors
    /// `Refused` where this device is not in the chat.
    pub fn find_members(
        &self,
        chat: LogId,
        words: &str,
        limit: usize,
    ) -> Result<Vec<MemberView>, ClientError> {
        let words = words.to_lowercase();
        let words: Vec<&str> =
            words.split_whitespace().map(|word| word.trim_start_matches('@')).collect();
        let members = self.members(chat)?.into_iter();
        let mut found: Vec<(Match, MemberView)> =
            members.filter_map(|view| Some((matches(&view, &words)?, view))).collect();
        found.sort_by_key(|(how, _)| *how);
        Ok(found.into_iter().map(|(_, view)| view).take(limit).collect())
    }
}

/// The log in which the members of a chat are.
pub(crate) fn log_of(tx: &Tx<'_>, chat: &LogId) -> Result<LogId, ClientError> {
    let Some(row) = tx.logs_of(chat)?.pop() else {
        return refuse("There is no such chat. `veche chats` lists them.");
    };
    if matches!(row.state, LogState::Left | LogState::Removed | LogState::Succeeded) {
        return refuse("You are not in this chat any more.");
    }
    if tx.roster(&row.log)?.is_none() {
        return refuse("This device is being added to the chat; try later.");
    }
    Ok(row.log)
}

fn view(row: MemberRow, me: &AccountId) -> MemberView {
    MemberView {
        account: row.account,
        name: row.username.unwrap_or_else(|| people::short(&row.account)),
        display_name: row.display_name,
        role: Role::from_row(row.role),
        me: row.account == *me,
        silent_since: row.silent_since,
    }
}

fn place_in_list(view: &MemberView) -> (Reverse<Role>, &str, AccountId) {
    (Reverse(view.role), &view.name, view.account)
}

/// How well a name fits what is looked for; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    /// Every word looked for begins a word of a name.
    Beginnings,
    /// One of them is only inside a word.
    Inside,
}

/// How a member fits `words`, which are lower case; `None` where one of them is in no name.
fn matches(view: &MemberView, words: &[&str]) -> Option<Match> {
    let names = [Some(view.name.as_str()), view.display_name.as_deref()];
    let names: Vec<String> = names.into_iter().flatten().map(str::to_lowercase).collect();
    let begins = |word: &&str| {
        let mut parts = names.iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric()));
        parts.any(|part| part.starts_with(word)) || names.iter().any(|name| name.starts_with(word))
    };
    if words.iter().all(begins) {
        return Some(Match::Beginnings);
    }
    let inside = |word: &&str| names.iter().any(|name| name.contains(word));
    words.iter().all(inside).then_some(Match::Inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(words: &[&str]) -> Option<Match> {
        let view = MemberView {
            account: AccountId([1; 32]),
            name: "ana_maria".to_owned(),
            display_name: Some("Ана Ćosić-Petrović".to_owned()),
            role: Role::Member,
            me: false,
            silent_since: None,
        };
        matches(&view, words)
    }

    #[test]
    fn names_are_found_by_the_beginnings_of_their_words_first() {
        for words in [&[][..], &["ana"], &["mar"], &["ана"], &["petro", "ana_m"], &["ćos"]] {
            assert_eq!(fit(words), Some(Match::Beginnings), "{words:?}");
        }
        for words in [&["ria"][..], &["ana", "etro"], &["sić-pet"]] {
            assert_eq!(fit(words), Some(Match::Inside), "{words:?}");
        }
        for words in [&["bo"][..], &["ana", "bo"], &["anna"]] {
            assert_eq!(fit(words), None, "{words:?}");
        }
    }
}
