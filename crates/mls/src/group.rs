//! A group: one log, one MLS group whose id is the log's.

use std::collections::{BTreeMap, BTreeSet};

use openmls::group::{GroupEpoch, GroupId, MlsGroup, MlsGroupJoinConfig, StagedCommit};
use openmls::prelude::{
    Capabilities, CommitMessageBundle, Credential as MlsCredential, CredentialType,
    CredentialWithKey, EncryptedGroupSecrets, ExtensionType, KeyPackage, LeafNodeIndex,
    MlsMessageBodyIn, MlsMessageIn, OpenMlsProvider, PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
    ProcessMessageError, ProcessedMessageContent, ProtocolVersion, Sender,
    SenderRatchetConfiguration, Welcome,
};
use tls_codec::{Deserialize, Serialize, Size};
use veche_wire::{AccountId, AdminList, Credential, DeviceId, LogId};
use zeroize::Zeroizing;

use crate::engine::{Engine, Provider, Suite};
use crate::entry::{Bound, EntryKey, EntryRef};
use crate::identity::Identity;
use crate::join::read_key_package;
use crate::judge::{SkipReason, lifetime, read_credential, who};
use crate::keep::{Keep, KeepError};
use crate::policy::{CREDENTIAL_TYPE, POLICY_EXTENSION, Policy};
use crate::rules::{self, Facts, Who};
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

/// What came of opening a message entry.
#[derive(Debug)]
pub enum Opened {
    /// A message.
    Message(Box<OpenedMessage>),
    /// Not a message; counted, skipped, never shown as a lost one.
    Junk(JunkReason),
    /// It claims this device's leaf: known by the outbox, or not ours (LOG.md rule 4).
    Own,
}

/// A message that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedMessage {
    /// The leaf that sent it.
    pub leaf: u32,
    /// Who sent it.
    pub credential: Credential,
    /// Its authenticated data.
    pub bound: Bound,
    /// The [`crate::Payload`], encoded.
    pub payload: Vec<u8>,
}

/// Why an entry is junk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JunkReason {
    /// Not an MLS PrivateMessage.
    #[error("not an MLS message")]
    Malformed,
    /// Its authenticated data names another entry. Nothing was consumed.
    #[error("bound to another entry")]
    NotBound,
    /// Not an application message. Nothing was consumed.
    #[error("not a message")]
    NotAMessage,
    /// Of another epoch. Nothing was consumed.
    #[error("of another epoch")]
    Epoch,
    /// It does not open, or its sender did not sign it.
    #[error("does not open: {0}")]
    Undecryptable(String),
}

