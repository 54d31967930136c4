//! The cryptography under the groups: RustCrypto, with randomness that is passed in where OpenMLS
//! lets us (it draws HPKE's ephemeral keys by itself).

use std::sync::{Mutex, MutexGuard, PoisonError};

use openmls::prelude::OpenMlsProvider;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::random::OpenMlsRand;
use openmls_traits::types::Ciphersuite;
use veche_wire::{Random, limits};

use crate::keep::Keep;
use crate::storage::Storage;

/// The cipher suites that a group may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519` (0x0001, RFC 9420): for large groups.
    Classic,
    /// `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519` (0x004F, draft-ietf-mls-pq-ciphersuites):
    /// X-Wing, for direct chats and groups planned small. A draft code point.
    PostQuantum,
}

impl Suite {
    /// Both, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Classic, Self::PostQuantum];

    /// The MLS number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.mls().into()
    }

    /// The suite with this MLS number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.number() == number)
    }

    /// How many devices a group of this suite is for. A local limit: no verdict depends on it.
    #[must_use]
    pub fn leaves_max(self) -> usize {
        match self {
            Self::Classic => limits::GROUP_LEAVES_MAX,
            Self::PostQuantum => limits::SMALL_GROUP_LEAVES_MAX,
        }
    }

    pub(crate) fn mls(self) -> Ciphersuite {
        match self {
            Self::Classic => Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519,
            Self::PostQuantum => Ciphersuite::MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519,
        }
    }
}

/// A rule that a test breaks on purpose, to see that it is noticed.
#[cfg(any(test, feature = "mutants"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Commits are applied without looking at roles (docs/protocol.md, rule 6).
    RoleCheckSkipped,
    /// A removal begins no generation, and nobody minds (docs/protocol.md, rule 11).
    NoRotation,
    /// Some secrets of the path of each commit are broken: some members cannot follow (rule 6).
    PathBrokenForSome,
    /// All are: no other member can follow.
    PathBrokenForAll,
}

/// Cryptography and randomness for everything in this crate.
pub struct Engine {
    crypto: RustCrypto,
    random: Mutex<Box<dyn Random + Send>>,
    #[cfg(any(test, feature = "mutants"))]
    mutant: Option<Mutant>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine(…)")
    }
}

impl Engine {
    /// An engine that draws from `random`.
    #[must_use]
    pub fn new(random: Box<dyn Random + Send>) -> Self {
        Self {
            crypto: RustCrypto::default(),
            random: Mutex::new(random),
            #[cfg(any(test, feature = "mutants"))]
            mutant: None,
        }
    }

    /// The same engine, breaking one rule.
    #[cfg(any(test, feature = "mutants"))]
    #[must_use]
    pub fn with_mutant(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }

    /// The engine's randomness, for functions that ask for some.
    pub fn random(&self) -> EngineRandom<'_> {
        EngineRandom(self)
    }

    pub(crate) fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    pub(crate) fn checks_roles(&self) -> bool {
        #[cfg(any(test, feature = "mutants"))]
        if self.mutant == Some(Mutant::RoleCheckSkipped) {
            return false;
        }
        true
    }

    pub(crate) fn asks_for_rotation(&self) -> bool {
        #[cfg(any(test, feature = "mutants"))]
        if self.mutant == Some(Mutant::NoRotation) {
            return false;
        }
        true
    }

    /// Cryptography that breaks what others are to read, where this engine is of somebody who does that.
    #[cfg(any(test, feature = "mutants"))]
    pub(crate) fn saboteur(&self) -> Option<crate::saboteur::Saboteur> {
        use crate::saboteur::{Saboteur, Victims};
        let broken_for = match self.mutant? {
            Mutant::PathBrokenForSome => Victims::Some,
            Mutant::PathBrokenForAll => Victims::All,
            Mutant::RoleCheckSkipped | Mutant::NoRotation => return None,
        };
        Some(Saboteur::of_paths(broken_for))
    }

    fn lock(&self) -> MutexGuard<'_, Box<dyn Random + Send>> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The randomness of an [`Engine`].
#[derive(Debug)]
pub struct EngineRandom<'a>(&'a Engine);

impl Random for EngineRandom<'_> {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0.lock().fill(bytes);
    }
}

impl OpenMlsRand for Engine {
    type Error = std::convert::Infallible;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], Self::Error> {
        let mut bytes = [0; N];
        self.lock().fill(&mut bytes);
        Ok(bytes)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, Self::Error> {
        let mut bytes = vec![0; len];
        self.lock().fill(&mut bytes);
        Ok(bytes)
    }
}

/// An [`Engine`] and a [`Keep`] as OpenMLS wants to see them.
pub(crate) struct Provider<'a> {
    engine: &'a Engine,
    storage: Storage<'a>,
}

impl<'a> Provider<'a> {
    pub(crate) fn new(engine: &'a Engine, keep: &'a dyn Keep) -> Self {
        Self { engine, storage: Storage::new(keep) }
    }

    /// One whose storage puts large values off until the group is saved.
    pub(crate) fn putting_off(engine: &'a Engine, keep: &'a dyn Keep) -> Self {
        Self { engine, storage: Storage::putting_off(keep) }
    }
}

impl<'a> OpenMlsProvider for Provider<'a> {
    type CryptoProvider = RustCrypto;
    type RandProvider = Engine;
    type StorageProvider = Storage<'a>;

    fn storage(&self) -> &Self::StorageProvider {
        &self.storage
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        &self.engine.crypto
    }

    fn rand(&self) -> &Self::RandProvider {
        self.engine
    }
}
