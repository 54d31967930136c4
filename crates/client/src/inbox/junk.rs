//! Commits that nobody can use, and nobody can be blamed for: counted, and answered with a guard
//! (docs/protocol.md, rule 5).

use veche_mls::{ChatKind, Group};
use veche_store::LogRow;
use veche_wire::{Entry, Millis};

use crate::work::Work;
use crate::{ClientError, outbox};

/// So many junk commits within [`JUNK_MS`] make admins guard a group.
const JUNK_MAX: usize = 5;
/// For how long a junk commit counts, in milliseconds.
const JUNK_MS: Millis = 600_000;

/// Counts a commit that every member skips, if a guard would have kept it out and it came while this
/// device followed the log: how old others are, nothing tells.
pub(super) fn count(
    work: &mut Work<'_>,
    (row, group): (&LogRow, &Group),
    entry: &Entry,
) -> Result<(), ClientError> {
    let subscription = work.core.session.subscriptions.get(&row.log);
    let is_new = subscription.is_some_and(|subscription| entry.seq > subscription.head);
    let is_group = group.policy().kind == ChatKind::Group;
    if !is_new || !is_group || row.flags.guarded || entry.rider.is_some() {
        return Ok(());
    }
    let now = work.now;
    let times = work.core.session.junk_commits.entry(row.log).or_default();
    times.retain(|at| now.saturating_sub(*at) < JUNK_MS);
    times.push(now);
    if times.len() < JUNK_MAX {
        return Ok(());
    }
    times.clear();
    outbox::elect_guard(work, group)
}
