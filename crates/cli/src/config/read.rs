//! Reads the whole file: connections and secrets with every problem at once, the rest up to its first.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::fields::{self, Around, Fields};
use super::problem::{Problems, Sink};
use super::read_connection;
use super::secret::SecretRef;
use super::tree::{self, Node, NotYaml, Place};
use super::{AuditConfig, Config, PersonConfig, Storage};

/// The keys of the file.
const SECTIONS: [&str; 6] = ["connections", "secrets", "people", "storage", "policy", "audit"];

/// What serde reads.
#[derive(Default, Deserialize)]
struct Rest {
    #[serde(default)]
    people: BTreeMap<String, PersonConfig>,
    #[serde(default)]
    storage: Storage,
    #[serde(default)]
    policy: engine::Policy,
    #[serde(default)]
    audit: AuditFile,
}

/// The audit log as the file has it; its key is read beside the other secrets.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditFile {
    #[serde(default)]
    head: Option<std::path::PathBuf>,
    #[serde(default, rename = "key")]
    _key: Option<IgnoredAny>,
}

/// The configuration in a text, and what should not stay as it is.
pub(crate) fn read(text: &str, file: &Path) -> Result<(Config, Vec<String>), Problems> {
    let mut sink = Sink::default();
    let config = match tree::parse(text) {
        Ok(root) => whole(&root, text, file, &mut sink),
        Err(NotYaml { place, message }) => {
            sink.error(place, format!("this is not YAML: {message}"));
            None
        }
    };
    let warnings = sink.finish(file)?;
    Ok((config.unwrap_or_default(), warnings))
}

fn whole(root: &Node, text: &str, file: &Path, sink: &mut Sink) -> Option<Config> {
    let top = Fields::open(root, "the configuration", sink)?;
    top.know(SECTIONS.into_iter(), sink);
    let base = file.parent().unwrap_or(Path::new(""));
    let secrets = secrets(&top, base, sink);
    let around = Around { base, secrets: Some(&secrets) };
    let mut connections = BTreeMap::new();
    if let Some(entry) = top.get("connections")
        && let Some(named) = Fields::open(&entry.value, "`connections`", sink)
    {
        for entry in named.entries() {
            if let Some(one) = read_connection::connection(&entry.key, &entry.value, &around, sink) {
                connections.insert(entry.key.clone(), one);
            }
        }
    }
    let mut secret = |section: &str, key: &str| {
        // What else is wrong with the section is said when it is read itself.
        let fields = Fields::open(&top.get(section)?.value, format!("`{section}`"), &mut Sink::default())?;
        fields.secret(key, &around, sink)
    };
    let key = secret("audit", "key");
    let log_in_key = secret("storage", "log_in_key");
    let rest = rest(text, sink)?;
    Some(Config {
        connections,
        secrets: secrets.into_iter().filter_map(|(name, secret)| Some((name, secret?))).collect(),
        people: rest.people,
        storage: rest.storage,
        log_in_key,
        policy: rest.policy,
        audit: AuditConfig { head: rest.audit.head.map(|head| base.join(head)), key },
        place: Some(file.to_owned()),
    })
}

fn secrets(top: &Fields<'_>, base: &Path, sink: &mut Sink) -> BTreeMap<String, Option<SecretRef>> {
    let mut all = BTreeMap::new();
    let Some(entry) = top.get("secrets") else { return all };
    let Some(named) = Fields::open(&entry.value, "`secrets`", sink) else { return all };
    let around = Around { base, secrets: None };
    for entry in named.entries() {
        let what = format!("the secret `{}`", entry.key);
        all.insert(entry.key.clone(), fields::secret(&entry.value, &what, &around, sink));
    }
    all
}

/// The sections without secrets, as their own types read them.
fn rest(text: &str, sink: &mut Sink) -> Option<Rest> {
    match serde_yaml::from_str::<Option<Rest>>(text) {
        Ok(rest) => Some(rest.unwrap_or_default()),
        Err(error) => {
            let place = error
                .location()
                .map_or(Place { line: 1, column: 1 }, |at| Place { line: at.line(), column: at.column() });
            let message = error.to_string();
            let said = message.split(" at line ").next().unwrap_or(&message);
            sink.error(place, said);
            None
        }
    }
}
