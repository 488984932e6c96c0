//! What a call passes before it begins: held back while its run is paused, then its rate limit, then its turn.
//!
//! A call that was begun before a crash and not answered skips the rate limit, which it has passed once, and goes
//! straight to its probe. What has begun is not stopped here: a pause lets calls in flight end.

use std::collections::{BTreeMap, HashSet};

use interpreter::{Command, Perform};
use journal::{Event as Happened, OpId};
use plan::StepPath;

use crate::driver::Driver;
use crate::run::{Halt, HaltError};
use crate::{EngineError, EventKind};

/// What a paused run holds back.
#[derive(Default)]
pub(crate) struct Gate {
    /// In program order.
    held: BTreeMap<OpId, Box<Perform>>,
    /// Let through by a step, and not begun yet.
    through: HashSet<OpId>,
    /// Begun before a crash, held back, and not wanted any more: still to be answered.
    withdrawn: HashSet<OpId>,
}

impl Driver {
    /// The machine wants a call made.
    pub(crate) fn wants(&mut self, call: Box<Perform>) -> Result<(), EngineError> {
        let Some(call) = self.not_held(call) else { return Ok(()) };
        if call.in_doubt {
            return self.may_begin(call);
        }
        match self.within_limit(call) {
            Some(call) => self.may_begin(call),
            None => Ok(()),
        }
    }

    /// The call has waited for what it had to wait for.
    pub(crate) fn may_begin(&mut self, call: Box<Perform>) -> Result<(), EngineError> {
        // Somebody may have paused the run in the meantime.
        let Some(call) = self.not_held(call) else { return Ok(()) };
        self.gate.through.remove(&call.op);
        if call.in_doubt {
            let op = call.op;
            self.commands.push(Command::Perform(call));
            if self.gate.withdrawn.remove(&op) {
                self.commands.push(Command::Withdraw { op });
            }
            return Ok(());
        }
        self.begin(call)
    }

    /// The call, unless it is held back.
    fn not_held(&mut self, call: Box<Perform>) -> Option<Box<Perform>> {
        if !self.machine.is_paused() || self.gate.through.contains(&call.op) {
            return Some(call);
        }
        self.gate.held.insert(call.op, call);
        None
    }

    /// The call is not to begin any more. One that has begun before a crash has to be answered all the same.
    pub(crate) fn not_wanted(&mut self, op: OpId) {
        if self.gate.held.get(&op).is_some_and(|call| call.in_doubt) {
            self.gate.withdrawn.insert(op);
            return;
        }
        self.gate.held.remove(&op);
        self.gate.through.remove(&op);
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
