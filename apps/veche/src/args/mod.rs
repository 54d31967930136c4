//! What a person types: every command and flag, as clap knows them.

mod group;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use veche_client::wire::{EntryId, ServerAddress};

pub(crate) use self::group::{GroupCommand, RoleChoice};
pub(crate) use self::values::SECONDS_MAX;
use self::values::{name, seconds};

/// Messages and files that only you and the people you write to can read.
#[derive(Debug, Parser)]
#[command(name = "veche", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that stand before or after the command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Where the keys and messages of this account lie [default: ~/.veche]
    #[arg(long, value_name = "DIR", env = "VECHE_HOME", hide_env_values = true, global = true)]
    pub(crate) home: Option<PathBuf>,
    /// Prints one JSON object a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Gives up waiting for the server after so many seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds, global = true)]
    pub(crate) timeout: Duration,
    /// Keeps the change for the next `sync` and returns at once
    #[arg(long, global = true)]
    pub(crate) queue: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes an account and prints its recovery phrase
    Register {
        /// HOST:PORT/KEY, as `veched serve` prints it
        #[arg(long, value_name = "ADDRESS")]
        server: ServerAddress,
        /// 3 to 32 of a-z, 0-9 and _
        #[arg(long, value_name = "NAME")]
        name: String,
        /// An invite code, where the server asks for one
        #[arg(long, value_name = "CODE")]
        invite: Option<String>,
    },
    /// Shows whose home this is
    Me {
        /// Also shows the recovery phrase
        #[arg(long)]
        phrase: bool,
        /// What you want to be called beside your name, told with the next message; empty: nothing
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
    },
    /// Prints the link with which others can write to you
    ContactLink,
    /// Lists your contacts
    Contacts,
    /// Keeps people as contacts
    Contact {
        #[command(subcommand)]
        command: ContactCommand,
    },
    /// Lists who asks to come in touch with you
    Requests,
    /// Accepts a request
    Accept {
        /// The id that `requests` shows
        #[arg(value_name = "ID")]
        request: EntryId,
    },
    /// Declines a request and forgets it
    Decline {
        /// The id that `requests` shows
        #[arg(value_name = "ID")]
        request: EntryId,
    },
    /// Refuses everything from somebody from now on
    Block {
        /// Who
        #[arg(value_parser = name)]
        name: String,
    },
    /// Takes a block back
    Unblock {
        /// Who
        #[arg(value_parser = name)]
        name: String,
    },
    /// Lists your chats
    Chats,
    /// Talks with one person
    Chat {
        #[command(subcommand)]
        command: ChatCommand,
    },
    /// Talks with many people
    Group {
        #[command(subcommand)]
        command: GroupCommand,
    },
    /// Sends a message, or files with one message each
    Send {
        /// The chat's id, or its title or name
        chat: String,
        /// What is said; `-` reads it from standard input
        #[arg(required_unless_present = "file")]
        text: Option<String>,
        /// A file; the text goes with the first
        #[arg(long, value_name = "PATH")]
        file: Vec<PathBuf>,
        /// The message that this one answers
        #[arg(long, value_name = "ID")]
        reply: Option<EntryId>,
    },
    /// Reacts to a message; the same again takes it back
    React {
        /// The chat's id, or its title or name
        chat: String,
        /// The message
        #[arg(value_name = "ID")]
        message: EntryId,
        /// Such as 👍
        emoji: String,
    },
    /// Changes the text of a message of yours
    Edit {
        /// The chat's id, or its title or name
        chat: String,
        /// The message
        #[arg(value_name = "ID")]
        message: EntryId,
        /// The new text
        text: String,
    },
    /// Deletes a message of yours, on all screens
    Delete {
        /// The chat's id, or its title or name
        chat: String,
        /// The message
        #[arg(value_name = "ID")]
        message: EntryId,
    },
    /// Prints messages, oldest first
    Read {
        /// The chat's id, or its title or name
        chat: String,
        /// Only what came after this message
        #[arg(long, value_name = "ID")]
        after: Option<EntryId>,
        /// At most so many [default: the last 50; with --after, all]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Finds messages by words or their beginnings
    Search {
        /// What to look for
        text: String,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: usize,
    },
    /// Saves the file of a message; never overwrites
    Save {
        /// The chat's id, or its title or name
        chat: String,
        /// The message
        #[arg(value_name = "ID")]
        message: EntryId,
        /// Where to
        #[arg(long, value_name = "DIR", default_value = ".")]
        to: PathBuf,
    },
    /// Prints the number that you and somebody compare to be sure of each other
    Safety {
        /// Who
        #[arg(value_parser = name)]
        name: String,
    },
    /// Sends what waits and receives what is there
    Sync {
        /// Returns only after so many quiet seconds
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        wait: Option<Duration>,
    },
    /// Prints messages as they come, until Ctrl-C
    Watch {
        /// Only those of this chat
        chat: Option<String>,
    },
    /// Prints a whole chat, oldest first
    Export {
        /// The chat's id, or its title or name
        chat: String,
    },
    /// Says whether others learn what you have read
    Receipts {
        /// `on` or `off`
        #[arg(value_enum)]
        choice: Switch,
    },
}

