//! Bad input, and the error that each gets.

use veche_wire::content::{Body, Content, DisplayName, Mentions};
use veche_wire::fuzz::samples;
use veche_wire::*;

fn check<T: std::fmt::Debug>(
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    cases: Vec<(Vec<u8>, &str)>,
) {
    for (bytes, expected) in cases {
        match decode(&bytes) {
            Ok(value) => panic!("expected “{expected}”, but it decoded: {value:?}"),
            Err(error) => assert_eq!(error.to_string(), expected),
        }
    }
}

/// Protobuf by hand: a field that is a number.
fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

/// Protobuf by hand: a field that has a length.
fn nested(field: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let bytes = parts.concat();
    let length = u8::try_from(bytes.len()).unwrap();
    assert!(length < 128, "a length of one byte");
    [vec![(field << 3) | 2, length], bytes].concat()
}

fn request(field: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    [number(1, 3), nested(field, parts)].concat()
}

fn id(field: u8, length: usize) -> Vec<u8> {
    nested(field, &[vec![0x11; length]])
}

#[test]
fn client_frames_of_a_wrong_shape() {
    let open = || nested(1, &[]);
    check(
        ClientFrame::decode,
        vec![
            (vec![], "request id is malformed"),
            (nested(2, &[number(1, 1)]), "request id is malformed"),
            (number(1, 3), "request is malformed"),
            // Field 15 is no request that we know.
            (request(15, &[]), "request is malformed"),
            (request(7, &[id(1, 16)])[..10].to_vec(), "frame is malformed"),
            (request(7, &[]), "log is malformed"),
            (request(7, &[id(1, 15)]), "log is malformed"),
            (request(7, &[id(1, 17)]), "log is malformed"),
            (request(6, &[id(1, 16)]), "token is malformed"),
            (request(4, &[id(1, 16), id(2, 32), id(3, 16)]), "kind of entry is malformed"),
            (
                request(4, &[id(1, 16), id(2, 32), id(3, 16), number(4, 7)]),
                "kind of entry is malformed",
            ),
            (
                request(4, &[id(1, 16), id(2, 32), id(3, 16), number(4, 2), id(6, 3)]),
                "entry is malformed",
            ),
            (request(3, &[id(1, 16)]), "permit is malformed"),
            (request(3, &[id(1, 16), nested(2, &[])]), "permit is malformed"),
            (request(3, &[id(1, 16), nested(2, &[open()])]), "token hashes is malformed"),
            (request(9, &[id(1, 32), id(2, 63)]), "signature is malformed"),
            (request(10, &[]), "who is looked up is malformed"),
            (request(10, &[nested(1, &[b"Ana".to_vec()])]), "username is malformed"),
            // Not UTF-8.
            (request(10, &[nested(1, &[vec![0xff]])]), "frame is malformed"),
            // Cipher suite 0x10000.
            (
                request(11, &[id(1, 32), vec![2 << 3, 0x80, 0x80, 0x04]]),
                "cipher suite is malformed",
            ),
            (request(12, &[]), "inbox pass is malformed"),
            (request(12, &[id(1, 32), id(2, 16), nested(3, &[])]), "inbox pass is malformed"),
            // A part that ends beyond the whole.
            (
                request(13, &[id(1, 32), number(2, 5), number(3, 6), id(4, 2)]),
                "offset of a part is malformed",
            ),
            (vec![0; limits::FRAME_BYTES_MAX + 1], "frame is larger than the limit of 1114112"),
        ],
    );
}

