//! The short form of a JSON Schema: keywords directly under the name of an input or output.

use action_api::Validator;
use expr::{Type, nearest};
use serde_json::Value;

use super::Lower;
use super::fields::{Fields, no_expression, unknown_key};
use super::value::{literal_help, said};
use crate::codes;
use crate::report::Raw;
use crate::source::tree::{Id, Kind, Node};

/// The keywords of JSON Schema that a playbook may use. JSON Schema ignores what it does not know; a misspelt
/// keyword would be a rule that silently does not hold.
const KEYWORDS: [&str; 34] = [
    "type",
    "title",
    "description",
    "enum",
    "const",
    "format",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "items",
    "prefixItems",
    "contains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "examples",
    "deprecated",
    "x-untrusted",
    "x-secret",
];

const TYPES: [&str; 7] = ["string", "integer", "number", "boolean", "array", "object", "null"];

/// Whether nothing can be wrong with a schema: a library that compiles it takes longer than the rest of the input.
fn is_plain(schema: &Value) -> bool {
    schema.as_object().is_some_and(|words| {
        words.iter().all(|(word, value)| match word.as_str() {
            "type" => value.as_str().is_some_and(|name| TYPES.contains(&name)),
            "title" | "description" | "format" => value.is_string(),
            _ => false,
        })
    })
}

/// Why a schema cannot be used.
fn refused(schema: &Value) -> Option<String> {
    Validator::new(schema).err().map(|error| error.to_string())
}

impl Lower<'_> {
    /// The schema without the extra key, and the value of the extra key. `None` if it is unusable.
    pub(super) fn short_schema<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        extra: &[&str],
    ) -> (Option<Value>, Option<&'n Node>) {
        let Some(fields) = Fields::open(node, what, self.sink) else { return (None, None) };
        let before = self.sink.errors();
        self.keywords(&fields, what, extra);
        let other = extra.iter().find_map(|name| fields.get(name));
        if self.sink.errors() > before {
            return (None, other);
        }
        if !["type", "enum", "const", "anyOf", "oneOf", "allOf"].iter().any(|key| fields.get(key).is_some()) {
            self.sink.push(
                Raw::error(codes::MISSING_KEY, format!("{what} needs a `type`"))
                    .node(fields.at, "")
                    .help("write `type: string`, for example"),
            );
            return (None, other);
        }
        let mut schema = serde_json::Map::new();
        for entry in fields.entries.iter().filter(|e| !extra.contains(&e.key.text.as_str())) {
            let Some(value) = entry.value.to_json() else {
                let raw = Raw::error(
                    codes::BAD_SCHEMA,
                    "this number cannot be kept: it is none, or has more than 64 bits",
                );
                self.sink.push(raw.node(entry.value.id, ""));
                return (None, other);
            };
            schema.insert(entry.key.text.clone(), value);
        }
        let schema = Value::Object(schema);
        if let Some(error) = Some(&schema).filter(|schema| !is_plain(schema)).and_then(refused) {
            self.sink.push(Raw::error(codes::BAD_SCHEMA, error).node(fields.at, ""));
            return (None, other);
        }
        (Some(schema), other)
    }

    fn keywords(&mut self, fields: &Fields<'_>, what: &str, extra: &[&str]) {
        for entry in fields.entries {
            let key = entry.key.text.as_str();
            if extra.contains(&key) {
                continue;
            }
            if key.starts_with('$') {
                self.sink.push(
                    Raw::error(codes::BAD_SCHEMA, format!("`{key}` is not possible in a playbook"))
                        .node(entry.key.id, "refers to another place")
                        .help("write the schema out"),
                );
                continue;
            }
            if !KEYWORDS.contains(&key) {
                let known: Vec<&str> = extra.iter().copied().chain(KEYWORDS).collect();
                let raw = unknown_key(entry.key.id, key, what, &known);
                let near = nearest(key, known.iter().copied());
                self.sink.push(if near.is_some() {
                    raw
                } else {
                    raw.help("use the keywords of JSON Schema, such as `type`, `enum`, `minimum`, `items`")
                });
                continue;
            }
            self.keyword(key, &entry.value, entry.key.id);
        }
    }

    fn keyword(&mut self, key: &str, node: &Node, at: Id) {
        match (key, &node.kind) {
            ("type", Kind::Text(word)) if !TYPES.contains(&word.as_str()) => {
                let help = nearest(word, TYPES).map_or_else(
                    || format!("known types: {}", TYPES.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                let message = format!("there is no type `{}`", crate::source::text::shown(word));
                self.sink.push(Raw::error(codes::UNKNOWN_WORD, message).node(node.id, "").help(help));
            }
            ("items" | "contains" | "not" | "propertyNames" | "additionalProperties", Kind::Map(_)) => {
                self.subschema(node)
            }
            ("prefixItems" | "anyOf" | "oneOf" | "allOf", Kind::List(items)) => {
                items.iter().for_each(|n| self.subschema(n))
            }
            ("properties", Kind::Map(entries)) => entries.iter().for_each(|e| self.subschema(&e.value)),
            (_, Kind::Text(_)) => {
                no_expression(node, &format!("`{key}`"), self.sink);
            }
            (_, Kind::Null) if key != "const" => {
                self.sink.push(Raw::error(codes::BAD_SCHEMA, format!("`{key}` has no value")).node(at, ""));
            }
            _ => {}
        }
    }

    fn subschema(&mut self, node: &Node) {
        if matches!(node.kind, Kind::Bool(_)) {
            return;
        }
        if let Some(fields) = Fields::open(node, "a schema", self.sink) {
            self.keywords(&fields, "a schema", &["default"]);
        }
    }

    /// The default of an input: a value that the input itself would accept.
    pub(super) fn default(&mut self, node: &Node, schema: &Value) -> Option<Value> {
        if no_expression(node, "`default`", self.sink) {
            return None;
        }
        let value = node.to_json();
        let violations = match (&value, Validator::new(schema)) {
            (Some(value), Ok(validator)) => validator.violations(value),
            _ => Vec::new(),
        };
        let ty = Type::from_schema(schema);
        self.ambiguous(node, &ty);
        if value.is_none() {
            self.sink.push(
                Raw::error(
                    codes::BAD_LITERAL,
                    "this number cannot be kept: it is none, or has more than 64 bits",
                )
                .node(node.id, ""),
            );
        }
        for violation in violations {
            let place = node.descend(&violation.pointer);
            let message = format!("the default breaks its own schema: {}", said(&violation.message, place));
            let raw = Raw::error(codes::BAD_LITERAL, message).node(place.id, "");
            self.sink.push(raw.maybe_help(literal_help(place, &ty, &violation.pointer)));
        }
        value
    }
}
