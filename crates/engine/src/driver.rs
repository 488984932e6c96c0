//! The loop that drives one run: records first, then commands.
//!
//! Everything a run has in flight is polled by the run's own task. What has been answered by the time the
//! loop comes round goes into one append together with what begins because of it, so a sequence costs one
//! sync a step and a fan-out shares them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use action_api::Outcome;
use futures_util::future::{AbortHandle, Abortable, Aborted, BoxFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use interpreter::{Ask, Command, End, Machine, Perform, Turn};
use journal::{Decision, Event as Happened, Header, OpId, Record, RunId, RunStatus};
use plan::{Blame, Failure, FailureKind, StepPath};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use crate::attempt::{attempt, inverse_value};
use crate::builder::Inner;
use crate::run::{Control, DecideError};
use crate::standin::stand_in;
use crate::{Approvals, EngineError, Event, EventKind, Mode, Start};

/// What the driver is given to begin with.
pub(crate) struct Handed {
    /// Set for a new run.
    pub(crate) header: Option<Header>,
    /// Applied, not journaled yet.
    pub(crate) records: Vec<Record>,
    /// Not carried out yet.
    pub(crate) turn: Turn,
}

/// An answer of the outside world.
enum Answer {
    Called(OpId, u32, Result<Result<Outcome, Failure>, Aborted>),
    Woke(OpId),
    Approve(OpId),
    TimeUp(OpId),
}

pub(crate) struct Driver {
    inner: Arc<Inner>,
    run: RunId,
    machine: Machine,
    mode: Mode,
    approvals: Approvals,
    events: Option<UnboundedSender<Event>>,
    controls: UnboundedReceiver<Control>,
    flight: FuturesUnordered<BoxFuture<'static, Answer>>,
    reads: HashMap<OpId, AbortHandle>,
    asks: BTreeMap<OpId, Box<Ask>>,
    /// Waits whose end is still wanted.
    sleeping: HashSet<OpId>,
    /// Applied, not journaled yet.
    records: Vec<Record>,
    /// To be carried out once `records` are durable.
    commands: Vec<Command>,
    /// Told once the decision is durable.
    replies: Vec<oneshot::Sender<Result<(), DecideError>>>,
}

impl Driver {
    pub(crate) fn new(
        inner: Arc<Inner>,
        run: RunId,
        machine: Machine,
        start: Start,
        controls: UnboundedReceiver<Control>,
    ) -> Self {
        Driver {
            inner,
            run,
            machine,
            mode: start.mode,
            approvals: start.approvals,
            events: start.events,
            controls,
            flight: FuturesUnordered::new(),
            reads: HashMap::new(),
            asks: BTreeMap::new(),
            sleeping: HashSet::new(),
            records: Vec::new(),
            commands: Vec::new(),
            replies: Vec::new(),
        }
    }

    /// Drives the run to its end.
    pub(crate) async fn run(mut self, handed: Handed) -> Result<End, EngineError> {
        tracing::debug!(run = %self.run, playbook = %self.machine.plan().id, "run goes on");
        if let (true, Some(end)) = (self.machine.is_over(), self.machine.end()) {
            return Ok(end.clone());
        }
        self.records = handed.records;
        self.take(handed.turn)?;
        let mut header = handed.header;
        loop {
            let records = std::mem::take(&mut self.records);
            match header.take() {
                Some(header) => self.inner.journal.create(header, records).await?,
                None if records.is_empty() => {}
                None => self.inner.journal.append(&self.run, records).await?,
            }
            for reply in self.replies.drain(..) {
                // Whoever decided may have gone away; the decision stands.
                let _ = reply.send(Ok(()));
            }
            for command in std::mem::take(&mut self.commands) {
                self.carry_out(command);
            }
            if let (true, Some(end)) = (self.machine.is_over(), self.machine.end()) {
                let end = end.clone();
                self.tell(StepPath::root(), EventKind::Ended(end.clone()));
                return Ok(end);
            }
            if self.records.is_empty() {
                self.wait().await?;
            }
        }
    }

    /// Waits for one answer and takes in all that are there.
    async fn wait(&mut self) -> Result<(), EngineError> {
        if self.machine.status() == RunStatus::Waiting && self.approver().is_none() {
            self.tell(StepPath::root(), EventKind::Waiting);
        }
        tokio::select! {
            Some(answer) = self.flight.next(), if !self.flight.is_empty() => self.answer(answer)?,
            Some(control) = self.controls.recv() => self.control(control)?,
            else => return Err(EngineError::Stopped),
        }
        while let Some(Some(answer)) = self.flight.next().now_or_never() {
            self.answer(answer)?;
        }
        while let Ok(control) = self.controls.try_recv() {
            self.control(control)?;
        }
        Ok(())
    }

    /// Notes something that happened: applied now, journaled with the next append.
    fn happened(&mut self, event: Happened) -> Result<(), EngineError> {
        let record = Record { seq: self.machine.seq() + 1, at: self.inner.clock.now(), event };
        let turn = self
            .machine
            .apply(&record)
            .map_err(|source| EngineError::Diverged { run: self.run.clone(), source })?;
        self.records.push(record);
        self.take(turn)
    }

    /// Takes commands in. Whatever has to be durable before it is carried out is noted here.
    fn take(&mut self, turn: Turn) -> Result<(), EngineError> {
        for progress in turn.progress {
            self.tell(progress.path, EventKind::Step(progress.kind));
        }
        for command in turn.commands {
            match &command {
                Command::Perform(call) if !call.in_doubt => {
                    let begun = Happened::Performing {
                        op: call.op,
                        attempt: call.attempt,
                        path: call.path.clone(),
                        action: call.action.clone(),
                    };
                    self.commands.push(command);
                    self.happened(begun)?;
                }
                Command::Ask(ask) if !ask.asked => {
                    let asked =
                        Happened::Asked { op: ask.op, path: ask.path.clone(), digest: ask.digest.clone() };
                    self.commands.push(command);
                    self.happened(asked)?;
                }
                Command::Finish(end) => {
                    let (status, outputs, failure) = (end.status, end.outputs.clone(), end.failure.clone());
                    self.happened(Happened::Ended { status, outputs, failure })?;
                }
                _ => self.commands.push(command),
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Perform(call) => self.call(call),
            Command::Sleep { op, until } => {
                let sleep = self.inner.clock.sleep_until(until);
                self.sleeping.insert(op);
                self.flight.push(sleep.map(move |()| Answer::Woke(op)).boxed());
            }
            Command::Ask(ask) => {
                if let Some(due) = ask.due {
                    let (op, sleep) = (ask.op, self.inner.clock.sleep_until(due));
                    self.flight.push(sleep.map(move |()| Answer::TimeUp(op)).boxed());
                }
                self.tell(ask.path.clone(), EventKind::Asked(ask.clone()));
                if self.approver().is_some() {
                    let op = ask.op;
                    self.flight.push(async move { Answer::Approve(op) }.boxed());
                }
                self.asks.insert(ask.op, ask);
            }
            Command::Withdraw { op } => {
                self.asks.remove(&op);
                self.sleeping.remove(&op);
                if let Some(read) = self.reads.remove(&op) {
                    read.abort();
                }
            }
            Command::Finish(_) => {}
        }
    }

    /// In whose name questions are answered without asking.
    fn approver(&self) -> Option<String> {
        match (&self.mode, &self.approvals) {
            (Mode::DryRun, _) => Some("dry run".to_owned()),
            (Mode::Real, Approvals::ApproveAll { by }) => Some(by.clone()),
            (Mode::Real, Approvals::Ask) => None,
        }
    }

    fn call(&mut self, call: Box<Perform>) {
        let (op, number) = (call.op, call.attempt);
        if self.mode == Mode::DryRun && call.effect.changes() {
            let planned = EventKind::Planned {
                action: call.action.clone(),
                effect: call.effect,
                input: call.input.clone(),
                connection: call.connection.clone(),
            };
            self.tell(call.path.clone(), planned);
            let output = self.inner.action(&call.action).map(|(spec, _)| stand_in(&spec.output));
            let outcome = Outcome::from(output.unwrap_or_default());
            self.flight.push(async move { Answer::Called(op, number, Ok(Ok(outcome))) }.boxed());
            return;
        }
        if self.events.is_some() {
            let calling = EventKind::Calling {
                action: call.action.clone(),
                effect: call.effect,
                input: call.input.clone(),
                attempt: call.attempt,
            };
            self.tell(call.path.clone(), calling);
        }
        let (handle, registration) = AbortHandle::new_pair();
        if !call.effect.changes() {
            self.reads.insert(op, handle);
        }
        let work = attempt(Arc::clone(&self.inner), self.run.clone(), call);
        let work = Abortable::new(work, registration).map(move |end| Answer::Called(op, number, end));
        self.flight.push(work.boxed());
    }

    fn answer(&mut self, answer: Answer) -> Result<(), EngineError> {
        match answer {
            Answer::Called(op, attempt, end) => {
                self.reads.remove(&op);
                let end = end.unwrap_or_else(|Aborted| {
                    Err(Failure::new(FailureKind::Cancelled, Blame::Playbook, "stopped with its run"))
                });
                match end {
                    Ok(Outcome { output, inverse }) => {
                        self.happened(Happened::Performed { op, output, inverse: inverse_value(inverse) })
                    }
                    Err(failure) => {
                        let entropy = (self.inner.entropy)();
                        self.happened(Happened::AttemptFailed { op, attempt, failure, entropy })
                    }
                }
            }
            Answer::Woke(op) if self.sleeping.remove(&op) => self.happened(Happened::Woken { op }),
            Answer::Woke(_) => Ok(()),
            Answer::Approve(op) => {
                let by = self.approver().unwrap_or_default();
                self.settle(op, Decision::Approved, by)
            }
            Answer::TimeUp(op) => self.settle(op, Decision::TimedOut, "nobody".to_owned()),
        }
    }

    /// Notes an answer to a question, unless there is one already.
    fn settle(&mut self, op: OpId, decision: Decision, by: String) -> Result<(), EngineError> {
        match self.asks.remove(&op) {
            Some(ask) => {
                self.tell(ask.path, EventKind::Decided { decision, by: by.clone() });
                self.happened(Happened::Decided { op, decision, by, digest: ask.digest })
            }
            None => Ok(()),
        }
    }

    fn control(&mut self, control: Control) -> Result<(), EngineError> {
        match control {
            Control::Cancel { by } => self.happened(Happened::CancelRequested { by }),
            Control::Decide { path, decision, by, digest, reply } => {
                let open = self
                    .asks
                    .iter()
                    .find(|(_, ask)| ask.path == path)
                    .map(|(&op, ask)| (op, ask.digest.clone()));
                let refused = match (&open, &digest) {
                    (None, _) => Some(DecideError::NotAsked(path)),
                    (Some((_, asked)), Some(seen)) if asked != seen => Some(DecideError::Stale(path)),
                    _ => None,
                };
                if let (None, Some((op, _))) = (&refused, open) {
                    self.replies.push(reply);
                    return self.settle(op, decision, by);
                }
                // Whoever decided may have gone away.
                let _ = reply.send(refused.map_or(Ok(()), Err));
                Ok(())
            }
        }
    }

    fn tell(&self, path: StepPath, kind: EventKind) {
        if let Some(events) = &self.events {
            // Nobody watches any more; the run goes on.
            let _ = events.send(Event { at: self.inner.clock.now(), path, kind });
        }
    }
}
