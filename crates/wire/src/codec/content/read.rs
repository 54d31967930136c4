//! Reading message content: first the shape of `mimiContent`, then what it means to us.

use data_encoding::BASE64URL_NOPAD;
use minicbor::data::Type;
use minicbor::{Decoder, decode};

use super::{cardinality, disposition, length};
use crate::codec::cbor;
use crate::content::{Body, Content, DisplayName, File, FileKey, Mentions, Note};
use crate::{AccountId, AdminKey, BlobId, DecodeError, EntryId, limits};

pub(crate) fn decode_content(bytes: &[u8]) -> Result<Content, DecodeError> {
    at_most(bytes.len(), "content", limits::CONTENT_BYTES_MAX)?;
    if !cbor::is_deterministic(bytes, limits::CONTENT_DEPTH_MAX) {
        return Err(DecodeError::Malformed("content"));
    }
    let outer = cbor::read("content", || take_outer(&mut Decoder::new(bytes)))?;
    if outer.extensions.sent_at > limits::MILLIS_MAX {
        return Err(DecodeError::Malformed("time of a message"));
    }
    let display_name = outer.extensions.display_name;
    let display_name =
        display_name.map(|(since, text)| DisplayName::new(since, text)).transpose()?;
    let body = match read_body(&outer)? {
        Some(body) => body,
        None => {
            Body::Unknown { content_type: content_type(&outer.part.form)?, bytes: bytes.into() }
        }
    };
    Ok(Content {
        id: outer.id,
        sent_at: outer.extensions.sent_at,
        replaces: outer.replaces,
        in_reply_to: outer.in_reply_to,
        display_name,
        mentions: outer.extensions.mentions,
        body,
    })
}

/// `mimiContent`, borrowed from its bytes. `topicId` has no meaning to us.
struct Outer<'b> {
    id: EntryId,
    replaces: Option<EntryId>,
    expires: bool,
    in_reply_to: Option<EntryId>,
    extensions: Extensions<'b>,
    part: Part<'b>,
}

struct Extensions<'b> {
    sent_at: u64,
    blob_size: Option<u64>,
    display_name: Option<(u64, &'b str)>,
    mentions: Mentions,
}

struct Part<'b> {
    disposition: u64,
    form: Form<'b>,
}

enum Form<'b> {
    Null,
    Single {
        content_type: &'b str,
        content: &'b [u8],
    },
    External(Box<External<'b>>),
    Multi {
        semantics: u64,
        parts: Vec<Part<'b>>,
    },
    /// A cardinality that this program does not know.
    Other,
}

struct External<'b> {
    content_type: &'b str,
    url: &'b str,
    expires: u64,
    size: u64,
    algorithm: u64,
    key: &'b [u8],
    nonce: &'b [u8],
    associated: &'b [u8],
    hash_algorithm: u64,
    hash: &'b [u8],
    filename: &'b str,
}

fn take_outer<'b>(decoder: &mut Decoder<'b>) -> Result<Outer<'b>, decode::Error> {
    cbor::array(decoder, 7)?;
    let id = EntryId(cbor::exact(decoder)?);
    let replaces = cbor::nullable(decoder, cbor::exact)?.map(EntryId);
    decoder.bytes()?;
    let expires = cbor::nullable(decoder, |decoder| match decoder.datatype()? {
        Type::Array => decoder.skip(),
        _ => Err(decode::Error::message("time of expiry")),
    })?
    .is_some();
    let in_reply_to = cbor::nullable(decoder, cbor::exact)?.map(EntryId);
    let extensions = take_extensions(decoder)?;
    let part = take_part(decoder, &mut limits::CONTENT_PARTS_MAX.clone())?;
    Ok(Outer { id, replaces, expires, in_reply_to, extensions, part })
}

