//! An assembly: accounts by the thousand join one group by its link, say what others have said in a public
//! log of commits, rest on the disk, and wake. All are whole clients with databases in files, over the
//! engine of a real server; frames go from hand to hand, without sockets, and time passes only when nobody
//! has anything to do. It goes on, stage by stage, over the folder of a run that was stopped.

mod agree;
mod hall;
mod progress;
mod seat;
mod speak;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use veche_client::{ChatState, Command, Outcome, Settled};
use veche_wire::LogId;

use self::hall::Hall;
use self::progress::{Progress, Stage};
use super::system::own_cpu;
use super::{Options, Stopped, words};
use crate::dice::Dice;

/// The home of the owner; members are numbered from 1.
const OWNER: usize = 0;
/// How many ask to join at a time: as many as one commit takes, and in small assemblies fewer, so that some
/// see others come in.
const TOGETHER: usize = 500;
const TIMES_MIN: usize = 3;
/// How much of the disk a home may take, in bytes, and the server for each account.
const HOME_BYTES: u64 = 6 << 20;
/// The most disk that a run takes, in bytes.
const DISK_BYTES_MAX: u64 = 30 << 30;

/// How large an assembly is.
#[derive(Debug, Clone)]
pub struct Assembly {
    /// How many accounts join.
    pub members: usize,
    /// How many of them stay, as whole clients; the others rest.
    pub followers: usize,
    /// How many of the resting are woken at the end.
    pub woken: usize,
    /// How many old messages some homes hold that are looked at while they are behind.
    pub old_messages: u64,
    /// How many messages are said.
    pub messages: usize,
    /// JSON lines with `from` and `text`; a sample that the program carries where `None`.
    pub texts: Option<PathBuf>,
    /// Where everything lies, and stays; a folder that is removed where `None`.
    pub folder: Option<PathBuf>,
}

impl Assembly {
    /// One of `members`.
    #[must_use]
    pub fn of(members: usize) -> Self {
        Self {
            members,
            followers: (members / 25).clamp(3, 200),
            woken: (members / 50).clamp(3, 100),
            old_messages: if members < 100 { 1_000 } else { 100_000 },
            messages: 12_000,
            texts: None,
            folder: None,
        }
    }
}

/// Runs one, and gives the row of its results.
pub(super) fn run(options: &Options) -> Result<Value, Stopped> {
    let temporary = tempfile::tempdir().map_err(words)?;
    let assembly = &options.assembly;
    let folder = assembly.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).map_err(words)?;
    check_disk(&folder, assembly.members)?;
    let progress = Progress::read(&folder)?;
    Play::begin(options, folder, progress)?.run()
}

/// Refuses before anything is done what would fill the disk.
fn check_disk(folder: &Path, members: usize) -> Result<(), Stopped> {
    let wanted = (members as u64 * HOME_BYTES).min(DISK_BYTES_MAX);
    let disk = rustix::fs::statvfs(folder).map_err(words)?;
    let free = disk.f_bavail * disk.f_frsize;
    if free >= wanted {
        return Ok(());
    }
    let gigabytes = |bytes: u64| bytes.div_ceil(1 << 30);
    let place = folder.display();
    let (wanted, free) = (gigabytes(wanted), gigabytes(free));
    Err(format!("{place} has {free} GB left, and {members} members may take {wanted} GB"))
}

struct Play<'a> {
    assembly: &'a Assembly,
    hall: Hall,
    progress: Progress,
    folder: PathBuf,
    dice: Dice,
    started: (Instant, Duration),
}

impl<'a> Play<'a> {
    fn begin(options: &'a Options, folder: PathBuf, progress: Progress) -> Result<Self, Stopped> {
        let mut chance = [0; 8];
        rustix::rand::getrandom(&mut chance, rustix::rand::GetRandomFlags::empty())
            .map_err(words)?;
        let hall = Hall::over(&folder, progress.now, u64::from_le_bytes(chance))?;
        let started = (Instant::now(), own_cpu());
        let dice = Dice::seeded(options.seed, 7);
        Ok(Self { assembly: &options.assembly, hall, progress, folder, dice, started })
    }

