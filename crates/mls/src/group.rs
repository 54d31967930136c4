//! A group: one log, one MLS group whose id is the log's.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use openmls::group::{GroupEpoch, GroupId, MlsGroup, MlsGroupJoinConfig, PastEpochDeletion};
use openmls::prelude::{
    Capabilities, Credential as MlsCredential, CredentialType, CredentialWithKey, ExtensionType,
    LeafNodeIndex, OpenMlsProvider, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, ProtocolVersion,
    SenderRatchetConfiguration,
};
use openmls_traits::storage::StorageProvider;
use tls_codec::Serialize;
use veche_wire::{AccountId, Credential, DeviceId, LogId};
use zeroize::Zeroizing;

use crate::engine::{Engine, Provider, Suite};
use crate::entry::EntryKey;
use crate::identity::Identity;
use crate::judge::{SkipReason, Summary, lifetime, read_credential, who};
use crate::keep::{Keep, KeepError};
use crate::policy::{CREDENTIAL_TYPE, POLICY_EXTENSION, Policy};
use crate::rules::Who;
use crate::storage::{PutOff, Storage};
use crate::tokens::GenerationSecret;

/// How many messages of one sender may come late: senders are first in, first out.
const OUT_OF_ORDER_MAX: u32 = 2;
/// How many messages of one sender and epoch may be missing.
const FORWARD_MAX: u32 = 10_000;

/// Why something could not be done with a group.
#[derive(Debug, thiserror::Error)]
pub enum MlsError {
    /// The store failed: roll back, drop the group from memory.
    #[error("the store failed: {0}")]
    Keep(#[from] KeepError),
    /// The change would be skipped by every member: tell the user.
    #[error("the change is not allowed: {0}")]
    NotAllowed(SkipReason),
    /// This device is not inside any more.
    #[error("this device is not a member of the group")]
    NotInside,
    /// A commit of this device is pending: wait until it came back, or clear it.
    #[error("a commit is pending")]
    Pending,
    /// There is no such pending commit.
    #[error("what was judged is not the pending commit")]
    NotPending,
    /// What was passed in is not what it claims to be: drop it.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A bug, here or in OpenMLS: roll back, drop the group from memory, report.
    #[error("MLS failed: {0}")]
    Broken(String),
}

impl MlsError {
    pub(crate) fn broken(error: impl std::fmt::Display) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A device inside a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its leaf.
    pub leaf: u32,
    /// Who it is.
    pub credential: Credential,
}

/// One log's group.
pub struct Group {
    pub(crate) mls: MlsGroup,
    pub(crate) policy: Policy,
    log: LogId,
    /// Who is inside, by leaf, once it was asked for: to read thousands of credentials takes longer
    /// than what else a commit takes.
    places: OnceCell<Vec<(u32, Who)>>,
    put_off: PutOff,
}

impl std::fmt::Debug for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Group({}, epoch {})", self.log, self.epoch())
    }
}

