//! What a person would see, as text.

use veche_client::{MessageState, MessageView};

/// A line for each message.
pub(crate) fn messages(rows: &[MessageView]) -> String {
    let lines = rows.iter().filter(|row| row.event.is_none()).map(|row| line(row, rows));
    lines.collect::<Vec<_>>().join("\n")
}

/// A line for each message and each event.
pub(crate) fn everything(rows: &[MessageView]) -> String {
    rows.iter().map(|row| line(row, rows)).collect::<Vec<_>>().join("\n")
}

/// `ana: words (edited) [👍 bo, cy]`, or `* ana added bo`.
pub(crate) fn line(row: &MessageView, rows: &[MessageView]) -> String {
    if let Some(event) = &row.event {
        return format!("* {event}");
    }
    let mut line = format!("{}:", row.from);
    if let Some(to) = row.reply_to {
        let quoted = rows.iter().find(|other| other.id == to);
        let words = quoted.and_then(|quoted| quoted.text.as_deref()).unwrap_or("…");
        line += &format!(" (to \"{words}\")");
    }
    if row.deleted {
        line += " (deleted)";
    } else if let Some(text) = row.text.as_deref().filter(|text| !text.is_empty()) {
        line += &format!(" {text}");
    }
    if let Some(file) = &row.file {
        line += &format!(" <{}, {} bytes>", file.name, file.size);
    }
    if row.edited {
        line += " (edited)";
    }
    for (emoji, names) in &row.reactions {
        line += &format!(" [{emoji} {}]", names.join(", "));
    }
    match &row.state {
        MessageState::Pending => line += " (pending)",
        MessageState::Failed(reason) => line += &format!(" (failed: {reason})"),
        MessageState::Sent | MessageState::Received => {}
    }
    line
}
