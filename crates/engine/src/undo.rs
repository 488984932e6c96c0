//! Taking the effects of a run back: what would be done and what cannot be, and a run that does it.
//!
//! Every change returned the call that takes it back, and the history kept it. An undo is a playbook made of these
//! calls in reverse order (`undo::script`), started as a run of its own: checked, journaled, under the same policy,
//! resumable. Each of its steps is named after the operation it takes back, so that the next undo sees what was taken
//! back already. What a rerun took over from an earlier run was not done by it and is not its to take back.

mod past;
mod script;

pub(crate) use script::step_id;

use std::collections::BTreeMap;

use action_api::{Inverse, Validator};
use journal::{Event as Happened, OpId, Origin, OriginKind, RunId, StoredRun};
use plan::{Connection, Effect, FailureKind, StepPath};
use playbook::{Checked, Source};
use serde::Serialize;
use serde_json::Value;

use crate::history::{Called, is_over};
use crate::undo::past::Taken;
use crate::{Engine, EngineError, Run, Start};

/// How many operations one undo takes back; the next one goes on. A playbook has a limit of its own.
pub const UNDO_AT_ONCE: usize = 400;

/// What an undo of a run does and does not do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Undo {
    /// The run whose effects are taken back.
    pub run: RunId,
    /// The id of its playbook.
    pub playbook: String,
    /// What is done, in this order: the newest effect first.
    pub steps: Vec<TakeBack>,
    /// What cannot be taken back, and why.
    pub lost: Vec<Lost>,
    /// What was taken back before.
    pub done: Vec<Done>,
    /// How many more there are than one undo takes back; undo again for these.
    pub more: usize,
    #[serde(skip)]
    connections: Vec<Connection>,
}

/// One effect that can be taken back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TakeBack {
    /// The id of the step that does it.
    pub id: String,
    /// Where the effect was made.
    pub path: StepPath,
    /// By which action.
    pub action: String,
    /// The call that takes it back.
    pub inverse: Inverse,
    /// The connection it goes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// What that is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// One effect that cannot be taken back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lost {
    /// Where it was made.
    pub path: StepPath,
    /// By which action.
    pub action: String,
    /// Why not, in words.
    pub why: String,
}

/// One effect that was taken back before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Done {
    /// Where it was made.
    pub path: StepPath,
    /// By which action.
    pub action: String,
    /// The run that took it back.
    pub by: RunId,
    /// The run that made it again since; undo that one instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again: Option<RunId>,
}

impl Engine {
    /// What an undo of a run would do: of the whole run, or of one place in it.
    ///
    /// # Errors
    /// The run, or an earlier undo of it, is not over; the run has no such place; or its history cannot be read.
    pub async fn undo_plan(&self, run: &RunId, step: Option<&StepPath>) -> Result<Undo, EngineError> {
        let stored = self.load(run).await?;
        if !is_over(&stored) {
            return Err(EngineError::NotOver { run: run.clone() });
        }
        let taken = self.taken_back(run, 0).await?;
        let (calls, machine) = self.calls(&stored)?;
        let plan = machine.plan();
        if let Some(step) = step {
            plan::find_place(plan, step)
                .map_err(|place| EngineError::NoSuchPlace { run: run.clone(), reason: place.to_string() })?;
        }
        let mut undo = Undo {
            run: run.clone(),
            playbook: stored.header.playbook.clone(),
            steps: Vec::new(),
            lost: Vec::new(),
            done: Vec::new(),
            more: 0,
            connections: plan.connections.clone(),
        };
        for effect in effects(&stored, &calls) {
            if step.is_none_or(|step| is_inside(&effect.call.path, step)) {
                self.sort_in(&mut undo, effect, &taken);
            }
        }
        undo.more = undo.steps.len().saturating_sub(UNDO_AT_ONCE);
        undo.steps.truncate(UNDO_AT_ONCE);
        Ok(undo)
    }