/// Extensions that this program does not know are skipped. None is there twice: the map is sorted.
fn take_extensions<'b>(decoder: &mut Decoder<'b>) -> Result<Extensions<'b>, decode::Error> {
    let (mut sent_at, mut blob_size, mut display_name) = (None, None, None);
    let mut mentions = Mentions::default();
    let count = decoder.map()?.ok_or(decode::Error::message("indefinite map"))?;
    for _ in 0..count {
        let name = match decoder.datatype()? {
            Type::String => decoder.str()?,
            _ => {
                decoder.skip()?;
                ""
            }
        };
        match name {
            super::SENT_AT => sent_at = Some(decoder.u64()?),
            super::BLOB_SIZE => blob_size = Some(decoder.u64()?),
            super::DISPLAY_NAME => {
                cbor::array(decoder, 2)?;
                display_name = Some((decoder.u64()?, decoder.str()?));
            }
            super::MENTIONS => mentions = take_mentions(decoder)?,
            _ => decoder.skip()?,
        }
    }
    let sent_at = sent_at.ok_or(decode::Error::message("no time"))?;
    Ok(Extensions { sent_at, blob_size, display_name, mentions })
}

/// Takes mentions: of somebody, and the accounts in ascending order.
fn take_mentions(decoder: &mut Decoder<'_>) -> Result<Mentions, decode::Error> {
    cbor::array(decoder, 2)?;
    let mut mentions = Mentions { all: decoder.bool()?, ..Mentions::default() };
    let count = decoder.array()?.unwrap_or(0);
    if count > limits::MENTIONS_MAX as u64 {
        return Err(decode::Error::message("number of mentions"));
    }
    for _ in 0..count {
        let account = AccountId(cbor::exact(decoder)?);
        if mentions.accounts.last().is_some_and(|last| *last >= account) {
            return Err(decode::Error::message("order of mentions"));
        }
        mentions.accounts.insert(account);
    }
    if mentions.is_empty() {
        return Err(decode::Error::message("mentions of nobody"));
    }
    Ok(mentions)
}

/// Takes one `NestedPart`; `left` counts down how many the whole content may still have. The depth
/// was checked with the whole.
fn take_part<'b>(decoder: &mut Decoder<'b>, left: &mut usize) -> Result<Part<'b>, decode::Error> {
    *left = left.checked_sub(1).ok_or(decode::Error::message("too many parts"))?;
    let items = decoder.array()?.ok_or(decode::Error::message("indefinite array"))?;
    let disposition = decoder.u64()?;
    decoder.str()?;
    let form = match (decoder.u64()?, items) {
        (cardinality::NULL, length::NULL) => Form::Null,
        (cardinality::SINGLE, length::SINGLE) => {
            Form::Single { content_type: decoder.str()?, content: decoder.bytes()? }
        }
        (cardinality::EXTERNAL, length::EXTERNAL) => {
            Form::External(Box::new(take_external(decoder)?))
        }
        (cardinality::MULTI, length::MULTI) => {
            let semantics = decoder.u64()?;
            let count = decoder.array()?.ok_or(decode::Error::message("indefinite array"))?;
            let mut parts = Vec::new();
            for _ in 0..count {
                parts.push(take_part(decoder, left)?);
            }
            Form::Multi { semantics, parts }
        }
        (cardinality::NULL..=cardinality::MULTI, _) | (_, ..3) => {
            return Err(decode::Error::message("length of a part"));
        }
        (_, items) => {
            for _ in 3..items {
                decoder.skip()?;
            }
            Form::Other
        }
    };
    Ok(Part { disposition, form })
}

fn take_external<'b>(decoder: &mut Decoder<'b>) -> Result<External<'b>, decode::Error> {
    let content_type = decoder.str()?;
    let url = decoder.str()?;
    let expires = decoder.u64()?;
    let size = decoder.u64()?;
    let algorithm = decoder.u64()?;
    let (key, nonce, associated) = (decoder.bytes()?, decoder.bytes()?, decoder.bytes()?);
    let (hash_algorithm, hash) = (decoder.u64()?, decoder.bytes()?);
    let _description = decoder.str()?;
    let filename = decoder.str()?;
    Ok(External {
        content_type,
        url,
        expires,
        size,
        algorithm,
        key,
        nonce,
        associated,
        hash_algorithm,
        hash,
        filename,
    })
}

