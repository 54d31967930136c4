//! The way out: what a person wants is written down, sealed when its turn comes, submitted until it
//! is durable, and settled when the log brings it (docs/protocol.md, rules 1 to 5).

mod again;
mod build;
mod commit;
mod create;
mod deliver;
mod depart;
mod elect;
mod enqueue;
mod move_over;
mod seal;
mod settle;
mod slow;
mod submit;

pub(crate) use again::{
    fail_lost, find_lost, give_up_lost, is_said, repeat, resolve_all, send_file_again,
    tell_of_restoration,
};
pub(crate) use create::{
    create_direct, create_group, create_log, created, direct_chat_with, not_created, wait_for_log,
};
pub(crate) use deliver::{
    arrived, deliver, delivered, invite_joiners, invites_no_more, not_delivered, send_envelope,
};
pub(crate) use depart::{
    depart, has_given_up, look_for_departures, looked_for_departure, tell_of_departure,
};
pub(crate) use elect::{
    SOON_MS, admits, announce_admin_key, drop_done, drop_readmissions, elect_admission,
    elect_guard, elect_key_listing, elect_leaver_removal, elect_readmission, elect_rotation,
    elect_update, elect_warming, guard_changed, remove_who_declined,
};
pub(crate) use enqueue::{
    MAY_NOT_POST, enqueue, enqueue_change, enqueue_content, enqueue_first, enqueue_gathered,
    enqueue_guard, enqueue_leave, may_say, shows_as_message, writable_log,
};
pub(crate) use move_over::move_over;
pub(crate) use seal::{new_epoch, seal_anew, step};
pub(crate) use settle::{
    acknowledged, fail_blob, fail_intent, fail_outbox, hand_over_intent, is_guarded,
    own_commit_skipped, own_control, own_message, refused, settle_intent,
};
pub(crate) use slow::{check_slow, comes_too_soon};

use veche_mls::GenerationSecret;
use veche_store::LogRow;
use veche_wire::Token;

use crate::ClientError;
use crate::work::Work;

/// The secret of a log's current generation.
pub(crate) fn generation_secret(
    work: &Work<'_>,
    row: &LogRow,
) -> Result<Option<GenerationSecret>, ClientError> {
    secret_of(work, row, row.generation)
}

/// The secret of one of a log's generations, where this device has it.
pub(super) fn secret_of(
    work: &Work<'_>,
    row: &LogRow,
    number: u64,
) -> Result<Option<GenerationSecret>, ClientError> {
    let generation = work.tx.generation(&row.log, number)?;
    Ok(generation.map(|generation| GenerationSecret::from_bytes(generation.secret)))
}

/// The read token of a log's current generation.
pub(crate) fn read_token(work: &Work<'_>, row: &LogRow) -> Result<Option<Token>, ClientError> {
    let number = work.core.session.probes.get(&row.log).copied().unwrap_or(row.generation);
    let generation = work.tx.generation(&row.log, number)?;
    let secret = generation.map(|generation| GenerationSecret::from_bytes(generation.secret));
    Ok(secret.map(|secret| secret.read_token(&row.log, number)))
}
