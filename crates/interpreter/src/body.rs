//! A playbook as a node: its steps, then `on_error` if they failed, then `finally` in any case.
//!
//! The run is one; a `call` is another below it, with names of its own. A failing `finally` turns success into
//! failure and never hides an earlier failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use plan::{FailureKind, Plan, Step, StepPath, SubPlaybook};
use serde_json::{Map, Value};

use crate::block::Place;
use crate::machine::Machine;
use crate::node::{BodyNode, Fault, Limit, Mark, Node, NodeEnd, NodeId, NodeKind, NodeOutput, Phase};
use crate::render;
use crate::scope::{Frame, FrameId, Names, View};
use crate::secret::handles;
use crate::stop::FINALLY;

impl Machine {
    /// Begins a playbook; the frame is its own.
    pub(crate) fn body(
        &mut self,
        parent: Option<NodeId>,
        path: StepPath,
        frame: FrameId,
        plan: Arc<Plan>,
        connections: BTreeMap<String, String>,
    ) -> NodeId {
        self.capped |= !plan.policy.max_effects.is_empty();
        let steps = Arc::clone(&plan.steps);
        let body = BodyNode {
            plan,
            phase: Phase::Steps,
            block: 0,
            result: Ok(BTreeMap::new()),
            handles: true,
            spent: Default::default(),
            connections,
        };
        let kind = NodeKind::Body(Box::new(body));
        let id = self.nodes.insert(Node::new(parent, path.clone(), frame, kind));
        let block = self.block(id, path, frame, 0, &steps);
        self.runs(id, Phase::Steps, block);
        id
    }

    /// `call`: begins another playbook.
    pub(crate) fn start_playbook(
        &mut self,
        sub: &SubPlaybook,
        place: &Place,
    ) -> Result<NodeId, plan::Failure> {
        let names = self.called_names(sub, &self.view(place.frame), &place.path)?;
        let connections = self.connections(sub, place.block);
        self.names.push(names);
        let frame = self.frame(Frame { names: self.names.len() - 1, ..Frame::default() });
        let id = self.body(Some(place.block), place.path.clone(), frame, Arc::clone(&sub.plan), connections);
        if let Some(deadline) = sub.plan.deadline {
            // The step's own `timeout`, if it has one, takes the place of a later deadline.
            let shorter = place.step.get().and_then(|step| step.timeout).is_some_and(|t| t <= deadline);
            if !shorter {
                let op = self.take_op();
                self.time_limit(id, op, deadline, Limit::Deadline);
            }
        }
        Ok(id)
    }

    /// What a called playbook is given.
    pub(crate) fn called_names(
        &self,
        sub: &SubPlaybook,
        view: &View<'_>,
        path: &StepPath,
    ) -> Result<Names, plan::Failure> {
        let mut inputs = Map::new();
        for input in &sub.plan.inputs {
            let value = match sub.with.iter().find(|(name, _)| *name == input.name) {
                Some((name, expr)) => render::for_step(&format!("input `{name}`"), expr, view, path)?,
                None => input.default.clone().unwrap_or_default(),
            };
            inputs.insert(input.name.clone(), value);
        }
        Ok(Names {
            inputs: Value::Object(inputs),
            vars: sub.plan.vars.clone(),
            trigger: Value::Null,
            secrets: handles(&sub.plan, &self.info.id),
        })
    }

    /// The run's connection behind each of the called playbook's.
    fn connections(&self, sub: &SubPlaybook, block: NodeId) -> BTreeMap<String, String> {
        let ours = |name: &String| self.connection(block, name);
        let named = sub.plan.connections.iter().map(|connection| &connection.name);
        named.map(|theirs| (theirs.clone(), ours(sub.connections.get(theirs).unwrap_or(theirs)))).collect()
    }

    /// The run's name of a connection that the playbook around a block names.
    pub(crate) fn connection(&self, block: NodeId, name: &str) -> String {
        let body = self.body_of(block).and_then(|id| self.nodes.get(id));
        match body.map(|node| &node.kind) {
            Some(NodeKind::Body(body)) => {
                body.connections.get(name).cloned().unwrap_or_else(|| name.to_owned())
            }
            _ => name.to_owned(),
        }
    }

