//! Coming in: KeyPackages, and joining from a Welcome (docs/protocol.md, rules 13 and 14).

use openmls::group::{GroupId, MlsGroup, ProcessedWelcome, WelcomeError};
use openmls::prelude::{
    JoinBuilder, KeyPackage, KeyPackageBundle, KeyPackageRef, LeafNode, MlsMessageBodyIn,
    MlsMessageIn, MlsMessageOut, OpenMlsProvider, ProtocolVersion, RatchetTreeIn, Welcome,
};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::storage::StorageProvider;
use tls_codec::{Deserialize, Serialize, VLBytes};
use veche_wire::{Certificate, Credential, LogId, limits};

use crate::control::leaf_key;
use crate::engine::{Engine, Provider, Suite};
use crate::group::{Group, MlsError, capabilities, credential_with_key, join_configuration};
use crate::identity::{Identity, verify_certificates};
use crate::judge::{NOT_CERTIFIED, SkipReason, lifetime, read_leaf, read_leaf_uncertified, who};
use crate::keep::{Keep, KeepError};
use crate::policy::Policy;

/// Why a group could not be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The store failed: roll back.
    #[error("the store failed: {0}")]
    Keep(#[from] KeepError),
    /// The Welcome is for no KeyPackage that this device has (used before, or lost): ask to be added
    /// again.
    #[error("the Welcome is for no KeyPackage of this device")]
    NotForThisDevice,
    /// Welcome or tree are not what they claim to be: ask to be added again, or drop it.
    #[error("the invitation is not valid: {0}")]
    Invalid(String),
}

impl JoinError {
    fn invalid(error: impl std::fmt::Display) -> Self {
        Self::Invalid(error.to_string())
    }
}

/// Makes a KeyPackage (MLSMessage) and keeps its secrets. Its lifetime is all of time: what is fresh
/// is decided by who adds.
///
/// # Errors
/// Where the store fails.
pub fn generate_key_package(
    engine: &Engine,
    keep: &dyn Keep,
    identity: &Identity,
    suite: Suite,
    last_resort: bool,
) -> Result<Vec<u8>, MlsError> {
    let mut builder = KeyPackage::builder()
        .key_package_lifetime(lifetime())
        .leaf_node_capabilities(capabilities());
    if last_resort {
        builder = builder.mark_as_last_resort();
    }
    let bundle = builder
        .build(suite.mls(), &Provider::new(engine, keep), identity, credential_with_key(identity))
        .map_err(MlsError::broken)?;
    MlsMessageOut::from(bundle.into_key_package()).to_bytes().map_err(MlsError::broken)
}

/// Whether the secrets of the KeyPackage with this reference (as TLS bytes) are here: this home made it, and has not
/// used it up.
///
/// # Errors
/// Where the store fails.
pub fn is_own_key_package(
    engine: &Engine,
    keep: &dyn Keep,
    reference: &[u8],
) -> Result<bool, MlsError> {
    let reference = KeyPackageRef::tls_deserialize_exact(reference).map_err(MlsError::broken)?;
    let provider = Provider::new(engine, keep);
    let found: Option<KeyPackageBundle> = provider.storage().key_package(&reference)?;
    Ok(found.is_some())
}

/// Forgets the secrets of a KeyPackage of this home that nobody is to use any more.
///
/// # Errors
/// Where the store fails, or the bytes are no KeyPackage for `suite`.
pub fn forget_key_package(
    engine: &Engine,
    keep: &dyn Keep,
    (bytes, suite): (&[u8], Suite),
) -> Result<(), MlsError> {
    let (package, _) = read_key_package(engine, bytes, suite)?;
    let reference = package.hash_ref(engine.crypto()).map_err(MlsError::broken)?;
    Ok(Provider::new(engine, keep).storage().delete_key_package(&reference)?)
}

/// How long a reference of a KeyPackage is ([`key_package_reference`]).
pub const REFERENCE_BYTES: usize = 32;

/// The reference of a KeyPackage, by which a Welcome names it (RFC 9420, section 5.2).
///
/// # Errors
/// [`MlsError::Malformed`] where the bytes are no KeyPackage for `suite`.
pub fn key_package_reference(
    engine: &Engine,
    bytes: &[u8],
    suite: Suite,
) -> Result<[u8; REFERENCE_BYTES], MlsError> {
    let (package, _) = read_key_package(engine, bytes, suite)?;
    let reference = package.hash_ref(engine.crypto()).map_err(MlsError::broken)?;
    reference.as_slice().try_into().map_err(|_| MlsError::Malformed("KeyPackage"))
}

