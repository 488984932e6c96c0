//! How cases ended, for people and for machines.

use std::path::PathBuf;

use cases::{JUnitCase, JUnitSuite, Seen, Verdict, junit};
use serde_json::{Value, json};

use super::load::Place;
use crate::output::{self, Style};

/// How one case ended.
pub(crate) struct Outcome {
    /// Its position in [`super::Loaded`]: the playbook, and the case.
    pub(crate) at: (usize, usize),
    /// Why it could not be judged.
    pub(crate) error: Option<String>,
    pub(crate) verdicts: Vec<Verdict>,
    /// What was seen of the run, for coverage.
    pub(crate) seen: Option<Seen>,
    /// How many calls were carried out more than once.
    pub(crate) repeated: u32,
    pub(crate) millis: u64,
}

/// One case in a report.
pub(crate) struct Report {
    pub(crate) passed: bool,
    playbook: PathBuf,
    file: PathBuf,
    name: String,
    error: Option<String>,
    verdicts: Vec<Verdict>,
    millis: u64,
}

impl Report {
    pub(crate) fn new(place: &Place, outcome: Outcome) -> Self {
        let listed = place.cases.get(outcome.at.1);
        Report {
            passed: outcome.error.is_none() && outcome.verdicts.is_empty(),
            playbook: place.playbook.clone(),
            file: listed.map(|listed| listed.file.clone()).unwrap_or_default(),
            name: listed.map(|listed| listed.case.name.clone()).unwrap_or_default(),
            error: outcome.error,
            verdicts: outcome.verdicts,
            millis: outcome.millis,
        }
    }

    /// Why it did not pass.
    fn reasons(&self) -> String {
        let mut text = String::new();
        if let Some(error) = &self.error {
            text.push_str(&format!("    {}\n", error.replace('\n', "\n    ")));
        }
        self.verdicts.iter().for_each(|verdict| text.push_str(&verdict.to_text()));
        text
    }

    pub(crate) fn to_text(&self, style: Style) -> String {
        let mark = if self.passed { "passed" } else { "FAILED" };
        let head = format!("{}: {}\n", self.playbook.display(), output::line(&self.name));
        let rest = output::visible(&format!("  {head}{}", self.reasons()));
        format!("{}{rest}", if self.passed { style.green(mark) } else { style.red(mark) })
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "playbook": self.playbook, "file": self.file, "name": self.name,
            "status": if self.passed { "passed" } else { "failed" }, "duration_ms": self.millis,
            "error": self.error, "failures": self.verdicts.iter().map(Verdict::to_json).collect::<Vec<_>>(),
        })
    }

    fn to_junit(&self) -> JUnitCase {
        let reasons = self.reasons();
        let line = reasons.lines().next().unwrap_or_default().trim().to_owned();
        JUnitCase {
            name: self.name.clone(),
            file: self.file.display().to_string(),
            millis: self.millis,
            failure: (!self.passed).then_some((line, reasons)),
            is_error: self.error.is_some(),
        }
    }
}

/// Reports, in the order of their playbooks, as JUnit XML.
pub(crate) fn to_junit(reports: &[Report]) -> String {
    let mut suites: Vec<JUnitSuite> = Vec::new();
    for report in reports {
        let name = report.playbook.display().to_string();
        match suites.last_mut().filter(|suite| suite.name == name) {
            Some(suite) => suite.cases.push(report.to_junit()),
            None => suites.push(JUnitSuite { name, cases: vec![report.to_junit()] }),
        }
    }
    junit(&suites)
}
