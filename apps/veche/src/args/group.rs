//! What can be typed about groups.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};

use super::Switch;
use super::values::{lasting, name, slow};

/// What can be done about groups.
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Makes a group
    New {
        /// What it is called
        title: String,
        /// Who is in it from the beginning
        #[arg(value_name = "NAME", value_parser = name)]
        names: Vec<String>,
        /// With room for thousands of people, instead of post-quantum encryption for up to 500 devices
        #[arg(long)]
        large: bool,
    },
    /// Goes on from where it is now, for who was away too long to read all that was missed
    ///
    /// This device asks to be added again, and a member's program does it. Until then it reads on.
    Skip {
        /// The chat's id or title
        chat: String,
    },
    /// Lets it go on in another place: as a large one, or without somebody who spoils it
    ///
    /// All others come over by themselves. Its link ends.
    Renew {
        /// The chat's id or title
        chat: String,
        /// With room for thousands of people, instead of post-quantum encryption
        #[arg(long)]
        large: bool,
        /// Who stays behind
        #[arg(long, value_name = "NAME", value_parser = name, num_args = 1..)]
        without: Vec<String>,
    },
    /// Adds people
    Add {
        /// The chat's id or title
        chat: String,
        /// Who
        #[arg(value_name = "NAME", required = true, value_parser = name)]
        names: Vec<String>,
    },
    /// Removes people
    Remove {
        /// The chat's id or title
        chat: String,
        /// Who
        #[arg(value_name = "NAME", required = true, value_parser = name)]
        names: Vec<String>,
    },
    /// Lists who is in it: owners, admins, then everybody else, by name
    Members {
        /// The chat's id or title
        chat: String,
        /// Only whose names have these words, or words that begin so
        #[arg(long, value_name = "WORDS")]
        find: Option<String>,
        /// Only who comes after this member
        #[arg(long, value_name = "NAME", value_parser = name, conflicts_with = "find")]
        after: Option<String>,
        /// At most so many [default: all]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Shows who may do what, or changes it: `--post admin` is for announcements
    Rules {
        /// The chat's id or title
        chat: String,
        /// The least role to write
        #[arg(long, value_enum, value_name = "ROLE")]
        post: Option<RoleChoice>,
        /// The least role to add people
        #[arg(long, value_enum, value_name = "ROLE")]
        add: Option<RoleChoice>,
        /// The least role to remove people
        #[arg(long, value_enum, value_name = "ROLE")]
        remove: Option<RoleChoice>,
        /// The least role to rename it
        #[arg(long, value_enum, value_name = "ROLE")]
        rename: Option<RoleChoice>,
        /// How many seconds a plain member waits between two messages; `off` ends it
        #[arg(long, value_name = "SECONDS", value_parser = slow)]
        slow: Option<u32>,
    },
    /// Guards a group, so that only its admins change it, or ends that
    ///
    /// An admin's program does it by itself when somebody who cannot be told floods the group with
    /// changes that nobody can use.
    Guard {
        /// The chat's id or title
        chat: String,
        /// Whether it is guarded
        #[arg(value_enum)]
        guard: Switch,
    },
    /// Shows the link to join by, or makes it
    ///
    /// With --new, --approve, --uses or --expires it makes a new one, and the old one leads nowhere.
    Link {
        /// The chat's id or title
        chat: String,
        /// Makes a new one
        #[arg(long)]
        new: bool,
        /// Somebody decides about each who asks (`veche group requests`)
        #[arg(long)]
        approve: bool,
        /// For how many people it is good
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        uses: Option<u64>,
        /// For how long it is good: 30m, 12h, 7d
        #[arg(long, value_name = "TIME", value_parser = lasting)]
        expires: Option<Duration>,
        /// Takes it away
        #[arg(long, conflicts_with_all = ["new", "approve", "uses", "expires"])]
        off: bool,
    },
    /// Asks to join a group by its link
    Join {
        /// What `veche group link` printed
        link: String,
    },
    /// Lists who asks to join it
    Requests {
        /// The chat's id or title
        chat: String,
    },
    /// Lets in people who ask to join
    Accept {
        /// The chat's id or title
        chat: String,
        /// Who
        #[arg(value_name = "NAME", required = true, value_parser = name)]
        names: Vec<String>,
    },
    /// Declines people who ask to join; they are not told
    Decline {
        /// The chat's id or title
        chat: String,
        /// Who
        #[arg(value_name = "NAME", required = true, value_parser = name)]
        names: Vec<String>,
    },
    /// Removes people for good: neither the link nor anybody brings them back
    Ban {
        /// The chat's id or title
        chat: String,
        /// Who
        #[arg(value_name = "NAME", required = true, value_parser = name)]
        names: Vec<String>,
    },
    /// Takes a ban back
    Unban {
        /// The chat's id or title
        chat: String,
        /// Who
        #[arg(value_name = "NAME", required = true, value_parser = name)]
        names: Vec<String>,
    },
    /// Gives somebody a role
    Role {
        /// The chat's id or title
        chat: String,
        /// Who
        #[arg(value_parser = name)]
        name: String,
        /// Which
        #[arg(value_enum)]
        role: RoleChoice,
    },
    /// Gives it another title
    Rename {
        /// The chat's id or title
        chat: String,
        /// The new title
        title: String,
    },
    /// Leaves it
    Leave {
        /// The chat's id or title
        chat: String,
    },
}

/// A role, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleChoice {
    /// May do everything
    Owner,
    /// Adds, removes, renames
    Admin,
    /// Talks
    Member,
}