/// One log's group.
pub struct Group {
    pub(crate) mls: MlsGroup,
    pub(crate) policy: Policy,
    log: LogId,
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
        Ok(Self { mls, policy, log })
    }

    /// Loads the group of `log`; `None` where there is none.
    ///
    /// # Errors
    /// Where the store fails, or holds what is not a group of ours.
    pub fn load(keep: &dyn Keep, log: LogId) -> Result<Option<Self>, MlsError> {
        let storage = crate::storage::Storage::new(keep);
        match MlsGroup::load(&storage, &GroupId::from_slice(log.as_bytes()))? {
            Some(mls) => Self::from_mls(mls, log).map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn from_mls(mls: MlsGroup, log: LogId) -> Result<Self, MlsError> {
        let policy = Policy::from_extensions(mls.extensions())
            .ok_or(MlsError::Malformed("the group's policy"))?;
        Ok(Self { mls, policy, log })
    }

    /// Deletes the group's state: its keys are gone.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn forget(mut self, keep: &dyn Keep) -> Result<(), MlsError> {
        Ok(self.mls.delete(&crate::storage::Storage::new(keep))?)
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
        self.members().iter().map(|member| member.credential.certificate.account).collect()
    }

    /// How many devices are inside.
    #[must_use]
    pub fn leaf_count(&self) -> usize {
        self.mls.members().count()
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

    /// Seals `payload` as an MLS PrivateMessage whose authenticated data is `bound`; the caller
    /// seals the result as an entry. Consumes a key: the caller saves the bytes with the state.
    ///
    /// # Errors
    /// [`MlsError::NotInside`], or where the store fails.
    #[allow(
        clippy::too_many_arguments,
        reason = "engine, store and identity belong to three owners"
    )]
    pub fn seal(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        identity: &Identity,
        bound: &Bound,
        payload: &[u8],
    ) -> Result<Vec<u8>, MlsError> {
        if !self.is_active() {
            return Err(MlsError::NotInside);
        }
        self.mls.set_aad(bound.encode());
        self.mls
            .create_message(&Provider::new(engine, keep), identity, payload)
            .map_err(MlsError::broken)?
            .to_bytes()
            .map_err(MlsError::broken)
    }

    /// The authenticated data of a PrivateMessage, before anything is consumed or verified.
    #[must_use]
    pub fn peek(mls_bytes: &[u8]) -> Option<Bound> {
        let message = MlsMessageIn::tls_deserialize_exact(mls_bytes).ok()?;
        match message.extract() {
            MlsMessageBodyIn::PrivateMessage(message) => Bound::decode(message.aad()).ok(),
            _ => None,
        }
    }

    /// Opens a message. Its authenticated data is compared with the entry's outer fields before
    /// anything is consumed.
    ///
    /// # Errors
    /// [`MlsError::NotInside`], or where the store fails: roll back, drop the group.
    pub fn open(
        &mut self,
        engine: &Engine,
        keep: &dyn Keep,
        mls_bytes: &[u8],
        expected: &EntryRef,
    ) -> Result<Opened, MlsError> {
        let Ok(message) = MlsMessageIn::tls_deserialize_exact(mls_bytes) else {
            return Ok(Opened::Junk(JunkReason::Malformed));
        };
        let MlsMessageBodyIn::PrivateMessage(message) = message.extract() else {
            return Ok(Opened::Junk(JunkReason::Malformed));
        };
        let bound = match Bound::decode(message.aad()) {
            Ok(bound) if bound.matches(expected) => bound,
            _ => return Ok(Opened::Junk(JunkReason::NotBound)),
        };
        if message.content_type() != openmls::prelude::ContentType::Application
            || bound.kind != veche_wire::Kind::Message
        {
            return Ok(Opened::Junk(JunkReason::NotAMessage));
        }
        if message.epoch() != self.mls.epoch() {
            return Ok(Opened::Junk(JunkReason::Epoch));
        }
        let processed = match self.mls.process_message(&Provider::new(engine, keep), message) {
            Ok(processed) => processed,
            Err(ProcessMessageError::StorageError(error)) => return Err(error.into()),
            Err(ProcessMessageError::GroupStateError(_)) => return Err(MlsError::NotInside),
            Err(error) => {
                return Ok(Opened::Junk(JunkReason::Undecryptable(error.to_string())));
            }
        };
        let sender = processed.sender().clone();
        Ok(match (processed.into_content(), sender) {
            (ProcessedMessageContent::ApplicationMessage(content), Sender::Member(leaf)) => {
                self.opened(leaf.u32(), bound, content.into_bytes())
            }
            (ProcessedMessageContent::OwnPrivateMessage, _) => Opened::Own,
            _ => Opened::Junk(JunkReason::NotAMessage),
        })
    }

    fn opened(&self, leaf: u32, bound: Bound, payload: Vec<u8>) -> Opened {
        match self.member(leaf) {
            Some(Member { credential, .. }) => {
                Opened::Message(Box::new(OpenedMessage { leaf, credential, bound, payload }))
            }
            None => Opened::Junk(JunkReason::Undecryptable("no such member".to_owned())),
        }
    }

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
            rotation: facts.needs_rotation(),
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
            (rules::judge(facts, engine.checks_roles()), facts.after.clone())
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
        builder
            .load_psks(provider.storage())
            .map_err(MlsError::broken)?
            .build(provider.rand(), provider.crypto(), identity, |_| true)
            .map_err(MlsError::broken)?
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
        let members: Vec<_> =
            self.members().iter().map(|one| (one.leaf, who(&one.credential))).collect();
        let wanted = change.policy.as_ref().unwrap_or(&self.policy);
        let facts = Facts {
            before: &self.policy,
            after: wanted,
            members: &members,
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
        self.mls.clear_pending_commit(&crate::storage::Storage::new(keep)).map_err(MlsError::broken)
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
