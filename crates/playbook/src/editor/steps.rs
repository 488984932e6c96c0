//! Steps: the verbs, what stands beside each, and the inputs of every action.

use action_api::Spec;
use plan::Effect;
use serde_json::{Map, Value, json};

use super::object;

const VERBS: [&str; 15] = [
    "uses", "set", "parallel", "dag", "foreach", "while", "switch", "try", "call", "approve", "ask", "wait",
    "assert", "return", "fail",
];

/// Keys that mean something only beside these verbs.
const BESIDE: [(&str, &[&str]); 23] = [
    ("with", &["uses", "call"]),
    ("connection", &["uses"]),
    ("connections", &["call"]),
    ("retry", &["uses"]),
    ("rate_limit", &["uses"]),
    ("cache", &["uses"]),
    ("idempotency", &["uses"]),
    ("accept_untrusted", &["uses"]),
    ("timeout", &["uses", "foreach", "while", "switch", "parallel", "dag", "try", "call"]),
    ("as", &["foreach", "while"]),
    ("max_parallel", &["foreach"]),
    ("limit", &["foreach"]),
    ("on_item_error", &["foreach"]),
    ("do", &["foreach", "while"]),
    ("max", &["while"]),
    ("state", &["while"]),
    ("next", &["while"]),
    ("on_branch_error", &["parallel", "dag"]),
    ("output", &["foreach", "parallel", "dag", "try"]),
    ("catch", &["try"]),
    ("finally", &["try"]),
    ("message", &["assert"]),
    ("then", &["uses", "set", "foreach", "approve", "ask", "wait", "call"]),
];

/// One step.
pub(super) fn step(specs: &[&Spec]) -> Value {
    let uses: Vec<Value> =
        specs.iter().map(|s| json!({ "const": s.name, "description": s.summary })).collect();
    let uses = if uses.is_empty() { json!({ "type": "string" }) } else { json!({ "anyOf": uses }) };
    let one: Vec<Value> = VERBS.iter().map(|verb| json!({ "required": [verb] })).collect();
    let mut properties = modifiers();
    properties.extend(blocks());
    properties.extend(others());
    properties.insert("uses".into(), uses);
    if let Some(uses) = properties.get_mut("uses").and_then(Value::as_object_mut) {
        uses.insert("description".into(), json!("The action to call."));
    }
    let beside: Map<String, Value> = BESIDE
        .iter()
        .map(|(key, verbs)| {
            let any: Vec<Value> = verbs.iter().map(|verb| json!({ "required": [verb] })).collect();
            ((*key).to_owned(), json!({ "anyOf": any }))
        })
        .collect();
    let mut step = object(json!({
        "type": "object", "additionalProperties": false, "oneOf": one, "properties": properties,
        "dependentSchemas": beside,
        "dependentRequired": { "foreach": ["do"], "while": ["do", "max"], "state": ["next"], "next": ["state"] }
    }));
    if !specs.is_empty() {
        step.insert("allOf".into(), specs.iter().map(|spec| inputs(spec)).collect());
    }
    Value::Object(step)
}

/// What follows from the action that is called.
fn inputs(spec: &Spec) -> Value {
    let mut properties = object(json!({ "with": { "$ref": format!("#/$defs/with.{}", spec.name) } }));
    if spec.effect != Effect::Enrichment {
        properties.insert("cache".into(), json!(false));
    }
    let mut then = object(json!({ "properties": properties }));
    let required = spec.input.get("required").and_then(Value::as_array);
    if required.is_some_and(|required| !required.is_empty()) {
        then.insert("required".into(), json!(["with"]));
    }
    json!({ "if": { "properties": { "uses": { "const": spec.name } }, "required": ["uses"] }, "then": then })
}

fn modifiers() -> Map<String, Value> {
    object(json!({
        "id": { "$ref": "#/$defs/name", "description": "How other steps, approvals and messages call it; unique in the playbook." },
        "name": { "type": "string", "description": "What people see, if not the id." },
        "needs": { "type": "array", "uniqueItems": true, "items": { "type": "string" }, "description": "In a `dag`: the steps that must have ended before." },
        "join": { "enum": ["all", "any"], "description": "In a `dag`: whether all of what it needs must have ended (default), or one have succeeded." },
        "if": { "$ref": "#/$defs/condition", "description": "The step is skipped unless this is true." },
        "with": { "type": "object", "description": "The inputs of the action or of the called playbook." },
        "connection": { "type": "string", "description": "Which connection to use, if there is more than one of the kind." },
        "connections": { "type": "object", "additionalProperties": { "type": "string" }, "description": "Which of our connections each one of the called playbook is; the one of the same name if left out." },
        "timeout": { "$ref": "#/$defs/timeout" },
        "retry": { "$ref": "#/$defs/retry" },
        "rate_limit": { "$ref": "#/$defs/rate_limit" },
        "cache": { "$ref": "#/$defs/cache" },
        "idempotency": { "$ref": "#/$defs/idempotency" },
        "accept_untrusted": { "type": "string", "minLength": 1, "description": "Why text from a mail, a server or a plugin may decide here." },
        "on_error": { "enum": ["fail", "continue"], "description": "`continue`: the next step runs, and `steps.ID.status` is `failed`." },
        "then": { "$ref": "#/$defs/then" }
    }))
}

