//! The words on a step: what it calls, how often, within which limits.

use std::time::Duration;

use expr::Expr;
use plan::{
    Approve, AskForm, Audience, Effect, FailureKind, OnError, Plan, Step, StepKind, SubPlaybook, ValueExpr,
    Wait,
};

use super::build::{branch_errors, item_errors};
use super::chart::{Line, LineStyle};
use crate::output::line;

/// What a box says about a step below its title.
pub(super) fn about(step: &Step) -> Vec<(LineStyle, String)> {
    use LineStyle::{Code, Note};
    match &step.kind {
        StepKind::Call(call) => {
            let mut lines = vec![(Code, line(&call.action)), (Note, call.effect.as_str().to_owned())];
            if call.accept_untrusted.is_some() {
                lines.push((Note, "accepts untrusted values".to_owned()));
            }
            lines
        }
        StepKind::Set(fields) => {
            let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
            vec![(Code, format!("set {}", line(&names.join(", "))))]
        }
        StepKind::Foreach(each) => {
            let mut lines =
                vec![(Code, format!("for each {} in {}", line(&each.variable), source(&each.items)))];
            let at_once = if each.max_parallel > 1 {
                format!(", {} at a time", each.max_parallel)
            } else {
                String::new()
            };
            lines.push((Note, format!("at most {}{at_once}", each.limit)));
            lines.extend(item_errors(each.on_item_error).map(|text| (Note, text.to_owned())));
            lines
        }
        StepKind::While(each) => vec![
            (Code, format!("while {}", source(&each.condition))),
            (Note, format!("at most {} rounds", each.max)),
        ],
        StepKind::Switch(_) => vec![(Note, "the first case that holds".to_owned())],
        StepKind::Parallel(parallel) => {
            let mut lines = vec![(Note, "at the same time".to_owned())];
            lines.extend(branch_errors(parallel.on_branch_error).map(|text| (Note, text.to_owned())));
            lines
        }
        StepKind::Dag(dag) => {
            let mut lines = vec![(Note, "each when what it needs is there".to_owned())];
            lines.extend(branch_errors(dag.on_branch_error).map(|text| (Note, text.to_owned())));
            lines
        }
        StepKind::Try(_) => vec![(Note, "with handlers for failures".to_owned())],
        StepKind::Playbook(sub) => playbook(sub),
        StepKind::Approve(approve) => approval(approve),
        StepKind::Ask(ask) => form(ask),
        StepKind::Wait(wait) => vec![(Note, waiting(wait))],
        StepKind::Assert { that, .. } => vec![(Code, format!("assert {}", source(that)))],
        StepKind::Return(outputs) => {
            let names: Vec<&str> = outputs.iter().map(|(name, _)| name.as_str()).collect();
            vec![(Note, "the run ends".to_owned()), (Code, line(&names.join(", ")))]
                .into_iter()
                .filter(|(_, text)| !text.is_empty())
                .collect()
        }
        StepKind::Fail { message } => vec![(Note, format!("the run fails: {}", value(message)))],
    }
}

fn playbook(sub: &SubPlaybook) -> Vec<(LineStyle, String)> {
    let changes = changes(&sub.plan);
    let mut lines = vec![(LineStyle::Code, format!("call {}", line(&sub.plan.id)))];
    lines.push((
        LineStyle::Note,
        if changes.is_empty() {
            "changes nothing".to_owned()
        } else {
            format!("may call {}", changes.join(", "))
        },
    ));
    lines
}

/// The actions of a playbook, and of those it calls, that do more than read.
fn changes(plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let bodies = [Some(&plan.steps), plan.on_error.as_ref(), plan.finally.as_ref()];
    for steps in bodies.into_iter().flatten() {
        collect(steps, &mut found);
    }
    found.sort();
    found.dedup();
    found
}

fn collect(steps: &[Step], found: &mut Vec<String>) {
    for step in steps {
        match &step.kind {
            StepKind::Call(call) if call.effect != Effect::Enrichment => found.push(line(&call.action)),
            StepKind::Playbook(sub) => found.extend(changes(&sub.plan)),
            kind => children(kind).into_iter().for_each(|(_, steps)| collect(steps, found)),
        }
    }
}

