//! What an approval covers: the calls of the steps it shows, with their inputs rendered before they run.
//!
//! Loops over items and playbooks that are called are rendered whole. Something that cannot be rendered yet (it
//! depends on what runs after the approval, as every round of a `while` does) fails the `approve` step: nobody
//! can approve what nobody can see. Handlers are for failures nobody foresees, so they are not covered; one
//! that would change something cannot stand inside a shown step.

use std::collections::HashSet;

use expr::Budget;
use plan::{Approve, Blame, Failure, FailureKind, Plan, Step, StepKind, StepPath, SubPlaybook, Switch, Try};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::command::Shown;
use crate::foreach::check_limit;
use crate::machine::Machine;
use crate::node::{NodeId, NodeKind};
use crate::render;
use crate::scope::{FrameId, Names, View};

/// Every call that the steps named in `shows` would make.
pub(crate) fn shown(
    machine: &Machine,
    approve: &Approve,
    block: NodeId,
    gate: &StepPath,
) -> Result<Vec<Shown>, Failure> {
    let mut calls = Vec::new();
    for id in &approve.shows {
        let Some((later, path, frame)) = find(machine, block, id) else {
            let message = format!("step {gate}: `shows` names `{id}`, which does not run after this step");
            return Err(Failure::new(FailureKind::Invalid, Blame::Playbook, message));
        };
        let view = machine.view(frame);
        let mut walk = Walk {
            machine,
            frame: Some(frame),
            names: view.names,
            wanted: id,
            extra: Vec::new(),
            calls: &mut calls,
        };
        walk.steps(&later, &path, false)?;
    }
    Ok(calls)
}

