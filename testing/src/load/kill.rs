//! SIGKILL in the middle of a load, again and again. What was acknowledged is known here, in a process
//! that is not killed; at the end a fresh reader reads everything and it is compared.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::drive::{Pace, drive, fill};
use super::play::Play;
use super::report::{Outcome, row, with};
use super::speech::{Role, Stamp};
use super::storm::come_back;
use super::veched::Veched;
use super::{Load, Options, Stopped, drain, fanout, pairs};
use crate::Dice;

/// A kill comes after so many milliseconds of load.
const LOAD_MS: std::ops::RangeInclusive<u64> = 20..=600;

/// What the audit at the end came to.
#[derive(Debug, Default)]
struct Audit {
    entries: u64,
    lost: u64,
    doubled: u64,
    out_of_order: u64,
}

/// Runs the load of the options and kills the server in the middle of it as often as they say.
pub(super) fn run(service: Veched, options: &Options) -> Result<Value, Stopped> {
    let mut play = Play::new(service, options.seed)?;
    play.mends = true;
    let channels = if options.of == Load::Pairs { options.members } else { 1 };
    play.make_channels(channels)?;
    let writers = match options.of {
        Load::Pairs => pairs::join(&mut play, options)?,
        Load::Drain => drain::writers(&mut play)?,
        _ => fanout::join(&mut play, options.members)?,
    };
    for writer in play.members.iter_mut().filter_map(|member| member.writer.as_mut()) {
        writer.remember_places();
    }
    let readers = play.members.len();
    if options.of == Load::Drain {
        fill(&mut play, &writers, options.entries())?;
        play.count_anew();
        for _ in 0..options.members {
            play.add(Role { follows_after: Some(0), ..Role::default() }, 0)?;
        }
    }
    let mut dice = Dice::seeded(options.seed, 0);
    let mut kills = 0;
    let start = std::time::Instant::now();
    for _ in 0..options.cycles {
        let after = Duration::from_millis(dice.between(*LOAD_MS.start(), *LOAD_MS.end()));
        kills += match options.of {
            Load::Drain => drained(&mut play, options, readers, dice.between(5, 90))?,
            Load::Storm => stormed(&mut play, options, &writers, after)?,
            _ => written(&mut play, options, &writers, after)?,
        };
    }
    let wall = start.elapsed().as_secs_f64();
    let mut outcome = Outcome::default();
    outcome.used.wall = wall;
    let mut row = row(options, &play, &outcome);
    let audit = audit(&mut play, channels)?;
    for (name, more) in [("lost", audit.lost), ("out_of_order", audit.out_of_order)] {
        let sum = row[name].as_u64().unwrap_or_default() + more;
        row = with(row, name, json!(sum));
    }
    let broken = play.counts.broken;
    for (name, value) in [
        ("of", json!(options.of.name())),
        ("kills", json!(kills)),
        ("doubled", json!(audit.doubled)),
        ("entries", json!(audit.entries)),
        ("broken", json!(broken)),
        // One process ends after the other: their CPU times are not added up.
        ("server_cpu_s", Value::Null),
        ("server_cpu_s_per_million", Value::Null),
        ("generator_cpu_s", Value::Null),
    ] {
        row = with(row, name, value);
    }
    Ok(row)
}

fn kill(play: &mut Play<Veched>) -> Result<(), Stopped> {
    play.service.kill();
    play.until("everybody has noticed", |play| play.up == 0)?;
    play.service.start_again()
}

/// Killed while everybody writes.
fn written(
    play: &mut Play<Veched>,
    options: &Options,
    writers: &[usize],
    after: Duration,
) -> Result<u64, Stopped> {
    let ahead = options.ahead.unwrap_or(fanout::AHEAD);
    let pace = Pace { writers: writers.to_vec(), rate: options.rate, time: after, ahead };
    drive(play, &pace)?;
    kill(play)?;
    settle(play)?;
    Ok(1)
}

/// Killed while everybody writes, and again while they come back.
fn stormed(
    play: &mut Play<Veched>,
    options: &Options,
    writers: &[usize],
    after: Duration,
) -> Result<u64, Stopped> {
    kill(play)?;
    let end = std::time::Instant::now() + after;
    come_back(play, options, writers, |_| std::time::Instant::now() >= end)?;
    kill(play)?;
    let end = std::time::Instant::now() + after;
    come_back(play, options, writers, |_| std::time::Instant::now() >= end)?;
    settle(play)?;
    Ok(2)
}

/// Killed while the readers read everything, when they have so many hundredths of it.
fn drained(
    play: &mut Play<Veched>,
    options: &Options,
    readers: usize,
    hundredths: u64,
) -> Result<u64, Stopped> {
    for reader in readers..play.members.len() {
        play.begin_anew(reader)?;
    }
    let all = options.entries() * options.members as u64;
    let middle = play.counts.expected + all * hundredths / 100;
    play.counts.expected += all;
    play.until("the middle of a drain", |play| play.counts.deliveries >= middle)?;
    kill(play)?;
    settle(play)?;
    Ok(1)
}

/// Everybody is back and has everything.
fn settle(play: &mut Play<Veched>) -> Result<(), Stopped> {
    // Who made the logs is gone for good.
    let everybody = play.members.len() - 1;
    play.until("everybody is back and has everything", |play| {
        play.up == everybody && play.is_settled()
    })
}

/// Reads every log from its beginning, and compares it with what was acknowledged.
fn audit(play: &mut Play<Veched>, channels: usize) -> Result<Audit, Stopped> {
    let mut audit = Audit::default();
    for channel in 0..channels {
        let role = Role { channel, follows_after: Some(0), ..Role::default() };
        let reader = play.add(role, 0)?;
        if let Some(follower) = &mut play.members[reader].follower {
            follower.record();
        }
        play.gather(reader..reader + 1)?;
        play.until("a log is read", |play| {
            let member = &play.members[reader];
            member.follower.as_ref().is_some_and(|follower| follower.place() >= member.head)
        })?;
        play.leave(reader);
        let follower = play.members[reader].follower.take().unwrap_or_default();
        audit.lost += follower.lost();
        audit.out_of_order += follower.out_of_order();
        compare(&mut audit, play, channel, follower.recorded());
    }
    Ok(audit)
}

fn compare(audit: &mut Audit, play: &Play<Veched>, channel: usize, log: &[(u64, Stamp)]) {
    let mut places = BTreeMap::new();
    let mut last = BTreeMap::new();
    audit.entries += log.len() as u64;
    for (seq, stamp) in log {
        if places.insert((stamp.writer, stamp.number), *seq).is_some() {
            audit.doubled += 1;
        }
        // Each writer's entries stand in the order in which they were written.
        if last.insert(stamp.writer, stamp.number).is_some_and(|before| before >= stamp.number) {
            audit.out_of_order += 1;
        }
    }
    let here = play.members.iter().filter(|member| member.role.channel == channel);
    for writer in here.filter_map(|member| member.writer.as_ref()) {
        for (number, seq) in (0..).zip(writer.places()).filter(|(_, seq)| **seq > 0) {
            match places.get(&(writer.number(), number)) {
                Some(place) if place == seq => {}
                Some(_) => audit.out_of_order += 1,
                None => audit.lost += 1,
            }
        }
    }
}
