//! Compiles `proto/veche.proto` without a system `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto/veche.proto");
    let descriptors = protox::compile(["veche.proto"], ["proto"])?;
    // The generated types hold tokens and codes, so they cannot be printed.
    prost_build::Config::new().skip_debug(["."]).compile_fds(descriptors)?;
    Ok(())
}
