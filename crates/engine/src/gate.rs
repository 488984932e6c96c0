//! What a call passes before it begins: held back while its run is paused, then its rate limit, then its turn among
//! the calls of all runs.
//!
//! A call that was begun before a crash and not answered skips the rate limit, which it has passed once, and goes
//! straight to its probe. What has begun is not stopped here: a pause lets calls in flight end.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::FutureExt;
use interpreter::{Command, Perform};
use journal::{Event as Happened, OpId};
use plan::StepPath;

use crate::driver::{Answer, Driver};
use crate::run::{Halt, HaltError};
use crate::slots::Permit;
use crate::{EngineError, EventKind};

/// What is held back, and what waits for its turn.
pub(crate) struct Gate {
    /// The run's number among those that share slots.
    line: u64,
    /// In program order.
    held: BTreeMap<OpId, Box<Perform>>,
    /// Let through by a step, and not begun yet.
    through: HashSet<OpId>,
    /// Begun before a crash, held back, and not wanted any more: still to be answered.
    withdrawn: HashSet<OpId>,
    /// Waiting for a slot.
    queued: HashMap<OpId, Box<Perform>>,
    /// Slots of calls that begin with the next append.
    permits: HashMap<OpId, Permit>,
    /// The engine is shut down: nothing begins any more.
    closed: bool,
}

impl Gate {
    pub(crate) fn new(line: u64) -> Self {
        Gate {
            line,
            held: BTreeMap::new(),
            through: HashSet::new(),
            withdrawn: HashSet::new(),
            queued: HashMap::new(),
            permits: HashMap::new(),
            closed: false,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn nobody_queues(&self) -> bool {
        self.queued.is_empty()
    }

    /// Whether nothing has been let through, or stands in a queue.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.through.is_empty() && self.queued.is_empty() && self.permits.is_empty() && !self.closed
    }

    /// The slot a call was given, for as long as it is in flight.
    pub(crate) fn permit(&mut self, op: OpId) -> Option<Permit> {
        self.permits.remove(&op)
    }
}

impl Driver {
    /// The machine wants a call made.
    pub(crate) fn wants(&mut self, call: Box<Perform>) -> Result<(), EngineError> {
        let Some(call) = self.taken_over(call) else { return Ok(()) };
        let Some(call) = self.not_held(call) else { return Ok(()) };
        if call.in_doubt {
            return self.may_begin(call);
        }
        match self.within_limit(call) {
            Some(call) => self.may_begin(call),
            None => Ok(()),
        }
    }

    /// The call has waited for what it had to wait for, but its turn.
    pub(crate) fn may_begin(&mut self, call: Box<Perform>) -> Result<(), EngineError> {
        // Somebody may have paused the run in the meantime.
        let Some(call) = self.not_held(call) else { return Ok(()) };
        match self.inner.slots.take(self.gate.line) {
            Ok(permit) => self.begins(call, permit),
            Err(turn) => {
                let op = call.op;
                self.gate.queued.insert(op, call);
                self.count_queue();
                self.flight.push(turn.map(move |permit| Answer::Turn(op, permit.ok())).boxed());
                Ok(())
            }
        }
    }

    /// It is the turn of a call.
    pub(crate) fn turn(&mut self, op: OpId, permit: Option<Permit>) -> Result<(), EngineError> {
        self.count_queue();
        // Without the call, the slot goes to the next.
        let (Some(call), Some(permit)) = (self.gate.queued.remove(&op), permit) else { return Ok(()) };
        match self.not_held(call) {
            Some(call) => self.begins(call, permit),
            None => Ok(()),
        }
    }

    fn begins(&mut self, call: Box<Perform>, permit: Permit) -> Result<(), EngineError> {
        let op = call.op;
        self.gate.through.remove(&op);
        self.gate.permits.insert(op, permit);
        if !call.in_doubt {
            return self.begin(call);
        }
        self.again(&call);
        self.commands.push(Command::Perform(call));
        if self.gate.withdrawn.remove(&op) {
            self.commands.push(Command::Withdraw { op });
        }
        Ok(())
    }

    /// The call, unless it is held back.
    fn not_held(&mut self, call: Box<Perform>) -> Option<Box<Perform>> {
        let paused = self.machine.is_paused() && !self.gate.through.contains(&call.op);
        if !paused && !self.gate.closed {
            return Some(call);
        }
        self.gate.held.insert(call.op, call);
        None
    }

    /// The call is not to begin any more. One that has begun before a crash has to be answered all the same.
    pub(crate) fn not_wanted(&mut self, op: OpId) {
        let waits = self.gate.held.get(&op).or_else(|| self.gate.queued.get(&op));
        if waits.is_some_and(|call| call.in_doubt) {
            self.gate.withdrawn.insert(op);
            return;
        }
        self.gate.held.remove(&op);
        self.gate.queued.remove(&op);
        self.gate.through.remove(&op);
    }

    /// The engine is shut down: nothing begins any more, and reads that can be made again are dropped.
    pub(crate) fn close_gate(&mut self) {
        if std::mem::replace(&mut self.gate.closed, true) {
            return;
        }
        for call in self.calls.values().filter(|call| !call.finishes) {
            if let Some(read) = &call.abort {
                read.abort();
            }
        }
    }

    pub(crate) fn may_halt(&self, halt: Halt) -> Result<(), HaltError> {
        match (halt, self.machine.is_paused()) {
            (Halt::Pause, true) => Err(HaltError::Paused),
            (Halt::Step | Halt::Proceed, false) => Err(HaltError::NotPaused),
            (Halt::Step, true) if self.gate.held.is_empty() => Err(HaltError::NothingHeld),
            _ => Ok(()),
        }
    }

    pub(crate) fn halt(&mut self, halt: Halt, by: String) -> Result<(), EngineError> {
        match halt {
            Halt::Pause => {
                self.tell(StepPath::root(), EventKind::Pausing { by: by.clone() });
                self.happened(Happened::Paused { by })
            }
            Halt::Step => {
                self.tell(StepPath::root(), EventKind::Stepped { by: by.clone() });
                self.happened(Happened::Stepped { by })?;
                let Some((op, call)) = self.gate.held.pop_first() else { return Ok(()) };
                self.gate.through.insert(op);
                self.wants(call)
            }
            Halt::Proceed => self.proceed(by),
        }
    }

    fn proceed(&mut self, by: String) -> Result<(), EngineError> {
        self.tell(StepPath::root(), EventKind::Continued { by: by.clone() });
        self.happened(Happened::Continued { by })?;
        for (_, call) in std::mem::take(&mut self.gate.held) {
            self.wants(call)?;
        }
        Ok(())
    }

    /// Cancelling ends a pause: `finally` is to run.
    pub(crate) fn cancel(&mut self, by: String) -> Result<(), EngineError> {
        let paused = self.machine.is_paused();
        self.happened(Happened::CancelRequested { by: by.clone() })?;
        if paused { self.proceed(by) } else { Ok(()) }
    }
}
