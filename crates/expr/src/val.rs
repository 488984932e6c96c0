//! The evaluator's view of a value: borrowed from the context wherever possible.
//!
//! A number is told apart once, strings and collections of the context stay where they are, and what an
//! expression makes itself is shared by reference count. So the cost of an expression depends on what it looks
//! at and not on how large the context is. Sharing can make a small value stand for a huge one; that is why
//! every walk over a value charges the budget.

use crate::budget::{Budget, EvalError, EvalErrorKind, MAX_VALUE_DEPTH};
use crate::functions::time;
use crate::source::Span;
use serde_json::{Number, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the first member of a map costs, in bytes, beside its own share.
pub(crate) const MAP_NODE: usize = 640;

#[derive(Clone, Debug)]
pub(crate) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// A JSON number above `i64::MAX`: counts as a double, but leaves the expression unchanged.
    Huge(u64),
    Double(f64),
    Text(Text<'a>),
    List(List<'a>),
    Map(Map<'a>),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Microseconds.
    Duration(i64),
}

#[derive(Clone, Debug)]
pub(crate) enum Text<'a> {
    Ref(&'a str),
    Own(Rc<str>),
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Text::Ref(text) => text,
            Text::Own(text) => text,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum List<'a> {
    Json(&'a [Value]),
    Own(Rc<Vec<Val<'a>>>),
}

impl<'a> List<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            List::Json(items) => items.len(),
            List::Own(items) => items.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Val<'a>> {
        match self {
            List::Json(items) => items.get(index).map(Val::from_json),
            List::Own(items) => items.get(index).cloned(),
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Val<'a>> + '_ {
        let (json, own): (&'a [Value], &[Val<'a>]) = match self {
            List::Json(items) => (items, &[]),
            List::Own(items) => (&[], items),
        };
        json.iter().map(Val::from_json).chain(own.iter().cloned())
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Map<'a> {
    Json(&'a serde_json::Map<String, Value>),
    Own(Rc<BTreeMap<String, Val<'a>>>),
}

impl<'a> Map<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Map::Json(map) => map.len(),
            Map::Own(map) => map.len(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Val<'a>> {
        match self {
            Map::Json(map) => map.get(key).map(Val::from_json),
            Map::Own(map) => map.get(key).cloned(),
        }
    }

    /// Keys in the order of their bytes, whatever map type `serde_json` was built with.
    pub(crate) fn keys(&self) -> Vec<Text<'a>> {
        match self {
            Map::Json(map) => {
                let mut keys: Vec<&'a str> = map.keys().map(String::as_str).collect();
                keys.sort_unstable();
                keys.into_iter().map(Text::Ref).collect()
            }
            Map::Own(map) => map.keys().map(|key| Text::Own(key.as_str().into())).collect(),
        }
    }
}

impl<'a> Val<'a> {
    pub(crate) fn from_json(value: &'a Value) -> Val<'a> {
        match value {
            Value::Null => Val::Null,
            Value::Bool(b) => Val::Bool(*b),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(int), _) => Val::Int(int),
                (None, Some(huge)) => Val::Huge(huge),
                (None, None) => Val::Double(number.as_f64().unwrap_or(0.0)),
            },
            Value::String(text) => Val::Text(Text::Ref(text)),
            Value::Array(items) => Val::List(List::Json(items)),
            Value::Object(map) => Val::Map(Map::Json(map)),
        }
    }

    pub(crate) fn text(text: impl Into<Rc<str>>) -> Val<'a> {
        Val::Text(Text::Own(text.into()))
    }

    pub(crate) fn list(items: Vec<Val<'a>>) -> Val<'a> {
        Val::List(List::Own(Rc::new(items)))
    }

    /// The name of the type, as messages use it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Val::Null => "null",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int",
            Val::Huge(_) | Val::Double(_) => "double",
            Val::Text(_) => "string",
            Val::List(_) => "list",
            Val::Map(_) => "object",
            Val::Timestamp(_) => "timestamp",
            Val::Duration(_) => "duration",
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Val::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// A whole number. A double without a fraction counts, because JSON Schema's `integer` admits `1.0`.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Val::Int(int) => Some(*int),
            Val::Double(double) if double.fract() == 0.0 && double.abs() <= 9_007_199_254_740_992.0 => {
                Some(*double as i64)
            }
            _ => None,
        }
    }

    pub(crate) fn as_double(&self) -> Option<f64> {
        match self {
            Val::Int(int) => Some(*int as f64),
            Val::Huge(huge) => Some(*huge as f64),
            Val::Double(double) => Some(*double),
            _ => None,
        }
    }

    /// The value as JSON. Charges everything it copies.
    pub(crate) fn into_json(self, budget: &mut Budget, span: Span) -> Result<Value, EvalError> {
        self.to_json(budget, span, 0)
    }

    fn to_json(&self, budget: &mut Budget, span: Span, depth: usize) -> Result<Value, EvalError> {
        too_deep(depth, span)?;
        budget.step(1, span)?;
        Ok(match self {
            Val::Null => Value::Null,
            Val::Bool(b) => Value::Bool(*b),
            Val::Int(int) => Value::Number((*int).into()),
            Val::Huge(huge) => Value::Number((*huge).into()),
            Val::Double(double) => Number::from_f64(*double).map(Value::Number).ok_or_else(|| {
                EvalError::new(EvalErrorKind::Arithmetic, "the result is not a number", span)
            })?,
            Val::Text(text) => {
                budget.alloc(text.as_str().len() + 16, span)?;
                Value::String(text.as_str().to_owned())
            }
            Val::Timestamp(at) => Value::String(time::format_timestamp(*at)),
            Val::Duration(long) => Value::String(time::format_duration(*long)),
            Val::List(list) => {
                budget.alloc(list.len() * size_of::<Value>(), span)?;
                let mut items = Vec::with_capacity(list.len());
                for item in list.iter() {
                    items.push(item.to_json(budget, span, depth + 1)?);
                }
                Value::Array(items)
            }
            Val::Map(map) => {
                budget.alloc(MAP_NODE, span)?;
                let mut out = serde_json::Map::new();
                for key in map.keys() {
                    let key = key.as_str();
                    budget.alloc(key.len() + 80, span)?;
                    if let Some(value) = map.get(key) {
                        out.insert(key.to_owned(), value.to_json(budget, span, depth + 1)?);
                    }
                }
                Value::Object(out)
            }
        })
    }
}

fn too_deep(depth: usize, span: Span) -> Result<(), EvalError> {
    if depth > MAX_VALUE_DEPTH {
        return Err(EvalError::new(EvalErrorKind::Budget, "the value is nested too deeply", span));
    }
    Ok(())
}

/// Equality as in CEL: numbers by value across types, collections by elements, different types are unequal.
pub(crate) fn equal(a: &Val<'_>, b: &Val<'_>, budget: &mut Budget, span: Span) -> Result<bool, EvalError> {
    equal_at(a, b, budget, span, 0)
}

fn equal_at(
    a: &Val<'_>,
    b: &Val<'_>,
    budget: &mut Budget,
    span: Span,
    depth: usize,
) -> Result<bool, EvalError> {
    too_deep(depth, span)?;
    budget.step(1, span)?;
    match (a, b) {
        (Val::Null, Val::Null) => Ok(true),
        (Val::List(a), Val::List(b)) => {
            budget.step(2, span)?;
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal_at(&a, &b, budget, span, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Val::Map(a), Val::Map(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            budget.step(a.len() as u64 * 4, span)?;
            for key in a.keys() {
                let (Some(a), Some(b)) = (a.get(key.as_str()), b.get(key.as_str())) else { return Ok(false) };
                if !equal_at(&a, &b, budget, span, depth + 1)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => {
            if let (Val::Text(a), Val::Text(b)) = (a, b) {
                let (a, b) = (a.as_str(), b.as_str());
                budget.step(if a.len() == b.len() { a.len() as u64 / 256 } else { 0 }, span)?;
                return Ok(a == b);
            }
            Ok(order(a, b) == Some(Ordering::Equal))
        }
    }
}

/// The order of two scalars of one kind; `None` if they have none.
pub(crate) fn order(a: &Val<'_>, b: &Val<'_>) -> Option<Ordering> {
    Some(match (a, b) {
        (Val::Bool(a), Val::Bool(b)) => a.cmp(b),
        (Val::Text(a), Val::Text(b)) => a.as_str().cmp(b.as_str()),
        (Val::Timestamp(a), Val::Timestamp(b))
        | (Val::Duration(a), Val::Duration(b))
        | (Val::Int(a), Val::Int(b)) => a.cmp(b),
        (Val::Huge(a), Val::Huge(b)) => a.cmp(b),
        (Val::Int(_), Val::Huge(_)) => Ordering::Less,
        (Val::Huge(_), Val::Int(_)) => Ordering::Greater,
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(b)?,
        (Val::Int(a), Val::Double(b)) => whole_against(i128::from(*a), *b)?,
        (Val::Huge(a), Val::Double(b)) => whole_against(i128::from(*a), *b)?,
        (Val::Double(a), Val::Int(b)) => whole_against(i128::from(*b), *a)?.reverse(),
        (Val::Double(a), Val::Huge(b)) => whole_against(i128::from(*b), *a)?.reverse(),
        _ => return None,
    })
}

/// A whole number against a double, without rounding the whole number: above 2^53 rounding would make
/// neighbours equal.
fn whole_against(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // The cast saturates; both sides fit far inside 128 bits.
    let floor = double.floor();
    let ordering = whole.cmp(&(floor as i128));
    Some(if ordering == Ordering::Equal && double > floor { Ordering::Less } else { ordering })
}
