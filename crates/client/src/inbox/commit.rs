//! A commit comes in: judged by everybody alike, then applied (docs/protocol.md, rules 4 and 6).

use std::collections::BTreeSet;

use veche_mls::{
    Bound, Group, JudgeContext, LEAF_KEYS_MAX, LeaveRequest, MlsError, Policy, Processed,
    StuckReason, Summary, Verdict,
};
use veche_store::{LogRow, LogState, OutboxRow};
use veche_wire::{AccountId, Credential, DeviceId, Entry, Kind, LogId};

use super::line::{Line, line};
use super::{Taken, junk, readmit, rights};
use crate::work::{Work, mutated};
use crate::{ClientError, Event, door, members, outbox, people, succession, warm};

/// Takes a commit entry.
pub(super) fn take(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &mut Group,
    (entry, own): (&Entry, Option<OutboxRow>),
) -> Result<Taken, ClientError> {
    let key = group.entry_key(&work.core.engine)?;
    let Some(mls) = key.open(&row.log, &entry.id, Kind::Commit, &entry.bytes) else {
        return skipped(work, (row, group), (entry, own), "it was sealed for another epoch");
    };
    let context = JudgeContext { current_generation: row.generation };
    let verdict = match work.core.ahead.take(&row.log, (entry, &row.hash)) {
        Some(verdict) => verdict,
        None => group.judge(&work.core.engine, work.keep, (entry, &mls), &context),
    };
    let judged = match verdict {
        Verdict::Apply(judged) => judged,
        Verdict::Skip(reason) => {
            return skipped(work, (row, group), (entry, own), &reason.to_string());
        }
    };
    if own.is_none() && judged.leaf == group.own_leaf() {
        let words = StuckReason::NotMine.to_string();
        readmit::stuck(work, row, &words)?;
        return Ok(Taken::Stop);
    }
    let (left, author) = (leavers(&judged.bound), judged.leaf);
    let epoch_before = group.epoch();
    let history_before = group.history().to_vec();
    let leaf_key = group.own_leaf_key().filter(|_| own.is_some());
    let processed = if own.is_some() {
        // The committer, too, judges before it merges.
        match group.merge_own(&work.core.engine, work.keep, *judged) {
            Ok(summary) => Processed::Applied(Box::new(summary)),
            Err(MlsError::NotPending) => Processed::Stuck(StuckReason::NotMine),
            Err(error) => return Err(error.into()),
        }
    } else {
        group.process(&work.core.engine, work.keep, *judged)?
    };
    match processed {
        Processed::Applied(summary) => {
            debug_assert!(summary.self_removed || group.epoch() > epoch_before);
            if let Some(package) = &summary.self_package
                && displaced(work, row, package)?
            {
                return Ok(Taken::Stop);
            }
            if let Some(before) = leaf_key.filter(|before| group.own_leaf_key() != Some(*before)) {
                work.tx.put_own_leaf_key(&row.log, (entry.seq, &before), LEAF_KEYS_MAX)?;
            }
            if !summary.self_removed {
                members::follow(work, group, (&history_before, &summary))?;
            }
            applied(work, row, group, (entry, own, &summary, &left))?;
            Ok(Taken::Yes)
        }
        Processed::Skip(reason) => skipped(work, (row, group), (entry, own), &reason.to_string()),
        Processed::Stuck(reason) => {
            let author = group.member(author).map(|author| author.credential);
            readmit::stuck_by(work, row, (author.as_ref(), &reason.to_string()))?;
            Ok(Taken::Stop)
        }
    }
}

/// This device was added again; whether it waits or asks for its place, instead of giving it up.
fn displaced(work: &mut Work<'_>, row: &mut LogRow, package: &[u8]) -> Result<bool, ClientError> {
    if veche_mls::is_own_key_package(&work.core.engine, work.keep, package)? {
        // It had asked more than once, and follows again since the first answer: the next
        // invitation is on its way, and counts from this commit on.
        readmit::wait_for_place(work, row)?;
        return Ok(true);
    }
    // Any member may do that, with a KeyPackage that is used up; a copy of this home may, too.
    if work.now.saturating_sub(row.displaced_at) >= DISPLACED_MS {
        row.displaced = 0;
        row.displaced_at = work.now;
    }
    row.displaced += 1;
    if row.displaced > DISPLACED_MAX {
        return Ok(false);
    }
    readmit::stuck(work, row, "somebody has given its place away")?;
    Ok(true)
}

/// How often within [`DISPLACED_MS`] a device asks for its place that was given away, until it takes
/// it that a copy of its home lives: two copies do not throw each other out for ever.
const DISPLACED_MAX: u32 = 3;
const DISPLACED_MS: u64 = 24 * 3_600_000;

/// What is said where this device was added again though it did not ask.
const COPIED: &str = "A copy of this home has taken this device's place in a chat. Use one of them \
                      only; if you made no copy, somebody else has this device's keys.";