/// What the content says, or `None` where it is well formed but means nothing to this program.
fn read_body(outer: &Outer<'_>) -> Result<Option<Body>, DecodeError> {
    if outer.expires {
        return Ok(None);
    }
    match (outer.part.disposition, &outer.part.form) {
        (_, Form::Null) => Ok(Some(Body::Nothing)),
        (disposition::RENDER, Form::Single { content_type: super::TEXT_TYPE, content }) => {
            read_text(content, "text", limits::TEXT_BYTES_MAX).map(Body::Text).map(Some)
        }
        (disposition::REACTION, Form::Single { content_type: super::TEXT_TYPE, content }) => {
            read_reaction(content, outer.in_reply_to).map(Some)
        }
        (disposition::UNSPECIFIED, Form::Single { content_type: super::STATUS_TYPE, content }) => {
            read_receipt(content).map(Some)
        }
        (disposition::UNSPECIFIED, Form::Single { content_type: super::NOTE_TYPE, content }) => {
            Ok(read_note(content)?.map(Body::Note))
        }
        (disposition::ATTACHMENT, Form::External(external)) => {
            let file = read_file(external, outer.extensions.blob_size)?;
            Ok(file.map(|file| Body::File { text: String::new(), file }))
        }
        (disposition::RENDER, Form::Multi { semantics: super::PROCESS_ALL, parts }) => {
            read_text_and_file(parts, outer.extensions.blob_size)
        }
        _ => Ok(None),
    }
}

fn read_text_and_file(
    parts: &[Part<'_>],
    blob_size: Option<u64>,
) -> Result<Option<Body>, DecodeError> {
    let [
        Part {
            disposition: disposition::RENDER,
            form: Form::Single { content_type: super::TEXT_TYPE, content },
        },
        Part { disposition: disposition::ATTACHMENT, form: Form::External(external) },
    ] = parts
    else {
        return Ok(None);
    };
    let text = read_text(content, "text", limits::TEXT_BYTES_MAX)?;
    Ok(read_file(external, blob_size)?.map(|file| Body::File { text, file }))
}

fn read_text(bytes: &[u8], what: &'static str, limit: usize) -> Result<String, DecodeError> {
    at_most(bytes.len(), what, limit)?;
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Malformed(what))?;
    Ok(text.to_owned())
}

fn read_reaction(bytes: &[u8], in_reply_to: Option<EntryId>) -> Result<Body, DecodeError> {
    let emoji = read_text(bytes, "reaction", limits::REACTION_BYTES_MAX)?;
    if emoji.is_empty() || in_reply_to.is_none() {
        return Err(DecodeError::Malformed("reaction"));
    }
    Ok(Body::Reaction(emoji))
}

/// Statuses other than "read" are passed over.
fn read_receipt(bytes: &[u8]) -> Result<Body, DecodeError> {
    const WHAT: &str = "receipt";
    if !cbor::is_deterministic(bytes, 2) {
        return Err(DecodeError::Malformed(WHAT));
    }
    let decoder = &mut Decoder::new(bytes);
    let count = cbor::read(WHAT, || decoder.array())?.unwrap_or_default();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    at_most(count, WHAT, limits::RECEIPT_IDS_MAX)?;
    let mut read = Vec::new();
    for _ in 0..count {
        let (id, status) = cbor::read(WHAT, || {
            cbor::array(decoder, 2)?;
            Ok((EntryId(cbor::exact(decoder)?), u64::from(decoder.u8()?)))
        })?;
        if status == super::STATUS_READ {
            read.push(id);
        }
    }
    Ok(Body::Receipt { read })
}