#[test]
fn client_frames_that_break_a_limit() {
    let frame = |request| ClientFrame { id: 1, request }.encode();
    let (log, token, blob) = (LogId([1; 16]), Token([2; 32]), BlobId([3; 32]));
    let device = DeviceId([4; 32]);
    let rider = Rider { admins: Some(AdminList { version: 1, keys: vec![] }), ..samples::rider() };
    let append = |bytes, rider| {
        Request::Append(Append {
            log,
            token,
            id: EntryId([5; 16]),
            kind: Kind::Commit,
            after_commit: 0,
            prev: None,
            needs: None,
            commitment: None,
            rider,
            bytes,
        })
    };
    let tokens = TokenHashes { read: TokenHash([6; 32]), write: TokenHash([7; 32]) };
    let admins = vec![AdminKey([8; 32]); 17];
    let put = |offset, total, length| Request::PutBlob {
        blob,
        offset,
        total,
        bytes: vec![0; length],
        permit: Permit::Open,
    };
    let envelope = Delivery {
        device,
        id: EntryId([5; 16]),
        pass: InboxPass::Invite(token),
        needs: None,
        bytes: vec![0; (64 << 10) + 1],
    };
    let code = Permit::Invite("x".repeat(65));
    check(
        ClientFrame::decode,
        vec![
            (
                frame(append(vec![0; (1 << 20) + 1], None)),
                "entry is larger than the limit of 1048576",
            ),
            (frame(append(vec![], Some(rider))), "list of admin keys is malformed"),
            (
                frame(Request::Create { log, permit: Permit::Open, tokens, admins }),
                "list of admin keys is larger than the limit of 16",
            ),
            (
                frame(Request::Signal { log, token, bytes: vec![0; 1025] }),
                "signal is larger than the limit of 1024",
            ),
            (
                frame(Request::TakeKeyPackage { device, suite: 1, permit: code }),
                "invite code is larger than the limit of 64",
            ),
            (frame(Request::Deliver(envelope)), "envelope is larger than the limit of 65536"),
            (
                frame(put(0, 1 << 20, (256 << 10) + 1)),
                "part of a blob is larger than the limit of 262144",
            ),
            (frame(put(u64::MAX, u64::MAX, 1)), "offset of a part is malformed"),
            (
                frame(Request::GetBlob { blob, offset: 0, length: (256 << 10) + 1 }),
                "part of a blob is larger than the limit of 262144",
            ),
        ],
    );
}

#[test]
fn signed_requests() {
    let publish = |packages, last_resort| {
        SignedRequest::PublishKeyPackages { suite: 1, packages, last_resort }.encode()
    };
    let register = SignedRequest::Register {
        device: Box::new(samples::device()),
        username: Some("a".into()),
        permit: Permit::Open,
    };
    check(
        SignedRequest::decode,
        vec![
            (vec![], "signed request is malformed"),
            (nested(1, &[]), "device is malformed"),
            (register.encode(), "username is malformed"),
            (
                publish(vec![vec![]; 101], None),
                "list of KeyPackages is larger than the limit of 100",
            ),
            (
                publish(vec![vec![0; (16 << 10) + 1]], None),
                "KeyPackage is larger than the limit of 16384",
            ),
            (
                publish(vec![], Some(vec![0; (16 << 10) + 1])),
                "KeyPackage is larger than the limit of 16384",
            ),
            (
                SignedRequest::SetInvites { hashes: vec![TokenHash([0; 32]); 65] }.encode(),
                "list of invites is larger than the limit of 64",
            ),
        ],
    );
}

