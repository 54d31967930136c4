//! What must hold in every world that has settled, read off the screens of its people.
//!
//! The order of a log is what the tap heard; every client must have put each message where it is.
//! Who was in a chat when is told by the lines about who came and went, on which all screens must
//! agree.

mod stays;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use veche_client::{ChatKind, ChatState, MessageState, MessageView};
use veche_wire::{LogId, Seq};

use self::stays::{FIRST, LAST, Moved, Stay};
use self::view::{Place, View, says, views_of};
use super::schedule::Who;
use super::stage::Stage;
use super::tap::Heard;
use super::{screen, slow};

/// Lines that say that something was lost or betrayed; none of them may ever be seen.
const ALARMS: [&str; 4] = ["were lost on the way", "came out of order", "another order", "refuses"];
/// What is shown once a server was restored: whoever has not noticed takes it for two orders.
const OTHER_ORDER: &str = "another order";

/// How a title begins that somebody gives who may not.
pub(crate) const STOLEN: &str = "stolen";

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
                    if let Some(heard) = stage.tap.logs.get(&view.log) {
                        view.find_gaps(&heard.places);
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

    /// Whether somebody may have missed what others have seen, and have been told so.
    fn has_gaps(&self, view: &View) -> bool {
        self.stage.restored || view.was_out()
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
            let elsewhere = || self.has_gaps(view) && view.rows.iter().any(|row| row.id == place.2);
            let sees = view.placed.contains_key(place) || elsewhere();
            // Who never arrived before being removed again has seen nothing of that stay.
            let arrived = |stay: &Stay| {
                let seen = |place: &Place| stay.from <= place.0 && place.0 <= stay.until;
                stay.until == LAST || view.placed.keys().any(seen)
            };
            // What came behind somebody who had gone can have gone in front of them since.
            let counts = |stay: &&Stay| !self.stage.restored || stay.until == LAST;
            let in_it = |stay: &&Stay| counts(stay) && stay.from < spot && spot < stay.surely;
            let is_told = view.unreadable.contains(&spot) || self.is_missing(view, row, spot.1);
            // Who could not follow any more and was not added again has what came before that.
            let is_behind = (self.has_gaps(view) || view.moved_on) && !view.follows;
            let is_later =
                is_behind && view.placed.keys().next_back().is_none_or(|last| last < place);
            let is_unheard = self.stage.too_soon.contains(&place.2);
            // Who was removed while unable to follow has nothing from then on until they came again.
            let is_gone =
                |stay: &Stay| view.told_gone.iter().any(|told| stay.from < *told && *told <= spot);
            let is_gone = stays.iter().find(in_it).is_some_and(is_gone);
            // Somebody who has two chats where others have one does not wait in one for the other.
            let is_unheard = is_unheard || (self.has_moved() && view.too_soon.contains(&spot));
            let told = (self.has_gaps(view) && (is_told || is_gone)) || is_later || is_unheard;
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
            let stayed = stay.is_some_and(|stay| stay.from < place.0 && !self.is_late(view, stay))
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
        if self.has_gaps(view) || view.succeeds || self.is_direct() {
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

    /// Whether something may be missing because this device was out then: nobody says lines again. Which
    /// places count before a server was restored, nobody knows.
    fn is_missing(&self, view: &View, row: &MessageView, place: Seq) -> bool {
        if self.stage.restored {
            let is_line = view.was_added_again() && row.event.is_some();
            return is_line || place < view.last_gap();
        }
        view.is_in_gap(place) && row.event.is_some()
    }

    /// Whether an entry is from when somebody was out, so that it has to be said again for them and stands
    /// where it was.
    fn is_repeated(&self, view: &View, place: Seq) -> bool {
        let before = self.stage.restored && place < view.last_gap();
        before || view.is_in_gap(place)
    }

    /// Whether what was said about a message may be from before somebody came: its author has said it
    /// again since then.
    fn is_late(&self, view: &View, stay: &Stay) -> bool {
        self.has_gaps(view) && stay.from > FIRST
    }

    /// Whether changes may be missing here or in what this is compared with: a restored server has
    /// lost them, and they are among what cannot be read.
    fn is_behind(&self, view: &View) -> bool {
        let unreadable = |view: &View| !view.unreadable.is_empty();
        unreadable(view) || self.active().any(unreadable)
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
