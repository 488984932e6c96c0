//! What an approval binds: the calls it covers may only happen exactly as they were shown.

use std::collections::{BTreeSet, HashMap, HashSet};

use plan::{Blame, Failure, FailureKind, StepPath};
use serde_json::Value;

use crate::command::Shown;
use crate::machine::Machine;

/// Calls that an approval covers.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    /// Where the calls stand, without the numbers of items. Known as soon as somebody is asked, so that nothing of
    /// it happens without an answer.
    places: HashSet<String>,
    /// What was approved, by the place of each call.
    approved: HashMap<StepPath, Approved>,
}

/// One call as it was approved.
#[derive(Debug)]
struct Approved {
    /// The input as it was shown.
    input: Value,
    /// By whom; nobody if silence counted as approval.
    by: BTreeSet<String>,
}

impl Bound {
    /// A question is asked: from now on these places need its answer.
    pub(crate) fn covers(&mut self, places: HashSet<String>) {
        self.places.extend(places);
    }

    /// A question was answered with yes. A later approval of another input takes the place of an earlier one; of
    /// the same input, both count.
    pub(crate) fn approve(&mut self, shown: Vec<Shown>, by: &BTreeSet<String>) {
        for Shown { path, input, .. } in shown {
            let slot = self
                .approved
                .entry(path)
                .or_insert_with(|| Approved { input: Value::Null, by: BTreeSet::new() });
            if slot.input != input {
                *slot = Approved { input, by: BTreeSet::new() };
            }
            slot.by.extend(by.iter().cloned());
        }
    }

    /// A question was answered with no: what an earlier one allowed of it is not allowed any more.
    pub(crate) fn refuse(&mut self, shown: &[Shown]) {
        for call in shown {
            self.approved.remove(&call.path);
        }
    }
}

impl Machine {
    /// Who approved this call; or why it must not happen, because an approval covers it and shows something else.
    pub(crate) fn as_approved(&self, path: &StepPath, input: &Value) -> Result<Vec<String>, Failure> {
        if self.bound.places.is_empty() || !self.bound.places.contains(&path.place()) {
            return Ok(Vec::new());
        }
        let now = self.mask.show(input);
        let why = match self.bound.approved.get(path) {
            Some(approved) if approved.input == now => return Ok(approved.by.iter().cloned().collect()),
            Some(_) => "what would be done now is not what was approved",
            None => "this call was not among what was approved",
        };
        Err(Failure::new(
            FailureKind::Conflict,
            Blame::Playbook,
            format!("step {path}: the approval is stale: {why}; run the playbook again to ask anew"),
        ))
    }
}
