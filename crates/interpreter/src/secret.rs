//! Handles: what stands for a secret everywhere but in the field of the action that needs it.
//!
//! A handle has a tail that depends on the run, so that no text from a mail can be one. The machine makes and
//! masks handles; only the engine knows the secrets, and swaps them in directly before an action is called.

use std::collections::BTreeSet;

use plan::{Plan, StepKind};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What stands for a secret in the inputs of this run's calls.
pub fn secret_handle(run: &str, name: &str) -> String {
    let hash = Sha256::digest(format!("portcullis secret\n{run}\n{name}").as_bytes());
    format!("secret:{name}:{}", plan::Digest::new(hash.into()).hex())
}

/// Every secret a playbook names, and those it calls.
pub fn secret_names(plan: &Plan) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = plan.secrets.iter().cloned().collect();
    for called in called_plans(plan) {
        names.extend(called.secrets.iter().cloned());
    }
    names
}

/// The secrets of a run as `secrets`.
pub(crate) fn handles(plan: &Plan, run: &str) -> Value {
    let handle = |name: &String| (name.clone(), Value::from(secret_handle(run, name)));
    Value::Object(plan.secrets.iter().map(handle).collect::<Map<_, _>>())
}

/// Replaces the handles of a run by what people see.
#[derive(Debug, Clone, Default)]
pub struct Mask(Vec<(String, String)>);

impl Mask {
    /// For every secret of a playbook and of those it calls.
    pub fn new(plan: &Plan, run: &str) -> Self {
        let pair = |name: String| (secret_handle(run, &name), format!("secret:{name}"));
        Mask(secret_names(plan).into_iter().map(pair).collect())
    }

    /// The value as it may be shown: `secret:NAME` in place of each handle.
    pub fn show(&self, value: &Value) -> Value {
        if self.0.is_empty() { value.clone() } else { self.masked(value) }
    }

    fn masked(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                Value::String(self.0.iter().fold(text.clone(), |text, (handle, shown)| {
                    if text.contains(handle.as_str()) { text.replace(handle.as_str(), shown) } else { text }
                }))
            }
            Value::Array(items) => items.iter().map(|item| self.masked(item)).collect(),
            Value::Object(map) => {
                Value::Object(map.iter().map(|(name, value)| (name.clone(), self.masked(value))).collect())
            }
            other => other.clone(),
        }
    }
}

/// Every playbook that is called from this one, at any depth.
fn called_plans(plan: &Plan) -> Vec<&Plan> {
    let (mut found, mut open) = (Vec::new(), vec![plan]);
    while let Some(plan) = open.pop() {
        plan.each_step(&mut |step| {
            if let StepKind::Playbook(sub) = &step.kind {
                found.push(&*sub.plan);
                open.push(&sub.plan);
            }
        });
    }
    found
}
