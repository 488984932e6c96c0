//! The operator's file, `portcullis.yaml`: connections, storage, policy and audit. Secrets are named, never written in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::exit::Wrong;

/// The name of the file that is looked for upwards from the current folder.
pub(crate) const FILE: &str = "portcullis.yaml";

/// What an operator configures.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Connections by the name playbooks use.
    #[serde(default)]
    pub(crate) connections: BTreeMap<String, Connection>,
    /// Secrets by the name playbooks use.
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, SecretRef>,
    /// People by the name they decide and answer with.
    #[serde(default)]
    pub(crate) people: BTreeMap<String, PersonConfig>,
    /// Where runs are kept.
    #[serde(default)]
    pub(crate) storage: Storage,
    /// What is allowed, whatever playbooks say.
    #[serde(default)]
    pub(crate) policy: engine::Policy,
    /// Where it is written down who did what.
    #[serde(default)]
    pub(crate) audit: AuditConfig,
    /// Where the file was found; paths in it are relative to its folder.
    #[serde(skip)]
    pub(crate) place: Option<PathBuf>,
}

/// The audit log. It lies in the data folder; this is what makes it hard to forge.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditConfig {
    /// The second place: a file elsewhere that always says how far the log goes.
    #[serde(default)]
    pub(crate) head: Option<PathBuf>,
    /// Where the key is that every line is made with; at least 32 characters.
    #[serde(default)]
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

/// One connection.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Connection {
    /// Exchange Web Services.
    Ews(Ews),
}

/// A connection over Exchange Web Services.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ews {
    /// `https://HOST/EWS/Exchange.asmx`. Plain `http` only to this very machine.
    pub(crate) url: String,
    /// The account that logs in.
    pub(crate) user: String,
    /// Where its password is.
    pub(crate) password: SecretRef,
    /// The account's own mailbox. If set, no other mailbox is ever asked for; if not, the account needs the
    /// role ApplicationImpersonation.
    #[serde(default)]
    pub(crate) only_mailbox: Option<String>,
    /// How many seconds a message that was sent may take to show in Sent Items.
    #[serde(default)]
    pub(crate) settle_seconds: Option<u16>,
}

/// Names a secret; exactly one of the two.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretRef {
    /// An environment variable.
    env: Option<String>,
    /// A file; one line break at its end is not part of the secret.
    file: Option<PathBuf>,
    /// For the simulator of this process; cannot be written in the file.
    #[serde(skip)]
    known: Option<String>,
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
        let mut config: Config = serde_yaml::from_str(&text)
            .map_err(|error| Wrong(format!("the configuration {} is wrong: {error}", place.display())))?;
        let base = place.parent().unwrap_or(Path::new(""));
        let passwords = config.connections.values_mut().map(|Connection::Ews(ews)| &mut ews.password);
        for secret in passwords.chain(config.secrets.values_mut()).chain(&mut config.audit.key) {
            if let Some(file) = &mut secret.file {
                *file = base.join(&*file);
            }
        }
        if let Some(head) = &mut config.audit.head {
            *head = base.join(&*head);
        }
        config.place = Some(place.to_owned());
        Ok(config)
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        let base = self.place.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        base.join(self.storage.folder.as_deref().unwrap_or(Path::new(".portcullis")))
    }
}

impl SecretRef {
    /// A password that is none: the simulator's.
    pub(crate) fn known(text: &str) -> Self {
        SecretRef { env: None, file: None, known: Some(text.to_owned()) }
    }

    /// Reads the password of a connection. The message of a failure names the place, never the content.
    pub(crate) fn read(&self, connection: &str) -> Result<String> {
        self.read_as(&format!("connection `{connection}`"), "password")
    }

    /// Reads a secret: `whose` it is and `what` for, as a failure names it.
    pub(crate) fn read_as(&self, whose: &str, what: &str) -> Result<String> {
        if let Some(known) = &self.known {
            return Ok(known.clone());
        }
        let secret = match (&self.env, &self.file) {
            (Some(name), None) => std::env::var(name).map_err(|_| {
                Wrong(format!(
                    "{whose} takes its {what} from the environment variable {name}, which is not set or not text"
                ))
            })?,
            (None, Some(place)) => {
                let text = std::fs::read_to_string(place).with_context(|| {
                    format!("{whose}: could not read the {what} file {}", place.display())
                })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                text.strip_suffix('\r').unwrap_or(text).to_owned()
            }
            _ => {
                let message = format!("a {what} names either `env: VARIABLE` or `file: PATH`");
                return Err(Wrong(format!("{whose}: {message}")).into());
            }
        };
        if secret.is_empty() || secret.contains(['\n', '\r', '\0']) {
            return Err(Wrong(format!("{whose}: the {what} is empty or has line breaks")).into());
        }
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_guide_shows_and_refuses_misspelt_keys() {
        let config: Config = serde_yaml::from_str(
            "connections:\n  mail:\n    kind: ews\n    url: https://mail.corp.example/EWS/Exchange.asmx\n    \
             user: svc@corp.example\n    password: { env: MAIL_PASSWORD }\nstorage:\n  durability: each\n",
        )
        .unwrap();
        assert!(config.connections.contains_key("mail"));
        assert!(serde_yaml::from_str::<Config>("connection: {}").is_err());
    }
}
