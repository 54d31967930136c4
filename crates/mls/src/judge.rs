//! The verdict on a commit, the same for every member (docs/protocol.md, rule 6), and its
//! application.

use std::collections::BTreeSet;

use openmls::group::{
    GroupContext, ProcessMessageError, StageCommitError, StagedCommit, ValidationError,
};
use openmls::prelude::{
    Credential as MlsCredential, Extensions, LeafNode, Lifetime, MlsMessageBodyIn, MlsMessageIn,
    OpenMlsProvider, ProcessedMessageContent, Proposal, ProtocolMessage, Sender,
};
use openmls::treesync::LeafNodeSource;
use openmls_traits::storage::StorageProvider;
use tls_codec::{Deserialize, Serialize};
use veche_wire::{Credential, Entry, Kind};

use crate::control::{LeaveRequest, Revocation};
use crate::engine::{Engine, Provider, Suite};
use crate::entry::{Bound, EntryRef, RiderPlan};
use crate::group::{Group, MlsError, encryption_key_pairs_of};
use crate::identity::{RiderPlace, verify_certificate, verify_rider};
use crate::join::has_usable_key;
use crate::keep::{Excerpt, Keep, KeepError};
use crate::policy::{CREDENTIAL_TYPE, Policy};
use crate::rules::{self, Facts, Who};
use crate::storage::path_keys_place;

/// Why every member skips a commit. The reason takes no part in the transcript, the verdict does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// Not an MLS PublicMessage with a commit by a member, or invalid by RFC 9420.
    #[error("not a valid commit: {0}")]
    Invalid(String),
    /// The authenticated data names another entry, or another rider.
    #[error("the commit is bound to another entry")]
    NotBound,
    /// A proposal that our groups do not have.
    #[error("a proposal that our groups do not have")]
    Proposal,
    /// A leaf whose credential, certificate, lifetime or extensions are not ours.
    #[error("a leaf is not valid: {0}")]
    Leaf(&'static str),
    /// The group's extensions are not exactly ours.
    #[error("the group's extensions are not ours")]
    Extensions,
    /// The committer's role does not allow it.
    #[error("the committer may not {0}")]
    Role(&'static str),
    /// The new policy is not allowed, whoever asks.
    #[error("the new policy is not allowed: {0}")]
    Policy(&'static str),
    /// The rider is missing, wrong, or not signed.
    #[error("the rider is not valid: {0}")]
    Rider(&'static str),
    /// The membership tag is wrong: not made by a member of this epoch.
    #[error("the membership tag is wrong")]
    MembershipTag,
    /// The confirmation tag is wrong: the new epoch's secrets would not agree.
    #[error("the confirmation tag is wrong")]
    ConfirmationTag,
}

/// What the judge must know that is not in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgeContext {
    /// The number of the membership generation before the entry.
    pub current_generation: u64,
}

/// The verdict on a commit: a pure function of public group state and the entry.
#[derive(Debug)]
pub enum Verdict {
    /// Publicly valid: process it, or merge it where it is the own one.
    Apply(Box<Judged>),
    /// Publicly invalid: every member skips it.
    Skip(SkipReason),
}

/// A commit that was judged and may be applied. Only [`Group::judge`] makes one.
pub struct Judged {
    /// Its authenticated data.
    pub bound: Bound,
    /// The leaf that committed.
    pub leaf: u32,
    summary: Summary,
    context: GroupContext,
    attempt: Attempt,
}

/// What came of a commit that was taken with all that this device knows.
enum Attempt {
    /// It leads to the next epoch.
    Staged(Box<StagedCommit>),
    /// It is the own one.
    Own,
    /// It does not lead on from here.
    Refused(Box<ProcessMessageError<KeepError>>),
}

/// Without the secrets of the next epoch.
impl std::fmt::Debug for Judged {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("Judged");
        debug.field("bound", &self.bound).field("leaf", &self.leaf);
        debug.field("summary", &self.summary).finish_non_exhaustive()
    }
}

impl Judged {
    /// What it does.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }
}

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Who committed.
    pub committer: Credential,
    /// Devices that came in.
    pub added: Vec<Credential>,
    /// Devices that went.
    pub removed: Vec<Credential>,
    /// Devices that were removed and added in one (docs/protocol.md, rule 7).
    pub replaced: Vec<Credential>,
    /// The policy before.
    pub policy_before: Policy,
    /// The policy after.
    pub policy_after: Policy,
    /// Whether this device was removed.
    pub self_removed: bool,
    /// Where this device was replaced: the reference of the KeyPackage that took its place (RFC
    /// 9420, section 5.2), for [`crate::is_own_key_package`].
    pub self_package: Option<Vec<u8>>,
    /// Whether a generation began with it.
    pub rotation: bool,
}

