//! `veched backup`: a copy of everything, also while the server runs.

use std::path::Path;

use anyhow::{Context, Result};
use veche_server::storage::embedded;

use crate::folder;

/// Copies the storage, then the keys.
pub(crate) fn copy(data: &Path, destination: &Path) -> Result<()> {
    embedded::backup(data, destination).with_context(|| {
        format!("could not copy {} to {}", data.display(), destination.display())
    })?;
    for name in folder::FILES {
        let path = data.join(name);
        if path.exists() {
            let bytes = std::fs::read(&path)
                .with_context(|| format!("could not read {}", path.display()))?;
            folder::write(destination, name, &bytes)?;
        }
    }
    eprintln!("copied to {}; it holds the server's keys", destination.display());
    Ok(())
}
