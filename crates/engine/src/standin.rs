//! Stand-ins: outputs that obey a schema, for the calls a dry run does not make.

use serde_json::{Map, Value};

/// The plainest value the schema allows: required fields and those with a default only, first choice, shortest list.
///
/// Later steps then have something of the right type to work with, so that a dry run gets past the first
/// change. Schemas are those of actions, which are closed and have no references.
pub(crate) fn stand_in(schema: &Value) -> Value {
    build(schema, 0)
}

/// Deeper than this a schema refers to itself.
const DEPTH: usize = 16;

fn build(schema: &Value, depth: usize) -> Value {
    if depth > DEPTH {
        return Value::Null;
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("default")) {
        return value.clone();
    }
    if let Some(first) = schema.get("enum").and_then(Value::as_array).and_then(|values| values.first()) {
        return first.clone();
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema.get(choice).and_then(Value::as_array).and_then(|choices| choices.first())
        {
            return build(first, depth + 1);
        }
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ => "null",
    };
    match kind {
        "object" => object(schema, depth),
        "array" => {
            let count = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(64);
            let items = schema.get("items").unwrap_or(&Value::Null);
            (0..count).map(|_| build(items, depth + 1)).collect()
        }
        "string" => Value::from(text(schema)),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(0)),
        "boolean" => Value::from(false),
        _ => Value::Null,
    }
}

fn object(schema: &Value, depth: usize) -> Value {
    let mut map = Map::new();
    for name in
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    {
        let property = schema.get("properties").and_then(|properties| properties.get(name));
        map.insert(name.to_owned(), build(property.unwrap_or(&Value::Null), depth + 1));
    }
    // Whoever fills a form in may leave these out, and still they are there.
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Some(default) = property.get("default").filter(|_| !map.contains_key(name)) {
            map.insert(name.clone(), default.clone());
        }
    }
    Value::Object(map)
}

fn text(schema: &Value) -> String {
    let text = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "1970-01-01T00:00:00Z".to_owned(),
        Some("email") => "nobody@dry-run.invalid".to_owned(),
        _ => "dry-run".to_owned(),
    };
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0).min(4096) as usize;
    if text.len() >= least { text } else { "x".repeat(least) }
}

#[cfg(test)]
mod tests {
    use action_api::Validator;
    use serde_json::json;

    use super::*;

    #[test]
    fn obeys_the_schema() {
        for schema in [
            json!({"type": "object", "additionalProperties": false, "required": ["a", "b", "c"], "properties": {
                "a": {"type": "array", "minItems": 2, "items": {"type": "integer", "minimum": 3}},
                "b": {"type": ["null", "string"]},
                "c": {"anyOf": [{"type": "object", "required": ["x"], "properties": {"x": {"enum": ["on", "off"]}}}]},
                "d": {"type": "string"}}}),
            json!({"type": "string", "minLength": 30}),
            json!({"type": "object", "properties": {"note": {"type": "string", "default": "none"}}}),
            json!({"oneOf": [{"type": "boolean"}, {"type": "null"}]}),
        ] {
            let value = stand_in(&schema);
            let violations = Validator::new(&schema).unwrap().violations(&value);
            assert_eq!(violations, [], "{schema} {value}");
        }
        let form = json!({"type": "object", "properties": {"note": {"type": "string", "default": "none"}}});
        assert_eq!(stand_in(&form), json!({"note": "none"}));
    }
}
