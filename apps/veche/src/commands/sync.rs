//! Sending what waits and receiving what is there.

use std::time::Duration;

use tokio::time::Instant;
use veche_client::{Connection, Pending};

use crate::context::Context;
use crate::problem::Problem;
use crate::shapes::SyncShape;

/// So many bytes of frames, either way, are progress even where nothing has settled: a large file is
/// on its way.
const PROGRESS_BYTES: u64 = 32 << 10;

/// What shows that something is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    outgoing: u64,
    received: u64,
    sent: u64,
    moved: u64,
    stirs: u64,
}

/// Catches up and sends, until nothing is left and `quiet` has passed without anything new. Gives up
/// when nothing has moved for as long as `--timeout` says.
pub(super) async fn run(context: &Context, quiet: Duration) -> Result<(), Problem> {
    let before = context.client().pending()?;
    context.engine.go_online();
    let ended = settle(context, quiet).await;
    let after = context.client().pending()?;
    let shape = SyncShape::between(before, after);
    let requests = context.client().requests()?.len();
    context.output.say(&shape, || {
        let SyncShape { received, sent, pending } = shape;
        let asked = match requests {
            0 => String::new(),
            count => format!("; {count} to answer (`veche requests`)"),
        };
        format!("{received} received, {sent} sent, {pending} waiting{asked}")
    })?;
    ended
}

async fn settle(context: &Context, quiet: Duration) -> Result<(), Problem> {
    let mut seen = progress(context, &context.client().pending()?);
    let mut moved_at = Instant::now();
    let mut complete_since = None;
    loop {
        let complete = is_complete(context)?;
        let now = Instant::now();
        let until = if complete {
            let since = *complete_since.get_or_insert(now);
            if now.duration_since(since) >= quiet {
                return Ok(());
            }
            since + quiet
        } else {
            complete_since = None;
            if now.duration_since(moved_at) >= context.options.timeout {
                return Err(incomplete(context)?);
            }
            moved_at + context.options.timeout
        };
        let changed = context.engine.until(until, |engine| {
            if !is_complete(context)? {
                context.heed_unreachable()?;
            }
            let now = progress(context, &engine.client().pending()?);
            let changed = now != seen || is_complete(context)? != complete;
            Ok(changed.then_some(now))
        });
        if let Some(now) = changed.await?
            && now != seen
        {
            seen = now;
            moved_at = Instant::now();
            complete_since = None;
        }
    }
}

fn progress(context: &Context, pending: &Pending) -> Progress {
    Progress {
        outgoing: pending.outgoing,
        received: pending.received,
        sent: pending.sent,
        moved: context.engine.moved_bytes() / PROGRESS_BYTES,
        stirs: context.engine.stirs(),
    }
}

fn is_complete(context: &Context) -> Result<bool, Problem> {
    let client = context.client();
    match client.connection()? {
        Connection::Incompatible(words) => Err(Problem::refused(words)),
        Connection::Live => {
            let pending = client.pending()?;
            Ok(pending.caught_up && pending.outgoing == 0)
        }
        Connection::Down | Connection::CatchingUp => Ok(false),
    }
}

fn incomplete(context: &Context) -> Result<Problem, Problem> {
    if let Some(reason) = context.engine.unreachable() {
        return Ok(Problem::refused(reason));
    }
    let waiting = context.client().pending()?.outgoing;
    if waiting == 0 {
        return Ok(context.unreachable());
    }
    Ok(Problem::refused(format!("{waiting} still waiting to be sent"))
        .hint("`veche sync` tries again; `veche read CHAT` shows what waits"))
}
