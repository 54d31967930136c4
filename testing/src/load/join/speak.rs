//! What is said: the texts of a public log of commits, by its authors, a few of whom are awake at a time.

use std::path::Path;

use serde_json::Value;
use veche_client::Command;

use super::super::{Stopped, words};
use super::progress::Stage;
use super::{OWNER, Play};

/// How many who speak are awake at a time.
const SPEAKERS: usize = 100;
/// How much each says before the next does.
const AT_A_TIME: usize = 8;
/// For how long those who have spoken stay, in milliseconds.
const WARMING_MS: u64 = 10 * 60_000;
const SAMPLE: &str = include_str!("../../../data/assembly-sample.jsonl");

/// What one of them says, in order.
pub(super) type Said = Vec<String>;

impl Play<'_> {
    /// The next authors wake, say everything that is theirs, each a little at a time, and rest.
    pub(super) fn speak(&mut self, next: usize, followers: &[usize]) -> Result<(), Stopped> {
        let speeches = self.speeches()?;
        let Some(speeches) = speeches.get(next..).filter(|rest| !rest.is_empty()) else {
            return self.keep(Stage::Waking);
        };
        let now = &speeches[..speeches.len().min(SPEAKERS)];
        let chat = self.chat()?;
        let speakers: Vec<usize> =
            (next..next + now.len()).map(|author| self.speaker(author, followers)).collect();
        self.wake_all(followers.iter().chain(&speakers).copied())?;
        self.forget_samples();
        let mut unsaid = Vec::new();
        for (said, speaker) in now.iter().zip(&speakers) {
            // A run that was stopped may have said some of it.
            let already = self.said_by(*speaker, chat)?;
            self.progress.messages += said.len() as u64;
            unsaid.push(said.get(already..).unwrap_or_default());
        }
        let most = unsaid.iter().map(|said| said.len()).max().unwrap_or(0);
        for turn in (0..most).step_by(AT_A_TIME) {
            for (said, speaker) in unsaid.iter().zip(&speakers) {
                for text in said.iter().skip(turn).take(AT_A_TIME).cloned() {
                    let send = Command::Send { chat, text, reply_to: None, file: None };
                    self.hall.want(*speaker, send)?;
                }
            }
            self.hall.settle()?;
        }
        let follow = followers.iter().chain([&OWNER]);
        let silent = follow.filter(|number| !speakers.contains(number));
        self.count_messages(silent, unsaid.iter().map(|said| said.len()).sum());
        // Those who have spoken warm the tree.
        self.hall.pass(WARMING_MS)?;
        for speaker in speakers.into_iter().filter(|speaker| !followers.contains(speaker)) {
            self.hall.rest(speaker)?;
        }
        self.keep(Stage::Speaking { next: next + now.len() })
    }

    /// Who says what an author has said: those who follow, then some who rest, spread over the tree.
    fn speaker(&self, author: usize, followers: &[usize]) -> usize {
        if let Some(follower) = followers.get(author) {
            return *follower;
        }
        let resting = self.resting(followers);
        let place = (author - followers.len()) * 7919 % resting.len().max(1);
        resting.get(place).copied().unwrap_or(OWNER)
    }

    /// What each author says, in the order in which they began; as many messages as are wanted.
    fn speeches(&self) -> Result<Vec<Said>, Stopped> {
        let texts = read(self.assembly.texts.as_deref())?;
        let mut authors: Vec<(String, Said)> = Vec::new();
        for (from, text) in texts.into_iter().cycle().take(self.assembly.messages) {
            match authors.iter_mut().find(|(author, _)| *author == from) {
                Some((_, said)) => said.push(text),
                None => authors.push((from, vec![text])),
            }
        }
        // More authors than members share their homes.
        let members = self.assembly.members;
        let mut speeches: Vec<Said> = Vec::new();
        for (at, (_, said)) in authors.into_iter().enumerate() {
            match speeches.get_mut(at % members.max(1)).filter(|_| at >= members) {
                Some(before) => before.extend(said),
                None => speeches.push(said),
            }
        }
        Ok(speeches)
    }

    pub(super) fn forget_samples(&mut self) {
        self.hall.seats.values_mut().for_each(|seat| seat.samples.clear());
    }

    /// What it took those who only listened to take so many messages, with everything that belongs to it.
    fn count_messages<'a>(&mut self, silent: impl Iterator<Item = &'a usize>, count: usize) {
        for number in silent {
            let Some(seat) = self.hall.seats.get_mut(number) else { continue };
            let all: f64 = seat.samples.drain(..).map(|sample| sample.ms()).sum();
            self.progress.note("message_ms", all / count.max(1) as f64);
        }
    }
}

/// Who said what, oldest first.
fn read(path: Option<&Path>) -> Result<Vec<(String, String)>, Stopped> {
    let text = match path {
        Some(path) => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => SAMPLE.to_owned(),
    };
    let mut all = Vec::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).map_err(words)?;
        let (from, text) = (line["from"].as_str(), line["text"].as_str());
        let (from, text) = from.zip(text).ok_or("a line has no `from` or no `text`")?;
        all.push((from.to_owned(), text.to_owned()));
    }
    Ok(all)
}
