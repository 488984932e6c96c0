//! The JSON Schema of a playbook file, for editors: completion, hover texts, red underlines while typing.
//!
//! It is a help and not the rule: [`crate::check`] decides. So it accepts an expression wherever a value can be
//! computed, and leaves names, types of expressions, flow and policy to the checker. `with:` follows `uses:` by
//! one `if`/`then` per action, so the completions of an editor are the inputs of that action.

use std::sync::Arc;

use action_api::Spec;
use plan::FailureKind;
use serde_json::{Map, Value, json};

/// The schema of the file format with the inputs of these actions. The same actions give the same schema,
/// whatever their order.
pub fn editor_schema(specs: &[Arc<Spec>]) -> Value {
    let mut specs: Vec<&Spec> = specs.iter().map(Arc::as_ref).collect();
    specs.sort_by(|a, b| a.name.cmp(&b.name));
    specs.dedup_by(|a, b| a.name == b.name);
    let mut definitions = definitions();
    definitions.insert("step".into(), step(&specs));
    for spec in specs {
        definitions.insert(format!("with.{}", spec.name), with(spec));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://portcullis.dev/schemas/playbook.v1.json",
        "title": "Portcullis playbook",
        "description": "What a security team does about a mail, checked before it runs.",
        "type": "object",
        "required": ["playbook", "id", "steps"],
        "additionalProperties": false,
        "properties": {
            "playbook": { "const": 1, "description": "Version of the language; the first key of the file." },
            "id": { "type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$", "description": "Short name, such as `phishing-triage`." },
            "name": { "type": "string", "description": "What people see." },
            "description": { "type": "string", "description": "What the playbook does and when to use it." },
            "metadata": { "type": "object", "description": "Free words about the playbook, such as `severity` or `tlp`." },
            "connections": {
                "type": "object",
                "description": "Names of connections and what they reach; the operator's configuration binds them to servers.",
                "propertyNames": { "$ref": "#/$defs/name" },
                "additionalProperties": {
                    "type": "object", "required": ["kind"], "additionalProperties": false,
                    "properties": { "kind": { "type": "string", "description": "What it reaches, such as `exchange`." } }
                }
            },
            "inputs": {
                "type": "object", "description": "What a run is given: JSON Schema keywords under each name.",
                "propertyNames": { "$ref": "#/$defs/name" },
                "additionalProperties": { "$ref": "#/$defs/input" }
            },
            "outputs": {
                "type": "object", "description": "What a run gives back: JSON Schema keywords and a `value` under each name.",
                "propertyNames": { "$ref": "#/$defs/name" },
                "additionalProperties": { "$ref": "#/$defs/output" }
            },
            "deadline": { "$ref": "#/$defs/duration", "description": "Time limit of the whole run, at most 30d." },
            "defaults": {
                "type": "object", "description": "For every step that does not say otherwise.", "additionalProperties": false,
                "properties": { "timeout": { "$ref": "#/$defs/timeout" }, "retry": { "$ref": "#/$defs/retry" } }
            },
            "policy": {
                "type": "object", "description": "Rules that are proved before a run.", "additionalProperties": false,
                "properties": {
                    "containment": {
                        "type": "object", "additionalProperties": false, "required": ["requires"],
                        "description": "Rules for steps that change mailboxes.",
                        "properties": { "requires": { "const": "approval", "description": "An `approve` step stands before each of them on every path." } }
                    }
                }
            },
            "steps": { "$ref": "#/$defs/steps" }
        },
        "$defs": definitions
    })
}