/// The steps after the gate that lead to a step, the nearest block first, inside the gate's own playbook.
fn find<'a>(machine: &'a Machine, block: NodeId, id: &str) -> Option<(Vec<&'a Step>, StepPath, FrameId)> {
    for (_, node) in machine.nodes.chain(block) {
        let later: Vec<&Step> = match &node.kind {
            NodeKind::Body(_) => return None,
            NodeKind::Block(block) => block.steps.iter().skip(block.next + 1).collect(),
            NodeKind::Dag(dag) => match dag.step.get().map(|step| &step.kind) {
                Some(StepKind::Dag(plan)) => plan.nodes.iter().flat_map(|node| node.step.iter()).collect(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
        if later.iter().any(|step| contains(step, id)) {
            return Some((later, node.path.clone(), node.frame));
        }
    }
    None
}

/// SHA-256 over everything shown, in hex. Objects are serialised with their keys in order.
pub(crate) fn digest(shown: &[Shown]) -> String {
    let text =
        shown.iter().map(|call| json!([call.path.as_str(), call.action, canonical(&call.input)])).collect();
    sha256(&Value::Array(text))
}

/// SHA-256 of a value's text, in hex.
pub(crate) fn sha256(value: &Value) -> String {
    digest_of(value).hex()
}

/// SHA-256 of a value's text. The same for equal values, whatever the order in which their fields were written.
pub fn digest_of(value: &Value) -> plan::Digest {
    plan::Digest::new(Sha256::digest(canonical(value).to_string().as_bytes()).into())
}

/// The places of every call below the steps an approval shows.
pub(crate) fn places(machine: &Machine, approve: &Approve, block: NodeId) -> HashSet<String> {
    let mut found = HashSet::new();
    let Some(body) = machine.body_of(block).and_then(|id| machine.nodes.get(id)) else { return found };
    if let NodeKind::Body(inner) = &body.kind {
        let path = StepPath::from(body.path.place().as_str());
        collect_plan(&inner.plan, &path, &approve.shows, false, &mut found);
    }
    found
}

/// Handlers are not covered by what is shown around them, but one may have an approval of its own.
fn collect_plan(plan: &Plan, path: &StepPath, shows: &[String], within: bool, found: &mut HashSet<String>) {
    collect(&plan.steps, path, shows, within, found);
    if let Some(steps) = &plan.on_error {
        collect(steps, path, shows, false, found);
    }
    if let Some(steps) = &plan.finally {
        collect(steps, path, shows, within, found);
    }
}

fn collect(steps: &[Step], path: &StepPath, shows: &[String], within: bool, found: &mut HashSet<String>) {
    for step in steps {
        let (within, path) = (within || shows.contains(&step.id), path.child(&step.id));
        match &step.kind {
            StepKind::Call(_) if within => {
                found.insert(path.as_str().to_owned());
            }
            StepKind::Playbook(sub) if within => collect_plan(&sub.plan, &path, shows, true, found),
            StepKind::Parallel(parallel) => {
                for branch in &parallel.branches {
                    collect(&branch.body, &path.child(&branch.name), shows, within, found);
                }
            }
            StepKind::Try(tried) => {
                collect(&tried.body.steps, &path, shows, within, found);
                for catch in &tried.catches {
                    collect(&catch.body.steps, &path, shows, false, found);
                }
                if let Some(steps) = &tried.finally {
                    collect(steps, &path, shows, within, found);
                }
            }
            _ => {
                for body in step.blocks() {
                    collect(body, &path, shows, within, found);
                }
            }
        }
    }
}

fn contains(step: &Step, id: &str) -> bool {
    step.id == id || step.blocks().iter().any(|body| body.iter().any(|step| contains(step, id)))
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

struct Walk<'a, 'b> {
    machine: &'a Machine,
    /// `None` inside a playbook that is called: none of its steps has run.
    frame: Option<FrameId>,
    names: &'a Names,
    wanted: &'b str,
    /// Loop variables, innermost last.
    extra: Vec<(String, Value)>,
    calls: &'b mut Vec<Shown>,
}

impl Walk<'_, '_> {
    fn view(&self) -> View<'_> {
        View {
            frames: &self.machine.frames,
            frame: self.frame,
            names: self.names,
            run: &self.machine.run,
            siblings: None,
            event: None,
            extra: &self.extra,
        }
    }

    fn steps(&mut self, steps: &[&Step], path: &StepPath, within: bool) -> Result<(), Failure> {
        for step in steps {
            let within = within || step.id == self.wanted;
            if within || contains(step, self.wanted) {
                self.step(step, &path.child(&step.id), within)?;
            }
        }
        Ok(())
    }

    fn all(&mut self, steps: &[Step], path: &StepPath, within: bool) -> Result<(), Failure> {
        self.steps(&steps.iter().collect::<Vec<_>>(), path, within)
    }

    fn step(&mut self, step: &Step, path: &StepPath, within: bool) -> Result<(), Failure> {
        // Around the step that is shown, a condition may depend on this very decision: take it as met.
        if let (Some(condition), true) = (&step.condition, within) {
            let holds = render::condition("`if`", condition, &self.view(), path)
                .or_else(|failure| self.unless_undecided(step, failure))?;
            if !holds {
                return Ok(());
            }
        }
        match &step.kind {
            StepKind::Call(call) if within => {
                let input = render::for_step("`with`", &call.with, &self.view(), path)?;
                self.calls.push(Shown {
                    path: path.clone(),
                    action: call.action.clone(),
                    effect: call.effect,
                    input: self.machine.mask.show(&input),
                });
                Ok(())
            }
            StepKind::Foreach(foreach) => {
                let items = match foreach.items.eval(&self.view(), &mut Budget::new()) {
                    Ok(Value::Array(items)) => items,
                    Ok(_) => Vec::new(),
                    Err(error) => return Err(render::failure("`foreach`", path, &error)),
                };
                check_limit(foreach, items.len(), path.as_str())?;
                for (index, item) in items.into_iter().enumerate() {
                    self.extra.push((foreach.variable.clone(), item));
                    let done = self.all(&foreach.body, &path.item(index), within);
                    self.extra.pop();
                    done?;
                }
                Ok(())
            }
            StepKind::While(_) => Err(self.unseen(path, "a `while`: nobody knows its rounds beforehand")),
            StepKind::Switch(switch) => self.switch(switch, path, within),
            StepKind::Parallel(parallel) => parallel
                .branches
                .iter()
                .try_for_each(|branch| self.all(&branch.body, &path.child(&branch.name), within)),
            StepKind::Dag(dag) => dag.nodes.iter().try_for_each(|node| self.all(&node.step, path, within)),
            StepKind::Try(tried) => self.tried(tried, path, within),
            StepKind::Playbook(sub) if within => self.playbook(sub, path),
            _ => Ok(()),
        }
    }

    fn switch(&mut self, switch: &Switch, path: &StepPath, within: bool) -> Result<(), Failure> {
        if !within {
            // The case that leads to what is shown may well depend on this very decision.
            let bodies = switch.cases.iter().map(|case| &case.body).chain(&switch.default);
            return bodies.into_iter().try_for_each(|body| self.all(&body.steps, path, within));
        }
        for case in &switch.cases {
            if render::condition("`case`", &case.when, &self.view(), path)? {
                return self.all(&case.body.steps, path, within);
            }
        }
        switch.default.as_ref().map_or(Ok(()), |body| self.all(&body.steps, path, within))
    }

    fn tried(&mut self, tried: &Try, path: &StepPath, within: bool) -> Result<(), Failure> {
        self.all(&tried.body.steps, path, within)?;
        for catch in &tried.catches {
            if within && catch.body.steps.iter().any(changes) {
                return Err(self.unseen(path, "a `catch` that changes something if the rest fails"));
            }
            if !within {
                self.all(&catch.body.steps, path, within)?;
            }
        }
        tried.finally.as_ref().map_or(Ok(()), |steps| self.all(steps, path, within))
    }

    /// A playbook that is called, with the names it will have.
    fn playbook(&mut self, sub: &SubPlaybook, path: &StepPath) -> Result<(), Failure> {
        let names = self.machine.called_names(sub, &self.view(), path)?;
        let handlers = sub.plan.on_error.iter().flat_map(|steps| steps.iter());
        if handlers.into_iter().any(changes) {
            return Err(self.unseen(path, "a playbook whose `on_error` changes something"));
        }
        let mut walk = Walk {
            machine: self.machine,
            frame: None,
            names: &names,
            wanted: self.wanted,
            extra: Vec::new(),
            calls: &mut *self.calls,
        };
        walk.all(&sub.plan.steps, path, true)?;
        match &sub.plan.finally {
            Some(steps) => walk.all(steps, path, true),
            None => Ok(()),
        }
    }

    fn unseen(&self, path: &StepPath, what: &str) -> Failure {
        let message = format!(
            "step {path}: `shows` covers {what}; an approval can only cover what it can show: \
             put an approval where everything is known, or show the steps inside"
        );
        Failure::new(FailureKind::Invalid, Blame::Playbook, message)
    }

    /// The condition of the shown step itself is mostly `steps.GATE.output.decision == "approved"`, which
    /// has no value yet: the person sees what would happen if it held.
    fn unless_undecided(&self, step: &Step, failure: Failure) -> Result<bool, Failure> {
        if step.id == self.wanted { Ok(true) } else { Err(failure) }
    }
}

/// Whether a step, or one inside it, does more than read.
fn changes(step: &Step) -> bool {
    match &step.kind {
        StepKind::Call(call) => call.effect.changes(),
        StepKind::Playbook(sub) => sub.plan.steps.iter().any(changes),
        _ => step.blocks().iter().any(|body| body.iter().any(changes)),
    }
}
