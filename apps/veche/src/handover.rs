//! What two `veche` on the same home say to each other: the one that has it greets, the other sends
//! its command line, the first sends back what the command prints and how it ended.
//!
//! The socket lies in the home, and only its owner may open it. Both ends are on one machine and of
//! one version; the greeting makes sure of that.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::output::Piece;

/// The name of the socket inside a home.
pub(crate) const SOCKET_FILE: &str = "socket";
/// The first bytes of the one that has the home; the last is the version of what follows.
pub(crate) const GREETING: &[u8; 6] = b"veche\x01";

/// The largest request, in bytes: a command line and one message.
const REQUEST_BYTES_MAX: u32 = 4 << 20;
/// The largest piece of an answer, in bytes: one line of output.
const ANSWER_BYTES_MAX: u32 = 16 << 20;

/// A command that is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The folder to which relative paths of the command belong.
    pub(crate) folder: PathBuf,
    /// The command line, without the name of the program.
    pub(crate) arguments: Vec<OsString>,
    /// The standard input, where the command reads it.
    pub(crate) stdin: Option<Vec<u8>>,
}

/// A part of what came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It printed this.
    Piece(Piece),
    /// It ended with this exit code.
    Done(u8),
    /// It did not end, but the other process does: it may be begun again.
    Released,
}

/// Sends a request.
pub(crate) async fn write_request(
    stream: &mut (impl AsyncWrite + Unpin),
    request: &Request,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    put_field(&mut bytes, request.folder.as_os_str().as_bytes())?;
    bytes.push(u8::from(request.stdin.is_some()));
    put_field(&mut bytes, request.stdin.as_deref().unwrap_or_default())?;
    for argument in &request.arguments {
        put_field(&mut bytes, argument.as_bytes())?;
    }
    stream.write_u32(length(&bytes, REQUEST_BYTES_MAX)?).await?;
    stream.write_all(&bytes).await?;
    stream.flush().await
}

/// Receives a request.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Request> {
    let bytes = read_sized(stream, REQUEST_BYTES_MAX).await?;
    let mut rest = bytes.as_slice();
    let folder = PathBuf::from(OsStr::from_bytes(take_field(&mut rest)?));
    let (has_stdin, after) = rest.split_first().ok_or_else(malformed)?;
    rest = after;
    let stdin = take_field(&mut rest)?.to_vec();
    let mut arguments = Vec::new();
    while !rest.is_empty() {
        arguments.push(OsString::from_vec(take_field(&mut rest)?.to_vec()));
    }
    Ok(Request { folder, arguments, stdin: (*has_stdin == 1).then_some(stdin) })
}

/// Sends a part of the answer.
pub(crate) async fn write_answer(
    stream: &mut (impl AsyncWrite + Unpin),
    answer: &Answer,
) -> io::Result<()> {
    let code;
    let (tag, bytes): (u8, &[u8]) = match answer {
        Answer::Piece(Piece::Out(bytes)) => (1, bytes),
        Answer::Piece(Piece::Err(bytes)) => (2, bytes),
        Answer::Done(number) => {
            code = [*number];
            (3, &code)
        }
        Answer::Released => (4, &[]),
    };
    stream.write_u8(tag).await?;
    stream.write_u32(length(bytes, ANSWER_BYTES_MAX)?).await?;
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Receives a part of the answer.
pub(crate) async fn read_answer(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Answer> {
    let tag = stream.read_u8().await?;
    let bytes = read_sized(stream, ANSWER_BYTES_MAX).await?;
    match (tag, bytes.as_slice()) {
        (1, _) => Ok(Answer::Piece(Piece::Out(bytes))),
        (2, _) => Ok(Answer::Piece(Piece::Err(bytes))),
        (3, [code]) => Ok(Answer::Done(*code)),
        (4, []) => Ok(Answer::Released),
        _ => Err(malformed()),
    }
}

async fn read_sized(stream: &mut (impl AsyncRead + Unpin), limit: u32) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    if length > limit {
        return Err(malformed());
    }
    let mut bytes = vec![0; length as usize];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn put_field(bytes: &mut Vec<u8>, field: &[u8]) -> io::Result<()> {
    bytes.extend(length(field, REQUEST_BYTES_MAX)?.to_be_bytes());
    bytes.extend(field);
    Ok(())
}

fn take_field<'bytes>(rest: &mut &'bytes [u8]) -> io::Result<&'bytes [u8]> {
    let (length, after) = rest.split_first_chunk().ok_or_else(malformed)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (field, after) = after.split_at_checked(length).ok_or_else(malformed)?;
    *rest = after;
    Ok(field)
}

fn length(bytes: &[u8], limit: u32) -> io::Result<u32> {
    u32::try_from(bytes.len()).ok().filter(|length| *length <= limit).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "too large to be handed to another veche")
    })
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "what the other veche sent makes no sense")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_line_arrives_as_it_was_typed() {
        let request = Request {
            folder: "/somewhere".into(),
            arguments: vec!["send".into(), "bo".into(), OsString::from_vec(vec![0xff, b'x'])],
            stdin: Some(b"exactly\r\n\0this".to_vec()),
        };
        let mut bytes = Vec::new();
        write_request(&mut bytes, &request).await.unwrap();
        assert_eq!(read_request(&mut bytes.as_slice()).await.unwrap(), request);
        let without = Request { stdin: None, arguments: vec![], ..request };
        let mut bytes = Vec::new();
        write_request(&mut bytes, &without).await.unwrap();
        assert_eq!(read_request(&mut bytes.as_slice()).await.unwrap(), without);
    }

    #[tokio::test]
    async fn answers_arrive_and_nonsense_is_refused() {
        let answers = [
            Answer::Piece(Piece::Out(b"out".to_vec())),
            Answer::Piece(Piece::Err(b"err".to_vec())),
            Answer::Done(2),
            Answer::Released,
        ];
        for answer in answers {
            let mut bytes = Vec::new();
            write_answer(&mut bytes, &answer).await.unwrap();
            assert_eq!(read_answer(&mut bytes.as_slice()).await.unwrap(), answer);
        }
        for nonsense in [&b"\x09\0\0\0\0"[..], b"\x03\0\0\0\0", b"\x01\xff\xff\xff\xff", b"\x01"] {
            assert!(read_answer(&mut &*nonsense).await.is_err(), "{nonsense:?}");
        }
        for nonsense in [&b"\xff\xff\xff\xff"[..], b"\0\0\0\x04\0\0\0\x09", b"\0\0\0\0", b""] {
            assert!(read_request(&mut &*nonsense).await.is_err(), "{nonsense:?}");
        }
    }
}