    fn run(mut self) -> Result<Value, Stopped> {
        let order = self.followers();
        loop {
            match self.progress.stage {
                Stage::Founding => self.found()?,
                Stage::Joining { next } if next > self.assembly.members => {
                    self.keep(Stage::Speaking { next: 0 })?;
                }
                Stage::Joining { next } => self.join(next, &order)?,
                Stage::Speaking { next } => self.speak(next, &order)?,
                Stage::Waking => self.wake(&order)?,
                Stage::Done => return Ok(self.row()),
            }
        }
    }

    /// Writes down that everything up to `stage` is done. Whoever is awake stays so.
    fn keep(&mut self, stage: Stage) -> Result<(), Stopped> {
        self.progress.stage = stage;
        self.progress.now = self.hall.now;
        let (wall, cpu) = self.started;
        self.progress.add_time(wall.elapsed(), own_cpu().saturating_sub(cpu));
        self.started = (Instant::now(), own_cpu());
        self.progress.write(&self.folder)?;
        eprintln!("{}", self.progress.line());
        Ok(())
    }

    /// The numbers of those who follow everything, drawn by the seed.
    fn followers(&mut self) -> Vec<usize> {
        let mut numbers: Vec<usize> = (1..=self.assembly.members).collect();
        let mut drawn = Vec::new();
        while drawn.len() < self.assembly.followers && !numbers.is_empty() {
            let at = usize::try_from(self.dice.below(numbers.len() as u64)).unwrap_or(0);
            drawn.push(numbers.swap_remove(at));
        }
        drawn.sort_unstable();
        drawn
    }

    /// The owner makes a large group and its link.
    fn found(&mut self) -> Result<(), Stopped> {
        self.attempt(OWNER..OWNER + 1)?;
        self.hall.forget_home(OWNER)?;
        self.hall.wake(OWNER)?;
        self.register(OWNER)?;
        let create =
            Command::CreateGroup { title: "assembly".into(), members: Vec::new(), large: true };
        let made = self.hall.want(OWNER, create)?;
        let Settled::Done(Outcome::Chat(chat)) = self.hall.done(OWNER, made)? else {
            return Err("no group was made".to_owned());
        };
        let link = Command::MakeLink { chat, approves: false, lasts: None, uses: None };
        let linked = self.hall.want(OWNER, link)?;
        self.hall.done(OWNER, linked)?;
        self.hall.settle()?;
        self.progress.chat = Some(chat);
        self.keep(Stage::Joining { next: 1 })
    }

    /// Names are used once: what a run that was stopped has begun, the server may know already.
    fn attempt(&mut self, numbers: std::ops::Range<usize>) -> Result<(), Stopped> {
        self.progress.attempt += 1;
        let attempt = self.progress.attempt;
        self.progress.attempts.extend(numbers.map(|number| (number, attempt)));
        self.progress.write(&self.folder)
    }

    fn register(&mut self, number: usize) -> Result<(), Stopped> {
        let name = self.progress.name(number);
        let register = Command::Register { server: Hall::address(), name, invite: None };
        self.hall.want(number, register).map(drop)
    }

    fn chat(&self) -> Result<LogId, Stopped> {
        self.progress.chat.ok_or_else(|| "the group is not made".to_owned())
    }

