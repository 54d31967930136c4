//! Two people talk.

use std::fs;

use serde_json::{Value, json};

use super::{Play, message, texts};
use crate::processes::person::{column, text_of};
use crate::processes::{Checks, Person, Stopped, disk};

pub(super) fn direct(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo) = (&play.ana, &play.bo);
    let chat = ana.object(&["chat", "new", "bo2"])?;
    checks.equal("a chat has a kind", &chat["kind"], &json!("direct"));
    checks.equal("a direct chat is called as the other", &chat["title"], &json!("bo2"));
    play.direct = text_of(&chat, "chat");
    let id = ana.say(&play.direct, "hello bo")?;
    bo.sync()?;
    let there = bo.object(&["chat", "new", "ana"])?;
    checks.equal("both are in one chat", &text_of(&there, "chat"), &play.direct);
    let at_bo = bo.objects(&["read", "ana"])?;
    let at_bo: Vec<&Value> = at_bo.iter().filter(|line| line.get("text").is_some()).collect();
    checks.equal("bo reads one message", &at_bo.len(), &1);
    let first = at_bo.first().copied().cloned().unwrap_or_default();
    checks.equal("its id is the same", &text_of(&first, "id"), &id);
    checks.equal("its author is ana", &first["from"], &json!("ana"));
    checks.equal("it says what she wrote", &first["text"], &json!("hello bo"));
    let at = text_of(&first, "at");
    checks.that("its time is RFC 3339", at.contains('T') && at.ends_with('Z'), || at.clone());
    let said = bo.object(&["send", "ana", "hello ana"])?;
    checks.equal("`send` prints the message", &said["text"], &json!("hello ana"));
    checks.equal("which is sent", &said["state"], &json!("sent"));
    ana.sync()?;
    let unread = ana.objects(&["chats"])?;
    checks.equal(
        "ana has one unread",
        &unread.first().map(|chat| chat["unread"].clone()),
        &Some(json!(1)),
    );
    checks.equal(
        "ana reads both",
        &texts(ana, "bo2")?,
        &vec!["hello bo".into(), "hello ana".into()],
    );
    ana.objects(&["read", "bo2"])?;
    let unread = ana.objects(&["chats"])?;
    checks.equal(
        "then nothing is unread",
        &unread.first().map(|chat| chat["unread"].clone()),
        &Some(json!(0)),
    );
    let ran = ana.run(&["send", "no such chat", "x"])?;
    checks.equal("a chat that is not there is refused", &ran.code, &Some(1));
    Ok(())
}

pub(super) fn request(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (bo, cy) = (&play.bo, &play.cy);
    let chat = text_of(&cy.object(&["chat", "new", "@bo2"])?, "chat");
    let id = cy.say(&chat, "we have not met")?;
    bo.sync()?;
    let requests = bo.objects(&["requests"])?;
    checks.equal("a stranger's first contact is a request", &requests.len(), &1);
    let request = requests.first().cloned().unwrap_or_default();
    checks.equal("it says from whom", &request["from"], &json!("cyd"));
    checks.equal("and to what", &request["kind"], &json!("direct"));
    let known = column(&bo.objects(&["chats"])?, "chat");
    checks.that("it is no chat yet", !known.contains(&chat), || format!("{known:?}"));
    let accepted = bo.object(&["accept", &text_of(&request, "id")])?;
    checks.equal("accepting gives the chat", &text_of(&accepted, "chat"), &chat);
    checks.equal(
        "with what was said",
        &text_of(&message(bo, &chat, &id)?, "text"),
        &"we have not met".to_owned(),
    );
    checks.equal("the request is gone", &bo.objects(&["requests"])?, &vec![]);
    bo.say(&chat, "now we have")?;
    cy.sync()?;
    checks.equal(
        "cy reads the answer",
        &texts(cy, &chat)?,
        &vec!["we have not met".to_owned(), "now we have".to_owned()],
    );
    let fay = Person::new(play.folder(), "fay")?;
    fay.register(play.server.address())?;
    let chat = text_of(&fay.object(&["chat", "new", "cyd"])?, "chat");
    fay.say(&chat, "buy my things")?;
    cy.sync()?;
    let requests = cy.objects(&["requests"])?;
    let id = requests.first().map(|request| text_of(request, "id")).unwrap_or_default();
    cy.run(&["decline", &id])?.good()?;
    checks.equal("a declined request is forgotten", &cy.objects(&["requests"])?, &vec![]);
    Ok(())
}

