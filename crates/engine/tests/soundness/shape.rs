//! What the generated schemas describe: a JSON Schema and values that obey it come from the same shape.

use serde_json::{Map, Value, json};

use crate::dice::Dice;

const NAMES: [&str; 12] =
    ["a", "b", "n", "kind", "items", "text", "size", "status", "output", "from", "x_1", "map"];
const WORDS: [&str; 6] = ["low", "high", "on", "off", "succeeded", "a b"];
const TEXTS: [&str; 8] =
    ["", "x", "Ünïcode", "${{ run.id }}", "{{ a }}", "\"quoted\"", "2026-11-21T09:00:00Z", "a, b: c # d"];

/// A set of values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Text,
    Int,
    Number,
    Flag,
    Time,
    Word(Vec<&'static str>),
    Maybe(Box<Shape>),
    List(Box<Shape>),
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
}

impl Shape {
    /// A random shape, at most so deep.
    pub(crate) fn any(dice: &mut Dice, depth: usize) -> Shape {
        match dice.below(if depth == 0 { 6 } else { 10 }) {
            0 => Shape::Text,
            1 => Shape::Int,
            2 => Shape::Flag,
            3 => Shape::word(dice),
            4 => Shape::Number,
            5 => Shape::Time,
            6 => Shape::Maybe(Box::new(Shape::plain(dice, depth - 1))),
            7 => Shape::List(Box::new(Shape::any(dice, depth - 1))),
            _ => Shape::object(dice, depth - 1),
        }
    }

    /// Not nullable, so that `Maybe` stays flat.
    fn plain(dice: &mut Dice, depth: usize) -> Shape {
        match Shape::any(dice, depth) {
            Shape::Maybe(inner) => *inner,
            other => other,
        }
    }

    fn word(dice: &mut Dice) -> Shape {
        let start = dice.below(WORDS.len() - 2);
        Shape::Word(WORDS[start..start + 2 + dice.below(WORDS.len() - start - 1)].to_vec())
    }

    /// A random object, at most so deep.
    pub(crate) fn object(dice: &mut Dice, depth: usize) -> Shape {
        let mut members: Vec<Member> = Vec::new();
        for _ in 0..1 + dice.below(4) {
            let name = *dice.pick(&NAMES);
            if members.iter().all(|member| member.name != name) {
                members.push(Member { name, shape: Shape::any(dice, depth), required: dice.chance(60) });
            }
        }
        Shape::Object(members)
    }

    /// Without what a written value could break: used for what actions take.
    pub(crate) fn takeable(&self) -> Shape {
        match self {
            Shape::Time => Shape::Text,
            Shape::Maybe(inner) => Shape::Maybe(Box::new(inner.takeable())),
            Shape::List(inner) => Shape::List(Box::new(inner.takeable())),
            Shape::Object(members) => Shape::Object(
                members.iter().map(|m| Member { shape: m.shape.takeable(), ..m.clone() }).collect(),
            ),
            other => other.clone(),
        }
    }

    /// Without optional members: what a playbook computes has exactly the members that are written there.
    pub(crate) fn solid(&self) -> Shape {
        match self {
            Shape::Maybe(inner) => Shape::Maybe(Box::new(inner.solid())),
            Shape::List(inner) => Shape::List(Box::new(inner.solid())),
            Shape::Object(members) => Shape::Object(
                members
                    .iter()
                    .map(|m| Member { shape: m.shape.solid(), required: true, ..m.clone() })
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    /// What a playbook may compute.
    pub(crate) fn computed(dice: &mut Dice, depth: usize) -> Shape {
        Shape::any(dice, depth).takeable().solid()
    }

    pub(crate) fn schema(&self) -> Value {
        match self {
            Shape::Text => json!({"type": "string"}),
            Shape::Int => json!({"type": "integer"}),
            Shape::Number => json!({"type": "number"}),
            Shape::Flag => json!({"type": "boolean"}),
            Shape::Time => json!({"type": "string", "format": "date-time"}),
            Shape::Word(words) => json!({"type": "string", "enum": words}),
            Shape::Maybe(inner) => json!({"anyOf": [inner.schema(), {"type": "null"}]}),
            Shape::List(inner) => json!({"type": "array", "items": inner.schema()}),
            Shape::Object(members) => {
                let properties: Map<String, Value> =
                    members.iter().map(|m| (m.name.to_owned(), m.shape.schema())).collect();
                let required: Vec<&str> = members.iter().filter(|m| m.required).map(|m| m.name).collect();
                json!({"type": "object", "additionalProperties": false, "properties": properties,
                       "required": required})
            }
        }
    }

    /// A value that obeys the schema.
    pub(crate) fn value(&self, dice: &mut Dice) -> Value {
        match self {
            Shape::Text => Value::from(*dice.pick(&TEXTS)),
            Shape::Int => Value::from(*dice.pick(&[0, 1, -1, 7, 1_000_000, i64::MAX, i64::MIN])),
            Shape::Number => match dice.below(3) {
                0 => Value::from(3),
                1 => Value::from(-0.5),
                _ => Value::from(1e9),
            },
            Shape::Flag => Value::from(dice.chance(50)),
            Shape::Time => Value::from("2026-11-21T09:00:00Z"),
            Shape::Word(words) => Value::from(*dice.pick(words)),
            Shape::Maybe(inner) => {
                if dice.chance(50) {
                    Value::Null
                } else {
                    inner.value(dice)
                }
            }
            Shape::List(inner) => (0..dice.below(4)).map(|_| inner.value(dice)).collect(),
            Shape::Object(members) => {
                let mut map = Map::new();
                for member in members {
                    if member.required || dice.chance(50) {
                        map.insert(member.name.to_owned(), member.shape.value(dice));
                    }
                }
                Value::Object(map)
            }
        }
    }

    /// Whether every value of this shape may stand where `wanted` is asked for.
    pub(crate) fn fits(&self, wanted: &Shape) -> bool {
        match (self, wanted) {
            (Shape::Word(_) | Shape::Time, Shape::Text) | (Shape::Int, Shape::Number) => true,
            (Shape::Word(mine), Shape::Word(theirs)) => mine.iter().all(|word| theirs.contains(word)),
            (Shape::Maybe(mine), Shape::Maybe(theirs)) => mine.fits(theirs),
            (mine, Shape::Maybe(theirs)) => mine.fits(theirs),
            (Shape::List(mine), Shape::List(theirs)) => mine.fits(theirs),
            (mine, theirs) => mine == theirs,
        }
    }
}
