//! The tree of a large group is cold at first: where nobody has committed, a commit carries a secret for
//! each member. Those who speak warm it, one at a time (docs/protocol.md, rule 5).

use veche_mls::{Group, Suite, Summary};
use veche_store::{LogRow, OutboxRow, OutboxState};
use veche_wire::{Entry, LogId, Random};

use crate::wanted::{self, Change, Wanted};
use crate::work::Work;
use crate::{ClientError, outbox};

/// In smaller groups commits are small whatever the tree looks like.
const LEAVES_MIN: usize = 64;
/// What a commit carries in a cold tree, and for each device that it adds, in bytes, more or less. A warm
/// tree of 10,000 has 14 secrets in a path, one of 500 has 9, each beside a public key.
fn measures(suite: Option<Suite>) -> (usize, usize) {
    match suite {
        // Some 200 secrets, of 82 bytes.
        Some(Suite::Classic) => (16 << 10, 1_200),
        // Some 30 secrets, of 1.2 kB, and the path.
        Some(Suite::PostQuantum) | None => (48 << 10, 4_500),
    }
}

/// Members warm a tree at most once in so long, in milliseconds: each time costs everybody a commit.
const EVERY_MS: u64 = 60_000;

/// This device has come into a group: how its tree is, the first commit tells. Until then it is taken for
/// cold, as that of a group is that has just grown.
pub(crate) fn came_in(work: &mut Work<'_>, group: &Group) {
    if group.leaf_count() >= LEAVES_MIN {
        work.core.session.cold.insert(group.log());
    }
}

/// A commit of a group was applied: its size tells how the tree is.
pub(crate) fn feel(
    work: &mut Work<'_>,
    group: &Group,
    (entry, summary): (&Entry, &Summary),
) -> Result<(), ClientError> {
    let log = group.log();
    let (cold, added) = measures(group.suite());
    let came = summary.added.len() + summary.replaced.len();
    let leaves = group.leaf_count();
    if leaves < LEAVES_MIN || entry.bytes.len().saturating_sub(came * added) < cold {
        work.core.session.cold.remove(&log);
        return Ok(());
    }
    work.core.session.cold.insert(log);
    // Somebody was first: the next is chosen anew.
    for mut out in work.tx.outbox(&log)? {
        let waits = out.automatic && out.state == OutboxState::Queued;
        if waits && wanted::decode::<Wanted>(&out.body)? == Wanted::Change(Change::Warm) {
            out.not_before = work.now + EVERY_MS + turn(work);
            work.tx.update_outbox(&out)?;
        }
    }
    Ok(())
}

/// A commit of this device came behind another: one that was to warm the tree waits for another turn.
pub(crate) fn overtaken(work: &Work<'_>, out: &mut OutboxRow) -> Result<(), ClientError> {
    if wanted::decode::<Wanted>(&out.body)? == Wanted::Change(Change::Warm) {
        out.not_before = work.now + EVERY_MS + turn(work);
    }
    Ok(())
}

/// This device has said something: if its leaf is as it came, it warms the tree soon.
pub(crate) fn spoke(work: &mut Work<'_>, row: &LogRow, group: &Group) -> Result<(), ClientError> {
    if !is_worth_it(work, &row.log, group) {
        return Ok(());
    }
    let turn = turn(work);
    outbox::elect_warming(work, &row.log, turn)
}

/// Whether a commit by this device makes those of others smaller.
pub(crate) fn is_worth_it(work: &Work<'_>, log: &LogId, group: &Group) -> bool {
    work.core.session.cold.contains(log) && group.is_leaf_new()
}

/// When it is this device's turn, in milliseconds from when it may be anybody's.
fn turn(work: &Work<'_>) -> u64 {
    let mut random = [0; 2];
    work.core.random.clone().fill(&mut random);
    u64::from(u16::from_be_bytes(random)) % EVERY_MS
}
