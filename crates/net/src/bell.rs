//! A waker that remembers that it was called.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use futures_util::task::AtomicWaker;

/// Stands between something that becomes ready and the task that waits for it among other things:
/// woken for another reason, the task sees here that it need not ask again.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Bell {
    /// A bell that has rung already: the first question is not in vain.
    pub(crate) fn rung() -> Arc<Self> {
        let bell = Self::default();
        bell.ring();
        Arc::new(bell)
    }

    /// Whether it has rung since this was last asked; if not, `task` is woken when it does.
    pub(crate) fn has_rung(&self, task: &Waker) -> bool {
        // In this order: what rings in between is seen, or wakes.
        self.task.register(task);
        self.has_rung.load(Ordering::Acquire) && self.has_rung.swap(false, Ordering::AcqRel)
    }

    /// Rings, for whoever asks next, without waking anybody.
    pub(crate) fn ring(&self) {
        self.has_rung.store(true, Ordering::Release);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
        self.task.wake();
    }
}
