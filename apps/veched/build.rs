//! Embeds the page: the files of `apps/web/dist`, each with the compressed forms that lie beside it
//! (`.br`, `.gz`). Where the page has not been built, nothing is embedded, and the server says so.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = |name| env::var_os(name).map(PathBuf::from).ok_or(io::ErrorKind::NotFound);
    let dist = folder("CARGO_MANIFEST_DIR")?.join("../web/dist");
    // Of a folder that is not there cargo would ask every time.
    println!("cargo:rerun-if-changed={}", dist.parent().unwrap_or(&dist).display());
    let mut paths = Vec::new();
    if dist.join("index.html").is_file() {
        println!("cargo:rerun-if-changed={}", dist.display());
        list(&dist, &mut paths)?;
        paths.sort();
    }
    let mut source = "const FILES: &[File] = &[\n".to_owned();
    for path in paths.iter().filter(|path| !is_compressed(path)) {
        let name = path.strip_prefix(&dist).map_err(io::Error::other)?;
        let form = |ending: &str| {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            match Path::new(&name).is_file() {
                true => format!("Some(include_bytes!({name:?}))"),
                false => "None".to_owned(),
            }
        };
        let _ = writeln!(
            source,
            "    File {{ path: {:?}, plain: include_bytes!({path:?}), brotli: {}, gzip: {} }},",
            format!("/{}", name.display()),
            form(".br"),
            form(".gz"),
        );
    }
    source += "];\n";
    fs::write(folder("OUT_DIR")?.join("files.rs"), source)
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "br" || ending == "gz")
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