    /// Some come in together: they ask, are let in, join, and all but the followers rest.
    fn join(&mut self, next: usize, followers: &[usize]) -> Result<(), Stopped> {
        self.wake_all(followers.iter().copied().filter(|number| *number < next))?;
        let members = self.assembly.members;
        let together = members.div_ceil(TIMES_MIN).min(TOGETHER);
        let until = (next + together).min(members + 1);
        self.attempt(next..until)?;
        let chat = self.chat()?;
        for number in next..until {
            self.hall.forget_home(number)?;
            self.hall.wake(number)?;
            self.register(number)?;
        }
        self.hall.settle()?;
        let link = self.hall.client(OWNER)?.link(chat).map_err(words)?;
        let link = link.ok_or("the group has no link")?.link;
        for number in next..until {
            if let Some(seat) = self.hall.seats.get_mut(&number) {
                seat.samples.clear();
                seat.moved = 0;
            }
            self.hall.command(number, Command::JoinByLink(link.clone()))?;
        }
        self.hall.until("everybody to be in", |hall| {
            for number in next..until {
                let chats = hall.client(number)?.chats().map_err(words)?;
                if !chats.iter().any(|chat| chat.state == ChatState::Active) {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        self.hall.settle()?;
        self.count_joins(next..until);
        self.count_commits(followers);
        for number in (next..until).filter(|number| !followers.contains(number)) {
            self.hall.rest(number)?;
        }
        self.keep(Stage::Joining { next: until })
    }

    fn count_joins(&mut self, numbers: std::ops::Range<usize>) {
        for (_, seat) in self.hall.seats.range_mut(numbers) {
            // To read on is no part of coming in.
            let deeds = seat.samples.iter().filter(|sample| sample.deed == seat::Deed::Other);
            self.progress.note("join_ms", deeds.map(seat::Sample::ms).sum());
            self.progress.note("join_bytes", seat.moved as f64);
            seat.samples.clear();
        }
    }

    /// What it took those who follow to take a commit; whatever else came is forgotten.
    fn count_commits(&mut self, followers: &[usize]) {
        for number in followers {
            let Some(seat) = self.hall.seats.get_mut(number) else { continue };
            for sample in seat.samples.drain(..) {
                if matches!(sample.deed, seat::Deed::Commit(_)) {
                    self.progress.note("add_ms", sample.ms());
                }
            }
        }
    }

    /// The owner and these are awake and have heard everything.
    fn wake_all(&mut self, numbers: impl Iterator<Item = usize>) -> Result<(), Stopped> {
        self.hall.wake(OWNER)?;
        numbers.into_iter().try_for_each(|number| self.hall.wake(number))?;
        self.hall.settle()
    }

    fn row(&self) -> Value {
        let progress = &self.progress;
        json!({
            "load": "join",
            "server": "veched",
            "members": self.assembly.members,
            "joined": progress.count("join_ms"),
            "followers": self.assembly.followers,
            "woken": self.assembly.woken,
            "accounts": progress.accounts,
            "agree": progress.agree,
            "messages": progress.messages,
            "undecryptable": progress.undecryptable,
            "join_cpu_ms_p50": progress.median("join_ms"),
            "last_join_cpu_ms_p50": progress.median_of_last("join_ms", TOGETHER),
            "bytes_per_join": progress.median("join_bytes"),
            "add_process_ms_p50": progress.median("add_ms"),
            "commit_process_ms_p50": progress.median("commit_ms"),
            "commit_bytes_p50": progress.median("commit_bytes"),
            "message_process_ms_p50": progress.median("message_ms"),
            "bytes_written_per_message": progress.written_per_message,
            "bytes_to_the_disk_per_message": progress.disk_per_message,
            "page_ms_p95": progress.high("page_ms"),
            "member_search_ms_p95": progress.high("find_ms"),
            "command_ms_p95": progress.high("command_ms"),
            "laden_page_ms_p95": progress.high("page_laden_ms"),
            "laden_member_search_ms_p95": progress.high("find_laden_ms"),
            "laden_command_ms_p95": progress.high("command_laden_ms"),
            "behind_slice_ms_p95": progress.high("slice_ms"),
            "behind_page_ms_p95": progress.high("page_behind_ms"),
            "behind_member_search_ms_p95": progress.high("find_behind_ms"),
            "behind_command_ms_p95": progress.high("command_behind_ms"),
            "minutes": (progress.wall_seconds / 6.0).round() / 10.0,
            "cpu_minutes": (progress.cpu_seconds / 6.0).round() / 10.0,
            "memory_peak_mb": progress::peak_memory().map(|bytes| bytes >> 20),
            // Of the table's rows.
            "lost": progress.undecryptable,
            "out_of_order": u64::from(!progress.agree),
        })
    }
}
