//! A crowd: a group of any size on a real `veched`, for whatever is to be tried or measured in it. All are whole
//! clients of this process, each with a connection of its own. One makes the group and stays: lets in whoever
//! comes by its link, and says as much as they are told to. The others ask to come in by the link, and are gone.

mod guest;

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use veche_client::{Command, Outcome};
use veche_wire::{JoinLink, LogId, ServerAddress};

use self::guest::Guest;
use crate::dice::Dice;

/// Why it could not go on, in words for a developer.
pub type Stopped = String;

/// How many make their accounts at a time: more would only wait for each other.
const SIDE_BY_SIDE: usize = 8;
/// How many messages are said before the server is waited for.
const BURST: u64 = 500;

/// What the crowd is to be.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Where.
    pub server: ServerAddress,
    /// What the group is called; names begin so, too.
    pub title: String,
    /// How many are in the group at first, its owner among them.
    pub members: u64,
}

/// What is asked of the crowd while it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The owner says so many messages, and then one with these words.
    Say(u64, String),
}

/// Gathers it, tells how that stands, and does what is asked until nobody is there any more who could ask.
///
/// # Errors
/// Where the server refuses something, or is gone.
pub async fn run(
    wish: &Wish,
    mut orders: mpsc::UnboundedReceiver<Order>,
    mut tell: impl FnMut(String),
) -> Result<(), Stopped> {
    let mut crowd = Crowd::found(wish).await?;
    let link = crowd.link()?;
    crowd.gather(wish, &link).await?;
    tell(format!("link {link}"));
    loop {
        crowd.owner.speak().await?;
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Say(count, last)) => {
                    crowd.say(count, last).await?;
                    tell(format!("said {count}"));
                }
                None => return Ok(()),
            },
            heard = crowd.owner.listen() => heard?,
        }
    }
}

struct Crowd {
    owner: Guest,
    chat: LogId,
}

impl Crowd {
    /// The owner makes an empty group and its link.
    async fn found(wish: &Wish) -> Result<Self, Stopped> {
        let name = format!("{}_owner", wish.title);
        let mut owner = Guest::register(&wish.server, name, chance(0)?).await?;
        let title = wish.title.clone();
        let create = Command::CreateGroup { title, members: Vec::new(), large: wish.members > 2 };
        let Some(Outcome::Chat(chat)) = owner.settle(create).await? else {
            return Err("no group was made".to_owned());
        };
        owner.settle(Command::MakeLink { chat, approves: false, lasts: None, uses: None }).await?;
        Ok(Self { owner, chat })
    }

    fn link(&self) -> Result<JoinLink, Stopped> {
        let link = self.owner.client().link(self.chat).map_err(words)?;
        Ok(link.ok_or("the group has no link")?.link)
    }

    /// The others come to the door, and are let in while they are gone already.
    async fn gather(&mut self, wish: &Wish, link: &JoinLink) -> Result<(), Stopped> {
        let mut coming = JoinSet::new();
        let turns = Arc::new(Semaphore::new(SIDE_BY_SIDE));
        for number in 1..wish.members {
            let (turns, link, server) = (Arc::clone(&turns), link.clone(), wish.server.clone());
            let (name, chance) = (format!("{}_{number}", wish.title), chance(number)?);
            coming.spawn(async move {
                let _turn = turns.acquire().await.map_err(words)?;
                let mut guest = Guest::register(&server, name, chance).await?;
                guest.settle(Command::JoinByLink(link)).await.map(drop)
            });
        }
        loop {
            self.owner.speak().await?;
            tokio::select! {
                come = coming.join_next() => match come {
                    Some(come) => come.map_err(words)??,
                    None => break,
                },
                heard = self.owner.listen() => heard?,
            }
        }
        let chat = self.chat;
        let all = self.owner.until(|client| {
            let chats = client.chats()?;
            let full = chats.iter().any(|one| one.chat == chat && one.member_count >= wish.members);
            Ok((full && client.pending()?.outgoing == 0).then_some(()))
        });
        all.await
    }

    /// So many messages, and then the last one; all of them are on the server's disk.
    async fn say(&mut self, count: u64, last: String) -> Result<(), Stopped> {
        let before = self.owner.client().pending().map_err(words)?.sent;
        for number in 1..=count {
            self.send(format!("while you were away, {number}: the ferry leaves at noon"))?;
            if number % BURST == 0 {
                self.are_sent(before + number).await?;
            }
        }
        self.send(last)?;
        self.are_sent(before + count + 1).await
    }

    fn send(&mut self, text: String) -> Result<(), Stopped> {
        let send = Command::Send { chat: self.chat, text, reply_to: None, file: None };
        self.owner.command(send).map(drop)
    }

    async fn are_sent(&mut self, count: u64) -> Result<(), Stopped> {
        self.owner.until(|client| Ok((client.pending()?.sent >= count).then_some(()))).await
    }
}

/// Chance that comes once.
fn chance(number: u64) -> Result<Dice, Stopped> {
    let mut seed = [0; 8];
    rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty()).map_err(words)?;
    Ok(Dice::seeded(u64::from_le_bytes(seed), number))
}

/// An error in words.
fn words(error: impl std::fmt::Display) -> Stopped {
    error.to_string()
}
