//! A reader who has missed the last entries of a log: does it matter how long the log is?

use std::time::Instant;

use serde_json::{Value, json};

use super::drain::writers;
use super::drive::fill;
use super::play::Play;
use super::report::{Outcome, number, rounded, row, with};
use super::speech::{Role, Service};
use super::system::Meter;
use super::{Options, Stopped};

/// How many entries the reader has missed.
const MISSED: u64 = 10_000;
/// How often each log is read: the CPU time of one reading is a few ticks of the system's clock.
const READINGS: usize = 20;

/// Reads the end of one log again and again while it grows to each length of the options.
pub(super) fn run<S: Service>(
    service: S,
    options: &Options,
    report: &mut dyn FnMut(Value),
) -> Result<(), Stopped> {
    let mut play = Play::new(service, options.seed)?;
    play.make_channels(1)?;
    let writers = writers(&mut play)?;
    let mut lengths = options.lengths();
    lengths.sort_unstable();
    let mut length = 0;
    for wanted in lengths {
        fill(&mut play, &writers, wanted - length)?;
        length = wanted;
        play.count_anew();
        report(read_the_end(&mut play, options, length)?);
    }
    Ok(())
}

fn read_the_end<S: Service>(
    play: &mut Play<S>,
    options: &Options,
    length: u64,
) -> Result<Value, Stopped> {
    let missed = MISSED.min(length);
    let mut times = Vec::new();
    let meter = Meter::start(play.service.process())?;
    for reading in 1..=READINGS as u64 {
        let role = Role { follows_after: Some(length - missed), ..Role::default() };
        let reader = play.add(role, 0)?;
        play.counts.expected = reading * missed;
        let start = Instant::now();
        play.gather(reader..reader + 1)?;
        play.until("the end is read", |play| play.counts.deliveries >= play.counts.expected)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        play.leave(reader);
    }
    let used = meter.used(play.service.process())?;
    times.sort_by(f64::total_cmp);
    let row = row(options, play, &Outcome { used, memory: None, late: None });
    let row = with(row, "entries", json!(length));
    let row = with(row, "missed", json!(missed));
    let row = with(row, "read_ms", json!(rounded(times[READINGS / 2])));
    let cpu_ms = used.server * 1e3 / number(READINGS as u64);
    Ok(with(row, "server_cpu_ms_per_reading", json!(rounded(cpu_ms))))
}
