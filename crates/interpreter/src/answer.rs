//! What each kind of record does to the machine.

use journal::{Event, OpId};
use plan::{Blame, Failure, FailureKind, StepKind, Wait};
use serde_json::{Value, json};

use crate::machine::{Machine, State};
use crate::node::{Fault, Node, NodeEnd, NodeKind, NodeOutput};

impl Machine {
    /// Takes one event in, or says why it cannot belong to this run.
    pub(crate) fn take_in(&mut self, event: &Event) -> Result<(), String> {
        if !matches!(self.state, State::Running) {
            return match (&self.state, event) {
                (State::Finishing(end), Event::Ended { status, .. }) if end.status == *status => {
                    self.state = State::Over(end.clone());
                    Ok(())
                }
                // Whoever asks for an end, or tells something, a moment too late does no harm.
                (
                    State::Finishing(_),
                    Event::CancelRequested { .. }
                    | Event::Signalled { .. }
                    | Event::Withdrawn { .. }
                    | Event::Paused { .. }
                    | Event::Continued { .. }
                    | Event::Stepped { .. }
                    | Event::Stalled { .. }
                    | Event::Adopted { .. },
                ) => Ok(()),
                _ => Err("the run has ended".to_owned()),
            };
        }
        match event {
            Event::Started { .. } => Err("a run begins only once".to_owned()),
            Event::Performing { op, attempt, .. } => {
                let (_, call) = self.call_mut(*op)?;
                if call.attempt != *attempt || call.wakes.is_some() || call.doubt.is_some() {
                    return Err(format!("operation {op} is not at attempt {attempt}"));
                }
                call.begun = true;
                Ok(())
            }
            Event::Performed { op, output, .. } => self.performed(*op, output),
            Event::AttemptFailed { op, attempt, failure, entropy, last } => {
                self.attempt_failed(*op, *attempt, failure, (!last).then_some(*entropy))
            }
            Event::Woken { op } => self.woken(*op),
            Event::Asked { op, .. } => match self.node_of(*op)?.kind {
                NodeKind::Ask(ref mut ask) => {
                    ask.ask.asked = true;
                    Ok(())
                }
                NodeKind::Form(ref mut form) => {
                    form.asked = true;
                    Ok(())
                }
                NodeKind::Call(ref mut call) if call.doubt.is_some() => {
                    call.doubt.iter_mut().for_each(|doubt| doubt.form.asked = true);
                    Ok(())
                }
                _ => Err(format!("operation {op} is not a question")),
            },
            Event::Decided { op, decision, by, digest, in_advance } => {
                self.decided(*op, *decision, by, digest, *in_advance)
            }
            Event::Answered { op, answer, by } => match self.node_of(*op)?.kind {
                NodeKind::Form(_) => {
                    self.answered(*op, Ok(NodeOutput::of(json!({"answer": answer, "by": by}))));
                    Ok(())
                }
                NodeKind::Pause(ref pause) if pause.pause.event.is_some() => {
                    self.answered(*op, Ok(event_output(Some(answer))));
                    Ok(())
                }
                NodeKind::Call(_) => self.found_out(*op, answer),
                _ => Err(format!("operation {op} is not a form")),
            },
            Event::Signalled { name, payload } => {
                self.signalled(name, payload);
                Ok(())
            }
            Event::Withdrawn { op } if self.ops.contains_key(op) => {
                Err(format!("operation {op} is still open"))
            }
            Event::Withdrawn { .. } => Ok(()),
            Event::CancelRequested { by } => {
                let failure =
                    Failure::new(FailureKind::Cancelled, Blame::Playbook, format!("cancelled by {by}"));
                self.end_body(self.root, failure.into());
                Ok(())
            }
            Event::Paused { .. } => {
                self.paused = true;
                Ok(())
            }
            Event::Continued { .. } | Event::Stalled { .. } => {
                self.paused = false;
                Ok(())
            }
            // For the history alone: a step shows as the call that begins, and actions are the engine's.
            Event::Stepped { .. } | Event::Adopted { .. } => Ok(()),
            Event::Ended { status, .. } => Err(format!("the run cannot have ended as {}", status.as_str())),
        }
    }

    /// A time has come.
    fn woken(&mut self, op: OpId) -> Result<(), String> {
        let id = self.ops.get(&op).copied().ok_or_else(|| format!("operation {op} is not open"))?;
        let node = self.node_of(op)?;
        if node.timer.is_some_and(|timer| timer.op == op) {
            self.time_is_up(id);
            return Ok(());
        }
        match &mut node.kind {
            NodeKind::Call(call) => {
                if call.wakes.take().is_none() {
                    return Err(format!("operation {op} does not sleep"));
                }
                call.attempt += 1;
                self.command_call(id);
                Ok(())
            }
            NodeKind::Form(form) => {
                let end = match form.default.clone() {
                    Some(answer) => Ok(NodeOutput::of(json!({"answer": answer, "by": "nobody"}))),
                    None => Err(late(format!("step {}: nobody answered in time", form.path))),
                };
                self.answered(op, end);
                Ok(())
            }
            NodeKind::Pause(pause) => {
                let tolerated = match pause.step.get().map(|step| &step.kind) {
                    Some(StepKind::Wait(Wait::Event(wait))) => wait.tolerates_timeout,
                    _ => true,
                };
                let end = match &pause.pause.event {
                    None => Ok(NodeOutput::default()),
                    Some(_) if tolerated => Ok(event_output(None)),
                    Some(event) => {
                        let path = &pause.pause.path;
                        Err(late(format!("step {path}: no event `{}` came in time", event.name)))
                    }
                };
                self.answered(op, end);
                Ok(())
            }
            _ => Err(format!("operation {op} does not sleep")),
        }
    }

    pub(crate) fn node_of(&mut self, op: OpId) -> Result<&mut Node, String> {
        let node = self.ops.get(&op).copied().ok_or_else(|| format!("operation {op} is not open"))?;
        self.nodes.get_mut(node).ok_or_else(|| format!("operation {op} is not open"))
    }

    /// An operation got its final answer.
    pub(crate) fn answered(&mut self, op: OpId, end: NodeEnd) {
        if let Some(node) = self.ops.remove(&op) {
            self.finish(node, end);
        }
    }
}

/// The output of a wait for an event.
pub(crate) fn event_output(payload: Option<&Value>) -> NodeOutput {
    NodeOutput::of(json!({"timed_out": payload.is_none(), "payload": payload}))
}

fn late(message: String) -> Fault {
    Fault::from(Failure::new(FailureKind::Timeout, Blame::Playbook, message))
}
