//! Which actions a run goes on with: those it began with, or those that somebody adopted.
//!
//! A run keeps the digest of every action it uses, over what the action means: effect, repeat class, schemas, inverse,
//! component. Words for people do not count. Whoever resumes it compares: what is gone or means something else stops
//! the run as `needs_upgrade`, once noted in its history. Adopting checks the stored text anew and holds every result
//! so far against the schemas of today. Histories of format 1 have no digests and go on without.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use action_api::{Spec, Validator};
use interpreter::Machine;
use journal::{Event as Happened, Record, StoredRun};
use plan::{Digest, Plan, StepKind};
use playbook::{Diagnostic, Severity};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::builder::Inner;
use crate::history::is_over;
use crate::{Engine, EngineError, Start};

/// Words of JSON Schema that mean nothing to a machine.
const PROSE: [&str; 5] = ["title", "description", "examples", "$comment", "deprecated"];
/// Words whose value holds schemas by names that are the author's.
const NAMED: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/// Words whose value is data.
const DATA: [&str; 3] = ["const", "enum", "default"];

/// The digest over what an action means.
pub(crate) fn digest_of(spec: &Spec) -> Digest {
    let meaning = json!({
        "name": spec.name,
        "effect": spec.effect,
        "repeat": spec.repeat,
        "input": meaning(&spec.input),
        "output": meaning(&spec.output),
        "inverse": spec.inverse,
        "component": spec.component,
    });
    // Maps are sorted by name, so the text is the same wherever the schema came from.
    Digest::new(Sha256::digest(meaning.to_string().as_bytes()).into())
}

/// A schema without the words for people.
fn meaning(schema: &Value) -> Value {
    match schema {
        Value::Object(words) => {
            let mut kept = Map::new();
            for (word, value) in words.iter().filter(|(word, _)| !PROSE.contains(&word.as_str())) {
                let value = match value {
                    Value::Object(named) if NAMED.contains(&word.as_str()) => {
                        Value::Object(named.iter().map(|(name, one)| (name.clone(), meaning(one))).collect())
                    }
                    data if DATA.contains(&word.as_str()) => data.clone(),
                    other => meaning(other),
                };
                kept.insert(word.clone(), value);
            }
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(meaning).collect()),
        other => other.clone(),
    }
}

/// The names of the actions a plan and the playbooks it calls use.
fn used(plan: &Plan, names: &mut BTreeSet<String>) {
    plan.each_step(&mut |step| match &step.kind {
        StepKind::Call(call) => {
            names.insert(call.action.clone());
        }
        StepKind::Playbook(other) => used(&other.plan, names),
        _ => {}
    });
}

/// What keeps a stored playbook from checking, in words.
pub(crate) fn unchecked(diagnostics: &[Diagnostic]) -> Vec<String> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(|error| format!("its playbook does not check: {} [{}]", error.message, error.code)).collect()
}

/// The digests of actions, computed once each: a start is not to pay for schemas.
#[derive(Debug, Default)]
pub(crate) struct Pins(Mutex<HashMap<String, Digest>>);

impl Inner {
    /// The digest of an action, if there is one of this name.
    pub(crate) fn digest(&self, name: &str) -> Option<Digest> {
        let mut known = self.pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = known.get(name) {
            return Some(*digest);
        }
        let digest = digest_of(&self.action(name)?.0);
        known.insert(name.to_owned(), digest);
        Some(digest)
    }
}

impl Engine {
    /// What a run of this plan is pinned to.
    pub(crate) fn pins(&self, plan: &Plan) -> BTreeMap<String, Digest> {
        let mut names = BTreeSet::new();
        used(plan, &mut names);
        names
            .into_iter()
            .filter_map(|name| {
                let digest = self.inner.digest(&name)?;
                Some((name, digest))
            })
            .collect()
    }

    /// Why a run cannot go on with the actions of this engine, in words; empty if it can.
    pub fn incompatibilities(&self, stored: &StoredRun) -> Vec<String> {
        self.reasons(stored, &self.stored_plan(stored))
    }

