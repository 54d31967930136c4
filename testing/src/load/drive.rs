//! The pace of a load: so many messages a second, or as many as can be.

use std::collections::VecDeque;
use std::time::Duration;

use super::Stopped;
use super::histogram::Histogram;
use super::play::Play;
use super::speech::{Service, now};

/// The system's timer is no finer.
const TICK: Duration = Duration::from_millis(1);
/// How long to wait where only arrivals can help.
const PATIENCE: Duration = Duration::from_millis(20);

/// How fast, and for how long.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    /// Who writes.
    pub(super) writers: Vec<usize>,
    /// Messages a second of all writers together; 0: as many as the windows allow.
    pub(super) rate: u64,
    /// For how long.
    pub(super) time: Duration,
    /// With rate 0: how many entries the followers may be behind, on average, before nothing more is
    /// written. Without it the queues of a server that acknowledges faster than it delivers would
    /// only grow.
    pub(super) ahead: u64,
}

/// Lets the writers write at this pace; gives how late they were, where there is a rate.
pub(super) fn drive<S: Service>(play: &mut Play<S>, pace: &Pace) -> Result<Histogram, Stopped> {
    let end = now() + u64::try_from(pace.time.as_nanos()).unwrap_or(u64::MAX / 2);
    let mut late = Histogram::default();
    if pace.rate == 0 {
        flat_out(play, pace, end)?;
    } else {
        at_a_rate(play, pace, end, &mut late)?;
    }
    Ok(late)
}

fn flat_out<S: Service>(play: &mut Play<S>, pace: &Pace, end: u64) -> Result<(), Stopped> {
    let all: u64 = play.followers.values().sum();
    let each = all / (play.followers.len() as u64).max(1);
    let mut ready: VecDeque<usize> = pace.writers.iter().copied().collect();
    while now() < end {
        ready.extend(play.ready.drain(..));
        while let Some(slot) = ready.pop_front() {
            let counts = &play.counts;
            let behind = (counts.sent * each).saturating_sub(counts.deliveries);
            if behind > pace.ahead * all.max(1) {
                ready.push_front(slot);
                break;
            }
            if play.write(slot) {
                ready.push_back(slot);
            }
        }
        play.turn(PATIENCE)?;
    }
    Ok(())
}

fn at_a_rate<S: Service>(
    play: &mut Play<S>,
    pace: &Pace,
    end: u64,
    late: &mut Histogram,
) -> Result<(), Stopped> {
    let start = now();
    let gap = (1_000_000_000 / pace.rate).max(1);
    let mut turns = pace.writers.iter().copied().cycle();
    for due in (0..).map(|number| start + number * gap).take_while(|due| *due < end) {
        loop {
            let time = now();
            if time >= due {
                break;
            }
            let wait = Duration::from_nanos(due - time).clamp(TICK, PATIENCE);
            play.turn(wait)?;
        }
        // Who has no room is passed over; when nobody has, the message is late.
        while !turns.by_ref().take(pace.writers.len()).any(|slot| play.write(slot)) {
            play.turn(TICK)?;
            if now() > end {
                break;
            }
        }
        late.add(now().saturating_sub(due));
        play.ready.clear();
    }
    Ok(())
}

/// Lets the writers write so many entries, and waits until all are acknowledged.
pub(super) fn fill<S: Service>(
    play: &mut Play<S>,
    writers: &[usize],
    count: u64,
) -> Result<(), Stopped> {
    let end = play.counts.sent + count;
    let mut ready: VecDeque<usize> = writers.iter().copied().collect();
    while play.counts.sent < end {
        ready.extend(play.ready.drain(..));
        while play.counts.sent < end
            && let Some(slot) = ready.pop_front()
        {
            if play.write(slot) {
                ready.push_back(slot);
            }
        }
        play.turn(PATIENCE)?;
    }
    play.until("the log is filled", Play::is_settled)
}
