//! Making a commit: what the author wants, what it needs, and what it gives to joiners.

use std::collections::{BTreeMap, BTreeSet};

use openmls::group::{CreateCommitError, StagedCommit};
use openmls::prelude::{
    CommitMessageBundle, EncryptedGroupSecrets, KeyPackage, LeafNodeIndex, OpenMlsProvider, Welcome,
};
use tls_codec::{Serialize, Size};
use veche_wire::{AdminList, Credential};

use crate::engine::{Engine, Provider};
use crate::entry::Bound;
use crate::group::{Group, MlsError};
use crate::identity::Identity;
use crate::join::read_key_package;
use crate::judge::{SkipReason, who};
use crate::keep::Keep;
use crate::policy::Policy;
use crate::rules::{self, Facts, Who};

/// What the author of a commit wants. A rebase applies it again, on the newer state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// KeyPackages of devices to add (checked with [`crate::check_key_package`] before).
    pub adds: Vec<Vec<u8>>,
    /// Leaves to remove.
    pub removes: Vec<u32>,
    /// The policy to have; what removals force on it is added by itself.
    pub policy: Option<Policy>,
    /// Whether the own leaf gets a new key even if nothing else needs it.
    pub update: bool,
}

/// What the rider of a commit must carry; see [`crate::RiderPlan`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// A new generation must begin.
    pub rotation: bool,
    /// The admin list changes to this.
    pub admins: Option<AdminList>,
}

/// A commit that was made and waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The MLSMessage, to be sealed as an entry.
    pub mls_bytes: Vec<u8>,
    /// Who joins with it.
    pub joiners: Vec<Joiner>,
    /// The ratchet tree after it, for the joiners' blob; empty where nobody joins.
    pub tree: Vec<u8>,
    /// The policy after it.
    pub policy: Policy,
}

/// A device that joins with a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joiner {
    /// Who.
    pub credential: Credential,
    /// The Welcome (MLSMessage) with this device's secrets only.
    pub welcome: Vec<u8>,
}

impl Group {
    /// What the rider of a commit with `change` must carry. Ask before [`Group::commit`], to make
    /// the plan whose hash goes into the bound.
    ///
    /// # Errors
    /// [`MlsError::Malformed`] where a KeyPackage is not valid.
    pub fn needs(
        &self,
        engine: &Engine,
        identity: &Identity,
        change: &Change,
    ) -> Result<Needs, MlsError> {
        let packages = self.read_adds(engine, change)?;
        let adds: Vec<_> = packages.iter().map(|(_, credential)| who(credential)).collect();
        self.with_facts(identity, change, (&adds, &BTreeSet::new()), |facts| Needs {
            rotation: engine.asks_for_rotation() && facts.needs_rotation(),
            admins: facts.needed_admins(),
        })
    }

