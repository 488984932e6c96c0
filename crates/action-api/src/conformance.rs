//! What every action must declare, as one suite that any source can be held against.
//!
//! It reads what actions say about themselves and calls none of them, so it needs no server and no runtime. A
//! failure is a sentence with the action and the place, because library code does not panic. Left out: what only a
//! call shows, such as whether a repeat is harmless; each source tests that against the service it speaks to.

use serde_json::{Map, Value};

use crate::{ActionSource, Spec, Validator};

/// Keywords whose schemas are about the same value as the schema they stand in.
const IN_PLACE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];
/// Keywords with one schema, or a list of them, for parts of the value.
const PARTS: [&str; 5] = ["items", "prefixItems", "contains", "additionalProperties", "unevaluatedItems"];
/// Keywords with schemas by name.
const NAMED: [&str; 3] = ["properties", "patternProperties", "$defs"];
/// A description with fewer letters says nothing.
const SAYS_SOMETHING: usize = 6;
/// The same for a summary, and for the description of a whole action.
const SUMMARY: usize = 11;
const DESCRIPTION: usize = 41;
/// How often one schema may refer to the next.
const REFERENCES: usize = 20;

/// Holds every action of a source against the suite.
///
/// # Errors
/// One line for each thing that is wrong.
pub fn all(source: &dyn ActionSource) -> Result<(), String> {
    let specs = source.specs();
    let mut lines: Vec<String> = specs.iter().filter_map(|spec| check(spec).err()).collect();
    if specs.is_empty() {
        lines.push("the source has no action".to_owned());
    }
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

/// Holds one action against the suite: its schemas are usable, closed and documented, its defaults and examples obey
/// them, and it says in words what it does.
///
/// # Errors
/// One line for each thing that is wrong.
pub fn check(spec: &Spec) -> Result<(), String> {
    let mut problems = Vec::new();
    words(spec, &mut problems);
    for (side, schema) in [("input", &spec.input), ("output", &spec.output)] {
        if let Err(error) = Validator::new(schema) {
            problems.push(format!("{side}: {error}"));
            continue;
        }
        if !is_closed_object(schema, schema, REFERENCES) {
            let why = "is not an object that refuses unknown fields; say `type: object` and `additionalProperties: false`";
            problems.push(format!("{side} {why}"));
        }
        objects(schema, schema, side, &mut problems);
    }
    examples(spec, &mut problems);
    let lines: Vec<String> = problems.iter().map(|problem| format!("{}: {problem}", spec.name)).collect();
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

fn letters(text: &str) -> usize {
    text.trim().chars().count()
}

fn words(spec: &Spec, problems: &mut Vec<String>) {
    if letters(&spec.summary) < SUMMARY || spec.summary.contains('\n') || spec.summary.ends_with('.') {
        problems.push("its summary is not one line of words without a full stop".to_owned());
    }
    if letters(&spec.description) < DESCRIPTION {
        problems.push("its description does not say what it does and will not do".to_owned());
    }
    if spec.errors.is_empty() {
        problems.push("it names no failure, and each action can end as `invalid` at least".to_owned());
    }
    if spec.examples.is_empty() {
        problems.push("it has no example".to_owned());
    }
}

fn examples(spec: &Spec, problems: &mut Vec<String>) {
    let (Ok(input), Ok(output)) = (Validator::new(&spec.input), Validator::new(&spec.output)) else { return };
    for example in &spec.examples {
        let of_input = input.violations(&example.input).into_iter().map(|broken| ("input", broken));
        let given = Some(&example.output).filter(|value| !value.is_null());
        let of_output = given.into_iter().flat_map(|value| output.violations(value));
        for (side, broken) in of_input.chain(of_output.map(|broken| ("output", broken))) {
            let place = if broken.pointer.is_empty() { "as a whole" } else { &broken.pointer };
            problems.push(format!(
                "the {side} of its example \"{}\", {place}: {}",
                example.title, broken.message
            ));
        }
    }
}

fn is_closed(schema: &Value) -> bool {
    schema.get("additionalProperties") == Some(&Value::Bool(false))
}

/// Whether the value of a whole side is an object without other fields, or one of several such objects.
fn is_closed_object(schema: &Value, root: &Value, left: usize) -> bool {
    if schema.get("type") == Some(&Value::from("object")) && is_closed(schema) {
        return true;
    }
    let Some(left) = left.checked_sub(1) else { return false };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let target = target.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
        return target.is_some_and(|target| is_closed_object(target, root, left));
    }
    let choices = ["oneOf", "anyOf"].into_iter().find_map(|keyword| schema.get(keyword)?.as_array());
    choices.is_some_and(|all| !all.is_empty() && all.iter().all(|one| is_closed_object(one, root, left)))
}

/// Every object in a schema that names fields is closed and its fields are documented.
///
/// What stands in place inside a closed object only narrows its fields, and could not be closed itself without
/// refusing the others.
fn objects(schema: &Value, root: &Value, place: &str, problems: &mut Vec<String>) {
    let Value::Object(keywords) = schema else { return };
    if let Some(properties) = keywords.get("properties").and_then(Value::as_object) {
        if !is_closed(schema) {
            problems.push(format!("{place} is open; say `additionalProperties: false`"));
        }
        fields(properties, root, place, problems);
    }
    for (keyword, inner) in keywords {
        let here = format!("{place}/{keyword}");
        let narrows = IN_PLACE.contains(&keyword.as_str());
        match inner {
            Value::Object(named) if NAMED.contains(&keyword.as_str()) => {
                named
                    .iter()
                    .for_each(|(name, inner)| objects(inner, root, &format!("{here}/{name}"), problems));
            }
            Value::Array(several) if PARTS.contains(&keyword.as_str()) || narrows && !is_closed(schema) => {
                several.iter().for_each(|inner| objects(inner, root, &here, problems));
            }
            one if PARTS.contains(&keyword.as_str()) || narrows && !is_closed(schema) => {
                objects(one, root, &here, problems);
            }
            _ => {}
        }
    }
}

fn fields(properties: &Map<String, Value>, root: &Value, place: &str, problems: &mut Vec<String>) {
    for (name, property) in properties {
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        if letters(description) < SAYS_SOMETHING {
            problems.push(format!("{place}/{name} has no description"));
        }
        let Some(default) = property.get("default") else { continue };
        if !with_definitions(property, root).is_ok_and(|schema| schema.is_valid(default)) {
            problems.push(format!("{place}/{name} has a default that it refuses"));
        }
    }
}

/// A part of a schema as a schema of its own: what it refers to stands at the root.
fn with_definitions(part: &Value, root: &Value) -> Result<Validator, crate::SchemaError> {
    let mut part = part.clone();
    if let (Some(keywords), Some(definitions)) = (part.as_object_mut(), root.get("$defs")) {
        keywords.insert("$defs".to_owned(), definitions.clone());
    }
    Validator::new(&part)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Functions;

    /// A declaration that has everything, with one thing changed.
    fn declared(pointer: &str, value: Value) -> Spec {
        let mut whole = json!({
            "name": "ticket.open",
            "summary": "Open a ticket once",
            "description": "Opens a ticket under the key of the step, and never a second one.",
            "effect": "notification",
            "repeat": "keyed",
            "errors": ["invalid"],
            "input": {
                "type": "object", "additionalProperties": false, "required": ["title"],
                "properties": {
                    "title": { "description": "One line", "type": "string" },
                    "level": { "description": "How bad it is", "$ref": "#/$defs/level", "default": 1 },
                    "lines": { "description": "More lines", "type": "array", "items": {
                        "type": "object", "additionalProperties": false,
                        "properties": { "text": { "description": "A line", "type": "string" } }
                    } }
                },
                "oneOf": [
                    { "properties": { "level": { "const": 1 } } },
                    { "required": ["lines"], "properties": { "level": { "const": 2 } } }
                ],
                "$defs": { "level": { "type": "integer", "maximum": 3 } }
            },
            "output": { "oneOf": [{ "$ref": "#/$defs/opened" }], "$defs": { "opened": {
                "type": "object", "additionalProperties": false,
                "properties": { "id": { "description": "Its number", "type": "integer" } }
            } } },
            "examples": [{ "title": "One", "input": { "title": "Phishing" }, "output": { "id": 7 } }]
        });
        if !pointer.is_empty() {
            *whole.pointer_mut(pointer).unwrap() = value;
        }
        serde_json::from_value(whole).unwrap()
    }

    #[test]
    fn a_whole_declaration_passes() {
        assert_eq!(check(&declared("", Value::Null)), Ok(()));
    }

    #[test]
    fn each_lapse_is_told_with_its_place() {
        for (pointer, value, told) in [
            ("/summary", json!("Open."), "its summary"),
            ("/summary", json!("Open a ticket once."), "its summary"),
            ("/description", json!("Opens."), "its description"),
            ("/errors", json!([]), "no failure"),
            ("/examples", json!([]), "no example"),
            ("/examples/0/input", json!({}), "the input of its example \"One\", as a whole"),
            ("/examples/0/output/id", json!("7"), "the output of its example \"One\", as a whole"),
            ("/input/type", json!("objekt"), "input: not a usable JSON Schema"),
            (
                "/input/additionalProperties",
                json!(true),
                "input is not an object that refuses unknown fields",
            ),
            ("/input", json!({ "type": "string" }), "input is not an object"),
            ("/output/oneOf", json!([]), "output"),
            ("/output/oneOf/0", json!({ "type": "string" }), "output is not an object"),
            ("/output/oneOf/0", json!({ "$ref": "#/oneOf/0" }), "output is not an object"),
            ("/output/$defs/opened/additionalProperties", json!({}), "output/$defs/opened is open"),
            ("/input/properties/title", json!({ "type": "string" }), "input/title has no description"),
            ("/input/properties/level/default", json!(4), "input/level has a default that it refuses"),
            (
                "/input/properties/lines/items/additionalProperties",
                json!(true),
                "input/properties/lines/items is open",
            ),
            (
                "/input/properties/lines/items/properties/text/description",
                json!(""),
                "input/properties/lines/items/text has no description",
            ),
        ] {
            let problems = check(&declared(pointer, value)).unwrap_err();
            let named = problems.lines().all(|line| line.starts_with("ticket.open: "));
            assert!(named && problems.contains(told), "{pointer}: {problems}");
        }
    }

    #[test]
    fn a_source_is_all_of_its_actions() {
        let handler = async |_| Ok(json!({ "id": 7 }));
        let good = Functions::new().with(declared("", Value::Null), handler).unwrap();
        assert_eq!(all(&good), Ok(()));
        let mut bad = declared("/errors", json!([]));
        bad.name = "ticket.close".to_owned();
        let both = good.with(bad, handler).unwrap();
        assert!(
            all(&both).is_err_and(|told| told.starts_with("ticket.close: ") && told.lines().count() == 1)
        );
        assert!(all(&Functions::new()).is_err());
    }
}
