//! How what people pass on looks in JSON and in TypeScript: ids, addresses and links are strings, the
//! same as they are written everywhere else.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use ts_rs::{Config, TS};

use crate::{AccountId, ContactLink, EntryId, JoinLink, LogId, ServerAddress};

macro_rules! as_string {
    ($($name:ident),* $(,)?) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl TS for $name {
            type WithoutGenerics = Self;
            type OptionInnerType = Self;

            fn name(_: &Config) -> String {
                stringify!($name).to_owned()
            }

            fn inline(_: &Config) -> String {
                "string".to_owned()
            }

            fn decl(_: &Config) -> String {
                concat!("type ", stringify!($name), " = string;").to_owned()
            }

            fn output_path() -> Option<PathBuf> {
                Some(PathBuf::from(concat!(stringify!($name), ".ts")))
            }
        }
    )*};
}

as_string!(AccountId, LogId, EntryId, ServerAddress, ContactLink, JoinLink);
