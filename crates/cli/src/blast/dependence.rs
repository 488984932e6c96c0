//! Which steps depend on something that a plan had to make up.
//!
//! Made up are outputs of calls that are not made, decisions, answers of forms, and events. A value depends on
//! one if an expression on the way to it mentions it: this may tell too much and never too little.

use std::collections::{BTreeMap, BTreeSet};

use expr::Expr;
use plan::{Plan, Step, StepKind, Then, ValueExpr, Wait};

use super::step::MadeUpKind;

/// Paths of steps with made-up outputs.
pub(super) type Sources = BTreeSet<String>;

/// For every step, by its path with `[*]` for items, what it depends on.
#[derive(Debug, Default)]
pub(super) struct Dependence {
    /// What its own inputs and conditions, and those of the blocks around it, depend on.
    pub(super) of: BTreeMap<String, Sources>,
    /// Steps whose output is made up.
    pub(super) made_up: BTreeMap<String, MadeUpKind>,
}

/// What names stand for, in one playbook.
#[derive(Debug, Default, Clone)]
struct Names {
    /// Outputs by step.
    steps: BTreeMap<String, Sources>,
    /// Loop variables, states, and whatever else is a single name.
    names: BTreeMap<String, Sources>,
}

/// Looks at a whole playbook.
pub(super) fn of(plan: &Plan) -> Dependence {
    let mut out = Dependence::default();
    playbook(plan, "", BTreeMap::new(), &Sources::new(), &mut out);
    out
}

fn playbook(
    plan: &Plan,
    prefix: &str,
    inputs: BTreeMap<String, Sources>,
    under: &Sources,
    out: &mut Dependence,
) -> Sources {
    let mut names = Names::default();
    names.names.insert("inputs".to_owned(), inputs.into_values().flatten().collect());
    for steps in [Some(&plan.steps), plan.on_error.as_ref(), plan.finally.as_ref()].into_iter().flatten() {
        block(steps, prefix, under, &mut names, out);
    }
    plan.outputs.iter().filter_map(|output| output.value.as_ref()).flat_map(|it| value(it, &names)).collect()
}

fn block(steps: &[Step], prefix: &str, under: &Sources, names: &mut Names, out: &mut Dependence) {
    for step in steps {
        let path = join(prefix, &step.id);
        let mut own = under.clone();
        own.extend(step.condition.iter().flat_map(|condition| expression(condition, names)));
        if let Some(Then::Return(fields)) = &step.then {
            own.extend(fields.iter().flat_map(|(_, field)| value(field, names)));
        }
        let output = verb(step, &path, &mut own, names, out);
        names.steps.insert(step.id.clone(), output);
        out.of.insert(path, own);
    }
}

