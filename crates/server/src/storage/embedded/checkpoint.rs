//! The write-ahead log of the logs is copied into the database by a thread of its own, so that nobody who
//! waits for an append waits for that.

use std::ffi::c_int;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::{CHECKPOINT_PAGES, broken_file};
use crate::storage::Stored;

/// From so many pages on the thread copies. It has as much time as the rest takes to be written.
const EARLY_PAGES: i64 = CHECKPOINT_PAGES - CHECKPOINT_PAGES / 8;

/// The thread that copies.
pub(super) struct Checkpointer {
    /// Held while it copies.
    busy: Arc<Mutex<()>>,
    /// Ends it, with one more wake-up.
    is_over: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Begins to look after the write-ahead log of an open database. The thread ends when this is
    /// dropped.
    pub(super) fn start(logs: &mut Connection, path: &Path) -> Stored<Self> {
        let copier = Connection::open(path)?;
        copier.pragma_update(None, "synchronous", "FULL")?;
        copier.pragma_update(None, "checkpoint_fullfsync", true)?;
        let (wake, woken) = sync_channel::<()>(1);
        let (busy, copied) = (Arc::new(Mutex::new(())), Arc::new(AtomicBool::new(false)));
        let is_over = Arc::new(AtomicBool::new(false));
        let (is_busy, has_copied) = (Arc::clone(&busy), Arc::clone(&copied));
        let ends = Arc::clone(&is_over);
        let copy = move || {
            for () in woken {
                if ends.load(Ordering::Acquire) {
                    return;
                }
                let _busy = is_busy.lock().unwrap_or_else(PoisonError::into_inner);
                // What fails here is left to the writer, and is said where a commit fails.
                let _ = copier.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                has_copied.store(true, Ordering::Release);
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(copy);
        let thread = thread.map_err(|error| broken_file("start a thread", &error))?;
        let mut is_asked = false;
        let asks = wake.clone();
        logs.wal_hook(Some(move |wal: &mut Wal, pages: c_int| {
            let pages = i64::from(pages);
            if copied.swap(false, Ordering::Acquire) || pages >= CHECKPOINT_PAGES {
                // What was written meanwhile; then the log can begin anew. An error here would come out
                // as one of the commit, which is durable; the next one tries again.
                let _ = wal.checkpoint();
            } else if pages < EARLY_PAGES {
                is_asked = false;
            } else if !is_asked {
                is_asked = asks.try_send(()).is_ok();
            }
            Ok(())
        }))?;
        Ok(Self { busy, is_over, wake, thread: Some(thread) })
    }

    /// Waits until the thread copies nothing, and lets it not begin meanwhile.
    pub(super) fn pause(&self) -> MutexGuard<'_, ()> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // Where one wake-up waits already, that will do.
        let _ = self.wake.try_send(());
        if let Some(thread) = self.thread.take() {
            // A panic in there was said by itself.
            let _ = thread.join();
        }
    }
}