    /// Takes the effects of a run, or of one place in it, back, as a run of its own.
    ///
    /// Of `start`, `inputs` and `trigger` are made here, and `driver` comes from the run if it is null.
    ///
    /// # Errors
    /// As [`Engine::undo_plan`]; there is nothing that can be taken back; or the run does not start.
    pub async fn undo(
        &self,
        run: &RunId,
        step: Option<&StepPath>,
        start: Start,
    ) -> Result<(Run, Undo), EngineError> {
        let undo = self.undo_plan(run, step).await?;
        if undo.steps.is_empty() {
            let reason = undo.nothing().to_owned();
            return Err(EngineError::NothingToDo { run: run.clone(), reason });
        }
        let gate = self.inner.guard.second_person(undo.steps.iter().map(|step| self.items(step)).sum());
        let text = script::text(&undo, &undo.connections, gate);
        let name = format!("undo of {run}");
        let source = Source::new(&name, &text);
        let Checked { plan, diagnostics } = self.check(source);
        let Some(plan) = plan.map(std::sync::Arc::new) else {
            return Err(EngineError::Playbook(diagnostics));
        };
        let driver = match start.driver.is_null() {
            true => self.load(run).await?.header.driver,
            false => start.driver.clone(),
        };
        let start = Start { inputs: script::inputs(&undo), trigger: Value::Null, driver, ..start };
        let origin = Origin { kind: OriginKind::Undo, run: run.clone(), from: None };
        let started = self.begin(source, plan, start, Some(origin)).await?;
        Ok((started, undo))
    }

    /// Puts an effect where it belongs: to be taken back, taken back before, or lost.
    fn sort_in(&self, undo: &mut Undo, effect: Made<'_>, taken: &BTreeMap<String, Taken>) {
        let (path, action) = (effect.call.path.clone(), effect.call.action.clone());
        let id = step_id(effect.op, effect.attempt);
        if let Some(taken) = taken.get(&id) {
            undo.done.push(Done { path, action, by: taken.by.clone(), again: taken.again.clone() });
            return;
        }
        let spec = self.inner.action(&effect.call.action).map(|(spec, _)| spec);
        let mut lost = |why: String| {
            undo.lost.push(Lost { path: path.clone(), action: action.clone(), why });
        };
        let inverse = match effect.inverse {
            Ok(inverse) => inverse,
            Err(why) => return lost(why.words(effect.call, spec.map(|spec| &**spec))),
        };
        inverse.except.iter().for_each(|except| lost(except.clone()));
        match self.unusable(&inverse) {
            Some(why) => lost(why),
            None => {
                let how = spec.and_then(|spec| spec.undo_of(&effect.call.input)).map(str::to_owned);
                let connection = effect.call.connection.clone();
                undo.steps.push(TakeBack { id, path, action, inverse, connection, how });
            }
        }
    }

    /// Why an inverse cannot be called, if so.
    fn unusable(&self, inverse: &Inverse) -> Option<String> {
        let name = &inverse.action;
        let Some((spec, _)) = self.inner.action(name) else {
            return Some(format!("`{name}`, which takes it back, is not there any more"));
        };
        if !script::is_writable(&inverse.input) {
            return Some(format!("what was kept for `{name}` is no input of an action"));
        }
        match Validator::new(&spec.input) {
            Ok(validator) if validator.is_valid(&inverse.input) => None,
            _ => Some(format!("`{name}` does not take any more what was kept for it")),
        }
    }

    /// How many things a step changes, as limits count them.
    fn items(&self, step: &TakeBack) -> u64 {
        let schema = self.inner.action(&step.inverse.action).map(|(spec, _)| &spec.input);
        let properties = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        let counted = properties.into_iter().flatten().filter_map(|(name, property)| {
            property.get("x-effect-items").filter(|mark| **mark == Value::Bool(true))?;
            step.inverse.input.get(name)?.as_array().map(|items| items.len() as u64)
        });
        counted.max().unwrap_or(1).max(1)
    }
}

