//! What the mails are about that a plan or a dry run would touch.
//!
//! Whoever decides whether mails are deleted knows them by their subjects and not by their ids. What the rehearsal reads
//! tells most of them: an answer that has an id and a subject side by side is remembered. Mails that only an input names
//! are read for this, in rehearsals of their own, so that the policy holds for these reads as well; one that cannot be
//! read stays without a subject. Left out: folders, rules and events, whose inputs say what they are or nothing does.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action_api::{ActionSource, Invocation, Outcome, PluginFacts, Probe, Spec, Work};
use engine::{Engine, Failure, Mode, Source, Start};
use serde::Serialize;
use serde_json::{Value, json};

use crate::combined::Combined;
use crate::identity::who;
use crate::output::line;

/// The action that reads mails, and how many at once.
const READS: (&str, usize) = ("mail.get", 100);
/// In how many mailboxes mails are read only for their subjects.
const LOOKED: usize = 20;
/// What a rehearsal puts in place of an id that is not known before a run.
const MADE_UP: &str = "dry-run";
/// How many subjects are shown, and how much of each.
const SHOWN: (usize, usize) = (3, 60);

/// The subjects that are known, by the ids of the mails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subjects(Arc<Mutex<HashMap<String, String>>>);

/// A mail that would be touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Touched {
    pub(crate) mailbox: String,
    pub(crate) item_id: String,
    pub(crate) subject: String,
}

impl Subjects {
    fn known(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These actions, to whose answers it listens.
    pub(crate) fn around(&self, inner: Combined) -> Combined {
        Combined::new(vec![Arc::new(Listener { inner, subjects: self.clone() })])
    }

    /// Remembers every id that has a subject beside it.
    pub(crate) fn learn(&self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.learn(item)),
            Value::Object(fields) => {
                let text = |name| fields.get(name).and_then(Value::as_str);
                if let (Some(id), Some(subject)) = (text("item_id"), text("subject")) {
                    self.known().insert(id.to_owned(), subject.to_owned());
                }
                fields.values().for_each(|field| self.learn(field));
            }
            _ => {}
        }
    }

    /// The mails that an input names and whose subjects are known, in the order they are named.
    pub(crate) fn of(&self, input: &Value) -> Vec<Touched> {
        let known = self.known();
        let touched = |(mailbox, id): (String, String)| {
            let subject = known.get(&id)?.clone();
            Some(Touched { mailbox, item_id: id, subject })
        };
        named(input).into_iter().filter_map(touched).collect()
    }

    /// Reads the mails that these inputs name, each over its connection, if their subjects are not known.
    pub(crate) async fn look<'a>(
        &self,
        engine: &Engine,
        inputs: impl IntoIterator<Item = (&'a Value, Option<&'a str>)>,
    ) {
        let mut unknown: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for (input, connection) in inputs {
            let Some(connection) = connection else { continue };
            for (mailbox, id) in named(input) {
                if id != MADE_UP && !self.known().contains_key(&id) {
                    let ids = unknown.entry((connection.to_owned(), mailbox)).or_default();
                    if ids.len() < READS.1 && !ids.contains(&id) {
                        ids.push(id);
                    }
                }
            }
        }
        for ((connection, mailbox), ids) in unknown.into_iter().take(LOOKED) {
            let Ok(text) = reading(&connection, &mailbox, &ids) else { continue };
            let start = Start { starter: who(), mode: Mode::DryRun, ..Start::default() };
            // Its answers are heard; that it fails is no matter of what is planned.
            if let Ok(mut run) = engine.start(Source::new("subjects", &text), start).await {
                let _ = run.wait().await;
            }
        }
    }
}

/// A playbook that reads these mails.
fn reading(connection: &str, mailbox: &str, ids: &[String]) -> Result<String, serde_yaml::Error> {
    let with = json!({ "mailbox": mailbox, "item_ids": ids, "max_body": 0 });
    let rest = json!({
        "id": "subjects",
        "connections": { connection: { "kind": "exchange" } },
        "steps": [{ "id": "read", "uses": READS.0, "connection": connection, "with": with }]
    });
    Ok(format!("playbook: 1\n{}", serde_yaml::to_string(&rest)?))
}

