//! The machine: what it holds, and what each record does to it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use journal::{Event, OpId, Record, RunStatus, Timestamp};
use plan::{Failure, FailureKind, Plan, Step, StepKind, StepPath};
use serde_json::{Map, Value, json};

use crate::command::{Command, End, Perform, Progress, ProgressKind, Turn};
use crate::node::{CallNode, Node, NodeEnd, NodeId, NodeKind, Nodes};
use crate::render;
use crate::scope::{Frame, FrameId, View};

/// The operation of the run's own deadline.
pub(crate) const DEADLINE: OpId = 0;

/// What a playbook may know of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// The run's id.
    pub id: String,
}

/// A record that cannot belong to this run of this plan: another playbook, another version, or damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The record.
    pub seq: u64,
    /// Why it does not fit.
    pub reason: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {} does not fit this run: {}", self.seq, self.reason)
    }
}

impl std::error::Error for Divergence {}

/// One run.
#[derive(Debug)]
pub struct Machine {
    pub(crate) plan: Arc<Plan>,
    pub(crate) nodes: Nodes,
    pub(crate) frames: Vec<Frame>,
    pub(crate) free_frames: Vec<FrameId>,
    inputs: Value,
    run: Value,
    /// Open operations, in program order.
    pub(crate) ops: BTreeMap<OpId, NodeId>,
    next_op: OpId,
    pub(crate) now: Timestamp,
    deadline: Option<Timestamp>,
    seq: u64,
    pub(crate) queue: VecDeque<Work>,
    pub(crate) turn: Turn,
    pub(crate) state: State,
    pub(crate) bound: Bound,
}

/// What is left to do before the machine waits again.
#[derive(Debug)]
pub(crate) enum Work {
    /// Go on with a block.
    Block(NodeId),
    /// Start items of a loop, or end it.
    Foreach(NodeId),
    /// Tell the parent.
    Ended(NodeId, NodeEnd),
}

/// Calls that an approval covers: they may only happen exactly as shown.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    pub(crate) steps: HashSet<String>,
    pub(crate) inputs: HashMap<StepPath, Value>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    Running,
    /// Nothing new begins; waits for calls in flight.
    Ending(End),
    /// `Finish` was commanded.
    Finishing(End),
    /// `ended` was journaled.
    Over(End),
}

