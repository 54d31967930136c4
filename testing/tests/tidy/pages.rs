//! The rules of the pages: what they name is there.

use crate::tree::{Tree, code};

pub(crate) fn the_architecture_names_each_crate(tree: &Tree) -> Vec<String> {
    let page = tree.files.get("ARCHITECTURE.md").map_or("", String::as_str);
    let mut failures: Vec<String> = tree
        .crates()
        .filter(|(folder, _)| !page.contains(folder))
        .map(|(folder, _)| {
            format!("ARCHITECTURE.md does not name {folder}. Say there in a line what it is for.")
        })
        .collect();
    let in_a_path = |letter: char| letter.is_ascii_alphanumeric() || "_-./".contains(letter);
    let named = page
        .split(|letter: char| !in_a_path(letter))
        .filter(|word| word.starts_with("crates/") || word.starts_with("apps/"))
        .map(|word| word.trim_end_matches(['/', '.']));
    failures.extend(named.filter(|path| !tree.holds(path)).map(|path| {
        format!("ARCHITECTURE.md names {path}, which is not there. Correct the path, or the page.")
    }));
    failures
}

/// A function is named as `crate::module::function`; the module may be a file or inside of one.
pub(crate) fn the_architecture_names_real_functions(tree: &Tree) -> Vec<String> {
    let page = tree.files.get("ARCHITECTURE.md").map_or("", String::as_str);
    let in_a_path = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
    let mut failures = Vec::new();
    for name in page.split(|letter: char| !in_a_path(letter)) {
        let parts: Vec<&str> = name.split("::").collect();
        let [owner, module, function] = parts[..] else { continue };
        let sources = format!("crates/{owner}/src/");
        let definition = format!("fn {function}");
        let found = tree.ending(&[".rs"]).any(|(path, text)| {
            let inside = path.strip_prefix(&sources).is_some_and(|rest| rest.starts_with(module));
            let named = |line: &str| {
                line.split_once(&definition).is_some_and(|(_, rest)| rest.starts_with(['(', '<']))
            };
            inside && code(text).any(|(_, line)| named(line))
        });
        if !found {
            failures.push(format!(
                "ARCHITECTURE.md names the function {name}, but no `{definition}` stands in \
                 {sources}{module}. Rename one of the two, so that the page leads to the code."
            ));
        }
    }
    failures
}

pub(crate) fn links_lead_somewhere(tree: &Tree) -> Vec<String> {
    let mut failures = Vec::new();
    for (path, text) in tree.ending(&[".md"]) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or("");
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            if !target.is_empty() && !resolve(folder, target).is_some_and(|path| tree.holds(&path))
            {
                failures.push(format!(
                    "{path} links to {target}, which is not there. Correct the link (it is \
                     relative to the page's folder) or write the page."
                ));
            }
        }
    }
    failures
}

/// The path that `target` means in a page of `folder`; nothing if it leaves the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}
