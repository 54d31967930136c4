//! Arbitrary frames and contents, within the limits.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use veche_wire::content::{Body, DisplayName, File, FileKey, Mentions, Note};
use veche_wire::*;

fn log() -> impl Strategy<Value = LogId> {
    any::<[u8; 16]>().prop_map(LogId)
}

fn entry_id() -> impl Strategy<Value = EntryId> {
    any::<[u8; 16]>().prop_map(EntryId)
}

fn account() -> impl Strategy<Value = AccountId> {
    any::<[u8; 32]>().prop_map(AccountId)
}

fn device() -> impl Strategy<Value = DeviceId> {
    any::<[u8; 32]>().prop_map(DeviceId)
}

fn token() -> impl Strategy<Value = Token> {
    any::<[u8; 32]>().prop_map(Token)
}

fn blob() -> impl Strategy<Value = BlobId> {
    any::<[u8; 32]>().prop_map(BlobId)
}

fn commitment() -> impl Strategy<Value = Commitment> {
    any::<[u8; 32]>().prop_map(Commitment)
}

fn admin_key() -> impl Strategy<Value = AdminKey> {
    any::<[u8; 32]>().prop_map(AdminKey)
}

fn signature() -> impl Strategy<Value = [u8; 64]> {
    vec(any::<u8>(), 64).prop_map(|bytes| bytes.try_into().unwrap())
}

fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=most)
}

/// Numbers of every length as varint or CBOR head.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0u32..64).prop_map(|(number, shift)| number >> shift)
}

fn username() -> impl Strategy<Value = String> {
    "[a-z0-9_]{3,32}"
}

fn text(most: usize) -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..=most / 4).prop_map(|text| text.into_iter().collect())
}

fn permit() -> impl Strategy<Value = Permit> {
    prop_oneof![Just(Permit::Open), text(64).prop_map(Permit::Invite)]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn tokens() -> impl Strategy<Value = TokenHashes> {
    (any::<[u8; 32]>(), any::<[u8; 32]>())
        .prop_map(|(read, write)| TokenHashes { read: TokenHash(read), write: TokenHash(write) })
}

pub(crate) fn rider() -> impl Strategy<Value = Rider> {
    let rotation =
        (number(), tokens()).prop_map(|(generation, tokens)| Rotation { generation, tokens });
    let admins = (number(), vec(admin_key(), 1..=limits::ADMIN_KEYS_MAX))
        .prop_map(|(version, keys)| AdminList { version, keys });
    let flags = any::<[Option<bool>; 2]>();
    (option::of(rotation), option::of(admins), flags, admin_key(), signature()).prop_map(
        |(rotation, admins, [freeze, guard], signer, signature)| Rider {
            rotation,
            admins,
            freeze,
            guard,
            signer,
            signature,
        },
    )
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    (number(), entry_id(), kind(), option::of(commitment()), bytes(400), option::of(rider()))
        .prop_map(|(seq, id, kind, commitment, bytes, rider)| Entry {
            seq,
            id,
            kind,
            commitment,
            bytes,
            rider,
        })
}

fn append() -> impl Strategy<Value = Append> {
    let right = (log(), token(), entry());
    (right, number(), option::of(entry_id()), option::of(blob())).prop_map(
        |((log, token, entry), after_commit, prev, needs)| Append {
            log,
            token,
            id: entry.id,
            kind: entry.kind,
            after_commit,
            prev,
            needs,
            commitment: entry.commitment,
            rider: entry.rider,
            bytes: entry.bytes,
        },
    )
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let pass =
        prop_oneof![token().prop_map(InboxPass::Invite), permit().prop_map(InboxPass::Permit)];
    (device(), entry_id(), pass, option::of(blob()), bytes(400))
        .prop_map(|(device, id, pass, needs, bytes)| Delivery { device, id, pass, needs, bytes })
}

fn request() -> impl Strategy<Value = Request> {
    let who = prop_oneof![username().prop_map(Who::Username), account().prop_map(Who::Account)];
    prop_oneof![
        any::<u32>().prop_map(|version| Request::Hello { version }),
        (log(), permit(), tokens(), vec(admin_key(), 0..=limits::ADMIN_KEYS_MAX)).prop_map(
            |(log, permit, tokens, admins)| Request::Create { log, permit, tokens, admins }
        ),
        append().prop_map(Request::Append),
        (log(), token(), number(), option::of(entry_id()), any::<u32>()).prop_map(
            |(log, token, after, after_id, limit)| Request::Read {
                log,
                token,
                after,
                after_id,
                limit
            }
        ),
        (log(), token(), number(), option::of(entry_id())).prop_map(
            |(log, token, after, after_id)| Request::Subscribe { log, token, after, after_id }
        ),
        log().prop_map(|log| Request::Unsubscribe { log }),
        (log(), token(), bytes(limits::SIGNAL_BYTES_MAX))
            .prop_map(|(log, token, bytes)| Request::Signal { log, token, bytes }),
        (device(), signature(), bytes(400)).prop_map(|(device, signature, body)| Request::Signed {
            device,
            signature,
            body
        }),
        (who, permit()).prop_map(|(who, permit)| Request::Lookup { who, permit }),
        (device(), any::<u16>(), permit())
            .prop_map(|(device, suite, permit)| Request::TakeKeyPackage { device, suite, permit }),
        delivery().prop_map(Request::Deliver),
        (blob(), number(), number(), bytes(400), permit()).prop_map(
            |(blob, offset, more, bytes, permit)| {
                let offset = offset >> 1;
                let total = offset + (more >> 2) + bytes.len() as u64;
                Request::PutBlob { blob, offset, total, bytes, permit }
            }
        ),
        (blob(), number(), 0..=(256u32 << 10))
            .prop_map(|(blob, offset, length)| Request::GetBlob { blob, offset, length }),
    ]
}

pub(crate) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    (1u64.., request()).prop_map(|(id, request)| ClientFrame { id, request })
}

