//! `try`: a body, the first handler for its failure, and what happens in any case.

use plan::{Catch, FailureKind, StepKind, Try};

use crate::block::Place;
use crate::machine::Machine;
use crate::node::{Fault, Mark, Node, NodeEnd, NodeId, NodeKind, NodeOutput, TryNode, TryPhase};
use crate::scope::FrameId;
use crate::stop::cancelled;

impl Machine {
    /// Begins the body.
    pub(crate) fn start_try(&mut self, tried: &Try, place: &Place) -> NodeId {
        let node =
            TryNode { step: place.step.clone(), phase: TryPhase::Body, result: Ok(NodeOutput::default()) };
        let node = self.nodes.insert(place.node(NodeKind::Try(Box::new(node))));
        self.block(node, place.path.clone(), place.frame, 0, &tried.body.steps);
        node
    }

    /// The body, a handler or the `finally` of a `try` has ended.
    pub(crate) fn try_ended(&mut self, id: NodeId, block_frame: FrameId, end: NodeEnd) {
        let Some(Node { path, frame, mark, kind: NodeKind::Try(node), .. }) = self.nodes.get(id) else {
            return;
        };
        let (path, frame, mark, phase) = (path.clone(), *frame, *mark, node.phase);
        let (step, before) = (node.step.clone(), node.result.clone());
        let Some(StepKind::Try(tried)) = step.get().map(|step| &step.kind) else { return };
        let free = mark == Mark::Free;
        let result = match phase {
            TryPhase::Finally => {
                let end = match (before, end) {
                    (Ok(_), Err(fault)) => Err(fault),
                    (before, _) => before,
                };
                return self.finish(id, end);
            }
            TryPhase::Body if free => {
                let output = tried.body.output.as_ref();
                end.and_then(|_| Ok(NodeOutput::of(self.output(output, frame, &path)?)))
            }
            TryPhase::Catch(index) if free => {
                let output = tried.catches.get(index).and_then(|catch| catch.body.output.as_ref());
                end.and_then(|_| Ok(NodeOutput::of(self.output(output, block_frame, &path)?)))
            }
            TryPhase::Body | TryPhase::Catch(_) => end.and_then(|_| Err(cancelled())),
        };
        if matches!(phase, TryPhase::Catch(_)) {
            self.release(block_frame);
        }
        if let (TryPhase::Body, true, Err(fault)) = (phase, free, &result) {
            let handler = tried.catches.iter().position(|catch| handles(catch, fault));
            if let Some((index, catch)) = handler.and_then(|i| Some((i, tried.catches.get(i)?))) {
                let frame = self.error_frame(frame, fault);
                self.now_in(id, TryPhase::Catch(index), result);
                self.block(id, path, frame, 0, &catch.body.steps);
                return;
            }
        }
        match tried.finally.as_ref().filter(|_| mark != Mark::Dropped) {
            None => self.finish(id, result),
            Some(steps) => {
                self.now_in(id, TryPhase::Finally, result);
                self.finally(id, path, frame, steps, !free);
            }
        }
    }

    fn now_in(&mut self, id: NodeId, now: TryPhase, ended: NodeEnd) {
        if let Some(NodeKind::Try(node)) = self.nodes.get_mut(id).map(|node| &mut node.kind) {
            node.phase = now;
            node.result = ended;
        }
    }
}

/// Whether a handler is for this failure. A cancellation is for nobody: it is meant.
fn handles(catch: &Catch, fault: &Fault) -> bool {
    let kind = fault.failure.kind;
    kind != FailureKind::Cancelled
        && match &catch.on {
            None => kind != FailureKind::Unknown,
            Some(kinds) => kinds.contains(&kind),
        }
}
