//! What stands in many places: names, durations, texts, retries, audiences.

use plan::FailureKind;
use serde_json::{Map, Value, json};

use super::object;

/// Everything under `$defs` that does not depend on actions.
pub(super) fn definitions() -> Map<String, Value> {
    let mut all = scalars();
    all.extend(modifiers());
    all.extend(people());
    all.extend(schemas());
    all
}

fn scalars() -> Map<String, Value> {
    object(json!({
        "name": { "type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$" },
        "expression": { "type": "string", "pattern": "\\$\\{\\{", "description": "An expression between `${{` and `}}`." },
        "condition": { "anyOf": [{ "$ref": "#/$defs/expression" }], "examples": ["${{ steps.find.output.total > 0 }}"] },
        "duration": {
            "type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "minLength": 2,
            "examples": ["30s", "5m", "1h30m", "2d"]
        },
        "text": { "anyOf": [{ "type": "string" }, { "$ref": "#/$defs/template" }] },
        "template": {
            "type": "object", "required": ["template"], "additionalProperties": false,
            "description": "A text file with values filled in.",
            "properties": {
                "template": { "type": "string", "description": "The file, from the folder of this playbook, such as `templates/report.j2`." },
                "values": { "type": "object", "description": "What the names in the file stand for; every name must be here." }
            }
        },
        "steps": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/step" }, "description": "What happens, in order." },
        "few_steps": { "type": "array", "items": { "$ref": "#/$defs/step" }, "description": "What happens, in order; `[]` if nothing does." },
        "kinds": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/kind" } },
        "kind": { "enum": FailureKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() }
    }))
}

fn modifiers() -> Map<String, Value> {
    object(json!({
        "timeout": { "$ref": "#/$defs/duration", "description": "Time limit, 1s to 24h: of one attempt for an action, of the whole step for a block." },
        "retry": {
            "description": "`none`, or how often and when a call is tried again.",
            "anyOf": [
                { "const": "none", "description": "One attempt and no more." },
                {
                    "type": "object", "required": ["attempts"], "additionalProperties": false,
                    "properties": {
                        "attempts": { "type": "integer", "minimum": 1, "maximum": 10, "description": "Attempts in all; 1 means no retry." },
                        "backoff": { "enum": ["exponential", "constant"], "description": "Whether the wait doubles with every attempt (`exponential`, default)." },
                        "initial": { "$ref": "#/$defs/duration", "description": "Upper bound of the first wait, 1s to 1h." },
                        "max": { "$ref": "#/$defs/duration", "description": "The longest wait, 1s to 1h." },
                        "jitter": { "const": "full", "description": "Each wait is drawn between zero and its upper bound." },
                        "on": { "$ref": "#/$defs/kinds", "description": "Which failures are tried again." }
                    }
                }
            ]
        },
        "rate_limit": {
            "type": "object", "required": ["key", "per", "permits"], "additionalProperties": false,
            "description": "How often it may be called, over all runs of this process.",
            "properties": {
                "key": { "type": "string", "minLength": 1, "description": "Calls with the same key share the limit." },
                "per": { "$ref": "#/$defs/duration", "description": "The window, 1s to 24h." },
                "permits": { "type": "integer", "minimum": 1, "maximum": 100_000, "description": "How many calls begin in a window." }
            }
        },
        "cache": {
            "type": "object", "required": ["ttl"], "additionalProperties": false,
            "description": "An earlier answer may do. Only for actions that read.",
            "properties": {
                "ttl": { "$ref": "#/$defs/duration", "description": "How old an answer may be, 1s to 30d." },
                "key": { "type": "string", "description": "What tells answers apart; all inputs if left out." }
            }
        },
        "idempotency": {
            "type": "object", "additionalProperties": false,
            "description": "The key of the effect, and what to do when nobody knows whether it took place.",
            "properties": {
                "key": { "type": "string", "description": "Replaces the key made of the run and the step." },
                "on_unknown": { "enum": ["verify", "retry", "ask", "fail"], "description": "`verify` (default) asks the server; `ask` then asks a person; `retry` carries it out again; `fail` ends the step." }
            }
        },
        "then": {
            "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
            "description": "What follows when the step has succeeded, instead of the next step.",
            "properties": { "return": { "$ref": "#/$defs/return" }, "fail": { "$ref": "#/$defs/fail" } }
        },
        "return": { "type": ["object", "null"], "description": "Ends the run, or the called playbook, as succeeded, with these outputs." },
        "fail": {
            "description": "Ends the run, or the called playbook, as failed, with this message.",
            "anyOf": [
                { "$ref": "#/$defs/text" },
                {
                    "type": "object", "required": ["message"], "additionalProperties": false,
                    "properties": { "message": { "$ref": "#/$defs/text", "description": "What to tell the person." } }
                }
            ]
        }
    }))
}

