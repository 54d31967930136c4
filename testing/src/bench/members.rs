//! How long a look at the members of a group takes in a home: a page, somebody's name, the list of chats.
//! The home is opened for each anew, as a command line does, and then asked again.

use std::path::Path;

use serde_json::{Value, json};
use veche_client::{Client, ClientError};
use veche_mls::Suite;
use veche_store::{AccountRow, ChatRow, DatabaseKey, LogFlags, LogRow, LogState};
use veche_store::{MessageRow, RowState, Store, StoreError, position};
use veche_wire::content::DisplayName;
use veche_wire::{AccountId, EntryId, LogId};

use super::crowd::{self, Crowd};
use super::meter::{Meter, rounded};
use super::{Sizes, Stopped, words};
use crate::Dice;

/// Messages in the group, for each that is caught up with elsewhere.
const MESSAGES_EACH: u64 = 10;
/// How many members a page has.
const PAGE: usize = 100;
/// How often an open home is asked.
const TIMES: usize = 10;

type Look = fn(&Client, LogId) -> Result<usize, ClientError>;

/// What is looked at.
const LOOKS: [(&str, Look); 4] = [
    ("first page", |client, log| Ok(client.member_page(log, None, PAGE)?.len())),
    ("search, beginning of a name", |client, log| Ok(client.find_members(log, "me", PAGE)?.len())),
    ("search, inside a name", |client, log| Ok(client.find_members(log, "ember1", PAGE)?.len())),
    ("chats", |client, _| Ok(client.chats()?.len())),
];

pub(super) fn run(sizes: &Sizes, report: &mut dyn FnMut(Value)) -> Result<(), Stopped> {
    for leaves in &sizes.leaves {
        let folder = tempfile::tempdir().map_err(words)?;
        let messages = sizes.missed as u64 * MESSAGES_EACH;
        let crowd = Crowd::gather(*leaves, Suite::Classic)?;
        let log = crowd.log;
        settle_in(folder.path(), &crowd, messages)?;
        // The first to open the home writes down who is in the group.
        let mut first = Meter::default();
        drop(first.time(|| open(folder.path()))?);
        for (what, look) in LOOKS {
            let (mut opened, mut cold, mut warm) = Default::default();
            let client = Meter::time(&mut opened, || open(folder.path()))?;
            Meter::time(&mut cold, || look(&client, log)).map_err(words)?;
            for _ in 0..TIMES {
                Meter::time(&mut warm, || look(&client, log)).map_err(words)?;
            }
            report(json!({
                "bench": "members",
                "leaves": leaves,
                "messages": messages,
                "what": what,
                "open_first_wall_ms": rounded(first.wall_ms(1)),
                "open_wall_ms": rounded(opened.wall_ms(1)),
                "cold_wall_ms": rounded(cold.wall_ms(1)),
                "warm_wall_ms": rounded(warm.wall_ms(TIMES)),
                "warm_cpu_ms": rounded(warm.cpu_ms(TIMES)),
            }));
        }
    }
    Ok(())
}

fn store(folder: &Path) -> Result<Store, Stopped> {
    let path = folder.join(veche_store::DATABASE_FILE);
    Store::open(&path, &DatabaseKey::from_bytes([9; 32])).map_err(words)
}

fn open(folder: &Path) -> Result<Client, Stopped> {
    Client::open(store(folder)?, Box::new(Dice::seeded(3, 1)), 1).map_err(words)
}

/// A home of the receiver, with the group, a name for each member, and messages.
fn settle_in(folder: &Path, crowd: &Crowd, messages: u64) -> Result<(), Stopped> {
    let members = crowd::load(&crowd.receiver_keep, crowd.log)?.accounts();
    store(folder)?
        .write::<_, StoreError, _>(|tx| {
            for ((label, key), value) in crowd.receiver_keep.values() {
                tx.keep_put(&label, &key, &value)?;
            }
            tx.set_meta("identity", &crowd.receiver.identity.encode())?;
            tx.put_log(&log_row(crowd.log))?;
            let title = "assembly".to_owned();
            let (chat, peer) = (crowd.log, None);
            tx.put_chat(&ChatRow {
                chat,
                direct: false,
                title,
                peer,
                read_arrival: 0,
                created: 1,
            })?;
            for (number, account) in members.iter().enumerate() {
                tx.put_account(&AccountRow {
                    account: *account,
                    username: Some(format!("member{number}")),
                    contact: false,
                    blocked: false,
                    invite: None,
                    display_name: Some(DisplayName { since: 1, text: format!("Ana the {number}") }),
                })?;
            }
            for (number, account) in (1..=messages).zip(members.iter().cycle()) {
                tx.insert_message(&old_message(&crowd.log, number, *account))?;
            }
            let chat = tx.chat(&crowd.log)?.ok_or(StoreError::Bug("no chat".to_owned()))?;
            tx.put_chat(&ChatRow { read_arrival: messages, ..chat })
        })
        .map_err(words)
}

fn log_row(log: LogId) -> LogRow {
    LogRow {
        log,
        chat: log,
        rank: 1,
        state: LogState::Active,
        generation: 0,
        cursor: 1,
        hash: [0; 32],
        last_commit: 1,
        counter: 0,
        flags: LogFlags::default(),
        renewed: 0,
        displaced: 0,
        displaced_at: 0,
        admin_secret: None,
        creation: None,
    }
}

/// A message that somebody is taken to have said long ago, the same for all but its number.
pub(crate) fn old_message(log: &LogId, number: u64, account: AccountId) -> MessageRow {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    MessageRow {
        arrival: 0,
        chat: *log,
        id: EntryId(id),
        log: *log,
        rank: 1,
        position: position(number, 0),
        account,
        sent_at: number,
        state: RowState::Received,
        reason: None,
        content: None,
        text: Some("the bell rings at noon".to_owned()),
        event: None,
        reply_to: None,
        edited: false,
        deleted: false,
        mentions_me: false,
    }
}
