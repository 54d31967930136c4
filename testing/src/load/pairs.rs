//! Many pairs, each with a log of its own that both follow; one of each writes, the other receives.

use serde_json::Value;

use super::drive::{Pace, drive};
use super::play::Play;
use super::report::{Outcome, row, with};
use super::speech::{Role, Service};
use super::system::Meter;
use super::{Options, Stopped};

/// What each pair may have under way.
pub(super) const WINDOW: usize = 4;
/// Never reached: the windows bound a pair.
const AHEAD: u64 = 1_000;

/// Runs the load on a server that has just been started.
pub(super) fn run<S: Service>(service: S, options: &Options) -> Result<Value, Stopped> {
    let mut play = Play::new(service, options.seed)?;
    play.make_channels(options.members)?;
    let before = play.server_memory()?;
    let writers = join(&mut play, options)?;
    for slot in &writers {
        play.write(*slot);
    }
    play.until("what was said first is delivered", Play::is_settled)?;
    play.count_anew();
    let pace = Pace { writers, rate: options.rate, time: options.time(), ahead: AHEAD };
    let meter = Meter::start(play.service.process())?;
    let late = drive(&mut play, &pace)?;
    play.until("all is delivered", Play::is_settled)?;
    let used = meter.used(play.service.process())?;
    let memory = play.server_memory()?.saturating_sub(before);
    let row = row(options, &play, &Outcome { used, memory: Some(memory), late: Some(late) });
    Ok(with(row, "window", options.window.unwrap_or(WINDOW).into()))
}

/// Brings in the pairs; gives those who write.
pub(super) fn join<S: Service>(
    play: &mut Play<S>,
    options: &Options,
) -> Result<Vec<usize>, Stopped> {
    let first = play.members.len();
    let mut writers = Vec::new();
    for (channel, number) in (0..options.members).zip(0..) {
        let role = Role { channel, follows_after: Some(0), ..Role::default() };
        let writes = Role { writer: Some(number), ..role.clone() };
        writers.push(play.add(writes, options.window.unwrap_or(WINDOW))?);
        play.add(role, 0)?;
    }
    play.gather(first..play.members.len())?;
    Ok(writers)
}