/// What came of applying a judged commit.
#[derive(Debug)]
pub enum Processed {
    /// The group is in the next epoch.
    Applied(Box<Summary>),
    /// A tag is wrong: every member skips it. Nothing was changed.
    Skip(SkipReason),
    /// The others can apply it, this device cannot. Nothing was changed; ask to be added again.
    Stuck(StuckReason),
}

/// Why this device cannot follow the group any more (docs/protocol.md, rules 4 and 6).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StuckReason {
    /// The secret for this device in the commit's path is missing or broken.
    #[error("this device's secret in the commit is broken")]
    PathSecret,
    /// The commit is by this device's leaf, but this home did not make it: it was cloned or rolled
    /// back.
    #[error("a commit by this device that this home did not make")]
    NotMine,
    /// OpenMLS refused it for a reason of its own.
    #[error("the commit cannot be applied here: {0}")]
    Other(String),
}

impl Group {
    /// Judges a commit entry whose opened bytes are `mls_bytes`. The own commit that comes back is
    /// judged like any other. Nothing is written.
    ///
    /// The verdict is that of [`PublicGroup::process_message`], which knows no secrets. What OpenMLS
    /// finds good with them has passed the same checks on the way, so that one pass, which is the
    /// costly part of a commit in a large group, is enough for it; only what is refused with them is
    /// judged without them.
    ///
    /// [`PublicGroup::process_message`]: openmls::group::PublicGroup::process_message
    #[must_use]
    pub fn judge(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        (entry, mls_bytes): (&Entry, &[u8]),
        context: &JudgeContext,
    ) -> Verdict {
        match self.judged(engine, keep, (entry, mls_bytes), context) {
            Ok(judged) => Verdict::Apply(Box::new(judged)),
            Err(reason) => Verdict::Skip(reason),
        }
    }

    /// What of the store [`Self::judge`] reads in the current epoch, so that it can be done apart from
    /// it, say on another thread. What comes of that counts where [`Excerpt::was_enough`].
    ///
    /// # Errors
    /// Where the store fails.
    pub fn excerpt(&self, keep: &dyn Keep) -> Result<Excerpt, KeepError> {
        let (id, epoch, leaf) = encryption_key_pairs_of(&self.mls);
        let mut excerpt = Excerpt::default();
        excerpt.take(keep, path_keys_place((&id, &epoch, leaf))?)?;
        Ok(excerpt)
    }

    fn judged(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        (entry, mls_bytes): (&Entry, &[u8]),
        context: &JudgeContext,
    ) -> Result<Judged, SkipReason> {
        let message = public_message(mls_bytes)?;
        let attempt = match self.mls.process_message(&Provider::new(engine, keep), message) {
            Ok(processed) => {
                let (sender, aad) = (processed.sender().clone(), processed.aad().to_vec());
                match processed.into_content() {
                    ProcessedMessageContent::StagedCommitMessage(staged) => {
                        // It does not check its own removal to the end.
                        if !staged.self_removed() {
                            let judged = self.judge_content(
                                engine,
                                (&sender, &aad, &staged),
                                (entry, context),
                            );
                            let (bound, leaf, summary, context) = judged?;
                            let attempt = Attempt::Staged(staged);
                            return Ok(Judged { bound, leaf, summary, context, attempt });
                        }
                        Attempt::Staged(staged)
                    }
                    ProcessedMessageContent::OwnPendingCommit => Attempt::Own,
                    _ => return Err(SkipReason::Invalid("not a commit".to_owned())),
                }
            }
            Err(error) => Attempt::Refused(Box::new(error)),
        };
        let (bound, leaf, summary, context) =
            self.judge_in_public(engine, (entry, mls_bytes), context)?;
        Ok(Judged { bound, leaf, summary, context, attempt })
    }

