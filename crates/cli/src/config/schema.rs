//! The JSON Schema of `portcullis.yaml`, for editors: from the same table that the reader uses.

use serde_json::{Map, Value, json};

use super::keys::{CONNECTION, Key, Kind, Shape};
use super::keys_web::keys_of;

/// The schema.
pub(crate) fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Portcullis configuration (portcullis.yaml)",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "connections": {
                "description": "Connections by the name playbooks use.",
                "type": "object",
                "additionalProperties": connection(),
            },
            "secrets": {
                "description": "Secrets by the name playbooks use; settings name them as `secret:NAME`.",
                "type": "object",
                "additionalProperties": { "$ref": "#/$defs/secret" },
            },
            "people": {
                "description": "People by the name they decide and answer with.",
                "type": "object",
                "additionalProperties": object(
                    json!({ "roles": { "type": "array", "items": { "type": "string" } } }), &[]),
            },
            "storage": object(json!({
                "folder": { "type": "string", "description": "The data folder; .portcullis beside this file if left out." },
                "durability": {
                    "type": "string",
                    "pattern": "^(each|interval\\([0-9]+\\))$",
                    "description": "When a record counts as kept: `each`, or `interval(MILLISECONDS)`.",
                },
                "log_in_key": { "$ref": "#/$defs/secret", "description": "The key that the log-ins of people are kept with, at least 32 characters; a file beside them if left out." },
                "keep": described(duration(), "How long `portcullis runs prune` keeps runs that are over."),
            }), &[]),
            "policy": { "type": "object", "description": "What is allowed, whatever playbooks say: see docs/policy.md." },
            "audit": object(json!({
                "head": { "type": "string", "description": "A file elsewhere that always says how far the log goes." },
                "key": { "$ref": "#/$defs/secret", "description": "The key every line is made with; at least 32 characters." },
            }), &[]),
        },
        "$defs": { "secret": secret() },
    })
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn described(mut schema: Value, doc: &str) -> Value {
    if let Value::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), Value::from(doc));
    }
    schema
}

fn mapping(keys: &[Key], first: Option<&Kind>) -> Value {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    if let Some(kind) = first {
        properties.insert("kind".to_owned(), json!({ "const": kind.name, "description": kind.doc }));
        required.push("kind");
    }
    for key in keys {
        properties.insert(key.name.to_owned(), described(value(key.shape), key.doc));
        if key.required {
            required.push(key.name);
        }
    }
    object(Value::Object(properties), &required)
}

/// A connection of one of the kinds.
fn connection() -> Value {
    let web = web_actions::Kind::ALL.into_iter().map(|kind| mapping(keys_of(kind), None));
    let kinds: Vec<Value> = std::iter::once(exchange()).chain(web).collect();
    json!({ "type": "object", "required": ["kind"], "oneOf": kinds })
}

fn exchange() -> Value {
    let mut schema = mapping(CONNECTION, None);
    if let Value::Object(fields) = &mut schema {
        fields.insert(
            "oneOf".to_owned(),
            json!([
                { "required": ["auth"] },
                { "required": ["user", "password"], "anyOf": [{ "required": ["url"] }, { "required": ["autodiscover"] }] },
            ]),
        );
        fields.insert("not".to_owned(), json!({ "required": ["url", "autodiscover"] }));
    }
    schema
}

fn value(shape: Shape) -> Value {
    match shape {
        Shape::Text | Shape::File => json!({ "type": "string", "minLength": 1 }),
        Shape::TextOrNumber => json!({ "type": ["string", "integer"] }),
        Shape::Address => json!({ "type": "string", "pattern": "^[^@\\s<>,;]+@[^@\\s<>,;]+$" }),
        Shape::Duration => duration(),
        Shape::Number(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Secret => json!({ "$ref": "#/$defs/secret" }),
        Shape::TlsVersion => json!({ "enum": ["1.2", "1.3", 1.2, 1.3] }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Hosts => json!({ "type": "array", "items": { "type": "string" } }),
        Shape::Identities => json!({
            "type": "object",
            "additionalProperties": { "oneOf": [
                object(json!({ "upn": { "type": "string" } }), &["upn"]),
                object(json!({ "sid": { "type": "string", "pattern": "^S-1-[0-9-]+$" } }), &["sid"]),
            ] },
        }),
        Shape::WordOr(words, keys) => json!({ "oneOf": [{ "enum": words }, mapping(keys, None)] }),
        Shape::Kinds(kinds) => {
            let kinds: Vec<Value> = kinds.iter().map(|kind| mapping(kind.keys, Some(kind))).collect();
            json!({ "oneOf": kinds })
        }
    }
}

fn duration() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+[smhd]$" })
}

fn secret() -> Value {
    let place = |key: &str, doc: &str| {
        object(json!({ key: { "type": "string", "minLength": 1, "description": doc } }), &[key])
    };
    json!({
        "description": "Where a secret is. Written out in this file it works too, with a warning.",
        "oneOf": [
            place("env", "The name of an environment variable."),
            place("file", "The path of a file that not everybody can read; one line break at its end does not count."),
            place("keyring", "The name of a secret in the keyring of this system: `portcullis secret set NAME` puts it there."),
            { "type": "string", "minLength": 1, "description": "`secret:NAME` of `secrets:`; anything else is the secret itself." },
        ],
    })
}