/// Whose KeyPackages a Welcome is for, by their references; nobody's where it is none.
#[must_use]
pub fn welcomed(welcome: &[u8]) -> Vec<Vec<u8>> {
    let Ok(welcome) = read_welcome(welcome) else { return Vec::new() };
    welcome.secrets().iter().map(|secrets| secrets.new_member().as_slice().to_vec()).collect()
}

/// The key that this device's leaf has where a Welcome leads to, as [`LeaveRequest::leaf_keys`] names it: that
/// of the KeyPackage which the Welcome is for. `None` where its secrets are not here, or it is one of last resort.
///
/// # Errors
/// Where the store fails.
///
/// [`LeaveRequest::leaf_keys`]: crate::LeaveRequest::leaf_keys
pub fn welcomed_leaf_key(
    engine: &Engine,
    keep: &dyn Keep,
    welcome: &[u8],
) -> Result<Option<[u8; 32]>, MlsError> {
    let Ok(welcome) = read_welcome(welcome) else { return Ok(None) };
    let provider = Provider::new(engine, keep);
    for secrets in welcome.secrets() {
        let found: Option<KeyPackageBundle> =
            provider.storage().key_package(&secrets.new_member())?;
        // What is used again tells nothing about when it was made.
        if let Some(bundle) = found.filter(|bundle| !bundle.key_package().last_resort()) {
            return Ok(leaf_key(bundle.key_package().leaf_node()));
        }
    }
    Ok(None)
}

/// As [`welcomed_leaf_key`], of a KeyPackage.
///
/// # Errors
/// [`MlsError::Malformed`] where the bytes are no KeyPackage for `suite`.
pub fn key_package_leaf_key(
    engine: &Engine,
    bytes: &[u8],
    suite: Suite,
) -> Result<[u8; 32], MlsError> {
    let (package, _) = read_key_package(engine, bytes, suite)?;
    leaf_key(package.leaf_node()).ok_or(MlsError::Malformed("KeyPackage"))
}

/// As [`forget_key_package`], by its reference. One that is used up, or never was here, is no error.
///
/// # Errors
/// Where the store fails, or the bytes are no reference.
pub fn forget_key_package_reference(
    engine: &Engine,
    keep: &dyn Keep,
    reference: &[u8],
) -> Result<(), MlsError> {
    let length = u8::try_from(reference.len()).map_err(MlsError::broken)?;
    let reference = [&[length], reference].concat();
    let reference = KeyPackageRef::tls_deserialize_exact(reference).map_err(MlsError::broken)?;
    Ok(Provider::new(engine, keep).storage().delete_key_package(&reference)?)
}

/// Checks that `bytes` is a KeyPackage of the device that `certificate` certifies, for `suite`.
///
/// # Errors
/// [`MlsError::Malformed`] where it is not.
pub fn check_key_package(
    engine: &Engine,
    bytes: &[u8],
    certificate: &Certificate,
    suite: Suite,
) -> Result<(), MlsError> {
    let found = key_package_credential(engine, bytes, suite)?.certificate;
    if found.account == certificate.account && found.device == certificate.device {
        Ok(())
    } else {
        Err(MlsError::Malformed("KeyPackage"))
    }
}

/// Whose KeyPackage it is, once its signatures were checked, and that its keys can be sealed to.
///
/// # Errors
/// [`MlsError::Malformed`] where it is no KeyPackage as ours must be, for `suite`.
pub fn key_package_credential(
    engine: &Engine,
    bytes: &[u8],
    suite: Suite,
) -> Result<Credential, MlsError> {
    let (package, credential) = read_key_package(engine, bytes, suite)?;
    let init = is_usable_key(engine, suite, package.hpke_init_key().as_slice());
    if init && has_usable_key(engine, suite, package.leaf_node()) {
        Ok(credential)
    } else {
        Err(MlsError::Malformed("KeyPackage"))
    }
}

/// Whether something can be sealed to a leaf of a group of `suite`: OpenMLS takes any bytes for its key.
pub(crate) fn has_usable_key(engine: &Engine, suite: Suite, leaf: &LeafNode) -> bool {
    let written = leaf.encryption_key().tls_serialize_detached().unwrap_or_default();
    let key = VLBytes::tls_deserialize_exact(&written);
    key.is_ok_and(|key| is_usable_key(engine, suite, key.as_slice()))
}

pub(crate) fn is_usable_key(engine: &Engine, suite: Suite, key: &[u8]) -> bool {
    let config = suite.mls().hpke_config();
    engine.crypto().hpke_seal(config, key, b"veche key check v1", &[], &[]).is_ok()
}

