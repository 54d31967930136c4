//! Addresses and links that people pass on.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, DecodeError, LogId, Token, codec};

/// Where a server is and which key it must prove: `HOST:PORT/KEY`, the key in lower-case base32
/// without padding (52 characters).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// A name or address; IPv6 in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// The server's static Noise key (X25519).
    pub key: [u8; 32],
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&codec::format_server_address(self))
    }
}

impl FromStr for ServerAddress {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        codec::parse_server_address(text)
    }
}

/// A link with which somebody is written to: `veche://HOST:PORT/KEY/contact#SECRET`, where the
/// fragment is base64url (no padding) of a version, account, username and invite token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactLink {
    /// The server where the account is.
    pub server: ServerAddress,
    /// Who.
    pub account: AccountId,
    /// The name that the link claims, for people's eyes.
    pub username: Option<String>,
    /// The right to put a first contact into the account's inboxes.
    pub invite: Token,
}

impl fmt::Display for ContactLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&codec::format_contact_link(self))
    }
}

impl FromStr for ContactLink {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        codec::parse_contact_link(text)
    }
}

/// A link with which anybody asks to join a group: `veche://HOST:PORT/KEY/join#SECRET`, where the
/// fragment is base64url (no padding) of a version, log, door, secret and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinLink {
    /// The server where the group is.
    pub server: ServerAddress,
    /// The group's log: an invitation into another one is no answer.
    pub log: LogId,
    /// The log that takes the requests.
    pub door: LogId,
    /// What the right to write there derives from, and the outer seal of a request.
    pub secret: Token,
    /// The public key (X25519) to which requests are sealed: whoever has the link alone reads none.
    pub key: [u8; 32],
    /// The MLS number of the group's cipher suite, for which a request brings its KeyPackage.
    pub suite: u16,
}

impl fmt::Display for JoinLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&codec::format_join_link(self))
    }
}

impl FromStr for JoinLink {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        codec::parse_join_link(text)
    }
}
