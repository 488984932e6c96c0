//! What limits read in an action's declaration: whether it deletes, how many things a call changes, and in which
//! mailboxes.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::Spec;

/// The mailboxes a call is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mailboxes {
    /// Every mailbox the input names, and how many things the call changes in it; each address once, whatever its
    /// case, as it stands first.
    pub each: Vec<(String, u64)>,
    /// Whether the action's input has a place for a mailbox at all.
    pub taken: bool,
}

impl Spec {
    /// Whether what it touches is gone afterwards: its input schema says `x-deletes: true`.
    pub fn deletes(&self) -> bool {
        self.input.get("x-deletes") == Some(&Value::Bool(true))
    }

    /// How many things a call with this input changes: the length of the longest list that the input schema marks
    /// `x-effect-items`, and at least 1.
    pub fn items_of(&self, input: &Value) -> u64 {
        let lists = self.counted().filter_map(|(name, _)| input.get(name)?.as_array().map(Vec::len));
        lists.max().map_or(1, |items| items.max(1) as u64)
    }

    /// The mailboxes a call with this input is about, with how many things it changes in each.
    ///
    /// An entry of a counted list that names its own mailbox counts there and nowhere else. A mailbox that stands
    /// anywhere else in the input counts all of them.
    pub fn mailboxes_of(&self, input: &Value) -> Mailboxes {
        let (mut all, mut known) = (Mailboxes::default(), HashMap::new());
        let root = &self.input;
        let mut listed: Vec<&str> = Vec::new();
        for (name, schema) in self.counted() {
            let Some(entry) = schema.get("items").filter(|entry| names_mailbox(entry, root)) else {
                continue;
            };
            listed.push(name);
            all.taken = true;
            for value in input.get(name).and_then(Value::as_array).into_iter().flatten() {
                let mut own = Vec::new();
                gather(entry, root, Some(value), 0, &mut own, &mut all.taken);
                all.add(&mut known, own, 1);
            }
        }
        let mut beside = Vec::new();
        let items = self.items_of(input);
        for (name, schema) in properties(root).filter(|(name, _)| !listed.contains(&name.as_str())) {
            gather(schema, root, input.get(name), 0, &mut beside, &mut all.taken);
        }
        for schema in choices(root) {
            gather(schema, root, Some(input), 0, &mut beside, &mut all.taken);
        }
        all.add(&mut known, beside, items);
        all
    }

    /// The properties whose items are counted.
    fn counted(&self) -> impl Iterator<Item = (&String, &Value)> {
        properties(&self.input).filter(|(_, schema)| schema.get("x-effect-items") == Some(&Value::Bool(true)))
    }
}

impl Mailboxes {
    /// Adds items to each of these, every mailbox once. `known` is where each stands, in lower case.
    fn add(&mut self, known: &mut HashMap<String, usize>, named: Vec<&str>, items: u64) {
        let mut before = HashSet::new();
        for address in named {
            let same = address.to_lowercase();
            if !before.insert(same.clone()) {
                continue;
            }
            let place = *known.entry(same).or_insert(self.each.len());
            match self.each.get_mut(place) {
                Some((_, count)) => *count = count.saturating_add(items),
                None => self.each.push((address.to_owned(), items)),
            }
        }
    }
}

/// Schemas may refer to themselves.
const DEEPEST: usize = 16;

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf", "allOf"]
        .into_iter()
        .filter_map(|word| schema.get(word).and_then(Value::as_array))
        .flatten()
}

