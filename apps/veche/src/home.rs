//! The home: the folder where the keys and messages of one account lie.

use std::env;
use std::path::{Path, PathBuf};

use veche_client::Client;
use veche_client::store::{self, DATABASE_FILE, Store, StoreError};

use crate::args::{Command, Options};
use crate::engine::{SystemRandom, now};
use crate::passphrase;
use crate::problem::Problem;

/// Where the home is: as told, else `~/.veche`, or `veche` in `XDG_DATA_HOME` where that is set and
/// the other is not there.
pub(crate) fn locate(options: &Options) -> Result<PathBuf, Problem> {
    if let Some(home) = &options.home {
        return Ok(home.clone());
    }
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    default_home(variable("HOME").as_deref(), variable("XDG_DATA_HOME").as_deref(), Path::is_dir)
        .ok_or_else(|| {
            Problem::refused("there is no home folder").hint("say where with --home DIR")
        })
}

fn default_home(
    home: Option<&Path>,
    data: Option<&Path>,
    is_there: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    let dotted = home.map(|home| home.join(".veche"));
    let data = data.filter(|data| data.is_absolute()).map(|data| data.join("veche"));
    match (dotted, data) {
        (Some(dotted), Some(data)) => Some(if is_there(&dotted) { dotted } else { data }),
        (dotted, data) => dotted.or(data),
    }
}

/// Refuses commands that need an account where there is none, without leaving anything behind.
pub(crate) fn refuse_empty(home: &Path, command: &Command) -> Result<(), Problem> {
    if matches!(command, Command::Register { .. }) || home.join(DATABASE_FILE).exists() {
        return Ok(());
    }
    Err(no_account())
}

/// There is no account yet.
pub(crate) fn no_account() -> Problem {
    Problem::refused("there is no account in this home").hint(
        "make one with `veche register --server ADDRESS --name NAME`, or say with --home where \
         yours is",
    )
}

/// Opens the client of a home whose lock this process holds.
pub(crate) fn open(home: &Path) -> Result<Client, Problem> {
    let given = passphrase::from_environment();
    let key = match store::open_or_create(
        home,
        given.as_ref().map(|given| given.as_str()),
        &mut SystemRandom,
    ) {
        Err(StoreError::PassphraseNeeded) if given.is_none() => {
            let Some(typed) = passphrase::ask()? else {
                return Err(StoreError::PassphraseNeeded.into());
            };
            store::open_or_create(home, Some(&typed), &mut SystemRandom)?
        }
        key => key?,
    };
    let store = Store::open(&home.join(DATABASE_FILE), &key)?;
    Ok(Client::open(store, Box::new(SystemRandom), now())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dotted_folder_wins_where_it_is_there() {
        let (home, data) = (Path::new("/h"), Path::new("/d"));
        let place = |home, data, is_there| default_home(home, data, |_: &Path| is_there);
        assert_eq!(place(Some(home), None, false), Some("/h/.veche".into()));
        assert_eq!(place(Some(home), Some(data), false), Some("/d/veche".into()));
        assert_eq!(place(Some(home), Some(data), true), Some("/h/.veche".into()));
        assert_eq!(place(None, Some(data), false), Some("/d/veche".into()));
        assert_eq!(place(None, Some(Path::new("relative")), false), None);
        assert_eq!(place(None, None, false), None);
    }

    #[test]
    fn an_empty_home_is_refused_and_stays_empty() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let problem = refuse_empty(&home, &Command::Chats).unwrap_err();
        assert!(problem.to_string().contains("veche register"), "{problem}");
        assert!(!home.exists());
    }
}
