//! What must hold in every world that has settled, read off the screens of its people.
//!
//! The order of a log is what the tap heard; every client must have put each message where it is.
//! Who was in a chat when is told by the lines about who came and went, on which all screens must
//! agree.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use veche_client::{ChatKind, ChatState, ChatView, Client, MemberView, MessageState, MessageView};
use veche_wire::{EntryId, LogId, Seq};

use super::schedule::Who;
use super::stage::Stage;
use super::tap::Heard;
use super::{screen, slow};

/// More rows than any chat of a world has.
const ROWS_MAX: usize = 100_000;

/// Where an entry stands in a chat: the rank of its log, and its seq.
type Spot = (u64, Seq);
/// Where a row stands: of one entry can come several lines.
type Place = (Spot, u64, EntryId);

/// The first spot and the last.
const FIRST: Spot = (0, 0);
const LAST: Spot = (u64::MAX, Seq::MAX);

/// Lines that say that something was lost or betrayed; none of them may ever be seen.
const ALARMS: [&str; 4] = ["were lost on the way", "came out of order", "another order", "refuses"];
/// What is shown once a server was restored: whoever has not noticed takes it for two orders.
const OTHER_ORDER: &str = "another order";
/// What stands for a message that cannot be read after that.
const UNREADABLE: &str = "cannot be read on this device";
/// Lines that only one screen has.
const PRIVATE: [&str; 6] = [
    "created the group",
    "was added again",
    "goes on from here",
    "says that you were removed",
    UNREADABLE,
    TOO_SOON,
];
/// What stands once for messages that came too soon, and not on the screen of whoever has said them.
const TOO_SOON: &str = "wrote too soon";

/// How a title begins that somebody gives who may not.
pub(crate) const STOLEN: &str = "stolen";

/// A chat on somebody's screen: of a group, what stands there of one of its logs.
struct View {
    who: Who,
    log: LogId,
    /// Whether the chat goes on in another log for this device.
    moved_on: bool,
    /// Whether this log goes on from another one.
    succeeds: bool,
    /// Whether this device reads on in this log.
    follows: bool,
    /// When this device made the log in which the chat goes on, if it did.
    made_next: Option<u64>,
    chat: ChatView,
    members: Vec<MemberView>,
    rows: Vec<MessageView>,
    /// The rows with a place in a log that others can see too.
    placed: BTreeMap<Place, MessageView>,
    /// Where it says that a message cannot be read.
    unreadable: BTreeSet<Spot>,
    /// Where it says that a message is not shown, because it came too soon.
    too_soon: BTreeSet<Spot>,
    /// Where it says that a member has told this device that it was removed.
    told_gone: BTreeSet<Spot>,
    /// Whether it says that this device was out of it for a time.
    was_out: bool,
    /// Before where it says that something is missing for that reason.
    added_again: Seq,
    /// Rows of earlier stays, where their places count no more.
    earlier: BTreeSet<EntryId>,
}

impl View {
    /// Who was out while a server was restored does not know where things stand that it saw before.
    fn forget_earlier_stays(&mut self, name: &str) {
        let came = |row: &MessageView| {
            Moved::of(row).is_some_and(|moved| moved.came && moved.name == name)
                || says(row, &["was added again"])
        };
        let Some(since) = self.rows.iter().rposition(came) else { return };
        let earlier: BTreeSet<EntryId> = self.rows[..since].iter().map(|row| row.id).collect();
        self.placed.retain(|(_, _, id), _| !earlier.contains(id));
        self.earlier = earlier;
    }

    /// Where a chat goes on in another log, everybody has of the one before what they could follow.
    fn forget_predecessors(&mut self) {
        let goes_on = self.rows.iter().rposition(|row| says(row, &["goes on from here"]));
        let Some(since) = goes_on else { return };
        let before: BTreeSet<EntryId> = self.rows[..since].iter().map(|row| row.id).collect();
        self.placed.retain(|(_, _, id), _| !before.contains(id));
        self.earlier.extend(before);
    }
}

/// From when to when somebody was in a chat. What is at the edges may or may not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stay {
    from: Spot,
    /// Every entry before this one must be seen.
    surely: Spot,
    /// The last entry that may be seen.
    until: Spot,
}

