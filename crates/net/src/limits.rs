//! Every limit of the session and of connections, named, in one place. Sizes are in bytes.

use std::time::Duration;

use veche_wire::limits::FRAME_BYTES_MAX;

/// The largest handshake message that is looked at. Ours have 48 bytes; the rest is room for
/// payloads of later versions.
pub const HANDSHAKE_BYTES_MAX: usize = 1024;
/// The largest Noise message (Noise rev 34, §3).
pub const NOISE_MESSAGE_BYTES_MAX: usize = 65_535;
/// What an authentication tag adds to each Noise message.
pub const NOISE_TAG_BYTES: usize = 16;
/// What the length before each frame takes.
pub const FRAME_LENGTH_BYTES: usize = 4;
/// The frames of one message with their lengths, before padding: the largest frame fits.
pub const BATCH_BYTES_MAX: usize = FRAME_BYTES_MAX + FRAME_LENGTH_BYTES;
/// The most frames in one message; bounds what a message of empty frames makes a reader allocate.
pub const BATCH_FRAMES_MAX: usize = 4096;
/// The largest WebSocket message: a full batch, padded and sealed. (A test derives the number.)
pub const MESSAGE_BYTES_MAX: usize = 1_147_168;

/// The most bytes of received frames that wait inside a link while it is busy with sending.
pub const INCOMING_BYTES_MAX: usize = 4 << 20;
/// What a client's WebSocket reads at a time.
pub const CLIENT_READ_BUFFER_BYTES: usize = 32 << 10;
/// What a server's WebSocket should read at a time: every idle connection holds as much.
pub const SERVER_READ_BUFFER_BYTES: usize = 4 << 10;
/// Sealed messages up to so many bytes leave in one write.
pub const WRITE_BUFFER_BYTES: usize = 64 << 10;

/// How long one network address of a server may take to answer to a connection attempt.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(8);
/// How long a dial may take in all, from the name look-up to the proof of the key.
pub const DIAL_WITHIN: Duration = Duration::from_secs(20);
/// How long a client may take from the open WebSocket to its first handshake message.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long a polite goodbye may take.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// A client that heard nothing for so long sends a ping; short enough to keep address translators
/// from forgetting the connection.
pub const CLIENT_PING_AFTER: Duration = Duration::from_secs(25);
/// A server that heard nothing for so long sends a ping; longer, because clients normally ping
/// first.
pub const SERVER_PING_AFTER: Duration = Duration::from_secs(75);
/// A client gives a connection up on which no byte arrives for so long after a ping.
pub const CLIENT_PONG_WITHIN: Duration = Duration::from_secs(30);
/// A server gives a connection up on which no whole message arrives for so long after a ping: the
/// largest message on a very slow line must fit.
pub const SERVER_PONG_WITHIN: Duration = Duration::from_secs(120);
/// A client gives a connection up that takes no byte of what is being sent for so long.
pub const CLIENT_WRITE_WITHIN: Duration = Duration::from_secs(60);
/// A server gives a connection up that takes longer than this to take what is being sent.
pub const SERVER_WRITE_WITHIN: Duration = Duration::from_secs(180);
