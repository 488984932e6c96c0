//! Steps in order: what each verb does when its turn comes, and what happens when it has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use journal::RunStatus;
use plan::{Approve, Blame, Failure, FailureKind, OnError, Step, StepKind, StepPath, ValueExpr};
use serde_json::{Map, Value};

use crate::command::{Ask, Command, End, ProgressKind};
use crate::machine::{Machine, Work, after, error_value};
use crate::node::{CallNode, Node, NodeEnd, NodeId, NodeKind, NodeOutput};
use crate::preview;
use crate::render;
use crate::scope::{FrameId, StepResult, StepStatus};

/// What a verb did when its turn came.
enum Started {
    /// Its node, or the end of the run, will be heard of.
    Later,
    /// It is over already.
    Now(NodeEnd),
}

/// Where the step that runs stands.
pub(crate) struct Place {
    pub(crate) block: NodeId,
    pub(crate) frame: FrameId,
    pub(crate) path: StepPath,
    pub(crate) steps: Arc<[Step]>,
    pub(crate) index: usize,
}

impl Machine {
    /// Runs steps of a block until one has to wait.
    pub(crate) fn run_block(&mut self, id: NodeId) {
        while let Some(Node { path, frame, kind: NodeKind::Block { steps, next }, .. }) = self.nodes.get(id) {
            let Some(step) = steps.get(*next) else {
                self.queue.push_back(Work::Ended(id, Ok(NodeOutput::default())));
                return;
            };
            let place = Place {
                block: id,
                frame: *frame,
                path: path.child(&step.id),
                steps: Arc::clone(steps),
                index: *next,
            };
            let holds = match &step.condition {
                None => Ok(true),
                Some(condition) => {
                    render::condition("`if`", condition, &self.view(place.frame, None), &place.path)
                }
            };
            let started = match holds {
                Ok(true) => self.start_step(&place),
                Ok(false) => {
                    if let Some(step) = place.steps.get(place.index) {
                        self.skip(place.path, place.frame, &step.id);
                    }
                    self.advance(id);
                    continue;
                }
                Err(failure) => Started::Now(Err(failure)),
            };
            match started {
                Started::Later => return,
                Started::Now(end) => {
                    if !self.settle_step(id, end) {
                        return;
                    }
                }
            }
        }
    }

    /// A child node of a block has ended.
    pub(crate) fn step_ended(&mut self, block: NodeId, end: NodeEnd) {
        if self.settle_step(block, end) {
            self.queue.push_back(Work::Block(block));
        }
    }

