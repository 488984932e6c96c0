//! JSON Schema 2020-12 to types.
//!
//! Reads what says something about shape: `type`, `properties`, `required`, `additionalProperties`, `items`,
//! `minItems`, `enum`, `const`, `format`, `anyOf`, `oneOf`, `allOf`, `$ref` inside the document, and our three marks
//! (`x-untrusted`, `x-secret`, `x-type`).
//! What only narrows values (patterns, ranges) is left to validation at run time: a type that is too wide costs a
//! check, one that is too narrow would refuse a right playbook. Where schemas refer to themselves the type is
//! `any` from the second round on.

use super::{Field, Kind, ListType, TextFacts, Type};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Nesting of schemas that is followed.
const DEEPEST: usize = 48;
/// Schemas that are looked at; the rest is `any`. Combinations can multiply, so depth alone is no bound.
const MOST: usize = 50_000;

impl Type {
    /// The type of the values that a JSON Schema admits, or a wider one.
    pub fn from_schema(schema: &Value) -> Type {
        Reader { root: schema, open: Vec::new(), known: HashMap::new(), left: MOST }.read(schema, 0)
    }
}

struct Reader<'s> {
    root: &'s Value,
    /// References that are being followed.
    open: Vec<&'s str>,
    known: HashMap<&'s str, Type>,
    left: usize,
}

impl<'s> Reader<'s> {
    fn read(&mut self, schema: &'s Value, depth: usize) -> Type {
        let Value::Object(schema) = schema else {
            return if schema == &Value::Bool(false) { Type::never() } else { Type::any() };
        };
        if depth > DEEPEST || self.left == 0 {
            return marked(Type::any(), schema);
        }
        self.left -= 1;
        if schema.get("x-type").and_then(Value::as_str) == Some("restriction") {
            // Its shape is for validation; to the checker it is one thing.
            return marked(Type::restriction(), schema);
        }
        let mut ty = self.own(schema, depth);
        if let Some(Value::String(target)) = schema.get("$ref") {
            ty = meet(ty, self.reference(target, depth));
        }
        if let Some(Value::Array(parts)) = schema.get("allOf") {
            for part in parts {
                let part = self.read(part, depth + 1);
                ty = meet(ty, part);
            }
        }
        for word in ["anyOf", "oneOf"] {
            // Which fields go together says nothing about their shape.
            if let Some(Value::Array(parts)) = schema.get(word).filter(|parts| !only_presence(parts)) {
                let parts: Vec<Type> = parts.iter().map(|part| self.read(part, depth + 1)).collect();
                ty = meet(ty, Type::union(parts));
            }
        }
        marked(ty, schema)
    }

    fn reference(&mut self, target: &'s str, depth: usize) -> Type {
        if let Some(known) = self.known.get(target) {
            return known.clone();
        }
        let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        let (Some(found), false) = (found, self.open.contains(&target)) else { return Type::any() };
        self.open.push(target);
        let ty = self.read(found, depth + 1);
        self.open.pop();
        if self.open.is_empty() {
            self.known.insert(target, ty.clone());
        }
        ty
    }

    /// What the schema itself says, without references and combinations.
    fn own(&mut self, schema: &'s Map<String, Value>, depth: usize) -> Type {
        if let Some(value) = schema.get("const") {
            return of_value(value);
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return Type::union(values.iter().map(of_value));
        }
        match schema.get("type") {
            Some(Value::String(word)) => self.of_word(word, schema, depth),
            Some(Value::Array(words)) => {
                let words: Vec<Type> = words
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|word| self.of_word(word, schema, depth))
                    .collect();
                Type::union(words)
            }
            _ if ["properties", "required", "additionalProperties"]
                .iter()
                .any(|key| schema.contains_key(*key)) =>
            {
                self.object(schema, depth)
            }
            _ if schema.contains_key("items") => self.list(schema, depth),
            _ => Type::any(),
        }
    }

    fn of_word(&mut self, word: &str, schema: &'s Map<String, Value>, depth: usize) -> Type {
        match word {
            "null" => Type::null(),
            "boolean" => Type::bool(),
            "integer" => Type::int(),
            "number" => Type::number(),
            "string" => schema.get("format").and_then(Value::as_str).map_or_else(Type::string, Type::format),
            "array" => self.list(schema, depth),
            "object" => self.object(schema, depth),
            _ => Type::any(),
        }
    }

    fn list(&mut self, schema: &'s Map<String, Value>, depth: usize) -> Type {
        let element = schema.get("items").map_or_else(Type::any, |items| self.read(items, depth + 1));
        let at_least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let at_most = schema.get("maxItems").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let at_least = usize::try_from(at_least).unwrap_or(usize::MAX);
        Type::of(Kind::List(Arc::new(ListType { element, at_least, at_most })))
    }

    fn object(&mut self, schema: &'s Map<String, Value>, depth: usize) -> Type {
        let required: Vec<&str> = match schema.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut fields = BTreeMap::new();
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                let ty = self.read(property, depth + 1);
                fields.insert(name.clone(), Field { ty, required: required.contains(&name.as_str()) });
            }
        }
        for name in &required {
            fields.entry((*name).to_owned()).or_insert_with(|| Field { ty: Type::any(), required: true });
        }
        let rest = match schema.get("additionalProperties") {
            Some(Value::Bool(false)) if !schema.contains_key("patternProperties") => None,
            Some(other) if !schema.contains_key("patternProperties") => Some(self.read(other, depth + 1)),
            _ => Some(Type::any()),
        };
        match rest {
            Some(value) if fields.is_empty() => Type::map(value),
            rest => Type::object(fields, rest),
        }
    }
}