    /// Makes a commit and leaves it pending. Its authenticated data is `bound`.
    ///
    /// # Errors
    /// [`MlsError::NotAllowed`] where every member would skip it; [`MlsError::Pending`];
    /// [`MlsError::Malformed`] for a bad KeyPackage; or where the store fails.
    #[allow(
        clippy::too_many_arguments,
        reason = "engine, store and identity belong to three owners"
    )]
    pub fn commit(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        identity: &Identity,
        change: &Change,
        bound: &Bound,
    ) -> Result<Draft, MlsError> {
        if !self.is_active() {
            return Err(MlsError::NotInside);
        }
        if self.has_pending() {
            return Err(MlsError::Pending);
        }
        let packages = self.read_adds(engine, change)?;
        let adds: Vec<_> = packages.iter().map(|(_, credential)| who(credential)).collect();
        let leavers = self.leavers(bound);
        let (verdict, policy) = self.with_facts(identity, change, (&adds, &leavers), |facts| {
            let verdict = rules::judge(facts, engine.checks_roles());
            (verdict.and_then(|()| facts.can_sign()), facts.after.clone())
        })?;
        verdict.map_err(MlsError::NotAllowed)?;
        let bundle =
            self.build_commit(engine, keep, identity, (change, bound, &policy, &packages))?;
        self.draft(engine, &bundle, packages, policy)
    }

    fn build_commit(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        identity: &Identity,
        (change, bound, policy, packages): (&Change, &Bound, &Policy, &[(KeyPackage, Credential)]),
    ) -> Result<CommitMessageBundle, MlsError> {
        let provider = Provider::new(engine, keep);
        let new_extensions = if *policy == self.policy {
            None
        } else {
            Some(policy.extensions().ok_or(MlsError::Malformed("policy"))?)
        };
        self.mls.set_aad(bound.encode());
        let mut builder = self
            .mls
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(change.update)
            .propose_removals(change.removes.iter().map(|leaf| LeafNodeIndex::new(*leaf)))
            .propose_adds(packages.iter().map(|(package, _)| package.clone()));
        if let Some(extensions) = new_extensions {
            builder =
                builder.propose_group_context_extensions(extensions).map_err(MlsError::broken)?;
        }
        let builder = builder.load_psks(provider.storage()).map_err(MlsError::broken)?;
        #[cfg(any(test, feature = "mutants"))]
        if let Some(saboteur) = engine.saboteur() {
            return builder
                .build(provider.rand(), &saboteur, identity, |_| true)
                .map_err(unbuildable)?
                .stage_commit(&provider)
                .map_err(MlsError::broken);
        }
        builder
            .build(provider.rand(), provider.crypto(), identity, |_| true)
            .map_err(unbuildable)?
            .stage_commit(&provider)
            .map_err(MlsError::broken)
    }

    fn draft(
        &self,
        engine: &Engine,
        bundle: &CommitMessageBundle,
        packages: Vec<(KeyPackage, Credential)>,
        policy: Policy,
    ) -> Result<Draft, MlsError> {
        let mls_bytes = bundle.commit().to_bytes().map_err(MlsError::broken)?;
        let Some(welcome) = bundle.welcome() else {
            return Ok(Draft { mls_bytes, joiners: Vec::new(), tree: Vec::new(), policy });
        };
        let mut names = BTreeMap::new();
        for (package, credential) in packages {
            let reference = package.hash_ref(engine.crypto()).map_err(MlsError::broken)?;
            names.insert(reference.as_slice().to_vec(), credential);
        }
        let joiners = split(welcome, names)?;
        let pending = self.mls.pending_commit().ok_or(MlsError::NotPending)?;
        let tree = self.tree_after(engine, pending)?;
        Ok(Draft { mls_bytes, joiners, tree, policy })
    }

    fn tree_after(&self, engine: &Engine, pending: &StagedCommit) -> Result<Vec<u8>, MlsError> {
        pending
            .export_ratchet_tree(engine.crypto(), self.mls.export_ratchet_tree())
            .map_err(MlsError::broken)?
            .ok_or(MlsError::NotPending)?
            .tls_serialize_detached()
            .map_err(MlsError::broken)
    }

    fn read_adds(
        &self,
        engine: &Engine,
        change: &Change,
    ) -> Result<Vec<(KeyPackage, Credential)>, MlsError> {
        let suite = self.suite().ok_or(MlsError::Malformed("the group's suite"))?;
        let packages = change.adds.iter();
        packages.map(|bytes| read_key_package(engine, bytes, suite)).collect()
    }

    /// Calls `use_facts` with the facts of the commit that `change` would be, its policy completed.
    fn with_facts<T>(
        &self,
        identity: &Identity,
        change: &Change,
        (adds, leavers): (&[Who], &BTreeSet<u32>),
        use_facts: impl FnOnce(&Facts<'_>) -> T,
    ) -> Result<T, MlsError> {
        let wanted = change.policy.as_ref().unwrap_or(&self.policy);
        let facts = Facts {
            before: &self.policy,
            after: wanted,
            members: self.places(),
            committer: who(&identity.credential),
            adds,
            removes: &change.removes,
            leavers,
        };
        let after = rules::complete(&facts, wanted);
        // What is written must be readable by everybody.
        Policy::decode(&after.encode()).map_err(|_| MlsError::Malformed("policy"))?;
        Ok(use_facts(&Facts { after: &after, ..facts }))
    }
}

/// A change that RFC 9420 does not allow is the author's to mend; all else is a bug.
fn unbuildable(error: CreateCommitError) -> MlsError {
    match error {
        CreateCommitError::CannotRemoveSelf | CreateCommitError::ProposalValidationError(_) => {
            MlsError::NotAllowed(SkipReason::Invalid(error.to_string()))
        }
        other => MlsError::broken(other),
    }
}

/// The Welcome for each joiner alone, so that none learns who else joined.
fn split(
    welcome: &Welcome,
    mut names: BTreeMap<Vec<u8>, Credential>,
) -> Result<Vec<Joiner>, MlsError> {
    // struct { CipherSuite; EncryptedGroupSecrets secrets<V>; opaque encrypted_group_info<V>; }
    let all: Vec<EncryptedGroupSecrets> = welcome.secrets().to_vec();
    let whole = welcome.tls_serialize_detached().map_err(MlsError::broken)?;
    let info = whole.get(2 + all.tls_serialized_len()..).ok_or(MlsError::Malformed("Welcome"))?;
    let suite = u16::from(welcome.ciphersuite()).to_be_bytes();
    let mut joiners = Vec::with_capacity(all.len());
    for secrets in all {
        let credential =
            names.remove(secrets.new_member().as_slice()).ok_or(MlsError::Malformed("Welcome"))?;
        // MLSMessage: version mls10, wire format mls_welcome.
        let mut bytes = vec![0, 1, 0, 3];
        bytes.extend(suite);
        bytes.extend(vec![secrets].tls_serialize_detached().map_err(MlsError::broken)?);
        bytes.extend(info);
        joiners.push(Joiner { credential, welcome: bytes });
    }
    Ok(joiners)
}