impl Group {
    /// Begins a group whose only leaf is this device.
    ///
    /// # Errors
    /// Where the store fails, or the policy cannot be written.
    #[allow(
        clippy::too_many_arguments,
        reason = "engine, store and identity belong to three owners; the rest is what a group is"
    )]
    pub fn create(
        engine: &Engine,
        keep: &dyn Keep,
        identity: &Identity,
        log: LogId,
        suite: Suite,
        policy: Policy,
    ) -> Result<Self, MlsError> {
        // What is written must be readable by everybody.
        let policy = Policy::decode(&policy.encode()).map_err(|_| MlsError::Malformed("policy"))?;
        let extensions = policy.extensions().ok_or(MlsError::Malformed("policy"))?;
        let mls = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(log.as_bytes()))
            .with_wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .use_ratchet_tree_extension(false)
            .sender_ratchet_configuration(ratchet_configuration())
            .lifetime(lifetime())
            .ciphersuite(suite.mls())
            .with_group_context_extensions(extensions)
            .with_capabilities(capabilities())
            .build(&Provider::new(engine, keep), identity, credential_with_key(identity))
            .map_err(MlsError::broken)?;
        Ok(Self { mls, policy, log, places: OnceCell::new(), put_off: PutOff::default() })
    }

    /// Loads the group of `log`; `None` where there is none.
    ///
    /// # Errors
    /// Where the store fails, or holds what is not a group of ours.
    pub fn load(keep: &dyn Keep, log: LogId) -> Result<Option<Self>, MlsError> {
        let storage = Storage::new(keep);
        match MlsGroup::load(&storage, &GroupId::from_slice(log.as_bytes()))? {
            Some(mls) => Self::from_mls(mls, log).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn from_mls(mls: MlsGroup, log: LogId) -> Result<Self, MlsError> {
        let policy = Policy::from_extensions(mls.extensions())
            .ok_or(MlsError::Malformed("the group's policy"))?;
        Ok(Self { mls, policy, log, places: OnceCell::new(), put_off: PutOff::default() })
    }

    /// Writes what [`Self::seal`], [`Self::open`], [`Self::process`] and [`Self::merge_own`] have changed
    /// and not written yet: the ratchet tree and the message secrets. To be called before the
    /// transaction of these changes ends, once for all of them; without it, what the store holds of the
    /// group does not fit together.
    ///
    /// # Errors
    /// Where the store fails: roll back, drop the group.
    pub fn save(&mut self, engine: &Engine, keep: &dyn Keep) -> Result<(), MlsError> {
        let PutOff { tree, secrets } = std::mem::take(&mut self.put_off);
        let provider = Provider::new(engine, keep);
        if tree {
            provider.storage().write_tree(self.mls.group_id(), self.mls.treesync())?;
        }
        if secrets {
            // We keep none of past epochs; what OpenMLS does besides is to write the current ones.
            self.mls
                .delete_past_epoch_secrets(&provider, PastEpochDeletion::delete_all())
                .map_err(MlsError::broken)?;
        }
        Ok(())
    }

    /// What was done through this provider is to be saved.
    pub(crate) fn put_off(&mut self, provider: &Provider<'_>) {
        self.put_off = self.put_off.and(provider.storage().put_off());
    }

    /// Deletes the group's state: its keys are gone.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn forget(mut self, keep: &dyn Keep) -> Result<(), MlsError> {
        Ok(self.mls.delete(&Storage::new(keep))?)
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> LogId {
        self.log
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.mls.epoch().as_u64()
    }

    /// A hash over all commits so far, which differs where members or policy do; empty before the
    /// first.
    #[must_use]
    pub fn history(&self) -> &[u8] {
        self.mls.public_group().group_context().confirmed_transcript_hash()
    }

    /// The cipher suite; `None` where it is none of ours.
    #[must_use]
    pub fn suite(&self) -> Option<Suite> {
        Suite::from_number(self.mls.ciphersuite().into())
    }

    /// The current policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Whether this device is still inside.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.mls.is_active()
    }

    /// This device's leaf.
    #[must_use]
    pub fn own_leaf(&self) -> u32 {
        self.mls.own_leaf_index().u32()
    }

    /// All members, by leaf.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let leaves = self.mls.members();
        leaves.filter_map(|member| read_member(member.index.u32(), &member.credential)).collect()
    }

    /// The member at `leaf`.
    #[must_use]
    pub fn member(&self, leaf: u32) -> Option<Member> {
        let node = self.mls.public_group().leaf(LeafNodeIndex::new(leaf))?;
        read_member(leaf, node.credential())
    }

    /// The member that is this device.
    #[must_use]
    pub fn member_of_device(&self, device: &DeviceId) -> Option<Member> {
        let found = self.mls.members().find(|member| member.signature_key == device.as_bytes())?;
        read_member(found.index.u32(), &found.credential)
    }

    /// The accounts inside.
    #[must_use]
    pub fn accounts(&self) -> BTreeSet<AccountId> {
        self.places().iter().map(|(_, who)| who.account).collect()
    }

    /// The devices inside, by leaf.
    pub fn devices(&self) -> impl Iterator<Item = (AccountId, DeviceId)> {
        self.places().iter().map(|(_, who)| (who.account, who.device))
    }

    /// The same group, of which is known who is inside.
    pub(crate) fn with_places(self, places: Vec<(u32, Who)>) -> Self {
        Self { places: OnceCell::from(places), ..self }
    }

    /// Who is inside, by leaf.
    pub(crate) fn places(&self) -> &[(u32, Who)] {
        self.places.get_or_init(|| {
            self.members().iter().map(|member| (member.leaf, who(&member.credential))).collect()
        })
    }

    /// The group has gone on by a commit that did this, or something that is not known.
    pub(crate) fn went_on(&mut self, summary: Option<&Summary>) {
        let changes = |summary: &Summary| {
            [&summary.added, &summary.removed, &summary.replaced]
                .iter()
                .any(|some| !some.is_empty())
        };
        if summary.is_none_or(changes) {
            self.places.take();
        }
    }

    /// How many devices are inside.
    #[must_use]
    pub fn leaf_count(&self) -> usize {
        self.mls.members().count()
    }

    /// Whether this device's leaf is as it came in, so that no commit has filled its path in the tree.
    #[must_use]
    pub fn is_leaf_new(&self) -> bool {
        // LeafNodeSource begins with its number (RFC 9420, section 7.2); the library does not export it.
        const KEY_PACKAGE: u8 = 1;
        let source = self.mls.own_leaf_node().map(|leaf| leaf.leaf_node_source());
        let bytes = source.and_then(|source| source.tls_serialize_detached().ok());
        bytes.is_some_and(|bytes| bytes.first() == Some(&KEY_PACKAGE))
    }

    /// How many more devices the group is for; a local limit.
    #[must_use]
    pub fn leaf_room(&self) -> usize {
        let most = self.suite().map_or(0, Suite::leaves_max);
        most.saturating_sub(self.leaf_count())
    }

    /// The key under which the entries of this epoch are sealed.
    ///
    /// # Errors
    /// [`MlsError::NotInside`].
    pub fn entry_key(&self, engine: &Engine) -> Result<EntryKey, MlsError> {
        let secret = self
            .mls
            .export_secret(engine.crypto(), "veche entry", self.log.as_bytes(), 32)
            .map_err(|_| MlsError::NotInside)?;
        Ok(EntryKey::from_bytes(key_bytes(secret)?))
    }

    /// The secret of generation number `generation`, if it began with this epoch. Derive it before
    /// the next commit is applied; it cannot be had later.
    ///
    /// # Errors
    /// [`MlsError::NotInside`].
    pub fn generation_secret(
        &self,
        engine: &Engine,
        generation: u64,
    ) -> Result<GenerationSecret, MlsError> {
        let context = generation_context(&self.log, generation);
        let secret = self
            .mls
            .export_secret(engine.crypto(), "veche generation", &context, 32)
            .map_err(|_| MlsError::NotInside)?;
        Ok(GenerationSecret::from_bytes(key_bytes(secret)?))
    }

    /// The secret of generation number `generation`, if it begins with the own pending commit: its
    /// token hashes go into the commit's rider.
    ///
    /// # Errors
    /// [`MlsError::NotPending`] where no commit is pending.
    pub fn pending_generation_secret(
        &self,
        engine: &Engine,
        generation: u64,
    ) -> Result<GenerationSecret, MlsError> {
        let pending = self.mls.pending_commit().ok_or(MlsError::NotPending)?;
        let context = generation_context(&self.log, generation);
        let secret = pending
            .export_secret(engine.crypto(), "veche generation", &context, 32)
            .map_err(|_| MlsError::NotPending)?;
        Ok(GenerationSecret::from_bytes(key_bytes(secret)?))
    }

    /// Whether a commit of this device is pending.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.mls.pending_commit().is_some()
    }

    /// Gives the pending commit up, if there is one.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn clear_pending(&mut self, keep: &dyn Keep) -> Result<(), MlsError> {
        if !self.has_pending() {
            return Ok(());
        }
        self.mls.clear_pending_commit(&Storage::new(keep)).map_err(MlsError::broken)
    }
}