fn marked(ty: Type, schema: &Map<String, Value>) -> Type {
    let is = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    let ty = if is("x-untrusted") { ty.with_untrusted() } else { ty };
    if is("x-secret") { ty.with_secret() } else { ty }
}

/// Whether these alternatives say only which fields are there and which are not.
fn only_presence(parts: &Value) -> bool {
    let known = |part: &Value| {
        let keys = part.as_object();
        keys.is_some_and(|keys| !keys.is_empty() && keys.keys().all(|key| key == "required" || key == "not"))
    };
    parts.as_array().is_some_and(|parts| parts.iter().all(known))
}

/// The type of a constant.
fn of_value(value: &Value) -> Type {
    match value {
        Value::Null => Type::null(),
        Value::Bool(_) => Type::bool(),
        Value::Number(number) if number.is_i64() => Type::int(),
        Value::Number(_) => Type::number(),
        Value::String(text) => Type::literal(text),
        Value::Array(items) => Type::list_at_least(Type::union(items.iter().map(of_value)), items.len()),
        Value::Object(map) => Type::closed(map.iter().map(|(name, value)| (name.clone(), of_value(value)))),
    }
}

/// A type for the values of both; where the two say different things, the first that says something wins, because
/// a wider type is safe.
fn meet(a: Type, b: Type) -> Type {
    let labels = Type::never().inside(&a).inside(&b);
    let kind = match (&a.kind, &b.kind) {
        (Kind::Any, other) | (other, Kind::Any) => other.clone(),
        (Kind::Object(x), Kind::Object(y)) => {
            let mut fields = x.fields.clone();
            for (name, field) in &y.fields {
                let merged = match fields.remove(name) {
                    Some(old) => {
                        Field { ty: meet(old.ty, field.ty.clone()), required: old.required || field.required }
                    }
                    None => field.clone(),
                };
                fields.insert(name.clone(), merged);
            }
            // Closed only if both are: `additionalProperties` looks at its own `properties` alone, and a schema
            // that closes a part would otherwise deny the members of the other.
            let rest = match (&x.rest, &y.rest) {
                (None, None) => None,
                (Some(r), None) | (None, Some(r)) | (Some(r), Some(_)) => Some(r.clone()),
            };
            return Type::object(fields, rest).inside(&labels);
        }
        (Kind::Map(value), Kind::Object(object)) | (Kind::Object(object), Kind::Map(value)) => {
            let rest = object.rest.as_ref().map(|rest| meet(rest.clone(), (**value).clone()));
            return Type::object(object.fields.clone(), rest).inside(&labels);
        }
        (Kind::List(x), Kind::List(y)) => Kind::List(Arc::new(ListType {
            element: meet(x.element.clone(), y.element.clone()),
            at_least: x.at_least.max(y.at_least),
            at_most: x.at_most.into_iter().chain(y.at_most).min(),
        })),
        (Kind::Text(x), Kind::Text(y)) => {
            let (x, y) =
                (x.as_deref().cloned().unwrap_or_default(), y.as_deref().cloned().unwrap_or_default());
            let facts = TextFacts { values: x.values.or(y.values), format: x.format.or(y.format) };
            Kind::Text((facts != TextFacts::default()).then(|| Arc::new(facts)))
        }
        (Kind::Number, Kind::Int | Kind::Double) => b.kind.clone(),
        // A union of objects and common members beside it: the members hold for each of them.
        (Kind::Union(members), _) => {
            let all: Vec<Type> =
                members.iter().filter(|m| same_sort(m, &b)).map(|m| meet(m.clone(), b.clone())).collect();
            return if all.is_empty() { a.inside(&labels) } else { Type::union(all).inside(&labels) };
        }
        (_, Kind::Union(_)) => return meet(b, a),
        _ => a.kind.clone(),
    };
    Type::of(kind).inside(&labels)
}

fn same_sort(a: &Type, b: &Type) -> bool {
    use Kind::{Double, Int, List, Map, Number, Object, Text, Union};
    match (&a.kind, &b.kind) {
        (Text(_), Text(_)) | (List(_), List(_)) | (Object(_) | Map(_), Object(_) | Map(_)) => true,
        (Int | Double | Number, Int | Double | Number) => true,
        (_, Union(members)) => members.iter().any(|b| same_sort(a, b)),
        (a, b) => a == b,
    }
}
