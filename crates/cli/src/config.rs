//! The operator's file, `portcullis.yaml`: connections, storage, policy and audit.

mod fields;
mod keys;
mod keys_web;
mod problem;
mod profile;
mod read;
mod read_auth;
mod read_connection;
mod read_store;
mod read_way;
mod read_web;
mod schema;
mod secret;
mod tree;
mod web;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::exit::Wrong;

pub(crate) use profile::{
    Account, Address, App, At, Auth, ClientCertificate, Connection, Ews, Opened, Proxy, Tls, Via,
};
pub(crate) use schema::schema;
pub(crate) use secret::SecretRef;
pub(crate) use web::{Place, WebAuth, WebConnection};

/// The name of the file that is looked for upwards from the current folder.
pub(crate) const FILE: &str = "portcullis.yaml";

/// What is worth saying about the file is said once.
static WARNED: Once = Once::new();

/// What an operator configures.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Connections by the name playbooks use.
    pub(crate) connections: BTreeMap<String, Connection>,
    /// Secrets by the name playbooks use.
    pub(crate) secrets: BTreeMap<String, SecretRef>,
    /// People by the name they decide and answer with.
    pub(crate) people: BTreeMap<String, PersonConfig>,
    /// Where runs are kept.
    pub(crate) storage: Storage,
    /// Where the key is that the log-ins of people are kept with; a file beside them if not set.
    pub(crate) log_in_key: Option<SecretRef>,
    /// What is allowed, whatever playbooks say.
    pub(crate) policy: engine::Policy,
    /// Where it is written down who did what.
    pub(crate) audit: AuditConfig,
    /// Where the file was found; paths in it are relative to its folder.
    pub(crate) place: Option<PathBuf>,
}

/// The audit log. It lies in the data folder; this is what makes it hard to forge.
#[derive(Debug, Default, Clone)]
pub(crate) struct AuditConfig {
    /// The second place: a file elsewhere that always says how far the log goes.
    pub(crate) head: Option<PathBuf>,
    /// Where the key is that every line is made with; at least 32 characters.
    pub(crate) key: Option<SecretRef>,
}

/// One person.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonConfig {
    /// What they may decide and answer for, in the words of the playbooks.
    #[serde(default)]
    pub(crate) roles: Vec<String>,
}

/// Where runs are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Storage {
    /// The data folder; `.portcullis` beside this file if not set.
    pub(crate) folder: Option<PathBuf>,
    /// When a record counts as kept.
    #[serde(default)]
    pub(crate) durability: Durability,
    /// How long `portcullis runs prune` keeps runs that are over; nothing else forgets any.
    #[serde(default, deserialize_with = "optional_duration")]
    pub(crate) keep: Option<Duration>,
    /// A secret, and so read beside the others.
    #[serde(default, rename = "log_in_key")]
    _log_in_key: Option<IgnoredAny>,
}

/// `90d`, `12h`, `30m`, `45s`: a number and a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: Option<u64> = text.get(..digits).and_then(|number| number.parse().ok());
    let seconds = match text.get(digits..) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 60 * 60,
        Some("d") => 24 * 60 * 60,
        _ => 0,
    };
    match number.and_then(|number| number.checked_mul(seconds)) {
        Some(long) if seconds > 0 => Ok(Duration::from_secs(long)),
        _ => Err(format!("`{text}` is not a time such as 90d, 12h, 30m or 45s")),
    }
}

fn optional_duration<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| duration(&text).map_err(serde::de::Error::custom)).transpose()
}

/// When a record counts as kept: `each`, or `interval(MILLISECONDS)`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Durability {
    /// Each step is on the disk before the next one begins.
    #[default]
    Each,
    /// At most this many milliseconds of steps can be lost when the machine loses power.
    Interval(u64),
}

impl TryFrom<String> for Durability {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let interval = || text.strip_prefix("interval(")?.strip_suffix(')')?.trim().parse().ok();
        match (text.as_str(), interval()) {
            ("each", _) => Ok(Durability::Each),
            (_, Some(millis @ 1..=60_000)) => Ok(Durability::Interval(millis)),
            _ => Err(format!("`{text}`: expected `each`, or `interval(50)` with 1 to 60000 milliseconds")),
        }
    }
}

impl Config {
    /// Reads the named file, or the one found upwards from the current folder, or nothing.
    pub(crate) fn find(named: Option<&Path>) -> Result<Self> {
        match named {
            Some(place) => Self::read(place),
            None => {
                let here = std::env::current_dir().context("could not find out the current folder")?;
                match here.ancestors().map(|folder| folder.join(FILE)).find(|place| place.is_file()) {
                    Some(place) => Self::read(&place),
                    None => Ok(Config::default()),
                }
            }
        }
    }

    fn read(place: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(place)
            .with_context(|| format!("could not read the configuration {}", place.display()))?;
        let (config, warnings) = read::read(&text, place).map_err(|problems| Wrong(problems.to_string()))?;
        WARNED.call_once(|| {
            for warning in &warnings {
                crate::output::complain(&crate::output::line(warning));
            }
        });
        Ok(config)
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        let base = self.place.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        base.join(self.storage.folder.as_deref().unwrap_or(Path::new(".portcullis")))
    }
}

#[cfg(test)]
mod tests;
