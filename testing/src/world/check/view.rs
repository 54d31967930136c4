//! What stands on a screen: the chats of one person, their rows, and where each row has its place.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use veche_client::{ChatKind, ChatState, ChatView, Client, MemberView, MessageView};
use veche_wire::{AccountId, EntryId, LogId, Seq};

use super::super::schedule::Who;
use super::ALARMS;
use super::stays::Moved;

/// Where an entry stands in a chat: the rank of its log, and its seq.
pub(super) type Spot = (u64, Seq);

/// Where a row stands: of one entry can come several lines.
pub(super) type Place = (Spot, u64, EntryId);

/// More rows than any chat of a world has.
pub(super) const ROWS_MAX: usize = 100_000;

/// What stands for a message that cannot be read after that.
pub(super) const UNREADABLE: &str = "cannot be read on this device";

/// Lines that only one screen has.
pub(super) const PRIVATE: [&str; 6] = [
    "created the group",
    "was added again",
    "goes on from here",
    "says that you were removed",
    UNREADABLE,
    TOO_SOON,
];

/// What stands once for messages that came too soon, and not on the screen of whoever has said them.
pub(super) const TOO_SOON: &str = "wrote too soon";

/// A chat on somebody's screen: of a group, what stands there of one of its logs.
pub(super) struct View {
    pub(super) who: Who,
    pub(super) log: LogId,
    /// Whether the chat goes on in another log for this device.
    pub(super) moved_on: bool,
    /// Whether this log goes on from another one.
    pub(super) succeeds: bool,
    /// Whether this device reads on in this log.
    pub(super) follows: bool,
    /// When this device made the log in which the chat goes on, if it did.
    pub(super) made_next: Option<u64>,
    pub(super) chat: ChatView,
    pub(super) members: Vec<MemberView>,
    pub(super) rows: Vec<MessageView>,
    /// The rows with a place in a log that others can see too.
    pub(super) placed: BTreeMap<Place, MessageView>,
    /// Where it says that a message cannot be read.
    pub(super) unreadable: BTreeSet<Spot>,
    /// Where it says that a message is not shown, because it came too soon.
    pub(super) too_soon: BTreeSet<Spot>,
    /// Where it says that a member has told this device that it was removed.
    pub(super) told_gone: BTreeSet<Spot>,
    /// Whose screen it is.
    me: AccountId,
    /// Lines that say that this device was out of the log for a time, and where it lost its place.
    added_again: BTreeMap<EntryId, Seq>,
    /// From where to where that was: what is between may be missing.
    pub(super) gaps: Vec<RangeInclusive<Seq>>,
    /// Rows of earlier stays, where their places count no more.
    pub(super) earlier: BTreeSet<EntryId>,
}

impl View {
    /// Who was out while a server was restored does not know where things stand that it saw before.
    pub(super) fn forget_earlier_stays(&mut self, name: &str) {
        let came = |row: &MessageView| {
            Moved::of(row).is_some_and(|moved| moved.came && moved.name == name)
                || says(row, &["was added again"])
        };
        let Some(since) = self.rows.iter().rposition(came) else { return };
        let earlier: BTreeSet<EntryId> = self.rows[..since].iter().map(|row| row.id).collect();
        self.placed.retain(|(_, _, id), _| !earlier.contains(id));
        self.earlier = earlier;
    }

    /// Finds where this device was out of the log, whose entries are at these places: the line about it has
    /// its id from the commit that gave it a place again.
    pub(super) fn find_gaps(&mut self, places: &BTreeMap<EntryId, Seq>) {
        for (commit, until) in places {
            let line = veche_client::added_again_by(commit, &self.me);
            self.gaps.extend(self.added_again.get(&line).map(|since| *since..=*until));
        }
    }

    /// Whether something at this place may be missing, as the screen says.
    pub(super) fn is_in_gap(&self, seq: Seq) -> bool {
        self.gaps.iter().any(|gap| gap.contains(&seq))
    }

    /// Whether this device was ever given its place again.
    pub(super) fn was_added_again(&self) -> bool {
        !self.added_again.is_empty()
    }

    /// Whether this device was ever given its place again, or told that it was removed.
    pub(super) fn was_out(&self) -> bool {
        self.was_added_again() || !self.told_gone.is_empty()
    }

    /// Before where it says that something is missing.
    pub(super) fn last_gap(&self) -> Seq {
        self.added_again.values().copied().max().unwrap_or(0)
    }

