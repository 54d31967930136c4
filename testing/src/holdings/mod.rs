//! What a server holds, looked at as somebody would who was handed its disk: a session in one
//! process with every frame recorded, a reader of the database files that trusts nobody's word for
//! what is in them, a search through every disguise, and the attacks that try to join an account to
//! a chat.

pub mod ciphertext;
pub mod fixtures;
mod gathering;
mod inflate;
mod joins;
mod search;
mod snapshot;
mod sqlite;

pub use gathering::{Gathering, Heard, Seat, Way};
pub use joins::{Finding, orders_alike, shared_bytes, shared_lengths, times_finer_than_a_day};
pub use search::{Found, Needle, Needles};
pub use snapshot::{File, Snapshot};
pub use sqlite::{Database, Row, Table, Value};