    /// The verdict without any secret: what the commit is bound to, its leaf, what it does and where it
    /// leads.
    pub(crate) fn judge_in_public(
        &self,
        engine: &Engine,
        (entry, mls_bytes): (&Entry, &[u8]),
        context: &JudgeContext,
    ) -> Result<(Bound, u32, Summary, GroupContext), SkipReason> {
        let processed = self
            .mls
            .public_group()
            .process_message(engine.crypto(), public_message(mls_bytes)?)
            .map_err(|error| SkipReason::Invalid(error.to_string()))?;
        let (sender, aad) = (processed.sender().clone(), processed.aad().to_vec());
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(SkipReason::Invalid("not a commit".to_owned()));
        };
        self.judge_content(engine, (&sender, &aad, &staged), (entry, context))
    }

    fn judge_content(
        &self,
        engine: &Engine,
        (sender, aad, staged): (&Sender, &[u8], &StagedCommit),
        (entry, context): (&Entry, &JudgeContext),
    ) -> Result<(Bound, u32, Summary, GroupContext), SkipReason> {
        let Sender::Member(leaf) = sender else {
            return Err(SkipReason::Invalid("not by a member".to_owned()));
        };
        let leaf = leaf.u32();
        let committer = self
            .member(leaf)
            .ok_or_else(|| SkipReason::Invalid("not by a member".to_owned()))?
            .credential;
        let bound = Bound::decode(aad).map_err(|_| SkipReason::NotBound)?;
        if entry.kind != Kind::Commit || !bound.matches(&EntryRef::of(self.log(), entry)) {
            return Err(SkipReason::NotBound);
        }
        let summary = self.judge_staged(engine, staged, committer, (entry, &bound, context))?;
        Ok((bound, leaf, summary, staged.group_context().clone()))
    }

    fn judge_staged(
        &self,
        engine: &Engine,
        staged: &StagedCommit,
        committer: Credential,
        (entry, bound, context): (&Entry, &Bound, &JudgeContext),
    ) -> Result<Summary, SkipReason> {
        let (added, removes) = read_proposals(staged)?;
        self.judge_keys(engine, staged)?;
        let self_package = self.own_package(engine, staged);
        if let Some(leaf) = staged.update_path_leaf_node() {
            let updated = read_leaf(leaf)?;
            if who(&updated) != who(&committer) {
                return Err(SkipReason::Leaf("the committer became somebody else"));
            }
        }
        let after = Policy::from_extensions(staged.group_context().extensions())
            .ok_or(SkipReason::Extensions)?;
        let adds: Vec<_> = added.iter().map(who).collect();
        let facts = Facts {
            before: self.policy(),
            after: &after,
            members: self.places(),
            committer: who(&committer),
            adds: &adds,
            removes: &removes,
            leavers: &self.leavers(bound),
        };
        rules::judge(&facts, engine.checks_roles())?;
        self.judge_rider(entry, bound)?;
        let rotation = (context.current_generation, engine.asks_for_rotation());
        rules::judge_rider(&facts, entry.rider.as_ref(), rotation)?;
        let rotation = entry.rider.as_ref().is_some_and(|rider| rider.rotation.is_some());
        let summary = self.summary(committer, (added, &removes), after, rotation);
        Ok(Summary { self_package, ..summary })
    }

    /// New leaves have keys that can be sealed to: nobody could make a commit after one that has not.
    fn judge_keys(&self, engine: &Engine, staged: &StagedCommit) -> Result<(), SkipReason> {
        let suite = Suite::from_number(self.mls.ciphersuite().into());
        let suite = suite.ok_or(SkipReason::Extensions)?;
        let added = staged.queued_proposals().filter_map(|queued| match queued.proposal() {
            Proposal::Add(add) => Some(add.key_package().leaf_node()),
            _ => None,
        });
        let leaves = added.chain(staged.update_path_leaf_node());
        for leaf in leaves {
            if !has_usable_key(engine, suite, leaf) {
                return Err(SkipReason::Leaf("a key that cannot be sealed to"));
            }
        }
        Ok(())
    }

    /// The reference of the KeyPackage with which a commit adds this very device.
    fn own_package(&self, engine: &Engine, staged: &StagedCommit) -> Option<Vec<u8>> {
        let own = self.member(self.own_leaf())?.credential;
        staged.queued_proposals().find_map(|queued| {
            let Proposal::Add(add) = queued.proposal() else { return None };
            let package = add.key_package();
            // Its certificate was checked with the proposal.
            let credential = read_leaf_uncertified(package.leaf_node()).ok()?;
            let reference = package.hash_ref(engine.crypto()).ok()?;
            (who(&credential) == who(&own)).then(|| reference.tls_serialize_detached().ok())?
        })
    }

    fn judge_rider(&self, entry: &Entry, bound: &Bound) -> Result<(), SkipReason> {
        let plan = entry.rider.as_ref().map(RiderPlan::of).unwrap_or_default();
        if plan.hash() != bound.rider_hash {
            return Err(SkipReason::NotBound);
        }
        let Some(rider) = &entry.rider else { return Ok(()) };
        let place =
            RiderPlace { log: self.log(), id: entry.id, kind: entry.kind, bytes: &entry.bytes };
        if !verify_rider(rider, &place) {
            return Err(SkipReason::Rider("not signed"));
        }
        Ok(())
    }

    /// The leaves for whose removal the commit carries a proof: a leave request, or the revocation of
    /// the device.
    pub(crate) fn leavers(&self, bound: &Bound) -> BTreeSet<u32> {
        let leaf = |proof: &Vec<u8>| match LeaveRequest::decode(proof) {
            Ok(request) => self.verify_leave(&request),
            Err(_) => self.verify_revocation(&Revocation::decode(proof).ok()?),
        };
        bound.proofs.iter().filter_map(leaf).collect()
    }

    fn summary(
        &self,
        committer: Credential,
        (added, removes): (Vec<Credential>, &[u32]),
        policy_after: Policy,
        rotation: bool,
    ) -> Summary {
        let gone: Vec<Credential> = removes
            .iter()
            .filter_map(|leaf| self.member(*leaf))
            .map(|member| member.credential)
            .collect();
        let came_back = |one: &Credential, others: &[Credential]| {
            others.iter().any(|other| who(other) == who(one))
        };
        let removed: Vec<_> = gone.iter().filter(|one| !came_back(one, &added)).cloned().collect();
        let (replaced, added): (Vec<_>, Vec<_>) =
            added.into_iter().partition(|one| came_back(one, &gone));
        Summary {
            committer,
            added,
            removed,
            replaced,
            policy_before: self.policy().clone(),
            policy_after,
            self_removed: removes.contains(&self.own_leaf()),
            self_package: None,
            rotation,
        }
    }

    /// Applies a judged commit; the own one that comes back is merged. Writes nothing unless it
    /// returns [`Processed::Applied`], and then not all of it before [`Self::save`]. (A device that is removed cannot check the confirmation tag
    /// of the commit that removes it.)
    ///
    /// # Errors
    /// Where the store fails, or this device was removed before: roll back, drop the group.
    pub fn process(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        mut judged: Judged,
    ) -> Result<Processed, MlsError> {
        match std::mem::replace(&mut judged.attempt, Attempt::Own) {
            Attempt::Staged(staged) if self.leads_where_judged(&staged, &judged) => {
                self.merge(&Provider::putting_off(engine, keep), *staged, &judged)?;
                Ok(Processed::Applied(Box::new(judged.summary)))
            }
            Attempt::Staged(_) => {
                let reason = StuckReason::Other("it was judged for another state".to_owned());
                Ok(Processed::Stuck(reason))
            }
            Attempt::Own => {
                let summary = self.merge_own(engine, keep, judged)?;
                Ok(Processed::Applied(Box::new(summary)))
            }
            Attempt::Refused(error) => refused(*error),
        }
    }

    /// Whether what OpenMLS staged is what was judged, and the group is still where it was judged.
    /// OpenMLS computes no transcript for a device that is removed, which leaves the tree to compare.
    fn leads_where_judged(&self, staged: &StagedCommit, judged: &Judged) -> bool {
        let (found, expected) = (staged.group_context(), &judged.context);
        if found.epoch().as_u64() != self.epoch() + 1 {
            return false;
        }
        if !staged.self_removed() {
            return found == expected;
        }
        judged.summary.self_removed
            && found.epoch() == expected.epoch()
            && found.tree_hash() == expected.tree_hash()
            && found.extensions() == expected.extensions()
    }

    fn merge(
        &mut self,
        provider: &Provider<'_>,
        staged: StagedCommit,
        judged: &Judged,
    ) -> Result<(), MlsError> {
        if judged.summary.self_removed {
            // OpenMLS would leave the private keys of the last epoch behind.
            let (id, epoch, leaf) = encryption_key_pairs_of(&self.mls);
            provider.storage().delete_encryption_epoch_key_pairs(&id, &epoch, leaf)?;
        }
        let merged = self.mls.merge_staged_commit(provider, staged);
        self.put_off(provider);
        merged.map_err(MlsError::broken)?;
        self.policy = judged.summary.policy_after.clone();
        self.went_on(Some(&judged.summary));
        Ok(())
    }

    /// Merges the own pending commit, once it came back and was judged (docs/protocol.md, rule 4).
    /// To be followed by [`Self::save`].
    ///
    /// # Errors
    /// [`MlsError::NotPending`] where what was judged is not the pending commit; else where the
    /// store fails: roll back, drop the group.
    pub fn merge_own(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        judged: Judged,
    ) -> Result<Summary, MlsError> {
        let pending = self.mls.pending_commit().ok_or(MlsError::NotPending)?;
        // The confirmed transcript hash in the context covers the commit and its signature.
        if *pending.group_context() != judged.context {
            return Err(MlsError::NotPending);
        }
        self.merge_pending(engine, keep)?;
        self.policy = judged.summary.policy_after.clone();
        self.went_on(Some(&judged.summary));
        Ok(judged.summary)
    }

    fn merge_pending(&mut self, engine: &Engine, keep: &dyn Keep) -> Result<(), MlsError> {
        let provider = Provider::putting_off(engine, keep);
        let merged = self.mls.merge_pending_commit(&provider);
        self.put_off(&provider);
        merged.map_err(MlsError::broken)
    }

    /// Merges the pending commit as soon as it is made: what docs/protocol.md, rule 4, forbids, for
    /// the test that notices.
    ///
    /// # Errors
    /// As [`Group::merge_own`].
    #[cfg(any(test, feature = "mutants"))]
    pub fn merge_own_early(&mut self, engine: &Engine, keep: &dyn Keep) -> Result<(), MlsError> {
        self.merge_pending(engine, keep)?;
        self.policy = Policy::from_extensions(self.mls.extensions())
            .ok_or(MlsError::Malformed("the group's policy"))?;
        self.went_on(None);
        Ok(())
    }
}

