//! Frames in few words, for whoever reads the journal of a seed.

use veche_wire::{ClientFrame, Entry, EntryId, Push, Request, Response, ServerFrame};

fn short(id: &EntryId) -> String {
    format!("{id}").chars().take(8).collect()
}

/// What a client asks.
pub(crate) fn request(bytes: &[u8]) -> String {
    let Ok(frame) = ClientFrame::decode(bytes) else { return "    unreadable".to_owned() };
    let id = frame.id;
    match frame.request {
        Request::Append(append) => format!(
            "    {id} Append {:.8} {} {:?} after commit {} prev {:?} rider {}",
            append.log.to_string(),
            short(&append.id),
            append.kind,
            append.after_commit,
            append.prev.as_ref().map(short),
            append.rider.is_some(),
        ),
        Request::Subscribe { log, after, .. } => {
            format!("    {id} Subscribe {:.8} after {after}", log.to_string())
        }
        Request::Read { log, after, .. } => {
            format!("    {id} Read {:.8} after {after}", log.to_string())
        }
        Request::Create { log, .. } => format!("    {id} Create {:.8}", log.to_string()),
        Request::Deliver(delivery) => format!("    {id} Deliver {}", short(&delivery.id)),
        other => {
            let words = format!("{other:?}");
            let name = words.split([' ', '(', '{']).next().unwrap_or_default();
            format!("    {id} {name}")
        }
    }
}

/// What the server says.
pub(crate) fn answer(bytes: &[u8]) -> String {
    match ServerFrame::decode(bytes) {
        Ok(ServerFrame::Answer { id, response }) => match response {
            Response::Appended { seq } => format!("    {id} Appended {seq}"),
            Response::Refused(refused) => format!("    {id} {refused:?}"),
            Response::Entries { entries, head } => {
                format!("    {id} Entries {} head {head}", all(&entries))
            }
            other => {
                let words = format!("{other:?}");
                let name = words.split([' ', '(', '{']).next().unwrap_or_default();
                format!("    {id} {name}")
            }
        },
        Ok(ServerFrame::Push(Push::Entries { log, entries })) => {
            format!("    push {:.8} {}", log.to_string(), all(&entries))
        }
        Ok(ServerFrame::Push(Push::Rotated { log })) => {
            format!("    push {:.8} rotated", log.to_string())
        }
        Ok(ServerFrame::Push(Push::Inbox { entries })) => {
            format!("    push inbox {}", entries.len())
        }
        Ok(ServerFrame::Push(Push::Signal { .. })) => "    push signal".to_owned(),
        Err(_) => "    unreadable".to_owned(),
    }
}

fn all(entries: &[Entry]) -> String {
    let words =
        entries.iter().map(|entry| format!("{}:{:?}:{}", entry.seq, entry.kind, short(&entry.id)));
    words.collect::<Vec<_>>().join(" ")
}
