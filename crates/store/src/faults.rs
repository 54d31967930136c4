//! Pretended crashes around a commit, for tests.

/// A moment at which a test may pretend that the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The work is done and nothing is durable yet.
    BeforeCommit,
    /// The commit is durable and nobody has been told yet.
    AfterCommit,
}

/// Asked at every [`Moment`]; `true` means that the process dies there.
pub type Probe = Box<dyn FnMut(Moment) -> bool + Send>;
