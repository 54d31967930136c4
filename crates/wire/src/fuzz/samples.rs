//! One of each thing that travels: what golden tests pin and mutations begin with. The keys and
//! signatures in them are patterns, not keys.

use crate::content::{Body, Content, DisplayName, File, FileKey, Mentions, Note};
use crate::{
    AccountId, AccountRecord, AdminKey, AdminList, Append, BlobId, Certificate, ClientFrame,
    Commitment, ContactLink, Credential, Delivery, DeviceId, DeviceRecord, Entry, EntryId,
    InboxEntry, InboxPass, JoinLink, Kind, LogId, NameBinding, Permit, Push, Refused, Registration,
    Request, Response, Rider, Rotation, ServerAddress, ServerFrame, SignedRequest, Token,
    TokenHash, TokenHashes, Who, padding,
};

/// A list of samples with their names.
pub type Samples<T> = Vec<(&'static str, T)>;

const LOG: LogId = LogId([0x10; 16]);
const ENTRY: EntryId = EntryId([0x20; 16]);
const ACCOUNT: AccountId = AccountId([0x30; 32]);
const DEVICE: DeviceId = DeviceId([0x40; 32]);
const TOKEN: Token = Token([0x50; 32]);
const BLOB: BlobId = BlobId([0x60; 32]);
const SIGNATURE: [u8; 64] = [0x70; 64];
const SUITE: u16 = 1;

/// A file of 1,000 bytes.
#[must_use]
pub fn file() -> File {
    File {
        name: "minutes.pdf".into(),
        media_type: "application/pdf".into(),
        size: 1000,
        sha256: [0x80; 32],
        blob: BLOB,
        blob_size: 1040,
        key: FileKey([0x90; 32]),
    }
}

/// A content for each kind of body.
#[must_use]
pub fn contents() -> Samples<Content> {
    let content = |body| Content {
        id: ENTRY,
        sent_at: 1_700_000_000_000,
        replaces: None,
        in_reply_to: None,
        display_name: None,
        mentions: Mentions::default(),
        body,
    };
    let display_name = DisplayName { since: 1_690_000_000_000, text: "Ana Petrović".into() };
    let called = Content {
        display_name: Some(display_name),
        ..content(Body::File { text: "look".into(), file: file() })
    };
    let mentioning = |all, accounts: &[AccountId]| Content {
        mentions: Mentions { all, accounts: accounts.iter().copied().collect() },
        ..content(Body::Text("@ana".into()))
    };
    let other = EntryId([0x21; 16]);
    let reply = Content { in_reply_to: Some(other), ..content(Body::Text("yes".into())) };
    let edit = Content { replaces: Some(other), ..content(Body::Text("no".into())) };
    let reaction = Content { in_reply_to: Some(other), ..content(Body::Reaction("👍".into())) };
    let deletion = Content { replaces: Some(other), ..content(Body::Nothing) };
    vec![
        ("text", content(Body::Text("hello".into()))),
        ("reply", reply),
        ("edit", edit),
        ("file", content(Body::File { text: String::new(), file: file() })),
        ("file with text", content(Body::File { text: "look".into(), file: file() })),
        ("display name", called),
        ("reaction", reaction),
        ("deletion", deletion),
        ("receipt", content(Body::Receipt { read: vec![ENTRY, other] })),
        ("joined", content(Body::Note(Note::Joined))),
        ("admin key", content(Body::Note(Note::AdminKey(AdminKey([0xa0; 32]))))),
        ("declined", content(Body::Note(Note::Declined(ACCOUNT)))),
        ("unread", content(Body::Note(Note::Unread(vec![ENTRY, other])))),
        ("mentions", mentioning(false, &[ACCOUNT, AccountId([0x31; 32])])),
        ("mention of all", mentioning(true, &[])),
        ("unknown", unknown_content()),
    ]
}

/// The `text` sample with the content type `text/x-new` and an extension that nobody knows.
fn unknown_content() -> Content {
    let mut bytes = vec![0x87, 0x50];
    bytes.extend([0x20; 16]);
    bytes.extend([0xf6, 0x40, 0xf6, 0xf6, 0xa2, 0x01, 0x02, 0x6d]);
    bytes.extend(b"veche.sent_at");
    bytes.extend([0x07, 0x85, 0x01, 0x60, 0x01, 0x6a]);
    bytes.extend(b"text/x-new");
    bytes.extend([0x42, b'h', b'i']);
    let body = Body::Unknown { content_type: "text/x-new".into(), bytes };
    Content {
        id: ENTRY,
        sent_at: 7,
        replaces: None,
        in_reply_to: None,
        display_name: None,
        mentions: Mentions::default(),
        body,
    }
}

/// With and without a link key.
#[must_use]
pub fn certificates() -> Samples<Certificate> {
    vec![
        ("certificate", certificate(None)),
        ("certificate with link key", certificate(Some([0xb0; 32]))),
    ]
}

/// A device as the directory keeps it.
#[must_use]
pub fn device() -> DeviceRecord {
    DeviceRecord { certificate: certificate(None), inbox_key: vec![0xc1; 40] }
}

fn certificate(link_key: Option<[u8; 32]>) -> Certificate {
    Certificate {
        account: ACCOUNT,
        device: DEVICE,
        inbox_key_hash: [0xc0; 32],
        inbox_suite: SUITE,
        link_key,
        signature: SIGNATURE,
    }
}

fn name() -> NameBinding {
    NameBinding { username: "ana".into(), account: ACCOUNT, signature: SIGNATURE }
}

/// With and without a username.
#[must_use]
pub fn credentials() -> Samples<Credential> {
    vec![
        ("credential", Credential { certificate: certificate(None), name: None }),
        ("credential with name", Credential { certificate: certificate(None), name: Some(name()) }),
    ]
}

/// A name, an IPv4 and an IPv6 address.
#[must_use]
pub fn addresses() -> Samples<ServerAddress> {
    let at = |host: &str| ServerAddress { host: host.into(), port: 7733, key: [0xd0; 32] };
    vec![
        ("name", at("veche.example.org")),
        ("IPv4", at("192.0.2.7")),
        ("IPv6", at("[2001:db8::7]")),
    ]
}

/// With and without a username.
#[must_use]
pub fn links() -> Samples<ContactLink> {
    let server = ServerAddress { host: "veche.example.org".into(), port: 443, key: [0xd0; 32] };
    let link = |username| ContactLink {
        server: server.clone(),
        account: ACCOUNT,
        username,
        invite: TOKEN,
    };
    vec![("link", link(Some("ana".into()))), ("link without name", link(None))]
}

/// A link into a group.
#[must_use]
pub fn join_links() -> Samples<JoinLink> {
    let server = ServerAddress { host: "veche.example.org".into(), port: 443, key: [0xd0; 32] };
    let link = |suite| JoinLink {
        server: server.clone(),
        log: LOG,
        door: LogId([0x11; 16]),
        secret: TOKEN,
        key: [0xe0; 32],
        suite,
    };
    vec![("join link", link(0x004F)), ("join link of a large group", link(0x0001))]
}

fn tokens() -> TokenHashes {
    TokenHashes { read: TokenHash([0x51; 32]), write: TokenHash([0x52; 32]) }
}

/// Changes everything that a rider can.
#[must_use]
pub fn rider() -> Rider {
    Rider {
        rotation: Some(Rotation { generation: 2, tokens: tokens() }),
        admins: Some(AdminList { version: 1, keys: vec![AdminKey([0xa0; 32])] }),
        freeze: Some(false),
        guard: None,
        signer: AdminKey([0xa1; 32]),
        signature: SIGNATURE,
    }
}

/// A message, and entries with riders of every kind.
#[must_use]
pub fn entries() -> Samples<Entry> {
    let mut entries = first_entries();
    let commit = signed_commit();
    let nothing = || Rider { rotation: None, admins: None, freeze: None, ..rider() };
    let guard = |on| Rider { guard: Some(on), ..nothing() };
    let bare = |rider| Entry { kind: Kind::Freeze, bytes: vec![], rider, ..commit.clone() };
    entries.extend([
        ("guard", bare(Some(guard(true)))),
        ("guard no more", bare(Some(guard(false)))),
        ("commit that is only signed", Entry { rider: Some(nothing()), ..commit.clone() }),
    ]);
    entries
}

fn first_entries() -> Samples<Entry> {
    let message = Entry {
        seq: 5,
        id: ENTRY,
        kind: Kind::Message,
        commitment: Some(Commitment([0xe0; 32])),
        bytes: b"sealed".to_vec(),
        rider: None,
    };
    let commit = signed_commit();
    let freeze = Rider { rotation: None, admins: None, freeze: Some(true), ..rider() };
    let bare = Entry { kind: Kind::Freeze, bytes: vec![], rider: Some(freeze), ..commit.clone() };
    vec![("message", message), ("commit", commit), ("freeze", bare)]
}

fn signed_commit() -> Entry {
    Entry {
        seq: 6,
        id: EntryId([0x21; 16]),
        kind: Kind::Commit,
        commitment: None,
        bytes: b"sealed too".to_vec(),
        rider: Some(rider()),
    }
}

/// A frame for each request.
#[must_use]
pub fn client_frames() -> Samples<ClientFrame> {
    let frame = |(name, request)| (name, ClientFrame { id: 3, request });
    log_requests().into_iter().chain(other_requests()).map(frame).collect()
}

fn log_requests() -> Samples<Request> {
    let append = Append {
        log: LOG,
        token: TOKEN,
        id: ENTRY,
        kind: Kind::Message,
        after_commit: 4,
        prev: Some(EntryId([0x1f; 16])),
        needs: Some(BLOB),
        commitment: Some(Commitment([0xe0; 32])),
        rider: Some(rider()),
        bytes: b"sealed".to_vec(),
    };
    let create = Request::Create {
        log: LOG,
        permit: Permit::Open,
        tokens: tokens(),
        admins: vec![AdminKey([0xa0; 32]), AdminKey([0xa1; 32])],
    };
    vec![
        ("hello", Request::Hello { version: 1 }),
        ("create", create),
        ("append", Request::Append(append)),
        (
            "read",
            Request::Read { log: LOG, token: TOKEN, after: 9, after_id: Some(ENTRY), limit: 100 },
        ),
        ("subscribe", Request::Subscribe { log: LOG, token: TOKEN, after: 0, after_id: None }),
        (
            "subscribe at an entry",
            Request::Subscribe { log: LOG, token: TOKEN, after: 7, after_id: Some(ENTRY) },
        ),
        ("unsubscribe", Request::Unsubscribe { log: LOG }),
        ("signal", Request::Signal { log: LOG, token: TOKEN, bytes: b"typing".to_vec() }),
    ]
}

fn other_requests() -> Samples<Request> {
    let permit = || Permit::Invite("plum".into());
    let delivery = |pass, needs| {
        Request::Deliver(Delivery {
            device: DEVICE,
            id: ENTRY,
            pass,
            needs,
            bytes: b"welcome".to_vec(),
        })
    };
    let body = SignedRequest::SubscribeInbox.encode();
    let put = Request::PutBlob {
        blob: BLOB,
        offset: 100,
        total: 106,
        bytes: b"a part".to_vec(),
        permit: Permit::Open,
    };
    vec![
        ("signed", Request::Signed { device: DEVICE, signature: SIGNATURE, body }),
        ("lookup by name", Request::Lookup { who: Who::Username("ana".into()), permit: permit() }),
        ("lookup by account", Request::Lookup { who: Who::Account(ACCOUNT), permit: permit() }),
        (
            "take KeyPackage",
            Request::TakeKeyPackage { device: DEVICE, suite: SUITE, permit: permit() },
        ),
        ("deliver with invite", delivery(InboxPass::Invite(TOKEN), Some(BLOB))),
        ("deliver with permit", delivery(InboxPass::Permit(permit()), None)),
        ("put blob", put),
        ("get blob", Request::GetBlob { blob: BLOB, offset: 100, length: 6 }),
    ]
}

/// A request of each kind.
#[must_use]
pub fn signed_requests() -> Samples<SignedRequest> {
    let register = SignedRequest::Register {
        device: Box::new(device()),
        username: Some("ana".into()),
        permit: Permit::Invite("plum".into()),
    };
    let publish = SignedRequest::PublishKeyPackages {
        suite: SUITE,
        packages: vec![b"one".to_vec(), b"two".to_vec()],
        last_resort: Some(b"last".to_vec()),
    };
    vec![
        ("register", register),
        ("publish KeyPackages", publish),
        ("set invites", SignedRequest::SetInvites { hashes: vec![TokenHash([0x53; 32])] }),
        ("subscribe inbox", SignedRequest::SubscribeInbox),
        ("erase inbox", SignedRequest::EraseInbox { up_to: 12 }),
    ]
}

/// A frame for each response, refusal and push.
#[must_use]
pub fn server_frames() -> Samples<ServerFrame> {
    let answer = |(name, response)| (name, ServerFrame::Answer { id: 3, response });
    let refused = |(name, why)| answer((name, Response::Refused(why)));
    let push = |(name, push)| (name, ServerFrame::Push(push));
    let answers = responses().into_iter().map(answer);
    answers
        .chain(refusals().into_iter().map(refused))
        .chain(pushes().into_iter().map(push))
        .collect()
}

fn responses() -> Samples<Response> {
    let record = AccountRecord { account: ACCOUNT, name: Some(name()), devices: vec![device()] };
    let hello = Response::Hello {
        version: 1,
        nonce: [0xf0; 32],
        directory_key: [0xf1; 32],
        registration: Registration::Invite,
    };
    vec![
        ("hello", hello),
        ("appended", Response::Appended { seq: 5 }),
        ("entries", Response::Entries { entries: entry_list(), head: 6 }),
        ("subscribed", Response::Subscribed { head: 6 }),
        ("done", Response::Done),
        ("registered", Response::Registered { name: Some(name()) }),
        ("KeyPackages left", Response::KeyPackagesLeft { count: 99 }),
        ("inbox subscribed", Response::InboxSubscribed { head: 1 }),
        ("account", Response::Account(record)),
        ("KeyPackage", Response::KeyPackage { bytes: b"one".to_vec() }),
        ("blob has", Response::BlobHas { have: 100, total: 106 }),
        ("blob part", Response::BlobPart { total: 106, bytes: b"a part".to_vec() }),
    ]
}

fn refusals() -> Samples<Refused> {
    vec![
        ("stale", Refused::Stale { last_commit: 6 }),
        ("later", Refused::Later { ms: 2000 }),
        ("out of order", Refused::OutOfOrder),
        ("missing blob", Refused::MissingBlob),
        ("beyond", Refused::Beyond { head: 3 }),
        ("blob offset", Refused::BlobOffset { have: 100 }),
        ("forbidden", Refused::Forbidden),
        ("not found", Refused::NotFound),
        ("taken", Refused::Taken),
        ("too large", Refused::TooLarge { limit: 1 << 20 }),
        ("frozen", Refused::Frozen),
        ("full", Refused::Full),
        ("invite needed", Refused::InviteNeeded),
        ("registration closed", Refused::RegistrationClosed),
        ("malformed", Refused::Malformed { what: "username".into() }),
        ("incompatible", Refused::Incompatible { oldest: 1, newest: 2 }),
        ("broken", Refused::Broken),
        ("guarded", Refused::Guarded),
    ]
}

fn pushes() -> Samples<Push> {
    let envelope = InboxEntry { seq: 1, id: ENTRY, bytes: b"welcome".to_vec() };
    vec![
        ("push entries", Push::Entries { log: LOG, entries: entry_list() }),
        ("push rotated", Push::Rotated { log: LOG }),
        ("push signal", Push::Signal { log: LOG, bytes: b"typing".to_vec() }),
        ("push inbox", Push::Inbox { entries: vec![envelope] }),
    ]
}

fn entry_list() -> Vec<Entry> {
    first_entries().into_iter().map(|(_, entry)| entry).collect()
}

/// `length` bytes with padding.
#[must_use]
pub fn padded(length: usize) -> Vec<u8> {
    let mut bytes = vec![0x33; length];
    padding::pad(&mut bytes);
    bytes
}