/// What a refusal of a publicly valid commit means.
fn refused(error: ProcessMessageError<KeepError>) -> Result<Processed, MlsError> {
    use ProcessMessageError as E;
    use openmls::prelude::ApplyUpdatePathError as Path;
    let other = error.to_string();
    Ok(match error {
        E::StorageError(error) => return Err(MlsError::Keep(error)),
        E::GroupStateError(_) => return Err(MlsError::NotInside),
        E::ValidationError(
            ValidationError::InvalidMembershipTag | ValidationError::MissingMembershipTag,
        ) => Processed::Skip(SkipReason::MembershipTag),
        E::InvalidCommit(
            StageCommitError::ConfirmationTagMismatch | StageCommitError::ConfirmationTagMissing,
        ) => Processed::Skip(SkipReason::ConfirmationTag),
        E::InvalidCommit(StageCommitError::OwnCommitMismatch) => {
            Processed::Stuck(StuckReason::NotMine)
        }
        E::InvalidCommit(
            StageCommitError::MissingDecryptionKey
            | StageCommitError::OwnKeyNotFound
            | StageCommitError::UpdatePathError(
                Path::UnableToDecrypt | Path::PathMismatch | Path::MissingCiphertext,
            ),
        ) => Processed::Stuck(StuckReason::PathSecret),
        _ => Processed::Stuck(StuckReason::Other(other)),
    })
}

