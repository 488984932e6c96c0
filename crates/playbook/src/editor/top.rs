//! The keys at the top of a playbook.

use action_api::Spec;
use serde_json::{Map, Value, json};

use super::object;

/// All of them. The changing actions are named under `policy.max_effects`.
pub(super) fn properties(specs: &[&Spec]) -> Map<String, Value> {
    let mut all = about();
    all.extend(object(json!({
        "triggers": {
            "type": "array", "items": trigger(), "description": "What starts a run by itself; it is `trigger` in expressions."
        },
        "concurrency": {
            "type": "object", "required": ["key"], "additionalProperties": false, "description": "What to do when two runs are about the same thing.",
            "properties": {
                "key": { "type": "string", "description": "Runs with the same key do not run beside one another.", "examples": ["${{ trigger.message.item_id }}"] },
                "on_conflict": { "enum": ["skip", "queue", "replace"], "description": "What a new run does: it does not start (`skip`, default), waits, or cancels the other one." }
            }
        },
        "deadline": { "$ref": "#/$defs/duration", "description": "Time limit of the whole run, at most 30d." },
        "policy": policy(specs),
        "defaults": {
            "type": "object", "description": "For every step that does not say otherwise.", "additionalProperties": false,
            "properties": {
                "timeout": { "$ref": "#/$defs/timeout" }, "retry": { "$ref": "#/$defs/retry" },
                "rate_limit": { "$ref": "#/$defs/rate_limit" }
            }
        },
        "steps": { "$ref": "#/$defs/steps" },
        "on_error": { "$ref": "#/$defs/steps", "description": "Runs when the steps failed, and sees `error`. The run fails all the same, unless a step here returns." },
        "finally": { "$ref": "#/$defs/steps", "description": "Runs in any case, also after a cancellation, within 60s." }
    })));
    all
}

fn about() -> Map<String, Value> {
    object(json!({
        "playbook": { "const": 1, "description": "Version of the language; the first key of the file." },
        "id": { "type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$", "description": "Short name, such as `phishing-triage`." },
        "name": { "type": "string", "description": "What people see." },
        "description": { "type": "string", "description": "What the playbook does and when to use it." },
        "metadata": { "type": "object", "description": "Free words about the playbook, such as `severity` or `tlp`." },
        "connections": {
            "type": "object", "description": "Names of connections and what they reach; the operator's configuration binds them to servers.",
            "propertyNames": { "$ref": "#/$defs/name" },
            "additionalProperties": {
                "type": "object", "required": ["kind"], "additionalProperties": false,
                "properties": { "kind": { "type": "string", "description": "What it reaches, such as `exchange`.", "examples": ["exchange", "http", "webhook", "slack", "teams"] } }
            }
        },
        "plugins": {
            "type": "object", "description": "Plugins from elsewhere that the playbook calls. The lock file says what each one is.",
            "propertyNames": { "pattern": "^[a-z][a-z0-9-]*$" },
            "additionalProperties": {
                "type": "object", "required": ["version"], "additionalProperties": false,
                "properties": { "version": { "type": "string", "description": "Which versions will do: `1.2` for 1.2 and everything compatible with it.", "examples": ["1.2", "=1.2.0"] } }
            }
        },
        "secrets": {
            "type": "array", "uniqueItems": true, "items": { "$ref": "#/$defs/name" },
            "description": "Names of secrets that the operator's configuration has; `secrets.NAME` goes only into fields made for secrets."
        },
        "vars": {
            "type": "object", "propertyNames": { "$ref": "#/$defs/name" },
            "description": "Constants, readable as `vars.NAME`."
        },
        "inputs": {
            "type": "object", "description": "What a run is given: JSON Schema keywords under each name.",
            "propertyNames": { "$ref": "#/$defs/name" }, "additionalProperties": { "$ref": "#/$defs/input" }
        },
        "outputs": {
            "type": "object", "description": "What a run gives back: JSON Schema keywords and a `value` under each name.",
            "propertyNames": { "$ref": "#/$defs/name" }, "additionalProperties": { "$ref": "#/$defs/output" }
        }
    }))
}

fn policy(specs: &[&Spec]) -> Value {
    let limit = |words: &str| json!({ "type": "integer", "minimum": 0, "description": words });
    let actions: Map<String, Value> = specs
        .iter()
        .filter(|spec| spec.effect.changes())
        .map(|spec| {
            (spec.name.clone(), limit(&format!("{}: at most this many items in one run.", spec.summary)))
        })
        .collect();
    json!({
        "type": "object", "description": "What the author promises; it is proved before a run and held in it.", "additionalProperties": false,
        "properties": {
            "containment": {
                "type": "object", "additionalProperties": false, "required": ["requires"], "description": "Rules for steps that change mailboxes.",
                "properties": { "requires": { "const": "approval", "description": "An `approve` step stands before each of them on every path." } }
            },
            "max_effects": {
                "type": "object", "description": "By action: at most this many items in one run; over it the step fails before anything is done.",
                "properties": actions, "additionalProperties": limit("At most this many items in one run.")
            }
        }
    })
}

fn trigger() -> Value {
    let schema = json!({ "$ref": "#/$defs/schema", "description": "What it brings: an object." });
    let kinds = ["mailbox", "cron", "webhook", "event", "manual"];
    json!({
        "type": "object", "required": ["id"], "additionalProperties": false,
        "oneOf": kinds.iter().map(|kind| json!({ "required": [kind] })).collect::<Vec<_>>(),
        "properties": {
            "id": { "$ref": "#/$defs/name", "description": "`trigger.id` says which trigger it was." },
            "mailbox": {
                "type": "object", "required": ["mailbox"], "additionalProperties": false, "description": "New mail in a folder; brings `trigger.message`.",
                "properties": {
                    "connection": { "type": "string", "description": "Which connection, if there is more than one." },
                    "mailbox": { "type": "string", "description": "The mailbox's address." },
                    "folder": { "type": "string", "description": "The folder; `inbox` if left out." },
                    "every": { "$ref": "#/$defs/duration", "description": "How often to look, 5s to 24h." },
                    "filter": { "$ref": "#/$defs/condition", "description": "Only mails for which this holds; sees `message`." }
                }
            },
            "cron": { "type": "string", "description": "Times in UTC, as minute, hour, day of the month, month, day of the week.", "examples": ["*/5 * * * *", "0 3 * * 1-5"] },
            "webhook": {
                "type": "object", "required": ["schema"], "additionalProperties": false, "description": "An HTTP request whose JSON body obeys the schema.",
                "properties": { "schema": schema }
            },
            "event": {
                "type": "object", "required": ["name", "schema"], "additionalProperties": false, "description": "A named event.",
                "properties": { "name": { "$ref": "#/$defs/name", "description": "Its name." }, "schema": schema }
            },
            "manual": {
                "type": ["object", "null"], "additionalProperties": false, "description": "A person starts the run, with whatever the schema asks for.",
                "properties": { "schema": schema }
            }
        }
    })
}