/// Everything that does not hold.
pub(crate) fn complaints(stage: &mut Stage) -> Vec<String> {
    let mut found: Vec<String> = stage.tap.broken.iter().cloned().collect();
    found.extend(stage.tap.lost());
    found.extend(stage.tap.unguarded());
    found.extend(stage.tap.pace.too_close(stage.host.config.commit_gap_ms.into()));
    let mut chats: BTreeMap<LogId, Vec<View>> = BTreeMap::new();
    for (who, actor) in stage.cast.iter_mut().enumerate() {
        match actor.look(|client| views_of(who, client)) {
            None => found.push(format!("{} does not run", actor.name)),
            Some(Err(error)) => found.push(format!("{} cannot show chats: {error}", actor.name)),
            Some(Ok(views)) => {
                for mut view in views {
                    if stage.restored {
                        view.forget_earlier_stays(&actor.name);
                        view.forget_predecessors();
                    }
                    chats.entry(view.log).or_default().push(view);
                }
            }
        }
    }
    let stage = &*stage;
    let silent = Heard::default();
    let is_in = |view: &&View| view.chat.state == ChatState::Active && !view.moved_on;
    let inside = chats.values().flatten().filter(is_in);
    let inside: BTreeSet<(Who, LogId)> = inside.map(|view| (view.who, view.chat.chat)).collect();
    for (log, views) in &chats {
        let chat = Chat {
            stage,
            heard: stage.tap.logs.get(log).unwrap_or(&silent),
            views,
            inside: &inside,
        };
        let complaints = chat.complaints();
        found.extend(complaints.into_iter().map(|complaint| format!("{log}: {complaint}")));
    }
    found.extend(direct_chats_split(stage, &chats));
    found
}

fn views_of(who: Who, client: &mut Client) -> Result<Vec<View>, veche_client::ClientError> {
    let mut views = Vec::new();
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
            let mut view = view_of((who, chat), rows, &places);
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
            let mut view = view_of((who, chat.clone()), rows, &places);
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
fn view_of(
    (who, chat): (Who, ChatView),
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
    let again = || rows.iter().filter(|row| says(row, &["was added again"]));
    let added_again = again().filter_map(at).map(|(_, seq, _)| seq).max().unwrap_or(0);
    View {
        who,
        log: chat.chat,
        moved_on: false,
        succeeds: false,
        follows: chat.state == ChatState::Active,
        made_next: None,
        was_out: again().next().is_some(),
        members: Vec::new(),
        chat,
        placed,
        unreadable,
        too_soon,
        told_gone,
        added_again,
        earlier: BTreeSet::new(),
        rows,
    }
}

fn says(row: &MessageView, words: &[&str]) -> bool {
    row.event.as_ref().is_some_and(|event| words.iter().any(|words| event.contains(words)))
}

/// Two people must not end in two direct chats.
fn direct_chats_split(stage: &Stage, chats: &BTreeMap<LogId, Vec<View>>) -> Vec<String> {
    let mut pairs: BTreeMap<Vec<&str>, BTreeSet<LogId>> = BTreeMap::new();
    for (log, views) in chats {
        for view in views {
            let is_open = view.chat.state == ChatState::Active;
            if view.chat.kind == ChatKind::Direct && is_open {
                let mut pair = vec![stage.cast[view.who].name.as_str(), view.chat.title.as_str()];
                pair.sort_unstable();
                pairs.entry(pair).or_default().insert(*log);
            }
        }
    }
    let split = pairs.into_iter().filter(|(_, logs)| logs.len() > 1);
    split.map(|(pair, logs)| format!("{pair:?} have {} direct chats", logs.len())).collect()
}

/// One chat on all screens.
struct Chat<'a> {
    stage: &'a Stage,
    heard: &'a Heard,
    views: &'a [View],
    /// Who is in which chat, of all chats.
    inside: &'a BTreeSet<(Who, LogId)>,
}