fn read_member(leaf: u32, credential: &MlsCredential) -> Option<Member> {
    Some(Member { leaf, credential: read_credential(credential)? })
}

fn generation_context(log: &LogId, generation: u64) -> Vec<u8> {
    [&log.as_bytes()[..], &generation.to_be_bytes()].concat()
}

fn key_bytes(secret: Vec<u8>) -> Result<[u8; 32], MlsError> {
    let secret = Zeroizing::new(secret);
    secret.as_slice().try_into().map_err(MlsError::broken)
}

/// Under what OpenMLS keeps the private keys of the current epoch.
pub(crate) fn encryption_key_pairs_of(mls: &MlsGroup) -> (GroupId, GroupEpoch, u32) {
    (mls.group_id().clone(), mls.epoch(), mls.own_leaf_index().u32())
}

fn ratchet_configuration() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(OUT_OF_ORDER_MAX, FORWARD_MAX)
}

/// How we take part in a group that we join.
pub(crate) fn join_configuration() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .max_past_epochs(0)
        .number_of_resumption_psks(0)
        .use_ratchet_tree_extension(false)
        .sender_ratchet_configuration(ratchet_configuration())
        .build()
}

/// What each of our leaves can do.
pub(crate) fn capabilities() -> Capabilities {
    Capabilities::builder()
        .versions(vec![ProtocolVersion::Mls10])
        .ciphersuites(Suite::ALL.map(Suite::mls).to_vec())
        .extensions(vec![ExtensionType::Unknown(POLICY_EXTENSION), ExtensionType::LastResort])
        .proposals(Vec::new())
        .credentials(vec![CredentialType::Other(CREDENTIAL_TYPE)])
        .build()
}

pub(crate) fn credential_with_key(identity: &Identity) -> CredentialWithKey {
    CredentialWithKey {
        credential: MlsCredential::new(
            CredentialType::Other(CREDENTIAL_TYPE),
            identity.credential.encode(),
        ),
        signature_key: identity.device().as_bytes()[..].into(),
    }
}
