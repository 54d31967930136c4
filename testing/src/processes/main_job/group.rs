//! Three people in a group.

use serde_json::{Value, json};

use super::{Play, texts};
use crate::processes::Person;
use crate::processes::person::{column, text_of};
use crate::processes::{Checks, Stopped};

pub(super) fn make(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let made = play.ana.object(&["group", "new", "Choir", "bo2", "@cyd"])?;
    checks.equal("a group has a kind", &made["kind"], &json!("group"));
    checks.equal("and a title", &made["title"], &json!("Choir"));
    play.group = text_of(&made, "chat");
    play.settle()?;
    for person in [&play.ana, &play.bo, &play.cy] {
        let chats = person.objects(&["chats"])?;
        let here = chats.iter().find(|chat| text_of(chat, "chat") == play.group);
        let title = here.map(|chat| text_of(chat, "title"));
        checks.equal(
            &format!("{} is in it without asking", person.name),
            &title,
            &Some("Choir".to_owned()),
        );
    }
    let mut members = play.bo.objects(&["group", "members", "Choir"])?;
    members.sort_by_key(|member| text_of(member, "name"));
    checks.equal(
        "three members",
        &column(&members, "name"),
        &vec!["ana".into(), "bo2".into(), "cyd".into()],
    );
    checks.equal(
        "one is the owner",
        &column(&members, "role"),
        &vec!["owner".into(), "member".into(), "member".into()],
    );
    let found = play.bo.objects(&["group", "members", "Choir", "--find", "CY"])?;
    checks.equal("somebody is found", &column(&found, "name"), &vec!["cyd".into()]);
    let page = ["group", "members", "Choir", "--after", "ana", "--limit", "1"];
    let page = play.bo.objects(&page)?;
    checks.equal("and the next one listed", &column(&page, "name"), &vec!["bo2".into()]);
    for (person, text) in [(&play.ana, "la"), (&play.bo, "lala"), (&play.cy, "lalala")] {
        person.say("Choir", text)?;
    }
    play.settle()?;
    let said = vec!["la".to_owned(), "lala".to_owned(), "lalala".to_owned()];
    for person in [&play.ana, &play.bo, &play.cy] {
        checks.equal(
            &format!("{} hears all voices in order", person.name),
            &texts(person, &play.group)?,
            &said,
        );
    }
    Ok(())
}

pub(super) fn govern(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, cy) = (&play.ana, &play.bo, &play.cy);
    let ran = bo.run(&["group", "rename", "Choir", "Bo's choir"])?;
    checks.equal("a member cannot rename", &ran.code, &Some(1));
    let ran = bo.run(&["group", "remove", "Choir", "cyd"])?;
    checks.equal("nor remove", &ran.code, &Some(1));
    let ran = bo.run(&["group", "role", "Choir", "bo2", "owner"])?;
    checks.equal("nor promote", &ran.code, &Some(1));
    ana.run(&["group", "role", "Choir", "bo2", "admin"])?.good()?;
    bo.run(&["group", "rename", "Choir", "Orchestra"])?.good()?;
    play.settle()?;
    for person in [ana, bo, cy] {
        let chats = column(&person.objects(&["chats"])?, "title");
        checks.that(
            &format!("{} sees the new title", person.name),
            chats.contains(&"Orchestra".to_owned()),
            || format!("{chats:?}"),
        );
        let events: Vec<Value> = person.transcript(&play.group)?;
        let events: Vec<&Value> =
            events.iter().filter(|line| line.get("event").is_some()).collect();
        checks.that("and lines about it", !events.is_empty(), || "no system lines".to_owned());
        checks.that(
            "which have no text",
            events.iter().all(|line| line.get("text").is_none()),
            || format!("{events:?}"),
        );
    }
    let ran = ana.run(&["group", "role", "Orchestra", "bo2", "king"])?;
    checks.equal("there are three roles", &ran.code, &Some(2));
    Ok(())
}

/// All three have the same messages in the same order, with the same ids.
pub(super) fn same_transcript(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    play.settle()?;
    let ana = play.ana.messages(&play.group)?;
    checks.that("there is something to compare", ana.len() >= 3, || format!("{ana:?}"));
    for other in [&play.bo, &play.cy] {
        let there = other.messages(&play.group)?;
        let name = &other.name;
        checks.equal(
            &format!("ana and {name} have the same ids in the same order"),
            &column(&there, "id"),
            &column(&ana, "id"),
        );
        checks.equal("the same texts", &column(&there, "text"), &column(&ana, "text"));
        checks.equal("and the same authors", &column(&there, "from"), &column(&ana, "from"));
    }
    let there = play.bo.messages(&play.direct)?;
    checks.equal(
        "so has the direct chat",
        &column(&there, "id"),
        &column(&play.ana.messages(&play.direct)?, "id"),
    );
    Ok(())
}

