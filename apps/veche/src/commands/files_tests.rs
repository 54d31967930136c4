//! Saving never overwrites, never leaves the folder, and leaves nothing half done behind.

use super::*;

fn view(name: &str, content: &[u8]) -> FileView {
    FileView {
        name: name.to_owned(),
        media_type: "text/plain".to_owned(),
        size: content.len() as u64,
        sha256: Sha256::digest(content).into(),
        here: true,
        transfer: String::new(),
    }
}

/// Gives out `content` in small pieces.
fn parts(content: &[u8]) -> impl FnMut(u64) -> Result<Option<Vec<u8>>, Problem> {
    let pieces: Vec<Vec<u8>> = content.chunks(3).map(<[u8]>::to_vec).collect();
    move |index| Ok(usize::try_from(index).ok().and_then(|index| pieces.get(index).cloned()))
}

fn save_into(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    write(folder, &view(name, content), parts(content)).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_second_file_of_a_name_gets_a_number() {
    let folder = tempfile::tempdir().unwrap();
    for content in [b"first".as_slice(), b"second", b""] {
        let path = save_into(folder.path(), "note.txt", content);
        assert_eq!(fs::read(path).unwrap(), content);
    }
    assert_eq!(names(folder.path()), ["note (1).txt", "note (2).txt", "note.txt"]);
    assert_eq!(fs::read(folder.path().join("note.txt")).unwrap(), b"first");
}

#[test]
fn a_hostile_name_stays_in_the_folder() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("inner");
    for name in ["../escaped", "/etc/passwd", "..", "a/../../b", "..\\..\\c"] {
        let path = save_into(&folder, name, b"x");
        assert_eq!(path.parent(), Some(folder.as_path()), "{name}");
    }
    assert_eq!(names(outer.path()), ["inner"]);
    assert_eq!(names(&folder), ["b", "c", "escaped", "file", "passwd"]);
}

#[test]
fn a_link_that_lies_there_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let aim = elsewhere.path().join("aim");
    std::os::unix::fs::symlink(&aim, folder.path().join("note.txt")).unwrap();
    let path = save_into(folder.path(), "note.txt", b"x");
    assert_eq!(path, folder.path().join("note (1).txt"));
    assert!(!aim.exists());
}

#[test]
fn a_file_that_is_not_what_was_sent_is_not_saved() {
    let folder = tempfile::tempdir().unwrap();
    let promised = view("note.txt", b"promised");
    assert!(write(folder.path(), &promised, parts(b"forged!!")).is_err());
    assert!(write(folder.path(), &promised, parts(b"promi")).is_err());
    let broken = |_| Err(Problem::refused("the disk failed"));
    assert!(write(folder.path(), &promised, broken).is_err());
    assert!(names(folder.path()).is_empty(), "nothing is left behind");
}
