//! What an approval covers: the calls of the steps it shows, with their inputs rendered before they run.
//!
//! A loop is rendered whole. Something that cannot be rendered yet (it depends on what runs after the
//! approval) fails the `approve` step: nobody can approve what nobody can see.

use expr::Budget;
use plan::{Approve, Blame, Failure, FailureKind, Step, StepKind, StepPath};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::command::Shown;
use crate::foreach::check_limit;
use crate::machine::Machine;
use crate::node::{Node, NodeId, NodeKind};
use crate::render;
use crate::scope::FrameId;

/// Every call that the steps named in `shows` would make.
pub(crate) fn shown(
    machine: &Machine,
    approve: &Approve,
    block: NodeId,
    gate: &StepPath,
) -> Result<Vec<Shown>, Failure> {
    let mut calls = Vec::new();
    for id in &approve.shows {
        let before = calls.len();
        let mut level = Some(block);
        let mut known = false;
        while let Some(Node { parent, path, frame, kind, .. }) = level.and_then(|id| machine.nodes.get(id)) {
            if let NodeKind::Block { steps, next } = kind {
                let later = steps.get(next + 1..).unwrap_or_default();
                if later.iter().any(|step| contains(step, id)) {
                    let mut walk =
                        Walk { machine, frame: *frame, wanted: id, extra: Vec::new(), calls: &mut calls };
                    walk.steps(later, path, false)?;
                    known = true;
                    break;
                }
            }
            level = *parent;
        }
        if !known && calls.len() == before {
            return Err(Failure::new(
                FailureKind::Invalid,
                Blame::Playbook,
                format!("step {gate}: `shows` names `{id}`, which does not run after this step"),
            ));
        }
    }
    Ok(calls)
}

/// SHA-256 over everything shown, in hex. Objects are serialised with their keys in order.
pub(crate) fn digest(shown: &[Shown]) -> String {
    let text: Vec<Value> =
        shown.iter().map(|call| json!([call.path.as_str(), call.action, canonical(&call.input)])).collect();
    let hash = Sha256::digest(Value::Array(text).to_string().as_bytes());
    plan::Digest::new(hash.into()).hex()
}

/// Ids of every call below the steps with these ids, wherever they stand in the playbook.
pub(crate) fn call_ids(steps: &[Step], shows: &[String]) -> Vec<String> {
    let mut ids = Vec::new();
    collect(steps, shows, false, &mut ids);
    ids
}

fn collect(steps: &[Step], shows: &[String], within: bool, ids: &mut Vec<String>) {
    for step in steps {
        let within = within || shows.contains(&step.id);
        if within && matches!(step.kind, StepKind::Call(_)) {
            ids.push(step.id.clone());
        }
        for body in bodies(step) {
            collect(body, shows, within, ids);
        }
    }
}

fn bodies(step: &Step) -> Vec<&[Step]> {
    match &step.kind {
        StepKind::Foreach(foreach) => vec![&foreach.body],
        StepKind::Switch(switch) => switch
            .cases
            .iter()
            .map(|case| &*case.body.steps)
            .chain(switch.default.as_ref().map(|body| &*body.steps))
            .collect(),
        StepKind::Parallel(parallel) => parallel.branches.iter().map(|branch| &*branch.body).collect(),
        _ => Vec::new(),
    }
}

fn contains(step: &Step, id: &str) -> bool {
    step.id == id || bodies(step).iter().any(|body| body.iter().any(|step| contains(step, id)))
}

/// Sorted keys at every level, whatever order the map type keeps.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            names.sort();
            names.into_iter().map(|name| json!([name, map.get(name).map(canonical)])).collect()
        }
        other => other.clone(),
    }
}

struct Walk<'a> {
    machine: &'a Machine,
    frame: FrameId,
    wanted: &'a str,
    /// Loop variables, innermost last.
    extra: Vec<(String, Value)>,
    calls: &'a mut Vec<Shown>,
}

impl Walk<'_> {
    fn steps(&mut self, steps: &[Step], path: &StepPath, within: bool) -> Result<(), Failure> {
        for step in steps {
            let within = within || step.id == self.wanted;
            if within || contains(step, self.wanted) {
                self.step(step, &path.child(&step.id), within)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, path: &StepPath, within: bool) -> Result<(), Failure> {
        // Around the step that is shown, a condition may depend on this very decision: take it as met.
        if let (Some(condition), true) = (&step.condition, within) {
            let view = self.machine.view_with(self.frame, &self.extra);
            if !render::condition("`if`", condition, &view, path)
                .or_else(|failure| self.unless_undecided(step, failure))?
            {
                return Ok(());
            }
        }
        match &step.kind {
            StepKind::Call(call) if within => {
                let view = self.machine.view_with(self.frame, &self.extra);
                let input = render::for_step("`with`", &call.with, &view, path)?;
                self.calls.push(Shown {
                    path: path.clone(),
                    action: call.action.clone(),
                    effect: call.effect,
                    input,
                });
                Ok(())
            }
            StepKind::Foreach(foreach) => {
                let view = self.machine.view_with(self.frame, &self.extra);
                let items = match foreach.items.eval(&view, &mut Budget::new()) {
                    Ok(Value::Array(items)) => items,
                    Ok(_) => Vec::new(),
                    Err(error) => return Err(render::failure("`foreach`", path, &error)),
                };
                check_limit(foreach, items.len(), path.as_str())?;
                for (index, item) in items.into_iter().enumerate() {
                    self.extra.push((foreach.variable.clone(), item));
                    let done = self.steps(&foreach.body, &path.item(index), within);
                    self.extra.pop();
                    done?;
                }
                Ok(())
            }
            StepKind::Switch(_) if !within => {
                // The case that leads to what is shown may well depend on this very decision.
                bodies(step).into_iter().try_for_each(|body| self.steps(body, path, within))
            }
            StepKind::Switch(switch) => {
                for case in &switch.cases {
                    let view = self.machine.view_with(self.frame, &self.extra);
                    if render::condition("`case`", &case.when, &view, path)? {
                        return self.steps(&case.body.steps, path, within);
                    }
                }
                switch.default.as_ref().map_or(Ok(()), |body| self.steps(&body.steps, path, within))
            }
            StepKind::Parallel(parallel) => parallel
                .branches
                .iter()
                .try_for_each(|branch| self.steps(&branch.body, &path.child(&branch.name), within)),
            _ => Ok(()),
        }
    }

    /// The condition of the shown step itself is mostly `steps.GATE.output.decision == "approved"`, which
    /// has no value yet: the person sees what would happen if it held.
    fn unless_undecided(&self, step: &Step, failure: Failure) -> Result<bool, Failure> {
        if step.id == self.wanted { Ok(true) } else { Err(failure) }
    }
}