    /// The same, with what checking its playbook gave.
    fn reasons(&self, stored: &StoredRun, plan: &Result<Arc<Plan>, EngineError>) -> Vec<String> {
        let mut reasons: Vec<String> = self.changed(stored).into_values().collect();
        if let Err(EngineError::NeedsUpgrade { reasons: unchecked, .. }) = plan {
            reasons.extend(unchecked.iter().cloned());
        }
        reasons
    }

    /// The actions that are not those the run goes by, and what is wrong with each.
    fn changed(&self, stored: &StoredRun) -> BTreeMap<String, String> {
        let compare = |(name, then): (&String, &Digest)| {
            let reason = match self.inner.digest(name) {
                None => format!("action `{name}` is not there any more"),
                Some(now) if now == *then => return None,
                Some(now) => {
                    format!("action `{name}` is another one now ({}, it was {})", short(&now), short(then))
                }
            };
            Some((name.clone(), reason))
        };
        pinned(stored).iter().filter_map(compare).collect()
    }

    /// The machine of a run that is to go on, if the actions of today may go on with it. Notes in its history what
    /// keeps it from going on, or that they were adopted.
    pub(crate) async fn ready(
        &self,
        mut stored: StoredRun,
        start: &Start,
    ) -> Result<(Machine, StoredRun), EngineError> {
        let checked = self.stored_plan(&stored);
        if is_over(&stored) {
            return Ok((self.replay_plan(&stored, checked?)?, stored));
        }
        let reasons = self.reasons(&stored, &checked);
        match checked {
            Ok(plan) if reasons.is_empty() || start.adopt => {
                if !reasons.is_empty() {
                    let adopted = self.adopt(&stored, &plan)?;
                    let event = Happened::Adopted { by: start.starter.clone(), actions: adopted };
                    self.note(&mut stored, event).await?;
                }
                if let Some(by) = paused_before(&stored.records) {
                    self.note(&mut stored, Happened::Paused { by }).await?;
                }
                Ok((self.replay_plan(&stored, plan)?, stored))
            }
            Err(EngineError::NeedsUpgrade { reasons, run, .. }) if start.adopt => {
                Err(EngineError::CannotAdopt { run, problems: reasons })
            }
            Err(EngineError::NeedsUpgrade { diagnostics, .. }) => {
                self.stalls(stored, reasons, diagnostics).await
            }
            Ok(_) => self.stalls(stored, reasons, Vec::new()).await,
            Err(error) => Err(error),
        }
    }

    /// The run cannot go on: noted in its history, once.
    async fn stalls<T>(
        &self,
        mut stored: StoredRun,
        reasons: Vec<String>,
        diagnostics: Vec<Diagnostic>,
    ) -> Result<T, EngineError> {
        let told = stored.records.last().is_some_and(
            |record| matches!(&record.event, Happened::Stalled { reasons: told } if *told == reasons),
        );
        let run = stored.header.run.clone();
        if !told {
            self.note(&mut stored, Happened::Stalled { reasons: reasons.clone() }).await?;
        }
        Err(EngineError::NeedsUpgrade { run, reasons, diagnostics })
    }

    /// The digests to go on with, if everything the run knows so far fits the actions of today.
    fn adopt(&self, stored: &StoredRun, plan: &Arc<Plan>) -> Result<BTreeMap<String, Digest>, EngineError> {
        let run = stored.header.run.clone();
        let refuse = |problems| EngineError::CannotAdopt { run: run.clone(), problems };
        let changed = self.changed(stored);
        let (calls, _) = match self.calls_of(stored, Arc::clone(plan)) {
            Ok(calls) => calls,
            Err(EngineError::Diverged { source, .. }) => return Err(refuse(vec![source.to_string()])),
            Err(error) => return Err(error),
        };
        let (mut validators, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, gone) in &changed {
            match self.inner.action(name).map(|(spec, _)| Validator::new(&spec.output)) {
                Some(Ok(validator)) => {
                    validators.insert(name.as_str(), validator);
                }
                Some(Err(error)) => problems.push(format!("action `{name}`: {error}")),
                None => problems.push(gone.clone()),
            }
        }
        for record in &stored.records {
            let Happened::Performed { op, output, .. } = &record.event else { continue };
            let Some(call) = calls.get(op) else { continue };
            let Some(validator) = validators.get(call.action.as_str()) else { continue };
            problems.extend(validator.violations(output).into_iter().map(|violation| {
                let (path, at) = (&call.path, &violation.pointer);
                format!("what {} gave at {path} does not fit: {at} {}", call.action, violation.message)
            }));
        }
        if problems.is_empty() { Ok(self.pins(plan)) } else { Err(refuse(problems)) }
    }

