//! The machine: what it holds, and the two ways into it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use journal::{Event, OpId, Record, RunStatus, Timestamp};
use plan::{Failure, FailureKind, Plan, StepPath};
use serde_json::{Map, Value, json};

use crate::bound::Bound;
use crate::call::perform;
use crate::command::{Command, End, Progress, ProgressKind, Turn};
use crate::node::{Fault, Limit, Mark, Node, NodeEnd, NodeId, NodeKind, NodeOutput, Nodes, Timer};
use crate::scope::{Frame, FrameId, Names, View};
use crate::secret::{Mask, handles};
use crate::wait::Signals;

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
    plan: Arc<Plan>,
    pub(crate) nodes: Nodes,
    pub(crate) frames: Vec<Frame>,
    free_frames: Vec<FrameId>,
    /// By playbook: the run's own first.
    pub(crate) names: Vec<Names>,
    pub(crate) run: Value,
    pub(crate) info: RunInfo,
    starter: String,
    pub(crate) mask: Mask,
    /// Open operations, in program order.
    pub(crate) ops: BTreeMap<OpId, NodeId>,
    next_op: OpId,
    pub(crate) now: Timestamp,
    seq: u64,
    pub(crate) queue: VecDeque<Work>,
    pub(crate) turn: Turn,
    pub(crate) state: State,
    pub(crate) root: NodeId,
    pub(crate) bound: Bound,
    pub(crate) signals: Signals,
    /// Whether any playbook of the run limits its effects.
    pub(crate) capped: bool,
    /// Whether outputs are told.
    pub(crate) watched: bool,
    /// Whether somebody wants nothing new to begin. Holding calls back is the driver's business.
    pub(crate) paused: bool,
}

/// What is left to do before the machine waits again.
#[derive(Debug)]
pub(crate) enum Work {
    /// Go on with a block.
    Block(NodeId),
    /// Start items of a loop, or end it.
    Foreach(NodeId),
    /// Start the next round of a loop, or end it.
    While(NodeId),
    /// Start steps of a `dag`, or end it.
    Dag(NodeId),
    /// Tell the parent.
    Ended(NodeId, NodeEnd),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    Running,
    /// `Finish` was commanded.
    Finishing(End),
    /// `ended` was journaled.
    Over(End),
}

impl Machine {
    /// Begins a run with its first record, which must be `started`.
    pub fn start(plan: Arc<Plan>, info: &RunInfo, first: &Record) -> Result<(Machine, Turn), Divergence> {
        Machine::begin(plan, info, first, false)
    }

    /// As [`Machine::start`], and tells what every step gives as [`ProgressKind::Gave`]. For tests of playbooks:
    /// each output is copied.
    pub fn start_watched(
        plan: Arc<Plan>,
        info: &RunInfo,
        first: &Record,
    ) -> Result<(Machine, Turn), Divergence> {
        Machine::begin(plan, info, first, true)
    }