#[test]
fn server_frames() {
    let log = LogId([1; 16]);
    let entry = samples::entries().remove(0).1;
    let entries = |count| Push::Entries { log, entries: vec![entry.clone(); count] }.encode();
    let answer = |response| ServerFrame::Answer { id: 1, response }.encode();
    let record = AccountRecord {
        account: AccountId([2; 32]),
        name: None,
        devices: vec![samples::device(); 17],
    };
    let reason = Refused::Malformed { what: "x".repeat(257) };
    let envelope = InboxEntry { seq: 1, id: EntryId([3; 16]), bytes: vec![] };
    check(
        ServerFrame::decode,
        vec![
            (vec![], "frame is malformed"),
            (nested(1, &[]), "response is malformed"),
            (nested(2, &[]), "push is malformed"),
            (nested(1, &[nested(14, &[])]), "refusal is malformed"),
            // A refusal that only a newer program knows.
            (nested(1, &[nested(14, &[vec![0x9a, 0x01, 0x00]])]), "refusal is malformed"),
            (nested(1, &[nested(2, &[id(2, 31)])]), "nonce is malformed"),
            (nested(1, &[nested(2, &[id(2, 32), id(3, 32)])]), "registration is malformed"),
            (entries(0), "empty push is malformed"),
            (entries(513), "list of entries is larger than the limit of 512"),
            (
                answer(Response::Entries { entries: vec![entry.clone(); 513], head: 1 }),
                "list of entries is larger than the limit of 512",
            ),
            (Push::Inbox { entries: vec![] }.encode(), "empty push is malformed"),
            (
                Push::Inbox { entries: vec![envelope; 513] }.encode(),
                "list of envelopes is larger than the limit of 512",
            ),
            (answer(Response::Account(record)), "list of devices is larger than the limit of 16"),
            (
                answer(Response::Refused(reason)),
                "reason of a refusal is larger than the limit of 256",
            ),
        ],
    );
}

#[test]
fn certificates_and_credentials() {
    let (_, good) = samples::certificates().remove(0);
    let bytes = good.encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    // The suite, 1, in two bytes instead of one: the same value, but not the same bytes.
    let at = bytes.len() - 64 - 2 - 1 - 1;
    assert_eq!(bytes[at], 1);
    let long_form = [&bytes[..at], &[0x18, 0x01], &bytes[at + 1..]].concat();
    check(
        Certificate::decode,
        vec![
            (vec![], "certificate is malformed"),
            (bytes[..bytes.len() - 1].to_vec(), "certificate is malformed"),
            ([&bytes[..], &[0]].concat(), "certificate is malformed"),
            (long_form, "certificate is malformed"),
            (with(0, 0x86), "certificate is malformed"),
            (with(1, 2), "certificate has version 2, which needs a newer program"),
            (vec![0; 4097], "certificate is larger than the limit of 4096"),
        ],
    );
    check(
        DeviceRecord::decode,
        vec![
            (vec![], "device is malformed"),
            (
                DeviceRecord { certificate: good.clone(), inbox_key: vec![0; 2049] }.encode(),
                "inbox key is larger than the limit of 2048",
            ),
            ([&samples::device().encode()[..], &[0]].concat(), "device is malformed"),
        ],
    );
    let (_, named) = samples::credentials().remove(1);
    let mut shouting = named.clone();
    shouting.name.as_mut().unwrap().username = "ANA".into();
    let mut newer = named.encode();
    newer[1] = 9;
    check(
        Credential::decode,
        vec![
            (shouting.encode(), "username is malformed"),
            (newer, "credential has version 9, which needs a newer program"),
            ([named.encode(), vec![0xf6]].concat(), "credential is malformed"),
            (bytes, "credential is malformed"),
        ],
    );
}

fn content(body: Body) -> Content {
    let (id, display_name, mentions) = (EntryId([1; 16]), None, Mentions::default());
    Content { id, sent_at: 7, replaces: None, in_reply_to: None, display_name, mentions, body }
}

