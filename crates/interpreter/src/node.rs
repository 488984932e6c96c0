//! What is going on in a run: a table of nodes, each waiting for its children or for an answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use journal::{OpId, Timestamp};
use plan::{Failure, Plan, Step, StepPath};
use serde_json::{Map, Value};

use crate::command::{Ask, CacheUse, Form, Pause};
use crate::scope::FrameId;

/// Index of a node.
pub(crate) type NodeId = usize;

/// One thing going on.
#[derive(Debug)]
pub(crate) struct Node {
    /// Who is told when it ends; `None` for the run's own body.
    pub(crate) parent: Option<NodeId>,
    /// Where it stands.
    pub(crate) path: StepPath,
    /// Which names it sees.
    pub(crate) frame: FrameId,
    /// Which item, branch or step of its parent it is; 0 elsewhere.
    pub(crate) item: usize,
    /// Whether it is being stopped.
    pub(crate) mark: Mark,
    /// How it ends whatever happens below it, because it is the root of what is being stopped.
    pub(crate) stop: Option<Box<NodeEnd>>,
    /// Its time limit.
    pub(crate) timer: Option<Timer>,
    /// Its end is on its way to the parent.
    pub(crate) ended: bool,
    pub(crate) kind: NodeKind,
}

impl Node {
    /// A node that nothing has happened to.
    pub(crate) fn new(parent: Option<NodeId>, path: StepPath, frame: FrameId, kind: NodeKind) -> Self {
        let (mark, ended) = (Mark::Free, false);
        Node { parent, path, frame, item: 0, mark, stop: None, timer: None, ended, kind }
    }
}

/// Whether a node is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// No.
    Free,
    /// Nothing new begins in it; `finally` blocks still run.
    Stopped,
    /// Nothing new begins in it at all.
    Dropped,
}

/// A time limit of a node: an operation of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    pub(crate) op: OpId,
    pub(crate) until: Timestamp,
    pub(crate) limit: Limit,
}

/// Whose time limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limit {
    /// `timeout` of a step.
    Step,
    /// `deadline` of a playbook.
    Deadline,
    /// What a `finally` gets.
    Finally,
}

/// A step in its list.
#[derive(Debug, Clone)]
pub(crate) struct StepRef {
    pub(crate) steps: Arc<[Step]>,
    pub(crate) index: usize,
}

impl StepRef {
    pub(crate) fn get(&self) -> Option<&Step> {
        self.steps.get(self.index)
    }
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    /// A playbook: the run's own, or one that is called.
    Body(Box<BodyNode>),
    /// Steps in order; `next` is the one that runs, or runs next.
    Block(BlockNode),
    /// A call in flight or between two attempts.
    Call(Box<CallNode>),
    /// A question nobody has answered yet.
    Ask(Box<AskNode>),
    /// A form nobody has filled in yet.
    Form(Box<Form>),
    /// A wait for a time or an event.
    Pause(Box<PauseNode>),
    /// A loop over items.
    Foreach(Box<ForeachNode>),
    /// A loop with a condition.
    While(Box<WhileNode>),
    /// The case that was taken; `None` is the default.
    Switch { step: StepRef, case: Option<usize> },
    /// Branches; `open` of them have not ended.
    Parallel { step: StepRef, open: usize, fault: Option<Fault> },
    /// Steps in the order of what they need.
    Dag(Box<DagNode>),
    /// A block with handlers.
    Try(Box<TryNode>),
}

/// Steps in order.
#[derive(Debug)]
pub(crate) struct BlockNode {
    pub(crate) steps: Arc<[Step]>,
    /// The step that runs, or runs next.
    pub(crate) next: usize,
    /// A `finally`: whoever stops what is around it lets it run.
    pub(crate) finally: bool,
}

/// A playbook that runs.
#[derive(Debug)]
pub(crate) struct BodyNode {
    pub(crate) plan: Arc<Plan>,
    pub(crate) phase: Phase,
    /// What runs now.
    pub(crate) block: NodeId,
    /// How it ended before its `finally`.
    pub(crate) result: Result<BTreeMap<String, Value>, Fault>,
    /// Whether `on_error` may still run: not after a cancellation or the deadline.
    pub(crate) handles: bool,
    /// Items so far, by action, where the policy has a limit.
    pub(crate) spent: HashMap<String, u64>,
    /// Which of the run's connections each of the playbook's own names is, where the names differ.
    pub(crate) connections: BTreeMap<String, String>,
}

