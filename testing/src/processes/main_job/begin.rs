//! From nothing to three people who know each other.

use serde_json::json;

use super::Play;
use crate::processes::person::{column, text_of};
use crate::processes::{Checks, Person, Server, Stopped};

pub(super) fn nothing_yet(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let ana = &play.ana;
    let ran = ana.run(&["chats"])?;
    checks.equal("a command on an empty home is refused", &ran.code, &Some(1));
    checks.that("and says how to register", ran.stderr.contains("veche register"), || ran.stderr);
    checks.that("and leaves nothing behind", !ana.home().exists(), String::new);
    for words in [&["sing"][..], &["send"], &["send", "bo"], &["sync", "--wait", "soon"], &[]] {
        let ran = ana.run(words)?;
        checks.equal(&format!("{words:?} is a usage error"), &ran.code, &Some(2));
    }
    let ran = ana.run(&["--help"])?;
    checks.equal("--help is none", &ran.code, &Some(0));
    Ok(())
}

pub(super) fn register(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let address = play.server.address().to_owned();
    for person in [&play.ana, &play.bo, &play.cy] {
        let made = person.register(&address)?;
        let name = &person.name;
        checks.equal(&format!("{name} has their name"), &text_of(&made, "name"), name);
        let account = text_of(&made, "account");
        checks.equal("an account has 64 digits", &account.len(), &64);
        let phrase = text_of(&made, "phrase");
        checks.equal("a phrase has 12 words", &phrase.split(' ').count(), &12);
        let me = person.object(&["me"])?;
        checks.equal("`me` names the account", &text_of(&me, "account"), &account);
        checks.equal("`me` names the server", &text_of(&me, "server"), &address);
        checks.equal("`me` keeps the phrase to itself", &me.get("phrase"), &None);
        let me = person.object(&["me", "--phrase"])?;
        checks.equal("`me --phrase` shows it", &text_of(&me, "phrase"), &phrase);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for (path, wanted) in
            [(play.ana.home().to_owned(), 0o700), (play.ana.home().join("key"), 0o600)]
        {
            let metadata = std::fs::metadata(&path).map_err(|error| error.to_string())?;
            let mode = metadata.permissions().mode() & 0o777;
            checks.equal(&format!("{} is the owner's only", path.display()), &mode, &wanted);
        }
    }
    Ok(())
}

pub(super) fn refused(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let address = play.server.address().to_owned();
    let dan = Person::new(play.folder(), "dan")?;
    let register = |address: &str, name: &str| {
        // Whoever waits for so long does not end: these registrations must fail at once.
        dan.run(&["register", "--timeout", "80000", "--server", address, "--name", name])
    };
    let ran = register(&address, "ana")?;
    checks.equal("a taken name is refused", &ran.code, &Some(1));
    checks.that("in these words", ran.stderr.contains("taken"), || ran.stderr.clone());
    let ran = register(&address, "Not A Name!")?;
    checks.equal("a name with other characters is refused", &ran.code, &Some(1));

    let (place, key) = address.split_once('/').unwrap_or_default();
    let other = if key.starts_with('a') { "b" } else { "a" };
    let forged = format!("{place}/{other}{}", key.get(1..).unwrap_or_default());
    let ran = register(&forged, "dan")?;
    checks.equal("a server with another key is refused", &ran.code, &Some(1));
    let said = ["does not hold the key", "register again"];
    let is_said = said.iter().all(|words| ran.stderr.contains(words));
    checks.that("and what to do is said", is_said, || ran.stderr.clone());

    let ran = register(&format!("127.0.0.1:1/{key}"), "dan")?;
    checks.equal("a mistyped port is an error", &ran.code, &Some(1));
    let said = ["127.0.0.1:1", "connection refused", "register again"];
    let is_said = said.iter().all(|words| ran.stderr.contains(words));
    checks.that("with a reason and a hint", is_said, || ran.stderr.clone());
    let ran = register("nowhere", "dan")?;
    checks.equal("an address that is none is a usage error", &ran.code, &Some(2));

    let ran = register(&address, "dan")?;
    checks.that("the same home registers at the right one", ran.is_good(), || ran.to_string());
    let ran = register(&address, "dan2")?;
    checks.equal("but not twice", &ran.code, &Some(1));
    Ok(())
}