impl Chat<'_> {
    fn complaints(&self) -> Vec<String> {
        let mut found = Vec::new();
        found.extend(self.stuck());
        found.extend(self.left_behind());
        found.extend(self.members_differ());
        for view in self.views {
            found.extend(self.rows_wrong(view));
        }
        let everything = self.everything();
        found.extend(titles_stolen(&everything));
        let stays = self.stays(&everything);
        for view in self.views {
            let none = Vec::new();
            let stays = stays.get(self.name(view)).unwrap_or(&none);
            found.extend(self.missing_or_seen(view, stays, &everything));
            found.extend(self.rows_differ(view, stays, &everything));
            found.extend(self.too_soon(view, &everything));
        }
        found
    }

    fn name(&self, view: &View) -> &str {
        &self.stage.cast[view.who].name
    }

    fn active(&self) -> impl Iterator<Item = &View> {
        self.views.iter().filter(|view| view.chat.state == ChatState::Active && !view.moved_on)
    }

    /// Whether others have gone on in another log.
    fn has_moved(&self) -> bool {
        self.views.iter().any(|view| view.moved_on)
    }

    /// Whether somebody came into this log when it had been left already: whoever made the successor had gone
    /// on before they heard of it, and cannot take along whom they do not know.
    fn came_too_late(&self, name: &str) -> bool {
        let came = |row: &MessageView| {
            Moved::of(row).is_some_and(|moved| moved.came && moved.name == name)
        };
        let heard = |view: &View| view.placed.values().rfind(|row| came(row)).map(|row| row.at);
        let moved = self.views.iter().filter(|view| view.moved_on);
        let mut makers = moved.filter(|view| view.made_next.is_some());
        makers.any(|view| heard(view).is_none_or(|heard| view.made_next < Some(heard)))
    }

    /// Whether somebody is in the chat of those who have moved on, too: they answered the older invitation last,
    /// and then have two chats.
    fn is_in_both(&self, view: &View) -> bool {
        let mut moved = self.views.iter().filter(|other| other.moved_on);
        moved.any(|other| self.inside.contains(&(view.who, other.chat.chat)))
    }

    /// Those for whom a group ends in a log from which others have gone on, without being left out.
    fn left_behind(&self) -> Vec<String> {
        let mut found = Vec::new();
        for view in self.active().filter(|_| self.has_moved()) {
            let name = self.name(view);
            if !self.stage.left_behind.contains(name)
                && !self.came_too_late(name)
                && !self.is_in_both(view)
            {
                found.push(format!("{name} has not moved on with the others"));
            }
        }
        found
    }

    fn is_direct(&self) -> bool {
        self.views.iter().any(|view| view.chat.kind == ChatKind::Direct)
    }

    fn stuck(&self) -> Vec<String> {
        let mut found = Vec::new();
        for view in self.views.iter().filter(|view| !view.moved_on) {
            if matches!(view.chat.state, ChatState::Joining | ChatState::Repairing) {
                found.push(format!("{} is stuck in {:?}", self.name(view), view.chat.state));
            }
        }
        found
    }

    /// All who are in agree on who is in, and on the title of a group.
    fn members_differ(&self) -> Vec<String> {
        let mut found = Vec::new();
        let inside: BTreeSet<&str> = self.active().map(|view| self.name(view)).collect();
        type Seen<'a> = (&'a str, Vec<(&'a str, veche_client::Role)>, &'a str);
        let mut first: Option<Seen<'_>> = None;
        for view in self.active() {
            let mut members: Vec<_> =
                view.members.iter().map(|member| (member.name.as_str(), member.role)).collect();
            members.sort_unstable();
            let names: BTreeSet<&str> = members.iter().map(|(name, _)| *name).collect();
            let name = self.name(view);
            // Whoever has moved on may still have a place here.
            let moved = |name: &&str| {
                self.views.iter().any(|view| view.moved_on && self.name(view) == *name)
            };
            let here: BTreeSet<&str> = names
                .iter()
                .copied()
                .filter(|name| inside.contains(name) || !moved(name))
                .collect();
            if here != inside {
                found.push(format!("{name} sees {names:?} inside, but {inside:?} are"));
            }
            let title = match view.chat.kind {
                ChatKind::Group => view.chat.title.as_str(),
                ChatKind::Direct => "",
            };
            match &first {
                None => first = Some((name, members, title)),
                Some((other, theirs, called)) => {
                    if *theirs != members || *called != title {
                        found.push(format!(
                            "{name} sees {title:?} {members:?}, {other} sees {called:?} {theirs:?}"
                        ));
                    }
                }
            }
        }
        found
    }

    /// What is wrong on one screen by itself.
    fn rows_wrong(&self, view: &View) -> Vec<String> {
        let mut found = Vec::new();
        let name = self.name(view);
        let (mut ids, mut last) = (BTreeSet::new(), 0);
        for row in &view.rows {
            let line = || screen::line(row, &[]);
            if row.event.is_none() && !ids.insert(row.id) {
                found.push(format!("{name} sees twice: {}", line()));
            }
            if row.state == MessageState::Pending {
                found.push(format!("{name} still has pending: {}", line()));
            }
            let is_fair = self.stage.restored && says(row, &[OTHER_ORDER]);
            if says(row, &ALARMS) && !is_fair {
                found.push(format!("{name} is told: {}", line()));
            }
            let place = self.heard.places.get(&row.id);
            let is_old = self.has_old_places(view) || view.earlier.contains(&row.id);
            let Some(place) = place.filter(|place| !is_old && !self.is_repeated(view, **place))
            else {
                continue;
            };
            if *place < last {
                found.push(format!("{name} sees out of order: {}", line()));
            }
            last = *place;
        }
        for ((spot, ..), row) in &view.placed {
            let heard = self.heard.places.get(&row.id);
            let heard = heard
                .filter(|place| !self.has_old_places(view) && !self.is_repeated(view, **place));
            if heard.is_some_and(|heard| *heard != spot.1) {
                found.push(format!("{name} misplaces {}", screen::line(row, &[])));
            }
        }
        found
    }

    /// Every row that anybody sees, by its place, with who sees it.
    fn everything(&self) -> BTreeMap<Place, &MessageView> {
        let current = self.views.iter().filter(|view| !self.has_old_places(view));
        let rows = current.flat_map(|view| &view.placed);
        rows.map(|(place, row)| (*place, row)).collect()
    }

    /// Who was in when, as told by the lines about who came and went.
    fn stays(&self, everything: &BTreeMap<Place, &MessageView>) -> BTreeMap<String, Vec<Stay>> {
        let mut stays: BTreeMap<String, Vec<Stay>> = BTreeMap::new();
        for name in self.founders(everything) {
            stays.insert(name, vec![Stay { from: FIRST, surely: LAST, until: LAST }]);
        }
        if self.is_direct() {
            return stays;
        }
        for (place, row) in everything {
            let Some(moved) = Moved::of(row) else { continue };
            let spot = &place.0;
            let theirs = stays.entry(moved.name.clone()).or_default();
            let is_in = theirs.last().is_some_and(|stay| stay.until == LAST);
            if moved.came && !is_in {
                theirs.push(Stay { from: *spot, surely: LAST, until: LAST });
            } else if let (true, true, Some(stay)) =
                (moved.came, self.is_alone(place, &moved.name), theirs.last_mut())
            {
                stay.from = *spot;
            } else if let (false, true, Some(stay)) = (moved.came, is_in, theirs.last_mut()) {
                stay.until = *spot;
                stay.surely = self.asked_to_leave(&moved.name, stay.from..*spot).unwrap_or(*spot);
            }
        }
        stays
    }

    /// Whether only the one whom it is about sees that they came: they got another place than the one that
    /// they never took, of which the others were told.
    fn is_alone(&self, place: &Place, name: &str) -> bool {
        let mut others = self.views.iter().filter(|view| self.name(view) != name);
        others.all(|view| !view.placed.contains_key(place))
    }

    /// Those who were in from the beginning: all who see the chat and never came into it first.
    fn founders(&self, everything: &BTreeMap<Place, &MessageView>) -> Vec<String> {
        let mut moved: BTreeMap<String, bool> = BTreeMap::new();
        for row in everything.values() {
            if let Some(line) = Moved::of(row) {
                moved.entry(line.name).or_insert(line.came);
            }
        }
        // Two people are in their direct chat from the beginning, and no line says otherwise.
        let founds = |view: &&View| moved.get(self.name(view)).is_none_or(|came| !came);
        self.views.iter().filter(founds).map(|view| self.name(view).to_owned()).collect()
    }

    /// Where somebody first asked to leave during a stay.
    fn asked_to_leave(&self, name: &str, stay: Range<Spot>) -> Option<Spot> {
        let who = self.stage.cast.iter().position(|actor| actor.name == name)?;
        let ids: &BTreeSet<EntryId> = self.heard.controls.get(&who)?;
        let places = ids.iter().filter_map(|id| self.heard.places.get(id));
        let spots = places.map(|place| (stay.end.0, *place));
        spots.filter(|spot| *spot > stay.start && stay.contains(spot)).min()
    }

    /// Who is out when a server is restored does not learn where things stand since.
    fn has_old_places(&self, view: &View) -> bool {
        self.stage.restored && view.chat.state != ChatState::Active
    }

    /// Nothing is missing from the time inside, and nothing is seen from the time outside.
    fn missing_or_seen(
        &self,
        view: &View,
        stays: &[Stay],
        everything: &BTreeMap<Place, &MessageView>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let name = self.name(view);
        if self.has_old_places(view) {
            return found;
        }
        for (place, row) in everything {
            let spot = place.0;
            let line = screen::line(row, &[]);
            // Somebody who could not read it has it where its author has said it again.
            let elsewhere =
                || self.stage.has_gaps() && view.rows.iter().any(|row| row.id == place.2);
            let sees = view.placed.contains_key(place) || elsewhere();
            // Who never arrived before being removed again has seen nothing of that stay.
            let arrived = |stay: &Stay| {
                let seen = |place: &Place| stay.from <= place.0 && place.0 <= stay.until;
                stay.until == LAST || view.placed.keys().any(seen)
            };
            // What came behind somebody who had gone can have gone in front of them since.
            let counts = |stay: &&Stay| !self.stage.restored || stay.until == LAST;
            let in_it = |stay: &&Stay| counts(stay) && stay.from < spot && spot < stay.surely;
            let is_told = view.unreadable.contains(&spot)
                || (view.was_out && row.event.is_some())
                || spot.1 < view.added_again;
            // Who could not follow any more and was not added again has what came before that.
            let is_behind = (self.stage.has_gaps() || view.moved_on) && !view.follows;
            let is_later =
                is_behind && view.placed.keys().next_back().is_none_or(|last| last < place);
            let is_unheard = self.stage.too_soon.contains(&place.2);
            // Who was removed while unable to follow has nothing from then on until they came again.
            let is_gone =
                |stay: &Stay| view.told_gone.iter().any(|told| stay.from < *told && *told <= spot);
            let is_gone = stays.iter().find(in_it).is_some_and(is_gone);
            // Somebody who has two chats where others have one does not wait in one for the other.
            let is_unheard = is_unheard || (self.has_moved() && view.too_soon.contains(&spot));
            let told = (self.stage.has_gaps() && (is_told || is_gone)) || is_later || is_unheard;
            let must = !told && stays.iter().find(in_it).is_some_and(arrived);
            let may = stays.iter().any(|stay| stay.from <= spot && spot <= stay.until);
            let again =
                Moved::of(row).is_some_and(|moved| moved.came && self.is_alone(place, &moved.name));
            let must = must && !again;
            if must && !sees {
                found.push(format!("{name} misses {spot:?}: {line}"));
            }
            if view.placed.contains_key(place) && !may {
                found.push(format!("{name} was not in and sees {spot:?}: {line}"));
            }
        }
        found
    }

    /// What is on one screen looks as on the others.
    fn rows_differ(
        &self,
        view: &View,
        stays: &[Stay],
        everything: &BTreeMap<Place, &MessageView>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        let stay = stays.last().filter(|stay| stay.until == LAST);
        for (place, mine) in &view.placed {
            // Whoever was out for a time has missed what was changed then.
            let stayed = stay.is_some_and(|stay| stay.from < place.0 && !self.is_late(stay))
                && !self.is_behind(view)
                && !self.has_moved();
            let Some(theirs) = self.reference(place).or(everything.get(place).copied()) else {
                continue;
            };
            let same =
                if stayed { looks(mine) == looks(theirs) } else { core(mine) == core(theirs) };
            if !same {
                found.push(format!(
                    "{} sees {:?} as {:?}, others as {:?}",
                    self.name(view),
                    place.0,
                    screen::line(mine, &[]),
                    screen::line(theirs, &[])
                ));
            }
        }
        found
    }

    /// Messages of others that slow mode should have kept off this screen.
    fn too_soon(&self, view: &View, everything: &BTreeMap<Place, &MessageView>) -> Vec<String> {
        // What is said again for somebody comes when it comes; and who may do what in a log that goes on
        // from another, no line tells.
        if self.stage.has_gaps() || view.succeeds || self.is_direct() {
            return Vec::new();
        }
        let created = |row: &MessageView| {
            Some(row.event.as_deref()?.strip_suffix(" created the group")?.to_owned())
        };
        let founder = self.views.iter().flat_map(|view| &view.rows).find_map(created);
        let Some(founder) = founder else { return Vec::new() };
        let name = self.name(view);
        let rows = everything
            .iter()
            .map(|(place, row)| (row.from != name && view.placed.contains_key(place), *row));
        let found = slow::too_soon(slow::Rules::founded_by(&founder), rows);
        let tell =
            |row: &MessageView| format!("{name} is shown too soon: {}", screen::line(row, &[]));
        found.into_iter().map(tell).collect()
    }

    /// Whether an entry is from before somebody was added again, so that it has to be said again for them
    /// and stands where it was.
    fn is_repeated(&self, view: &View, place: Seq) -> bool {
        self.stage.has_gaps() && place < view.added_again
    }

    /// Whether what was said about a message may be from before somebody came: its author has said it
    /// again since then.
    fn is_late(&self, stay: &Stay) -> bool {
        self.stage.has_gaps() && stay.from > FIRST
    }

    /// Whether changes may be missing here or in what this is compared with: a restored server has
    /// lost them, and they are among what cannot be read.
    fn is_behind(&self, view: &View) -> bool {
        let unreadable = |view: &View| !view.unreadable.is_empty();
        self.stage.has_gaps() && (unreadable(view) || self.active().any(unreadable))
    }

    /// The row at a place as the first sees it who has been in ever since.
    fn reference(&self, place: &Place) -> Option<&MessageView> {
        self.active().find_map(|view| {
            let row = view.placed.get(place)?;
            let moved = |row: &MessageView| {
                Moved::of(row).is_some_and(|moved| moved.name == self.name(view))
            };
            let moved_since = view.placed.range(place..).any(|(_, row)| moved(row));
            (!moved_since).then_some(row)
        })
    }
}