fn public_message(mls_bytes: &[u8]) -> Result<ProtocolMessage, SkipReason> {
    let message = MlsMessageIn::tls_deserialize_exact(mls_bytes)
        .map_err(|_| SkipReason::Invalid("not an MLS message".to_owned()))?;
    match message.extract() {
        MlsMessageBodyIn::PublicMessage(message) => Ok(message.into()),
        _ => Err(SkipReason::Invalid("not a PublicMessage".to_owned())),
    }
}

/// The leaves that a commit adds and removes; refuses every other kind of proposal.
fn read_proposals(staged: &StagedCommit) -> Result<(Vec<Credential>, Vec<u32>), SkipReason> {
    let mut added = Vec::new();
    let mut removes = Vec::new();
    for queued in staged.queued_proposals() {
        match queued.proposal() {
            Proposal::Add(add) => added.push(read_leaf(add.key_package().leaf_node())?),
            Proposal::Remove(remove) => removes.push(remove.removed().u32()),
            Proposal::GroupContextExtensions(_) => {}
            _ => return Err(SkipReason::Proposal),
        }
    }
    Ok((added, removes))
}

/// A leaf's lifetime: all of time, so that no verdict depends on a clock.
pub(crate) fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

/// The credential of a leaf that is as ours must be.
pub(crate) fn read_leaf(leaf: &LeafNode) -> Result<Credential, SkipReason> {
    let credential = read_leaf_uncertified(leaf)?;
    if !verify_certificate(&credential.certificate) {
        return Err(NOT_CERTIFIED);
    }
    Ok(credential)
}

