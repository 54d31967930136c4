//! Cryptography that does harm where OpenMLS lets it.

use openmls::prelude::{Ciphersuite, HpkeCiphertext, OpenMlsCrypto};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::types::{
    AeadType, CryptoError, ExporterSecret, HashType, HpkeConfig, HpkeKeyPair, SignatureScheme,
};
use tls_codec::SecretVLBytes;

/// Whose secrets are broken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victims {
    /// Nobody's.
    Nobody,
    /// Those of every second HPKE key, by chance: secrets are sealed side by side, so that to count them
    /// would not come out the same twice.
    Some,
    /// All.
    All,
}

/// The cryptography of somebody who wants to do harm.
pub(crate) struct Saboteur {
    pub(crate) honest: RustCrypto,
    /// Seals something else to this HPKE key.
    pub(crate) victim: Option<Vec<u8>>,
    /// For whom it seals something else.
    pub(crate) broken_for: Victims,
    /// Computes confirmation tags wrongly.
    pub(crate) wrong_tag: bool,
}

impl Saboteur {
    pub(crate) fn new() -> Self {
        Self {
            honest: RustCrypto::default(),
            victim: None,
            broken_for: Victims::Nobody,
            wrong_tag: false,
        }
    }

    /// Breaks secrets of a path.
    pub(crate) fn of_paths(broken_for: Victims) -> Self {
        Self { broken_for, ..Self::new() }
    }

    fn breaks(&self, key: &[u8]) -> bool {
        let is_hit = match self.broken_for {
            Victims::Nobody => false,
            Victims::Some => key.iter().fold(0, |sum, byte| sum ^ byte) % 2 == 0,
            Victims::All => true,
        };
        is_hit || self.victim.as_deref() == Some(key)
    }
}

impl OpenMlsCrypto for Saboteur {
    fn supports(&self, suite: Ciphersuite) -> Result<(), CryptoError> {
        self.honest.supports(suite)
    }
    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.honest.supported_ciphersuites()
    }
    fn hkdf_extract(
        &self,
        hash: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        self.honest.hkdf_extract(hash, salt, ikm)
    }
    fn hmac(
        &self,
        hash: HashType,
        key: &[u8],
        message: &[u8],
    ) -> Result<SecretVLBytes, CryptoError> {
        let mac = self.honest.hmac(hash, key, message)?;
        // Only a confirmation tag is over a bare hash.
        if self.wrong_tag && message.len() == 32 {
            let mut bytes = mac.as_slice().to_vec();
            bytes[0] ^= 1;
            return Ok(bytes.into());
        }
        Ok(mac)
    }
    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        length: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        self.honest.hkdf_expand(hash, prk, info, length)
    }
    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.honest.hash(hash, data)
    }
    fn aead_encrypt(
        &self,
        aead: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.honest.aead_encrypt(aead, key, data, nonce, aad)
    }
    fn aead_decrypt(
        &self,
        aead: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.honest.aead_decrypt(aead, key, data, nonce, aad)
    }
    fn signature_key_gen(
        &self,
        scheme: SignatureScheme,
    ) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.honest.signature_key_gen(scheme)
    }
    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        key: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.honest.verify_signature(scheme, data, key, signature)
    }
    fn sign(
        &self,
        scheme: SignatureScheme,
        data: &[u8],
        key: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.honest.sign(scheme, data, key)
    }
    fn hpke_seal(
        &self,
        config: HpkeConfig,
        key: &[u8],
        info: &[u8],
        aad: &[u8],
        text: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        if self.breaks(key) {
            return self.honest.hpke_seal(config, key, b"something else", aad, text);
        }
        self.honest.hpke_seal(config, key, info, aad, text)
    }
    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        key: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.honest.hpke_open(config, input, key, info, aad)
    }
    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        key: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<(Vec<u8>, ExporterSecret), CryptoError> {
        self.honest.hpke_setup_sender_and_export(config, key, info, context, length)
    }
    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        key: &[u8],
        info: &[u8],
        context: &[u8],
        length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        self.honest.hpke_setup_receiver_and_export(config, enc, key, info, context, length)
    }
    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        self.honest.derive_hpke_keypair(config, ikm)
    }
}
