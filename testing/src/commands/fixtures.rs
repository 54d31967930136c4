//! `veche-testing fixtures`.

use std::path::Path;

use veche_testing::holdings::fixtures as holdings;

use super::{Options, Tally};

/// Writes a home and a server's folder, to be kept as what this version writes.
pub(crate) fn fixtures(words: &[String]) -> Result<Tally, String> {
    let options = Options::read(words, &["--write"], &[])?;
    let folder = options.value("--write").ok_or("fixtures --write DIR")?;
    holdings::write(Path::new(folder)).map_err(|error| error.to_string())?;
    println!("written below {folder}");
    Ok(Tally { passed: 1, failed: 0 })
}