/// Verbs with steps inside, and what belongs to them.
fn blocks() -> Map<String, Value> {
    let output = json!({ "description": "What the part gives; the step's output if every part gives one." });
    object(json!({
        "foreach": { "$ref": "#/$defs/expression", "description": "The list; `do` runs for every item." },
        "while": { "$ref": "#/$defs/condition", "description": "Looked at before every round; `do` runs as long as it holds." },
        "as": { "$ref": "#/$defs/name", "description": "The name of the item, or of the state." },
        "max_parallel": { "type": "integer", "minimum": 1, "maximum": 256, "description": "How many items at a time; 1 if left out." },
        "limit": { "type": "integer", "minimum": 1, "maximum": 100_000, "description": "A longer list fails the step before its first item." },
        "on_item_error": { "enum": ["fail", "collect", "skip"], "description": "What a failed item does to the loop: ends it (default), is listed in `steps.ID.failed`, or is left out." },
        "max": { "type": "integer", "minimum": 1, "maximum": 10_000, "description": "Reaching this many rounds with the condition still true fails the step." },
        "state": { "type": "object", "description": "The state before the first round; `index` is added." },
        "next": { "type": "object", "description": "The state after a round; the same names as `state`." },
        "do": { "$ref": "#/$defs/steps" },
        "output": { "description": "What the block gives: of a loop a list with one element for each item." },
        "switch": {
            "type": "array", "minItems": 1, "description": "The first case that holds runs.",
            "items": {
                "anyOf": [
                    {
                        "type": "object", "required": ["case", "do"], "additionalProperties": false,
                        "properties": {
                            "case": { "$ref": "#/$defs/condition", "description": "When this case is taken." },
                            "do": { "$ref": "#/$defs/few_steps" }, "output": output
                        }
                    },
                    {
                        "type": "object", "required": ["default"], "additionalProperties": false,
                        "properties": { "default": {
                            "description": "Runs when no case holds; `[]` says that nothing shall happen.",
                            "anyOf": [
                                { "$ref": "#/$defs/few_steps" },
                                {
                                    "type": "object", "required": ["do"], "additionalProperties": false,
                                    "properties": { "do": { "$ref": "#/$defs/few_steps" }, "output": output }
                                }
                            ]
                        } }
                    }
                ]
            }
        },
        "parallel": {
            "type": "object", "minProperties": 1, "description": "Named branches that run at the same time and are all joined.",
            "propertyNames": { "$ref": "#/$defs/name" }, "additionalProperties": { "$ref": "#/$defs/steps" }
        },
        "dag": { "$ref": "#/$defs/steps", "description": "Steps in the order of what they need (`needs`); the others run at the same time." },
        "on_branch_error": { "enum": ["wait", "cancel"], "description": "What a failed branch does to the others: they end by themselves (default), or are cancelled." },
        "try": { "$ref": "#/$defs/steps", "description": "Steps whose failure `catch` may handle." },
        "catch": {
            "type": "array", "description": "The first handler that names the kind of the failure runs; then the step has succeeded.",
            "items": {
                "type": "object", "required": ["on", "do"], "additionalProperties": false,
                "properties": {
                    "on": {
                        "description": "Kinds of failures, or `any`: every kind but `unknown` and `cancelled`.",
                        "anyOf": [{ "const": "any" }, { "$ref": "#/$defs/kinds" }]
                    },
                    "do": { "$ref": "#/$defs/few_steps", "description": "What happens then; sees `error`." },
                    "output": output
                }
            }
        },
        "finally": { "$ref": "#/$defs/steps", "description": "Runs in any case, also when the run is cancelled." }
    }))
}

/// Verbs without steps inside.
fn others() -> Map<String, Value> {
    let wait = json!({
        "for": { "type": "string", "description": "How long: a duration, or an expression that gives one." },
        "until": { "type": "string", "description": "A point in time, RFC 3339." },
        "event": { "$ref": "#/$defs/name", "description": "The name of an event that is sent to the run." },
        "schema": { "$ref": "#/$defs/schema", "description": "What the event brings: an object." },
        "match": { "$ref": "#/$defs/condition", "description": "Only events for which this holds; sees `event`." },
        "timeout": { "$ref": "#/$defs/duration", "description": "How long to wait for it, at most 30d." },
        "on_timeout": { "enum": ["fail", "continue"], "description": "`continue`: the step succeeds with `timed_out`." }
    });
    object(json!({
        "set": { "type": "object", "minProperties": 1, "description": "Computes values; a field may use those above it as `self.NAME`." },
        "call": { "type": "string", "description": "Another playbook, from the folder of this one, such as `../block-sender/playbook.yaml`." },
        "approve": { "$ref": "#/$defs/approve" },
        "ask": { "$ref": "#/$defs/ask" },
        "wait": {
            "description": "A duration such as `5m`, a time, or an event.",
            "anyOf": [
                { "$ref": "#/$defs/duration" },
                { "$ref": "#/$defs/expression" },
                {
                    "type": "object", "additionalProperties": false, "properties": wait,
                    "oneOf": [{ "required": ["for"] }, { "required": ["until"] }, { "required": ["event", "schema"] }]
                }
            ]
        },
        "assert": { "$ref": "#/$defs/condition", "description": "The step fails unless this is true." },
        "message": { "$ref": "#/$defs/text", "description": "What to tell the person if it is not." },
        "return": { "$ref": "#/$defs/return" },
        "fail": { "$ref": "#/$defs/fail" }
    }))
}
