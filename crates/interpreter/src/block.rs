//! Steps in order: whose turn it is, what its verb does, and what happens when it has ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::Expr;
use plan::{Blame, Failure, FailureKind, OnError, Step, StepKind, StepPath, Then, ValueExpr};
use serde_json::{Map, Value};

use crate::command::ProgressKind;
use crate::machine::{Machine, Work, error_value};
use crate::node::{BlockNode, Fault, Limit, Mark, Node, NodeEnd, NodeId, NodeKind, NodeOutput, StepRef};
use crate::render;
use crate::scope::{FrameId, StepResult, StepStatus};
use crate::stop::cancelled;

/// What a verb did when its turn came.
pub(crate) enum Started {
    /// Its node will be heard of.
    Later(NodeId),
    /// It is over already.
    Now(NodeEnd),
}

impl From<Result<NodeId, Failure>> for Started {
    fn from(started: Result<NodeId, Failure>) -> Self {
        match started {
            Ok(node) => Started::Later(node),
            Err(failure) => Started::Now(Err(failure.into())),
        }
    }
}

impl From<Result<Value, Failure>> for Started {
    fn from(done: Result<Value, Failure>) -> Self {
        Started::Now(done.map(NodeOutput::of).map_err(Fault::from))
    }
}

/// Where the step that runs stands.
pub(crate) struct Place {
    pub(crate) block: NodeId,
    pub(crate) frame: FrameId,
    pub(crate) path: StepPath,
    pub(crate) step: StepRef,
}

impl Place {
    /// A node for the step.
    pub(crate) fn node(&self, kind: NodeKind) -> Node {
        Node::new(Some(self.block), self.path.clone(), self.frame, kind)
    }
}

impl Machine {
    /// A block of steps as a new node.
    pub(crate) fn block(
        &mut self,
        parent: NodeId,
        path: StepPath,
        frame: FrameId,
        item: usize,
        steps: &Arc<[Step]>,
    ) -> NodeId {
        let kind = NodeKind::Block(BlockNode { steps: Arc::clone(steps), next: 0, finally: false });
        let node = self.nodes.insert(Node { item, ..Node::new(Some(parent), path, frame, kind) });
        self.queue.push_back(Work::Block(node));
        node
    }

