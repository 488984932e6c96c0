//! What each kind of record does to the machine.

use std::collections::BTreeMap;

use journal::{Decision, Event, OpId, RunStatus};
use plan::{Blame, Failure, FailureKind, StepKind};
use serde_json::json;

use crate::command::{Command, End, Progress, ProgressKind};
use crate::machine::{DEADLINE, Machine, State, Work};
use crate::node::{CallNode, Node, NodeEnd, NodeKind, NodeOutput};
use crate::retry::next_attempt;

impl Machine {
    /// Takes one event in, or says why it cannot belong to this run.
    pub(crate) fn take_in(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Started { .. } => Err("a run begins only once".to_owned()),
            Event::Performing { op, attempt, .. } => {
                let call = self.call_mut(*op)?;
                if call.attempt != *attempt || call.wakes.is_some() {
                    return Err(format!("operation {op} is not at attempt {attempt}"));
                }
                call.begun = true;
                Ok(())
            }
            Event::Performed { op, output, .. } => {
                self.call_mut(*op)?;
                let end = NodeOutput { output: Some(output.clone()), ..NodeOutput::default() };
                self.answered(*op, Ok(end));
                Ok(())
            }
            Event::AttemptFailed { op, attempt, failure, entropy } => {
                self.attempt_failed(*op, *attempt, failure, *entropy)
            }
            Event::Woken { op: DEADLINE } => {
                let failure = Failure::new(
                    FailureKind::Timeout,
                    Blame::Playbook,
                    "the run reached its deadline; raise `deadline`, or look at what it waited for",
                );
                self.begin_end(End {
                    status: RunStatus::Failed,
                    outputs: BTreeMap::new(),
                    failure: Some(failure),
                });
                Ok(())
            }
            Event::Woken { op } => {
                let node = self.ops.get(op).copied().unwrap_or(usize::MAX);
                let call = self.call_mut(*op)?;
                if call.wakes.take().is_none() {
                    return Err(format!("operation {op} does not sleep"));
                }
                call.attempt += 1;
                self.command_call(node);
                Ok(())
            }
            Event::Asked { op, .. } => match self.node_of(*op)? {
                Node { kind: NodeKind::Ask(ask), .. } => {
                    ask.asked = true;
                    Ok(())
                }
                _ => Err(format!("operation {op} is not a question")),
            },
            Event::Decided { op, decision, by, digest } => self.decided(*op, *decision, by, digest),
            Event::CancelRequested { by } => {
                let failure =
                    Failure::new(FailureKind::Cancelled, Blame::Playbook, format!("cancelled by {by}"));
                let end =
                    End { status: RunStatus::Cancelled, outputs: BTreeMap::new(), failure: Some(failure) };
                self.begin_end(end);
                Ok(())
            }
            Event::Ended { status, .. } => match &self.state {
                State::Finishing(end) if end.status == *status => {
                    self.state = State::Over(end.clone());
                    Ok(())
                }
                _ => Err(format!("the run cannot have ended as {}", status.as_str())),
            },
        }
    }

    fn attempt_failed(
        &mut self,
        op: OpId,
        attempt: u32,
        failure: &Failure,
        entropy: u64,
    ) -> Result<(), String> {
        let (now, ending) = (self.now, !matches!(self.state, State::Running));
        let call = self.call_mut(op)?;
        if call.attempt != attempt {
            return Err(format!("operation {op} is not at attempt {attempt}"));
        }
        let step = call.steps.get(call.index);
        let next = match step.map(|step| &step.kind) {
            Some(StepKind::Call(step)) if !ending => {
                next_attempt(&step.retry, step.repeat, attempt, failure, now, entropy)
            }
            _ => None,
        };
        match next {
            None => self.answered(op, Err(failure.clone())),
            Some(until) => {
                call.wakes = Some(until);
                call.begun = false;
                self.turn.commands.push(Command::Sleep { op, until });
                let path = self.node_of(op)?.path.clone();
                let kind = ProgressKind::Retrying { attempt, failure: failure.clone(), until };
                self.turn.progress.push(Progress { path, kind });
            }
        }
        Ok(())
    }

    fn decided(&mut self, op: OpId, decision: Decision, by: &str, digest: &str) -> Result<(), String> {
        let Node { kind: NodeKind::Ask(ask), .. } = self.node_of(op)? else {
            return Err(format!("operation {op} is not a question"));
        };
        if ask.digest != digest {
            return Err(format!("the decision on {} was about something else than what was asked", ask.path));
        }
        let shown = std::mem::take(&mut ask.shown);
        if decision == Decision::Approved {
            for call in shown {
                self.bound.inputs.insert(call.path, call.input);
            }
        }
        let reject_ends_block = self.asking_step(op).unwrap_or(true);
        let end = NodeOutput {
            output: Some(json!({"decision": decision.as_str(), "by": by, "digest": digest})),
            failed: None,
            ends_block: decision != Decision::Approved && reject_ends_block,
        };
        self.answered(op, Ok(end));
        Ok(())
    }

    /// Whether a rejection of this question ends the enclosing block.
    fn asking_step(&self, op: OpId) -> Option<bool> {
        let node = self.nodes.get(*self.ops.get(&op)?)?;
        let NodeKind::Block { steps, next } = &self.nodes.get(node.parent?)?.kind else { return None };
        match &steps.get(*next)?.kind {
            StepKind::Approve(approve) => Some(approve.reject_ends_block),
            _ => None,
        }
    }

    fn node_of(&mut self, op: OpId) -> Result<&mut Node, String> {
        let node = self.ops.get(&op).copied().ok_or_else(|| format!("operation {op} is not open"))?;
        self.nodes.get_mut(node).ok_or_else(|| format!("operation {op} is not open"))
    }

    fn call_mut(&mut self, op: OpId) -> Result<&mut CallNode, String> {
        match self.node_of(op)? {
            Node { kind: NodeKind::Call(call), .. } => Ok(call),
            _ => Err(format!("operation {op} is not a call")),
        }
    }

    /// An operation got its final answer. While the run is ending nothing follows from it.
    fn answered(&mut self, op: OpId, end: NodeEnd) {
        let Some(node) = self.ops.remove(&op) else { return };
        if matches!(self.state, State::Running) {
            self.queue.push_back(Work::Ended(node, end));
        } else {
            self.nodes.remove(node);
        }
    }
}