#[test]
fn contents_that_break_a_limit() {
    let too_long = |name: usize, media_type: usize| {
        let mut file = samples::file();
        file.name = "n".repeat(name);
        file.media_type = "m".repeat(media_type);
        content(Body::File { text: String::new(), file }).encode()
    };
    let reaction = |emoji: String| Content {
        in_reply_to: Some(EntryId([2; 16])),
        ..content(Body::Reaction(emoji))
    };
    let called = |since: u64, text: String| {
        let display_name = Some(DisplayName { since, text });
        Content { display_name, ..content(Body::Text("hello".into())) }.encode()
    };
    let mentioning = |count: u8| {
        let accounts = (0..count).map(|number| AccountId([number; 32])).collect();
        let mentions = Mentions { all: false, accounts };
        Content { mentions, ..content(Body::Text("@ana".into())) }.encode()
    };
    assert!(Content::decode(&called(1, "ж".repeat(64))).is_ok());
    assert!(Content::decode(&mentioning(32)).is_ok());
    check(
        Content::decode,
        vec![
            (called(1, "ж".repeat(65)), "display name is larger than the limit of 64"),
            (called(0, "ana".into()), "display name is malformed"),
            (mentioning(33), "content is malformed"),
            (called(limits::MILLIS_MAX + 1, "ana".into()), "display name is malformed"),
            (
                content(Body::Text("x".repeat((64 << 10) + 1))).encode(),
                "text is larger than the limit of 65536",
            ),
            (too_long(256, 3), "name of a file is larger than the limit of 255"),
            (too_long(3, 256), "content type is larger than the limit of 255"),
            (reaction("x".repeat(65)).encode(), "reaction is larger than the limit of 64"),
            (reaction(String::new()).encode(), "reaction is malformed"),
            // To nothing.
            (content(Body::Reaction("👍".into())).encode(), "reaction is malformed"),
            (
                content(Body::Receipt { read: vec![EntryId([2; 16]); 1001] }).encode(),
                "receipt is larger than the limit of 1000",
            ),
            (
                Content { sent_at: limits::MILLIS_MAX + 1, ..content(Body::Nothing) }.encode(),
                "time of a message is malformed",
            ),
            (vec![0; (128 << 10) + 1], "content is larger than the limit of 131072"),
        ],
    );
}

/// CBOR by hand: `mimiContent` with this salt, these extensions and this part.
fn mimi(salt: &[u8], extensions: &[u8], part: &[u8]) -> Vec<u8> {
    [&[0x87], salt, &[0xf6, 0x40, 0xf6, 0xf6], extensions, part].concat()
}

fn salt() -> Vec<u8> {
    [vec![0x50], vec![1; 16]].concat()
}

fn sent_at() -> Vec<u8> {
    [&[0xa1, 0x6d], b"veche.sent_at".as_slice(), &[0x07]].concat()
}

#[test]
fn contents_of_a_wrong_shape() {
    let null_part: &[u8] = &[0x83, 1, 0x60, 0];
    let good = mimi(&salt(), &sent_at(), null_part);
    assert_eq!(Content::decode(&good), Ok(content(Body::Nothing)));

    let part = |bytes: &[u8]| mimi(&salt(), &sent_at(), bytes);
    let text = |body: &[u8]| {
        let head = [&[0x85, 1, 0x60, 1, 0x78, 24], b"text/plain;charset=utf-8".as_slice()];
        part(&[&head.concat(), body].concat())
    };
    let twice = [&[0xa2], &sent_at()[1..], &sent_at()[1..]].concat();
    let deep = [vec![0x81; 20], vec![0x80]].concat();
    let many = [&[0x85, 1, 0x60, 3, 2, 0x18, 64], null_part.repeat(64).as_slice()].concat();
    let nine = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let malformed = vec![
        vec![],
        vec![0xa0],
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
        mimi(&[vec![0x4f], vec![1; 15]].concat(), &sent_at(), null_part),
        // No time, or two.
        mimi(&salt(), &[0xa0], null_part),
        mimi(&salt(), &twice, null_part),
        // `replaces` is a number; `expires` is one.
        nine(18, 0x00),
        nine(20, 0x00),
        // An array of indefinite length; a length in more bytes than needed.
        part(&[0x9f, 1, 0x60, 0, 0xff]),
        part(&[0x83, 0x18, 1, 0x60, 0]),
        // A null part with something in it; a part that is too short.
        part(&[0x84, 1, 0x60, 0, 0]),
        part(&[0x82, 1, 0x60]),
        part(&deep),
        part(&many),
        // Not bytes but text.
        text(&[0x62, b'h', b'i']),
    ];
    let malformed = malformed.into_iter().map(|bytes| (bytes, "content is malformed"));
    check(Content::decode, malformed.collect());
    check(Content::decode, vec![(text(&[0x41, 0xff]), "text is malformed")]);
}

