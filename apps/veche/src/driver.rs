//! Keeps the client connected: dials, carries frames both ways, dials again.

use std::rc::Rc;
use std::time::Duration;

use veche_client::wire::link::{Broken, Dial, Link, NotConnected};
use veche_client::{Input, Job};
use veche_net::{DirectDialer, backoff};

use crate::engine::{Engine, Reach, SystemRandom};

/// A person waits in front of the first attempts, so they follow each other closely.
const PATIENT_AFTER: u32 = 12;
/// The longest wait between those.
const IMPATIENT_WAIT_MAX: Duration = Duration::from_secs(2);

/// Dials whenever somebody wants the server, for as long as the process lives.
pub(crate) async fn drive(engine: Rc<Engine>) {
    let mut failures = 0;
    loop {
        let dialer = DirectDialer { address: engine.address_wanted().await };
        let why = match dialer.dial().await {
            Ok(mut link) => {
                // What was meant for an earlier connection is asked anew on this one.
                engine.take_outgoing();
                engine.take_hang_up();
                engine.set_reach(Reach::Up);
                engine.feed(Input::Connected);
                let mut heard = false;
                let Broken(why) = talk(&engine, &mut link, &mut heard).await;
                if heard {
                    failures = 0;
                }
                engine.feed(Input::Disconnected);
                NotConnected::ForNow(why)
            }
            Err(why) => why,
        };
        failures += 1;
        let wait = match why {
            // Whoever poses as the server need not hear of us more often.
            NotConnected::OtherKey(_) => wait(u32::MAX),
            NotConnected::ForNow(_) | NotConnected::NobodyThere(_) => wait(failures),
        };
        engine.set_reach(Reach::Unreachable(why));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // In a long-running process the waits have grown, but somebody new is waiting now.
            () = engine.hurried() => failures = 1,
        }
    }
}

/// Wakes the client at the times it asks for.
pub(crate) async fn wake(engine: Rc<Engine>) {
    loop {
        engine.wake_time().await;
        engine.feed(Input::Tick);
    }
}

/// Computes what the client wants computed, beside everything else.
pub(crate) async fn compute(engine: Rc<Engine>) {
    loop {
        let job = engine.job().await;
        match tokio::task::spawn_blocking(|| Job::compute(job)).await {
            Ok(computed) => engine.feed(Input::Computed(computed)),
            // The panic was told where it happened.
            Err(_) => return engine.give_up("A computation failed; start veche again.".to_owned()),
        }
    }
}

/// Carries frames until the connection breaks or the client wants another.
async fn talk(engine: &Engine, link: &mut impl Link, heard: &mut bool) -> Broken {
    loop {
        if engine.take_hang_up() {
            return Broken("the connection was given up and is made anew".to_owned());
        }
        let frames = engine.take_outgoing();
        if !frames.is_empty() {
            let slices: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            if let Err(broken) = link.send(&slices).await {
                return broken;
            }
            continue;
        }
        tokio::select! {
            // What has come is processed before more is taken, so that the server sends no faster.
            frame = link.recv(), if !engine.client().has_backlog() => match frame {
                Ok(frame) => {
                    *heard = true;
                    engine.feed(Input::Frame(frame));
                }
                Err(broken) => return broken,
            },
            () = engine.work() => {}
        }
    }
}

fn wait(failures: u32) -> Duration {
    let mut random = [0; 4];
    veche_client::wire::Random::fill(&mut SystemRandom, &mut random);
    let wait = backoff::delay(failures, u32::from_ne_bytes(random));
    if failures <= PATIENT_AFTER { wait.min(IMPATIENT_WAIT_MAX) } else { wait }
}
