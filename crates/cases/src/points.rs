//! What there is to be covered in a playbook: its steps, and every way on from them.

use plan::{OnError, OnItemError, Plan, Step, StepKind, Wait};

use crate::lines::Lines;
use crate::sites::{Inside, Way, child, inside};

/// One thing to be covered.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// For a person: "step `delete`", "`delete` is skipped by its `if`".
    pub(crate) what: String,
    /// The line in the playbook, counted from 1.
    pub(crate) line: usize,
    /// A way on, rather than a step.
    pub(crate) branch: bool,
    /// What shows that it was gone through.
    pub(crate) sign: Sign,
    /// How many runs did.
    pub(crate) runs: u64,
}

/// What shows that a point was gone through. Paths are without numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Sign {
    /// The step began.
    Ran(String),
    /// Its condition did not hold.
    Skipped(String),
    /// A list of steps began, of which this is the first.
    Entered(String),
    /// No case of the switch held.
    NoCase(String),
    /// It failed, and its block went on.
    Tolerated(String),
    /// An item of the loop failed.
    ItemFailed(String),
    /// An approval ended like this.
    Decided(String, engine::Decision),
    /// A form was filled in, or the event came.
    Answered(String),
    /// A form was not filled in, or the event did not come, in time.
    TimeUp(String),
}

/// Everything to be covered, in the order of the file. Sub-playbooks have tests of their own.
pub(crate) fn points(plan: &Plan, text: &str) -> Vec<Point> {
    let mut walk = Walk { lines: Lines::new(text), points: Vec::new() };
    walk.steps(&plan.steps, "");
    if let Some(steps) = &plan.on_error {
        walk.entered(steps, "", 1, "on_error", "the handler `on_error` of the playbook");
        walk.steps(steps, "");
    }
    if let Some(steps) = &plan.finally {
        walk.steps(steps, "");
    }
    walk.points
}

struct Walk<'t> {
    lines: Lines<'t>,
    points: Vec<Point>,
}

impl Walk<'_> {
    fn steps(&mut self, steps: &[Step], above: &str) {
        for step in steps {
            let path = child(above, &step.id);
            self.step(step, &path);
            for Inside { way, steps } in inside(step) {
                match way {
                    Way::Branch(name) => self.steps(steps, &child(&path, name)),
                    Way::Call => {}
                    _ => self.steps(steps, &path),
                }
            }
        }
    }

    fn step(&mut self, step: &Step, path: &str) {
        let (id, line) = (&step.id, self.lines.of_id(&step.id));
        let owned = || path.to_owned();
        self.add(format!("step `{id}`"), line, false, Sign::Ran(owned()));
        if let Some(condition) = &step.condition {
            let at = self.lines.key_above("if", line + 4, line).unwrap_or(line);
            let source = condition.source().trim();
            self.add(format!("`if` of `{id}` holds: {source}"), at, true, Sign::Ran(owned()));
            self.add(format!("`if` of `{id}` does not hold: {source}"), at, true, Sign::Skipped(owned()));
        }
        if step.on_error == OnError::Continue {
            self.add(format!("`{id}` fails and the next step runs"), line, true, Sign::Tolerated(owned()));
        }
        match &step.kind {
            StepKind::Approve(approve) => {
                let mut decided = |word: &str, decision| {
                    self.add(format!("`{id}` is {word}"), line, true, Sign::Decided(owned(), decision));
                };
                decided("approved", engine::Decision::Approved);
                decided("rejected", engine::Decision::Rejected);
                if approve.timeout.is_some() {
                    decided("not answered in time", engine::Decision::TimedOut);
                }
            }
            StepKind::Ask(form) if form.timeout.is_some() => {
                self.add(format!("`{id}` is answered"), line, true, Sign::Answered(owned()));
                self.add(format!("`{id}` is not answered in time"), line, true, Sign::TimeUp(owned()));
            }
            StepKind::Wait(Wait::Event(wait)) if wait.timeout.is_some() => {
                self.add(format!("the event of `{id}` comes"), line, true, Sign::Answered(owned()));
                self.add(
                    format!("the event of `{id}` does not come in time"),
                    line,
                    true,
                    Sign::TimeUp(owned()),
                );
            }
            StepKind::Foreach(foreach) if foreach.on_item_error != OnItemError::Fail => {
                self.add(format!("an item of `{id}` fails"), line, true, Sign::ItemFailed(owned()));
            }
            StepKind::Switch(switch) => {
                self.ways(step, path, line);
                if switch.default.is_none() {
                    self.add(format!("no case of `{id}` holds"), line, true, Sign::NoCase(owned()));
                }
            }
            StepKind::Try(_) => self.ways(step, path, line),
            _ => {}
        }
    }

    /// The cases of a switch and the handlers of a try.
    fn ways(&mut self, step: &Step, path: &str, line: usize) {
        let id = &step.id;
        for Inside { way, steps } in inside(step) {
            match way {
                Way::Case(number, case) => {
                    let what = format!("case {number} of `{id}`: {}", case.when.source().trim());
                    self.entered(steps, path, line, "case", &what);
                }
                Way::Default => self.entered(steps, path, line, "default", &format!("the default of `{id}`")),
                Way::Catch(catch) => {
                    let kinds = match &catch.on {
                        None => "any".to_owned(),
                        Some(kinds) => kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", "),
                    };
                    self.entered(steps, path, line, "on", &format!("`{id}` catches {kinds}"));
                }
                Way::Plain { .. } | Way::Branch(_) | Way::Call => {}
            }
        }
    }

    /// A list of steps that is gone into or not. One without steps cannot be seen from outside.
    fn entered(&mut self, steps: &[Step], above: &str, top: usize, key: &str, what: &str) {
        if let Some(first) = steps.first() {
            let line = self.lines.of_id(&first.id);
            let line = self.lines.key_above(key, line, top).unwrap_or(line);
            self.add(what.to_owned(), line, true, Sign::Entered(child(above, &first.id)));
        }
    }

    fn add(&mut self, what: String, line: usize, branch: bool, sign: Sign) {
        self.points.push(Point { what, line, branch, sign, runs: 0 });
    }
}
