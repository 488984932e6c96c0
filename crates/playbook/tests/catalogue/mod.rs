//! A fixed set of actions, so that the tests of this crate do not change with the real ones; and a plan as text.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::fmt::Write;
use std::sync::Arc;

use action_api::{PluginFacts, PluginStanding, Spec};
use plan::{Body, OnUnknown, Plan, Step, StepKind, Then, TriggerKind, ValueExpr, Wait};
use portcullis_playbook::Actions;
use serde_json::Value;

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

    fn plugins(&self) -> Vec<PluginFacts> {
        let what = |text: &str| text.to_owned();
        let all = [
            ("eml", PluginStanding::Embedded),
            ("urlscan", PluginStanding::Ready),
            (
                "changed",
                PluginStanding::Changed { what: what("scan/scan.wasm has changed since it was locked") },
            ),
            ("greedy", PluginStanding::Rights { asks: vec![what("http"), what("env")] }),
            ("future", PluginStanding::Unusable { what: what("made for `portcullis:plugin@2.0`") }),
        ];
        let facts = |(name, standing)| PluginFacts { name: what(name), version: what("1.2.0"), standing };
        all.into_iter().map(facts).collect()
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
    if !plan.secrets.is_empty() {
        let _ = writeln!(out, "secrets {}", plan.secrets.join(", "));
    }
    if plan.vars.as_object().is_some_and(|vars| !vars.is_empty()) {
        let _ = writeln!(out, "vars {}", plan.vars);
    }
    for trigger in &plan.triggers {
        let kind = match &trigger.kind {
            TriggerKind::Mailbox { connection, mailbox, folder, every, filter } => {
                let filter = filter.as_ref().map(|f| f.source().trim());
                format!("{mailbox}/{folder} over {connection} every {every:?} if {filter:?}")
            }
            other => format!("{other:?}"),
        };
        let _ = writeln!(out, "trigger {} {kind} brings {}", trigger.id, names(&trigger.schema));
    }
    if let Some(concurrency) = &plan.concurrency {
        let _ = writeln!(out, "concurrency {} {:?}", value(&concurrency.key), concurrency.on_conflict);
    }
    if plan.policy.approval_required || !plan.policy.max_effects.is_empty() {
        let _ = writeln!(out, "{:?}", plan.policy);
    }
    for path in plan.files.keys() {
        let _ = writeln!(out, "file {path}");
    }
    steps(&plan.steps, 0, &mut out);
    for (name, part) in [("on_error", &plan.on_error), ("finally", &plan.finally)] {
        if let Some(part) = part {
            let _ = writeln!(out, "{name}");
            steps(part, 1, &mut out);
        }
    }
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
        let timeout = step.timeout.map_or(String::new(), |t| format!(" within {t:?}"));
        let _ = write!(out, "{pad}{}{name}{condition} {:?}{timeout}: ", step.id, step.on_error);
        kind(&step.kind, depth, out);
        let _ = match &step.then {
            Some(Then::Return(all)) => writeln!(out, "{pad}  then return {}", fields(all)),
            Some(Then::Fail(message)) => writeln!(out, "{pad}  then fail {}", value(message)),
            None => Ok(()),
        };
    }
}

fn fields(all: &[(String, ValueExpr)]) -> String {
    all.iter().map(|(name, v)| format!("{name}={}", value(v))).collect::<Vec<_>>().join(", ")
}

fn kind(kind: &StepKind, depth: usize, out: &mut String) {
    let _ = write_kind(kind, depth, out);
}

