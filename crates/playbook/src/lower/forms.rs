//! Actions that can be told in more than one way what they are about, and what that means for what they give.
//!
//! An input schema says with `oneOf` which fields go together (`required`) and which do not (`not`); the output marks
//! what is there with one of the forms only (`x-given`), and what has to be looked at where a step succeeds although
//! a part of it failed (`x-failures`).

use action_api::Spec;
use expr::Type;
use serde_json::Value;

use super::fields::Fields;
use super::{Action, Lower};
use crate::codes;
use crate::report::Raw;
use crate::source::tree::{Kind, Node};

/// Fields that go together, and fields that do not go with them.
struct Form<'s> {
    needs: Vec<&'s str>,
    refuses: Vec<&'s str>,
}

/// Fields that go together, for a sentence.
fn both(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}

fn names(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

impl<'s> Form<'s> {
    /// Nothing if it says more than which fields are there.
    fn read(schema: &'s Value) -> Option<Self> {
        let known = schema.as_object()?.keys().all(|key| key == "required" || key == "not");
        let refused = schema.pointer("/not/anyOf").and_then(Value::as_array).into_iter().flatten();
        let refuses = refused.flat_map(|one| names(one.get("required"))).collect();
        known.then(|| Form { needs: names(schema.get("required")), refuses })
    }
}

/// The forms of an input, if it has more than one.
fn forms(spec: &Spec) -> Vec<Form<'_>> {
    let all = spec.input.get("oneOf").and_then(Value::as_array);
    all.and_then(|all| all.iter().map(Form::read).collect()).unwrap_or_default()
}

impl Lower<'_> {
    /// Exactly one of the forms has to be given.
    pub(super) fn one_form(&mut self, uses: &Node, given: &Fields<'_>, spec: &Spec) {
        let forms = forms(spec);
        let there = |name: &&str| given.entry(name).is_some();
        // The one that was meant: one that is complete, or else that of which the most is there.
        let fit = |form: &&Form<'_>| {
            let found = form.needs.iter().filter(|name| there(name)).count();
            (found == form.needs.len(), found)
        };
        let Some(meant) = forms.iter().rev().max_by_key(fit) else { return };
        let ways: Vec<String> = forms.iter().map(|form| both(&form.needs)).collect();
        let ways = ways.join(", or ");
        let missing: Vec<&str> = meant.needs.iter().copied().filter(|name| !there(name)).collect();
        if missing.len() == meant.needs.len() {
            self.sink.push(
                Raw::error(codes::MISSING_INPUT, format!("`{}` needs {ways}", spec.name))
                    .node(uses.id, "")
                    .help("add one of these under `with`"),
            );
        } else if !missing.is_empty() {
            let names = both(&missing);
            self.sink.push(
                Raw::error(codes::MISSING_INPUT, format!("`{}` needs {names}", spec.name))
                    .node(uses.id, "")
                    .help(format!("add {names} under `with`; it takes {ways}")),
            );
        }
        for entry in meant.refuses.iter().filter_map(|name| given.entry(name)) {
            let with = both(&meant.needs);
            self.sink.push(
                Raw::error(codes::MISPLACED, format!("`{}` does not go with {with}", entry.key.text))
                    .node(entry.key.id, "")
                    .help(format!("`{}` takes {ways}", spec.name)),
            );
        }
    }

    /// What a call gives: the action's output, narrowed to the form that is given.
    pub(super) fn given_output(&self, fields: &Fields<'_>, action: &Action) -> Type {
        if action.marked.is_empty() {
            return action.output.clone();
        }
        let given = |(_, input): &(String, String)| with_value(fields, input).is_some();
        let way: Vec<bool> = action.marked.iter().map(given).collect();
        let narrow = || narrowed(&action.spec.output, &action.marked, &way);
        action.narrowed.borrow_mut().entry(way.clone()).or_insert_with(narrow).clone()
    }

    /// The outputs that tell what failed, if the step goes on whatever happens to its items.
    pub(super) fn tells_failures(&self, fields: &Fields<'_>, spec: &Spec) -> Vec<String> {
        let collects = with_value(fields, "on_item_error")
            .is_some_and(|node| !matches!(&node.kind, Kind::Text(text) if text == "fail"));
        if !collects {
            return Vec::new();
        }
        let properties = spec.output.get("properties").and_then(Value::as_object).into_iter().flatten();
        properties
            .filter(|(_, schema)| schema.get("x-failures") == Some(&Value::Bool(true)))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// The properties of an output that are there with one form only (`x-given`), and the input that belongs to it.
pub(super) fn marked(output: &Value) -> Vec<(String, String)> {
    let properties = output.get("properties").and_then(Value::as_object).into_iter().flatten();
    let mark = |schema: &Value| schema.get("x-given").and_then(Value::as_str).map(str::to_owned);
    properties.filter_map(|(name, schema)| Some((name.clone(), mark(schema)?))).collect()
}

/// The type of an output where each marked property is there or is not.
fn narrowed(output: &Value, marked: &[(String, String)], there: &[bool]) -> Type {
    let mut output = output.clone();
    for ((name, _), there) in marked.iter().zip(there) {
        if let Some(schema) = output.get_mut("properties").and_then(|all| all.get_mut(name)) {
            narrow(schema, *there);
        }
    }
    Type::from_schema(&output)
}

/// Leaves of a property that may be null what it is if it is there, or null alone. A list of words and a choice of
/// schemas say it in ways of their own.
fn narrow(schema: &mut Value, there: bool) {
    let is_null = |word: &str, part: &Value| match word {
        "type" => part == "null",
        "enum" => part.is_null(),
        _ => part.get("type").is_some_and(|kind| kind == "null"),
    };
    for word in ["type", "enum", "anyOf"] {
        if let Some(Value::Array(parts)) = schema.get_mut(word) {
            parts.retain(|part| is_null(word, part) != there);
        }
    }
}

/// What a step gives an input.
fn with_value<'n>(fields: &Fields<'n>, name: &str) -> Option<&'n Node> {
    match &fields.get("with")?.kind {
        Kind::Map(entries) => entries.iter().find(|entry| entry.key.text == name).map(|entry| &entry.value),
        _ => None,
    }
}

