//! What a rehearsal told, by step: items and rounds of loops are folded into one.

use std::collections::{BTreeMap, BTreeSet};

use engine::{Effect, End, Event, EventKind, Failure, ProgressKind};
use serde::Serialize;
use serde_json::Value;

/// Everything a rehearsal told.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    steps: BTreeMap<String, StepSeen>,
    /// How it ended.
    pub(crate) end: Option<End>,
    /// What the policy would refuse.
    pub(crate) refused: Vec<Refused>,
}

/// What was seen of one step of the playbook, over all items of the loops around it.
#[derive(Debug, Default)]
pub(crate) struct StepSeen {
    /// How often it began.
    pub(crate) began: usize,
    pub(crate) succeeded: usize,
    pub(crate) skipped: usize,
    /// How often it failed, and the last failure.
    pub(crate) failed: usize,
    pub(crate) failure: Option<Failure>,
    /// Items of a loop.
    pub(crate) items: usize,
    /// Rounds of a loop, as far as steps in it began.
    pub(crate) rounds: BTreeSet<String>,
    /// Calls that were made because they only read.
    pub(crate) reads: Vec<CallSeen>,
    /// Calls that a run would make.
    pub(crate) planned: Vec<CallSeen>,
    /// What a person would read.
    pub(crate) messages: Vec<String>,
}

/// A call that the policy would refuse.
#[derive(Debug, Serialize)]
pub(crate) struct Refused {
    pub(crate) path: String,
    pub(crate) action: String,
    /// The rule, as it stands in the policy.
    pub(crate) rule: String,
    pub(crate) reason: String,
}

/// One call.
#[derive(Debug, Clone)]
pub(crate) struct CallSeen {
    /// Where, with the items of loops.
    pub(crate) path: String,
    pub(crate) effect: Effect,
    pub(crate) input: Value,
    pub(crate) connection: Option<String>,
}

impl Seen {
    /// Takes an event in.
    pub(crate) fn note(&mut self, event: &Event) {
        if let EventKind::Ended(end) = &event.kind {
            self.end = Some(end.clone());
            return;
        }
        let path = event.path.as_str();
        self.rounds(path);
        let seen = self.steps.entry(folded(path)).or_default();
        match &event.kind {
            EventKind::Step(ProgressKind::Started { .. }) => seen.began += 1,
            EventKind::Step(ProgressKind::Items { total }) => seen.items += total,
            EventKind::Step(ProgressKind::Skipped) => seen.skipped += 1,
            EventKind::Step(ProgressKind::Succeeded) => seen.succeeded += 1,
            EventKind::Step(ProgressKind::Failed { failure, .. }) => {
                seen.failed += 1;
                seen.failure = Some(failure.clone());
            }
            EventKind::Calling { effect, input, attempt: 1, .. } => {
                let (path, effect, input) = (path.to_owned(), *effect, input.clone());
                seen.reads.push(CallSeen { path, effect, input, connection: None });
            }
            EventKind::Planned { effect, input, connection, .. } => {
                let (path, effect, input) = (path.to_owned(), *effect, input.clone());
                seen.planned.push(CallSeen { path, effect, input, connection: connection.clone() });
            }
            EventKind::Refused { action, rule, reason } => self.refused.push(Refused {
                path: path.to_owned(),
                action: action.clone(),
                rule: rule.clone(),
                reason: reason.clone(),
            }),
            EventKind::Asked(ask) => seen.messages.push(ask.message.clone()),
            EventKind::Form(form) => seen.messages.push(form.message.clone()),
            _ => {}
        }
    }

    /// Every call that a run would make: its input, and the connection it goes over.
    pub(crate) fn planned(&self) -> impl Iterator<Item = (&Value, Option<&str>)> {
        let all = self.steps.values().flat_map(|step| &step.planned);
        all.map(|call| (&call.input, call.connection.as_deref()))
    }

    /// What was seen of a step, by its path with `[*]` for items.
    pub(crate) fn step(&self, path: &str) -> Option<&StepSeen> {
        self.steps.get(path)
    }

    /// Whether anything was seen below a path.
    pub(crate) fn began_below(&self, path: &str, ids: &[&str]) -> bool {
        ids.iter().any(|id| {
            self.steps.get(&format!("{path}/{id}")).is_some_and(|seen| seen.began + seen.skipped > 0)
        })
    }

    /// Notes in which item of each loop around it a step stands.
    fn rounds(&mut self, path: &str) {
        for (end, _) in path.match_indices(']') {
            let Some(item) = path.get(..=end) else { continue };
            let Some(open) = item.rfind('[') else { continue };
            let around = folded(item.get(..open).unwrap_or_default());
            self.steps.entry(around).or_default().rounds.insert(item.to_owned());
        }
    }
}

/// `clean[3]/delete` as `clean[*]/delete`.
pub(crate) fn folded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => {
                inside = true;
                out.push_str("[*");
            }
            ']' => {
                inside = false;
                out.push(c);
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_folded() {
        assert_eq!(folded("a[3]/b[12]/c"), "a[*]/b[*]/c");
        assert_eq!(folded("a/b"), "a/b");
    }
}
