//! Secrets: looked up and put in place directly before an action is called, and taken out of what it answers.
//!
//! Everything else — records, events, approvals, messages — sees `secret:NAME`.

use std::fmt;

use action_api::Outcome;
use interpreter::{secret_handle, secret_names};
use plan::{Failure, Plan};
use serde_json::Value;

use crate::EngineError;
use crate::disguise::Hider;

/// Where the operator keeps secrets.
pub trait Secrets: Send + Sync {
    /// The secret with this name. Called for every attempt that needs it, so that a new one counts at once.
    fn get(&self, name: &str) -> Option<Secret>;
}

/// A text that is not to be seen. Printing it shows three dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// No secrets at all.
pub(crate) struct NoSecrets;

impl Secrets for NoSecrets {
    fn get(&self, _: &str) -> Option<Secret> {
        None
    }
}

/// Refuses a run that could not have its secrets.
pub(crate) fn check(plan: &Plan, secrets: &dyn Secrets) -> Result<(), EngineError> {
    let missing: Vec<String> =
        secret_names(plan).into_iter().filter(|name| secrets.get(name).is_none()).collect();
    if missing.is_empty() { Ok(()) } else { Err(EngineError::Secrets(missing)) }
}

/// One secret of a run: what stands for it, and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct Handle {
    handle: String,
    name: String,
}

/// Every secret a run may use.
pub(crate) fn handles(plan: &Plan, run: &str) -> Vec<Handle> {
    let handle = |name: String| Handle { handle: secret_handle(run, &name), name };
    secret_names(plan).into_iter().map(handle).collect()
}

/// The secrets one attempt was given.
#[derive(Default)]
pub(crate) struct Used(Hider);

impl Used {
    /// Takes the secrets out of what an action answered.
    pub(crate) fn hide(&self, end: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
        match end {
            Ok(outcome) => Ok(self.0.outcome(outcome)),
            Err(failure) => Err(self.0.failure(failure)),
        }
    }
}

/// Puts secrets where the schema wants them, and nowhere else.
pub(crate) fn fill(input: &mut Value, schema: &Value, handles: &[Handle], secrets: &dyn Secrets) -> Used {
    let mut used = Used::default();
    if !handles.is_empty() {
        put(input, &[schema], handles, secrets, &mut used);
    }
    used
}

fn put(value: &mut Value, schemas: &[&Value], handles: &[Handle], secrets: &dyn Secrets, used: &mut Used) {
    let schemas = choices(schemas);
    let marked = |schema: &&Value| schema.get("x-secret").and_then(Value::as_bool) == Some(true);
    match value {
        Value::String(text) if schemas.iter().any(marked) => {
            for Handle { handle, name } in handles {
                if let Some(secret) =
                    Some(name).filter(|_| text.contains(handle)).and_then(|n| secrets.get(n))
                {
                    *text = text.replace(handle, secret.expose());
                    used.0.add(name, secret.expose());
                }
            }
        }
        Value::Array(items) => {
            let inner: Vec<&Value> = schemas.iter().filter_map(|schema| schema.get("items")).collect();
            items.iter_mut().for_each(|item| put(item, &inner, handles, secrets, used));
        }
        Value::Object(map) => {
            for (name, field) in map {
                let found: Vec<&Value> = schemas
                    .iter()
                    .filter_map(|schema| {
                        let named = schema.get("properties").and_then(|all| all.get(name.as_str()));
                        named.or_else(|| schema.get("additionalProperties"))
                    })
                    .collect();
                put(field, &found, handles, secrets, used);
            }
        }
        _ => {}
    }
}

/// The schemas and every alternative inside them.
fn choices<'a>(schemas: &[&'a Value]) -> Vec<&'a Value> {
    let (mut all, mut next) = (schemas.to_vec(), 0);
    while let Some(schema) = all.get(next).copied() {
        for word in ["oneOf", "anyOf", "allOf"] {
            all.extend(schema.get(word).and_then(Value::as_array).into_iter().flatten());
        }
        next += 1;
    }
    all
}
