//! Who was in a chat from when to when, as the lines about who came and went tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use veche_client::MessageView;
use veche_wire::{EntryId, Seq};

use super::Chat;
use super::view::{Place, Spot, View};

/// The first spot and the last.
pub(super) const FIRST: Spot = (0, 0);
pub(super) const LAST: Spot = (u64::MAX, Seq::MAX);

/// From when to when somebody was in a chat. What is at the edges may or may not be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) from: Spot,
    /// Every entry before this one must be seen.
    pub(super) surely: Spot,
    /// The last entry that may be seen.
    pub(super) until: Spot,
}

/// A line about somebody who came or went.
pub(super) struct Moved {
    pub(super) came: bool,
    pub(super) name: String,
}

impl Moved {
    /// Reads `ana added bo`, `bo joined by the link`, `ana removed bo`, `ana banned bo`, `bo left`.
    pub(super) fn of(row: &MessageView) -> Option<Self> {
        let words: Vec<&str> = row.event.as_deref()?.split(' ').collect();
        let (came, name) = match words.as_slice() {
            [_, "added", name] | [name, "joined", "by", "the", "link"] => (true, *name),
            [_, "removed" | "banned", name] | [name, "left"] => (false, *name),
            _ => return None,
        };
        Some(Self { came, name: name.to_owned() })
    }
}

impl Chat<'_> {
    /// Who was in when, as told by the lines about who came and went.
    pub(super) fn stays(
        &self,
        everything: &BTreeMap<Place, &MessageView>,
    ) -> BTreeMap<String, Vec<Stay>> {
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
    pub(super) fn is_alone(&self, place: &Place, name: &str) -> bool {
        let mut others = self.views.iter().filter(|view| self.name(view) != name);
        others.all(|view| !view.placed.contains_key(place))
    }

    /// Those who were in from the beginning: all who see the chat and never came into it first.
    pub(super) fn founders(&self, everything: &BTreeMap<Place, &MessageView>) -> Vec<String> {
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
    pub(super) fn asked_to_leave(&self, name: &str, stay: Range<Spot>) -> Option<Spot> {
        let who = self.stage.cast.iter().position(|actor| actor.name == name)?;
        let ids: &BTreeSet<EntryId> = self.heard.controls.get(&who)?;
        let places = ids.iter().filter_map(|id| self.heard.places.get(id));
        let spots = places.map(|place| (stay.end.0, *place));
        spots.filter(|spot| *spot > stay.start && stay.contains(spot)).min()
    }
}
