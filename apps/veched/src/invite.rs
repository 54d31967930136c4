//! `veched invite new`: codes with which people may register.

use std::io::Write;

use anyhow::{Context, Result, anyhow, ensure};
use veche_server::hash_invite_code;
use veche_server::storage::{InviteCode, day_of, embedded};

use crate::{flags, system};

/// Makes a code and prints it. The server keeps only its hash.
pub(crate) fn make(flags: &flags::InviteNew) -> Result<()> {
    ensure!(flags.uses > 0, "a code must have at least one use");
    let mut bytes = [0; 15];
    getrandom::fill(&mut bytes).map_err(|_| anyhow!("the system gives no randomness"))?;
    let code = data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase();
    let until = day_of(system::now()).saturating_add(flags.expires);
    let kept = InviteCode { uses: flags.uses, until };
    embedded::add_invite_code(&flags.data, &hash_invite_code(&code), kept)
        .with_context(|| format!("could not add a code in {}", flags.data.display()))?;
    writeln!(std::io::stdout(), "{code}").context("could not print the code")
}
