//! OpenMLS's storage trait over a [`Keep`]: every value is a version byte and MessagePack.
//!
//! MessagePack describes itself (postcard wrote a tree that did not read back) and is written with
//! structs as arrays and bytes as binary. The version byte names the layout as a whole: values of
//! another version are refused, never guessed at.
//!
//! OpenMLS writes the ratchet tree and the message secrets whole at each change, and in a group of
//! thousands to encode them takes longer than the change itself. Where a [`Group`](crate::Group)
//! changes, they are put off until [`Group::save`](crate::Group::save), once for all changes of a
//! transaction.

use std::cell::Cell;

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use rmp_serde::config::BytesMode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keep::{Keep, KeepError};

/// The layout of stored values.
const FORMAT: u8 = 1;

/// OpenMLS's view of a [`Keep`].
pub(crate) struct Storage<'a> {
    keep: &'a dyn Keep,
    /// What was to be written and was put off; `None` where nothing is.
    put_off: Option<Cell<PutOff>>,
}

/// Which large values of a group are newer in memory than in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PutOff {
    /// The ratchet tree.
    pub(crate) tree: bool,
    /// The message secrets.
    pub(crate) secrets: bool,
}

impl PutOff {
    /// What either says.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { tree: self.tree || other.tree, secrets: self.secrets || other.secrets }
    }
}

/// Writes a value as it is stored.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, KeepError> {
    let mut bytes = vec![FORMAT];
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_bytes(BytesMode::ForceAll);
    value.serialize(&mut serializer).map_err(|error| failed("write", &error))?;
    Ok(bytes)
}

/// Reads a value as it is stored.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, KeepError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => {
            rmp_serde::from_slice(rest).map_err(|error| failed("read", &error))
        }
        _ => Err(KeepError("a stored value has an unknown format".to_owned())),
    }
}

/// Under what the private keys of a leaf and its path are kept that belong to an epoch.
pub(crate) fn path_keys_place<G: Serialize, E: Serialize>(
    (group, epoch, leaf): (&G, &E, u32),
) -> Result<(&'static str, Vec<u8>), KeepError> {
    Ok((PATH_KEYS, encode(&(group, epoch, leaf))?))
}

const PATH_KEYS: &str = "mls path keys";

fn failed(what: &str, error: &dyn std::fmt::Display) -> KeepError {
    KeepError(format!("cannot {what} a stored value: {error}"))
}

impl<'a> Storage<'a> {
    /// One that writes everything at once.
    pub(crate) fn new(keep: &'a dyn Keep) -> Self {
        Self { keep, put_off: None }
    }

    /// One that puts the large values off; [`Self::put_off`] tells which.
    pub(crate) fn putting_off(keep: &'a dyn Keep) -> Self {
        Self { keep, put_off: Some(Cell::default()) }
    }

    /// What was put off.
    pub(crate) fn put_off(&self) -> PutOff {
        self.put_off.as_ref().map(Cell::get).unwrap_or_default()
    }

    /// Whether a large value is put off instead of being written.
    fn puts_off(&self, value: PutOff) -> bool {
        let Some(put_off) = &self.put_off else { return false };
        put_off.set(put_off.get().and(value));
        true
    }

    fn write<K: Serialize, V: Serialize + ?Sized>(
        &self,
        label: &str,
        key: &K,
        value: &V,
    ) -> Result<(), KeepError> {
        self.keep.put(label, &encode(key)?, &encode(value)?)
    }

    fn read<K: Serialize, V: DeserializeOwned>(
        &self,
        label: &str,
        key: &K,
    ) -> Result<Option<V>, KeepError> {
        self.keep.get(label, &encode(key)?)?.map(|bytes| decode(&bytes)).transpose()
    }

    fn erase<K: Serialize>(&self, label: &str, key: &K) -> Result<(), KeepError> {
        self.keep.delete(label, &encode(key)?)
    }

    /// A list is one value: it is short (we neither queue proposals nor propose updates).
    fn list<K: Serialize>(&self, label: &str, key: &K) -> Result<Vec<Vec<u8>>, KeepError> {
        Ok(self.read(label, key)?.unwrap_or_default())
    }
}

type Outcome<T> = Result<T, KeepError>;
const V: u16 = CURRENT_VERSION;

