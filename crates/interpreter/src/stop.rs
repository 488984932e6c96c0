//! Ending things early: one mechanism for time limits, cancelled branches, `return`, `fail`, and cancellation.
//!
//! Every node of the subtree is marked, and its root knows how it will end. Waits, questions and sleeps end at
//! once; calls in flight are withdrawn (a driver drops reads and lets changes finish) and answered as ever; a
//! marked block does not go on. `finally` blocks on the way out are not marked. When everything below the root
//! has ended, the root ends as it was told to.

use std::collections::HashSet;
use std::time::Duration;

use journal::OpId;
use plan::{Blame, Failure, FailureKind};

use crate::command::Command;
use crate::machine::Machine;
use crate::node::{BlockNode, Fault, Limit, Mark, NodeEnd, NodeId, NodeKind, Phase};

/// How long a `finally` may take.
pub(crate) const FINALLY: Duration = Duration::from_secs(60);

/// The end of everything inside of what was stopped.
pub(crate) fn cancelled() -> Fault {
    Fault::from(Failure::new(
        FailureKind::Cancelled,
        Blame::Playbook,
        "stopped, because the steps around it were stopped",
    ))
}

impl Machine {
    /// Stops everything below `root`, which then ends with `end`. The first stop of a root decides how it ends.
    ///
    /// A `finally` that runs is let through, unless `origin`, the block that asked for the stop, stands in it.
    pub(crate) fn stop(&mut self, root: NodeId, end: NodeEnd, origin: Option<NodeId>, mark: Mark) {
        let Some(node) = self.nodes.get_mut(root).filter(|node| !node.ended) else { return };
        node.stop.get_or_insert_with(|| Box::new(end));
        let exempt: HashSet<NodeId> =
            origin.into_iter().flat_map(|id| self.nodes.chain(id)).map(|(id, _)| id).collect();
        let (mut marked, mut spared) = (Vec::new(), HashSet::new());
        for id in self.nodes.ids() {
            match self.reached(id, root, mark, &exempt) {
                Reached::Not => {}
                Reached::Marked => marked.push(id),
                Reached::Spared(finally) => {
                    spared.insert(finally);
                }
            }
        }
        marked.sort_unstable_by_key(|&id| self.op_of(id));
        for id in marked {
            self.mark(id, mark);
        }
        let mut spared: Vec<NodeId> = spared.into_iter().collect();
        spared.sort_unstable();
        for id in spared {
            if self.nodes.get(id).is_some_and(|node| node.timer.is_none() && !node.ended) {
                let op = self.take_op();
                self.time_limit(id, op, FINALLY, Limit::Finally);
            }
        }
    }

    /// Whether a node is below `root` and not protected.
    fn reached(&self, id: NodeId, root: NodeId, mark: Mark, exempt: &HashSet<NodeId>) -> Reached {
        let mut spared = None;
        for (above, node) in self.nodes.chain(id) {
            if above == root {
                return spared.map_or(Reached::Marked, Reached::Spared);
            }
            let finally = matches!(node.kind, NodeKind::Block(BlockNode { finally: true, .. }));
            if finally && mark != Mark::Dropped && !exempt.contains(&above) {
                spared = Some(above);
            }
        }
        Reached::Not
    }

    /// The operation of a leaf, to go through them in program order.
    fn op_of(&self, id: NodeId) -> OpId {
        match self.nodes.get(id).map(|node| &node.kind) {
            Some(NodeKind::Call(call)) => call.op,
            Some(NodeKind::Ask(ask)) => ask.ask.op,
            Some(NodeKind::Form(form)) => form.op,
            Some(NodeKind::Pause(pause)) => pause.pause.op,
            _ => OpId::MAX,
        }
    }

