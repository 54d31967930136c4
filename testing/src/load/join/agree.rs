//! Those who rest wake, and everybody must see the same.

use sha2::{Digest, Sha256};
use veche_client::{Command, MessageView};
use veche_wire::LogId;

use super::super::{Stopped, words};
use super::progress::Stage;
use super::seat::{Deed, thread_cpu};
use super::{OWNER, Play};
use crate::bench::bytes_written;

/// How often the group is renamed, to see what a commit costs.
const COMMITS: usize = 10;
/// How many homes are laden with old messages.
const LADEN: usize = 3;
/// How many wake at a time.
const AT_A_TIME: usize = 10;
/// How many rows of a chat are read at a time.
const PAGE: usize = 100;

/// What somebody sees of the group.
#[derive(PartialEq, Eq)]
struct Sight {
    title: String,
    members: [u8; 32],
    messages: [u8; 32],
    count: u64,
}

impl Play<'_> {
    /// Some who rest are woken and hear what they have missed; then all are compared.
    pub(super) fn wake(&mut self, followers: &[usize]) -> Result<(), Stopped> {
        self.wake_all(followers.iter().copied())?;
        self.rename(followers)?;
        let (woken, laden) = self.drawn(followers);
        self.catch_up(&woken)?;
        self.look_while_behind(&laden)?;
        let chat = self.chat()?;
        let truth = self.sight(OWNER, chat)?;
        let mut agree = truth.count == self.progress.messages;
        let view = self.hall.client(OWNER)?.chats().map_err(words)?;
        let accounts = view.iter().find(|view| view.chat == chat).map(|view| view.member_count);
        // One who was let in by a run that was stopped is in it without a home.
        self.progress.accounts = accounts.unwrap_or(0);
        agree &= self.progress.accounts > self.assembly.members as u64;
        for number in followers.iter().chain(&woken) {
            let sight = self.sight(*number, chat)?;
            let lists = self.hall.client(*number)?.lists_who_is_in(chat).map_err(words)?;
            if sight != truth || !lists {
                eprintln!("member {number} sees {} messages, not {}", sight.count, truth.count);
                agree = false;
            }
        }
        self.progress.agree = agree;
        self.keep(Stage::Done)
    }

    /// The owner renames the group some times, so that those who follow take small commits.
    fn rename(&mut self, followers: &[usize]) -> Result<(), Stopped> {
        let chat = self.chat()?;
        self.forget_samples();
        for number in 1..=COMMITS {
            let title = format!("assembly {number}");
            let renamed = self.hall.want(OWNER, Command::Rename { chat, title })?;
            self.hall.done(OWNER, renamed)?;
            self.hall.settle()?;
        }
        for number in followers {
            let Some(seat) = self.hall.seats.get_mut(number) else { continue };
            for sample in seat.samples.drain(..) {
                if let Deed::Commit(bytes) = sample.deed {
                    self.progress.note("commit_ms", sample.ms());
                    self.progress.note("commit_bytes", bytes as f64);
                }
            }
        }
        Ok(())
    }

    /// Those who rest.
    pub(super) fn resting(&self, followers: &[usize]) -> Vec<usize> {
        (1..=self.assembly.members).filter(|number| !followers.contains(number)).collect()
    }

    /// Some of those who rest, drawn by the seed: who is woken, and whose homes are laden.
    fn drawn(&mut self, followers: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let mut resting = self.resting(followers);
        let mut drawn = Vec::new();
        while drawn.len() < self.assembly.woken + LADEN && !resting.is_empty() {
            let at = usize::try_from(self.dice.below(resting.len() as u64)).unwrap_or(0);
            drawn.push(resting.swap_remove(at));
        }
        let laden = drawn.split_off(self.assembly.woken.min(drawn.len()));
        (drawn, laden)
    }

    /// They catch up, and what that writes is counted.
    fn catch_up(&mut self, woken: &[usize]) -> Result<(), Stopped> {
        let chat = self.chat()?;
        let (mut heard, mut written) = (0, 0);
        let disk = bytes_written();
        for woken in woken.chunks(AT_A_TIME) {
            let mut before = 0;
            for number in woken {
                self.hall.wake(*number)?;
                before += self.count(*number, chat)?;
            }
            self.hall.settle()?;
            for number in woken {
                written += self.hall.client(*number)?.kept_bytes_written();
                heard += self.count(*number, chat)?;
                self.time_pages((*number, chat), ["page_ms", "find_ms", "command_ms"], &[0.0])?;
            }
            heard = heard.saturating_sub(before);
        }
        let disk = bytes_written().zip(disk).map(|(after, before)| after - before);
        self.progress.written_per_message = written.checked_div(heard);
        self.progress.disk_per_message = disk.and_then(|bytes| bytes.checked_div(heard));
        Ok(())
    }

    /// Some homes hold many old messages, and are looked at after each slice of what they
    /// have missed: a person waits for the slice, and for what was asked for.
    fn look_while_behind(&mut self, laden: &[usize]) -> Result<(), Stopped> {
        const NAMES: [&str; 3] = ["page_behind_ms", "find_behind_ms", "command_behind_ms"];
        let chat = self.chat()?;
        for number in laden {
            self.hall.lade(*number, chat, self.assembly.old_messages)?;
            self.hall.wake(*number)?;
            while self.hall.round()? {
                let seat = self.hall.seats.get_mut(number).ok_or("nobody was woken")?;
                // Between any two of them what a person wants would have its turn.
                let slices: Vec<f64> =
                    seat.samples.drain(..).map(|sample| sample.deaf_ms()).collect();
                if seat.client.has_backlog() {
                    self.time_pages((*number, chat), NAMES, &slices)?;
                    slices.iter().for_each(|ms| self.progress.note("slice_ms", *ms));
                }
            }
            self.hall.settle()?;
            self.time_pages(
                (*number, chat),
                ["page_laden_ms", "find_laden_ms", "command_laden_ms"],
                &[0.0],
            )?;
            self.hall.rest(*number)?;
        }
        Ok(())
    }

    /// How long it takes to open the chat, to find members by the beginning of a name, and to say how far
    /// one has read, for who has to wait so long before.
    fn time_pages(
        &mut self,
        (number, chat): (usize, LogId),
        [page_ms, find_ms, command_ms]: [&str; 3],
        waits: &[f64],
    ) -> Result<(), Stopped> {
        let (page, ms) = timed(|| self.hall.client(number)?.page(chat, None, PAGE).map_err(words))?;
        self.note_after(page_ms, waits, ms);
        let found =
            timed(|| self.hall.client(number)?.find_members(chat, "m", PAGE).map_err(words));
        let (found, ms) = found?;
        self.note_after(find_ms, waits, ms);
        let read = Command::MarkRead { chat };
        let ((), ms) = timed(|| self.hall.command(number, read).map(drop))?;
        self.note_after(command_ms, waits, ms);
        let shows = !page.is_empty() && !found.is_empty();
        if shows { Ok(()) } else { Err("the chat or its list of members is empty".to_owned()) }
    }

    fn note_after(&mut self, name: &str, waits: &[f64], ms: f64) {
        waits.iter().for_each(|wait| self.progress.note(name, wait + ms));
    }

    /// How many messages somebody has.
    fn count(&self, number: usize, chat: LogId) -> Result<u64, Stopped> {
        let mut count = 0;
        self.each_row(number, chat, |row| count += u64::from(row.text.is_some()))?;
        Ok(count)
    }

    /// How many messages somebody has said.
    pub(super) fn said_by(&self, number: usize, chat: LogId) -> Result<usize, Stopped> {
        let name = self.progress.name(number);
        let mut count = 0;
        self.each_row(number, chat, |row| {
            count += usize::from(row.text.is_some() && row.from == name);
        })?;
        Ok(count)
    }

    fn sight(&mut self, number: usize, chat: LogId) -> Result<Sight, Stopped> {
        let mut rows: Vec<MessageView> = Vec::new();
        let mut unreadable = 0;
        self.each_row(number, chat, |row| {
            let bad = ["cannot be read", "lost", "another order", "out of order", "cannot follow"];
            let lost = |words: &str| bad.iter().any(|bad| words.contains(bad));
            unreadable += u64::from(row.event.as_deref().is_some_and(lost));
            if row.text.is_some() {
                rows.push(row);
            }
        })?;
        self.progress.undecryptable += unreadable;
        let mut messages = Sha256::new();
        for row in &rows {
            messages.update(row.id.as_bytes());
            messages.update(row.from.as_bytes());
            messages.update(row.text.as_deref().unwrap_or_default().as_bytes());
        }
        let client = self.hall.client(number)?;
        let mut members = Sha256::new();
        for member in client.members(chat).map_err(words)? {
            members.update(member.account.as_bytes());
        }
        let view = client.chats().map_err(words)?.into_iter().find(|view| view.chat == chat);
        Ok(Sight {
            title: view.map(|view| view.title).unwrap_or_default(),
            members: members.finalize().into(),
            messages: messages.finalize().into(),
            count: rows.len() as u64,
        })
    }

    /// All rows of a chat, oldest first.
    fn each_row(
        &self,
        number: usize,
        chat: LogId,
        mut take: impl FnMut(MessageView),
    ) -> Result<(), Stopped> {
        let client = self.hall.client(number)?;
        let mut page = client.first_page(chat, PAGE).map_err(words)?;
        while let Some(last) = page.last().map(|row| row.id) {
            page.into_iter().for_each(&mut take);
            page = client.page(chat, Some(last), PAGE).map_err(words)?;
        }
        Ok(())
    }
}

/// What something gives, and how many milliseconds of this thread it took.
fn timed<T>(work: impl FnOnce() -> Result<T, Stopped>) -> Result<(T, f64), Stopped> {
    let start = thread_cpu();
    let value = work()?;
    Ok((value, thread_cpu().saturating_sub(start).as_secs_f64() * 1e3))
}