fn people() -> Map<String, Value> {
    object(json!({
        "to": {
            "type": "object", "additionalProperties": false, "description": "Who may decide; everybody if left out.",
            "properties": {
                "roles": { "type": "array", "items": { "type": "string" }, "description": "Any one of these roles." },
                "not": { "type": "array", "items": { "const": "run.starter" }, "description": "`[run.starter]`: whoever started the run may not." }
            }
        },
        "escalate": {
            "type": "object", "required": ["to"], "additionalProperties": false, "description": "Who is asked next when nobody decided in time.",
            "properties": {
                "to": { "$ref": "#/$defs/to", "description": "Who may decide from then on." },
                "timeout": { "$ref": "#/$defs/duration", "description": "How long to wait again, at most 30d." },
                "on_timeout": { "$ref": "#/$defs/on_timeout", "description": "What happens then." },
                "escalate": { "$ref": "#/$defs/escalate", "description": "Who is asked after that." }
            }
        },
        "on_timeout": { "enum": ["reject", "approve", "fail", "escalate"], "description": "What happens when nobody decided in time; `reject` if left out." },
        "approve": {
            "type": "object", "required": ["message"], "additionalProperties": false, "description": "Waits for a person's decision.",
            "properties": {
                "message": { "$ref": "#/$defs/text", "description": "What the person reads." },
                "shows": { "type": "array", "items": { "type": "string" }, "description": "Steps whose inputs the approval shows and is bound to." },
                "to": { "$ref": "#/$defs/to" },
                "quorum": { "type": "integer", "minimum": 1, "maximum": 20, "description": "How many different people have to approve; one rejection is enough to reject." },
                "timeout": { "$ref": "#/$defs/duration", "description": "How long to wait, at most 30d." },
                "on_timeout": { "$ref": "#/$defs/on_timeout" },
                "escalate": { "$ref": "#/$defs/escalate" },
                "on_reject": { "enum": ["end", "continue"], "description": "Whether the list of steps ends (`end`, default) or goes on after a rejection." }
            }
        },
        "ask": {
            "type": "object", "required": ["message", "form"], "additionalProperties": false, "description": "Waits for a person to fill a form in.",
            "properties": {
                "message": { "$ref": "#/$defs/text", "description": "What the person reads." },
                "form": {
                    "type": "object", "minProperties": 1, "description": "The fields: JSON Schema keywords under each name.",
                    "propertyNames": { "$ref": "#/$defs/name" }, "additionalProperties": { "$ref": "#/$defs/field" }
                },
                "to": { "$ref": "#/$defs/to", "description": "Who may answer; everybody if left out." },
                "timeout": { "$ref": "#/$defs/duration", "description": "How long to wait, at most 30d." },
                "default": { "type": "object", "description": "The answer when nobody answered in time; without it the step fails." }
            }
        }
    }))
}

/// Short-form schemas of inputs, outputs and forms.
fn schemas() -> Map<String, Value> {
    let with = |name: &str, more: Value| {
        let mut own = keywords();
        own.extend(object(more));
        (name.to_owned(), json!({ "type": "object", "minProperties": 1, "properties": own }))
    };
    Map::from_iter([
        with("schema", json!({})),
        with(
            "input",
            json!({ "default": { "description": "Used when the run is not given a value; without it the input is required." } }),
        ),
        with("output", json!({ "value": { "description": "Computed when the last step has ended." } })),
        with(
            "field",
            json!({
                "default": { "description": "Used when the field is left empty." },
                "optional": { "type": "boolean", "description": "Whether the field may be left empty." }
            }),
        ),
    ])
}

fn keywords() -> Map<String, Value> {
    let types = ["string", "integer", "number", "boolean", "array", "object", "null"];
    object(json!({
        "type": {
            "description": "What kind of value.",
            "anyOf": [{ "enum": types }, { "type": "array", "items": { "enum": types } }]
        },
        "title": { "type": "string", "description": "A few words." },
        "description": { "type": "string", "description": "What people see when they fill it in." },
        "enum": { "type": "array", "description": "The only values." },
        "const": { "description": "The only value." },
        "format": { "type": "string", "description": "Such as `email`, `uri`, `date-time`, `ipv4`." },
        "pattern": { "type": "string", "description": "A regular expression that the text matches." },
        "minLength": { "type": "integer", "minimum": 0, "description": "The fewest characters." },
        "maxLength": { "type": "integer", "minimum": 0, "description": "The most characters." },
        "minimum": { "type": "number", "description": "The least number." },
        "maximum": { "type": "number", "description": "The greatest number." },
        "items": { "$ref": "#/$defs/schema", "description": "What each item of the list is." },
        "minItems": { "type": "integer", "minimum": 0, "description": "The fewest items." },
        "maxItems": { "type": "integer", "minimum": 0, "description": "The most items." },
        "uniqueItems": { "type": "boolean", "description": "Whether no item stands twice." },
        "properties": { "type": "object", "additionalProperties": { "$ref": "#/$defs/schema" }, "description": "The members of the object." },
        "required": { "type": "array", "items": { "type": "string" }, "description": "The members that must be there." },
        "additionalProperties": { "type": ["boolean", "object"], "description": "Whether there may be members that are not declared." },
        "x-untrusted": { "type": "boolean", "description": "Somebody outside writes it, so it may not decide in guarded places." },
        "x-secret": { "type": "boolean", "description": "It is never shown or recorded, and goes only into fields made for secrets." }
    }))
}
