//! A home on a disk that fills up.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{Play, texts};
use crate::processes::checks::say;
use crate::processes::person::text_of;
use crate::processes::{Checks, Person, Stopped};

/// How many messages come, each of about [`TEXT_BYTES`].
const MESSAGES: usize = 40;
const TEXT_BYTES: usize = 30_000;

/// A small file system in memory, gone when this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Makes one, where the system lets us.
    fn mount(folder: PathBuf) -> Option<Self> {
        fs::create_dir_all(&folder).ok()?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=16m", "none"]).arg(&folder);
        let mounted = command.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(folder))
    }

    /// Takes all the room that is left.
    fn fill(&self) -> Result<(), Stopped> {
        let zeros = vec![0; 4096];
        let mut file = fs::File::create(self.0.join("fill")).map_err(|error| error.to_string())?;
        while std::io::Write::write_all(&mut file, &zeros).is_ok() {}
        Ok(())
    }

    fn make_room(&self) -> Result<(), Stopped> {
        fs::remove_file(self.0.join("fill")).map_err(|error| error.to_string())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What cannot be unmounted goes with the machine.
        let _ = Command::new("umount").arg(&self.0).output();
    }
}

pub(super) fn full_disk(play: &mut Play, checks: &mut Checks) -> Result<(), Stopped> {
    let Some(disk) = SmallDisk::mount(play.folder().join("small")) else {
        say("  left out: only root can make a small disk here");
        return Ok(());
    };
    let kim = Person::new(&disk.0, "kim")?;
    kim.register(play.server.address())?;
    kim.object(&["contact", "add", "@bo2"])?;
    let bo = &play.bo;
    bo.object(&["contact", "add", "@kim"])?;
    let chat = text_of(&kim.object(&["chat", "new", "@bo2"])?, "chat");
    let before = kim.say(&chat, "there is room")?;
    bo.sync()?;
    let mut watching = kim.start(&["--json", "watch"])?;
    let seen = bo.say(&chat, "so I see")?;
    watching.line(|line| line.contains(&seen))?;

    disk.fill()?;
    let text = "x".repeat(TEXT_BYTES);
    let mut sent = vec!["there is room".to_owned(), "so I see".to_owned()];
    for number in 0..MESSAGES {
        sent.push(format!("{number} {text}"));
        bo.object(&["--queue", "send", &chat, &format!("{number} {text}")])?;
    }
    bo.sync()?;
    let is_said = |words: &str| words.contains("the disk is full");
    let ran = watching.finish()?;
    checks.equal("whoever watches on a full disk is not left waiting", &ran.code, &Some(1));
    checks.that("and is told why", is_said(&ran.stderr), || ran.to_string());
    let ran = kim.run(&["sync"])?;
    let so = ran.code == Some(1) && is_said(&ran.stderr);
    checks.that("so is who calls `sync`", so, || ran.to_string());
    // What is left of the room may do for some messages of one's own.
    let mut refused = None;
    for number in 0..MESSAGES {
        let own = format!("own {number} {text}");
        let ran = kim.run(&["--queue", "send", &chat, &own])?;
        if !ran.is_good() {
            refused = Some(ran);
            break;
        }
        sent.push(own);
    }
    let so = refused.as_ref().is_some_and(|ran| is_said(&ran.stderr));
    checks.that("and who says something", so, || format!("{refused:?}"));
    let shown = kim.messages(&chat)?;
    checks.that(
        "what was there can be read",
        shown.iter().any(|message| text_of(message, "id") == before),
        || format!("{} messages", shown.len()),
    );

    disk.make_room()?;
    kim.sync()?;
    let arrived = texts(&kim, &chat)?;
    let detail = || format!("{} of {}", arrived.len(), sent.len());
    checks.that("with room, all is there, once and in order", arrived == sent, detail);
    Ok(())
}