#[test]
fn contents_of_newer_programs_are_kept() {
    let part = |bytes: &[u8]| mimi(&salt(), &sent_at(), bytes);
    let note = |bytes: &[u8]| {
        let name = b"application/veche-note+cbor".as_slice();
        let length = u8::try_from(bytes.len()).unwrap();
        part(&[&[0x85, 0, 0x60, 1, 0x78, 27], name, &[0x40 + length], bytes].concat())
    };
    let mut expiring = mimi(&salt(), &sent_at(), &[0x83, 1, 0x60, 0]);
    expiring.splice(20..21, [0x82, 0xf5, 0x07]);
    let mut huge = samples::file();
    huge.size = limits::FILE_BYTES_MAX + 1;
    let cases = [
        (part(&[0x85, 1, 0x60, 1, 0x61, b'x', 0x40]), "x"),
        // A cardinality that we do not know; two texts as alternatives.
        (part(&[0x84, 1, 0x60, 9, 0x81, 0x05]), ""),
        (part(&[0x85, 1, 0x60, 3, 0, 0x80]), "multipart/mixed"),
        (note(&[0x82, 0x02, 0x01]), "application/veche-note+cbor"),
        (note(&[0x82, 0x01, 0x07]), "application/veche-note+cbor"),
        (expiring, ""),
        (content(Body::File { text: String::new(), file: huge }).encode(), "application/pdf"),
    ];
    for (bytes, expected) in cases {
        let content = Content::decode(&bytes).unwrap();
        let Body::Unknown { content_type, bytes: kept } = &content.body else {
            panic!("{content:?} is known");
        };
        assert_eq!((content_type.as_str(), kept), (expected, &bytes));
        assert_eq!(content.encode(), bytes, "it goes on as it came");
    }
}

#[test]
fn mentions_are_of_somebody_and_in_order() {
    let mentioning = |all: u8, accounts: &[u8]| {
        let names = [b"veche.sent_at".as_slice(), &[0x07, 0x6e], b"veche.mentions"].concat();
        let head = [0x82, all, 0x80 | u8::try_from(accounts.len()).unwrap()];
        let accounts = accounts.iter().flat_map(|one| [vec![0x58, 0x20], vec![*one; 32]].concat());
        let value = head.into_iter().chain(accounts).collect::<Vec<u8>>();
        mimi(&salt(), &[&[0xa2, 0x6d], names.as_slice(), &value].concat(), &[0x83, 1, 0x60, 0])
    };
    let (no, yes) = (0xf4, 0xf5);
    let read = Content::decode(&mentioning(yes, &[3, 7])).unwrap().mentions;
    let accounts = [AccountId([3; 32]), AccountId([7; 32])].into();
    assert_eq!(read, Mentions { all: true, accounts });
    let malformed = [mentioning(no, &[]), mentioning(no, &[7, 3]), mentioning(yes, &[3, 3])];
    check(Content::decode, malformed.map(|bytes| (bytes, "content is malformed")).into());
}

#[test]
fn what_a_newer_program_adds_to_a_known_content_is_passed_over() {
    let mut extensions = vec![0xa3, 0x01, 0x65];
    extensions.extend(b"mimi:");
    extensions.extend([0x63, b'n', b'e', b'w', 0x82, 0xf5, 0xa1, 0x00, 0x00]);
    extensions.extend(&sent_at()[1..]);
    let bytes = mimi(&salt(), &extensions, &[0x83, 1, 0x60, 0]);
    assert_eq!(Content::decode(&bytes), Ok(content(Body::Nothing)));
}

