//! Stories at the seam of the service: frames in, frames out, no sockets, no clock.

mod admission;
mod append;
mod blobs;
mod catch_up;
mod directory;
mod durability;
mod fixture;
mod inbox;
mod lost_power;
mod model;
mod pace;
mod stage;
mod wire_shell;

/// What can be logged is decided by the types in `say`: so nothing else may log.
#[test]
fn only_one_module_writes_to_the_log() {
    fn sources(folder: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { sources(&path, out) } else { out.push(path) }
        }
    }
    let mut all = Vec::new();
    sources(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let word = ["tracing", "::"].concat();
    let users: Vec<_> =
        all.iter().filter(|path| std::fs::read_to_string(path).unwrap().contains(&word)).collect();
    assert!(all.len() > 20);
    assert!(
        matches!(users[..], [only] if only.ends_with("say.rs")),
        "log through `say`, not through {word} as {users:?} does"
    );
}
