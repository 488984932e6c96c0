//! The head in the second place: how far the log went, for whoever asks whether its end is still there.
//!
//! Not with every line: a second sync in another place would double the price of each effect. It follows within a
//! second, and lines are acknowledged only while it is less than a minute behind, so a cut that nobody finds is a
//! cut of less than that.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::chain::{Chain, Key, hex, unhex};
use crate::folder;

/// What a MAC is over, beside the hash; the number of lines follows.
const WHAT: &str = "portcullis audit head";

/// Where the head goes.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) place: PathBuf,
    key: Option<Key>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    lines: u64,
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
}

impl Head {
    pub(crate) fn new(place: &Path, key: Option<&Key>) -> Self {
        Head { place: place.to_owned(), key: key.cloned() }
    }

    /// Writes how far the log goes; durable when it returns.
    pub(crate) fn publish(&self, chain: &Chain) -> io::Result<()> {
        let mac = self.key.as_ref().map(|key| hex(&key.mac(&what(chain.lines), &chain.hash)));
        let text = Text { lines: chain.lines, hash: hex(&chain.hash), mac };
        let mut text = serde_json::to_string(&text).map_err(io::Error::other)?;
        text.push('\n');
        folder::replace(&self.place, &text)
    }

    /// How far the log went when the head was written; nothing if there is none.
    pub(crate) fn read(&self) -> Result<Option<Chain>, String> {
        let text = match std::fs::read_to_string(&self.place) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("the head cannot be read: {error}")),
        };
        let Text { lines, hash, mac } =
            serde_json::from_str(&text).map_err(|_| "it is not the head of an audit log".to_owned())?;
        let hash = unhex(hash.as_bytes()).ok_or("its hash is not one")?;
        if let Some(key) = &self.key {
            let mac = mac.ok_or("the head carries no MAC, and the log has a key")?;
            let mac = unhex(mac.as_bytes()).ok_or("its MAC is not one")?;
            if !key.made(&what(lines), &hash, &mac) {
                return Err("the MAC of the head was not made with the key".to_owned());
            }
        }
        Ok(Some(Chain { lines, hash }))
    }
}

fn what(lines: u64) -> String {
    format!("{WHAT} {lines}")
}
