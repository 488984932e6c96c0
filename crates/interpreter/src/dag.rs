//! `dag`: each step begins when what it needs is there.

use std::sync::Arc;

use plan::{Dag, DagNode as Planned, Join, OnBranchError, StepKind};

use crate::block::Place;
use crate::machine::{Machine, Work};
use crate::node::{DagNode, DagState, Mark, Node, NodeEnd, NodeId, NodeKind, NodeOutput};
use crate::scope::StepStatus;
use crate::stop::cancelled;

/// What is to become of a step that has not begun.
enum Turn {
    Waits,
    Begins,
    /// Left out: `true` if something it needs failed for good.
    Skipped(bool),
}

impl Machine {
    /// Begins a `dag`: every step of it is pending.
    pub(crate) fn start_dag(&mut self, dag: &Dag, place: &Place) -> NodeId {
        for step in dag.nodes.iter().filter_map(|node| node.step.first()) {
            self.note(place.frame, &step.id, StepStatus::Pending, None, None, None);
        }
        let states = vec![DagState::Pending; dag.nodes.len()];
        let node = DagNode { step: place.step.clone(), states, fault: None, closed: false };
        let node = self.nodes.insert(place.node(NodeKind::Dag(Box::new(node))));
        self.queue.push_back(Work::Dag(node));
        node
    }

    /// Begins what can begin, skips what cannot any more, and ends the step when all have ended.
    pub(crate) fn run_dag(&mut self, id: NodeId) {
        let Some(Node { path, frame, mark, kind: NodeKind::Dag(node), .. }) = self.nodes.get(id) else {
            return;
        };
        let (step, path, frame, mark) = (node.step.clone(), path.clone(), *frame, *mark);
        let Some(StepKind::Dag(dag)) = step.get().map(|step| &step.kind) else { return };
        // In the order of the plan, in which everything stands behind what it needs: one pass is enough.
        for (index, planned) in dag.nodes.iter().enumerate() {
            let Some(NodeKind::Dag(node)) = self.nodes.get(id).map(|node| &node.kind) else { return };
            let turn = match (node.closed || mark != Mark::Free, turn_of(node, index, planned)) {
                (true, Turn::Begins | Turn::Waits) if node.states.get(index) == Some(&DagState::Pending) => {
                    Turn::Skipped(false)
                }
                (_, turn) => turn,
            };
            let state = match turn {
                Turn::Waits => continue,
                Turn::Begins => {
                    let block = self.block(id, path.clone(), frame, index, &Arc::clone(&planned.step));
                    DagState::Running(block)
                }
                Turn::Skipped(lost) => {
                    if let Some(step) = planned.step.first() {
                        self.skip(path.child(&step.id), frame, &step.id);
                    }
                    if lost { DagState::Lost } else { DagState::Passed }
                }
            };
            self.set_state(id, index, state);
        }
        let Some(NodeKind::Dag(node)) = self.nodes.get(id).map(|node| &node.kind) else { return };
        if node.states.iter().any(|state| matches!(state, DagState::Running(_))) {
            return;
        }
        let end = match (&node.fault, mark) {
            (Some(fault), _) => Err(fault.clone()),
            (None, Mark::Free) => {
                // Closed by a rejected approval: what the output would be made of may be missing.
                let output = dag.output.as_ref().filter(|_| !node.closed);
                self.output(output, frame, &path).map(NodeOutput::of).map_err(Into::into)
            }
            (None, _) => Err(cancelled()),
        };
        self.finish(id, end);
    }

    fn set_state(&mut self, id: NodeId, index: usize, state: DagState) {
        if let Some(NodeKind::Dag(node)) = self.nodes.get_mut(id).map(|node| &mut node.kind)
            && let Some(slot) = node.states.get_mut(index)
        {
            *slot = state;
        }
    }

    /// A step of a `dag` has ended.
    pub(crate) fn dag_step_ended(&mut self, id: NodeId, block: &Node, end: NodeEnd) {
        let NodeKind::Block(ref steps) = block.kind else { return };
        let id_of_step = steps.steps.first().map(|step| step.id.clone()).unwrap_or_default();
        let succeeded = self.status_of(block.frame, &id_of_step) == Some(StepStatus::Succeeded);
        let Some(Node { mark, kind: NodeKind::Dag(node), .. }) = self.nodes.get_mut(id) else { return };
        let (mark, first) = (*mark, node.fault.is_none());
        let Some(StepKind::Dag(dag)) = node.step.get().map(|step| &step.kind) else { return };
        let cancels = dag.on_branch_error == OnBranchError::Cancel;
        let (state, fault) = match end {
            Ok(output) => {
                node.closed |= output.ends_block;
                (if succeeded { DagState::Succeeded } else { DagState::Passed }, None)
            }
            Err(fault) => {
                node.fault.get_or_insert_with(|| fault.clone());
                (DagState::Lost, Some(fault))
            }
        };
        if let Some(slot) = node.states.get_mut(block.item) {
            *slot = state;
        }
        if let (Some(fault), true, true, Mark::Free) = (fault, cancels, first, mark) {
            self.stop(id, Err(fault), None, Mark::Stopped);
        }
        self.queue.push_back(Work::Dag(id));
    }

    fn status_of(&self, mut frame: usize, id: &str) -> Option<StepStatus> {
        loop {
            let slot = self.frames.get(frame)?;
            match (slot.transparent, slot.parent) {
                (true, Some(parent)) => frame = parent,
                _ => return slot.steps.get(id).map(|result| result.status),
            }
        }
    }
}

/// Whether a step of a `dag` begins now.
fn turn_of(node: &DagNode, index: usize, planned: &Planned) -> Turn {
    if node.states.get(index) != Some(&DagState::Pending) {
        return Turn::Waits;
    }
    let (mut open, mut lost, mut succeeded) = (false, false, false);
    for need in &planned.needs {
        match node.states.get(*need) {
            Some(DagState::Pending | DagState::Running(_)) => open = true,
            Some(DagState::Lost) => lost = true,
            Some(DagState::Succeeded) => succeeded = true,
            Some(DagState::Passed) | None => {}
        }
    }
    match planned.join {
        _ if planned.needs.is_empty() => Turn::Begins,
        Join::All if open => Turn::Waits,
        Join::All if lost => Turn::Skipped(true),
        Join::All => Turn::Begins,
        Join::Any if succeeded => Turn::Begins,
        Join::Any if open => Turn::Waits,
        Join::Any => Turn::Skipped(lost),
    }
}
