//! Files: taking them in to be sent, saving them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use veche_client::wire::{EntryId, LogId, Random};
use veche_client::{Command, FileView, StagedFile};

use crate::context::{Change, Context};
use crate::engine::SystemRandom;
use crate::problem::Problem;
use crate::shapes::{SavedShape, hex};
use crate::{file_name, media_type};

/// How many names with a number are tried before giving up.
const NUMBERS_MAX: u32 = 10_000;

/// A file that can be read.
pub(super) struct Opened {
    name: String,
    size: u64,
    file: File,
}

/// Opens all files, or none.
pub(super) fn open_all(context: &Context, paths: &[PathBuf]) -> Result<Vec<Opened>, Problem> {
    paths.iter().map(|path| open(&context.folder.join(path), path)).collect()
}

fn open(path: &Path, shown: &Path) -> Result<Opened, Problem> {
    let refused = |why: String| Problem::refused(format!("{}: {why}", shown.display()));
    let metadata = fs::metadata(path).map_err(|error| refused(error.to_string()))?;
    if !metadata.is_file() {
        return Err(refused("not a file".to_owned()));
    }
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Opened { name: name.unwrap_or_else(|| "file".to_owned()), size: metadata.len(), file })
}

/// Seals all files into the local database.
pub(super) fn stage_all(
    context: &Context,
    opened: Vec<Opened>,
) -> Result<Vec<StagedFile>, Problem> {
    let stage = |mut opened: Opened| {
        let media_type = media_type::guess(&opened.name);
        context.engine.with_client(|client| {
            client.stage_file(&opened.name, media_type, opened.size, &mut opened.file)
        })
    };
    opened.into_iter().map(stage).collect()
}

/// Saves the file of a message into a folder.
pub(super) async fn save(
    context: &Context,
    chat: &str,
    message: EntryId,
    folder: &Path,
) -> Result<(), Problem> {
    let (chat, file) = match file_of(context, chat, message) {
        Ok((chat, file)) if file.here => (chat, file),
        _ => {
            context.catch_up().await?;
            file_of(context, chat, message)?
        }
    };
    if !file.here {
        let change = context.change(|_| Ok(Command::Download { chat, message })).await?;
        if change == Change::Queued {
            return Ok(());
        }
    }
    // Without the `.` that stands for the folder itself.
    let folder: PathBuf = context.folder.join(folder).components().collect();
    let part = |index| context.engine.with_client(|client| client.file_part(chat, message, index));
    let path = write(&folder, &file, part)?;
    let path = path.to_string_lossy();
    let shape = SavedShape { path: &path, size: file.size, sha256: hex(&file.sha256) };
    context.output.say(&shape, || path.to_string())
}

fn file_of(context: &Context, chat: &str, message: EntryId) -> Result<(LogId, FileView), Problem> {
    let chat = context.chat(chat)?;
    let view = context.client().message(chat, message)?;
    let Some(view) = view else {
        return Err(Problem::refused(format!("there is no message {message} in this chat")));
    };
    let file = view.file.ok_or_else(|| Problem::refused("this message has no file"))?;
    Ok((chat, file))
}

/// Writes the parts into a new file of the folder, named after the author's wish as far as that is
/// harmless. The file has its name only when it is whole and right.
fn write(
    folder: &Path,
    file: &FileView,
    mut part: impl FnMut(u64) -> Result<Option<Vec<u8>>, Problem>,
) -> Result<PathBuf, Problem> {
    fs::create_dir_all(folder).map_err(|error| about(folder, &error))?;
    let unfinished = Unfinished::create(folder)?;
    let mut target = &unfinished.file;
    let (mut hash, mut size) = (Sha256::new(), 0);
    for index in 0.. {
        let Some(bytes) = part(index)? else { break };
        size += bytes.len() as u64;
        hash.update(&bytes);
        target.write_all(&bytes).map_err(|error| about(folder, &error))?;
    }
    let hash: [u8; 32] = hash.finalize().into();
    if hash != file.sha256 || size != file.size {
        return Err(Problem::refused("the file is not what its author sent; it was not saved"));
    }
    target.sync_all().map_err(|error| about(folder, &error))?;
    unfinished.finish(folder, &file_name::harmless(&file.name))
}

/// A file under a name of its own that disappears when it is not finished.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Unfinished {
    fn create(folder: &Path) -> Result<Self, Problem> {
        let mut random = [0; 8];
        SystemRandom.fill(&mut random);
        let path = folder.join(format!(".veche-{}.part", hex(&random)));
        let file = create_new(&path).map_err(|error| about(&path, &error))?;
        Ok(Self { path, file })
    }

    /// Gives it the first name that is free; never one that is taken.
    fn finish(&self, folder: &Path, name: &str) -> Result<PathBuf, Problem> {
        for number in 0..NUMBERS_MAX {
            let name = match number {
                0 => name.to_owned(),
                number => file_name::numbered(name, number),
            };
            let path = folder.join(name);
            match self.take(&path) {
                Ok(()) => return Ok(path),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(about(&path, &error)),
            }
        }
        Err(Problem::refused(format!("there are too many files like {name} already")))
    }

    fn take(&self, path: &Path) -> io::Result<()> {
        match fs::hard_link(&self.path, path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            // A disk without hard links: the name is claimed by an empty file of ours first.
            Err(_) => {
                create_new(path)?;
                fs::rename(&self.path, path)
            }
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Where it was renamed, it is gone already.
        let _ = fs::remove_file(&self.path);
    }
}

fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn about(path: &Path, error: &io::Error) -> Problem {
    Problem::refused(format!("{}: {error}", path.display()))
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
