//! The form of a case file. What can be found wrong in the text alone is found here.
//!
//! Values that only the playbook can give a meaning to (answers, inputs, faults of a simulator) stay JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use crate::answer::Answers;
use crate::expect::Expectation;
use crate::stub::Stub;

/// The most a case file may have, in bytes.
pub const MAX_FILE: usize = 4 * 1024 * 1024;
/// The most cases one file may have.
pub const MAX_CASES: usize = 100_000;

/// The cases of one file.
#[derive(Debug, Clone)]
pub struct CaseFile {
    /// What has to be covered by all cases of the playbook.
    pub coverage: Threshold,
    /// The cases in the order of the file, with the defaults of the file filled in.
    pub cases: Vec<Case>,
}

/// What has to be covered, in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// Of the branches.
    #[serde(default)]
    pub branches: Option<u8>,
    /// Of the steps.
    #[serde(default)]
    pub steps: Option<u8>,
}

/// One case.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// What has to be true in the end; at least one.
    pub expect: Vec<Expectation>,
    /// What it is run with.
    pub with: Surroundings,
}

/// What a case is run with. A file has defaults of this form for all its cases.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Surroundings {
    /// A folder of mails, relative to the playbook.
    pub mail: Option<PathBuf>,
    /// Mails written in the case itself: by mailbox and folder.
    pub mailboxes: BTreeMap<String, BTreeMap<String, Vec<Mail>>>,
    /// A recording that answers calls, relative to the playbook.
    pub cassette: Option<PathBuf>,
    /// Values of the playbook's inputs.
    pub inputs: BTreeMap<String, Value>,
    /// What `trigger` is.
    pub trigger: Option<Value>,
    /// What time it is when the run starts.
    pub clock: Option<Start>,
    /// What is said to approvals and forms, by the path or the id of the step.
    pub answers: BTreeMap<String, Answers>,
    /// Events that are sent to the run, in this order.
    pub signals: Vec<Signal>,
    /// What actions answer instead of being carried out, by action.
    pub stubs: BTreeMap<String, Stub>,
    /// What goes wrong on the wire; only whoever simulates it knows the words.
    pub faults: Vec<Value>,
    /// How the simulated organisation is reached.
    pub wire: Option<Wire>,
    /// Secrets by name, made up for the test.
    pub secrets: BTreeMap<String, String>,
}

/// A mail written in a case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// The sender's address, perhaps with a name in front.
    pub from: Option<String>,
    /// The recipients; the mailbox itself if nothing is said.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The body.
    pub text: String,
    /// When it was received; the start of the case if nothing is said.
    pub received: Option<Start>,
    /// The `Message-ID` without brackets.
    pub message_id: Option<String>,
    /// A whole mail instead of all the other fields.
    pub raw: Option<String>,
}

/// A point in time, RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start(pub jiff::Timestamp);

impl Default for Start {
    /// When a case starts that does not say it: 2026-11-21T09:00:00Z, so that it gives the same on every day.
    fn default() -> Self {
        Start(jiff::Timestamp::from_second(1_795_251_600).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map(Start).map_err(|_| {
            serde::de::Error::custom(format!(
                "`{text}` is not a point in time; write it like 2026-11-21T09:00:00Z"
            ))
        })
    }
}

/// How the simulated organisation is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// Directly, without requests: fast, and the default unless there are faults.
    Direct,
    /// By real requests over HTTP on this machine.
    Http,
}

/// An event that is sent to the run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Its name.
    pub event: String,
    /// What it brings.
    #[serde(default)]
    pub payload: Value,
    /// When it is sent.
    #[serde(default)]
    pub when: When,
}

/// When an event is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// When the run waits for an event of this name.
    #[default]
    Waiting,
    /// At once, before anything else.
    Start,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    test: u32,
    #[serde(default)]
    cassette: Option<PathBuf>,
    #[serde(default)]
    coverage: Threshold,
    #[serde(default)]
    defaults: Surroundings,
    cases: Vec<RawCase>,
}

/// `flatten` cannot refuse unknown fields, so the fields stand here once more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    name: String,
    expect: Vec<Expectation>,
    #[serde(default)]
    mail: Option<PathBuf>,
    #[serde(default)]
    mailboxes: BTreeMap<String, BTreeMap<String, Vec<Mail>>>,
    #[serde(default)]
    cassette: Option<PathBuf>,
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    #[serde(default)]
    trigger: Option<Value>,
    #[serde(default)]
    clock: Option<Start>,
    #[serde(default)]
    answers: BTreeMap<String, Answers>,
    #[serde(default)]
    signals: Vec<Signal>,
    #[serde(default)]
    stubs: BTreeMap<String, Stub>,
    #[serde(default)]
    faults: Vec<Value>,
    #[serde(default)]
    wire: Option<Wire>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

