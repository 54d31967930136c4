//! Makes a browser's module of the compiled messenger: `veche-web-bind FILE.wasm FOLDER`.
//!
//! This is what the program `wasm-bindgen` does, at the version that Cargo.lock names, so that nobody has to
//! install another.

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let [compiled, folder] = words.as_slice() else {
        bail!("veche-web-bind FILE.wasm FOLDER");
    };
    Bindgen::new()
        .input_path(compiled)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
        .with_context(|| format!("{} could not be made a module", compiled.display()))
}
