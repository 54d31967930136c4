//! Rules that are broken on purpose, to see that the simulator notices.

use veche_client::Client;

/// Which rules a world breaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sabotage {
    /// In the server.
    pub server: Option<veche_server::Mutant>,
    /// In every client.
    pub client: Option<veche_client::Mutant>,
    /// In the MLS layer of every client.
    pub mls: Option<veche_mls::Mutant>,
    /// No rule broken: what happens beside what always does.
    pub beside: Beside,
}

/// What happens in a world beside what happens in all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Beside {
    /// Nothing.
    #[default]
    Nothing,
    /// The server is restored from older copies of itself now and then.
    Restorations,
    /// People join by links, and are banned.
    Joins,
    /// Groups are pressed: with junk, with changes without end, with commits that nobody can follow.
    Storms,
}

impl Beside {
    /// All that can be asked for.
    pub const ALL: [Self; 3] = [Self::Restorations, Self::Joins, Self::Storms];

    /// How it is asked for on the command line.
    #[must_use]
    pub fn flag(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Restorations => Some("--restorations"),
            Self::Joins => Some("--joins"),
            Self::Storms => Some("--storms"),
        }
    }
}

impl Sabotage {
    /// The mutants by name, as they are named on the command line.
    pub const NAMED: &[(&str, Self)] = &[
        ("ack-before-fsync", Self::of_server(veche_server::Mutant::AckBeforeFsync)),
        ("no-fence", Self::of_server(veche_server::Mutant::NoFence)),
        ("no-id-check", Self::of_server(veche_server::Mutant::NoIdCheck)),
        ("cursor-first", Self::of_client(veche_client::Mutant::CursorFirst)),
        (
            "no-rotation",
            Self {
                server: None,
                client: Some(veche_client::Mutant::NoRotation),
                mls: Some(veche_mls::Mutant::NoRotation),
                beside: Beside::Nothing,
            },
        ),
        ("no-role-check", Self::of_mls(veche_mls::Mutant::RoleCheckSkipped)),
        ("merge-early", Self::of_client(veche_client::Mutant::MergeEarly)),
        ("no-fifo", Self::of_client(veche_client::Mutant::NoFifo)),
        ("no-prev-check", Self::of_server(veche_server::Mutant::NoPrevCheck)),
        ("no-gap", Self::of_server(veche_server::Mutant::NoGap)),
        ("no-guard", Self::of_server(veche_server::Mutant::NoGuard).in_storms()),
        ("never-asks", Self::of_client(veche_client::Mutant::NeverAsks).in_storms()),
        ("latest-successor", Self::of_client(veche_client::Mutant::LatestSuccessor).in_storms()),
    ];

    /// The mutant with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::NAMED.iter().find(|(known, _)| *known == name);
        found.map(|(_, sabotage)| *sabotage)
    }

    const fn of_server(mutant: veche_server::Mutant) -> Self {
        Self { server: Some(mutant), client: None, mls: None, beside: Beside::Nothing }
    }

    const fn of_client(mutant: veche_client::Mutant) -> Self {
        Self { server: None, client: Some(mutant), mls: None, beside: Beside::Nothing }
    }

    const fn of_mls(mutant: veche_mls::Mutant) -> Self {
        Self { server: None, client: None, mls: Some(mutant), beside: Beside::Nothing }
    }

    /// The same where groups are pressed.
    const fn in_storms(self) -> Self {
        Self { beside: Beside::Storms, ..self }
    }

    /// The client, with its rule broken.
    pub(crate) fn client(&self, mut client: Client) -> Client {
        self.break_rules_of(&mut client);
        client
    }
    /// The same for a client that may have had other rules broken before.
    pub(crate) fn break_rules_of(&self, client: &mut Client) {
        client.set_mutant(self.client);
        client.set_mls_mutant(self.mls);
    }
}
