//! Whether an answer is what the playbook expects, by the JSON Schema it gives.

use action_api::Validator;
use action_api::plan::{Blame, Failure, FailureKind};
use serde_json::{Value, json};

use crate::failure::invalid;

/// A schema larger than this describes no answer that fits into a step.
const LARGEST: usize = 64 * 1024;
/// How many places a message names.
const PLACES: usize = 5;

/// What an answer must look like.
pub(crate) struct Expected(Validator);

impl Expected {
    /// By this schema; read before anything is sent.
    pub(crate) fn new(action: &str, schema: &Value) -> Result<Self, Failure> {
        if schema.to_string().len() > LARGEST {
            return Err(invalid(action, format_args!("`expect` has more than {LARGEST} bytes")));
        }
        Validator::new(schema)
            .map(Expected)
            .map_err(|error| invalid(action, format_args!("`expect` is {error}")))
    }

    /// A failure that names the places where a value is otherwise; never the value.
    pub(crate) fn check(&self, action: &str, value: &Value) -> Result<(), Failure> {
        let violations = self.0.violations(value);
        if violations.is_empty() {
            return Ok(());
        }
        let places: Vec<Value> =
            violations.iter().map(|one| json!({ "place": one.pointer, "problem": one.message })).collect();
        let said: Vec<String> = violations
            .iter()
            .take(PLACES)
            .map(|one| {
                let place = if one.pointer.is_empty() { "the answer" } else { &one.pointer };
                format!("{place}: {}", one.message)
            })
            .collect();
        let message = format!("{action}: the answer is not what `expect` says: {}", said.join("; "));
        Err(Failure::new(FailureKind::Invalid, Blame::Server, message)
            .with_details(json!({ "places": places })))
    }
}