    fn start_step(&mut self, place: &Place) -> Started {
        let Some(step) = place.steps.get(place.index) else { return Started::Later };
        let action = match &step.kind {
            StepKind::Call(call) => Some(call.action.clone()),
            _ => None,
        };
        self.tell(place.path.clone(), ProgressKind::Started { action });
        match &step.kind {
            StepKind::Call(call) => self.start_call(place, &step.id, &call.with),
            StepKind::Set(fields) => Started::Now(self.set(fields, place)),
            StepKind::Foreach(foreach) => match self.start_foreach(foreach, place) {
                Ok(()) => Started::Later,
                Err(failure) => Started::Now(Err(failure)),
            },
            StepKind::Switch(switch) => {
                let mut body = switch.default.as_ref();
                for case in &switch.cases {
                    match render::condition("`case`", &case.when, &self.view(place.frame, None), &place.path)
                    {
                        Ok(false) => {}
                        Ok(true) => {
                            body = Some(&case.body);
                            break;
                        }
                        Err(failure) => return Started::Now(Err(failure)),
                    }
                }
                match body {
                    None => Started::Now(Ok(NodeOutput::default())),
                    Some(body) => {
                        self.block(
                            Some(place.block),
                            place.path.clone(),
                            place.frame,
                            0,
                            Arc::clone(&body.steps),
                        );
                        Started::Later
                    }
                }
            }
            StepKind::Parallel(parallel) => {
                let branches = &parallel.branches;
                let joined = self.nodes.insert(Node {
                    parent: Some(place.block),
                    path: place.path.clone(),
                    frame: place.frame,
                    item: 0,
                    kind: NodeKind::Parallel { open: branches.len(), failure: None },
                });
                for branch in branches {
                    let path = place.path.child(&branch.name);
                    self.block(Some(joined), path, place.frame, 0, Arc::clone(&branch.body));
                }
                Started::Later
            }
            StepKind::Approve(approve) => match self.start_ask(approve, place) {
                Ok(()) => Started::Later,
                Err(failure) => Started::Now(Err(failure)),
            },
            StepKind::Return(fields) => match self.outputs(fields, place) {
                Ok(outputs) => {
                    self.begin_end(End { status: RunStatus::Succeeded, outputs, failure: None });
                    Started::Later
                }
                Err(failure) => Started::Now(Err(failure)),
            },
            StepKind::While(_)
            | StepKind::Dag(_)
            | StepKind::Try(_)
            | StepKind::Playbook(_)
            | StepKind::Ask(_)
            | StepKind::Wait(_)
            | StepKind::Assert { .. } => Started::Now(Err(Failure::new(
                FailureKind::Invalid,
                Blame::Host,
                format!("step {}: this verb cannot run yet", place.path),
            ))),
            StepKind::Fail { message } => {
                let failure = match self.text("`fail`", message, place) {
                    Ok(message) => Failure::new(FailureKind::Failed, Blame::Playbook, message),
                    Err(failure) => failure,
                };
                self.tell(
                    place.path.clone(),
                    ProgressKind::Failed { failure: failure.clone(), tolerated: false },
                );
                self.begin_end(End {
                    status: RunStatus::Failed,
                    outputs: BTreeMap::new(),
                    failure: Some(failure),
                });
                Started::Later
            }
        }
    }

    fn start_call(&mut self, place: &Place, id: &str, with: &ValueExpr) -> Started {
        let input = match render::for_step("`with`", with, &self.view(place.frame, None), &place.path) {
            Ok(input) => input,
            Err(failure) => return Started::Now(Err(failure)),
        };
        if self.bound.steps.contains(id) && self.bound.inputs.get(&place.path) != Some(&input) {
            return Started::Now(Err(Failure::new(
                FailureKind::Conflict,
                Blame::Playbook,
                format!(
                    "step {}: the approval is stale: what would be done now is not what was approved; \
                     run the playbook again to ask anew",
                    place.path
                ),
            )));
        }
        let call = CallNode {
            op: self.upcoming_op(),
            attempt: 1,
            begun: false,
            wakes: None,
            input,
            steps: Arc::clone(&place.steps),
            index: place.index,
        };
        let (_, node) = self.open(Node {
            parent: Some(place.block),
            path: place.path.clone(),
            frame: place.frame,
            item: 0,
            kind: NodeKind::Call(call),
        });
        self.command_call(node);
        Started::Later
    }

    fn start_ask(&mut self, approve: &Approve, place: &Place) -> Result<(), Failure> {
        let message = self.text("`message`", &approve.message, place)?;
        let shown = preview::shown(self, approve, place.block, &place.path)?;
        let digest = preview::digest(&shown);
        self.bound.steps.extend(preview::call_ids(&self.plan.steps, &approve.shows));
        let ask = Ask {
            op: self.upcoming_op(),
            path: place.path.clone(),
            message,
            shown,
            digest,
            due: approve.timeout.map(|wait| after(self.now, wait)),
            asked: false,
        };
        self.turn.commands.push(Command::Ask(Box::new(ask.clone())));
        self.open(Node {
            parent: Some(place.block),
            path: place.path.clone(),
            frame: place.frame,
            item: 0,
            kind: NodeKind::Ask(Box::new(ask)),
        });
        Ok(())
    }

