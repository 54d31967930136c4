//! The server is stopped and started again, and everybody comes back at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fanout::{join, warm_up};
use super::play::Play;
use super::report::{Outcome, rounded, row, with};
use super::speech::{Service, now};
use super::system::Meter;
use super::veched::Veched;
use super::{Options, Stopped};

/// Messages a second that are written while everybody comes back, where no rate is asked for.
const RATE: u64 = 50;
/// A storm that takes longer has failed.
const WITHIN: Duration = Duration::from_secs(120);

/// Runs the load on a server that has just been started.
pub(super) fn run(service: Veched, options: &Options) -> Result<Value, Stopped> {
    let mut play = Play::new(service, options.seed)?;
    play.mends = true;
    play.make_channels(1)?;
    let writers = join(&mut play, options.members)?;
    warm_up(&mut play, &writers)?;
    let everybody = play.up;

    let stopped = Instant::now();
    play.service.stop()?;
    play.until("everybody has noticed", |play| play.up == 0)?;
    play.service.start_again()?;
    let started = Instant::now();
    let meter = Meter::start(play.service.process())?;
    come_back(&mut play, options, &writers, |play| is_live(play, everybody))?;
    let until_live = started.elapsed();
    let away = stopped.elapsed();
    play.until("all is delivered", Play::is_settled)?;
    let used = meter.used(play.service.process())?;

    let row = row(options, &play, &Outcome { used, memory: None, late: None });
    let row = with(row, "seconds_until_live", json!(rounded(until_live.as_secs_f64())));
    let row = with(row, "seconds_since_stop", json!(rounded(away.as_secs_f64())));
    Ok(with(row, "broken", json!(play.counts.broken)))
}

/// Everybody is connected and has all that there was when they came.
fn is_live(play: &Play<Veched>, everybody: usize) -> bool {
    play.up == everybody
        && play.members.iter().all(|member| {
            member.follower.as_ref().is_none_or(|follower| follower.place() >= member.head)
        })
}

/// Plays on, with a message now and then, until `done`.
pub(super) fn come_back(
    play: &mut Play<Veched>,
    options: &Options,
    writers: &[usize],
    done: impl Fn(&Play<Veched>) -> bool,
) -> Result<(), Stopped> {
    let gap = 1_000_000_000 / if options.rate == 0 { RATE } else { options.rate };
    let (start, deadline) = (now(), Instant::now() + WITHIN);
    let mut turns = writers.iter().copied().cycle();
    let mut due = start;
    while !done(play) {
        if Instant::now() > deadline {
            return Err(format!("{} of {} came back in time", play.up, play.members.len()));
        }
        if now() >= due {
            // Nobody can write before the first has come back.
            turns.by_ref().take(writers.len()).any(|slot| play.write(slot));
            due += gap;
        }
        play.turn(Duration::from_millis(1))?;
    }
    Ok(())
}