pub(crate) fn signed_request() -> impl Strategy<Value = SignedRequest> {
    prop_oneof![
        (device_record(), option::of(username()), permit()).prop_map(
            |(device, username, permit)| SignedRequest::Register {
                device: Box::new(device),
                username,
                permit
            }
        ),
        (any::<u16>(), vec(bytes(50), 0..=limits::KEY_PACKAGES_MAX), option::of(bytes(50)))
            .prop_map(|(suite, packages, last_resort)| {
                SignedRequest::PublishKeyPackages { suite, packages, last_resort }
            }),
        vec(any::<[u8; 32]>().prop_map(TokenHash), 0..=limits::INVITES_MAX)
            .prop_map(|hashes| SignedRequest::SetInvites { hashes }),
        Just(SignedRequest::SubscribeInbox),
        number().prop_map(|up_to| SignedRequest::EraseInbox { up_to }),
    ]
}

fn response() -> impl Strategy<Value = Response> {
    let registration =
        prop::sample::select(vec![Registration::Open, Registration::Invite, Registration::Closed]);
    let record = (account(), option::of(name()), vec(device_record(), 0..=limits::DEVICES_MAX))
        .prop_map(|(account, name, devices)| AccountRecord { account, name, devices });
    prop_oneof![
        (any::<u32>(), any::<[u8; 32]>(), any::<[u8; 32]>(), registration).prop_map(
            |(version, nonce, directory_key, registration)| Response::Hello {
                version,
                nonce,
                directory_key,
                registration
            }
        ),
        number().prop_map(|seq| Response::Appended { seq }),
        (vec(entry(), 0..5), number())
            .prop_map(|(entries, head)| Response::Entries { entries, head }),
        number().prop_map(|head| Response::Subscribed { head }),
        Just(Response::Done),
        option::of(name()).prop_map(|name| Response::Registered { name }),
        any::<u32>().prop_map(|count| Response::KeyPackagesLeft { count }),
        number().prop_map(|head| Response::InboxSubscribed { head }),
        record.prop_map(Response::Account),
        bytes(400).prop_map(|bytes| Response::KeyPackage { bytes }),
        (number(), number()).prop_map(|(have, total)| Response::BlobHas { have, total }),
        (number(), bytes(400)).prop_map(|(total, bytes)| Response::BlobPart { total, bytes }),
        refused().prop_map(Response::Refused),
    ]
}

fn refused() -> impl Strategy<Value = Refused> {
    prop_oneof![
        number().prop_map(|last_commit| Refused::Stale { last_commit }),
        any::<u32>().prop_map(|ms| Refused::Later { ms }),
        number().prop_map(|head| Refused::Beyond { head }),
        number().prop_map(|have| Refused::BlobOffset { have }),
        number().prop_map(|limit| Refused::TooLarge { limit }),
        text(limits::REASON_BYTES_MAX).prop_map(|what| Refused::Malformed { what }),
        any::<(u32, u32)>().prop_map(|(oldest, newest)| Refused::Incompatible { oldest, newest }),
        prop::sample::select(vec![
            Refused::OutOfOrder,
            Refused::MissingBlob,
            Refused::Forbidden,
            Refused::NotFound,
            Refused::Taken,
            Refused::Frozen,
            Refused::Guarded,
            Refused::Full,
            Refused::InviteNeeded,
            Refused::RegistrationClosed,
            Refused::Broken,
        ]),
    ]
}

fn push() -> impl Strategy<Value = Push> {
    let envelope = (number(), entry_id(), bytes(400)).prop_map(|(seq, id, bytes)| InboxEntry {
        seq,
        id,
        bytes,
    });
    prop_oneof![
        (log(), vec(entry(), 1..5)).prop_map(|(log, entries)| Push::Entries { log, entries }),
        log().prop_map(|log| Push::Rotated { log }),
        (log(), bytes(limits::SIGNAL_BYTES_MAX))
            .prop_map(|(log, bytes)| Push::Signal { log, bytes }),
        vec(envelope, 1..5).prop_map(|entries| Push::Inbox { entries }),
    ]
}