fn skipped(
    work: &mut Work<'_>,
    (log, group): (&LogRow, &mut Group),
    (entry, own): (&Entry, Option<OutboxRow>),
    words: &str,
) -> Result<Taken, ClientError> {
    let Some(out) = own else {
        junk::count(work, (log, group), entry)?;
        return Ok(Taken::Skipped);
    };
    group.clear_pending(work.keep)?;
    let words = format!("every member refuses it: {words}");
    let row = OutboxRow { state: veche_store::OutboxState::Queued, ..out };
    outbox::own_commit_skipped(work, &row, &words)?;
    door::skipped(work, group, &row)?;
    Ok(Taken::Skipped)
}

/// An applied commit: its entry, the row where it is ours, what it did, and who asked to go.
type Applied<'a> = (&'a Entry, Option<OutboxRow>, &'a Summary, &'a BTreeSet<DeviceId>);

fn applied(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &mut Group,
    (entry, own, summary, leavers): Applied<'_>,
) -> Result<(), ClientError> {
    let is_own = own.is_some();
    outbox::new_epoch(work, row)?;
    people::learn_all(work, summary.added.iter().chain(&summary.removed))?;
    lines(work, row, entry, (summary, leavers))?;
    if summary.self_removed {
        // This device may be told what it has asked for before it is told that the log has its request.
        let asked = leavers.contains(&work.identity()?.device());
        row.state = if asked { LogState::Left } else { LogState::Removed };
        door::forget(work, &row.log)?;
        if summary.self_package.is_some() {
            work.tell(Event::Notice(COPIED.into()));
        }
        work.tell(Event::Chat(row.chat));
        return Ok(());
    }
    rotate(work, row, group, (entry, summary))?;
    await_joiners(work, &row.log, summary)?;
    for credential in &summary.added {
        work.tx.put_newcomer(&row.log, &credential.certificate.device, entry.seq)?;
    }
    for credential in &summary.removed {
        work.tx.delete_newcomer(&row.log, &credential.certificate.device)?;
    }
    // What others do where the chat has come from does not change what it is called now.
    if summary.policy_after.title != summary.policy_before.title
        && !succession::goes_on_elsewhere(work, row)?
        && let Some(mut chat) = work.tx.chat(&row.chat)?
    {
        chat.title.clone_from(&summary.policy_after.title);
        work.tx.put_chat(&chat)?;
    }
    outbox::announce_admin_key(work, row, group)?;
    warm::feel(work, group, (entry, summary))?;
    door::settle(work, group, (summary, is_own))?;
    for credential in &summary.replaced {
        outbox::drop_readmissions(work, &row.log, &credential.certificate.device)?;
    }
    outbox::drop_done(work, group)?;
    work.tell(Event::Chat(row.chat));
    if let Some(out) = own {
        let mut place = row.clone();
        place.hash = veche_mls::Transcript::next(&row.hash, entry, 0);
        place.cursor = entry.seq;
        outbox::invite_joiners(work, &place, group, (entry, &out))?;
    }
    door::look_after(work, row, group, is_own)
}

/// A removal begins a membership generation; where the remover could not, an admin does it next
/// (docs/protocol.md, rules 11 and 12).
fn rotate(
    work: &mut Work<'_>,
    row: &mut LogRow,
    group: &Group,
    (entry, summary): (&Entry, &Summary),
) -> Result<(), ClientError> {
    if let Some(rotation) = entry.rider.as_ref().and_then(|rider| rider.rotation) {
        return rights::begin_generation(work, row, group, (entry.seq, &rotation));
    }
    if gone(summary, group).next().is_some() && !mutated!(work.core, NoRotation) {
        row.flags.rotation_due = true;
    }
    if row.flags.rotation_due {
        outbox::elect_rotation(work, group)?;
    }
    Ok(())
}

/// Who came is waited for until its first entry, and whoever writes or goes is not
/// (docs/protocol.md, rule 14).
fn await_joiners(work: &Work<'_>, log: &LogId, summary: &Summary) -> Result<(), ClientError> {
    for credential in summary.added.iter().chain(&summary.replaced) {
        work.tx.await_device(log, &credential.certificate.device, work.now)?;
    }
    for credential in summary.removed.iter().chain([&summary.committer]) {
        outbox::arrived(work, log, &credential.certificate.device)?;
    }
    Ok(())
}

/// Accounts that have no device left in the group.
fn gone<'a>(summary: &'a Summary, group: &Group) -> impl Iterator<Item = AccountId> + use<'a> {
    let inside = if summary.removed.is_empty() { BTreeSet::new() } else { group.accounts() };
    let gone: BTreeSet<AccountId> = accounts(&summary.removed)
        .into_iter()
        .filter(|account| !inside.contains(account))
        .collect();
    gone.into_iter()
}

fn accounts(credentials: &[Credential]) -> BTreeSet<AccountId> {
    credentials.iter().map(|credential| credential.certificate.account).collect()
}