/// The mails that an input names, wherever it does, and the mailbox beside or above each.
fn named(input: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    gather(input, None, &mut found);
    found
}

fn gather(value: &Value, above: Option<&str>, found: &mut Vec<(String, String)>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, above, found)),
        Value::Object(fields) => {
            let mailbox = fields.get("mailbox").and_then(Value::as_str).or(above);
            let one = fields.get("item_id").into_iter();
            let several = fields.get("item_ids").and_then(Value::as_array).into_iter().flatten();
            let ids = one.chain(several).filter_map(Value::as_str);
            found.extend(ids.filter_map(|id| Some((mailbox?.to_owned(), id.to_owned()))));
            fields.values().for_each(|field| gather(field, mailbox, found));
        }
        _ => {}
    }
}

/// Some of these subjects on one line; nothing if there are none.
pub(crate) fn words(touched: &[Touched]) -> Option<String> {
    let (most, width) = SHOWN;
    let shorten = |one: &Touched| {
        let subject = line(&one.subject);
        let cut: String = subject.chars().take(width).collect();
        if cut.len() < subject.len() { format!("“{cut}…”") } else { format!("“{cut}”") }
    };
    let shown: Vec<String> = touched.iter().take(most).map(shorten).collect();
    match touched.len().checked_sub(most) {
        _ if shown.is_empty() => None,
        Some(more @ 1..) => Some(format!("{}, and {more} more", shown.join(", "))),
        _ => Some(shown.join(", ")),
    }
}

/// Actions whose answers are listened to.
struct Listener {
    inner: Combined,
    subjects: Subjects,
}

impl ActionSource for Listener {
    fn specs(&self) -> Vec<Arc<Spec>> {
        self.inner.specs()
    }

    fn names(&self) -> Vec<String> {
        self.inner.names()
    }

    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.inner.spec(name)
    }

    fn plugins(&self) -> Vec<PluginFacts> {
        self.inner.plugins()
    }

    fn invoke<'a>(&'a self, call: Invocation) -> Work<'a, Result<Outcome, Failure>> {
        Box::pin(async move {
            let outcome = self.inner.invoke(call).await?;
            self.subjects.learn(&outcome.output);
            Ok(outcome)
        })
    }

    fn probe<'a>(&'a self, call: Invocation) -> Work<'a, Result<Probe, Failure>> {
        self.inner.probe(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_names_mails_in_each_of_its_forms() {
        let subjects = Subjects::default();
        subjects.learn(&json!({ "messages": [
            { "item_id": "1", "subject": "One" }, { "item_id": "2", "subject": "Two\nlines" }, { "item_id": "3", "subject": null }
        ] }));
        let about = |input: Value| {
            subjects.of(&input).into_iter().map(|one| (one.mailbox, one.subject)).collect::<Vec<_>>()
        };
        let pair = |mailbox: &str, subject: &str| (mailbox.to_owned(), subject.to_owned());
        assert_eq!(about(json!({ "mailbox": "a", "item_id": "1" })), [pair("a", "One")]);
        assert_eq!(
            about(json!({ "mailbox": "a", "item_ids": ["2", "3", "4", "1"] })),
            [pair("a", "Two\nlines"), pair("a", "One")]
        );
        let items =
            json!({ "items": [{ "mailbox": "a", "item_ids": ["1"] }, { "mailbox": "b", "item_id": "2" }] });
        assert_eq!(about(items), [pair("a", "One"), pair("b", "Two\nlines")]);
        assert_eq!(about(json!({ "mailbox": "a", "rule_id": "1" })), []);
    }

    #[test]
    fn subjects_stand_on_one_line_and_are_few() {
        let one = |subject: &str| Touched {
            mailbox: String::new(),
            item_id: String::new(),
            subject: subject.to_owned(),
        };
        assert_eq!(words(&[]), None);
        let long = "x".repeat(61);
        let all = [one("a\u{1b}[2J\nb"), one(&long), one("c"), one("d"), one("e")];
        let text = words(&all).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains('\n'), "{text}");
        assert!(
            text.contains(&format!("{}…", "x".repeat(60))) && text.ends_with("“c”, and 2 more"),
            "{text}"
        );
    }
}
