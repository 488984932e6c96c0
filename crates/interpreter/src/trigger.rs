//! Two questions about a run that has not begun: whether it needs its trigger, and what it is about.

use expr::Expr;
use journal::Event;
use plan::{Failure, Plan, Step, StepKind, StepPath, Then, ValueExpr, Wait};
use serde_json::{Value, json};

use crate::machine::RunInfo;
use crate::render;
use crate::scope::{Names, View};
use crate::secret::handles;

/// The `concurrency` key of a run that begins with this event; `None` if the playbook has none.
///
/// # Errors
/// The key cannot be computed from the inputs and the trigger.
pub fn concurrency_key(plan: &Plan, info: &RunInfo, started: &Event) -> Result<Option<String>, Failure> {
    let (Some(rule), Event::Started { input, trigger, starter }) = (&plan.concurrency, started) else {
        return Ok(None);
    };
    let names = Names {
        inputs: Value::Object(input.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
        vars: plan.vars.clone(),
        trigger: trigger.clone(),
        secrets: handles(plan, &info.id),
    };
    let run = json!({"id": info.id, "starter": starter});
    let view =
        View { frames: &[], frame: None, names: &names, run: &run, siblings: None, event: None, extra: &[] };
    let key = render::for_step("`key`", &rule.key, &view, &StepPath::from("concurrency"))?;
    Ok(Some(match key {
        Value::String(text) => text,
        other => other.to_string(),
    }))
}

/// Whether anything in the playbook speaks of `trigger`.
pub fn reads_trigger(plan: &Plan) -> bool {
    let mut found = plan.outputs.iter().any(|output| output.value.as_ref().is_some_and(value))
        || plan.concurrency.as_ref().is_some_and(|rule| value(&rule.key));
    plan.each_step(&mut |step| found |= in_step(step));
    found
}

fn in_step(step: &Step) -> bool {
    let then = match &step.then {
        Some(Then::Return(fields)) => any(fields),
        Some(Then::Fail(message)) => value(message),
        None => false,
    };
    then || step.condition.as_ref().is_some_and(expr) || in_verb(&step.kind)
}

fn in_verb(kind: &StepKind) -> bool {
    let output = |output: &Option<ValueExpr>| output.as_ref().is_some_and(value);
    match kind {
        StepKind::Call(call) => {
            let cache = call.cache.as_ref().is_some_and(|cache| output(&cache.key));
            value(&call.with) || cache || output(&call.idempotency.key)
        }
        StepKind::Set(fields) | StepKind::Return(fields) => any(fields),
        StepKind::Foreach(foreach) => expr(&foreach.items) || output(&foreach.output),
        StepKind::While(looped) => expr(&looped.condition) || any(&looped.initial) || any(&looped.next),
        StepKind::Switch(switch) => {
            let cases = switch.cases.iter().any(|case| expr(&case.when) || output(&case.body.output));
            cases || switch.default.as_ref().is_some_and(|body| output(&body.output))
        }
        StepKind::Parallel(parallel) => output(&parallel.output),
        StepKind::Dag(dag) => output(&dag.output),
        StepKind::Try(tried) => {
            output(&tried.body.output) || tried.catches.iter().any(|catch| output(&catch.body.output))
        }
        StepKind::Playbook(sub) => any(&sub.with),
        StepKind::Approve(approve) => value(&approve.message),
        StepKind::Ask(ask) => value(&ask.message),
        StepKind::Wait(Wait::For(time) | Wait::Until(time)) => value(time),
        StepKind::Wait(Wait::Event(wait)) => wait.matches.as_ref().is_some_and(expr),
        StepKind::Assert { that, message } => expr(that) || output(message),
        StepKind::Fail { message } => value(message),
    }
}

fn any(fields: &[(String, ValueExpr)]) -> bool {
    fields.iter().any(|(_, expr)| value(expr))
}

fn value(expr_of: &ValueExpr) -> bool {
    match expr_of {
        ValueExpr::Literal(_) => false,
        ValueExpr::Template(template) => template.exprs().any(|(_, inner)| expr(inner)),
        ValueExpr::Text { values, .. } => value(values),
        ValueExpr::List(items) => items.iter().any(value),
        ValueExpr::Map(fields) => fields.values().any(value),
    }
}

fn expr(expr: &Expr) -> bool {
    expr.references().iter().any(|reference| reference.path.first().is_some_and(|name| name == "trigger"))
}
