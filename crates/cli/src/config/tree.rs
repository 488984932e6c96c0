//! A YAML text as values that know their place.
//!
//! The parser tells a place only in its errors, so every scalar is refused: the refusal carries the place, the value
//! stays behind in the visitor, and parsing goes on. One pass gives both. Anchors work as everywhere in YAML; how far
//! they may multiply and how deep values may nest is bounded by the parser.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

/// Where something begins, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value. It has no `Debug`: a secret may stand in it.
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As its digits.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Node,
}

impl Node {
    /// What it is, for messages.
    pub(crate) fn what(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Why a text cannot be taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotYaml {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// Takes a text apart. An empty one is [`Value::Null`].
pub(crate) fn parse(text: &str) -> Result<Node, NotYaml> {
    if text.lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Node { place: Place { line: 1, column: 1 }, value: Value::Null });
    }
    Seed.deserialize(serde_yaml::Deserializer::from_str(text)).map_err(|error| {
        let (place, message) = split(&error.to_string());
        NotYaml { place, message }
    })
}

/// The parser's message and the first place in it, which is where it gave up; without one it is the start of the text.
fn split(message: &str) -> (Place, String) {
    let found = message.split_once(" at line ").and_then(|(said, rest)| {
        let (line, rest) = rest.split_once(" column ")?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (column, more) = rest.split_at_checked(digits)?;
        let place = Place { line: line.parse().ok()?, column: column.parse().ok()? };
        Some((place, format!("{said}{more}")))
    });
    found.unwrap_or_else(|| (Place { line: 1, column: 1 }, message.to_owned()))
}

struct Seed;

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let mut scalar = None;
        match deserializer.deserialize_any(Take(&mut scalar)) {
            Ok(value) => {
                let first = match &value {
                    Value::List(items) => items.first().map(|item| item.place),
                    Value::Map(entries) => entries.first().map(|entry| entry.place),
                    _ => None,
                };
                Ok(Node { place: first.unwrap_or_default(), value })
            }
            Err(error) => match scalar {
                Some(value) => Ok(Node { place: split(&error.to_string()).0, value }),
                None => Err(error),
            },
        }
    }
}

/// Keeps a scalar and refuses it.
struct Take<'s>(&'s mut Option<Value>);

impl Take<'_> {
    fn scalar<E: Error>(self, value: Value) -> Result<Value, E> {
        *self.0 = Some(value);
        Err(E::custom("here"))
    }
}

impl<'de> Visitor<'de> for Take<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.scalar(Value::Number(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.scalar(Value::Number(value.to_string()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        self.scalar(Value::Number(value.to_string()))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        self.scalar(Value::Number(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.scalar(Value::Number(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.scalar(Value::Text(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        self.scalar(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Seed)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key_seed(Seed)? {
            let text = match key.value {
                Value::Text(text) | Value::Number(text) => text,
                Value::Bool(value) => value.to_string(),
                Value::Null => String::new(),
                Value::List(_) | Value::Map(_) => return Err(A::Error::custom("a key must be text")),
            };
            let mut value = map.next_value_seed(Seed)?;
            if value.place == Place::default() {
                value.place = key.place;
            }
            entries.push(Entry { key: text, place: key.place, value });
        }
        Ok(Value::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<Value, A::Error> {
        Err(A::Error::custom("tags such as `!name` are not allowed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(node: &Node, found: &mut Vec<(usize, usize)>) {
        found.push((node.place.line, node.place.column));
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| places(item, found)),
            Value::Map(entries) => entries.iter().for_each(|entry| {
                found.push((entry.place.line, entry.place.column));
                places(&entry.value, found);
            }),
            _ => {}
        }
    }

    #[test]
    fn every_value_knows_where_it_stands() {
        let tree = parse("a: 1\nb:\n  c: [x, \"y\"]\n  d:\n  e: {}\n").ok().unwrap();
        let mut found = Vec::new();
        places(&tree, &mut found);
        let expected = [
            (1, 1),
            (1, 1),
            (1, 4),
            (2, 1),
            (3, 3),
            (3, 3),
            (3, 7),
            (3, 7),
            (3, 10),
            (4, 3),
            (4, 5),
            (5, 3),
            (5, 3),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_wrong_text_is_refused_with_its_place() {
        let refused = parse("a: [1, 2\nb: 3\n").err().unwrap();
        assert_eq!(refused.place.line, 2, "{refused:?}");
        assert_eq!(parse("a: !x 1\n").err().unwrap().place, Place { line: 1, column: 4 });
        assert!(matches!(parse("# nothing\n").ok().unwrap().value, Value::Null));
    }

    proptest! {
        #[test]
        fn no_text_is_too_much(text in "([a-c?:!&*<|>'\"#{}\\[\\],%@`\\- \n\t]|[0-9.e]|true|~|\u{e9}){0,60}") {
            let _ = parse(&text);
        }
    }
}
