//! What a run let be seen from outside: its steps, decisions and end.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Decision, End, Failure, ProgressKind, RunStatus};
use serde_json::{Map, Value, json};

use crate::sites::Sites;
use crate::stage::Called;

/// Everything that was seen of one run.
#[derive(Debug, Default)]
pub struct Seen {
    pub(crate) steps: BTreeMap<String, StepSeen>,
    /// Who decided what, by path.
    pub(crate) decisions: Vec<(String, Decision)>,
    /// Paths of forms that somebody filled in.
    pub(crate) answered: BTreeSet<String>,
    /// Paths of questions and waits that are open.
    pub(crate) waiting: BTreeSet<String>,
    pub(crate) end: Option<End>,
    pub(crate) calls: Vec<Called>,
}

/// What was seen of one step.
#[derive(Debug, Default, Clone)]
pub(crate) struct StepSeen {
    pub(crate) state: State,
    pub(crate) output: Option<Value>,
    /// Of a loop that collects: the items that failed.
    pub(crate) failed: Option<Value>,
    pub(crate) failure: Option<Failure>,
    /// It failed, and its block went on.
    pub(crate) tolerated: bool,
}

/// How far a step came.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Pending,
    Skipped,
    Succeeded,
    Failed,
}

impl State {
    pub(crate) const ALL: [&'static str; 4] = ["pending", "skipped", "succeeded", "failed"];

    fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Skipped => "skipped",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
        }
    }
}

impl Seen {
    pub(crate) fn note(&mut self, path: &str, progress: &ProgressKind) {
        let step = self.steps.entry(path.to_owned()).or_default();
        match progress {
            ProgressKind::Gave { output, failed } => {
                step.output.clone_from(output);
                step.failed.clone_from(failed);
            }
            ProgressKind::Skipped => step.state = State::Skipped,
            ProgressKind::Succeeded => step.state = State::Succeeded,
            ProgressKind::Failed { failure, tolerated } => {
                step.state = State::Failed;
                step.failure = Some(failure.clone());
                step.tolerated = *tolerated;
            }
            _ => {}
        }
        if step.state != State::Pending {
            self.waiting.remove(path);
        }
    }

    /// What expectations see: `run`, `outputs`, `waiting`, `calls`, `steps`.
    pub(crate) fn roots(&self, sites: &Sites, actions: &[String]) -> Map<String, Value> {
        let mut roots = Map::new();
        let end = self.end.as_ref();
        let status = end.map_or(RunStatus::Waiting, |end| end.status);
        let failure = end.and_then(|end| end.failure.as_ref());
        roots.insert(
            "run".to_owned(),
            json!({
                "status": status.as_str(),
                "failure": failure.map(ToString::to_string),
                "error": failure.map(error_value),
            }),
        );
        roots.insert("outputs".to_owned(), json!(end.map(|end| &end.outputs).cloned().unwrap_or_default()));
        roots.insert("waiting".to_owned(), json!(self.waiting));
        let calls: Vec<Value> = self.calls.iter().map(Called::value).collect();
        let mut by_action: Map<String, Value> =
            actions.iter().map(|action| (action.clone(), Value::Array(Vec::new()))).collect();
        for (call, value) in self.calls.iter().zip(&calls) {
            if let Some(Value::Array(list)) = by_action.get_mut(&call.action) {
                list.push(value.clone());
            }
        }
        roots.insert("calls()".to_owned(), by_action.into());
        roots.insert("calls".to_owned(), calls.into());
        roots.insert("steps".to_owned(), self.steps(sites).into());
        roots
    }

    /// Steps by path, and by id where that is clear.
    fn steps(&self, sites: &Sites) -> Map<String, Value> {
        let mut steps: Map<String, Value> =
            self.steps.iter().map(|(path, step)| (path.clone(), step.value())).collect();
        let pending = StepSeen::default().value();
        for (path, site) in sites.iter().filter(|(_, site)| !site.looped) {
            let value = steps.entry(path).or_insert_with(|| pending.clone()).clone();
            if !site.foreign {
                steps.insert(site.id.clone(), value);
            }
        }
        steps
    }
}

impl StepSeen {
    fn value(&self) -> Value {
        json!({
            "status": self.state.as_str(),
            "output": self.output,
            "failed": self.failed,
            "error": self.failure.as_ref().map(error_value),
        })
    }
}

pub(crate) fn error_value(failure: &Failure) -> Value {
    json!({"kind": failure.kind.as_str(), "message": failure.message})
}
