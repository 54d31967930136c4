//! Asking to join a group by its link (docs/protocol.md, "Joining by a link").
//!
//! A door is a log of its own: whoever has the link may write to it, members of the group alone may
//! read it. A request is sealed twice: to the members' key (HPKE), so that nobody who has the link alone
//! can read who else asks; and around that under a key of the link, so that the server, which keeps it,
//! would need the link as well.

use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{HpkeCiphertext, HpkeKeyPair};
use veche_wire::content::DisplayName;
use veche_wire::{
    Credential, DecodeError, DeviceRecord, EntryId, Kind, LogId, Millis, Random, Token,
    TokenHashes, limits,
};
use zeroize::Zeroizing;

use crate::cbor::{Reader, Writer};
use crate::engine::{Engine, Suite};
use crate::identity::{AdminSecret, Identity, verify_certificate};
use crate::join::key_package_credential;
use crate::seal::{Secret, derive, open_padded, seal_padded, sha256};
use crate::signatures::verify_signature;
use crate::tokens::token_hash;

const VERSION: u32 = 1;
const INFO: &[u8] = b"veche join request v1\0";
/// The members' key is short enough for a link.
const SUITE: Suite = Suite::Classic;

/// What members share to look after a door. Everything about the door derives from it. Cannot be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorSecret(Secret);

impl DoorSecret {
    /// A fresh one.
    pub fn generate(random: &mut dyn Random) -> Self {
        Self(Secret::generate(random))
    }

    /// The secret with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the policy.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The right to read the door.
    #[must_use]
    pub fn read_token(&self) -> Token {
        Token(*derive(self.as_bytes(), &[b"veche door read token v1"]))
    }

    /// What the link carries: the right to write to the door derives from it ([`door_write_token`]).
    #[must_use]
    pub fn link_secret(&self) -> Token {
        Token(*derive(self.as_bytes(), &[b"veche door link v1"]))
    }

    /// What the server keeps of the two tokens.
    #[must_use]
    pub fn token_hashes(&self) -> TokenHashes {
        TokenHashes {
            read: token_hash(&self.read_token()),
            write: token_hash(&door_write_token(&self.link_secret())),
        }
    }

    /// The key that closes the door. Any member has it, since any member who may add people may close it.
    ///
    /// # Panics
    /// Never: 32 bytes are a key.
    #[must_use]
    pub fn admin_secret(&self) -> AdminSecret {
        let seed: Zeroizing<[u8; 32]> = derive(self.as_bytes(), &[b"veche door admin v1"]);
        AdminSecret::decode(seed.as_slice()).expect("32 bytes are a key")
    }

    /// The public key that the link carries.
    ///
    /// # Panics
    /// Never: the suite's keys have 32 bytes.
    #[must_use]
    pub fn public_key(&self, engine: &Engine) -> [u8; 32] {
        self.key_pair(engine).public.as_slice().try_into().expect("X25519 has keys of 32 bytes")
    }

    fn key_pair(&self, engine: &Engine) -> HpkeKeyPair {
        let seed: Zeroizing<[u8; 32]> = derive(self.as_bytes(), &[b"veche door key v1"]);
        engine
            .crypto()
            .derive_hpke_keypair(SUITE.mls().hpke_config(), seed.as_slice())
            .expect("a key pair derives from any 32 bytes")
    }

    /// Opens an entry of the door; `None` where it is no request that was made for this door.
    #[must_use]
    pub fn open(
        &self,
        engine: &Engine,
        (door, id): (&LogId, &EntryId),
        sealed: &[u8],
    ) -> Option<JoinRequest> {
        let data = crate::entry::associated_data(door, id, Kind::Control);
        let inner = open_padded(&sealing_key(&self.link_secret()), &data, sealed)?;
        let mut input = Reader::new(&inner, "sealed join request", VERSION, 2).ok()?;
        let ciphertext = HpkeCiphertext {
            kem_output: input.bytes().ok()?.to_vec().into(),
            ciphertext: input.bytes().ok()?.to_vec().into(),
        };
        input.finish().ok()?;
        let config = SUITE.mls().hpke_config();
        let private = &self.key_pair(engine).private;
        let opened = engine.crypto().hpke_open(config, &ciphertext, private, &info(door), &data);
        JoinRequest::decode(&opened.ok()?).ok().filter(|request| request.door == *door)
    }
}

/// The right to write to a door, from what its link carries.
#[must_use]
pub fn door_write_token(link_secret: &Token) -> Token {
    Token(*derive(link_secret.as_bytes(), &[b"veche door write token v1"]))
}

fn sealing_key(link_secret: &Token) -> Zeroizing<[u8; 32]> {
    derive(link_secret.as_bytes(), &[b"veche door seal v1"])
}

