//! Names of people.

use std::collections::BTreeMap;

use veche_mls::{verify_name, verify_names};
use veche_store::AccountRow;
use veche_wire::content::DisplayName;
use veche_wire::{AccountId, Credential, NameBinding, Token, limits};

use crate::ClientError;
use crate::account;
use crate::error::refuse;
use crate::work::Work;

/// What is shown for an account without a proved name: `?` and the beginning of its id.
pub(crate) fn short(account: &AccountId) -> String {
    format!("?{:.8}", account.to_string())
}

/// The name to show for an account.
pub(crate) fn name(work: &Work<'_>, account: &AccountId) -> Result<String, ClientError> {
    let known = work.tx.account(account)?.and_then(|row| row.username);
    let mine = || {
        let identity = work.core.identity.as_ref().filter(|me| me.account() == *account)?;
        identity.username().map(str::to_owned)
    };
    Ok(known.or_else(mine).unwrap_or_else(|| short(account)))
}

/// Learns the name in a credential, where the directory's signature proves it; answers the name.
pub(crate) fn learn(work: &Work<'_>, credential: &Credential) -> Result<String, ClientError> {
    learn_name(work, &credential.certificate.account, credential.name.as_ref())?;
    name(work, &credential.certificate.account)
}

/// Whether the directory has given the credential's account a name: it is registered there.
pub(crate) fn proves_name(work: &Work<'_>, credential: &Credential) -> Result<bool, ClientError> {
    let Some(binding) = &credential.name else { return Ok(false) };
    let account = &credential.certificate.account;
    Ok(directory_key(work)?.is_some_and(|key| verify_name(binding, &key, account)))
}

/// Learns a proved name.
pub(crate) fn learn_name(
    work: &Work<'_>,
    account: &AccountId,
    binding: Option<&NameBinding>,
) -> Result<(), ClientError> {
    if work.tx.has_username(account)? {
        return Ok(());
    }
    let key = directory_key(work)?;
    let is_good =
        |binding: &&NameBinding| key.is_some_and(|key| verify_name(binding, &key, account));
    let proved = binding.filter(is_good).map(|binding| binding.username.as_str());
    Ok(work.tx.learn_account(account, proved)?)
}

/// Learns the proved names of many, in less time than [`learn`] takes for each.
pub(crate) fn learn_all<'a>(
    work: &Work<'_>,
    credentials: impl Iterator<Item = &'a Credential>,
) -> Result<(), ClientError> {
    // Some of somebody's devices may be older than the name, or than the directory's key.
    let mut unnamed: BTreeMap<AccountId, Vec<&NameBinding>> = BTreeMap::new();
    for credential in credentials {
        let account = credential.certificate.account;
        if unnamed.contains_key(&account) || !work.tx.has_username(&account)? {
            unnamed.entry(account).or_default().extend(&credential.name);
        }
    }
    let names: Vec<(&NameBinding, &AccountId)> = unnamed
        .iter()
        .flat_map(|(account, names)| names.iter().map(move |name| (*name, account)))
        .collect();
    let good = directory_key(work)?.map(|key| verify_names(&names, &key)).unwrap_or_default();
    let proved: BTreeMap<AccountId, &str> = names
        .iter()
        .zip(good)
        .filter(|(_, good)| *good)
        .map(|((name, account), _)| (**account, &*name.username))
        .collect();
    for account in unnamed.keys() {
        work.tx.learn_account(account, proved.get(account).copied())?;
    }
    Ok(())
}

fn directory_key(work: &Work<'_>) -> Result<Option<[u8; 32]>, ClientError> {
    let key = work.tx.meta(account::DIRECTORY_KEY)?.unwrap_or_default();
    Ok(key.as_slice().try_into().ok())
}

/// Keeps somebody as a contact.
pub(crate) fn keep_contact(
    work: &Work<'_>,
    account: &AccountId,
    invite: Option<Token>,
) -> Result<(), ClientError> {
    let mut row = work.tx.account(account)?.unwrap_or_else(|| unknown(account));
    row.contact = true;
    row.invite = invite.or(row.invite);
    work.tx.put_account(&row)?;
    Ok(())
}

/// A row for somebody of whom nothing is known.
pub(crate) fn unknown(account: &AccountId) -> AccountRow {
    AccountRow {
        account: *account,
        username: None,
        contact: false,
        blocked: false,
        invite: None,
        display_name: None,
    }
}

/// Learns what somebody wants to be called, where that is newer than what is known: messages of two
/// chats have no order between them, so the name says itself since when it is.
pub(crate) fn learn_display_name(
    work: &Work<'_>,
    account: &AccountId,
    name: Option<&DisplayName>,
) -> Result<(), ClientError> {
    let Some(name) = name else { return Ok(()) };
    let mut row = work.tx.account(account)?.unwrap_or_else(|| unknown(account));
    if row.display_name.as_ref().is_none_or(|known| known < name) {
        row.display_name = Some(name.clone());
        work.tx.put_account(&row)?;
    }
    Ok(())
}

/// What this person wants to be called, for what they send.
pub(crate) fn my_display_name(work: &Work<'_>) -> Result<Option<DisplayName>, ClientError> {
    let me = work.identity()?.account();
    Ok(work.tx.account(&me)?.and_then(|row| row.display_name))
}

/// This person wants to be called so from now on, or by the username alone. Nobody is told before
/// something is said: notes into all chats at once would show the server whose they are
/// (docs/decisions/0012).
pub(crate) fn set_display_name(work: &Work<'_>, text: &str) -> Result<(), ClientError> {
    let text = text.trim();
    if text.chars().count() > limits::DISPLAY_NAME_CHARS_MAX {
        let most = limits::DISPLAY_NAME_CHARS_MAX;
        return refuse(format!("A display name has at most {most} characters."));
    }
    if text.chars().any(char::is_control) {
        return refuse("A display name is one line of text.");
    }
    let known = my_display_name(work)?;
    if known.as_ref().map_or("", |known| &known.text) == text {
        return Ok(());
    }
    // Later than what it replaces, also where the clock was set back.
    let since = work.now.max(known.map_or(0, |known| known.since) + 1);
    let name = DisplayName { since, text: text.to_owned() };
    learn_display_name(work, &work.identity()?.account(), Some(&name))
}

/// The person with this name, who must be known here.
pub(crate) fn known(work: &Work<'_>, name: &str) -> Result<AccountRow, ClientError> {
    let bare = name.strip_prefix('@').unwrap_or(name);
    match work.tx.account_named(bare)? {
        Some(row) => Ok(row),
        None => refuse(format!("Nobody here is called {bare}. `veche contacts` lists who is.")),
    }
}

/// Whether everything of somebody is refused.
pub(crate) fn is_blocked(work: &Work<'_>, account: &AccountId) -> Result<bool, ClientError> {
    Ok(work.tx.account(account)?.is_some_and(|row| row.blocked))
}
