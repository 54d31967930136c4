//! The asynchronous rim. To come.
