//! What is broken, and mends itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Play, texts};
use crate::processes::person::{column, text_of};
use crate::processes::{Checks, Person, Server, Stopped};

pub(super) fn queue(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.clone());
    let before = texts(bo, &chat)?.len();
    play.server.kill();
    let ran = ana.run(&["--json", "send", &chat, "one", "--timeout", "1"])?;
    checks.equal("without the server a message is not sent", &ran.code, &Some(1));
    checks.that("which is said, with what happens next", ran.stderr.contains("veche sync"), || {
        ran.stderr.clone()
    });
    checks.equal("but it is kept", &ran.object()?["state"], &json!("pending"));
    let queued = ana.object(&["send", &chat, "two", "--queue"])?;
    checks.equal("`--queue` does not even try", &queued["state"], &json!("pending"));
    ana.object(&["--queue", "send", &chat, "three"])?;
    let ran = ana.run(&["--json", "sync", "--timeout", "1"])?;
    checks.equal("`sync` fails without the server", &ran.code, &Some(1));
    let waiting = ran.object()?["pending"].as_u64().unwrap_or_default();
    checks.that("and counts what waits", waiting >= 3, || ran.to_string());
    let ran = ana.run(&["contact-link", "--timeout", "1"])?;
    checks.equal("so does what must catch up first", &ran.code, &Some(1));
    for words in [
        &["read", &chat][..],
        &["chats"],
        &["contacts"],
        &["requests"],
        &["me"],
        &["search", "hello"],
        &["export", &chat],
    ] {
        let ran = ana.run(words)?;
        checks.that(
            &format!("{:?} works without the server", words.first()),
            ran.is_good(),
            || ran.to_string(),
        );
    }
    play.server.start_again()?;
    let synced = ana.sync()?;
    checks.equal("then nothing waits", &synced["pending"], &json!(0));
    checks.that("all three were sent", synced["sent"].as_u64() >= Some(3), || synced.to_string());
    bo.sync()?;
    let arrived = texts(bo, &chat)?;
    let wanted = vec!["one".to_owned(), "two".to_owned(), "three".to_owned()];
    checks.equal("and arrive once, in order", &arrived[before..].to_vec(), &wanted);
    Ok(())
}

/// Another server poses as ours: nothing is told to it, nobody waits for it, and what was written
/// stays queued.
pub(super) fn other_key(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let place = play.server.address().split('/').next().unwrap_or_default().to_owned();
    let mut watching = bo.start(&["watch"])?;
    let seen = ana.say(chat, "before another server came")?;
    watching.line(|line| line.contains(&seen))?;
    play.server.kill();
    let mut other = Server::start_at(&place, &play.folder.path().join("impostor"), &[])?;
    let ran = ana.run(&["--json", "send", chat, "not for you", "--timeout", "80000"])?;
    checks.equal("a server with another key ends a command at once", &ran.code, &Some(1));
    let said = ["does not hold the key", "stays queued"];
    let is_said = said.iter().all(|words| ran.stderr.contains(words));
    checks.that("which is said, with what happens next", is_said, || ran.stderr.clone());
    checks.equal("what was written is kept", &ran.object()?["state"], &json!("pending"));
    let ran = ana.run(&["sync", "--timeout", "80000"])?;
    checks.equal("so ends `sync`", &ran.code, &Some(1));
    other.kill();
    play.server.start_again()?;
    checks.equal("with the right server all is sent", &ana.sync()?["pending"], &json!(0));
    // Whoever watches has grown patient meanwhile; somebody new hurries the process.
    bo.sync()?;
    watching.line(|line| line.contains("not for you"))?;
    watching.signal("INT")?;
    let ran = watching.finish()?;
    checks.that("whoever watches goes on, and knows why", ran.is_good(), || ran.to_string());
    checks.that("nothing came", ran.stderr.contains("not connected"), || ran.to_string());
    Ok(())
}