fn write_kind(kind: &StepKind, depth: usize, out: &mut String) -> std::fmt::Result {
    let pad = "  ".repeat(depth + 1);
    match kind {
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
            )?;
            let cache = call.cache.as_ref().map(|c| (c.ttl, c.key.as_ref().map(value)));
            let key = call.idempotency.key.as_ref().map(value);
            let unknown = call.idempotency.on_unknown;
            if call.rate_limit.is_some() || cache.is_some() || key.is_some() || unknown != OnUnknown::Verify {
                writeln!(out, "{pad}{:?} cache={cache:?} key={key:?} {unknown:?}", call.rate_limit)?;
            }
            Ok(())
        }
        StepKind::Set(all) => writeln!(out, "set {}", fields(all)),
        StepKind::Return(all) => writeln!(out, "return {}", fields(all)),
        StepKind::Fail { message } => writeln!(out, "fail {}", value(message)),
        StepKind::Approve(a) => writeln!(
            out,
            "approve {} shows={:?} {:?} quorum={} timeout={:?} {:?} ends={}",
            value(&a.message),
            a.shows,
            a.to,
            a.quorum,
            a.timeout,
            a.on_timeout,
            a.reject_ends_block
        ),
        StepKind::Foreach(f) => {
            writeln!(
                out,
                "foreach {} in [{}] {} at a time, {} at most, {:?}",
                f.variable,
                f.items.source().trim(),
                f.max_parallel,
                f.limit,
                f.on_item_error
            )?;
            steps(&f.body, depth + 1, out);
            f.output.as_ref().map_or(Ok(()), |o| writeln!(out, "{pad}=> {}", value(o)))
        }
        StepKind::While(w) => {
            let state = fields(&w.initial);
            writeln!(
                out,
                "while [{}] at most {} {}=({state})",
                w.condition.source().trim(),
                w.max,
                w.variable
            )?;
            steps(&w.body, depth + 1, out);
            writeln!(out, "{pad}next {}", fields(&w.next))
        }
        StepKind::Switch(s) => {
            writeln!(out, "switch")?;
            for case in &s.cases {
                writeln!(out, "{pad}case [{}]", case.when.source().trim())?;
                body(&case.body, depth, out);
            }
            if let Some(default) = &s.default {
                writeln!(out, "{pad}default")?;
                body(default, depth, out);
            }
            Ok(())
        }
        StepKind::Parallel(p) => {
            writeln!(out, "parallel {:?}", p.on_branch_error)?;
            for branch in &p.branches {
                writeln!(out, "{pad}branch {}", branch.name)?;
                steps(&branch.body, depth + 2, out);
            }
            p.output.as_ref().map_or(Ok(()), |o| writeln!(out, "{pad}=> {}", value(o)))
        }
        StepKind::Dag(d) => {
            writeln!(out, "dag {:?}", d.on_branch_error)?;
            for (at, node) in d.nodes.iter().enumerate() {
                writeln!(out, "{pad}{at} needs {:?} {:?}", node.needs, node.join)?;
                steps(&node.step, depth + 2, out);
            }
            d.output.as_ref().map_or(Ok(()), |o| writeln!(out, "{pad}=> {}", value(o)))
        }
        StepKind::Try(t) => {
            writeln!(out, "try")?;
            body(&t.body, depth, out);
            for catch in &t.catches {
                writeln!(out, "{pad}catch {:?}", catch.on)?;
                body(&catch.body, depth, out);
            }
            if let Some(finally) = &t.finally {
                writeln!(out, "{pad}finally")?;
                steps(finally, depth + 2, out);
            }
            Ok(())
        }
        StepKind::Ask(_) | StepKind::Wait(_) => write_wait(kind, out),
        StepKind::Playbook(p) => {
            writeln!(out, "call {} with {} connections {:?}", p.plan.id, fields(&p.with), p.connections)
        }
        StepKind::Assert { that, message } => {
            writeln!(out, "assert [{}] {:?}", that.source().trim(), message.as_ref().map(value))
        }
    }
}

fn write_wait(kind: &StepKind, out: &mut String) -> std::fmt::Result {
    match kind {
        StepKind::Ask(a) => writeln!(
            out,
            "ask {} {:?} of {} {:?} timeout={:?} default={:?}",
            value(&a.message),
            a.order,
            a.form,
            a.to,
            a.timeout,
            a.default.as_ref().map(ToString::to_string)
        ),
        StepKind::Wait(Wait::For(length)) => writeln!(out, "wait {}", value(length)),
        StepKind::Wait(Wait::Until(time)) => writeln!(out, "wait until {}", value(time)),
        StepKind::Wait(Wait::Event(e)) => writeln!(
            out,
            "wait for {} {} match={:?} timeout={:?} tolerates={}",
            e.event,
            names(&e.schema),
            e.matches.as_ref().map(|m| m.source().trim()),
            e.timeout,
            e.tolerates_timeout
        ),
        _ => Ok(()),
    }
}

fn body(body: &Body, depth: usize, out: &mut String) {
    steps(&body.steps, depth + 2, out);
    if let Some(output) = &body.output {
        let _ = writeln!(out, "{}=> {}", "  ".repeat(depth + 2), value(output));
    }
}

/// The members of an object schema.
fn names(schema: &Value) -> String {
    let names = schema["properties"].as_object().map(|p| p.keys().cloned().collect::<Vec<_>>());
    names.unwrap_or_default().join(", ")
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
