//! The messenger as a class of the worker's script. Every method answers at once, but for opening.

use std::io::{self, Read};
use std::path::Path;

use js_sys::{Date, Function, Uint8Array};
use serde::Serialize;
use sqlite_wasm_vfs::sahpool::{OpfsSAHPoolCfg, install};
use veche_client::store::{KeyFile, Stretch};
use veche_client::wire::{EntryId, LogId, Millis, Random};
use veche_client::{Client, Store};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use crate::ask::Trouble;
use crate::messenger::Messenger;

/// Why a method failed: the JSON of a [`Trouble`].
type Thrown = JsValue;

/// Random bytes of the browser.
struct BrowserRandom;

impl Random for BrowserRandom {
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("a browser without randomness can keep no secret");
    }
}

/// The messenger of one account.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Core {
    messenger: Messenger,
}

#[wasm_bindgen]
impl Core {
    /// The bytes of a new key file with a key of its own.
    ///
    /// # Errors
    /// None.
    pub fn new_key_file() -> Result<Vec<u8>, Thrown> {
        let file = KeyFile::new(None, Stretch::DEFAULT, &mut BrowserRandom);
        Ok(file.map_err(refused)?.encode().to_vec())
    }

    /// Whether a passphrase opens what this key file is for.
    ///
    /// # Errors
    /// `Broken` where it is damaged.
    pub fn is_locked(key_file: &[u8]) -> Result<bool, Thrown> {
        Ok(KeyFile::decode(key_file).map_err(refused)?.is_locked())
    }

    /// The bytes of another key file for the same database: behind the passphrase `next`, or behind none.
    ///
    /// # Errors
    /// `Refused` where `current` is missing or wrong, or `next` is empty.
    pub fn changed_key_file(
        key_file: &[u8],
        current: Option<String>,
        next: Option<String>,
    ) -> Result<Vec<u8>, Thrown> {
        let passphrases = (current.as_deref(), next.as_deref());
        let file = KeyFile::decode(key_file)
            .and_then(|file| file.changed(passphrases, Stretch::DEFAULT, &mut BrowserRandom));
        Ok(file.map_err(refused)?.encode().to_vec())
    }

    /// Opens the database of this name in the origin's own file system, or makes it.
    ///
    /// # Errors
    /// `Refused` where the passphrase is missing or wrong; `Broken` where the browser gives no place,
    /// another worker has it, or it is damaged.
    pub async fn open(
        name: String,
        key_file: Vec<u8>,
        passphrase: Option<String>,
    ) -> Result<Self, Thrown> {
        let key = KeyFile::decode(&key_file).and_then(|file| file.unlock(passphrase.as_deref()));
        let key = key.map_err(refused)?;
        install::<sqlite_wasm_rs::WasmOsCallback>(&OpfsSAHPoolCfg::default(), false)
            .await
            .map_err(|error| {
                broken(&format!("The browser gives no place for the history: {error}"))
            })?;
        Self::begin(Store::open(Path::new(&name), &key).map_err(refused)?)
    }

    /// A database that is gone with the worker.
    ///
    /// # Errors
    /// `Broken` where it cannot be made.
    pub fn in_memory() -> Result<Self, Thrown> {
        Self::begin(Store::in_memory().map_err(refused)?)
    }

    fn begin(store: Store) -> Result<Self, Thrown> {
        let client = Client::open(store, Box::new(BrowserRandom), now());
        let client = client.map_err(|error| thrown(&Trouble::from(error)))?;
        Ok(Self { messenger: Messenger::new(client) })
    }

    /// Answers an `Ask` with an `Answer`, both JSON.
    ///
    /// # Errors
    /// As [`Messenger::ask`].
    pub fn ask(&mut self, json: &str) -> Result<String, Thrown> {
        let ask = serde_json::from_str(json);
        let ask = ask.map_err(|error| broken(&format!("an Ask of the page: {error}")))?;
        let answer = self.messenger.ask(now(), ask).map_err(|trouble| thrown(&trouble))?;
        Ok(encode(&answer))
    }

    /// The socket is open.
    ///
    /// # Errors
    /// As [`Messenger::connected`].
    pub fn connected(&mut self) -> Result<(), Thrown> {
        self.messenger.connected().map_err(|trouble| thrown(&trouble))
    }

    /// A message came from the socket.
    ///
    /// # Errors
    /// As [`Messenger::received`].
    pub fn received(&mut self, message: &[u8]) -> Result<(), Thrown> {
        self.messenger.received(now(), message).map_err(|trouble| thrown(&trouble))
    }

