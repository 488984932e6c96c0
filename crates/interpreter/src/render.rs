//! From value expressions to values.

use expr::{Budget, EvalError, EvalErrorKind, Expr};
use plan::{Blame, Failure, FailureKind, StepPath, ValueExpr};
use serde_json::{Map, Value, json};

use crate::scope::View;

/// Computes a value; one budget for all of it.
pub(crate) fn value(expr: &ValueExpr, view: &View<'_>, budget: &mut Budget) -> Result<Value, EvalError> {
    Ok(match expr {
        ValueExpr::Literal(value) => value.clone(),
        ValueExpr::Template(template) => template.eval(view, budget)?,
        ValueExpr::Text { template, values } => {
            let values = value(values, view, budget)?;
            Value::String(template.render(&values, budget)?)
        }
        ValueExpr::List(items) => {
            Value::Array(items.iter().map(|item| value(item, view, budget)).collect::<Result<_, _>>()?)
        }
        ValueExpr::Map(fields) => {
            let mut map = Map::new();
            for (name, field) in fields {
                map.insert(name.clone(), value(field, view, budget)?);
            }
            Value::Object(map)
        }
    })
}

/// Computes a value for a step, or says in a failure what could not be computed.
pub(crate) fn for_step(
    what: &str,
    expr: &ValueExpr,
    view: &View<'_>,
    path: &StepPath,
) -> Result<Value, Failure> {
    value(expr, view, &mut Budget::new()).map_err(|error| failure(what, path, &error))
}

/// Evaluates an expression that must be a boolean.
pub(crate) fn condition(what: &str, expr: &Expr, view: &View<'_>, path: &StepPath) -> Result<bool, Failure> {
    match expr.eval(view, &mut Budget::new()) {
        Ok(Value::Bool(holds)) => Ok(holds),
        Ok(_) => Err(Failure::new(
            FailureKind::Invalid,
            Blame::Playbook,
            format!("step {path}: {what} must be true or false: `{}`", expr.source()),
        )),
        Err(error) => Err(failure(what, path, &error)),
    }
}

/// The failure of a step whose expression could not be computed.
pub(crate) fn failure(what: &str, path: &StepPath, error: &EvalError) -> Failure {
    let kind = match error.kind {
        EvalErrorKind::Budget => FailureKind::Limit,
        _ => FailureKind::Invalid,
    };
    Failure::new(
        kind,
        Blame::Playbook,
        format!("step {path}: {what} could not be computed: {}", error.message),
    )
    .with_details(json!({"evaluation": error.kind.as_str()}))
}
