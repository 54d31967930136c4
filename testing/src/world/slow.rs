//! Slow mode, judged by what is on the screens alone (docs/protocol.md, "Slow mode").

use std::collections::{BTreeMap, BTreeSet};

use veche_client::MessageView;

/// Who of a group may speak how often, as its lines tell from the first on.
#[derive(Default)]
pub(crate) struct Rules<'a> {
    /// Those who are free: admins and owners.
    free: BTreeSet<&'a str>,
    /// Milliseconds between two messages of anybody else.
    gap_ms: u64,
}

impl<'a> Rules<'a> {
    /// Of a group that somebody has just made.
    pub(crate) fn founded_by(name: &'a str) -> Self {
        Self { free: BTreeSet::from([name]), gap_ms: 0 }
    }

    /// Takes a line to heart.
    pub(crate) fn hear(&mut self, event: &'a str) {
        let words: Vec<&str> = event.split(' ').collect();
        match words.as_slice() {
            [_, "made", name, "an", "admin" | "owner"] => drop(self.free.insert(name)),
            [_, "made", name, "a", "member"] | [name, "is", "a", "member", "now"] => {
                self.free.remove(name);
            }
            [_, "removed" | "banned", name] | [name, "left"] => drop(self.free.remove(name)),
            [_, "lets", "members", "write", "once", "in", seconds, "s"] => {
                self.gap_ms = seconds.parse::<u64>().unwrap_or(0) * 1_000;
            }
            [_, "ended", "slow", "mode"] => self.gap_ms = 0,
            _ => {}
        }
    }

    /// How long somebody waits between two messages.
    fn gap_ms(&self, name: &str) -> u64 {
        if self.free.contains(name) { 0 } else { self.gap_ms }
    }
}

/// The rows of one screen that should not be there, of `rows` in the order of the log: those of others with
/// `true`, what is only to be listened to with `false`.
pub(crate) fn too_soon<'a>(
    mut rules: Rules<'a>,
    rows: impl Iterator<Item = (bool, &'a MessageView)>,
) -> Vec<&'a MessageView> {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for (is_judged, row) in rows {
        if let Some(event) = &row.event {
            rules.hear(event);
            continue;
        }
        if !is_judged {
            continue;
        }
        let name = row.from.as_str();
        let before = last.get(name).copied();
        if before.is_some_and(|before| row.at < before + rules.gap_ms(name)) {
            found.push(row);
        }
        last.insert(name, before.unwrap_or(0).max(row.at));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_those_of_the_lines() {
        let mut rules = Rules::founded_by("ana");
        rules.hear("ana lets members write once in 30 s");
        rules.hear("ana made bo an admin");
        assert_eq!(["ana", "bo", "cyd"].map(|name| rules.gap_ms(name)), [0, 0, 30_000]);
        rules.hear("ana made bo a member");
        assert_eq!(rules.gap_ms("bo"), 30_000);
        rules.hear("ana ended slow mode");
        assert_eq!(rules.gap_ms("cyd"), 0);
    }
}