    fn mark(&mut self, id: NodeId, mark: Mark) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let already = node.mark != Mark::Free;
        node.mark = node.mark.max(mark);
        if let Some(timer) = node.timer.take() {
            self.ops.remove(&timer.op);
            self.retract(timer.op);
        }
        let op = self.op_of(id);
        if already || !self.ops.contains_key(&op) {
            return;
        }
        let (in_flight, doubt) = match self.nodes.get(id).map(|node| &node.kind) {
            Some(NodeKind::Call(call)) => {
                let doubt = call.doubt.as_ref().map(|doubt| Fault::from(doubt.failure.clone()));
                (call.begun && call.wakes.is_none() && doubt.is_none(), doubt)
            }
            _ => (false, None),
        };
        self.retract(op);
        if !in_flight {
            self.ops.remove(&op);
            self.finish(id, Err(doubt.unwrap_or_else(cancelled)));
        }
    }

    /// Nobody knows whether an effect took place: that must not be lost because the steps around it were being
    /// stopped for another reason.
    pub(crate) fn outranks(&mut self, block: NodeId, fault: Fault) {
        let stopped = self.nodes.chain(block).find(|(_, node)| node.stop.is_some()).map(|(id, _)| id);
        if fault.failure.kind == FailureKind::Unknown
            && let Some(node) = stopped.and_then(|id| self.nodes.get_mut(id))
        {
            node.stop = Some(Box::new(Err(fault)));
        }
    }

    /// Takes a command back: one of this turn was never given, an older one is withdrawn.
    pub(crate) fn retract(&mut self, op: OpId) {
        let before = self.turn.commands.len();
        self.turn.commands.retain(|command| command.op() != Some(op));
        if self.turn.commands.len() == before {
            self.turn.commands.push(Command::Withdraw { op });
        }
    }

    /// The playbook a node stands in.
    pub(crate) fn body_of(&self, id: NodeId) -> Option<NodeId> {
        self.nodes.chain(id).find(|(_, node)| matches!(node.kind, NodeKind::Body(_))).map(|(id, _)| id)
    }

    /// Ends the playbook around a block, as `return`, `fail` and `then` do.
    pub(crate) fn leave(&mut self, block: NodeId, end: NodeEnd) {
        let body = self.body_of(block).and_then(|id| self.nodes.get(id));
        if let Some(NodeKind::Body(body)) = body.map(|node| &node.kind) {
            let phase = body.block;
            self.stop(phase, end, Some(block), Mark::Stopped);
        }
    }

    /// Ends a playbook from outside; its `finally` still runs, its `on_error` does not.
    pub(crate) fn end_body(&mut self, id: NodeId, fault: Fault) {
        let Some(NodeKind::Body(body)) = self.nodes.get_mut(id).map(|node| &mut node.kind) else { return };
        body.handles = false;
        if body.phase != Phase::Finally {
            let phase = body.block;
            self.stop(phase, Err(fault), None, Mark::Stopped);
        }
    }

    /// A time limit was reached.
    pub(crate) fn time_is_up(&mut self, id: NodeId) {
        let Some(node) = self.nodes.get_mut(id) else { return };
        let Some(timer) = node.timer.take() else { return };
        self.ops.remove(&timer.op);
        let path = node.path.clone();
        let body = matches!(node.kind, NodeKind::Body(_));
        let fault = |message: String| Fault {
            failure: Failure::new(FailureKind::Timeout, Blame::Playbook, message),
            at: Some(path.clone()).filter(|path| !path.as_str().is_empty()),
        };
        match timer.limit {
            Limit::Deadline if path.as_str().is_empty() => {
                let message = "the run reached its deadline; raise `deadline`, or look at what it waited for";
                self.end_body(id, fault(message.to_owned()));
            }
            Limit::Deadline => {
                self.end_body(id, fault(format!("step {path}: the playbook it calls reached its deadline")));
            }
            Limit::Finally => {
                let message = format!("`finally` took longer than its {} s", FINALLY.as_secs());
                self.stop(id, Err(fault(message)), None, Mark::Dropped);
            }
            Limit::Step => {
                let fault = fault(format!("step {path}: it took longer than its `timeout`"));
                if body {
                    self.end_body(id, fault);
                } else {
                    self.stop(id, Err(fault), None, Mark::Stopped);
                }
            }
        }
    }
}

/// What a stop does to a node.
enum Reached {
    Not,
    Marked,
    /// It stands in this `finally`.
    Spared(NodeId),
}
