//! What the host tells an action about the run it works for.

use serde::Deserialize;
use serde_json::Value;

use crate::Failure;

/// The run and step that called. Every field may be empty: an older or newer host sends fewer or more of them.
/// Never holds a secret.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Context {
    /// Name of the playbook.
    pub playbook: String,
    /// Id of the run.
    pub run: String,
    /// Path of the step, such as `triage/parse`.
    pub step: String,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// The same for every attempt of one step.
    pub idempotency_key: String,
    /// Milliseconds left for this call, 0 if unknown.
    pub deadline_ms: u64,
    /// Nothing may be changed.
    pub dry_run: bool,
    /// What the operator configured for this plugin; `null` if nothing.
    pub settings: Value,
}

impl Context {
    /// Reads the context that the host passes; empty text is an empty context.
    ///
    /// # Errors
    /// The text is not a JSON object with fields of the right types.
    pub fn from_json(text: &str) -> Result<Self, Failure> {
        if text.is_empty() || text == "{}" {
            return Ok(Context::default());
        }
        serde_json::from_str(text)
            .map_err(|error| Failure::invalid(format!("the call's context is not readable: {error}")))
    }
}
