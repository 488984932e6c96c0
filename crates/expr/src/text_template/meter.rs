//! The budget of a rendering where the engine's filters can reach it, and values on their way in and out.

use crate::budget::{Budget, EvalError, EvalErrorKind, MAX_VALUE_DEPTH};
use crate::source::Span;
use crate::val::{MAP_NODE, Map, Val};
use minijinja::value::{Object, Serde, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

/// Under this name the meter stands beside the values. No template can say it.
const NAME: &str = "\u{1f}meter";

/// What is left of a budget, and the first failure of a filter.
#[derive(Debug)]
pub(super) struct Meter {
    inner: Mutex<(Budget, Option<EvalError>)>,
}

impl Object for Meter {}

impl Meter {
    pub(super) fn new(budget: Budget) -> Meter {
        Meter { inner: Mutex::new((budget, None)) }
    }

    /// The meter of a rendering.
    pub(super) fn of(state: &State<'_, '_>) -> Result<Arc<Meter>, Error> {
        let found = state.lookup(NAME).and_then(|value| value.downcast_object::<Meter>());
        found.ok_or_else(|| Error::from(ErrorKind::InvalidOperation))
    }

    /// Works within the budget; a failure is kept, because the engine's own errors cannot carry it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Budget) -> Result<T, EvalError>) -> Result<T, Error> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (budget, failure) = &mut *inner;
        work(budget).map_err(|error| {
            failure.get_or_insert(error);
            Error::from(ErrorKind::InvalidOperation)
        })
    }

    /// The budget that is left and the failure, if there was one.
    pub(super) fn finish(&self) -> (Budget, Option<EvalError>) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The values a template sees, and its meter.
#[derive(Debug)]
pub(super) struct Root {
    pub(super) values: Value,
    pub(super) meter: Arc<Meter>,
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if key.as_str() == Some(NAME) {
            return Some(Value::from_dyn_object(Arc::clone(&self.meter)));
        }
        self.values.get_item(key).ok().filter(|value| !value.is_undefined())
    }
}

/// A value for the engine. Charges what is copied.
pub(super) fn in_json(value: serde_json::Value, budget: &mut Budget) -> Result<Value, EvalError> {
    weigh(&value, budget, 0)?;
    Ok(Value::from(Serde(&value)))
}

pub(super) fn weigh(value: &serde_json::Value, budget: &mut Budget, depth: usize) -> Result<(), EvalError> {
    let span = Span::default();
    if depth > MAX_VALUE_DEPTH {
        return Err(EvalError::new(EvalErrorKind::Budget, "the value is nested too deeply", span));
    }
    match value {
        serde_json::Value::String(text) => budget.alloc(text.len() + 48, span),
        serde_json::Value::Array(items) => {
            budget.alloc(48 + items.len() * size_of::<Value>(), span)?;
            items.iter().try_for_each(|item| weigh(item, budget, depth + 1))
        }
        serde_json::Value::Object(members) => {
            budget.alloc(MAP_NODE, span)?;
            members.iter().try_for_each(|(name, item)| {
                budget.alloc(name.len() + 96, span)?;
                weigh(item, budget, depth + 1)
            })
        }
        _ => budget.step(1, span),
    }
}

/// A value of the engine for a function of expressions.
pub(super) fn of_engine(value: &Value, budget: &mut Budget, depth: usize) -> Result<Val<'static>, EvalError> {
    let span = Span::default();
    let wrong =
        |what: &str| EvalError::new(EvalErrorKind::Type, format!("a filter cannot take {what}"), span);
    if depth > MAX_VALUE_DEPTH {
        return Err(EvalError::new(EvalErrorKind::Budget, "the value is nested too deeply", span));
    }
    budget.step(1, span)?;
    Ok(match value.kind() {
        ValueKind::None => Val::Null,
        ValueKind::Bool => Val::Bool(value.is_true()),
        ValueKind::Number => match (value.is_integer(), i64::try_from(value.clone())) {
            (true, Ok(int)) => Val::Int(int),
            _ => Val::Double(f64::try_from(value.clone()).map_err(|_| wrong("this number"))?),
        },
        ValueKind::String => {
            let text = value.as_str().unwrap_or("");
            budget.alloc(text.len() + 48, span)?;
            Val::text(text)
        }
        ValueKind::Seq | ValueKind::Iterable => {
            budget.alloc(value.len().unwrap_or(0) * size_of::<Val<'_>>(), span)?;
            let items = value.try_iter().map_err(|_| wrong("this list"))?;
            Val::list(items.map(|item| of_engine(&item, budget, depth + 1)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            budget.alloc(MAP_NODE, span)?;
            let mut members = BTreeMap::new();
            for key in value.try_iter().map_err(|_| wrong("this object"))? {
                let name = key.as_str().ok_or_else(|| wrong("this object"))?.to_owned();
                budget.alloc(name.len() + 80, span)?;
                let member = value.get_item(&key).map_err(|_| wrong("this object"))?;
                members.insert(name, of_engine(&member, budget, depth + 1)?);
            }
            Val::Map(Map::Own(Rc::new(members)))
        }
        _ => return Err(wrong("this")),
    })
}
