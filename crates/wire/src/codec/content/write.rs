//! Writing message content.

use std::convert::Infallible;

use data_encoding::BASE64URL_NOPAD;
use minicbor::{Encoder, encode};

use super::{cardinality, disposition, length};
use crate::EntryId;
use crate::codec::cbor;
use crate::content::{Body, Content, File, Note};

type Out<'a> = Encoder<&'a mut Vec<u8>>;
type Written = Result<(), encode::Error<Infallible>>;

pub(crate) fn encode_content(content: &Content) -> Vec<u8> {
    if let Body::Unknown { bytes, .. } = &content.body {
        return bytes.clone();
    }
    cbor::write(|out| {
        out.array(7)?.bytes(content.id.as_bytes())?;
        write_id(out, content.replaces)?;
        out.bytes(&[])?.null()?;
        write_id(out, content.in_reply_to)?;
        write_extensions(out, content)?;
        write_body(out, &content.body)
    })
}

fn write_id(out: &mut Out<'_>, id: Option<EntryId>) -> Written {
    match id {
        None => out.null()?,
        Some(id) => out.bytes(id.as_bytes())?,
    };
    Ok(())
}

/// In the order of RFC 8949 §4.2.1: shorter names first.
fn write_extensions(out: &mut Out<'_>, content: &Content) -> Written {
    let file = match &content.body {
        Body::File { file, .. } => Some(file),
        _ => None,
    };
    let Content { mentions, display_name, .. } = content;
    let optional = [!mentions.is_empty(), file.is_some(), display_name.is_some()];
    let count = 1 + optional.into_iter().map(u64::from).sum::<u64>();
    out.map(count)?.str(super::SENT_AT)?.u64(content.sent_at)?;
    if !mentions.is_empty() {
        out.str(super::MENTIONS)?.array(2)?.bool(mentions.all)?;
        out.array(mentions.accounts.len() as u64)?;
        for account in &mentions.accounts {
            out.bytes(account.as_bytes())?;
        }
    }
    if let Some(file) = file {
        out.str(super::BLOB_SIZE)?.u64(file.blob_size)?;
    }
    if let Some(name) = display_name {
        out.str(super::DISPLAY_NAME)?.array(2)?.u64(name.since)?.str(&name.text)?;
    }
    Ok(())
}

fn write_body(out: &mut Out<'_>, body: &Body) -> Written {
    match body {
        Body::Text(text) => write_text(out, disposition::RENDER, text),
        Body::File { text, file } if text.is_empty() => write_file(out, file),
        Body::File { text, file } => {
            begin_part(out, length::MULTI, disposition::RENDER, cardinality::MULTI)?;
            out.u64(super::PROCESS_ALL)?.array(2)?;
            write_text(out, disposition::RENDER, text)?;
            write_file(out, file)
        }
        Body::Reaction(emoji) => write_text(out, disposition::REACTION, emoji),
        Body::Nothing => begin_part(out, length::NULL, disposition::RENDER, cardinality::NULL),
        Body::Receipt { read } => write_single(out, super::STATUS_TYPE, &write_receipt(read)),
        Body::Note(note) => write_single(out, super::NOTE_TYPE, &write_note(note)),
        // `encode_content` has written these bytes already.
        Body::Unknown { .. } => Ok(()),
    }
}

fn begin_part(out: &mut Out<'_>, length: u64, disposition: u64, cardinality: u64) -> Written {
    out.array(length)?.u64(disposition)?.str("")?.u64(cardinality)?;
    Ok(())
}

fn write_text(out: &mut Out<'_>, disposition: u64, text: &str) -> Written {
    begin_part(out, length::SINGLE, disposition, cardinality::SINGLE)?;
    out.str(super::TEXT_TYPE)?.bytes(text.as_bytes())?;
    Ok(())
}

/// A part for programs; nothing of it is rendered.
fn write_single(out: &mut Out<'_>, content_type: &str, content: &[u8]) -> Written {
    begin_part(out, length::SINGLE, disposition::UNSPECIFIED, cardinality::SINGLE)?;
    out.str(content_type)?.bytes(content)?;
    Ok(())
}

fn write_file(out: &mut Out<'_>, file: &File) -> Written {
    begin_part(out, length::EXTERNAL, disposition::ATTACHMENT, cardinality::EXTERNAL)?;
    let url = format!("{}{}", super::BLOB_URL, BASE64URL_NOPAD.encode(file.blob.as_bytes()));
    out.str(&file.media_type)?.str(&url)?;
    // It lives as long as the server keeps blobs.
    out.u64(0)?;
    out.u64(file.size)?.u64(super::ALGORITHM_CHUNKS)?.bytes(&file.key.0)?;
    // Nonces and associated data follow from the chunk's number.
    out.bytes(&[])?.bytes(&[])?;
    out.u64(super::ALGORITHM_SHA256)?.bytes(&file.sha256)?;
    out.str("")?.str(&file.name)?;
    Ok(())
}

fn write_receipt(read: &[EntryId]) -> Vec<u8> {
    cbor::write(|out| {
        out.array(read.len() as u64)?;
        for id in read {
            out.array(2)?.bytes(id.as_bytes())?.u64(super::STATUS_READ)?;
        }
        Ok(())
    })
}

fn write_note(note: &Note) -> Vec<u8> {
    cbor::write(|out| {
        match note {
            Note::Joined => out.array(2)?.u64(super::NOTE_VERSION)?.u64(super::NOTE_JOINED)?,
            Note::AdminKey(key) => out
                .array(3)?
                .u64(super::NOTE_VERSION)?
                .u64(super::NOTE_ADMIN_KEY)?
                .bytes(key.as_bytes())?,
            Note::Unread(ids) => {
                let version = out.array(3)?.u64(super::NOTE_VERSION)?;
                let out = version.u64(super::NOTE_UNREAD)?.array(ids.len() as u64)?;
                ids.iter().try_fold(out, |out, id| out.bytes(id.as_bytes()))?
            }
            Note::Declined(account) => out
                .array(3)?
                .u64(super::NOTE_VERSION)?
                .u64(super::NOTE_DECLINED)?
                .bytes(account.as_bytes())?,
        };
        Ok(())
    })
}