    /// Runs steps of a block until one has to wait.
    pub(crate) fn run_block(&mut self, id: NodeId) {
        loop {
            let Some(Node { path, frame, mark, kind: NodeKind::Block(block), .. }) = self.nodes.get(id)
            else {
                return;
            };
            if *mark != Mark::Free {
                return self.finish(id, Err(cancelled()));
            }
            let Some(step) = block.steps.get(block.next) else {
                return self.finish(id, Ok(NodeOutput::default()));
            };
            let place = Place {
                block: id,
                frame: *frame,
                path: path.child(&step.id),
                step: StepRef { steps: Arc::clone(&block.steps), index: block.next },
            };
            let holds = match &step.condition {
                None => Ok(true),
                Some(condition) => render::condition("`if`", condition, &self.view(place.frame), &place.path),
            };
            let started = match holds {
                Ok(true) => self.start_step(&place),
                Ok(false) => {
                    if let Some(step) = place.step.get() {
                        self.skip(place.path, place.frame, &step.id);
                    }
                    self.advance(id);
                    continue;
                }
                Err(failure) => Started::Now(Err(failure.into())),
            };
            match started {
                Started::Later(_) => return,
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
        let Some(step) = place.step.get() else { return Started::Now(Ok(NodeOutput::default())) };
        let action = match &step.kind {
            StepKind::Call(call) => Some(call.action.clone()),
            _ => None,
        };
        self.tell(place.path.clone(), ProgressKind::Started { action });
        let started = match &step.kind {
            StepKind::Call(call) => self.start_call(place, call).into(),
            StepKind::Set(fields) => self.set(fields, place).into(),
            StepKind::Foreach(foreach) => self.start_foreach(foreach, place).into(),
            StepKind::While(looped) => self.start_while(looped, place).into(),
            StepKind::Switch(switch) => self.start_switch(switch, place),
            StepKind::Parallel(parallel) => Started::Later(self.start_parallel(parallel, place)),
            StepKind::Dag(dag) => Started::Later(self.start_dag(dag, place)),
            StepKind::Try(tried) => Started::Later(self.start_try(tried, place)),
            StepKind::Playbook(sub) => self.start_playbook(sub, place).into(),
            StepKind::Approve(approve) => self.start_approve(approve, place).into(),
            StepKind::Ask(ask) => self.start_form(ask, place).into(),
            StepKind::Wait(wait) => self.start_wait(wait, place),
            StepKind::Assert { that, message } => {
                let asserted = self.assert(that, message.as_ref(), place);
                Started::Now(asserted.map(|()| NodeOutput::default()).map_err(Fault::from))
            }
            StepKind::Return(fields) => {
                let left = self.outputs(fields, place.frame, &place.path);
                Started::Now(self.leave_with(place.block, left.map_err(Fault::from)))
            }
            StepKind::Fail { message } => Started::Now(Err(self.failed(message, place.frame, &place.path))),
        };
        if let (Started::Later(node), Some(limit)) = (&started, step.timeout) {
            // A playbook that is called may have a shorter deadline of its own.
            if self.nodes.get(*node).is_some_and(|node| node.timer.is_none()) {
                let op = self.take_op();
                self.time_limit(*node, op, limit, Limit::Step);
            }
        }
        started
    }

    /// Ends the playbook around a block as succeeded.
    fn leave_with(&mut self, block: NodeId, outputs: Result<BTreeMap<String, Value>, Fault>) -> NodeEnd {
        let returned = outputs?;
        self.leave(block, Ok(NodeOutput { returned: Some(returned), ..NodeOutput::default() }));
        Ok(NodeOutput::default())
    }

    /// What `fail` says.
    fn failed(&self, message: &ValueExpr, frame: FrameId, path: &StepPath) -> Fault {
        let failure = match self.text("`fail`", message, frame, path) {
            Ok(message) => Failure::new(FailureKind::Failed, Blame::Playbook, message),
            Err(failure) => failure,
        };
        Fault { failure, at: Some(path.clone()) }
    }

    fn assert(&self, that: &Expr, message: Option<&ValueExpr>, place: &Place) -> Result<(), Failure> {
        if render::condition("`assert`", that, &self.view(place.frame), &place.path)? {
            return Ok(());
        }
        let message = match message {
            Some(message) => self.text("`message`", message, place.frame, &place.path)?,
            None => format!("step {}: `{}` does not hold", place.path, that.source()),
        };
        Err(Failure::new(FailureKind::Failed, Blame::Playbook, message))
    }

    fn set(&self, fields: &[(String, ValueExpr)], place: &Place) -> Result<Value, Failure> {
        let mut done = Value::Object(Map::new());
        for (name, expr) in fields {
            let mut view = self.view(place.frame);
            view.siblings = Some(&done);
            let value = render::for_step(&format!("field `{name}`"), expr, &view, &place.path)?;
            if let Value::Object(map) = &mut done {
                map.insert(name.clone(), value);
            }
        }
        Ok(done)
    }

    fn outputs(
        &self,
        fields: &[(String, ValueExpr)],
        frame: FrameId,
        path: &StepPath,
    ) -> Result<BTreeMap<String, Value>, Failure> {
        let view = self.view(frame);
        let output = |(name, expr): &(String, ValueExpr)| {
            let value = render::for_step(&format!("output `{name}`"), expr, &view, path)?;
            Ok((name.clone(), value))
        };
        fields.iter().map(output).collect()
    }

    /// A value as text for a person.
    pub(crate) fn text(
        &self,
        what: &str,
        expr: &ValueExpr,
        frame: FrameId,
        path: &StepPath,
    ) -> Result<String, Failure> {
        match render::for_step(what, expr, &self.view(frame), path)? {
            Value::String(text) => Ok(text),
            other => Ok(other.to_string()),
        }
    }

    /// The `output` of a verb with steps inside, computed after them.
    pub(crate) fn output(
        &self,
        output: Option<&ValueExpr>,
        frame: FrameId,
        path: &StepPath,
    ) -> Result<Option<Value>, Failure> {
        output.map(|expr| render::for_step("`output`", expr, &self.view(frame), path)).transpose()
    }

    /// Notes how the current step of a block ended. Gives whether the block goes on.
    fn settle_step(&mut self, block: NodeId, end: NodeEnd) -> bool {
        let Some(Node { path, frame, kind: NodeKind::Block(node), .. }) = self.nodes.get(block) else {
            return false;
        };
        let (frame, path, steps, next) = (*frame, path.clone(), Arc::clone(&node.steps), node.next);
        let Some(step) = steps.get(next) else { return false };
        let step_path = path.child(&step.id);
        let follows = match end {
            Ok(NodeOutput { output, failed, ends_block, .. }) => {
                if self.watched {
                    let (output, failed) = (output.clone(), failed.clone());
                    self.tell(step_path.clone(), ProgressKind::Gave { output, failed });
                }
                self.note(frame, &step.id, StepStatus::Succeeded, output, None, failed);
                self.tell(step_path.clone(), ProgressKind::Succeeded);
                if ends_block {
                    for step in steps.iter().skip(next + 1) {
                        self.skip(path.child(&step.id), frame, &step.id);
                    }
                    self.finish(block, Ok(NodeOutput { ends_block, ..NodeOutput::default() }));
                    return false;
                }
                match &step.then {
                    None => Ok(()),
                    Some(then) => self.follow(then, block, frame, &step_path),
                }
            }
            Err(mut fault) => {
                fault.at.get_or_insert_with(|| step_path.clone());
                let failure = fault.failure.clone();
                let fails = matches!(step.kind, StepKind::Fail { .. });
                let tolerated =
                    step.on_error == OnError::Continue && failure.kind != FailureKind::Cancelled && !fails;
                self.note(frame, &step.id, StepStatus::Failed, None, Some(error_value(&failure)), None);
                self.tell(step_path, ProgressKind::Failed { failure, tolerated });
                if fails {
                    self.leave(block, Err(fault.clone()));
                }
                if tolerated { Ok(()) } else { Err(fault) }
            }
        };
        let marked = self.nodes.get(block).is_none_or(|node| node.mark != Mark::Free);
        match follows {
            _ if marked => {
                if let Err(fault) = follows {
                    self.outranks(block, fault);
                }
                self.finish(block, Err(cancelled()));
            }
            Err(fault) => self.finish(block, Err(fault)),
            Ok(()) => {
                self.advance(block);
                return true;
            }
        }
        false
    }

    /// `then`: the playbook ends here.
    fn follow(&mut self, then: &Then, block: NodeId, frame: FrameId, path: &StepPath) -> Result<(), Fault> {
        match then {
            Then::Return(fields) => {
                let outputs = self.outputs(fields, frame, path).map_err(|failure| {
                    // The step has succeeded: what could not be computed fails the block around it.
                    Fault { failure, at: Some(path.clone()) }
                });
                self.leave_with(block, outputs).map(|_| ())
            }
            Then::Fail(message) => {
                let fault = self.failed(message, frame, path);
                self.leave(block, Err(fault.clone()));
                Err(fault)
            }
        }
    }

    fn advance(&mut self, block: NodeId) {
        if let Some(NodeKind::Block(block)) = self.nodes.get_mut(block).map(|node| &mut node.kind) {
            block.next += 1;
        }
    }

    pub(crate) fn skip(&mut self, path: StepPath, frame: FrameId, id: &str) {
        self.note(frame, id, StepStatus::Skipped, None, None, None);
        self.tell(path, ProgressKind::Skipped);
    }

    pub(crate) fn note(
        &mut self,
        mut frame: FrameId,
        id: &str,
        status: StepStatus,
        output: Option<Value>,
        error: Option<Value>,
        failed: Option<Value>,
    ) {
        while let Some((true, Some(parent))) = self.frames.get(frame).map(|f| (f.transparent, f.parent)) {
            frame = parent;
        }
        if let Some(frame) = self.frames.get_mut(frame) {
            frame.steps.insert(id.to_owned(), StepResult { status, output, error, failed });
        }
    }
}
