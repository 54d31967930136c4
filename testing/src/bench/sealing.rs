//! Sealing and opening a message by group size, without a database: once with the state saved
//! into memory after each, as for a message alone in its transaction, once without saving it; beside the bare cipher on the same
//! bytes.

use serde_json::{Value, json};
use veche_mls::{Group, MemoryKeep, Suite};

use super::crowd::{self, Crowd, Device};
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
    let mut talk = |saves| Talk::of((&mut sender, &mut receiver), &crowd, messages, saves);
    crowd.sender_keep.reset_written();
    crowd.receiver_keep.reset_written();
    let kept = talk(true)?;
    let written = (crowd.sender_keep.written(), crowd.receiver_keep.written());
    let unkept = talk(false)?;
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
        "state_bytes_sealed": each(written.0, messages),
        "state_bytes_opened": each(written.1, messages),
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
        (sender, receiver): (&mut Group, &mut Group),
        crowd: &Crowd,
        messages: usize,
        saves: bool,
    ) -> Result<Self, Stopped> {
        let (seals, opens) = (&crowd.sender_keep, &crowd.receiver_keep);
        let save = |group: &mut Group, device: &Device, keep: &MemoryKeep| match saves {
            true => group.save(&device.engine, keep).map_err(words),
            false => Ok(()),
        };
        let mut talk = Self { seal: Meter::default(), open: Meter::default(), entry_bytes: 0 };
        for counter in 0..u32::try_from(messages).map_err(words)? {
            let entry = talk.seal.time(|| {
                let entry = crowd::seal(sender, seals, &crowd.sender, counter)?;
                save(sender, &crowd.sender, seals).map(|()| entry)
            })?;
            talk.open.time(|| {
                crowd::open(receiver, opens, &crowd.receiver, &entry)?;
                save(receiver, &crowd.receiver, opens)
            })?;
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