impl StorageProvider<CURRENT_VERSION> for Storage<'_> {
    type Error = KeepError;

    fn write_mls_join_config<K: traits::GroupId<V>, T: traits::MlsGroupJoinConfig<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls config", group_id, value)
    }

    fn mls_group_join_config<K: traits::GroupId<V>, T: traits::MlsGroupJoinConfig<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls config", group_id)
    }

    fn delete_group_config<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls config", group_id)
    }

    fn write_tree<K: traits::GroupId<V>, T: traits::TreeSync<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        if self.puts_off(PutOff { tree: true, secrets: false }) {
            return Ok(());
        }
        self.write("mls tree", group_id, value)
    }

    fn tree<K: traits::GroupId<V>, T: traits::TreeSync<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls tree", group_id)
    }

    fn delete_tree<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls tree", group_id)
    }

    fn write_interim_transcript_hash<K: traits::GroupId<V>, T: traits::InterimTranscriptHash<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls interim transcript hash", group_id, value)
    }

    fn interim_transcript_hash<K: traits::GroupId<V>, T: traits::InterimTranscriptHash<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls interim transcript hash", group_id)
    }

    fn delete_interim_transcript_hash<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls interim transcript hash", group_id)
    }

    fn write_context<K: traits::GroupId<V>, T: traits::GroupContext<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls context", group_id, value)
    }

    fn group_context<K: traits::GroupId<V>, T: traits::GroupContext<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls context", group_id)
    }

    fn delete_context<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls context", group_id)
    }

    fn write_confirmation_tag<K: traits::GroupId<V>, T: traits::ConfirmationTag<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls confirmation tag", group_id, value)
    }

    fn confirmation_tag<K: traits::GroupId<V>, T: traits::ConfirmationTag<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls confirmation tag", group_id)
    }

    fn delete_confirmation_tag<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls confirmation tag", group_id)
    }

    fn write_group_state<T: traits::GroupState<V>, K: traits::GroupId<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls state", group_id, value)
    }

    fn group_state<T: traits::GroupState<V>, K: traits::GroupId<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls state", group_id)
    }

    fn delete_group_state<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls state", group_id)
    }

    fn write_message_secrets<K: traits::GroupId<V>, T: traits::MessageSecrets<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        if self.puts_off(PutOff { tree: false, secrets: true }) {
            return Ok(());
        }
        self.write("mls message secrets", group_id, value)
    }

    fn message_secrets<K: traits::GroupId<V>, T: traits::MessageSecrets<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls message secrets", group_id)
    }

    fn delete_message_secrets<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls message secrets", group_id)
    }

    fn write_resumption_psk_store<K: traits::GroupId<V>, T: traits::ResumptionPskStore<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls resumption", group_id, value)
    }

    fn resumption_psk_store<K: traits::GroupId<V>, T: traits::ResumptionPskStore<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls resumption", group_id)
    }

    fn delete_all_resumption_psk_secrets<K: traits::GroupId<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<()> {
        self.erase("mls resumption", group_id)
    }

    fn write_own_leaf_index<K: traits::GroupId<V>, T: traits::LeafNodeIndex<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls own leaf", group_id, value)
    }

    fn own_leaf_index<K: traits::GroupId<V>, T: traits::LeafNodeIndex<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls own leaf", group_id)
    }

    fn delete_own_leaf_index<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls own leaf", group_id)
    }

    fn write_group_epoch_secrets<K: traits::GroupId<V>, T: traits::GroupEpochSecrets<V>>(
        &self,
        group_id: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls epoch secrets", group_id, value)
    }

    fn group_epoch_secrets<K: traits::GroupId<V>, T: traits::GroupEpochSecrets<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls epoch secrets", group_id)
    }

    fn delete_group_epoch_secrets<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls epoch secrets", group_id)
    }

    fn write_signature_key_pair<
        K: traits::SignaturePublicKey<V>,
        T: traits::SignatureKeyPair<V>,
    >(
        &self,
        key: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls signature key", key, value)
    }

    fn signature_key_pair<K: traits::SignaturePublicKey<V>, T: traits::SignatureKeyPair<V>>(
        &self,
        key: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls signature key", key)
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<V>>(&self, key: &K) -> Outcome<()> {
        self.erase("mls signature key", key)
    }

    fn write_encryption_key_pair<K: traits::EncryptionKey<V>, T: traits::HpkeKeyPair<V>>(
        &self,
        key: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls encryption key", key, value)
    }

    fn encryption_key_pair<T: traits::HpkeKeyPair<V>, K: traits::EncryptionKey<V>>(
        &self,
        key: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls encryption key", key)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<V>>(&self, key: &K) -> Outcome<()> {
        self.erase("mls encryption key", key)
    }

    fn write_key_package<K: traits::HashReference<V>, T: traits::KeyPackage<V>>(
        &self,
        key: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls key package", key, value)
    }

    fn key_package<K: traits::HashReference<V>, T: traits::KeyPackage<V>>(
        &self,
        key: &K,
    ) -> Outcome<Option<T>> {
        self.read("mls key package", key)
    }

    fn delete_key_package<K: traits::HashReference<V>>(&self, key: &K) -> Outcome<()> {
        self.erase("mls key package", key)
    }

    fn write_psk<K: traits::PskId<V>, T: traits::PskBundle<V>>(
        &self,
        key: &K,
        value: &T,
    ) -> Outcome<()> {
        self.write("mls psk", key, value)
    }

    fn psk<T: traits::PskBundle<V>, K: traits::PskId<V>>(&self, key: &K) -> Outcome<Option<T>> {
        self.read("mls psk", key)
    }

    fn delete_psk<K: traits::PskId<V>>(&self, key: &K) -> Outcome<()> {
        self.erase("mls psk", key)
    }

    fn append_own_leaf_node<K: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group_id: &K,
        leaf_node: &T,
    ) -> Outcome<()> {
        let mut list = self.list("mls own leaves", group_id)?;
        list.push(encode(leaf_node)?);
        self.write("mls own leaves", group_id, &list)
    }

    fn own_leaf_nodes<K: traits::GroupId<V>, T: traits::LeafNode<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Vec<T>> {
        self.list("mls own leaves", group_id)?.iter().map(|bytes| decode(bytes)).collect()
    }

    fn delete_own_leaf_nodes<K: traits::GroupId<V>>(&self, group_id: &K) -> Outcome<()> {
        self.erase("mls own leaves", group_id)
    }

    fn queue_proposal<
        K: traits::GroupId<V>,
        R: traits::ProposalRef<V>,
        T: traits::QueuedProposal<V>,
    >(
        &self,
        group_id: &K,
        proposal_ref: &R,
        proposal: &T,
    ) -> Outcome<()> {
        self.write("mls proposal", &(group_id, proposal_ref), proposal)?;
        let mut list = self.list("mls proposals", group_id)?;
        list.push(encode(proposal_ref)?);
        self.write("mls proposals", group_id, &list)
    }

    fn queued_proposal_refs<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<Vec<R>> {
        self.list("mls proposals", group_id)?.iter().map(|bytes| decode(bytes)).collect()
    }

    fn queued_proposals<
        K: traits::GroupId<V>,
        R: traits::ProposalRef<V>,
        T: traits::QueuedProposal<V>,
    >(
        &self,
        group_id: &K,
    ) -> Outcome<Vec<(R, T)>> {
        let mut found = Vec::new();
        for bytes in self.list("mls proposals", group_id)? {
            let proposal_ref: R = decode(&bytes)?;
            if let Some(proposal) = self.read("mls proposal", &(group_id, &proposal_ref))? {
                found.push((proposal_ref, proposal));
            }
        }
        Ok(found)
    }

    fn remove_proposal<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &K,
        proposal_ref: &R,
    ) -> Outcome<()> {
        self.erase("mls proposal", &(group_id, proposal_ref))?;
        let gone = encode(proposal_ref)?;
        let mut list = self.list("mls proposals", group_id)?;
        list.retain(|bytes| *bytes != gone);
        self.write("mls proposals", group_id, &list)
    }

    fn clear_proposal_queue<K: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &K,
    ) -> Outcome<()> {
        for bytes in self.list("mls proposals", group_id)? {
            let proposal_ref: R = decode(&bytes)?;
            self.erase("mls proposal", &(group_id, &proposal_ref))?;
        }
        self.erase("mls proposals", group_id)
    }

    fn write_encryption_epoch_key_pairs<
        K: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        T: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &K,
        epoch: &E,
        leaf_index: u32,
        key_pairs: &[T],
    ) -> Outcome<()> {
        self.write(PATH_KEYS, &(group_id, epoch, leaf_index), key_pairs)
    }

    fn encryption_epoch_key_pairs<
        K: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        T: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &K,
        epoch: &E,
        leaf_index: u32,
    ) -> Outcome<Vec<T>> {
        Ok(self.read(PATH_KEYS, &(group_id, epoch, leaf_index))?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<K: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        group_id: &K,
        epoch: &E,
        leaf_index: u32,
    ) -> Outcome<()> {
        self.erase(PATH_KEYS, &(group_id, epoch, leaf_index))
    }
}
