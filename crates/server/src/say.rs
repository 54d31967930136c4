//! The server's log, which by type cannot contain an account, a chat, a token or an address.
//!
//! Nothing else in this crate writes to `tracing`. What can be said is a sentence known when the
//! program was built, and values whose type is [`LogSafe`]: numbers and fixed words.

use std::fmt;
use std::time::Duration;

use crate::storage::StorageError;

mod sealed {
    pub trait Sealed {}
}

/// A value that says nothing about who uses the server. Sealed: what is not listed here cannot be
/// logged.
pub trait LogSafe: sealed::Sealed + fmt::Debug {}

macro_rules! log_safe {
    ($($name:ty),*) => {
        $(impl sealed::Sealed for $name {}
        impl LogSafe for $name {})*
    };
}

log_safe!(u16, u32, u64, usize, i32, bool, Duration, &'static str, StorageError);

/// Named values.
pub type Fields<'a> = &'a [(&'static str, &'a dyn LogSafe)];

struct Line<'a>(Fields<'a>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| write!(f, " {name}={value:?}"))
    }
}

/// Something an operator wants to know.
pub fn info(what: &'static str, fields: Fields<'_>) {
    tracing::info!("{what}{}", Line(fields));
}

/// Something an operator should look at.
pub fn warn(what: &'static str, fields: Fields<'_>) {
    tracing::warn!("{what}{}", Line(fields));
}

/// Something an operator must mend.
pub fn error(what: &'static str, fields: Fields<'_>) {
    tracing::error!("{what}{}", Line(fields));
}
