//! The files of the repository, and how they are read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Folders that hold nothing of ours.
const SKIPPED_FOLDERS: &[&str] = &["target", ".git", ".veche", ".veche-homes", "node_modules"];

/// What is made from our sources and lies among them.
const MADE: &[&str] = &["apps/web/dist", "apps/web/src/bridge/core"];

/// The files of the repository by path from its top, `/` between folders. Files that are not text
/// stand with an empty text.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, String>,
}

impl Tree {
    pub(crate) fn of_the_repository() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("testing has a parent");
        let mut tree = Self::default();
        tree.read(root, "");
        assert!(tree.files.contains_key("Cargo.toml"), "the top folder holds Cargo.toml");
        tree
    }

    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self { files: files.iter().map(owned).collect() }
    }

    fn read(&mut self, root: &Path, folder: &str) {
        let here = root.join(folder);
        let entries = fs::read_dir(&here).unwrap_or_else(|error| panic!("{here:?}: {error}"));
        for entry in entries {
            let entry = entry.expect("a folder that is there can be read to its end");
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            if entry.path().is_dir() {
                if !SKIPPED_FOLDERS.contains(&name.as_str()) && !MADE.contains(&path.as_str()) {
                    self.read(root, &path);
                }
            } else {
                let text = fs::read_to_string(entry.path()).unwrap_or_default();
                self.files.insert(path, text);
            }
        }
    }

    /// The files whose names end in one of these.
    pub(crate) fn ending<'a>(
        &'a self,
        ends: &'a [&str],
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(|(path, _)| ends.iter().any(|end| path.ends_with(end)))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Whether a file or a folder stands at this path.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| file.starts_with(&folder))
    }

    /// The folders of the workspace's crates, each with its manifest.
    pub(crate) fn crates(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ending(&["/Cargo.toml"])
            .filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text)))
            .filter(|(folder, _)| !folder.starts_with("fuzz"))
    }
}

/// The lines of a source that are code, with their numbers: comments and the tests at the bottom
/// are left out.
pub(crate) fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("\n#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end]
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or("")))
}

/// The names of what a manifest depends on, for building and testing as well.
pub(crate) fn dependencies(manifest: &str) -> Vec<&str> {
    let mut inside = false;
    let mut names = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            if let Some((_, name)) = section.split_once("dependencies.") {
                names.push(name);
            }
        } else if inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or("");
            // A renamed dependency is known by what it is, not by what it is called here.
            let package = line.split("package = \"").nth(1).and_then(|rest| rest.split('"').next());
            names.extend(Some(package.unwrap_or(name)).filter(|name| !name.is_empty()));
        }
    }
    names
}

pub(crate) fn allowed(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| {
        path == *folder
            || path
                .strip_prefix(folder)
                .is_some_and(|rest| folder.ends_with('/') || rest.starts_with('/'))
    })
}