/// Whether a mailbox or an item is named anywhere in values of this schema.
pub(super) fn selects(schema: &Value, depth: usize) -> bool {
    // Deeper than real inputs; what is not looked at counts as one.
    const DEEPEST: usize = 12;
    let guard = schema.get("x-guard").and_then(Value::as_str);
    if depth > DEEPEST || matches!(guard, Some("mailbox" | "item")) {
        return true;
    }
    match schema {
        Value::Object(fields) => {
            fields.values().any(|inner| (inner.is_object() || inner.is_array()) && selects(inner, depth + 1))
        }
        Value::Array(items) => items.iter().any(|inner| inner.is_object() && selects(inner, depth + 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_property_is_there_or_null_however_its_schema_says_null() {
        for (schema, there, not_there) in [
            (
                json!({ "type": ["object", "null"], "properties": {} }),
                json!({ "type": ["object"], "properties": {} }),
                json!({ "type": ["null"], "properties": {} }),
            ),
            (
                json!({ "type": ["string", "null"], "enum": ["done", null] }),
                json!({ "type": ["string"], "enum": ["done"] }),
                json!({ "type": ["null"], "enum": [null] }),
            ),
            (
                json!({ "anyOf": [{ "type": "string", "const": "done" }, { "type": "null" }] }),
                json!({ "anyOf": [{ "type": "string", "const": "done" }] }),
                json!({ "anyOf": [{ "type": "null" }] }),
            ),
        ] {
            for (given, expected) in [(true, there), (false, not_there)] {
                let mut narrowed = schema.clone();
                narrow(&mut narrowed, given);
                assert_eq!(narrowed, expected);
            }
        }
    }
}
