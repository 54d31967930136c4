//! The text forms of addresses and links. Strict: each value has exactly one text.

use std::net::Ipv6Addr;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use zeroize::Zeroizing;

use crate::certificate::is_username;
use crate::{AccountId, ContactLink, DecodeError, JoinLink, LogId, ServerAddress, Token, limits};

const SCHEME: &str = "veche://";
const CONTACT: &str = "/contact#";
const JOIN: &str = "/join#";
const LINK_VERSION: u8 = 1;
/// X-Wing (draft-ietf-mls-pq-ciphersuites), which links named from the first on by saying nothing.
const SUITE_OF_SMALL_GROUPS: u16 = 0x004F;
const KEY_CHARACTERS: usize = 52;

pub(crate) fn format_server_address(address: &ServerAddress) -> String {
    let key = BASE32_NOPAD.encode(&address.key).to_ascii_lowercase();
    format!("{}:{}/{key}", address.host, address.port)
}

pub(crate) fn parse_server_address(text: &str) -> Result<ServerAddress, DecodeError> {
    let malformed = || DecodeError::Malformed("server address");
    if text.len() > limits::LINK_BYTES_MAX {
        let limit = limits::LINK_BYTES_MAX;
        return Err(DecodeError::TooLarge { what: "server address", limit });
    }
    let (place, key) = text.split_once('/').ok_or_else(malformed)?;
    let (host, port) = place.rsplit_once(':').ok_or_else(malformed)?;
    if !is_host(host) {
        return Err(DecodeError::Malformed("host of a server address"));
    }
    Ok(ServerAddress { host: host.to_owned(), port: parse_port(port)?, key: parse_key(key)? })
}

/// The fragment is base64url of `version ‖ account (32) ‖ length of username ‖ username ‖ token (32)`.
pub(crate) fn format_contact_link(link: &ContactLink) -> String {
    let name = link.username.as_deref().unwrap_or_default();
    let mut secret = Zeroizing::new(vec![LINK_VERSION]);
    secret.extend(link.account.as_bytes());
    // A longer name than a byte can count is no username; the parser would refuse the link.
    secret.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    secret.extend(name.as_bytes());
    secret.extend(link.invite.as_bytes());
    let server = format_server_address(&link.server);
    format!("{SCHEME}{server}{CONTACT}{}", BASE64URL_NOPAD.encode(&secret))
}

pub(crate) fn parse_contact_link(text: &str) -> Result<ContactLink, DecodeError> {
    let malformed = || DecodeError::Malformed("contact link");
    let (server, secret) = split_link(text, CONTACT, "contact link")?;
    let (account, rest) = secret.split_first_chunk().ok_or_else(malformed)?;
    let (length, rest) = rest.split_first().ok_or_else(malformed)?;
    let (name, invite) = rest.split_at_checked(usize::from(*length)).ok_or_else(malformed)?;
    Ok(ContactLink {
        server,
        account: AccountId(*account),
        username: parse_username(name)?,
        invite: Token::try_from(invite).map_err(|_| malformed())?,
    })
}

/// The fragment is base64url of `version ‖ log (16) ‖ door (16) ‖ secret (32) ‖ key (32) ‖ suite (2)`.
/// The suite is left out where it is the one of small groups.
pub(crate) fn format_join_link(link: &JoinLink) -> String {
    let mut secret = Zeroizing::new(vec![LINK_VERSION]);
    secret.extend(link.log.as_bytes());
    secret.extend(link.door.as_bytes());
    secret.extend(link.secret.as_bytes());
    secret.extend(link.key);
    if link.suite != SUITE_OF_SMALL_GROUPS {
        secret.extend(link.suite.to_be_bytes());
    }
    let server = format_server_address(&link.server);
    format!("{SCHEME}{server}{JOIN}{}", BASE64URL_NOPAD.encode(&secret))
}

pub(crate) fn parse_join_link(text: &str) -> Result<JoinLink, DecodeError> {
    let malformed = || DecodeError::Malformed("join link");
    let (server, secret) = split_link(text, JOIN, "join link")?;
    let (log, rest) = secret.split_first_chunk().ok_or_else(malformed)?;
    let (door, rest) = rest.split_first_chunk().ok_or_else(malformed)?;
    let (secret, rest) = rest.split_first_chunk().ok_or_else(malformed)?;
    let (key, suite) = rest.split_first_chunk().ok_or_else(malformed)?;
    let suite = match suite {
        [] => SUITE_OF_SMALL_GROUPS,
        // One link has one text.
        [high, low] => Some(u16::from_be_bytes([*high, *low]))
            .filter(|suite| *suite != SUITE_OF_SMALL_GROUPS)
            .ok_or_else(malformed)?,
        _ => return Err(malformed()),
    };
    Ok(JoinLink {
        server,
        log: LogId(*log),
        door: LogId(*door),
        secret: Token(*secret),
        key: *key,
        suite,
    })
}

/// The server of a link whose path is `path`, and what its fragment says after the version.
fn split_link(
    text: &str,
    path: &str,
    what: &'static str,
) -> Result<(ServerAddress, Zeroizing<Vec<u8>>), DecodeError> {
    let malformed = || DecodeError::Malformed(what);
    if text.len() > limits::LINK_BYTES_MAX {
        return Err(DecodeError::TooLarge { what, limit: limits::LINK_BYTES_MAX });
    }
    let rest = text.strip_prefix(SCHEME).ok_or_else(malformed)?;
    let (server, secret) = rest.split_once(path).ok_or_else(malformed)?;
    let server = parse_server_address(server)?;
    let secret = BASE64URL_NOPAD.decode(secret.as_bytes()).map_err(|_| malformed())?;
    let mut secret = Zeroizing::new(secret);
    let version = *secret.first().ok_or_else(malformed)?;
    if version != LINK_VERSION {
        return Err(DecodeError::Version { what, version: u64::from(version) });
    }
    secret.remove(0);
    Ok((server, secret))
}

fn parse_username(bytes: &[u8]) -> Result<Option<String>, DecodeError> {
    match std::str::from_utf8(bytes) {
        Ok("") => Ok(None),
        Ok(name) if is_username(name) => Ok(Some(name.to_owned())),
        _ => Err(DecodeError::Malformed("username")),
    }
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    (1..=limits::HOST_BYTES_MAX).contains(&host.len())
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// 1 to 65535, without sign or leading zeros.
fn parse_port(text: &str) -> Result<u16, DecodeError> {
    let first = text.bytes().next();
    match text.parse() {
        Ok(port) if first.is_some_and(|byte| matches!(byte, b'1'..=b'9')) => Ok(port),
        _ => Err(DecodeError::Malformed("port of a server address")),
    }
}

fn parse_key(text: &str) -> Result<[u8; 32], DecodeError> {
    let malformed = || DecodeError::Malformed("key of a server address");
    if text.len() != KEY_CHARACTERS || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(malformed());
    }
    let key = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| malformed())?;
    key.try_into().map_err(|_| malformed())
}