#[test]
fn addresses() {
    let key = "a".repeat(52);
    let at = |place: &str| format!("{place}/{key}").into_bytes();
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().parse::<ServerAddress>();
    assert!(parse(&at("h:1")).is_ok());
    let host = "host of a server address is malformed";
    let port = "port of a server address is malformed";
    let wrong_key = "key of a server address is malformed";
    check(
        parse,
        vec![
            (vec![], "server address is malformed"),
            (b"host:1".to_vec(), "server address is malformed"),
            (at("host"), "server address is malformed"),
            (at(":1"), host),
            (at("ho st:1"), host),
            (at("user@host:1"), host),
            (at("::1:1"), host),
            (at("[::1:1"), host),
            (at("[host]:1"), host),
            (at(&format!("{}:1", "h".repeat(254))), host),
            (at("host:"), port),
            (at("host:0"), port),
            (at("host:01"), port),
            (at("host:+1"), port),
            (at("host:65536"), port),
            (b"host:1/".to_vec(), wrong_key),
            (format!("host:1/{}", key.to_uppercase()).into_bytes(), wrong_key),
            (format!("host:1/{}1", &key[1..]).into_bytes(), wrong_key),
            // Bits behind the last byte.
            (format!("host:1/{}b", &key[1..]).into_bytes(), wrong_key),
            (format!("host:1/{key}/").into_bytes(), wrong_key),
            (vec![b'h'; 1025], "server address is larger than the limit of 1024"),
        ],
    );
}

#[test]
fn join_links() {
    let text = samples::join_links().remove(0).1.to_string();
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().parse::<JoinLink>();
    let (before, _) = text.split_once('#').unwrap();
    let malformed = "join link is malformed";
    check(
        parse,
        vec![
            (vec![], malformed),
            (text.replace("/join#", "/contact#").into(), malformed),
            (format!("{before}#").into(), malformed),
            (text[..text.len() - 4].into(), malformed),
            (format!("{text}AAAA").into(), malformed),
            (format!("{text}AE8").into(), malformed),
            (
                text.replacen("#AR", "#Ah", 1).into(),
                "join link has version 2, which needs a newer program",
            ),
            (vec![b'v'; 1025], "join link is larger than the limit of 1024"),
        ],
    );
}

#[test]
fn links() {
    let good = samples::links().remove(1).1;
    let text = good.to_string();
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().parse::<ContactLink>();
    let (before, _) = text.split_once('#').unwrap();
    // Version 2: the first six bits of the secret are 0 either way, the next four name it.
    let newer = text.replacen("#AT", "#Aj", 1);
    assert_ne!(newer, text);
    let shouting = ContactLink { username: Some("Ana".into()), ..good.clone() };
    let malformed = "contact link is malformed";
    check(
        parse,
        vec![
            (vec![], malformed),
            (text[1..].into(), malformed),
            (text.replace("veche://", "https://").into(), malformed),
            (text.replace("/contact#", "/contact?").into(), malformed),
            (before.into(), malformed),
            (format!("{before}#").into(), malformed),
            (text[..text.len() - 4].into(), malformed),
            (format!("{text}=").into(), malformed),
            (format!("{text}AAAA").into(), malformed),
            (newer.into(), "contact link has version 2, which needs a newer program"),
            (shouting.to_string().into(), "username is malformed"),
            (text.replace(":443", ":0").into(), "port of a server address is malformed"),
            (vec![b'v'; 1025], "contact link is larger than the limit of 1024"),
        ],
    );
}

/// So that the server can say which request it refuses.
#[test]
fn the_id_of_a_refused_frame_can_be_read() {
    for refused in [number(1, 3), request(15, &[]), request(7, &[id(1, 15)])] {
        assert!(ClientFrame::decode(&refused).is_err());
        assert_eq!(ClientFrame::id_of(&refused), Some(3));
    }
    for nameless in [vec![], number(1, 0), vec![0xff; 8], request(7, &[id(1, 16)])[..10].to_vec()] {
        assert_eq!(ClientFrame::id_of(&nameless), None, "{nameless:02x?}");
    }
}
