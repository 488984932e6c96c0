//! From a plan to a drawing: every step once, blocks as frames, and words for what a step does.

use plan::{
    Body, Effect, Foreach, Join, OnBranchError, OnError, OnItemError, Parallel, Plan, Step, StepKind, Switch,
    Then, Trigger, TriggerKind, Try, While,
};

use super::chart::{Chart, EdgeKind, Inside, Item, Kind, LineStyle};
use super::words;
use crate::output::line;

impl Chart {
    /// The drawing of a playbook.
    pub(crate) fn of(plan: &Plan) -> Chart {
        let mut inside = Inside::default();
        let start = inside.push(start(plan));
        let mut last = chain(&mut inside, &plan.steps, Some((start, String::new())));
        let failed = plan.on_error.as_deref().map(|steps| {
            let lane = lane("when the steps failed", steps);
            inside.push(lane)
        });
        if let (Some(failed), Some((step, _))) = (failed, &last) {
            inside.join(*step, failed, "failed", EdgeKind::Failure);
        }
        if let Some(steps) = plan.finally.as_deref() {
            let finally = inside.push(lane("finally, in any case", steps));
            if let Some((step, label)) = last {
                inside.join(step, finally, label, EdgeKind::Always);
            }
            if let Some(failed) = failed {
                inside.join(failed, finally, "", EdgeKind::Always);
            }
            last = Some((finally, String::new()));
        }
        let end = inside.push(Item::plain(Kind::End, "end"));
        if let Some((step, label)) = last {
            inside.join(step, end, label, EdgeKind::Flow);
        }
        if let (Some(failed), None) = (failed, &plan.finally) {
            inside.join(failed, end, "", EdgeKind::Flow);
        }
        Chart { title: line(&plan.name), id: line(&plan.id), inside }
    }
}

/// Where a run begins, and why.
fn start(plan: &Plan) -> Item {
    let mut item = Item::plain(Kind::Start, line(&plan.name));
    for Trigger { id, kind, .. } in &plan.triggers {
        let when = match kind {
            TriggerKind::Manual => "by hand".to_owned(),
            TriggerKind::Mailbox { mailbox, folder, .. } => {
                format!("new mail in {} of {}", line(folder), line(mailbox))
            }
            TriggerKind::Cron(times) => format!("at {} UTC", line(times)),
            TriggerKind::Webhook => "a web request".to_owned(),
            TriggerKind::Event(name) => format!("the event {}", line(name)),
        };
        item.line(LineStyle::Note, format!("{}: {when}", line(id)));
    }
    if let Some(deadline) = plan.deadline {
        item.line(LineStyle::Note, format!("within {}", words::duration(deadline)));
    }
    item
}

/// Adds steps one after another. `from` is what leads to the first of them, with the words on the arrow; the
/// same comes back for whatever follows, or nothing if the last step always ends the run.
fn chain(inside: &mut Inside, steps: &[Step], from: Option<(usize, String)>) -> Option<(usize, String)> {
    let mut from = from;
    for step in steps {
        let here = inside.push(item(step));
        if let Some((before, label)) = from {
            inside.join(before, here, label, EdgeKind::Flow);
        }
        from = onward(step).map(|label| (here, label.to_owned()));
    }
    from
}

/// Under which word the next step is reached; nothing if it never is.
fn onward(step: &Step) -> Option<&'static str> {
    let ends = step.then.is_some() || matches!(step.kind, StepKind::Return(_) | StepKind::Fail { .. });
    match (&step.kind, ends) {
        (StepKind::Approve(approve), false) if approve.reject_ends_block => Some("approved"),
        (_, false) => Some(""),
        (_, true) if step.condition.is_some() => Some("otherwise"),
        (_, true) if step.on_error == OnError::Continue => Some("if it failed"),
        _ => None,
    }
}

fn block(steps: &[Step]) -> Inside {
    let mut inside = Inside::default();
    chain(&mut inside, steps, None);
    inside
}

fn lane(title: impl Into<String>, steps: &[Step]) -> Item {
    let mut item = Item::plain(Kind::Lane, title);
    item.inside = Some(block(steps));
    if steps.is_empty() {
        item.inside = None;
        item.line(LineStyle::Note, "nothing");
    }
    item
}

/// One step.
fn item(step: &Step) -> Item {
    let kind = kind(&step.kind);
    // A step without an id of its own has one that says nothing.
    let id = if step.id.starts_with('_') { kind.word() } else { &step.id };
    let mut item = Item::plain(kind, line(step.name.as_deref().unwrap_or(id)));
    item.step = Some(step.id.clone());
    item.optional = step.condition.is_some();
    if let Some(condition) = &step.condition {
        item.line(LineStyle::Condition, format!("if {}", words::source(condition)));
    }
    for (style, text) in words::about(step) {
        item.line(style, text);
    }
    match &step.then {
        Some(Then::Return(_)) => item.line(LineStyle::Note, "then the run ends"),
        Some(Then::Fail(_)) => item.line(LineStyle::Note, "then the run fails"),
        None => {}
    }
    if step.on_error == OnError::Continue {
        item.line(LineStyle::Note, "goes on if it fails");
    }
    if let Some(timeout) = step.timeout {
        item.line(LineStyle::Note, format!("within {}", words::duration(timeout)));
    }
    item.inside = inside(&step.kind);
    item.about = words::tooltip(step, &item.lines);
    item
}