impl RawCase {
    /// Maps are put together name by name; everything else of the case replaces the default.
    fn with_defaults(self, defaults: &Surroundings) -> Case {
        fn merged<V: Clone>(own: BTreeMap<String, V>, defaults: &BTreeMap<String, V>) -> BTreeMap<String, V> {
            let mut all = defaults.clone();
            all.extend(own);
            all
        }
        let with = Surroundings {
            mail: self.mail.or_else(|| defaults.mail.clone()),
            mailboxes: merged(self.mailboxes, &defaults.mailboxes),
            cassette: self.cassette.or_else(|| defaults.cassette.clone()),
            inputs: merged(self.inputs, &defaults.inputs),
            trigger: self.trigger.or_else(|| defaults.trigger.clone()),
            clock: self.clock.or(defaults.clock),
            answers: merged(self.answers, &defaults.answers),
            signals: if self.signals.is_empty() { defaults.signals.clone() } else { self.signals },
            stubs: merged(self.stubs, &defaults.stubs),
            faults: if self.faults.is_empty() { defaults.faults.clone() } else { self.faults },
            wire: self.wire.or(defaults.wire),
            secrets: merged(self.secrets, &defaults.secrets),
        };
        Case { name: self.name, expect: self.expect, with }
    }
}

impl CaseFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// A sentence that says what is wrong, with its place. Never panics, whatever the bytes are.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_FILE {
            return Err(format!("they have more than {MAX_FILE} bytes"));
        }
        let mut raw: RawFile = serde_yaml::from_slice(bytes).map_err(|error| error.to_string())?;
        if raw.test != 1 {
            return Err(format!("`test: {}`: this version reads `test: 1`", raw.test));
        }
        if raw.cases.is_empty() {
            return Err("there is no case in it".to_owned());
        }
        if raw.cases.len() > MAX_CASES {
            return Err(format!("there are more than {MAX_CASES} cases in it"));
        }
        let mut names = BTreeSet::new();
        for case in &raw.cases {
            if !names.insert(case.name.as_str()) {
                return Err(format!("two cases are called `{}`", case.name));
            }
            if case.expect.is_empty() {
                return Err(format!("`{}` expects nothing, so it could not fail", case.name));
            }
        }
        for percent in [raw.coverage.branches, raw.coverage.steps].into_iter().flatten() {
            if percent > 100 {
                return Err(format!("a coverage of {percent} percent cannot be reached"));
            }
        }
        raw.defaults.cassette = raw.cassette.or(raw.defaults.cassette);
        let defaults = raw.defaults;
        let cases = raw.cases.into_iter().map(|case| case.with_defaults(&defaults)).collect();
        Ok(CaseFile { coverage: raw.coverage, cases })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_and_where() {
        let problem = |text: &str| CaseFile::parse(text.as_bytes()).err().unwrap_or_default();
        assert_eq!(problem("test: 1\ncases: [{name: a, expect: [\"1 == 1\"]}]"), "");
        for (text, part) in [
            ("test: 2\ncases: [{name: a, expect: [\"true\"]}]", "this version reads `test: 1`"),
            ("test: 1\ncases: []", "there is no case"),
            ("test: 1\ncases: [{name: a, expect: []}]", "could not fail"),
            ("test: 1\ncases: [{name: a, expects: []}]", "unknown field `expects`"),
            ("test: 1\ncases: [{name: a, expect: [\"1 ==\"]}]", "`1 ==` is not an expression"),
            ("test: 1\ncases:\n- name: a\n  expect:\n  - outputs == {'a': 1}", "put quotes around it"),
            ("test: 1\ncases: [{name: a, expect: [\"calls(x)\"]}]", "takes one text in quotes"),
            ("test: 1\ncases: [{name: a, answers: {gate: yes}, expect: [\"true\"]}]", "approved"),
            ("test: 1\ncases: [{name: a, expect: [\"true\"]}, {name: a, expect: [\"true\"]}]", "two cases"),
            ("test: 1\ncoverage: {branches: 101}\ncases: [{name: a, expect: [\"true\"]}]", "101 percent"),
            ("test: 1\ncases: [{name: a, clock: noon, expect: [\"true\"]}]", "not a point in time"),
            ("test: 1\ncases: [{name: a, stubs: {x: [{okay: 1}]}, expect: [\"true\"]}]", "okay"),
            ("test: 1\ncases: [{name: a, stubs: {x: []}, expect: [\"true\"]}]", "at least one"),
            ("test: 1\ncases: [{name: a, stubs: {x: {error: {kind: tired}}}, expect: [\"true\"]}]", "tired"),
        ] {
            assert!(problem(text).contains(part), "{text}: {}", problem(text));
        }
    }

    #[test]
    fn defaults_are_filled_in_name_by_name() {
        let file = CaseFile::parse(
            b"test: 1\ncassette: a.jsonl\ndefaults: {inputs: {a: 1, b: 1}, clock: 2026-01-01T00:00:00Z}\n\
              cases:\n- {name: one, inputs: {b: 2}, expect: ['true']}\n\
              - {name: two, cassette: b.jsonl, clock: 2026-01-02T00:00:00Z, expect: ['true']}\n",
        )
        .unwrap();
        let [one, two] = file.cases.as_slice() else { panic!("{file:?}") };
        assert_eq!(one.with.inputs, BTreeMap::from([("a".into(), 1.into()), ("b".into(), 2.into())]));
        assert_eq!(one.with.cassette, Some(PathBuf::from("a.jsonl")));
        assert_eq!(two.with.cassette, Some(PathBuf::from("b.jsonl")));
        assert_eq!(one.with.clock.unwrap().0.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(two.with.clock.unwrap().0.to_string(), "2026-01-02T00:00:00Z");
        assert_eq!(Start::default().0.to_string(), "2026-11-21T09:00:00Z");
    }
}