pub(super) fn changes(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let first = ana.say(chat, "shall we meet at six?")?;
    let wrong = ana.say(chat, "a mistake")?;
    bo.sync()?;
    let answer = text_of(&bo.object(&["send", chat, "yes", "--reply", &first])?, "id");
    bo.run(&["react", chat, &first, "👍"])?.good()?;
    bo.run(&["react", chat, &first, "🎉"])?.good()?;
    bo.run(&["react", chat, &first, "🎉"])?.good()?;
    ana.run(&["edit", chat, &first, "shall we meet at seven?"])?.good()?;
    ana.run(&["delete", chat, &wrong])?.good()?;
    let ran = bo.run(&["edit", chat, &first, "shall we never meet?"])?;
    checks.equal("nobody edits another's message", &ran.code, &Some(1));
    let ran = bo.run(&["delete", chat, &first])?;
    checks.equal("nor deletes it", &ran.code, &Some(1));
    ana.sync()?;
    bo.sync()?;
    for person in [ana, bo] {
        let name = &person.name;
        let message_here = |id: &str| message(person, chat, id);
        let edited = message_here(&first)?;
        checks.equal(
            &format!("{name} sees the edit"),
            &edited["text"],
            &json!("shall we meet at seven?"),
        );
        checks.equal("marked as such", &edited["edited"], &json!(true));
        checks.equal(
            "and the reaction that was not taken back",
            &edited["reactions"],
            &json!({"👍": ["bo2"]}),
        );
        let deleted = message_here(&wrong)?;
        checks.equal("the deletion", &deleted["deleted"], &json!(true));
        checks.equal("without its text", &deleted.get("text"), &None);
        checks.equal("and what is answered", &message_here(&answer)?["reply_to"], &json!(first));
    }
    Ok(())
}

pub(super) fn exact_text(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let mut long = "  leading, trailing, \ttabs, \r\n and ünïcödé 👩‍👩‍👧 \u{0}\n".repeat(400);
    long.push_str("\n\n");
    checks.that("the text is longer than 16 KiB", long.len() > 16 << 10, || long.len().to_string());
    let ran = ana.run_with(&["--json", "send", chat, "-"], long.as_bytes())?.good()?;
    let id = text_of(&ran.object()?, "id");
    bo.sync()?;
    let same = text_of(&message(bo, chat, &id)?, "text") == long;
    checks
        .that("what comes from standard input arrives byte for byte", same, || "it differs".into());
    let ran = ana.run_with(&["send", chat, "-"], b"\xff\xfe not UTF-8")?;
    checks.equal("what is no text is refused", &ran.code, &Some(1));
    let ran = ana.run_with(&["send", chat, "-"], &vec![b'x'; 2 << 20])?;
    checks.equal("what is too long is refused", &ran.code, &Some(1));
    let ran = ana.run(&["send", chat, "--", "--starts with dashes"])?;
    checks.that("text may begin with dashes", ran.is_good(), || ran.to_string());
    Ok(())
}

pub(super) fn hostile_text(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}txt.exe\u{9b}31m\u{2066}\u{61c}\u{7f}\r";
    let ran = ana.run_with(&["--json", "send", chat, "-"], hostile.as_bytes())?.good()?;
    let id = text_of(&ran.object()?, "id");
    bo.sync()?;
    checks.equal(
        "in JSON it keeps its value",
        &text_of(&message(bo, chat, &id)?, "text"),
        &hostile.to_owned(),
    );
    for words in [
        &["read", chat][..],
        &["--json", "read", chat],
        &["export", chat],
        &["search", "owned"],
        &["--json", "search", "owned"],
    ] {
        let ran = bo.run(words)?.good()?;
        let steering = |c: char| {
            (c.is_control() && c != '\n')
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let found: Vec<char> = ran.stdout.chars().filter(|c| steering(*c)).collect();
        checks.that(
            &format!("{:?} prints nothing that steers", words.first()),
            found.is_empty(),
            || format!("{found:?}"),
        );
        checks.that("but prints the rest", ran.stdout.contains("owned"), || ran.stdout.clone());
    }
    Ok(())
}