fn definitions() -> Map<String, Value> {
    let kinds: Vec<&str> = FailureKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let schema_keys = json!({ "type": { "description": "`string`, `integer`, `number`, `boolean`, `array`, `object` or `null`." } });
    let mut input = schema_keys.clone();
    let mut output = schema_keys;
    if let (Some(input), Some(output)) = (input.as_object_mut(), output.as_object_mut()) {
        input.insert("default".into(), json!({ "description": "Used when the run is not given a value; without it the input is required." }));
        output.insert("value".into(), json!({ "description": "Computed when the last step has ended." }));
    }
    let all = json!({
        "name": { "type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$" },
        "expression": { "type": "string", "pattern": "\\$\\{\\{", "description": "An expression between `${{` and `}}`." },
        "duration": { "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2, "examples": ["30s", "5m", "1h30m", "2d"] },
        "timeout": { "$ref": "#/$defs/duration", "description": "Time limit of one attempt, 1s to 24h." },
        "retry": {
            "description": "`none`, or how often and when a call is tried again.",
            "anyOf": [
                { "const": "none" },
                {
                    "type": "object", "required": ["attempts"], "additionalProperties": false,
                    "properties": {
                        "attempts": { "type": "integer", "minimum": 1, "maximum": 10, "description": "Attempts in all; 1 means no retry." },
                        "initial": { "$ref": "#/$defs/duration", "description": "Upper bound of the first wait; it doubles with every attempt." },
                        "max": { "$ref": "#/$defs/duration", "description": "The longest wait." },
                        "on": { "type": "array", "items": { "enum": kinds }, "description": "Which failures are tried again." }
                    }
                }
            ]
        },
        "input": { "type": "object", "properties": input },
        "output": { "type": "object", "properties": output },
        "steps": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/step" }, "description": "What happens, in order." }
    });
    match all {
        Value::Object(all) => all,
        _ => Map::new(),
    }
}

/// The steps: modifiers, verbs, and the inputs of every action.
fn step(specs: &[&Spec]) -> Value {
    let uses: Vec<Value> =
        specs.iter().map(|s| json!({ "const": s.name, "description": s.summary })).collect();
    let uses = if uses.is_empty() { json!({ "type": "string" }) } else { json!({ "anyOf": uses }) };
    let verbs = ["uses", "set", "foreach", "switch", "parallel", "approve", "return", "fail"];
    let one: Vec<Value> = verbs.iter().map(|verb| json!({ "required": [verb] })).collect();
    let inputs: Vec<Value> = specs
        .iter()
        .map(|spec| {
            json!({
                "if": { "properties": { "uses": { "const": spec.name } }, "required": ["uses"] },
                "then": { "properties": { "with": { "$ref": format!("#/$defs/with.{}", spec.name) } } }
            })
        })
        .collect();
    let mut properties = modifiers();
    properties.extend(verb_keys());
    properties.insert("uses".into(), uses);
    if let Some(uses) = properties.get_mut("uses").and_then(Value::as_object_mut) {
        uses.insert("description".into(), json!("The action to call."));
    }
    let mut step =
        json!({ "type": "object", "additionalProperties": false, "oneOf": one, "properties": properties });
    if let (Some(step), false) = (step.as_object_mut(), inputs.is_empty()) {
        step.insert("allOf".into(), Value::Array(inputs));
    }
    step
}

fn modifiers() -> Map<String, Value> {
    let all = json!({
        "id": { "$ref": "#/$defs/name", "description": "How other steps, approvals and messages call it; unique in the playbook." },
        "name": { "type": "string", "description": "What people see, if not the id." },
        "if": { "$ref": "#/$defs/expression", "description": "The step is skipped unless this is true." },
        "timeout": { "$ref": "#/$defs/timeout" },
        "retry": { "$ref": "#/$defs/retry" },
        "on_error": { "enum": ["fail", "continue"], "description": "`continue`: the next step runs, and `steps.ID.status` is `failed`." },
        "connection": { "type": "string", "description": "Which connection to use, if there is more than one of the kind." },
        "accept_untrusted": { "type": "string", "minLength": 1, "description": "Why text from a mail, a server or a plugin may decide here." }
    });
    match all {
        Value::Object(all) => all,
        _ => Map::new(),
    }
}

fn verb_keys() -> Map<String, Value> {
    let all = json!({
        "with": { "type": "object", "description": "The inputs of the action." },
        "set": { "type": "object", "minProperties": 1, "description": "Computes values; a field may use those above it as `self.NAME`." },
        "foreach": { "$ref": "#/$defs/expression", "description": "The list; `do` runs for every item." },
        "as": { "$ref": "#/$defs/name", "description": "The name of the item." },
        "max_parallel": { "type": "integer", "minimum": 1, "maximum": 256, "description": "How many items at a time; 1 if left out." },
        "limit": { "type": "integer", "minimum": 1, "maximum": 100_000, "description": "A longer list fails the step before its first item." },
        "on_item_error": { "enum": ["fail", "collect", "skip"], "description": "What a failed item does to the loop." },
        "do": { "$ref": "#/$defs/steps" },
        "output": { "description": "What each item gives; the step's output is the list of these." },
        "switch": {
            "type": "array", "minItems": 1, "description": "The first case that holds runs.",
            "items": {
                "anyOf": [
                    {
                        "type": "object", "required": ["case", "do"], "additionalProperties": false,
                        "properties": { "case": { "$ref": "#/$defs/expression" }, "do": { "$ref": "#/$defs/steps" } }
                    },
                    {
                        "type": "object", "required": ["default"], "additionalProperties": false,
                        "properties": { "default": { "$ref": "#/$defs/steps" } }
                    }
                ]
            }
        },
        "parallel": {
            "type": "object", "minProperties": 1, "description": "Named branches that run at the same time and are all joined.",
            "propertyNames": { "$ref": "#/$defs/name" }, "additionalProperties": { "$ref": "#/$defs/steps" }
        },
        "approve": {
            "type": "object", "required": ["message"], "additionalProperties": false, "description": "Waits for a person's decision.",
            "properties": {
                "message": { "type": "string", "description": "What the person reads." },
                "shows": { "type": "array", "items": { "type": "string" }, "description": "Steps whose inputs the approval shows and is bound to." },
                "timeout": { "$ref": "#/$defs/duration", "description": "How long to wait, at most 30d." },
                "on_timeout": { "const": "reject" },
                "on_reject": { "enum": ["end", "continue"], "description": "Whether the list of steps ends (`end`, default) or goes on after a rejection." }
            }
        },
        "return": { "type": ["object", "null"], "description": "Ends the run as succeeded, with these outputs." },
        "fail": {
            "type": "object", "required": ["message"], "additionalProperties": false, "description": "Ends the run as failed.",
            "properties": { "message": { "type": "string" } }
        }
    });
    match all {
        Value::Object(all) => all,
        _ => Map::new(),
    }
}

/// The inputs of an action, each of which may also be computed.
fn with(spec: &Spec) -> Value {
    let mut schema = spec.input.clone();
    let definitions = schema.as_object_mut().and_then(|schema| {
        schema.remove("$schema");
        schema.remove("$defs")
    });
    // References in a part of a document start at its root, so they are written out.
    resolve(&mut schema, &definitions.unwrap_or_default(), 0);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(|property| computed(property, 0));
    }
    schema
}

