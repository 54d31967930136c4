//! As much of WebSocket (RFC 6455) as the generator needs: whole binary messages over a connection of
//! its own.

use super::Stopped;

const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// A whole message.
pub(super) enum Message<'a> {
    /// A message of the session.
    Binary(&'a [u8]),
    /// To be answered with the same bytes.
    Ping(&'a [u8]),
    /// Nothing to do.
    Pong,
    /// The other side says goodbye.
    Close,
}

/// The first message in `bytes` and its length, where it is whole. Servers never mask.
pub(super) fn first(bytes: &[u8]) -> Result<Option<(Message<'_>, usize)>, Stopped> {
    let [head, short, ..] = *bytes else { return Ok(None) };
    let (length, start) = match short {
        126 => match bytes.get(2..4) {
            Some(long) => (usize::from(u16::from_be_bytes([long[0], long[1]])), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|long| long.try_into().ok()) {
            Some(long) => (usize::try_from(u64::from_be_bytes(long)).unwrap_or(usize::MAX / 2), 10),
            None => return Ok(None),
        },
        0..126 => (usize::from(short), 2),
        _ => return Err("a server masks nothing".to_owned()),
    };
    let Some(payload) = bytes.get(start..start + length) else { return Ok(None) };
    let message = match (head & 0x80 != 0, head & 0x0f) {
        (true, BINARY) => Message::Binary(payload),
        (true, PING) => Message::Ping(payload),
        (true, PONG) => Message::Pong,
        (true, CLOSE) => Message::Close,
        _ => return Err(format!("no message of ours begins with {head:#x}")),
    };
    Ok(Some((message, start + length)))
}

/// Writes a binary message as a client does. The mask is all zeros: it guards caches between browsers
/// and servers, which do not stand between the two ends of a loopback, and zeros cost nothing.
pub(super) fn write_binary(payload: &[u8], out: &mut Vec<u8>) {
    write(BINARY, payload, out);
}

/// Writes the answer to a ping.
pub(super) fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    write(PONG, payload, out);
}

fn write(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    const MASKED: u8 = 0x80;
    out.push(0x80 | kind);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..126), _) => out.push(MASKED | length),
        (_, Ok(length)) => {
            out.push(MASKED | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(MASKED | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// The request that turns a connection into a WebSocket.
pub(super) fn upgrade(host: &str) -> String {
    format!(
        "GET /veche HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The length of the answer to it, where it is whole and good.
pub(super) fn upgraded(bytes: &[u8]) -> Result<Option<usize>, Stopped> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    if bytes.starts_with(b"HTTP/1.1 101 ") {
        return Ok(Some(end + 4));
    }
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Err(format!("no WebSocket: {}", String::from_utf8_lossy(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_every_length_are_cut_where_they_end() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            let mut bytes = Vec::new();
            write_binary(&vec![7; length], &mut bytes);
            // As a server writes it: without the bit and the four bytes of the mask.
            bytes[1] &= 0x7f;
            let start = bytes.len() - length;
            bytes.drain(start - 4..start);
            bytes.push(0x82);
            let whole = bytes.len() - 1;
            for cut in [0, 1, whole.saturating_sub(1)] {
                assert!(first(&bytes[..cut]).unwrap().is_none(), "{cut} of {length}");
            }
            let Some((Message::Binary(payload), used)) = first(&bytes).unwrap() else {
                panic!("{length} bytes are no message");
            };
            assert_eq!((payload.len(), used), (length, whole));
        }
    }

    #[test]
    fn a_refused_upgrade_says_why() {
        assert_eq!(upgraded(b"HTTP/1.1 101 Switching\r\nA: b\r\n"), Ok(None));
        assert_eq!(upgraded(b"HTTP/1.1 101 Switching\r\n\r\nx"), Ok(Some(26)));
        let refused = upgraded(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").unwrap_err();
        assert_eq!(refused, "no WebSocket: HTTP/1.1 503 Service Unavailable");
    }
}