/// Every text that stands at a place marked as a mailbox.
fn gather<'v>(
    schema: &Value,
    root: &Value,
    value: Option<&'v Value>,
    depth: usize,
    found: &mut Vec<&'v str>,
    taken: &mut bool,
) {
    if depth > DEEPEST {
        return;
    }
    if schema.get("x-guard").and_then(Value::as_str) == Some("mailbox") {
        *taken = true;
        found.extend(value.and_then(Value::as_str));
    }
    for (name, property) in properties(schema) {
        gather(property, root, value.and_then(|value| value.get(name)), depth + 1, found, taken);
    }
    if let Some(rest) = schema.get("additionalProperties") {
        let known = |name: &String| schema.get("properties").is_some_and(|all| all.get(name).is_some());
        match value.and_then(Value::as_object) {
            Some(fields) => fields
                .iter()
                .filter(|(name, _)| !known(name))
                .for_each(|(_, value)| gather(rest, root, Some(value), depth + 1, found, taken)),
            None => gather(rest, root, None, depth + 1, found, taken),
        }
    }
    if let Some(items) = schema.get("items") {
        match value.and_then(Value::as_array) {
            Some(values) => {
                values.iter().for_each(|value| gather(items, root, Some(value), depth + 1, found, taken));
            }
            None => gather(items, root, None, depth + 1, found, taken),
        }
    }
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
    for schema in choices(schema).chain(target.and_then(|pointer| root.pointer(pointer))) {
        gather(schema, root, value, depth + 1, found, taken);
    }
}

/// Whether a value of this schema says which mailbox it is about.
fn names_mailbox(schema: &Value, root: &Value) -> bool {
    let mut taken = false;
    gather(schema, root, None, 0, &mut Vec::new(), &mut taken);
    taken
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn spec(input: Value) -> Spec {
        let spec = json!({
            "name": "box.delete", "summary": "", "input": input, "output": {}, "effect": "containment",
            "repeat": "natural", "errors": []
        });
        serde_json::from_value(spec).unwrap()
    }

    fn found(spec: &Spec, input: &Value) -> Vec<(String, u64)> {
        spec.mailboxes_of(input).each
    }

    #[test]
    fn mailboxes_are_found_wherever_the_schema_marks_them() {
        let guarded = json!({"type": "string", "x-guard": "mailbox"});
        let spec = spec(json!({
            "$defs": {"owner": {"properties": {"of": guarded}}},
            "properties": {
                "mailbox": guarded,
                "others": {"items": guarded},
                "deep": {"anyOf": [{"properties": {"box": guarded}}, {"type": "null"}]},
                "far": {"$ref": "#/$defs/owner"},
                "map": {"additionalProperties": guarded},
                "to": {"type": "string", "x-guard": "recipient"},
            }
        }));
        let input = json!({"mailbox": "A@x.example", "others": ["b@x.example", 7, "a@X.example"],
            "deep": {"box": "c@x.example"}, "far": {"of": "e@x.example"}, "map": {"k": "f@x.example"},
            "to": "d@x.example"});
        let mut named: Vec<String> =
            found(&spec, &input).into_iter().map(|(name, _)| name.to_lowercase()).collect();
        named.sort();
        assert_eq!(named, ["a@x.example", "b@x.example", "c@x.example", "e@x.example", "f@x.example"]);
        let nothing = spec.mailboxes_of(&Value::Null);
        assert!(nothing.each.is_empty() && nothing.taken);
        assert!(!self::spec(json!({"properties": {}})).mailboxes_of(&json!({})).taken);
    }

    #[test]
    fn every_entry_of_a_list_counts_in_its_own_mailbox() {
        let guarded = json!({"type": "string", "x-guard": "mailbox"});
        let spec = spec(json!({"properties": {
            "mailbox": guarded,
            "ids": {"type": "array", "x-effect-items": true, "items": {"type": "string"}},
            "items": {"type": "array", "x-effect-items": true, "items": {"properties": {"mailbox": guarded}}},
        }}));
        let item = |mailbox: &str| json!({"mailbox": mailbox, "id": "1"});
        let list = json!({"items": [item("a@x.example"), item("b@x.example"), item("A@x.example")]});
        assert_eq!(found(&spec, &list), [("a@x.example".to_owned(), 2), ("b@x.example".to_owned(), 1)]);
        assert_eq!(spec.items_of(&list), 3);
        let one = json!({"mailbox": "a@x.example", "ids": ["1", "2"]});
        assert_eq!(found(&spec, &one), [("a@x.example".to_owned(), 2)]);
        // Both forms at once, which the action refuses: neither hides what the other says.
        let both = json!({"mailbox": "c@x.example", "items": [item("a@x.example"), item("b@x.example")]});
        let expected = [("a@x.example", 1), ("b@x.example", 1), ("c@x.example", 2)];
        assert_eq!(found(&spec, &both), expected.map(|(name, items)| (name.to_owned(), items)));
    }
}