/// Titles given by somebody who was no admin.
fn titles_stolen(everything: &BTreeMap<Place, &MessageView>) -> Vec<String> {
    let mut admins = BTreeSet::new();
    let mut found = Vec::new();
    for event in everything.values().filter_map(|row| row.event.as_deref()) {
        let words: Vec<&str> = event.split(' ').collect();
        match words.as_slice() {
            [_, "made", name, "an", _] => drop(admins.insert(*name)),
            [name, "renamed", "the", "group", "to", title, ..]
                if *title == STOLEN && !admins.contains(name) =>
            {
                found.push(format!("everybody believes that {event}"));
            }
            _ => {}
        }
    }
    found
}

/// Everything of a row that must look the same on all screens.
fn looks(row: &MessageView) -> impl PartialEq + use<> {
    let file = row.file.as_ref().map(|file| (file.name.clone(), file.size, file.sha256));
    let said = (row.text.clone(), row.edited, row.deleted, row.reactions.clone());
    (core(row), said, file, row.reply_to)
}

/// What never changes of a row.
fn core(row: &MessageView) -> impl PartialEq + use<> {
    (row.id, row.account, row.event.clone())
}

/// A line about somebody who came or went.
struct Moved {
    came: bool,
    name: String,
}

impl Moved {
    /// Reads `ana added bo`, `bo joined by the link`, `ana removed bo`, `ana banned bo`, `bo left`.
    fn of(row: &MessageView) -> Option<Self> {
        let words: Vec<&str> = row.event.as_deref()?.split(' ').collect();
        let (came, name) = match words.as_slice() {
            [_, "added", name] | [name, "joined", "by", "the", "link"] => (true, *name),
            [_, "removed" | "banned", name] | [name, "left"] => (false, *name),
            _ => return None,
        };
        Some(Self { came, name: name.to_owned() })
    }
}