pub(super) fn files(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let failed = |error: std::io::Error| error.to_string();
    let bytes: Vec<u8> =
        (0..700_001u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    fs::write(ana.desk().join("numbers.bin"), &bytes).map_err(failed)?;
    fs::write(ana.desk().join("note.txt"), "a note").map_err(failed)?;
    let sent = ana.objects(&[
        "send",
        chat,
        "look at these",
        "--file",
        "numbers.bin",
        "--file",
        "note.txt",
    ])?;
    checks.equal("two files are two messages", &sent.len(), &2);
    checks.equal(
        "the text goes with the first",
        &column(&sent, "text"),
        &vec!["look at these".to_owned(), String::new()],
    );
    let [first, second] = sent.as_slice() else {
        return Err(format!("not two messages: {sent:?}"));
    };
    let described = &first["file"];
    checks.equal("a file has a name", &described["name"], &json!("numbers.bin"));
    checks.equal("a type", &described["type"], &json!("application/octet-stream"));
    checks.equal("a size", &described["size"], &json!(bytes.len()));
    checks.equal("another type", &second["file"]["type"], &json!("text/plain"));

    bo.sync()?;
    fs::write(bo.desk().join("numbers.bin"), "mine").map_err(failed)?;
    let id = text_of(first, "id");
    let saved = bo.object(&["save", chat, &id])?;
    checks.equal("`save` names the size", &saved["size"], &json!(bytes.len()));
    checks.equal("and the SHA-256 of the message", &saved["sha256"], &described["sha256"]);
    let path = bo.desk().join(text_of(&saved, "path"));
    let arrived = fs::read(&path).map_err(failed)?;
    checks.that("the file is the same byte for byte", arrived == bytes, || {
        format!("{} bytes", arrived.len())
    });
    checks.equal(
        "nothing was overwritten",
        &fs::read(bo.desk().join("numbers.bin")).map_err(failed)?,
        &b"mine".to_vec(),
    );
    let saved = bo.object(&["save", chat, &text_of(second, "id"), "--to", "inbox"])?;
    let path = bo.desk().join(text_of(&saved, "path"));
    checks.equal(
        "`--to` says where",
        &path.parent().map(std::path::Path::to_owned),
        &Some(bo.desk().join("inbox")),
    );

    hostile_file(play, checks)?;
    damaged_file(play, checks)?;
    let ran = play.ana.run(&["send", &play.direct, "x", "--file", "not-there"])?;
    checks.equal("a file that is not there is refused", &ran.code, &Some(1));
    let ran = play.bo.run(&["save", &play.direct, &"0".repeat(32)])?;
    checks.equal("a message that is not there has no file", &ran.code, &Some(1));
    Ok(())
}

/// What somebody wants to be called is shown beside the username, and steers no terminal.
pub(super) fn display_name(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let wanted = "Ana \u{202e}Petrović";
    let me = ana.object(&["me", "--display-name", wanted])?;
    checks.equal("a display name can be chosen", &me["display_name"], &json!(wanted));
    let sent = ana.object(&["send", chat, "it is still me"])?;
    checks.equal("what is sent shows it", &sent["display_name"], &json!(wanted));
    bo.sync()?;
    let came = message(bo, chat, &text_of(&sent, "id"))?;
    checks.equal("so does what came", &came["display_name"], &json!(wanted));
    checks.equal("beside the username", &came["from"], &json!("ana"));
    let shown = "Ana \u{fffd}Petrović (ana)";
    for words in [&["read", chat, "--limit", "1"][..], &["contacts"], &["safety", "ana"]] {
        let ran = bo.run(words)?.good()?;
        let what = format!("{:?} shows both, cleaned", words.first());
        checks.that(&what, ran.stdout.contains(shown), || ran.to_string());
    }
    let ran = bo.run(&["safety", wanted])?;
    checks.equal("nobody is found by it", &ran.code, &Some(1));
    let ran = ana.run(&["me", "--display-name", &"x".repeat(65)])?;
    checks.equal("one that is too long is refused", &ran.code, &Some(1));
    ana.object(&["me", "--display-name", ""])?;
    let sent = ana.object(&["send", chat, "only ana"])?;
    bo.sync()?;
    let came = message(bo, chat, &text_of(&sent, "id"))?;
    checks.equal("it can be taken back", &came.get("display_name"), &None);
    Ok(())
}

/// The server's disk turns a bit over in what it keeps of a file.
fn damaged_file(play: &Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let failed = |error: std::io::Error| error.to_string();
    let blobs = play.server.data().join("blobs");
    let before = disk::files(&blobs)?;
    fs::write(ana.desk().join("letter.txt"), vec![b'l'; 200_000]).map_err(failed)?;
    let id = text_of(&ana.object(&["send", chat, "--file", "letter.txt"])?, "id");
    let mut added = disk::files(&blobs)?;
    added.retain(|file| !before.contains(file));
    let [(path, bytes)] = added.as_slice() else {
        return Err(format!("{} files at the server are new, not one", added.len()));
    };
    let mut other = bytes.clone();
    // In the second chunk, so that the first is right.
    if let Some(byte) = other.get_mut(100_000) {
        *byte ^= 1;
    }
    fs::write(path, &other).map_err(failed)?;
    let empty = bo.desk().join("damaged");
    for _ in 0..2 {
        let ran = bo.run(&["save", chat, &id, "--to", "damaged"])?;
        checks.equal("a file that the server has damaged is not saved", &ran.code, &Some(1));
        checks.that("which is said", ran.stderr.contains("damaged"), || ran.stderr.clone());
        checks.equal("and nothing of it is left lying around", &disk::files(&empty)?.len(), &0);
    }
    fs::write(path, bytes).map_err(failed)?;
    let saved = bo.object(&["save", chat, &id, "--to", "damaged"])?;
    checks.equal("when the server has it right, it is", &saved["size"], &json!(200_000));
    Ok(())
}

/// The way back, with a name that is up to no good.
fn hostile_file(play: &Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let failed = |error: std::io::Error| error.to_string();
    let name = "..\\..\\\u{1b}[2J\u{202e}gpj.exe";
    fs::write(bo.desk().join(name), b"a picture, honestly").map_err(failed)?;
    let ran = bo.run(&["--json", "send", chat, "--file", name])?.good()?;
    let id = text_of(&ran.object()?, "id");
    ana.sync()?;
    let inbox = ana.desk().join("inbox");
    let saved = ana.object(&["save", chat, &id, "--to", "inbox"])?;
    let path = ana.desk().join(text_of(&saved, "path"));
    checks.equal("a hostile name stays in the folder", &path.parent(), &Some(inbox.as_path()));
    checks.equal(
        "its content is right",
        &fs::read(&path).map_err(failed)?,
        &b"a picture, honestly".to_vec(),
    );
    let shown = text_of(&saved, "path");
    checks.that("its name is harmless", !shown.contains(['\u{1b}', '\u{202e}', '\\']), || {
        shown.clone()
    });
    Ok(())
}

pub(super) fn find(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, chat) = (&play.ana, play.direct.as_str());
    let whole = ana.transcript(chat)?;
    let ids = column(&whole, "id");
    let found = ana.objects(&["search", "seven"])?;
    checks.equal(
        "a word is found",
        &column(&found, "text"),
        &vec!["shall we meet at seven?".to_owned()],
    );
    let found = ana.objects(&["search", "sev"])?;
    checks.equal("so is its beginning", &found.len(), &1);
    checks.equal("what was edited away is not", &ana.objects(&["search", "six"])?, &vec![]);
    checks.equal("nor what was deleted", &ana.objects(&["search", "mistake"])?, &vec![]);
    let last = column(&ana.objects(&["read", chat, "--limit", "3"])?, "id");
    checks.equal(
        "`read --limit` prints the last",
        &last,
        &ids[ids.len().saturating_sub(3)..].to_vec(),
    );
    let third = ids.get(2).cloned().unwrap_or_default();
    let after = column(&ana.objects(&["read", chat, "--after", &third])?, "id");
    checks.equal("`read --after` prints what follows", &after, &ids[3..].to_vec());
    let after = column(&ana.objects(&["read", chat, "--after", &third, "--limit", "2"])?, "id");
    checks.equal("up to a limit", &after, &ids[3..5].to_vec());
    let words = ana.run(&["export", chat])?.good()?.stdout;
    checks.that("people can read an export", words.contains("    hello bo\n"), || words.clone());
    Ok(())
}

pub(super) fn block(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (bo, cy) = (&play.bo, &play.cy);
    let chat = text_of(&cy.object(&["chat", "new", "bo2"])?, "chat");
    bo.run(&["block", "cyd"])?.good()?;
    let id = cy.say(&chat, "can you hear me?")?;
    bo.sync()?;
    let known = column(&bo.transcript(&chat)?, "id");
    checks.that("a blocked person is not heard", !known.contains(&id), || format!("{known:?}"));
    bo.run(&["unblock", "cyd"])?.good()?;
    let id = cy.say(&chat, "and now?")?;
    bo.sync()?;
    let known = column(&bo.transcript(&chat)?, "id");
    checks.that("and is heard again afterwards", known.contains(&id), || format!("{known:?}"));
    Ok(())
}
