//! Who speaks: recovery phrase, account key, device keys, and what they sign (docs/protocol.md,
//! "Accounts").

use bip39::{Language, Mnemonic};
use ed25519_dalek::{Signer as _, SigningKey};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use sha2::{Digest, Sha512};
use veche_wire::{
    AccountId, AdminKey, Certificate, Credential, DecodeError, DeviceId, DeviceRecord, EntryId,
    Kind, LogId, NameBinding, Random, Rider, Rotation, TokenHashes,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::cbor::{Reader, Writer};
use crate::engine::{Engine, Suite};
use crate::entry::RiderPlan;
use crate::seal::{derive, sha256};
use crate::signatures::{Signed, verify_signature, verify_together};

const VERSION: u32 = 1;
/// The suite whose HPKE seals envelopes to a device's inbox.
pub const INBOX_SUITE: Suite = Suite::PostQuantum;

/// The words are not a recovery phrase: ask the user again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Not twelve words.
    #[error("a recovery phrase has 12 words")]
    Length,
    /// A word is not in the list.
    #[error("word {0} is not in the word list")]
    Word(usize),
    /// The words do not fit together.
    #[error("the words do not fit together: is one of them wrong?")]
    Checksum,
}

/// A recovery phrase: 12 words of the English BIP-39 list, 128 bits. Cannot be printed by accident.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Phrase {
    words: String,
    entropy: [u8; 16],
}

impl std::fmt::Debug for Phrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phrase(…)")
    }
}

impl Phrase {
    /// A fresh phrase.
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut entropy = Zeroizing::new([0; 16]);
        random.fill(entropy.as_mut_slice());
        Self::from_entropy(&entropy)
    }

    /// Reads what a person typed: case and spaces do not matter.
    ///
    /// # Errors
    /// Where it is not a phrase of twelve words of the list that fit together.
    pub fn parse(text: &str) -> Result<Self, PhraseError> {
        let text = Zeroizing::new(
            text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" "),
        );
        if text.split(' ').count() != 12 {
            return Err(PhraseError::Length);
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &text).map_err(
            |error| match error {
                bip39::Error::UnknownWord(index) => PhraseError::Word(index + 1),
                _ => PhraseError::Checksum,
            },
        )?;
        let entropy = Zeroizing::new(mnemonic.to_entropy());
        let entropy = entropy.as_slice().try_into().map_err(|_| PhraseError::Length)?;
        Ok(Self::from_entropy(&entropy))
    }

    fn from_entropy(entropy: &[u8; 16]) -> Self {
        let words = Mnemonic::from_entropy_in(Language::English, entropy)
            .expect("16 bytes are a length that BIP-39 knows")
            .to_string();
        Self { words, entropy: *entropy }
    }

    /// The words, in lower case, with one space between them, to be shown once.
    #[must_use]
    pub fn words(&self) -> &str {
        &self.words
    }

    /// The account's root key: HKDF-SHA256 of the phrase's entropy.
    #[must_use]
    pub fn account_key(&self) -> AccountKey {
        AccountKey(SigningKey::from_bytes(&derive(&self.entropy, &[b"veche account root v1"])))
    }
}

/// The root key of an account. Lives only while an account is made or restored.
pub struct AccountKey(SigningKey);

impl std::fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccountKey({})", self.account())
    }
}

impl AccountKey {
    /// The account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        AccountId(self.0.verifying_key().to_bytes())
    }

    /// The account's word that `keys` speak for it.
    #[must_use]
    pub fn certify(&self, keys: &DeviceKeys) -> Certificate {
        let mut certificate = Certificate {
            account: self.account(),
            device: keys.device(),
            inbox_key_hash: sha256(&[&keys.inbox_public]),
            inbox_suite: INBOX_SUITE.number(),
            link_key: Some(keys.link.verifying_key().to_bytes()),
            signature: [0; 64],
        };
        certificate.signature = self.0.sign(&certificate.signed_bytes()).to_bytes();
        certificate
    }

    /// Signs a request that only the account may make (revocation, manifest).
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

/// The secret keys of a device: its signature key (also in MLS), its inbox, and the key with which
/// it may link other devices. Cannot be printed.
pub struct DeviceKeys {
    signature: SigningKey,
    link: SigningKey,
    inbox_secret: Zeroizing<Vec<u8>>,
    inbox_public: Vec<u8>,
}

impl std::fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceKeys({})", self.device())
    }
}