pub(crate) fn server_frame() -> impl Strategy<Value = ServerFrame> {
    prop_oneof![
        (number(), response()).prop_map(|(id, response)| ServerFrame::Answer { id, response }),
        push().prop_map(ServerFrame::Push),
    ]
}

fn name() -> impl Strategy<Value = NameBinding> {
    (username(), account(), signature()).prop_map(|(username, account, signature)| NameBinding {
        username,
        account,
        signature,
    })
}

pub(crate) fn certificate() -> impl Strategy<Value = Certificate> {
    let keys = (account(), device(), any::<[u8; 32]>(), any::<u16>());
    (keys, any::<Option<[u8; 32]>>(), signature()).prop_map(
        |((account, device, inbox_key_hash, inbox_suite), link_key, signature)| Certificate {
            account,
            device,
            inbox_key_hash,
            inbox_suite,
            link_key,
            signature,
        },
    )
}

fn device_record() -> impl Strategy<Value = DeviceRecord> {
    (certificate(), bytes(1300))
        .prop_map(|(certificate, inbox_key)| DeviceRecord { certificate, inbox_key })
}

pub(crate) fn credential() -> impl Strategy<Value = Credential> {
    (certificate(), option::of(name()))
        .prop_map(|(certificate, name)| Credential { certificate, name })
}

pub(crate) fn content() -> impl Strategy<Value = Content> {
    let ids = (entry_id(), option::of(entry_id()), entry_id(), any::<bool>());
    let called = (1..=limits::MILLIS_MAX, "\\PC{0,64}")
        .prop_map(|(since, text)| DisplayName { since, text });
    let accounts = btree_set(any::<[u8; 32]>().prop_map(AccountId), 0..=limits::MENTIONS_MAX);
    let mentions = (any::<bool>(), accounts).prop_map(|(all, accounts)| Mentions { all, accounts });
    (ids, 0..=limits::MILLIS_MAX, option::of(called), mentions, body()).prop_map(
        |((id, replaces, in_reply_to, answers), sent_at, display_name, mentions, body)| {
            // A reaction is always to something.
            let answers = answers || matches!(body, Body::Reaction(_));
            let in_reply_to = answers.then_some(in_reply_to);
            Content { id, sent_at, replaces, in_reply_to, display_name, mentions, body }
        },
    )
}

fn body() -> impl Strategy<Value = Body> {
    let note = prop_oneof![Just(Note::Joined), admin_key().prop_map(Note::AdminKey)];
    prop_oneof![
        text(2000).prop_map(Body::Text),
        (text(200), file()).prop_map(|(text, file)| Body::File { text, file }),
        "\\PC{1,16}".prop_map(Body::Reaction),
        Just(Body::Nothing),
        vec(entry_id(), 0..30).prop_map(|read| Body::Receipt { read }),
        note.prop_map(Body::Note),
    ]
}

fn file() -> impl Strategy<Value = File> {
    let names = (text(limits::FILE_NAME_BYTES_MAX), text(limits::CONTENT_TYPE_BYTES_MAX));
    let sizes = (0..=limits::FILE_BYTES_MAX, 0..=limits::BLOB_BYTES_MAX);
    let keys = (any::<[u8; 32]>(), blob(), any::<[u8; 32]>());
    (names, sizes, keys).prop_map(|((name, media_type), (size, blob_size), (sha256, blob, key))| {
        File { name, media_type, size, sha256, blob, blob_size, key: FileKey(key) }
    })
}

pub(crate) fn address() -> impl Strategy<Value = ServerAddress> {
    let host = prop_oneof![
        "[a-z0-9]([a-z0-9.-]{0,60}[a-z0-9])?",
        any::<[u8; 4]>().prop_map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
        any::<[u8; 16]>().prop_map(|ip| format!("[{}]", std::net::Ipv6Addr::from(ip))),
    ];
    (host, 1u16.., any::<[u8; 32]>()).prop_map(|(host, port, key)| ServerAddress {
        host,
        port,
        key,
    })
}

pub(crate) fn join_link() -> impl Strategy<Value = JoinLink> {
    (address(), any::<[[u8; 16]; 2]>(), token(), any::<[u8; 32]>(), any::<u16>()).prop_map(
        |(server, [log, door], secret, key, suite)| {
            let (log, door) = (LogId(log), LogId(door));
            JoinLink { server, log, door, secret, key, suite }
        },
    )
}

pub(crate) fn link() -> impl Strategy<Value = ContactLink> {
    (address(), account(), option::of(username()), token()).prop_map(
        |(server, account, username, invite)| ContactLink { server, account, username, invite },
    )
}
