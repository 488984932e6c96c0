//! What a trigger brings: checked against the playbook before the first step.

use action_api::Validator;
use interpreter::reads_trigger;
use plan::{Plan, Trigger};
use serde_json::{Value, json};

/// `trigger`, if the playbook needs it.
pub(crate) fn complete(plan: &Plan, given: Value) -> Result<Value, String> {
    let known = || plan.triggers.iter().map(|trigger| trigger.id.as_str()).collect::<Vec<_>>().join(", ");
    let mut given = given;
    if given.is_null() {
        match plan.triggers.as_slice() {
            // All it has to say is which it was.
            [only] if fits(only, &json!({"id": only.id})).is_empty() => given = json!({"id": only.id}),
            _ if reads_trigger(plan) => {
                return Err(format!(
                    "the playbook works on what its trigger brings; give it one of: {}",
                    known()
                ));
            }
            _ => return Ok(Value::Null),
        }
    }
    if let (Value::Object(fields), [only]) = (&mut given, plan.triggers.as_slice()) {
        fields.entry("id").or_insert_with(|| Value::from(only.id.as_str()));
    }
    let id = given.get("id").and_then(Value::as_str);
    let Some(trigger) = plan.triggers.iter().find(|trigger| Some(trigger.id.as_str()) == id) else {
        return Err(match (plan.triggers.is_empty(), id) {
            (true, _) => "the playbook has no triggers".to_owned(),
            (_, None) => format!("its `id` says which trigger it was; there are: {}", known()),
            (_, Some(_)) => format!("there is no trigger of that `id`; there are: {}", known()),
        });
    };
    let problems = fits(trigger, &given);
    if problems.is_empty() { Ok(given) } else { Err(problems.join("; ")) }
}

fn fits(trigger: &Trigger, value: &Value) -> Vec<String> {
    match Validator::new(&trigger.schema) {
        Err(error) => vec![format!("its schema cannot be used: {error}")],
        Ok(validator) => validator
            .violations(value)
            .into_iter()
            .map(|violation| format!("at {}: {}", violation.pointer, violation.message))
            .collect(),
    }
}
