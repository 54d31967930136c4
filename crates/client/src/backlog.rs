//! What the server has sent and is not processed yet. A page of the log may take a large group's members
//! hundreds of milliseconds; it is taken a slice at a time, and what a person wants comes in between.

use std::collections::VecDeque;

use veche_wire::{Entry, Kind, LogId, Push, ServerFrame};

/// How many entries are processed in one go: at 5,000 members some 45 ms of CPU time. A commit, which takes
/// longer, ends a slice, and a long one is a slice of its own.
const ENTRIES_MAX: usize = 64;

/// Frames in the order in which they came.
#[derive(Default)]
pub(crate) struct Backlog(VecDeque<ServerFrame>);

impl Backlog {
    /// Keeps a frame.
    pub(crate) fn push(&mut self, frame: ServerFrame) {
        self.0.push_back(frame);
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The commit that is to be processed next, where that is one.
    pub(crate) fn next_commit(&self) -> Option<(&LogId, &Entry)> {
        match self.0.front()? {
            ServerFrame::Push(Push::Entries { log, entries }) => {
                let entry = entries.first().filter(|entry| entry.kind == Kind::Commit)?;
                Some((log, entry))
            }
            _ => None,
        }
    }

    /// What is to be processed next.
    pub(crate) fn next(&mut self, is_long: impl Fn(&LogId, &Entry) -> bool) -> Option<ServerFrame> {
        let (log, mut entries) = match self.0.pop_front()? {
            ServerFrame::Push(Push::Entries { log, entries }) => (log, entries),
            other => return Some(other),
        };
        let commit = entries.iter().position(|entry| entry.kind == Kind::Commit);
        let end = commit.map_or(ENTRIES_MAX, |at| {
            let before = at > 0 && is_long(&log, &entries[at]);
            if before { at } else { at + 1 }
        });
        let end = end.min(ENTRIES_MAX);
        if entries.len() > end {
            let rest = entries.split_off(end);
            self.0.push_front(ServerFrame::Push(Push::Entries { log, entries: rest }));
        }
        Some(ServerFrame::Push(Push::Entries { log, entries }))
    }
}