pub(super) fn killed(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let group = play.group.clone();
    let acknowledged = play.ana.say(&group, "before the crash")?;
    let mut waiting = play.bo.start(&["watch", "--json", &group])?;
    play.server.kill();
    let sending = play.cy.start(&["--json", "send", &group, "during the crash"])?;
    play.server.start_again()?;
    let ran = sending.finish()?;
    checks.that("a message waits for the server to come back", ran.is_good(), || ran.to_string());
    let line = waiting.line(|line| line.contains("during the crash"))?;
    checks.that("whoever watches sees it", line.contains("\"from\":\"cyd\""), || line.clone());
    waiting.signal("INT")?;
    let ran = waiting.finish()?;
    checks.equal("Ctrl-C ends watching well", &ran.code, &Some(0));
    play.settle()?;
    for person in [&play.ana, &play.bo, &play.cy] {
        let ids = column(&person.messages(&group)?, "id");
        let count = ids.iter().filter(|id| **id == acknowledged).count();
        checks.equal(&format!("{} has what was acknowledged, once", person.name), &count, &1);
    }
    Ok(())
}

pub(super) fn two_processes(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let mut watching = bo.start(&["--json", "watch"])?;
    let first = ana.say(chat, "are you watching?")?;
    let line = watching.line(|line| line.contains(&first))?;
    let shown: Value = serde_json::from_str(&line).map_err(|error| error.to_string())?;
    checks.equal(
        "`watch` prints messages as they come",
        &shown["text"],
        &json!("are you watching?"),
    );
    let ran = bo.run_with(&["--json", "send", chat, "-"], b"yes,\r\nI am\n")?;
    checks.that("a second process in the home is served", ran.is_good(), || ran.to_string());
    let said = ran.object()?;
    checks.equal("with its standard input", &said["text"], &json!("yes,\r\nI am\n"));
    watching.line(|line| line.contains(&text_of(&said, "id")))?;
    checks.that("and whoever watches sees that too", true, String::new);
    std::fs::write(bo.desk().join("shared.txt"), "from the desk")
        .map_err(|error| error.to_string())?;
    let ran = bo.run(&["--json", "send", chat, "--file", "shared.txt"])?;
    checks.that("paths belong to the second's folder", ran.is_good(), || ran.to_string());
    let ran = bo.run(&["read", "no such chat"])?;
    checks.equal("refusals come through", &ran.code, &Some(1));
    checks.that("with their reason", ran.stderr.contains("veche chats"), || ran.stderr.clone());
    let many: Vec<_> = (0..8)
        .map(|number| bo.start(&["--json", "send", chat, &format!("at once {number}")]))
        .collect::<Result<_, _>>()?;
    let mut good = 0;
    for running in many {
        good += usize::from(running.finish()?.is_good());
    }
    checks.equal("eight at once are all served", &good, &8);
    let mut guest = bo.start(&["--json", "watch"])?;
    // The second sees what comes once its command has been handed over, whenever that is.
    let mut attached = false;
    for _ in 0..100 {
        let seen = ana.say(chat, "to both of you")?;
        watching.line(|line| line.contains(&seen))?;
        attached =
            guest.line_within(Duration::from_millis(100), |line| line.contains(&seen)).is_ok();
        if attached {
            break;
        }
    }
    checks.that("two can watch one home", attached, || "the second saw nothing".to_owned());
    watching.signal("INT")?;
    checks.that("whoever watches first can go", watching.finish()?.is_good(), String::new);
    let seen = ana.say(chat, "to the second")?;
    guest.line(|line| line.contains(&seen))?;
    checks.that("whoever watched second goes on alone", true, String::new);
    guest.kill();
    let ran = bo.run(&["chats"])?;
    checks.that("the home of a killed process is free", ran.is_good(), || ran.to_string());
    play.settle()?;
    let arrived = texts(&play.ana, &play.direct)?;
    for number in 0..8 {
        let count = arrived.iter().filter(|text| **text == format!("at once {number}")).count();
        checks.equal("each arrived once", &count, &1);
    }
    Ok(())
}

pub(super) fn stop(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let log = play.server.stop()?;
    let account = text_of(&play.ana.object(&["me"])?, "account");
    for (what, word) in [("account", &account), ("chat", &play.group), ("name", &play.cy.name)] {
        checks.that(&format!("its log names no {what}"), !log.contains(word.as_str()), || {
            log.clone()
        });
    }
    play.server.start_again()?;
    let ran = play.ana.run(&["sync"])?;
    checks.that("and it comes back as it was", ran.is_good(), || ran.to_string());
    Ok(())
}

