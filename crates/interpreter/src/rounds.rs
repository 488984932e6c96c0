//! `while`: rounds with a state that is handed from one to the next.

use std::sync::Arc;

use plan::{Blame, Failure, FailureKind, StepKind, StepPath, ValueExpr, While};
use serde_json::{Map, Value};

use crate::block::Place;
use crate::machine::{Machine, Work};
use crate::node::{Fault, Mark, Node, NodeEnd, NodeId, NodeKind, NodeOutput, WhileNode};
use crate::render;
use crate::scope::FrameId;
use crate::stop::cancelled;

impl Machine {
    /// Begins a loop with its first state.
    pub(crate) fn start_while(&mut self, looped: &While, place: &Place) -> Result<NodeId, Failure> {
        let state = self.state(&looped.initial, "`state`", place.frame, &place.path)?;
        let node = WhileNode { step: place.step.clone(), state, round: 0 };
        let node = self.nodes.insert(place.node(NodeKind::While(Box::new(node))));
        self.queue.push_back(Work::While(node));
        Ok(node)
    }

    fn state(
        &self,
        fields: &[(String, ValueExpr)],
        what: &str,
        frame: FrameId,
        path: &StepPath,
    ) -> Result<Map<String, Value>, Failure> {
        let view = self.view(frame);
        let field = |(name, expr): &(String, ValueExpr)| {
            let value = render::for_step(&format!("{what} field `{name}`"), expr, &view, path)?;
            Ok((name.clone(), value))
        };
        fields.iter().map(field).collect()
    }

    /// Begins the next round, or ends the loop.
    pub(crate) fn run_while(&mut self, id: NodeId) {
        let Some(Node { path, frame, mark, kind: NodeKind::While(node), .. }) = self.nodes.get(id) else {
            return;
        };
        let Some(StepKind::While(looped)) = node.step.get().map(|step| &step.kind) else { return };
        if *mark != Mark::Free {
            return self.finish(id, Err(cancelled()));
        }
        let (round, parent, path) = (node.round, *frame, path.clone());
        let (step, state) = (node.step.clone(), with_index(&node.state, node.round));
        let (max, body) = (looped.max, Arc::clone(&looped.body));
        let variable = looped.variable.clone();
        let frame = self.inner_frame(parent, &variable, state.clone());
        let Some(StepKind::While(looped)) = step.get().map(|step| &step.kind) else { return };
        let holds = render::condition("`while`", &looped.condition, &self.view(frame), &path);
        let end: NodeEnd = match holds {
            Ok(true) if round < max => {
                self.block(id, path.item(round as usize), frame, round as usize, &body);
                return;
            }
            Ok(true) => Err(Fault::from(Failure::new(
                FailureKind::Limit,
                Blame::Playbook,
                format!(
                    "step {path}: after {max} rounds, which is its `max`, `{}` still holds",
                    looped.condition.source()
                ),
            ))),
            Ok(false) => Ok(NodeOutput::of(state)),
            Err(failure) => Err(failure.into()),
        };
        self.release(frame);
        self.finish(id, end);
    }

    /// A round has ended: the next state, or the end.
    pub(crate) fn round_ended(&mut self, id: NodeId, round: &Node, end: NodeEnd) {
        let Some(NodeKind::While(node)) = self.nodes.get(id).map(|node| &node.kind) else { return };
        let Some(StepKind::While(looped)) = node.step.get().map(|step| &step.kind) else { return };
        let next = end.and_then(|_| Ok(self.state(&looped.next, "`next`", round.frame, &round.path)?));
        self.release(round.frame);
        match next {
            Err(fault) => self.finish(id, Err(fault)),
            Ok(state) => {
                if let Some(NodeKind::While(node)) = self.nodes.get_mut(id).map(|node| &mut node.kind) {
                    node.state = state;
                    node.round += 1;
                }
                self.queue.push_back(Work::While(id));
            }
        }
    }
}

fn with_index(state: &Map<String, Value>, round: u32) -> Value {
    let mut state = state.clone();
    state.insert("index".to_owned(), Value::from(round));
    Value::Object(state)
}