    /// The socket is gone.
    ///
    /// # Errors
    /// As [`Messenger::disconnected`].
    pub fn disconnected(&mut self) -> Result<(), Thrown> {
        self.messenger.disconnected(now()).map_err(|trouble| thrown(&trouble))
    }

    /// Time has passed.
    ///
    /// # Errors
    /// As [`Messenger::tick`].
    pub fn tick(&mut self) -> Result<(), Thrown> {
        self.messenger.tick(now()).map_err(|trouble| thrown(&trouble))
    }

    /// The next message for the socket.
    pub fn outgoing(&mut self) -> Option<Vec<u8>> {
        self.messenger.take_outgoing()
    }

    /// The next `News`, as JSON.
    pub fn news(&mut self) -> Option<String> {
        self.messenger.take_news().map(|news| encode(&news))
    }

    /// In how many milliseconds [`Self::tick`] is wanted.
    #[must_use]
    pub fn wake_in(&self) -> Option<f64> {
        let millis = self.messenger.wake_at()?.saturating_sub(now());
        // No timer waits longer.
        Some(f64::from(i32::try_from(millis).unwrap_or(i32::MAX)))
    }

    /// As [`Messenger::is_busy`].
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.messenger.is_busy()
    }

    /// Whether the socket is to be closed; asked once.
    pub fn hangs_up(&mut self) -> bool {
        self.messenger.take_hang_up()
    }

    /// The address of the account's server, where there is an account.
    ///
    /// # Errors
    /// As [`Messenger::address`].
    pub fn address(&self) -> Result<Option<String>, Thrown> {
        let address = self.messenger.address().map_err(|trouble| thrown(&trouble))?;
        Ok(address.map(|address| address.to_string()))
    }

    /// Seals a file of `size` bytes, of which `read(offset, length)` gives any part at once.
    ///
    /// # Errors
    /// As [`Messenger::stage_file`].
    pub fn stage_file(
        &mut self,
        name: &str,
        media_type: &str,
        size: f64,
        read: Function,
    ) -> Result<u32, Thrown> {
        let mut parts = Parts { read, offset: 0 };
        self.messenger
            .stage_file(name, media_type, whole(size), &mut parts)
            .map_err(|trouble| thrown(&trouble))
    }

    /// One chunk of a file that is here; nothing after the last.
    ///
    /// # Errors
    /// As [`Messenger::file_part`].
    pub fn file_part(
        &mut self,
        chat: &str,
        message: &str,
        index: u32,
    ) -> Result<Option<Vec<u8>>, Thrown> {
        let no_id = |error: veche_client::wire::DecodeError| broken(&error.to_string());
        let chat: LogId = chat.parse().map_err(no_id)?;
        let message: EntryId = message.parse().map_err(no_id)?;
        self.messenger
            .file_part(chat, message, u64::from(index))
            .map_err(|trouble| thrown(&trouble))
    }
}

/// A file of the page, read part by part.
struct Parts {
    read: Function,
    offset: u64,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let failed = |_| io::Error::other("the browser does not give it any more");
        #[expect(clippy::cast_precision_loss, reason = "files are far smaller than 2^53 bytes")]
        let (offset, length) = (self.offset as f64, buffer.len() as f64);
        let part =
            self.read.call2(&JsValue::NULL, &offset.into(), &length.into()).map_err(failed)?;
        let part: Uint8Array = part.dyn_into().map_err(failed)?;
        let count = usize::try_from(part.length()).unwrap_or_default().min(buffer.len());
        let (filled, _) = buffer.split_at_mut(count);
        part.subarray(0, part.length().min(u32::try_from(count).unwrap_or_default()))
            .copy_to(filled);
        self.offset += count as u64;
        Ok(count)
    }
}

fn now() -> Millis {
    whole(Date::now())
}

/// A number of JavaScript that counts something.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "such a cast keeps within the type's bounds"
)]
fn whole(number: f64) -> u64 {
    number as u64
}

fn refused(error: veche_client::store::StoreError) -> Thrown {
    use veche_client::store::StoreError::{PassphraseNeeded, PassphraseUnexpected, WrongKey};
    let words = error.to_string();
    thrown(&match error {
        PassphraseNeeded | PassphraseUnexpected | WrongKey => Trouble::Refused(words),
        _ => Trouble::Broken(words),
    })
}

fn broken(words: &str) -> Thrown {
    thrown(&Trouble::Broken(words.to_owned()))
}

fn thrown(trouble: &Trouble) -> Thrown {
    encode(trouble).into()
}

/// What these types hold can all be said in JSON.
fn encode(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