/// What the output of a step depends on; what the step itself depends on goes into `own`.
fn verb(step: &Step, path: &str, own: &mut Sources, names: &mut Names, out: &mut Dependence) -> Sources {
    let made_up = |out: &mut Dependence, kind: MadeUpKind| {
        out.made_up.insert(path.to_owned(), kind);
        Sources::from([path.to_owned()])
    };
    match &step.kind {
        StepKind::Call(call) => {
            own.extend(value(&call.with, names));
            if call.effect.changes() { made_up(out, MadeUpKind::Output) } else { own.clone() }
        }
        StepKind::Set(fields) | StepKind::Return(fields) => {
            own.extend(fields.iter().flat_map(|(_, field)| value(field, names)));
            own.clone()
        }
        StepKind::Foreach(each) => {
            own.extend(expression(&each.items, names));
            names.names.insert(each.variable.clone(), own.clone());
            block(&each.body, &format!("{path}[*]"), own, names, out);
            let mut output = own.clone();
            output.extend(each.output.iter().flat_map(|output| value(output, names)));
            output
        }
        StepKind::While(each) => {
            let mut state: Sources = each.initial.iter().flat_map(|(_, field)| value(field, names)).collect();
            // What a round leaves to the next may come from the next: twice is enough for it to come round.
            for _ in 0..2 {
                names.names.insert(each.variable.clone(), state.clone());
                own.extend(expression(&each.condition, names));
                block(&each.body, &format!("{path}[*]"), own, names, out);
                state.extend(each.next.iter().flat_map(|(_, field)| value(field, names)));
            }
            state
        }
        StepKind::Switch(switch) => {
            let mut output = Sources::new();
            let mut under = own.clone();
            for case in &switch.cases {
                under.extend(expression(&case.when, names));
                block(&case.body.steps, path, &under, names, out);
                output.extend(case.body.output.iter().flat_map(|output| value(output, names)));
            }
            if let Some(body) = &switch.default {
                block(&body.steps, path, &under, names, out);
                output.extend(body.output.iter().flat_map(|output| value(output, names)));
            }
            own.extend(under);
            output.extend(own.iter().cloned());
            output
        }
        StepKind::Parallel(parallel) => {
            for branch in &parallel.branches {
                block(&branch.body, &join(path, &branch.name), own, names, out);
            }
            parallel.output.iter().flat_map(|output| value(output, names)).collect()
        }
        StepKind::Dag(dag) => {
            for node in dag.nodes.iter() {
                block(&node.step, path, own, names, out);
            }
            dag.output.iter().flat_map(|output| value(output, names)).collect()
        }
        StepKind::Try(tried) => {
            let mut output = Sources::new();
            let bodies = std::iter::once(&tried.body).chain(tried.catches.iter().map(|catch| &catch.body));
            for body in bodies {
                block(&body.steps, path, own, names, out);
                output.extend(body.output.iter().flat_map(|output| value(output, names)));
            }
            if let Some(steps) = &tried.finally {
                block(steps, path, own, names, out);
            }
            output
        }
        StepKind::Playbook(sub) => {
            let inputs: BTreeMap<String, Sources> =
                sub.with.iter().map(|(name, input)| (name.clone(), value(input, names))).collect();
            own.extend(inputs.values().flatten().cloned());
            playbook(&sub.plan, path, inputs, own, out)
        }
        StepKind::Approve(approve) => {
            own.extend(value(&approve.message, names));
            made_up(out, MadeUpKind::Decision)
        }
        StepKind::Ask(ask) => {
            own.extend(value(&ask.message, names));
            made_up(out, MadeUpKind::Answer)
        }
        StepKind::Wait(Wait::Event(event)) => {
            own.extend(event.matches.iter().flat_map(|matches| expression(matches, names)));
            made_up(out, MadeUpKind::Event)
        }
        StepKind::Wait(Wait::For(when) | Wait::Until(when)) => {
            own.extend(value(when, names));
            Sources::new()
        }
        StepKind::Assert { that, message } => {
            own.extend(expression(that, names));
            own.extend(message.iter().flat_map(|message| value(message, names)));
            Sources::new()
        }
        StepKind::Fail { message } => {
            own.extend(value(message, names));
            Sources::new()
        }
    }
}

fn expression(expression: &Expr, names: &Names) -> Sources {
    let mut found = Sources::new();
    for reference in expression.references() {
        let mut path = reference.path.iter();
        match path.next().map(String::as_str) {
            Some("steps") => {
                found.extend(path.next().and_then(|id| names.steps.get(id)).into_iter().flatten().cloned());
            }
            Some(name) => found.extend(names.names.get(name).into_iter().flatten().cloned()),
            None => {}
        }
    }
    found
}

fn value(it: &ValueExpr, names: &Names) -> Sources {
    let mut found = Sources::new();
    expressions(it, &mut |inside| found.extend(expression(inside, names)));
    found
}

/// Every expression of a value.
pub(super) fn expressions(value: &ValueExpr, each: &mut dyn FnMut(&Expr)) {
    match value {
        ValueExpr::Literal(_) => {}
        ValueExpr::Template(template) => template.exprs().for_each(|(_, inside)| each(inside)),
        ValueExpr::Text { values, .. } => expressions(values, each),
        ValueExpr::List(items) => items.iter().for_each(|item| expressions(item, each)),
        ValueExpr::Map(fields) => fields.values().for_each(|field| expressions(field, each)),
    }
}

/// `a` and `b` as `a/b`.
pub(super) fn join(prefix: &str, id: &str) -> String {
    if prefix.is_empty() { id.to_owned() } else { format!("{prefix}/{id}") }
}
