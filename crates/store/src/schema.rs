//! The tables, as the ordered list of steps that build them.
//!
//! A step that was ever released is never changed: later needs are later steps.

/// The steps, oldest first. A database of version `n` has had the first `n` of them.
pub(crate) const MIGRATIONS: &[&str] = &[
    KEEP,
    include_str!("tables.sql"),
    include_str!("until_seen.sql"),
    include_str!("leaf_keys.sql"),
    include_str!("doors.sql"),
    include_str!("knock_suite.sql"),
    include_str!("members.sql"),
];

/// What the message layer keeps: small values whole, large ones in pieces cut by their content.
///
/// - `keep_value.bytes` is the value when it is small, and null when it is in pieces.
/// - `keep_piece` orders the pieces of a value by `position`, which has gaps, so that a piece can be
///   put between two others; `hash` is SHA-256 of the piece, so that an unchanged one is told
///   without reading it.
const KEEP: &str = "
CREATE TABLE keep_value (
    id      INTEGER PRIMARY KEY,
    label   TEXT    NOT NULL,
    key     BLOB    NOT NULL,
    length  INTEGER NOT NULL,
    bytes   BLOB,
    UNIQUE (label, key)
) STRICT;
CREATE TABLE keep_chunk (
    id      INTEGER PRIMARY KEY,
    bytes   BLOB    NOT NULL
) STRICT;
CREATE TABLE keep_piece (
    value    INTEGER NOT NULL REFERENCES keep_value (id),
    position INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    chunk    INTEGER NOT NULL REFERENCES keep_chunk (id),
    PRIMARY KEY (value, position)
) STRICT, WITHOUT ROWID;
";