/// A note, or `None` where its version or kind is of a newer program.
fn read_note(bytes: &[u8]) -> Result<Option<Note>, DecodeError> {
    const WHAT: &str = "note";
    if !cbor::is_deterministic(bytes, limits::CONTENT_DEPTH_MAX) {
        return Err(DecodeError::Malformed(WHAT));
    }
    cbor::read(WHAT, || {
        let decoder = &mut Decoder::new(bytes);
        let length = decoder.array()?;
        match (decoder.u64()?, decoder.u64()?, length) {
            (super::NOTE_VERSION, super::NOTE_JOINED, Some(2)) => Ok(Some(Note::Joined)),
            (super::NOTE_VERSION, super::NOTE_ADMIN_KEY, Some(3)) => {
                Ok(Some(Note::AdminKey(AdminKey(cbor::exact(decoder)?))))
            }
            (super::NOTE_VERSION, super::NOTE_UNREAD, Some(3)) => {
                let count = decoder.array()?.unwrap_or(0);
                if count == 0 || count > limits::UNREAD_IDS_MAX as u64 {
                    return Err(decode::Error::message("number of entries in a note"));
                }
                let ids = (0..count).map(|_| Ok(EntryId(cbor::exact(decoder)?)));
                Ok(Some(Note::Unread(ids.collect::<Result<_, decode::Error>>()?)))
            }
            (super::NOTE_VERSION, super::NOTE_DECLINED, Some(3)) => {
                Ok(Some(Note::Declined(AccountId(cbor::exact(decoder)?))))
            }
            (super::NOTE_VERSION, super::NOTE_JOINED..=super::NOTE_DECLINED, _) => {
                Err(decode::Error::message("length of a note"))
            }
            _ => Ok(None),
        }
    })
}

/// A file in one of our blobs, or `None` where it lies elsewhere, is sealed otherwise, or is larger
/// than this program takes.
fn read_file(part: &External<'_>, blob_size: Option<u64>) -> Result<Option<File>, DecodeError> {
    let Some(blob) = part.url.strip_prefix(super::BLOB_URL) else {
        return Ok(None);
    };
    if part.algorithm != super::ALGORITHM_CHUNKS
        || part.hash_algorithm != super::ALGORITHM_SHA256
        || part.expires != 0
    {
        return Ok(None);
    }
    let malformed = || DecodeError::Malformed("file");
    let blob = BASE64URL_NOPAD.decode(blob.as_bytes()).map_err(|_| malformed())?;
    let blob_size = blob_size.ok_or_else(malformed)?;
    if !part.nonce.is_empty() || !part.associated.is_empty() {
        return Err(malformed());
    }
    if part.size > limits::FILE_BYTES_MAX || blob_size > limits::BLOB_BYTES_MAX {
        return Ok(None);
    }
    at_most(part.filename.len(), "name of a file", limits::FILE_NAME_BYTES_MAX)?;
    at_most(part.content_type.len(), "content type", limits::CONTENT_TYPE_BYTES_MAX)?;
    Ok(Some(File {
        name: part.filename.to_owned(),
        media_type: part.content_type.to_owned(),
        size: part.size,
        sha256: part.hash.try_into().map_err(|_| malformed())?,
        blob: BlobId::try_from(blob.as_slice()).map_err(|_| malformed())?,
        blob_size,
        key: FileKey(part.key.try_into().map_err(|_| malformed())?),
    }))
}

fn content_type(form: &Form<'_>) -> Result<String, DecodeError> {
    let name = match form {
        Form::Single { content_type, .. } => content_type,
        Form::External(external) => external.content_type,
        Form::Multi { .. } => "multipart/mixed",
        Form::Null | Form::Other => "",
    };
    at_most(name.len(), "content type", limits::CONTENT_TYPE_BYTES_MAX)?;
    Ok(name.to_owned())
}

fn at_most(length: usize, what: &'static str, limit: usize) -> Result<(), DecodeError> {
    if length > limit { Err(DecodeError::TooLarge { what, limit }) } else { Ok(()) }
}