pub(super) fn contacts(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let Play { ana, bo, cy, .. } = play;
    let link = ana.run(&["contact-link"])?.good()?.stdout;
    checks.that(
        "`contact-link` prints only the link",
        link.starts_with("veche://") && link.trim_end().lines().count() == 1,
        || link.clone(),
    );
    let link = link.trim_end();
    let added = bo.object(&["contact", "add", link])?;
    checks.equal("bo knows ana by link", &text_of(&added, "name"), &ana.name);
    let added = ana.object(&["contact", "add", "@bo2"])?;
    checks.equal("ana knows bo by name", &text_of(&added, "name"), &bo.name);
    ana.object(&["contact", "add", "cyd"])?;
    cy.object(&["contact", "add", "@ana"])?;
    let names = column(&ana.objects(&["contacts"])?, "name");
    checks.equal("ana has two contacts", &names, &vec![bo.name.clone(), cy.name.clone()]);
    let ran = ana.run(&["contact", "add", "@nobody_at_all"])?;
    checks.equal("somebody who is not there cannot be added", &ran.code, &Some(1));
    let ran = ana.run(&["contact", "add", "veche://broken"])?;
    checks.that("a broken link is refused", !ran.is_good(), || ran.to_string());

    let [here, there] = [ana.object(&["safety", "bo2"])?, bo.object(&["safety", "ana"])?];
    checks.equal("both have the same safety number", &here, &there);
    let digits = text_of(&here, "safety").chars().filter(char::is_ascii_digit).count();
    checks.equal("of 60 digits", &digits, &60);
    let other = ana.object(&["safety", "cyd"])?;
    checks.that("and another with somebody else", other != here, || other.to_string());
    Ok(())
}

pub(super) fn passphrase(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let eve = Person::new(play.folder(), "eve")?;
    let locked = eve.with_variable("VECHE_PASSPHRASE", "correct horse");
    locked.register(play.server.address())?;
    let ran = eve.run(&["me"])?;
    checks.equal("without the passphrase nothing opens", &ran.code, &Some(1));
    checks.that("and it is asked for", ran.stderr.contains("passphrase"), || ran.stderr.clone());
    let ran = eve.with_variable("VECHE_PASSPHRASE", "battery staple").run(&["me"])?;
    checks.equal("nor with another", &ran.code, &Some(1));
    checks.equal("with it, it does", &locked.object(&["me"])?["name"], &json!("eve"));
    Ok(())
}

pub(super) fn invited(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let data = play.folder().join("club");
    let club = Server::start(&data, &["--registration", "invite"])?;
    let (gus, hal) = (Person::new(play.folder(), "gus")?, Person::new(play.folder(), "hal")?);
    let register = |person: &Person, code: Option<&str>| {
        let mut words = vec!["register", "--server", club.address(), "--name", &person.name];
        words.extend(code.iter().flat_map(|code| ["--invite", code]));
        person.run(&words)
    };
    let ran = register(&gus, None)?;
    checks.equal("without a code nobody comes in", &ran.code, &Some(1));
    checks.that("and is told so", ran.stderr.contains("invite"), || ran.stderr.clone());
    let ran = register(&gus, Some("a code made up"))?;
    checks.equal("nor with one that is made up", &ran.code, &Some(1));
    let code = club.invite()?;
    let ran = register(&gus, Some(&code))?;
    checks.that("with a code, one does", ran.is_good(), || ran.to_string());
    let ran = register(&hal, Some(&code))?;
    checks.equal("which is good once", &ran.code, &Some(1));
    Ok(())
}
