//! Sealing and opening a message by group size, without a database: once with the state put into
//! memory as a client puts it, once without putting it anywhere; beside the bare cipher on the same
//! bytes.

use serde_json::{Value, json};
use veche_mls::{Group, Keep, KeepError, Suite};

use super::crowd::{self, Crowd};
use super::meter::{Meter, each, ratio, rounded};
use super::{Sizes, Stopped, words};

pub(super) fn run(sizes: &Sizes, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    for suite in Suite::ALL {
        for leaves in &sizes.leaves {
            // Groups planned large have the classic suite (docs/decisions/0006-one-suite-for-now.md).
            if suite == Suite::Classic || *leaves <= 100 {
                report(measure(*leaves, suite, sizes.messages)?);
            }
        }
    }
    Ok(())
}

fn measure(leaves: usize, suite: Suite, messages: usize) -> Result<Value, Stopped> {
    let mut gathering = Meter::default();
    let crowd = gathering.time(|| Crowd::gather(leaves, suite))?;
    let mut sender = crowd::load(&crowd.sender_keep, crowd.log)?;
    let mut receiver = crowd::load(&crowd.receiver_keep, crowd.log)?;
    let mut talk = |keeps: (&dyn Keep, &dyn Keep)| {
        Talk::of((&mut sender, keeps.0), (&mut receiver, keeps.1), &crowd, messages)
    };
    crowd.sender_keep.reset_written();
    crowd.receiver_keep.reset_written();
    let kept = talk((&crowd.sender_keep, &crowd.receiver_keep))?;
    // Even then the storage trait turns the state into bytes each time.
    let unkept = talk((&Nowhere, &Nowhere))?;
    let bare = floor(kept.entry_bytes, messages)?.cpu_ms(messages);
    Ok(json!({
        "bench": "sealing",
        "leaves": leaves,
        "suite": format!("{suite:?}"),
        "messages": messages,
        "entry_bytes": kept.entry_bytes,
        "seal_cpu_ms": rounded(kept.seal.cpu_ms(messages)),
        "open_cpu_ms": rounded(kept.open.cpu_ms(messages)),
        "seal_unkept_cpu_ms": rounded(unkept.seal.cpu_ms(messages)),
        "open_unkept_cpu_ms": rounded(unkept.open.cpu_ms(messages)),
        "floor_cpu_ms": rounded(bare),
        "seal_ratio": ratio(kept.seal.cpu_ms(messages), bare),
        "open_ratio": ratio(kept.open.cpu_ms(messages), bare),
        "state_bytes_sealed": each(crowd.sender_keep.written(), messages),
        "state_bytes_opened": each(crowd.receiver_keep.written(), messages),
        "gather_cpu_ms": rounded(gathering.cpu_ms(1)),
    }))
}

/// What some messages took.
struct Talk {
    seal: Meter,
    open: Meter,
    entry_bytes: usize,
}

impl Talk {
    /// The sender says as much as is to be measured, and the receiver opens each at once.
    fn of(
        (sender, sender_keep): (&mut Group, &dyn Keep),
        (receiver, receiver_keep): (&mut Group, &dyn Keep),
        crowd: &Crowd,
        messages: usize,
    ) -> Result<Self, Stopped> {
        let mut talk = Self { seal: Meter::default(), open: Meter::default(), entry_bytes: 0 };
        for counter in 0..u32::try_from(messages).map_err(words)? {
            let entry =
                talk.seal.time(|| crowd::seal(sender, sender_keep, &crowd.sender, counter))?;
            talk.open.time(|| crowd::open(receiver, receiver_keep, &crowd.receiver, &entry))?;
            talk.entry_bytes = entry.bytes.len();
        }
        Ok(talk)
    }
}

/// One bare AEAD over an entry's bytes.
fn floor(entry_bytes: usize, messages: usize) -> Result<Meter, Stopped> {
    let mut bytes = vec![0; entry_bytes];
    let mut meter = Meter::default();
    meter.time(|| (0..messages).try_for_each(|_| crowd::bare_seal(&mut bytes)))?;
    Ok(meter)
}

/// Forgets what it is given. A group in memory asks for nothing back to seal and open.
struct Nowhere;

impl Keep for Nowhere {
    fn get(&self, _label: &str, _key: &[u8]) -> Result<Option<Vec<u8>>, KeepError> {
        Ok(None)
    }

    fn put(&self, _label: &str, _key: &[u8], _bytes: &[u8]) -> Result<(), KeepError> {
        Ok(())
    }

    fn delete(&self, _label: &str, _key: &[u8]) -> Result<(), KeepError> {
        Ok(())
    }
}