/// What is said of a leaf whose certificate is not good.
pub(crate) const NOT_CERTIFIED: SkipReason =
    SkipReason::Leaf("its certificate is not signed by the account");

/// The same, but for the signature of its certificate.
pub(crate) fn read_leaf_uncertified(leaf: &LeafNode) -> Result<Credential, SkipReason> {
    if let LeafNodeSource::KeyPackage(found) = leaf.leaf_node_source()
        && *found != lifetime()
    {
        return Err(SkipReason::Leaf("its lifetime ends"));
    }
    if *leaf.extensions() != Extensions::empty() {
        return Err(SkipReason::Leaf("it has extensions"));
    }
    let credential = read_credential(leaf.credential()).ok_or(SkipReason::Leaf("no credential"))?;
    if leaf.signature_key().as_slice() != credential.certificate.device.as_bytes() {
        return Err(SkipReason::Leaf("its key is not the certified one"));
    }
    Ok(credential)
}

/// Reads an MLS credential; checks no signature.
pub(crate) fn read_credential(credential: &MlsCredential) -> Option<Credential> {
    if u16::from(credential.credential_type()) != CREDENTIAL_TYPE {
        return None;
    }
    Credential::decode(credential.serialized_content()).ok()
}

pub(crate) fn who(credential: &Credential) -> Who {
    let certificate = &credential.certificate;
    Who { account: certificate.account, device: certificate.device }
}