impl DeviceKeys {
    /// Fresh keys; the inbox's are of X-Wing.
    ///
    /// # Panics
    /// Never: 32 bytes are what the key derivation of X-Wing takes.
    #[must_use]
    pub fn generate(engine: &Engine) -> Self {
        let inbox_seed = fresh(engine);
        let inbox = engine
            .crypto()
            .derive_hpke_keypair(INBOX_SUITE.mls().hpke_config(), inbox_seed.as_slice())
            .expect("a key pair derives from any 32 bytes");
        Self {
            signature: SigningKey::from_bytes(&fresh(engine)),
            link: SigningKey::from_bytes(&fresh(engine)),
            inbox_secret: Zeroizing::new(inbox.private.to_vec()),
            inbox_public: inbox.public,
        }
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        DeviceId(self.signature.verifying_key().to_bytes())
    }
}

fn fresh(engine: &Engine) -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    engine.random().fill(seed.as_mut_slice());
    seed
}

/// A device that speaks for an account: its credential and its secret keys.
pub struct Identity {
    /// What the device shows.
    pub credential: Credential,
    keys: DeviceKeys,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("account", &self.account()).finish_non_exhaustive()
    }
}

impl Identity {
    /// The device of `keys`, certified by its account.
    ///
    /// # Errors
    /// Where the certificate is not a valid one for these keys.
    pub fn new(certificate: Certificate, keys: DeviceKeys) -> Result<Self, DecodeError> {
        let fits = certificate.device == keys.device()
            && certificate.inbox_key_hash == sha256(&[&keys.inbox_public])
            && verify_certificate(&certificate);
        if !fits {
            return Err(DecodeError::Malformed("certificate"));
        }
        Ok(Self { credential: Credential { certificate, name: None }, keys })
    }

    /// The same identity under a username.
    #[must_use]
    pub fn with_name(mut self, name: NameBinding) -> Self {
        self.credential.name = Some(name);
        self
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.credential.certificate.account
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.credential.certificate.device
    }

    /// The username, where it has one.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.credential.name.as_ref().map(|name| name.username.as_str())
    }

    /// Signs with the device's key.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.keys.signature.sign(bytes).to_bytes()
    }

    /// Writes it with its secrets, for the encrypted store.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::new(VERSION, 5);
        out.bytes(&self.credential.encode())
            .bytes(self.keys.signature.as_bytes())
            .bytes(self.keys.link.as_bytes())
            .bytes(&self.keys.inbox_secret)
            .bytes(&self.keys.inbox_public);
        Zeroizing::new(out.finish())
    }

    /// Reads what [`Identity::encode`] wrote.
    ///
    /// # Errors
    /// Where the bytes are not an identity of this version, or its parts do not fit together.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "identity", VERSION, 5)?;
        let credential = Credential::decode(input.bytes()?)?;
        let signature = SigningKey::from_bytes(&Zeroizing::new(input.array()?));
        let link = SigningKey::from_bytes(&Zeroizing::new(input.array()?));
        let inbox_secret = Zeroizing::new(input.bytes()?.to_vec());
        let inbox_public = input.bytes()?.to_vec();
        input.finish()?;
        let keys = DeviceKeys { signature, link, inbox_secret, inbox_public };
        let identity = Self::new(credential.certificate, keys)?;
        Ok(Self {
            credential: Credential { name: credential.name, ..identity.credential },
            ..identity
        })
    }

    /// The device as the directory keeps it.
    #[must_use]
    pub fn record(&self) -> DeviceRecord {
        DeviceRecord {
            certificate: self.credential.certificate.clone(),
            inbox_key: self.keys.inbox_public.clone(),
        }
    }

    pub(crate) fn inbox_secret(&self) -> &[u8] {
        &self.keys.inbox_secret
    }
}

