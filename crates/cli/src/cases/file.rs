//! The form of a case file. Everything that can be found wrong without running is found here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use engine::Decision;
use expr::Expr;
use serde::Deserialize;
use serde_json::Value;

use crate::exit::Wrong;

/// The most a case file may have, in bytes.
const MAX_CASES: u64 = 1024 * 1024;

/// The cases of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CaseFile {
    /// The version of the form.
    test: u32,
    /// The cases, in the order of the file.
    pub(crate) cases: Vec<Case>,
}

/// One case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What it shows.
    pub(crate) name: String,
    /// The mail to begin with, a folder relative to the playbook.
    #[serde(default = "default_mail")]
    pub(crate) mail: PathBuf,
    /// Values of the playbook's inputs.
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, Value>,
    /// Who says what to approvals, by the path or the id of the step.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, Answer>,
    /// What has to be true in the end.
    #[serde(deserialize_with = "expressions")]
    pub(crate) expect: Vec<Expr>,
}

/// What is said to an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// Yes.
    Approved,
    /// No.
    Rejected,
    /// Nothing: the run has to wait.
    None,
}

impl Answer {
    /// The decision, if there is one.
    pub(crate) fn decision(self) -> Option<Decision> {
        match self {
            Answer::Approved => Some(Decision::Approved),
            Answer::Rejected => Some(Decision::Rejected),
            Answer::None => None,
        }
    }
}

fn default_mail() -> PathBuf {
    PathBuf::from("mail")
}

fn expressions<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Expr>, D::Error> {
    Vec::<String>::deserialize(from)?
        .into_iter()
        .map(|text| {
            Expr::parse(&text).map_err(|error| {
                let column = text.get(..error.span.start).map_or(0, |before| before.chars().count()) + 1;
                serde::de::Error::custom(format!(
                    "`{text}` is not an expression: {error} (character {column})"
                ))
            })
        })
        .collect()
}

impl Case {
    /// The folder of its mail.
    pub(crate) fn mail_beside(&self, playbook: &Path) -> PathBuf {
        playbook.parent().unwrap_or(Path::new("")).join(&self.mail)
    }
}

impl CaseFile {
    /// Reads a file and says what is wrong with it.
    pub(crate) fn read(file: &Path) -> Result<Self, Wrong> {
        let wrong = |what: String| Wrong(format!("the cases {} are wrong: {what}", file.display()));
        let bytes = crate::read::at_most(file, MAX_CASES + 1)
            .map_err(|error| wrong(format!("they could not be read: {error}")))?;
        if bytes.len() as u64 > MAX_CASES {
            return Err(wrong(format!("they have more than {MAX_CASES} bytes")));
        }
        Self::parse(&bytes).map_err(wrong)
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let cases: CaseFile = serde_yaml::from_slice(bytes).map_err(|error| error.to_string())?;
        if cases.test != 1 {
            return Err(format!("`test: {}`: this version reads `test: 1`", cases.test));
        }
        if cases.cases.is_empty() {
            return Err("there is no case in it".to_owned());
        }
        let mut names = BTreeSet::new();
        for case in &cases.cases {
            if !names.insert(case.name.as_str()) {
                return Err(format!("two cases are called `{}`", case.name));
            }
            if case.expect.is_empty() {
                return Err(format!("`{}` expects nothing, so it could not fail", case.name));
            }
        }
        Ok(cases)
    }

    /// Every case file in `cases/` beside a playbook, sorted.
    pub(crate) fn beside(playbook: &Path) -> Result<Vec<PathBuf>, Wrong> {
        let folder = playbook.parent().unwrap_or(Path::new("")).join("cases");
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(&folder)
            .map_err(|error| Wrong(format!("could not read the folder {}: {error}", folder.display())))?;
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml") && path.is_file())
            .collect();
        files.sort();
        Ok(files)
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
            ("test: 1\ncases: [{name: a, expects: []}]", "expects"),
            ("test: 1\ncases: [{name: a, expect: [\"1 ==\"]}]", "`1 ==` is not an expression"),
            ("test: 1\ncases: [{name: a, answers: {gate: yes}, expect: [\"true\"]}]", "approved"),
            ("test: 1\ncases: [{name: a, expect: [\"true\"]}, {name: a, expect: [\"true\"]}]", "two cases"),
        ] {
            assert!(problem(text).contains(part), "{text}: {}", problem(text));
        }
    }
}
