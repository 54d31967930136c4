//! The server's static Noise key.

use std::fmt;

use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};
use zeroize::Zeroizing;

use crate::SessionError;

/// The X25519 key with which a server proves who it is. Whoever holds the private half can pose as
/// the server, but opens no content.
pub struct ServerKey {
    private: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl ServerKey {
    /// Makes a new key from the system's randomness.
    ///
    /// # Errors
    /// Where the system gives no randomness.
    pub fn generate() -> Result<Self, SessionError> {
        let mut private = Zeroizing::new([0; 32]);
        getrandom::fill(private.as_mut_slice()).map_err(|_| SessionError::NoRandomness)?;
        Ok(Self::from_bytes(&private))
    }

    /// The key with these 32 private bytes. Any 32 bytes are a key (RFC 7748, §5).
    #[must_use]
    pub fn from_bytes(private: &[u8; 32]) -> Self {
        Self { private: Zeroizing::new(*private), public: public_half(private) }
    }

    /// The private bytes, to be kept in a file that nobody else can read.
    #[must_use]
    pub fn private_bytes(&self) -> &Zeroizing<[u8; 32]> {
        &self.private
    }

    /// The public half, as it stands in the address of the server.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.public
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(private half not shown)")
    }
}

fn public_half(private: &[u8; 32]) -> [u8; 32] {
    let mut exchange = DefaultResolver
        .resolve_dh(&DHChoice::Curve25519)
        .expect("snow is built with X25519 (see the workspace's Cargo.toml)");
    exchange.set(private);
    let mut public = [0; 32];
    public.copy_from_slice(exchange.pubkey());
    public
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_is_that_of_rfc_7748() {
        // RFC 7748, §6.1: Alice's keys.
        let private = [
            0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2,
            0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5,
            0x1d, 0xb9, 0x2c, 0x2a,
        ];
        let public = [
            0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e,
            0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e,
            0xaa, 0x9b, 0x4e, 0x6a,
        ];
        assert_eq!(ServerKey::from_bytes(&private).public(), public);
    }

    #[test]
    fn generated_keys_differ_and_come_back_from_their_bytes() {
        let one = ServerKey::generate().unwrap();
        let other = ServerKey::generate().unwrap();
        assert_ne!(one.public(), other.public());
        assert_eq!(ServerKey::from_bytes(one.private_bytes()).public(), one.public());
    }

    #[test]
    fn a_printed_key_shows_nothing() {
        let key = ServerKey::from_bytes(&[7; 32]);
        assert_eq!(format!("{key:?}"), "ServerKey(private half not shown)");
    }
}