fn kind(kind: &StepKind) -> Kind {
    match kind {
        StepKind::Call(call) => match call.effect {
            Effect::Enrichment => Kind::Enrichment,
            Effect::Containment => Kind::Containment,
            Effect::Notification => Kind::Notification,
            Effect::Internal => Kind::Internal,
        },
        StepKind::Set(_) => Kind::Compute,
        StepKind::Foreach(_) | StepKind::While(_) => Kind::Loop,
        StepKind::Switch(_) => Kind::Switch,
        StepKind::Parallel(_) => Kind::Parallel,
        StepKind::Dag(_) => Kind::Dag,
        StepKind::Try(_) => Kind::Try,
        StepKind::Playbook(_) => Kind::Playbook,
        StepKind::Approve(_) | StepKind::Ask(_) => Kind::Person,
        StepKind::Wait(_) => Kind::Wait,
        StepKind::Assert { .. } => Kind::Assert,
        StepKind::Return(_) => Kind::Return,
        StepKind::Fail { .. } => Kind::Fail,
    }
}

fn inside(kind: &StepKind) -> Option<Inside> {
    match kind {
        StepKind::Foreach(Foreach { body, .. }) => Some(Inside { back: Some("next item"), ..block(body) }),
        StepKind::While(While { body, .. }) => Some(Inside { back: Some("next round"), ..block(body) }),
        StepKind::Switch(switch) => Some(cases(switch)),
        StepKind::Parallel(Parallel { branches, .. }) => Some(Inside {
            items: branches.iter().map(|branch| lane(line(&branch.name), &branch.body)).collect(),
            ..Inside::default()
        }),
        StepKind::Dag(dag) => Some(needs(dag)),
        StepKind::Try(tried) => Some(handlers(tried)),
        // Its own file has its own drawing; the box says what it can change.
        StepKind::Playbook(_)
        | StepKind::Call(_)
        | StepKind::Set(_)
        | StepKind::Approve(_)
        | StepKind::Ask(_)
        | StepKind::Wait(_)
        | StepKind::Assert { .. }
        | StepKind::Return(_)
        | StepKind::Fail { .. } => None,
    }
}

fn cases(switch: &Switch) -> Inside {
    let mut inside = Inside::default();
    for (index, case) in switch.cases.iter().enumerate() {
        let word = if index == 0 { "if" } else { "else if" };
        let mut item = lane(format!("case {}", index + 1), &case.body.steps);
        item.lines.insert(
            0,
            super::chart::Line {
                style: LineStyle::Condition,
                text: format!("{word} {}", words::source(&case.when)),
            },
        );
        item.about = words::full(&item.title, &item.lines);
        inside.push(item);
    }
    let otherwise: &[Step] = switch.default.as_ref().map_or(&[], |Body { steps, .. }| steps);
    inside.push(lane("otherwise", otherwise));
    inside
}

fn needs(dag: &plan::Dag) -> Inside {
    let mut inside = Inside::default();
    for node in dag.nodes.iter() {
        // A node of a dag is one step.
        let Some(step) = node.step.first() else { continue };
        let mut item = item(step);
        if node.needs.len() > 1 && node.join == Join::Any {
            item.line(LineStyle::Note, "as soon as one has succeeded");
            item.about = words::tooltip(step, &item.lines);
        }
        inside.push(item);
    }
    for (to, node) in dag.nodes.iter().enumerate() {
        for &from in &node.needs {
            if from < inside.items.len() && to < inside.items.len() {
                let label = if node.needs.len() > 1 && node.join == Join::Any { "any" } else { "" };
                inside.join(from, to, label, EdgeKind::Flow);
            }
        }
    }
    inside
}

fn handlers(tried: &Try) -> Inside {
    let mut inside = Inside::default();
    let body = inside.push(lane("try", &tried.body.steps));
    let mut ends = vec![body];
    for catch in &tried.catches {
        let kinds = words::kinds(catch.on.as_deref());
        let handler = inside.push(lane("catch", &catch.body.steps));
        inside.join(body, handler, format!("on {kinds}"), EdgeKind::Failure);
        ends.push(handler);
    }
    if let Some(steps) = tried.finally.as_deref() {
        let finally = inside.push(lane("finally, in any case", steps));
        for end in ends {
            inside.join(end, finally, "", EdgeKind::Always);
        }
    }
    inside
}

/// What a failed item does to its loop, if that is not the ordinary thing.
pub(super) fn item_errors(errors: OnItemError) -> Option<&'static str> {
    match errors {
        OnItemError::Fail => None,
        OnItemError::Collect => Some("failed items are collected"),
        OnItemError::Skip => Some("failed items are left out"),
    }
}

/// What a failed branch does to the others, if that is not the ordinary thing.
pub(super) fn branch_errors(errors: OnBranchError) -> Option<&'static str> {
    match errors {
        OnBranchError::Wait => None,
        OnBranchError::Cancel => Some("a failure cancels the others"),
    }
}