    fn set(&self, fields: &[(String, ValueExpr)], place: &Place) -> NodeEnd {
        let mut done = Value::Object(Map::new());
        for (name, expr) in fields {
            let what = format!("field `{name}`");
            let value = render::for_step(&what, expr, &self.view(place.frame, Some(&done)), &place.path)?;
            if let Value::Object(map) = &mut done {
                map.insert(name.clone(), value);
            }
        }
        Ok(NodeOutput { output: Some(done), ..NodeOutput::default() })
    }

    fn outputs(
        &self,
        fields: &[(String, ValueExpr)],
        place: &Place,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        let view = self.view(place.frame, None);
        fields
            .iter()
            .map(|(name, expr)| {
                let value = render::for_step(&format!("output `{name}`"), expr, &view, &place.path)?;
                Ok((name.clone(), value))
            })
            .collect()
    }

    fn text(&self, what: &str, expr: &ValueExpr, place: &Place) -> Result<String, Failure> {
        match render::for_step(what, expr, &self.view(place.frame, None), &place.path)? {
            Value::String(text) => Ok(text),
            other => Ok(other.to_string()),
        }
    }

    /// Notes how the current step of a block ended. Gives whether the block goes on.
    fn settle_step(&mut self, block: NodeId, end: NodeEnd) -> bool {
        let Some(Node { path, frame, kind: NodeKind::Block { steps, next }, .. }) = self.nodes.get(block)
        else {
            return false;
        };
        let Some(step) = steps.get(*next) else { return false };
        let (frame, path, steps, next) = (*frame, path.clone(), Arc::clone(steps), *next);
        let (step_path, id, on_error) = (path.child(&step.id), step.id.clone(), step.on_error);
        match end {
            Ok(NodeOutput { output, failed, ends_block }) => {
                self.note(frame, id, StepStatus::Succeeded, output, None, failed);
                self.tell(step_path, ProgressKind::Succeeded);
                if ends_block {
                    for step in steps.iter().skip(next + 1) {
                        self.skip(path.child(&step.id), frame, &step.id);
                    }
                    self.queue.push_back(Work::Ended(block, Ok(NodeOutput::default())));
                    return false;
                }
            }
            Err(failure) => {
                let tolerated = on_error == OnError::Continue && failure.kind != FailureKind::Cancelled;
                self.note(frame, id, StepStatus::Failed, None, Some(error_value(&failure)), None);
                self.tell(step_path, ProgressKind::Failed { failure: failure.clone(), tolerated });
                if !tolerated {
                    self.queue.push_back(Work::Ended(block, Err(failure)));
                    return false;
                }
            }
        }
        self.advance(block);
        true
    }

    fn advance(&mut self, block: NodeId) {
        if let Some(Node { kind: NodeKind::Block { next, .. }, .. }) = self.nodes.get_mut(block) {
            *next += 1;
        }
    }

    fn skip(&mut self, path: StepPath, frame: FrameId, id: &str) {
        self.note(frame, id.to_owned(), StepStatus::Skipped, None, None, None);
        self.tell(path, ProgressKind::Skipped);
    }

    fn note(
        &mut self,
        frame: FrameId,
        id: String,
        status: StepStatus,
        output: Option<Value>,
        error: Option<Value>,
        failed: Option<Value>,
    ) {
        if let Some(frame) = self.frames.get_mut(frame) {
            frame.steps.insert(id, StepResult { status, output, error, failed });
        }
    }

    /// A branch of a `parallel` has ended; the step ends with the last of them.
    pub(crate) fn branch_ended(&mut self, parallel: NodeId, end: NodeEnd) {
        let Some(Node { kind: NodeKind::Parallel { open, failure }, .. }) = self.nodes.get_mut(parallel)
        else {
            return;
        };
        *open = open.saturating_sub(1);
        if let Err(first) = end {
            failure.get_or_insert(first);
        }
        if *open == 0 {
            let end = match failure.take() {
                Some(failure) => Err(failure),
                None => Ok(NodeOutput::default()),
            };
            self.queue.push_back(Work::Ended(parallel, end));
        }
    }
}
