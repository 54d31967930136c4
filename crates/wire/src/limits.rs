//! Every limit of the protocol, named, in one place. Sizes are in bytes unless the name says else.

/// The version of the protocol that this program speaks; raised when the bytes change meaning.
pub const PROTOCOL_VERSION: u32 = 1;

/// The largest `bytes` of one entry: a commit that fills a fresh tree of 10,000 leaves fits.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;
/// The largest encoded frame, either way.
pub const FRAME_BYTES_MAX: usize = ENTRY_BYTES_MAX + (64 << 10);
/// The most entries in one frame.
pub const ENTRIES_PER_FRAME_MAX: usize = 512;
/// The bytes of entries after which a frame is closed.
pub const ENTRIES_FRAME_BYTES_SOFT: usize = 256 << 10;
/// The largest text of one message, UTF-8.
pub const TEXT_BYTES_MAX: usize = 64 << 10;
/// The largest `bytes` of a `Signal`.
pub const SIGNAL_BYTES_MAX: usize = 1024;
/// The largest envelope in an inbox.
pub const INBOX_BYTES_MAX: usize = 64 << 10;
/// The most envelopes that wait in one inbox.
pub const INBOX_ENTRIES_MAX: usize = 1_000;
/// The most admin keys of a log (docs/protocol.md, rule 12).
pub const ADMIN_KEYS_MAX: usize = 16;
/// The most invite hashes of an inbox.
pub const INVITES_MAX: usize = 64;
/// The longest that slow mode makes a member wait between two messages, in seconds: a day.
pub const SLOW_SECONDS_MAX: u32 = 86_400;
/// The most devices of an account.
pub const DEVICES_MAX: usize = 16;
/// The most KeyPackages kept for a device and suite.
pub const KEY_PACKAGES_MAX: usize = 100;
/// The largest KeyPackage (X-Wing ones are about 3.5 kB).
pub const KEY_PACKAGE_BYTES_MAX: usize = 16 << 10;
/// The largest certificate or credential.
pub const CERTIFICATE_BYTES_MAX: usize = 4 << 10;
/// The most bytes of a blob in one `PutBlob` or `GetBlob`.
pub const BLOB_PART_BYTES_MAX: usize = 256 << 10;
/// The largest blob: a file of 100 MiB, sealed.
pub const BLOB_BYTES_MAX: u64 = 101 << 20;
/// The largest file that a client sends, before sealing.
pub const FILE_BYTES_MAX: u64 = 100 << 20;
/// The longest name of a file, UTF-8.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// The longest title of a chat, UTF-8.
pub const TITLE_BYTES_MAX: usize = 256;
/// Characters (Unicode scalar values) of a display name.
pub const DISPLAY_NAME_CHARS_MAX: usize = 64;
/// The shortest username, characters of `a-z0-9_`.
pub const USERNAME_MIN: usize = 3;
/// The longest username.
pub const USERNAME_MAX: usize = 32;
/// The most messages that one reaction, in bytes of UTF-8, may carry as its emoji.
pub const REACTION_BYTES_MAX: usize = 64;
/// The most subscriptions of one connection.
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
/// The most requests of one connection that may wait for their answers.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 256;
/// The most members added by one commit.
pub const ADDS_PER_COMMIT_MAX: usize = 500;
/// The most devices of a group of the post-quantum suite, of direct chats and small groups: a commit that
/// fills a fresh tree of so many fits into an entry.
pub const SMALL_GROUP_LEAVES_MAX: usize = 500;
/// The most devices of a large group.
pub const GROUP_LEAVES_MAX: usize = 10_000;
/// The largest encoded message content: the largest text, a file with it, and room for what newer
/// programs add.
pub const CONTENT_BYTES_MAX: usize = 128 << 10;
/// The deepest that arrays and maps of message content are nested.
pub const CONTENT_DEPTH_MAX: usize = 16;
/// The most parts of one message content.
pub const CONTENT_PARTS_MAX: usize = 64;
/// The longest content type of a part or media type of a file.
pub const CONTENT_TYPE_BYTES_MAX: usize = 255;
/// The most messages of one receipt.
pub const RECEIPT_IDS_MAX: usize = 1_000;
/// The most devices of a chat in which programs tell each other what people have read, and that they
/// are writing.
pub const RECEIPTS_DEVICES_MAX: usize = 32;
/// The most members whom one message mentions by name.
pub const MENTIONS_MAX: usize = 32;
/// Entries named by one note of messages that could not be read.
pub const UNREAD_IDS_MAX: usize = 256;
/// The latest time that anything may bear, in milliseconds: the end of the year 9999.
pub const MILLIS_MAX: u64 = 253_402_300_799_999;
/// The largest HPKE public key of an inbox (X-Wing ones are 1,216 bytes).
pub const INBOX_KEY_BYTES_MAX: usize = 2 << 10;
/// The longest invite code of an operator.
pub const INVITE_CODE_BYTES_MAX: usize = 64;
/// The longest reason in a refusal of a malformed request.
pub const REASON_BYTES_MAX: usize = 256;
/// The longest host of a server address: the longest name of the DNS.
pub const HOST_BYTES_MAX: usize = 253;
/// The longest server address or link.
pub const LINK_BYTES_MAX: usize = 1024;
