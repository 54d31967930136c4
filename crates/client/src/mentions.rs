//! Who is meant by a message: `@name` in its text.

use std::collections::BTreeSet;

use veche_mls::{Policy, Role};
use veche_wire::certificate::is_username;
use veche_wire::content::Mentions;
use veche_wire::{AccountId, LogId, limits};

use crate::error::refuse;
use crate::work::Work;
use crate::{ClientError, outbox};

/// The name that means everybody; who is called so is not mentioned by it.
const ALL: &str = "all";

/// Whom a text of this person means in a chat: members of a group, but for this one. In a direct chat
/// everything is meant for the other anyway.
pub(crate) fn meant(
    work: &mut Work<'_>,
    chat: &LogId,
    text: &str,
) -> Result<Mentions, ClientError> {
    let (mut mentions, names) = (Mentions::default(), names(text));
    if names.is_empty() || work.tx.chat(chat)?.is_none_or(|chat| chat.direct) {
        return Ok(mentions);
    }
    let (log, me) = (outbox::writable_log(work, chat)?.log, work.identity()?.account());
    for name in names {
        if name == ALL {
            let may = work.look_at_group(&log, |group| may_mention_all(group.policy(), &me))?;
            if may == Some(false) && !crate::work::mutated!(work.core, Dishonest) {
                return refuse(
                    "Only admins and owners of this group mention everybody: leave out the @ of @all.",
                );
            }
            mentions.all = true;
        } else if let Some(row) = work.tx.account_named(&name)?
            && row.account != me
            && work.tx.is_member(&log, &row.account)?
        {
            mentions.accounts.insert(row.account);
        }
    }
    if mentions.accounts.len() > limits::MENTIONS_MAX {
        return refuse(format!(
            "A message mentions at most {} members by name.",
            limits::MENTIONS_MAX
        ));
    }
    Ok(mentions)
}

/// Whether what `author` says means `me`, by the policy at the place of the message.
pub(crate) fn mean(
    policy: &Policy,
    (author, mentions): (&AccountId, &Mentions),
    me: &AccountId,
) -> bool {
    let named = mentions.accounts.contains(me);
    author != me && (named || mentions.all && may_mention_all(policy, author))
}

fn may_mention_all(policy: &Policy, account: &AccountId) -> bool {
    policy.role(account) >= Role::Admin
}

/// The usernames behind each `@` that stands at the beginning of a word, in lower case.
fn names(text: &str) -> BTreeSet<String> {
    let pieces: Vec<&str> = text.split('@').collect();
    let named = pieces.windows(2).filter_map(|pair| {
        let [before, piece] = pair else { return None };
        let name = piece.split(|sign: char| !is_of_a_name(sign)).next()?;
        let after = piece.get(name.len()..)?.chars().next();
        let is_apart =
            |sign: Option<char>| sign.is_none_or(|it| !it.is_alphanumeric() && it != '_');
        let stands_alone = is_apart(before.chars().next_back()) && is_apart(after);
        stands_alone.then(|| name.to_ascii_lowercase())
    });
    named.filter(|name| is_username(name)).collect()
}

fn is_of_a_name(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_behind_an_at() {
        let named = |text: &str| names(text).into_iter().collect::<Vec<_>>().join(" ");
        for (text, expected) in [
            ("@ana, @Bob's and (@cyd_1)!", "ana bob cyd_1"),
            ("@ana@bob", "ana"),
            ("@@ana", "ana"),
            ("write to ana@bob.example", ""),
            ("@an @ana\u{107} @ ana", ""),
            ("\u{44f}@ana", ""),
            ("@ana @ana\n@ALL", "all ana"),
            (&format!("@{}", "a".repeat(33)), ""),
            ("nobody", ""),
        ] {
            assert_eq!(named(text), expected, "{text:?}");
        }
    }
}
