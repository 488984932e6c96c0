//! The JSON Schema of a playbook file, for editors: completion, hover texts, red underlines while typing.
//!
//! It is a help and not the rule: [`crate::check`] decides. So it accepts an expression wherever a value can be
//! computed, and leaves names, types of expressions, flow and policy to the checker. `with:` follows `uses:` by
//! one `if`/`then` per action, so the completions of an editor are the inputs of that action. Every key has a
//! description, because editors show it under the pointer.

mod inputs;
mod parts;
mod steps;
mod top;

use std::sync::Arc;

use action_api::Spec;
use serde_json::{Map, Value, json};

/// The schema of the file format with the inputs of these actions. The same actions give the same schema,
/// whatever their order.
pub fn editor_schema(specs: &[Arc<Spec>]) -> Value {
    let mut specs: Vec<&Spec> = specs.iter().map(Arc::as_ref).collect();
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    specs.dedup_by(|a, b| a.name == b.name);
    let mut definitions = parts::definitions();
    definitions.insert("step".into(), steps::step(&specs));
    for spec in &specs {
        definitions.insert(format!("with.{}", spec.name), inputs::with(spec));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://portcullis.dev/schemas/playbook.v1.json",
        "title": "Portcullis playbook",
        "description": "What a security team does about a mail, checked before it runs.",
        "type": "object",
        "required": ["playbook", "id", "steps"],
        "additionalProperties": false,
        "properties": top::properties(&specs),
        "$defs": definitions
    })
}

/// The members of an object that is written with `json!`.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
