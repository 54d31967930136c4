//! Names of people.

use veche_mls::verify_name;
use veche_store::AccountRow;
use veche_wire::{AccountId, Credential, NameBinding, Token};

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

/// Learns a proved name.
pub(crate) fn learn_name(
    work: &Work<'_>,
    account: &AccountId,
    binding: Option<&NameBinding>,
) -> Result<(), ClientError> {
    let mut row = work.tx.account(account)?.unwrap_or_else(|| unknown(account));
    if row.username.is_none()
        && let Some(binding) = binding
        && let Some(key) = work.tx.meta(account::DIRECTORY_KEY)?
        && let Ok(key) = <[u8; 32]>::try_from(key.as_slice())
        && verify_name(binding, &key, account)
        && work.tx.account_named(&binding.username)?.is_none()
    {
        row.username = Some(binding.username.clone());
    }
    work.tx.put_account(&row)?;
    Ok(())
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
    AccountRow { account: *account, username: None, contact: false, blocked: false, invite: None }
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