    fn runs(&mut self, id: NodeId, now: Phase, node: NodeId) {
        if let Some(NodeKind::Body(body)) = self.nodes.get_mut(id).map(|node| &mut node.kind) {
            (body.phase, body.block) = (now, node);
        }
    }

    /// The steps, `on_error` or `finally` of a playbook have ended.
    pub(crate) fn phase_ended(&mut self, id: NodeId, block_frame: FrameId, end: NodeEnd) {
        let Some(Node { path, frame, mark, kind: NodeKind::Body(body), .. }) = self.nodes.get(id) else {
            return;
        };
        let (path, frame, mark) = (path.clone(), *frame, *mark);
        let (plan, phase, handles) = (Arc::clone(&body.plan), body.phase, body.handles);
        let mut result = body.result.clone();
        match phase {
            Phase::Steps => {
                result = end.and_then(|output| match output.returned {
                    Some(outputs) => Ok(outputs),
                    None => self.declared(&plan, frame, &path),
                });
            }
            Phase::OnError => {
                self.release(block_frame);
                if let Ok(NodeOutput { returned: Some(outputs), .. }) = end {
                    result = Ok(outputs);
                }
            }
            Phase::Finally => {
                if let (Ok(_), Err(fault)) = (&result, end) {
                    result = Err(fault);
                }
                return self.body_ended(id, frame, result);
            }
        }
        if let Some(NodeKind::Body(body)) = self.nodes.get_mut(id).map(|node| &mut node.kind) {
            body.result = result.clone();
        }
        let handler = match &result {
            Err(fault) if phase == Phase::Steps && handles && mark == Mark::Free => plan
                .on_error
                .as_ref()
                .filter(|_| fault.failure.kind != FailureKind::Cancelled)
                .map(|steps| (fault.clone(), steps)),
            _ => None,
        };
        if let Some((fault, steps)) = handler {
            let frame = self.error_frame(frame, &fault);
            let block = self.block(id, path, frame, 0, steps);
            return self.runs(id, Phase::OnError, block);
        }
        match plan.finally.as_ref().filter(|_| mark != Mark::Dropped) {
            None => self.body_ended(id, frame, result),
            Some(steps) => {
                let block = self.finally(id, path, frame, steps, true);
                self.runs(id, Phase::Finally, block);
            }
        }
    }

    /// A block that whoever stops what is around it lets run.
    pub(crate) fn finally(
        &mut self,
        parent: NodeId,
        path: StepPath,
        frame: FrameId,
        steps: &Arc<[Step]>,
        limited: bool,
    ) -> NodeId {
        let id = self.block(parent, path, frame, 0, steps);
        if let Some(NodeKind::Block(block)) = self.nodes.get_mut(id).map(|node| &mut node.kind) {
            block.finally = true;
        }
        if limited {
            let op = self.take_op();
            self.time_limit(id, op, FINALLY, Limit::Finally);
        }
        id
    }

    /// The declared outputs of a playbook that reached its end.
    fn declared(
        &self,
        plan: &Plan,
        frame: FrameId,
        path: &StepPath,
    ) -> Result<BTreeMap<String, Value>, Fault> {
        let (view, at) = (self.view(frame), path.child("outputs"));
        let mut outputs = BTreeMap::new();
        for output in &plan.outputs {
            if let Some(expr) = &output.value {
                let what = format!("output `{}`", output.name);
                outputs.insert(output.name.clone(), render::for_step(&what, expr, &view, &at)?);
            }
        }
        Ok(outputs)
    }

    fn body_ended(&mut self, id: NodeId, frame: FrameId, result: Result<BTreeMap<String, Value>, Fault>) {
        let called = id != self.root;
        if called {
            if let Some(names) = self.frames.get(frame).map(|frame| frame.names) {
                self.forget_names(names);
            }
            self.release(frame);
        }
        let end = result.map(|outputs| match called {
            true => NodeOutput::of(Value::Object(outputs.into_iter().collect())),
            false => NodeOutput { returned: Some(outputs), ..NodeOutput::default() },
        });
        self.finish(id, end);
    }

    /// The names of a playbook that has ended; its place is taken again if it is the last.
    fn forget_names(&mut self, id: usize) {
        if let Some(names) = self.names.get_mut(id) {
            *names = Names::default();
        }
        while self.names.len() > 1 && self.names.last().is_some_and(Names::is_empty) {
            self.names.pop();
        }
    }
}
