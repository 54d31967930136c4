//! Groups, credentials and sealing over OpenMLS: what a member can make, open and judge.
//!
//! This crate **never** does I/O, reads a clock or draws randomness by itself: state goes through
//! the trait [`Keep`] inside the caller's transaction, randomness comes from the caller's
//! [`veche_wire::Random`]. It knows neither server nor database nor user, and no other crate names
//! OpenMLS. (OpenMLS reads the system's clock to check lifetimes of KeyPackages; ours never end, so
//! no verdict depends on it; and it draws HPKE's ephemeral keys from the system.)

pub mod commit;
pub mod control;
pub mod door;
pub mod engine;
pub mod entry;
pub mod envelope;
pub mod file;
pub mod fuzz;
pub mod group;
pub mod identity;
pub mod join;
pub mod judge;
pub mod keep;
pub mod message;
pub mod payload;
pub mod policy;
pub mod tokens;

mod cbor;
mod rules;
#[cfg(any(test, feature = "mutants"))]
mod saboteur;
mod seal;
mod signatures;
mod storage;

pub use commit::{Change, Draft, Joiner, Needs};
pub use control::{Control, LEAF_KEYS_MAX, LeaveRequest, ReadmitRequest, Revocation};
pub use door::{DoorSecret, JoinRequest, door_write_token};
#[cfg(any(test, feature = "mutants"))]
pub use engine::Mutant;
pub use engine::{Engine, EngineRandom, Suite};
pub use entry::{Bound, EntryKey, EntryRef, RiderPlan, Transcript, commitment};
pub use envelope::{
    BlobRef, Envelope, EnvelopeError, Gone, Invitation, open_envelope, open_tree, seal_envelope,
    seal_tree,
};
pub use file::{FileError, FileOpener, FileSealer, sealed_size};
pub use group::{Group, Member, MlsError};
pub use identity::{
    AccountKey, AdminSecret, DeviceKeys, Identity, Phrase, PhraseError, RiderPlace, safety_number,
    verify_certificate, verify_name, verify_names, verify_rider,
};
pub use join::{
    JoinError, Joined, REFERENCE_BYTES, check_key_package, forget_key_package,
    forget_key_package_reference, generate_key_package, is_own_key_package, key_package_credential,
    key_package_leaf_key, key_package_reference, welcomed, welcomed_leaf_key,
};
pub use judge::{JudgeContext, Judged, Processed, SkipReason, StuckReason, Summary, Verdict};
pub use keep::{Excerpt, Keep, KeepError, MemoryKeep};
pub use message::{JunkReason, Opened, OpenedMessage};
pub use payload::Payload;
pub use policy::{BANNED_MAX, ChatKind, Door, Policy, Role};
pub use signatures::verify_signature;
pub use tokens::{ControlKey, GenerationSecret, token_hash};

#[cfg(test)]
mod tests;
