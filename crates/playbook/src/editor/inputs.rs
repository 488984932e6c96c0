//! `with:` of each action: its input schema, with an expression in place of each value.

use action_api::Spec;
use serde_json::{Value, json};

/// The inputs of an action, each of which may also be computed.
pub(super) fn with(spec: &Spec) -> Value {
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
    if let Some(schema) = schema.as_object_mut() {
        let words = [spec.summary.as_str(), spec.description.as_str()];
        let words: Vec<&str> = words.into_iter().filter(|words| !words.is_empty()).collect();
        schema.insert("description".into(), json!(words.join("\n\n")));
        let examples: Vec<&Value> = spec.examples.iter().map(|example| &example.input).collect();
        if !examples.is_empty() {
            schema.insert("examples".into(), json!(examples));
        }
    }
    schema
}

/// Deeper than any real input; schemas that refer to themselves end as "anything".
const DEEPEST: usize = 6;

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
            // Only `aqs.*` makes one, so its shape is of no use to somebody who types.
            if map.get("x-type").is_some() {
                return;
            }
            map.values_mut().for_each(|value| resolve(value, definitions, depth + 1));
        }
        _ => {}
    }
}

/// Lets an expression stand for the value and for each of its parts, and a filled-in file for a text.
fn computed(schema: &mut Value, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    let Some(map) = schema.as_object_mut() else { return };
    let description = map.remove("description");
    let mut forms = Vec::new();
    if map.get("x-type").is_none() {
        if let Some(items) = map.get_mut("items") {
            computed(items, depth + 1);
        }
        if let Some(properties) = map.get_mut("properties").and_then(Value::as_object_mut) {
            properties.values_mut().for_each(|property| computed(property, depth + 1));
        }
        if map.get("type").is_some_and(|ty| *ty == "string" || list_has(ty, "string")) {
            forms.push(json!({ "$ref": "#/$defs/template" }));
        }
        forms.insert(0, Value::Object(std::mem::take(map)));
    }
    forms.push(json!({ "$ref": "#/$defs/expression" }));
    map.clear();
    map.insert("anyOf".into(), Value::Array(forms));
    if let Some(description) = description {
        map.insert("description".into(), description);
    }
}

fn list_has(list: &Value, word: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|item| item == word))
}