    /// Adds one record to a history that nobody drives.
    async fn note(&self, stored: &mut StoredRun, event: Happened) -> Result<(), EngineError> {
        let seq = stored.records.last().map_or(0, |record| record.seq) + 1;
        let record = Record { seq, at: self.inner.clock.now(), event };
        self.inner.journal.append(&stored.header.run, vec![record.clone()]).await?;
        stored.records.push(record);
        Ok(())
    }
}

/// Who had paused a run before it could not go on. Being stuck ends the pause in its history, and nobody has let it go
/// on since.
fn paused_before(records: &[Record]) -> Option<String> {
    let (mut paused, mut stuck) = (None, false);
    for record in records {
        match &record.event {
            Happened::Paused { by } => (paused, stuck) = (Some(by), false),
            Happened::Stalled { .. } => stuck = true,
            Happened::Continued { .. } | Happened::CancelRequested { .. } => paused = None,
            // It could go on after all, and did.
            Happened::Performing { .. } if stuck => paused = None,
            _ => {}
        }
    }
    paused.filter(|_| stuck).cloned()
}

/// What a run goes by: what was adopted last, or what it began with.
fn pinned(stored: &StoredRun) -> &BTreeMap<String, Digest> {
    let adopted = stored.records.iter().rev().find_map(|record| match &record.event {
        Happened::Adopted { actions, .. } => Some(actions),
        _ => None,
    });
    adopted.unwrap_or(&stored.header.actions)
}

/// Enough of a digest to tell two apart by eye.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take("sha256:".len() + 12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(input: Value) -> Spec {
        serde_json::from_value(json!({
            "name": "a.b", "summary": "One", "description": "", "effect": "enrichment", "repeat": "natural",
            "errors": [], "input": input, "output": {"type": "object"},
        }))
        .unwrap()
    }

    #[test]
    fn words_for_people_do_not_count_and_names_do() {
        let one = spec(json!({"type": "object", "description": "x",
            "properties": {"title": {"type": "string", "description": "y"}}}));
        let same =
            spec(json!({"properties": {"title": {"examples": [1], "type": "string"}}, "type": "object"}));
        assert_eq!(digest_of(&one), digest_of(&same));
        let other_name = spec(json!({"type": "object", "properties": {"description": {"type": "string"}}}));
        assert_ne!(digest_of(&one), digest_of(&other_name), "a property may be called like a word");
        let other_data = |enums: Value| digest_of(&spec(json!({"enum": enums})));
        assert_ne!(other_data(json!([{"title": 1}])), other_data(json!([{"title": 2}])));
    }

    #[test]
    fn each_part_of_the_meaning_counts() {
        let base = spec(json!({"type": "object"}));
        let mut others = vec![base.clone(), base.clone(), base.clone(), base.clone(), base.clone()];
        others[0].effect = plan::Effect::Containment;
        others[1].repeat = plan::Repeat::Never;
        others[2].inverse = Some("a.c".to_owned());
        others[3].component = Some(Digest::new([1; 32]));
        others[4].output = json!({"type": "array"});
        for other in others {
            assert_ne!(digest_of(&base), digest_of(&other), "{other:?}");
        }
        let retold = Spec { summary: "Two".to_owned(), description: "x".to_owned(), ..base.clone() };
        assert_eq!(digest_of(&base), digest_of(&retold));
    }
}