/// [`Identity`] as OpenMLS wants a signer.
impl Signer for Identity {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.sign(payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Whether the account named in the certificate signed it.
#[must_use]
pub fn verify_certificate(certificate: &Certificate) -> bool {
    verify_certificates(std::iter::once(certificate))
}

/// Whether all certificates are good, in less time than it takes to look at each.
pub(crate) fn verify_certificates<'a>(
    certificates: impl Iterator<Item = &'a Certificate> + Clone,
) -> bool {
    let signed: Vec<Signed<'_>> = certificates
        .clone()
        .map(|certificate| Signed {
            key: certificate.account.as_bytes(),
            bytes: certificate.signed_bytes(),
            signature: &certificate.signature,
        })
        .collect();
    certificates.into_iter().all(|one| Suite::from_number(one.inbox_suite).is_some())
        && verify_together(&signed).into_iter().all(|good| good)
}

/// Whether the directory with `directory_key` says that the name belongs to `account`.
#[must_use]
pub fn verify_name(name: &NameBinding, directory_key: &[u8; 32], account: &AccountId) -> bool {
    verify_names(&[(name, account)], directory_key) == [true]
}

/// Which of these names belong to their accounts, in less time than [`verify_name`] takes for each.
#[must_use]
pub fn verify_names(names: &[(&NameBinding, &AccountId)], directory_key: &[u8; 32]) -> Vec<bool> {
    let signed: Vec<Signed<'_>> = names
        .iter()
        .map(|(name, _)| Signed {
            key: directory_key,
            bytes: NameBinding::signed_bytes(&name.username, &name.account),
            signature: &name.signature,
        })
        .collect();
    let good = verify_together(&signed).into_iter();
    good.zip(names)
        .map(|(good, (name, account))| {
            good && name.account == **account
                && veche_wire::certificate::is_username(&name.username)
        })
        .collect()
}

/// The number that two people compare: 60 digits in 12 groups of 5, the same on both sides. SHA-512
/// of a label and both accounts in order; each group is 5 bytes of it modulo 100,000.
#[must_use]
pub fn safety_number(a: &AccountId, b: &AccountId) -> String {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut hash = Sha512::new();
    hash.update(b"veche safety number v1\0");
    hash.update(low.as_bytes());
    hash.update(high.as_bytes());
    let hash = hash.finalize();
    let groups: Vec<String> = hash
        .chunks_exact(5)
        .take(12)
        .map(|bytes| {
            let number = bytes.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
            format!("{:05}", number % 100_000)
        })
        .collect();
    groups.join(" ")
}

/// A device's admin key for one log (docs/protocol.md, rule 12). Cannot be printed.
pub struct AdminSecret(SigningKey);

impl std::fmt::Debug for AdminSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminSecret(…)")
    }
}

impl AdminSecret {
    /// A fresh key.
    pub fn generate(random: &mut dyn Random) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut_slice());
        Self(SigningKey::from_bytes(&seed))
    }

    /// The public key, for the log's list.
    #[must_use]
    pub fn public(&self) -> AdminKey {
        AdminKey(self.0.verifying_key().to_bytes())
    }

    /// Writes the secret, for the encrypted store.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Reads what [`AdminSecret::encode`] wrote.
    ///
    /// # Errors
    /// Where it is not 32 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut seed: [u8; 32] =
            bytes.try_into().map_err(|_| DecodeError::Malformed("admin secret"))?;
        let secret = Self(SigningKey::from_bytes(&seed));
        seed.zeroize();
        Ok(secret)
    }

    /// Signs the rider of the entry `(log, id, kind, bytes)`; `bytes` are the sealed ones, empty for
    /// an entry that is only a rider. `tokens` are those of the plan's generation, and are used only
    /// where it has one.
    #[must_use]
    pub fn sign_rider(
        &self,
        plan: &RiderPlan,
        tokens: TokenHashes,
        place: &RiderPlace<'_>,
    ) -> Rider {
        let mut rider = Rider {
            rotation: plan.generation.map(|generation| Rotation { generation, tokens }),
            admins: plan.admins.clone(),
            freeze: plan.freeze,
            guard: plan.guard,
            signer: self.public(),
            signature: [0; 64],
        };
        let bytes_hash = sha256(&[place.bytes]);
        let signed = rider.signed_bytes(&place.log, &place.id, place.kind, &bytes_hash);
        rider.signature = self.0.sign(&signed).to_bytes();
        rider
    }
}

/// The entry that a rider rides on.
#[derive(Debug, Clone, Copy)]
pub struct RiderPlace<'a> {
    /// The log.
    pub log: LogId,
    /// The entry's id.
    pub id: EntryId,
    /// The entry's kind.
    pub kind: Kind,
    /// The entry's sealed bytes.
    pub bytes: &'a [u8],
}

/// Whether the rider's signer signed it for this entry. Whether the signer may is not asked here.
#[must_use]
pub fn verify_rider(rider: &Rider, place: &RiderPlace<'_>) -> bool {
    let signed = rider.signed_bytes(&place.log, &place.id, place.kind, &sha256(&[place.bytes]));
    verify_signature(rider.signer.as_bytes(), &signed, &rider.signature)
}
