//! What happened, so that two runs of a seed can be compared.

use veche_wire::Millis;

use super::schedule::Who;

/// A running hash over everything that happened, and its lines where somebody wants to see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    hash: u64,
    lines: Option<Vec<String>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, lines: None }
    }
}

impl Journal {
    /// Keeps the lines from now on.
    pub(crate) fn keep_lines(&mut self) {
        self.lines.get_or_insert_default();
    }

    /// The hash over everything so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines, where they were kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    pub(crate) fn note(&mut self, now: Millis, what: &'static str, who: Who, bytes: usize) {
        self.mix(&now.to_be_bytes());
        self.mix(what.as_bytes());
        self.mix(&who.to_be_bytes());
        self.mix(&bytes.to_be_bytes());
        self.say(|| format!("{now} {who:>3} {what} {bytes}"));
    }

    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(line());
        }
    }

    /// FNV-1a: fast, and nobody attacks it.
    fn mix(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