    /// Where a chat goes on in another log, everybody has of the one before what they could follow.
    pub(super) fn forget_predecessors(&mut self) {
        let goes_on = self.rows.iter().rposition(|row| says(row, &["goes on from here"]));
        let Some(since) = goes_on else { return };
        let before: BTreeSet<EntryId> = self.rows[..since].iter().map(|row| row.id).collect();
        self.placed.retain(|(_, _, id), _| !before.contains(id));
        self.earlier.extend(before);
    }
}

pub(super) fn views_of(
    who: Who,
    client: &mut Client,
) -> Result<Vec<View>, veche_client::ClientError> {
    let mut views = Vec::new();
    let Some(me) = client.me()?.map(|me| me.account) else { return Ok(views) };
    for chat in client.chats()? {
        let rows = client.page(chat.chat, None, ROWS_MAX)?;
        let members = client.members(chat.chat).unwrap_or_default();
        if !client.lists_who_is_in(chat.chat).unwrap_or(true) {
            let words = format!("the list of members of {} is not its group's", chat.chat);
            return Err(veche_client::ClientError::Bug(words));
        }
        let places = client.places(chat.chat)?;
        let logs = client.logs(chat.chat)?;
        // Two people have one chat, whatever logs it is made of.
        if chat.kind == ChatKind::Direct || logs.len() < 2 {
            let mut view = view_of((who, me, chat), rows, &places);
            view.members = members;
            views.push(view);
            continue;
        }
        for (index, (log, follows)) in logs.iter().enumerate() {
            let is_here =
                |row: &&MessageView| places.get(&row.id).is_none_or(|(other, ..)| other == log);
            let all = &rows;
            let rows = rows.iter().filter(is_here).cloned().collect();
            let is_latest = index + 1 == logs.len();
            let mut view = view_of((who, me, chat.clone()), rows, &places);
            (view.log, view.follows) = (*log, *follows);
            (view.moved_on, view.succeeds) = (!is_latest, index > 0);
            // Only who makes a log sees it go on from before its first entry.
            let goes_on = |row: &&MessageView| {
                says(row, &["goes on from here"])
                    && places.get(&row.id).is_some_and(|(log, _, at)| {
                        at >> 10 == 0 && logs.get(index + 1).is_some_and(|(next, _)| next == log)
                    })
            };
            view.made_next = all.iter().find(goes_on).map(|row| row.at);
            if is_latest {
                view.members.clone_from(&members);
            }
            views.push(view);
        }
    }
    Ok(views)
}

/// What stands on a screen of a chat, of the rows that are given.
pub(super) fn view_of(
    (who, me, chat): (Who, AccountId, ChatView),
    rows: Vec<MessageView>,
    places: &BTreeMap<EntryId, (LogId, u64, u64)>,
) -> View {
    // How many logs came before is not the same for all.
    let is_direct = chat.kind == ChatKind::Direct;
    let rank = |rank: u64| if is_direct { rank } else { 1 };
    let at = |row: &MessageView| {
        places.get(&row.id).map(|(_, log, position)| (rank(*log), position >> 10, *position))
    };
    let placed = rows
        .iter()
        .filter(|row| !says(row, &PRIVATE) && !says(row, &ALARMS))
        .filter_map(|row| {
            let (rank, seq, position) = at(row)?;
            Some((((rank, seq), position, row.id), row.clone()))
        })
        .filter(|((_, position, _), _)| veche_store::has_place(*position))
        .collect();
    let unreadable = rows.iter().filter(|row| says(row, &[UNREADABLE]));
    let unreadable = unreadable.filter_map(at).map(|(rank, seq, _)| (rank, seq)).collect();
    let gone = rows.iter().filter(|row| says(row, &["says that you were removed"]));
    let told_gone = gone.filter_map(at).map(|(rank, seq, _)| (rank, seq)).collect();
    let soon = rows.iter().filter(|row| says(row, &[TOO_SOON]));
    let too_soon = soon.filter_map(at).map(|(rank, seq, _)| (rank, seq)).collect();
    let again = rows.iter().filter(|row| says(row, &["was added again"]));
    let added_again = again.filter_map(|row| at(row).map(|(_, seq, _)| (row.id, seq))).collect();
    View {
        who,
        log: chat.chat,
        moved_on: false,
        succeeds: false,
        follows: chat.state == ChatState::Active,
        made_next: None,
        me,
        members: Vec::new(),
        chat,
        placed,
        unreadable,
        too_soon,
        told_gone,
        added_again,
        gaps: Vec::new(),
        earlier: BTreeSet::new(),
        rows,
    }
}

pub(super) fn says(row: &MessageView, words: &[&str]) -> bool {
    row.event.as_ref().is_some_and(|event| words.iter().any(|words| event.contains(words)))
}