/// The lines that a commit puts on the screen.
fn lines(
    work: &mut Work<'_>,
    row: &LogRow,
    entry: &Entry,
    (summary, leavers): (&Summary, &BTreeSet<DeviceId>),
) -> Result<(), ClientError> {
    let by = summary.committer.certificate.account;
    let actor = people::learn(work, &summary.committer)?;
    let place = (&entry.id, entry.seq);
    let left: BTreeSet<AccountId> = summary
        .removed
        .iter()
        .map(|credential| &credential.certificate)
        .filter(|certificate| leavers.contains(&certificate.device))
        .map(|certificate| certificate.account)
        .collect();
    let mut all: Vec<(AccountId, String)> = Vec::new();
    // A direct chat is between its two people from the beginning, whoever opened it.
    let direct = work.tx.chat(&row.chat)?.is_some_and(|chat| chat.direct);
    if !direct {
        came_in(work, &mut all, summary)?;
    }
    for account in accounts(&summary.removed) {
        let name = people::name(work, &account)?;
        let words = if left.contains(&account) {
            format!("{name} left")
        } else if summary.policy_after.banned.contains(&account) {
            format!("{actor} banned {name}")
        } else {
            format!("{actor} removed {name}")
        };
        all.push((account, words));
    }
    let (before, after) = (&summary.policy_before, &summary.policy_after);
    if before.title != after.title {
        all.push((by, format!("{actor} renamed the group to {}", after.title)));
    }
    let removed = accounts(&summary.removed);
    let named: BTreeSet<&AccountId> = before.roles.keys().chain(after.roles.keys()).collect();
    for account in named {
        let role = after.role(account);
        if role != before.role(account) && !removed.contains(account) {
            let name = people::name(work, account)?;
            let role = match role {
                veche_mls::Role::Owner => "an owner",
                veche_mls::Role::Admin => "an admin",
                veche_mls::Role::Member => "a member",
            };
            let words = if *account == by {
                format!("{name} is {role} now")
            } else {
                format!("{actor} made {name} {role}")
            };
            all.push((*account, words));
        }
    }
    all.extend(door_words(summary, &actor).map(|words| (by, words)));
    all.extend(rule_words(summary, &actor).into_iter().map(|words| (by, words)));
    for (about, words) in all {
        line(work, row, place, &Line { by, about: Some(about), words: &words })?;
    }
    Ok(())
}

/// Beyond so many people at once, their number stands for their names.
const NAMES_MAX: usize = 10;

/// Who came in, and how.
fn came_in(
    work: &Work<'_>,
    all: &mut Vec<(AccountId, String)>,
    summary: &Summary,
) -> Result<(), ClientError> {
    let used = |policy: &Policy| policy.door.as_ref().map_or(0, |door| door.used);
    let by_link = used(&summary.policy_after) > used(&summary.policy_before);
    let by = summary.committer.certificate.account;
    let actor = people::name(work, &by)?;
    let added = accounts(&summary.added);
    if added.len() > NAMES_MAX {
        let count = added.len();
        let words = if by_link {
            format!("{count} people joined by the link")
        } else {
            format!("{actor} added {count} people")
        };
        all.push((by, words));
        return Ok(());
    }
    for account in added {
        let name = people::name(work, &account)?;
        let words = if by_link {
            format!("{name} joined by the link")
        } else {
            format!("{actor} added {name}")
        };
        all.push((account, words));
    }
    Ok(())
}

/// What a commit did to the group's rules.
fn rule_words(summary: &Summary, actor: &str) -> Vec<String> {
    use veche_mls::Role::{Admin, Member, Owner};
    let rules = |policy: &Policy| {
        [
            ("write", policy.may_post),
            ("add people", policy.may_add),
            ("remove people", policy.may_remove),
            ("rename the group", policy.may_change),
        ]
    };
    let changed = rules(&summary.policy_before).into_iter().zip(rules(&summary.policy_after));
    let changed = changed.filter(|(before, after)| before != after);
    let words = changed.map(|(_, (what, role))| {
        let who = match role {
            Member => "everybody",
            Admin => "admins and owners alone",
            Owner => "owners alone",
        };
        format!("{actor} lets {who} {what}")
    });
    let slow = |policy: &Policy| policy.slow;
    let (before, after) = (slow(&summary.policy_before), slow(&summary.policy_after));
    let slow = (before != after).then(|| match after {
        Some(seconds) => format!("{actor} lets members write once in {seconds} s"),
        None => format!("{actor} ended slow mode"),
    });
    words.chain(slow).collect()
}

/// What a commit did to the group's door.
fn door_words(summary: &Summary, actor: &str) -> Option<String> {
    let log = |policy: &Policy| policy.door.as_ref().map(|door| door.log);
    let (before, after) = (log(&summary.policy_before), log(&summary.policy_after));
    (before != after).then(|| match after {
        Some(_) if before.is_some() => format!("{actor} made a new link to join by"),
        Some(_) => format!("{actor} made a link to join by"),
        None => format!("{actor} took the link to join by away"),
    })
}

/// The devices that asked to be removed, as the commit itself proves.
fn leavers(bound: &Bound) -> BTreeSet<DeviceId> {
    let requests = bound.proofs.iter().filter_map(|proof| LeaveRequest::decode(proof).ok());
    requests.map(|request| request.device).collect()
}