/// The blocks inside a step, in the order of the file, each with a word for it.
pub(crate) fn children(kind: &StepKind) -> Vec<(String, &[Step])> {
    let named = |name: &str, steps| (name.to_owned(), steps);
    match kind {
        StepKind::Foreach(each) => vec![named("", &*each.body)],
        StepKind::While(each) => vec![named("", &*each.body)],
        StepKind::Switch(switch) => {
            let cases =
                switch.cases.iter().map(|case| (format!("case {}", source(&case.when)), &*case.body.steps));
            let default = switch.default.iter().map(|body| named("otherwise", &*body.steps));
            cases.chain(default).collect()
        }
        StepKind::Parallel(parallel) => {
            parallel.branches.iter().map(|branch| (line(&branch.name), &*branch.body)).collect()
        }
        StepKind::Dag(dag) => dag.nodes.iter().map(|node| named("", &*node.step)).collect(),
        StepKind::Try(tried) => {
            let mut blocks = vec![named("try", &*tried.body.steps)];
            for catch in &tried.catches {
                blocks.push((format!("catch {}", kinds(catch.on.as_deref())), &*catch.body.steps));
            }
            blocks.extend(tried.finally.iter().map(|steps| named("finally", &**steps)));
            blocks
        }
        StepKind::Call(_)
        | StepKind::Set(_)
        | StepKind::Playbook(_)
        | StepKind::Approve(_)
        | StepKind::Ask(_)
        | StepKind::Wait(_)
        | StepKind::Assert { .. }
        | StepKind::Return(_)
        | StepKind::Fail { .. } => Vec::new(),
    }
}

fn approval(approve: &Approve) -> Vec<(LineStyle, String)> {
    use LineStyle::Note;
    let people = if approve.quorum > 1 { format!("{} people of ", approve.quorum) } else { String::new() };
    let mut lines = vec![(Note, format!("asks {people}{}", audience(&approve.to)))];
    if !approve.shows.is_empty() {
        lines.push((Note, format!("covers {}", line(&approve.shows.join(", ")))));
    }
    if let Some(timeout) = approve.timeout {
        lines.push((Note, format!("within {}", duration(timeout))));
    }
    lines
}

fn form(ask: &AskForm) -> Vec<(LineStyle, String)> {
    let names: Vec<String> = ask.order.iter().map(|name| line(name)).collect();
    let mut lines = vec![
        (LineStyle::Note, format!("a form for {}", audience(&ask.to))),
        (LineStyle::Code, names.join(", ")),
    ];
    if let Some(timeout) = ask.timeout {
        lines.push((LineStyle::Note, format!("within {}", duration(timeout))));
    }
    lines
}

/// What a `wait` waits for.
pub(crate) fn waiting(wait: &Wait) -> String {
    match wait {
        Wait::For(how_long) => format!("for {}", value(how_long)),
        Wait::Until(when) => format!("until {}", value(when)),
        Wait::Event(event) => {
            let limit =
                event.timeout.map(|limit| format!(", at most {}", duration(limit))).unwrap_or_default();
            format!("for the event {}{limit}", line(&event.event))
        }
    }
}

/// Who may decide or answer.
pub(crate) fn audience(to: &Audience) -> String {
    let who = if to.roles.is_empty() { "anybody".to_owned() } else { line(&to.roles.join(" or ")) };
    if to.not_starter { format!("{who}, but not who started the run") } else { who }
}

/// Kinds of failures, as a handler names them.
pub(crate) fn kinds(kinds: Option<&[FailureKind]>) -> String {
    match kinds {
        None => "any failure".to_owned(),
        Some(kinds) => kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "),
    }
}

/// An expression as the playbook has it, on one line.
pub(crate) fn source(expression: &Expr) -> String {
    line(&expression.source().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A value as the playbook has it, on one line.
pub(crate) fn value(value: &ValueExpr) -> String {
    match value {
        ValueExpr::Literal(serde_json::Value::String(text)) => line(text),
        ValueExpr::Literal(literal) => line(&literal.to_string()),
        ValueExpr::Template(template) => match template.as_single() {
            Some(expression) => source(expression),
            None => {
                let inside: Vec<String> = template.exprs().map(|(_, inside)| source(inside)).collect();
                format!("a text with {}", inside.join(", "))
            }
        },
        ValueExpr::Text { template, .. } => line(template.name()),
        ValueExpr::List(_) => "a list".to_owned(),
        ValueExpr::Map(_) => "an object".to_owned(),
    }
}

/// A duration as people write it: `1h 30m`, `250ms`.
pub(crate) fn duration(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
        (u64::from(millis), "ms"),
    ];
    let text: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text.join(" ") }
}

/// Everything that a drawing says about a step, uncut.
pub(super) fn tooltip(step: &Step, lines: &[Line]) -> String {
    let mut text = full(&line(&step.id), lines);
    if let StepKind::Call(call) = &step.kind {
        if let Some(reason) = &call.accept_untrusted {
            text.push_str(&format!("\nuntrusted values are accepted: {}", line(reason)));
        }
        text.push_str(&format!(
            "\neach attempt within {}, at most {} attempts",
            duration(call.timeout),
            call.retry.attempts
        ));
    }
    if step.on_error == OnError::Fail {
        text.push_str("\na failure ends the block");
    }
    text
}

/// A title and all lines, uncut.
pub(super) fn full(title: &str, lines: &[Line]) -> String {
    let mut text = title.to_owned();
    for line in lines {
        text.push('\n');
        text.push_str(&line.text);
    }
    text
}
