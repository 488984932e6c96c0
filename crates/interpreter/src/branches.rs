//! `switch`: the first case that holds; `parallel`: every branch at the same time.

use plan::{Body, OnBranchError, Parallel, StepKind, Switch};

use crate::block::{Place, Started};
use crate::machine::Machine;
use crate::node::{Mark, Node, NodeEnd, NodeId, NodeKind, NodeOutput};
use crate::render;
use crate::stop::cancelled;

impl Machine {
    /// Begins the first case that holds.
    pub(crate) fn start_switch(&mut self, switch: &Switch, place: &Place) -> Started {
        let mut taken = None;
        for (index, case) in switch.cases.iter().enumerate() {
            match render::condition("`case`", &case.when, &self.view(place.frame), &place.path) {
                Ok(false) => {}
                Ok(true) => {
                    taken = Some(index);
                    break;
                }
                Err(failure) => return Started::Now(Err(failure.into())),
            }
        }
        let Some(body) = body_of(switch, taken) else { return Started::Now(Ok(NodeOutput::default())) };
        let kind = NodeKind::Switch { step: place.step.clone(), case: taken };
        let node = self.nodes.insert(place.node(kind));
        self.block(node, place.path.clone(), place.frame, 0, &body.steps);
        Started::Later(node)
    }

    /// The case of a `switch` has ended.
    pub(crate) fn case_ended(&mut self, id: NodeId, end: NodeEnd) {
        let Some(Node { path, frame, mark, kind: NodeKind::Switch { step, case }, .. }) = self.nodes.get(id)
        else {
            return;
        };
        let Some(StepKind::Switch(switch)) = step.get().map(|step| &step.kind) else { return };
        let output = body_of(switch, *case).and_then(|body| body.output.as_ref());
        let end = match mark {
            Mark::Free => end.and_then(|_| Ok(NodeOutput::of(self.output(output, *frame, path)?))),
            _ => end.and_then(|_| Err(cancelled())),
        };
        self.finish(id, end);
    }

    /// Begins every branch.
    pub(crate) fn start_parallel(&mut self, parallel: &Parallel, place: &Place) -> NodeId {
        let open = parallel.branches.len();
        let kind = NodeKind::Parallel { step: place.step.clone(), open, fault: None };
        let node = self.nodes.insert(place.node(kind));
        for (index, branch) in parallel.branches.iter().enumerate() {
            self.block(node, place.path.child(&branch.name), place.frame, index, &branch.body);
        }
        if open == 0 {
            self.finish(node, Ok(NodeOutput::default()));
        }
        node
    }

    /// A branch of a `parallel` has ended; the step ends with the last of them.
    pub(crate) fn branch_ended(&mut self, id: NodeId, end: NodeEnd) {
        let Some(Node { path, frame, mark, kind: NodeKind::Parallel { step, open, fault }, .. }) =
            self.nodes.get_mut(id)
        else {
            return;
        };
        *open = open.saturating_sub(1);
        let (open, mark, frame) = (*open, *mark, *frame);
        let first = end.is_err() && fault.is_none();
        if let Err(ended) = end {
            fault.get_or_insert(ended);
        }
        let (fault, path, step) = (fault.clone(), path.clone(), step.clone());
        let Some(StepKind::Parallel(parallel)) = step.get().map(|step| &step.kind) else { return };
        if open == 0 {
            let end = match (fault, mark) {
                (Some(fault), _) => Err(fault),
                (None, Mark::Free) => {
                    let output = self.output(parallel.output.as_ref(), frame, &path);
                    output.map(NodeOutput::of).map_err(Into::into)
                }
                (None, _) => Err(cancelled()),
            };
            self.finish(id, end);
        } else if let (true, Mark::Free, Some(fault), OnBranchError::Cancel) =
            (first, mark, fault, parallel.on_branch_error)
        {
            self.stop(id, Err(fault), None, Mark::Stopped);
        }
    }
}

fn body_of(switch: &Switch, case: Option<usize>) -> Option<&Body> {
    match case {
        Some(index) => switch.cases.get(index).map(|case| &case.body),
        None => switch.default.as_ref(),
    }
}