/// Deeper than any real input; schemas that refer to themselves end as "anything".
const DEEPEST: usize = 12;

/// Writes out references to the definitions.
fn resolve(schema: &mut Value, definitions: &Value, depth: usize) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, definitions, depth)),
        Value::Object(map) => {
            let target = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.strip_prefix("#/$defs/"))
                .map(str::to_owned);
            if let Some(name) = target {
                map.remove("$ref");
                let found = definitions.get(&name).filter(|_| depth < DEEPEST).and_then(Value::as_object);
                for (key, value) in found.into_iter().flatten() {
                    map.entry(key.clone()).or_insert_with(|| value.clone());
                }
                return resolve(schema, definitions, depth + 1);
            }
            map.values_mut().for_each(|value| resolve(value, definitions, depth + 1));
        }
        _ => {}
    }
}

/// Lets an expression stand for the value and for each of its parts.
fn computed(schema: &mut Value, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    if let Some(map) = schema.as_object_mut() {
        if let Some(items) = map.get_mut("items") {
            computed(items, depth + 1);
        }
        if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
            properties.values_mut().for_each(|property| computed(property, depth + 1));
        }
        let description = map.remove("description");
        let inner = Value::Object(std::mem::take(map));
        map.insert("anyOf".into(), json!([inner, { "$ref": "#/$defs/expression" }]));
        if let Some(description) = description {
            map.insert("description".into(), description);
        }
    }
}
