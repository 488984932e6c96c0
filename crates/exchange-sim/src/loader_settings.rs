//! What a mailbox has beside mail, as a file beside its folders says it: `mailbox.yaml`.
//!
//! Written by people for playbooks to work on, so folders are named by path and values of one may stand alone.

use std::collections::BTreeMap;

use exchange::rule::{ACTIONS, CONDITIONS, Clause, Kind, Rule};
use exchange::{OofAudience, OofState, OutOfOffice};
use jiff::Timestamp;
use serde::Deserialize;

use crate::model::mailbox::Mailbox;
use crate::model::people::Profile;

/// The file's name.
pub(crate) const FILE: &str = "mailbox.yaml";

/// What kind of mailbox it is, which has to be known before folders are made in it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Stores {
    /// Whether it has an archive.
    #[serde(default)]
    pub(crate) archive: bool,
    /// That it holds the public folders.
    #[serde(default)]
    pub(crate) public_folders: Option<PublicFolders>,
}

/// That a mailbox holds the public folders; `{}` where there is nothing more to say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicFolders {
    /// The mailbox that requests about what is in the folders have to be sent to, where that is another.
    #[serde(default)]
    pub(crate) content: Option<String>,
}

/// Reads what kind of mailbox a text describes. Everything else in it is passed over.
pub(crate) fn stores(text: &str) -> Result<Stores, String> {
    let written: Option<Stores> = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    Ok(written.unwrap_or_default())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    archive: bool,
    #[serde(default)]
    public_folders: Option<PublicFolders>,
    /// Name in the directory.
    #[serde(default)]
    name: Option<String>,
    /// What else the directory knows, when the owner works, and when the owner is said to be busy.
    #[serde(default)]
    profile: Profile,
    #[serde(default)]
    rules: Vec<WrittenRule>,
    /// Whether Outlook keeps rules of its own there.
    #[serde(default)]
    client_rules: bool,
    #[serde(default)]
    out_of_office: Option<Replies>,
    #[serde(default)]
    blocked_senders: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    name: String,
    #[serde(default)]
    priority: Option<i32>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    in_error: bool,
    /// False for a rule that EWS does not show whole.
    #[serde(default = "yes")]
    supported: bool,
    #[serde(default)]
    conditions: BTreeMap<String, Values>,
    #[serde(default)]
    exceptions: BTreeMap<String, Values>,
    #[serde(default)]
    actions: BTreeMap<String, Values>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a text, a number, true or false, or a list of texts")]
enum Values {
    Flag(bool),
    Number(u32),
    Text(String),
    List(Vec<String>),
}

impl Values {
    fn texts(self) -> Vec<String> {
        match self {
            Values::Flag(flag) => vec![flag.to_string()],
            Values::Number(number) => vec![number.to_string()],
            Values::Text(text) => vec![text],
            Values::List(list) => list,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replies {
    state: OofState,
    #[serde(default = "nobody")]
    audience: OofAudience,
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    end: Option<String>,
    #[serde(default)]
    internal_reply: String,
    #[serde(default)]
    external_reply: String,
}

fn nobody() -> OofAudience {
    OofAudience::None
}

/// Puts what the text says into a mailbox; on an error says what is wrong.
pub(crate) fn apply(mailbox: &mut Mailbox, text: &str) -> Result<(), String> {
    let written: Written = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    if written.public_folders.is_some() && mailbox.public.is_none() {
        return Err("a mailbox holds the public folders from the beginning or not at all".to_owned());
    }
    if written.archive {
        mailbox.open_archive();
    }
    for (number, rule) in (1..).zip(written.rules) {
        let rule = self::rule(mailbox, rule, number)?;
        let address = mailbox.address.clone();
        mailbox.settings.add_rule(&address, rule);
    }
    if let Some(replies) = written.out_of_office {
        mailbox.settings.out_of_office = out_of_office(replies)?;
    }
    mailbox.settings.name = written.name;
    mailbox.settings.profile = written.profile;
    mailbox.settings.client_rules = written.client_rules;
    mailbox.settings.blocked.extend(written.blocked_senders.iter().map(|address| address.to_lowercase()));
    Ok(())
}

fn out_of_office(written: Replies) -> Result<OutOfOffice, String> {
    let time = |text: String| -> Result<Timestamp, String> {
        text.parse().map_err(|_| format!("{text:?} is no time such as 2026-11-21T05:00:00Z"))
    };
    let duration = match (written.start, written.end) {
        (Some(start), Some(end)) => Some((time(start)?, time(end)?)),
        (None, None) => None,
        _ => return Err("out_of_office has a start or an end and not the other".to_owned()),
    };
    if duration.is_none() && written.state == OofState::Scheduled {
        return Err("out_of_office is scheduled and has no start and end".to_owned());
    }
    Ok(OutOfOffice {
        state: written.state,
        audience: written.audience,
        duration,
        internal_reply: written.internal_reply,
        external_reply: written.external_reply,
    })
}

fn rule(mailbox: &mut Mailbox, written: WrittenRule, number: i32) -> Result<Rule, String> {
    let name = written.name;
    let rule = Rule {
        id: String::new(),
        priority: written.priority.unwrap_or(number),
        enabled: written.enabled,
        in_error: written.in_error,
        complete: written.supported,
        conditions: clauses(mailbox, written.conditions, &CONDITIONS),
        exceptions: clauses(mailbox, written.exceptions, &CONDITIONS),
        actions: clauses(mailbox, written.actions, &ACTIONS),
        name,
    };
    match rule.fault() {
        Some(fault) if rule.complete => Err(format!("the rule {:?}: {fault}", rule.name)),
        _ => Ok(rule),
    }
}

/// In the order of the schema; what is not known comes last and is complained about later.
fn clauses(
    mailbox: &mut Mailbox,
    written: BTreeMap<String, Values>,
    table: &[(&'static str, Kind)],
) -> Vec<Clause> {
    let place = |name: &str| table.iter().position(|(known, _)| *known == name);
    let mut clauses: Vec<Clause> = written
        .into_iter()
        .map(|(name, values)| {
            let mut values = values.texts();
            if place(&name).and_then(|at| table.get(at)).is_some_and(|(_, kind)| *kind == Kind::Folder) {
                values = values.into_iter().map(|path| folder(mailbox, path)).collect();
            }
            Clause { name, values }
        })
        .collect();
    clauses.sort_by_key(|clause| place(&clause.name).unwrap_or(usize::MAX));
    clauses
}

/// A path becomes the id of the folder, which is made if it is not there.
fn folder(mailbox: &mut Mailbox, path: String) -> String {
    if path.parse::<exchange::WellKnownFolder>().is_ok() || path.starts_with("id:") {
        return path;
    }
    let names: Vec<&str> = path.split('/').map(str::trim).filter(|name| !name.is_empty()).collect();
    let key = mailbox.make_path(&names);
    let id = key.and_then(|key| mailbox.folders.get(key)).map(|folder| folder.id.clone());
    format!("id:{}", id.unwrap_or_default())
}
