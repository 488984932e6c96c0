//! The loop that drives one run: records first, then commands.
//!
//! Everything a run has in flight is polled by the run's own task. What has been answered by the time the
//! loop comes round goes into one append together with what begins because of it, so a sequence costs one
//! sync a step and a fan-out shares them. What a command takes is in `carry`, what people say in `people`.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use action_api::Outcome;
use futures_util::future::{AbortHandle, Aborted, BoxFuture};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use interpreter::{Ask, Command, End, Form, Machine, Pause, Perform, Turn};
use journal::{Event as Happened, Header, OpId, Record, RunId, RunStatus, Timestamp};
use plan::{Failure, StepPath};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use crate::admit::Account;
use crate::bounds::Spent;
use crate::builder::Inner;
use crate::cache::Slot;
use crate::gate::Gate;
use crate::kept::outward;
use crate::leave::Leaving;
use crate::park::Left;
use crate::reuse::Earlier;
use crate::run::Control;
use crate::secrets::Handle;
use crate::slots::Permit;
use crate::{Approvals, EngineError, Event, EventKind, Mode, Start};

/// What the driver is given to begin with.
pub(crate) struct Handed {
    /// Set for a new run.
    pub(crate) header: Option<Header>,
    /// Applied, not journaled yet.
    pub(crate) records: Vec<Record>,
    /// Not carried out yet.
    pub(crate) turn: Turn,
    /// What the run has spent before.
    pub(crate) account: Account,
    /// How large it is, without `records`.
    pub(crate) spent: Spent,
    /// When it began.
    pub(crate) began: Timestamp,
}

/// An answer of the outside world.
pub(crate) enum Answer {
    Called(OpId, u32, Result<Result<Outcome, Failure>, Aborted>),
    /// The time of an operation has come; the number tells an old sleep from a new one.
    Time(OpId, u64),
    /// A sleep that nobody wants any more.
    Forgotten,
    /// A rerun takes over what the run before it knew.
    Earlier(OpId, Box<Happened>),
    /// A rehearsal, or a run that approves everything, answers by itself.
    Itself(OpId),
    /// The policy did not let a call begin.
    Refused(OpId, u32, Failure),
    /// It is the turn of a call that waited for others to end.
    Turn(OpId, Option<Permit>),
}

/// A call in flight.
pub(crate) struct Flying {
    /// Set for reads: they may be dropped.
    pub(crate) abort: Option<AbortHandle>,
    /// Where its answer is to be kept.
    pub(crate) slot: Option<Slot>,
    /// Whether an engine that is shut down waits for it: it may not simply be made again.
    pub(crate) finishes: bool,
}

pub(crate) struct Driver {
    pub(crate) inner: Arc<Inner>,
    pub(crate) run: RunId,
    pub(crate) machine: Machine,
    pub(crate) mode: Mode,
    pub(crate) approvals: Approvals,
    pub(crate) secrets: Arc<[Handle]>,
    pub(crate) events: Option<UnboundedSender<Event>>,
    pub(crate) controls: UnboundedReceiver<Box<Control>>,
    /// What was said to the run while it was parked, or waited for room.
    pub(crate) said: VecDeque<Box<Control>>,
    /// Everything it begins with was told before.
    pub(crate) quiet: bool,
    /// When the run began.
    pub(crate) began: Timestamp,
    /// Spans of open operations, if anybody follows them.
    pub(crate) steps: HashMap<OpId, tracing::Span>,
    /// How long it waits before it is parked.
    pub(crate) patience: Option<Duration>,
    pub(crate) leaving: watch::Receiver<Leaving>,
    pub(crate) flight: FuturesUnordered<BoxFuture<'static, Answer>>,
    pub(crate) calls: HashMap<OpId, Flying>,
    /// Calls whose rate limit does not let them begin yet.
    pub(crate) delayed: HashMap<OpId, Box<Perform>>,
    /// Calls that wait for a paused run to go on, and those that were let through all the same.
    pub(crate) gate: Gate,
    pub(crate) spent: Spent,
    /// What the run has changed, and has to say to the audit log.
    pub(crate) account: Account,
    pub(crate) asks: BTreeMap<OpId, Box<Ask>>,
    pub(crate) forms: BTreeMap<OpId, Box<Form>>,
    pub(crate) waits: BTreeMap<OpId, Box<Pause>>,
    /// Questions that were journaled and not answered.
    pub(crate) asked: HashSet<OpId>,
    /// Sleeps whose end is still wanted.
    pub(crate) sleeping: HashMap<OpId, (u64, AbortHandle)>,
    pub(crate) sleeps: u64,
    /// Applied, not journaled yet.
    records: Vec<Record>,
    /// To be carried out once `records` are durable.
    pub(crate) commands: Vec<Command>,
    /// Told once what somebody said is durable.
    pub(crate) replies: Vec<Box<dyn FnOnce() + Send>>,
    working: bool,
    /// What a rerun takes over.
    pub(crate) earlier: Option<Box<Earlier>>,
}

