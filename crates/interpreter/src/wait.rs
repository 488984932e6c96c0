//! `wait`: for a time, or for an event that is sent to the run.
//!
//! An event that nobody waits for yet is kept for a later wait, so that one that comes too early is not lost.

use std::collections::VecDeque;
use std::sync::LazyLock;

use expr::{Budget, Expr};
use journal::{OpId, Timestamp};
use plan::{Blame, Failure, FailureKind, StepKind, StepPath, ValueExpr, Wait, WaitEvent};
use serde_json::{Value, json};

use crate::answer::event_output;
use crate::block::{Place, Started};
use crate::command::{Awaited, Command, Pause, ProgressKind};
use crate::machine::{Machine, after, date_time};
use crate::node::{Node, NodeId, NodeKind, PauseNode};
use crate::render;
use crate::scope::FrameId;

/// The most events a run keeps for waits that have not begun.
pub const MAX_SIGNALS: usize = 100;

/// Events nobody has waited for yet, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Signals(VecDeque<(String, Value)>);

// The expression language knows times and durations in all their forms: what a playbook may write here is
// what it may write there.
static LATER: LazyLock<Option<Expr>> = LazyLock::new(|| Expr::parse("timestamp(now) + duration(wait)").ok());
static UNTIL: LazyLock<Option<Expr>> = LazyLock::new(|| Expr::parse("timestamp(wait)").ok());

impl Machine {
    /// Begins to wait; an event that is here already ends the wait at once.
    pub(crate) fn start_wait(&mut self, wait: &Wait, place: &Place) -> Started {
        let due = match wait {
            Wait::For(expr) => self.due("`for`", expr, &LATER, place).map(Some),
            Wait::Until(expr) => self.due("`until`", expr, &UNTIL, place).map(Some),
            Wait::Event(event) => match self.kept(event, place.frame, &place.path) {
                Ok(Some(payload)) => {
                    self.tell(place.path.clone(), ProgressKind::Signalled { name: event.event.clone() });
                    return Started::Now(Ok(event_output(Some(&payload))));
                }
                Ok(None) => Ok(event.timeout.map(|limit| after(self.now, limit))),
                Err(failure) => Err(failure),
            },
        };
        let event = match wait {
            Wait::Event(event) => Some(Awaited { name: event.event.clone(), schema: event.schema.clone() }),
            Wait::For(_) | Wait::Until(_) => None,
        };
        let due = match due {
            Ok(due) => due,
            Err(failure) => return Started::Now(Err(failure.into())),
        };
        let pause = Pause { op: self.upcoming_op(), path: place.path.clone(), event, due };
        self.turn.commands.push(Command::Pause(Box::new(pause.clone())));
        let node = PauseNode { pause, step: place.step.clone() };
        Started::Later(self.open(place.node(NodeKind::Pause(Box::new(node)))))
    }

    /// A point in time from what a playbook says.
    fn due(
        &self,
        what: &str,
        expr: &ValueExpr,
        rule: &Option<Expr>,
        place: &Place,
    ) -> Result<Timestamp, Failure> {
        let wrong = |said: &str| {
            let message = format!("step {}: {what} cannot be waited for: {said}", place.path);
            Failure::new(FailureKind::Invalid, Blame::Playbook, message)
        };
        let wait = render::for_step(what, expr, &self.view(place.frame), &place.path)?;
        let names = json!({"now": date_time(self.now), "wait": wait});
        let rule = rule.as_ref().ok_or_else(|| wrong("it is no time"))?;
        let until = rule.eval(&names, &mut Budget::new()).map_err(|error| wrong(&error.message))?;
        let until: Option<jiff::Timestamp> = until.as_str().and_then(|text| text.parse().ok());
        until.map(|at| Timestamp(at.as_millisecond())).ok_or_else(|| wrong("it is no time"))
    }

    /// Takes the oldest kept event that fits.
    fn kept(&mut self, wait: &WaitEvent, frame: FrameId, path: &StepPath) -> Result<Option<Value>, Failure> {
        let mut found = None;
        for (index, (name, payload)) in self.signals.0.iter().enumerate() {
            if *name == wait.event && self.fits(wait, payload, frame, path)? {
                found = Some(index);
                break;
            }
        }
        Ok(found.and_then(|index| self.signals.0.remove(index)).map(|(_, payload)| payload))
    }

    fn fits(
        &self,
        wait: &WaitEvent,
        payload: &Value,
        frame: FrameId,
        path: &StepPath,
    ) -> Result<bool, Failure> {
        let Some(matches) = &wait.matches else { return Ok(true) };
        let mut view = self.view(frame);
        view.event = Some(payload);
        render::condition("`match`", matches, &view, path)
    }

    /// An event came: the first open wait that it fits takes it, or it is kept.
    pub(crate) fn signalled(&mut self, name: &str, payload: &Value) {
        let open: Vec<(OpId, NodeId)> = self.ops.iter().map(|(&op, &id)| (op, id)).collect();
        for (op, id) in open {
            let Some(Node { path, frame, kind: NodeKind::Pause(node), .. }) = self.nodes.get(id) else {
                continue;
            };
            let Some(StepKind::Wait(Wait::Event(wait))) = node.step.get().map(|step| &step.kind) else {
                continue;
            };
            if wait.event != name {
                continue;
            }
            let (path, frame) = (path.clone(), *frame);
            match self.fits(wait, payload, frame, &path) {
                Ok(false) => {}
                Ok(true) => {
                    self.tell(path, ProgressKind::Signalled { name: name.to_owned() });
                    self.answered(op, Ok(event_output(Some(payload))));
                    return;
                }
                // The condition itself is wrong: waiting on would be for ever.
                Err(failure) => self.answered(op, Err(failure.into())),
            }
        }
        if self.signals.0.len() < MAX_SIGNALS {
            self.signals.0.push_back((name.to_owned(), payload.clone()));
        }
    }

    /// How many events are kept for later waits.
    pub fn kept_signals(&self) -> usize {
        self.signals.0.len()
    }
}
