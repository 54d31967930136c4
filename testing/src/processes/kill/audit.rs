//! What was said and acknowledged, held against what everybody has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::processes::person::{column, text_of};

/// The books of the loop.
#[derive(Debug, Default)]
pub(super) struct Audit {
    attempted: BTreeSet<String>,
    acknowledged: BTreeMap<String, String>,
    /// How often an acknowledged message was missing somewhere.
    pub(super) lost: u64,
    /// How often a message was there twice.
    pub(super) doubled: u64,
    /// How often two people had another order.
    pub(super) disordered: u64,
}

impl Audit {
    /// Somebody tried to say this.
    pub(super) fn attempted(&mut self, text: &str) {
        self.attempted.insert(text.to_owned());
    }

    /// And was told that it is sent.
    pub(super) fn acknowledged(&mut self, id: &str, text: &str) {
        self.acknowledged.insert(id.to_owned(), text.to_owned());
    }

    /// How often somebody tried.
    pub(super) fn attempts(&self) -> usize {
        self.attempted.len()
    }

    /// How often it was acknowledged.
    pub(super) fn acknowledgements(&self) -> usize {
        self.acknowledged.len()
    }

    /// Compares what everybody has, by name, with the books and with each other.
    pub(super) fn complaints(&mut self, transcripts: &[(&str, Vec<Value>)]) -> Vec<String> {
        let mut complaints = Vec::new();
        for (name, messages) in transcripts {
            let mut there: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for message in messages {
                there.entry(text_of(message, "text")).or_default().push(text_of(message, "id"));
            }
            for (id, text) in &self.acknowledged {
                let here = there.get(text);
                if !here.is_some_and(|ids| ids.contains(id)) {
                    self.lost += 1;
                    complaints.push(format!("{name} lacks `{text}` ({id})"));
                }
            }
            for (text, ids) in &there {
                if ids.len() > 1 {
                    self.doubled += 1;
                    complaints.push(format!("{name} has `{text}` {} times", ids.len()));
                }
                if !self.attempted.contains(text) {
                    complaints.push(format!("{name} has `{text}`, which nobody said"));
                }
            }
        }
        for pair in transcripts.windows(2) {
            let [(one, here), (other, there)] = pair else { continue };
            if column(here, "id") != column(there, "id") {
                self.disordered += 1;
                complaints.push(format!("{one} and {other} have different transcripts"));
            }
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(id: &str, text: &str) -> Value {
        json!({ "id": id, "text": text })
    }

    /// What the audit says about two people's transcripts after `a` was acknowledged as `1` and `b`
    /// was tried.
    fn said(ana: &[Value], bo: &[Value]) -> Vec<String> {
        let mut audit = Audit::default();
        audit.attempted("a");
        audit.acknowledged("1", "a");
        audit.attempted("b");
        audit.complaints(&[("ana", ana.to_vec()), ("bo", bo.to_vec())])
    }

    #[test]
    fn what_was_not_acknowledged_may_be_there_or_not() {
        let (a, b) = (line("1", "a"), line("2", "b"));
        let both = std::slice::from_ref(&a);
        assert!(said(both, both).is_empty());
        assert!(said(&[b.clone(), a.clone()], &[b, a]).is_empty());
    }

    #[test]
    fn loss_doubling_disorder_and_invention_are_noticed() {
        let (a, b) = (line("1", "a"), line("2", "b"));
        assert_eq!(said(&[], &[]).len(), 2, "lost by both");
        let doubled = [a.clone(), line("3", "a")];
        assert_eq!(said(&doubled, &doubled).len(), 2, "doubled at both");
        let (here, there) = ([a.clone(), b.clone()], [b, a.clone()]);
        assert_eq!(said(&here, &there).len(), 1, "another order");
        let invented = [a, line("4", "c")];
        assert_eq!(said(&invented, &invented).len(), 2, "said by nobody");
    }
}
