//! Connections that follow a log each, and nothing happens: what does each cost the server?

use std::time::Duration;

use serde_json::Value;

use super::play::Play;
use super::report::{Outcome, row};
use super::speech::{Role, Service};
use super::system::{Meter, memory_of};
use super::{Options, Stopped};

/// How long the server is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(2);

/// Runs the load on a server that has just been started.
pub(super) fn run<S: Service>(service: S, options: &Options) -> Result<Value, Stopped> {
    let mut play = Play::new(service, options.seed)?;
    play.make_channels(options.members)?;
    let process = play.service.process();
    rest(&mut play, SETTLE)?;
    let before = memory_of(process)?;
    let first = play.members.len();
    for channel in 0..options.members {
        play.add(Role { channel, follows_after: Some(0), ..Role::default() }, 0)?;
    }
    play.gather(first..play.members.len())?;
    rest(&mut play, SETTLE)?;
    let meter = Meter::start(process)?;
    rest(&mut play, options.time())?;
    let used = meter.used(process)?;
    let memory = memory_of(process)?.saturating_sub(before);
    Ok(row(options, &play, &Outcome { used, memory: Some(memory), late: None }))
}

/// Lets time go by, while pings are answered.
fn rest<S: Service>(play: &mut Play<S>, time: Duration) -> Result<(), Stopped> {
    let end = std::time::Instant::now() + time;
    while let Some(left) = end.checked_duration_since(std::time::Instant::now()) {
        play.turn(left.min(Duration::from_millis(100)))?;
    }
    Ok(())
}
