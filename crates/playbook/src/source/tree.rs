//! The parsed file: nodes with numbers, keys in order, duplicates kept for the report.
//!
//! A number instead of a place: the parser does not tell places, and working them out costs a second parse
//! that a file without problems never pays (see `place`). Depth and count are bounded while the tree is built,
//! so no text can make it larger than its limits, whatever the scan before it overlooked.

use std::collections::HashMap;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::{MAX_DEPTH, MAX_NODES};

/// Position in file order, keys included.
pub(crate) type Id = usize;

/// One value.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: Id,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    Unsigned(u64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Node,
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) id: Id,
    pub(crate) text: String,
}

/// What is wrong with a key; the tree is usable all the same.
#[derive(Debug, PartialEq)]
pub(crate) enum KeyProblem {
    /// Stands twice in one mapping: this one, and the first one.
    Duplicate { key: Id, first: Id, text: String },
    /// A number, a boolean, nothing.
    NotText { key: Id, what: &'static str },
    /// `<<`.
    Merge { key: Id },
}

pub(crate) struct Tree {
    pub(crate) root: Node,
    pub(crate) problems: Vec<KeyProblem>,
}

impl Node {
    /// What it is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) | Kind::Unsigned(_) => "an integer",
            Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// The value as JSON. A number that cannot be kept (`.nan`, `.inf`, more than 64 bits) is `None`.
    pub(crate) fn to_json(&self) -> Option<serde_json::Value> {
        use serde_json::{Number, Value};
        Some(match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Int(value) => Value::from(*value),
            Kind::Unsigned(value) => Value::from(*value),
            Kind::Float(value) => Value::Number(Number::from_f64(*value)?),
            Kind::Text(text) => Value::String(text.clone()),
            Kind::List(items) => Value::Array(items.iter().map(Node::to_json).collect::<Option<_>>()?),
            Kind::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|e| Some((e.key.text.clone(), e.value.to_json()?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }

    /// The node at a JSON pointer below this one, as far as the pointer can be followed.
    pub(crate) fn descend(&self, pointer: &str) -> &Node {
        let mut node = self;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let next = match &node.kind {
                Kind::Map(entries) => entries.iter().find(|e| e.key.text == part).map(|e| &e.value),
                Kind::List(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}

/// Marks our own refusals among the parser's errors.
pub(crate) const TOO_MANY: &str = "more values than a playbook may have";
pub(crate) const TOO_DEEP: &str = "nested deeper than a playbook may be";
pub(crate) const TAGGED: &str = "tags are not allowed";
pub(crate) const ODD_KEY: &str = "a key must be text";

/// 2 to the power of 64.
const BEYOND_64_BITS: f64 = 18_446_744_073_709_551_616.0;

/// Parses the text.
///
/// # Errors
/// It is not YAML, or larger or deeper than allowed; the parser's own error, which knows the place.
pub(crate) fn parse(text: &str) -> Result<Tree, serde_yaml::Error> {
    let mut builder = Builder { next: 0, values: 0, problems: Vec::new() };
    let root =
        Seed { builder: &mut builder, depth: 0 }.deserialize(serde_yaml::Deserializer::from_str(text))?;
    Ok(Tree { root, problems: builder.problems })
}

struct Builder {
    next: Id,
    values: usize,
    problems: Vec<KeyProblem>,
}

impl Builder {
    fn id(&mut self) -> Id {
        self.next += 1;
        self.next - 1
    }
}

struct Seed<'b> {
    builder: &'b mut Builder,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let id = self.builder.id();
        self.builder.values += 1;
        if self.builder.values > MAX_NODES {
            return Err(D::Error::custom(TOO_MANY));
        }
        let kind = deserializer.deserialize_any(self)?;
        Ok(Node { id, kind })
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Kind, E> {
        Ok(i64::try_from(value).map_or(Kind::Unsigned(value), Kind::Int))
    }

    // A double could hold these only roughly, so they are no number at all: what cannot be kept exactly is refused
    // wherever it is used.
    fn visit_i128<E: Error>(self, _: i128) -> Result<Kind, E> {
        Ok(Kind::Float(f64::NAN))
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<Kind, E> {
        Ok(Kind::Float(f64::NAN))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Kind, E> {
        // Beyond 64 bits nobody can tell a number from an integer with too many digits.
        Ok(Kind::Float(if value.abs() >= BEYOND_64_BITS { f64::NAN } else { value }))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Kind, E> {
        Ok(Kind::Text(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kind, A::Error> {
        let depth = deeper(self.depth)?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Seed { builder: self.builder, depth })? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let depth = deeper(self.depth)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Id> = HashMap::new();
        while let Some(key) = map.next_key_seed(KeySeed(self.builder))? {
            let first = if entries.len() < FEW {
                entries.iter().find(|entry| entry.key.text == key.text).map(|entry| entry.key.id)
            } else {
                if seen.is_empty() {
                    // The first of two equal keys is the one that counts.
                    seen.extend(entries.iter().rev().map(|entry| (entry.key.text.clone(), entry.key.id)));
                }
                let first = seen.get(&key.text).copied();
                if first.is_none() {
                    seen.insert(key.text.clone(), key.id);
                }
                first
            };
            if let Some(first) = first {
                let (key, text) = (key.id, key.text.clone());
                self.builder.problems.push(KeyProblem::Duplicate { key, first, text });
            }
            if key.text == "<<" {
                self.builder.problems.push(KeyProblem::Merge { key: key.id });
            }
            let value = map.next_value_seed(Seed { builder: self.builder, depth })?;
            entries.push(Entry { key, value });
        }
        Ok(Kind::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Kind, A::Error> {
        Err(A::Error::custom(TAGGED))
    }
}

fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    if depth >= MAX_DEPTH { Err(E::custom(TOO_DEEP)) } else { Ok(depth + 1) }
}

/// Up to so many keys are found faster by looking at each than by hashing.
const FEW: usize = 24;

struct KeySeed<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        let id = self.0.id();
        let (text, odd) = deserializer.deserialize_any(KeyVisitor)?;
        if let Some(what) = odd {
            self.0.problems.push(KeyProblem::NotText { key: id, what });
        }
        Ok(Key { id, text })
    }
}

/// The text of a key and, if it is no text, what it is.
struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = (String, Option<&'static str>);

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(ODD_KEY)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok((value.to_owned(), None))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok((value.to_string(), Some("a boolean")))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok((value.to_string(), Some("an integer")))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok((value.to_string(), Some("an integer")))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok((value.to_string(), Some("a number")))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok((String::new(), Some("nothing")))
    }
}