/// What can be done about contacts.
#[derive(Debug, Subcommand)]
pub(crate) enum ContactCommand {
    /// Keeps somebody as a contact
    Add {
        /// Their contact link, or @NAME
        #[arg(value_name = "LINK|@NAME")]
        who: String,
    },
}

/// What can be done about direct chats.
#[derive(Debug, Subcommand)]
pub(crate) enum ChatCommand {
    /// Opens the chat with somebody, or finds it
    New {
        /// Who
        #[arg(value_name = "NAME")]
        who: String,
    },
}

/// On or off, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

impl Command {
    /// Whether the text of the command comes from standard input.
    pub(crate) fn reads_stdin(&self) -> bool {
        matches!(self, Self::Send { text: Some(text), .. } if text == "-")
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    const ID: &str = "00112233445566778899aabbccddeeff";

    fn parse(line: &str) -> Result<Arguments, ErrorKind> {
        Arguments::try_parse_from(std::iter::once("veche").chain(line.split_whitespace()))
            .map_err(|error| error.kind())
    }

    #[test]
    fn the_table_of_arguments_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_manual_is_understood() {
        let key = "a".repeat(52);
        for line in [
            &format!("register --server localhost:7000/{key} --name ana --invite code"),
            "me",
            "me --phrase",
            "me --display-name Ana",
            "contact-link",
            "contacts",
            "contact add @bo",
            "requests",
            &format!("accept {ID}"),
            &format!("decline {ID}"),
            "block bo",
            "unblock @bo",
            "chats",
            "chat new bo",
            "group new choir",
            "group new choir bo @cy",
            "group add choir bo cy",
            "group remove choir bo",
            "group skip choir",
            "group members choir",
            "group members choir --after @bo --limit 100",
            "group members choir --find ana --limit 5",
            "group role choir bo admin",
            "group rename choir orchestra",
            "group leave choir",
            "group rules choir",
            "group rules choir --post admin --add member --remove owner --rename member",
            "group link choir",
            "group link choir --approve --uses 5000 --expires 7d",
            "group link choir --off",
            "group join veche://localhost:7000/key/join#secret",
            "group requests choir",
            "group accept choir bo @cy",
            "group decline choir bo",
            "group ban choir bo",
            "group unban choir bo",
            "send bo hello",
            "send bo -",
            "send bo --file a --file b",
            &format!("send bo hello --file a --reply {ID}"),
            &format!("react bo {ID} 👍"),
            &format!("edit bo {ID} text"),
            &format!("delete bo {ID}"),
            &format!("read bo --after {ID} --limit 3"),
            "search word",
            &format!("save bo {ID} --to somewhere"),
            "safety bo",
            "sync --wait 2",
            "sync",
            "watch",
            "watch bo",
            "export bo",
            "receipts off",
        ] {
            assert!(parse(line).is_ok(), "not understood: veche {line}: {:?}", parse(line).err());
        }
    }

    #[test]
    fn global_flags_stand_before_or_after_the_command() {
        for line in [
            "--home h --json --timeout 1.5 --queue send bo hello",
            "send bo hello --home h --json --timeout 1.5 --queue",
            "--json send --home h bo --timeout 1.5 hello --queue",
        ] {
            let options = parse(line).unwrap().options;
            assert_eq!(options.home, Some(PathBuf::from("h")), "{line}");
            assert!(options.json && options.queue, "{line}");
            assert_eq!(options.timeout, Duration::from_millis(1500), "{line}");
        }
        assert_eq!(parse("chats").unwrap().options.timeout, Duration::from_secs(30));
    }

    #[test]
    fn what_is_not_in_the_manual_is_a_usage_error() {
        for line in [
            "",
            "sing",
            "send bo",
            "send",
            "accept nonsense",
            "group add choir",
            "group members choir --find ana --after bo",
            "group role choir bo king",
            "group link choir --uses 0",
            "group link choir --expires 7",
            "group link choir --expires 0d",
            "group link choir --off --new",
            "receipts perhaps",
            "block @",
            "sync --wait -1",
            "sync --wait forever",
            "read bo --limit many",
            "register --name ana",
            "register --server nowhere --name ana",
        ] {
            assert!(parse(line).is_err(), "understood, but should not be: veche {line}");
        }
    }
}