/// Which part of a playbook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Steps,
    OnError,
    Finally,
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
    /// An earlier attempt was not answered: it may have taken effect.
    pub(crate) lost: bool,
    /// Set while a person is asked what became of the attempt.
    pub(crate) doubt: Option<Box<Doubt>>,
    pub(crate) input: Value,
    /// The run's name of the connection.
    pub(crate) connection: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) cache: Option<CacheUse>,
    /// Who approved exactly this call.
    pub(crate) approved_by: Vec<String>,
    pub(crate) step: StepRef,
}

/// Nobody knows what became of an attempt.
#[derive(Debug)]
pub(crate) struct Doubt {
    /// The question.
    pub(crate) form: Form,
    /// Why nobody knows.
    pub(crate) failure: Failure,
}

/// An approval.
#[derive(Debug)]
pub(crate) struct AskNode {
    pub(crate) ask: Ask,
    pub(crate) step: StepRef,
    /// How many times the question went on to others.
    pub(crate) escalations: u32,
    /// Who has approved so far.
    pub(crate) approved: BTreeSet<String>,
    /// Those of them who said so in advance, and saw nothing.
    pub(crate) unseen: BTreeSet<String>,
}

/// A wait.
#[derive(Debug)]
pub(crate) struct PauseNode {
    pub(crate) pause: Pause,
    pub(crate) step: StepRef,
}

/// A loop over items.
#[derive(Debug)]
pub(crate) struct ForeachNode {
    pub(crate) step: StepRef,
    /// Taken one by one as items begin.
    pub(crate) items: Vec<Value>,
    pub(crate) next: usize,
    pub(crate) open: usize,
    /// By item index; `None` until it ended, or when it failed.
    pub(crate) outputs: Vec<Option<Value>>,
    /// What was collected: index, item, failure.
    pub(crate) failed: Vec<(usize, Value, Failure)>,
    /// The first failure that ends the loop.
    pub(crate) fault: Option<Fault>,
}

/// A loop with a condition.
#[derive(Debug)]
pub(crate) struct WhileNode {
    pub(crate) step: StepRef,
    /// Without `index`.
    pub(crate) state: Map<String, Value>,
    /// Rounds so far.
    pub(crate) round: u32,
}

/// Steps in the order of what they need.
#[derive(Debug)]
pub(crate) struct DagNode {
    pub(crate) step: StepRef,
    /// By index of the node.
    pub(crate) states: Vec<DagState>,
    pub(crate) fault: Option<Fault>,
    /// A rejected approval: nothing else begins.
    pub(crate) closed: bool,
}

/// How one step of a `dag` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DagState {
    Pending,
    Running(NodeId),
    /// Its condition did not hold, or it was tolerated when it failed.
    Passed,
    Succeeded,
    /// It failed for good, or needs something that did.
    Lost,
}

/// A block with handlers.
#[derive(Debug)]
pub(crate) struct TryNode {
    pub(crate) step: StepRef,
    pub(crate) phase: TryPhase,
    /// How the body, or its handler, ended.
    pub(crate) result: NodeEnd,
}

/// Which part of a `try` runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TryPhase {
    Body,
    Catch(usize),
    Finally,
}

/// A failure and the step where it began.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub(crate) failure: Failure,
    pub(crate) at: Option<StepPath>,
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Fault { failure, at: None }
    }
}

/// How a node ended.
pub(crate) type NodeEnd = Result<NodeOutput, Fault>;

/// What a node that succeeded leaves behind.
#[derive(Debug, Clone, Default)]
pub(crate) struct NodeOutput {
    pub(crate) output: Option<Value>,
    pub(crate) failed: Option<Value>,
    /// A rejected approval: the enclosing block ends here.
    pub(crate) ends_block: bool,
    /// `return`: the outputs of the playbook.
    pub(crate) returned: Option<BTreeMap<String, Value>>,
}

impl NodeOutput {
    /// An output and nothing else.
    pub(crate) fn of(output: impl Into<Option<Value>>) -> Self {
        NodeOutput { output: output.into(), ..NodeOutput::default() }
    }
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

    /// Every index in use.
    pub(crate) fn ids(&self) -> Vec<NodeId> {
        (0..self.slots.len()).filter(|&id| self.get(id).is_some()).collect()
    }

    /// A node and everything above it.
    pub(crate) fn chain(&self, id: NodeId) -> impl Iterator<Item = (NodeId, &Node)> {
        let mut next = Some(id);
        std::iter::from_fn(move || {
            let id = next?;
            let node = self.get(id)?;
            next = node.parent;
            Some((id, node))
        })
    }
}
