//! Entries wait in a log; readers come and read all of them.

use serde_json::Value;

use super::drive::fill;
use super::fanout::{WINDOW, WRITERS};
use super::play::Play;
use super::report::{Outcome, row, with};
use super::speech::{Role, Service};
use super::system::Meter;
use super::{Options, Stopped};

/// Runs the load on a server that has just been started.
pub(super) fn run<S: Service>(service: S, options: &Options) -> Result<Value, Stopped> {
    let mut play = Play::new(service, options.seed)?;
    play.make_channels(1)?;
    let writers = writers(&mut play)?;
    fill(&mut play, &writers, options.entries())?;
    play.count_anew();
    let first = play.members.len();
    for _ in 0..options.members {
        play.add(Role { follows_after: Some(0), ..Role::default() }, 0)?;
    }
    let expected = options.entries() * options.members as u64;
    play.counts.expected = expected;
    let meter = Meter::start(play.service.process())?;
    play.gather(first..play.members.len())?;
    play.until("all is read", |play| play.counts.deliveries >= expected)?;
    let used = meter.used(play.service.process())?;
    let row = row(options, &play, &Outcome { used, memory: None, late: None });
    Ok(with(row, "entries", options.entries().into()))
}

/// Brings in those who write into channel 0.
pub(super) fn writers<S: Service>(play: &mut Play<S>) -> Result<Vec<usize>, Stopped> {
    let first = play.members.len();
    for number in 0..WRITERS {
        play.add(Role { writer: Some(number), ..Role::default() }, WINDOW)?;
    }
    play.gather(first..play.members.len())?;
    Ok((first..play.members.len()).collect())
}