/// Programs run one command at a time here: who asks is let in by the admin's next `sync`.
pub(super) fn by_link(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let ana = &play.ana;
    let [fay, gil] = ["fay", "gil"].map(|name| Person::new(play.folder(), name));
    let (fay, gil) = (fay?, gil?);
    for person in [&fay, &gil] {
        person.register(play.server.address())?;
    }
    ana.object(&["group", "new", "Assembly"])?;
    let link = text_of(&ana.object(&["group", "link", "Assembly"])?, "link");
    let again = text_of(&ana.object(&["group", "link", "Assembly"])?, "link");
    checks.equal("a group has one link", &again, &link);
    let join = |person: &Person| person.run(&["group", "join", &link, "--timeout", "3"]);
    join(&fay)?.good()?;
    ana.sync()?;
    fay.sync()?;
    let members = column(&ana.objects(&["group", "members", "Assembly"])?, "name");
    checks.equal("who asks is let in", &members, &vec!["ana".to_owned(), "fay".to_owned()]);
    let said = fay.say("Assembly", "I came by the link")?;
    ana.sync()?;
    let heard = column(&ana.messages("Assembly")?, "id");
    checks.equal("and is heard", &heard, &vec![said]);
    ana.run(&["group", "ban", "Assembly", "fay"])?.good()?;
    fay.sync()?;
    join(&fay)?.good()?;
    ana.sync()?;
    let members = column(&ana.objects(&["group", "members", "Assembly"])?, "name");
    checks.equal("who is banned is not", &members, &vec!["ana".to_owned()]);

    let made = ana.object(&["group", "link", "Assembly", "--approve", "--uses", "1"])?;
    let ran = join(&gil)?;
    checks.equal("the link before it leads nowhere", &ran.code, &Some(1));
    let link = text_of(&made, "link");
    gil.run(&["group", "join", &link, "--timeout", "3"])?.good()?;
    let asking = column(&ana.objects(&["group", "requests", "Assembly"])?, "name");
    checks.equal("where somebody decides, who asks waits", &asking, &vec!["gil".to_owned()]);
    ana.run(&["group", "accept", "Assembly", "gil"])?.good()?;
    gil.sync()?;
    let chats = column(&gil.objects(&["chats"])?, "title");
    checks.equal("until somebody says yes", &chats, &vec!["Assembly".to_owned()]);
    let shown = ana.object(&["group", "link", "Assembly"])?;
    checks.equal("the link counts", &shown["used"], &json!(1));
    ana.run(&["group", "link", "Assembly", "--off"])?.good()?;
    Ok(())
}

pub(super) fn part_ways(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let (ana, bo, cy, group) = (&play.ana, &play.bo, &play.cy, play.group.as_str());
    bo.run(&["group", "remove", group, "cyd"])?.good()?;
    let secret = ana.say(group, "only for those who are left")?;
    cy.sync()?;
    bo.sync()?;
    let has = |texts: &[Value], id: &str| texts.iter().any(|line| text_of(line, "id") == id);
    checks.that(
        "who was removed reads nothing more",
        !has(&cy.transcript(group)?, &secret),
        String::new,
    );
    checks.that("the others do", has(&bo.transcript(group)?, &secret), String::new);
    let ran = cy.run(&["send", group, "let me in"])?;
    checks.equal("and cannot write", &ran.code, &Some(1));
    let chats = cy.objects(&["chats"])?;
    let state =
        chats.iter().find(|chat| text_of(chat, "chat") == group).map(|chat| text_of(chat, "state"));
    checks.equal("the chat says so", &state, &Some("removed".to_owned()));

    ana.run(&["group", "add", group, "cyd"])?.good()?;
    cy.sync()?;
    let welcome = ana.say(group, "welcome back")?;
    cy.sync()?;
    let there = cy.transcript(group)?;
    checks.that("who is added again reads on", has(&there, &welcome), || format!("{there:?}"));
    checks.that("but not what was said meanwhile", !has(&there, &secret), String::new);

    let ran = ana.run(&["group", "leave", group])?;
    checks.equal("the last owner cannot just leave", &ran.code, &Some(1));
    bo.run(&["group", "leave", group])?.good()?;
    ana.sync()?;
    cy.sync()?;
    ana.sync()?;
    let after = ana.say(group, "bo has left")?;
    bo.sync()?;
    cy.sync()?;
    checks.that("who left reads nothing more", !has(&bo.transcript(group)?, &after), String::new);
    checks.that("the others do", has(&cy.transcript(group)?, &after), String::new);
    let names = column(&ana.objects(&["group", "members", group])?, "name");
    checks.that("and is no member", !names.contains(&bo.name), || format!("{names:?}"));
    Ok(())
}