    fn begin(
        plan: Arc<Plan>,
        info: &RunInfo,
        first: &Record,
        watched: bool,
    ) -> Result<(Machine, Turn), Divergence> {
        let Event::Started { input, trigger, starter } = &first.event else {
            return Err(Divergence { seq: first.seq, reason: "a run begins with `started`".to_owned() });
        };
        let names = Names {
            inputs: Value::Object(input.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
            vars: plan.vars.clone(),
            trigger: trigger.clone(),
            secrets: handles(&plan, &info.id),
        };
        let mut machine = Machine {
            nodes: Nodes::default(),
            frames: vec![Frame::default()],
            free_frames: Vec::new(),
            names: vec![names],
            run: json!({"id": info.id, "starter": starter, "started_at": date_time(first.at)}),
            info: info.clone(),
            starter: starter.clone(),
            mask: Mask::new(&plan, &info.id),
            ops: BTreeMap::new(),
            next_op: DEADLINE + 1,
            now: first.at,
            seq: first.seq,
            queue: VecDeque::new(),
            turn: Turn::default(),
            state: State::Running,
            root: 0,
            bound: Bound::default(),
            signals: Signals::default(),
            capped: false,
            watched,
            paused: false,
            plan: Arc::clone(&plan),
        };
        machine.root = machine.body(None, StepPath::root(), 0, plan, BTreeMap::new());
        if let Some(limit) = machine.plan.deadline {
            machine.time_limit(machine.root, DEADLINE, limit, Limit::Deadline);
        }
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
        for (&op, &id) in &self.ops {
            let Some(node) = self.nodes.get(id) else { continue };
            if let Some(timer) = node.timer.filter(|timer| timer.op == op) {
                commands.push(Command::Sleep { op, until: timer.until });
                continue;
            }
            match &node.kind {
                NodeKind::Call(call) => match (call.wakes, &call.doubt) {
                    (Some(until), _) => commands.push(Command::Sleep { op, until }),
                    (None, Some(doubt)) => commands.push(Command::Form(Box::new(doubt.form.clone()))),
                    (None, None) => {
                        commands.extend(perform(call, &node.path).map(Command::Perform));
                        if node.mark != Mark::Free {
                            commands.push(Command::Withdraw { op });
                        }
                    }
                },
                NodeKind::Ask(ask) => commands.push(Command::Ask(Box::new(ask.ask.clone()))),
                NodeKind::Form(form) => commands.push(Command::Form(form.clone())),
                NodeKind::Pause(pause) => commands.push(Command::Pause(Box::new(pause.pause.clone()))),
                _ => {}
            }
        }
        if let State::Finishing(end) = &self.state {
            commands.push(Command::Finish(end.clone()));
        }
        commands
    }

    /// Whether somebody wants nothing new to begin.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// How the run stands. It waits when nothing goes on but questions and waits for events.
    pub fn status(&self) -> RunStatus {
        match &self.state {
            State::Running => {
                let mut asks = false;
                for (op, &id) in &self.ops {
                    let Some(node) = self.nodes.get(id) else { continue };
                    if node.timer.is_some_and(|timer| timer.op == *op) {
                        continue;
                    }
                    match &node.kind {
                        NodeKind::Ask(_) | NodeKind::Form(_) => asks = true,
                        NodeKind::Call(call) if call.doubt.is_some() => asks = true,
                        NodeKind::Pause(pause) if pause.pause.event.is_some() => asks = true,
                        _ => return RunStatus::Running,
                    }
                }
                if asks { RunStatus::Waiting } else { RunStatus::Running }
            }
            State::Finishing(end) | State::Over(end) => end.status,
        }
    }

    /// How the run ended, once it has.
    pub fn end(&self) -> Option<&End> {
        match &self.state {
            State::Finishing(end) | State::Over(end) => Some(end),
            State::Running => None,
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

    /// Whether an operation has no final answer yet.
    pub fn is_open(&self, op: OpId) -> bool {
        self.ops.contains_key(&op)
    }

    /// The plan this run goes by.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// What expressions see of the run itself: its id, who started it, and when.
    pub fn own(&self) -> &Value {
        &self.run
    }

    /// Who started the run.
    pub fn starter(&self) -> &str {
        &self.starter
    }

    /// What may be shown of an input: every secret's handle masked.
    pub fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Does everything that follows without a new record.
    fn settle(&mut self) {
        while let Some(work) = self.queue.pop_front() {
            // Two items of a loop can end in one turn: the first may end the loop, and nothing begins after that.
            if let Work::Block(id) | Work::Foreach(id) | Work::While(id) | Work::Dag(id) = work
                && self.nodes.get(id).is_none_or(|node| node.ended)
            {
                continue;
            }
            match work {
                Work::Block(node) => self.run_block(node),
                Work::Foreach(node) => self.run_foreach(node),
                Work::While(node) => self.run_while(node),
                Work::Dag(node) => self.run_dag(node),
                Work::Ended(node, end) => self.node_ended(node, end),
            }
        }
    }

    /// A node's end goes to its parent, once.
    pub(crate) fn finish(&mut self, id: NodeId, end: NodeEnd) {
        if let Some(node) = self.nodes.get_mut(id).filter(|node| !node.ended) {
            node.ended = true;
            self.queue.push_back(Work::Ended(id, end));
        }
    }

    fn node_ended(&mut self, id: NodeId, end: NodeEnd) {
        let Some(mut node) = self.nodes.remove(id) else { return };
        if let Some(timer) = node.timer {
            self.ops.remove(&timer.op);
            self.retract(timer.op);
        }
        let end = match node.stop.take() {
            Some(stop) => *stop,
            None => end,
        };
        let Some(parent) = node.parent else { return self.run_ended(end) };
        match self.nodes.get(parent).map(|parent| &parent.kind) {
            Some(NodeKind::Block(_)) => self.step_ended(parent, end),
            Some(NodeKind::Body(_)) => self.phase_ended(parent, node.frame, end),
            Some(NodeKind::Foreach(_)) => self.item_ended(parent, &node, end),
            Some(NodeKind::While(_)) => self.round_ended(parent, &node, end),
            Some(NodeKind::Switch { .. }) => self.case_ended(parent, end),
            Some(NodeKind::Parallel { .. }) => self.branch_ended(parent, end),
            Some(NodeKind::Dag(_)) => self.dag_step_ended(parent, &node, end),
            Some(NodeKind::Try(_)) => self.try_ended(parent, node.frame, end),
            _ => {}
        }
    }

    /// The run's own body has ended.
    fn run_ended(&mut self, end: NodeEnd) {
        let end = match end {
            Ok(NodeOutput { returned, .. }) => {
                End { status: RunStatus::Succeeded, outputs: returned.unwrap_or_default(), failure: None }
            }
            Err(Fault { failure, .. }) => End {
                status: match failure.kind {
                    FailureKind::Unknown => RunStatus::Unknown,
                    FailureKind::Cancelled => RunStatus::Cancelled,
                    _ => RunStatus::Failed,
                },
                outputs: BTreeMap::new(),
                failure: Some(failure),
            },
        };
        self.turn.commands.push(Command::Finish(end.clone()));
        self.state = State::Finishing(end);
    }

    /// A node that waits for an answer, under the next operation number.
    pub(crate) fn open(&mut self, node: Node) -> NodeId {
        let op = self.take_op();
        let id = self.nodes.insert(node);
        self.ops.insert(op, id);
        id
    }

    /// The number the next operation gets.
    pub(crate) fn upcoming_op(&self) -> OpId {
        self.next_op
    }

    pub(crate) fn take_op(&mut self) -> OpId {
        let op = self.next_op;
        self.next_op += 1;
        op
    }

    /// Gives a node a time limit, which is an operation.
    pub(crate) fn time_limit(&mut self, node: NodeId, op: OpId, limit: Duration, kind: Limit) {
        let until = after(self.now, limit);
        if let Some(slot) = self.nodes.get_mut(node) {
            slot.timer = Some(Timer { op, until, limit: kind });
            self.ops.insert(op, node);
            self.turn.commands.push(Command::Sleep { op, until });
        }
    }

    /// A frame, perhaps where another one was.
    pub(crate) fn frame(&mut self, frame: Frame) -> FrameId {
        match self.free_frames.pop() {
            Some(id) => {
                if let Some(slot) = self.frames.get_mut(id) {
                    *slot = frame;
                }
                id
            }
            None => {
                self.frames.push(frame);
                self.frames.len() - 1
            }
        }
    }

    /// A frame below another, with one more variable.
    pub(crate) fn inner_frame(&mut self, parent: FrameId, name: &str, value: Value) -> FrameId {
        let names = self.frames.get(parent).map_or(0, |frame| frame.names);
        let variable = Some((name.to_owned(), value));
        self.frame(Frame { parent: Some(parent), names, variable, ..Frame::default() })
    }

    /// A frame that is there for a handler's `error` alone.
    pub(crate) fn error_frame(&mut self, parent: FrameId, fault: &Fault) -> FrameId {
        let mut error = error_value(&fault.failure);
        if let Value::Object(map) = &mut error {
            let step = fault.at.as_ref().map_or("", |path| path.as_str());
            map.insert("step".to_owned(), Value::from(step));
        }
        let frame = self.inner_frame(parent, "error", error);
        if let Some(slot) = self.frames.get_mut(frame) {
            slot.transparent = true;
        }
        frame
    }

    pub(crate) fn release(&mut self, id: FrameId) {
        if let Some(slot) = self.frames.get_mut(id) {
            *slot = Frame::default();
            self.free_frames.push(id);
        }
    }

    /// Every name that is visible in a frame.
    pub(crate) fn view(&self, frame: FrameId) -> View<'_> {
        static NOTHING: Names =
            Names { inputs: Value::Null, vars: Value::Null, trigger: Value::Null, secrets: Value::Null };
        let names = self.frames.get(frame).and_then(|frame| self.names.get(frame.names));
        View {
            frames: &self.frames,
            frame: Some(frame),
            names: names.unwrap_or(&NOTHING),
            run: &self.run,
            siblings: None,
            event: None,
            extra: &[],
        }
    }

    pub(crate) fn tell(&mut self, path: StepPath, kind: ProgressKind) {
        self.turn.progress.push(Progress { path, kind });
    }
}

/// RFC 3339 in UTC, with milliseconds.
pub(crate) fn date_time(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

/// A point in time this much later.
pub(crate) fn after(at: Timestamp, wait: Duration) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
}

/// `{kind, message}`, as `steps.ID.error` shows it.
pub(crate) fn error_value(failure: &Failure) -> Value {
    let mut map = Map::new();
    map.insert("kind".to_owned(), Value::from(failure.kind.as_str()));
    map.insert("message".to_owned(), Value::from(failure.message.as_str()));
    Value::Object(map)
}
