//! Filters of text templates: functions of expressions under the names that Jinja has for them.
//!
//! One implementation means one meaning and one budget: what a filter copies and makes is charged like in an
//! expression. Left out on purpose: `default` and `is defined` (they hide a name that is missing; say what then in
//! `values`), `safe` (nothing turns escaping off), `format`, `indent` and everything that takes a width.

use super::meter::{Meter, in_json, of_engine};
use crate::functions::{self, Context, Function};
use crate::source::Span;
use minijinja::value::Rest;
use minijinja::{Environment, Error, ErrorKind, State, Value};

/// The filters: the name in a template and the function it is.
const FILTERS: [(&str, &str); 17] = [
    ("join", "join"),
    ("length", "size"),
    ("upper", "upper"),
    ("lower", "lower"),
    ("trim", "trim"),
    ("replace", "replace"),
    ("truncate", "truncate"),
    ("sort", "sort"),
    ("unique", "distinct"),
    ("reverse", "reverse"),
    ("first", "first"),
    ("last", "last"),
    ("tojson", "json"),
    ("defang", "defang"),
    ("refang", "refang"),
    ("date", "date"),
    ("datetime", "datetime"),
];

/// The filters of text templates, each with the function of expressions that it is.
pub fn text_filters() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILTERS.into_iter()
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FILTERS.into_iter().map(|(name, _)| name)
}

pub(super) fn find(name: &str) -> Option<&'static Function> {
    FILTERS.iter().find(|(filter, _)| *filter == name).and_then(|(_, function)| functions::find(function))
}

/// Adds the filters, and the one test: `is none`.
pub(super) fn add_to(environment: &mut Environment<'static>) {
    // The engine's own would answer for a name that is missing.
    environment.add_test("none", |value: &Value| {
        if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(value.is_none()) }
    });
    for name in names() {
        if let Some(function) = find(name) {
            environment.add_filter(name, move |state: &State<'_, '_>, args: Rest<Value>| {
                apply(function, state, &args)
            });
        }
    }
}

fn apply(function: &'static Function, state: &State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    if args.iter().any(Value::is_undefined) {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let meter = Meter::of(state)?;
    meter.with(|budget| {
        let args = args.iter().map(|arg| of_engine(arg, budget, 0)).collect::<Result<Vec<_>, _>>()?;
        let span = Span::default();
        let mut context = Context { budget, span, pattern: None, name: function.name };
        if let Some(problem) = function.arity_problem(args.len()) {
            return Err(context.error(crate::EvalErrorKind::Type, problem));
        }
        let result = (function.eval)(&mut context, &args)?;
        in_json(result.into_json(budget, span)?, budget)
    })
}