/// A process that has the home and does not answer: others give up, and what they gave up on never
/// happens.
pub(super) fn stopped_process(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let mut watching = bo.start(&["--json", "watch"])?;
    let first = ana.say(chat, "still watching?")?;
    watching.line(|line| line.contains(&first))?;
    watching.signal("STOP")?;
    let ran = bo.run(&["send", chat, "a ghost", "--timeout", "1"])?;
    checks.equal("whoever finds the home in use gives up", &ran.code, &Some(1));
    checks.that("and is told why", ran.stderr.contains("is using"), || ran.stderr.clone());
    watching.signal("CONT")?;
    let second = ana.say(chat, "go on")?;
    watching.line(|line| line.contains(&second))?;
    watching.signal("TERM")?;
    watching.finish()?;
    bo.sync()?;
    ana.sync()?;
    let said = texts(ana, chat)?;
    checks.that("nothing happens afterwards", !said.contains(&"a ghost".to_owned()), || {
        format!("{said:?}")
    });
    Ok(())
}

/// A socket's path has at most about a hundred bytes; in deeper homes others wait for the lock.
pub(super) fn deep_home(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let deep = play.folder().join("deep".repeat(30));
    let ida = Person::new(&deep, "ida")?;
    ida.register(play.server.address())?;
    let first = ida.start(&["sync", "--wait", "1"])?;
    let ran = ida.run(&["me"])?;
    checks.that("a second process waits for its turn", ran.is_good(), || ran.to_string());
    checks.that("so does the first end well", first.finish()?.is_good(), String::new);
    Ok(())
}

pub(super) fn quiet(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, chat) = (&play.ana, &play.bo, play.direct.as_str());
    let waiting = bo.start(&["--json", "sync", "--wait", "4"])?;
    ana.say(chat, "into the quiet")?;
    let synced = waiting.finish()?.good()?.object()?;
    checks.that(
        "`sync --wait` receives what comes meanwhile",
        synced["received"].as_u64() >= Some(1),
        || synced.to_string(),
    );
    checks.that(
        "so that it is there",
        texts(bo, chat)?.contains(&"into the quiet".to_owned()),
        String::new,
    );
    Ok(())
}

/// The server comes back from a copy that is older than what it has acknowledged: the clients give
/// it again what they have, and nothing wedges.
pub(super) fn restored(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, cy, chat) = (&play.ana, &play.cy, play.group.clone());
    let copy = play.folder().join("copy");
    play.server.backup(&copy)?;
    let lost = ana.say(&chat, "after the copy was made")?;
    play.server.kill();
    play.server.move_to(&copy);
    play.server.start_again()?;
    for _ in 0..2 {
        ana.sync()?;
        cy.sync()?;
    }
    let answer = cy.say(&chat, "I heard you")?;
    ana.sync()?;
    cy.sync()?;
    for person in [ana, cy] {
        let ids = column(&person.messages(&chat)?, "id");
        let count = |id: &String| ids.iter().filter(|other| *other == id).count();
        checks.equal(&format!("{} has what the copy lacked, once", person.name), &count(&lost), &1);
        checks.equal("and the talk goes on", &count(&answer), &1);
    }
    // cy was outside for a while, and stays without what was said then.
    let at_cy = column(&cy.messages(&chat)?, "id");
    let mut at_ana = column(&ana.messages(&chat)?, "id");
    let before = at_ana.len();
    at_ana.retain(|id| at_cy.contains(id));
    checks.equal("in one order", &at_cy, &at_ana);
    checks.that("without what was not for them", at_ana.len() < before, || format!("{at_cy:?}"));
    Ok(())
}

pub(super) fn damaged(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let failed = |error: std::io::Error| error.to_string();
    let jan = Person::new(play.folder(), "jan")?;
    jan.register(play.server.address())?;
    let path = jan.home().join("client.db");
    let whole = std::fs::read(&path).map_err(failed)?;
    let half = whole.len() / 2;
    std::fs::write(&path, whole.get(..half).unwrap_or_default()).map_err(failed)?;
    let ran = jan.run(&["sync"])?;
    checks.equal("a home that was cut short is refused", &ran.code, &Some(1));
    checks.that("with a reason", ran.stderr.starts_with("veche: "), || ran.stderr.clone());
    std::fs::write(&path, whole).map_err(failed)?;
    let ran = jan.run(&["sync"])?;
    checks.that("put right, it works again", ran.is_good(), || ran.to_string());
    std::fs::remove_file(jan.home().join("key")).map_err(failed)?;
    let ran = jan.run(&["me"])?;
    checks.equal("without its key it is refused", &ran.code, &Some(1));
    checks.that("and the key is named", ran.stderr.contains("key"), || ran.stderr.clone());
    Ok(())
}