impl Driver {
    pub(crate) fn new(
        inner: Arc<Inner>,
        run: RunId,
        machine: Machine,
        start: Start,
        controls: UnboundedReceiver<Box<Control>>,
    ) -> Self {
        let secrets = crate::secrets::handles(machine.plan(), run.as_str()).into();
        inner.clock.begin_work();
        let patience = inner.park_after;
        let (leaving, gate) = (inner.exit.watch(), Gate::new(inner.slots.line()));
        Driver {
            inner,
            run,
            machine,
            mode: start.mode,
            approvals: start.approvals,
            secrets,
            events: start.events,
            controls,
            said: VecDeque::new(),
            quiet: false,
            patience,
            began: Timestamp(0),
            steps: HashMap::new(),
            leaving,
            flight: FuturesUnordered::new(),
            calls: HashMap::new(),
            delayed: HashMap::new(),
            gate,
            spent: Spent::default(),
            account: Account::default(),
            asks: BTreeMap::new(),
            forms: BTreeMap::new(),
            waits: BTreeMap::new(),
            asked: HashSet::new(),
            sleeping: HashMap::new(),
            sleeps: 0,
            records: Vec::new(),
            commands: Vec::new(),
            replies: Vec::new(),
            working: true,
            earlier: None,
        }
    }

    /// Drives the run to its end.
    pub(crate) async fn run(mut self, handed: Handed) -> Result<Left, EngineError> {
        tracing::debug!(run = %self.run, playbook = %self.machine.plan().id, "run goes on");
        if let (true, Some(end)) = (self.machine.is_over(), self.machine.end()) {
            return Ok(Left::Ended(end.clone()));
        }
        self.account = handed.account;
        self.records = handed.records;
        self.spent = handed.spent;
        self.began = handed.began;
        self.take(handed.turn)?;
        let mut header = handed.header;
        loop {
            let mut records = std::mem::take(&mut self.records);
            if self.count(&records)? {
                records = outward(&self.inner.artifacts, &self.run, records).await?;
            }
            self.audited(header.as_ref(), &records).await?;
            self.write(header.take(), records).await?;
            for reply in self.replies.drain(..) {
                reply();
            }
            for command in std::mem::take(&mut self.commands) {
                self.carry_out(command);
            }
            if let (true, Some(end)) = (self.machine.is_over(), self.machine.end()) {
                let end = end.clone();
                self.tell(StepPath::root(), EventKind::Ended(end.clone()));
                self.count_end(end.status);
                return Ok(Left::Ended(end));
            }
            self.end_steps();
            self.stays_within_limits()?;
            if self.records.is_empty() {
                self.leaves()?;
                // A run whose answers are always there lets others have their turn.
                tokio::task::coop::consume_budget().await;
                if self.wait().await?
                    && let Some(parked) = self.park()
                {
                    return Ok(Left::Parked(parked));
                }
            }
        }
    }

    /// Waits for one answer and takes in all that are there. True if it has only waited for long enough.
    async fn wait(&mut self) -> Result<bool, EngineError> {
        self.quiet = false;
        if let Some(said) = self.said.pop_front() {
            self.control(*said)?;
            return Ok(false);
        }
        let mut waited = false;
        // An approval that was given in advance answers by itself in a moment; a form does so in a rehearsal only.
        let by_itself = self.mode == Mode::DryRun || (self.approver().is_some() && !self.asks.is_empty());
        if self.machine.status() == RunStatus::Waiting && !by_itself {
            self.tell(StepPath::root(), EventKind::Waiting);
        }
        if self.machine.is_paused() && self.calls.is_empty() {
            self.tell(StepPath::root(), EventKind::Paused);
        }
        if !self.take_answers()? {
            let (parks, patience) = (self.may_park(), self.patience.unwrap_or_default());
            let idle = self.rests();
            tokio::select! {
                // No dice between what is ready at once: the same answers make the same history.
                biased;
                Some(answer) = self.flight.next(), if !self.flight.is_empty() => {
                    self.works(idle);
                    self.answer(answer)?;
                }
                Some(control) = self.controls.recv() => {
                    self.works(idle);
                    self.control(*control)?;
                }
                Ok(()) = self.leaving.changed() => self.works(idle),
                () = sleep(patience), if parks => {
                    self.works(idle);
                    self.patience = self.inner.park_after;
                    waited = true;
                }
                else => return Err(EngineError::Stopped),
            }
        }
        self.take_answers()?;
        // Whoever speaks a moment after the end is told that it is over.
        while !self.machine.is_over()
            && let Ok(control) = self.controls.try_recv()
        {
            self.control(*control)?;
        }
        Ok(waited)
    }