fn info(door: &LogId) -> Vec<u8> {
    [INFO, door.as_bytes()].concat()
}

/// A device asks to be a member, with a KeyPackage of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The door at which it asks.
    pub door: LogId,
    /// A fresh KeyPackage; it names device and account.
    pub key_package: Vec<u8>,
    /// The public key of the device's inbox.
    pub inbox_key: Vec<u8>,
    /// What its person wants to be called, for the eyes of who decides.
    pub display_name: Option<DisplayName>,
    /// When it was asked (ms since 1970): old requests are not answered.
    pub asked: Millis,
    /// Ed25519 by the device over the label, SHA-256 of KeyPackage and inbox key, and all the rest: nobody
    /// can ask for somebody else with a KeyPackage from the directory.
    pub signature: [u8; 64],
}

impl JoinRequest {
    /// A signed request of `identity`.
    #[must_use]
    pub fn new(
        identity: &Identity,
        door: LogId,
        key_package: Vec<u8>,
        (display_name, asked): (Option<DisplayName>, Millis),
    ) -> Self {
        let inbox_key = identity.record().inbox_key;
        let signature = [0; 64];
        let mut request = Self { door, key_package, inbox_key, display_name, asked, signature };
        request.signature = identity.sign(&request.signed_bytes());
        request
    }

    /// Who asks, where everything about the request is as it must be for a group of `suite`; the
    /// credential, and the device as an invitation is sealed to it.
    #[must_use]
    pub fn verify(&self, engine: &Engine, suite: Suite) -> Option<(Credential, DeviceRecord)> {
        let credential = key_package_credential(engine, &self.key_package, suite).ok()?;
        let certificate = credential.certificate.clone();
        let valid = verify_certificate(&certificate)
            && certificate.inbox_key_hash == sha256(&[&self.inbox_key])
            && verify_signature(
                certificate.device.as_bytes(),
                &self.signed_bytes(),
                &self.signature,
            );
        let record = DeviceRecord { certificate, inbox_key: self.inbox_key.clone() };
        valid.then_some((credential, record))
    }

    /// Seals it for the door's log: `nonce (24) ‖ XChaCha20-Poly1305(HPKE(request) padded)`, under a key of
    /// the link, to the door's public `key`. `None` where that is no key.
    #[must_use]
    pub fn seal(
        &self,
        engine: &Engine,
        (link_secret, key): (&Token, &[u8; 32]),
        id: &EntryId,
    ) -> Option<Vec<u8>> {
        let data = crate::entry::associated_data(&self.door, id, Kind::Control);
        let plaintext = Zeroizing::new(self.encode());
        let config = SUITE.mls().hpke_config();
        let crypto = engine.crypto();
        let sealed = crypto.hpke_seal(config, key, &info(&self.door), &data, &plaintext).ok()?;
        let mut inner = Writer::new(VERSION, 2);
        inner.bytes(sealed.kem_output.as_slice()).bytes(sealed.ciphertext.as_slice());
        let (random, inner) = (&mut engine.random(), inner.finish());
        Some(seal_padded(&sealing_key(link_secret), random, &data, &inner))
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let (package, inbox) = (sha256(&[&self.key_package]), sha256(&[&self.inbox_key]));
        let name = self.display_name.as_ref();
        let (since, name) = name.map_or((0, ""), |name| (name.since, name.text.as_str()));
        let times = [self.asked.to_be_bytes(), since.to_be_bytes()].concat();
        let label = b"veche join v1\0".as_slice();
        [label, self.door.as_bytes(), &package, &inbox, &times, name.as_bytes()].concat()
    }

    /// Writes it (CBOR array, version first).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new(VERSION, 7);
        out.bytes(self.door.as_bytes()).bytes(&self.key_package).bytes(&self.inbox_key);
        let name = self.display_name.as_ref();
        out.number(name.map_or(0, |name| name.since)).text(name.map_or("", |name| &name.text));
        out.number(self.asked).bytes(&self.signature);
        out.finish()
    }

    /// Reads it. No signature is checked here.
    ///
    /// # Errors
    /// Where the bytes are not a request of this version, or break a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes, "join request", VERSION, 7)?;
        let request = Self {
            door: LogId(input.array()?),
            key_package: input.bytes()?.to_vec(),
            inbox_key: input.bytes()?.to_vec(),
            display_name: match (input.number()?, input.text()?) {
                (0, "") => None,
                (since, text) => Some(DisplayName::new(since, text)?),
            },
            asked: input.number()?,
            signature: input.array()?,
        };
        input.finish()?;
        let fits = request.key_package.len() <= limits::KEY_PACKAGE_BYTES_MAX
            && request.inbox_key.len() <= limits::INBOX_KEY_BYTES_MAX;
        if fits { Ok(request) } else { Err(DecodeError::Malformed("join request")) }
    }
}