impl Machine {
    /// Begins a run with its first record, which must be `started`.
    pub fn start(plan: Arc<Plan>, info: &RunInfo, first: &Record) -> Result<(Machine, Turn), Divergence> {
        let Event::Started { input, starter } = &first.event else {
            return Err(Divergence { seq: first.seq, reason: "a run begins with `started`".to_owned() });
        };
        let deadline = plan.deadline.map(|limit| after(first.at, limit));
        let mut machine = Machine {
            nodes: Nodes::default(),
            frames: vec![Frame::default()],
            free_frames: Vec::new(),
            inputs: Value::Object(input.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
            run: json!({"id": info.id, "starter": starter, "started_at": date_time(first.at)}),
            ops: BTreeMap::new(),
            next_op: DEADLINE + 1,
            now: first.at,
            deadline,
            seq: first.seq,
            queue: VecDeque::new(),
            turn: Turn::default(),
            state: State::Running,
            bound: Bound::default(),
            plan,
        };
        if let Some(until) = deadline {
            machine.turn.commands.push(Command::Sleep { op: DEADLINE, until });
        }
        let steps = Arc::clone(&machine.plan.steps);
        machine.block(None, StepPath::root(), 0, 0, steps);
        machine.settle();
        let turn = std::mem::take(&mut machine.turn);
        Ok((machine, turn))
    }

    /// Takes the next record in and says what to do.
    pub fn apply(&mut self, record: &Record) -> Result<Turn, Divergence> {
        let diverges = |reason: String| Divergence { seq: record.seq, reason };
        if record.seq != self.seq + 1 {
            return Err(diverges(format!("expected record {}", self.seq + 1)));
        }
        self.seq = record.seq;
        self.now = record.at;
        self.take_in(&record.event).map_err(diverges)?;
        self.settle();
        Ok(std::mem::take(&mut self.turn))
    }

    /// What is open: what a driver must carry out again after a restart.
    pub fn pending(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        if let (Some(until), State::Running) = (self.deadline, &self.state) {
            commands.push(Command::Sleep { op: DEADLINE, until });
        }
        for (&op, &node) in &self.ops {
            match self.nodes.get(node).map(|node| (&node.kind, &node.path)) {
                Some((NodeKind::Call(call), path)) => match call.wakes {
                    Some(until) => commands.push(Command::Sleep { op, until }),
                    None => commands.extend(perform(call, path).map(Command::Perform)),
                },
                Some((NodeKind::Ask(ask), _)) => commands.push(Command::Ask(ask.clone())),
                _ => {}
            }
        }
        if let State::Finishing(end) = &self.state {
            commands.push(Command::Finish(end.clone()));
        }
        commands
    }

    /// How the run stands.
    pub fn status(&self) -> RunStatus {
        match &self.state {
            State::Running | State::Ending(_) => {
                let asks = |&node: &NodeId| {
                    matches!(self.nodes.get(node), Some(Node { kind: NodeKind::Ask(_), .. }))
                };
                let waiting = !self.ops.is_empty() && self.ops.values().all(asks);
                if waiting { RunStatus::Waiting } else { RunStatus::Running }
            }
            State::Finishing(end) | State::Over(end) => end.status,
        }
    }

    /// How the run ended, once it has.
    pub fn end(&self) -> Option<&End> {
        match &self.state {
            State::Finishing(end) | State::Over(end) => Some(end),
            State::Running | State::Ending(_) => None,
        }
    }

    /// Whether `ended` was journaled: nothing is left to do.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// The number of the last record taken in.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The plan this run goes by.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Does everything that follows without a new record.
    fn settle(&mut self) {
        while let Some(work) = self.queue.pop_front() {
            if !matches!(self.state, State::Running) {
                continue;
            }
            match work {
                Work::Block(node) => self.run_block(node),
                Work::Foreach(node) => self.run_foreach(node),
                Work::Ended(node, end) => self.node_ended(node, end),
            }
        }
        if let (true, State::Ending(end)) = (self.ops.is_empty(), &self.state) {
            let end = end.clone();
            self.turn.commands.push(Command::Finish(end.clone()));
            self.state = State::Finishing(end);
        }
    }

    fn node_ended(&mut self, id: NodeId, end: NodeEnd) {
        let Some(node) = self.nodes.remove(id) else { return };
        let Some(parent) = node.parent else {
            let end = self.run_end(end);
            return self.begin_end(end);
        };
        match self.nodes.get(parent).map(|parent| &parent.kind) {
            Some(NodeKind::Block { .. }) => self.step_ended(parent, end),
            Some(NodeKind::Foreach(_)) => self.item_ended(parent, &node, end),
            Some(NodeKind::Parallel { .. }) => self.branch_ended(parent, end),
            _ => {}
        }
    }

    /// How the run ends when its own block has ended.
    fn run_end(&self, end: NodeEnd) -> End {
        let outputs = end.and_then(|_| {
            let view = self.view(0, None);
            let mut outputs = BTreeMap::new();
            for output in &self.plan.outputs {
                if let Some(expr) = &output.value {
                    let what = format!("output `{}`", output.name);
                    let value = render::for_step(&what, expr, &view, &StepPath::from("outputs"))?;
                    outputs.insert(output.name.clone(), value);
                }
            }
            Ok(outputs)
        });
        match outputs {
            Ok(outputs) => End { status: RunStatus::Succeeded, outputs, failure: None },
            Err(failure) => End {
                status: match failure.kind {
                    FailureKind::Unknown => RunStatus::Unknown,
                    FailureKind::Cancelled => RunStatus::Cancelled,
                    _ => RunStatus::Failed,
                },
                outputs: BTreeMap::new(),
                failure: Some(failure),
            },
        }
    }

    /// Nothing new begins; what can be forgotten is forgotten, calls in flight are still answered.
    pub(crate) fn begin_end(&mut self, end: End) {
        if !matches!(self.state, State::Running) {
            return;
        }
        self.state = State::Ending(end);
        let open: Vec<(OpId, NodeId)> = self.ops.iter().map(|(&op, &node)| (op, node)).collect();
        for (op, node) in open {
            let in_flight = matches!(
                self.nodes.get(node),
                Some(Node { kind: NodeKind::Call(CallNode { wakes: None, .. }), .. })
            );
            self.turn.commands.push(Command::Withdraw { op });
            if !in_flight {
                self.ops.remove(&op);
                self.nodes.remove(node);
            }
        }
    }

    /// A block of steps as a new node.
    pub(crate) fn block(
        &mut self,
        parent: Option<NodeId>,
        path: StepPath,
        frame: FrameId,
        item: usize,
        steps: Arc<[Step]>,
    ) {
        let node =
            self.nodes.insert(Node { parent, path, frame, item, kind: NodeKind::Block { steps, next: 0 } });
        self.queue.push_back(Work::Block(node));
    }

    /// A node that waits for an answer, under a new operation number.
    pub(crate) fn open(&mut self, node: Node) -> (OpId, NodeId) {
        let op = self.next_op;
        self.next_op += 1;
        let id = self.nodes.insert(node);
        self.ops.insert(op, id);
        (op, id)
    }

    /// The number the next operation gets.
    pub(crate) fn upcoming_op(&self) -> OpId {
        self.next_op
    }

    /// Commands the current attempt of a call.
    pub(crate) fn command_call(&mut self, node: NodeId) {
        if let Some(Node { kind: NodeKind::Call(call), path, .. }) = self.nodes.get(node) {
            self.turn.commands.extend(perform(call, path).map(Command::Perform));
        }
    }

    /// Every name that is visible in a frame.
    pub(crate) fn view<'a>(&'a self, frame: FrameId, siblings: Option<&'a Value>) -> View<'a> {
        View { frames: &self.frames, frame, inputs: &self.inputs, run: &self.run, siblings, extra: &[] }
    }

    /// As [`Machine::view`], with loop variables of a preview on top.
    pub(crate) fn view_with<'a>(&'a self, frame: FrameId, extra: &'a [(String, Value)]) -> View<'a> {
        View { frames: &self.frames, frame, inputs: &self.inputs, run: &self.run, siblings: None, extra }
    }

    pub(crate) fn tell(&mut self, path: StepPath, kind: ProgressKind) {
        self.turn.progress.push(Progress { path, kind });
    }
}

/// RFC 3339 in UTC, with milliseconds.
fn date_time(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// A point in time this much later.
pub(crate) fn after(at: Timestamp, wait: std::time::Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
}

/// `{kind, message}`, as `steps.ID.error` shows it.
pub(crate) fn error_value(failure: &Failure) -> Value {
    let mut map = Map::new();
    map.insert("kind".to_owned(), Value::from(failure.kind.as_str()));
    map.insert("message".to_owned(), Value::from(failure.message.as_str()));
    Value::Object(map)
}

fn perform(call: &CallNode, path: &StepPath) -> Option<Box<Perform>> {
    let StepKind::Call(step) = &call.steps.get(call.index)?.kind else { return None };
    Some(Box::new(Perform {
        op: call.op,
        attempt: call.attempt,
        path: path.clone(),
        action: step.action.clone(),
        input: call.input.clone(),
        connection: step.connection.clone(),
        effect: step.effect,
        repeat: step.repeat,
        timeout: step.timeout,
        in_doubt: call.begun,
    }))
}
