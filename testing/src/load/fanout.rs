//! Everybody follows one log, and a few write into it.

use serde_json::Value;

use super::drive::{Pace, drive};
use super::play::Play;
use super::report::{Outcome, row, with};
use super::speech::{Role, Service};
use super::system::Meter;
use super::{Options, Stopped};

/// Connections that write, and do not follow.
pub(super) const WRITERS: u32 = 16;
/// What each of them may have under way.
pub(super) const WINDOW: usize = 16;
/// How far ahead of the slowest half the writers may be where no rate is asked for.
pub(super) const AHEAD: u64 = 64;
/// What is said before anything is counted.
const WARM_UP: u32 = 32;

/// Runs the load on a server that has just been started.
pub(super) fn run<S: Service>(service: S, options: &Options) -> Result<Value, Stopped> {
    let mut play = Play::new(service, options.seed)?;
    play.make_channels(1)?;
    let before = play.server_memory()?;
    let writers = join(&mut play, options.members)?;
    warm_up(&mut play, &writers)?;
    let pace = Pace {
        writers,
        rate: options.rate,
        time: options.time(),
        ahead: options.ahead.unwrap_or(AHEAD),
    };
    let meter = Meter::start(play.service.process())?;
    let late = drive(&mut play, &pace)?;
    play.until("all is delivered", Play::is_settled)?;
    let used = meter.used(play.service.process())?;
    let memory = play.server_memory()?.saturating_sub(before);
    let row = row(options, &play, &Outcome { used, memory: Some(memory), late: Some(late) });
    Ok(with(row, "ahead", (options.rate == 0).then_some(pace.ahead).into()))
}

/// Brings in the followers of channel 0 and its writers; gives the writers.
pub(super) fn join<S: Service>(play: &mut Play<S>, members: usize) -> Result<Vec<usize>, Stopped> {
    let first = play.members.len();
    for _ in 0..members {
        play.add(Role { follows_after: Some(0), ..Role::default() }, 0)?;
    }
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        writers.push(play.add(Role { writer: Some(number), ..Role::default() }, WINDOW)?);
    }
    play.gather(first..play.members.len())?;
    Ok(writers)
}

/// Lets every writer say something, so that nothing is done for the first time while it is counted.
pub(super) fn warm_up<S: Service>(play: &mut Play<S>, writers: &[usize]) -> Result<(), Stopped> {
    for slot in writers.iter().cycle().take(WARM_UP as usize) {
        play.write(*slot);
    }
    play.until("what was said first is delivered", Play::is_settled)?;
    play.count_anew();
    Ok(())
}