impl Undo {
    /// Why there is nothing to take back.
    fn nothing(&self) -> &'static str {
        match (self.done.is_empty(), self.lost.is_empty()) {
            (false, true) => "everything was taken back before",
            (_, false) => "nothing of what is left can be taken back",
            (true, true) => "it changed nothing there",
        }
    }
}

/// An effect of a run.
struct Made<'a> {
    op: OpId,
    /// Set for what a failed attempt left behind.
    attempt: Option<u32>,
    call: &'a Called,
    inverse: Result<Inverse, Why>,
}

/// Why there is no inverse.
enum Why {
    /// The action succeeded and gave none.
    None,
    /// Nobody knows whether it took place.
    Unknown,
    /// It failed, and may have done a part.
    Failed(String),
}

impl Why {
    fn words(&self, call: &Called, spec: Option<&action_api::Spec>) -> String {
        match self {
            Why::Unknown => "nobody knows whether it took place; look yourself".to_owned(),
            Why::Failed(message) => format!("it failed ({message}); a part of it may have been done"),
            Why::None if call.effect == Effect::Notification => {
                "what was sent cannot be called back".to_owned()
            }
            Why::None => match spec.and_then(|spec| spec.undo_of(&call.input)) {
                Some(_) => "it changed nothing, or gave nothing to find it again by".to_owned(),
                None => "there is no way back".to_owned(),
            },
        }
    }
}

/// What a run changed, the newest first.
fn effects<'a>(stored: &StoredRun, calls: &'a BTreeMap<OpId, Called>) -> Vec<Made<'a>> {
    let mut made: Vec<Made<'a>> = Vec::new();
    let mut open: BTreeMap<OpId, Option<Why>> = BTreeMap::new();
    let read = |value: &Value| serde_json::from_value::<Inverse>(value.clone()).ok();
    for record in &stored.records {
        match &record.event {
            Happened::Performing { op, .. } => {
                open.insert(*op, Some(Why::Unknown));
            }
            Happened::AttemptFailed { op, attempt, failure, .. } => {
                let Some(call) = calls.get(op).filter(|call| call.effect.changes()) else { continue };
                let known = failure.details.get("inverse").and_then(read);
                let partly = failure.details.get("partly").is_some_and(|partly| *partly == Value::Bool(true));
                let unsure = failure.kind == FailureKind::Unknown
                    || failure.details.get("outcome").is_some_and(|outcome| outcome == "unknown");
                let why = match (&known, unsure) {
                    (_, true) => Some(Why::Unknown),
                    (None, false) if partly => Some(Why::Failed(failure.message.clone())),
                    _ => None,
                };
                if open.contains_key(op) {
                    open.insert(*op, why);
                }
                if let Some(inverse) = known {
                    made.push(Made { op: *op, attempt: Some(*attempt), call, inverse: Ok(inverse) });
                }
            }
            Happened::Performed { op, inverse, reused: None, .. } => {
                open.remove(op);
                let Some(call) = calls.get(op).filter(|call| call.effect.changes()) else { continue };
                let inverse = read(inverse).ok_or(Why::None);
                made.push(Made { op: *op, attempt: None, call, inverse });
            }
            _ => {}
        }
    }
    for (op, why) in open {
        let Some(call) = calls.get(&op).filter(|call| call.effect.changes()) else { continue };
        if let Some(why) = why {
            made.push(Made { op, attempt: None, call, inverse: Err(why) });
        }
    }
    made.reverse();
    made
}

/// Whether a path is a place or lies below it.
fn is_inside(path: &StepPath, place: &StepPath) -> bool {
    // A place without the number of an item stands for all of them.
    let below = |path: &str, place: &str| {
        path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '[']))
    };
    below(path.as_str(), place.as_str())
        || (!place.as_str().contains('[') && below(&path.place(), place.as_str()))
}