    /// Takes in what has been answered already. Also lets go of sleeps that were forgotten, so that a virtual
    /// clock does not see them.
    fn take_answers(&mut self) -> Result<bool, EngineError> {
        let mut any = false;
        while let Some(Some(answer)) = self.flight.next().now_or_never() {
            any |= !matches!(answer, Answer::Forgotten);
            self.answer(answer)?;
        }
        Ok(any)
    }

    /// Whether a person or another system may answer at any time.
    pub(crate) fn waits_for_somebody(&self) -> bool {
        let asks = !self.asks.is_empty() || !self.forms.is_empty() || !self.waits.is_empty();
        asks || self.machine.is_paused()
    }

    /// Whether everything that happened is durable and carried out.
    pub(crate) fn is_written_down(&self) -> bool {
        self.records.is_empty() && self.commands.is_empty()
    }

    /// Tells the clock if nothing but time is waited for.
    fn rests(&mut self) -> bool {
        let open = self.waits_for_somebody();
        let idle = self.calls.is_empty() && self.gate.nobody_queues() && !open && !self.sleeping.is_empty();
        if idle {
            self.working = false;
            self.inner.clock.end_work();
        }
        idle
    }

    fn works(&mut self, again: bool) {
        if again {
            self.working = true;
            self.inner.clock.begin_work();
        }
    }

    /// Notes something that happened: applied now, journaled with the next append.
    pub(crate) fn happened(&mut self, event: Happened) -> Result<(), EngineError> {
        let record = Record { seq: self.machine.seq() + 1, at: self.inner.clock.now(), event };
        let turn = self
            .machine
            .apply(&record)
            .map_err(|source| EngineError::Diverged { run: self.run.clone(), source })?;
        self.account.desk.saw(&record);
        self.records.push(record);
        self.take(turn)
    }

    /// Takes commands in. Whatever has to be durable before it is carried out is noted here.
    fn take(&mut self, turn: Turn) -> Result<(), EngineError> {
        for progress in turn.progress {
            self.tell(progress.path, EventKind::Step(progress.kind));
        }
        for command in turn.commands {
            match command {
                Command::Perform(call) => self.wants(call)?,
                Command::Ask(ask) => {
                    self.asked.insert(ask.op);
                    let asked = (!ask.asked).then(|| Happened::Asked {
                        op: ask.op,
                        path: ask.path.clone(),
                        digest: ask.digest.clone(),
                    });
                    // Known at once: the next answer may come before the question is told.
                    self.asks.insert(ask.op, ask.clone());
                    self.commands.push(Command::Ask(ask));
                    asked.map_or(Ok(()), |asked| self.happened(asked))?;
                }
                Command::Form(form) => {
                    let Some(form) = self.filled_before(form) else { continue };
                    self.asked.insert(form.op);
                    let asked = (!form.asked).then(|| Happened::Asked {
                        op: form.op,
                        path: form.path.clone(),
                        digest: form.digest.clone(),
                    });
                    self.forms.insert(form.op, form.clone());
                    self.commands.push(Command::Form(form));
                    asked.map_or(Ok(()), |asked| self.happened(asked))?;
                }
                Command::Withdraw { op } => {
                    // Forgotten at once: what comes for it in the same moment is not wanted any more.
                    self.forget(op);
                    self.commands.push(Command::Withdraw { op });
                    if self.asked.remove(&op) {
                        self.happened(Happened::Withdrawn { op })?;
                    }
                }
                Command::Finish(end) => {
                    let End { status, outputs, failure } = end;
                    self.happened(Happened::Ended { status, outputs, failure })?;
                }
                Command::Sleep { .. } | Command::Pause(_) => {
                    self.commands.push(command);
                }
            }
        }
        Ok(())
    }

    /// An attempt begins: written down first.
    pub(crate) fn begin(&mut self, call: Box<Perform>) -> Result<(), EngineError> {
        let touches = match self.admit(&call) {
            Ok(touches) => touches,
            Err(failure) => {
                self.not_admitted(&call, failure);
                return Ok(());
            }
        };
        let begun = Happened::Performing {
            op: call.op,
            attempt: call.attempt,
            path: call.path.clone(),
            action: call.action.clone(),
            touches,
        };
        self.commands.push(Command::Perform(call));
        self.happened(begun)
    }

    pub(crate) fn tell(&self, path: StepPath, kind: EventKind) {
        if let Some(events) = self.events.as_ref().filter(|_| !self.quiet) {
            // Nobody watches any more; the run goes on.
            let _ = events.send(Event { at: self.inner.clock.now(), path, kind });
        }
    }
}

/// Begins with its first poll: most waits never get there.
async fn sleep(time: Duration) {
    tokio::time::sleep(time).await;
}

impl Drop for Driver {
    fn drop(&mut self) {
        // What is in flight goes first: a virtual clock must not wake it.
        self.flight.clear();
        if self.working {
            self.inner.clock.end_work();
        }
    }
}
