//! A fixed set of actions, so that the tests of this crate do not change with the real ones; and a plan as text.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::fmt::Write;
use std::sync::Arc;

use action_api::Spec;
use plan::{Plan, Step, StepKind, ValueExpr};
use portcullis_playbook::Actions;

/// The actions of `ui/catalogue.json`.
pub(crate) struct Fixed(pub(crate) Vec<Arc<Spec>>);

impl Fixed {
    pub(crate) fn load() -> Self {
        let specs: Vec<Spec> = serde_json::from_str(include_str!("../ui/catalogue.json")).unwrap();
        Fixed(specs.into_iter().map(Arc::new).collect())
    }
}

impl Actions for Fixed {
    fn spec(&self, name: &str) -> Option<Arc<Spec>> {
        self.0.iter().find(|s| s.name == name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|s| s.name.clone()).collect()
    }
}

/// The plan as a reader would retell it.
pub(crate) fn dump(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{} \"{}\" deadline={:?}", plan.id, plan.name, plan.deadline);
    for connection in &plan.connections {
        let _ = writeln!(out, "connection {}: {}", connection.name, connection.kind);
    }
    for input in &plan.inputs {
        let default = input.default.as_ref().map_or(String::new(), |d| format!(" = {d}"));
        let _ = writeln!(out, "input {}: {}{default}", input.name, input.schema);
    }
    steps(&plan.steps, 0, &mut out);
    for output in &plan.outputs {
        let value = output.value.as_ref().map_or("set by return".to_owned(), value);
        let _ = writeln!(out, "output {}: {} <- {value}", output.name, output.schema);
    }
    out
}

fn steps(all: &[Step], depth: usize, out: &mut String) {
    for step in all {
        let pad = "  ".repeat(depth);
        let condition =
            step.condition.as_ref().map_or(String::new(), |c| format!(" if[{}]", c.source().trim()));
        let name = step.name.as_ref().map_or(String::new(), |n| format!(" \"{n}\""));
        let _ = write!(out, "{pad}{}{name}{condition} {:?}: ", step.id, step.on_error);
        kind(&step.kind, depth, out);
    }
}

fn fields(all: &[(String, ValueExpr)]) -> String {
    all.iter().map(|(name, v)| format!("{name}={}", value(v))).collect::<Vec<_>>().join(", ")
}

fn kind(kind: &StepKind, depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth + 1);
    let _ = match kind {
        StepKind::Call(call) => {
            let connection = call.connection.as_ref().map_or(String::new(), |c| format!(" over {c}"));
            let retry = match call.retry.attempts {
                1 => "no retry".to_owned(),
                n => format!("{n}x {:?}..{:?} on {:?}", call.retry.initial, call.retry.max, call.retry.on),
            };
            let accepts =
                call.accept_untrusted.as_ref().map_or(String::new(), |why| format!(" accepts({why})"));
            writeln!(
                out,
                "{}{connection}{accepts} [{} {} {:?} {retry}] {}",
                call.action,
                call.effect,
                call.repeat,
                call.timeout,
                value(&call.with)
            )
        }
        StepKind::Set(all) => writeln!(out, "set {}", fields(all)),
        StepKind::Return(all) => writeln!(out, "return {}", fields(all)),
        StepKind::Fail { message } => writeln!(out, "fail {}", value(message)),
        StepKind::Approve(a) => writeln!(
            out,
            "approve {} shows={:?} timeout={:?} ends={}",
            value(&a.message),
            a.shows,
            a.timeout,
            a.reject_ends_block
        ),
        StepKind::Foreach(f) => {
            let _ = writeln!(
                out,
                "foreach {} in [{}] {} at a time, {} at most, {:?}",
                f.variable,
                f.items.source().trim(),
                f.max_parallel,
                f.limit,
                f.on_item_error
            );
            steps(&f.body, depth + 1, out);
            f.output.as_ref().map_or(Ok(()), |o| writeln!(out, "{pad}=> {}", value(o)))
        }
        StepKind::Switch(s) => {
            let _ = writeln!(out, "switch");
            for case in &s.cases {
                let _ = writeln!(out, "{pad}case [{}]", case.when.source().trim());
                steps(&case.body.steps, depth + 2, out);
            }
            if let Some(body) = &s.default {
                let _ = writeln!(out, "{pad}default");
                steps(&body.steps, depth + 2, out);
            }
            Ok(())
        }
        StepKind::Parallel(branches) => {
            let _ = writeln!(out, "parallel");
            for branch in &branches.branches {
                let _ = writeln!(out, "{pad}branch {}", branch.name);
                steps(&branch.body, depth + 2, out);
            }
            Ok(())
        }
        other => writeln!(out, "{other:?}"),
    };
}

fn value(value_expr: &ValueExpr) -> String {
    match value_expr {
        ValueExpr::Literal(literal) => literal.to_string(),
        ValueExpr::Template(template) => match template.as_single() {
            Some(expr) => format!("[{}]", expr.source().trim()),
            None => {
                let parts: Vec<&str> = template.exprs().map(|(_, e)| e.source().trim()).collect();
                format!("text[{}]", parts.join("; "))
            }
        },
        ValueExpr::Text { template, values } => format!("file[{}]{}", template.name(), value(values)),
        ValueExpr::List(items) => format!("({})", items.iter().map(value).collect::<Vec<_>>().join(", ")),
        ValueExpr::Map(map) => {
            format!(
                "{{{}}}",
                map.iter().map(|(k, v)| format!("{k}: {}", value(v))).collect::<Vec<_>>().join(", ")
            )
        }
    }
}
