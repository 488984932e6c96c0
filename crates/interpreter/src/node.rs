//! What is going on in a run: a table of nodes, each waiting for its children or for an answer.

use std::sync::Arc;

use journal::{OpId, Timestamp};
use plan::{Failure, Step, StepPath};
use serde_json::Value;

use crate::command::Ask;
use crate::scope::FrameId;

/// Index of a node.
pub(crate) type NodeId = usize;

/// One thing going on.
#[derive(Debug)]
pub(crate) struct Node {
    /// Who is told when it ends; `None` for the run's own block.
    pub(crate) parent: Option<NodeId>,
    /// Where it stands.
    pub(crate) path: StepPath,
    /// Which names it sees.
    pub(crate) frame: FrameId,
    /// Which item of its parent loop it is; 0 elsewhere.
    pub(crate) item: usize,
    pub(crate) kind: NodeKind,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    /// Steps in order; `next` is the one that runs, or runs next.
    Block { steps: Arc<[Step]>, next: usize },
    /// A call in flight or between two attempts.
    Call(CallNode),
    /// A question nobody has answered yet.
    Ask(Box<Ask>),
    /// A loop.
    Foreach(ForeachNode),
    /// Branches; `open` of them have not ended.
    Parallel { open: usize, failure: Option<Failure> },
}

/// A call in flight or between two attempts.
#[derive(Debug)]
pub(crate) struct CallNode {
    pub(crate) op: OpId,
    pub(crate) attempt: u32,
    /// The attempt was journaled as begun.
    pub(crate) begun: bool,
    /// Set between two attempts.
    pub(crate) wakes: Option<Timestamp>,
    pub(crate) input: Value,
    /// The step, in its list.
    pub(crate) steps: Arc<[Step]>,
    pub(crate) index: usize,
}

/// A loop.
#[derive(Debug)]
pub(crate) struct ForeachNode {
    /// The step, in its list.
    pub(crate) steps: Arc<[Step]>,
    pub(crate) index: usize,
    /// Taken one by one as items begin.
    pub(crate) items: Vec<Value>,
    pub(crate) next: usize,
    pub(crate) open: usize,
    /// By item index; `None` until it ended, or when it failed.
    pub(crate) outputs: Vec<Option<Value>>,
    /// What was collected: index, item, failure.
    pub(crate) failed: Vec<(usize, Value, Failure)>,
    /// The first failure that ends the loop.
    pub(crate) failure: Option<Failure>,
}

/// How a node ended.
pub(crate) type NodeEnd = Result<NodeOutput, Failure>;

/// What a node that succeeded leaves behind.
#[derive(Debug, Default)]
pub(crate) struct NodeOutput {
    pub(crate) output: Option<Value>,
    pub(crate) failed: Option<Value>,
    /// A rejected approval: the enclosing block ends here.
    pub(crate) ends_block: bool,
}

/// Nodes by index, with the holes reused.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    slots: Vec<Option<Node>>,
    free: Vec<NodeId>,
}

impl Nodes {
    pub(crate) fn insert(&mut self, node: Node) -> NodeId {
        match self.free.pop() {
            Some(id) => {
                if let Some(slot) = self.slots.get_mut(id) {
                    *slot = Some(node);
                }
                id
            }
            None => {
                self.slots.push(Some(node));
                self.slots.len() - 1
            }
        }
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<&Node> {
        self.slots.get(id).and_then(Option::as_ref)
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.slots.get_mut(id).and_then(Option::as_mut)
    }

    pub(crate) fn remove(&mut self, id: NodeId) -> Option<Node> {
        let node = self.slots.get_mut(id)?.take()?;
        self.free.push(id);
        Some(node)
    }
}