pub(crate) fn read_key_package(
    engine: &Engine,
    bytes: &[u8],
    suite: Suite,
) -> Result<(KeyPackage, Credential), MlsError> {
    const BAD: MlsError = MlsError::Malformed("KeyPackage");
    if bytes.len() > limits::KEY_PACKAGE_BYTES_MAX {
        return Err(BAD);
    }
    let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(|_| BAD)?;
    let MlsMessageBodyIn::KeyPackage(package) = message.extract() else { return Err(BAD) };
    let package = package.validate(engine.crypto(), ProtocolVersion::Mls10).map_err(|_| BAD)?;
    if package.ciphersuite() != suite.mls() {
        return Err(BAD);
    }
    let credential = read_leaf(package.leaf_node()).map_err(|_| BAD)?;
    Ok((package, credential))
}

/// A group that this device has come into.
#[derive(Debug)]
pub struct Joined {
    /// It.
    pub group: Group,
    /// All who are inside, this device too, by leaf. Their certificates are good.
    pub members: Vec<Credential>,
}

impl Group {
    /// Joins from a Welcome and the ratchet tree after the adding commit; takes the place of an
    /// older state of the same group (docs/protocol.md, rule 7). Uses the KeyPackage up.
    ///
    /// # Errors
    /// See [`JoinError`]. The caller rolls its transaction back, so that nothing is used up.
    #[allow(
        clippy::too_many_arguments,
        reason = "engine, store and identity belong to three owners"
    )]
    pub fn join(
        engine: &Engine,
        keep: &dyn Keep,
        identity: &Identity,
        welcome: &[u8],
        tree: &[u8],
        log: LogId,
    ) -> Result<Joined, JoinError> {
        let welcome = read_welcome(welcome)?;
        let tree = RatchetTreeIn::tls_deserialize_exact(tree).map_err(JoinError::invalid)?;
        let provider = Provider::new(engine, keep);
        let group_id = GroupId::from_slice(log.as_bytes());
        let processed =
            ProcessedWelcome::new_from_welcome(&provider, &join_configuration(), welcome)
                .map_err(refused)?;
        if *processed.unverified_group_info().group_id() != group_id {
            return Err(JoinError::Invalid("it is for another log".to_owned()));
        }
        let staged = JoinBuilder::new(&provider, processed)
            .with_ratchet_tree(tree)
            .skip_lifetime_validation()
            .replace_old_group()
            .build()
            .map_err(refused)?;
        let device = staged.own_leaf_node().map(|leaf| leaf.signature_key().as_slice());
        if device != Some(identity.device().as_bytes()) {
            return Err(JoinError::NotForThisDevice);
        }
        if Policy::from_extensions(staged.group_context().extensions()).is_none() {
            return Err(JoinError::Invalid("its policy is not ours".to_owned()));
        }
        if let Some(mut old) = MlsGroup::load(provider.storage(), &group_id)? {
            old.delete(provider.storage())?;
        }
        let mls = staged.into_group(&provider).map_err(refused)?;
        let members = check_leaves(&mls)?;
        let group = Self::from_mls(mls, log).map_err(JoinError::invalid)?;
        let places = members.iter().map(|(leaf, credential)| (*leaf, who(credential)));
        let group = group.with_places(places.collect());
        Ok(Joined { group, members: members.into_iter().map(|(_, member)| member).collect() })
    }
}

fn read_welcome(bytes: &[u8]) -> Result<Welcome, JoinError> {
    let message = MlsMessageIn::tls_deserialize_exact(bytes).map_err(JoinError::invalid)?;
    match message.extract() {
        MlsMessageBodyIn::Welcome(welcome) => Ok(welcome),
        _ => Err(JoinError::Invalid("not a Welcome".to_owned())),
    }
}

/// Who is inside, by leaf. Every leaf must be as ours are, or the server's choice of tree could bring
/// strangers in.
fn check_leaves(mls: &MlsGroup) -> Result<Vec<(u32, Credential)>, JoinError> {
    let leaves = mls.treesync().full_leaves();
    let members = leaves
        .map(|(index, leaf)| Ok((index.u32(), read_leaf_uncertified(leaf)?)))
        .collect::<Result<Vec<_>, SkipReason>>()
        .map_err(JoinError::invalid)?;
    match verify_certificates(members.iter().map(|(_, member)| &member.certificate)) {
        true => Ok(members),
        false => Err(JoinError::invalid(NOT_CERTIFIED)),
    }
}

fn refused(error: WelcomeError<KeepError>) -> JoinError {
    match error {
        WelcomeError::StorageError(error) => JoinError::Keep(error),
        WelcomeError::NoMatchingKeyPackage
        | WelcomeError::JoinerSecretNotFound
        | WelcomeError::PrivateInitKeyNotFound
        | WelcomeError::NoMatchingEncryptionKey => JoinError::NotForThisDevice,
        other => JoinError::invalid(other),
    }
}
